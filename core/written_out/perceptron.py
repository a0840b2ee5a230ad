"""The passes through a perceptron and back, without autograd.

Between small matrices autograd spends more time on its books than on the products, and between the smallest even
calling torch for each product takes longer than computing it: for those the whole pass is jitted.
"""

from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor, nn

from ..jitted import activations
from ..jitted.activations import activate, back_through
from ..jitted.products import add_product
from .structure import rectified

_BLOCK = 16  # rows of weights that are turned at a time


class Perceptron:
    """The modules of a `perceptron` as plain matrix products.

    Reads the parameters where they are and writes their gradients where those are: both must stay there
    (`core.learn.optim.flatten`).
    """

    def __init__(self, modules: list[nn.Module]) -> None:
        self.modules, self.relu = modules, rectified(modules)
        layers: list[Any] = modules[::2]
        # looked up once: a module's attribute costs as much as a small product
        self._weights = [layer.weight.detach() for layer in layers]
        self._transposed = [weight.t() for weight in self._weights]
        self._biases = [layer.bias.detach() for layer in layers]
        self._grads = [(layer.weight.grad, layer.bias.grad) for layer in layers]

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """Inputs of each layer, and outputs of the last one, for inputs `x` (B, F)."""
        seen = [x]
        for bias, weight in zip(self._biases[:-1], self._transposed, strict=False):
            x = torch.addmm(bias, x, weight)
            activations.apply(x.view(-1).numpy(), self.relu)
            seen.append(x)
        return seen, torch.addmm(self._biases[-1], x, self._transposed[-1])

    def backward(self, seen: list[Tensor], grad: Tensor) -> None:
        """Write the parameters' gradients, from the one by the last layer's outputs (B, O)."""
        for k in reversed(range(len(seen))):
            x, (weight_grad, bias_grad) = seen[k], self._grads[k]
            torch.mm(grad.t(), x, out=weight_grad)
            torch.sum(grad, 0, out=bias_grad)
            if k:
                grad = grad.mm(self._weights[k])
                activations.back(x.view(-1).numpy(), self.relu, grad.view(-1).numpy())


def shared_vector(net: nn.Module) -> Tensor:
    """The one vector that all weights are views of (`core.learn.optim.flatten`)."""
    first = next(net.parameters())
    size = sum(p.numel() for p in net.parameters())
    storage = first.untyped_storage()
    assert all(p.untyped_storage().data_ptr() == storage.data_ptr() for p in net.parameters())
    return torch.empty(0).set_(storage, 0, (size,), (1,))


def places(flat: Tensor, modules: list[Any]) -> NDArray[np.int64]:
    """(L, 4) where weight and bias of each linear layer of a `perceptron` begin in `flat`, its inputs and outputs."""

    def start(parameter: Tensor) -> int:
        return (parameter.data_ptr() - flat.data_ptr()) // flat.element_size()

    return np.array([(start(m.weight), start(m.bias), m.in_features, m.out_features) for m in modules[::2]])


@njit(nogil=True)
def transpose(theta, layers, transposed):  # type: ignore[no-untyped-def]
    """The weights of every layer with inputs before outputs, at the same places."""
    for k in range(len(layers)):
        w, inputs, outputs = layers[k, 0], layers[k, 2], layers[k, 3]
        for first in range(0, outputs, _BLOCK):  # in columns that fit the nearest cache
            last = min(first + _BLOCK, outputs)
            for j in range(inputs):
                for o in range(first, last):
                    transposed[w + j * outputs + o] = theta[w + o * inputs + j]


@njit(nogil=True)
def pass_on(theta, transposed, layers, relu, seen):  # type: ignore[no-untyped-def]
    """Fill `seen` (L + 1, B, W), what each layer sees and the last one gives, from seen[0]; rows are W apart."""
    _, size, width = seen.shape
    flat = seen.reshape(-1)
    for k in range(len(layers)):
        w, bias, inputs, outputs = layers[k, 0], layers[k, 1], layers[k, 2], layers[k, 3]
        for i in range(size):
            for o in range(outputs):
                seen[k + 1, i, o] = theta[bias + o]
        here, there = flat[k * size * width :], flat[(k + 1) * size * width :]
        add_product(here, width, 1, transposed[w:], outputs, there, width, size, inputs, outputs)
        if k < len(layers) - 1:
            for i in range(size):
                activate(seen[k + 1, i, :outputs], relu)


@njit(nogil=True)
def pass_back(theta, layers, relu, seen, slope, other, grad):  # type: ignore[no-untyped-def]
    """Write the gradient by all weights, from the one by the outputs in `slope` (B, W).

    It and `other` (B, W) serve as scratch.
    """
    _, size, width = seen.shape
    flat = seen.reshape(-1)
    for k in range(len(layers) - 1, -1, -1):
        w, bias, inputs, outputs = layers[k, 0], layers[k, 1], layers[k, 2], layers[k, 3]
        grad[w : w + outputs * inputs] = 0.0
        add_product(
            slope.reshape(-1), 1, width, flat[k * size * width :], width, grad[w:], inputs, outputs, size, inputs
        )
        grad[bias : bias + outputs] = 0.0
        for i in range(size):
            for o in range(outputs):
                grad[bias + o] += slope[i, o]
        if k > 0:
            other[:, :inputs] = 0.0
            add_product(slope.reshape(-1), width, 1, theta[w:], inputs, other.reshape(-1), width, size, outputs, inputs)
            for i in range(size):
                back_through(seen[k, i, :inputs], relu, other[i, :inputs])
            slope, other = other, slope


@njit(nogil=True)
def pass_down(theta, layers, relu, seen, slope, other, first, grad):  # type: ignore[no-untyped-def]
    """Add the gradient by the inputs from number `first` on to `grad` (B, D), from the one by the outputs in `slope`.

    Slope (B, W) and `other` (B, W) serve as scratch.
    """
    _, size, width = seen.shape
    for k in range(len(layers) - 1, -1, -1):
        w, inputs, outputs = layers[k, 0], layers[k, 2], layers[k, 3]
        if k == 0:
            columns = grad.shape[1]
            flat = grad.reshape(-1)
            add_product(slope.reshape(-1), width, 1, theta[w + first :], inputs, flat, columns, size, outputs, columns)
            return
        other[:, :inputs] = 0.0
        add_product(slope.reshape(-1), width, 1, theta[w:], inputs, other.reshape(-1), width, size, outputs, inputs)
        for i in range(size):
            back_through(seen[k, i, :inputs], relu, other[i, :inputs])
        slope, other = other, slope
