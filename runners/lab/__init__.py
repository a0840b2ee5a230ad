"""Experiments: each tests one claim of the theory and shows a table, a figure and whether the claim held.

Dropping a file in this folder registers it under its name. The first line of its docstring states the claim; the rest
says how it is tested and where it comes from. `experiment(seed) -> Finding` tests it, in less than two minutes.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from ...core.errors import UsageError
from ...core.registry import Registry
from ..screen.table import table

_registry = Registry(__name__, Path(__file__).parent, "experiment")
names, summary = _registry.names, _registry.summary


@dataclass(frozen=True)
class Finding:
    """Result of an experiment."""

    columns: Sequence[str]
    """Headings of the table."""
    rows: Sequence[Sequence[Any]]
    """Its lines: words, truth values and numbers."""
    checks: dict[str, bool]
    """The sentences of the claim, with the figures that decide, and whether each is true."""
    draw: Callable[[Any], None]
    """Draws into an empty matplotlib figure of 8 x 5 inches."""

    @property
    def held(self) -> bool:
        """Whether the whole claim held."""
        return all(self.checks.values())


@dataclass(frozen=True)
class Report:
    """A finding, and the run that led to it."""

    name: str
    seed: int
    finding: Finding
    figure: Path
    """The picture that was written."""
    seconds: float

    def text(self) -> str:
        """For people."""
        finding = self.finding
        verdict = "held" if finding.held else "did NOT hold"
        checks = (f"  {'yes' if true else 'NO '}  {sentence}" for sentence, true in finding.checks.items())
        last = f"The claim {verdict} (seed {self.seed}, {self.seconds:.0f} s). Figure: {self.figure}"
        return "\n".join([*table(finding.columns, finding.rows), "", *checks, "", last])

    def to_json(self) -> str:
        """For programs: one object."""
        finding = self.finding
        told = {
            "experiment": self.name,
            "claim": summary(self.name),
            "held": finding.held,
            "checks": finding.checks,
            "rows": [dict(zip(finding.columns, row, strict=True)) for row in finding.rows],
            "figure": str(self.figure),
            "seed": self.seed,
            "seconds": self.seconds,
        }
        return json.dumps(told, default=lambda number: number.item())  # NumPy's


def catalogue() -> str:
    """All experiments, with one line each."""
    return "\n".join(f"  {name:14} {summary(name)}" for name in names())


def find(name: str, seed: int) -> Finding:
    """The result of an experiment.

    Raises:
        UsageError: for an unknown one.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)  # small networks: more threads only get in each other's way
    try:
        return _registry.load(name).experiment(seed)
    finally:
        torch.set_num_threads(before)


def run(name: str, seed: int, out: Path | None) -> Report:
    """Run an experiment and write its figure to `out`, into `out` if that is a folder, or to lab-NAME.png.

    Raises:
        UsageError: for an unknown experiment, or if the figure cannot be written.
    """
    out = Path() if out is None else out
    out = out / f"lab-{name}.png" if out.is_dir() else out
    began = perf_counter()
    finding = find(name, seed)
    seconds = perf_counter() - began
    _picture(finding, summary(name), out)
    return Report(name, seed, finding, out, seconds)


def _picture(finding: Finding, title: str, out: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(8, 5), layout="constrained")
    try:
        finding.draw(figure)
        figure.suptitle(title, fontsize="medium", wrap=True)
        out.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(out, dpi=150)
    except (OSError, ValueError) as problem:
        raise UsageError(f"cannot write {out}: {problem}") from problem
    finally:
        plt.close(figure)
