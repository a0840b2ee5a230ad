"""Grid goals: walk up (0), right (1), down (2) or left (3) through a maze to a cell that is another one every time.

Observation: which of the four neighbours are walls. Goals: row and column, -1 at one end of the maze and 1 at the
other. State: row and column, then those of the goal.
"""

from functools import partial

import numpy as np
from gymnasium import spaces
from numba import njit
from numpy.typing import NDArray

from . import mazes
from .gridworld import MOVES
from .kernel import Goal, Kernel, Painter, Row
from .mazes import is_wall, params_of, two_cells
from .pcg64 import Rng


def kernel(maze: str = "rooms") -> Kernel:
    """`maze`: open, u, rooms, medium, large, or a map of one's own, as in '..#/.../#..'.

    An episode lasts for twice the longest way between two cells.
    """
    params, longest = params_of(maze, "gymnast/GridGoals-v0")
    low = np.array([0, 0, 0, 0, -1, -1, -1, -1], np.float32)
    return Kernel(
        name="gymnast/GridGoals",
        reset=reset,
        step=step,
        observe=observe,
        params=params,
        state_size=4,
        observation_space=spaces.Box(low, np.ones(8, np.float32)),
        action_space=spaces.Discrete(len(MOVES)),
        painter=partial(_painter, params),
        goal=Goal(2, reached),
        success=0.0,
        bounds=(np.ones(4), params[[0, 1, 0, 1]] - 2.0),
        limit=2 * longest,
    )


def reached(achieved: NDArray, desired: NDArray) -> NDArray[np.bool_]:
    """Whether the cells are the same."""
    return (achieved == desired).all(-1)


@njit(nogil=True)
def reset(state: Row, params: Row, rng: Rng) -> None:
    """Somewhere, to go somewhere else."""
    start, goal = two_cells(params, rng)
    columns = int(params[1])
    state[0], state[1] = start // columns, start % columns
    state[2], state[3] = goal // columns, goal % columns


@njit(nogil=True)
def step(state: Row, params: Row, action: int, rng: Rng) -> tuple[float, bool]:
    """One cell on, unless there is a wall."""
    row, column = int(state[0]) + MOVES[action][0], int(state[1]) + MOVES[action][1]
    if not is_wall(params, row, column):
        state[0], state[1] = row, column
    done = state[0] == state[2] and state[1] == state[3]
    return 0.0 if done else -1.0, done


@njit(nogil=True)
def observe(state: Row, params: Row, obs: NDArray) -> None:
    """The neighbours, the cell and the goal."""
    for k in range(4):
        obs[k] = is_wall(params, int(state[0]) + MOVES[k][0], int(state[1]) + MOVES[k][1])
        extent = params[k % 2] - 1.0
        obs[4 + k] = 2.0 * state[k] / extent - 1.0


def _painter(params: Row) -> Painter:
    return mazes.painter(params, lambda state: tuple(state + 0.5), 0.4)
