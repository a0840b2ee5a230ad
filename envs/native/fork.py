"""Fork: drive past trees that stand in the middle of the road, on the left or on the right of each.

Both ways are equally good, and the middle is the tree: what averages an expert's actions crashes (Huang, section
26.4). Action: how far to the left (-1) or right (1) to pass. With `dims` of them the obstacle must be avoided in each
of so many directions at once, so that there are 2^dims ways. Observation: the share of the road that is behind, then
where the car is. State: trees passed, whether it has crashed, where the car is.
"""

from functools import partial

import numpy as np
from gymnasium import spaces
from numba import njit
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ...core.errors import UsageError
from .kernel import Kernel, Painter, Row
from .pcg64 import Rng

WIDTH, HEIGHT = 200, 320  # pixels of one road
GRASS, ROAD, LINE = (176, 204, 158), (120, 124, 130), (238, 238, 230)
CROWN, TRUNK, CAR, GLASS = (58, 112, 66), (110, 78, 50), (206, 84, 62), (40, 52, 66)


def kernel(dims: int = 1, trees: int = 5, gap: float = 0.5, paired: bool = False) -> Kernel:
    """1 for every tree passed with all actions at least `gap` from 0; a crash ends the episode.

    With `paired` an even number of actions must be to the left, so that directions cannot be chosen independently.
    """
    if dims < 1 or trees < 1 or not 0 < gap < 1 or (paired and dims < 2):
        raise UsageError(
            f"gymnast/Fork-v0: dims {dims}, trees {trees}, gap {gap}: needs a dimension (two if paired), a tree, and a "
            "gap between 0 and 1"
        )
    low = np.concatenate([[0.0], np.full(dims, -1.0)]).astype(np.float32)
    return Kernel(
        name="gymnast/Fork",
        reset=reset,
        step=step,
        observe=observe,
        params=np.array([trees, gap, paired], np.float64),
        state_size=2 + dims,
        observation_space=spaces.Box(low, np.ones(1 + dims, np.float32)),
        action_space=spaces.Box(-1.0, 1.0, (dims,), np.float32),
        painter=partial(_painter, dims, trees, gap),
    )


@njit(nogil=True)
def reset(state: Row, params: Row, rng: Rng) -> None:
    """In the middle of the road, before the first tree."""
    state[:] = 0.0


@njit(nogil=True)
def step(state: Row, params: Row, action: NDArray, rng: Rng) -> tuple[float, bool]:
    """Passes the next tree, or does not."""
    clear, left = True, 0
    for i in range(len(action)):
        place = min(max(float(action[i]), -1.0), 1.0)
        state[2 + i] = place
        clear &= abs(place) >= params[1]
        left += place < 0.0
    if params[2] == 1.0:
        clear &= left % 2 == 0
    if not clear:
        state[1] = 1.0
        return 0.0, True
    state[0] += 1.0
    return 1.0, state[0] == params[0]


@njit(nogil=True)
def observe(state: Row, params: Row, obs: NDArray) -> None:
    """Progress and place."""
    obs[0] = state[0] / params[0]
    for i in range(len(obs) - 1):
        obs[1 + i] = state[2 + i]


def expert(obs: NDArray, random: Generator) -> NDArray[np.float32]:
    """Passes each tree on either side with probability 1/2, in every direction."""
    side = random.choice([-1.0, 1.0], obs[:, 1:].shape)
    return (side * random.normal(0.75, 0.05, side.shape)).astype(np.float32)


def paired_expert(obs: NDArray, random: Generator) -> NDArray[np.float32]:
    """The same for a paired fork: the last direction makes the number of those to the left even."""
    action = expert(obs, random)
    odd = (action < 0).sum(1) % 2 == 1
    action[odd, -1] *= -1
    return action


def _painter(dims: int, trees: int, gap: float) -> Painter:
    """One road for every direction, seen from above, with the tree that is passed and those to come."""
    return partial(_paint, dims, trees, gap)


def _paint(dims: int, trees: int, gap: float, state: Row) -> NDArray[np.uint8]:
    """At twice the size, and halved."""
    picture = Image.new("RGB", (2 * WIDTH * dims, 2 * HEIGHT), GRASS)
    draw = ImageDraw.Draw(picture)
    passed, crashed = int(state[0]), state[1] == 1.0
    for d in range(dims):
        middle, half = 2 * WIDTH * d + WIDTH, 0.8 * WIDTH
        draw.rectangle((middle - half, 0, middle + half, 2 * HEIGHT), fill=ROAD)
        for side in (-half, half):
            draw.line((middle + side, 0, middle + side, 2 * HEIGHT), fill=LINE, width=6)
        here = passed if crashed else passed - 1  # the tree beside the car
        for k in range(max(here, 0), trees):
            y = 2 * HEIGHT - 180 - 260 * (k - here)
            radius = 0.5 * gap * half
            draw.rectangle((middle - 8, y, middle + 8, y + radius + 18), fill=TRUNK)
            draw.circle((middle, y), radius, fill=CROWN)
        x, y = middle + 0.85 * half * state[2 + d], 2 * HEIGHT - 180 + (0 if passed or crashed else 60)
        draw.rounded_rectangle((x - 26, y - 46, x + 26, y + 46), 12, fill=CAR)
        draw.rounded_rectangle((x - 18, y - 22, x + 18, y + 2), 6, fill=GLASS)
        if crashed:
            draw.line((x - 40, y - 60, x + 40, y + 60), fill=LINE, width=8)
            draw.line((x - 40, y + 60, x + 40, y - 60), fill=LINE, width=8)
    return np.asarray(picture.resize((WIDTH * dims, HEIGHT), Image.Resampling.LANCZOS))
