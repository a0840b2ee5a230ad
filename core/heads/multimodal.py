"""Distributions with several peaks over continuous actions, for experts that do one thing or another."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Generator, Tensor, nn

from .distributions import Categorical
from .modules import Boxed
from .squashed import LOG_STD, finite

_WIDTH = 64  # width of the hidden layer through which a component of the action sees those before it


class Mixture(NamedTuple):
    """Over R^D: K Gaussians with independent components (Bishop 1994, "Mixture density networks")."""

    logp: Tensor
    """(B, K) normalised log-weights."""
    mean: Tensor
    """(B, K, D)"""
    log_std: Tensor
    """(B, K, D)"""

    def sample(self, generator: Generator | None = None) -> Tensor:
        return self._component(Categorical(self.logp).sample(generator), generator)

    def draw(self, generator: Generator | None = None) -> tuple[Tensor, Tensor]:
        """By implicit reparametrisation (Graves 2016, arXiv:1607.05690; Figurnov et al. 2018, arXiv:1805.08498).

        Number d of the action has, given those before it, the distribution function F and the density p, and moves by
        -dF / p where parameters do. Which component was drawn has no gradient of its own; the weights' is in F.
        """
        with torch.no_grad():
            drawn = self.sample(generator)
        logw, columns = self.logp, []  # log-weights of the components, given the numbers so far
        for d in range(drawn.shape[-1]):
            x, mean, log_std = drawn[:, d, None], self.mean[..., d], self.log_std[..., d]
            z = (x - mean) * (-log_std).exp()
            below = (logw.exp() * torch.special.ndtr(z)).sum(-1)
            density = torch.logsumexp(logw + _log_normal(z, log_std), -1).exp().detach()
            moved = drawn[:, d] - (below - below.detach()) / density.clamp(min=torch.finfo(density.dtype).tiny)
            columns.append(moved)
            logw = F.log_softmax(logw + _log_normal((moved[:, None] - mean) * (-log_std).exp(), log_std), -1)
        action = torch.stack(columns, -1)
        return action, self.log_prob(action)

    def mode(self) -> Tensor:
        """The mean of the component with the highest peak: the mode itself where components are well apart."""
        return self._component((self.logp - self.log_std.sum(-1)).argmax(-1), None, noise=0.0)

    def log_prob(self, action: Tensor) -> Tensor:
        z = (action.reshape(len(self.mean), 1, -1) - self.mean) * (-self.log_std).exp()
        return torch.logsumexp(self.logp + _log_normal(z, self.log_std).sum(-1), -1)

    def entropy(self) -> Tensor:
        """A lower bound, tight where components coincide or are far apart (Kolchinsky & Tracey 2017, 1706.02419)."""
        within = (self.log_std + 0.5 * math.log(2 * math.pi * math.e)).sum(-1)
        a, b = (2 * self.log_std).exp().unsqueeze(2), (2 * self.log_std).exp().unsqueeze(1)
        apart = (self.mean.unsqueeze(2) - self.mean.unsqueeze(1)).square() / (a + b) / 4
        spread = 0.5 * ((a + b) / 2).log() - 0.5 * (self.log_std.unsqueeze(2) + self.log_std.unsqueeze(1))
        bhattacharyya = (apart + spread).sum(-1)
        between = torch.logsumexp(self.logp.unsqueeze(1) - bhattacharyya, -1)
        return (self.logp.exp() * (within - between)).sum(-1)

    def _component(self, which: Tensor, generator: Generator | None, noise: float = 1.0) -> Tensor:
        index = which.view(-1, 1, 1).expand(-1, 1, self.mean.shape[-1])
        mean, log_std = (x.gather(1, index).squeeze(1) for x in (self.mean, self.log_std))
        if not noise:
            return mean
        return mean + log_std.exp() * torch.empty_like(mean).normal_(generator=generator)


def _log_normal(z: Tensor, log_std: Tensor) -> Tensor:
    """Logarithm of a Gaussian's density, `z` standard deviations from its mean."""
    return -0.5 * z.square() - log_std - 0.5 * math.log(2 * math.pi)


class MixtureHead(Boxed):
    """Box actions; weights, means and deviations of K components depend on the state."""

    def __init__(
        self, features: int, space: spaces.Box, components: int, log_std_init: float = 0.0, scaled: bool = True
    ) -> None:
        super().__init__(space, scaled)
        self.shape = (components, math.prod(space.shape))
        self.linear = nn.Linear(features, components + 2 * math.prod(self.shape))
        self.log_std_init = log_std_init
        self.begin()

    @torch.no_grad()
    def begin(self) -> None:
        """Put the means apart, and let deviations begin around the one asked for; again after other initial biases.

        Components that begin at one place would all learn the same.
        """
        components, size = self.shape[0], math.prod(self.shape)
        _, mean, log_std = self.linear.bias.split([components, size, size])
        nn.init.normal_(mean)
        log_std.add_(self.log_std_init)

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Mixture:
        assert mask is None
        count, size = self.shape
        logits, mean, log_std = self.linear(features).split([count, count * size, count * size], -1)
        shape = (-1, count, size)
        placed = self.placed(mean.view(shape), log_std.view(shape).clamp(*LOG_STD))
        return Mixture(F.log_softmax(logits, -1), *placed)


class Autoregressive(NamedTuple):
    """Over a box: each component of the action in one of several equal bins, given the components before it.

    D categories of `bins` instead of bins^D (Metz et al. 2017, arXiv:1705.05035); uniform within a bin.
    """

    features: Tensor
    """(B, F)"""
    head: "AutoregressiveHead"

    def sample(self, generator: Generator | None = None) -> Tensor:
        bins = self._bins(generator)
        within = torch.empty(bins.shape, device=bins.device).uniform_(generator=generator)
        return self.head.place(bins + within)

    def draw(self, generator: Generator | None = None) -> tuple[Tensor, Tensor]:
        action = self.sample(generator)
        return action, self.log_prob(action)

    def mode(self) -> Tensor:
        """The most likely bin of each component in turn, its middle."""
        return self.head.place(self._bins(None, greedy=True) + 0.5)

    def log_prob(self, action: Tensor) -> Tensor:
        bins = self.head.bin(action.reshape(len(self.features), -1))
        each = [part.log_prob(bins[:, i]) for i, part in enumerate(self._parts(bins))]
        return torch.stack(each).sum(0) + self.head.log_density

    def entropy(self) -> Tensor:
        """Exact for one component; the others' are estimated given one draw, always with the same random numbers."""
        with torch.no_grad():
            bins = self._bins(Generator(self.features.device).manual_seed(0))
        return torch.stack([part.entropy() for part in self._parts(bins)]).sum(0) - self.head.log_density

    def _parts(self, bins: Tensor) -> list[Categorical]:
        """The categories of each component, given the bins (B, D) of those before it."""
        return [self.head.part(self.features, bins[:, :i]) for i in range(bins.shape[1])]

    def _bins(self, generator: Generator | None, greedy: bool = False) -> Tensor:
        """Bins (B, D), component by component."""
        bins = torch.zeros(self.features.shape[0], 0, dtype=torch.int64, device=self.features.device)
        for _ in range(len(self.head.outputs)):
            part = self.head.part(self.features, bins)
            bins = torch.cat([bins, (part.mode() if greedy else part.sample(generator)).unsqueeze(1)], 1)
        return bins


class AutoregressiveHead(Boxed):
    """Box actions with finite bounds, in `bins` bins per component."""

    def __init__(self, features: int, space: spaces.Box, bins: int) -> None:
        super().__init__(finite(space, "autoregressive"))
        size = math.prod(space.shape)
        self.bins = bins
        self.inputs = nn.ModuleList(nn.Linear(features + i * bins, _WIDTH) for i in range(size))
        self.outputs = nn.ModuleList(nn.Linear(_WIDTH, bins) for _ in range(size))
        self.log_density = float((bins / (2 * self.scale)).log().sum())
        """Logarithm of the density of one joint bin, of probability 1."""

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Autoregressive:
        assert mask is None
        return Autoregressive(features, self)

    def part(self, features: Tensor, before: Tensor) -> Categorical:
        """The categories of component i, given the bins (B, i) of those before it."""
        i = before.shape[1]
        seen = torch.cat([features, F.one_hot(before, self.bins).flatten(1).to(features.dtype)], -1)
        return Categorical(F.log_softmax(self.outputs[i](self.inputs[i](seen).relu()), -1))

    def bin(self, action: Tensor) -> Tensor:
        """The bins (B, D) that actions fall into; those outside the box into the outermost ones."""
        share = (action - self.shift) / self.scale * 0.5 + 0.5
        return (share * self.bins).long().clamp(0, self.bins - 1)

    def place(self, position: Tensor) -> Tensor:
        """Actions at `position` (B, D), in bins from the lower bound."""
        return self.shift + self.scale * (position / self.bins * 2.0 - 1.0)
