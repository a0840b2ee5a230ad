"""Exact values of Connect Four positions by alpha-beta search on bitboards with a transposition table.

After Pascal Pons, "Solving Connect 4" (blog.gamesolver.org): moves that lose at once are not tried, moves that make
most threats come first, and the value is closed in on by searches with a null window. A score is 22 less the number
of discs that the winner will have played, positive for the player to move, 0 for a draw.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...core.games.game import States
from .connect4 import CELLS, COLUMNS, ROWS, four

_BOTTOM = sum(1 << (7 * column) for column in range(COLUMNS))
_BOARD = _BOTTOM * ((1 << ROWS) - 1)
_ORDER = np.array([3, 4, 2, 5, 1, 6, 0])  # columns, the middle ones first
_LOWEST, _HIGHEST = -(CELLS // 2) + 3, (CELLS + 1) // 2 - 3
_TABLE = 4_194_301  # a prime, so that all bits of a position count


class Solver:
    """Solves one position after another; what it learns about one helps with the next."""

    def __init__(self, table: int = _TABLE) -> None:
        self._keys = np.zeros(table, np.int64)
        self._bounds = np.zeros(table, np.int8)
        self._nodes = np.zeros(1, np.int64)

    @property
    def nodes(self) -> int:
        """Positions searched so far."""
        return int(self._nodes[0])

    def score(self, state: NDArray[np.int64]) -> int:
        """The exact score of a position that is not over."""
        return int(_score(self._keys, self._bounds, self._nodes, state[0], state[0] | state[1], state[2], False))

    def value(self, state: NDArray[np.int64]) -> int:
        """-1, 0 or 1: the result for the player to move under perfect play. Cheaper than the score."""
        return int(
            np.sign(_score(self._keys, self._bounds, self._nodes, state[0], state[0] | state[1], state[2], True))
        )

    def move_values(self, states: States) -> NDArray[np.int8]:
        """Results (N, 7) of each move under perfect play, for the player who makes it; 2 where there is none."""
        out = np.full((len(states), COLUMNS), 2, np.int8)
        for i, state in enumerate(states):
            _move_values(self._keys, self._bounds, self._nodes, state, out[i])
        return out

    def preserving(self, state: NDArray[np.int64], value: int) -> NDArray[np.bool_]:
        """Which moves (7,) keep the result `value` of a position; cheaper than the results of all moves."""
        out = np.zeros(COLUMNS, np.bool_)
        _preserving(self._keys, self._bounds, self._nodes, state, value, out)
        return out


@njit(nogil=True, cache=True)
def _preserving(keys, bounds, nodes, state, value, out):  # type: ignore[no-untyped-def]
    full = state[0] | state[1]
    for column in range(COLUMNS):
        if (full >> (7 * column + ROWS - 1)) & 1:
            continue
        move = (full + (1 << (7 * column))) & _column(column)
        ply = state[2] + 1
        if value == -1 or four(state[0] | move):
            out[column] = True
        elif ply == CELLS:
            out[column] = value == 0
        elif not _wins(state[1], full | move) & _next(full | move):
            out[column] = _negamax(keys, bounds, nodes, state[1], full | move, ply, -value, 1 - value) <= -value


@njit(nogil=True, cache=True)
def _move_values(keys, bounds, nodes, state, out):  # type: ignore[no-untyped-def]
    full = state[0] | state[1]
    for column in range(COLUMNS):
        if (full >> (7 * column + ROWS - 1)) & 1:
            continue
        move = (full + (1 << (7 * column))) & _column(column)
        if four(state[0] | move):
            out[column] = 1
        elif state[2] + 1 == CELLS:
            out[column] = 0
        else:
            out[column] = -np.sign(_score(keys, bounds, nodes, state[1], full | move, state[2] + 1, True))


@njit(nogil=True, cache=True)
def _score(keys, bounds, nodes, own, full, ply, weak):  # type: ignore[no-untyped-def]
    """The score, or with `weak` a number of its sign."""
    if _wins(own, full) & _next(full):
        return 1 if weak else (CELLS + 1 - ply) // 2
    low, high = -((CELLS - ply) // 2), (CELLS + 1 - ply) // 2
    if weak:
        low, high = -1, 1
    while low < high:
        middle = low + (high - low) // 2
        if middle <= 0 and -(-low // 2) < middle:  # near 0 first, where most scores are
            middle = -(-low // 2)
        elif middle >= 0 and high // 2 > middle:
            middle = high // 2
        score = _negamax(keys, bounds, nodes, own, full, ply, middle, middle + 1)
        if score <= middle:
            high = score
        else:
            low = score
    return low


@njit(nogil=True, cache=True)
def _negamax(keys, bounds, nodes, own, full, ply, alpha, beta):  # type: ignore[no-untyped-def]
    """The score if it lies between alpha and beta, else a bound beyond them; the player to move cannot win at once."""
    nodes[0] += 1
    moves = _not_losing(own, full)
    if moves == 0:
        return -((CELLS - ply) // 2)  # the other wins with the next move
    if ply >= CELLS - 2:
        return 0
    low = -((CELLS - 2 - ply) // 2)
    if alpha < low:
        alpha = low
        if alpha >= beta:
            return alpha
    high = (CELLS - 1 - ply) // 2
    key = own + full + _BOTTOM  # one number for each position
    place = key % len(keys)
    if keys[place] == key:
        bound = bounds[place]
        if bound > _HIGHEST - _LOWEST + 1:
            low = bound + 2 * _LOWEST - _HIGHEST - 2
            if alpha < low:
                alpha = low
                if alpha >= beta:
                    return alpha
        else:
            high = bound + _LOWEST - 1
    if beta > high:
        beta = high
        if alpha >= beta:
            return beta
    ordered, threats, count = np.zeros(COLUMNS, np.int64), np.zeros(COLUMNS, np.int64), 0
    for i in range(COLUMNS - 1, -1, -1):
        move = moves & _column(_ORDER[i])
        if move:
            made = _count(_wins(own | move, full))
            j = count
            count += 1
            while j > 0 and threats[j - 1] > made:
                ordered[j], threats[j] = ordered[j - 1], threats[j - 1]
                j -= 1
            ordered[j], threats[j] = move, made
    for i in range(count - 1, -1, -1):
        move = ordered[i]
        score = -_negamax(keys, bounds, nodes, own ^ full, full | move, ply + 1, -beta, -alpha)
        if score >= beta:
            keys[place], bounds[place] = key, score + _HIGHEST - 2 * _LOWEST + 2
            return score
        alpha = max(alpha, score)
    keys[place], bounds[place] = key, alpha - _LOWEST + 1
    return alpha


@njit(nogil=True, cache=True)
def _not_losing(own, full):  # type: ignore[no-untyped-def]
    """The moves after which the other cannot win at once."""
    moves = _next(full)
    threats = _wins(own ^ full, full)
    forced = moves & threats
    if forced:
        if forced & (forced - 1):
            return 0  # two threats at once
        moves = forced
    return moves & ~(threats >> 1)


@njit(nogil=True, cache=True)
def _next(full):  # type: ignore[no-untyped-def]
    """The cells where a disc can land."""
    return (full + _BOTTOM) & _BOARD


@njit(nogil=True, cache=True)
def _wins(own, full):  # type: ignore[no-untyped-def]
    """The empty cells that would make four in a line."""
    found = (own << 1) & (own << 2) & (own << 3)
    for shift in (6, 7, 8):
        pairs = (own << shift) & (own << (2 * shift))
        found |= pairs & (own << (3 * shift))
        found |= pairs & (own >> shift)
        pairs = (own >> shift) & (own >> (2 * shift))
        found |= pairs & (own << shift)
        found |= pairs & (own >> (3 * shift))
    return found & (_BOARD ^ full)


@njit(nogil=True, cache=True)
def _column(column):  # type: ignore[no-untyped-def]
    return ((1 << ROWS) - 1) << (7 * column)


@njit(nogil=True, cache=True)
def _count(board):  # type: ignore[no-untyped-def]
    found = 0
    while board:
        board &= board - 1
        found += 1
    return found
