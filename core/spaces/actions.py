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
