"""Which moves keep the result of a Connect Four position early in the game, where a solver takes minutes: a table."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .connect4 import COLUMNS

PLIES = 8
"""Every position after fewer moves is in the table, unless it is over."""

_FILE = Path(__file__).parent / "data" / "connect4_book.npz"
_COLUMN = (1 << 7) - 1


class Book:
    """Positions and their mirror images under one key."""

    def __init__(self) -> None:
        with np.load(_FILE) as data:
            self._keys, self._good = data["steps"].cumsum(), data["good"]

    def preserving(self, state: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which moves (7,) keep the result, under perfect play, of a position after fewer than PLIES moves."""
        own, other = int(state[0]), int(state[1])
        key, image = _key(own, other), _key(_mirrored(own), _mirrored(other))
        place = int(np.searchsorted(self._keys, min(key, image)))
        assert self._keys[place] == min(key, image)
        good = np.array([(int(self._good[place]) >> column) & 1 == 1 for column in range(COLUMNS)])
        return good if key <= image else good[::-1]


def _key(own: int, other: int) -> int:
    """One number for each position: every column's free cells begin at the carry."""
    bottom = sum(1 << (7 * column) for column in range(COLUMNS))
    return own + (own | other) + bottom


def _mirrored(board: int) -> int:
    return sum(((board >> (7 * column)) & _COLUMN) << (7 * (COLUMNS - 1 - column)) for column in range(COLUMNS))
