"""The one-step regression of action values on their targets, written out for small perceptrons.

It computes what the autograd path of `agents/dqn.py` does, equal up to the rounding of float32: the passes through the
network are plain matrix products (`core/written_out.py`), the targets and the loss with its derivative jitted loops.
"""

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor, nn

from .nets import ActionValue
from .written_out import Perceptron


def fits(net: nn.Module) -> bool:
    """Whether `Regression` knows the network: a plain one on the CPU."""
    return isinstance(net, ActionValue) and net.plain and next(net.parameters()).device.type == "cpu"


class Regression:
    """Writes the loss's gradient into the parameters' `grad`, which they must have (`core.optim.flatten`)."""

    def __init__(self, net: ActionValue) -> None:
        self.net = net
        self._perceptron = Perceptron(net.trunk, net.advantage, relu=True)

    def values(self, obs: Tensor) -> NDArray[np.float32]:
        """Q(s, a), shape (B, A)."""
        return self._perceptron.forward(self.net.encoder(obs))[1].numpy()

    def __call__(
        self, obs: Tensor, action: NDArray, target: NDArray, weights: NDArray, squared: bool
    ) -> tuple[float, float, NDArray[np.float32]]:
        """Weighted loss and mean Q of the B actions taken, and their TD errors (B,)."""
        seen, out = self._perceptron.forward(self.net.encoder(obs))
        grad = torch.zeros_like(out)
        loss, value, error = _errors(out.numpy(), action, target, weights, squared, grad.numpy())
        self._perceptron.backward(seen, grad)
        return loss, value, error


@njit(nogil=True, cache=True)
def bootstrapped(values: NDArray, chooser: NDArray, reward: NDArray, discount: NDArray) -> NDArray:
    """reward + discount * values[argmax chooser], shape (B,), for action values (B, A)."""
    target = np.empty(len(values), np.float32)
    for b in range(len(values)):
        target[b] = reward[b] + discount[b] * values[b, np.argmax(chooser[b])]
    return target


@njit(nogil=True, cache=True)
def _errors(
    values: NDArray, action: NDArray, target: NDArray, weights: NDArray, squared: bool, grad: NDArray
) -> tuple[float, float, NDArray]:
    n, loss, value = len(values), 0.0, 0.0
    error = np.empty(n, np.float32)
    for b in range(n):
        q = values[b, action[b]]
        value += q
        e: float = np.float64(q) - target[b]
        error[b] = e
        size = abs(e)
        if squared:
            loss += weights[b] * e * e
            slope = 2.0 * e
        elif size <= 1.0:
            loss += weights[b] * 0.5 * e * e
            slope = e
        else:
            loss += weights[b] * (size - 0.5)
            slope = np.sign(e)
        grad[b, action[b]] = weights[b] * slope / n
    return loss / n, value / n, error
