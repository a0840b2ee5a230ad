"""A sum-tree in one array: draws a leaf in proportion to its weight, or changes a weight, in log2(leaves) steps.

`tree (2P,)`, P a power of two: the root, the sum of all weights, is tree[1]; below i are 2i and 2i + 1; leaf j is
tree[P + j]. Schaul et al. 2015, arXiv:1511.05952, appendix B.2.1.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray


def build(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The tree over weights (leaves,), shape (2P,) with P the next power of two."""
    half = 1 << max(len(weights) - 1, 1).bit_length()
    tree = np.zeros(2 * half)
    tree[half : half + len(weights)] = weights
    _sum_up(tree)
    return tree


def weights(tree: NDArray[np.float64]) -> NDArray[np.float64]:
    """A view of the weights, shape (P,)."""
    return tree[len(tree) // 2 :]


@njit(nogil=True, cache=True)
def assign(tree: NDArray, leaves: NDArray, weights: NDArray) -> None:
    """Gives `leaves (B,)` their `weights (B,)`; the last one holds where a leaf is named twice."""
    half = tree.size // 2
    for b in range(leaves.size):
        i = half + leaves[b]
        tree[i] = weights[b]
        while i > 1:
            i >>= 1
            tree[i] = tree[2 * i] + tree[2 * i + 1]  # summed anew each time: rounding errors cannot pile up


@njit(nogil=True, cache=True)
def find(tree: NDArray, targets: NDArray) -> NDArray:
    """The leaves (B,) in which `targets (B,)` of [0, tree[1]) fall when the weights lie side by side."""
    half = tree.size // 2
    node, rest = np.ones(targets.size, np.int64), targets.copy()
    level = 1
    while level < half:  # all targets descend together: their cache misses overlap
        for b in range(targets.size):
            left = tree[2 * node[b]]
            right = (rest[b] >= left) & (tree[2 * node[b] + 1] > 0)  # rounding may leave a rest beyond all weights
            rest[b] -= left if right else 0.0
            node[b] = 2 * node[b] + right
        level *= 2
    return node - half


@njit(nogil=True, cache=True)
def _sum_up(tree: NDArray) -> None:
    for i in range(tree.size // 2 - 1, 0, -1):
        tree[i] = tree[2 * i] + tree[2 * i + 1]
