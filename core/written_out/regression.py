"""The one-step regression of action values on their targets, written out for perceptrons.

It computes what the autograd path of `agents/dqn.py` does, equal up to the rounding of float32. Where the network is
small, drawing aside, a gradient step is all that a Q-learner does, and calling thirty operations takes longer than
computing them: there all gradient steps on one draw are one jitted call, targets and optimiser included.
"""

import math
import operator
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor, nn

from ..jitted.formulas import huber
from ..jitted.instantiate import PART, filling
from ..learn.optim import Adam, adam, alone
from ..mirror import Mirror
from ..nets import ActionValue
from ..nets.encoder import Encoder
from .perceptron import Perceptron, pass_back, pass_on, places, shared_vector
from .structure import ENCODER, LAYERS, Structure, bare, perceptron, rectified, steps_as_read

VALUES = Mirror(
    ActionValue.__module__,
    {
        "ActionValue.forward": "e9899c0b",
        "ActionValue.values": "dc3b3e19",
        "ActionValue.greedy": "dbe53097",
        "ActionValue.resample": "84ec3ba3",
    },
    LAYERS,
    ENCODER,
)

# Products of weights and transitions, above which torch's matrix products make up for the cost of calling them.
_SMALL = 1_000_000


def layers(net: nn.Module, target_net: nn.Module, optimizer: object) -> tuple[list[Any], list[Any]] | None:
    """The `perceptron`s of both networks, if `Regression` knows these, plain ones with ReLU, and the optimiser."""
    if not (type(net) is type(target_net) is ActionValue and steps_as_read(optimizer, Adam)):
        return None
    found = _layers(net), _layers(target_net)
    return None if found[0] is None or found[1] is None else (found[0], found[1])


def _layers(net: ActionValue) -> list[Any] | None:
    parts = net._modules
    encoder = parts["encoder"]
    if not (bare(net) and net.plain and type(encoder) is Encoder and bare(encoder)):
        return None
    modules = perceptron(parts["trunk"], parts["advantage"])
    return modules if modules is not None and (len(modules) == 1 or rectified(modules)) else None


class Drawn(NamedTuple):
    """k minibatches of B transitions: what is regressed on what."""

    obs: NDArray[Any]
    """(k, B, F)"""
    next_obs: NDArray[Any]
    """(k, B, F)"""
    action: NDArray[np.int64]
    """(k, B), like all that follow."""
    reward: NDArray[np.float32]
    discount: NDArray[np.float32]
    weights: NDArray[np.float32]


class Rules(NamedTuple):
    """How a step is made."""

    lr: float
    eps: float
    most: float
    """Length that gradients are cut to."""
    beta1: float
    weight_decay: float
    double: bool
    squared: bool


class Scratch(NamedTuple):
    """Memory that steps write on."""

    now: NDArray[np.float32]
    """(L + 1, B, W) what each layer sees and the last one gives, like the two that follow."""
    following: NDArray[np.float32]
    chooser: NDArray[np.float32]
    slopes: NDArray[np.float32]
    """(2, B, W)"""

    @classmethod
    def of(cls, layers: NDArray[np.int64], size: int) -> Self:
        """For layers (L, 4), see `places`, and minibatches of `size` transitions."""
        # rows that are no power of two apart: those would take one another's places in the cache
        shape = len(layers) + 1, size, int(layers[:, 2:].max()) + 16
        now, following, chooser = (np.zeros(shape, np.float32) for _ in range(3))
        return cls(now, following, chooser, np.zeros((2, *shape[1:]), np.float32))


class Regression:
    """Gradient steps of `net`, whose parameters `optimizer` holds as one vector, as `target_net`'s are too."""

    def __init__(
        self, net: ActionValue, target_net: ActionValue, optimizer: Adam, layers: tuple[list[Any], list[Any]]
    ) -> None:
        self._made_for, self._structure = (net, target_net, optimizer), Structure(net, target_net)
        self._encoder, self._identity, self._optimizer = net.encoder, net.encoder.identity, optimizer
        self._online, self._target = map(Perceptron, layers)
        self._places = places(shared_vector(net), layers[0])
        self._target_weights = shared_vector(target_net).numpy()
        self._scratch = Scratch.of(self._places, 0)

    @classmethod
    def of(cls, net: ActionValue, target_net: ActionValue, optimizer: Adam) -> Self | None:
        """The twin for networks and an optimiser, or None where there is none."""
        known = layers(net, target_net, optimizer)
        return None if known is None else cls(net, target_net, optimizer, known)

    def fits(self, net: nn.Module, target_net: nn.Module, optimizer: object) -> bool:
        """Whether these are, to the last layer, what it was made for."""
        same = all(map(operator.is_, (net, target_net, optimizer), self._made_for))
        return same and steps_as_read(optimizer, Adam) and self._structure.stands()

    def fit(
        self, drawn: dict[str, NDArray[Any]], lr: float, double: bool, squared: bool
    ) -> tuple[Tensor, NDArray[Any]]:
        """One step on each of the k minibatches of `drawn`, arrays (k, B, ...) as `Replay.sample` gives them.

        Returns loss, mean Q of the actions taken and the gradient's norm (k, 3), and the TD errors (k, B).
        """
        k, size = drawn["reward"].shape
        obs, next_obs = (self._features(drawn[name]).reshape(k, size, -1) for name in ("obs", "next_obs"))
        errors, logged = np.empty((k, size), np.float32), np.empty((k, 3), np.float32)
        columns = [drawn[name] for name in ("action", "reward", "discount", "weights")]
        if size * len(self._target_weights) <= _SMALL and self._optimizer.reduce is alone:
            own = self._optimizer
            rules = Rules(lr, own.eps, own.most, own.beta1, own.weight_decay, double, squared)
            given = Drawn(obs, next_obs, *columns)
            if len(self._scratch.now[0]) != size:
                self._scratch = Scratch.of(self._places, size)
            vectors = self._optimizer.vectors
            steps(given, self._places, self._target_weights, vectors, rules, self._scratch, logged, errors)
            return torch.from_numpy(logged), errors
        now, then = torch.from_numpy(obs), torch.from_numpy(next_obs)
        following = self._target.forward(then.flatten(0, 1))[1].view(k, size, -1).numpy()
        for i, (action, reward, discount, weights) in enumerate(zip(*columns, strict=True)):
            chooser = self._online.forward(then[i])[1].numpy() if double else following[i]
            seen, out = self._online.forward(now[i])
            grad = torch.empty_like(out)
            logged[i, :2] = regress(
                *(out.numpy(), following[i], chooser, out.shape[1], action, reward, discount, weights, squared),
                *(grad.numpy(), errors[i]),
            )
            self._online.backward(seen, grad)
            logged[i, 2] = self._optimizer.descend(lr).item()
        return torch.from_numpy(logged), errors

    def _features(self, obs: NDArray[Any]) -> NDArray[np.float32]:
        """Inputs of the first layer for stored observations (k, B, *obs): plain numbers are their own features."""
        if self._identity:
            return obs
        features: NDArray[np.float32] = self._encoder(torch.from_numpy(obs).flatten(0, 1)).numpy()
        return features


@njit(**PART)
def _see(features, x):  # type: ignore[no-untyped-def]
    """Features (B, F) into rows (B, W)."""
    for b in range(len(features)):
        for j in range(features.shape[1]):
            x[b, j] = features[b, j]


@filling
def regress(  # type: ignore[no-untyped-def]
    values, following, chooser, actions, action, reward, discount, importance, squared, grad, error
):
    """Weighted loss and mean Q of the B actions taken, from values of A `actions` (B, A) now, of what followed by the
    target network, and of that by the network that chooses; writes the gradient by `values` and the TD errors (B,).

    Rows may be longer.
    """
    n, loss, value = len(action), 0.0, 0.0
    for b in range(n):
        q = values[b, action[b]]
        value += q
        best = 0
        for a in range(1, actions):
            if chooser[b, a] > chooser[b, best] or math.isnan(chooser[b, a]):
                best = a
        target = np.float32(reward[b] + discount[b] * following[b, best])
        e: float = np.float64(q) - target
        error[b] = e
        each, slope = (e * e, 2.0 * e) if squared else huber(e)
        loss += importance[b] * each
        for a in range(actions):
            grad[b, a] = 0.0
        grad[b, action[b]] = importance[b] * slope / n
    return loss / n, value / n


@filling
def steps(drawn, layers, target_theta, moments, rules, scratch, logged, errors):  # type: ignore[no-untyped-def]
    """The k steps of `Regression.fit`; the target network stands still."""
    theta, last, actions = moments.theta, len(layers), layers[-1, 3]
    now, following, chooser = scratch.now, scratch.following, scratch.following
    for k in range(len(errors)):
        _see(drawn.next_obs[k], following[0])
        pass_on(target_theta, layers, True, following)
        if rules.double:
            chooser = scratch.chooser
            _see(drawn.next_obs[k], chooser[0])
            pass_on(theta, layers, True, chooser)
        _see(drawn.obs[k], now[0])
        pass_on(theta, layers, True, now)
        logged[k, 0], logged[k, 1] = regress(
            now[last], following[last], chooser[last], actions, drawn.action[k], drawn.reward[k], drawn.discount[k],
            drawn.weights[k], rules.squared, scratch.slopes[0], errors[k],
        )  # fmt: skip
        pass_back(theta, layers, True, now, scratch.slopes, moments.grad)
        logged[k, 2] = adam(moments, rules.lr, rules.eps, rules.most, rules.beta1, rules.weight_decay)
