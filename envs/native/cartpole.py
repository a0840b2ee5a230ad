"""Cart and pole: keep the pole upright by pushing the cart left (0) or right (1).

Barto, Sutton and Anderson 1983; equal to Gymnasium's `CartPoleEnv` in every bit. State: position (m), velocity (m/s),
angle (rad), angular velocity (rad/s).
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.envs.classic_control.cartpole import CartPoleEnv
from numba import njit
from numpy.typing import NDArray

from . import originals
from .kernel import Kernel, Row
from .pcg64 import Rng, uniform

GRAVITY = 9.8  # m/s^2
POLE_MASS = 0.1  # kg
TOTAL_MASS = 0.1 + 1.0  # kg, pole and cart
HALF_LENGTH = 0.5  # m, of the pole
POLE_MOMENT = POLE_MASS * HALF_LENGTH  # kg m
PUSH = 10.0  # N
TAU = 0.02  # s per step
ANGLE_LIMIT = 12 * 2 * math.pi / 360
TRACK_LIMIT = 2.4  # m


def masked() -> Kernel:
    """Observes position and angle alone: where things are, not how they move (Barto et al. had both)."""
    whole = kernel()
    high = whole.observation_space.high[[0, 2]]  # type: ignore[union-attr]
    return replace(
        whole, name="gymnast/MaskedCartPole", observe=observe_places, observation_space=spaces.Box(-high, high)
    )


def kernel(sutton_barto_reward: bool = False) -> Kernel:
    """1 per step; with `sutton_barto_reward`, 0 per step and -1 for the fall."""
    high = np.array([TRACK_LIMIT * 2, np.inf, ANGLE_LIMIT * 2, np.inf], np.float32)
    return Kernel(
        name="CartPole",
        reset=reset,
        step=step,
        observe=observe,
        params=np.array([0.0, -1.0] if sutton_barto_reward else [1.0, 1.0]),
        state_size=4,
        observation_space=spaces.Box(-high, high, dtype=np.float32),
        action_space=spaces.Discrete(2),
        painter=originals.painter(CartPoleEnv(render_mode="rgb_array"), _show),
        fps=50,
    )


@njit(nogil=True)
def reset(state: Row, params: Row, rng: Rng) -> None:
    """All four numbers uniform in [-0.05, 0.05)."""
    for i in range(4):
        state[i] = uniform(rng, -0.05, 0.05)


@njit(nogil=True)
def step(state: Row, params: Row, action: int, rng: Rng) -> tuple[float, bool]:
    """One Euler step of 20 ms; `params` are the rewards of standing and of falling."""
    x, x_dot, theta, theta_dot = state[0], state[1], state[2], state[3]
    force = PUSH if action == 1 else -PUSH
    cos, sin = math.cos(theta), math.sin(theta)
    temp = (force + POLE_MOMENT * (theta_dot * theta_dot) * sin) / TOTAL_MASS
    theta_acc = (GRAVITY * sin - cos * temp) / (HALF_LENGTH * (4.0 / 3.0 - POLE_MASS * (cos * cos) / TOTAL_MASS))
    x_acc = temp - POLE_MOMENT * theta_acc * cos / TOTAL_MASS
    x = x + TAU * x_dot
    theta = theta + TAU * theta_dot
    state[0], state[1], state[2], state[3] = x, x_dot + TAU * x_acc, theta, theta_dot + TAU * theta_acc
    fallen = x < -TRACK_LIMIT or x > TRACK_LIMIT or theta < -ANGLE_LIMIT or theta > ANGLE_LIMIT
    return params[1] if fallen else params[0], fallen


@njit(nogil=True)
def observe(state: Row, params: Row, obs: NDArray) -> None:
    """The state itself."""
    for i in range(4):
        obs[i] = state[i]


@njit(nogil=True)
def observe_places(state: Row, params: Row, obs: NDArray) -> None:
    """Position and angle."""
    obs[0], obs[1] = state[0], state[2]


def _show(original: Any, row: Row) -> None:
    original.state = row
