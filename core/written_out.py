"""The passes through a perceptron and back as plain matrix products.

Between small matrices autograd spends more time on its books than on the products.
"""

import torch
from torch import Tensor, nn

from . import activations


class Perceptron:
    """The linear layers of `parts`, in order, with ReLU or tanh between them.

    Reads the parameters where they are and writes their gradients where those are: both must stay there
    (`core.optim.flatten`).
    """

    def __init__(self, *parts: nn.Module, relu: bool) -> None:
        self.relu = relu
        layers = [module for part in parts for module in part.modules() if isinstance(module, nn.Linear)]
        # looked up once: a module's attribute costs as much as a small product
        self._weights = [layer.weight.detach() for layer in layers]
        self._transposed = [weight.t() for weight in self._weights]
        self._biases = [layer.bias.detach() for layer in layers]
        self._grads = [(layer.weight.grad, layer.bias.grad) for layer in layers]

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """What each layer sees, and what the last one gives, for inputs `x` (B, F)."""
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
