"""Action values Q(s, a), or the distribution of the return of every action."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from ..errors import UsageError
from .actor_critic import check_mask
from .config import ActionValueConfig
from .mlp import mlp
from .noisy import NoisyLinear
from .remembering import RememberingEncoder, encoder


class ActionValue(nn.Module):
    """Estimates of the return of each of A actions: K numbers, from which `values` makes Q(s, a).

    | distribution | the K numbers                                   | source                              |
    |--------------|-------------------------------------------------|-------------------------------------|
    | none         | Q(s, a) itself, K = 1                           |                                     |
    | categorical  | logits of K returns evenly spread over `limits` | Bellemare et al. 2017 (1707.06887)  |
    | quantile     | K equally likely returns                        | Dabney et al. 2017 (1710.10044)     |

    `dueling`: the last hidden layer is there twice, once for the state's value and once for the actions' advantages,
    whose mean is subtracted (Wang et al. 2015, 1511.06581). `noisy`: layers after the encoder carry learned noise.

    Raises:
        UsageError: if the actions are not a finite set.
    """

    def __init__(self, obs: spaces.Space[Any], action: spaces.Space[Any], cfg: ActionValueConfig) -> None:
        super().__init__()
        if not isinstance(action, spaces.Discrete):
            raise UsageError(f"Q-learning compares actions one by one and needs a Discrete action space, not {action}")
        self.encoder = encoder(obs, cfg)
        if isinstance(self.encoder, RememberingEncoder):
            self.encoder.begin()
        self.masked = check_mask(self.encoder, action)
        self.actions, self.atoms = int(action.n), 1 if cfg.distribution == "none" else cfg.atoms
        self.dueling, self.noisy, self.distribution = cfg.dueling, cfg.noisy, cfg.distribution
        self.activation, self.norm = cfg.activation, cfg.norm
        linear = NoisyLinear if cfg.noisy else nn.Linear
        shared, own = (cfg.hidden[:-1], cfg.hidden[-1:]) if cfg.dueling else (cfg.hidden, ())
        self.trunk, width = mlp(self.encoder.size, shared, cfg.activation, cfg.norm, linear)

        def stream(outputs: int) -> nn.Sequential:
            layers, size = mlp(width, own, cfg.activation, cfg.norm, linear)
            return layers.append(linear(size, outputs))

        self.advantage = stream(self.actions * self.atoms)
        self.state_value = stream(self.atoms) if cfg.dueling else None
        self.returns: Tensor
        self.register_buffer("returns", torch.linspace(cfg.limits[0], cfg.limits[1], self.atoms))
        self.epsilon: Tensor
        self.register_buffer("epsilon", torch.ones(1, dtype=torch.float64))

    @property
    def plain(self) -> bool:
        """Whether it is one perceptron with ReLU that gives one number per action, all of them available."""
        special = self.masked or self.noisy or self.dueling or self.distribution != "none" or self.norm != "none"
        return not (special or self.encoder.cnns or self.encoder.standardizers) and self.activation == "relu"

    def forward(self, obs: Tensor) -> Tensor:
        """The K numbers of each action, shape (B, A, K), for stored observations (B, *layout.shape)."""
        features = self.trunk(self.encoder(obs))
        out: Tensor = self.advantage(features).unflatten(-1, (self.actions, self.atoms))
        if self.state_value is None:
            return out
        value: Tensor = self.state_value(features).unsqueeze(-2)
        return value + out - out.mean(-2, keepdim=True)

    def values(self, out: Tensor) -> Tensor:
        """Q(s, a), shape (B, A), from what `forward` gave."""
        if self.distribution == "categorical":
            return out.softmax(-1) @ self.returns
        return out.squeeze(-1) if self.atoms == 1 else out.mean(-1)

    def greedy(self, obs: Tensor, out: Tensor) -> Tensor:
        """The best available action, shape (B,)."""
        values = self.values(out)
        mask = self.encoder.mask(obs) if self.masked else None
        return (values if mask is None else values.masked_fill(mask == 0, -torch.inf)).argmax(-1)

    @torch.no_grad()
    def adopt(self, weights: Mapping[str, Any]) -> None:
        """Take the policy out of another network's `weights`: the logarithms of its probabilities become advantages.

        They are those of whoever acts as that policy does when every nat of entropy is worth 1 (Schulman et al. 2017,
        arXiv:1704.06440). The values of the states stay to be learned.

        Raises:
            UsageError: if they are of another shape, or this is not a dueling network of plain values.
        """
        if not self.dueling or self.noisy or self.distribution != "none":
            raise UsageError(
                "action values begin with a policy as the advantages of a dueling network without noise and "
                "distribution: set dueling to true"
            )
        own = self.state_dict()
        stems = ("policy_trunk.", "policy_head."), ("trunk.", "advantage.")
        theirs, ours = (
            [n for n in tree if n.startswith(stem)] for tree, stem in zip((weights, own), stems, strict=True)
        )
        pairs = dict(zip(ours, theirs, strict=False)) | {n: n for n in {*own, *weights} if n.startswith("encoder.")}
        shapes = {n: np.shape(own.get(n, ())) for n in pairs}
        if len(ours) != len(theirs) or any(
            m not in weights or n not in own or np.shape(weights[m]) != shapes[n] for n, m in pairs.items()
        ):
            raise UsageError(
                "the policy to begin with is another network. It must be for the same observations and actions, with "
                "the same hidden layers"
            )
        self.load_state_dict({**own, **{n: torch.as_tensor(weights[m]) for n, m in pairs.items()}})

    def resample(self, generator: torch.Generator) -> None:
        """Draw the noise of noisy layers anew."""
        if self.noisy:
            for module in self.modules():
                if isinstance(module, NoisyLinear):
                    module.resample(generator)
