"""The worth of an answer: a number for a whole text."""

from collections.abc import Mapping
from typing import Any, cast

import torch
from gymnasium import spaces
from torch import Tensor, nn

from .config import TextConfig
from .mlp import Linear, mlp
from .remembering import encoder
from .texts import TextEncoder


class Scorer(nn.Module):
    """Scores (B,) of texts (B, context), read at their last token: END, or where an unfinished text breaks off.

    They are in deviations from the mean of the answers that `measure` was given, and before that as they are.

    Raises:
        UsageError: if observations are no texts.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, obs: spaces.Space[Any], action: spaces.Space[Any], cfg: TextConfig) -> None:
        super().__init__()
        self.encoder = cast(TextEncoder, encoder(obs, cfg))
        self.trunk, width = mlp(self.encoder.size, cfg.hidden, cfg.activation, cfg.norm)
        self.head = Linear(width, 1)
        # not 0: a transformer whose blocks begin at 0 would never leave it (the size: Ziegler et al. 2019, 1909.08593)
        nn.init.normal_(self.head.weight, std=(width + 1) ** -0.5)
        nn.init.zeros_(self.head.bias)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.ones(()))

    def forward(self, obs: Tensor) -> Tensor:
        return (self.raw(obs) - self.mean) / self.deviation

    def raw(self, obs: Tensor) -> Tensor:
        """Scores (B,) as they are learned, of which only differences mean something."""
        scores: Tensor = self.head(self.trunk(self.encoder(obs)))[:, 0]
        return scores

    @torch.no_grad()
    def measure(self, scores: Tensor) -> None:
        """Take the mean and the deviation of raw scores (B,) of answers for 0 and 1."""
        deviation = scores.std(correction=0)
        self.mean.copy_(scores.mean())
        self.deviation.copy_(torch.where(deviation > 0, deviation, 1.0))

    def adopt(self, weights: Mapping[str, Any]) -> None:
        """Begin to read as a policy does, whose weights they are and whose transformer is of the same shape."""
        own = {name: x for name, x in weights.items() if name.startswith("encoder.decoder.")}
        self.encoder.load_state_dict({name.removeprefix("encoder."): torch.as_tensor(x) for name, x in own.items()})
