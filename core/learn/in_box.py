"""The common part of agents that learn a policy in a box from a replay."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from gymnasium import spaces
from torch import Generator, Tensor

from ..errors import UsageError, check_ranges
from ..nets import BoxCriticsConfig, BoxPolicy, Critics
from ..nets.build import Build, PolicyLike, built
from .off_policy import OffPolicy, OffPolicyConfig

Color = Literal["white", "pink", "red"]


@dataclass(frozen=True)
class InBoxConfig(OffPolicyConfig, BoxCriticsConfig):
    """Fields that describe how a policy in a box and its critics are learned."""

    drop: int = 0
    """Quantiles per critic, the largest of all critics together, that are left out of targets (TQC)."""
    noise_color: Color = "white"
    """Noise of actions that explore: white is independent from step to step; pink (power 1/f) and red (an
    Ornstein-Uhlenbeck process) go on through an episode, with the same deviation at each step."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, at_least_0=("drop",))
        if self.drop >= self.quantiles:
            raise UsageError(f"drop is {self.drop}; it must be below quantiles, which is {self.quantiles}")


class InBox(OffPolicy[Critics, BoxPolicy]):
    """A policy that is never outside its box, and critics that take actions as an input."""

    cfg: InBoxConfig

    def uniform(self, obs: Tensor, generator: Generator) -> Tensor:
        """Actions (N, D) from all of the box."""
        low, high = self.critics.low, self.critics.high
        share = torch.rand(len(obs), len(low), generator=generator, device=self.device)
        return low + share * (high - low)

    def judge(self, obs: Tensor, action: Tensor) -> Tensor:
        """The least critic's Q(s, a), shape (N,), in the environment's units."""
        value: Tensor = self.critics(obs, action).mean(-1).amin(0)
        return value * self.returns.unit if self.returns else value

    def thoughts(self, obs: Tensor) -> dict[str, Tensor]:
        """The middle of the policy (N, D), and its estimated value (N,)."""
        action = self.net(obs).mode()
        return {"value": self.judge(obs, action), "mean action": action}

    def _kind(self) -> type[BoxPolicy]:
        """The policy's class."""
        return BoxPolicy

    def _made(self, obs: spaces.Space[Any], action: spaces.Space[Any], net: Build | None) -> tuple[Critics, BoxPolicy]:
        critics, kind = Critics(obs, action, self.cfg), self._kind()
        return critics, built(kind, PolicyLike if kind is BoxPolicy else kind, obs, action, self.cfg, net)
