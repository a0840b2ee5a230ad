"""Native classic control against Gymnasium's own, bit for bit."""

from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.envs import native

# Time limits that some episodes reach and others do not, so that there are ends of both kinds.
CASES = [
    ("CartPole-v0", {"max_episode_steps": 120}),
    ("CartPole-v1", {"max_episode_steps": 120, "sutton_barto_reward": True}),
    ("MountainCar-v0", {"max_episode_steps": 160}),
    ("MountainCar-v0", {"max_episode_steps": 160, "goal_velocity": 0.02}),
    ("MountainCarContinuous-v0", {"max_episode_steps": 100}),
    ("MountainCarContinuous-v0", {"max_episode_steps": 100, "goal_velocity": 0.02}),
    ("Acrobot-v1", {"max_episode_steps": 100}),
    ("Pendulum-v1", {}),
    ("Pendulum-v1", {"g": 9.81}),
]


def pair(name, num_envs, mode=AutoresetMode.SAME_STEP, **kwargs):
    """The native environment, and Gymnasium's as a SyncVectorEnv."""
    original = partial(gymnasium.make, gymnasium.spec(name), disable_env_checker=True, **kwargs)
    originals = SyncVectorEnv([original] * num_envs, autoreset_mode=mode)
    return native.make(name, num_envs, autoreset_mode=mode, **kwargs), originals


def purposeful(name, space, obs, rng):
    """Random actions, but most of the time such as swing up, so that goals are reached too."""
    swing = -obs[:, 4:5] if name == "Acrobot-v1" else obs[:, -1:]  # against the shoulder's velocity, or along the last
    random = rng.random(len(obs)) < 0.2
    if isinstance(space, gymnasium.spaces.Discrete):
        return np.where(random, rng.integers(space.n, size=len(obs)), (swing[:, 0] > 0) * (space.n - 1))
    anything = rng.uniform(-1.5, 1.5, (len(obs), 1)) * space.high
    return np.where(random[:, None], anything, np.sign(swing) * space.high).astype(np.float32)


def assert_identical(ours, theirs):
    for mine, original in zip(ours[:4], theirs[:4], strict=True):
        assert mine.dtype == original.dtype
        np.testing.assert_array_equal(mine, original, strict=True)


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_every_bit_equals_gymnasiums_observations_rewards_ends_and_resets(name, kwargs):
    env, originals = pair(name, 25, **kwargs)
    rng = np.random.default_rng(1)
    obs, _ = env.reset(seed=5)
    np.testing.assert_array_equal(obs, originals.reset(seed=5)[0], strict=True)
    terminations = truncations = 0
    for _ in range(300):
        actions = purposeful(name, env.single_action_space, obs, rng)
        ours, theirs = env.step(actions), originals.step(actions)
        assert_identical(ours, theirs)
        obs = ours[0]
        terminations, truncations = terminations + ours[2].sum(), truncations + ours[3].sum()
    assert truncations >= 5
    assert terminations >= 5 or name == "Pendulum-v1"  # which has no goal


@pytest.mark.parametrize("name", sorted(native.NAMES.keys() - native.OURS.keys()))
def test_spaces_and_frame_rates_equal_the_originals(name):
    env, originals = pair(name, 3)
    assert env.single_observation_space == originals.single_observation_space
    assert env.single_action_space == originals.single_action_space
    assert env.observation_space == originals.observation_space
    assert env.action_space == originals.action_space
    assert env.metadata["render_fps"] == originals.metadata["render_fps"]
