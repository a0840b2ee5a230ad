"""Rewards and observations that no batch takes are told in one line, with the environment that gave them."""

from contextlib import closing

import gymnasium as gym
import numpy as np
import pytest

from gymnast import envs
from gymnast.core.errors import TrainingError


class Giving(gym.Env):
    """Gives ordinary observations and rewards for two steps, and what it is told to from then on."""

    observation_space, action_space = gym.spaces.Box(0, 9, (1,), np.float32), gym.spaces.Discrete(2)

    def __init__(self, **odd):
        self.odd, self.time = odd, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.time += 1
        if self.time == 3 and "error" in self.odd:
            raise ValueError(self.odd["error"])
        odd = self.odd if self.time > 2 else {}
        return odd.get("obs", np.zeros(1, np.float32)), odd.get("reward", 1.0), False, False, {}


def steps(backend, copies=2, **odd):
    with closing(envs.make(Giving, copies, backend=backend, **odd)) as env:
        env.reset(seed=0)
        for _ in range(3):
            reward = env.step(np.zeros(copies, np.int64))[1]
    return reward


@pytest.mark.parametrize(("backend", "copies"), [("loop", 2), ("workers", 1)])  # of which each is a process
@pytest.mark.parametrize(
    ("odd", "told"),
    [
        (
            {"reward": np.array([1.0, 2.0])},
            r"environment \d gave the reward array\(\[1., 2.\]\), which is not one number",
        ),
        ({"reward": np.array([1.0])}, r"environment \d gave the reward array\(\[1.\]\), which is not one number"),
        ({"reward": {"speed": 1.0}}, r"environment \d gave the reward {'speed': 1.0}, which is not one number"),
        ({"reward": "good"}, r"environment \d gave the reward 'good', which is not one number"),
        ({"obs": "hello"}, r"environment \d: 'hello' does not fit the observation space Box"),
        ({"obs": np.zeros(2, np.float32)}, r"environment \d: an observation of shape \(2,\) does not fit"),
    ],
)
def test_what_is_no_reward_or_observation_is_told_with_its_environment(backend, copies, odd, told):
    with pytest.raises(TrainingError, match=told):
        steps(backend, copies, **odd)


def test_an_error_of_the_environments_own_stays_what_it_is():
    with pytest.raises(ValueError, match="no fuel"):
        steps("loop", error="no fuel")


@pytest.mark.parametrize("reward", [2, True, np.float32(0.5), np.int8(3)])
def test_every_kind_of_number_is_a_reward(reward):
    given = steps("loop", reward=reward)
    assert given.dtype == np.float64
    assert given.tolist() == [reward, reward]
