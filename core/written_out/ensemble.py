"""The passes through `Critics` of one number each and back, without autograd."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor, nn

from ..jitted import activations
from ..nets.critics import Critics, Linears
from .mirror import Mirror
from .structure import ENCODER, bare, weightless

CRITICS = Mirror(
    Critics.__module__,
    {
        "Critics.forward": "ae661d05",
        "Critics.numbers": "42b574b0",
        "Critics.clipped": "07e6f7ad",
        "Linears.forward": "5e4592be",
    },
    ENCODER,
)

_ACTIVATIONS = (nn.Tanh, nn.ReLU)


def layers(critics: nn.Module) -> tuple[list[Any], bool] | None:
    """The `Linears` of plain critics of one number, and whether ReLU is between them, rather than tanh; else None."""
    if type(critics) is not Critics or not bare(critics) or critics.dropout or len(critics.layers) == 0:
        return None
    if not weightless(critics.encoder) or not bare(critics.encoder):
        return None
    linears, between = [*critics.layers[::2], critics.head], critics.layers[1::2]
    kinds = {type(after[1]) for after in between}  # type: ignore[index]
    known = [type(after) is nn.Sequential and type(after[0]) is nn.Identity and len(after) == 2 for after in between]
    if len(kinds) > 1 or not kinds.issubset(_ACTIVATIONS) or not all(known):
        return None
    if critics.head.weight.shape[-1] > 1:
        return None
    if not all(type(x) is Linears and x.weight.is_cpu and x.weight.dtype is torch.float32 for x in linears):
        return None
    return linears, kinds == {nn.ReLU}


class Ensemble:
    """K critics: hidden layers as batched matrix products, the last one, which has one row, as jitted loops.

    Reads the parameters where they are and writes their gradients where those are: both must stay there
    (`core.learn.optim.flatten`).
    """

    def __init__(self, linears: list[Linears], relu: bool) -> None:
        self.relu, self.count = relu, len(linears[0].weight)
        *hidden, head = linears
        self._weights = [x.weight.detach() for x in hidden]
        self._transposed = [weight.transpose(1, 2) for weight in self._weights]
        self._biases = [x.bias.detach() for x in hidden]
        self._grads: list[Any] = [(x.weight.grad, x.bias.grad) for x in hidden]
        self._head = [_vector(x.detach()) for x in (head.weight, head.bias)]
        self._head_grads = [_vector(x.grad) for x in (head.weight, head.bias)]

    def forward(self, x: Tensor) -> tuple[list[Tensor], NDArray[np.float32]]:
        """Inputs of each layer, and outputs (K, B) of the last one, for inputs (B, F)."""
        x = x.expand(self.count, -1, -1)
        seen = [x]
        for bias, weight in zip(self._biases, self._weights, strict=True):
            x = torch.baddbmm(bias, x, weight)
            if self.relu:
                x.relu_()
            else:
                activations.apply(x.view(-1).numpy(), False)
            seen.append(x)
        out = np.empty(x.shape[:2], np.float32)
        _rows(x.numpy(), self._head[0], self._head[1], out)
        return seen, out

    def backward(self, seen: list[Tensor], grad: NDArray[np.float32]) -> None:
        """Write the parameters' gradients, from the one by the outputs (K, B)."""
        _columns(seen[-1].numpy(), grad, self._head_grads[0], self._head_grads[1])
        for k, here in self._back(seen, grad):
            weight_grad, bias_grad = self._grads[k]
            torch.bmm(seen[k].transpose(1, 2), here, out=weight_grad)
            torch.sum(here, 1, keepdim=True, out=bias_grad)

    def slope(self, seen: list[Tensor], grad: NDArray[np.float32], size: int) -> Tensor:
        """The gradient by the last `size` inputs (B, size), from the one by the outputs (K, B)."""
        *_, (_, first) = self._back(seen, grad)
        return torch.bmm(first, self._transposed[0][:, :, -size:]).sum(0)

    def _back(self, seen: list[Tensor], grad: NDArray[np.float32]) -> Iterator[tuple[int, Tensor]]:
        """Each hidden layer from the last to the first, with the gradient by its sums (K, B, width)."""
        here = torch.empty_like(seen[-1])
        _outer(grad, self._head[0], here.numpy())
        for k in reversed(range(len(self._weights))):
            activations.back(seen[k + 1].view(-1).numpy(), self.relu, here.view(-1).numpy())
            yield k, here
            if k:
                here = torch.bmm(here, self._transposed[k])


def _vector(x: Any) -> NDArray[np.float32]:
    """(K, F) or (K, 1) numbers of the weights (K, F, 1) or biases (K, 1, 1) of a last layer, not a copy."""
    return x.squeeze(-1).numpy()  # type: ignore[no-any-return]


@njit(nogil=True, cache=True, error_model="numpy", fastmath=activations.REORDER)
def _rows(x: NDArray[Any], weight: NDArray[Any], bias: NDArray[Any], out: NDArray[Any]) -> None:
    """out (K, B) = x (K, B, F) times weight (K, F), plus bias (K, 1)."""
    for c in range(len(x)):
        for b in range(x.shape[1]):
            total = bias[c, 0]
            for j in range(x.shape[2]):
                total += x[c, b, j] * weight[c, j]
            out[c, b] = total


@njit(nogil=True, cache=True, error_model="numpy", fastmath=activations.REORDER)
def _columns(x: NDArray[Any], grad: NDArray[Any], weight_grad: NDArray[Any], bias_grad: NDArray[Any]) -> None:
    """Gradients by weight (K, F) and bias (K, 1) of `_rows`, from the one by its outputs (K, B)."""
    weight_grad[:], bias_grad[:] = 0.0, 0.0
    for c in range(len(x)):
        for b in range(x.shape[1]):
            bias_grad[c, 0] += grad[c, b]
            for j in range(x.shape[2]):
                weight_grad[c, j] += grad[c, b] * x[c, b, j]


@njit(nogil=True, cache=True, error_model="numpy")
def _outer(grad: NDArray[Any], weight: NDArray[Any], out: NDArray[Any]) -> None:
    """out (K, B, F): the gradient by the inputs of `_rows`, from the one by its outputs (K, B)."""
    for c in range(len(out)):
        for b in range(out.shape[1]):
            for j in range(out.shape[2]):
                out[c, b, j] = grad[c, b] * weight[c, j]
