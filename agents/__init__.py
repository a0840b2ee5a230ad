"""Agents: one file, one algorithm. Dropping a file in this folder registers it under its name."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from ..core.errors import UsageError
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
        UsageError: if there is none of that name, or its `Config` has a field that nothing reads.
    """
    module = _registry.load(name)
    refuse_unread(module)
    return module


@cache
def refuse_unread(module: ModuleType) -> None:
    """Raise a UsageError if the module's `Config` declares a field that the module never reads.

    Such a field could be set, and would change nothing without a word. Inherited ones are the business of the class
    that declares them.
    """
    path = Path(str(module.__file__))
    tree = ast.parse(path.read_text())
    inherited = {field for base in module.Config.__mro__[1:] for field in getattr(base, "__dataclass_fields__", ())}
    read = set(_read(tree))
    for field in _declared(tree):
        if field not in read | inherited:
            raise UsageError(f"{path}: nothing reads the field {field} of Config; read it as cfg.{field}, or remove it")


def _declared(tree: ast.Module) -> Iterator[str]:
    """Names of the fields in the body of `Config`."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "Config":
            yield from (
                x.target.id for x in node.body if isinstance(x, ast.AnnAssign) and isinstance(x.target, ast.Name)
            )


def _read(node: ast.AST, inside: bool = False) -> Iterator[str]:
    """Names of the attributes that are read: of anything but `self`, and `inside` Config of that too.

    To check a field's range, as `__post_init__` does, is not to use it.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef) and child.name == "__post_init__":
            continue
        if isinstance(child, ast.Attribute) and isinstance(child.ctx, ast.Load):
            own = isinstance(child.value, ast.Name) and child.value.id == "self"
            if inside or not own:
                yield child.attr
        yield from _read(child, inside or (isinstance(child, ast.ClassDef) and child.name == "Config"))
