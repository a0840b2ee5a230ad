"""What a search has found, for people: tables on the screen."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from ..runs.groups import written
from ..training.logging import short
from .outcome import Outcome
from .study import Record

_BEST = 5  # trials whose settings are shown
_BAR = 30  # characters
NOTHING = "-"


def show(found: Outcome) -> None:
    """Print the finalists, the settings of the best trials, and the importances."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(_finalists(found))
    console.print(_settings(found))
    if found.importances:
        console.print(_importances(found.importances))
    for line in summary(found):
        console.print(line, markup=False)


def summary(found: Outcome) -> Iterator[str]:
    """What came of the search, in words."""
    counts = {state: sum(one.state == state for one in found.records) for state in ("done", "pruned", "failed")}
    yield f"{len(found.records)} trials: " + ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    best, before = found.winner, found.before
    name = "the setting that the search began from" if best.number == 0 else f"trial {best.number}"
    yield f"best: {name}, return {_number(best.mean)}: {found.how}"
    if before is not None and before is not best:
        was = "a run of it failed on these seeds" if before.mean is None else f"return {_number(before.mean)}"
        yield f"the setting that the search began from, on the same seeds: {was}"


def _finalists(found: Outcome) -> Table:
    table = Table(title="finalists", title_justify="left")
    for name in ("trial", f"seed {found.seed}, searched", *(f"seed {seed}" for seed in found.seeds), "mean of these"):
        table.add_column(name, justify="right")
    for one in found.finalists:
        scores = [_number(final.score) if final.score is not None else "failed" for final in one.finals]
        table.add_row(str(one.number), _number(one.record.score), *scores, _number(one.mean))
    return table


def _settings(found: Outcome) -> Table:
    """The settings of the finalists, and of the best trials beside them."""
    ranked = sorted((one for one in found.records if one.state == "done"), key=lambda one: -(one.score or 0.0))
    chosen = {one.number: one for one in (*(one.record for one in found.finalists), *ranked[:_BEST])}
    table = Table(title="settings of the best trials", title_justify="left")
    table.add_column("trial")
    for number in chosen:
        table.add_column(str(number), justify="right")
    table.add_row(f"return, seed {found.seed}", *(_number(one.score) for one in chosen.values()))
    for name in found.winner.record.values:
        table.add_row(name.removeprefix("agent."), *(_setting(one, name) for one in chosen.values()))
    return table


def _importances(found: dict[str, float]) -> Table:
    table = Table(title="importance of settings (PED-ANOVA)", title_justify="left", show_header=False)
    for name, share in found.items():
        table.add_row(name.removeprefix("agent."), f"{share:.0%}", "█" * round(_BAR * share))
    return table


def _setting(one: Record, name: str) -> str:
    value: Any = one.values.get(name)
    return written(float(f"{value:.3g}") if isinstance(value, float) else value)


def _number(value: float | None) -> str:
    return NOTHING if value is None else short(value)


def rows(found: Sequence[Record]) -> list[dict[str, Any]]:
    """A row for each trial: its settings by their short names, what became of it, and its return."""
    return [
        {
            "trial": one.number,
            **{name.removeprefix("agent."): value for name, value in one.values.items()},
            "state": one.state,
            "return": one.score,
            "error": one.error or None,
        }
        for one in found
    ]
