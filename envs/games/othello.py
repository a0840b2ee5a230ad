"""Othello on 8 x 8 or 6 x 6: outflank the other's discs to turn them; most discs at the end win.

Actions: the cells, row by row, then one to pass, which is legal when nothing else is. The game ends when neither can
move. State: own discs, the other's, ply. Boards of both sizes lie in 64 bits, eight to a row.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...core.errors import UsageError
from ...core.games.game import DRAW, GOES_ON, LOSS, WIN, Game
from .board import square_symmetries

State = NDArray[np.int64]


def game(size: int = 8) -> Game:
    """A board of `size` by `size`. `params` are the size and the board's cells as bits."""
    if size not in (6, 8):
        raise UsageError(f"othello: size is {size}; it must be 6 or 8")
    cells = sum(1 << (8 * row + column) for row in range(size) for column in range(size))
    return Game(
        name=f"othello{size}",
        start=start,
        play=play,
        legal=legal,
        observe=observe,
        params=np.array([size, cells - (1 << 64) if cells >> 63 else cells]),
        state_size=3,
        actions=size * size + 1,
        shape=(2, size, size),
        max_plies=2 * size * size,
        symmetries=square_symmetries(size, passing=True),
        style="discs",
    )


@njit(nogil=True)
def start(state: State, params: State) -> None:
    """Four discs in the middle, crosswise; the first player's are to the upper right and lower left."""
    middle = params[0] // 2
    low, high = 8 * (middle - 1) + middle - 1, 8 * middle + middle
    state[0] = (1 << (low + 1)) | (1 << (high - 1))
    state[1] = (1 << low) | (1 << high)
    state[2] = 0


@njit(nogil=True)
def play(state: State, params: State, action: int) -> int:
    """A disc that turns all that it outflanks, or a pass."""
    size, own, other = params[0], state[0], state[1]
    if action < size * size:
        disc = 1 << (8 * (action // size) + action % size)
        turned = 0
        for direction in range(8):
            line = 0
            cell = shifted(disc, direction) & params[1]
            while cell & other:
                line |= cell
                cell = shifted(cell, direction) & params[1]
            if cell & own:
                turned |= line
        own |= disc | turned
        other &= ~turned
    state[0], state[1] = other, own
    state[2] += 1
    if moves(other, own, params[1]) or moves(own, other, params[1]):
        return GOES_ON
    mine, yours = count(own), count(other)
    return WIN if mine > yours else LOSS if mine < yours else DRAW


@njit(nogil=True)
def legal(state: State, params: State, out: NDArray[np.int8]) -> None:
    """The cells that outflank; a pass where there are none."""
    size = params[0]
    possible = moves(state[0], state[1], params[1])
    for cell in range(size * size):
        out[cell] = (possible >> (8 * (cell // size) + cell % size)) & 1
    out[size * size] = possible == 0


@njit(nogil=True)
def observe(state: State, params: State, planes: NDArray[np.float32]) -> None:
    """Own discs and the other's."""
    size = params[0]
    for row in range(size):
        for column in range(size):
            planes[0, row, column] = (state[0] >> (8 * row + column)) & 1
            planes[1, row, column] = (state[1] >> (8 * row + column)) & 1


@njit(nogil=True)
def moves(own: int, other: int, cells: int) -> int:
    """The cells where a disc outflanks: in each direction, beyond a run of the other's discs that begins at an own."""
    found = 0
    for direction in range(8):
        run = shifted(own, direction) & other
        for _ in range(5):
            run |= shifted(run, direction) & other
        found |= shifted(run, direction)
    return found & cells & ~(own | other)


@njit(nogil=True)
def shifted(board: int, direction: int) -> int:
    """All discs one cell further; what leaves the eight columns is gone, and so are the signs that >> brings in."""
    if direction == 0:
        return (board << 1) & ~_LEFT
    if direction == 1:
        return (board >> 1) & ~_RIGHT & _TOP[1]
    if direction == 2:
        return board << 8
    if direction == 3:
        return (board >> 8) & _TOP[8]
    if direction == 4:
        return (board << 9) & ~_LEFT
    if direction == 5:
        return (board >> 9) & ~_RIGHT & _TOP[9]
    if direction == 6:
        return (board << 7) & ~_RIGHT
    return (board >> 7) & ~_LEFT & _TOP[7]


@njit(nogil=True)
def count(board: int) -> int:
    """How many discs."""
    discs = 0
    while board:
        board &= board - 1
        discs += 1
    return discs


_LEFT = 0x0101010101010101
_RIGHT = (_LEFT << 7) - (1 << 64)  # as a signed number
_TOP = tuple((1 << (64 - shift)) - 1 if shift else 0 for shift in range(10))
