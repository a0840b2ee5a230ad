"""Q(s, a) of features, for actors that need its mean over their actions and the gradient of that."""

import math
from typing import Any

import torch
from gymnasium import spaces
from torch import Generator, Tensor, nn

from ..errors import UsageError
from ..heads import Boxed, Categorical, Density
from .config import PolicyConfig
from .mlp import mlp


class Critic(Boxed):
    """Q(s, a): one output per action where actions are Discrete, the action as an input where they are a Box.

    It has the hidden layers of the network that encodes its features, and sees actions in the units of the policy.

    Raises:
        UsageError: for other action spaces.
    """

    def __init__(self, features: int, action: spaces.Space[Any], cfg: PolicyConfig) -> None:
        super().__init__(action, cfg.scale_actions)
        if not isinstance(action, spaces.Discrete | spaces.Box):
            raise UsageError(f"Q(s, a) is for Discrete and Box action spaces, not {action}")
        self.discrete = isinstance(action, spaces.Discrete)
        inputs = features if self.discrete else features + math.prod(action.shape or ())
        self.trunk, width = mlp(inputs, cfg.hidden, cfg.activation, cfg.norm)
        self.head = nn.Linear(width, int(action.n) if isinstance(action, spaces.Discrete) else 1)

    def forward(self, features: Tensor, action: Tensor) -> Tensor:
        """Q(s, a), shape (B,), of features (B, F) and actions (B, *act)."""
        if self.discrete:
            values: Tensor = self.head(self.trunk(features))
            return values.gather(-1, action.unsqueeze(-1)).squeeze(-1)
        value: Tensor = self.head(self.trunk(torch.cat([features, self.numbers(action)], -1)))
        return value.squeeze(-1)

    def centred(self, features: Tensor, action: Tensor, pi: Density) -> Tensor:
        """Q(s, a) less what does not depend on a, (B,): its mean over Discrete actions, Q(s, mode) of a Box."""
        middle = self.mean(features, pi) if self.discrete else self(features, pi.mode())
        q: Tensor = self(features, action)
        return q - middle

    def mean(self, features: Tensor, pi: Density, generator: Generator | None = None) -> Tensor:
        """E[Q(s, a)] over a ~ `pi`, shape (B,), with its gradient by the parameters of `pi`.

        Exact over Discrete actions; of a Box's one sample, through which the gradient passes (Kingma & Welling 2013,
        arXiv:1312.6114).
        """
        if isinstance(pi, Categorical):
            values: Tensor = self.head(self.trunk(features))
            return (pi.logp.exp() * values).sum(-1)
        q: Tensor = self(features, pi.draw(generator)[0])
        return q
