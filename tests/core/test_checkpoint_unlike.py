"""A state of another part than it is given to, with a checksum that is right, is refused as it is restored."""

import numpy as np
import pytest
import torch

from gymnast.core import checkpoint


class Owner:
    def __init__(self):
        self.count, self.owed, self.on, self.mean, self.table = 3, -3, True, 0.5, np.zeros((2, 3))
        self.unused = None


def parts():
    names = "count", "owed", "on", "mean", "table", "unused"
    return {"net": torch.nn.Linear(3, 2), "rows": np.zeros(4), "own": checkpoint.Attributes(Owner(), *names)}


@pytest.mark.parametrize(
    ("part", "name", "value", "said"),
    [
        ("net", "weight", np.zeros((2, 4), np.float32), "shape"),
        ("net", "weight", np.zeros((2, 3)), "no array of float32"),
        ("net", "weight", np.full((2, 3), np.nan, np.float32), "not finite"),
        ("net", "weight", 1.0, "no array"),
        ("own", "count", -1, "count is -1"),
        ("own", "count", 2**53 + 1, "count is"),
        ("own", "count", 10**400, "count is"),
        ("own", "count", 1.5, "count is 1.5"),
        ("own", "owed", -(2**53) - 1, "owed is"),
        ("own", "on", 1, "on is not true or false"),
        ("own", "mean", "x", "mean is no number"),
        ("own", "table", np.zeros(3), "no array of float64 with 2 axes"),
        ("own", "table", np.zeros((2, 3), np.int64), "no array of float64"),
        ("own", "table", np.zeros((2, 4)), r"table is of shape \(2, 4\)"),
        ("own", "unused", 1.0, "unused is 1.0, not None"),
    ],
)
def test_what_is_unlike_a_part_is_refused(part, name, value, said):
    tree = checkpoint.state(parts())
    checkpoint.restore(parts(), tree)
    tree[part][name] = value
    with pytest.raises((ValueError, TypeError), match=said):
        checkpoint.restore(parts(), tree)


@pytest.mark.parametrize("part", ["net", "own"])
def test_what_lacks_something_is_refused(part):
    tree = checkpoint.state(parts())
    name = next(iter(tree[part]))
    del tree[part][name]
    with pytest.raises(ValueError, match=f"it lacks {name}"):
        checkpoint.restore(parts(), tree)
    with pytest.raises(ValueError, match="it lacks"):
        checkpoint.restore(parts(), tree | {part: []})


@pytest.mark.parametrize("rows", [np.zeros(3), np.zeros(4, np.int64), np.full(4, np.inf), [0.0] * 4])
def test_an_array_takes_its_own_shape_type_and_finite_numbers_alone(rows):
    with pytest.raises(ValueError, match="it is"):
        checkpoint.restore({"rows": np.zeros(4)}, {"rows": rows})


def test_what_was_not_finite_before_may_be_so_again():
    own = np.full(2, -np.inf)
    checkpoint.restore({"rows": own}, {"rows": np.array([1.0, np.inf])})
    assert own.tolist() == [1.0, np.inf]


def test_a_count_is_a_whole_number_that_somebody_can_have_counted():
    assert checkpoint.counted(2**53) == 2**53
    for value in (-1, 2**53 + 1, 1.0, True, "1", None):
        with pytest.raises(ValueError, match="is no count"):
            checkpoint.counted(value)


def test_weights_are_held_to_those_of_their_network():
    own = torch.nn.Linear(3, 2).state_dict()
    saved = {name: x.numpy() for name, x in own.items()}
    assert torch.equal(checkpoint.weights(own, saved)["bias"], own["bias"])
    with pytest.raises(ValueError, match="shape"):
        checkpoint.weights(own, saved | {"bias": np.zeros(3, np.float32)})


def test_a_truth_value_is_one_byte_of_0_or_1(tmp_path):
    two = np.array([2], np.uint8).view(np.bool_)
    checkpoint.save(tmp_path / "last", {"on": two})
    with pytest.raises(ValueError, match="not a whole checkpoint"):
        checkpoint.load(tmp_path / "last")
