"""Acting: what chooses the actions of N environments, whatever has learned to."""

from collections.abc import Callable
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Act = Callable[[NDArray[Any]], dict[str, NDArray[Any]]]
"""obs (B, *obs) -> {"action": (B, *act), **extras}: an expert, asked about any observations; it remembers nothing."""

Mode = Literal["learn", "sample", "best"]
"""learn: explore, in order to learn from it; sample: draw from the policy; best: the likeliest actions alone."""


class Acting(Protocol):
    """Acts in N environments, always the same ones. It reads the agent's weights and owns everything else it needs.

    Several actings of one agent (training, evaluation, a video) do not disturb one another.
    """

    @property
    def twin(self) -> "Acting | None":
        """The same acting, compiled, where there is one that computes just this; its random numbers are its own."""
        ...

    def __call__(self, obs: NDArray[Any], first: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        """Actions (N, *act) under "action" for stored observations (N, *obs), and what `update` needs of them.

        `first` (N,) marks the first observation of an episode.
        """
        ...

    def thoughts(self) -> dict[str, NDArray[Any]]:
        """Estimates for the last observations: "value" (N,), "action probability" (N, A), ..."""
        ...

    def parts(self) -> dict[str, Any]:
        """State that later actions depend on beside the agent, by name, for `core.checkpoint.state` and `restore`."""
        ...


class Memoryless:
    """The parts of an `Acting` that one without memory, twin and thoughts need not write."""

    @property
    def twin(self) -> Acting | None:
        """None."""
        return None

    def thoughts(self) -> dict[str, NDArray[Any]]:
        """None."""
        return {}

    def parts(self) -> dict[str, Any]:
        """None."""
        return {}


class Stateless(Memoryless):
    """A function of observations as an `Acting`: an expert, a random player."""

    def __init__(self, act: Act) -> None:
        self._act = act

    def __call__(self, obs: NDArray[Any], first: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        return self._act(obs)


class Following:
    """An expert that remembers, or may: it sees each step of the same environments, whether it is asked or not.

    Args:
        acting: makes one for N environments.
    """

    def __init__(self, acting: Callable[[int], Acting]) -> None:
        self.acting = acting


Expert = Act | Following
"""Whoever is imitated."""


def followed(expert: Expert, envs: int) -> Acting:
    """An acting that does in N environments as `expert` does."""
    return expert.acting(envs) if isinstance(expert, Following) else Stateless(expert)


def ask(acting: Acting, obs: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Answers of an acting to observations (N, *obs) that begin no episode."""
    return acting(obs, np.zeros(len(obs), np.bool_))


def spawned(seed: int, purpose: int) -> int:
    """A seed for one of several purposes, independent of `seed` itself and of the other purposes'."""
    return int(np.random.SeedSequence(seed, spawn_key=(purpose,)).generate_state(1, np.uint32)[0] >> 1)
