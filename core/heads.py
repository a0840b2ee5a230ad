"""Distributions over actions, and the modules that produce them from features.

A distribution is a `NamedTuple` of tensors with `sample`, `mode`, `log_prob` and `entropy`: closed forms without
the objects and checks of torch.distributions, which cost more than a small network does. `kl` and `fisher` measure
distance between distributions, for the natural gradient.
"""

import math
from typing import Literal, NamedTuple, Protocol, Self

import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Generator, Tensor, nn

from .errors import UsageError


class Distribution(Protocol):
    """A batch of B independent distributions over one action space."""

    def sample(self, generator: Generator | None = None) -> Tensor: ...  # (B, *act)
    def mode(self) -> Tensor: ...  # (B, *act)
    def log_prob(self, action: Tensor) -> Tensor: ...  # (B,)
    def entropy(self) -> Tensor: ...  # (B,)
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

    def forward(self, features: Tensor) -> Bernoulli:
        return Bernoulli(self.linear(features))


class GaussianHead(nn.Module):
    """Box actions with a standard deviation that does not depend on the state."""

    def __init__(self, features: int, space: spaces.Box, log_std_init: float = 0.0) -> None:
        super().__init__()
        size = math.prod(space.shape)
        self.linear = nn.Linear(features, size)
        self.log_std = nn.Parameter(torch.full((size,), log_std_init))

    def forward(self, features: Tensor) -> Gaussian:
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
        self.log_std = nn.Parameter(torch.full((features, size), log_std_init))

    def forward(self, features: Tensor) -> Gaussian:
        # features carry no gradient into the noise: as in the paper's code, exploration does not shape them
        variance = features.detach().square() @ self.log_std.exp().square()
        return Gaussian(self.linear(features), 0.5 * (variance + 1e-6).log())

    def draw(self, count: int, generator: Generator) -> Tensor:
        """`count` independent exploration matrices W, shape (count, F, D)."""
        noise = torch.empty(count, *self.log_std.shape, device=self.log_std.device).normal_(generator=generator)
        return noise * self.log_std.detach().exp()

    @staticmethod
    def explore(features: Tensor, matrices: Tensor) -> Tensor:
        """What W adds to the mean, (N, D), for features (N, F) and one matrix each (N, F, D)."""
        return torch.bmm(features.unsqueeze(1), matrices).squeeze(1)


Kind = Literal["plain", "squashed", "mixture", "autoregressive"]
"""Of a head for Box actions: one Gaussian, one inside the bounds, several, or bins one component after the other."""


def head(
    features: int,
    space: spaces.Space,
    log_std_init: float = 0.0,
    sde: bool = False,
    kind: Kind = "plain",
    components: int = 5,
    bins: int = 21,
) -> nn.Module:
    """The module from features (B, `features`) to a distribution over `space`.

    Raises:
        UsageError: for an action space without a head, or `sde` or another `kind` on one that is not a Box.
    """
    if (sde or kind != "plain") and not isinstance(space, spaces.Box):
        asked = f"a {kind} head" if kind != "plain" else "state-dependent exploration (sde)"
        remedy = "Use head plain." if kind != "plain" else "Set sde to false."
        raise UsageError(f"{asked} needs a Box action space, not {space}. {remedy}")
    match space:
        case spaces.Discrete():
            return CategoricalHead(features, space)
        case spaces.MultiDiscrete() if space.nvec.ndim == 1:
            return MultiCategoricalHead(features, space)
        case spaces.MultiBinary() if len(space.shape) == 1:
            return BernoulliHead(features, space)
        case spaces.Box() if sde:
            return StateDependentNoiseHead(features, space, log_std_init)
        case spaces.Box() if kind != "plain":
            return _box_head(features, space, kind, components, bins)
        case spaces.Box():
            return GaussianHead(features, space, log_std_init)
    raise UsageError(
        f"no policy head for the action space {space}; supported are Discrete, Box, and MultiDiscrete and "
        "MultiBinary of one dimension. Wrap the environment so that it takes one of them."
    )


def _box_head(features: int, space: spaces.Box, kind: Kind, components: int, bins: int) -> nn.Module:
    from . import multimodal, squashed  # these build on the distributions above

    if kind == "squashed":
        return squashed.SquashedHead(features, space)
    if kind == "mixture":
        return multimodal.MixtureHead(features, space, components)
    return multimodal.AutoregressiveHead(features, space, bins)


def _categorical(logits: Tensor, mask: Tensor | None) -> Categorical:
    if mask is not None:
        logits = logits.masked_fill(mask == 0, -torch.inf)
    return Categorical(F.log_softmax(logits, -1))
