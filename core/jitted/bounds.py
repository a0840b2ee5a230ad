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
