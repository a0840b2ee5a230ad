"""Gymnasium's loop over environments in this process, with what it leaves to them put right."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from gymnasium.vector import SyncVectorEnv

from ..core.errors import UsageError
from .factory import MakeEnv, close
from .odd import refuse_odd
from .wrappers import used

_HELD: WeakValueDictionary[int, "Loop"] = WeakValueDictionary()  # which loop steps an environment, by its identity


class Loop(SyncVectorEnv):
    """Passes on what is used of the infos, and final observations, and says which environment gave what is none.

    Final observations are kept apart from the environments' own arrays, which the reset that follows may reuse.

    Raises:
        UsageError: if a copy is another one too, here or in a loop that is not closed: each would disturb the other.
    """

    def __init__(self, make_envs: Sequence[MakeEnv], **kwargs: Any) -> None:
        super().__init__(make_envs, **kwargs)
        self._rewards: Any = [0.0] * self.num_envs  # a list takes whatever comes, which `step` looks at
        self._inner = {id(env.unwrapped): env.unwrapped for env in self.envs}
        if len(self._inner) < self.num_envs or self._inner.keys() & _HELD.keys():
            raise UsageError(
                f"the same {type(self.envs[0].unwrapped).__name__} was given twice: each copy, and each one of an "
                "evaluation, must be a new object; make it inside the function"
            )
        _HELD.update(dict.fromkeys(self._inner, self))

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

    def close_extras(self, **kwargs: Any) -> None:
        """As Gymnasium's; others may step the environments then."""
        for env in self.envs:
            close(env)
        for key in self._inner:
            _HELD.pop(key, None)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (TypeError, ValueError):
            refuse_odd(self.single_observation_space, self._env_obs, self._rewards)
            raise

    def _add_info(self, vector_infos: dict[str, Any], env_info: dict[str, Any], env_num: int) -> dict[str, Any]:
        kept = env_info if isinstance(env_info, _Last) else used(env_info)
        if "final_info" in env_info:
            last = _Last(used(env_info["final_info"], last=True))
            kept |= {"final_obs": deepcopy(env_info["final_obs"]), "final_info": last}
        added: dict[str, Any] = super()._add_info(vector_infos, kept, env_num)
        return added


class _Last(dict[str, Any]):
    """The used part of an episode's last info, which Gymnasium's loop gives to `_add_info` once more."""
