"""f-divergences between distributions over A actions: how far a policy is from another that is known.

D_f(p, q) = sum_a q(a) f(p(a) / q(a)) (Csiszar 1967); f(x) = x log x makes it the forward Kullback-Leibler divergence.
With the forward one, q must cover everything that p does; with the reverse one, p must cover what q does.
"""

import math
from typing import Literal

import torch
from torch import Tensor

Divergence = Literal["forward_kl", "reverse_kl", "jensen_shannon", "total_variation"]
_LEAST = math.log(1e-8)  # logarithm of the probability that stands for 0: a policy may not be infinitely far away


def divergence(kind: Divergence, p: Tensor, log_q: Tensor) -> Tensor:
    """D_f(p, q), shape (B,), of probabilities `p` from log-probabilities `log_q`, both (B, A)."""
    log_p = p.log().clamp(min=_LEAST)
    log_q = log_q.clamp(min=_LEAST)
    q = log_q.exp()
    match kind:
        case "forward_kl":
            terms = p * (log_p - log_q)
        case "reverse_kl":
            terms = q * (log_q - log_p)
        case "jensen_shannon":
            log_m = torch.logaddexp(log_p, log_q) - math.log(2.0)
            terms = 0.5 * (p * (log_p - log_m) + q * (log_q - log_m))
        case "total_variation":
            terms = 0.5 * (p - q).abs()
    return terms.sum(-1)
