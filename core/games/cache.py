"""A network's answers to positions, remembered in a table of fixed size."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..jitted.records import side_by_side
from .game import States


class Answers:
    """Logits and values by position. Each has one place, by its hash; a new one there replaces the old."""

    def __init__(self, size: int, state_size: int, actions: int) -> None:
        fields: dict[str, Any] = {
            "key": (np.int64, (state_size,)),
            "logits": (np.float32, (actions,)),
            "value": (np.float32, ()),
            "used": (np.bool_, ()),
        }
        rows = side_by_side((size,), fields)
        self._keys, self._used, self._logits, self._values = (rows[k] for k in ("key", "used", "logits", "value"))

    def look_up(self, states: States) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        """Logits (B, A) and values (B,) of positions (B, S), and which of them are not known."""
        logits = np.empty((len(states), self._logits.shape[1]), np.float32)
        values, new = np.empty(len(states), np.float32), np.empty(len(states), np.bool_)
        _look_up(self._keys, self._used, self._logits, self._values, states, logits, values, new)
        return logits, values, new

    def keep(self, states: States, logits: NDArray[np.float32], values: NDArray[np.float32]) -> None:
        """Remember answers."""
        _keep(self._keys, self._used, self._logits, self._values, states, logits, values)

    def clear(self) -> None:
        """Forget everything: the network has changed."""
        self._used[:] = False


@njit(nogil=True, cache=True)
def _place(state, size):  # type: ignore[no-untyped-def]
    """FNV-1a over the numbers of a position, with their high bits mixed in."""
    h = np.uint64(0xCBF29CE484222325)
    for x in state:
        h = (h ^ np.uint64(x)) * np.uint64(0x100000001B3)
        h ^= h >> np.uint64(29)
    return np.int64(h % np.uint64(size))


@njit(nogil=True, cache=True)
def _look_up(keys, used, logits, values, states, out_logits, out_values, new):  # type: ignore[no-untyped-def]
    for b in range(len(states)):
        place = _place(states[b], len(keys))
        new[b] = not used[place]
        for k in range(states.shape[1]):
            new[b] |= keys[place, k] != states[b, k]
        if not new[b]:
            out_logits[b], out_values[b] = logits[place], values[place]


@njit(nogil=True, cache=True)
def _keep(keys, used, logits, values, states, new_logits, new_values):  # type: ignore[no-untyped-def]
    for b in range(len(states)):
        place = _place(states[b], len(keys))
        keys[place], used[place] = states[b], True
        logits[place], values[place] = new_logits[b], new_values[b]
