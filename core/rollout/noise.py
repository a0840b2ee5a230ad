"""Noise of exploring that is correlated from step to step: independent noise stays near where it began."""

from math import exp, sqrt
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from ..checkpoint import refuse_unlike
from ..learn.in_box import Color

_MEMORIES = {"pink": tuple(exp(-1 / (0.5 * 4**k)) for k in range(6)), "red": (0.85,)}
"""The shares that stay from step to step, of the sequences that are added up; 0.85 is theta = 0.15 (DDPG's paper)."""


class Noise(Protocol):
    """Standard normal numbers for N environments at each step, independent of one another within the step.

    What an environment is given begins anew with its episodes.
    """

    def step(self, first: NDArray[np.bool_], generator: Generator) -> Tensor: ...  # (N, ...)
    def state(self) -> dict[str, Any]: ...
    def load_state(self, state: dict[str, Any]) -> None: ...


class Coloured:
    """Sums of K first-order autoregressions x <- kept x + sqrt(1 - kept^2) z, each of variance 1, divided by sqrt(K).

    Their autocorrelation after t steps is the mean of kept^t. One of them is an Ornstein-Uhlenbeck process (red,
    Lillicrap et al. 2015, arXiv:1509.02971); several whose memories differ by factors have a power of about 1 /
    frequency (pink, Eberhard et al. 2023, "Pink noise is all you need", who draw whole episodes by Fourier transforms),
    here for periods from 2 steps to some thousands.
    """

    def __init__(self, color: Color, envs: int, size: int, device: torch.device) -> None:
        kept = torch.tensor(_MEMORIES[color], device=device)[:, None, None]
        self._kept, self._new = kept, (1 - kept.square()).sqrt()
        self._parts = torch.zeros(len(kept), envs, size, device=device)
        self._begun = np.zeros(envs, np.bool_)

    def step(self, first: NDArray[np.bool_], generator: Generator) -> Tensor:
        """The next numbers (N, size)."""
        z = torch.empty_like(self._parts).normal_(generator=generator)
        goes_on = torch.as_tensor(self._begun & ~first, device=z.device)[:, None]
        self._parts = torch.where(goes_on, self._kept * self._parts + self._new * z, z)
        self._begun[:] = True
        return self._parts.sum(0) / sqrt(len(self._parts))

    def state(self) -> dict[str, Any]:
        """The parts of the sums."""
        return {"parts": self._parts.clone(), "begun": self._begun.copy()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`.

        Raises:
            ValueError: if it is of other environments or actions.
        """
        refuse_unlike(self.state(), state, "noise", exact=True)
        self._parts = torch.as_tensor(state["parts"], device=self._parts.device)
        self._begun = np.array(state["begun"])


class Held:
    """Matrices that stay for so many steps, and no longer than an episode (none: as long as it lasts)."""

    def __init__(self, steps: int | None, envs: int, shape: tuple[int, ...], device: torch.device) -> None:
        self._steps = steps
        self._drawn = torch.zeros(envs, *shape, device=device)
        self._age = np.full(envs, -1)

    def step(self, first: NDArray[np.bool_], generator: Generator) -> Tensor:
        """The next matrices (N, *shape)."""
        anew = first | (self._age < 0) | (self._age == self._steps)
        if anew.any():
            drawn = torch.empty_like(self._drawn).normal_(generator=generator)
            self._drawn = torch.where(torch.as_tensor(anew, device=drawn.device)[:, None, None], drawn, self._drawn)
        self._age = np.where(anew, 0, self._age) + 1
        return self._drawn

    def state(self) -> dict[str, Any]:
        """The matrices and their ages."""
        return {"drawn": self._drawn.clone(), "age": self._age.copy()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`.

        Raises:
            ValueError: if it is of other environments or features.
        """
        refuse_unlike(self.state(), state, "noise", exact=True)
        self._drawn = torch.as_tensor(state["drawn"], device=self._drawn.device)
        self._age = np.array(state["age"])
