"""Environments of text: tasks that are answered token by token, and the ids under which they are environments.

Importing this package registers the ids with Gymnasium and loads nothing heavy.
"""

import importlib
import inspect
from collections.abc import Callable
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import gymnasium

from ...core.errors import UsageError, nearest

if TYPE_CHECKING:
    from .task import Task
    from .vector import TextVectorEnv

NAMES = {
    "gymnast/Addition-v0": "addition:Addition",
    "gymnast/Sorting-v0": "sorting:Sorting",
    "gymnast/Copy-v0": "copying:Copying",
    "gymnast/Parity-v0": "parity:Parity",
    "gymnast/Countdown-v0": "countdown:Countdown",
    "gymnast/Calculator-v0": "calculator:Calculator",
    "gymnast/Words-v0": "words:Words",
    "gymnast/Source-v0": "source:Source",
    "gymnast/Text-v0": "corpus:Text",
    "gymnast/ReasoningGym-v0": "reasoning:ReasoningGym",
}
"""The module and the class of the task of each id."""

TO_LEARN = ("group", "waits")
"""Arguments that suit those who learn: who is evaluated answers one question after another, each once."""

Named = str | Callable[..., "Task"]
"""One of `NAMES`, or what makes a task: never the name of a module, which a checkpoint could hold."""


def register(id: str, task: Callable[..., "Task"]) -> None:
    """Make a task of one's own an environment: `gymnasium.make(id)`, `gymnast.make(id)`, `gymnast train ... module:id`.

    Its constructor's keyword arguments are those of the environment.
    """
    _register(id, task)


def _register(id: str, task: Named) -> None:
    gymnasium.registry.pop(id, None)  # of a module that is imported again
    gymnasium.register(
        id=id,
        entry_point=f"{__name__}.single:TextEnv",
        vector_entry_point=f"{__name__}.single:text_vector_env",
        kwargs={"task": task},
    )


def is_text(spec: Any) -> bool:
    """Whether a registered environment is a task of text."""
    return getattr(spec, "entry_point", None) == f"{__name__}.single:TextEnv"


def make(id: str, num_envs: int = 1, **kwargs: Any) -> "TextVectorEnv":
    """`num_envs` rows of the environment `id`; `kwargs` are those of `TextVectorEnv` and of the task."""
    spec = deepcopy(gymnasium.spec(id))
    spec.kwargs.update(kwargs)
    env = side_by_side(num_envs=num_envs, **spec.kwargs)
    env.spec = spec
    return env


def side_by_side(
    task: Named,
    num_envs: int = 1,
    group: int = 1,
    split: str = "train",
    waits: bool | None = None,
    render_mode: str | None = None,
    **kwargs: Any,
) -> "TextVectorEnv":
    """`num_envs` rows of a task, which wait by default where there are groups; `kwargs` are the task's."""
    from .vector import TextVectorEnv

    waits = group != 1 if waits is None else waits
    return TextVectorEnv(load(task, **kwargs), num_envs, group, split, waits, render_mode)


def load(task: Named, **kwargs: Any) -> "Task":
    """The task of an id or of a class, with its keyword arguments.

    Raises:
        UsageError: for an unknown id or argument.
    """
    build = _named(task) if isinstance(task, str) else task
    known = inspect.signature(build).parameters
    takes_more = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
    for name in () if takes_more else kwargs.keys() - known.keys():
        others = ", ".join((*known, "group", "split", "waits"))
        raise UsageError(f"{build.__name__}: unknown argument {name!r}.{nearest(name, known)} Known: {others}")
    return build(**kwargs)


def _named(id: str) -> Callable[..., "Task"]:
    if id not in NAMES:
        raise UsageError(f"no task {id!r}.{nearest(id, NAMES)} Known: {', '.join(NAMES)}")
    module, name = NAMES[id].split(":")
    return getattr(importlib.import_module(f".{module}", __name__), name)


for _id in NAMES:
    _register(_id, _id)
