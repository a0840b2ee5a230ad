"""Gradients of a policy in a box and of its critics, written out for plain perceptrons.

They compute what the losses in `agents/sac.py` and `agents/td3.py` say, equal up to the rounding of float32, and draw
the same random numbers in the same order. The passes through the networks are plain matrix products; what lies between
them, the squashed Gaussian with its derivatives, the targets and the losses, is one jitted loop each.
"""

import math
import operator
from typing import Any, Self

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from ..heads.squashed import LOG_STD, SquashedHead
from ..jitted.formulas import gaussian_logp
from ..jitted.instantiate import kernel
from ..learn.ensembles import pooled
from ..learn.optim import Adam
from ..nets import BoxPolicy, Critics
from .ensemble import CRITICS, Ensemble, layers
from .mirror import Mirror
from .perceptron import Perceptron
from .structure import LAYERS, Structure, bare, perceptron, steps_as_read, weightless

SQUASHED = Mirror(
    SquashedHead.__module__,
    {
        "SquashedHead.forward": "4f7ea32a",
        "Squashed.draw": "d53a443a",
        "Squashed.mode": "6fe454bf",
        "Squashed._inner": "8f2f68c2",
        "Squashed._stretch": "38516f02",
        "Gaussian.draw": "3b0ce16a",
    },
    Mirror(BoxPolicy.__module__, {"BoxPolicy.forward": "55fe049f"}, LAYERS),
    CRITICS,
)
_LEAST, _MOST = LOG_STD
_LOG_2 = math.log(2.0)


def policy(net: nn.Module) -> list[Any] | None:
    """The `perceptron` from features to means and deviations of a squashed Gaussian, or None."""
    if type(net) is not BoxPolicy or not bare(net) or net.masked:
        return None
    parts: dict[str, Any] = net._modules
    head, encoder = parts["policy_head"], parts["encoder"]
    if type(head) is not SquashedHead or not (bare(head) and bare(encoder) and weightless(encoder)):
        return None
    return perceptron(parts["policy_trunk"], head._modules["linear"])


class _Twin:
    """A policy and critics, their slow copies, and the optimisers that hold what is learned, each as one vector."""

    def __init__(self, made_for: tuple[Any, ...], passes: list[Any]) -> None:
        self._made_for, self._structure = made_for, Structure(*made_for[:-2])
        self._net, self._critics_net, self._slow_net, self._slow_policy_net, *_ = made_for
        self._policy, self._critics, self._slow, self._slow_policy = (*passes, None)[:4]

    @classmethod
    def of(cls, *made_for: Any) -> Self | None:
        """The twin for policy, critics, slow critics, perhaps a slow policy, and two optimisers; None if unknown."""
        nets, optimizers = made_for[:-2], made_for[-2:]
        passes = [_passes(net) for net in nets]
        learned = all(weight.requires_grad for net in nets[:2] for weight in net.parameters())
        known = learned and None not in passes and all(steps_as_read(x, Adam) for x in optimizers)
        return cls(made_for, passes) if known else None

    def fits(self, *made_for: Any) -> bool:
        """Whether these are, to the last layer, what it was made for."""
        same = all(map(operator.is_, made_for, self._made_for))
        return same and all(steps_as_read(x, Adam) for x in made_for[-2:]) and self._structure.stands()

    def _regress(self, mb: dict[str, Tensor], target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Write the critics' gradient for targets (B,); the loss, the mean of Q(s, a) and the errors (B,)."""
        critics = self._critics_net
        seen, out = self._critics.forward(torch.cat([critics.encoder(mb["obs"]), critics.numbers(mb["action"])], -1))
        grad, error = np.empty_like(out), torch.empty_like(target)
        logged = _half_squares(out, target.numpy(), mb["weights"].numpy(), grad, error.numpy())
        self._critics.backward(seen, grad)
        return *torch.tensor(logged, dtype=torch.float32), error

    def _climb(self, obs: Tensor, action: Tensor, reduce: str) -> tuple[float, Tensor]:
        """The mean of Q for numbers (B, D) in the box [-1, 1], and B times its gradient by them."""
        seen, out = self._critics.forward(torch.cat([self._critics_net.encoder(obs), action], -1))
        share = np.empty_like(out)
        value = _reduced(out, _REDUCE.index(reduce), share)
        return value, self._critics.slope(seen, share, action.shape[1])


class SoftActorCritic(_Twin):
    """The twin of the losses in `agents/sac.py`; made for policy, critics, slow critics and two optimisers."""

    @torch.no_grad()
    def regress(
        self, mb: dict[str, Tensor], alpha: float, subset: int, generator: Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Write the critics' gradient; the loss, the mean of Q(s, a), and by how much each transition surprised."""
        _, action, logp, _ = self._drawn(mb["next_obs"], generator)
        _, following = self._slow.forward(torch.cat([self._slow_net.encoder(mb["next_obs"]), action], -1))
        soft = _least(following, subset, generator) - alpha * logp
        return self._regress(mb, mb["reward"] + mb["discount"] * soft)

    @torch.no_grad()
    def improve(self, obs: Tensor, alpha: float, reduce: str, generator: Generator) -> tuple[Tensor, Tensor]:
        """Write the policy's gradient; the loss, and the log-probabilities (B,) of the actions that were drawn."""
        seen, action, logp, inner = self._drawn(obs, generator)
        value, slope = self._climb(obs, action, reduce)
        grad = torch.empty_like(inner[0])
        out, noise = inner
        _back_through_draw(out.numpy(), noise.numpy(), action.numpy(), slope.numpy(), alpha, grad.numpy())
        self._policy.backward(seen, grad)
        return alpha * logp.mean() - value, logp

    def _drawn(self, obs: Tensor, generator: Generator) -> tuple[list[Tensor], Tensor, Tensor, tuple[Tensor, Tensor]]:
        """What each layer sees, numbers (B, D) in the box [-1, 1], their log-densities (B,), and what they come from:
        the network's outputs (B, 2D) and the noise (B, D).
        """
        seen, out = self._policy.forward(self._net.encoder(obs))
        action = torch.empty(len(out), out.shape[1] // 2)
        noise, logp = torch.empty_like(action).normal_(generator=generator), torch.empty(len(out))
        _draw(out.numpy(), noise.numpy(), action.numpy(), logp.numpy())
        return seen, action, logp, (out, noise)


class Deterministic(_Twin):
    """The twin of the losses in `agents/td3.py`; made for policy, critics, slow critics, slow policy and optimisers."""

    @torch.no_grad()
    def regress(
        self, mb: dict[str, Tensor], smoothing: float, clip: float, subset: int, generator: Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Write the critics' gradient; the loss, the mean of Q(s, a), and by how much each transition surprised."""
        out = self._slow_policy.forward(self._slow_policy_net.encoder(mb["next_obs"]))[1]
        action = out[:, : out.shape[1] // 2].tanh()
        noise = torch.empty_like(action).normal_(generator=generator).mul_(smoothing).clamp_(-clip, clip)
        action = action.add_(noise).clamp_(-1.0, 1.0)
        _, following = self._slow.forward(torch.cat([self._slow_net.encoder(mb["next_obs"]), action], -1))
        return self._regress(mb, mb["reward"] + mb["discount"] * _least(following, subset, generator))

    @torch.no_grad()
    def improve(self, obs: Tensor, reduce: str) -> Tensor:
        """Write the policy's gradient; the loss."""
        seen, out = self._policy.forward(self._net.encoder(obs))
        size = out.shape[1] // 2
        action = out[:, :size].tanh()
        value, slope = self._climb(obs, action, reduce)
        grad = torch.zeros_like(out)
        grad[:, :size] = slope * (action.square() - 1.0) / len(out)
        self._policy.backward(seen, grad)
        return torch.tensor(-value)


def _least(following: NDArray[np.float32], subset: int, generator: Generator) -> Tensor:
    """What `pooled` makes of the outputs (K, B) of critics."""
    return pooled(torch.from_numpy(following)[..., None], subset, 0, generator)[:, 0]


def _passes(net: nn.Module) -> Perceptron | Ensemble | None:
    """The passes through a policy, or through critics of one number each."""
    if isinstance(net, Critics):
        known = layers(net)
        return None if known is None else Ensemble(*known)
    found = policy(net)
    return None if found is None else Perceptron(found)


_REDUCE = ("first", "min", "mean")


@njit(nogil=True, cache=True, error_model="numpy")
def _half_squares(
    out: NDArray[Any], target: NDArray[Any], weights: NDArray[Any], grad: NDArray[Any], error: NDArray[Any]
) -> tuple[float, float]:
    """Half the weighted squared errors of K critics (K, B), summed over them, and their mean value.

    Writes the gradient by `out`, and the mean size of the errors of each transition (B,).
    """
    count, size = out.shape
    loss, value = 0.0, 0.0
    error[:] = 0.0
    for c in range(count):
        for b in range(size):
            e = out[c, b] - target[b]
            loss += weights[b] * 0.5 * np.float64(e) * e
            value += out[c, b]
            error[b] += abs(e) / count
            grad[c, b] = weights[b] * e / size
    return loss / size, value / (count * size)


@njit(nogil=True, cache=True, error_model="numpy")
def _reduced(out: NDArray[Any], reduce: int, share: NDArray[Any]) -> float:
    """The mean over B of the first, the least or the mean of K critics (K, B); `share` is B times its gradient."""
    count, size = out.shape
    total: float = 0.0
    share[:] = 1.0 / count if reduce == 2 else 0.0
    for b in range(size):
        if reduce == 2:
            for c in range(count):
                total += out[c, b] / count
            continue
        chosen = 0
        for c in range(1, count):
            if reduce == 1 and out[c, b] < out[chosen, b]:
                chosen = c
        share[chosen, b] = 1.0
        total += out[chosen, b]
    mean: float = total / size
    return mean


@kernel
def _draw(out: NDArray[Any], noise: NDArray[Any], action: NDArray[Any], logp: NDArray[Any]) -> None:
    """Write tanh(u) (B, D) and its log-density (B,), with u = mean + deviation * noise, for outputs (B, 2D)."""
    size, dims = action.shape
    for b in range(size):
        total = 0.0
        for j in range(dims):
            log_std = min(max(out[b, dims + j], _LEAST), _MOST)
            u = out[b, j] + math.exp(log_std) * noise[b, j]
            action[b, j] = math.tanh(u)
            # log(1 - tanh(u)^2) without the cancellation
            stretch = 2.0 * (_LOG_2 - abs(u) - math.log1p(math.exp(-2.0 * abs(u))))
            total += gaussian_logp(noise[b, j], log_std) - stretch
        logp[b] = total


@njit(nogil=True, cache=True, error_model="numpy")
def _back_through_draw(
    out: NDArray[Any], noise: NDArray[Any], action: NDArray[Any], slope: NDArray[Any], alpha: float, grad: NDArray[Any]
) -> None:
    """Write the gradient of the mean of alpha log pi - Q by the outputs (B, 2D), from dQ/da, `slope` (B, D)."""
    size, dims = action.shape
    for b in range(size):
        for j in range(dims):
            a, log_std = np.float64(action[b, j]), out[b, dims + j]
            by_u = 2.0 * alpha * a - slope[b, j] * (1.0 - a * a)
            grad[b, j] = by_u / size
            inside = _LEAST <= log_std <= _MOST
            grad[b, dims + j] = (by_u * math.exp(log_std) * noise[b, j] - alpha) / size if inside else 0.0
