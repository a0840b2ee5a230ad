"""An environment's `compute_reward` and `compute_terminated`, for any number of goals at once."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

Method = Callable[[Any, Any, dict[str, Any]], Any]


class Judged:
    """Rewards and ends for rows of goals (B, ...), as Gymnasium-Robotics defines the methods that give them.

    Some of these take rows, and some, like its mazes' `compute_terminated`, one pair of goals alone, whose norm of rows
    is a number too: which it is, two rows tell. The info that they are given is empty: goals alone decide.
    """

    def __init__(self, env: gym.Env | VectorEnv) -> None:
        self._methods = [_method(env, name) for name in ("compute_reward", "compute_terminated")]
        self._take_rows: list[bool] = []  # which of them do, once they were tried

    def __call__(
        self, achieved: NDArray[Any], desired: NDArray[Any]
    ) -> tuple[NDArray[np.float32] | None, NDArray[np.bool_] | None]:
        """Rewards (B,), and whether an episode ends (B,); None where the environment does not say."""
        if not self._take_rows:
            self._take_rows = [
                method is not None and _takes_rows(method, achieved, desired) for method in self._methods
            ]
        reward, terminated = (
            None if method is None else _rows(method, takes_rows, achieved, desired)
            for method, takes_rows in zip(self._methods, self._take_rows, strict=True)
        )
        return (
            None if reward is None else reward.astype(np.float32),
            None if terminated is None else terminated.astype(np.bool_),
        )


def _method(env: gym.Env | VectorEnv, name: str) -> Method | None:
    """A method of an environment, whatever it is wrapped in."""
    if isinstance(env, VectorEnv):
        found: Method | None = getattr(env, name, None)
        return found
    return env.get_wrapper_attr(name) if env.has_wrapper_attr(name) else None


def _takes_rows(method: Method, achieved: NDArray[Any], desired: NDArray[Any]) -> bool:
    with suppress(Exception):  # what was written for one pair of goals may do anything with two
        return np.shape(method(np.repeat(achieved[:1], 2, 0), np.repeat(desired[:1], 2, 0), {})) == (2,)
    return False


def _rows(method: Method, takes_rows: bool, achieved: NDArray[Any], desired: NDArray[Any]) -> NDArray[Any]:
    if takes_rows:
        return np.asarray(method(achieved, desired, {}))
    return np.array([np.asarray(method(a, d, {})).item() for a, d in zip(achieved, desired, strict=True)])
