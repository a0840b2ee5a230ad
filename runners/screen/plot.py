"""Learning curves of runs, with intervals over seeds."""

from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray

from ...core.errors import UsageError
from ..runs import run as runs
from ..runs.folder import within
from ..runs.groups import Group, grouped
from ..runs.run import Run
from ..training.curves import FEWEST, Curve, curve, pooled
from ..training.logging import read

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_LABELS = {"steps": "environment steps", "seconds": "seconds", "cpu": "seconds of a processor, evaluation left out"}


def plot(folders: list[Path], out: Path, metric: str, by: str | None = None, over: str = "steps") -> list[str]:
    """Draw `metric` over one of `AXES`: a line (mean) and band (95 %) for runs that differ in their seed alone.

    With one or two seeds each is a thin line: an interval of two is wider than the picture. Where not all runs of a
    group have come, the mean of those that have is dashed. Returns remarks about what was left out or looks wrong.

    Raises:
        UsageError: if no folder is a run with such a metric, or the picture cannot be written.
    """
    if not folders:
        raise UsageError("which runs? For example: gymnast plot runs/*")
    curves, refusals = _curves(folders, metric, over)
    if not curves:
        raise refusals[0]
    groups = grouped([(folder, run) for folder, (run, _) in curves.items()], by)
    figure, axes = plt.subplots(figsize=(8, 5), constrained_layout=True)
    for group in groups:
        draw(axes, f"{group.name} ({group.count})", [curves[folder][1] for folder in group.folders])
    label(axes, metric, over)
    axes.legend(frameon=False)
    save(figure, out)
    ends = [remark for group in groups for remark in _uneven(group)]
    return [f"left out: {refusal}" for refusal in refusals] + ends + [r for group in groups for r in group.remarks()]


def label(axes: Axes, metric: str, over: str) -> None:
    """Say what the axes are."""
    axes.set(xlabel=_LABELS[over], ylabel=metric)
    axes.xaxis.set_major_formatter(matplotlib.ticker.EngFormatter(sep=""))
    axes.grid(alpha=0.3)


def save(figure: Figure, out: Path) -> None:
    """Write the picture, and forget it.

    Raises:
        UsageError: if it cannot be written.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(out, dpi=150)
    except (OSError, ValueError) as problem:
        raise UsageError(f"cannot write {out}: {problem}") from problem
    finally:
        plt.close(figure)


def _curves(folders: list[Path], metric: str, over: str) -> tuple[dict[Path, tuple[Run, Curve]], list[UsageError]]:
    """The curve of each run that has one, and why the others have none."""
    curves, refusals = {}, []
    for folder in within(folders):
        try:
            curves[folder] = runs.load(folder / "run.json"), curve(folder, metric, over)
        except UsageError as refusal:
            refusals.append(refusal)
    return curves, refusals


def draw(axes: Axes, label: str, curves: list[Curve]) -> None:
    """The mean of curves, with a band where all of them are."""
    at, mean, whole, low, high = pooled(curves)
    (line,) = axes.plot(at, np.where(whole, mean, np.nan), label=label)
    color = line.get_color()
    if not whole.all():
        axes.plot(at, np.where(_widened(~whole), mean, np.nan), "--", color=color)
    for x, y in curves:
        if len(x) == 1:  # a point, which a line would not show
            axes.plot(x, y, "o", color=color)
        elif 1 < len(curves) < FEWEST:
            axes.plot(x, y, color=color, alpha=0.4, linewidth=0.8)
    if low is not None and high is not None:
        axes.fill_between(at[whole], low[whole], high[whole], color=color, alpha=0.2, linewidth=0)


def _widened(where: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`where` and the places beside it, so that lines meet."""
    return where | np.append(where[1:], False) | np.append(False, where[:-1])


def _uneven(group: Group) -> Iterator[str]:
    """Remarks about the runs of a group that have not come as far as they should, where that changes the line."""
    last = {folder: int(read(folder / "metrics.csv")[-1]["step"]) for folder in group.folders}
    for folder, run in zip(group.folders, group.runs, strict=True):
        if last[folder] < 0.9 * max(last.values()):
            yield f"{folder} has {last[folder]:,} of {run.steps:,} steps; its group's line is dashed beyond"
