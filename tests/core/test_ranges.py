from dataclasses import dataclass
from typing import Annotated

import pytest

from gymnast import agents
from gymnast.core.errors import UsageError, type_hints
from gymnast.core.ranges import Choice, Ladder, Linear, Log, powers, ranges


@dataclass(frozen=True)
class Base:
    lr: Annotated[float, Log(1e-5, 1e-2)] = 1e-3
    size: Annotated[int, "a remark"] = 3
    gamma: float = 0.9


@dataclass(frozen=True)
class Config(Base):
    gamma: Annotated[float, Linear(0.9, 1.0)] = 0.99


def test_a_range_stands_beside_the_type_of_a_field_and_is_inherited():
    assert ranges(Config) == {"lr": Log(1e-5, 1e-2), "gamma": Linear(0.9, 1.0)}
    assert type_hints(Config) == {"lr": float, "size": int, "gamma": float}


def test_powers_are_those_of_two():
    assert powers(3, 40) == Ladder(4, 8, 16, 32)
    assert powers(1, 4) == Ladder(1, 2, 4)


def test_a_range_is_widened_to_hold_a_value():
    assert Linear(0.0, 1.0).holding(2.0, "x") == Linear(0.0, 2.0)
    assert Log(0.1, 1.0).holding(0.01, "x") == Log(0.01, 1.0)
    assert Ladder(1, 4).holding(2, "x").values == (1, 2, 4)
    assert Choice("a").holding(None, "x").values == ("a", None)
    for one in (Linear(0.0, 1.0), Log(0.5, 1.0), Ladder(0.5, 1.0), Choice(1.0)):
        assert one.holding(1.0, "x") == one


@pytest.mark.parametrize(
    ("one", "value"), [(Log(1e-5, 1e-2), 0.0), (Log(1e-5, 1e-2), None), (Linear(0, 1), None), (Ladder(1, 2), True)]
)
def test_a_value_that_no_range_can_hold_is_refused_by_name(one, value):
    with pytest.raises(UsageError, match=r"lr is .*list values to try"):
        one.holding(value, "lr")


def test_a_logarithm_of_nothing_is_refused():
    with pytest.raises(UsageError, match="begins above 0"):
        Log(0.0, 1.0)


@pytest.mark.parametrize("kind", [Linear, Log])
@pytest.mark.parametrize("bounds", [(2.0, 1.0), (1.0, float("inf")), (float("nan"), 1.0), ("a", "b"), (True, 2.0)])
def test_a_range_of_numbers_that_is_none_is_refused(kind, bounds):
    with pytest.raises(UsageError):
        kind(*bounds)


def test_a_choice_of_nothing_is_refused():
    with pytest.raises(UsageError, match="without values"):
        Choice()


@pytest.mark.parametrize(
    "algo", ["a2c", "ddpg", "discrete_sac", "dqn", "ppo", "reinforce", "sac", "tabular", "td3", "trpo"]
)
def test_the_ranges_of_an_algorithm_hold_its_defaults(algo):
    config = agents.load(algo).Config
    assert len(ranges(config)) >= 5
    for name, one in ranges(config).items():
        widened = one.holding(getattr(config(), name), name)
        assert widened == one or isinstance(one, Ladder)  # a default may be a rung of its own
