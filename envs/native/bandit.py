"""Bandit with k arms: pull one, get its noisy reward, done.

Sutton and Barto, "Reinforcement learning", section 2.3. There is nothing to observe: the observation is always 0.
State: the arm pulled (-1 before) and the reward it gave, for pictures only.
"""

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
from gymnasium import spaces
from numba import njit
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ...core.errors import UsageError
from .kernel import Kernel, Painter, Row
from .pcg64 import Rng, random

WIDTH, HEIGHT, MARGIN = 480, 320, 40  # pixels
PAPER, AXIS, ARM, PULLED, DOT = (250, 250, 246), (120, 124, 132), (158, 184, 217), (66, 133, 244), (219, 68, 55)


def kernel(arms: int = 10, kind: str = "gaussian", means: Sequence[float] | None = None, instance: int = 0) -> Kernel:
    """Rewards with the given `means`: "gaussian" with unit variance, or "bernoulli", 0 or 1.

    Without `means` the random number `instance` draws them for `arms` arms: from a standard normal distribution, or
    uniformly from [0, 1].
    """
    if kind not in ("gaussian", "bernoulli"):
        raise UsageError(f"gymnast/Bandit-v0: kind {kind!r} is unknown; known: 'gaussian', 'bernoulli'")
    draw = np.random.default_rng(instance)
    drawn = draw.standard_normal(arms) if kind == "gaussian" else draw.random(arms)
    mean = drawn if means is None else np.asarray(means, np.float64)
    if mean.ndim != 1 or mean.size == 0 or (kind == "bernoulli" and (mean.min() < 0 or mean.max() > 1)):
        raise UsageError(f"gymnast/Bandit-v0: means {means} must be a list of numbers, for 'bernoulli' in [0, 1]")
    return Kernel(
        name="gymnast/Bandit",
        reset=reset,
        step=step,
        observe=observe,
        params=np.concatenate([[kind == "bernoulli"], mean]),
        state_size=2,
        observation_space=spaces.Box(0.0, 1.0, (1,), np.float32),
        action_space=spaces.Discrete(mean.size),
        painter=partial(_painter, mean, kind == "bernoulli"),
    )


@njit(nogil=True)
def reset(state: Row, params: Row, rng: Rng) -> None:
    """No arm pulled yet."""
    state[0], state[1] = -1.0, 0.0


@njit(nogil=True)
def step(state: Row, params: Row, action: int, rng: Rng) -> tuple[float, bool]:
    """The reward of one arm; Box and Muller 1958 for the normal distribution."""
    mean = params[1 + action]
    if params[0] == 1.0:
        reward = 1.0 if random(rng) < mean else 0.0
    else:
        radius = math.sqrt(-2.0 * math.log(1.0 - random(rng)))
        reward = mean + radius * math.cos(2.0 * math.pi * random(rng))
    state[0], state[1] = action, reward
    return reward, True


@njit(nogil=True)
def observe(state: Row, params: Row, obs: NDArray) -> None:
    """Nothing to see."""
    obs[0] = 0.0


def _painter(means: NDArray[np.float64], bernoulli: bool) -> Painter:
    """A bar for each arm's mean, and a dot for the reward drawn; at twice the size and halved."""
    low, high = (0.0, 1.0) if bernoulli else (min(means.min(), 0.0) - 2.5, max(means.max(), 0.0) + 2.5)
    slot = 2 * (WIDTH - 2 * MARGIN) / means.size

    def y(value: float) -> float:
        """Rewards far out in the tails stay in the picture."""
        share = (min(max(value, low), high) - low) / (high - low)
        return 2 * (HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN))

    def paint(state: Row) -> NDArray[np.uint8]:
        picture = Image.new("RGB", (2 * WIDTH, 2 * HEIGHT), PAPER)
        draw = ImageDraw.Draw(picture)
        for arm, mean in enumerate(means):
            left = 2 * MARGIN + (arm + 0.15) * slot
            top, bottom = sorted((y(mean), y(0.0)))
            draw.rectangle((left, top, left + 0.7 * slot, bottom), fill=PULLED if arm == state[0] else ARM)
            draw.text((left + 0.35 * slot, 2 * HEIGHT - MARGIN), str(arm), fill=AXIS, anchor="mm", font_size=28)
        draw.line((2 * MARGIN, y(0.0), 2 * (WIDTH - MARGIN), y(0.0)), fill=AXIS, width=4)
        if state[0] >= 0:
            at = (2 * MARGIN + (state[0] + 0.5) * slot, y(state[1]))
            draw.circle(at, 14, fill=DOT, outline=PAPER, width=4)
        return np.asarray(picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS))

    return paint
