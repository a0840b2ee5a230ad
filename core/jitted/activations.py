"""ReLU and tanh in jitted code, and the way back through them."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .instantiate import PART

# Sums may be reordered, so that they use whole vector registers; nan and inf must come through to be reported.
REORDER: Any = {"reassoc", "contract", "nsz", "arcp"}
_VECTORS: Any = {"nogil": True, "error_model": "numpy", "fastmath": REORDER, "_nrt": False}


@njit(**_VECTORS)
def activate(x, count, relu):  # type: ignore[no-untyped-def]
    """ReLU of the first numbers, or tanh by the rational function of Eigen's `ptanh_float`, in place.

    That is within 3 units in the last place. Of `x`, here and below, jitted code may give only the place, see `at`.
    """
    if relu:
        for j in range(count):
            x[j] *= np.float32(x[j] > 0)  # a product, because compilers make no vectors of a choice; -inf becomes nan
        return
    for j in range(count):
        y = min(max(x[j], np.float32(-7.90531110763549805)), np.float32(7.90531110763549805))
        s = y * y
        p = np.float32(-2.76076847742355e-16)
        p = p * s + np.float32(2.00018790482477e-13)
        p = p * s + np.float32(-8.60467152213735e-11)
        p = p * s + np.float32(5.12229709037114e-08)
        p = p * s + np.float32(1.48572235717979e-05)
        p = p * s + np.float32(6.37261928875436e-04)
        p = p * s + np.float32(4.89352455891786e-03)
        q = np.float32(1.19825839466702e-06)
        q = q * s + np.float32(1.18534705686654e-04)
        q = q * s + np.float32(2.26843463243900e-03)
        q = q * s + np.float32(4.89352518554385e-03)
        x[j] = y * p / q


@njit(nogil=True, cache=True)
def apply(x: NDArray[Any], relu: bool) -> None:
    """`activate` for Python: on numbers (B,), in place."""
    activate(x, len(x), relu)


@njit(**PART)
def back_through(x, count, relu, grad):  # type: ignore[no-untyped-def]
    """Makes of the gradient by the first of activations x the one by what was activated, in place."""
    if relu:
        for i in range(count):
            grad[i] *= np.float32(x[i] > 0)
        return
    for i in range(count):
        grad[i] -= grad[i] * x[i] * x[i]


@njit(nogil=True, cache=True)
def back(x: NDArray[Any], relu: bool, grad: NDArray[Any]) -> None:
    """`back_through` for Python."""
    back_through(x, len(x), relu, grad)
