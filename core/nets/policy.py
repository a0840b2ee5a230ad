"""A policy alone, for learners that need no value function."""

import inspect
from collections.abc import Sequence
from typing import Any

from gymnasium import spaces
from torch import Tensor, nn

from .. import heads
from .actor_critic import check_mask
from .encoder import Cnn, Encoder
from .mlp import Activation, mlp


class Policy(nn.Module):
    """pi(a|s): an encoder, hidden layers and a head, with the names that `ActorCritic` gives its own."""

    def __init__(
        self,
        obs: spaces.Space,
        action: spaces.Space,
        hidden: Sequence[int] = (64, 64),
        *,
        activation: Activation = "tanh",
        cnn: Cnn = "nature",
        normalize_obs: bool = False,
        head: heads.Kind = "plain",
        components: int = 5,
        bins: int = 21,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(obs, cnn, normalize_obs)
        self.policy_trunk, width = mlp(self.encoder.size, hidden, activation)
        self.policy_head = heads.head(width, action, kind=head, components=components, bins=bins)
        self.action_shape = action.shape or ()
        self.masked = check_mask(self.encoder, action)

    @classmethod
    def of(cls, obs: spaces.Space, action: spaces.Space, cfg: Any) -> "Policy":
        """The network that an algorithm's Config describes: every argument that it has a field for."""
        fields = {name: getattr(cfg, name) for name in inspect.signature(cls).parameters if hasattr(cfg, name)}
        return cls(obs, action, **fields)

    def forward(self, obs: Tensor) -> heads.Density:
        """The policy at stored observations (B, *layout.shape)."""
        head: heads.Head = self.policy_head
        features = self.policy_trunk(self.encoder(obs))
        return head(features, self.encoder.mask(obs) if self.masked else None)
