"""The passes through a perceptron and back as plain matrix products.

Between small matrices autograd spends more time on its books than on the products.
"""

import torch
from torch import Tensor, nn


def layers(*parts: nn.Module) -> list[nn.Linear]:
    """The linear layers of a perceptron given in parts, in order."""
    return [module for part in parts for module in part.modules() if isinstance(module, nn.Linear)]


def forward(layers: list[nn.Linear], x: Tensor, relu: bool) -> tuple[list[Tensor], Tensor]:
    """What each layer sees, and what the last one gives, for inputs `x` (B, F)."""
    seen = [x]
    for layer in layers[:-1]:
        x = torch.addmm(layer.bias, x, layer.weight.t())
        x = x.relu_() if relu else x.tanh_()
        seen.append(x)
    return seen, torch.addmm(layers[-1].bias, x, layers[-1].weight.t())


def backward(layers: list[nn.Linear], seen: list[Tensor], grad: Tensor, relu: bool) -> None:
    """Write the parameters' gradients, from the one by the last layer's outputs (B, O)."""
    for k in reversed(range(len(layers))):
        layer, x = layers[k], seen[k]
        torch.mm(grad.t(), x, out=layer.weight.grad)
        torch.sum(grad, 0, out=layer.bias.grad)
        if k:
            grad = grad @ layer.weight
            # the derivative by the activation's output: 1 - tanh^2, or 1 where ReLU let something through
            grad = grad.mul_(x > 0) if relu else grad.sub_(grad * x * x)
