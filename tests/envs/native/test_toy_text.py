"""Native FrozenLake, CliffWalking and Taxi against Gymnasium's own, bit for bit."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.envs import native

CASES = [
    ("FrozenLake-v1", {}, 2000),
    ("FrozenLake-v1", {"is_slippery": False, "desc": ["SFHS", "FFFG"], "reward_schedule": (5, -2, -0.25)}, 300),
    ("FrozenLake-v1", {"success_rate": 0.7}, 300),
    ("FrozenLake8x8-v1", {}, 2000),
    ("CliffWalking-v1", {"max_episode_steps": 50}, 2000),
    ("CliffWalkingSlippery-v1", {"max_episode_steps": 50}, 2000),
    ("Taxi-v4", {}, 2000),
    ("Taxi-v4", {"is_rainy": True, "fickle_passenger": True}, 2000),
    ("Taxi-v4", {"is_rainy": True, "rainy_probability": 0.6}, 300),
    ("Taxi-v4", {"fickle_passenger": True, "fickle_probability": 0.9}, 2000),
]


@pytest.mark.parametrize(("name", "kwargs", "steps"), CASES)
def test_every_bit_equals_gymnasiums_observations_rewards_ends_resets_and_masks(name, kwargs, steps):
    num_envs = 50
    env = native.make(name, num_envs, **kwargs)
    originals = SyncVectorEnv(
        [lambda: gymnasium.make(name, **kwargs)] * num_envs, autoreset_mode=AutoresetMode.SAME_STEP
    )
    rng = np.random.default_rng(1)
    (obs, info), (original_obs, original_info) = env.reset(seed=5), originals.reset(seed=5)
    np.testing.assert_array_equal(obs, original_obs, strict=True)
    ended = 0
    for _ in range(steps):
        actions = rng.integers(env.single_action_space.n, size=num_envs)
        if "action_mask" in info:
            np.testing.assert_array_equal(info["action_mask"], original_info["action_mask"], strict=True)
            # Picking up and dropping off whenever that does something is what makes random taxis deliver.
            actions[info["action_mask"][:, 4] == 1], actions[info["action_mask"][:, 5] == 1] = 4, 5
        obs, reward, terminated, truncated, info = env.step(actions)
        *original, original_info = originals.step(actions)
        for ours, theirs in zip((obs, reward, terminated, truncated), original, strict=True):
            np.testing.assert_array_equal(ours, theirs, strict=True)
        over = terminated | truncated
        ended += np.sum(over)
        if over.any():
            assert info["final_obs"][over].tolist() == original_info["final_obs"][over].tolist()
            if "action_mask" in info:
                final, original_final = info["final_info"]["action_mask"], original_info["final_info"]["action_mask"]
                np.testing.assert_array_equal(final, original_final, strict=True)
    assert ended >= 50
