"""Recorded steps: which episode each belongs to, which are held out, and what the expert said of other actions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..batch import Batch
from ..errors import UsageError


def episodes(batch: Batch) -> NDArray[np.int64]:
    """(T, N) which episode of the batch each step belongs to, counted from 0."""
    copies = batch.reward.shape[1]
    before = batch.done.cumsum(0) - batch.done
    return np.unique(before * copies + np.arange(copies), return_inverse=True)[1].reshape(before.shape)


def held_out(episode: NDArray[np.int64], share: float, seed: int) -> NDArray[np.bool_]:
    """Which steps are held out: those of about a `share` of the episodes, if there are two.

    Whole episodes, as neighbouring steps are nearly the same. An episode is where it was when more come after it.
    """
    count = int(episode.max()) + 1
    drawn = np.random.default_rng(seed).random(count)
    apart = drawn < share
    if share and count > 1:
        apart[drawn.argmin()] = True
        apart[drawn.argmax()] = False
    return (apart & (count > 1))[episode]


def probability(batch: Batch) -> NDArray[Any]:
    """The expert's probabilities of all actions (T, N, A).

    Raises:
        UsageError: if they were not recorded.
    """
    if "probability" not in batch.extras:
        raise UsageError(
            "these demonstrations do not hold the expert's probabilities, as those of a run over Discrete actions do; "
            "the divergence must be forward_kl"
        )
    return batch.extras["probability"]
