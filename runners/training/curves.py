"""Curves of runs: what they logged over steps or seconds, smoothed, and pooled over seeds."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...core.errors import UsageError, nearest
from ...core.learn.stats import mean_interval
from .logging import read

AXES = {"steps": "step", "seconds": "speed/seconds", "cpu": "speed/cpu_seconds"}
"""Columns that a curve may be drawn over."""
POINTS = 200
"""Places along the axis at which seeds are compared."""
FEWEST = 3
"""Seeds that get an interval: one of two is wider than any picture."""

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Places on the axis, and values there."""


class Pooled(NamedTuple):
    """Several curves at the same places (P,)."""

    at: NDArray[np.float64]
    mean: NDArray[np.float64]
    """The mean of those that have come there; nan where none has."""
    whole: NDArray[np.bool_]
    """Whether all have come there."""
    low: NDArray[np.float64] | None
    """The 95 % interval of the mean (Student's t), nan where not all have come; None for fewer than `FEWEST`."""
    high: NDArray[np.float64] | None


def curve(folder: Path, metric: str, over: str = "steps") -> Curve:
    """The values of `metric` that a run logged, over one of `AXES`.

    Raises:
        UsageError: if it logged none.
    """
    return curve_of(read(folder / "metrics.csv"), metric, over, folder)


def curve_of(rows: Sequence[dict[str, float]], metric: str, over: str, folder: Path) -> Curve:
    """`curve`, of the rows of a metrics.csv that were read."""
    points = [(row[AXES[over]], row[metric]) for row in rows if metric in row and AXES[over] in row]
    if not points:
        missing = AXES[over] if any(metric in row for row in rows) else metric
        known = sorted({name for row in rows for name in row if "/" in name})
        raise UsageError(
            f"{folder} has no metric {missing!r}.{nearest(missing, known)} Known: {', '.join(known) or 'none yet'}."
        )
    places, values = np.array(points).T
    return places, values


def smoothed(curve: Curve, weight: float) -> Curve:
    """With an exponential moving average in place of values: each has `weight` for what came before it, from 0 to 1.

    Its beginning is not drawn to 0 (Kingma and Ba 2014, arXiv:1412.6980, §3).
    """
    places, values = curve
    if not weight:
        return curve
    average, out = 0.0, np.empty_like(values)
    for i, value in enumerate(values):
        average = weight * average + (1 - weight) * value
        out[i] = average / (1 - weight ** (i + 1))
    return places, out


def pooled(curves: Sequence[Curve]) -> Pooled:
    """The mean of curves between the first place and the last one, with its interval where all of them are."""
    grid = np.linspace(min(x[0] for x, _ in curves), max(x[-1] for x, _ in curves), POINTS)
    values = np.array([np.interp(grid, x, y, left=np.nan, right=np.nan) for x, y in curves])
    count = (~np.isnan(values)).sum(0)
    mean = np.where(count, np.nansum(values, 0) / np.maximum(count, 1), np.nan)
    whole = count == len(curves)
    if len(curves) < FEWEST or not whole.any():
        return Pooled(grid, mean, whole, None, None)
    low, high = np.full((2, len(grid)), np.nan)
    low[whole], high[whole] = np.array([mean_interval(column) for column in values.T[whole]]).T
    return Pooled(grid, mean, whole, low, high)
