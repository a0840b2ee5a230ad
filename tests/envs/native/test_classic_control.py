"""Native classic control against Gymnasium's own, bit for bit."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.envs import native

# Acrobot seldom reaches its goal like this; short episodes see to its resets.
CASES = [
    ("CartPole-v0", {}, 500),
    ("CartPole-v1", {"sutton_barto_reward": True}, 2000),
    ("MountainCar-v0", {}, 2000),
    ("MountainCar-v0", {"goal_velocity": 0.02}, 300),
    ("MountainCarContinuous-v0", {}, 2000),
    ("MountainCarContinuous-v0", {"goal_velocity": 0.02}, 300),
    ("Acrobot-v1", {"max_episode_steps": 60}, 2000),
    ("Pendulum-v1", {}, 2000),
    ("Pendulum-v1", {"g": 9.81}, 300),
]


def pair(name, num_envs, mode=AutoresetMode.SAME_STEP, **kwargs):
    """The native environment, and Gymnasium's as a SyncVectorEnv."""
    originals = SyncVectorEnv([lambda: gymnasium.make(gymnasium.spec(name), **kwargs)] * num_envs, autoreset_mode=mode)
    return native.make(name, num_envs, autoreset_mode=mode, **kwargs), originals


def purposeful(space, obs, rng):
    """Random actions, half of the time along the velocity: that swings up, so that goals are reached too."""
    num_envs = len(obs)
    along = obs[:, -1] > 0
    if isinstance(space, gymnasium.spaces.Discrete):
        random = rng.integers(space.n, size=num_envs)
        return np.where(rng.random(num_envs) < 0.5, random, along * (space.n - 1))
    random = rng.uniform(-1.5, 1.5, (num_envs, 1)) * space.high
    return np.where(rng.random((num_envs, 1)) < 0.5, random, np.sign(obs[:, -1:]) * space.high).astype(np.float32)


def assert_identical(ours, theirs):
    for mine, original in zip(ours[:4], theirs[:4], strict=True):
        assert mine.dtype == original.dtype
        np.testing.assert_array_equal(mine, original, strict=True)


@pytest.mark.parametrize(("name", "kwargs", "steps"), CASES)
def test_every_bit_equals_gymnasiums_observations_rewards_ends_and_resets(name, kwargs, steps):
    env, originals = pair(name, 50, **kwargs)
    rng = np.random.default_rng(1)
    obs, _ = env.reset(seed=5)
    np.testing.assert_array_equal(obs, originals.reset(seed=5)[0], strict=True)
    ended = 0
    for _ in range(steps):
        actions = purposeful(env.single_action_space, obs, rng)
        ours, theirs = env.step(actions), originals.step(actions)
        assert_identical(ours, theirs)
        obs = ours[0]
        ended += np.sum(ours[2] | ours[3])
    assert ended >= 50


@pytest.mark.parametrize("name", sorted(native.NAMES.keys() - native.OURS.keys()))
def test_spaces_and_frame_rates_equal_the_originals(name):
    env, originals = pair(name, 3)
    assert env.single_observation_space == originals.single_observation_space
    assert env.single_action_space == originals.single_action_space
    assert env.observation_space == originals.observation_space
    assert env.action_space == originals.action_space
    assert env.metadata["render_fps"] == originals.metadata["render_fps"]
