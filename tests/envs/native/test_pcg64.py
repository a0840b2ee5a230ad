"""The jitted generator against NumPy's."""

import numpy as np
import pytest
from gymnasium.utils import seeding
from numba import njit

from gymnast.envs.native import pcg64


@njit
def draw(rng, kinds, uniforms, integers):
    """Mixes the two kinds, so that NumPy's spare 32 bits are kept and used across uniform draws."""
    for i in range(kinds.size):
        if kinds[i] == 0:
            uniforms[i] = pcg64.uniform(rng, -0.05, 0.05)
        else:
            integers[i] = pcg64.integer(rng, kinds[i])


@pytest.mark.parametrize("seed", [0, 1, 2**40 + 17])
def test_uniform_and_integer_draws_equal_numpys(seed):
    row = pcg64.seed_row(seed)
    numpy, _ = seeding.np_random(seed)
    kinds = np.random.default_rng(3).choice([0, 2, 3, 10, 4_000_000_000], size=3000)
    uniforms, integers = np.zeros(kinds.size), np.zeros(kinds.size, np.int64)
    draw(row, kinds, uniforms, integers)
    for kind, uniform, integer in zip(kinds, uniforms, integers, strict=True):
        assert (numpy.uniform(-0.05, 0.05) == uniform) if kind == 0 else (numpy.integers(kind) == integer)
