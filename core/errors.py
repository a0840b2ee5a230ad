"""The two errors that a user may meet, and the exit code each one means; the checks of settings that raise one.

Every setting is checked here: an algorithm's `Config`, a `Run`, the arguments of a command.
"""

import difflib
from collections.abc import Iterable
from dataclasses import fields
from functools import cache
from math import inf, isfinite
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


class UsageError(ValueError):
    """Wrong input: what was given, why it cannot be used, what to do. Exit code 2."""

    exit_code = 2


class TrainingError(RuntimeError):
    """Failure during work (a loss that is not finite, a dead worker). Exit code 1; the last checkpoint stays."""

    exit_code = 1


DIVERGED = (
    "learning has diverged. A smaller agent.lr or agent.max_grad_norm, or normalised observations and rewards, "
    "often help."
)


def one_line(problem: BaseException, where: str) -> str:
    """What went wrong, for people, with what was noted about it; for a surprise also `where` its traceback is."""
    known = hasattr(problem, "exit_code")
    text = str(problem) if known else f"{type(problem).__name__}: {problem}"
    notes = getattr(problem, "__notes__", [])  # where the last checkpoint is; a worker's traceback is of many lines
    short = [note for note in notes if "\n" not in note]
    if not known or len(short) < len(notes):
        text += f" ({where})"
    text = " ".join(text.split())
    return " ".join([text if not short or text.endswith((".", "!", "?")) else f"{text}.", *short])


def nearest(word: str, known: Iterable[str]) -> str:
    """' Did you mean X?' for the known name nearest to `word`, or '' when none is near."""
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f" Did you mean {by_lower[close[0]]!r}?" if close else ""


def check_ranges(
    config: Any, *, positive: Iterable[str] = (), unit: Iterable[str] = (), at_least_0: Iterable[str] = ()
) -> None:
    """Raise UsageError where a field of the dataclass `config` is not what its annotation says, or out of range.

    The lists name fields that must be above 0, in [0, 1], or at least 0; in a tuple each number must. None is in every
    range. A number must be finite, and a whole one fit into 64 bits.
    """
    check_types(config)
    for name, value in _numbers(config, positive):
        if value <= 0:
            least = "at least 1" if isinstance(value, int) else "above 0"
            raise UsageError(f"{name} is {value}; it must be {least}")
    for name, value in _numbers(config, unit):
        if not 0 <= value <= 1:
            raise UsageError(f"{name} is {value}; it must be between 0 and 1")
    for name, value in _numbers(config, at_least_0):
        if value < 0:
            raise UsageError(f"{name} is {value}; it must be at least 0")


def check_types(config: Any) -> None:
    """Raise UsageError where a field of the dataclass `config` is not what its annotation says.

    A number of NumPy's becomes Python's.
    """
    kind: type = type(config)
    hints = type_hints(kind)
    for f in fields(config):
        object.__setattr__(config, f.name, fitted(getattr(config, f.name), hints[f.name], f.name))


@cache
def type_hints(config: type) -> dict[str, Any]:
    """The annotation of each field of a dataclass."""
    return get_type_hints(config)


def fitted(value: Any, hint: Any, where: str) -> Any:
    """`value` as the type that `hint` names: whole numbers become floats, lists become tuples; nothing else changes.

    Raises:
        UsageError: says `where` the value is if it is of another type, not finite, or too large.
    """
    origin, options = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        kinds = [option for option in options if option is not NoneType]
        return (
            value if len(kinds) > 1 or (value is None and len(kinds) < len(options)) else fitted(value, kinds[0], where)
        )
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(fitted(item, options[0], where) for item in value)
    if origin is Literal:
        if value in options:
            return value
        raise UsageError(f"{where} is {value!r}; it must be {' or '.join(map(repr, options))}")
    kind = origin or hint
    if not isinstance(kind, type) or kind is Any:
        return value
    if kind in (int, float):
        return _number(value, kind, where)
    if not isinstance(value, kind):
        raise UsageError(f"{where} is {value!r}; it must be {kind.__name__}")
    return value


def _number(value: Any, kind: type, where: str) -> int | float:
    """`value` as an int or a float; a truth value is neither."""
    if isinstance(value, bool) or not isinstance(value, Integral if kind is int else Real):
        raise UsageError(f"{where} is {value!r}; it must be {kind.__name__}")
    try:
        number: int | float = kind(value)
    except OverflowError:  # a whole number beyond the largest float
        number = inf
    if kind is float and not isfinite(number):
        raise UsageError(f"{where} is {value}; it must be finite")
    if kind is int and not _LEAST <= number <= _MOST:
        raise UsageError(f"{where} is beyond 64 bits; the largest whole number is {_MOST:,}")
    return number


_LEAST, _MOST = -(2**63), 2**63 - 1


def _numbers(config: Any, names: Iterable[str]) -> Iterable[tuple[str, Any]]:
    """The numbers in the fields called `names`, each with its field's name."""
    for name in names:
        value = getattr(config, name)
        yield from ((name, item) for item in (value if isinstance(value, tuple) else (value,)) if item is not None)
