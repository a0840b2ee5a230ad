"""Wrappers that change what an agent sees: of vector environments, and one that users put around single ones."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces.utils import flatten, flatten_space
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from ..core.errors import TrainingError, UsageError
from ..core.spaces.history import stack_rows, stacked
from ..core.spaces.keys import MASK, MASKS, SUCCESS


def used(info: dict[str, Any], last: bool = False) -> dict[str, Any]:
    """The part of an environment's info that anything here reads: its action mask, in the last one also its success.

    The rest may be of any kind, which differs from copy to copy or cannot be sent to another process.
    """
    kept = {name: info[name] for name in MASKS if name in info}
    return kept | {name: bool(np.all(info[name])) for name in SUCCESS if last and name in info}


def with_mask_observed(env: VectorEnv) -> VectorEnv:
    """`env`, wrapped when its infos hold an action mask that its observations lack.

    Finding out takes one reset, unseeded: every environment has it whatever the backend, and the engine seeds later.
    """
    if _holds_mask(env.single_observation_space):
        return env
    try:
        _, infos = env.reset()
    except SystemExit as left:
        raise TrainingError(f"the environment called sys.exit({left.code!r}) in reset") from left
    name = next((name for name in MASKS if name in infos), None)
    return env if name is None else MaskedObservation(env, name, np.asarray(infos[name]))


def _holds_mask(space: gym.Space) -> bool:
    """Whether a Dict with a mask is in it, at any depth."""
    if isinstance(space, gym.spaces.Dict):
        return MASK in space.spaces or any(map(_holds_mask, space.spaces.values()))
    return isinstance(space, gym.spaces.Tuple) and any(map(_holds_mask, space.spaces))


def refuse_partial_reset(options: dict[str, Any] | None) -> None:
    """For vector environments that start new episodes by themselves, and otherwise all together."""
    if options and "reset_mask" in options:
        raise UsageError("reset takes no reset_mask here: every episode that ends is followed by a new one at once")


class MaskedObservation(VectorWrapper):
    """Moves `info[name]` into the observation: Dict(observation=..., action_mask (A,) int8).

    Every environment gives one with every reset and step; only with a last observation it may be missing.
    """

    def __init__(self, env: VectorEnv, name: str, example: NDArray) -> None:
        """`example` is a mask of all environments, shape (N, A)."""
        super().__init__(env)
        if example.dtype == object:
            raise UsageError(f"info[{name!r}] must be one array of 0 and 1 per environment, of equal shapes")
        self._name = name
        self._mask = np.ones(example.shape, np.int8)
        self.single_observation_space = gym.spaces.Dict(
            observation=env.single_observation_space, action_mask=gym.spaces.MultiBinary(example.shape[1:])
        )
        self.observation_space = batch_space(self.single_observation_space, env.num_envs)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[dict, dict[str, Any]]:
        chosen = (options or {}).get("reset_mask", np.ones(self.num_envs, np.bool_))  # some take it out of the options
        obs, infos = self.env.reset(seed=seed, options=options)
        self._mask = np.where(_column(chosen, self._mask), self._masks(infos, chosen), self._mask)
        return {"observation": obs, MASK: self._mask}, infos

    def step(self, actions: Any) -> tuple[dict, NDArray, NDArray, NDArray, dict[str, Any]]:
        obs, reward, terminated, truncated, infos = self.env.step(actions)
        going_on = ~(np.asarray(terminated) | truncated)
        if self.env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP:
            going_on[:] = True
        if "final_obs" in infos:
            infos = {**infos, "final_obs": self._final(infos)}
        self._mask = self._masks(infos, going_on)
        return {"observation": obs, MASK: self._mask}, reward, terminated, truncated, infos

    def _masks(self, infos: dict[str, Any], needed: NDArray[np.bool_]) -> NDArray[np.int8]:
        """The masks (N, A) in `infos`, all ones where there is none and `needed` (N,) does not ask for one."""
        given = np.zeros(self.num_envs, np.bool_)
        if self._name in infos:
            given = np.broadcast_to(infos.get(f"_{self._name}", True), self.num_envs)  # without a word, all did
        if (missing := np.flatnonzero(needed & ~given)).size:
            raise TrainingError(
                f"environment {missing[0]} gave no info[{self._name!r}]; give one with every reset and step"
            )
        if not given.any():
            return np.ones_like(self._mask)
        mask = np.where(_column(given, self._mask), infos[self._name], 1)
        if (odd := np.argwhere((mask != 0) & (mask != 1))).size:
            i = odd[0, 0]
            raise TrainingError(f"environment {i} gave info[{self._name!r}] with other numbers than 0 and 1: {mask[i]}")
        return mask.astype(np.int8)

    def _final(self, infos: dict[str, Any]) -> NDArray:
        mask = self._masks(infos.get("final_info", {}), np.zeros(self.num_envs, np.bool_))
        final = np.full(self.num_envs, None, dtype=object)
        for i in np.flatnonzero(infos["_final_obs"]):
            last = mask[i] if mask[i].any() else np.ones_like(mask[i])
            final[i] = {"observation": infos["final_obs"][i], MASK: last}
        return final


def _column(chosen: NDArray[np.bool_], like: NDArray) -> NDArray[np.bool_]:
    """(N,) as (N, 1, ...), of as many dimensions as `like`."""
    return chosen.reshape(-1, *(1,) * (like.ndim - 1))


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


class PreviousStep(gym.Wrapper):
    """Adds to each observation the action that led to it and its reward, which only a memory could know otherwise.

    The observation becomes Dict(observation=..., previous_action (A,), previous_reward (1,)). If it is a Dict already,
    both are put beside its parts, an action mask among them. Discrete choices are one-hot, and after a reset all is 0.
    """

    def __init__(self, env: gym.Env) -> None:
        super().__init__(env)
        seen = env.observation_space
        self._parts = isinstance(seen, gym.spaces.Dict)
        spaces = dict(seen.spaces) if isinstance(seen, gym.spaces.Dict) else {"observation": seen}
        if taken := spaces.keys() & {"previous_action", "previous_reward"}:
            raise UsageError(f"the observations have a part {min(taken)!r} already")
        action: Any = flatten_space(env.action_space)
        low, high = np.minimum(action.low, 0), np.maximum(action.high, 0)
        spaces["previous_action"] = gym.spaces.Box(low.astype(np.float32), high.astype(np.float32))
        spaces["previous_reward"] = gym.spaces.Box(-np.inf, np.inf, (1,), np.float32)
        self.observation_space = gym.spaces.Dict(spaces)
        self._nothing = np.zeros(action.shape, np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict, dict[str, Any]]:
        obs, info = self.env.reset(seed=seed, options=options)
        return self._beside(obs, self._nothing.copy(), 0.0), info

    def step(self, action: Any) -> tuple[dict, Any, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self.env.step(action)
        done = np.asarray(flatten(self.env.action_space, action), np.float32)
        return self._beside(obs, done, reward), reward, terminated, truncated, info

    def _beside(self, obs: Any, action: NDArray[np.float32], reward: Any) -> dict[str, Any]:
        parts = obs if self._parts else {"observation": obs}
        return {**parts, "previous_action": action, "previous_reward": np.array([reward], np.float32)}
