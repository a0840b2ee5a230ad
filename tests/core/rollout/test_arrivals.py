"""What environments may hand over: observations that are none are refused as they arrive, by environment."""

from contextlib import closing
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from gymnast.core.acting import Stateless
from gymnast.core.errors import TrainingError, UsageError
from gymnast.core.rollout.engine import Rollout
from gymnast.core.spaces.layout import Layout
from gymnast.envs import make
from gymnast.runners.runs import run as runs
from gymnast.runners.training.train import train


class Told(gym.Env):
    """Observes what it is told to: `scripts[seed]`, one after the other, and then the last one; two steps an episode.

    The copy that is seeded with 1 follows the second script, and so on.
    """

    action_space = spaces.Discrete(2)

    def __init__(self, space, *scripts, ends=(True, False)):
        self.observation_space, self.scripts, self.ends = space, scripts, ends
        self.script, self.at = scripts[0], -1

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self.script, self.at = self.scripts[seed % len(self.scripts)], -1
        self.time = 0
        return self._next(), {}

    def step(self, action):
        self.time += 1
        return self._next(), 0.0, *(self.ends if self.time == 2 else (False, False)), {}

    def _next(self):
        self.at += 1
        return self.script[min(self.at, len(self.script) - 1)]


@Stateless
def still(obs):
    return {"action": np.zeros(len(obs), np.int64)}


def collect(space, *scripts, backend="loop", steps=4, **kwargs):
    with closing(make(partial(Told, space, *scripts, **kwargs), len(scripts), backend=backend)) as env:
        return Rollout(env, steps).collect(still)


FIVE = spaces.Discrete(5)
PAIR = spaces.Dict(a=spaces.MultiDiscrete([2, 3], start=[0, -1]), b=spaces.MultiBinary(2))


@pytest.mark.parametrize("wrong", [5, -1, 10**8])
@pytest.mark.parametrize("at", range(4), ids=["reset", "step", "final", "autoreset"])
def test_a_number_outside_discrete_is_refused_wherever_it_comes_and_the_environment_is_named(wrong, at):
    told = [1, 2, 3, 4]
    told[at] = wrong
    with pytest.raises(TrainingError, match=rf"^environment 1 gave {wrong}, which is not in Discrete\(5\)$"):
        collect(FIVE, [0], told)


def test_workers_hand_such_numbers_over_to_be_refused():
    with pytest.raises(TrainingError, match=r"^environment 1 gave 5, which is not in Discrete\(5\)$"):
        collect(FIVE, [0], [1, 2, 5], backend="workers")


def test_every_number_inside_discrete_arrives():
    shifted = spaces.Discrete(3, start=-1)
    assert collect(shifted, [-1, 0, 1]).obs.ravel().tolist() == [-1, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [("a", [0, 2], "2 in 'a'"), ("a", [2, 0], "2 in 'a'"), ("a", [0, -2], "-2 in 'a'"), ("b", [1, 2], "2 in 'b'")],
)
def test_the_part_of_a_structured_observation_is_named(part, value, said):
    good = {"a": np.array([1, -1]), "b": np.array([0, 1], np.int8)}
    bad = {**good, part: np.array(value, good[part].dtype)}
    with pytest.raises(TrainingError, match=f"^environment 0 gave {said}, which is not in Multi"):
        collect(PAIR, [good, bad])


def test_a_saved_state_with_such_a_number_is_refused():
    with closing(make(partial(Told, FIVE, [1]), backend="loop")) as env:
        rollout = Rollout(env, 1)
        with pytest.raises(UsageError, match=r"environment 0 is 5, which is not in Discrete\(5\)"):
            rollout.load_state({**rollout.state(), "obs": np.array([5])})


def test_a_prediction_for_such_a_number_is_refused():
    with pytest.raises(UsageError, match=r"observation 1 is 7, which is not in Discrete\(5\)"):
        Layout(FIVE).batch(np.array([1, 7]))


@pytest.mark.parametrize("algo", ["ppo", "dqn", "tabular"])
def test_training_ends_with_the_environments_name(algo):
    with pytest.raises(TrainingError, match="environment 0 gave 5, which"):
        train(runs.preset(algo, partial(Told, FIVE, *[[0] * 50 + [5]] * 2), steps=500, num_envs=1, evals=0, seed=0))
