"""The policy gradient and the clipped surrogate of two small perceptrons, with their gradients written out.

Calling the twenty operations of a loss on 256 numbers takes longer than computing them. Here all passes over a rollout
are one jitted call (`core/written_out/epochs.py`): minibatches, loss, gradient, and the steps of the optimiser. It
computes what `loss` in `agents/ppo.py` and `agents/a2c.py` computes, equal up to the rounding of float32.
"""

import math
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..heads import GaussianHead
from ..learn.optim import Adam, Moments, RMSprop, alone
from ..nets import ActorCritic
from .epochs import Descent, Nets, Scratch, Steps, Terms, epochs
from .perceptron import places, shared_vector
from .structure import Structure, perceptron, policy, rectified, steps_as_read, weightless

_NONE = np.empty(0, np.float32)
_NOT_CHOSEN, _NOT_BOXED = np.empty(0, np.int64), np.empty((0, 0), np.float32)
_STAY = Descent(False, 0.0, 0.0, math.inf, 0.0, 0.0, math.inf)


def layers(net: nn.Module, optimizer: object) -> tuple[list[Any], list[Any]] | None:
    """The `perceptron`s of policy and value, if the surrogates know both and the optimiser."""
    if type(net) is not ActorCritic or not steps_as_read(optimizer, Adam, RMSprop):
        return None
    parts = net._modules
    if parts["value_trunk"] is parts["policy_trunk"] or not weightless(net.encoder):
        return None
    pi, value = policy(net), perceptron(parts["value_trunk"], parts["value_head"])
    return None if pi is None or value is None else (pi, value)


class Surrogate:
    """Gradients and steps along them; the gradient is in the parameters' `grad`, where the optimiser has put it."""

    def __init__(self, net: ActorCritic, optimizer: Adam | RMSprop, layers: tuple[list[Any], list[Any]]) -> None:
        self.net, self._optimizer, self._structure = net, optimizer, Structure(net)
        self._box = net.policy_head if isinstance(net.policy_head, GaussianHead) else None
        flat = shared_vector(net)
        log_std, box = 0, np.zeros((5, 0))
        if self._box is not None:
            log_std = (self._box.log_std.data_ptr() - flat.data_ptr()) // flat.element_size()
            box = np.zeros((5, self._box.log_std.numel()))
        pi, value = layers
        self._nets = Nets(places(flat, pi), rectified(pi), places(flat, value), rectified(value), log_std, box)
        self._scratch = Scratch.of(self._nets, 0)
        assert optimizer.flat.grad is not None
        self._gradient = Moments(optimizer.flat.detach().numpy(), optimizer.flat.grad.numpy(), *3 * [_NONE])

    @classmethod
    def of(cls, net: ActorCritic, optimizer: Adam | RMSprop) -> Self | None:
        """The twin for a network and its optimiser, or None where there is none."""
        known = layers(net, optimizer)
        return None if known is None else cls(net, optimizer, known)

    def fits(self, net: nn.Module, optimizer: object) -> bool:
        """Whether these are, to the last layer, what it was made for."""
        same = net is self.net and optimizer is self._optimizer and steps_as_read(optimizer, Adam, RMSprop)
        return same and self._structure.stands()

    def differentiate(self, mb: dict[str, Tensor], terms: Terms) -> Tensor:
        """Write the gradient of a minibatch; its losses of policy and value, entropy, KL and clipped share, (5,)."""
        steps = self._steps(mb)
        orders = np.arange(len(steps.adv))[None]
        return self._pass(steps, orders, orders.size, terms, self._gradient, _STAY)[0, :5]

    def fit(
        self, data: dict[str, Tensor], orders: Tensor, size: int, terms: Terms, lr: float, most_kl: float
    ) -> Tensor:
        """Steps of Adam on minibatches of `size` of N steps, which passes take in these orders (E, N).

        Returns the same and the gradient's norm of each minibatch, shape (M, 6). A KL divergence above `most_kl` ends
        the passes, and its minibatch is not learned from.
        """
        own = self._optimizer
        assert isinstance(own, Adam)
        steps = self._steps(data)
        if own.reduce is alone:
            descent = Descent(True, lr, own.eps, own.most, own.beta1, own.weight_decay, most_kl)
            return self._pass(steps, orders.numpy(), size, terms, own.vectors, descent)
        logged = []
        for minibatch in (part for order in orders for part in order.split(size)):  # each gradient has a way to go
            row = self._pass(steps, minibatch.numpy()[None], size, terms, self._gradient, _STAY)
            if row[0, 3] > most_kl:
                break
            row[0, 5] = own.descend(lr)
            logged.append(row)
        return torch.cat(logged) if logged else torch.empty(0, 6)

    @torch.no_grad()
    def _steps(self, data: dict[str, Tensor]) -> Steps:
        features = self.net.encoder(data["obs"]).contiguous()
        if self._box is None:
            chosen, action = data["action"].numpy(), _NOT_BOXED
        else:
            self._nets.box[0], self._nets.box[1] = self._box.shift.numpy(), self._box.scale.numpy()
            chosen, action = _NOT_CHOSEN, data["action"].reshape(len(features), -1).contiguous().numpy()
        numbers = (data[name].numpy() for name in ("logp", "value", "adv", "ret"))
        return Steps(features.numpy(), chosen, action, *numbers)

    def _pass(
        self, steps: Steps, orders: NDArray[np.int64], size: int, terms: Terms, moments: Moments, descent: Descent
    ) -> Tensor:
        """The row that `epochs` logs for each minibatch, shape (M, 6)."""
        passes, count = orders.shape
        size = min(size, count)
        if len(self._scratch.adv) < size:
            self._scratch = Scratch.of(self._nets, size)
        logged = np.empty((passes * -(-count // size), 6), np.float32)
        done = epochs(steps, orders, size, self._nets, moments, terms, descent, self._scratch, logged)
        return torch.from_numpy(logged[:done])
