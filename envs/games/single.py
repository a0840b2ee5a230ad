"""One game as an ordinary `gymnasium.Env`."""

from typing import Any

import gymnasium
import numpy as np

from . import load
from .vector import GameVectorEnv


class GameEnv(gymnasium.Env[dict[str, Any], int]):
    """What `gymnasium.make` returns for the ids of games; see `GameVectorEnv`."""

    metadata = {"render_modes": ["rgb_array", "ansi"], "render_fps": 1}

    def __init__(self, env_id: str, render_mode: str | None = None, **kwargs: Any) -> None:
        self._vector = GameVectorEnv(load(env_id, **kwargs), 1, render_mode)
        self.observation_space = self._vector.single_observation_space
        self.action_space: Any = self._vector.single_action_space
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict, dict[str, Any]]:
        super().reset(seed=seed)
        return self._only(self._vector.reset()[0]), {}

    def step(self, action: int) -> tuple[dict, float, bool, bool, dict[str, Any]]:
        obs, reward, terminated, _, info = self._vector.step(np.array([action]))
        return self._only(info.get("final_obs", obs)), float(reward[0]), bool(terminated[0]), False, {}

    def render(self) -> Any:
        drawn = self._vector.render()
        return None if drawn is None else drawn[0]

    def _only(self, obs: dict) -> dict:
        return {name: value[0] for name, value in obs.items()}


def game_vector_env(env_id: str, num_envs: int = 1, render_mode: str | None = None, **kwargs: Any) -> GameVectorEnv:
    """What `gymnasium.make_vec` returns for the ids of games."""
    return GameVectorEnv(load(env_id, **kwargs), num_envs, render_mode)
