"""Small policies as jitted loops: what is seen, the perceptrons, and the action drawn."""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..heads.squashed import LOG_STD
from ..jitted.activations import REORDER, activate
from ..jitted.formulas import exponentials, gaussian_logp
from ..jitted.greedy import choose
from ..jitted.rng import Stream, normal, uniform

if TYPE_CHECKING:  # in the loops these are functions for the spaces at hand, see `instantiate`
    encode: Any = None
    draw: Any = None

_LEAST, _MOST = LOG_STD


class Moments(NamedTuple):
    """Moments of the observations: empty where they are taken as they are."""

    shift: NDArray[np.float32]
    scale: NDArray[np.float32]


class Layers(NamedTuple):
    """A network as the loops read it."""

    weights: NDArray[np.float32]
    """All of them in one vector."""
    policy: NDArray[np.int64]
    """(L, 4), see `places`."""
    value: NDArray[np.int64]
    """(L, 4), see `places`."""
    relu: bool
    """Whether the activations are ReLU, rather than tanh."""
    moments: Moments
    exploration: Any
    """For Box actions the logarithm of u's standard deviation, shift and scale (`Boxed`), inside a box shift, scale and
    noise; epsilon; or nothing."""


class Acted(NamedTuple):
    """Columns that an actor writes, (T, N, ...) of a rollout."""

    action: NDArray[Any]
    logp: NDArray[np.float32]
    value: NDArray[np.float32]


def act(  # type: ignore[no-untyped-def]
    obs, action, logp, value, weights, policy, critic, relu, shift, scale, exploration, random, scratch
):
    """Actions of N environments with their log-probabilities and the values of the states."""
    for i in range(len(obs)):
        encode(obs[i], shift, scale, scratch[0, i])
    pi = forward(weights, policy, relu, scratch[0, : len(obs)], scratch[1], scratch[2])
    v = forward(weights, critic, relu, scratch[0, : len(obs)], scratch[3], scratch[4])
    for i in range(len(obs)):
        value[i] = v[i, 0]
        logp[i] = draw(pi[i], exploration, action[i], policy[-1, 3], random)


def act_greedily(  # type: ignore[no-untyped-def]
    obs, action, logp, value, weights, policy, critic, relu, shift, scale, epsilon, random, scratch
):
    """Epsilon-greedy actions of N environments; nothing else is recorded."""
    for i in range(len(obs)):
        encode(obs[i], shift, scale, scratch[0, i])
    q = forward(weights, policy, relu, scratch[0, : len(obs)], scratch[1], scratch[2])
    for i in range(len(obs)):
        action[i, 0] = choose(q[i], q[i, :0], policy[-1, 3], epsilon[0], random)


def act_inside(  # type: ignore[no-untyped-def]
    obs, action, logp, value, weights, policy, critic, relu, shift, scale, exploration, random, scratch
):
    """Actions of N environments inside their box; nothing else is recorded."""
    for i in range(len(obs)):
        encode(obs[i], shift, scale, scratch[0, i])
    out = forward(weights, policy, relu, scratch[0, : len(obs)], scratch[1], scratch[2])
    for i in range(len(obs)):
        draw(out[i], exploration, action[i], random)


@njit(nogil=True, fastmath=REORDER, error_model="numpy")
def forward(weights, layers, relu, x, a, b):  # type: ignore[no-untyped-def]
    """A perceptron on N rows `x`, layer by layer into `a` and `b` in turns; returns the one that holds its outputs."""
    source, target = x, a
    for k in range(len(layers)):
        w, bias, inputs, outputs = layers[k, 0], layers[k, 1], layers[k, 2], layers[k, 3]
        target = a if k % 2 == 0 else b
        hidden = k < len(layers) - 1
        for o in range(outputs):
            row = weights[w + o * inputs : w + (o + 1) * inputs]
            for i in range(len(x)):
                total = weights[bias + o]
                for j in range(inputs):
                    total += row[j] * source[i, j]
                target[i, o] = total
        if hidden:
            for i in range(len(x)):
                activate(target[i], outputs, relu)
        source = target
    return source


@njit(nogil=True)
def encode_row(obs, shift, scale, x):  # type: ignore[no-untyped-def]
    """A Box observation, standardised as `Standardize` does it if there are moments."""
    for j in range(len(obs)):
        x[j] = obs[j]
        if len(shift):
            x[j] = min(max((obs[j] - shift[j]) * scale[j], np.float32(-10.0)), np.float32(10.0))


@njit(nogil=True)
def encode_index(obs, shift, scale, x):  # type: ignore[no-untyped-def]
    """A Discrete observation as one-hot."""
    x[:] = 0.0
    x[obs[0]] = 1.0


@njit(nogil=True)
def draw_categorical(
    logits: NDArray[Any], exploration: NDArray[Any], action: NDArray[Any], count: int, random: Stream
) -> float:
    """Write an action drawn from softmax(logits[:count]) into `action` (1,); its log-probability."""
    top, total = exponentials(logits[:count])
    left = uniform(random) * total
    chosen = count - 1
    for j in range(count):
        left -= math.exp(logits[j] - top)
        if left < 0.0:
            chosen = j
            break
    action[0] = chosen
    logp: float = logits[chosen] - top - math.log(total)
    return logp


@njit(nogil=True)
def draw_gaussian(
    mean: NDArray[Any], exploration: tuple[NDArray[Any], ...], action: NDArray[Any], count: int, random: Stream
) -> float:
    """Write shift + scale * u into `action` (count,), u drawn from N(mean[:count], exp(log_std)); its log-density."""
    log_std, shift, scale = exploration
    logp = 0.0
    for j in range(count):
        z, wide = normal(random), log_std[j] + math.log(scale[j])
        action[j] = shift[j] + scale[j] * mean[j] + math.exp(wide) * z
        logp += gaussian_logp(z, wide)
    return logp


@njit(nogil=True)
def draw_squashed(
    out: NDArray[Any], exploration: tuple[NDArray[Any], ...], action: NDArray[Any], random: Stream
) -> None:
    """Write shift + scale * tanh(u) into `action` (D,), u drawn from N(out[:D], exp(out[D:2D])), see `Squashed`."""
    shift, scale, _ = exploration
    count = len(action)
    for j in range(count):
        log_std = min(max(out[count + j], _LEAST), _MOST)
        action[j] = shift[j] + scale[j] * math.tanh(out[j] + math.exp(log_std) * normal(random))


@njit(nogil=True)
def draw_around(out: NDArray[Any], exploration: tuple[NDArray[Any], ...], action: NDArray[Any], random: Stream) -> None:
    """Write the middle of the squashed Gaussian with noise, kept in the box, into `action` (D,)."""
    shift, scale, noise = exploration
    for j in range(len(action)):
        u = math.tanh(out[j]) + noise[0] * normal(random)
        action[j] = shift[j] + scale[j] * min(max(u, -1.0), 1.0)
