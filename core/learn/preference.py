"""Losses of preferences between two answers, from scores or from log-probabilities."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

Preference = Literal["dpo", "ipo", "simpo", "kto"]


def bradley_terry(margin: Tensor, error: float = 0.0) -> Tensor:
    """(P,) -log likelihood of judgements whose better answers score `margin` (P,) more than the worse ones.

    Bradley & Terry 1952: P(better) = sigmoid(margin). Judges are wrong by chance in a share `error` of them (Chowdhury
    et al. 2024, arXiv:2403.00409, as labels are smoothed in the loss).
    """
    loss = -(1 - error) * F.logsigmoid(margin)
    return loss - error * F.logsigmoid(-margin) if error else loss


def per_pair(
    kind: Preference, better: Tensor, worse: Tensor, lengths: tuple[Tensor, Tensor], beta: float, margin: float
) -> Tensor:
    """(P,) losses of pairs from what the log-probabilities of their answers gained on the reference's, (P,) each.

    dpo (Rafailov et al. 2023, arXiv:2305.18290) compares the sums over tokens; ipo (Azar et al. 2023, arXiv:2310.12036)
    wants them to differ by 1 / (2 beta), or, as it is mostly used and here, the means over their `lengths`; simpo (Meng
    et al. 2024, arXiv:2405.14734) wants the means of the log-probabilities themselves, without a reference, to differ
    by `margin`; kto (Ethayarajh et al. 2024, arXiv:2402.01306) compares each answer with the mean of all, which stands
    for the divergence from the reference and has no gradient.
    """
    first, second = better / lengths[0], worse / lengths[1]
    match kind:
        case "dpo":
            return bradley_terry(beta * (better - worse))
        case "ipo":
            return (first - second - 1 / (2 * beta)).square()
        case "simpo":
            return bradley_terry(beta * (first - second) - margin)
    usual = 0.5 * (better.mean() + worse.mean()).detach().clamp(min=0)
    return 2 - (beta * (better - usual)).sigmoid() - (beta * (usual - worse)).sigmoid()
