"""Multilayer perceptrons and their initialisation."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import nn

Activation = Literal["tanh", "relu"]
_ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU}


def mlp(
    size: int,
    hidden: Sequence[int],
    activation: Activation = "tanh",
    linear: Callable[[int, int], nn.Module] = nn.Linear,
) -> tuple[nn.Sequential, int]:
    """Hidden layers from `size` features, each followed by the activation; and the width of the last."""
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [linear(size, width), _ACTIVATIONS[activation]()]
        size = width
    return nn.Sequential(*layers), size


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
