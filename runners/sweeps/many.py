"""Runs side by side, each in a process of its own, at most as many at a time as there are cores."""

import os
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import Protocol

import cloudpickle

from ...core.errors import UsageError, check_ranges
from ...core.learn.stats import iqm, iqm_interval
from ...envs.threads import cores
from ..runs.folder import held
from ..runs.groups import Group, grouped
from ..runs.signals import interruptible
from .board import Board, Standing
from .children import Child, nursery
from .job import Job
from .plan import LOGS, Planned

FINAL = {
    "eval/return": "last evaluation",
    "strength/elo": "last Elo",
    "episode/return": "last 100 episodes of training",
}
"""What runs are compared by: the first of these metrics that all have."""
_LOOK = 0.2  # seconds between looks at whether a signal has come


@dataclass(frozen=True)
class How:
    """How the runs of a sweep are made; nothing of it changes what they learn."""

    jobs: int | None = None
    """Runs at a time; None: one for each core."""
    quiet: bool = False
    track: tuple[str, ...] = ()
    """Trackers that each run logs to."""

    def __post_init__(self) -> None:
        check_ranges(self, positive=("jobs",))


def conduct(plan: Sequence[Planned], out: Path, how: How) -> list[Standing]:
    """Make all runs of the plan in folders within `out`, those that have stopped from there on; what became of each.

    The first signal that stops a run stops them all, and each is saved; a second Ctrl-C ends them at once. A run that
    fails leaves the others alone.

    Raises:
        UsageError: if another process works in one of the folders, or nothing can be written there.
    """
    standings = [Standing(one, out / one.name) for one in plan]
    for path in (out / LOGS, *(one.out for one in standings)):
        if path.is_symlink():
            raise UsageError(f"{path} is a symlink, and nothing is written through one. Put a folder in its place.")
    jobs = how.jobs or cores()
    with held(out), interruptible(how.quiet) as stop, Board(standings, how.quiet) as board:
        (out / LOGS).mkdir(exist_ok=True)
        Conductor(_Listed(standings), min(jobs, len(plan)), how.track, stop, board).run()
    with suppress(OSError):  # it holds what runs printed
        (out / LOGS).rmdir()
    return standings


def _log(one: Standing) -> Path:
    """The file for what a run prints."""
    return one.out.parent / LOGS / f"{one.planned.name}.txt"


class Work(Protocol):
    """Runs to make, and what is to become of them."""

    @property
    def more(self) -> bool:
        """Whether another run may have to be made."""
        ...

    def next(self) -> Standing | None:
        """The next run to begin; None if there is none at present."""
        ...

    def heard(self, one: Standing, row: Mapping[str, float]) -> bool:
        """Take note of the metrics that a run has told; whether it is to go on."""
        ...

    def ended(self, one: Standing) -> None:
        """Take note of what became of a run."""
        ...


class _Listed:
    """Runs that are known from the start, and are made to their ends."""

    def __init__(self, standings: Sequence[Standing]) -> None:
        self._waiting = deque(standings)

    @property
    def more(self) -> bool:
        return bool(self._waiting)

    def next(self) -> Standing | None:
        return self._waiting.popleft() if self._waiting else None

    def heard(self, one: Standing, row: Mapping[str, float]) -> bool:
        return True

    def ended(self, one: Standing) -> None:
        """A list does not change."""


class Conductor:
    """Starts runs as others end, and hears what they tell."""

    def __init__(self, work: Work, jobs: int, track: tuple[str, ...], stop: list[int], board: Board) -> None:
        self._work, self._jobs, self._track = work, jobs, track
        self._stop, self._board = stop, board
        self._running: dict[Child, Standing] = {}
        self._ears = DefaultSelector()

    def run(self) -> None:
        """Until all runs have ended, or all that had begun when a signal came."""
        stopped = False
        try:
            while self._running or (self._work.more and not self._stop):
                while len(self._running) < self._jobs and not self._stop and (one := self._work.next()):
                    self._begin(one)
                if self._stop and not stopped:
                    stopped = True
                    for child in self._running:
                        child.stop()
                for key, _ in self._ears.select(_LOOK):
                    self._hear(key.data)
        except BaseException:
            for child in self._running:
                child.kill()
            raise
        finally:
            for child in self._running:
                child.socket.close()
            self._ears.close()

    def _begin(self, one: Standing) -> None:
        job = Job(
            run=cloudpickle.dumps(one.planned.run),
            out=one.out,
            log=_log(one),
            track=self._track,
            command=one.planned.command and (*one.planned.command, "--out", str(one.out)),
            cores=max(1, cores() // self._jobs),
            path=tuple(sys.path),
            cwd=os.getcwd(),
            environ=dict(os.environ),
        )
        child = nursery().child(job)
        self._running[child] = one
        self._ears.register(child.socket, EVENT_READ, child)
        one.state = "running"
        self._board.changed(one)

    def _hear(self, child: Child) -> None:
        one = self._running[child]
        try:
            for told in child.heard():
                row = told.pop("metrics", {})
                one.metrics |= row
                for name, value in told.items():
                    setattr(one, name, value)
                if not self._work.heard(one, row):
                    child.stop()
        except EOFError:
            self._ears.unregister(child.socket)
            child.socket.close()
            del self._running[child]
            if one.state == "running":  # it went without a word
                stopped = bool(self._stop)
                one.state = "interrupted" if stopped else "failed"
                one.error = "" if stopped else "its process was killed; is there enough memory? Fewer --jobs need less"
                one.code = int(not stopped)
            log = _log(one)
            if log.is_file() and not log.stat().st_size:
                log.unlink()
            self._work.ended(one)
            self._board.changed(one)


def final(standings: Sequence[Standing]) -> tuple[str, dict[Path, float]]:
    """The metric by which the runs that are done are compared, one of `FINAL`, and its last value in each of them."""
    done = [one for one in standings if one.state == "done"]
    metric = next((name for name in FINAL if all(name in one.metrics for one in done)), "eval/return")
    return metric, {one.out: one.metrics[metric] for one in done if metric in one.metrics}


def pooled(standings: Sequence[Standing]) -> list[tuple[Group, list[float]]]:
    """Groups of the runs that are done and differ in nothing but their seeds, each with its final figures."""
    _, figures = final(standings)
    found = [(one.out, one.planned.run) for one in standings if one.out in figures]
    return [(group, [figures[out] for out in group.folders]) for group in grouped(found)]


def middle(values: Sequence[float]) -> str:
    """The interquartile mean with its bootstrap interval, which a single value does not have."""
    if len(values) < 2:
        return f"{values[0]:.2f}"
    low, high = iqm_interval([values])
    return f"iqm {iqm(values):.2f}  95% [{low:.2f}, {high:.2f}] (bootstrap)"


def failures(standings: Sequence[Standing]) -> dict[str, list[str]]:
    """What went wrong: the names of the runs by the error that they failed with."""
    found: dict[str, list[str]] = {}
    for one in standings:
        if one.state == "failed":
            found.setdefault(one.error, []).append(one.planned.name)
    return found
