"""Point maze: push a point through a maze to a place that is another one every time.

Action: a force, which the point follows with some inertia; walls stop it. Observation: the velocity. Goals: where it
is and where it should be, in cells from the middle of the maze, which is near enough within `REACH`. State: place and
velocity, x before y, and the goal.
"""

from functools import partial

import numpy as np
from gymnasium import spaces
from numba import njit
from numpy.typing import NDArray

from . import mazes
from .kernel import Goal, Kernel, Painter, Row
from .mazes import is_wall, params_of, two_cells
from .pcg64 import Rng, uniform

REACH = 0.45  # cells; that of Gymnasium-Robotics' mazes
FRICTION, FORCE = 0.75, 0.1
FASTEST = FORCE / (1.0 - FRICTION)  # 0.4 cells a step: it cannot jump over a wall
GAP = 0.05  # cells, which walls keep the point away


def kernel(maze: str = "u") -> Kernel:
    """`maze`: open, u, rooms, medium, large, or a map of one's own, as in '..#/.../#..'.

    An episode lasts for five steps for each cell of the longest way, and 20 more.
    """
    params, longest = params_of(maze, "gymnast/PointMaze-v0")
    half, least, fastest = params[[1, 0]] / 2, np.ones(2), np.full(2, FASTEST + 1e-9)
    high = np.concatenate([[1.0, 1.0], half, half]).astype(np.float32)
    return Kernel(
        name="gymnast/PointMaze",
        reset=reset,
        step=step,
        observe=observe,
        params=params,
        state_size=6,
        observation_space=spaces.Box(-high, high),
        action_space=spaces.Box(-1.0, 1.0, (2,), np.float32),
        painter=partial(_painter, params),
        fps=20,
        goal=Goal(2, reached),
        success=0.0,
        bounds=(np.concatenate([least, -fastest, least]), np.concatenate([2 * half - 1.0, fastest, 2 * half - 1.0])),
        limit=5 * longest + 20,
    )


def reached(achieved: NDArray, desired: NDArray) -> NDArray[np.bool_]:
    """Whether the places are near each other."""
    near: NDArray[np.bool_] = np.square(achieved - desired).sum(-1) <= REACH * REACH
    return near


@njit(nogil=True)
def reset(state: Row, params: Row, rng: Rng) -> None:
    """At rest somewhere in a cell, to go to somewhere in another one."""
    start, goal = two_cells(params, rng)
    columns = int(params[1])
    for at, cell in ((0, start), (4, goal)):
        state[at] = cell % columns + uniform(rng, 0.25, 0.75)
        state[at + 1] = cell // columns + uniform(rng, 0.25, 0.75)
    state[2], state[3] = 0.0, 0.0


@njit(nogil=True)
def step(state: Row, params: Row, action: NDArray, rng: Rng) -> tuple[float, bool]:
    """Moves along x, then along y, as far as the next wall."""
    for axis in range(2):
        force = min(max(float(action[axis]), -1.0), 1.0)
        velocity = FRICTION * state[2 + axis] + FORCE * force
        before, after = state[axis], state[axis] + velocity
        cell = int(after + (GAP if velocity > 0.0 else -GAP))
        column, row = (cell, int(state[1])) if axis == 0 else (int(state[0]), cell)
        if is_wall(params, row, column):
            after = cell - GAP if velocity > 0.0 else cell + 1 + GAP
            velocity = after - before
        state[axis], state[2 + axis] = after, velocity
    x, y = state[0] - state[4], state[1] - state[5]
    done = x * x + y * y <= REACH * REACH
    return 0.0 if done else -1.0, done


@njit(nogil=True)
def observe(state: Row, params: Row, obs: NDArray) -> None:
    """Velocity, place and goal."""
    for axis in range(2):
        middle = params[1 - axis] / 2
        obs[axis] = state[2 + axis] / FASTEST
        obs[2 + axis] = state[axis] - middle
        obs[4 + axis] = state[4 + axis] - middle


def _painter(params: Row) -> Painter:
    return mazes.painter(params, lambda state: (state[1], state[0], state[5], state[4]), REACH)
