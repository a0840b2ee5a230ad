"""Which networks the twins know: these layers in this order, of exactly these types, with nothing hooked in."""

from itertools import chain
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ..heads import CategoricalHead, GaussianHead
from ..learn.actor import Actor
from ..learn.optim import Adam
from ..mirror import Mirror
from ..nets import ActorCritic, Policy
from ..nets.encoder import Encoder
from ..nets.mlp import Linear, Mlp, unhooked

LAYERS = Mirror(Mlp.__module__, {"Mlp.forward": "7b7fa40e", "Linear.forward": "2f2257b8"})
HEADS = Mirror(
    CategoricalHead.__module__,
    {
        "CategoricalHead.forward": "2a2fb445",
        "_categorical": "34f9dea7",
        "Categorical.log_prob": "461fd0a0",
        "Categorical.entropy": "7b51008d",
        "GaussianHead.forward": "c85cfc27",
        "Boxed.placed": "5dc26df1",
        "Gaussian.log_prob": "835b59bb",
        "Gaussian.entropy": "9176c999",
    },
    LAYERS,
)
ACTOR_CRITIC = Mirror(ActorCritic.__module__, {"ActorCritic.forward": "f79f5ea6", "ActorCritic._pi": "76058e1b"}, HEADS)
POLICY = Mirror(Policy.__module__, {"Policy.forward": "55fe049f"}, HEADS)
ENCODER = Mirror(Encoder.__module__, {"Encoder.forward": "a2a83704", "Encoder._encode": "7d9a9b3c"})
STEPS = Mirror(Adam.__module__, {"Adam.step": "6224da9b", "RMSprop.step": "6224da9b", "_backward": "477c229d"})
"""Before an optimiser descends."""
DESCENT = Mirror(Adam.__module__, {"Adam.descend": "852ceba7", "_adam": "e570b1fc", "adam": "ae309110"}, STEPS)
"""Steps of the optimiser, where they are jitted along."""
MINIBATCHES = Mirror(Actor.__module__, {"Actor.minibatches": "5b7461c5"})

_ROWS = (Mlp, nn.Sequential)
_LINEAR = (Linear, nn.Linear)
_ACTIVATIONS = (nn.Tanh, nn.ReLU)
_torchs = attrgetter("Linear.forward", "Tanh.forward", "ReLU.forward", "Sequential.forward", "Module.__call__")
_TORCHS = _torchs(nn)  # no fingerprints: every version of torch writes them differently
_STEPPING = frozenset(("step", "descend"))


class Structure:
    """The modules of networks as they are now, to see within microseconds whether they still are."""

    def __init__(self, *nets: nn.Module) -> None:
        self._modules = [module for net in nets for module in net.modules()]
        self._own = [module.__dict__ for module in self._modules]
        self._handles = -1  # of hooks that had been given out, anywhere, when there was none here
        # among modules without any, only lists can be given some and call them
        parents = [m for m in self._modules if m._modules or isinstance(m, nn.ModuleDict | nn.ModuleList)]
        self._children = [module._modules for module in parents]
        self._parameters: list[Any] = [module._parameters for module in self._modules if module._parameters]
        self._found = self._look()

    def stands(self) -> bool:
        """Whether all modules and weights are where they were and of the same types, and nothing is hooked in."""
        handles = RemovableHandle.next_id
        if handles != self._handles:
            if self._hooked():
                return False
            self._handles = handles
        return _torchs(nn) == _TORCHS and self._look() == self._found

    def _hooked(self) -> bool:
        weights = chain.from_iterable(map(_values, self._parameters))
        return not all(map(unhooked, self._modules)) or any(map(_watched, weights))

    def _look(self) -> tuple[Any, ...]:
        weights = [*chain.from_iterable(map(_values, self._parameters))]
        return (
            [*map(type, self._modules)],
            [*map(len, self._own)],  # a `forward` of its own would make a module's dictionary longer
            [*chain.from_iterable(map(_values, self._children))],
            [*map(_address, weights)],
            [*map(_learns, weights)],
        )


_values, _address, _learns = dict.values, Tensor.data_ptr, attrgetter("requires_grad")


def _watched(weight: Tensor | None) -> bool:
    """Whether a hook of its own follows the gradient of `weight`."""
    if weight is None:
        return False
    return bool(weight._backward_hooks or weight._post_accumulate_grad_hooks)


def steps_as_read(optimizer: object, *kinds: type) -> bool:
    """Whether `optimizer` is of exactly one of these types, and its steps are those of its class."""
    return type(optimizer) in kinds and _STEPPING.isdisjoint(vars(optimizer))


def perceptron(*parts: Any) -> list[Any] | None:
    """The modules of hidden layers and what follows them: Linear, activation, Linear, ..., Linear on the CPU.

    None where there is anything else among them, a hook, or a weight that is not learned.
    """
    if _torchs(nn) != _TORCHS:
        return None
    modules: list[Any] = []
    for part in parts:
        row = type(part) in _ROWS
        if row and not bare(part):
            return None
        modules += part._modules.values() if row else (part,)
    linear, between = modules[::2], modules[1::2]
    kinds = {type(module) for module in between}
    if len(linear) == len(between) or len(kinds) > 1 or not kinds.issubset(_ACTIVATIONS):
        return None
    for module in linear:
        if type(module) not in _LINEAR or not _learned(module):
            return None
    return modules if all(map(bare, modules)) else None


def rectified(modules: list[Any]) -> bool:
    """Whether the activations of a `perceptron` are ReLU, rather than tanh."""
    return len(modules) > 1 and type(modules[1]) is nn.ReLU


def policy(net: Any) -> list[Any] | None:
    """The `perceptron` from features to a Discrete action's logits or the means of one Gaussian, unmasked; or None."""
    parts: dict[str, Any] = net._modules
    head = parts["policy_head"]
    known = type(head) in (CategoricalHead, GaussianHead) and type(parts["encoder"]) is Encoder
    if net.masked or not known or not (bare(net) and bare(head)):
        return None
    if not all(own.requires_grad for own in head._parameters.values() if own is not None):
        return None
    return perceptron(parts["policy_trunk"], head._modules["linear"])


def weightless(encoder: Any) -> bool:
    """Whether nothing in `encoder` is learned by gradients, neither images nor a memory."""
    return type(encoder) is Encoder and not len(encoder.cnns)


def bare(module: nn.Module) -> bool:
    """Whether calling `module` is calling its class's `forward`, and nothing else."""
    return unhooked(module) and "forward" not in module.__dict__


def _learned(linear: Any) -> bool:
    weight, bias = linear._parameters["weight"], linear._parameters["bias"]
    if bias is None or not (weight.requires_grad and bias.requires_grad):
        return False
    return weight.is_cpu and weight.dtype is torch.float32
