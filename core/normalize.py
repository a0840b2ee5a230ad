"""Running standardisation of observations and returns. It belongs to the agent and is saved with it."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .returns import discounted_running

_EPSILON = 1e-8
_CLIP = 10.0  # standard deviations; OpenAI baselines' VecNormalize, kept by Stable-Baselines3 and CleanRL
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
        return ((x - self.shift) * self.scale).clamp(-_CLIP, _CLIP)

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
        """Of images (B, C, H, W) in [0, 1]; channels innermost in memory stay there."""
        return x - self.mean.float().permute(2, 0, 1)

    @torch.no_grad()
    def update(self, x: Tensor) -> None:
        """Take in bytes, shape (B, C, H, W)."""
        for part in x.split(_AT_ONCE):
            self.count += len(part)
            total = part.sum(0, dtype=torch.float64).permute(1, 2, 0) / 255
            self.mean += (total - len(part) * self.mean) / self.count


class ReturnScale:
    """Divides rewards by the running standard deviation of the discounted return, clipped to +-10.

    The scaled reward keeps its sign and zero. The running return is cut where an episode ends, whatever
    ended it (Engstrom et al. 2020, arXiv:2005.12729, reward scaling).
    """

    def __init__(self, gamma: float) -> None:
        self.gamma = gamma
        self.running: NDArray[np.float64] | None = None  # (N,) the discounted return under way
        self.count, self.mean, self.m2 = 0.0, 0.0, 0.0

    @property
    def std(self) -> float:
        """Standard deviation of the discounted returns seen; 1 before there are any."""
        return float(np.sqrt(self.m2 / self.count + _EPSILON)) if self.count else 1.0

    def __call__(self, reward: NDArray, done: NDArray, valid: NDArray) -> NDArray[np.float32]:
        """Scaled rewards (T, N), after taking in the returns that these rewards make."""
        if self.running is None:
            self.running = np.zeros(reward.shape[1])
        returns = discounted_running(reward, done, self.running, self.gamma)[valid].astype(np.float64)
        delta, total = returns.mean() - self.mean, self.count + returns.size
        self.m2 += float(np.square(returns - returns.mean()).sum() + delta**2 * self.count * returns.size / total)
        self.mean += float(delta * returns.size / total)
        self.count = float(total)
        return np.clip(reward / self.std, -_CLIP, _CLIP).astype(np.float32)

    def state(self) -> dict[str, Any]:
        """Moments and the returns under way."""
        running = None if self.running is None else self.running.copy()
        return {"count": self.count, "mean": self.mean, "m2": self.m2, "running": running}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.count, self.mean, self.m2 = state["count"], state["mean"], state["m2"]
        self.running = None if state["running"] is None else state["running"].copy()
