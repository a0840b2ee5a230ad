"""Agents: one file, one algorithm. Dropping a file in this folder registers it under its name."""

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from ..core.registry import Registry

if TYPE_CHECKING:  # listing the agents must not import torch
    from numpy.typing import NDArray
    from torch import nn

    from ..core.rollout.engine import Whole
    from ..core.rollout.recording import Recorded


class Agent(Protocol):
    """What the engine and the runners ask of an algorithm.

    One that asks an expert for actions has an attribute `expert`, an `Act` that the runner sets before training; one
    that knows when more steps would not help has an attribute `finished`.
    """

    horizon: "int | Whole | Recorded"
    """Steps, or whole episodes, of each environment in a rollout that it learns from; or a pass over demonstrations."""
    net: "nn.Module"
    """The network that acts; the engine may compute what a plain `ActorCritic` does in a loop of its own."""
    convolutional: bool
    """Whether the network is large enough to be worth several threads."""

    def act(self, obs: "NDArray", explore: bool = True) -> "dict[str, NDArray]":
        """Actions (N, *act) under "action" for stored observations (N, *obs), and what `update` needs of them."""
        ...

    def update(self, batch: Any, progress: float) -> dict[str, float]:
        """Learn from a `Batch`; `progress` in [0, 1) is the share of the run before it. Returns metrics."""
        ...

    def inspect(self, obs: "NDArray") -> "dict[str, NDArray]":
        """What the agent thinks of observations (N, *obs): probabilities or values of actions, the state's value."""
        ...

    def state(self) -> dict[str, Any]:
        """All that learning depends on, as a tree that `core.checkpoint` can save.

        Past experience is under "replay", may be views that hold until the next `update`, and is left out where the
        agent is only to act.
        """
        ...

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        ...


_registry = Registry(__name__, Path(__file__).parent, "algorithm")


def names() -> list[str]:
    """Names of all algorithms, without importing them."""
    return _registry.names()


def summary(name: str) -> str:
    """First line of an algorithm's documentation, without importing it."""
    return _registry.summary(name)


def load(name: str) -> ModuleType:
    """The module of an algorithm, with its `Config` and `Agent`.

    Raises:
        UsageError: if there is none of that name.
    """
    return _registry.load(name)
