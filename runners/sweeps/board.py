"""One live table of many runs; a line for each that ends, where there is no terminal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.live import Live
from rich.table import Table

from ..training.logging import short
from .plan import Planned

_ORDER = ("running", "failed", "interrupted", "waiting", "done", "pruned")
_COLORS = {
    "running": "cyan",
    "failed": "red",
    "interrupted": "yellow",
    "waiting": "dim",
    "done": "green",
    "pruned": "dim",
}
_METRICS = {
    "episode/return": "return",
    "eval/return": "evaluation",
    "strength/elo": "Elo",
    "speed/steps_per_second": "steps/s",
}
_FRAME = 6  # lines of the table beside its rows


State = Literal["waiting", "running", "done", "failed", "interrupted", "pruned"]


@dataclass
class Standing:
    """How far a run of a sweep is."""

    planned: Planned
    out: Path
    state: State = "waiting"
    steps: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    """The latest ones of those shown."""
    error: str = ""
    """What made it fail, in one line."""
    code: int = 0
    """The exit code that this means."""


class Board:
    """Shows where the runs of a sweep stand; a context manager."""

    def __init__(
        self, standings: Sequence[Standing], quiet: bool, counted: Callable[[Standing], str] | None = None
    ) -> None:
        """`standings` may grow; `counted` says how many of how many are done, seen from a run, if not of these."""
        self._standings, self._counted = standings, counted or self._of_all
        self._console = Console(quiet=quiet, highlight=False)
        live = self._console.is_terminal and not quiet
        self._live = Live(get_renderable=self._table, console=self._console, refresh_per_second=4) if live else None

    def __enter__(self) -> "Board":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def changed(self, one: Standing) -> None:
        """A run has begun or ended."""
        if self._live or one.state == "running":
            return
        numbers = [f"{text} {short(one.metrics[key])}" for key, text in _METRICS.items() if key in one.metrics]
        line = [f"[{self._counted(one)}] {one.planned.name}: {one.state}", f"{one.steps:,} steps", *numbers]
        self._console.print("  ".join(line), soft_wrap=True, markup=False)

    def _of_all(self, _: Standing) -> str:
        return f"{sum(one.state == 'done' for one in self._standings)}/{len(self._standings)}"

    def _table(self) -> Table:
        """All runs or, where the screen is lower, those that matter first."""
        shown = list(self._standings)
        room = max(1, self._console.height - _FRAME)
        counts = {state: sum(one.state == state for one in shown) for state in _ORDER}
        caption = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        if len(shown) > room:
            shown = sorted(shown, key=lambda one: _ORDER.index(one.state))[:room]
        columns = [key for key in _METRICS if any(key in one.metrics for one in self._standings)]
        table = Table(caption=caption, caption_justify="left")
        table.add_column("run", overflow="fold")
        for name in ("steps", *(_METRICS[key] for key in columns)):
            table.add_column(name, justify="right")
        table.add_column("state")
        for one in shown:
            numbers = [_number(key, one.metrics.get(key)) for key in columns]
            state = f"[{_COLORS[one.state]}]{one.state}[/]"
            table.add_row(one.planned.name, f"{one.steps:,} / {one.planned.run.steps:,}", *numbers, state)
        return table


def _number(key: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if key == "speed/steps_per_second" else short(value)
