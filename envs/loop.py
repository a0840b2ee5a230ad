"""Gymnasium's loop over environments in this process, with what it leaves to them put right."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
from gymnasium.vector import SyncVectorEnv

from .odd import refuse_odd
from .wrappers import used


class Loop(SyncVectorEnv):
    """Passes on what is used of the infos, and final observations, and says which environment gave what is none.

    Final observations are kept apart from the environments' own arrays, which the reset that follows may reuse.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rewards: Any = [0.0] * self.num_envs  # a list takes whatever comes, which `step` looks at

    def reset(self, **kwargs: Any) -> Any:
        """As Gymnasium's."""
        with self._explained():
            return super().reset(**kwargs)

    def step(self, actions: Any) -> Any:
        """As Gymnasium's."""
        with self._explained():
            obs, reward, *rest = super().step(actions)
            if reward.ndim != 1 or reward.dtype.kind not in "fiub":
                raise ValueError("a reward is no number")
        return obs, reward.astype(np.float64, copy=False), *rest

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (TypeError, ValueError):
            refuse_odd(self.single_observation_space, self._env_obs, self._rewards)
            raise

    def _add_info(self, vector_infos: dict[str, Any], env_info: dict[str, Any], env_num: int) -> dict[str, Any]:
        kept = used(env_info)
        if "final_info" in env_info:
            kept |= {"final_obs": deepcopy(env_info["final_obs"]), "final_info": used(env_info["final_info"])}
        added: dict[str, Any] = super()._add_info(vector_infos, kept, env_num)
        return added
