"""Actions as policies choose them, for the environment."""

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray


def action_adapter(space: spaces.Space[Any]) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Turns recorded actions (N, *act) into those the environment accepts."""
    if isinstance(space, spaces.Box) and (space.bounded_below.any() or space.bounded_above.any()):
        low, high = space.low, space.high
        return lambda action: np.clip(action, low, high)
    if isinstance(space, spaces.Discrete) and space.start:
        start = space.start
        return lambda action: action + start
    if isinstance(space, spaces.MultiDiscrete) and space.start.any():
        starts = space.start
        return lambda action: action + starts
    return lambda action: action
