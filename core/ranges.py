"""What `gymnast tune` tries for a field of a Config: a range that stands beside the field's type.

    lr: Annotated[float, Log(1e-5, 1e-2)] = 3e-4
    gamma: Annotated[float, DISCOUNTS] = 0.99

Fields without a range stay as the preset has them.
"""

from dataclasses import dataclass
from functools import cache
from math import isfinite
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from .errors import UsageError


@dataclass(frozen=True)
class Linear:
    """Numbers between two bounds, all of them equally likely at first."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check(self.low, self.high)

    def holding(self, value: Any, name: str) -> "Linear":
        """The same range, widened to hold the `value` of the field `name`."""
        number = _number(value, name)
        return Linear(min(self.low, number), max(self.high, number))

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Log:
    """Numbers between two bounds above 0, all orders of magnitude equally likely at first."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check(self.low, self.high)
        if self.low <= 0:
            raise UsageError(f"a logarithmic range begins above 0, not at {self.low:g}; use Linear or Ladder")

    def holding(self, value: Any, name: str) -> "Log":
        """The same range, widened to hold the `value` of the field `name`."""
        number = _number(value, name)
        if number <= 0:
            raise UsageError(f"{name} is {value}, from which no logarithmic range begins; list values to try instead")
        return Log(min(self.low, number), max(self.high, number))

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}, logarithmic"


@dataclass(frozen=True, init=False)
class Ladder:
    """Numbers in an order, of which neighbours do alike."""

    values: tuple[float, ...]

    def __init__(self, *values: float) -> None:
        object.__setattr__(self, "values", tuple(sorted(values)))

    def holding(self, value: Any, name: str) -> "Ladder":
        """The same ladder, with a rung for the `value` of the field `name`."""
        number = _number(value, name)
        return self if number in self.values else Ladder(*self.values, value)

    def __str__(self) -> str:
        return _listed(self.values)


@dataclass(frozen=True, init=False)
class Choice:
    """Values without an order."""

    values: tuple[Any, ...]

    def __init__(self, *values: Any) -> None:
        if not values:
            raise UsageError("a choice without values leaves nothing to try")
        object.__setattr__(self, "values", values)

    def holding(self, value: Any, name: str) -> "Choice":
        """The same choice, with the `value` of the field `name` among its values."""
        return self if value in self.values else Choice(*self.values, value)

    def __str__(self) -> str:
        return _listed(self.values)


Range = Linear | Log | Ladder | Choice


def powers(low: int, high: int) -> Ladder:
    """The powers of two from `low` to `high`."""
    return Ladder(*(1 << k for k in range((low - 1).bit_length(), high.bit_length())))


DISCOUNTS = Ladder(0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
"""Values of gamma, which counts by its distance to 1."""
LAMBDAS = Ladder(0.8, 0.9, 0.95, 0.98, 1.0)
"""Values of lambda of GAE."""
ENTROPIES = Ladder(0.0, 1e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1)
"""Weights of an entropy bonus, none among them."""


@cache
def ranges(config: type) -> dict[str, Range]:
    """The range of each field of a dataclass that has one."""
    hints = get_type_hints(config, include_extras=True).items()
    found = {name: _range(hint) for name, hint in hints if get_origin(hint) is Annotated}
    return {name: one for name, one in found.items() if one is not None}


def _range(hint: Any) -> Range | None:
    return next((one for one in get_args(hint)[1:] if isinstance(one, Range)), None)


def _check(low: float, high: float) -> None:
    """Raise a UsageError if no range of numbers lies between these bounds."""
    for bound in (low, high):
        if not isfinite(_number(bound, "a bound")):
            raise UsageError(f"a range of numbers ends at {bound}; it must be finite")
    if low > high:
        raise UsageError(f"a range of numbers goes up, not from {low:g} to {high:g}")


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"{name} is {value}, which lies in no range of numbers; list values to try instead")
    return value


def _listed(values: tuple[Any, ...]) -> str:
    return ", ".join(" ".join(map(str, value)) if isinstance(value, tuple) else str(value) for value in values)
