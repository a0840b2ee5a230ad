"""Optimisers on one flat vector, and schedules."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor, nn

from ..jitted.instantiate import PART

Schedule = Literal["constant", "linear", "cosine"]


def scheduled(value: float, schedule: Schedule, progress: float) -> float:
    """`value` after the share `progress` in [0, 1] of the run: the same, or on the way down to 0.

    That is a line, or half a wave of the cosine (Loshchilov & Hutter 2016, arXiv:1608.03983).
    """
    match schedule:
        case "linear":
            return value * (1.0 - progress)
        case "cosine":
            return value * 0.5 * (1.0 + math.cos(math.pi * progress))
    return value


def warmed_up(value: float, share: float, progress: float) -> float:
    """`value` once the first `share` of the run is over; on the line up from 0 before, which the first step is not."""
    return value if progress >= share else value * max(progress, 1e-3 * share) / share


def flatten(parameters: Iterable[nn.Parameter]) -> nn.Parameter:
    """One vector that holds all `parameters` and their gradients; they become views of it.

    A norm, a scaling or an optimiser's step is then one operation instead of one per layer.
    """
    parameters = list(parameters)
    flat = nn.Parameter(torch.cat([p.detach().flatten() for p in parameters]))
    flat.grad = torch.zeros_like(flat)
    start = 0
    for p in parameters:
        part = slice(start, start + p.numel())
        p.data = flat.data[part].view_as(p)
        p.grad = flat.grad[part].view_as(p)
        start = part.stop
    return flat


def split(flat: nn.Parameter, sizes: Sequence[int]) -> tuple[nn.Parameter, ...]:
    """Consecutive parts of a vector from `flatten`, for optimisers of their own; they share its memory."""
    assert flat.grad is not None
    parts = tuple(nn.Parameter(part) for part in flat.data.split(list(sizes)))
    for part, grad in zip(parts, flat.grad.split(list(sizes)), strict=True):
        part.grad = grad
    return parts


class Moments(NamedTuple):
    """Vectors that a step of Adam reads and writes, all (P,) but for the number of steps (1,)."""

    theta: NDArray[np.float32]
    grad: NDArray[np.float32]
    mean: NDArray[np.float32]
    square: NDArray[np.float32]
    step: NDArray[np.float32]


Reduce = Callable[[Tensor], None]
"""Changes a gradient in place between its making and the step along it."""


def alone(gradient: Tensor) -> None:
    """Leaves a gradient as it is: on one machine, nobody else has a share of it."""


class Adam:
    """Adam (Kingma & Ba 2014, arXiv:1412.6980) with the global gradient norm clipped first.

    Args:
        parameters: of a module, or the one vector that already holds them (`flatten`, `split`).
        max_grad_norm: None leaves gradients as they are.
        beta1: what the mean of the gradients keeps of itself at each step.
        weight_decay: share of the step size by which parameters shrink first (AdamW, Loshchilov & Hutter 2017,
            arXiv:1711.05101).
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter] | nn.Parameter,
        eps: float = 1e-8,
        max_grad_norm: float | None = None,
        beta1: float = 0.9,
        weight_decay: float = 0.0,
    ) -> None:
        self.flat = parameters if isinstance(parameters, nn.Parameter) else flatten(parameters)
        self.eps, self.max_grad_norm = eps, max_grad_norm
        self.beta1, self.weight_decay = beta1, weight_decay
        self.reduce: Reduce = alone
        """The funnel that every gradient passes: several machines would put an all-reduce here."""
        self._moments = {name: torch.zeros_like(self.flat.data) for name in ("exp_avg", "exp_avg_sq")}
        self._moments["step"] = torch.zeros((), device=self.flat.device)
        self.on_cpu = self.flat.device.type == "cpu"
        if self.on_cpu:
            assert self.flat.grad is not None
            moments = (self._moments[name].reshape(-1).numpy() for name in ("exp_avg", "exp_avg_sq", "step"))
            self.vectors = Moments(self.flat.detach().numpy(), self.flat.grad.numpy(), *moments)

    @property
    def most(self) -> float:
        """Length that gradients are cut to."""
        return math.inf if self.max_grad_norm is None else self.max_grad_norm

    def step(self, loss: Tensor, lr: float) -> Tensor:
        """Descend on `loss`; returns the gradient's norm before clipping."""
        _backward(self.flat, loss)
        return self.descend(lr)

    def descend(self, lr: float) -> Tensor:
        """Descend along the gradient that is there; returns its norm before clipping."""
        assert self.flat.grad is not None
        self.reduce(self.flat.grad)
        if self.on_cpu:  # one loop where torch calls ten operations
            length = _adam(self.vectors, lr, self.eps, self.most, self.beta1, self.weight_decay)
            return torch.tensor(length, dtype=torch.float32)
        gradient, norm = _clipped(self.flat, self.max_grad_norm)
        first, second, count = (self._moments[name] for name in ("exp_avg", "exp_avg_sq", "step"))
        count += 1
        # torch.optim.AdamW(fused=True) calls the same, after 60 us of looking through its groups of parameters
        torch._fused_adamw_(
            [self.flat.data], [gradient], [first], [second], [], [count], lr=lr, beta1=self.beta1, beta2=0.999,
            weight_decay=self.weight_decay, eps=self.eps, amsgrad=False, maximize=False,
        )  # fmt: skip
        return norm

    def restart(self) -> None:
        """Forget all gradients, as if no step had been taken; parameters stay."""
        for moment in self._moments.values():
            moment.zero_()

    @property
    def steps(self) -> int:
        """How many there were."""
        return int(self._moments["step"])

    def state(self) -> dict[str, Tensor]:
        """Moments and the number of steps."""
        return {name: value.clone() for name, value in self._moments.items()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Go on from `state()`."""
        for name, value in state.items():
            self._moments[name].copy_(torch.as_tensor(value))


class RMSprop:
    """RMSprop (Tieleman & Hinton 2012) as TensorFlow has it, with the global gradient norm clipped first.

    m <- decay * m + (1 - decay) * g^2,  theta <- theta - lr * g / sqrt(m + eps)

    Unlike torch's, epsilon is inside the root and m starts at 1, so that the first steps are small: what the published
    results of A2C were made with (OpenAI baselines; Stable-Baselines3's RMSpropTFLike).
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        eps: float = 1e-5,
        max_grad_norm: float | None = None,
        decay: float = 0.99,
    ) -> None:
        self.flat = flatten(parameters)
        self.eps, self.max_grad_norm, self.decay = eps, max_grad_norm, decay
        self.reduce: Reduce = alone
        """The funnel that every gradient passes, see `Adam`."""
        self._square = torch.ones_like(self.flat.data)

    def step(self, loss: Tensor, lr: float) -> Tensor:
        """Descend on `loss`; returns the gradient's norm before clipping."""
        _backward(self.flat, loss)
        return self.descend(lr)

    def descend(self, lr: float) -> Tensor:
        """Descend along the gradient that is there; returns its norm before clipping."""
        assert self.flat.grad is not None
        self.reduce(self.flat.grad)
        if self.flat.device.type == "cpu":  # one loop where torch calls ten operations
            most = math.inf if self.max_grad_norm is None else self.max_grad_norm
            theta, slope, square = self.flat.detach().numpy(), self.flat.grad.numpy(), self._square.numpy()
            length = _rmsprop(theta, slope, square, lr, self.eps, self.decay, most)
            return torch.tensor(length, dtype=torch.float32)
        gradient, norm = _clipped(self.flat, self.max_grad_norm)
        self._square.mul_(self.decay).addcmul_(gradient, gradient, value=1 - self.decay)
        self.flat.data.addcdiv_(gradient, (self._square + self.eps).sqrt_(), value=-lr)
        return norm

    def state(self) -> dict[str, Tensor]:
        """The running mean of squared gradients."""
        return {"square": self._square.clone()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Go on from `state()`."""
        self._square.copy_(torch.as_tensor(state["square"]))


def _backward(flat: nn.Parameter, loss: Tensor) -> None:
    assert flat.grad is not None
    flat.grad.zero_()
    loss.backward()


def _clipped(flat: nn.Parameter, max_norm: float | None) -> tuple[Tensor, Tensor]:
    """The gradient, scaled down to `max_norm` if it is longer, and its norm before that."""
    assert flat.grad is not None
    norm = torch.linalg.vector_norm(flat.grad)
    if max_norm is not None:
        flat.grad.mul_((max_norm / (norm + 1e-6)).clamp_(max=1.0))
    return flat.grad, norm


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _rmsprop(
    theta: NDArray[Any], gradient: NDArray[Any], square: NDArray[Any], lr: float, eps: float, decay: float, most: float
) -> float:
    """One step of `RMSprop` in place; the gradient's norm, above `most` of which it counts as one of that length."""
    total = 0.0
    for i in range(gradient.size):
        total += np.float64(gradient[i]) ** 2
    norm = math.sqrt(total)
    factor = np.float32(min(1.0, most / (norm + 1e-6)))
    keep, rest, step, tiny = np.float32(decay), np.float32(1 - decay), np.float32(lr), np.float32(eps)
    for i in range(gradient.size):
        g = factor * gradient[i]
        square[i] = keep * square[i] + rest * g * g
        theta[i] -= step * g / np.sqrt(square[i] + tiny)
    return norm


@njit(**PART, fastmath={"reassoc", "contract"})
def adam(moments, lr, eps, most, beta1, weight_decay):  # type: ignore[no-untyped-def]
    """One step of `Adam` in place; the gradient's norm, above `most` of which it counts as one of that length."""
    theta, gradient, mean, square, step = moments
    total = 0.0
    for i in range(gradient.size):
        total += np.float64(gradient[i]) ** 2
    norm = math.sqrt(total)
    step[0] += 1.0
    size = np.float32(lr / (1.0 - beta1 ** np.float64(step[0])))
    unbiased = np.float32(1.0 / math.sqrt(1.0 - 0.999 ** np.float64(step[0])))
    factor, tiny = np.float32(min(1.0, most / (norm + 1e-6))), np.float32(eps)
    share, square_share, kept = np.float32(1.0 - beta1), np.float32(0.001), np.float32(1.0 - lr * weight_decay)
    for i in range(gradient.size):
        g = factor * gradient[i]
        mean[i] += share * (g - mean[i])
        square[i] += square_share * (g * g - square[i])
        theta[i] = kept * theta[i] - size * mean[i] / (np.sqrt(square[i]) * unbiased + tiny)
    return norm


@njit(nogil=True, cache=True)
def _adam(moments: Moments, lr: float, eps: float, most: float, beta1: float, weight_decay: float) -> float:
    norm: float = adam(moments, lr, eps, most, beta1, weight_decay)
    return norm
