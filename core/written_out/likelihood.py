"""The likelihood of recorded actions under a small perceptron's policy and its gradient, written out.

It computes what `agents/bc.py:loss` computes for the forward divergence, equal up to the rounding of float32: the
passes through the perceptron are plain matrix products (`core/written_out/perceptron.py`), the loss with its
derivatives is one jitted loop over the minibatch.
"""

import math
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..heads import GaussianHead
from ..jitted.formulas import gaussian_logp, log_softmax
from ..jitted.instantiate import kernel
from ..learn.optim import Adam
from ..nets import Policy
from .perceptron import Perceptron
from .structure import Structure, policy, steps_as_read, weightless


def layers(net: nn.Module, optimizer: object) -> list[Any] | None:
    """The `perceptron` of the policy, if `Likelihood` knows it and the optimiser."""
    known = type(net) is Policy and steps_as_read(optimizer, Adam) and weightless(net.encoder)
    return policy(net) if known else None


class Likelihood:
    """Writes the loss's gradient into the parameters' `grad`, where the optimiser has put it."""

    def __init__(self, net: Policy, optimizer: Adam, layers: list[Any]) -> None:
        self.net, self._optimizer, self._structure = net, optimizer, Structure(net)
        self._perceptron = Perceptron(layers)
        self._box = net.policy_head if isinstance(net.policy_head, GaussianHead) else None

    @classmethod
    def of(cls, net: Policy, optimizer: Adam) -> Self | None:
        """The twin for a network and its optimiser, or None where there is none."""
        known = layers(net, optimizer)
        return None if known is None else cls(net, optimizer, known)

    def fits(self, net: nn.Module, optimizer: object) -> bool:
        """Whether these are, to the last layer, what it was made for."""
        same = net is self.net and optimizer is self._optimizer and steps_as_read(optimizer, Adam)
        return same and self._structure.stands()

    @torch.no_grad()
    def __call__(self, mb: dict[str, Tensor], entropy_coef: float) -> float:
        """Mean of -weight * log pi(action|obs) over a minibatch; the gradient is that less `entropy_coef` * entropy."""
        seen, outputs = self._perceptron.forward(self.net.encoder(mb["obs"]))
        grad, weight = torch.empty_like(outputs), mb["weight"].numpy()
        box = self._box
        if box is None:
            loss: float = _categorical(outputs.numpy(), mb["action"].numpy(), weight, entropy_coef, grad.numpy())
        else:
            assert box.log_std.grad is not None
            action = mb["action"].reshape(len(outputs), -1).numpy()
            spread = (box.log_std.numpy(), box.shift.numpy(), box.scale.numpy(), box.log_std.grad.numpy())
            loss = _gaussian(outputs.numpy(), action, weight, entropy_coef, grad.numpy(), *spread)
        self._perceptron.backward(seen, grad)
        return loss


@kernel
def _categorical(
    logits: NDArray[Any], action: NDArray[Any], weight: NDArray[Any], entropy_coef: float, grad: NDArray[Any]
) -> float:
    """Mean loss; `grad` (B, A) by the logits."""
    n, actions = logits.shape
    loss = 0.0
    logp = np.empty(actions)
    for i in range(n):
        entropy = log_softmax(logits[i], logp)
        loss -= weight[i] * logp[action[i]]
        for j in range(actions):
            p = math.exp(logp[j])
            grad[i, j] = (weight[i] * (p - (j == action[i])) + entropy_coef * p * (logp[j] + entropy)) / n
    mean_loss: float = loss / n
    return mean_loss


@kernel
def _gaussian(
    mean: NDArray[Any],
    action: NDArray[Any],
    weight: NDArray[Any],
    entropy_coef: float,
    grad: NDArray[Any],
    log_std: NDArray[Any],
    shift: NDArray[Any],
    scale: NDArray[Any],
    log_std_grad: NDArray[Any],
) -> float:
    """Mean loss; `grad` (B, D) by the means, `log_std_grad` (D,).

    Means and `log_std` are those of u, the actions are shift + scale * u.
    """
    n, size = mean.shape
    loss, wide, inverse = 0.0, np.zeros(size), np.exp(-log_std.astype(np.float64))
    spread = log_std + np.log(scale)
    for i in range(n):
        logp, w = 0.0, np.float64(weight[i])
        for j in range(size):
            z = ((action[i, j] - shift[j]) / scale[j] - mean[i, j]) * inverse[j]
            logp += gaussian_logp(z, spread[j])
            grad[i, j] = -w * z * inverse[j] / n
            wide[j] += w * (1.0 - z * z)
        loss -= w * logp
    for j in range(size):
        log_std_grad[j] = wide[j] / n - entropy_coef
    mean_loss: float = loss / n
    return mean_loss
