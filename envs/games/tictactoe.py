"""Tic-tac-toe: three in a line win. Actions: the cells, row by row.

State: own marks and the other's, nine bits each, and the ply.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...core.games.game import DRAW, GOES_ON, WIN, Game
from .board import square_symmetries

LINES = (0b111, 0b111000, 0b111000000, 0b1001001, 0b10010010, 0b100100100, 0b100010001, 0b1010100)

State = NDArray[np.int64]


def game() -> Game:
    """The board of three by three."""
    return Game(
        name="tictactoe",
        start=start,
        play=play,
        legal=legal,
        observe=observe,
        state_size=3,
        actions=9,
        shape=(2, 3, 3),
        max_plies=9,
        symmetries=square_symmetries(3),
        style="marks",
        sudden=True,
    )


@njit(nogil=True)
def start(state: State, params: State) -> None:
    """An empty board."""
    state[:] = 0


@njit(nogil=True)
def play(state: State, params: State, action: int) -> int:
    """A mark in an empty cell."""
    own = state[0] | (1 << action)
    state[0], state[1] = state[1], own
    state[2] += 1
    for line in LINES:
        if own & line == line:
            return WIN
    return DRAW if state[2] == 9 else GOES_ON


@njit(nogil=True)
def legal(state: State, params: State, out: NDArray[np.int8]) -> None:
    """The empty cells."""
    for cell in range(9):
        out[cell] = 1 - (((state[0] | state[1]) >> cell) & 1)


@njit(nogil=True)
def observe(state: State, params: State, planes: NDArray[np.float32]) -> None:
    """Own marks and the other's."""
    for cell in range(9):
        planes[0, cell // 3, cell % 3] = (state[0] >> cell) & 1
        planes[1, cell // 3, cell % 3] = (state[1] >> cell) & 1


def table() -> dict[tuple[int, int], int]:
    """The value of every position that can be reached, for the player to move, by (own marks, the other's)."""
    values: dict[tuple[int, int], int] = {}

    def value(own: int, other: int) -> int:
        if (own, other) not in values:
            free = [cell for cell in range(9) if not (own | other) >> cell & 1]
            if any(other & line == line for line in LINES):
                values[own, other] = -1
            else:
                values[own, other] = max((-value(other, own | 1 << cell) for cell in free), default=0)
        return values[own, other]

    value(0, 0)
    return values


def move_values(table: dict[tuple[int, int], int], own: int, other: int) -> list[int]:
    """What each cell (9,) is worth to the player who takes it, by the table; 2 where it is taken."""
    cells = [1 << cell for cell in range(9)]
    return [2 if (own | other) & cell else -table[other, own | cell] for cell in cells]
