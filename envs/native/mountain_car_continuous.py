"""Continuous mountain car: the same valley, with a force in [-1, 1] that costs its square.

Equal to Gymnasium's `Continuous_MountainCarEnv` in every bit, and therefore odd in one respect: the original starts
in float64 and from the first step on keeps its state in float32. State: position, velocity, 1.0 before the first step.
"""

import math
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.envs.classic_control.continuous_mountain_car import Continuous_MountainCarEnv
from numba import njit
from numpy.typing import NDArray

from . import originals
from .kernel import Kernel, Row
from .pcg64 import Rng, uniform

LEFT_END, RIGHT_END, GOAL = -1.2, 0.6, 0.45
MAX_SPEED = 0.07
POWER = 0.0015
GRAVITY = 0.0025


def kernel(goal_velocity: float = 0.0) -> Kernel:
    """The goal counts only at `goal_velocity` or faster."""
    low, high = np.array([LEFT_END, -MAX_SPEED], np.float32), np.array([RIGHT_END, MAX_SPEED], np.float32)
    return Kernel(
        name="MountainCarContinuous",
        reset=reset,
        step=step,
        observe=observe,
        params=np.array([goal_velocity], np.float64),
        state_size=3,
        observation_space=spaces.Box(low, high, dtype=np.float32),
        action_space=spaces.Box(-1.0, 1.0, (1,), np.float32),
        painter=originals.painter(Continuous_MountainCarEnv(render_mode="rgb_array"), _show),
        fps=30,
    )


@njit(nogil=True)
def reset(state: Row, params: Row, rng: Rng) -> None:
    """At rest, somewhere near the bottom."""
    state[0] = uniform(rng, -0.6, -0.4)
    state[1] = 0.0
    state[2] = 1.0


@njit(nogil=True)
def step(state: Row, params: Row, action: NDArray, rng: Rng) -> tuple[float, bool]:
    """100 for the goal, minus a tenth of the squared (not clipped) force; `params` hold the goal velocity."""
    if state[2] == 1.0:
        arrived = _first_move(state, action[0], params[0])
    else:
        arrived = _move(state, action[0], np.float32(params[0]))
    force = np.float64(action[0])
    return (100.0 if arrived else 0.0) - force * force * 0.1, arrived


@njit(nogil=True)
def observe(state: Row, params: Row, obs: NDArray) -> None:
    """Position and velocity."""
    obs[0], obs[1] = state[0], state[1]


@njit(nogil=True)
def _first_move(state: Row, force: np.float32, goal_velocity: float) -> bool:
    """From rest, in float64, and rounded only to be stored; too short to meet an end or a speed limit."""
    velocity = _push(force, 3 * state[0])
    position = state[0] + velocity
    state[0], state[1], state[2] = np.float32(position), np.float32(velocity), 0.0
    return position >= GOAL and velocity >= goal_velocity


@njit(nogil=True)
def _move(state: Row, force: np.float32, goal_velocity: np.float32) -> bool:
    """In float32, constants included: so NumPy computes float32 scalars with Python floats."""
    position, velocity = np.float32(state[0]), np.float32(state[1])
    velocity += np.float32(_push(force, np.float64(np.float32(3) * position)))
    velocity = min(max(velocity, np.float32(-MAX_SPEED)), np.float32(MAX_SPEED))
    position += velocity
    position = min(max(position, np.float32(LEFT_END)), np.float32(RIGHT_END))
    if position == np.float32(LEFT_END) and velocity < 0:
        velocity = np.float32(0)
    state[0], state[1] = position, velocity
    return bool(position >= np.float32(GOAL) and velocity >= goal_velocity)


@njit(nogil=True)
def _push(force: np.float32, triple_position: float) -> float:
    """Change of velocity: a force within the limits stays float32, a clipped one is a Python float."""
    pull = GRAVITY * math.cos(triple_position)
    if force > 1.0:
        return POWER - pull
    if force < -1.0:
        return -POWER - pull
    return np.float64(force * np.float32(POWER) - np.float32(pull))


def _show(original: Any, row: Row) -> None:
    original.state = row[:2] if row[2] == 1.0 else row[:2].astype(np.float32)
