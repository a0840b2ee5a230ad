"""Distributions of the return as K numbers: moved by a Bellman backup, and compared."""

import torch
from torch import Tensor


def projected(probs: Tensor, reward: Tensor, discount: Tensor, returns: Tensor) -> Tensor:
    """Probabilities (B, K) on the evenly spread `returns` (K,) of the distribution of reward + discount * Z.

    Z has the probabilities (B, K) on the same returns. What falls between two of them is shared, the nearer gets more;
    what falls outside goes to the last one. Bellemare et al. 2017, arXiv:1707.06887, algorithm 1.
    """
    low, high, step = returns[0], returns[-1], returns[1] - returns[0]
    place = ((reward[:, None] + discount[:, None] * returns).clamp(low, high) - low) / step
    # distance from each return, in steps: a hat of width one on both sides is what sharing between neighbours means
    nearness = 1.0 - (place[:, None, :] - torch.arange(len(returns), device=place.device)[:, None]).abs()
    return (nearness.clamp_(min=0.0) * probs[:, None, :]).sum(-1)


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """-sum_i target_i log p_i, shape (B,), for logits and target probabilities (B, K)."""
    return -(target * logits.log_softmax(-1)).sum(-1)


def quantile_huber(quantiles: Tensor, target: Tensor, kappa: float = 1.0) -> Tensor:
    """Quantile regression loss, shape (B,), of K quantiles (B, K) for K' equally likely returns (B, K').

    sum_i mean_j |tau_i - [u_ij < 0]| L_kappa(u_ij) / kappa with u_ij = target_j - quantile_i and the midpoints
    tau_i = (i + 1/2) / K. Dabney et al. 2017, arXiv:1710.10044, equation 10.
    """
    count = quantiles.shape[-1]
    tau = (torch.arange(count, device=quantiles.device) + 0.5) / count
    error = target[:, None, :] - quantiles[:, :, None]
    size = error.detach().abs()
    huber = torch.where(size <= kappa, 0.5 * error.square(), kappa * (error.abs() - 0.5 * kappa))
    weight = (tau[:, None] - (error.detach() < 0).float()).abs()
    return (weight * huber / kappa).mean(-1).sum(-1)
