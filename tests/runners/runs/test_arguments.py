"""Arguments of environments come back from the file of a run as they were, types and all."""

import json

import numpy as np
import pytest

from gymnast.core.errors import UsageError
from gymnast.runners.runs import run as runs
from gymnast.runners.runs.arguments import decoded

VALUES = [
    *(None, True, 3, 2**70, 0.1, float("inf"), "007", "é"),
    *(
        (),
        (1, 2),
        [(1,), [2]],
        {1: "one"},
        {"a": {(0, 1): [None]}},
        {"tuple": [1]},
        {"dict": []},
        {"tuple": (1,), 2: 3},
    ),
]


def same(a, b):
    return a == b and repr(a) == repr(b)


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_a_value_survives(value, tmp_path):
    run = runs.preset("ppo", "CartPole-v1", env_args={"x": value}, eval_args={"y": [value]})
    runs.save(run, tmp_path / "run.json")
    read = runs.load(tmp_path / "run.json")
    assert same(read.env_args, {"x": value})
    assert same(read.eval_args, {"y": [value]})


@pytest.mark.parametrize(
    ("given", "taken"), [(np.float32(0.5), 0.5), (np.bool_(True), True), ([np.int8(3)], [3]), (np.str_("a"), "a")]
)
def test_scalars_of_numpy_become_pythons(given, taken):
    run = runs.preset("ppo", "CartPole-v1", env_args={"x": given, "y": {np.int64(1): given}})
    assert same(run.env_args, {"x": taken, "y": {1: taken}})


@pytest.mark.parametrize(
    "odd", [np.zeros(2), {1}, b"x", 1j, print, object(), np.longdouble(1)], ids=lambda x: type(x).__name__
)
def test_what_no_file_holds_is_refused_when_it_is_given(odd):
    for value in (odd, [1, (odd,)], {"a": odd}):
        with pytest.raises(UsageError, match="env_args: x is or holds"):
            runs.preset("ppo", "CartPole-v1", env_args={"x": value})


def test_a_key_that_is_no_name_is_refused():
    with pytest.raises(UsageError, match="3 is not the name of an argument"):
        runs.preset("ppo", "CartPole-v1", env_args={3: 4})


@pytest.mark.parametrize(
    "crafted", [{"dict": [[[], 1]]}, {"dict": [1]}, {"dict": [[1, 2, 3]]}, json.loads("[" * 300 + "]" * 300)], ids=str
)
def test_crafted_arguments_are_refused(crafted, tmp_path):
    path = tmp_path / "run.json"
    runs.save(runs.preset("ppo", "CartPole-v1"), path)
    content = json.loads(path.read_text())
    content["run"]["env_args"] = {"x": crafted}
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError, match="is damaged"):
        runs.load(path)


def test_what_an_older_gymnast_wrote_is_read_as_it_is():
    assert decoded({"size": [1, 2], "name": {"a": 1}}) == {"size": [1, 2], "name": {"a": 1}}
