"""What a search has found, as a picture: its history, trials as they learned, and how much each setting mattered."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from ...core.errors import UsageError
from ...core.files import write_whole
from ...core.ranges import Choice, Ladder, Log, Range
from ..runs.groups import written
from .outcome import Outcome
from .space import Space
from .study import Record

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

_SETTINGS = 6  # with a curve of their own
_COLUMNS = 3
_LOOKS = {"done": "o", "pruned": "x"}
_NEAR = 0.3  # share of the trials that a curve is a mean of at each place


def draw(found: Outcome, space: Space, out: Path) -> None:
    """Write the picture.

    Raises:
        UsageError: if it cannot be written.
    """
    names = list(found.importances or space)[:_SETTINGS]
    rows = 1 + -(-len(names) // _COLUMNS)
    figure, axes = plt.subplots(rows, _COLUMNS, figsize=(13, 3.6 * rows), constrained_layout=True, squeeze=False)
    panels: list[Axes] = list(axes.flat)
    _history(panels[0], found)
    _learning(panels[1], found)
    _importances(panels[2], found.importances)
    for panel, name in zip(panels[_COLUMNS:], names, strict=False):
        _setting(panel, name, space[name], [one for one in found.records if one.state in _LOOKS])
    for panel in panels[_COLUMNS + len(names) :]:
        panel.set_visible(False)
    image = BytesIO()
    figure.savefig(image, dpi=150)
    plt.close(figure)
    try:
        write_whole(out, image.getvalue())
    except OSError as problem:
        raise UsageError(f"cannot write {out}: {problem.strerror}") from problem


def _history(axes: Axes, found: Outcome) -> None:
    """The return of each trial, and the best one so far."""
    for state, look in _LOOKS.items():
        chosen = {one.number: one.score for one in found.records if one.state == state and one.score is not None}
        axes.plot(list(chosen), list(chosen.values()), look, label=state, alpha=0.7)
        if state == "done":
            best = np.maximum.accumulate(list(chosen.values()))
            axes.step(list(chosen), best, where="post", color="black", linewidth=1, label="best so far")
    failed = [one.number for one in found.records if one.state == "failed"]
    if failed:
        axes.plot(failed, [0.02] * len(failed), "r|", transform=axes.get_xaxis_transform(), label="failed")
    axes.set(title="history", xlabel="trial", ylabel="return")
    axes.legend(frameon=False, fontsize="small")


def _learning(axes: Axes, found: Outcome) -> None:
    """The evaluations of all trials; the winner's stand out."""
    for one in found.records:
        if one.curve:
            at, scores = zip(*sorted(one.curve.items()), strict=True)
            won = one.number == found.winner.number
            axes.plot(at, scores, color="C3" if won else "C0", alpha=1.0 if won else 0.3, linewidth=2 if won else 0.8)
    axes.set(title=f"as they learned (red: trial {found.winner.number})", xlabel="evaluation", ylabel="return")


def _importances(axes: Axes, found: dict[str, float]) -> None:
    names = [name.removeprefix("agent.") for name in reversed(found)]
    axes.barh(names, list(reversed(found.values())))
    axes.set(title="importance", xlabel="share")


def _setting(axes: Axes, name: str, one: Range, records: Sequence[Record]) -> None:
    """The returns over the values of a setting, with their mean at near values."""
    chosen = [record for record in records if name in record.values and record.score is not None]
    at = np.array([_place(one, record.values[name]) for record in chosen], float)
    scores = np.array([record.score for record in chosen], float)
    for state, look in _LOOKS.items():
        where = np.array([record.state == state for record in chosen], bool)
        axes.plot(at[where], scores[where], look, alpha=0.6)
    places = np.unique(at)
    axes.plot(places, [_mean_near(place, at, scores, one) for place in places], color="black", linewidth=1)
    if isinstance(one, Log):
        axes.set_xscale("log")
    if isinstance(one, Ladder | Choice):
        axes.set_xticks(range(len(one.values)), [written(value) for value in one.values], rotation=30, fontsize="small")
    axes.set(title=name.removeprefix("agent."), ylabel="return")


def _mean_near(place: float, at: Any, scores: Any, one: Range) -> float:
    """The mean return of the trials at a place or, where places are numbers without steps, of those nearest to it."""
    if isinstance(one, Ladder | Choice):
        return float(scores[at == place].mean())
    distance = np.abs(np.log(at / place)) if isinstance(one, Log) else np.abs(at - place)
    return float(scores[np.argsort(distance, kind="stable")[: max(1, round(_NEAR * len(at)))]].mean())


def _place(one: Range, value: Any) -> float:
    """Where a value stands on the axis."""
    return one.values.index(value) if isinstance(one, Ladder | Choice) else value
