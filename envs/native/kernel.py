"""What one native environment is: a few jitted functions on one row of state."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

Row = NDArray[np.float64]
"""A state (S,), or the parameters (P,)."""
Table = dict[int, dict[int, list[tuple[float, int, float, bool]]]]
"""Gymnasium's `env.P`: state -> action -> [(probability, next state, reward, terminated)]."""
Painter = Callable[[Row], NDArray[np.uint8]]
"""Draws one state row (S,) as a picture (H, W, 3)."""


class Goal(NamedTuple):
    """Goals of an environment: the last 2 G numbers of what it observes are the achieved one and the desired one."""

    size: int
    """G."""
    reached: Callable[[NDArray[Any], NDArray[Any]], NDArray[np.bool_]]
    """reached(achieved, desired): whether goals (..., G) are the same; the reward is 0 then, and -1 otherwise."""


@dataclass(frozen=True)
class Kernel:
    """One environment for the batched loops; the functions are `@njit(nogil=True)` and never allocate."""

    name: str
    """Tells machine code apart, in Numba's cache and in error messages."""
    reset: Any
    """reset(state, params, rng): write a start state into `state` (S,) float64, drawing from `rng` (6,) uint64."""
    step: Any
    """step(state, params, action, rng) -> (reward, terminated): advance in place; int64 or (A,) float32 action."""
    observe: Any
    """observe(state, params, obs): write into `obs`, (D,) float32 for Box, (1,) int64 for Discrete."""
    params: Row
    """Constants of this instance, shape (P,): what the keyword arguments chose."""
    state_size: int
    """S, the length of a state row."""
    observation_space: spaces.Box | spaces.Discrete
    """Of one copy."""
    action_space: spaces.Box | spaces.Discrete
    """Of one copy."""
    painter: Callable[[], Painter]
    """Makes what draws a state; called at the first render, so that nothing graphical is loaded before."""
    fps: int = 4
    """Pictures per second that look natural."""
    mask: Any = None
    """mask(state, params, out): write into `out` (A,) int8 which actions are available; None when all always are."""
    table: Callable[[], Table] | None = None
    """Makes the whole model, where it is small enough to be written down and Gymnasium does not have it."""
    goal: Goal | None = None
    """Where an observation ends and its goals begin; None without goals."""
    bounds: tuple[Row, Row] | None = None
    """Least and greatest states (S,), where `step` would reach outside of `params` or take for ever beyond them."""
    success: float | None = None
    """The last reward of an episode that reached what it was for, and ended there; None where infos do not say."""
    limit: int | None = None
    """Steps after which an episode is cut off, where the arguments decide that; None: those registered."""


def refuse_impossible(kernel: Kernel, saved: dict[str, NDArray[Any]]) -> None:
    """Raise ValueError unless loops without bounds can go on from `state` (N, S), `elapsed` (N,) and `rng` (N, 6).

    Where observations are Discrete, the state is a place in a table; elsewhere it may have bounds. A generator whose
    increment is even, or whose spare number has more than 32 bits, can give one number for ever, which rejects it for
    ever.
    """
    words = saved["rng"]
    if (words[:, 3] & 1 == 0).any() or (words[:, 4] > 1).any() or (words[:, 5] >> 32 > 0).any():
        raise ValueError(f"{kernel.name}: the saved generators are none")
    if (saved["elapsed"] < 0).any():
        raise ValueError(f"{kernel.name}: the saved times are negative")
    if kernel.bounds and not ((saved["state"] >= kernel.bounds[0]) & (saved["state"] <= kernel.bounds[1])).all():
        raise ValueError(f"{kernel.name}: the saved state is out of bounds")
    if isinstance(kernel.observation_space, spaces.Discrete):
        seen = np.zeros(1, np.int64)
        for row in saved["state"]:
            if not np.isfinite(row).all():
                raise ValueError(f"{kernel.name}: the saved state is not finite")
            kernel.observe.py_func(row, kernel.params, seen)
            if not kernel.observation_space.contains(seen[0]):
                raise ValueError(f"{kernel.name}: the saved state {seen[0]} is not in {kernel.observation_space}")
