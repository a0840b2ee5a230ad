"""The sum-tree against plain cumulative sums."""

import numpy as np
import pytest

from gymnast.core.replay.replay import sumtree


def test_targets_fall_on_the_weights_laid_side_by_side():
    # weights 1 0 2 1 cover [0, 1) nothing [1, 3) [3, 4)
    tree = sumtree.build(np.array([1.0, 0.0, 2.0, 1.0]))
    assert tree[1] == 4
    assert sumtree.find(tree, np.array([0.0, 0.99, 1.0, 2.99, 3.0, 3.99])).tolist() == [0, 0, 2, 2, 3, 3]


def test_a_target_rounded_up_to_the_total_still_finds_a_weight():
    tree = sumtree.build(np.array([1.0, 2.0, 0.0]))
    assert sumtree.find(tree, np.array([3.0])).tolist() == [1]


@pytest.mark.parametrize("leaves", [1, 2, 3, 7, 8, 1000])
def test_find_equals_a_search_in_the_cumulative_sum(leaves):
    rng = np.random.default_rng(leaves)
    weights = rng.integers(0, 5, leaves).astype(float)
    weights[-1] += 1
    targets = rng.random(500) * weights.sum()
    found = sumtree.find(sumtree.build(weights), targets)
    np.testing.assert_array_equal(found, np.searchsorted(weights.cumsum(), targets, side="right"))


def test_assigning_equals_building_anew():
    rng = np.random.default_rng(0)
    tree = sumtree.build(np.zeros(100))
    leaves = rng.permutation(100)[:40]
    weights = np.zeros(100)
    weights[leaves] = rng.random(40)
    sumtree.assign(tree, leaves, weights[leaves])
    np.testing.assert_array_equal(tree, sumtree.build(weights))


def test_the_last_weight_of_a_leaf_named_twice_holds():
    tree = sumtree.build(np.zeros(4))
    sumtree.assign(tree, np.array([2, 2]), np.array([5.0, 3.0]))
    assert sumtree.weights(tree).tolist() == [0, 0, 3, 0]
    assert tree[1] == 3
