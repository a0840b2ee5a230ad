"""Time from starting a command until it has done its first work, with compiled code on the disk and without."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from time import perf_counter, sleep

from ...core.errors import TrainingError
from . import Row, alternate

_GYMNAST = (sys.executable, "-m", "gymnast")
_TRAIN = ("CartPole-v1", "--quiet", "--evals", "0", "--out")
_PREDICT = "import sys, gymnast; gymnast.load(sys.argv[1]).predict([0.0, 0.0, 0.0, 0.0])"
_LONGEST = 300.0  # seconds that a first update may take


def measure(repeats: int) -> Iterator[Row]:
    """Seconds of each command, beside those where nothing is compiled yet."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        saved = root / "saved"
        _until_it_ends((*_GYMNAST, "train", "ppo", *_TRAIN, str(saved), "--steps", "2048"), root / "kept")
        commands = {
            "`gymnast --version`": (*_GYMNAST, "--version"),
            "`gymnast list`": (*_GYMNAST, "list"),
            "`gymnast.load(...).predict`": (sys.executable, "-c", _PREDICT, str(saved)),
        }
        for what, command in commands.items():
            yield _row(what, repeats, root, partial(_until_it_ends, command))
        for algo in ("ppo", "dqn"):
            yield _row(
                f"`gymnast train {algo} CartPole-v1`, first update", repeats, root, partial(_until_it_learns, algo)
            )


def _row(what: str, repeats: int, root: Path, seconds: Callable[[Path], float]) -> Row:
    """`seconds` takes the folder of compiled code: one that is kept, and by then holds all, or a new one."""
    seconds(root / "kept")
    sides = (lambda _: seconds(root / "kept")), (lambda _: seconds(Path(mkdtemp(dir=root))))
    kept, new = alternate(repeats, *sides)
    return Row(what, "s", kept, new, "nothing compiled", higher_is_better=False)


def _until_it_ends(command: Sequence[str], compiled: Path) -> float:
    began = perf_counter()
    subprocess.run(command, env=_beside(compiled), check=True, capture_output=True)
    return perf_counter() - began


def _until_it_learns(algo: str, compiled: Path) -> float:
    """Seconds until training has written a row of metrics with a loss."""
    out = Path(mkdtemp(dir=compiled.parent)) / "run"
    began = perf_counter()
    with subprocess.Popen((*_GYMNAST, "train", algo, *_TRAIN, str(out)), env=_beside(compiled)) as training:
        while not _learned(out / "metrics.csv"):
            if training.poll() is not None or perf_counter() - began > _LONGEST:
                raise TrainingError(f"{algo} did not learn within {_LONGEST:.0f} seconds")
            sleep(0.005)
        took = perf_counter() - began
        training.kill()
    return took


def _learned(metrics: Path) -> bool:
    return metrics.is_file() and "loss/" in metrics.read_text()


def _beside(compiled: Path) -> dict[str, str]:
    """The variables of a process that keeps compiled code in this folder."""
    return {**os.environ, "NUMBA_CACHE_DIR": str(compiled)}
