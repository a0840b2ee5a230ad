"""Lists of agents, environments and presets, one line each."""

import importlib.util

from ... import agents
from ...envs import games, native
from ..runs import run as runs


def inventory(what: str) -> str:
    """The list that `what` names: agents, envs, presets or all."""
    sections = {"agents": _agents, "envs": _envs, "presets": _presets}
    chosen = sections if what == "all" else {what: sections[what]}
    return "\n\n".join(f"{name}\n{section()}" for name, section in chosen.items())


def _agents() -> str:
    return "\n".join(f"  {name:12} {agents.summary(name)}" for name in agents.names())


def _envs() -> str:
    lines = [f"  {name:28} native: batched and compiled" for name in sorted(native.NAMES)]
    lines += [f"  {name:28} game for two: batched and compiled" for name in games.NAMES if "gomoku" not in name]
    lines.append(f"  {'gomoku5 ... gomoku19':28} game for two, on a board of that size")
    lines.append(f"  {'<any Gymnasium id>':28} such as LunarLander-v3, HalfCheetah-v5, ALE/Pong-v5")
    lines.append(f"  {'package.module:ENV-ID':28} registered when the module is imported")
    lines.append(f"  {'package.module:Class':28} a class or function that makes an environment")
    if importlib.util.find_spec("Box2D") is None:
        lines.append('  Box2D is not installed: pip install "gymnast[box2d]"')
    return "\n".join(lines)


def _presets() -> str:
    lines = []
    for algo in agents.names():
        for name, table in runs.presets(algo).items():
            chosen = "" if runs.patterns(name, table) else f"  (chosen by --preset {name} alone)"
            reference = f"{table['reference']}; " if "reference" in table else ""
            lines.append(f"  {algo:6} {name}{chosen}\n         {reference}{table['source']}")
    return "\n".join(lines)
