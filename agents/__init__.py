"""Agents: one file, one algorithm. Dropping a file in this folder registers it under its name."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from ..core.errors import UsageError, nearest

if TYPE_CHECKING:  # listing the agents must not import torch
    from numpy.typing import NDArray
    from torch import nn

    from ..core.rollout import Whole


class Agent(Protocol):
    """What the engine and the runners ask of an algorithm."""

    horizon: "int | Whole"
    """Steps, or whole episodes, of each environment in a rollout that it learns from."""
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


def names() -> list[str]:
    """Names of all algorithms, without importing them."""
    return sorted(path.stem for path in _files())


def summary(name: str) -> str:
    """First line of an algorithm's documentation, without importing it."""
    path = next(path for path in _files() if path.stem == name)
    return (ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()[0]


def load(name: str) -> ModuleType:
    """The module of an algorithm, with its `Config` and `Agent`.

    Raises:
        UsageError: if there is none of that name.
    """
    if name not in names():
        raise UsageError(f"unknown algorithm {name!r}.{nearest(name, names())} Known: {', '.join(names())}.")
    return import_module(f".{name}", __name__)


def _files() -> Iterator[Path]:
    return (path for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))
