import numpy as np
import pytest
from numba import njit

from gymnast.core.jitted.instructions import at
from gymnast.core.jitted.products import add_dots, add_product, add_to_columns


@njit
def multiplied(a, down, along, b, b_down, b_along, c, n, m, p):
    """Rows of C begin five numbers apart from where those before end."""
    add_product(at(a, 0), down, along, at(b, 0), b_down, b_along, at(c, 0), p + 5, n, m, p)


SHAPES = [(1, 1, 1), (4, 3, 16), (5, 7, 21), (9, 2, 39), (13, 16, 3), (6, 0, 5), (33, 64, 17), (8, 600, 18)]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("b_turned", [False, True])
@pytest.mark.parametrize(("n", "m", "p"), SHAPES)
def test_products_of_every_shape_are_added_and_nothing_else_is_touched(n, m, p, turned, b_turned):
    random = np.random.default_rng(0)
    a = random.normal(size=(m, n) if turned else (n, m)).astype(np.float32)
    b, c = random.normal(size=(m, p + 3)).astype(np.float32), random.normal(size=(n, p + 5)).astype(np.float32)
    expected = c.copy()
    expected[:, :p] += (a.T if turned else a) @ b[:, :p]
    b_down, b_along = (1, m) if b_turned else (p + 3, 1)
    b = np.ascontiguousarray(b.T) if b_turned else b
    multiplied(a, 1 if turned else m, n if turned else 1, b, b_down, b_along, c, n, m, p)
    np.testing.assert_allclose(c, expected, rtol=1e-4, atol=1e-4)


@njit
def multiplied_in_columns(a, down, along, b, c, n, m, p):
    add_to_columns(at(a, 0), down, along, at(b, 0), b.shape[1], at(c, 0), c.shape[1], n, m, p)


@njit
def dotted(a, b, c, n, m, p):
    add_dots(at(a, 0), a.shape[1], at(b, 0), b.shape[1], at(c, 0), c.shape[1], n, m, p)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("n", "m", "p"), [(1, 1, 16), (4, 3, 32), (9, 2, 48), (7, 0, 16), (50, 300, 16)])
def test_products_in_columns_are_added_and_nothing_else_is_touched(n, m, p, turned):
    random = np.random.default_rng(0)
    a = random.normal(size=(m, n) if turned else (n, m)).astype(np.float32)
    b, c = random.normal(size=(m, p + 3)).astype(np.float32), random.normal(size=(n, p + 5)).astype(np.float32)
    expected = c.copy()
    expected[:, :p] += (a.T if turned else a) @ b[:, :p]
    multiplied_in_columns(a, 1 if turned else m, n if turned else 1, b, c, n, m, p)
    np.testing.assert_allclose(c, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("n", "m", "p"), [(1, 8, 1), (2, 16, 4), (3, 8, 9), (5, 0, 3), (35, 256, 6)])
def test_dots_are_added_and_nothing_else_is_touched(n, m, p):
    random = np.random.default_rng(0)
    a, b, c = (random.normal(size=size).astype(np.float32) for size in ((n, m + 3), (p, m + 1), (n, p + 2)))
    expected = c.copy()
    expected[:, :p] += a[:, :m] @ b[:, :m].T
    dotted(a, b, c, n, m, p)
    np.testing.assert_allclose(c, expected, rtol=1e-4, atol=1e-4)


def test_what_is_not_a_number_comes_through():
    a, b, c = np.full((2, 3), np.nan, np.float32), np.ones((3, 4 + 3), np.float32), np.zeros((2, 4 + 5), np.float32)
    multiplied(a, 3, 1, b, 7, 1, c, 2, 3, 4)
    assert np.isnan(c[:, :4]).all()
    assert (c[:, 4:] == 0).all()
