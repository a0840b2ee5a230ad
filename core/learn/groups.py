"""Advantages of answers within groups of answers to one question."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Baseline = Literal["leave_one_out", "mean", "none"]
Scale = Literal["none", "group", "batch"]
Normalise = Literal["constant", "tokens", "sequence"]

_SAME = 1e-6  # rewards that differ by less differ by rounding: to divide by their deviation would make noise of it


def baseline(total: NDArray[Any], kind: Baseline) -> NDArray[np.float64]:
    """Rewards (P, G) to subtract from those of G answers to each of P questions.

    leave_one_out: the mean of the other answers (Kool et al. 2019; RLOO, arXiv:2402.14740), which leaves the gradient
    as it is; mean: that of all, which makes it 1 - 1/G of what it is (arXiv:2402.03300); none: 0.
    """
    total = np.asarray(total, np.float64)
    count = total.shape[1]
    match kind:
        case "leave_one_out":
            others: NDArray[np.float64] = total.sum(1, keepdims=True) - total
            others /= count - 1
            return others
        case "mean":
            return np.broadcast_to(total.mean(1, keepdims=True), total.shape)
    return np.zeros_like(total)


def scale(total: NDArray[Any], kind: Scale) -> NDArray[np.float64]:
    """Divisors (P, G) of the advantages of rewards (P, G).

    group: the deviation within the group, which weighs questions that are nearly always or hardly ever answered more
    (arXiv:2402.03300; against it arXiv:2503.20783); batch: that of all rewards; none: 1. Rewards that are all the same
    are divided by 1.
    """
    deviation = np.zeros((1, 1))
    if kind == "group" and total.shape[1] > 1:
        deviation = np.std(total, axis=1, keepdims=True, ddof=1)
    if kind == "batch" and total.size > 1:
        deviation[:] = np.std(total, ddof=1)
    return np.broadcast_to(np.where(deviation > _SAME, deviation, 1.0), total.shape)


def informative(total: NDArray[Any], kind: Baseline) -> NDArray[np.bool_]:
    """(P, G) which answers have an advantage, so that their likelihoods have a gradient."""
    differ: NDArray[np.bool_] = np.abs(total - baseline(total, kind)) > _SAME
    return differ


def weights(lengths: NDArray[Any], kind: Normalise) -> NDArray[np.float64]:
    """(R,) the weight of each token of R answers of these `lengths` in the sum that is the loss.

    constant: 1 / R, the gradient of the expected reward; tokens: one over all tokens of the batch (DAPO,
    arXiv:2503.14476); sequence: 1 / (R length), which makes right answers shorter and wrong ones longer (GRPO).
    """
    count = len(lengths)
    match kind:
        case "tokens":
            return np.full(count, 1.0 / max(int(lengths.sum()), 1))
        case "sequence":
            each: NDArray[np.float64] = 1.0 / (count * np.maximum(lengths, 1))
            return each
    return np.full(count, 1.0 / count)
