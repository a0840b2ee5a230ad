"""Epsilon-greedy choice among actions, one coin per environment."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .rng import Stream, uniform


@njit(nogil=True)
def choose(values: NDArray[Any], mask: NDArray[Any], count: int, epsilon: float, random: Stream) -> int:
    """The best of the first `count` actions, or with probability `epsilon` any of them; the first of equal ones.

    `mask` (count,) is nonzero for those that are available, or empty if all are.
    """
    masked = len(mask) > 0
    if epsilon > 0.0 and uniform(random) < epsilon:
        available = 0
        for j in range(count):
            available += (not masked) or mask[j] != 0
        left = int(uniform(random) * available)
        for j in range(count):
            if (not masked) or mask[j] != 0:
                if left == 0:
                    return j
                left -= 1
    best = -1
    for j in range(count):
        if ((not masked) or mask[j] != 0) and (best < 0 or values[j] > values[best]):
            best = j
    return max(best, 0)


@njit(nogil=True, cache=True)
def choose_all(values: NDArray[Any], masks: NDArray[Any], epsilon: float, random: Stream) -> NDArray[Any]:
    """Actions (N,) for values (N, A) and masks (N, A), or (N, 0) where all actions are available."""
    actions = np.empty(len(values), np.int64)
    for i in range(len(values)):
        actions[i] = choose(values[i], masks[i], values.shape[1], epsilon, random)
    return actions
