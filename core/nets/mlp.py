"""Multilayer perceptrons and their initialisation."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook

from .batch_renorm import BatchRenorm
from .config import Activation, BatchedNorm

ACTIVATIONS: dict[Activation, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "elu": nn.ELU,
}


class Linear(nn.Linear):
    """`torch.nn.Linear`, whose weights are looked up where a module keeps them.

    Attributes of a module are searched for by a Python function, which takes as long as a small layer's product.
    """

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self._parameters["weight"], self._parameters["bias"])  # type: ignore[arg-type]


class Mlp(nn.Sequential):
    """Layers one after another, without `Module.__call__` where it would only look for hooks that are not there."""

    def forward(self, x: Tensor) -> Tensor:
        for layer in self._modules.values():
            x = layer.forward(x) if unhooked(layer) else layer(x)
        return x


def unhooked(module: nn.Module) -> bool:
    """Whether no hook, of its own or of all modules, follows or precedes `module`."""
    own = module.__dict__
    return not (
        own["_forward_hooks"]
        or own["_forward_pre_hooks"]
        or own["_backward_hooks"]
        or own["_backward_pre_hooks"]
        or _has_any_global_hook()
    )


def mlp(
    size: int,
    hidden: Sequence[int],
    activation: Activation = "tanh",
    norm: BatchedNorm = "none",
    linear: Callable[[int, int], nn.Module] = Linear,
) -> tuple[nn.Sequential, int]:
    """Hidden layers from `size` features, each followed by the norm and the activation; and the width of the last.

    With `norm` layer every hidden layer is normalised before its activation (Ba et al. 2016, arXiv:1607.06450); with
    `norm` batch what every layer sees is, also the one that follows.
    """
    layers: list[nn.Module] = []
    for width in hidden:
        if norm == "batch":
            layers.append(BatchRenorm(size))
        layers.append(linear(size, width))
        if norm == "layer":
            layers.append(nn.LayerNorm(width))
        layers.append(ACTIVATIONS[activation]())
        size = width
    if norm == "batch":
        layers.append(BatchRenorm(size))
    return Mlp(*layers), size


@torch.no_grad()
def orthogonal(module: nn.Module, gain: float) -> None:
    """Orthogonal weights of the given gain and zero biases in every linear or convolutional layer.

    Saxe et al. 2013, arXiv:1312.6120; with gain sqrt(2) in hidden layers it is what PPO's published results use.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.orthogonal_(layer.weight, gain)
            if layer.bias is not None:
                layer.bias.zero_()
