"""How a replay draws: jitted loops over its slots, whose numbers run along the rows, `envs` to a row."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..jitted.instructions import copy_bytes
from ..jitted.rng import uniform
from . import sumtree

VALID, TERMINATED, ENDED, CUT = 1, 2, 4, 8  # bits of a slot's flags; CUT: the batch after it did not continue it
FIRST = 16  # one more, where memories have to know it: an episode begins with the slot
SMALLEST_ERROR = 1e-6  # added to |TD error|, so that no transition is forgotten for good


@njit(nogil=True, cache=True)
def draw_uniformly(random: NDArray[Any], flags: NDArray[Any], slots: int, size: int) -> NDArray[Any]:
    """Valid ones among the first `slots`, drawn with replacement, shape (size,)."""
    out = np.empty(size, np.int64)
    for b in range(size):
        slot = int(uniform(random) * slots)
        while not flags[slot] & VALID:
            slot = int(uniform(random) * slots)
        out[b] = slot
    return out


@njit(nogil=True, cache=True)
def draw_by_weight(
    random: NDArray[Any], tree: NDArray[Any], size: int, batches: int, beta: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Slots and importance weights, both (batches * size,): one slot from each of `size` equal parts of all weights."""
    targets, first_leaf = np.empty(batches * size), tree.size // 2
    for b in range(targets.size):
        targets[b] = (b % size + uniform(random)) / size * tree[1]
    slots = sumtree.find(tree, targets)
    weights = np.empty(slots.size, np.float32)
    for first in range(0, slots.size, size):
        least = np.inf
        for b in range(first, first + size):
            least = min(least, tree[first_leaf + slots[b]])
        for b in range(first, first + size):
            # (count * P(i))^-beta over its largest value: count and the sum of all weights cancel
            weights[b] = (tree[first_leaf + slots[b]] / least) ** -beta
    return slots, weights


@njit(nogil=True, cache=True)
def weigh_anew(
    slots: NDArray[Any], td_error: NDArray[Any], alpha: float, flags: NDArray[Any], tree: NDArray[Any]
) -> float:
    """Gives slots (B,) that may still be drawn their weights for the errors (B,); the largest weight."""
    alive, weights = np.empty(slots.size, np.int64), np.empty(slots.size)
    count, top = 0, 0.0
    for b in range(slots.size):
        weight = (abs(np.float64(td_error[b])) + SMALLEST_ERROR) ** alpha
        top = max(top, weight)
        if flags[slots[b]] & VALID:
            alive[count], weights[count] = slots[b], weight
            count += 1
    sumtree.assign(tree, alive[:count], weights[:count])
    return top


@njit(nogil=True, cache=True)
def take(slots: NDArray[Any], records: NDArray[Any], offset: int, out: NDArray[Any]) -> None:
    """Copies the bytes that begin at `offset` of each slot's record, as many as fit; nothing for slots below 0."""
    source, width, count = records.reshape(-1), records.shape[1], out.size // slots.size
    for b in range(slots.size):
        if slots[b] >= 0:
            copy_bytes(out, b * count, source, slots[b] * width + offset, count)


@njit(nogil=True, cache=True)
def look_ahead(
    indices: NDArray[Any],
    flags: NDArray[Any],
    rewards: NDArray[Any],
    end_of: NDArray[Any],
    envs: int,
    newest: int,
    n: int,
    gamma: float,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Discounted sums of up to n rewards, discounts, and where to bootstrap, each (B,).

    A slot is followed by the one `envs` further on, up to n times, but not across an end, a slot that is not valid, or
    the newest row, whose first slot is `newest`. Where to bootstrap: a slot, or -(row + 1) for a row of the ends.
    """
    reward, discount = np.empty(indices.size, np.float32), np.empty(indices.size, np.float32)
    source = np.empty(indices.size, np.int64)
    for b in range(indices.size):
        slot, total, weight = indices[b], 0.0, 1.0
        for k in range(n):
            total += weight * np.float64(rewards[slot])
            weight *= gamma
            following = slot + envs if slot + envs < flags.size else slot + envs - flags.size
            if flags[slot] & (ENDED | CUT):
                source[b] = -1 - end_of[slot]
                break
            if newest <= slot < newest + envs:
                source[b] = -1 - (slot - newest)
                break
            if k == n - 1 or not flags[following] & VALID:
                source[b] = following
                break
            slot = following
        reward[b] = total
        discount[b] = 0.0 if flags[slot] & TERMINATED else weight
    return reward, discount, source


@njit(nogil=True, cache=True)
def fill_in(source: NDArray[Any], ends: NDArray[Any], out: NDArray[Any]) -> None:
    """Writes row -(source + 1) of the ends wherever source < 0; rows of bytes."""
    for b in range(source.size):
        if source[b] < 0:
            out[b] = ends[-1 - source[b]]


@njit(nogil=True, cache=True)
def stack(
    slots: NDArray[Any],
    frames: NDArray[Any],
    age: NDArray[Any],
    start_of: NDArray[Any],
    starts: NDArray[Any],
    envs: int,
    stack: int,
    out: NDArray[Any],
) -> None:
    """Writes the stacks of slots (below 0: nothing) as rows of words, put together from single frames.

    Frames from before an episode's start are those kept for its first slot, or blank.
    """
    width = out.shape[1] // stack
    for b in range(slots.size):
        slot = slots[b]
        if slot < 0:
            continue
        reach = np.int64(age[slot])
        start = start_of[(slot - reach * envs) % len(frames)]
        for back in range(stack):
            place = (stack - 1 - back) * width
            if back <= reach:
                _copy(frames, (slot - back * envs) % len(frames), 0, out, b, place, width)
            elif start >= 0:
                _copy(starts, start, place + reach * width, out, b, place, width)
            else:
                out[b, place : place + width] = 0


@njit(nogil=True, cache=True)
def _copy(x: NDArray[Any], row: int, at: int, out: NDArray[Any], out_row: int, out_at: int, width: int) -> None:
    for i in range(width):  # a loop, because Numba copies slices several times more slowly
        out[out_row, out_at + i] = x[row, at + i]


@njit(nogil=True, cache=True)
def ages(obs: NDArray[Any], first: NDArray[Any], stack: int) -> NDArray[Any]:
    """How many older frames of each stack are those of the slots before it, ((T+1) * N,); obs ((T+1) * N, words).

    None where the stack is not the one before it shifted, then one more with every step. `first (N,)`: in row 0.
    """
    envs, width = first.size, obs.shape[1] // stack
    age = np.empty(len(obs), np.uint8)
    age[:envs] = first
    for i in range(envs, len(obs)):
        differs = obs.dtype.type(0)
        for j in range(obs.shape[1] - width):
            differs |= obs[i, j] ^ obs[i - envs, width + j]
        age[i] = 0 if differs else min(age[i - envs] + 1, stack - 1)
    return age
