"""Pendulum: swing a rod up and hold it with a torque in [-2, 2] N m.

Equal to Gymnasium's `PendulumEnv` in every bit. State: angle from upright (rad), angular velocity (rad/s), the last
torque (nan before the first step; only pictures show it).
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.envs.classic_control.pendulum import PendulumEnv
from numba import njit
from numpy.typing import NDArray

from . import originals
from .kernel import Kernel, Row
from .pcg64 import Rng, uniform

MAX_SPEED = 8.0  # rad/s
MAX_TORQUE = 2.0  # N m
DT = 0.05  # s per step
MASS = 1.0  # kg
LENGTH = 1.0  # m


def masked(g: float = 10.0) -> Kernel:
    """Observes the angle alone, as its cosine and sine."""
    whole = kernel(g)
    seen = spaces.Box(-1.0, 1.0, (2,), np.float32)
    return replace(whole, name="gymnast/MaskedPendulum", observe=observe_angle, observation_space=seen)


def kernel(g: float = 10.0) -> Kernel:
    """`g` is the acceleration of gravity in m/s^2."""
    high = np.array([1.0, 1.0, MAX_SPEED], np.float32)
    return Kernel(
        name="Pendulum",
        reset=reset,
        step=step,
        observe=observe,
        params=np.array([g, 2.0], np.float64),
        state_size=3,
        observation_space=spaces.Box(-high, high, dtype=np.float32),
        action_space=spaces.Box(-MAX_TORQUE, MAX_TORQUE, (1,), np.float32),
        painter=originals.painter(PendulumEnv(render_mode="rgb_array"), _show),
        fps=30,
    )


@njit(nogil=True)
def reset(state: Row, params: Row, rng: Rng) -> None:
    """Any angle, at most 1 rad/s."""
    state[0] = uniform(rng, -math.pi, math.pi)
    state[1] = uniform(rng, -1.0, 1.0)
    state[2] = np.nan


@njit(nogil=True)
def step(state: Row, params: Row, action: NDArray, rng: Rng) -> tuple[float, bool]:
    """Reward -(angle^2 + 0.1 velocity^2 + 0.001 torque^2), before the step; never ends. `params` are g and 2.

    NumPy squares a scalar with the C library's `pow`, which is not always x * x in the last bit. The exponent is a
    variable so that the compiler does not turn `pow` into a product. What the torque alone enters is float32.
    """
    theta, speed = state[0], state[1]
    g, two = params[0], params[1]
    torque = min(max(action[0], np.float32(-MAX_TORQUE)), np.float32(MAX_TORQUE))
    angle = (theta + math.pi) % (2 * math.pi) - math.pi
    effort = np.float32(0.001) * torque ** np.float32(two)
    cost = angle**two + 0.1 * speed**two + effort
    push = np.float32(3.0 / (MASS * (LENGTH * LENGTH))) * torque
    speed = speed + (3 * g / (2 * LENGTH) * math.sin(theta) + push) * DT
    speed = min(max(speed, -MAX_SPEED), MAX_SPEED)
    state[0], state[1], state[2] = theta + speed * DT, speed, torque
    return -cost, False


@njit(nogil=True)
def observe(state: Row, params: Row, obs: NDArray) -> None:
    """Cosine and sine of the angle, angular velocity."""
    obs[0], obs[1], obs[2] = math.cos(state[0]), math.sin(state[0]), state[1]


@njit(nogil=True)
def observe_angle(state: Row, params: Row, obs: NDArray) -> None:
    """Cosine and sine of the angle."""
    obs[0], obs[1] = math.cos(state[0]), math.sin(state[0])


def _show(original: Any, row: Row) -> None:
    original.state = row[:2]
    original.last_u = None if np.isnan(row[2]) else np.float32(row[2])
