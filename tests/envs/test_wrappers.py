from contextlib import closing

import gymnasium as gym
import numpy as np
import pytest

from gymnast.core.errors import UsageError
from gymnast.envs import make
from gymnast.envs.wrappers import refuse_partial_reset


class Tokens(gym.Env):
    """Taking a token forbids taking it again; the episode ends when none is left, or after `limit` steps."""

    action_space = gym.spaces.Discrete(3)
    observation_space = gym.spaces.Box(0, 3, (1,), np.float32)

    def __init__(self, limit=9):
        self.limit = limit

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.mask, self.steps = np.ones(3, np.int8), 0
        return self._obs(), {"action_mask": self.mask.copy()}

    def step(self, action):
        self.mask[action] = 0
        self.steps += 1
        done = not self.mask.any()
        return self._obs(), 1.0, done, self.steps == self.limit, {"action_mask": self.mask.copy()}

    def _obs(self):
        return np.array([self.mask.sum()], np.float32)


class Listed(Tokens):
    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)[0], {"action_mask": ["take", "leave"]}


def test_the_mask_becomes_part_of_the_observation():
    with closing(make(Tokens, 2)) as envs:
        obs, _ = envs.reset(seed=0)
        assert obs in envs.observation_space
        assert envs.single_observation_space["action_mask"].shape == (3,)
        obs, *_ = envs.step(np.array([0, 2]))
        assert np.array_equal(obs["action_mask"], [[0, 1, 1], [1, 1, 0]])
        assert np.array_equal(obs["observation"], [[2], [2]])
        assert obs["action_mask"].dtype == np.int8


def test_after_an_autoreset_the_mask_is_of_the_new_episode_and_the_final_one_of_the_old():
    with closing(make(Tokens, 1, limit=2)) as envs:
        envs.reset(seed=0)
        envs.step(np.array([0]))
        obs, _, terminated, truncated, infos = envs.step(np.array([1]))
        assert (terminated, truncated) == (False, True)
        assert np.array_equal(obs["action_mask"], [[1, 1, 1]])
        assert np.array_equal(infos["final_obs"][0]["action_mask"], [0, 0, 1])
        assert np.array_equal(infos["final_obs"][0]["observation"], [1])


def test_a_final_mask_that_forbids_everything_allows_everything():
    with closing(make(Tokens, 1)) as envs:
        envs.reset(seed=0)
        for action in range(3):
            *_, infos = envs.step(np.array([action]))
        assert np.array_equal(infos["final_obs"][0]["action_mask"], [1, 1, 1])


def test_a_mask_already_in_the_observation_stays_where_it_is():
    class Seen(gym.ObservationWrapper):
        observation_space = gym.spaces.Dict(action_mask=gym.spaces.MultiBinary(3), tokens=Tokens.observation_space)

        def observation(self, obs):
            return {"action_mask": self.unwrapped.mask.copy(), "tokens": obs}

    with closing(make(lambda: Seen(Tokens()))) as envs:
        assert set(envs.reset()[0]) == {"action_mask", "tokens"}


def test_a_mask_that_is_no_array_is_refused():
    with pytest.raises(UsageError, match="action_mask"):
        make(Listed)


def test_a_partial_reset_is_refused_where_it_would_be_ignored():
    refuse_partial_reset({"map": 3})
    with pytest.raises(UsageError, match="no reset_mask"):
        make("Hopper-v5", 2).reset(options={"reset_mask": np.array([True, False])})
