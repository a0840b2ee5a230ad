"""Whole episodes as flat steps, each with its time and the number of its episode."""

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..batch import Batch
from ..errors import UsageError


class Played(NamedTuple):
    """The B steps of whole episodes, and the policy's numbers when it took them."""

    obs: NDArray[Any]
    """(B, *obs)"""
    action: NDArray[Any]
    """(B, *act)"""
    logp: NDArray[Any]
    """(B,)"""
    reward: NDArray[np.float64]
    """(B,)"""
    step: NDArray[np.int64]
    """(B,) time in the episode."""
    episode: NDArray[np.int64]
    """(B,) number of the episode."""


class Past(deque[Played]):
    """The latest collections of episodes, at most so many."""

    def state(self) -> list[dict[str, NDArray[Any]]]:
        """The columns of each."""
        return [part._asdict() for part in self]

    def load_state(self, state: list[dict[str, NDArray[Any]]]) -> None:
        """Go on from `state()`.

        Raises:
            TypeError, ValueError: if the columns are not those of whole episodes.
        """
        self.clear()
        self.extend(Played(**part) for part in state)
        for part in self:
            count = len(part.step)
            if any(len(column) != count for column in part):
                raise ValueError("columns of remembered steps differ in length")
            for place in (part.step, part.episode):
                if place.dtype != np.int64 or place.shape != (count,) or not ((place >= 0) & (place < count)).all():
                    raise ValueError("remembered steps are at no place of an episode")


def joined(parts: Sequence[Played]) -> Played:
    """All episodes of several collections, numbered through."""
    for column in zip(*parts, strict=True):
        if len({(x.dtype, x.shape[1:]) for x in column}) > 1:
            raise UsageError("the checkpoint remembers episodes of another environment: it is damaged")
    firsts = np.cumsum([0, *(part.episode.max() + 1 for part in parts)])
    moved = [part._replace(episode=part.episode + first) for part, first in zip(parts, firsts, strict=False)]
    return Played(*(np.concatenate(column) for column in zip(*moved, strict=True)))


def episodes(batch: Batch) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    """Which steps (T, N) belong to whole episodes; and of these B steps the time in the episode and its number."""
    ended = batch.done & batch.valid
    number, count = ended.cumsum(0) - ended, ended.sum(0)
    whole = batch.valid & (number < count)
    episode = (number + count.cumsum() - count)[whole]
    step = whole.cumsum(0)[whole]
    first = np.full(count.sum(), len(whole))
    np.minimum.at(first, episode, step)
    return whole, step - first[episode], episode


def placed(x: NDArray[Any], step: NDArray[Any], episode: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Values (B,) of steps in their place (L, E), time first; 0 elsewhere."""
    out = np.zeros(shape)
    out[step, episode] = x
    return out
