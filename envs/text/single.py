"""One text that is being written as an ordinary `gymnasium.Env`."""

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from . import Named, load, side_by_side
from .vector import RENDER_MODES, TextVectorEnv


class TextEnv(gymnasium.Env[NDArray[np.int32], Any]):
    """The environment that `gymnasium.make` returns for the ids of tasks; see `TextVectorEnv`."""

    metadata = {"render_modes": list(RENDER_MODES), "render_fps": 4}

    def __init__(self, task: Named, split: str = "train", render_mode: str | None = None, **kwargs: Any) -> None:
        self._vector = TextVectorEnv(load(task, **kwargs), split=split, render_mode=render_mode)
        self.observation_space = self._vector.single_observation_space
        self.action_space = self._vector.single_action_space
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        obs, info = self._vector.reset(seed=seed, options=options)
        return obs[0], info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self._vector.step(np.asarray(action)[None])
        only = {name: bool(array[0]) for name, array in info.items()}
        return obs[0], float(reward[0]), bool(terminated[0]), bool(truncated[0]), only

    def render(self) -> Any:
        """A picture (H, W, 3), or the text in mode "ansi"."""
        drawn = self._vector.render()
        return None if drawn is None else drawn[0]


def text_vector_env(**kwargs: Any) -> TextVectorEnv:
    """The environments that `gymnasium.make_vec` returns for the ids of tasks."""
    return side_by_side(**kwargs)
