"""Pong in numbers: return the ball, past the opponent; observes positions, from which velocities cannot be told.

The example of an observation that is not Markov (CS 182, lecture on problem formalism); `velocity` makes it one, and so
does a history of two. The paddles are slower than the ball can be, so it does not suffice to follow it. Actions: stay
(0), up (1), down (2). Observation: ball x, ball y, own paddle, opponent's paddle, all in [0, 1]; with `velocity` the
ball's too. State: the same numbers, then both scores.
"""

import numpy as np
from gymnasium import spaces
from numba import njit
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ...core.errors import UsageError
from .kernel import Kernel, Painter, Row
from .pcg64 import Rng, uniform

SPEED = 0.04  # of the ball from side to side, courts per step
SLANT = 0.05  # its largest speed up or down
PADDLE, RIVAL = 0.03, 0.015  # speeds of the paddles
HALF = 0.1  # of a paddle's height
SPIN = 0.5  # speed up or down that a hit off the paddle's centre adds, per court
PIXELS, EDGE = 320, 16
COURT, CHALK, BALL, OWN, OTHER = (34, 48, 60), (86, 102, 116), (250, 214, 90), (120, 190, 130), (214, 110, 90)


def kernel(velocity: bool = False, points: int = 5) -> Kernel:
    """1 for each point won, -1 for each lost; an episode is over when `points` have been played."""
    if points < 1:
        raise UsageError(f"gymnast/Pong-v0: {points} points; at least 1 must be played")
    low, high = np.zeros(6, np.float32), np.ones(6, np.float32)
    low[4:] = -1.0
    seen = 6 if velocity else 4
    return Kernel(
        name="gymnast/Pong",
        reset=reset,
        step=step,
        observe=observe,
        params=np.array([points], np.float64),
        state_size=8,
        observation_space=spaces.Box(low[:seen], high[:seen]),
        action_space=spaces.Discrete(3),
        painter=_painter,
        fps=30,
    )


@njit(nogil=True)
def serve(state: Row, rng: Rng) -> None:
    """From the middle, to either side."""
    state[0], state[1] = 0.5, uniform(rng, 0.2, 0.8)
    state[2] = SPEED if uniform(rng, 0.0, 1.0) < 0.5 else -SPEED
    state[3] = uniform(rng, -SLANT, SLANT)


@njit(nogil=True)
def reset(state: Row, params: Row, rng: Rng) -> None:
    """Both paddles in the middle, no points."""
    serve(state, rng)
    state[4], state[5], state[6], state[7] = 0.5, 0.5, 0.0, 0.0


@njit(nogil=True)
def step(state: Row, params: Row, action: int, rng: Rng) -> tuple[float, bool]:
    """Moves the paddles, then the ball."""
    move = PADDLE if action == 1 else -PADDLE if action == 2 else 0.0
    state[4] = min(max(state[4] + move, HALF), 1.0 - HALF)
    state[5] = min(max(state[5] + min(max(state[1] - state[5], -RIVAL), RIVAL), HALF), 1.0 - HALF)
    state[0] += state[2]
    state[1] += state[3]
    if state[1] < 0.0 or state[1] > 1.0:
        state[1] = -state[1] if state[1] < 0.0 else 2.0 - state[1]
        state[3] = -state[3]
    if 0.0 < state[0] < 1.0:
        return 0.0, False
    own = state[0] >= 1.0
    off = state[1] - (state[4] if own else state[5])
    if abs(off) <= HALF:
        state[0] = 2.0 - state[0] if own else -state[0]
        state[2] = -state[2]
        state[3] = min(max(state[3] + SPIN * off, -SLANT), SLANT)
        return 0.0, False
    state[7 if own else 6] += 1.0
    serve(state, rng)
    return -1.0 if own else 1.0, state[6] + state[7] >= params[0]


@njit(nogil=True)
def observe(state: Row, params: Row, obs: NDArray) -> None:
    """Positions, then velocities as shares of the largest if there is room for them."""
    obs[0], obs[1], obs[2], obs[3] = state[0], state[1], state[4], state[5]
    if len(obs) > 4:
        obs[4], obs[5] = state[2] / SPEED, state[3] / SLANT


def expert(obs: NDArray) -> NDArray[np.int64]:
    """Goes to where the ball will arrive; from observations with `velocity`."""
    x, y, paddle, vx, vy = obs[:, 0], obs[:, 1], obs[:, 2], obs[:, 4] * SPEED, obs[:, 5] * SLANT
    arrival = y + vy * np.where(vx > 0, (1 - x) / SPEED, 0)
    folded = np.abs((arrival + 1) % 2 - 1)  # a ball that bounces goes on as its mirror image would
    aim = np.where(vx > 0, folded, 0.5)
    return np.where(np.abs(aim - paddle) < PADDLE, 0, np.where(aim > paddle, 1, 2))


def _painter() -> Painter:
    return _paint


def _paint(state: Row) -> NDArray[np.uint8]:
    """At twice the size, and halved; up is up."""
    size, edge = 2 * PIXELS, 2 * EDGE
    picture = Image.new("RGB", (size + 4 * edge, size + 2 * edge), COURT)
    draw = ImageDraw.Draw(picture)
    left, top = 2 * edge, edge
    draw.rectangle((left, top, left + size, top + size), outline=CHALK, width=4)
    for k in range(0, size, 40):
        draw.line((left + size / 2, top + k, left + size / 2, top + k + 20), fill=CHALK, width=4)
    for x, y, fill in ((left + size, state[4], OWN), (left, state[5], OTHER)):
        middle = top + size * (1 - y)
        draw.rounded_rectangle((x - 8, middle - HALF * size, x + 8, middle + HALF * size), 8, fill=fill)
    draw.circle((left + size * state[0], top + size * (1 - state[1])), 14, fill=BALL)
    for side, score in ((0.25, state[7]), (0.75, state[6])):
        draw.text((left + side * size, top + 44), f"{int(score)}", fill=CHALK, anchor="mm", font_size=64)
    return np.asarray(picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS))
