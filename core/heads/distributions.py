"""Distributions over actions, by what can be done with them.

A distribution is a `NamedTuple` of tensors with closed forms, without the objects and checks of torch.distributions,
which cost more than a small network does. Every one of them is a `Density`; those that measure the distance to others
of their kind are `Natural`, for the natural gradient.
"""

import math
from typing import NamedTuple, Protocol, Self, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Generator, Tensor


class Samples(Protocol):
    """A batch of B independent distributions over one action space, which can be acted from."""

    def sample(self, generator: Generator | None = None) -> Tensor: ...  # (B, *act)
    def mode(self) -> Tensor: ...  # (B, *act)


class Density(Samples, Protocol):
    """One whose probabilities, or densities, are known.

    `draw` gives actions (B, *act) and their log-probabilities (B,). Over Box actions it is reparametrised: gradients
    pass through the action to the distribution's parameters (Kingma & Welling 2013, arXiv:1312.6114), and the
    log-probability's gradient includes that path. Over actions that are counted, or binned, there is no such path;
    it is a plain draw, and only the log-probability has a gradient.
    """

    def log_prob(self, action: Tensor) -> Tensor: ...  # (B,)
    def entropy(self) -> Tensor: ...  # (B,)
    def draw(self, generator: Generator | None = None) -> tuple[Tensor, Tensor]: ...


@runtime_checkable
class Natural(Density, Protocol):
    """One that has closed forms for the distance to its neighbours."""

    def kl(self, other: Self) -> Tensor: ...  # (B,) KL(self || other)
    def parameters(self) -> tuple[Tensor, ...]: ...  # (B, ...) each: the coordinates that `fisher` refers to
    def fisher(self, tangents: tuple[Tensor, ...]) -> tuple[Tensor, ...]: ...  # E[score score^T] times `tangents`


class Categorical(NamedTuple):
    """Over one of A actions."""

    logp: Tensor
    """(B, A) normalised log-probabilities; -inf where an action is unavailable."""

    def sample(self, generator: Generator | None = None) -> Tensor:
        # argmax of p / Exponential(1) is distributed as p: the Gumbel trick without logarithms of noise
        return (self.logp.exp() / torch.empty_like(self.logp).exponential_(generator=generator)).argmax(-1)

    def draw(self, generator: Generator | None = None) -> tuple[Tensor, Tensor]:
        action = self.sample(generator)
        return action, self.log_prob(action)

    def mode(self) -> Tensor:
        return self.logp.argmax(-1)

    def log_prob(self, action: Tensor) -> Tensor:
        return self.logp.gather(-1, action.unsqueeze(-1)).squeeze(-1)

    def entropy(self) -> Tensor:
        # an unavailable action has p log p = 0, and must not turn gradients into nan
        return -(self.logp.exp() * self.logp.clamp(min=torch.finfo(self.logp.dtype).min)).sum(-1)

    def kl(self, other: Self) -> Tensor:
        p = self.logp.exp()
        # an action unavailable in both adds nothing, where -inf minus -inf would be nan
        return (p * (self.logp - other.logp).where(p > 0, 0.0)).sum(-1)

    def parameters(self) -> tuple[Tensor, ...]:
        return (self.logp,)

    def fisher(self, tangents: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        # a tangent is the score of every action: its square's mean is the metric diag(p)
        return (self.logp.exp() * tangents[0],)


class MultiCategorical(NamedTuple):
    """Over one choice in each of several independent categories."""

    parts: tuple[Categorical, ...]

    def sample(self, generator: Generator | None = None) -> Tensor:
        return torch.stack([part.sample(generator) for part in self.parts], -1)

    def draw(self, generator: Generator | None = None) -> tuple[Tensor, Tensor]:
        action = self.sample(generator)
        return action, self.log_prob(action)

    def mode(self) -> Tensor:
        return torch.stack([part.mode() for part in self.parts], -1)

    def log_prob(self, action: Tensor) -> Tensor:
        return torch.stack([p.log_prob(a) for p, a in zip(self.parts, action.unbind(-1), strict=True)]).sum(0)

    def entropy(self) -> Tensor:
        return torch.stack([part.entropy() for part in self.parts]).sum(0)

    def kl(self, other: Self) -> Tensor:
        return torch.stack([p.kl(q) for p, q in zip(self.parts, other.parts, strict=True)]).sum(0)

    def parameters(self) -> tuple[Tensor, ...]:
        return tuple(part.logp for part in self.parts)

    def fisher(self, tangents: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(p.fisher((t,))[0] for p, t in zip(self.parts, tangents, strict=True))


class Bernoulli(NamedTuple):
    """Over D independent bits."""

    logits: Tensor
    """(B, D)"""

    def sample(self, generator: Generator | None = None) -> Tensor:
        uniform = torch.empty_like(self.logits).uniform_(generator=generator)
        return (uniform < self.logits.sigmoid()).to(torch.int8)

    def draw(self, generator: Generator | None = None) -> tuple[Tensor, Tensor]:
        action = self.sample(generator)
        return action, self.log_prob(action)

    def mode(self) -> Tensor:
        return (self.logits > 0).to(torch.int8)

    def log_prob(self, action: Tensor) -> Tensor:
        return -F.binary_cross_entropy_with_logits(self.logits, action.float(), reduction="none").sum(-1)

    def entropy(self) -> Tensor:
        p = self.logits.sigmoid()
        return (F.softplus(self.logits) - p * self.logits).sum(-1)

    def kl(self, other: Self) -> Tensor:
        change = self.logits - other.logits
        return (self.logits.sigmoid() * change + F.softplus(other.logits) - F.softplus(self.logits)).sum(-1)

    def parameters(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    def fisher(self, tangents: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        p = self.logits.sigmoid()
        return (p * (1 - p) * tangents[0],)


class Gaussian(NamedTuple):
    """Over R^D with independent components."""

    mean: Tensor
    """(B, D)"""
    log_std: Tensor
    """(B, D) or (D,)"""

    def sample(self, generator: Generator | None = None) -> Tensor:
        noise = torch.empty_like(self.mean).normal_(generator=generator)
        return self.mean + self.log_std.exp() * noise

    def draw(self, generator: Generator | None = None) -> tuple[Tensor, Tensor]:
        noise = torch.empty_like(self.mean).normal_(generator=generator)
        # by the noise itself: the mean cancels, in the gradient too
        logp = (-0.5 * noise.square() - self.log_std - 0.5 * math.log(2 * math.pi)).sum(-1)
        return self.mean + self.log_std.exp() * noise, logp

    def mode(self) -> Tensor:
        return self.mean

    def log_prob(self, action: Tensor) -> Tensor:
        z = (action.reshape(self.mean.shape) - self.mean) * (-self.log_std).exp()
        return (-0.5 * z.square() - self.log_std - 0.5 * math.log(2 * math.pi)).sum(-1)

    def entropy(self) -> Tensor:
        each = self.log_std + 0.5 * math.log(2 * math.pi * math.e)
        return each.sum(-1).expand(len(self.mean))

    def kl(self, other: Self) -> Tensor:
        z = (self.mean - other.mean) * (-other.log_std).exp()
        ratio = 2 * (self.log_std - other.log_std)  # logarithm of that of the variances
        return 0.5 * (z.square() + ratio.expm1() - ratio).sum(-1)

    def parameters(self) -> tuple[Tensor, ...]:
        return self.mean, self.log_std.expand_as(self.mean)

    def fisher(self, tangents: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        mean, log_std = tangents
        return mean * (-2 * self.log_std).exp(), 2 * log_std
