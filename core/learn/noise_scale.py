"""Diagnosis: how noisy the policy gradient is, looked at now and then during a run."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

LOOKS = 100
"""At a run, so that looking costs next to nothing however many updates there are."""
_EVERY = 10  # updates at most one of which is looked at, for the same reason where there are few
_PARTS = 8
_DECAY = 0.9  # decay of the running means that the noise scale is the ratio of


class GradientNoise:
    """Variance of the policy gradient over minibatches, and the gradient noise scale.

    The gradient of each of up to 8 disjoint parts of a rollout gives the covariance Sigma / b of an estimate from b
    samples. The simple noise scale tr(Sigma) / |G|^2 is the number of samples from which on noise and gradient are
    equally large: far fewer waste steps, far more waste samples (McCandlish et al. 2018, arXiv:1812.06162, appendix A;
    Kaplan, section 4.5). Numerator and denominator are averaged over looks, as the ratio alone is biased.
    """

    def __init__(self, module: nn.Module) -> None:
        self._parameters = [p for p in module.parameters() if p.requires_grad]
        self._asked, self._looks, self._trace, self._square = 0, 0, 0.0, 0.0

    def due(self, progress: float) -> bool:
        """Whether to look at this update, after the share `progress` of the run."""
        self._asked += 1
        if self._asked % _EVERY or progress * LOOKS < self._looks:
            return False
        self._looks = int(progress * LOOKS) + 1
        return True

    def look(self, loss: Callable[[Tensor], Tensor], count: int, device: torch.device) -> dict[str, float]:
        """Metrics, from the mean loss of any of `count` independent samples, given their indices (b,).

        Nothing where there are fewer than two samples, and no noise scale while the gradient drowns in the noise.
        """
        parts = min(_PARTS, count)
        if parts < 2:
            return {}
        order = torch.randperm(count, generator=torch.Generator().manual_seed(self._looks)).to(device)
        size = count // parts
        rows = torch.stack([self._gradient(loss(order[i * size : (i + 1) * size])) for i in range(parts)])
        mean = rows.mean(0)
        spread = float((rows - mean).square().sum()) / (parts - 1)  # trace of the covariance of one part's gradient
        share = 1 - _DECAY if self._trace else 1.0
        self._trace += share * (spread * size - self._trace)
        self._square += share * (float(mean.square().sum()) - spread / parts - self._square)
        metrics = {"gradient/variance": spread / parts / rows.shape[1]}
        if self._square > 0:
            metrics["gradient/noise_scale"] = self._trace / self._square
        return metrics

    def state(self) -> dict[str, Any]:
        """Everything that later looks depend on."""
        return {"asked": self._asked, "looks": self._looks, "trace": self._trace, "square": self._square}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self._asked, self._looks = state["asked"], state["looks"]
        self._trace, self._square = state["trace"], state["square"]

    def _gradient(self, loss: Tensor) -> Tensor:
        parts = torch.autograd.grad(loss, self._parameters, allow_unused=True)
        return torch.cat([part.flatten() for part in parts if part is not None])
