"""Jitted epochs of gradient steps on a rollout: the clipped surrogate and the policy gradient, see `surrogate.py`."""

import math
from typing import NamedTuple, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..jitted.formulas import gaussian_logp
from ..jitted.instantiate import PART, filling
from ..jitted.instructions import at
from ..jitted.records import zeros_on_lines
from ..learn.optim import adam
from .blocks import BLOCK, STRIDE, pass_block_back, pass_block_on, whole_columns

_LOG_TAU = math.log(2 * math.pi)


class Steps(NamedTuple):
    """N steps to learn from."""

    features: NDArray[np.float32]
    """(N, F)"""
    chosen: NDArray[np.int64]
    """(N,) Discrete actions; empty where actions are boxes."""
    action: NDArray[np.float32]
    """(N, D) actions in a box; empty where they are Discrete."""
    logp: NDArray[np.float32]
    """(N,) under the policy that acted, like the three that follow."""
    value: NDArray[np.float32]
    adv: NDArray[np.float32]
    ret: NDArray[np.float32]


class Nets(NamedTuple):
    """The perceptrons of policy and value, and the Gaussian that the policy's outputs are the means of."""

    policy: NDArray[np.int64]
    """(L, 4), see `places`."""
    policy_relu: bool
    value: NDArray[np.int64]
    """(L, 4)"""
    value_relu: bool
    log_std: int
    """Where the D logarithms of deviations begin among the weights."""
    box: NDArray[np.float64]
    """(5, D) actions are box[0] + box[1] * u, where u has those means and deviations; D = 0 where they are Discrete.

    The rest is scratch: logarithms of the actions' deviations, one over the deviations of u, and slopes.
    """


class Terms(NamedTuple):
    """Terms of a loss."""

    value_coef: float
    entropy_coef: float
    normalize: bool
    """Whether advantages are standardised in each minibatch."""
    ratios: bool
    """Whether ratios of probabilities count, rather than the logarithms of probabilities."""
    clip: float = math.inf
    """Largest change of a ratio that earns gradient."""
    value_clip: float = math.inf
    """Largest change of a value that earns gradient."""


class Descent(NamedTuple):
    """How steps of Adam are made."""

    descend: bool
    """Whether there are any; else gradients are only written."""
    lr: float
    eps: float
    most: float
    """Length that gradients are cut to."""
    beta1: float
    weight_decay: float
    most_kl: float
    """KL divergence beyond which there is none."""


class Scratch(NamedTuple):
    """Memory that steps write on."""

    seen: NDArray[np.float32]
    """(L + 1, W, STRIDE) what each layer sees and the last one gives, of either network."""
    slopes: NDArray[np.float32]
    """(2, W, STRIDE)"""
    adv: NDArray[np.float32]
    """(B,)"""
    sums: NDArray[np.float64]
    """(5,) what is logged, added up."""

    @classmethod
    def of(cls, nets: Nets, size: int) -> Self:
        """For minibatches of up to `size` steps."""
        layers = np.concatenate((nets.policy, nets.value))
        depth, width = max(len(nets.policy), len(nets.value)) + 1, int(layers[:, 2:].max())
        seen, slopes = (zeros_on_lines(count, width, int(STRIDE)) for count in (depth, 2))
        return cls(seen, slopes, np.zeros(size, np.float32), np.zeros(5))


@njit(**PART)
def _standardize(source, order, first, n, normalize, adv):  # type: ignore[no-untyped-def]
    """Write the advantages of a minibatch of n steps, from number `first` in `order`, as the surrogate sees them."""
    mean, square = 0.0, 0.0
    for b in range(n):
        adv[b] = source[order[first + b]]
        mean += adv[b]
    if not normalize or n < 2:
        return
    mean /= n
    for b in range(n):
        square += (adv[b] - mean) ** 2
    scale = 1.0 / (math.sqrt(square / (n - 1)) + 1e-8)
    for b in range(n):
        adv[b] = (adv[b] - mean) * scale


@njit(**PART)
def _surrogate(logp, old, adv, ratios, clip, sums):  # type: ignore[no-untyped-def]
    """Derivative of the policy's loss at a step by the log-probability; adds to what is logged."""
    if not ratios:
        sums[0] -= logp * adv
        return -adv
    log_ratio = logp - old
    ratio = math.exp(log_ratio)
    plain = ratio * adv
    clipped = min(max(ratio, 1.0 - clip), 1.0 + clip) * adv
    sums[0] -= min(plain, clipped)
    sums[3] += ratio - 1.0 - log_ratio
    sums[4] += abs(ratio - 1.0) > clip
    return -plain if plain <= clipped else 0.0


@njit(**PART)
def _categorical(chosen, old, adv, order, place, count, n, terms, logits, actions, slopes, sums):  # type: ignore[no-untyped-def]
    """Write the slopes by logits (A, STRIDE) of `count` of a minibatch's n steps, from number `place` in `order`."""
    for b in range(count):
        i, top, total, mean = order[place + b], logits[b], 0.0, 0.0
        for a in range(1, actions):
            top = max(top, logits[a * STRIDE + b])
        for a in range(actions):
            below = np.float64(logits[a * STRIDE + b] - top)
            e = math.exp(below)
            total += e
            mean += e * below
            slopes[a * STRIDE + b] = e
        log_total = math.log(total)
        entropy = log_total - mean / total
        sums[2] += entropy
        logp = logits[chosen[i] * STRIDE + b] - top - log_total
        slope = _surrogate(logp, old[i], adv[b], terms.ratios, terms.clip, sums)
        for a in range(actions):
            p = slopes[a * STRIDE + b] / total
            bonus = terms.entropy_coef * p * (logits[a * STRIDE + b] - top - log_total + entropy)
            slopes[a * STRIDE + b] = (slope * ((a == chosen[i]) - p) + bonus) / n


@njit(**PART)
def _gaussian(action, old, adv, order, place, count, n, terms, mean, box, slopes, sums):  # type: ignore[no-untyped-def]
    """Write the slopes by means (D, STRIDE), likewise; add those by the logarithms of deviations to `box[4]`."""
    size, entropy = box.shape[1], 0.0
    for j in range(size):
        entropy += box[2, j] + 0.5 * (_LOG_TAU + 1.0)
    for b in range(count):
        i, logp = order[place + b], 0.0
        for j in range(size):
            z = ((action[i, j] - box[0, j]) / box[1, j] - mean[j * STRIDE + b]) * box[3, j]
            logp += gaussian_logp(z, box[2, j])
            slopes[j * STRIDE + b] = z
        slope = _surrogate(logp, old[i], adv[b], terms.ratios, terms.clip, sums) / n
        for j in range(size):
            z = np.float64(slopes[j * STRIDE + b])
            slopes[j * STRIDE + b] = slope * z * box[3, j]
            box[4, j] += slope * (z * z - 1.0)
    sums[2] += entropy * count


@njit(**PART)
def _value(old, ret, order, place, count, n, terms, value, slopes, sums):  # type: ignore[no-untyped-def]
    """Write the slopes by values (STRIDE,): of the squared error, or of that of the clipped value if it is larger."""
    for b in range(count):
        i = order[place + b]
        moved = np.float64(value[b] - old[i])
        error: float = np.float64(value[b] - ret[i])
        slope = 2.0 * error
        if abs(moved) > terms.value_clip:
            near = old[i] + math.copysign(terms.value_clip, moved) - ret[i]
            if near * near > error * error:  # it has moved too far, and towards its target: no gradient
                error, slope = near, 0.0
        sums[1] += error * error
        slopes[b] = terms.value_coef * slope / n


@njit(**PART)
def _gather(features, order, place, count, x):  # type: ignore[no-untyped-def]
    """Features of steps (N, F) into columns (F, STRIDE), and zeros into those after them that products take along."""
    for b in range(count):
        i = order[place + b]
        for j in range(features.shape[1]):
            x[j * STRIDE + b] = features[i, j]
    _clear(x, np.int64(features.shape[1]), count)


@njit(**PART)
def _clear(x, rows, count):  # type: ignore[no-untyped-def]
    for j in range(rows):
        for b in range(count, whole_columns(count)):
            x[j * STRIDE + b] = 0.0


@njit(**PART)
def _begin(theta, at_log_std, grad, sums, box):  # type: ignore[no-untyped-def]
    """Clear what a minibatch adds up, and look up the deviations of a Gaussian."""
    for i in range(len(grad)):
        grad[i] = 0.0
    for i in range(len(sums)):
        sums[i] = 0.0
    for j in range(box.shape[1]):
        log_std = np.float64(theta[at_log_std + j])
        box[2, j], box[3, j], box[4, j] = log_std + math.log(box[1, j]), math.exp(-log_std), 0.0


@filling
def epochs(steps, orders, size, nets, moments, terms, descent, scratch, logged):  # type: ignore[no-untyped-def]
    """Passes over N steps, each in an order of its own (E, N), `size` steps at a time; the number of minibatches.

    Of each, `logged` (M, 6) tells the losses of policy and value, entropy, KL divergence, clipped share, and the length
    of the gradient. A minibatch beyond the limit of the KL divergence ends all and does not count.
    """
    theta, grad, seen, slopes, sums = moments.theta, moments.grad, scratch.seen, scratch.slopes, scratch.sums
    policy, value, box = nets.policy, nets.value, nets.box
    row, slope, done = seen.shape[1] * STRIDE, at(slopes, 0), 0
    for e in range(len(orders)):
        order = orders[e]
        for first in range(0, len(order), size):
            n = min(size, len(order) - first)
            _begin(theta, nets.log_std, grad, sums, box)
            _standardize(steps.adv, order, first, n, terms.normalize, scratch.adv)
            for begin in range(0, n, BLOCK):
                count, place, adv = min(BLOCK, n - begin), first + begin, at(scratch.adv, begin)
                columns = whole_columns(count)
                _gather(steps.features, order, place, count, at(seen, 0))
                pass_block_on(theta, policy, nets.policy_relu, seen, columns)
                out = at(seen, len(policy) * row)
                if box.shape[1]:
                    _gaussian(steps.action, steps.logp, adv, order, place, count, n, terms, out, box, slope, sums)
                else:
                    _categorical(
                        steps.chosen, steps.logp, adv, order, place, count, n, terms, out, policy[-1, 3], slope, sums
                    )
                _clear(slope, policy[-1, 3], count)
                pass_block_back(theta, policy, nets.policy_relu, seen, slopes, columns, grad)
                pass_block_on(theta, value, nets.value_relu, seen, columns)
                out = at(seen, len(value) * row)
                _value(steps.value, steps.ret, order, place, count, n, terms, out, slope, sums)
                _clear(slope, value[-1, 3], count)
                pass_block_back(theta, value, nets.value_relu, seen, slopes, columns, grad)
            for j in range(box.shape[1]):
                grad[nets.log_std + j] = box[4, j] - terms.entropy_coef
            for i in range(len(sums)):
                logged[done, i] = sums[i] / n
            if logged[done, 3] > descent.most_kl:
                return done
            if descent.descend:
                logged[done, 5] = adam(
                    moments, descent.lr, descent.eps, descent.most, descent.beta1, descent.weight_decay
                )
            done += 1
    return done
