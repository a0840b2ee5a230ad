"""Learning curves of runs, with intervals over seeds."""

from collections import defaultdict
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray

from ...core.errors import UsageError, nearest
from ...core.learn.stats import bootstrap_interval
from ..runs import run as runs
from ..training.logging import read

matplotlib.use("Agg")
from matplotlib import pyplot as plt

_POINTS = 200  # places along the axis at which seeds are compared


def plot(folders: list[Path], out: Path, metric: str) -> None:
    """Draw `metric` over steps: one line (mean) and band (95 % bootstrap) per algorithm and environment.

    Raises:
        UsageError: if a folder is no run or has no such metric.
    """
    if not folders:
        raise UsageError("which runs? For example: gymnast plot runs/*")
    groups: dict[tuple[str, str], list[tuple[NDArray, NDArray]]] = defaultdict(list)
    for folder in folders:
        run = runs.load(folder / "run.json")
        groups[run.algo, run.env].append(_curve(folder, metric))
    figure, axes = plt.subplots(figsize=(8, 5), constrained_layout=True)
    for (algo, env), curves in sorted(groups.items()):
        grid = np.linspace(max(x[0] for x, _ in curves), min(x[-1] for x, _ in curves), _POINTS)
        values = np.array([np.interp(grid, x, y) for x, y in curves])
        seeds = f"{len(curves)} seeds" if len(curves) > 1 else "1 seed"
        alone = "o" if grid[0] == grid[-1] else None  # one row of metrics is a point, which a line would not show
        (line,) = axes.plot(grid, values.mean(0), marker=alone, label=f"{algo} on {env} ({seeds})")
        if len(curves) > 1:
            low, high = np.array([bootstrap_interval(column) for column in values.T]).T
            axes.fill_between(grid, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set(xlabel="environment steps", ylabel=metric)
    axes.xaxis.set_major_formatter(matplotlib.ticker.EngFormatter(sep=""))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(out, dpi=150)
    except (OSError, ValueError) as problem:
        raise UsageError(f"cannot write {out}: {problem}") from problem
    finally:
        plt.close(figure)


def _curve(folder: Path, metric: str) -> tuple[NDArray, NDArray]:
    rows = read(folder / "metrics.csv")
    points = [(row["step"], row[metric]) for row in rows if metric in row]
    if not points:
        known = sorted({name for row in rows for name in row if "/" in name})
        raise UsageError(
            f"{folder} has no metric {metric!r}.{nearest(metric, known)} Known: {', '.join(known) or 'none yet'}."
        )
    steps, values = np.array(points).T
    return steps, values
