"""Worked examples of environments of texts, as Batches."""

from dataclasses import replace
from typing import Any, NamedTuple, Protocol

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from ..batch import Batch, Episodes
from ..spaces.tokens import Tokens


class Examples(NamedTuple):
    """As a horizon: so many worked examples that the environment gives, instead of steps in it."""

    texts: int


class Teaches(Protocol):
    """An environment that knows how its texts go on."""

    def examples(self, count: int) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
        """Texts (count, L), how many tokens of each are given (count,), and how many it has in all (count,)."""
        ...


def read(env: VectorEnv, space: Tokens, count: int) -> Batch:
    """So many examples of an environment that gives some."""
    teacher: Teaches = env.unwrapped  # type: ignore[assignment]
    return written(*teacher.examples(count), space.context, space.vocabulary.pad)


def written(
    texts: NDArray[np.int32], given: NDArray[np.int64], length: NDArray[np.int64], context: int, pad: int
) -> Batch:
    """The Batch of someone who writes the texts (N, L) token by token, after those that are `given` (N,).

    An observation is what has been written so far, (context,); the action is the next token. Nothing is rewarded.
    """
    count, steps = len(texts), int((length - given).max())
    time, column = np.arange(steps + 1)[:, None], np.arange(context)
    seen = np.minimum(given + time, np.minimum(length, context))  # (T+1, N) tokens of an observation
    whole = np.full((count, context), pad, np.int32)
    shown = min(context, texts.shape[1])
    whole[:, :shown] = texts[:, :shown]
    obs = np.where(column < seen[..., None], whole, np.int32(pad))
    at = np.minimum(given + time[:-1], length - 1)
    valid = given + time[:-1] < length
    last = given + time[:-1] == length - 1
    first = np.zeros((steps + 1, count), np.bool_)
    first[0] = True
    end, text = np.nonzero(last)
    return Batch(
        obs=obs,
        action=np.take_along_axis(texts, at.T, 1).T.astype(np.int64),
        reward=np.zeros((steps, count), np.float32),
        terminated=last,
        truncated=np.zeros_like(last),
        valid=valid,
        first=first,
        final_at=np.stack([end, text], 1),
        final_obs=obs[end + 1, text],
        episodes=Episodes(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64)),
        extras={},
    )


def first_steps(batch: Batch, limit: int) -> Batch:
    """The batch with its first `limit` valid steps alone."""
    if batch.steps <= limit:
        return batch
    valid: NDArray[Any] = batch.valid & (batch.valid.ravel().cumsum().reshape(batch.valid.shape) <= limit)
    return replace(batch, valid=valid)
