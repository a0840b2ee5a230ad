"""Gradient steps of a policy in a box and of its critics, written out for plain perceptrons.

They compute what the losses in `agents/sac.py` and `agents/td3.py` say, equal up to the rounding of float32, for random
numbers that are drawn in the same order. Where networks are small, calling hundreds of operations takes longer than
computing them: here all gradient steps on one draw are one jitted call, optimisers and slow copies included.
"""

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from ..heads.squashed import SquashedHead
from ..learn.off_policy import OffPolicyConfig
from ..learn.optim import Adam, alone
from ..mirror import Mirror
from ..nets import BoxPolicy, Critics
from ..nets.critics import Linears
from .continuous import BETA1, EPS, REDUCE, Drawn, Net, Noise, Rules, Scratch, deterministic_steps, soft_steps
from .perceptron import places, shared_vector
from .structure import ENCODER, LAYERS, Structure, bare, perceptron, rectified, steps_as_read, weightless

CRITICS = Mirror(
    Critics.__module__,
    {
        "Critics.forward": "2ca9e5d0",
        "_Ensemble._passed": "cf27e4bb",
        "Critics.numbers": "42b574b0",
        "Critics.clipped": "07e6f7ad",
        "Linears.forward": "38c92804",
    },
    ENCODER,
)
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

_ACTIVATIONS = (nn.Tanh, nn.ReLU)
_LARGEST = 100_000  # weights of a layer, above which torch's products are faster: these do not block for the caches


def policy(net: nn.Module) -> list[Any] | None:
    """The `perceptron` from features to means and deviations of a squashed Gaussian, or None."""
    if type(net) is not BoxPolicy or not bare(net) or net.masked:
        return None
    parts: dict[str, Any] = net._modules
    head, encoder = parts["policy_head"], parts["encoder"]
    if type(head) is not SquashedHead or not (bare(head) and bare(encoder) and weightless(encoder)):
        return None
    return perceptron(parts["policy_trunk"], head._modules["linear"])


def critics(net: nn.Module) -> list[Linears] | None:
    """The layers of plain critics of one number each, or None."""
    if type(net) is not Critics or not bare(net) or net.dropout:
        return None
    parts: dict[str, Any] = net._modules
    linears, between = [*parts["layers"][::2], parts["head"]], parts["layers"][1::2]
    known = all(type(after) is nn.Sequential and len(after) == 2 and type(after[0]) is nn.Identity for after in between)
    plain = known and len({type(after[1]) for after in between}) == 1 and type(between[0][1]) in _ACTIVATIONS
    if not (plain and bare(parts["encoder"]) and weightless(parts["encoder"])):
        return None
    on_cpu = all(type(x) is Linears and x.weight.is_cpu and x.weight.dtype is torch.float32 for x in linears)
    return linears if on_cpu and linears[-1].weight.shape[1] == 1 else None


class _Twin:
    """Gradient steps of a policy and critics; weights, and those of the slow copies, are one vector for each network.

    Made for policy, critics, slow critics, perhaps the slow policy, and the optimisers of policy and critics first.
    """

    def __init__(self, made_for: tuple[Any, ...], nets: tuple[Net, Net]) -> None:
        self._made_for, self._nets = made_for, nets
        self._modules = tuple(x for x in made_for if isinstance(x, nn.Module))
        self._optimizers = [x for x in made_for if not isinstance(x, nn.Module)]
        self._policy_and_critics: tuple[Any, ...] = self._modules[:2]
        self._structure = Structure(*self._modules)
        self._slow = [shared_vector(x).numpy() for x in self._modules[2:]]
        self._scratch = Scratch.of(*nets, size=0)

    @classmethod
    def of(cls, *made_for: Any) -> Self | None:
        """The twin for these, or None where there is none."""
        modules = [x for x in made_for if isinstance(x, nn.Module)]
        found = [critics(x) if isinstance(x, Critics) else policy(x) for x in modules]
        learned = all(weight.requires_grad for module in modules[:2] for weight in module.parameters())
        if not learned or None in found or not _plain(made_for):
            return None
        small = all(weight[0].numel() <= _LARGEST for weight in modules[1].parameters())
        return cls(made_for, (_policy_net(*modules[:1]), _critics_net(modules[1]))) if small else None

    def fits(self, *made_for: Any) -> bool:
        """Whether these are, to the last layer, what it was made for."""
        return all(map(operator.is_, made_for, self._made_for)) and _plain(made_for) and self._structure.stands()

    def _given(self, data: dict[str, Tensor]) -> Drawn:
        """Minibatches (k, B, ...) as a replay draws them, in the units of the networks."""
        net, critic = self._policy_and_critics
        k, size = data["reward"].shape
        own = _features(net.encoder, data["obs"]), _features(net.encoder, data["next_obs"])
        judged = _features(critic.encoder, data["obs"]), _features(critic.encoder, data["next_obs"])
        numbers = critic.numbers(data["action"].flatten(0, 1)).reshape(k, size, -1)
        if self._scratch.values.shape[1] != size:
            self._scratch = Scratch.of(*self._nets, size=size)
        reward, discount, weights = (data[name].numpy() for name in ("reward", "discount", "weights"))
        return Drawn(*own, *judged, numbers.numpy(), reward, discount, weights)

    def _noise(self, data: dict[str, Tensor], improve: NDArray[np.bool_], subset: int, generator: Generator) -> Noise:
        """The random numbers of k steps, in the order in which the losses draw them."""
        shape = (*data["reward"].shape, self._scratch.action.shape[1])
        following, own = torch.empty(shape), torch.empty(shape)
        count = len(self._nets[1].layers)
        chosen = np.tile(np.arange(subset or count), (len(following), 1))
        for k in range(len(following)):
            following[k].normal_(generator=generator)
            if subset:
                chosen[k] = torch.randperm(count, generator=generator)[:subset].numpy()
            if improve[k]:
                own[k].normal_(generator=generator)
        return Noise(following.numpy(), own.numpy(), chosen)


class SoftActorCritic(_Twin):
    """The twin of gradient steps of `agents/sac.py`; its third optimiser is that of the temperature."""

    def fit(
        self, data: dict[str, Tensor], rules: Rules, subset: int, target_entropy: float | None, generator: Generator
    ) -> tuple[Tensor, Tensor]:
        """One step on each of the k minibatches; without a target entropy the temperature stays.

        Returns what is logged of each, (k, 5), nan where nothing was done, and the errors (k, B).
        """
        given = self._given(data)
        noise = self._noise(data, rules.improve, subset, generator)
        logged, errors = np.full((len(rules.improve), 5), np.nan, np.float32), np.empty_like(given.reward)
        policy, critic, temperature = (x.vectors for x in self._optimizers)
        target = math.nan if target_entropy is None else float(target_entropy)
        soft_steps(
            *(given, noise, self._nets, policy, critic, *self._slow, temperature, target),
            *(rules, self._scratch, logged, errors),
        )
        return torch.from_numpy(logged), torch.from_numpy(errors)


class Deterministic(_Twin):
    """The twin of gradient steps of `agents/td3.py`."""

    def fit(
        self, data: dict[str, Tensor], rules: Rules, subset: int, smoothing: float, clip: float, generator: Generator
    ) -> tuple[Tensor, Tensor]:
        """One step on each of the k minibatches.

        Returns what is logged of each, (k, 4), nan where nothing was done, and the errors (k, B).
        """
        given = self._given(data)
        noise = self._noise(data, np.zeros_like(rules.improve), subset, generator)
        logged, errors = np.full((len(rules.improve), 4), np.nan, np.float32), np.empty_like(given.reward)
        policy, critic = (x.vectors for x in self._optimizers)
        deterministic_steps(
            *(given, noise, self._nets, policy, critic, *self._slow, smoothing, clip),
            *(rules, self._scratch, logged, errors),
        )
        return torch.from_numpy(logged), torch.from_numpy(errors)


def steps(
    cfg: OffPolicyConfig, reduce: str, share: float, improve: Sequence[bool], follow: Sequence[bool] | None = None
) -> Rules:
    """How k gradient steps are made at a `share` of the step sizes, of which some improve the policy.

    `follow`: after which the slow copies follow; none: after each.
    """
    every = [True] * len(improve) if follow is None else follow
    lr, critic_lr = cfg.lr * share, cfg.critic_lr * share
    return Rules(lr, critic_lr, cfg.tau, REDUCE.index(reduce), np.array(improve), np.array(every))


def _plain(made_for: Iterable[Any]) -> bool:
    """Whether all optimisers among these step as they read, on this machine alone, and in the usual way."""
    usual = (None, EPS, BETA1, 0.0)
    return all(
        steps_as_read(x, Adam) and x.reduce is alone and (x.max_grad_norm, x.eps, x.beta1, x.weight_decay) == usual
        for x in made_for
        if not isinstance(x, nn.Module)
    )


def _features(encoder: Any, obs: Tensor) -> NDArray[np.float32]:
    """Inputs of the first layer (k, B, F) for stored observations (k, B, *obs)."""
    features: Tensor = encoder(obs.flatten(0, 1))
    return features.reshape(*obs.shape[:2], -1).contiguous().numpy()


def _policy_net(net: nn.Module) -> Net:
    modules = policy(net)
    assert modules is not None
    return Net(places(shared_vector(net), modules)[None], rectified(modules))


def _critics_net(net: nn.Module) -> Net:
    linears = critics(net)
    assert linears is not None
    flat = shared_vector(net)

    def start(parameter: Tensor) -> int:
        return (parameter.data_ptr() - flat.data_ptr()) // flat.element_size()

    layers = [
        [(start(x.weight[k]), start(x.bias[k]), x.weight.shape[2], x.weight.shape[1]) for x in linears]
        for k in range(len(linears[0].weight))
    ]
    between: Any = net.layers
    return Net(np.array(layers), type(between[1][1]) is nn.ReLU)
