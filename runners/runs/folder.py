"""The folder of a run: where it is, what lies in it, and that no two runs share one."""

import os
import subprocess
import sys
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from ... import __version__
from ...core.errors import UsageError
from . import run as runs
from .run import Run


def last(out: Path) -> Path:
    """The newest checkpoint of a run."""
    return out / "checkpoints" / "last.safetensors"


def best(out: Path) -> Path:
    """The checkpoint that evaluated best."""
    return out / "checkpoints" / "best.safetensors"


def claim(out: Path, run: Run, paths: dict[str, str]) -> None:
    """Make `out` the folder of `run`, which is computed along `paths`.

    Raises:
        UsageError: if another run lives there, or nothing can be written there.
    """
    refuse_taken(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        describe(run, out, paths)
    except OSError as problem:
        raise UsageError(f"cannot write to the folder {out}: {problem.strerror}. Give another --out.") from problem


def refuse_taken(out: Path) -> None:
    """Raise a UsageError where something is that is no empty folder."""
    if (out / "run.json").exists():
        raise UsageError(
            f"{out} already holds a run. Go on with it (gymnast train --resume {out}) or give another --out."
        )
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file, not a folder. Give another --out.")
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} exists and is not empty. Give another --out.")


def default_out(run: Run) -> Path:
    """runs/<algo>-<env>-s<seed>-<time>, not taken yet."""
    env = runs.env_name(run.env).replace("/", "-").replace(":", "-")
    stem = Path("runs") / f"{run.algo}-{env}-s{run.seed}-{datetime.now():%Y%m%d-%H%M%S}"
    paths = (stem if i == 1 else stem.with_name(f"{stem.name}-{i}") for i in range(1, sys.maxsize))
    return next(path for path in paths if not path.exists())


def describe(run: Run, out: Path, paths: dict[str, str]) -> None:
    """Write the run into its folder, with what it was made with."""
    packages = ("gymnasium", "torch", "numpy", "numba")
    versions = {"gymnast": __version__, "python": sys.version.split()[0]} | {name: version(name) for name in packages}
    runs.save(run, out / "run.json", paths=paths, versions=versions, git=_git(), command=sys.argv)


def _git() -> str | None:
    """The commit of this source tree, if it is one."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", os.fspath(root), "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or None
