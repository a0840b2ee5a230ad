"""Distributions of the return as K numbers: moved by a Bellman backup, and compared."""

from typing import Any

import torch
from torch import Tensor


def projected(probs: Tensor, reward: Tensor, discount: Tensor, returns: Tensor) -> Tensor:
    """Probabilities (B, K) on the evenly spread `returns` (K,) of the distribution of reward + discount * Z.

    Z has the probabilities (B, K) on the same returns. Mass between two of them is shared, the nearer gets more; mass
    outside goes to the last one. Bellemare et al. 2017, arXiv:1707.06887, algorithm 1.
    """
    low, high, step = returns[0], returns[-1], returns[1] - returns[0]
    place = ((reward[:, None] + discount[:, None] * returns).clamp(low, high) - low) / step
    # distance from each return, in steps: a hat of width one on both sides is what sharing between neighbours means
    nearness = 1.0 - (place[:, None, :] - torch.arange(len(returns), device=place.device)[:, None]).abs()
    return (nearness.clamp_(min=0.0) * probs[:, None, :]).sum(-1)


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """-sum_i target_i log p_i, shape (B,), for logits and target probabilities (B, K)."""
    return -(target * logits.log_softmax(-1)).sum(-1)


def quantile_huber(quantiles: Tensor, target: Tensor) -> Tensor:
    """Quantile regression loss, shape (B,), of K quantiles (B, K) for K' equally likely returns (B, K').

    sum_i mean_j |tau_i - [u_ij < 0]| L(u_ij) with u_ij = target_j - quantile_i, the midpoints tau_i = (i + 1/2) / K and
    Huber's L(u): u^2 / 2 up to |u| = 1, |u| - 1/2 beyond. Dabney et al. 2017, arXiv:1710.10044, equation 10.
    """
    loss: Tensor = _QuantileHuber.apply(quantiles, target)  # type: ignore[no-untyped-call]
    return loss


class _QuantileHuber(torch.autograd.Function):
    """With a written-out gradient: autograd walks through a dozen arrays (B, K, K') and takes several times as long."""

    @staticmethod
    def forward(ctx: Any, quantiles: Tensor, target: Tensor) -> Tensor:
        count = quantiles.shape[-1]
        tau = ((torch.arange(count, device=quantiles.device) + 0.5) / count).to(quantiles.dtype)[:, None]
        error = target[:, None, :] - quantiles[:, :, None]
        bounded = error.clamp(-1.0, 1.0)  # the derivative of L, and L(u) = bounded * (u - bounded / 2)
        slope = torch.where(error < 0, 1.0 - tau, tau).mul_(bounded)
        ctx.save_for_backward(slope.mean(-1))
        return error.sub_(bounded, alpha=0.5).mul_(slope).mean(-1).sum(-1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (slope,) = ctx.saved_tensors
        return -grads[0][:, None] * slope, None
