import json

import numpy as np
import pytest

from gymnast import agents
from gymnast.core.errors import UsageError
from gymnast.core.ranges import Choice, Ladder, Log, ranges
from gymnast.runners.runs import run as runs
from gymnast.runners.runs.groups import everything
from gymnast.runners.tuning.space import applied, as_json, draw, mark, read, space, started, value


class Dice:
    """Draws at random, the ends of ranges among others."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def suggest_float(self, name, low, high, *, log=False):
        if self.random.random() < 0.2:
            return float(self.random.choice([low, high]))
        return float(np.exp(self.random.uniform(np.log(low), np.log(high))) if log else self.random.uniform(low, high))

    def suggest_int(self, name, low, high, *, log=False):
        return int(self.random.integers(low, high + 1))

    def suggest_categorical(self, name, choices):
        return choices[self.random.integers(len(choices))]


SEARCHED = [algo for algo in agents.names() if ranges(agents.load(algo).Config)]
PRESETS = [(algo, name) for algo in SEARCHED for name in ("none", *runs.presets(algo))]


def test_the_usual_algorithms_say_what_is_searched():
    assert {"ppo", "a2c", "dqn", "trpo", "reinforce", "sac", "td3"} <= set(SEARCHED)


@pytest.mark.parametrize(("algo", "name"), PRESETS, ids=[f"{algo} {name}" for algo, name in PRESETS])
def test_whatever_is_drawn_from_a_preset_on_is_a_valid_run(algo, name):
    run = runs.preset(algo, "CartPole-v1", name)
    found = space(run, {}, [])
    dice = Dice(0)
    for _ in range(30):
        values = draw(dice, found, run)
        drawn = everything(applied(run, values))  # whose Config checks itself
        assert {setting: drawn[setting] for setting in values} == values
        for setting, one in values.items():
            assert type(one) is type(everything(run)[setting])
            assert value(found[setting], mark(found[setting], one)) == one


RUN = runs.preset("ppo", "CartPole-v1", "none")


def test_a_range_is_widened_by_the_preset_and_left_out_by_what_is_given():
    run = runs.preset("ppo", "CartPole-v1", "none", lr=0.5, horizon=100)
    found = space(run, {}, ["agent.gamma"])
    assert found["agent.lr"] == Log(1e-5, 0.5)
    assert 100 in found["agent.horizon"].values
    assert "agent.gamma" not in found


def test_listed_values_are_tried_in_place_of_what_is_declared():
    lists = {"agent.lr": [0.1, 0.01], "agent.hidden": [(8,), (4, 4)], "num_envs": [4, 8]}
    run = started(RUN, lists)
    assert (run.agent.lr, run.agent.hidden, run.num_envs) == (0.1, (8,), 8)
    found = space(run, lists, [])
    assert found["agent.lr"] == Ladder(0.01, 0.1)
    assert found["agent.hidden"] == Choice((8,), (4, 4))
    assert applied(run, {"agent.hidden": (4, 4), "num_envs": 4}).num_envs == 4


@pytest.mark.parametrize("name", ["steps", "seed", "env.size", "agent.lrr", "agent.replay_dir", "wrappers"])
def test_what_is_no_setting_of_the_algorithm_is_not_searched(name):
    with pytest.raises(UsageError, match=f"{name} is not searched"):
        started(RUN, {name: [1, 2]})


def test_an_algorithm_that_declares_nothing_is_refused_in_one_line():
    with pytest.raises(UsageError, match=r"the Config of bc has no ranges\. List values to try") as refusal:
        space(runs.preset("bc", "CartPole-v1"), {}, [])
    assert "\n" not in str(refusal.value)
    declared = [f"agent.{name}" for name in ranges(agents.load("ppo").Config)]
    with pytest.raises(UsageError, match="no ranges but of what is given"):
        space(RUN, {}, declared)


def test_a_space_is_read_back_as_it_was_written():
    found = space(RUN, {"agent.hidden": [(64, 64), (8,)], "agent.norm": ["none", "layer"]}, [])
    assert read(json.loads(json.dumps(as_json(found))), RUN) == found


@pytest.mark.parametrize(
    "content",
    [
        None,
        {},
        {"agent.lr": None},
        {"agent.lr": {"log": [1e-3]}},
        {"agent.lr": {"log": ["a", "b"]}},
        {"agent.lr": {"eval": [1, 2]}},
        {"agent.lr": {"log": [-1, 2]}},
        {"agent.lr": {"log": [2, 1]}},
        {"agent.lr": {"log": [1e-3, 10**400]}},
        {"agent.lr": {"linear": ["a", "b"]}},
        {"agent.lr": {"linear": [0, float("nan")]}},
        {"agent.lr": {"linear": [-float("inf"), 1]}},
        {"agent.lr": {"linear": [2, 1]}},
        {"agent.lr": {"linear": [False, True]}},
        {"agent.lr": {"ladder": ["a", "b"]}},
        {"agent.lr": {"ladder": [1e-3, float("nan")]}},
        {"agent.lr": {"choice": []}},
        {"agent.lr": {"choice": ["a"]}},
        {"agent.lr": {"choice": [{"a": 1}]}},
        {"agent.hidden": {"choice": [[8], [4, 4]]}},
        {"agent.hidden": {"choice": [{"tuple": [[8], 4]}]}},
        {"num_envs": {"choice": ["4"]}},
        {"env": {"choice": ["stranger:Env"]}},
        {"agent.replay_dir": {"choice": ["/tmp"]}},
        {"net": {"choice": ["stranger:net"]}},
    ],
)
def test_a_damaged_or_crafted_space_is_refused_in_one_line(content):
    with pytest.raises(UsageError) as refusal:
        read(content, RUN)
    assert "\n" not in str(refusal.value)


def test_settings_that_do_not_go_together_are_refused():
    with pytest.raises(UsageError, match="lr is -1"):
        applied(RUN, {"agent.lr": -1.0})
