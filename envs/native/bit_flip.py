"""Bit flip: turn n bits into n others, one in each step, of which there are n.

Andrychowicz et al. 2017, arXiv:1707.01495, section 3.1: from about 13 bits on no random walk meets the goal, and
without hindsight there is nothing to learn from. Action: which bit to flip. State: the bits, then those wanted.
"""

import numpy as np
from gymnasium import spaces
from numba import njit
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ...core.errors import UsageError
from .kernel import Goal, Kernel, Painter, Row
from .pcg64 import Rng, integer

CELL = 40  # pixels
PAPER, ON, OFF, RIGHT = (250, 250, 246), (66, 133, 244), (222, 222, 214), (46, 125, 50)


def kernel(n: int = 15) -> Kernel:
    """Both start and goal are drawn uniformly; they differ."""
    if not 1 <= n <= 1000:
        raise UsageError(f"gymnast/BitFlip-v0: n is {n}; it must be between 1 and 1000 bits")
    return Kernel(
        name="gymnast/BitFlip",
        reset=reset,
        step=step,
        observe=observe,
        params=np.array([n], np.float64),
        state_size=2 * n,
        observation_space=spaces.Box(0.0, 1.0, (3 * n,), np.float32),
        action_space=spaces.Discrete(n),
        painter=_painter,
        goal=Goal(n, reached),
        success=0.0,
        limit=n,
    )


def reached(achieved: NDArray, desired: NDArray) -> NDArray[np.bool_]:
    """Whether all bits are the same."""
    return (achieved == desired).all(-1)


@njit(nogil=True)
def reset(state: Row, params: Row, rng: Rng) -> None:
    """Random bits that are not those wanted."""
    state[:] = 0.0
    while _done(state):
        for i in range(state.size):
            state[i] = integer(rng, 2)


@njit(nogil=True)
def step(state: Row, params: Row, action: int, rng: Rng) -> tuple[float, bool]:
    """Flips a bit."""
    state[action] = 1.0 - state[action]
    done = _done(state)
    return 0.0 if done else -1.0, done


@njit(nogil=True)
def observe(state: Row, params: Row, obs: NDArray) -> None:
    """The bits, which are also the achieved goal, and those wanted."""
    n = state.size // 2
    for i in range(n):
        obs[i] = obs[n + i] = state[i]
        obs[2 * n + i] = state[n + i]


@njit(nogil=True)
def _done(state: Row) -> bool:
    n, same = state.size // 2, True
    for i in range(n):
        same &= state[i] == state[n + i]
    return same


def _painter() -> Painter:
    return _paint


def _paint(state: Row) -> NDArray[np.uint8]:
    """The bits above, those wanted below, framed where they agree."""
    n = len(state) // 2
    picture = Image.new("RGB", (n * CELL, 2 * CELL), PAPER)
    draw = ImageDraw.Draw(picture)
    for k, bit in enumerate(state):
        x, y = k % n * CELL, k // n * CELL
        agree = state[k % n] == state[n + k % n]
        box = (x + 4, y + 4, x + CELL - 5, y + CELL - 5)
        draw.rectangle(box, fill=ON if bit else OFF, outline=RIGHT if agree else PAPER, width=3)
    return np.asarray(picture)
