"""How observations and actions lie in memory.

A structured observation (Dict, Tuple) travels as one contiguous row of bytes per environment and is viewed
back into its parts, without copies and with their own dtypes, where the network begins. Everything between
the environment and the network sees a plain array.
"""

from math import prod
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from ..errors import UsageError

MASK = "action_mask"
"""Key of a Dict observation that holds the available actions."""

STATE = "game_state"
"""Key of a Dict observation that holds a game's exact position, for a search; not a feature."""

_ALIGN = 8  # bytes; torch views a row as float32 or int64 only at multiples of their size


class Part(NamedTuple):
    """One leaf of an observation space and its place in a row."""

    path: tuple[Any, ...]
    """Keys and indices that lead to it; () for a plain space."""
    space: spaces.Space[Any]
    dtype: np.dtype
    shape: tuple[int, ...]
    start: int
    """Offset in the row, bytes."""

    @property
    def name(self) -> str:
        """Its path, joined by '/'."""
        return "/".join(map(str, self.path))

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize


class Layout:
    """Where each part of an observation lies.

    `shape` and `dtype` are those of one stored observation: the part's own for a plain space, a row of
    bytes for a Dict or Tuple. Floats are stored as float32, images as uint8, integers as int64.

    Raises:
        UsageError: for a space without a fixed size (Text, Sequence, Graph, OneOf).
    """

    def __init__(self, space: spaces.Space[Any]) -> None:
        self.space = space
        self.parts: list[Part] = []
        end = self._lay_out((), space, 0)
        self.structured = isinstance(space, spaces.Dict | spaces.Tuple)
        self.shape = (end,) if self.structured else self.parts[0].shape
        self.dtype = np.dtype(np.uint8) if self.structured else self.parts[0].dtype

    def _lay_out(self, path: tuple[Any, ...], space: spaces.Space[Any], start: int) -> int:
        if isinstance(space, spaces.Dict | spaces.Tuple):
            children = space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces)
            for key, child in children:
                start = self._lay_out((*path, key), child, start)
            return start
        dtype, shape = _stored(space, path)
        part = Part(path, space, dtype, shape, start)
        self.parts.append(part)
        return start + -(-part.nbytes // _ALIGN) * _ALIGN

    def empty(self, *lead: int) -> NDArray[Any]:
        """Storage for observations, shape (*lead, *self.shape)."""
        return np.zeros((*lead, *self.shape), self.dtype)

    def write(self, out: NDArray[Any], obs: Any) -> None:
        """Store a batch of observations as the environment gave them into `out` (N, *self.shape)."""
        if not self.structured:
            out[...] = obs
            return
        for part in self.parts:
            value = obs
            for key in part.path:
                value = value[key]
            row = out[:, part.start : part.start + part.nbytes]
            row.view(part.dtype).reshape(len(out), *part.shape)[...] = value

    def view(self, obs: Tensor) -> dict[str, Tensor]:
        """The parts of stored observations (B, *self.shape) by name, without copies."""
        if not self.structured:
            return {"": obs}
        views = {}
        for part in self.parts:
            row = obs[:, part.start : part.start + part.nbytes]
            views[part.name] = row.view(_TORCH[part.dtype.name]).view(len(obs), *part.shape)
        return views

    def batch(self, obs: Any) -> tuple[NDArray[Any], bool]:
        """(N, *self.shape) from one observation or a batch of them, and whether it was a single one.

        Raises:
            UsageError: if the shape is neither that of one observation nor of a batch.
        """
        first = obs
        for key in self.parts[0].path:
            first = first[key]
        leaf = np.shape(first)
        rank = len(self.parts[0].shape)
        if len(leaf) not in (rank, rank + 1) or leaf[len(leaf) - rank :] != self.parts[0].shape:
            raise UsageError(f"an observation of shape {leaf} does not fit the observation space {self.space}")
        single = len(leaf) == rank
        count = 1 if single else leaf[0]
        out = self.empty(count)
        self.write(out, add_axis(obs) if single else obs)
        return out, single


_TORCH = {"float32": torch.float32, "uint8": torch.uint8, "int64": torch.int64, "int8": torch.int8}


def _stored(space: spaces.Space[Any], path: tuple[Any, ...]) -> tuple[np.dtype, tuple[int, ...]]:
    """Dtype and shape in which an observation of a leaf space is kept."""
    match space:
        case spaces.Box():
            return np.dtype(np.uint8 if space.dtype == np.uint8 else np.float32), space.shape
        case spaces.Discrete():
            return np.dtype(np.int64), ()
        case spaces.MultiBinary():
            return np.dtype(np.int8), space.shape
        case spaces.MultiDiscrete():
            return np.dtype(np.int64), space.shape
    where = f" (part {'/'.join(map(str, path))!r})" if path else ""
    raise UsageError(
        f"observation space {space}{where} has no fixed size; supported are Box, Discrete, MultiBinary, "
        "MultiDiscrete and Dict or Tuple of these. Wrap the environment so that it observes one of them."
    )


def add_axis(obs: Any) -> Any:
    """One observation as a batch of one, in the environment's own format."""
    if isinstance(obs, dict):
        return {key: add_axis(value) for key, value in obs.items()}
    if isinstance(obs, tuple | list):
        return tuple(add_axis(value) for value in obs)
    return np.asarray(obs)[None]


def take(obs: Any, index: int) -> Any:
    """One environment's observation out of a batch, in the environment's own format."""
    if isinstance(obs, dict):
        return {key: take(value, index) for key, value in obs.items()}
    if isinstance(obs, tuple):
        return tuple(take(value, index) for value in obs)
    return obs[index]
