"""Targets and losses of several critics that give one number each, or several equally likely returns."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ..errors import UsageError, check_ranges
from ..nets import CriticsConfig
from .distributional import quantile_huber


@dataclass(frozen=True)
class EnsembleConfig(CriticsConfig):
    """Critics, and which of them make the targets."""

    subset: int = 0
    """Critics, drawn anew for each gradient step, that make the target (REDQ); 0: all of them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, at_least_0=("subset",))
        if self.subset > self.critics:
            raise UsageError(f"subset is {self.subset}; there are {self.critics} critics")


def pooled(following: Tensor, subset: int, drop: int, generator: Generator) -> Tensor:
    """Pessimistic values (B, K) of what C critics give, (C, B, M).

    With M = 1 it is the least of `subset` critics drawn at random, K = 1 (0: of all; van Hasselt 2010 and Fujimoto et
    al. 2018, arXiv:1802.09477, for two; Chen et al. 2021, arXiv:2101.05982, for a subset). Otherwise the M returns of
    these critics are pooled, and the largest `drop` per critic left out (Kuznetsov et al. 2020, arXiv:2005.04269).
    """
    if subset:
        order = torch.randperm(len(following), generator=generator, device=following.device)
        following = following[order[:subset]]
    critics, _, returns = following.shape
    if returns == 1:
        return following.amin(0)
    ascending = following.transpose(0, 1).flatten(1).sort(-1).values
    return ascending[:, : critics * (returns - drop)]


def regression(out: Tensor, target: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """The sum over C critics of their mean loss, and by how much each transition surprised, (B,).

    `out` (C, B, M) regresses on `target` (B, K), by half the squared error with M = 1, else by quantiles; `weights`
    (B,) are those of the replay.
    """
    if out.shape[-1] == 1:
        difference = out.squeeze(-1) - target.squeeze(-1)
        losses, error = 0.5 * difference.square(), difference.detach().abs().mean(0)
    else:
        losses = torch.stack([quantile_huber(each, target) for each in out])
        error = (out.detach().mean(-1).mean(0) - target.mean(-1)).abs()
    return (weights * losses).mean(-1).sum(), error
