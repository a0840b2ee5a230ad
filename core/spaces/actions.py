"""Actions as policies choose them, for the environment."""

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray


def action_adapter(space: spaces.Space[Any]) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Turns recorded actions (N, *act) into those the environment accepts, of its own dtype.

    Those of a Box are clipped, and rounded to the nearest where it holds whole numbers.
    """
    dtype = space.dtype
    match space:
        case spaces.Box():
            return _box(space)
        case spaces.Discrete(start=start) | spaces.MultiDiscrete(start=start) if np.any(start):
            return lambda action: (action + start).astype(dtype, copy=False)
    return lambda action: action.astype(dtype, copy=False)


def _box(space: spaces.Box) -> Callable[[NDArray[Any]], NDArray[Any]]:
    low, high, dtype = space.low, space.high, space.dtype
    bounded = space.bounded_below.any() or space.bounded_above.any()
    if dtype.kind in "iu":
        return lambda action: np.rint(np.clip(action, low, high)).astype(dtype)
    if bounded:
        return lambda action: np.clip(action, low, high).astype(dtype, copy=False)
    return lambda action: action.astype(dtype, copy=False)


def outside(space: spaces.Space[Any], action: NDArray[Any]) -> NDArray[np.bool_]:
    """(N,) which of actions (N, *act), as the environment takes them, are not in the space; NaN is in none."""
    low: Any
    high: Any
    match space:
        case spaces.Box():
            action, low, high = action.astype(space.dtype), space.low, space.high
        case spaces.Discrete(start=start, n=n):
            low, high = start, start + n - 1
        case spaces.MultiDiscrete(start=start, nvec=nvec):
            low, high = start, start + nvec - 1
        case _:
            low, high = 0, 1
    wrong: NDArray[np.bool_] = ~((low <= action) & (action <= high)).reshape(len(action), -1)
    if not isinstance(space, spaces.Box):
        wrong |= np.mod(action, 1).reshape(wrong.shape) != 0
    return np.asarray(wrong.any(axis=1))
