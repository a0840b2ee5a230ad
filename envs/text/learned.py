"""Rewards out of a reward model, in the place of a task's own."""

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper
from numpy.typing import ArrayLike, NDArray

Score = Callable[[NDArray[Any]], NDArray[Any]]
"""Whole texts (K, W) -> their scores (K,)."""


class Learned(VectorWrapper):
    """Texts that earn, when they end, what `score` says, and nothing before; END or a text that breaks off is scored.

    The task's own rewards, the gold ones, are hidden from whoever learns; they stay in the info, as "gold" (N,).
    """

    def __init__(self, env: VectorEnv, score: Score) -> None:
        super().__init__(env)
        self.score = score

    def step(self, actions: ArrayLike) -> tuple[NDArray, NDArray, NDArray, NDArray, dict[str, Any]]:
        """Writes the tokens `actions` (N,); returns obs (N, W), reward, terminated, truncated (N,), and the info."""
        obs, gold, terminated, truncated, info = self.env.step(actions)
        over = terminated | truncated
        reward = np.zeros(self.num_envs)
        if over.any():
            reward[over] = self.score(info.get("final_obs", obs)[over])
        return obs, reward, terminated, truncated, {**info, "gold": gold}
