"""Lists of agents, environments and presets, one line each."""

import importlib.util
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from ... import agents
from ...core.errors import UsageError, nearest
from ...core.ranges import ranges
from ...envs import games, native, text
from ..runs import run as runs
from .options import meanings


def inventory(what: str) -> str:
    """The list that `what` names: agents, envs, presets or all; or what there is to know about one algorithm.

    Raises:
        UsageError: if there is no such list or algorithm.
    """
    sections = {"agents": _agents, "envs": _envs, "presets": _presets}
    if what in agents.names():
        return _algorithm(what)
    if what not in (*sections, "all"):
        known = [*sections, "all", *agents.names()]
        raise UsageError(f"no list of {what!r}.{nearest(what, known)} Known: {', '.join(known)}.")
    chosen = sections if what == "all" else {what: sections[what]}
    return "\n\n".join(f"{name}\n{section()}" for name, section in chosen.items())


def _agents() -> str:
    return "\n".join(f"  {name:12} {agents.summary(name)}" for name in agents.names())


def _algorithm(algo: str) -> str:
    """Its description, its presets, and its fields with their defaults."""
    module = agents.load(algo)
    said = [inspect.cleandoc(module.__doc__ or ""), ""]
    tables = runs.presets(algo)
    if tables:
        said += ["presets", *_tables(algo, tables), ""]
    said.append(f"fields, as in gymnast train {algo} ENV --agent.FIELD VALUE")
    told, config, searched = meanings(module.Config), module.Config(), ranges(module.Config)
    for field in fields(config):
        said.append(f"  {field.name} = {getattr(config, field.name)!r}")
        text = told.get(field.name, "")
        if field.name in searched:
            text += f" Tuned over: {searched[field.name]}."
        said += textwrap.wrap(text, 100, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join(said)


def _envs() -> str:
    lines = [f"  {name:28} native: batched and compiled" for name in sorted(native.NAMES)]
    lines += [f"  {name:28} game for two: batched and compiled" for name in games.NAMES if "gomoku" not in name]
    lines.append(f"  {'gomoku5 ... gomoku19':28} game for two, on a board of that size")
    lines += [f"  {name:28} task of text: answered token by token" for name in sorted(text.NAMES)]
    lines.append(f"  {'<any Gymnasium id>':28} such as LunarLander-v3, HalfCheetah-v5, ALE/Pong-v5")
    lines.append(f"  {'package.module:ENV-ID':28} registered when the module is imported")
    lines.append(f"  {'package.module:Class':28} a class or function that makes an environment")
    if importlib.util.find_spec("Box2D") is None:
        lines.append('  Box2D is not installed: pip install "gymnast[box2d]"')
    return "\n".join(lines)


def _presets() -> str:
    return "\n".join(line for algo in agents.names() for line in _tables(algo, runs.presets(algo)))


def _tables(algo: str, tables: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, table in tables.items():
        chosen = "" if runs.patterns(name, table) else f"  (chosen by --preset {name} alone)"
        reference = f"{table['reference']}; " if "reference" in table else ""
        yield f"  {algo:6} {name}{chosen}\n         {reference}{table['source']}"
