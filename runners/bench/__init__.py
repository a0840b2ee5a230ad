"""Measurements beside the peer in one run: alternating, one torch thread each, medians and ratios."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from statistics import median
from time import perf_counter

from ...core.errors import UsageError, nearest
from ...core.registry import Registry

SUITES = (
    *("engine", "buffers", "train", "ppo", "recurrent", "pg", "dqn", "sac"),
    *("returns", "bc", "memory", "search", "start"),
)
LEARNING = "learning"
"""The suite that has arguments of its own, see `learning.py`."""

_registry = Registry(__name__, Path(__file__).parent, "suite")

HEADER = "| what | unit | gymnast | peer | ratio | limit |\n|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Row:
    """One thing measured on both sides, `repeats` times each."""

    what: str
    unit: str
    ours: list[float]
    peer: list[float]
    peer_name: str
    """Name of a library or of a target."""
    higher_is_better: bool = True
    note: str = ""
    limits: dict[str, list[float]] = field(default_factory=dict)
    """Speed of the machine without anything but the work itself, in the same unit, by description."""
    signed: bool = False
    """Whether figures can be negative; then their difference is shown, because a ratio means nothing."""

    @property
    def ratio(self) -> float | None:
        """How many times better ours is, by medians; None where that means nothing."""
        if self.signed:
            return None
        ours, peer = median(self.ours), median(self.peer)
        return ours / peer if self.higher_is_better else peer / ours

    @property
    def verdict(self) -> str:
        """How much better ours is, by medians."""
        return f"{median(self.ours) - median(self.peer):+,.0f}" if self.signed else f"{self.ratio:.2f}x"


def catalogue() -> str:
    """All suites, with one line each."""
    return "\n".join(f"  {name:10} {_registry.summary(name)}" for name in (*SUITES, LEARNING))


def bench(suite: str, repeats: int, as_json: bool) -> Iterator[str]:
    """The table of a suite, line by line as it is measured, or all of it as JSON.

    Raises:
        UsageError: for an unknown suite, or if the peer is not installed.
    """
    if suite not in SUITES:
        raise UsageError(f"unknown suite {suite!r}.{nearest(suite, SUITES)} Known: {', '.join(SUITES)}.")
    if repeats < 1:
        raise UsageError(f"repeats is {repeats}; it must be at least 1")
    with peer_needed():
        module = import_module(f".{suite}", __name__)
    with one_thread(), peer_needed():
        if as_json:
            yield json.dumps([{**asdict(row), "ratio": row.ratio} for row in module.measure(repeats)])
            return
        yield HEADER
        yield from map(line, module.measure(repeats))


def alternate(repeats: int, *sides: Callable[[int], float]) -> list[list[float]]:
    """`repeats` figures of each side in turns, so that all meet the same conditions of the machine."""
    figures: list[list[float]] = [[] for _ in sides]
    for i in range(repeats):
        for side, measured in zip(sides, figures, strict=True):
            measured.append(side(i))
    return figures


def rate(work: Callable[[], float], seconds: float) -> Callable[[int], float]:
    """A side for `alternate`: amount per second of `work`, which returns how much it did, over about `seconds`.

    Calls it once right now, so that everything is compiled and allocated.
    """
    work()

    def measured(_: int) -> float:
        done, began = 0.0, perf_counter()
        while (passed := perf_counter() - began) < seconds or not done:
            done += work()
        return done / passed

    return measured


def duration(work: Callable[[], object], seconds: float, calls: int = 1, scale: float = 1e6) -> Callable[[int], float]:
    """A side for `alternate`: seconds that one call of `work` takes, times `scale`; `calls` at a time are timed."""

    def several() -> int:
        for _ in range(calls):
            work()
        return calls

    speed = rate(several, seconds)
    return lambda i: scale / speed(i)


def line(row: Row) -> str:
    """A row as Markdown: medians, with the least and the most in brackets."""
    note = f" ({row.note})" if row.note else ""
    limits = "; ".join(f"{what} {_span(figures)}" for what, figures in row.limits.items())
    peer = f"{row.peer_name} {_span(row.peer)}"
    return f"| {row.what}{note} | {row.unit} | {_span(row.ours)} | {peer} | {row.verdict} | {limits} |"


def _span(values: list[float]) -> str:
    if len(values) == 1:
        return short(values[0])
    return f"{short(median(values))} [{short(min(values))}, {short(max(values))}]"


def short(value: float) -> str:
    """A figure with three digits, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


@contextmanager
def peer_needed() -> Iterator[None]:
    """Tell how to install the peer if it is missing."""
    try:
        yield
    except ImportError as problem:
        raise UsageError(f'the peer is not installed ({problem.name}): pip install "gymnast[bench]"') from problem


@contextmanager
def one_thread() -> Iterator[None]:
    """One torch thread, as on one core."""
    import torch  # not above: worker processes import this package for its slow environment

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
