"""Gomoku on a board of any size: five or more in a line win (freestyle). Actions: the cells, row by row.

State: own stones, the other's, ply. A set of stones is a few words of 60 bits each.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...core.errors import UsageError
from ...core.games.game import DRAW, GOES_ON, WIN, Game
from .board import square_symmetries

BITS = 60
LARGEST = 19

State = NDArray[np.int64]


def game(size: int = 15, line: int = 5) -> Game:
    """A board of `size` by `size` where `line` stones in a line win. `params` are both."""
    if not (isinstance(size, int) and isinstance(line, int) and 2 <= line <= size <= LARGEST):
        raise UsageError(f"gomoku: size {size} and line {line}: needs 2 <= line <= size <= {LARGEST}")
    return Game(
        name=f"gomoku{size}",
        start=start,
        play=play,
        legal=legal,
        observe=observe,
        params=np.array([size, line]),
        state_size=2 * _words(size) + 1,
        actions=size * size,
        shape=(2, size, size),
        max_plies=size * size,
        symmetries=square_symmetries(size),
        style="stones",
        sudden=True,
    )


def _words(size: int) -> int:
    return -(-size * size // BITS)


@njit(nogil=True)
def start(state: State, params: State) -> None:
    """An empty board."""
    state[:] = 0


@njit(nogil=True)
def play(state: State, params: State, action: int) -> int:
    """A stone on an empty cell; only lines through it can be new."""
    size, line = params[0], params[1]
    words = len(state) // 2
    state[action // BITS] |= 1 << (action % BITS)
    won = False
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        count = 1
        for sign in (-1, 1):
            row, column = action // size + sign * dy, action % size + sign * dx
            while 0 <= row < size and 0 <= column < size and _has(state, 0, row * size + column):
                count += 1
                row, column = row + sign * dy, column + sign * dx
        won |= count >= line
    for i in range(words):
        state[i], state[words + i] = state[words + i], state[i]
    state[-1] += 1
    if won:
        return WIN
    return DRAW if state[-1] == size * size else GOES_ON


@njit(nogil=True)
def legal(state: State, params: State, out: NDArray[np.int8]) -> None:
    """The empty cells."""
    words = len(state) // 2
    for cell in range(len(out)):
        out[cell] = not (_has(state, 0, cell) or _has(state, words, cell))


@njit(nogil=True)
def observe(state: State, params: State, planes: NDArray[np.float32]) -> None:
    """Own stones and the other's."""
    size, words = params[0], len(state) // 2
    for cell in range(size * size):
        planes[0, cell // size, cell % size] = _has(state, 0, cell)
        planes[1, cell // size, cell % size] = _has(state, words, cell)


@njit(nogil=True)
def _has(state: State, first: int, cell: int) -> bool:
    """Whether the set that begins at word `first` holds a cell."""
    return (state[first + cell // BITS] >> (cell % BITS)) & 1 == 1
