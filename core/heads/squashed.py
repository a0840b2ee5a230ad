"""Gaussians squashed into a box: actions never leave it, and densities are those of the action that is executed."""

import math
from typing import Any, NamedTuple, Self

import numpy as np
import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Generator, Tensor, nn

from ..errors import UsageError
from .distributions import Gaussian
from .modules import Boxed

LOG_STD = (-5.0, 2.0)
"""Range of the logarithm of standard deviations that depend on the state (Haarnoja et al. 2018, arXiv:1801.01290)."""
_EDGE = 1.0 - 1e-6  # recorded actions at the border of the box are taken to be this near to it: beyond lies infinity
_NODES = np.linspace(-5.0, 5.0, 64)
_WEIGHTS = np.exp(-0.5 * _NODES**2) / np.exp(-0.5 * _NODES**2).sum()


class Squashed(NamedTuple):
    """Over a box: shift + scale * tanh(u) with u Gaussian with independent components."""

    mean: Tensor
    """(B, D) of u."""
    log_std: Tensor
    """(B, D) of u."""
    shift: Tensor
    """(D,) middle of the box."""
    scale: Tensor
    """(D,) half its width."""

    def sample(self, generator: Generator | None = None) -> Tensor:
        return self.shift + self.scale * self._inner().sample(generator).tanh()

    def at(self, noise: Tensor) -> Tensor:
        """The actions that standard normal `noise` (B, D) makes."""
        return self.shift + self.scale * (self.mean + self.log_std.exp() * noise).tanh()

    def draw(self, generator: Generator | None = None) -> tuple[Tensor, Tensor]:
        u, logp = self._inner().draw(generator)
        return self.shift + self.scale * u.tanh(), logp - self._stretch(u).sum(-1)

    def mode(self) -> Tensor:
        """The action of the Gaussian's mean: the median, which unlike the mode of the density is never at an edge."""
        return self.shift + self.scale * self.mean.tanh()

    def spread(self) -> Tensor:
        """(B, D) half the width of the interval of actions whose u are within one standard deviation of the mean."""
        std = self.log_std.exp()
        return self.scale * ((self.mean + std).tanh() - (self.mean - std).tanh()) / 2

    def log_prob(self, action: Tensor) -> Tensor:
        u = (((action.reshape(self.mean.shape) - self.shift) / self.scale).clamp(-_EDGE, _EDGE)).atanh()
        return self._inner().log_prob(u) - self._stretch(u).sum(-1)

    def entropy(self) -> Tensor:
        """By the trapezoidal rule with 64 nodes, within 1e-4 nats per component for every deviation in LOG_STD.

        Gauss-Hermite quadrature with half as many is off by 0.08: wide Gaussians make a kink of the tanh.
        """
        nodes, weights = (
            torch.as_tensor(x, dtype=self.mean.dtype, device=self.mean.device) for x in (_NODES, _WEIGHTS)
        )
        u = self.mean.unsqueeze(-1) + self.log_std.exp().unsqueeze(-1) * nodes
        stretch = self._stretch(u.movedim(-1, 0)).movedim(0, -1) @ weights
        return self._inner().entropy() + stretch.sum(-1)

    def kl(self, other: Self) -> Tensor:
        return self._inner().kl(other._inner())  # the same bijection of both changes no divergence

    def parameters(self) -> tuple[Tensor, ...]:
        return self._inner().parameters()

    def fisher(self, tangents: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return self._inner().fisher(tangents)

    def _inner(self) -> Gaussian:
        return Gaussian(self.mean, self.log_std)

    def _stretch(self, u: Tensor) -> Tensor:
        """log da/du, without the cancellation in 1 - tanh(u)^2."""
        return self.scale.log() + 2.0 * (math.log(2.0) - u - F.softplus(-2.0 * u))


class SquashedHead(Boxed):
    """Box actions with finite bounds; mean and deviation depend on the state."""

    def __init__(self, features: int, space: spaces.Box, log_std_init: float = 0.0) -> None:
        super().__init__(finite(space, "squashed"))
        self.linear = nn.Linear(features, 2 * math.prod(space.shape))
        self.log_std_init = log_std_init
        self.begin()

    @torch.no_grad()
    def begin(self) -> None:
        """Let deviations begin around the one asked for; again after other initial biases."""
        self.linear.bias.chunk(2)[1].add_(self.log_std_init)

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Squashed:
        assert mask is None
        mean, log_std = self.linear(features).chunk(2, -1)
        return Squashed(mean, log_std.clamp(*LOG_STD), self.shift, self.scale)


class SquashedNoiseHead(Boxed):
    """Box actions with finite bounds, explored by a random linear function of the features, kept for several steps.

    As in `StateDependentNoiseHead` (Raffin et al. 2020, arXiv:2005.05719) u = mean + features @ W with W ~ N(0, std^2)
    elementwise, before it is squashed. Unlike there the noise shapes the features, as it does in the authors' code
    where a policy learns from a replay.
    """

    def __init__(self, features: int, space: spaces.Space[Any], log_std_init: float) -> None:
        super().__init__(finite(space, "squashed"))
        size = math.prod(space.shape or ())
        self.middle = nn.Linear(features, size)
        self.log_std = nn.Parameter(torch.full((features, size), log_std_init))

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Squashed:
        assert mask is None
        log_std = self._deviation(features).log().clamp(*LOG_STD)
        return Squashed(self.middle(features), log_std, self.shift, self.scale)

    def normal(self, features: Tensor, matrices: Tensor) -> Tensor:
        """features @ W in units of its deviation, (N, D), for W = std * `matrices`, standard normal ones (N, F, D)."""
        noise = torch.bmm(features.unsqueeze(1), matrices * self.log_std.exp()).squeeze(1)
        return noise / self._deviation(features)

    def _deviation(self, features: Tensor) -> Tensor:
        """The deviation of features @ W, (B, D)."""
        return (features.square() @ self.log_std.exp().square() + 1e-6).sqrt()


def finite(space: spaces.Space[Any], kind: str) -> spaces.Space[Any]:
    """The space of actions, for a head that needs finite bounds.

    Raises:
        UsageError: for another space, or infinite bounds.
    """
    if not isinstance(space, spaces.Box) or not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
        raise UsageError(f"a {kind} head needs a Box action space with finite bounds, not {space}. Use head plain.")
    return space
