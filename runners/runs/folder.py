"""The folder of a run: where it is, what lies in it, and that no two runs share one."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from ... import __version__
from ...core.errors import UsageError
from ...core.files import parsed
from . import run as runs
from .run import Run

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]

VIDEOS = (".mp4", ".gif")
_LOCK = ".lock"  # holds the number of the process that trains in the folder
_WRITTEN = (_LOCK, "checkpoints", "metrics.csv.part", "videos")  # beside what is written as a whole


def last(out: Path) -> Path:
    """The newest checkpoint of a run."""
    return out / "checkpoints" / "last.safetensors"


def best(out: Path) -> Path:
    """The checkpoint that evaluated best."""
    return out / "checkpoints" / "best.safetensors"


def newest_video(out: Path) -> Path | None:
    """The newest video in a run's folder; None where there is none, or only what a symlink leads out to."""
    videos = out / "videos"
    if videos.is_symlink() or not videos.is_dir():
        return None
    files = [path for path in videos.iterdir() if path.suffix in VIDEOS and not path.is_symlink()]
    return max(files, key=lambda path: path.stat().st_mtime, default=None)


def evaluations(out: Path) -> list[dict[str, Any]]:
    """The figures that `gymnast evaluate` kept, oldest first; none where they cannot be read."""
    path = out / "eval.json"
    try:
        kept = parsed(path, json.loads) if path.is_file() else []
    except UsageError:
        return []
    return [one for one in (kept if isinstance(kept, list) else [kept]) if isinstance(one, dict)]


def within(given: Iterable[Path]) -> list[Path]:
    """The folders of runs among those `given`: each itself or, where it holds runs and is none, those in it."""
    found: dict[Path, None] = {}
    for out in given:
        inner = [] if (out / "run.json").is_file() else [path.parent for path in out.glob("*/run.json")]
        found |= dict.fromkeys(sorted(inner, key=_counting) or [out])
    return list(found)


def _counting(path: Path) -> list[tuple[str, int]]:
    """A key that sorts s2 before s10."""
    return [(word, int(digits or 0)) for word, digits in re.findall(r"(\D*)(\d*)", path.name)]


def lock(out: Path) -> Path:
    """The file that whoever trains in the folder holds; its number is in it."""
    return out / _LOCK


def claim(out: Path, run: Run, paths: dict[str, str]) -> None:
    """Make `out` the folder of `run`, which is computed along `paths`.

    The caller holds it.

    Raises:
        UsageError: if another run lives there, or nothing can be written there.
    """
    refuse_taken(out)
    with _written(out):
        describe(run, out, paths)


@contextmanager
def held(out: Path) -> Iterator[None]:
    """Make the folder `out` where there is none, and keep other processes from training in it until the end.

    The lock is the system's, so that it ends with this process, however that ends.

    Raises:
        UsageError: if another process holds it, or nothing can be written there.
    """
    refuse_symlinks(out)
    with _written(out):
        out.mkdir(parents=True, exist_ok=True)
        file = lock(out).open("a+")
    with file:
        if fcntl is not None and not _locked(file):
            file.seek(0)
            raise UsageError(f"{out} is in use: process {file.read().strip() or '?'} is training there.")
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def refuse_symlinks(out: Path) -> None:
    """Raise a UsageError where something in the folder of a run leads elsewhere, to where somebody else chose."""
    for path in (out / name for name in _WRITTEN):
        if path.is_symlink():
            raise UsageError(
                f"{path} is a symlink, and nothing is written through one. Put what it leads to in its place."
            )


def _locked(file: IO[str]) -> bool:
    """Whether this process has the lock now; where the file system has none, it goes without."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def _written(out: Path) -> Iterator[None]:
    try:
        yield
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
    if out.exists() and any(path.name != _LOCK for path in out.iterdir()):
        raise UsageError(f"{out} exists and is not empty. Give another --out.")


def default_out(run: Run, what: str = "") -> Path:
    """runs/<algo>-<env>-s<seed>-<time>, or with `what` in place of the seed; an empty folder made for this process."""
    env = runs.env_name(run.env).replace("/", "-").replace(":", "-")
    stem = Path("runs") / f"{run.algo}-{env}-{what or f's{run.seed}'}-{datetime.now():%Y%m%d-%H%M%S}"
    paths = (stem if i == 1 else stem.with_name(f"{stem.name}-{i}") for i in range(1, sys.maxsize))
    return next(path for path in paths if _made(path))


def _made(path: Path) -> bool:
    """Whether the folder was made here and now: of those who try to, one succeeds."""
    with _written(path), suppress(FileExistsError):
        path.mkdir(parents=True)
        return True
    return False


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
