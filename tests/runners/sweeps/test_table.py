import sys

import gymnasium as gym
import pytest
from gymnasium.vector import SyncVectorEnv
from sweeping import SMALL

import gymnast
from gymnast.core.errors import UsageError
from gymnast.runners.sweeps.table import Sweep

TINY = {**{name: value for name, value in SMALL["agent"].items() if name != "hidden"}, "num_envs": 2, "preset": "none"}


def test_a_sweep_from_python_is_a_table_of_what_differs(tmp_path):
    def swept():
        tried = [(8,), (4, 4)]
        return gymnast.sweep("ppo", "CartPole-v1", [0, 2], tmp_path, hidden=tried, steps=400, evals=0, **TINY)

    table = swept()
    assert [(row["hidden"], row["seed"]) for row in table] == [((8,), 0), ((8,), 2), ((4, 4), 0), ((4, 4), 2)]
    assert all(row["path"].is_dir() and row["return"] > 0 and row["error"] is None for row in table)
    assert len(table) == 4
    assert len(repr(table).splitlines()) == 6
    assert list(swept()) == list(table)


def test_an_environment_without_a_name_takes_part(tmp_path):
    def swept():
        return gymnast.sweep("ppo", lambda: gym.make("CartPole-v1"), 1, tmp_path, steps=64, evals=1, **TINY)

    (row,) = swept()
    assert row["return"] is not None
    assert list(swept()) == [row]


def test_a_failure_is_warned_of_and_stands_in_its_row(tmp_path):
    with pytest.warns(UserWarning, match="lr=1e38_s0 failed: .*diverged"):
        table = gymnast.sweep("ppo", "CartPole-v1", 1, tmp_path, steps=100, evals=0, hidden=(8,), lr=[1e38], **TINY)
    assert (table[0]["return"], "diverged" in table[0]["error"]) == (None, True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"hidden": [64, 64]}, "hidden holds several numbers"),
        ({"lr": [1e-3, 1e-3]}, "give each value once"),
        ({"seed": 3}, "seeds=3"),
        ({"seeds": 0}, "these are 0 runs"),
        ({"lr": []}, "these are 0 runs"),
        ({"env": SyncVectorEnv([lambda: gym.make("CartPole-v1")])}, "not a VectorEnv"),
        ({"env": "CartPole-v7"}, "does not exist"),
        ({"lrr": [1]}, "no setting 'lrr'"),
    ],
)
def test_what_is_no_sweep_is_refused_in_one_line(tmp_path, given, said):
    with pytest.raises(UsageError, match=said):
        gymnast.sweep("ppo", **{"env": "CartPole-v1", "out": tmp_path, **given})


def test_without_pandas_the_table_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="pip install pandas"):
        Sweep([]).to_pandas()
