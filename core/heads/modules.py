"""The modules from features to distributions over actions."""

import math
from typing import Protocol

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


class GaussianHead(nn.Module):
    """Box actions with a standard deviation that does not depend on the state."""

    def __init__(self, features: int, space: spaces.Box, log_std_init: float = 0.0) -> None:
        super().__init__()
        size = math.prod(space.shape)
        self.linear = nn.Linear(features, size)
        self.log_std = nn.Parameter(torch.full((size,), float(log_std_init)))

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Gaussian:
        assert mask is None
        return Gaussian(self.linear(features), self.log_std)


class StateDependentNoiseHead(nn.Module):
    """Box actions explored by a random linear function of the features, kept for several steps.

    Generalised state-dependent exploration, Raffin et al. 2020, arXiv:2005.05719: action = mean + features @ W
    with W ~ N(0, std^2) elementwise, so marginally a Gaussian of variance (features^2) @ (std^2).
    """

    def __init__(self, features: int, space: spaces.Box, log_std_init: float = 0.0) -> None:
        super().__init__()
        size = math.prod(space.shape)
        self.linear = nn.Linear(features, size)
        self.log_std = nn.Parameter(torch.full((features, size), float(log_std_init)))

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Gaussian:
        assert mask is None
        # features carry no gradient into the noise: as in the paper's code, exploration does not shape them
        variance = features.detach().square() @ self.log_std.exp().square()
        return Gaussian(self.linear(features), 0.5 * (variance + 1e-6).log())

    def draw(self, count: int, generator: Generator) -> Tensor:
        """`count` independent exploration matrices W, shape (count, F, D)."""
        noise = torch.empty(count, *self.log_std.shape, device=self.log_std.device).normal_(generator=generator)
        return noise * self.log_std.detach().exp()

    @staticmethod
    def explore(features: Tensor, matrices: Tensor) -> Tensor:
        """Noise that W adds to the mean, (N, D), for features (N, F) and one matrix each (N, F, D)."""
        return torch.bmm(features.unsqueeze(1), matrices).squeeze(1)


def _categorical(logits: Tensor, mask: Tensor | None) -> Categorical:
    if mask is not None:
        logits = logits.masked_fill(mask == 0, -torch.inf)
    return Categorical(F.log_softmax(logits, -1))
