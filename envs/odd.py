"""Rewards and observations that no batch takes are named once it has failed: to look at every step would take long."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from ..core.errors import TrainingError


def refuse_odd(space: spaces.Space, observations: Sequence[Any], rewards: Sequence[Any], first: int = 0) -> None:
    """Raise TrainingError for the first reward that is not one number, or observation of another shape than `space`'s.

    Environments are counted from `first`.
    """
    for i, reward in enumerate(rewards, first):
        if isinstance(reward, dict | list | tuple | str | None) or np.ndim(reward):
            raise TrainingError(f"environment {i} gave the reward {_short(reward)}, which is not one number")
    for i, obs in enumerate(observations, first):
        for where, part, value in _leaves(space, obs, ""):
            said = f"{_short(value)}{where} does not fit the observation space {space}"
            if not _numbers(value):
                raise TrainingError(f"environment {i}: {said}")
            if np.shape(value) != part.shape:
                said = f"an observation of shape {np.shape(value)}{where} does not fit the observation space {space}"
                raise TrainingError(f"environment {i}: {said}")


def _leaves(space: spaces.Space, obs: Any, where: str) -> Iterator[tuple[str, spaces.Space, Any]]:
    """Where the parts of an observation are, their spaces, and what was given for them; "" for nothing."""
    if not isinstance(space, spaces.Dict | spaces.Tuple):
        yield where, space, obs
        return
    parts = space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces)
    for key, part in parts:
        try:
            value = obs[key]
        except (LookupError, TypeError):
            value = ""
        yield from _leaves(part, value, f" in {str(key)!r}")


def _numbers(value: Any) -> bool:
    try:
        return np.asarray(value).dtype.kind in "biuf"
    except ValueError:  # lists of several lengths
        return False


def _short(value: Any) -> str:
    return f"{' '.join(repr(value).split()):.80}"
