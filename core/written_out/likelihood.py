"""The likelihood of recorded actions under a small perceptron's policy and its gradient, written out.

It computes what `agents/bc.py:loss` computes for the forward divergence, equal up to the rounding of float32: the
passes through the perceptron are plain matrix products (`core/written_out/perceptron.py`), the loss with its
derivatives is one jitted loop over the minibatch.
"""

import math

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor, nn

from ..heads import CategoricalHead, GaussianHead
from ..nets import Policy
from .perceptron import Perceptron, log_probabilities


def fits(net: Policy) -> bool:
    """Whether `Likelihood` knows the network: a perceptron on the CPU for Discrete or one Gaussian, unmasked."""
    head = type(net.policy_head) in (CategoricalHead, GaussianHead) and not net.masked
    return head and not net.encoder.cnns and next(net.parameters()).device.type == "cpu"


class Likelihood:
    """Writes the loss's gradient into the parameters' `grad`, which they must have (`core.optim.flatten`)."""

    def __init__(self, net: Policy) -> None:
        self.net = net
        relu = any(isinstance(module, nn.ReLU) for module in net.policy_trunk)
        self._perceptron = Perceptron(net.policy_trunk, net.policy_head, relu=relu)
        self._log_std = net.policy_head.log_std if isinstance(net.policy_head, GaussianHead) else None

    @torch.no_grad()
    def __call__(self, mb: dict[str, Tensor], entropy_coef: float) -> float:
        """Mean of -weight * log pi(action|obs) over a minibatch; the gradient is that less `entropy_coef` * entropy."""
        seen, outputs = self._perceptron.forward(self.net.encoder(mb["obs"]))
        grad, weight = torch.empty_like(outputs), mb["weight"].numpy()
        if self._log_std is None:
            loss = _categorical(outputs.numpy(), mb["action"].numpy(), weight, entropy_coef, grad.numpy())
        else:
            assert self._log_std.grad is not None
            action = mb["action"].reshape(len(outputs), -1).numpy()
            spread = (self._log_std.numpy(), self._log_std.grad.numpy())
            loss = _gaussian(outputs.numpy(), action, weight, entropy_coef, grad.numpy(), *spread)
        self._perceptron.backward(seen, grad)
        return loss


@njit(nogil=True, cache=True, error_model="numpy")
def _categorical(logits: NDArray, action: NDArray, weight: NDArray, entropy_coef: float, grad: NDArray) -> float:
    """Mean loss; `grad` (B, A) by the logits."""
    n, actions = logits.shape
    loss = 0.0
    logp = np.empty(actions)
    for i in range(n):
        entropy = log_probabilities(logits, i, logp)
        loss -= weight[i] * logp[action[i]]
        for j in range(actions):
            p = math.exp(logp[j])
            grad[i, j] = (weight[i] * (p - (j == action[i])) + entropy_coef * p * (logp[j] + entropy)) / n
    return loss / n


@njit(nogil=True, cache=True, error_model="numpy")
def _gaussian(
    mean: NDArray, action: NDArray, weight: NDArray, entropy_coef: float, grad: NDArray, log_std: NDArray,
    log_std_grad: NDArray,
) -> float:  # fmt: skip
    """Mean loss; `grad` (B, D) by the means, `log_std_grad` (D,)."""
    n, size = mean.shape
    loss, wide, inverse = 0.0, np.zeros(size), np.exp(-log_std.astype(np.float64))
    constant = 0.0
    for j in range(size):
        constant += log_std[j] + 0.5 * math.log(2.0 * math.pi)
    for i in range(n):
        square, w = 0.0, np.float64(weight[i])
        for j in range(size):
            z = (action[i, j] - mean[i, j]) * inverse[j]
            square += z * z
            grad[i, j] = -w * z * inverse[j] / n
            wide[j] += w * (1.0 - z * z)
        loss += w * (0.5 * square + constant)
    for j in range(size):
        log_std_grad[j] = wide[j] / n - entropy_coef
    return loss / n
