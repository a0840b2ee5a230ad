"""Jitted gradient steps of a policy in a box and its critics, see `actor_critics.py`."""

import math
from typing import NamedTuple, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..heads.squashed import LOG_STD
from ..jitted.formulas import gaussian_logp
from ..jitted.instantiate import PART, filling
from ..learn.optim import adam
from .perceptron import pass_back, pass_down, pass_on

EPS, BETA1 = 1e-8, 0.9  # of Adam
REDUCE = ("first", "min", "mean")
_LEAST, _MOST = LOG_STD
_LOG_2 = math.log(2.0)


class Drawn(NamedTuple):
    """k minibatches of B transitions."""

    policy_obs: NDArray[np.float32]
    """(k, B, F) as the policy's encoder gives them."""
    policy_next: NDArray[np.float32]
    obs: NDArray[np.float32]
    """(k, B, F) as the critics' encoder gives them."""
    next_obs: NDArray[np.float32]
    action: NDArray[np.float32]
    """(k, B, D) in the box [-1, 1]."""
    reward: NDArray[np.float32]
    """(k, B), like all that follow."""
    discount: NDArray[np.float32]
    weights: NDArray[np.float32]


class Noise(NamedTuple):
    """Random numbers of k steps."""

    following: NDArray[np.float32]
    """(k, B, D) standard normal, of the next actions."""
    own: NDArray[np.float32]
    """(k, B, D) standard normal, of the actions that improve the policy."""
    chosen: NDArray[np.int64]
    """(k, C) critics that make the targets."""


class Net(NamedTuple):
    """K perceptrons: where weights and biases are, and whether the activation is ReLU, rather than tanh."""

    layers: NDArray[np.int64]
    """(K, L, 4), see `places`."""
    relu: bool


class Rules(NamedTuple):
    """How steps are made."""

    lr: float
    critic_lr: float
    tau: float
    reduce: int
    """Place in REDUCE."""
    improve: NDArray[np.bool_]
    """(k,) whether the policy is improved."""
    follow: NDArray[np.bool_]
    """(k,) whether the slow copies follow."""


class Scratch(NamedTuple):
    """Memory that steps write on."""

    policy_seen: NDArray[np.float32]
    """(L + 1, B, W)"""
    policy_slopes: NDArray[np.float32]
    """(2, B, W)"""
    seen: NDArray[np.float32]
    """(K, L + 1, B, W) of the critics."""
    slopes: NDArray[np.float32]
    """(2, B, W)"""
    values: NDArray[np.float32]
    """(K, B)"""
    share: NDArray[np.float32]
    """(K, B)"""
    action: NDArray[np.float32]
    """(B, D)"""
    by_action: NDArray[np.float32]
    """(B, D)"""
    logp: NDArray[np.float32]
    """(B,)"""
    target: NDArray[np.float32]
    """(B,)"""

    @classmethod
    def of(cls, policy: Net, critics: Net, size: int) -> Self:
        """For minibatches of `size` transitions."""

        def new(*shape: int) -> NDArray[np.float32]:
            return np.zeros(shape, np.float32)

        (_, depth, _), (count, critic_depth, _) = policy.layers.shape, critics.layers.shape
        # rows that are no power of two apart: those would take one another's places in the cache
        width, critic_width = (int(net.layers[:, :, 2:].max()) + 16 for net in (policy, critics))
        dims = int(policy.layers[0, -1, 3]) // 2
        return cls(
            *(new(depth + 1, size, width), new(2, size, width)),
            *(new(count, critic_depth + 1, size, critic_width), new(2, size, critic_width)),
            *(new(count, size), new(count, size), new(size, dims), new(size, dims), new(size), new(size)),
        )


@njit(**PART)
def _copy(source, target, at):  # type: ignore[no-untyped-def]
    """Rows (B, F) into columns `at` and on; as a loop, because slices take seconds to compile."""
    for b in range(len(source)):
        for j in range(source.shape[1]):
            target[b, at + j] = source[b, j]


@njit(**PART)
def _pass_policy(theta, net, features, scratch):  # type: ignore[no-untyped-def]
    """Fill what the policy sees (L + 1, B, W) from its features (B, F)."""
    _copy(features, scratch.policy_seen[0], 0)
    pass_on(theta, net.layers[0], net.relu, scratch.policy_seen)


@njit(**PART)
def _judge(theta, net, features, action, scratch):  # type: ignore[no-untyped-def]
    """Fill what the critics see, and their values (K, B), from features (B, F) and actions (B, D)."""
    for c in range(len(net.layers)):
        seen = scratch.seen[c]
        _copy(features, seen[0], 0)
        _copy(action, seen[0], features.shape[1])
        pass_on(theta, net.layers[c], net.relu, seen)
        for b in range(len(action)):
            scratch.values[c, b] = seen[-1, b, 0]


@njit(**PART)
def _least(values, chosen, target):  # type: ignore[no-untyped-def]
    """The least value (B,) of the critics that were chosen, of all their values (K, B)."""
    for b in range(len(target)):
        target[b] = np.inf
        for c in chosen:
            target[b] = min(target[b], values[c, b])


@njit(**PART)
def _regress(critic, net, drawn, k, scratch, logged, error):  # type: ignore[no-untyped-def]
    """Write the critics' gradient, loss and mean value, and the mean size of each transition's errors (B,)."""
    _judge(critic.theta, net, drawn.obs[k], drawn.action[k], scratch)
    count, size = scratch.values.shape
    loss, value = 0.0, 0.0
    for b in range(size):
        error[b] = 0.0
    for c in range(count):
        for b in range(size):
            e = scratch.values[c, b] - scratch.target[b]
            loss += drawn.weights[k, b] * 0.5 * np.float64(e) * e
            value += scratch.values[c, b]
            error[b] += abs(e) / count
            scratch.slopes[0, b, 0] = drawn.weights[k, b] * e / size
        pass_back(critic.theta, net.layers[c], net.relu, scratch.seen[c], scratch.slopes,
                  critic.grad)  # fmt: skip
    logged[0], logged[1] = loss / size, value / (count * size)


@njit(**PART)
def _climb(theta, net, features, reduce, scratch):  # type: ignore[no-untyped-def]
    """The value that the policy climbs, as a mean over B, and B times its gradient by the actions (B, D)."""
    _judge(theta, net, features, scratch.action, scratch)
    value = _reduced(scratch.values, reduce, scratch.share)
    for b in range(len(features)):
        for j in range(scratch.by_action.shape[1]):
            scratch.by_action[b, j] = 0.0
    for c in range(len(net.layers)):
        for b in range(len(features)):
            scratch.slopes[0, b, 0] = scratch.share[c, b]
        pass_down(theta, net.layers[c], net.relu, scratch.seen[c], scratch.slopes,
                  features.shape[1], scratch.by_action)  # fmt: skip
    return value


@njit(**PART)
def _reduced(values, reduce, share):  # type: ignore[no-untyped-def]
    """The mean over B of the first, the least or the mean of the values (K, B); `share` is B times its gradient."""
    count, size = values.shape
    total = 0.0
    for c in range(count):
        for b in range(size):
            share[c, b] = 1.0 / count if reduce == 2 else 0.0
    for b in range(size):
        if reduce == 2:
            for c in range(count):
                total += values[c, b] / count
            continue
        chosen = 0
        for c in range(1, count):
            if reduce == 1 and values[c, b] < values[chosen, b]:
                chosen = c
        share[chosen, b] = 1.0
        total += values[chosen, b]
    return total / size


@njit(**PART)
def _improve(policy, net, rules, scratch):  # type: ignore[no-untyped-def]
    """A step of the policy, from its gradient by the outputs in the first of its slopes."""
    pass_back(policy.theta, net.layers[0], net.relu, scratch.policy_seen, scratch.policy_slopes, policy.grad)
    adam(policy, rules.lr, EPS, np.inf, BETA1, 0.0)


@njit(**PART)
def _follow(slow, theta, tau):  # type: ignore[no-untyped-def]
    share = np.float32(tau)
    for i in range(len(slow)):
        slow[i] += share * (theta[i] - slow[i])


@njit(**PART)
def _draw(out, noise, action, logp):  # type: ignore[no-untyped-def]
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


@njit(**PART)
def _back_through_draw(out, noise, action, slope, alpha, grad):  # type: ignore[no-untyped-def]
    """Write the gradient of the mean of alpha log pi - Q by the outputs (B, 2D), from dQ/da, `slope` (B, D)."""
    size, dims = action.shape
    for b in range(size):
        for j in range(dims):
            a, log_std = np.float64(action[b, j]), out[b, dims + j]
            by_u = 2.0 * alpha * a - slope[b, j] * (1.0 - a * a)
            grad[b, j] = by_u / size
            inside = _LEAST <= log_std <= _MOST
            grad[b, dims + j] = (by_u * math.exp(log_std) * noise[b, j] - alpha) / size if inside else 0.0


@filling
def soft_steps(  # type: ignore[no-untyped-def]
    drawn, noise, nets, policy, critic, slow, temperature, target_entropy, rules, scratch, logged, errors
):
    """Steps of `agents/sac.py`; `target_entropy` nan: the temperature stays."""
    actor, judges = nets
    for k in range(len(errors)):
        alpha = math.exp(temperature.theta[0])
        _pass_policy(policy.theta, actor, drawn.policy_next[k], scratch)
        _draw(scratch.policy_seen[-1], noise.following[k], scratch.action, scratch.logp)
        _judge(slow, judges, drawn.next_obs[k], scratch.action, scratch)
        _least(scratch.values, noise.chosen[k], scratch.target)
        for b in range(len(scratch.target)):
            soft = scratch.target[b] - alpha * scratch.logp[b]
            scratch.target[b] = drawn.reward[k, b] + drawn.discount[k, b] * soft
        _regress(critic, judges, drawn, k, scratch, logged[k], errors[k])
        logged[k, 2] = adam(critic, rules.critic_lr, EPS, np.inf, BETA1, 0.0)
        if rules.improve[k]:
            _pass_policy(policy.theta, actor, drawn.policy_obs[k], scratch)
            _draw(scratch.policy_seen[-1], noise.own[k], scratch.action, scratch.logp)
            value = _climb(critic.theta, judges, drawn.obs[k], rules.reduce, scratch)
            _back_through_draw(
                scratch.policy_seen[-1], noise.own[k], scratch.action, scratch.by_action, alpha,
                scratch.policy_slopes[0],
            )  # fmt: skip
            _improve(policy, actor, rules, scratch)
            logp = 0.0
            for b in range(len(scratch.logp)):
                logp += scratch.logp[b] / len(scratch.logp)
            logged[k, 3], logged[k, 4] = alpha * logp - value, -logp
            if not math.isnan(target_entropy):
                temperature.grad[0] = -(logp + target_entropy)
                adam(temperature, rules.lr, EPS, np.inf, BETA1, 0.0)
        if rules.follow[k]:
            _follow(slow, critic.theta, rules.tau)


@filling
def deterministic_steps(  # type: ignore[no-untyped-def]
    drawn, noise, nets, policy, critic, slow, slow_policy, smoothing, clip, rules, scratch, logged, errors
):
    """Steps of `agents/td3.py`."""
    actor, judges = nets
    action = scratch.action
    for k in range(len(errors)):
        _pass_policy(slow_policy, actor, drawn.policy_next[k], scratch)
        for b in range(len(action)):
            for j in range(action.shape[1]):
                shift = min(max(noise.following[k, b, j] * smoothing, -clip), clip)
                action[b, j] = min(max(math.tanh(scratch.policy_seen[-1, b, j]) + shift, -1.0), 1.0)
        _judge(slow, judges, drawn.next_obs[k], action, scratch)
        _least(scratch.values, noise.chosen[k], scratch.target)
        for b in range(len(scratch.target)):
            scratch.target[b] = drawn.reward[k, b] + drawn.discount[k, b] * scratch.target[b]
        _regress(critic, judges, drawn, k, scratch, logged[k], errors[k])
        logged[k, 2] = adam(critic, rules.critic_lr, EPS, np.inf, BETA1, 0.0)
        if rules.improve[k]:
            _pass_policy(policy.theta, actor, drawn.policy_obs[k], scratch)
            for b in range(len(action)):
                for j in range(action.shape[1]):
                    action[b, j] = math.tanh(scratch.policy_seen[-1, b, j])
            logged[k, 3] = -_climb(critic.theta, judges, drawn.obs[k], rules.reduce, scratch)
            slope = scratch.policy_slopes[0]
            for b in range(len(action)):
                for j in range(action.shape[1]):
                    slope[b, j] = scratch.by_action[b, j] * (action[b, j] ** 2 - 1.0) / len(action)
                    slope[b, action.shape[1] + j] = 0.0  # by the deviation, which does not matter
            _improve(policy, actor, rules, scratch)
        if rules.follow[k]:
            _follow(slow, critic.theta, rules.tau)
            _follow(slow_policy, policy.theta, rules.tau)
