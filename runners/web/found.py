"""Folders of runs beneath others, and how far each has come; read again only where they have changed."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from ...core.errors import UsageError
from ..runs import run as runs
from ..runs.folder import lock
from ..runs.run import Run
from ..training.logging import read

_DEPTH = 4  # folders between a root and a run


@dataclass(frozen=True)
class Found:
    """A run as it is now."""

    name: str
    """Its folder, as seen from where the runs are."""
    folder: Path
    run: Run
    rows: list[dict[str, float]]
    """The rows of its metrics.csv."""
    held: bool
    """Whether the process that trained there last still lives."""

    @property
    def steps(self) -> int:
        """Environment steps so far."""
        return int(self.rows[-1]["step"]) if self.rows else 0

    @property
    def status(self) -> str:
        """training, finished or stopped."""
        if self.steps >= self.run.steps:
            return "finished"
        return "training" if self.held else "stopped"

    def latest(self, metric: str) -> float | None:
        """The last value of a metric, or None."""
        return next((row[metric] for row in reversed(self.rows) if metric in row), None)


class Finder:
    """Finds runs beneath `roots`, each a folder of runs or of one run."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self.roots = list(dict.fromkeys(roots))
        self._runs: dict[Path, tuple[Any, Run]] = {}
        self._rows: dict[Path, tuple[Any, list[dict[str, float]]]] = {}

    def find(self) -> tuple[list[Found], list[str]]:
        """All runs, in the order of their names, and what was left out, with the reason."""
        found, left_out = [], []
        for root in self.roots:
            for folder in _folders(root, _DEPTH):
                name = str(folder.relative_to(root)) if folder != root else folder.name
                try:
                    found.append(self._one(f"{root.name}/{name}" if len(self.roots) > 1 else name, folder))
                except (UsageError, OSError) as problem:
                    left_out.append(str(problem))
        return sorted(found, key=lambda one: one.name), left_out

    def _one(self, name: str, folder: Path) -> Found:
        path, table = folder / "run.json", folder / "metrics.csv"
        if _changed(self._runs, path):
            self._runs[path] = _stamp(path), runs.load(path)
        if not table.is_file():
            rows: list[dict[str, float]] = []
        else:
            if _changed(self._rows, table):
                self._rows[table] = _stamp(table), read(table)
            rows = self._rows[table][1]
        return Found(name, folder, self._runs[path][1], rows, _held(folder))


def _held(folder: Path) -> bool:
    """Whether the process whose number is in the lock lives, and is no later one of that number.

    The lock itself is not tried: who tries it has it for a moment.
    """
    path = lock(folder)
    try:
        return psutil.Process(int(path.read_text())).create_time() <= path.stat().st_mtime
    except (OSError, ValueError, OverflowError, psutil.Error):
        return False


def _changed(known: dict[Path, tuple[Any, Any]], path: Path) -> bool:
    return path not in known or known[path][0] != _stamp(path)


def _stamp(path: Path) -> tuple[int, int]:
    now = path.stat()
    return now.st_mtime_ns, now.st_size


def _folders(root: Path, depth: int) -> Iterator[Path]:
    """Folders that hold a run.json, not within one another, nor behind symlinks."""
    if (root / "run.json").is_file():
        yield root
    elif depth:
        try:
            with os.scandir(root) as entries:
                inner = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        except OSError:
            return
        for name in inner:
            yield from _folders(root / name, depth - 1)
