"""Texts that are predicted token by token: whatever was predicted, the true token follows."""

import numpy as np
from numpy.typing import NDArray

from .task import Scores


def corrected(
    truth: NDArray[np.int32], response: NDArray[np.int32], length: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """The true tokens (Q,) at the ends of responses (Q, R), given all of them (Q, R); 1 / R for each that was right.

    So the sum over a text is the share of it that was predicted.
    """
    rows = np.arange(len(truth))
    true = truth[rows, length - 1]
    return true, (response[rows, length - 1] == true) / truth.shape[1]


def share(truth: NDArray[np.int32], response: NDArray[np.int32]) -> Scores:
    """The share of responses (Q, R) that is as it should be."""
    return Scores((response == truth).mean(1).astype(np.float32), np.zeros(len(truth), np.bool_))
