"""NumPy's PCG64 generator for jitted code, bit for bit.

O'Neill 2014, "PCG: A family of simple fast space-efficient statistically good algorithms for random number
generation" (XSL-RR 128/64). A generator is one row of six uint64: the high and low half of the state, the high and
low half of the increment, and NumPy's spare 32 bits: whether there are any, and which.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

ROW = 6
Rng = NDArray[np.uint64]
"""A generator (6,)."""

_MULTIPLIER_HIGH = np.uint64(0x2360ED051FC65DA4)
_MULTIPLIER_LOW = np.uint64(0x4385DF649FCCF645)
_MASK32 = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_TO_UNIT = 1.0 / 9007199254740992.0  # 2^-53


def seed_row(seed: int | None) -> Rng:
    """The row (6,) that Gymnasium's `seeding.np_random(seed)` starts from; fresh entropy for None."""
    state = np.random.PCG64(np.random.SeedSequence(seed)).state
    words = [state["state"][name] >> shift for name in ("state", "inc") for shift in (64, 0)]
    words += [state["has_uint32"], state["uinteger"]]
    return np.array([word & 0xFFFFFFFFFFFFFFFF for word in words], np.uint64)


@njit(nogil=True)
def next_uint64(rng: Rng) -> np.uint64:
    """64 random bits: one step of the 128-bit congruence, then its halves folded and rotated."""
    high, low = rng[0], rng[1]
    product_high = _multiply_high(low, _MULTIPLIER_LOW) + high * _MULTIPLIER_LOW + low * _MULTIPLIER_HIGH
    product_low = low * _MULTIPLIER_LOW
    low = product_low + rng[3]
    high = product_high + rng[2] + np.uint64(low < product_low)
    rng[0], rng[1] = high, low
    folded = high ^ low
    turn = high >> np.uint64(58)
    return (folded >> turn) | (folded << ((np.uint64(64) - turn) & np.uint64(63)))


@njit(nogil=True)
def next_uint32(rng: Rng) -> np.uint64:
    """32 random bits as uint64: the low half of a fresh word, then its high half."""
    if rng[4]:
        rng[4] = np.uint64(0)
        return rng[5]
    word = next_uint64(rng)
    rng[4], rng[5] = np.uint64(1), word >> _32
    return word & _MASK32


@njit(nogil=True)
def random(rng: Rng) -> float:
    """`Generator.random()`: uniform in [0, 1), 53 bits."""
    return np.float64(next_uint64(rng) >> np.uint64(11)) * _TO_UNIT


@njit(nogil=True)
def uniform(rng: Rng, low: float, high: float) -> float:
    """`Generator.uniform(low, high)`."""
    return low + (high - low) * random(rng)


@njit(nogil=True)
def integer(rng: Rng, count: int) -> np.int64:
    """`Generator.integers(count)` for 2 <= count < 2^32: Lemire 2019, arXiv:1805.10941, on 32 bits."""
    excluded = np.uint64(count)
    product = next_uint32(rng) * excluded
    left = product & _MASK32
    if left < excluded:
        threshold = (_MASK32 - (excluded - np.uint64(1))) % excluded
        while left < threshold:
            product = next_uint32(rng) * excluded
            left = product & _MASK32
    return np.int64(product >> _32)


@njit(nogil=True)
def _multiply_high(a: np.uint64, b: np.uint64) -> np.uint64:
    """The upper 64 bits of the 128-bit product."""
    a_high, a_low, b_high, b_low = a >> _32, a & _MASK32, b >> _32, b & _MASK32
    low = a_low * b_low
    middle = a_high * b_low + (low >> _32)
    other = a_low * b_high + (middle & _MASK32)
    return a_high * b_high + (middle >> _32) + (other >> _32)
