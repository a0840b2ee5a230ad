"""A policy alone, for learners that need no value function."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from .. import heads
from ..errors import UsageError
from ..heads.squashed import SquashedNoiseHead
from .actor_critic import check_mask
from .config import HiddenConfig
from .mlp import Linear, Mlp, mlp
from .remembering import begin, encoder
from .residual import residual
from .texts import TextEncoder

_NOISE = -3.0  # initial logarithm of the deviation of each element of W, as in Stable-Baselines3


class Policy(nn.Module):
    """pi(a|s): an encoder, hidden layers and a head, with the names that `ActorCritic` gives its own."""

    def __init__(self, obs: spaces.Space[Any], action: spaces.Space[Any], cfg: HiddenConfig) -> None:
        super().__init__()
        self.encoder = encoder(obs, cfg)
        self.policy_trunk, width = self._trunk(self.encoder.size, cfg)
        self.policy_head = self._head(width, action, cfg)
        begin(self.encoder, self.policy_head, cfg)
        self.action_shape = action.shape or ()
        self.masked = check_mask(self.encoder, action)

    @staticmethod
    def _trunk(size: int, cfg: Any) -> tuple[nn.Module, int]:
        """Hidden layers from so many features, and the width of the last."""
        return mlp(size, cfg.hidden, cfg.activation, cfg.norm)

    @staticmethod
    def _head(width: int, action: spaces.Space[Any], cfg: Any) -> nn.Module:
        """From the last hidden layer to the distribution that a PolicyConfig describes."""
        return heads.head(
            width, action, kind=cfg.head, components=cfg.components, bins=cfg.bins, scaled=cfg.scale_actions
        )

    def forward(self, obs: Tensor) -> heads.Density:
        """The policy at stored observations (B, *layout.shape)."""
        head: heads.Head = self.policy_head
        features = self.policy_trunk(self.encoder(obs))
        return head(features, self.encoder.mask(obs) if self.masked else None)


class TextPolicy(Policy):
    """Which token comes next in a text: a transformer and a head."""

    encoder: TextEncoder
    policy_head: heads.CategoricalHead

    def __init__(self, obs: spaces.Space[Any], action: spaces.Space[Any], cfg: HiddenConfig) -> None:
        super().__init__(obs, action, cfg)
        tokens = spaces.Discrete(self.encoder.pad)  # PAD follows those that can be written
        if action != tokens:
            raise UsageError(f"actions must be tokens of the texts that are observed, {tokens}, not {action}")

    @staticmethod
    def _head(width: int, action: spaces.Space[Any], cfg: Any) -> nn.Module:
        return heads.head(width, action)


class _Blocks(Policy):
    """A policy whose hidden layers are those of a `CriticsConfig`."""

    @staticmethod
    def _trunk(size: int, cfg: Any) -> tuple[nn.Module, int]:
        if not cfg.blocks:
            return mlp(size, cfg.hidden, cfg.activation, cfg.norm)
        (width,) = cfg.hidden
        return Mlp(Linear(size, width), *residual(cfg.blocks, width, cfg.activation, Linear, nn.LayerNorm)), width


class BoxPolicy(_Blocks):
    """A policy that is never outside its box, as learning from a replay needs it."""

    @staticmethod
    def _head(width: int, action: spaces.Space[Any], cfg: Any) -> nn.Module:
        return heads.head(width, action, kind="squashed")


class DiscretePolicy(_Blocks):
    """A policy over one of A actions, to learn from a replay."""

    @staticmethod
    def _head(width: int, action: spaces.Space[Any], cfg: Any) -> nn.Module:
        return heads.head(width, action)


class StateNoisePolicy(BoxPolicy):
    """A policy in a box that explores by a random linear function of its features, see `SquashedNoiseHead`."""

    @staticmethod
    def _head(width: int, action: spaces.Space[Any], cfg: Any) -> nn.Module:
        return SquashedNoiseHead(width, action, _NOISE)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """Shape (F, D) of the matrices that make the noise."""
        head: Any = self.policy_head
        return tuple(head.log_std.shape)

    def explored(self, obs: Tensor, matrices: Tensor) -> Tensor:
        """Actions (N, D) of stored observations, with the noise of standard normal `matrices` (N, F, D)."""
        head: Any = self.policy_head
        features = self.policy_trunk(self.encoder(obs))
        action: Tensor = head(features).at(head.normal(features, matrices))
        return action


def adopt_policy(net: nn.Module, weights: Mapping[str, Any]) -> None:
    """Take the policy out of another network's `weights` into `net`: encoder, hidden layers and head.

    How widely Box actions are explored, where that does not depend on the state, stays this network's own: a clone is
    as sure as its expert was.

    Raises:
        UsageError: if they are of another shape, or differ where this network has one matrix for both.
    """
    own = net.state_dict()
    parts, values = ("encoder.", "policy_trunk.", "policy_head."), ("encoder.embed.1.", "encoder.memories.1.")
    names = sorted(
        name
        for name in {*own, *weights}
        if name.startswith(parts) and not name.startswith(values) and not name.endswith("log_std")
    )
    wrong = [
        name
        for name in names
        if name not in own or name not in weights or np.shape(own[name]) != np.shape(weights[name])
    ]
    if wrong:
        raise UsageError(
            f"the policy to begin with is another network: {wrong[0]} differs. It must be for the same "
            "observations and actions, with the same hidden layers and head"
        )
    taken = {name: torch.as_tensor(weights[name]) for name in names}
    shared: dict[tuple[int, torch.Size], str] = {}
    for name in names:
        other = shared.setdefault((own[name].data_ptr(), own[name].shape), name)
        if not torch.equal(taken[name], taken[other]):
            raise UsageError(
                f"the policy to begin with is another network: {other} and {name} differ there and are one "
                "matrix here; set tied to false"
            )
    net.load_state_dict({**own, **taken})
