"""Where a replay keeps what it is given: records, memory or files, and what belongs to a few slots only."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..machine import refuse_beyond_disk, refuse_beyond_memory


class Kept:
    """Arrays of one shape that belong to a few of many slots, in a block that doubles when it is full."""

    def __init__(self, slots: int, shape: tuple[int, ...], dtype: np.dtype, reserved: int = 0) -> None:
        capacity = reserved + 16
        free = np.arange(capacity - 1, reserved - 1, -1, dtype=np.int32)
        self.load(np.full(slots, -1, np.int32), np.zeros((capacity, *shape), dtype), free)

    def load(self, of: NDArray[np.int32], block: NDArray[Any], free: NDArray[np.int32]) -> None:
        self.of = of.copy()  # slot -> row of the block, or -1
        self.block = block.copy()
        self.bytes = as_bytes(self.block)
        self.free = free.copy()  # rows not in use, the next one last

    def put(self, slots: NDArray[np.int64], arrays: NDArray[Any]) -> None:
        if not len(slots):
            return
        while len(self.free) < len(slots):
            size = len(self.block)
            free = np.concatenate([np.arange(2 * size - 1, size - 1, -1, dtype=np.int32), self.free])
            self.load(self.of, np.concatenate([self.block, np.zeros_like(self.block)]), free)
        self.free, rows = np.split(self.free, [len(self.free) - len(slots)])
        self.block[rows] = arrays
        self.of[slots] = rows

    def drop(self, slots: NDArray[np.int64]) -> None:
        rows = self.of[slots]
        rows = rows[rows >= 0]
        if len(rows):
            self.free = np.concatenate([self.free, rows])
            self.of[slots] = -1


def refuse_misfits(columns: dict[str, NDArray[Any]], fields: dict[str, NDArray[Any]], rows: int, capacity: int) -> None:
    """Raise UsageError unless columns (T, N, ...) of new steps fit into the fields (rows, N, ...) of a replay."""
    for name, column in columns.items():
        known = fields[name]
        if (column.shape[1:], column.dtype) != (known.shape[1:], known.dtype):
            raise UsageError(
                f"{name} of shape {column.shape[1:]} does not fit a replay made for {known.shape[1:]}, per row, "
                f"or its {column.dtype} not {known.dtype}"
            )
    steps, envs = columns["reward"].shape
    if steps > rows:
        raise UsageError(
            f"a batch of {steps} steps is longer than a replay of {capacity} transitions, {rows} steps of {envs} "
            "environments: enlarge the replay or shorten the batch"
        )


def spans(start: int, length: int, rows: int) -> Iterator[tuple[slice, slice]]:
    """Slices (of the ring, of the batch) that copy `length` rows from `start` on, round the ring: one or two."""
    head = min(length, rows - start)
    yield slice(start, start + head), slice(0, head)
    if head < length:
        yield slice(0, length - head), slice(head, length)


def places(layout: dict[str, tuple[tuple[int, ...], str]]) -> tuple[dict[str, int], int]:
    """Where fields begin in a record, and its bytes: the observation first, then by falling size of their items.

    So every item is aligned, and observations can be read as rows of eight-byte words.
    """
    offsets, end = {}, 0
    for name in sorted(layout, key=lambda name: (name != "obs", -np.dtype(layout[name][1]).itemsize)):
        shape, dtype = layout[name]
        item = np.dtype(dtype).itemsize
        offsets[name] = -(-end // item) * item
        end = offsets[name] + item * math.prod(shape)
    return offsets, -(-end // 8) * 8


def field(records: NDArray[np.uint8], offset: int, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    """A view (slots, *shape) of what begins at `offset` in each of the records (slots, bytes)."""
    size = np.dtype(dtype).itemsize * math.prod(shape)
    return records[:, offset : offset + size].view(dtype).reshape(len(records), *shape)


def in_memory(slots: int, width: int, capacity: int) -> NDArray[np.uint8]:
    """Zeros (slots, width) for the records of so many transitions."""
    instead = "a smaller agent.capacity, or agent.replay_dir"
    refuse_beyond_memory(slots * width, f"a replay of {capacity:,} transitions", instead)
    return np.zeros((slots, width), np.uint8)


def mapped(folder: Path, name: str, shape: tuple[int, ...], dtype: str, reopen: bool) -> np.memmap:
    """A file of the folder as an array: a new one of zeros, or the one that is there."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.npy"
    if not reopen:
        nbytes = math.prod(shape) * np.dtype(dtype).itemsize
        refuse_beyond_disk(nbytes, file, f"the replay's file {file}", "a smaller agent.capacity")
        return np.lib.format.open_memmap(file, "w+", np.dtype(dtype), shape)
    if not file.exists():
        raise UsageError(f"{file} is missing: the saved replay had its arrays there")
    array = np.lib.format.open_memmap(file, "r+")
    if array.shape != shape or array.dtype != np.dtype(dtype):
        raise UsageError(f"{file} holds {array.dtype} {array.shape}, the saved replay {dtype} {shape}")
    return array


def as_bytes(x: NDArray[Any]) -> NDArray[np.uint8]:
    """A contiguous array as rows of bytes, (len, bytes), so that one kernel serves every dtype and shape."""
    return x.reshape(len(x), -1).view(np.uint8)
