"""Tightrope: walk to the end of a rope; who steps wrong falls into a net of places where nobody demonstrates anything.

The example of compounding errors (Ross & Bagnell 2010; Huang, section 26.3). A wrong step, or a slip, leads to a random
one of the places off the rope; from each of them one action leads back, and every other to a random place again. Each
wrong step costs 1, as does each slip: for a clone of who never falls the expected cost of T steps is
sum_k slip (1 - slip)^k (T - k), which grows like T^2; for one that knows the way back, like T. Observation: 0 on the
rope, otherwise which place. State: time, place, whether the last step was wrong.
"""

from functools import partial

import numpy as np
from gymnasium import spaces
from numba import njit
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ...core.errors import UsageError
from .kernel import Kernel, Painter, Row
from .pcg64 import Rng, integer, uniform

ACTIONS = 4
WIDTH, HEIGHT, MARGIN = 480, 260, 40  # pixels
SKY, ROPE, POST, NET, WALKER = (226, 236, 245), (120, 92, 62), (84, 88, 96), (170, 178, 190), (66, 133, 244)


def kernel(length: int = 20, places: int = 20, slip: float = 0.0) -> Kernel:
    """-1 for every wrong step in `length` of them; with probability `slip` a step is wrong whatever the action."""
    if length < 1 or places < 1 or not 0 <= slip <= 1:
        raise UsageError(
            f"gymnast/Tightrope-v0: length {length}, places {places}, slip {slip}: at least 1, and a share"
        )
    return Kernel(
        name="gymnast/Tightrope",
        reset=reset,
        step=step,
        observe=observe,
        params=np.array([length, places, slip], np.float64),
        state_size=3,
        observation_space=spaces.Discrete(1 + places),
        action_space=spaces.Discrete(ACTIONS),
        painter=partial(_painter, length, places),
    )


@njit(nogil=True)
def right_action(place: int) -> int:
    """0 on the rope, and anywhere else one of the others: what a clone carries over from the rope never leads back."""
    return 0 if place == 0 else 1 + (place - 1) % (ACTIONS - 1)


@njit(nogil=True)
def reset(state: Row, params: Row, rng: Rng) -> None:
    """On the rope."""
    state[:] = 0.0


@njit(nogil=True)
def step(state: Row, params: Row, action: int, rng: Rng) -> tuple[float, bool]:
    """Onto the rope, or wherever one falls."""
    slipped = uniform(rng, 0.0, 1.0) < params[2]
    wrong = slipped or action != right_action(int(state[1]))
    state[1] = 1.0 + integer(rng, int(params[1])) if wrong else 0.0
    state[2] = 1.0 if wrong else 0.0
    state[0] += 1.0
    return -1.0 if wrong else 0.0, state[0] >= params[0]


@njit(nogil=True)
def observe(state: Row, params: Row, obs: NDArray) -> None:
    """The place."""
    obs[0] = int(state[1])


def expert(obs: NDArray) -> NDArray[np.int64]:
    """The right step, anywhere."""
    return np.where(obs == 0, 0, 1 + (obs - 1) % (ACTIONS - 1))


def _painter(length: int, places: int) -> Painter:
    return partial(_paint, length, places)


def _paint(length: int, places: int, state: Row) -> NDArray[np.uint8]:
    """At twice the size, and halved."""
    picture = Image.new("RGB", (2 * WIDTH, 2 * HEIGHT), SKY)
    draw = ImageDraw.Draw(picture)
    left, right, rope, net = 2 * MARGIN, 2 * (WIDTH - MARGIN), 2 * 90, 2 * 200
    for post in (left, right):
        draw.rectangle((post - 8, rope - 30, post + 8, net + 40), fill=POST)
    draw.line((left, rope, right, rope), fill=ROPE, width=8)
    for k in range(places):
        knot = left + (right - left) * (k + 0.5) / places
        draw.line((knot - 14, net, knot + 14, net + 20), fill=NET, width=4)
        draw.line((knot - 14, net + 20, knot + 14, net), fill=NET, width=4)
    place = int(state[1])
    along = float(state[0] / length) if place == 0 else (place - 0.5) / places
    x, y = left + (right - left) * along, (rope if place == 0 else net) - 8
    draw.line((x, y, x, y - 50), fill=WALKER, width=12)
    draw.circle((x, y - 66), 18, fill=WALKER)
    if place == 0:
        draw.line((x - 70, y - 34, x + 70, y - 34), fill=POST, width=5)
    text = f"step {int(state[0])} of {length}"
    draw.text((2 * WIDTH / 2, 2 * HEIGHT - 30), text, fill=POST, anchor="mm", font_size=30)
    return np.asarray(picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS))
