"""T-maze: a sign in the first cell says which way to turn at the end of a corridor, where it is out of sight.

After Bakker 2001, "Reinforcement learning with long short-term memory": without memory half of the turns are wrong,
however long one trains. The observation is his, as others have implemented it: 0 1 1 (up) or 1 1 0 (down) in the first
cell, 1 0 1 in the corridor, 0 1 0 at the junction. The rewards of the turns are our own, 1 and 0, so that an agent that
never stands still returns its success. There is no way back. Actions: forward (0), up (1),
down (2). State: the cell, the right way (1 or 2), the way taken (0 before; only pictures show it).
"""

from functools import partial

import numpy as np
from gymnasium import spaces
from numba import njit
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ...core.errors import UsageError
from .kernel import Kernel, Painter, Row
from .pcg64 import Rng, integer

FORWARD, UP, DOWN = 0, 1, 2
STILL = -0.1  # for walking into a wall: what makes a long corridor worth walking
SPARE = 20  # steps that an episode lasts beyond the length of the corridor

WIDTH, CELL = 640, 48  # pixels
FLOOR, WALL, SIGN, GOAL, AGENT = (250, 250, 246), (70, 78, 92), (250, 214, 90), (129, 199, 132), (66, 133, 244)


def kernel(length: int = 10) -> Kernel:
    """`length` cells of corridor, the one with the sign included, and then the junction."""
    if length < 1:
        raise UsageError(f"gymnast/TMaze-v0: length is {length}; the corridor must have 1 cell or more")
    return Kernel(
        name="gymnast/TMaze",
        reset=reset,
        step=step,
        observe=observe,
        params=np.array([length], np.float64),
        state_size=3,
        observation_space=spaces.Box(0.0, 1.0, (3,), np.float32),
        action_space=spaces.Discrete(3),
        painter=partial(_painter, length),
        success=1.0,
        limit=length + SPARE,
    )


@njit(nogil=True)
def reset(state: Row, params: Row, rng: Rng) -> None:
    """At the sign, either way with the same probability."""
    state[0], state[1], state[2] = 0.0, UP + integer(rng, 2), 0.0


@njit(nogil=True)
def step(state: Row, params: Row, action: int, rng: Rng) -> tuple[float, bool]:
    """One cell on, or the turn that ends the episode; anything else is a wall."""
    junction = state[0] == params[0]
    if junction and action != FORWARD:
        state[2] = action
        return 1.0 if action == state[1] else 0.0, True
    if junction or action != FORWARD:
        return STILL, False
    state[0] += 1.0
    return 0.0, False


@njit(nogil=True)
def observe(state: Row, params: Row, obs: NDArray) -> None:
    """The sign, the corridor or the junction, in three bits."""
    first, junction = state[0] == 0.0, state[0] == params[0]
    corridor = not (first or junction)
    obs[0] = corridor or (first and state[1] == DOWN)
    obs[1] = not corridor
    obs[2] = corridor or (first and state[1] == UP)


def _painter(length: int) -> Painter:
    return partial(_paint, length)


def _paint(length: int, state: Row) -> NDArray[np.uint8]:
    """At twice the size and halved, which smooths the edges; long corridors are drawn with narrow cells."""
    across, big = 2 * WIDTH / (length + 2), 2 * CELL
    picture = Image.new("RGB", (2 * WIDTH, 3 * big), WALL)
    draw = ImageDraw.Draw(picture)
    end = 2 * WIDTH - max(across, big)
    goal = 0 if state[1] == UP else 2 * big
    draw.rectangle((0, big, end, 2 * big), fill=FLOOR)
    draw.rectangle((end, 0, 2 * WIDTH, 3 * big), fill=FLOOR)
    draw.rectangle((end, goal, 2 * WIDTH, goal + big), fill=GOAL)
    draw.rectangle((0, big, end / length, 2 * big), fill=SIGN)
    x = (end + 2 * WIDTH) / 2 if state[0] == length else float(state[0] + 0.5) * end / length
    y = {0: 1.5, UP: 0.5, DOWN: 2.5}[int(state[2])] * big
    draw.circle((max(x, 0.25 * big), y), 0.25 * big, fill=AGENT)
    return np.asarray(picture.resize((WIDTH, 3 * CELL), Image.Resampling.LANCZOS))
