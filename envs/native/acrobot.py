"""Acrobot: swing the tip of a two-link chain above the bar with a torque of -1, 0 or 1 N m on the joint between.

Sutton 1996, "Generalization in reinforcement learning: successful examples using sparse coarse coding"; equal to
Gymnasium's `AcrobotEnv` in every bit. State: two angles (rad), two angular velocities (rad/s), 1.0 before the first
step. Reward -1 per step, 0 for the last.

Before the first step the original keeps its state in float32, and NumPy takes sine and cosine of float32 numbers by
polynomials of its own (on x86 with FMA3 or AVX-512 and on ARM), so the first observation does too.
"""

import math
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.envs.classic_control.acrobot import AcrobotEnv
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from . import originals
from .kernel import Kernel, Row
from .pcg64 import Rng, uniform

DT = 0.2  # s per step
LENGTH = 1.0  # m, of each link
MASS = 1.0  # kg, of each link
CENTRE = 0.5  # m, from a link's joint to its centre of mass
INERTIA = 1.0  # kg m^2, of each link
GRAVITY = 9.8  # m/s^2
MAX_SPEED_1, MAX_SPEED_2 = 4 * math.pi, 9 * math.pi

# NumPy's minimax polynomials on [-pi/4, pi/4], numpy/_core/src/umath/loops_trigonometric.dispatch.cpp
COS_8, COS_6 = np.float32(float.fromhex("0x1.98e616p-16")), np.float32(float.fromhex("-0x1.6c06dcp-10"))
COS_4, COS_2 = np.float32(float.fromhex("0x1.55553cp-05")), np.float32(-0.5)
SIN_9, SIN_7 = np.float32(float.fromhex("0x1.7d3bbcp-19")), np.float32(float.fromhex("-0x1.a06bbap-13"))
SIN_5, SIN_3 = np.float32(float.fromhex("0x1.11119ap-07")), np.float32(float.fromhex("-0x1.555556p-03"))
ONE = np.float32(1)


def _build_fma(typing_context: Any, x: Any, y: Any, z: Any) -> Any:
    """The float32 x * y + z, rounded once."""
    return types.float32(types.float32, types.float32, types.float32), lambda _, builder, __, args: builder.fma(*args)


_fma: Any = intrinsic(_build_fma)


def kernel() -> Kernel:
    """The dynamics of Sutton and Barto's book."""
    high = np.array([1.0, 1.0, 1.0, 1.0, MAX_SPEED_1, MAX_SPEED_2], np.float32)
    most = np.array([math.pi, math.pi, MAX_SPEED_1, MAX_SPEED_2, 1.0])
    return Kernel(
        name="Acrobot",
        reset=reset,
        step=step,
        observe=observe,
        params=np.array([2.0]),
        state_size=5,
        observation_space=spaces.Box(-high, high, dtype=np.float32),
        action_space=spaces.Discrete(3),
        painter=originals.painter(AcrobotEnv(render_mode="rgb_array"), _show),
        fps=15,
        bounds=(-most, most),
    )


@njit(nogil=True)
def reset(state: Row, params: Row, rng: Rng) -> None:
    """Hanging down: all four numbers uniform in [-0.1, 0.1), rounded to float32."""
    for i in range(4):
        state[i] = np.float32(uniform(rng, -0.1, 0.1))
    state[4] = 1.0


@njit(nogil=True)
def step(state: Row, params: Row, action: int, rng: Rng) -> tuple[float, bool]:
    """One Runge-Kutta step of 0.2 s; `params` hold the exponent 2, see `_acceleration`."""
    torque, two = action - 1.0, params[0]
    a, b, u, v = state[0], state[1], state[2], state[3]
    half = DT / 2.0
    a1, b1 = u, v
    u1, v1 = _acceleration(a, b, u, v, torque, two)
    a2, b2 = u + half * u1, v + half * v1
    u2, v2 = _acceleration(a + half * a1, b + half * b1, a2, b2, torque, two)
    a3, b3 = u + half * u2, v + half * v2
    u3, v3 = _acceleration(a + half * a2, b + half * b2, a3, b3, torque, two)
    a4, b4 = u + DT * u3, v + DT * v3
    u4, v4 = _acceleration(a + DT * a3, b + DT * b3, a4, b4, torque, two)
    sixth = DT / 6.0
    a = _wrap(a + sixth * (a1 + 2 * a2 + 2 * a3 + a4))
    b = _wrap(b + sixth * (b1 + 2 * b2 + 2 * b3 + b4))
    u += sixth * (u1 + 2 * u2 + 2 * u3 + u4)
    v += sixth * (v1 + 2 * v2 + 2 * v3 + v4)
    state[0], state[1] = a, b
    state[2] = min(max(u, -MAX_SPEED_1), MAX_SPEED_1)
    state[3] = min(max(v, -MAX_SPEED_2), MAX_SPEED_2)
    state[4] = 0.0
    above = -math.cos(a) - math.cos(b + a) > 1.0
    return 0.0 if above else -1.0, above


@njit(nogil=True)
def observe(state: Row, params: Row, obs: NDArray) -> None:
    """Cosine and sine of both angles, then the velocities."""
    if state[4] == 1.0:
        first, second = np.float32(state[0]), np.float32(state[1])
        obs[0], obs[1], obs[2], obs[3] = _cos32(first), _sin32(first), _cos32(second), _sin32(second)
    else:
        obs[0], obs[1] = math.cos(state[0]), math.sin(state[0])
        obs[2], obs[3] = math.cos(state[1]), math.sin(state[1])
    obs[4], obs[5] = state[2], state[3]


@njit(nogil=True)
def _acceleration(
    theta1: float, theta2: float, dtheta1: float, dtheta2: float, torque: float, two: float
) -> tuple[float, float]:
    """Angular accelerations (rad/s^2) of both joints.

    NumPy squares a float64 scalar with the C library's `pow`, which is not always x * x in the last bit. Its exponent
    `two` is a variable so that the compiler does not turn `pow` into a product.
    """
    cos2, sin2 = math.cos(theta2), math.sin(theta2)
    d1 = MASS * (CENTRE * CENTRE) + MASS * (LENGTH * LENGTH + CENTRE * CENTRE + 2 * LENGTH * CENTRE * cos2)
    d1 = d1 + INERTIA + INERTIA
    d2 = MASS * (CENTRE * CENTRE + LENGTH * CENTRE * cos2) + INERTIA
    phi2 = MASS * CENTRE * GRAVITY * math.cos(theta1 + theta2 - math.pi / 2.0)
    phi1 = (
        -MASS * LENGTH * CENTRE * dtheta2**two * sin2
        - 2 * MASS * LENGTH * CENTRE * dtheta2 * dtheta1 * sin2
        + (MASS * CENTRE + MASS * LENGTH) * GRAVITY * math.cos(theta1 - math.pi / 2)
        + phi2
    )
    ddtheta2 = (torque + d2 / d1 * phi1 - MASS * LENGTH * CENTRE * dtheta1**two * sin2 - phi2) / (
        MASS * (CENTRE * CENTRE) + INERTIA - d2**two / d1
    )
    return -(d2 * ddtheta2 + phi1) / d1, ddtheta2


@njit(nogil=True)
def _wrap(angle: float) -> float:
    """The angle in [-pi, pi], by whole turns."""
    while angle > math.pi:
        angle = angle - 2 * math.pi
    while angle < -math.pi:
        angle = angle + 2 * math.pi
    return angle


@njit(nogil=True)
def _cos32(x: np.float32) -> np.float32:
    """NumPy's float32 cosine for |x| < pi/4."""
    square = x * x
    return _fma(_fma(_fma(_fma(COS_8, square, COS_6), square, COS_4), square, COS_2), square, ONE)


@njit(nogil=True)
def _sin32(x: np.float32) -> np.float32:
    """NumPy's float32 sine for |x| < pi/4."""
    square = x * x
    return _fma(_fma(_fma(_fma(SIN_9, square, SIN_7), square, SIN_5), square, SIN_3) * square, x, x)


def _show(original: Any, row: Row) -> None:
    original.state = row[:4].astype(np.float32) if row[4] == 1.0 else row[:4]
