"""How observations and actions lie in memory.

A structured observation (Dict, Tuple) travels as one contiguous row of bytes per environment and is viewed
back into its parts, without copies and with their own dtypes, where the network begins. Everything between
the environment and the network sees a plain array.
"""

from math import isnan, prod
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from ..errors import TrainingError, UsageError
from ..jitted.bounds import first_blocked, first_outside
from .keys import MASK, MASKS
from .tokens import Tokens

_ALIGN = 8  # bytes; torch views a row as float32 or int64 only at multiples of their size


class Part(NamedTuple):
    """One leaf of an observation space and its place in a row."""

    path: tuple[Any, ...]
    """Keys and indices that lead to it, by which it is known everywhere; () for a plain space."""
    space: spaces.Space[Any]
    dtype: np.dtype
    shape: tuple[int, ...]
    start: int
    """Offset in the row, bytes."""

    @property
    def name(self) -> str:
        """Its path as one word, another one for every path."""
        return "/".join(map(_word, self.path))

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize


class Layout:
    """Where each part of an observation lies: by name, in whatever order a Dict lists its keys.

    `shape` and `dtype` are those of one stored observation: the part's own for a plain space, a row of
    bytes for a Dict or Tuple. Floats are stored as float32, images as uint8, tokens as int32, other integers as
    int64.

    Args:
        action: the space that an action mask is for; with it, masks are looked at too.

    Raises:
        UsageError: for a space without a fixed size (Text, Sequence, Graph, OneOf), or with two action masks.
    """

    def __init__(self, space: spaces.Space[Any], action: spaces.Space[Any] | None = None) -> None:
        self.space = space
        self.parts: list[Part] = []
        end = self._lay_out((), space, 0)
        self.structured = isinstance(space, spaces.Dict | spaces.Tuple)
        self.shape = (end,) if self.structured else self.parts[0].shape
        self.dtype = np.dtype(np.uint8) if self.structured else self.parts[0].dtype
        masks = [part for part in self.parts if part.path[-1:] == (MASK,)]
        if len(masks) > 1:
            raise UsageError(f"the observations hold {len(masks)} action masks; give one, and the others another name")
        self.mask = masks[0] if masks else None
        """The part that holds the available actions."""
        self._choices = choices(action)
        self._looks_at_mask = self.mask is not None and self.mask.shape == (self._choices.sum(),)
        self._bounds = [(part, *bounds) for part in self.parts if (bounds := _bounds(part))]

    def _lay_out(self, path: tuple[Any, ...], space: spaces.Space[Any], start: int) -> int:
        if isinstance(space, spaces.Dict | spaces.Tuple):
            children = in_order(space) if isinstance(space, spaces.Dict) else enumerate(space.spaces)
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
        """Store a batch of observations as the environments gave them into `out` (N, *self.shape)."""
        for part in self.parts:
            value = obs
            for key in part.path:
                value = value[key]
            column = self.column(out, part)
            if part.space.dtype == np.float64:
                with np.errstate(over="ignore"):  # infinite then, which is `outside`
                    column[...] = value
            else:
                column[...] = value

    def outside(self, stored: NDArray[Any]) -> tuple[int, str] | None:
        """The first of stored observations (N, *self.shape) that is not in its space, and what is wrong with it.

        Numbers that count something index tables and weights: beyond their range there is other memory. What a Box
        holds need only be finite, for its bounds are often a guess.
        """
        if self.mask and self._looks_at_mask:
            masks = self.column(stored, self.mask)
            if (i := first_blocked(masks, self._choices)) >= 0:
                odd = masks[i][(masks[i] != 0) & (masks[i] != 1)]
                return i, f"an action mask with {odd[0]}, not 0 or 1" if len(odd) else "a mask that allows no action"
        for part, low, high in self._bounds:
            rows = self.column(stored, part).reshape(len(stored), -1)
            if (i := first_outside(rows, low, high)) >= 0:
                x = rows[i][~((rows[i] >= low) & (rows[i] <= high))][0]
                wrong = flaw(x) if isinstance(part.space, spaces.Box) else f"not in {part.space}"
                return i, f"{x}{_where(part)}, which is {wrong}"
        return None

    def coarse(self, obs: Any) -> str:
        """What observations (N, ...), as the environments gave them, lose as float32; "" if nothing that matters."""
        for part in self.parts:
            value = obs
            for key in part.path:
                value = value[key]
            x = np.asarray(value)
            if part.dtype != np.float32 or x.dtype.itemsize < 8:
                continue
            size = np.abs(x)
            large = size[(size >= _COARSE) & (size < np.finfo(np.float32).max)]
            if (large.astype(np.float32) != large).any():
                most = large.max()
                return (
                    f"observations{_where(part)} are as large as {most:.3g}, where float32 goes in steps of "
                    f"{np.spacing(np.float32(most)):.3g} and loses what is smaller; subtract an offset (--wrap)"
                )
        return ""

    def settled(self, final: NDArray[Any], terminated: NDArray[np.bool_]) -> NDArray[Any]:
        """The last observations (N, *self.shape) of episodes, put right where nothing depends on what is wrong.

        A choice of which nothing is allowed is free, and where `terminated` (N,) what is not finite is 0.
        """
        out = final.copy()
        if self.mask and self._looks_at_mask:
            for choice in np.split(self.column(out, self.mask), self._choices.cumsum()[:-1], 1):
                choice[~choice.any(1)] = 1
        for part, *_ in self._bounds:
            if isinstance(part.space, spaces.Box):
                column = self.column(out, part)
                column[terminated] = np.nan_to_num(column[terminated], posinf=0.0, neginf=0.0)
        return out

    def column(self, stored: NDArray[Any], part: Part) -> NDArray[Any]:
        """A view of one part (N, *part.shape) of stored observations."""
        if not self.structured:
            return stored
        return stored[:, part.start : part.start + part.nbytes].view(part.dtype).reshape(len(stored), *part.shape)

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
            UsageError: if the shape is neither that of one observation nor of a batch, or one is not in the space.
        """
        leaves = [self._given(obs, part) for part in self.parts]
        single = leaves[0].ndim == len(self.parts[0].shape)
        lead = () if single else leaves[0].shape[:1]
        out = self.empty(*(lead or (1,)))
        for part, leaf in zip(self.parts, leaves, strict=True):
            if leaf.shape != (*lead, *part.shape):
                shape = f"shape {leaf.shape}{_where(part)}"
                raise UsageError(f"an observation of {shape} does not fit the observation space {self.space}")
            with np.errstate(over="ignore"):  # infinite then, which is `outside`
                self.column(out, part)[...] = leaf
        if found := self.outside(out):
            raise UsageError(f"observation {found[0]} is {found[1]}")
        return out, single

    def _given(self, obs: Any, part: Part) -> NDArray[Any]:
        """The array, or the lists of numbers, that were given for a part: one or a batch."""
        try:
            for key in part.path:
                obs = obs[key]
            leaf = np.asarray(obs)
        except (LookupError, TypeError, ValueError):
            leaf = np.asarray("")
        if leaf.dtype.kind not in "biuf":
            raise UsageError(f"{obs!r:.80}{_where(part)} does not fit the observation space {self.space}")
        return leaf


def in_order(space: spaces.Dict) -> list[tuple[Any, spaces.Space[Any]]]:
    """Keys and spaces of a Dict in the one order of their names: two that list the same parts are the same."""
    return sorted(space.spaces.items(), key=lambda item: (isinstance(item[0], int), _rank(item[0])))


def _rank(key: Any) -> Any:
    return key if isinstance(key, int) else str(key)


def _word(key: Any) -> str:
    """A key without the signs that join words, or that the names of modules may not have; '#1' is not '1'."""
    return key.translate(_ESCAPED) if isinstance(key, str) else f"#{str(key).translate(_ESCAPED)}"


_COARSE = 1e6  # where float32 goes in steps of 1/16
_ESCAPED = str.maketrans({sign: f"%{ord(sign):02X}" for sign in "%/.#"})
_TORCH = {
    "float32": torch.float32,
    "int32": torch.int32,
    "uint8": torch.uint8,
    "int64": torch.int64,
    "int8": torch.int8,
}


def _stored(space: spaces.Space[Any], path: tuple[Any, ...]) -> tuple[np.dtype, tuple[int, ...]]:
    """Dtype and shape in which an observation of a leaf space is kept."""
    match space:
        case Tokens():
            return np.dtype(np.int32), space.shape
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


def choices(action: spaces.Space[Any] | None) -> NDArray[np.int64]:
    """How many values each choice of an action has, in spaces that a mask may restrict; none in others."""
    match action:
        case spaces.Discrete(n=n):
            return np.array([n], np.int64)
        case spaces.MultiDiscrete(nvec=nvec):
            return nvec.ravel().astype(np.int64)
    return np.zeros(0, np.int64)


def refuse_late_mask(info: dict[str, Any]) -> None:
    """Raise TrainingError if the infos of a step hold an action mask, which those of the first reset did not."""
    for name in MASKS:
        if name in info:
            i = int(np.flatnonzero(info.get(f"_{name}", [True]))[0])
            raise TrainingError(f"environment {i} gave info[{name!r}] with a step, but none with its first reset")


def _bounds(part: Part) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """The least and the greatest values (D,) that a part may hold, unless it holds bytes."""
    match part.space:
        case Tokens():
            least, count = np.zeros(part.shape), np.full(part.shape, part.space.vocabulary.pad + 1)
        case spaces.Box() if part.dtype == np.float32:
            greatest = np.full(prod(part.shape), np.finfo(np.float32).max)
            return -greatest, greatest
        case spaces.Discrete(start=start, n=n):
            least, count = np.array([start]), np.array([n])
        case spaces.MultiDiscrete(start=start, nvec=nvec):
            least, count = start.ravel(), nvec.ravel()
        case spaces.MultiBinary():
            least, count = np.zeros(prod(part.shape)), np.full(prod(part.shape), 2)
        case _:
            return None
    least, count = least.astype(np.int64), count.astype(np.int64)
    return least.astype(part.dtype), (least + count - 1).astype(part.dtype)


def _where(part: Part) -> str:
    return f" in {'/'.join(map(str, part.path))!r}" if part.path else ""


def flaw(x: float) -> str:
    """What a number is that float32 cannot hold."""
    return "not a number" if isnan(x) else "infinite or beyond float32 (3.4e38)"


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
