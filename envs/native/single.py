"""One copy of a native environment as an ordinary `gymnasium.Env`."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from . import OURS, make
from .goals import GoalVectorEnv
from .kernel import Table
from .vector import NativeVectorEnv


class NativeEnv(gymnasium.Env[Any, Any]):
    """What `gymnasium.make` returns for our own ids; a time limit that is registered is Gymnasium's wrapper."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 4}

    def __init__(self, env_id: str, render_mode: str | None = None, **kwargs: Any) -> None:
        limit = None if OURS[env_id] is None else -1
        self._vector = make(env_id, 1, AutoresetMode.DISABLED, render_mode, limit, **kwargs)
        self.observation_space = self._vector.single_observation_space
        self.action_space = self._vector.single_action_space
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        obs, info = self._vector.reset(seed=seed, options=options)
        return self._only(obs), {name: array[0] for name, array in info.items()}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self._vector.step(np.asarray(action)[None])
        only = {name: array[0] for name, array in info.items()}
        return self._only(obs), float(reward[0]), bool(terminated[0]), bool(truncated[0]), only

    @property
    def P(self) -> Table:
        """The whole model, under Gymnasium's name for it.

        Raises:
            AttributeError: if it is too large to be written down.
        """
        table = self._vector.kernel.table
        if table is None:
            raise AttributeError(f"{type(self).__name__} has no P: its model cannot be written down as a table")
        return table()

    def render(self) -> NDArray[np.uint8] | None:
        frames = self._vector.render()
        return None if frames is None else frames[0]

    def _only(self, obs: Any) -> Any:
        return int(obs[0]) if isinstance(self.observation_space, spaces.Discrete) else obs[0]


class GoalEnv(NativeEnv):
    """One with goals, under the names that Gymnasium-Robotics gives to theirs."""

    def compute_reward(self, achieved: Any, desired: Any, info: Any) -> NDArray[np.float64]:
        """Rewards (...) for goals (..., G)."""
        return self._goals.compute_reward(achieved, desired, info)

    def compute_terminated(self, achieved: Any, desired: Any, info: Any) -> NDArray[np.bool_]:
        """Whether an episode with goals (..., G) ends, (...)."""
        return self._goals.compute_terminated(achieved, desired, info)

    @property
    def _goals(self) -> GoalVectorEnv:
        assert isinstance(self._vector, GoalVectorEnv)
        return self._vector

    def _only(self, obs: Any) -> Any:
        return {name: part[0] for name, part in obs.items()}


def native_vector_env(env_id: str, **kwargs: Any) -> NativeVectorEnv:
    """What `gymnasium.make_vec` returns for our own ids, where `id` is the name of its own first argument."""
    return make(env_id, **kwargs)
