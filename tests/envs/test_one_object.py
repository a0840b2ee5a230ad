"""Copies of an environment are objects of their own: one that is stepped as two would be disturbed by itself."""

from contextlib import closing

import gymnasium as gym
import numpy as np
import pytest

import gymnast
from gymnast.core.errors import UsageError
from gymnast.envs import make
from gymnast.runners.runs import run as runs
from gymnast.runners.training.train import train


class Still(gym.Env):
    observation_space = gym.spaces.Box(-1, 1, (1,))
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), 0.0, False, True, {}


REFUSED = r"^the same Still was given twice: .* make it inside the function"


@pytest.mark.parametrize("wrapped", [lambda env: env, lambda env: gym.wrappers.TimeLimit(env, 3)])
def test_one_object_for_all_copies_is_refused(wrapped):
    env = Still()
    with pytest.raises(UsageError, match=REFUSED):
        make(lambda: wrapped(env), 2)
    with closing(make(lambda: env)) as alone:  # which has left nothing behind
        assert alone.num_envs == 1


def test_one_object_for_training_and_evaluation_is_refused():
    env = Still()
    with pytest.raises(UsageError, match=REFUSED):
        train(runs.preset("ppo", lambda: env, steps=64, num_envs=1, evals=1, seed=0))
    with pytest.raises(UsageError, match=REFUSED):
        gymnast.PPO(lambda: env, num_envs=1, evals=0).learn(64).evaluate(1)


def test_one_object_is_used_again_once_it_is_closed():
    env = Still()
    for _ in range(2):
        with closing(make(lambda: env)):
            pass
