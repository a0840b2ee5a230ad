"""The knapsack: what fits, what it pays, when it is full."""

import itertools

import numpy as np
import pytest

from gymnast.core.errors import UsageError
from gymnast.envs import native

ITEMS = {"weights": [2, 3, 4], "values": [5, 6, 7], "capacity": 6}


def test_packing_pays_the_value_and_masks_what_no_longer_fits():
    env = native.make("gymnast/Knapsack-v0", 1, **ITEMS)
    obs, info = env.reset(seed=0)
    assert obs[0].tolist() == [6, 1, 1, 1, 2, 3, 4, 5, 6, 7]
    assert info["action_mask"].tolist() == [[1, 1, 1]]
    obs, reward, terminated, _, info = env.step(np.array([1]))  # 6 - 3 leaves 3: item 0 fits, item 2 does not
    assert obs[0].tolist() == [3, 1, 0, 1, 2, 3, 4, 5, 6, 7]
    assert (reward[0], terminated[0]) == (6, False)
    assert info["action_mask"].tolist() == [[1, 0, 0]]
    assert info["action_mask"].dtype == np.int8
    _, reward, terminated, _, info = env.step(np.array([0]))  # 1 left: nothing fits
    assert (reward[0], terminated[0]) == (5, True)
    assert info["final_obs"][0].tolist() == [1, 0, 0, 1, 2, 3, 4, 5, 6, 7]
    assert info["action_mask"].tolist() == [[1, 1, 1]]  # of the new episode
    assert info["final_info"]["action_mask"].tolist() == [[1, 1, 1]]  # after the end none matters


@pytest.mark.parametrize("action", [1, 2])
def test_an_item_that_is_gone_or_too_heavy_changes_nothing(action):
    env = native.make("gymnast/Knapsack-v0", 1, **ITEMS)
    env.reset(seed=0)
    before = env.step(np.array([1]))[0]
    obs, reward, terminated, _, _ = env.step(np.array([action]))
    np.testing.assert_array_equal(obs, before)
    assert (reward[0], terminated[0]) == (0, False)


def test_the_best_order_earns_the_best_subset():
    """All orders of packing, against all subsets that fit: the two maxima are the same number."""
    weights, values, capacity = [3, 4, 5, 2], [4, 5, 7, 2], 9
    orders = np.array(list(itertools.permutations(range(4))))
    env = native.make("gymnast/Knapsack-v0", len(orders), weights=weights, values=values, capacity=capacity)
    env.reset(seed=0)
    total, alive = np.zeros(len(orders)), np.ones(len(orders), bool)
    for step in range(4):
        _, reward, terminated, _, _ = env.step(orders[:, step])
        total += alive * reward
        alive &= ~terminated
    subsets = np.array(list(itertools.product([0, 1], repeat=4)))
    assert total.max() == max(subset @ values for subset in subsets if subset @ weights <= capacity)


def test_random_items_differ_between_episodes_and_always_leave_something_to_pack():
    env = native.make("gymnast/Knapsack-v0", 500, items=2)
    obs, info = env.reset(seed=0)
    assert env.observation_space.contains(obs)
    assert info["action_mask"].any(axis=1).all()
    np.testing.assert_array_equal(obs[:, 0], obs[:, 3:5].sum(axis=1) // 2)
    assert set(obs[:, 3:].ravel()) == set(range(1, 11))


def test_problems_without_a_first_item_are_refused():
    with pytest.raises(UsageError, match="must be equally many"):
        native.make("gymnast/Knapsack-v0", 1, weights=[1, 2])
    with pytest.raises(UsageError, match="a capacity that always takes one"):
        native.make("gymnast/Knapsack-v0", 1, weights=[3, 4], values=[1, 1], capacity=2)
    with pytest.raises(UsageError, match="needs two items or more"):
        native.make("gymnast/Knapsack-v0", 1, items=1)


def test_the_picture_moves_packed_items_into_the_sack():
    env = native.make("gymnast/Knapsack-v0", 1, render_mode="rgb_array", **ITEMS)
    env.reset(seed=0)
    (before,) = env.render()
    env.step(np.array([0]))
    (after,) = env.render()
    assert before.shape == (320, 480, 3)
    assert tuple(before[260, 60]) == (236, 236, 230)  # the empty sack
    assert tuple(after[260, 60]) == (25, 80, 170)  # item 0, the most valuable per weight
