"""Agents: one file, one algorithm. Dropping a file in this folder registers it under its name."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ..core.errors import UsageError
from ..core.registry import Registry

if TYPE_CHECKING:  # listing the agents must not import torch
    from numpy.typing import NDArray
    from torch import nn

    from ..core.acting import Acting, Expert, Mode
    from ..core.batch import Batch
    from ..core.games.champion import Champion
    from ..core.replay.replay import Replay
    from ..core.rollout.engine import Whole
    from ..core.rollout.examples import Examples
    from ..core.rollout.recording import Recorded


class Agent(Protocol):
    """Interface of an algorithm for the engine and the runners."""

    horizon: "int | Whole | Recorded | Examples"
    """Steps, or whole episodes, of each environment in a rollout that it learns from; or a pass over demonstrations, or
    worked examples."""
    net: "nn.Module"
    """The network that acts."""
    convolutional: bool
    """Whether the network is large enough to be worth several threads."""
    policy: tuple[str, ...]
    """Names of the parts that acting depends on; the others are for learning on."""

    @property
    def paths(self) -> dict[str, str]:
        """How it computes what its file says: {"gradient": "autograd", "written out" or "compiled"}."""
        ...

    def acting(self, envs: int, mode: "Mode" = "learn", seed: int = 0) -> "Acting":
        """An `Acting` for so many environments; each purpose has its own, and none disturbs another or the learning."""
        ...

    def update(self, batch: "Batch", progress: float) -> dict[str, float]:
        """Learn from a `Batch`; `progress` in [0, 1) is the share of the run before it. Returns metrics."""
        ...

    def parts(self) -> dict[str, Any]:
        """All that learning depends on, by name, for `core.checkpoint.state` and `restore`."""
        ...


@runtime_checkable
class Asks(Protocol):
    """An agent that asks an expert, which the runner sets before training."""

    expert: "Expert | None"


@runtime_checkable
class Finishes(Protocol):
    """An agent that knows when more steps would not help."""

    finished: bool


@runtime_checkable
class Adopts(Protocol):
    """An agent that can begin with another's policy."""

    def adopt(self, weights: Mapping[str, Any]) -> None:
        """Begin with the policy of another network's `weights`.

        Raises:
            UsageError: if they are of another shape.
        """
        ...


@runtime_checkable
class Remembers(Protocol):
    """An agent with a replay; if that looks at goals in hindsight, the runner sets what the environment says of them.

    So an agent knows no environment, and need do nothing for hindsight but keep its replay under this name.
    """

    replay: "Replay | None"


@runtime_checkable
class Reads(Protocol):
    """An agent that is judged by how likely texts are to it."""

    def likelihood(self, batch: "Batch") -> float:
        """Sum of -log pi over the actions of a batch, in nats."""
        ...


@runtime_checkable
class Scores(Protocol):
    """An agent that says what a text is worth."""

    def score(self, obs: "NDArray[Any]") -> "NDArray[Any]":
        """Scores (N,) of whole texts (N, context)."""
        ...


@runtime_checkable
class Plays(Protocol):
    """An agent that plays both sides of a game."""

    def champion(self) -> "Champion":
        """The network that plays."""
        ...


def asking(agent: Agent) -> Asks | None:
    """The agent, if it asks an expert."""
    return agent if isinstance(agent, Asks) else None


def finishing(agent: Agent) -> Finishes | None:
    """The agent, if it knows when more steps would not help."""
    return agent if isinstance(agent, Finishes) else None


def adopting(agent: Agent) -> Adopts | None:
    """The agent, if it can begin with another's policy."""
    return agent if isinstance(agent, Adopts) else None


def remembering(agent: Agent) -> Remembers | None:
    """The agent, if it has a replay."""
    return agent if isinstance(agent, Remembers) else None


def reading(agent: Agent) -> Reads | None:
    """The agent, if it is judged by how likely texts are to it."""
    return agent if isinstance(agent, Reads) else None


def scoring(agent: Agent) -> Scores | None:
    """The agent, if it says what a text is worth."""
    return agent if isinstance(agent, Scores) else None


def champion(agent: Agent) -> "Champion":
    """The network that plays, of an agent that `plays_games`."""
    assert isinstance(agent, Plays)
    return agent.champion()


def plays_games(algorithm: ModuleType) -> bool:
    """Whether an algorithm plays games for two."""
    return issubclass(algorithm.Agent, Plays)


_registry = Registry(__name__, Path(__file__).parent, "algorithm")


def names() -> list[str]:
    """Names of all algorithms, without importing them."""
    return _registry.names()


def summary(name: str) -> str:
    """First line of an algorithm's documentation, without importing it."""
    return _registry.summary(name)


def titles() -> dict[str, str]:
    """Titles of the algorithms, with their names: {"PPO": "ppo", ...}, without importing them."""
    return {_registry.title(name): name for name in names()}


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
