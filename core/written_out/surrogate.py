"""The policy gradient and the clipped surrogate of two small perceptrons, with their gradients written out.

Calling the twenty operations of a loss on 256 numbers takes longer than computing them. Here the passes through
the perceptrons are plain matrix products (`core/written_out/perceptron.py`), and the loss with its derivatives is one
jitted loop over the minibatch. It computes what `loss` in `agents/ppo.py` and `agents/a2c.py` computes, equal up to the
rounding of float32.
"""

import math
from typing import Any, Self

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor, nn

from ..heads import GaussianHead
from ..jitted.formulas import gaussian_logp, log_softmax, standardized
from ..jitted.instantiate import kernel
from ..learn.optim import Adam, RMSprop
from ..nets import ActorCritic
from .perceptron import Perceptron
from .structure import Structure, perceptron, policy, steps_as_read, weightless

_ROUNDING = 1e-8  # nats of KL divergence between a policy and itself, computed by different loops
_LOG_TAU = math.log(2 * math.pi)


def layers(net: nn.Module, optimizer: object) -> tuple[list[Any], list[Any]] | None:
    """The `perceptron`s of policy and value, if the surrogates know both and the optimiser."""
    if type(net) is not ActorCritic or not steps_as_read(optimizer, Adam, RMSprop):
        return None
    parts = net._modules
    if parts["value_trunk"] is parts["policy_trunk"] or not weightless(net.encoder):
        return None
    pi, value = policy(net), perceptron(parts["value_trunk"], parts["value_head"])
    return None if pi is None or value is None else (pi, value)


class _Surrogate:
    """Writes a loss's gradient into the parameters' `grad`, where the optimiser has put it."""

    def __init__(self, net: ActorCritic, optimizer: Adam | RMSprop, layers: tuple[list[Any], list[Any]]) -> None:
        self.net, self._optimizer, self._structure = net, optimizer, Structure(net)
        self._policy, self._value = map(Perceptron, layers)
        self._box = net.policy_head if isinstance(net.policy_head, GaussianHead) else None

    @classmethod
    def of(cls, net: ActorCritic, optimizer: Adam | RMSprop) -> Self | None:
        """The twin for a network and its optimiser, or None where there is none."""
        known = layers(net, optimizer)
        return None if known is None else cls(net, optimizer, known)

    def fits(self, net: nn.Module, optimizer: object) -> bool:
        """Whether these are, to the last layer, what it was made for."""
        same = net is self.net and optimizer is self._optimizer and steps_as_read(optimizer, Adam, RMSprop)
        return same and self._structure.stands()

    @torch.no_grad()
    def _write(
        self,
        mb: dict[str, Tensor],
        adv: NDArray[Any],
        value_coef: float,
        entropy_coef: float,
        clip: float = math.inf,
        value_clip: float = math.inf,
    ) -> NDArray[np.float64]:
        """Policy loss, value loss, entropy, KL divergence and clipped share of a minibatch, shape (5,)."""
        x = self.net.encoder(mb["obs"])
        seen, outputs = self._policy.forward(x)
        value_seen, value = self._value.forward(x)
        grad, value_grad = torch.empty_like(outputs), torch.empty_like(value)
        logs = np.empty(5)
        logs[1] = _value_loss(
            value.numpy()[:, 0], mb["value"].numpy(), mb["ret"].numpy(), value_clip, value_coef,
            value_grad.numpy()[:, 0],
        )  # fmt: skip
        common = (mb["logp"].numpy(), adv, clip, entropy_coef, grad.numpy())
        box = self._box
        if box is None:
            logs[[0, 2, 3, 4]] = _categorical(outputs.numpy(), mb["action"].numpy(), *common)
        else:
            log_std, action = box.log_std, mb["action"].reshape(len(outputs), -1).numpy()
            assert log_std.grad is not None
            units = box.shift.numpy(), box.scale.numpy()
            logs[[0, 2, 3, 4]] = _gaussian(
                outputs.numpy(), log_std.numpy(), *units, action, *common, log_std.grad.numpy()
            )
        self._policy.backward(seen, grad)
        self._value.backward(value_seen, value_grad)
        return logs


class ClippedSurrogate(_Surrogate):
    """The twin of `agents/ppo.py:loss` without a KL penalty."""

    def __call__(
        self,
        mb: dict[str, Tensor],
        *,
        value_coef: float,
        entropy_coef: float,
        normalize_advantage: bool,
        clip: float,
        value_clip: float | None,
    ) -> Tensor:
        """Policy loss, value loss, entropy, KL divergence and clipped share of a minibatch, shape (5,)."""
        adv = _advantages(mb, normalize_advantage)
        most = math.inf if value_clip is None else value_clip
        return torch.from_numpy(self._write(mb, adv, value_coef, entropy_coef, clip, most)).float()


class PolicyGradient(_Surrogate):
    """The twin of `agents/a2c.py:loss` without a critic.

    Where the policy has not moved since it acted, the gradient of a surrogate without a clip is that of
    -log pi(a|s) * adv.
    """

    def __call__(
        self, mb: dict[str, Tensor], *, value_coef: float, entropy_coef: float, normalize_advantage: bool
    ) -> Tensor:
        """Policy loss, value loss and entropy of a minibatch, shape (3,)."""
        adv = _advantages(mb, normalize_advantage)
        logs = self._write(mb, adv, value_coef, entropy_coef)
        if logs[3] > _ROUNDING:  # others acted, or the policy as it was: what they thought does not matter here
            with torch.no_grad():
                mb = {**mb, "logp": self.net.policy(mb["obs"])[0].log_prob(mb["action"])}
            logs = self._write(mb, adv, value_coef, entropy_coef)
        logs[0] = -(mb["logp"].numpy() @ adv) / len(adv)
        return torch.from_numpy(logs[:3]).float()


def _advantages(mb: dict[str, Tensor], normalize: bool) -> NDArray[np.float32]:
    return standardized(mb["adv"].numpy()) if normalize else mb["adv"].numpy()


@njit(nogil=True, cache=True, error_model="numpy")
def _value_loss(
    value: NDArray[Any], old: NDArray[Any], ret: NDArray[Any], clip: float, coef: float, grad: NDArray[Any]
) -> float:
    """Mean squared error, the larger of it and that of the clipped value; `grad` (B,) is that of `coef` times it."""
    n, loss = len(value), 0.0
    for i in range(n):
        moved = np.float64(value[i] - old[i])
        error: float = np.float64(value[i] - ret[i])
        slope = 2.0 * error
        if abs(moved) > clip:
            near = old[i] + math.copysign(clip, moved) - ret[i]
            if near * near > error * error:  # it has moved too far, and towards its target: no gradient
                error, slope = near, 0.0
        loss += error * error
        grad[i] = coef * slope / n
    return loss / n


@njit(nogil=True, cache=True, error_model="numpy")
def _surrogate(log_ratio: float, adv: float, clip: float, sums: NDArray[Any]) -> float:
    """Derivative of -min(ratio * adv, clipped ratio * adv) by the log-probability; adds to what is logged."""
    ratio = math.exp(log_ratio)
    plain = ratio * adv
    clipped = min(max(ratio, 1.0 - clip), 1.0 + clip) * adv
    sums[0] -= min(plain, clipped)
    sums[2] += ratio - 1.0 - log_ratio
    sums[3] += abs(ratio - 1.0) > clip
    return -plain if plain <= clipped else 0.0


@kernel
def _categorical(
    logits: NDArray[Any],
    action: NDArray[Any],
    old: NDArray[Any],
    adv: NDArray[Any],
    clip: float,
    entropy_coef: float,
    grad: NDArray[Any],
) -> NDArray[Any]:
    """Means of policy loss, entropy, KL and clipped share; `grad` (B, A) by the logits."""
    n, actions = logits.shape
    sums = np.zeros(4)
    logp = np.empty(actions)
    for i in range(n):
        entropy = log_softmax(logits[i], logp)
        sums[1] += entropy
        slope = _surrogate(logp[action[i]] - old[i], adv[i], clip, sums)
        for j in range(actions):
            p = math.exp(logp[j])
            grad[i, j] = (slope * ((j == action[i]) - p) + entropy_coef * p * (logp[j] + entropy)) / n
    means: NDArray[Any] = sums / n
    return means


@kernel
def _gaussian(
    mean: NDArray[Any],
    log_std: NDArray[Any],
    shift: NDArray[Any],
    scale: NDArray[Any],
    action: NDArray[Any],
    old: NDArray[Any],
    adv: NDArray[Any],
    clip: float,
    entropy_coef: float,
    grad: NDArray[Any],
    log_std_grad: NDArray[Any],
) -> NDArray[Any]:
    """Means of policy loss, entropy, KL and clipped share; `grad` (B, D) by the means, `log_std_grad` (D,).

    Means and `log_std` are those of u, the actions are shift + scale * u.
    """
    n, size = mean.shape
    sums, wide = np.zeros(4), np.zeros(size)
    z, inverse = np.empty(size), np.exp(-log_std.astype(np.float64))
    spread = log_std + np.log(scale)
    entropy = 0.0
    for j in range(size):
        entropy += spread[j] + 0.5 * (_LOG_TAU + 1.0)
    for i in range(n):
        logp = 0.0
        for j in range(size):
            z[j] = ((action[i, j] - shift[j]) / scale[j] - mean[i, j]) * inverse[j]
            logp += gaussian_logp(z[j], spread[j])
        slope = _surrogate(logp - old[i], adv[i], clip, sums) / n
        for j in range(size):
            grad[i, j] = slope * z[j] * inverse[j]
            wide[j] += slope * (z[j] * z[j] - 1.0)
    for j in range(size):
        log_std_grad[j] = wide[j] - entropy_coef
    sums[1] = entropy * n
    means: NDArray[Any] = sums / n
    return means
