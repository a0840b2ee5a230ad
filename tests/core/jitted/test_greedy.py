"""Epsilon-greedy choice: frequencies, masks, ties, one coin per environment."""

import numpy as np

from gymnast.core.jitted.greedy import choose_all
from gymnast.core.jitted.rng import stream

NO_MASK = np.zeros((0, 0), np.int8)


def chosen(values, epsilon, count=40_000, mask=None, seed=0):
    values = np.tile(np.asarray(values, np.float32), (count, 1))
    masks = np.zeros((count, 0), np.int8) if mask is None else np.tile(np.asarray(mask, np.int8), (count, 1))
    actions = choose_all(values, masks, epsilon, stream(seed))
    return np.bincount(actions, minlength=values.shape[1]) / count


def test_the_best_has_one_minus_epsilon_and_its_share_of_the_rest():
    # 0.7 + 0.3 / 4, and 0.3 / 4 each
    np.testing.assert_allclose(chosen([0, 3, 1, 2], 0.3), [0.075, 0.775, 0.075, 0.075], atol=0.006)


def test_epsilon_0_is_greedy_and_the_first_of_equals():
    assert chosen([1, 3, 3, 2], 0.0).tolist() == [0, 1, 0, 0]


def test_epsilon_1_is_uniform():
    np.testing.assert_allclose(chosen([0, 9, 0], 1.0), np.full(3, 1 / 3), atol=0.01)


def test_masked_actions_are_never_chosen():
    np.testing.assert_allclose(chosen([9, 1, 5, 2], 0.5, mask=[0, 1, 0, 1]), [0, 0.25, 0, 0.75], atol=0.01)


def test_each_environment_flips_a_coin_of_its_own():
    values = np.tile(np.array([1, 0], np.float32), (1000, 1))
    actions = choose_all(values, np.zeros((1000, 0), np.int8), 0.5, stream(1))
    assert 200 < actions.sum() < 300
