"""A policy and a value function over one encoder."""

from math import sqrt
from typing import Any

from gymnasium import spaces
from torch import Tensor, nn

from ..errors import UsageError
from ..heads import Density, Head, head
from ..heads.multimodal import AutoregressiveHead, MixtureHead
from ..heads.squashed import SquashedHead
from ..spaces.layout import choices
from .config import ActorCriticConfig, SharedConfig
from .encoder import Encoder
from .mlp import mlp, orthogonal
from .remembering import After, RememberingEncoder, begin, encoder


class ActorCritic(nn.Module):
    """pi(a|s) and V(s).

    The encoder is shared (it has weights only for images and memories); the hidden layers are shared or not.
    `orthogonal_init` follows Huang et al. 2022 ("The 37 implementation details of PPO", detail 2): gain sqrt(2)
    in hidden layers, `policy_gain` in the policy's last layer, 1 in the value's. Without it torch's defaults stay.
    """

    def __init__(self, obs: spaces.Space[Any], action: spaces.Space[Any], cfg: ActorCriticConfig) -> None:
        super().__init__()
        shared = isinstance(cfg, SharedConfig) and cfg.shared
        apart = isinstance(cfg, SharedConfig) and not (cfg.shared or cfg.shared_memory)
        self.encoder = encoder(obs, cfg, memories=2 if apart else 1)
        layers = cfg.hidden, cfg.activation, cfg.norm
        seen = self.encoder.width if isinstance(self.encoder, RememberingEncoder) else self.encoder.size
        self.policy_trunk, width = mlp(seen, *layers)
        self.value_trunk = self.policy_trunk if shared else mlp(seen, *layers)[0]
        if seen < self.encoder.size:
            self.policy_trunk, self.value_trunk = After(seen, 0, self.policy_trunk), After(seen, 1, self.value_trunk)
        kind = cfg.head, cfg.components, cfg.bins, cfg.scale_actions
        self.policy_head = head(width, action, cfg.log_std_init, cfg.sde, *kind)
        self.value_head = nn.Linear(width, 1)
        self.action_shape = action.shape or ()
        self.masked = check_mask(self.encoder, action)
        if cfg.orthogonal_init:
            self._orthogonal(cfg.policy_gain)
        begin(self.encoder, self.policy_head, cfg)

    def forward(self, obs: Tensor) -> tuple[Density, Tensor]:
        """Policy and value (B,) of stored observations (B, *layout.shape)."""
        features = self.encoder(obs)
        policy_features = self.policy_trunk(features)
        shared = self.value_trunk is self.policy_trunk
        value = self.value_head(policy_features if shared else self.value_trunk(features)).squeeze(-1)
        return self._pi(obs, policy_features), value

    def policy(self, obs: Tensor) -> tuple[Density, Tensor]:
        """The policy, and the features (B, F) that its head saw."""
        features = self.policy_trunk(self.encoder(obs))
        return self._pi(obs, features), features

    def value(self, obs: Tensor) -> Tensor:
        """V(s), shape (B,)."""
        value: Tensor = self.value_head(self.value_trunk(self.encoder(obs))).squeeze(-1)
        return value

    def _orthogonal(self, policy_gain: float) -> None:
        last = self.policy_head.outputs if isinstance(self.policy_head, AutoregressiveHead) else self.policy_head
        orthogonal(self, sqrt(2))
        orthogonal(last, policy_gain)
        orthogonal(self.value_head, 1.0)
        if isinstance(self.policy_head, MixtureHead | SquashedHead):
            self.policy_head.begin()

    def _pi(self, obs: Tensor, features: Tensor) -> Density:
        head: Head = self.policy_head
        return head(features, self.encoder.mask(obs) if self.masked else None)


def check_mask(encoder: Encoder, action: spaces.Space[Any]) -> bool:
    """Whether the observation carries an action mask, after checking that it fits the action space."""
    mask = encoder.layout.mask
    if mask is None:
        return False
    if len(sizes := choices(action)) and mask.shape == (sizes.sum(),):
        return True
    raise UsageError(
        f"an action mask of shape {mask.shape} does not fit the action space {action}: "
        "it must have one entry per action of a Discrete or MultiDiscrete space"
    )
