"""Native FrozenLake, CliffWalking and Taxi against Gymnasium's own, bit for bit."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.envs import native

# Time limits that some episodes reach and others do not, so that there are ends of both kinds.
CASES = [
    ("FrozenLake-v1", {"max_episode_steps": 10}),
    (
        "FrozenLake-v1",
        {
            "is_slippery": False,
            "desc": ["SFHS", "FFFG"],
            "reward_schedule": (5, -2, -0.25),
            "max_episode_steps": 10,
        },
    ),
    ("FrozenLake-v1", {"success_rate": 0.7, "max_episode_steps": 10}),
    ("FrozenLake8x8-v1", {"max_episode_steps": 20}),
    ("CliffWalking-v1", {"max_episode_steps": 50}),
    ("CliffWalkingSlippery-v1", {"max_episode_steps": 100}),
    ("Taxi-v4", {}),
    ("Taxi-v4", {"is_rainy": True, "fickle_passenger": True}),
    ("Taxi-v4", {"is_rainy": True, "rainy_probability": 0.6}),
    ("Taxi-v4", {"fickle_passenger": True, "fickle_probability": 0.9}),
]


def purposeful(name, info, num_envs, rng):
    """Random actions, but on cliffs most of them along the edge, and in taxis those that get passengers delivered."""
    if name.startswith("CliffWalking"):
        return rng.choice(4, num_envs, p=[0.25, 0.5, 0.2, 0.05])
    if not name.startswith("Taxi"):
        return rng.integers(4, size=num_envs)
    actions, mask = rng.integers(6, size=num_envs), info["action_mask"] == 1
    actions[mask[:, 4]] = 4
    actions[mask[:, 5] & (rng.random(num_envs) < 0.5)] = 5
    return actions


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_every_bit_equals_gymnasiums_observations_rewards_ends_resets_and_masks(name, kwargs):
    num_envs = 25
    env = native.make(name, num_envs, **kwargs)
    originals = SyncVectorEnv(
        [lambda: gymnasium.make(name, disable_env_checker=True, **kwargs)] * num_envs,
        autoreset_mode=AutoresetMode.SAME_STEP,
    )
    rng = np.random.default_rng(1)
    (obs, info), (original_obs, original_info) = env.reset(seed=5), originals.reset(seed=5)
    np.testing.assert_array_equal(obs, original_obs, strict=True)
    terminations = truncations = 0
    for _ in range(300):
        actions = purposeful(name, info, num_envs, rng)
        if "action_mask" in info:
            np.testing.assert_array_equal(info["action_mask"], original_info["action_mask"], strict=True)
        obs, reward, terminated, truncated, info = env.step(actions)
        *original, original_info = originals.step(actions)
        for ours, theirs in zip((obs, reward, terminated, truncated), original, strict=True):
            np.testing.assert_array_equal(ours, theirs, strict=True)
        over = terminated | truncated
        terminations, truncations = terminations + terminated.sum(), truncations + truncated.sum()
        if over.any():
            assert info["final_obs"][over].tolist() == original_info["final_obs"][over].tolist()
            if "action_mask" in info:
                final, original_final = info["final_info"]["action_mask"], original_info["final_info"]["action_mask"]
                np.testing.assert_array_equal(final, original_final, strict=True)
    assert min(terminations, truncations) >= 5
