"""Running standardisation of observations and returns. It belongs to the agent and is saved with it."""

import torch
from torch import Tensor, nn

_EPSILON = 1e-8
_AT_ONCE = 64  # images: torch adds up bytes by way of a copy in float64, eight times their size


class Standardize(nn.Module):
    """(x - mean) / std of everything seen so far, clipped to +-10; the identity until `update` is called.

    Moments are exact over all data (Chan et al. 1979, parallel variance) and kept in float64.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.count: Tensor
        self.mean: Tensor
        self.m2: Tensor
        self.shift: Tensor
        self.scale: Tensor
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))
        self.register_buffer("mean", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("m2", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("shift", torch.zeros(shape))
        self.register_buffer("scale", torch.ones(shape))

    def forward(self, x: Tensor) -> Tensor:
        # 10 standard deviations: OpenAI baselines' VecNormalize, kept by Stable-Baselines3 and CleanRL
        return ((x - self.shift) * self.scale).clamp(-10.0, 10.0)

    @torch.no_grad()
    def update(self, x: Tensor) -> None:
        """Take in samples, shape (B, *shape)."""
        x = x.double()
        mean, count = x.mean(0), len(x)
        total = self.count + count
        delta = mean - self.mean
        self.m2 += (x - mean).square().sum(0) + delta.square() * (self.count * count / total)
        self.mean += delta * (count / total)
        self.count.copy_(total)
        self.shift.copy_(self.mean)
        self.scale.copy_((self.m2 / total + _EPSILON).rsqrt())


class Centre(nn.Module):
    """Images less the mean of all seen so far; as they are until `update` is called.

    A bright background, the same in every image, would be most of what a convolution answers to: Adam's first steps
    would move all weights of a channel in the direction of its brightness.
    """

    def __init__(self, height: int, width: int, channels: int) -> None:
        super().__init__()
        self.count: Tensor
        self.mean: Tensor
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))
        self.register_buffer("mean", torch.zeros((height, width, channels), dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Centred images (B, C, H, W), from images in [0, 1]; channels innermost in memory stay there."""
        return x - self.mean.float().permute(2, 0, 1)

    @torch.no_grad()
    def update(self, x: Tensor) -> None:
        """Take in bytes, shape (B, C, H, W)."""
        for part in x.split(_AT_ONCE):
            self.count += len(part)
            total = part.sum(0, dtype=torch.float64).permute(1, 2, 0) / 255
            self.mean += (total - len(part) * self.mean) / self.count
