"""Checks of settings: every field of every algorithm's Config, and of one's own."""

import dataclasses
from dataclasses import dataclass
from typing import Literal, Optional

import numpy as np
import pytest

from gymnast import agents
from gymnast.core.errors import UsageError, check_ranges, fitted, one_line, type_hints
from gymnast.runners.runs.run import Run

CONFIGS = {algo: agents.load(algo).Config for algo in agents.names()}
FIELDS = [(algo, name, hint) for algo, config in CONFIGS.items() for name, hint in type_hints(config).items()]
NUMBERS = [(algo, name) for algo, name, hint in FIELDS if hint in (int, float, int | None, float | None)]
ANY_SIGN = {"log_std_init", "initial", "target_entropy"}


def ids(values):
    return [f"{algo} {name}" for algo, name, *_ in values]


@pytest.mark.parametrize(("algo", "name"), NUMBERS, ids=ids(NUMBERS))
def test_every_number_of_every_algorithm_has_a_range(algo, name):
    for bad in (float("nan"), float("inf"), "1", True, *(() if name in ANY_SIGN else (-1,))):
        with pytest.raises(UsageError, match=name):
            CONFIGS[algo](**{name: bad})


OTHERS = [field for field in FIELDS if field[:2] not in NUMBERS and field[2] != str | None]


@pytest.mark.parametrize(("algo", "name", "hint"), OTHERS, ids=ids(OTHERS))
def test_every_other_field_is_of_its_type(algo, name, hint):
    with pytest.raises(UsageError, match=name):
        CONFIGS[algo](**{name: "no"})


@dataclass(frozen=True)
class Plain:
    """A Config of one's own, which checks nothing."""

    rate: float = 0.1
    rounds: int = 1
    loud: bool = False
    widths: tuple[int, ...] = (8,)
    kind: Literal["a", "b"] = "a"
    limit: Optional[float] = None  # noqa: UP045 (as others write it)
    either: int | str = 1
    table: dict[str, int] = dataclasses.field(default_factory=dict)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": float("nan")},
        {"rate": "fast"},
        {"rate": True},
        {"rounds": 1.5},
        {"rounds": 2**63},
        {"rate": 10**400},
        {"loud": "no"},
        {"loud": 1},
        {"widths": (8, 0.5)},
        {"widths": 8},
        {"kind": "c"},
        {"limit": float("inf")},
    ],
)
def test_a_config_of_ones_own_is_checked_by_its_annotations(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Run("mine", "CartPole-v1", Plain(**wrong))


def test_a_config_of_ones_own_may_say_what_cannot_be_checked():
    Run("mine", "CartPole-v1", Plain(limit=2, either="x", table={"a": 1}))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"positive": ("rate",)}, "rate is 0.0; it must be above 0"),
        ({"positive": ("rounds",)}, "rounds is 0; it must be at least 1"),
        ({"positive": ("widths",)}, "widths is 0; it must be at least 1"),
        ({"unit": ("limit",)}, "limit is 2.0; it must be between 0 and 1"),
    ],
)
def test_a_range_is_told_as_a_person_says_it(wrong, told):
    with pytest.raises(UsageError) as refusal:
        check_ranges(Plain(rate=0.0, rounds=0, widths=(4, 0), limit=2.0), **wrong)
    assert str(refusal.value) == told


def test_none_is_in_every_range():
    check_ranges(Plain(), positive=("limit",), unit=("limit",), at_least_0=("limit",))


def test_numbers_of_numpy_become_those_of_python():
    found = (
        fitted(np.float32(0.5), float, "x"),
        fitted(np.int64(3), int, "x"),
        fitted([np.int32(1)], tuple[int, ...], "x"),
    )
    assert found == (0.5, 3, (1,))
    assert [type(found[0]), type(found[1]), type(found[2][0])] == [float, int, int]


def test_what_was_noted_of_an_error_is_a_sentence_of_its_own():
    for text in ("the disk is full", "the disk is full."):
        problem = UsageError(text)
        problem.add_note("Nothing is lost.")
        assert one_line(problem, "there") == "the disk is full. Nothing is lost."
    assert one_line(UsageError("the disk is full"), "there") == "the disk is full"
