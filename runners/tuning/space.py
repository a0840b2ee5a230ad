"""What is searched: a range for each setting, and how a search writes the values that it draws from them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from ...core import ranges
from ...core.errors import UsageError, fitted, nearest, type_hints
from ...core.ranges import Choice, Ladder, Linear, Log, Range
from ..runs import run as runs
from ..runs.arguments import decoded, encoded
from ..runs.groups import everything, written
from ..runs.run import Run

OF_RUN = ("num_envs",)
"""Settings beside the algorithm's that can be searched: others change the task or how long it is learned."""
_KINDS = {"linear": Linear, "log": Log, "ladder": Ladder, "choice": Choice}

Space = dict[str, Range]
"""Ranges by the full names of settings: agent.lr, num_envs."""


class Draws(Protocol):
    """Draws numbers and words by name, as a trial of optuna does."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float: ...

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int: ...

    def suggest_categorical(self, name: str, choices: list[str]) -> str: ...


def started(run: Run, lists: Mapping[str, Sequence[Any]]) -> Run:
    """The run that a search among listed values begins from: `run`, with the first of those that it has no value of.

    Raises:
        UsageError: if a setting cannot be searched.
    """
    for name in lists:
        _refuse_other(name, run)
    now = everything(run)
    return applied(run, {name: values[0] for name, values in lists.items() if now[name] not in values})


def space(run: Run, lists: Mapping[str, Sequence[Any]], fixed: Collection[str]) -> Space:
    """The space around `run`: the ranges of its Config but for those that are `fixed`, and the values of `lists`.

    Each range holds the value that `run` has, which is tried first.

    Raises:
        UsageError: if that is nothing.
    """
    config: type = type(run.agent)
    declared = {f"agent.{name}": one for name, one in ranges.ranges(config).items()}
    listed = {name: _listed(values) for name, values in lists.items()}
    found = {name: one for name, one in declared.items() if name not in fixed} | listed
    if not found:
        but = " but of what is given" if declared else ""
        raise UsageError(
            f"there is nothing to search: the Config of {run.algo} has no ranges{but}. List values to try, as in "
            "--agent.lr 1e-3,3e-4, or annotate fields of the Config (docs/tuning.md)."
        )
    now = everything(run)
    return {name: one.holding(now[name], name) for name, one in found.items()}


def _listed(values: Sequence[Any]) -> Range:
    """The range of values that a user lists: numbers have an order."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return Ladder(*values) if numbers else Choice(*values)


def _refuse_other(name: str, run: Run) -> None:
    """Raise a UsageError if the setting of this name cannot be searched."""
    config: type = type(run.agent)
    known = [f"agent.{field}" for field in type_hints(config) if not field.endswith("_dir")]
    if name not in (*known, *OF_RUN):
        raise UsageError(
            f"{name} is not searched: a search is among settings of the algorithm (agent.FIELD) and "
            f"{', '.join(OF_RUN)}.{nearest(name, known)}"
        )


def draw(trial: Draws, found: Space, run: Run) -> dict[str, Any]:
    """A value for each setting, from what `trial` draws."""
    now = everything(run)
    return {name: value(one, _drawn(trial, name, one, isinstance(now[name], int))) for name, one in found.items()}


def _drawn(trial: Draws, name: str, one: Range, whole: bool) -> float | str:
    match one:
        case Ladder():
            return trial.suggest_int(name, 0, len(one.values) - 1)
        case Choice():
            return trial.suggest_categorical(name, list(map(written, one.values)))
        case _ if whole:
            return trial.suggest_int(name, int(one.low), int(one.high), log=isinstance(one, Log))
        case _:
            return trial.suggest_float(name, one.low, one.high, log=isinstance(one, Log))


def value(one: Range, drawn: Any) -> Any:
    """The value that `drawn` stands for in a range: a ladder is drawn by its rung, a choice by how it is written."""
    match one:
        case Ladder():
            return one.values[drawn]
        case Choice():
            return next(value for value in one.values if written(value) == drawn)
        case _ if isinstance(drawn, bool) or not isinstance(drawn, int | float):
            raise TypeError(f"{drawn!r:.40} is no number")
        case _:
            return drawn


def mark(one: Range, value: Any) -> float | str:
    """The number or word that stands for a value of a range; undoes `value`."""
    match one:
        case Ladder():
            return one.values.index(value)
        case Choice():
            return written(value)
        case _:
            number: float = value
            return number


def applied(run: Run, values: Mapping[str, Any]) -> Run:
    """`run` with other values of the settings that are searched.

    Raises:
        UsageError: if they do not go together.
    """
    inner = {name.removeprefix("agent."): value for name, value in values.items() if name.startswith("agent.")}
    outer = {name: value for name, value in values.items() if not name.startswith("agent.")}
    return replace(run, agent=runs.configure(type(run.agent), inner, "the trial", run.agent), **outer)


def as_json(found: Space) -> dict[str, Any]:
    """A space as JSON holds it."""
    kinds = {kind: name for name, kind in _KINDS.items()}
    return {name: {kinds[type(one)]: encoded(_bounds(one))} for name, one in found.items()}


def _bounds(one: Range) -> list[Any]:
    return [one.low, one.high] if isinstance(one, Linear | Log) else list(one.values)


def read(content: Any, run: Run) -> Space:
    """The space that `as_json` wrote, for trials of `run`.

    Raises:
        UsageError: if it is none.
    """
    if not isinstance(content, dict) or not content:
        raise UsageError("it says nothing of what is searched")
    found: Space = {}
    for name, entry in content.items():
        _refuse_other(name, run)
        try:
            ((kind, bounds),) = entry.items()
            one = _KINDS[kind](*decoded(bounds))
            for item in one.values if isinstance(one, Ladder | Choice) else ():
                hash(item)  # lists and tables are no values of settings
                fitted(item, _hint(name, run), name)
            found[name] = one.holding(everything(run)[name], name)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as problem:
            raise UsageError(f"{name} has no range: {entry!r:.60}") from problem
    return found


def _hint(name: str, run: Run) -> Any:
    """The type of a setting that is searched."""
    config: type = type(run.agent) if name.startswith("agent.") else Run
    return type_hints(config)[name.removeprefix("agent.")]
