"""Vector wrappers that change what an agent sees."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from ..core.errors import TrainingError, UsageError
from ..core.spaces.history import stack_rows, stacked

MASK = "action_mask"


def used(info: dict[str, Any]) -> dict[str, Any]:
    """What anything here reads of an environment's info: its action mask.

    The rest may be of any kind, which differs from copy to copy or cannot be sent to another process.
    """
    return {MASK: info[MASK]} if MASK in info else {}


def with_mask_observed(env: VectorEnv) -> VectorEnv:
    """`env`, wrapped when its infos hold an action mask that its observations lack.

    Finding out takes one reset, unseeded: every environment has it whatever the backend, and the engine seeds later.
    """
    if isinstance(env.single_observation_space, gym.spaces.Dict) and MASK in env.single_observation_space.spaces:
        return env
    try:
        _, infos = env.reset()
    except SystemExit as left:
        raise TrainingError(f"the environment called sys.exit({left.code!r}) in reset") from left
    return MaskedObservation(env, np.asarray(infos[MASK])) if MASK in infos else env


def refuse_partial_reset(options: dict[str, Any] | None) -> None:
    """For vector environments that start new episodes by themselves, and otherwise all together."""
    if options and "reset_mask" in options:
        raise UsageError("reset takes no reset_mask here: every episode that ends is followed by a new one at once")


class MaskedObservation(VectorWrapper):
    """Moves `info["action_mask"]` into the observation: Dict(observation=..., action_mask (A,) int8)."""

    def __init__(self, env: VectorEnv, example: NDArray) -> None:
        """`example` is a mask of all environments, shape (N, A)."""
        super().__init__(env)
        if example.dtype == object:
            raise UsageError("info['action_mask'] must be one array of 0 and 1 per environment, of equal shapes")
        self.mask_shape = example.shape[1:]
        self.single_observation_space = gym.spaces.Dict(
            observation=env.single_observation_space, action_mask=gym.spaces.MultiBinary(self.mask_shape)
        )
        self.observation_space = batch_space(self.single_observation_space, env.num_envs)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[dict, dict[str, Any]]:
        obs, infos = self.env.reset(seed=seed, options=options)
        return {"observation": obs, MASK: self._mask(infos)}, infos

    def step(self, actions: Any) -> tuple[dict, NDArray, NDArray, NDArray, dict[str, Any]]:
        obs, reward, terminated, truncated, infos = self.env.step(actions)
        if "final_obs" in infos:
            infos = {**infos, "final_obs": self._final(infos)}
        return {"observation": obs, MASK: self._mask(infos)}, reward, terminated, truncated, infos

    def _mask(self, infos: dict[str, Any]) -> NDArray:
        """Masks, shape (N, A): all ones where an environment gave none, or one that forbids everything."""
        mask = np.ones((self.num_envs, *self.mask_shape), np.int8)
        if MASK in infos:
            given = np.asarray(infos[MASK]).astype(np.int8)
            # Without a mask of its own (N,), every environment gave one.
            usable = infos.get(f"_{MASK}", True) & given.reshape(self.num_envs, -1).any(axis=1)
            mask[usable] = given[usable]
        return mask

    def _final(self, infos: dict[str, Any]) -> NDArray:
        mask = self._mask(infos.get("final_info", {}))
        final = np.full(self.num_envs, None, dtype=object)
        for i in np.flatnonzero(infos["_final_obs"]):
            final[i] = {"observation": infos["final_obs"][i], MASK: mask[i]}
        return final


class History(VectorWrapper):
    """The last `count` observations as one, oldest first; the first of an episode stands for what was before it."""

    def __init__(self, env: VectorEnv, count: int) -> None:
        super().__init__(env)
        self._space = env.single_observation_space
        self.single_observation_space = stacked(self._space, count)
        self.observation_space = batch_space(self.single_observation_space, env.num_envs)
        self._rows = np.zeros((count, env.num_envs, *self._space.shape), self._space.dtype)  # type: ignore[misc]
        self._resets = np.zeros(env.num_envs, np.bool_)  # environments whose next step only resets (NEXT_STEP)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[NDArray, dict[str, Any]]:
        chosen = (options or {}).get("reset_mask", slice(None))  # some environments take it out of the options
        obs, infos = self.env.reset(seed=seed, options=options)
        self._rows[:, chosen], self._resets[chosen] = obs[chosen], False
        return stack_rows(self._rows, self._space), infos

    def step(self, actions: Any) -> tuple[NDArray, NDArray, NDArray, NDArray, dict[str, Any]]:
        obs, reward, terminated, truncated, infos = self.env.step(actions)
        done, mode = np.asarray(terminated) | truncated, self.env.metadata["autoreset_mode"]
        if "final_obs" in infos:
            infos = {**infos, "final_obs": self._final(infos)}
        self._rows = np.concatenate([self._rows[1:], obs[None]])
        begins = done if mode is AutoresetMode.SAME_STEP else self._resets
        self._rows[:, begins] = obs[begins]
        if mode is AutoresetMode.NEXT_STEP:
            self._resets = done
        return stack_rows(self._rows, self._space), reward, terminated, truncated, infos

    def _final(self, infos: dict[str, Any]) -> NDArray:
        final = np.full(self.num_envs, None, dtype=object)
        for i in np.flatnonzero(infos["_final_obs"]):
            rows = np.concatenate([self._rows[1:, i], np.asarray(infos["final_obs"][i])[None]])
            final[i] = stack_rows(rows[:, None], self._space)[0]
        return final
