"""Numbers within bounds, looked at once as they arrive."""

from typing import Any

from numba import njit
from numpy.typing import NDArray


@njit(nogil=True, cache=True)
def first_outside(rows: NDArray[Any], low: NDArray[Any], high: NDArray[Any]) -> int:
    """The first of `rows` (N, D) with a number outside [low, high] (D,), as not-a-number is; -1 if there is none."""
    for i in range(len(rows)):
        for j in range(rows.shape[1]):
            if not (low[j] <= rows[i, j] <= high[j]):
                return i
    return -1


@njit(nogil=True, cache=True)
def first_blocked(masks: NDArray[Any], sizes: NDArray[Any]) -> int:
    """The first of `masks` (N, A) that is not all 0 and 1, or allows nothing of a choice among `sizes`; -1: none."""
    for i in range(len(masks)):
        j = 0
        for size in sizes:
            allowed = False
            for _ in range(size):
                if masks[i, j] != 0 and masks[i, j] != 1:
                    return i
                allowed |= masks[i, j] == 1
                j += 1
            if not allowed:
                return i
    return -1
