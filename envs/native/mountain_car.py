"""Mountain car: rock an underpowered car out of a valley; push left (0), coast (1) or push right (2).

Moore 1990; equal to Gymnasium's `MountainCarEnv` in every bit. State: position, velocity. Reward -1 per step.
"""

import math
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.envs.classic_control.mountain_car import MountainCarEnv
from numba import njit
from numpy.typing import NDArray

from . import originals
from .kernel import Kernel, Row
from .pcg64 import Rng, uniform

LEFT_END, RIGHT_END, GOAL = -1.2, 0.6, 0.5
MAX_SPEED = 0.07
FORCE = 0.001
GRAVITY = 0.0025


def kernel(goal_velocity: float = 0.0) -> Kernel:
    """The goal counts only at `goal_velocity` or faster."""
    low, high = np.array([LEFT_END, -MAX_SPEED], np.float32), np.array([RIGHT_END, MAX_SPEED], np.float32)
    return Kernel(
        name="MountainCar",
        reset=reset,
        step=step,
        observe=observe,
        params=np.array([goal_velocity], np.float64),
        state_size=2,
        observation_space=spaces.Box(low, high, dtype=np.float32),
        action_space=spaces.Discrete(3),
        painter=originals.painter(MountainCarEnv(render_mode="rgb_array"), _show),
        fps=30,
    )


@njit(nogil=True)
def reset(state: Row, params: Row, rng: Rng) -> None:
    """At rest, somewhere near the bottom."""
    state[0] = uniform(rng, -0.6, -0.4)
    state[1] = 0.0


@njit(nogil=True)
def step(state: Row, params: Row, action: int, rng: Rng) -> tuple[float, bool]:
    """The left end stops the car; `params` hold the goal velocity."""
    position, velocity = state[0], state[1]
    velocity += (action - 1) * FORCE + math.cos(3 * position) * (-GRAVITY)
    velocity = min(max(velocity, -MAX_SPEED), MAX_SPEED)
    position += velocity
    position = min(max(position, LEFT_END), RIGHT_END)
    if position == LEFT_END and velocity < 0:
        velocity = 0.0
    state[0], state[1] = position, velocity
    return -1.0, position >= GOAL and velocity >= params[0]


@njit(nogil=True)
def observe(state: Row, params: Row, obs: NDArray) -> None:
    """The state itself."""
    obs[0], obs[1] = state[0], state[1]


def _show(original: Any, row: Row) -> None:
    original.state = row
