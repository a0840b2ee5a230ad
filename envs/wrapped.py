"""Wrappers around single environments: those that a user names, one that leaves texts out, one that asks for masks."""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv

from ..core.errors import UsageError
from ..core.spaces.keys import MASK, MASKS
from .factory import EnvLike, MakeEnv, is_game, is_spec, name_of, resolve


class Wrapped:
    """Makes an environment in its wrappers, the first one innermost, without the texts that no network reads.

    A class and not a closure, so that it can be sent to another process.
    """

    def __init__(self, make_env: MakeEnv, wrappers: Sequence[EnvLike]) -> None:
        self.make_env, self.wrappers = make_env, [_callable(wrapper) for wrapper in wrappers]

    def __call__(self) -> gym.Env:
        env = self.make_env()
        for wrapper in self.wrappers:
            try:
                outer = wrapper(env)
            except (Exception, SystemExit) as problem:
                reason = " ".join(str(problem).split())
                raise UsageError(f"wrapper {name_of(wrapper)} raised {type(problem).__name__}: {reason}") from problem
            if not isinstance(outer, gym.Env):
                raise UsageError(f"wrapper {name_of(wrapper)} made a {type(outer).__name__}, no gymnasium.Env")
            env = outer
        if env.has_wrapper_attr("action_masks"):
            env = _WithMask(env)
        space = without_texts(env.observation_space)
        return _WithoutTexts(env, space) if space.left_out else env


class _Readable(spaces.Dict):
    """A Dict of which texts are left out."""

    left_out: tuple[str, ...] = ()
    """Their names."""


def left_out(env: VectorEnv) -> tuple[str, ...]:
    """Names of the texts in its observations that `env` leaves out."""
    names: tuple[str, ...] = getattr(env.unwrapped.single_observation_space, "left_out", ())
    return names


def without_texts(space: spaces.Space) -> Any:
    """`space` without the texts in a Dict, whose names are its `left_out`, if anything remains."""
    kept, names = _Readable(), list[str]()
    if isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            inner = without_texts(part)
            names += [f"{key}/{name}" for name in inner.left_out]
            if isinstance(part, spaces.Text):
                names.append(str(key))
            else:
                kept.spaces[key] = inner if inner.left_out else part
    if kept.spaces:
        kept.left_out = tuple(names)
    return kept


class _WithMask(gym.Wrapper):
    """Puts what the method `action_masks` says, sb3-contrib's way to give a mask, into every info that has none."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        obs, info = self.env.reset(seed=seed, options=options)
        return obs, self._masked(info)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self.env.step(action)
        return obs, reward, terminated, truncated, info if terminated else self._masked(info)

    def _masked(self, info: dict[str, Any]) -> dict[str, Any]:
        if any(name in info for name in MASKS):
            return info
        mask = np.asarray(self.env.get_wrapper_attr("action_masks")())
        return {**info, MASK: mask.astype(np.int8) if mask.dtype == np.bool_ else mask}


class _WithoutTexts(gym.ObservationWrapper):
    """Leaves out what `space` lacks."""

    def __init__(self, env: gym.Env, space: spaces.Dict) -> None:
        super().__init__(env)
        self.observation_space = space

    def observation(self, observation: Any) -> Any:
        return _part(self.observation_space, observation)


def _part(space: spaces.Space, obs: Any) -> Any:
    if not isinstance(space, _Readable):
        return obs
    return {key: _part(part, obs[key]) for key, part in space.spaces.items()}


def _callable(wrapper: EnvLike) -> Any:
    """What a wrapper's name stands for, which must be allowed just as an environment's is."""
    found = resolve(wrapper)
    if is_game(found) or is_spec(found):
        given = wrapper if isinstance(wrapper, str) else name_of(found)
        raise UsageError(f"{str(given)!r} is an environment, not module:Wrapper")
    return found
