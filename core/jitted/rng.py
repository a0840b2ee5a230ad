"""Random numbers for jitted code: SplitMix64 (Steele, Lea & Flood 2014), whose whole state is one counter."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Stream = NDArray[np.uint64]
"""The counter, shape (1,)."""


def stream(seed: int) -> Stream:
    """A stream of its own for each seed."""
    return np.random.SeedSequence(seed).generate_state(1, np.uint64).astype(np.uint64)


@njit(nogil=True)
def uniform(random: Stream) -> float:
    """The next number in [0, 1), 53 bits."""
    random[0] += np.uint64(0x9E3779B97F4A7C15)
    z = random[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.float64((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@njit(nogil=True)
def normal(random: Stream) -> float:
    """The next standard normal number (Box & Muller 1958, one of the pair)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(random)))
    return radius * math.cos(2.0 * math.pi * uniform(random))
