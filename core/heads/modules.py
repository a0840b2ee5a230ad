"""The modules from features to distributions over actions."""

import math
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Generator, Tensor, nn

from .distributions import Bernoulli, Categorical, Density, Gaussian, MultiCategorical


class Head(Protocol):
    """A module from features (B, F) to a distribution over actions.

    `mask` marks the available actions. A network gives one only for Discrete and MultiDiscrete actions, and refuses
    masks of others when it is made.
    """

    def __call__(self, features: Tensor, mask: Tensor | None = None) -> Density: ...


class CategoricalHead(nn.Module):
    """Discrete actions. `mask` (B, A) marks the available ones; at least one must be."""

    def __init__(self, features: int, space: spaces.Discrete) -> None:
        super().__init__()
        self.linear = nn.Linear(features, int(space.n))

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Categorical:
        return _categorical(self.linear(features), mask)


class MultiCategoricalHead(nn.Module):
    """MultiDiscrete actions; a mask is the masks of all categories in a row, (B, sum of nvec)."""

    def __init__(self, features: int, space: spaces.MultiDiscrete) -> None:
        super().__init__()
        self.sizes = [int(n) for n in space.nvec.flatten()]
        self.linear = nn.Linear(features, sum(self.sizes))

    def forward(self, features: Tensor, mask: Tensor | None = None) -> MultiCategorical:
        logits = self.linear(features).split(self.sizes, -1)
        masks = [None] * len(logits) if mask is None else mask.split(self.sizes, -1)
        return MultiCategorical(tuple(_categorical(x, m) for x, m in zip(logits, masks, strict=True)))


class BernoulliHead(nn.Module):
    """MultiBinary actions."""

    def __init__(self, features: int, space: spaces.MultiBinary) -> None:
        super().__init__()
        self.linear = nn.Linear(features, math.prod(space.shape))

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Bernoulli:
        assert mask is None
        return Bernoulli(self.linear(features))


class Boxed(nn.Module):
    """A module that deals with numbers u in place of Box actions shift + scale * u, where [-1, 1] is all of the Box.

    Shift and scale are 0 and 1 unless `scaled`, and for a number that has not two bounds, or two that are the same.
    They come from the space and the Config, and so are no part of a checkpoint.

    Policies remain distributions over the actions themselves, so that no loss asks in which units they are: a scale
    adds a constant to log-densities and entropies, and nothing to their gradients, to ratios and to divergences.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, space: spaces.Space[Any], scaled: bool = True) -> None:
        super().__init__()
        size = math.prod(space.shape or ())
        units = _units(space) if scaled and isinstance(space, spaces.Box) else (torch.zeros(size), torch.ones(size))
        shift, scale = units
        self.register_buffer("shift", shift, persistent=False)
        self.register_buffer("scale", scale, persistent=False)
        self.plain = not shift.any() and bool((scale == 1).all())

    def placed(self, mean: Tensor, log_std: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (..., D) and logarithm of the standard deviation of actions, from those of u."""
        return (mean, log_std) if self.plain else (self.shift + self.scale * mean, log_std + self.scale.log())

    def numbers(self, action: Tensor) -> Tensor:
        """u (B, D) of actions (B, *act)."""
        rows = action.reshape(len(action), -1)  # a Box of no dimensions has actions (B,)
        return rows if self.plain else (rows - self.shift) / self.scale


def _units(space: spaces.Box) -> tuple[Tensor, Tensor]:
    """Shift and scale (D,); bounds as far apart as float32 goes stand for none."""
    bounded = space.bounded_below & space.bounded_above
    low, high = (np.where(bounded, bound.astype(np.float64), 0.0).ravel() for bound in (space.low, space.high))
    half = high / 2 - low / 2
    bounded = (half > 0) & (half < np.finfo(np.float32).max)
    pair = np.where(bounded, low / 2 + high / 2, 0.0), np.where(bounded, half, 1.0)
    shift, scale = (torch.as_tensor(x, dtype=torch.float32) for x in pair)
    return shift, scale


class GaussianHead(Boxed):
    """Box actions with a standard deviation that does not depend on the state."""

    def __init__(self, features: int, space: spaces.Box, log_std_init: float = 0.0, scaled: bool = True) -> None:
        super().__init__(space, scaled)
        size = math.prod(space.shape)
        self.linear = nn.Linear(features, size)
        self.log_std = nn.Parameter(torch.full((size,), float(log_std_init)))

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Gaussian:
        assert mask is None
        return Gaussian(*self.placed(self.linear(features), self.log_std))


class StateDependentNoiseHead(Boxed):
    """Box actions explored by a random linear function of the features, kept for several steps.

    Generalised state-dependent exploration, Raffin et al. 2020, arXiv:2005.05719: u = mean + features @ W
    with W ~ N(0, std^2) elementwise, so marginally a Gaussian of variance (features^2) @ (std^2).
    """

    def __init__(self, features: int, space: spaces.Box, log_std_init: float = 0.0, scaled: bool = True) -> None:
        super().__init__(space, scaled)
        size = math.prod(space.shape)
        self.linear = nn.Linear(features, size)
        self.log_std = nn.Parameter(torch.full((features, size), float(log_std_init)))

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Gaussian:
        assert mask is None
        # features carry no gradient into the noise: as in the paper's code, exploration does not shape them
        variance = features.detach().square() @ self.log_std.exp().square()
        return Gaussian(*self.placed(self.linear(features), 0.5 * (variance + 1e-6).log()))

    def draw(self, count: int, generator: Generator) -> Tensor:
        """`count` independent exploration matrices W, shape (count, F, D)."""
        noise = torch.empty(count, *self.log_std.shape, device=self.log_std.device).normal_(generator=generator)
        return noise * self.log_std.detach().exp()

    def explore(self, features: Tensor, matrices: Tensor) -> Tensor:
        """Noise that W adds to the mean action, (N, D), for features (N, F) and one matrix each (N, F, D)."""
        return self.scale * torch.bmm(features.unsqueeze(1), matrices).squeeze(1)


def _categorical(logits: Tensor, mask: Tensor | None) -> Categorical:
    if mask is not None:
        logits = logits.masked_fill(mask == 0, -torch.inf)
    return Categorical(F.log_softmax(logits, -1))
