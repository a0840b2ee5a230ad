"""Batch renormalisation, which says while it learns nearly what it will say once it has learned."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

# Bhatt et al. 2024 (arXiv:1902.05605), their code; Stable-Baselines3-contrib and SBX have the same
_EPSILON = 1e-3
_MOMENTUM = 0.99
_WARM_UP = 100_000  # passes that normalise by their batch alone
_R_MAX, _D_MAX = 3.0, 5.0


class BatchRenorm(nn.Module):
    """Batch renormalisation (Ioffe 2017, arXiv:1702.03275) of features (..., B, F), for each of `count` layers alone.

    While it trains, features become (x - mean) / deviation * r + d by the moments of the batch, where r and d, through
    which no gradient passes, are what makes that (x - running mean) / running deviation, as far as
    1/3 <= r <= 3 and -5 <= d <= 5; during the first 100,000 passes r = 1 and d = 0, which is batch normalisation.
    Otherwise features are normalised by the running moments, each row by itself.
    """

    def __init__(self, width: int, *count: int) -> None:
        super().__init__()
        shape = (*count, 1, width)
        self.weight, self.bias = nn.Parameter(torch.ones(shape)), nn.Parameter(torch.zeros(shape))
        self.mean: Tensor
        self.variance: Tensor
        self.passes: Tensor
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("variance", torch.ones(shape))
        self.register_buffer("passes", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        """Features (*count, B, F) of such features, or of (B, F) that all layers see."""
        usual = (self.variance + _EPSILON).sqrt()
        if not self.training:
            return torch.addcmul(self.bias, x - self.mean, self.weight / usual)
        variance, mean = torch.var_mean(x, -2, correction=0, keepdim=True)
        deviation = (variance + _EPSILON).sqrt()
        r, d = self._correction(mean, deviation, usual)
        self._remember(mean, variance)
        return torch.addcmul(self.bias + self.weight * d, x - mean, self.weight * r / deviation)

    @torch.no_grad()
    def _correction(self, mean: Tensor, deviation: Tensor, usual: Tensor) -> tuple[Tensor, Tensor]:
        """r and d (*count, 1, F), for the batch's mean and deviation, and the running deviation."""
        warm = (self.passes >= _WARM_UP).float()
        r_max, d_max = 1.0 + (_R_MAX - 1.0) * warm, _D_MAX * warm
        return (deviation / usual).clamp(1.0 / r_max, r_max), ((mean - self.mean) / usual).clamp(-d_max, d_max)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """Let the running moments take over a hundredth of the batch's."""
        self.mean.lerp_(mean, 1.0 - _MOMENTUM)
        self.variance.lerp_(variance, 1.0 - _MOMENTUM)
        self.passes += 1


@contextmanager
def training(net: nn.Module) -> Iterator[None]:
    """Let `net` see a batch to learn from: whatever in it treats such batches differently does so within."""
    net.train()
    try:
        yield
    finally:
        net.eval()
