"""Worked examples of environments of texts, as Batches."""

from dataclasses import replace
from typing import Any, NamedTuple, Protocol

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from ..batch import Batch, Episodes
from ..spaces.tokens import Beginnings, Tokens


class Examples(NamedTuple):
    """As a horizon: so many worked examples that the environment gives, instead of steps in it."""

    texts: int


class Teaches(Protocol):
    """An environment that knows how its texts go on."""

    def examples(self, count: int) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Texts (count, L), right-padded, and which of their tokens (count, L) are written, not given."""
        ...


def read(env: VectorEnv, space: Tokens, count: int) -> Batch:
    """So many examples of an environment that gives some."""
    teacher: Teaches = env.unwrapped  # type: ignore[assignment]
    return written(*teacher.examples(count), space.context, space.vocabulary.pad)


def written(texts: NDArray[np.int32], own: NDArray[np.bool_], context: int, pad: int) -> Batch:
    """The Batch of someone who writes those tokens of the texts (N, L) that are their `own` (N, L).

    An observation is what stands before such a token, (context,), whoever wrote it; the action is the token. Nothing is
    rewarded.
    """
    count, chosen, length = len(texts), own.sum(1), (texts != pad).sum(1)
    steps = int(chosen.max())
    valid = np.arange(steps)[:, None] < chosen
    known = np.repeat(length[:, None], steps + 1, 1)  # (N, T+1) tokens of an observation
    known[:, :-1][valid.T] = own.nonzero()[1]
    whole = np.full((count, context), pad, np.int32)
    shown = min(context, texts.shape[1])
    whole[:, :shown] = texts[:, :shown]
    obs: Any = Beginnings(whole, known.T, pad)
    last = np.arange(steps)[:, None] == chosen - 1
    first = np.zeros((steps + 1, count), np.bool_)
    first[0] = True
    end, text = np.nonzero(last)
    return Batch(
        obs=obs,
        action=np.take_along_axis(texts, np.minimum(known[:, :-1], length[:, None] - 1), 1).T.astype(np.int64),
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
