"""Residual blocks of perceptrons, for networks that are the better the wider they are."""

from collections.abc import Callable
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn

from .config import Activation
from .mlp import ACTIVATIONS

_EXPANSION = 4


class Residual(nn.Module):
    """x + what `layers` make of x."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Features of the shape of `x`."""
        change: Tensor = self.layers(x)
        return x + change


def residual(
    count: int,
    width: int,
    activation: Activation,
    linear: Callable[[int, int], nn.Module],
    norm: Callable[[int], nn.Module],
) -> list[nn.Module]:
    """`count` blocks of features of a `width`, and the normalisation after the last.

    Each block normalises what it sees, and has one hidden layer four times as wide (Lee et al. 2024, arXiv:2410.09754,
    SimBa). Its weights begin as He et al. 2015 (arXiv:1502.01852) have them.
    """
    inner, blocks = _EXPANSION * width, []
    for _ in range(count):
        first, second = _he(linear(width, inner), width), _he(linear(inner, width), inner)
        blocks.append(Residual(norm(width), first, ACTIVATIONS[activation](), second))
    return [*blocks, norm(width)]


@torch.no_grad()
def _he(linear: Any, inputs: int) -> nn.Module:
    """`linear`, with weights of which a rectified layer keeps the size of what it sees, and without biases."""
    linear.weight.normal_(std=sqrt(2 / inputs))
    linear.bias.zero_()
    return linear  # type: ignore[no-any-return]
