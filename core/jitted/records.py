"""Arrays that lie side by side in memory, field by field of one record after another."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LINE = 64  # bytes of a cache line


def side_by_side(shape: tuple[int, ...], fields: Mapping[str, tuple[Any, tuple[int, ...]]]) -> dict[str, NDArray[Any]]:
    """Zeros (*shape, *field) of each field's dtype and shape, as views of records that fill whole cache lines.

    A reader of a few fields of one record among very many waits for memory once.
    """
    packed = np.dtype([(name, dtype, field) for name, (dtype, field) in fields.items()])
    size = -(-packed.itemsize // _LINE) * _LINE
    count = int(np.prod(shape))
    rows = _on_lines(count * size).reshape(*shape, size)[..., : packed.itemsize].view(packed)[..., 0]
    return {name: rows[name] for name in fields}


def zeros_on_lines(*shape: int) -> NDArray[np.float32]:
    """Zeros that begin with a cache line: vectors of numbers that lie in two lines take twice the time to read."""
    return _on_lines(4 * int(np.prod(shape))).view(np.float32).reshape(shape)


def _on_lines(size: int) -> NDArray[np.uint8]:
    memory = np.zeros(size + _LINE, np.uint8)
    first = -memory.ctypes.data % _LINE
    return memory[first : first + size]
