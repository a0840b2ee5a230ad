"""The last observations seen as one, for what a single one does not tell: velocities, what came before."""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..errors import UsageError
from .tokens import Tokens


def stacked(space: spaces.Space[Any], count: int) -> spaces.Space[Any]:
    """The space of `count` observations of a Box space seen as one: images along their channels, others first to last.

    Raises:
        UsageError: for a space that is not a Box, or holds texts.
    """
    if count == 1:
        return space
    if isinstance(space, Tokens):
        raise UsageError("a text is its own history; leave history at 1")
    if not isinstance(space, spaces.Box) or not space.shape:
        raise UsageError(f"history needs observations in a Box with an axis, not {space}")
    low, high = (stack_rows(np.stack([bound[None]] * count), space)[0] for bound in (space.low, space.high))
    return spaces.Box(low, high, dtype=space.dtype.type)


def stack(obs: NDArray[Any], count: int, space: spaces.Space[Any]) -> NDArray[Any]:
    """Every row (L, *obs) of one episode with the `count` - 1 rows before it; the first one stands for what was before.

    `space` is that of a single observation; the oldest comes first.
    """
    if count == 1:
        return obs
    back = np.arange(count - 1, -1, -1)[:, None]
    return stack_rows(obs[np.maximum(np.arange(len(obs)) - back, 0)], space)


def stack_rows(rows: NDArray[Any], space: spaces.Space[Any]) -> NDArray[Any]:
    """Observations (count, N, *obs), oldest first, as (N, *stacked); `space` is that of a single one."""
    return np.concatenate(list(rows), _stack_axis(space))


def _stack_axis(space: spaces.Space[Any]) -> int:
    """The axis of a batch along which observations are joined: the channels of images, the first one of others."""
    shape = space.shape or ()
    image = space.dtype == np.uint8 and len(shape) == 3
    return -1 if image and shape[-1] <= shape[0] else 1
