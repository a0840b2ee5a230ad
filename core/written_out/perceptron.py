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
from ..jitted.instantiate import PART
from ..jitted.instructions import ahead, at
from ..jitted.products import add_product
from .structure import rectified

_NEXT = np.int64(1)  # for a plain 1 Numba would compile the products once more


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


@njit(**PART)
def pass_on(theta, layers, relu, seen):  # type: ignore[no-untyped-def]
    """Fill `seen` (L + 1, B, W), what each layer sees and the last one gives, from seen[0]; rows are W apart."""
    _, size, width = seen.shape
    for k in range(len(layers)):
        w, bias, inputs, outputs = layers[k, 0], layers[k, 1], layers[k, 2], layers[k, 3]
        here, there = at(seen, k * size * width), at(seen, (k + 1) * size * width)
        for i in range(size):
            for o in range(outputs):
                there[i * width + o] = theta[bias + o]
        add_product(here, width, _NEXT, at(theta, w), _NEXT, inputs, there, width, size, inputs, outputs)
        if k < len(layers) - 1:
            for i in range(size):
                activate(ahead(there, i * width), outputs, relu)


@njit(**PART)
def pass_back(theta, layers, relu, seen, slopes, grad):  # type: ignore[no-untyped-def]
    """Write the gradient by all weights, from the one by the outputs in the first of `slopes` (2, B, W), scratch."""
    _, size, width = seen.shape
    for k in range(len(layers) - 1, -1, -1):
        w, bias, inputs, outputs = layers[k, 0], layers[k, 1], layers[k, 2], layers[k, 3]
        here, slope = at(seen, k * size * width), at(slopes, (len(layers) - 1 - k) % 2 * size * width)
        for j in range(outputs * inputs):
            grad[w + j] = 0.0
        add_product(slope, _NEXT, width, here, width, _NEXT, at(grad, w), inputs, outputs, size, inputs)
        for o in range(outputs):
            grad[bias + o] = 0.0
        for i in range(size):
            for o in range(outputs):
                grad[bias + o] += slope[i * width + o]
        if k > 0:
            _before(theta, layers, k, relu, seen, slopes)


@njit(**PART)
def pass_down(theta, layers, relu, seen, slopes, first, grad):  # type: ignore[no-untyped-def]
    """Add the gradient by the inputs from number `first` on to `grad` (B, D), from the one by the outputs.

    That is in the first of `slopes` (2, B, W), which serve as scratch.
    """
    _, size, width = seen.shape
    for k in range(len(layers) - 1, 0, -1):
        _before(theta, layers, k, relu, seen, slopes)
    w, inputs, outputs, columns = layers[0, 0], layers[0, 2], layers[0, 3], grad.shape[1]
    slope = at(slopes, (len(layers) - 1) % 2 * size * width)
    add_product(slope, width, _NEXT, at(theta, w + first), inputs, _NEXT, at(grad, 0), columns, size, outputs, columns)


@njit(**PART)
def _before(theta, layers, k, relu, seen, slopes):  # type: ignore[no-untyped-def]
    """Write the gradient by the outputs of the layer before layer k, which the slopes take turns to hold."""
    _, size, width = seen.shape
    w, inputs, outputs, turn = layers[k, 0], layers[k, 2], layers[k, 3], (len(layers) - 1 - k) % 2
    here, slope = at(seen, k * size * width), at(slopes, turn * size * width)
    before = at(slopes, (1 - turn) * size * width)
    for i in range(size):
        for j in range(inputs):
            before[i * width + j] = 0.0
    add_product(slope, width, _NEXT, at(theta, w), inputs, _NEXT, before, width, size, outputs, inputs)
    for i in range(size):
        back_through(ahead(here, i * width), inputs, relu, ahead(before, i * width))
