"""Measurements beside the peer in one run: alternating, one torch thread each, medians and ratios."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from statistics import median

import torch

from ...core.errors import UsageError, nearest

SUITES = ("ppo",)


@dataclass(frozen=True)
class Row:
    """One thing measured on both sides, `repeats` times each."""

    what: str
    unit: str
    ours: list[float]
    peer: list[float]
    peer_name: str
    higher_is_better: bool = True
    note: str = ""

    @property
    def ratio(self) -> float:
        """How many times better ours is, by medians."""
        ours, peer = median(self.ours), median(self.peer)
        return ours / peer if self.higher_is_better else peer / ours


def bench(suite: str, repeats: int, as_json: bool) -> str:
    """The table of a suite, as text or JSON.

    Raises:
        UsageError: for an unknown suite, or if the peer is not installed.
    """
    if suite not in SUITES:
        raise UsageError(f"unknown suite {suite!r}.{nearest(suite, SUITES)} Known: {', '.join(SUITES)}.")
    if repeats < 1:
        raise UsageError(f"repeats is {repeats}; it must be at least 1")
    try:
        module = import_module(f".{suite}", __name__)
    except ModuleNotFoundError as problem:
        raise UsageError(f'the peer is not installed ({problem.name}): pip install "gymnast[bench]"') from problem
    with _one_thread():
        rows = list(module.measure(repeats))
    if as_json:
        return json.dumps([{**asdict(row), "ratio": row.ratio} for row in rows])
    return table(rows)


def alternate(
    repeats: int, ours: Callable[[int], float], peer: Callable[[int], float]
) -> tuple[list[float], list[float]]:
    """`repeats` figures of each side in turns, so that both see the same moods of the machine."""
    figures: tuple[list[float], list[float]] = ([], [])
    for i in range(repeats):
        figures[0].append(ours(i))
        figures[1].append(peer(i))
    return figures


def table(rows: list[Row]) -> str:
    """Rows as Markdown: medians, with the least and the most in brackets."""
    lines = ["| what | unit | gymnast | peer | ratio |", "|---|---|---|---|---|"]
    for row in rows:
        note = f" ({row.note})" if row.note else ""
        peer = f"{row.peer_name} {_span(row.peer)}"
        lines.append(f"| {row.what}{note} | {row.unit} | {_span(row.ours)} | {peer} | {row.ratio:.2f}x |")
    return "\n".join(lines)


def _span(values: list[float]) -> str:
    return f"{_short(median(values))} [{_short(min(values))}, {_short(max(values))}]"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
