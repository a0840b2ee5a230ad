"""A policy alone, for learners that need no value function."""

from typing import Any

from gymnasium import spaces
from torch import Tensor, nn

from .. import heads
from .actor_critic import check_mask
from .config import PolicyConfig
from .encoder import Encoder
from .mlp import mlp


class Policy(nn.Module):
    """pi(a|s): an encoder, hidden layers and a head, with the names that `ActorCritic` gives its own."""

    def __init__(self, obs: spaces.Space[Any], action: spaces.Space[Any], cfg: PolicyConfig) -> None:
        super().__init__()
        self.encoder = Encoder(obs, cfg.cnn, cfg.normalize_obs, cfg.bfloat16)
        self.policy_trunk, width = mlp(self.encoder.size, cfg.hidden, cfg.activation, cfg.norm)
        self.policy_head = heads.head(
            width, action, kind=cfg.head, components=cfg.components, bins=cfg.bins, scaled=cfg.scale_actions
        )
        self.action_shape = action.shape or ()
        self.masked = check_mask(self.encoder, action)

    def forward(self, obs: Tensor) -> heads.Density:
        """The policy at stored observations (B, *layout.shape)."""
        head: heads.Head = self.policy_head
        features = self.policy_trunk(self.encoder(obs))
        return head(features, self.encoder.mask(obs) if self.masked else None)
