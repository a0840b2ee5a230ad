"""Knapsack: pack the most valuable items that fit; each action adds one item.

The 0/1 knapsack problem as sequential decisions (Martello and Toth 1990). An episode ends when nothing more fits.
Observation: remaining capacity, then for every item whether it is still there, its weight and its value. State: the
same numbers.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from gymnasium import spaces
from numba import njit
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ...core.errors import UsageError
from .kernel import Kernel, Painter, Row, Table
from .pcg64 import Rng, integer

_TABLED = 15  # items, whose 32,768 subsets can still be written down
LARGEST = 10  # of random weights and values, which are whole numbers from 1

WIDTH, HEIGHT, MARGIN = 480, 320, 24  # pixels
PAPER, INK, FADED, EMPTY = (250, 250, 246), (60, 64, 72), (214, 214, 208), (236, 236, 230)
CHEAP, DEAR = np.array([158, 184, 217]), np.array([25, 80, 170])  # colours of the least and most value per weight


def kernel(
    items: int = 8,
    weights: Sequence[float] | None = None,
    values: Sequence[float] | None = None,
    capacity: float | None = None,
) -> Kernel:
    """New random items in every episode, or always those with the given `weights` and `values`.

    Random weights and values are whole numbers from 1 to 10. `capacity` defaults to half of the total weight, rounded
    down.
    """
    weight, value = (np.asarray([] if given is None else given, np.float64) for given in (weights, values))
    if weight.shape != value.shape:
        raise UsageError(f"gymnast/Knapsack-v0: weights {weights} and values {values} must be equally many")
    count = weight.size or items
    lightest, heaviest, dearest = (weight.min(), weight.max(), value.max()) if weight.size else (LARGEST,) * 3
    half = weight.sum() // 2 if weight.size else np.nan
    room = half if capacity is None else float(capacity)
    if count < 2 or np.any(weight <= 0) or np.any(value <= 0) or room < lightest:
        raise UsageError(
            f"gymnast/Knapsack-v0: {count} items and capacity {capacity}: needs two items or more, positive weights "
            f"and values, and a capacity that always takes one (here {lightest:g} or more)"
        )
    most = heaviest * count if np.isnan(room) else room
    high = np.repeat(np.array([most, 1.0, heaviest, dearest], np.float32), [1, count, count, count])
    return Kernel(
        name="gymnast/Knapsack",
        reset=reset,
        step=step,
        observe=observe,
        mask=mask,
        params=np.concatenate([[count, room], weight, value]),
        state_size=1 + 3 * count,
        observation_space=spaces.Box(np.zeros_like(high), high, dtype=np.float32),
        action_space=spaces.Discrete(count),
        painter=partial(_painter, count),
        table=partial(_table, weight, value, room) if 0 < weight.size <= _TABLED else None,
    )


def _table(weight: NDArray, value: NDArray, room: float) -> Table:
    """The model with the fixed items: item i is packed where bit i of state s is set; only what fits is offered."""
    count = len(weight)
    left = [room - sum(weight[i] for i in range(count) if s >> i & 1) for s in range(1 << count)]
    fits = [[not s >> i & 1 and weight[i] <= left[s] for i in range(count)] for s in range(1 << count)]

    def packed(s: int, i: int) -> list[tuple[float, int, float, bool]]:
        return [(1.0, s | 1 << i, float(value[i]), not any(fits[s | 1 << i]))]

    over = {i: [(1.0, 0, 0.0, True)] for i in range(count)}  # once nothing fits; its states are never acted in
    return {
        s: {i: packed(s, i) for i in range(count) if fits[s][i]} if any(fits[s]) else over for s in range(1 << count)
    }


@njit(nogil=True)
def reset(state: Row, params: Row, rng: Rng) -> None:
    """All items there, nothing packed; `params` are their number, the capacity or nan, and fixed items if any."""
    n = int(params[0])
    for i in range(2 * n):
        state[1 + n + i] = params[2 + i] if params.shape[0] > 2 else 1.0 + integer(rng, LARGEST)
    state[1 : 1 + n] = 1.0
    state[0] = np.sum(state[1 + n : 1 + 2 * n]) // 2 if np.isnan(params[1]) else params[1]


@njit(nogil=True)
def step(state: Row, params: Row, action: int, rng: Rng) -> tuple[float, bool]:
    """The value of the item packed. What is gone or does not fit stays where it is: reward 0."""
    n = int(params[0])
    reward = 0.0
    if _fits(state, n, action):
        state[0] -= state[1 + n + action]
        state[1 + action] = 0.0
        reward = state[1 + 2 * n + action]
    return reward, _full(state, n)


@njit(nogil=True)
def observe(state: Row, params: Row, obs: NDArray) -> None:
    """The state itself."""
    for i in range(state.shape[0]):
        obs[i] = state[i]


@njit(nogil=True)
def mask(state: Row, params: Row, out: NDArray[np.int8]) -> None:
    """The items that are there and fit; all of them after the end, where none matters but one must be drawn."""
    n = int(params[0])
    over = _full(state, n)
    for i in range(n):
        out[i] = over or _fits(state, n, i)


@njit(nogil=True)
def _fits(state: Row, n: int, i: int) -> bool:
    return state[1 + i] == 1.0 and state[1 + n + i] <= state[0]


@njit(nogil=True)
def _full(state: Row, n: int) -> bool:
    i = 0
    while i < n and not _fits(state, n, i):
        i += 1
    return i == n


def _painter(count: int) -> Painter:
    """The items as bars as high as they are heavy, the more valuable per weight the darker; below them the knapsack."""
    return partial(_paint, count)


def _paint(count: int, state: Row) -> NDArray[np.uint8]:
    """At twice the size, and halved."""
    there, weights, values = state[1:].reshape(3, count)
    left, right, ground, bag = 2 * MARGIN, 2 * (WIDTH - MARGIN), 2 * 200, (2 * 236, 2 * 284)
    slot, tallest = (right - left) / count, ground - 2 * 52
    dearness = (values / weights - np.min(values / weights)) / max(np.ptp(values / weights), 1e-9)
    colors = [tuple(int(c) for c in CHEAP + share * (DEAR - CHEAP)) for share in dearness]
    picture = Image.new("RGB", (2 * WIDTH, 2 * HEIGHT), PAPER)
    draw = ImageDraw.Draw(picture)
    for i in range(count):
        x, top = left + i * slot, ground - tallest * weights[i] / weights.max()
        box = (x + 0.1 * slot, top, x + 0.9 * slot, ground)
        draw.rectangle(box, fill=colors[i] if there[i] else PAPER, outline=FADED if not there[i] else None, width=4)
        ink = INK if there[i] else FADED
        draw.text((x + slot / 2, top - 22), f"{values[i]:g}", fill=ink, anchor="mm", font_size=30)
        draw.text((x + slot / 2, ground + 22), f"{weights[i]:g}", fill=ink, anchor="mm", font_size=26)
    capacity = state[0] + np.sum(weights[there == 0])
    draw.rectangle((left, bag[0], right, bag[1]), fill=EMPTY, outline=INK, width=4)
    x = float(left)
    for item in np.flatnonzero(there == 0):
        wide = float((right - left) * weights[item] / capacity)
        draw.rectangle((x, bag[0], x + wide, bag[1]), fill=colors[item], outline=INK, width=4)
        x += wide
    packed = f"value {np.sum(values[there == 0]):g}    weight {capacity - state[0]:g} of {capacity:g}"
    draw.text(((left + right) / 2, bag[1] + 36), packed, fill=INK, anchor="mm", font_size=30)
    return np.asarray(picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS))
