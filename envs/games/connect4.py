"""Connect Four: drop discs into seven columns; four in a line win. Actions: the column, from the left.

State: own discs, the other's, ply. A board is 49 bits, column by column of seven from the bottom up, the seventh empty,
so that a shift by 1, 6, 7 or 8 never runs from one column into the next (John Tromp, Fhourstones).
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...core.games.game import DRAW, GOES_ON, WIN, Game

COLUMNS, ROWS = 7, 6
CELLS = COLUMNS * ROWS

State = NDArray[np.int64]


def game() -> Game:
    """The usual board of seven columns and six rows."""
    mirror = np.arange(CELLS).reshape(ROWS, COLUMNS)[:, ::-1].ravel()
    return Game(
        name="connect4",
        start=start,
        play=play,
        legal=legal,
        observe=observe,
        state_size=3,
        actions=COLUMNS,
        shape=(2, ROWS, COLUMNS),
        max_plies=CELLS,
        symmetries=((mirror, np.arange(COLUMNS)[::-1].copy()),),
        style="drops",
        sudden=True,
    )


@njit(nogil=True)
def start(state: State, params: State) -> None:
    """An empty board."""
    state[:] = 0


@njit(nogil=True)
def play(state: State, params: State, action: int) -> int:
    """The disc falls onto the first free cell: adding the column's lowest bit carries up to it."""
    column = ((1 << 6) - 1) << (7 * action)
    full = state[0] | state[1]
    own = state[0] | ((full + (1 << (7 * action))) & column)
    state[0], state[1] = state[1], own
    state[2] += 1
    if four(own):
        return WIN
    return DRAW if state[2] == CELLS else GOES_ON


@njit(nogil=True)
def legal(state: State, params: State, out: NDArray[np.int8]) -> None:
    """The columns that are not full."""
    full = state[0] | state[1]
    for column in range(COLUMNS):
        out[column] = 1 - ((full >> (7 * column + 5)) & 1)


@njit(nogil=True)
def observe(state: State, params: State, planes: NDArray[np.float32]) -> None:
    """Own discs and the other's, the top row first."""
    for row in range(ROWS):
        for column in range(COLUMNS):
            bit = 7 * column + ROWS - 1 - row
            planes[0, row, column] = (state[0] >> bit) & 1
            planes[1, row, column] = (state[1] >> bit) & 1


@njit(nogil=True)
def four(board: int) -> bool:
    """Whether a board holds four in a line: pairs two apart, in each of the four directions."""
    for shift in (1, 6, 7, 8):
        pairs = board & (board >> shift)
        if pairs & (pairs >> (2 * shift)):
            return True
    return False
