"""A policy and a value over the planes of a board: a residual tower, or a perceptron."""

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..nets.config import BoardConfig
from ..nets.mlp import mlp

_HEAD_CHANNELS = 32
_VALUE_WIDTH = 64


class PolicyValueNet(nn.Module):
    """Logits (B, A) and values (B,) in [-1, 1] of planes (B, C, H, W).

    With `blocks`, a tower of residual blocks of two 3x3 convolutions with batch normalisation (He et al. 2016; Silver
    et al. 2017), else hidden layers of the widths `hidden`. A plane of ones tells convolutions where the board ends.
    `reply` adds a head for the move that the other will answer (KataGo's auxiliary policy, arXiv:1902.10565, 4).
    """

    def __init__(self, shape: tuple[int, int, int], actions: int, cfg: BoardConfig, reply: bool = False) -> None:
        super().__init__()
        planes, height, width = shape
        blocks, channels = cfg.blocks, cfg.channels
        self.trunk: nn.Module
        self.reply_head: nn.Module | None = None
        if blocks:
            layers = [_Conv(planes + 1, channels, 3), *(_Block(channels) for _ in range(blocks))]
            self.trunk = nn.Sequential(*layers)
            self.policy_head: nn.Module = _Head(channels, height * width, actions)
            self.value_head: nn.Module = _Head(channels, height * width, 1, _VALUE_WIDTH)
            if reply:
                self.reply_head = _Head(channels, height * width, actions)
        else:
            self.trunk, features = mlp(planes * height * width, cfg.hidden, "relu")
            self.policy_head, self.value_head = nn.Linear(features, actions), nn.Linear(features, 1)
            if reply:
                self.reply_head = nn.Linear(features, actions)
        self.convolutional = bool(blocks)

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        return self._answers(self._features(planes))

    def with_reply(self, planes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, values, and logits (B, A) of what the other will answer: for learning alone."""
        assert self.reply_head is not None
        features = self._features(planes)
        return *self._answers(features), self.reply_head(features).float()

    def _features(self, planes: Tensor) -> Tensor:
        if self.convolutional:
            planes = F.pad(planes, (0, 0, 0, 0, 0, 1), value=1.0).contiguous(memory_format=torch.channels_last)
        features: Tensor = self.trunk(planes if self.convolutional else planes.flatten(1))
        return features

    def _answers(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.policy_head(features).float(), self.value_head(features).squeeze(-1).float().tanh()

    def frozen(self) -> "PolicyValueNet":
        """A net for inference alone, which shares a perceptron's weights or has batch normalisation folded in."""
        if not self.convolutional:
            return self
        net = deepcopy(self).eval().requires_grad_(False)
        for module in net.modules():
            if type(module) is _Conv and type(module.norm) is nn.BatchNorm2d:
                module.conv = fuse_conv_bn_eval(module.conv, module.norm)
                weight = module.conv.weight
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)
                module.norm = nn.Identity()
        return net


class _Conv(nn.Module):
    """Convolution and batch normalisation, then ReLU unless a sum comes first."""

    def __init__(self, inputs: int, outputs: int, size: int, relu: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x))
        return F.relu(x, inplace=True) if self.relu else x


class _Block(nn.Module):
    """x + two convolutions of it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = _Conv(channels, channels, 3), _Conv(channels, channels, 3, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


class _Head(nn.Module):
    """A 1x1 convolution, then one linear layer, or two."""

    def __init__(self, channels: int, cells: int, outputs: int, hidden: int = 0) -> None:
        super().__init__()
        self.conv = _Conv(channels, _HEAD_CHANNELS, 1)
        self.linear, size = mlp(_HEAD_CHANNELS * cells, [hidden] if hidden else [], "relu")
        self.out = nn.Linear(size, outputs)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.out(self.linear(self.conv(x).flatten(1)))
        return out
