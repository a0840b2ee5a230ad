"""The baseline of least variance, for each weight of a network."""

import torch
from torch import Tensor

from ..nets import ActorCritic


def optimal_baseline(net: ActorCritic, mb: dict[str, Tensor], logp: Tensor) -> Tensor:
    """Scalar whose gradient subtracts from each weight of the network its baseline of least variance.

    With h_e the gradient of episode e without a baseline and g_e = grad sum_t factor_t log pi(a_t|s_t), of mean 0, that
    is b = E[g h] / E[g^2]: for whole returns R it is E[g^2 R] / E[g^2] (Huang, section 28.2). Each episode's is
    estimated from the other ones, so that it does not depend on the episode's own actions.
    """
    count = int(mb["count"])
    zeros = logp.new_zeros(2, count)
    sums = zeros.index_add(1, mb["episode"], torch.stack([mb["factor"] * logp, mb["weight"] * logp]))
    parameters = [p for p in net.parameters() if p.requires_grad]
    rows = torch.autograd.grad(
        sums.flatten(),
        parameters,
        torch.eye(2 * count, device=logp.device),
        retain_graph=True,
        is_grads_batched=True,
        allow_unused=True,
    )
    total = logp.new_zeros(())
    for parameter, row in zip(parameters, rows, strict=True):
        if row is not None:
            g, h = row[:count], row[count:]
            square, product = g.square(), g * h
            others = square.sum(0) - square
            b = torch.where(others > 0, (product.sum(0) - product) / others, 0.0)
            total = total + (parameter * (b * g).mean(0)).sum()
    return total
