"""Several critics Q(s, a) side by side, for actors that learn from a replay."""

from collections.abc import Mapping
from functools import partial
from math import prod, sqrt
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Generator, Tensor, nn

from ..errors import UsageError
from ..heads import Boxed
from .batch_renorm import BatchRenorm, training
from .config import BoxCriticsConfig, CriticsConfig
from .encoder import Encoder
from .mlp import ACTIVATIONS
from .remembering import RememberingEncoder, encoder
from .residual import residual


class _Ensemble(nn.Module):
    """K perceptrons side by side over one encoder; how they are made and passed, for those that know their inputs."""

    encoder: Encoder
    head: nn.Module

    def _begin(self, encoder: Encoder, inputs: int, outputs: int, cfg: CriticsConfig) -> None:
        """Make the layers from so many features, and perhaps an action, to each perceptron's outputs."""
        self.encoder = encoder
        if isinstance(encoder, RememberingEncoder):
            encoder.begin()
        self.dropout = cfg.dropout
        self.layers = nn.ModuleList()
        for width in cfg.critic_hidden:
            self.layers.append(_linears(cfg, inputs, width))
            self.layers.append(nn.Sequential(*_after(cfg, width)))
            inputs = width
        self.head = _linears(cfg, inputs, outputs)

    def _passed(self, x: Tensor, generator: Generator | None) -> Tensor:
        """Outputs (K, B, outputs) for inputs (B, inputs); with a `generator`, hidden features are dropped out."""
        for layer, after in zip(self.layers[::2], self.layers[1::2], strict=True):
            x = layer(x)
            if self.dropout and generator is not None:
                kept = torch.empty_like(x).bernoulli_(1 - self.dropout, generator=generator)
                x = x * kept / (1 - self.dropout)
            x = after(x)
        out: Tensor = self.head(x)
        return out


class Critics(Boxed, _Ensemble):
    """K critics over one encoder, each of which gives M numbers: Q(s, a), or M equally likely returns.

    They take actions as the environment does, and see them in the units in which the box is [-1, 1].

    Raises:
        UsageError: for actions that are not a Box with finite bounds.
    """

    def __init__(self, obs: spaces.Space[Any], action: spaces.Space[Any], cfg: BoxCriticsConfig) -> None:
        super().__init__(action)
        if not isinstance(action, spaces.Box) or not (np.isfinite(action.low).all() and np.isfinite(action.high).all()):
            raise UsageError(
                f"critics of continuous actions need a Box with finite bounds, not {action}. PPO takes other actions."
            )
        seen = encoder(obs, cfg)
        self._begin(seen, seen.size + prod(action.shape), cfg.quantiles, cfg)

    @property
    def low(self) -> Tensor:
        """Least actions (D,)."""
        return self.shift - self.scale

    @property
    def high(self) -> Tensor:
        """Largest actions (D,)."""
        return self.shift + self.scale

    def clipped(self, action: Tensor) -> Tensor:
        """Actions (B, D) with components outside the box moved to its border."""
        return torch.minimum(torch.maximum(action, self.shift - self.scale), self.shift + self.scale)

    def forward(self, obs: Tensor, action: Tensor, generator: Generator | None = None) -> Tensor:
        """The M numbers of each critic, shape (K, B, M), for stored observations and actions (B, *act).

        With a `generator`, hidden features are dropped out at random, where the Config asks for it.
        """
        return self._passed(torch.cat([self.encoder(obs), self.numbers(action)], -1), generator)

    def together(self, mb: Mapping[str, Tensor], action: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """The M numbers (K, B, M) of a minibatch's observations and actions, and those of what follows with `action`.

        They come from one pass, so that a batch normalisation is by the moments of both; no gradient passes through
        the latter (Bhatt et al. 2024, arXiv:1902.05605, figure 2).
        """
        with training(self):
            obs, actions = torch.cat([mb["obs"], mb["next_obs"]]), torch.cat([mb["action"].view_as(action), action])
            now, following = self(obs, actions, generator).tensor_split(2, 1)
        return now, following.detach()


class ActionCritics(_Ensemble):
    """K critics over one encoder, each of which gives Q(s, a) of all A actions.

    Raises:
        UsageError: if the actions are not a finite set.
    """

    def __init__(self, obs: spaces.Space[Any], action: spaces.Space[Any], cfg: CriticsConfig) -> None:
        super().__init__()
        if not isinstance(action, spaces.Discrete):
            raise UsageError(
                f"critics of all actions at once need a Discrete action space, not {action}. PPO takes other actions."
            )
        seen = encoder(obs, cfg)
        self._begin(seen, seen.size, int(action.n), cfg)

    def forward(self, obs: Tensor, generator: Generator | None = None) -> Tensor:
        """Q(s, .) of each critic, shape (K, B, A), for stored observations (B, *layout.shape); `generator` as there."""
        return self._passed(self.encoder(obs), generator)

    def together(self, mb: Mapping[str, Tensor], generator: Generator) -> tuple[Tensor, Tensor]:
        """Q(s, .) of a minibatch's observations and of those that follow, (K, B, A) each, as `Critics.together`."""
        with training(self):
            now, following = self(torch.cat([mb["obs"], mb["next_obs"]]), generator).tensor_split(2, 1)
        return now, following.detach()


def _after(cfg: CriticsConfig, width: int) -> list[nn.Module]:
    """The modules after a hidden layer."""
    linears, norms = partial(Linears, cfg.critics), partial(LayerNorms, cfg.critics)
    if cfg.critic_blocks:
        return residual(cfg.critic_blocks, width, cfg.activation, linears, norms)
    return [norms(width) if cfg.critic_norm == "layer" else nn.Identity(), ACTIVATIONS[cfg.activation]()]


def _linears(cfg: CriticsConfig, inputs: int, outputs: int) -> nn.Module:
    """K linear layers, which see their inputs batch normalised if so asked."""
    linears = Linears(cfg.critics, inputs, outputs)
    return nn.Sequential(BatchRenorm(inputs, cfg.critics), linears) if cfg.critic_norm == "batch" else linears


class Linears(nn.Module):
    """K linear layers side by side, with the initial weights that torch gives to one."""

    def __init__(self, count: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(count, outputs, inputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(count, 1, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """(K, B, outputs) of features (K, B, inputs), or of features (B, inputs) that all of them see."""
        return torch.baddbmm(self.bias, x.expand(len(self.weight), -1, -1), self.weight.transpose(1, 2))


class LayerNorms(nn.Module):
    """K layer normalisations (Ba et al. 2016, arXiv:1607.06450) side by side."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(count, 1, width)), nn.Parameter(torch.zeros(count, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        """(K, B, F) of features (K, B, F)."""
        return F.layer_norm(x, x.shape[-1:]) * self.weight + self.bias
