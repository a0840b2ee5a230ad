"""Convolutional encoders of images (B, C, H, W)."""

import torch
from torch import Tensor, nn


def nature_cnn(channels: int, height: int, width: int, features: int = 512) -> nn.Sequential:
    """The DQN encoder of Mnih et al. 2015 (doi:10.1038/nature14236). Images from 36 x 36 pixels."""
    layers = [
        *(nn.Conv2d(channels, 32, 8, stride=4), nn.ReLU()),
        *(nn.Conv2d(32, 64, 4, stride=2), nn.ReLU()),
        *(nn.Conv2d(64, 64, 3), nn.ReLU()),
        nn.Flatten(),
    ]
    return _closed(layers, channels, height, width, features)


def small_cnn(channels: int, height: int, width: int, features: int = 256) -> nn.Sequential:
    """The first DQN encoder, of Mnih et al. 2013 (1312.5602), a third of the later one's work. From 20 x 20 pixels."""
    layers = [
        *(nn.Conv2d(channels, 16, 8, stride=4), nn.ReLU()),
        *(nn.Conv2d(16, 32, 4, stride=2), nn.ReLU()),
        nn.Flatten(),
    ]
    return _closed(layers, channels, height, width, features)


def impala_cnn(channels: int, height: int, width: int, features: int = 256) -> nn.Sequential:
    """The residual encoder of Espeholt et al. 2018 (arXiv:1802.01561, figure 3, right). Images of any size."""
    layers: list[nn.Module] = []
    depth_in = channels
    for depth in (16, 32, 32):
        layers += [nn.Conv2d(depth_in, depth, 3, padding=1), nn.MaxPool2d(3, stride=2, padding=1)]
        layers += [_Residual(depth), _Residual(depth)]
        depth_in = depth
    layers += [nn.ReLU(), nn.Flatten()]
    return _closed(layers, channels, height, width, features)


class _Residual(nn.Module):
    """x + conv(relu(conv(relu(x))))."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(depth, depth, 3, padding=1)
        self.second = nn.Conv2d(depth, depth, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.second(self.first(x.relu()).relu())
        return x + residual


def _closed(layers: list[nn.Module], channels: int, height: int, width: int, features: int) -> nn.Sequential:
    """`layers` and the linear layer that brings their output to `features`."""
    body = nn.Sequential(*layers)
    with torch.no_grad():
        flat = body(torch.zeros(1, channels, height, width)).shape[1]
    return nn.Sequential(*body, nn.Linear(flat, features), nn.ReLU())
