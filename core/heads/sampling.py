"""Drawing from a part of a distribution over tokens: what people who use a language model ask for.

The tokens that are left make a distribution again, and it is that one whose log-probabilities tell how likely a draw
was: those of the whole one are for something that was not drawn from. To learn from, policies draw from all of it.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..errors import UsageError, check_ranges
from .distributions import Categorical


@dataclass(frozen=True)
class Sampling:
    """Cuts in the order in which the field makes them: temperature, top-k, top-p, min-p.

    Each sees what the ones before have left, made a distribution again. Where tokens are equally likely, the one of
    the lower number goes first, as in `Categorical.mode`.
    """

    temperature: float = 1.0
    """Log-probabilities are divided by it: below 1 likely tokens become likelier still; 0 takes the likeliest alone."""
    top_k: int | None = None
    """Keep so many of the likeliest tokens."""
    top_p: float = 1.0
    """Keep the fewest of the likeliest tokens that have this probability together (Holtzman et al. 2019,
    arXiv:1904.09751): the one that crosses it is kept."""
    min_p: float = 0.0
    """Keep tokens of at least this share of the likeliest one's probability (Nguyen et al. 2024, arXiv:2407.01082)."""

    def __post_init__(self) -> None:
        check_ranges(self, positive=("top_k",), unit=("top_p", "min_p"), at_least_0=("temperature",))
        if self.top_p == 0:
            raise UsageError("top_p is 0; it must be above 0 (temperature 0 takes the likeliest token)")

    def __call__(self, pi: Categorical) -> Categorical:
        """The distributions to draw from in place of `pi`, B of them over A tokens."""
        if self.temperature == 0:
            return Categorical(torch.full_like(pi.logp, -torch.inf).scatter(-1, pi.mode()[:, None], 0.0))
        likely = (pi.logp - pi.logp.amax(-1, keepdim=True)).double()  # however cold it is, 0 stays 0
        logp = (likely / self.temperature).log_softmax(-1)
        ordered, order = logp.sort(dim=-1, descending=True, stable=True)
        rank = order.argsort(-1)
        if self.top_k is not None:
            ordered = ordered.where(torch.arange(ordered.shape[-1], device=logp.device) < self.top_k, -torch.inf)
        if self.top_p < 1:
            before = F.pad(ordered.softmax(-1).cumsum(-1)[:, :-1], (1, 0))
            ordered = ordered.where(before < self.top_p, -torch.inf)
        ordered = ordered.where((ordered - ordered[:, :1]).exp() >= self.min_p, -torch.inf)
        return Categorical(ordered.log_softmax(-1).gather(-1, rank).to(pi.logp.dtype))
