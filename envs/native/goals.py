"""Native environments whose observations hold a goal, in the form and under the names of Gymnasium-Robotics."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from .kernel import Goal
from .vector import NativeVectorEnv


class GoalVectorEnv(NativeVectorEnv):
    """N copies that observe a Dict (observation, achieved_goal, desired_goal), all parts of one row of float32.

    The reward is -1 for every step until the goal is reached, which ends the episode and gives 0.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert isinstance(self.kernel.goal, Goal)
        assert isinstance(self.kernel.observation_space, spaces.Box)
        self.goal, low, high = self.kernel.goal, self.kernel.observation_space.low, self.kernel.observation_space.high
        bounds = zip(self._parts(low).items(), self._parts(high).values(), strict=True)
        parts: dict[str, spaces.Space[Any]] = {
            name: spaces.Box(lower, upper, dtype=np.float32) for (name, lower), upper in bounds
        }
        self.single_observation_space: spaces.Dict = spaces.Dict(parts)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)

    def reset(self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None) -> Any:
        """As that of `NativeVectorEnv`, but for the form of observations."""
        obs, info = super().reset(seed=seed, options=options)
        return self._parts(obs), info

    def step(self, actions: ArrayLike) -> Any:
        """As that of `NativeVectorEnv`, but for the form of observations."""
        obs, reward, terminated, truncated, info = super().step(actions)
        if "final_obs" in info:
            info["final_obs"] = self._parts(info["final_obs"])
        return self._parts(obs), reward, terminated, truncated, info

    def compute_reward(self, achieved: Any, desired: Any, info: Any) -> NDArray[np.float64]:
        """Rewards (...) for goals (..., G)."""
        return self.goal.reached(np.asarray(achieved), np.asarray(desired)).astype(np.float64) - 1.0

    def compute_terminated(self, achieved: Any, desired: Any, info: Any) -> NDArray[np.bool_]:
        """Whether an episode with goals (..., G) ends, (...)."""
        return self.goal.reached(np.asarray(achieved), np.asarray(desired))

    def _parts(self, rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Views of rows (..., O + 2 G) by the names of their parts."""
        size = self.kernel.goal.size if self.kernel.goal else 0
        observation, achieved, desired = np.split(rows, [rows.shape[-1] - 2 * size, rows.shape[-1] - size], -1)
        return {"observation": observation, "achieved_goal": achieved, "desired_goal": desired}
