"""Presets: tables of settings by environment, those of configs/ and those in files of anybody's."""

import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from ...core.errors import UsageError, nearest
from ...core.files import parsed

_CONFIGS = Path(__file__).parents[2] / "configs"
_NOTES = ("algo", "envs", "source", "reference")  # what a table says beside settings
SETTABLE = (
    "steps",
    "num_envs",
    "env_args",
    "eval_args",
    "history",
    "evals",
    "eval_episodes",
    "eval_steps",
    "eval_copies",
    "worker_timeout",
)
"""Fields of a run that a preset file sets, which may be anybody's: none of them names code, a folder or a device."""


def presets(algo: str) -> dict[str, dict[str, Any]]:
    """The preset tables of an algorithm, by environment id or pattern."""
    path = _CONFIGS / f"{algo}.toml"
    return tables(path) if path.is_file() else {}


def tables(path: Path) -> dict[str, dict[str, Any]]:
    """The tables of a preset file.

    Raises:
        UsageError: if it is none.
    """
    found: dict[str, Any] = parsed(path, tomllib.loads)
    for name, table in found.items():
        if not isinstance(table, dict):
            raise UsageError(f"{path}: {name!r} is {table!r}; it must be a table")
        if not isinstance(envs := table.get("envs", []), list) or not all(isinstance(env, str) for env in envs):
            raise UsageError(f"{path} [{name!r}]: envs is {envs!r}; it must be a list of ids")
    return found


def patterns(name: str, table: Mapping[str, Any]) -> list[str]:
    """The environment ids, or patterns of them, that a preset table is for."""
    return table.get("envs", [name])


def table_of(algo: str, env: str, name: str) -> tuple[str, dict[str, Any], str]:
    """The name by which a run of `algo` on `env` knows its preset, the settings in that, and where these stand.

    Raises:
        UsageError: if there is no preset of this name, or its file has none for the environment or the algorithm.
    """
    if name.endswith(".toml"):
        return _of_file(algo, env, Path(name))
    known = presets(algo)
    chosen = _matching(known, env) or "none" if name == "auto" else name
    if chosen not in (*known, "none"):
        raise UsageError(f"unknown preset {chosen!r} for {algo}.{nearest(chosen, known)} Known: {', '.join(known)}.")
    return chosen, _settings(known.get(chosen, {})), f"configs/{algo}.toml [{chosen}]"


def with_nothing(values: Any, hints: Mapping[str, Any]) -> Any:
    """`values` of a preset for the fields `hints`: "none" is None, which TOML cannot write, where a field takes that.

    A field of text has its own "none".
    """
    if not isinstance(values, Mapping):
        return values
    return {name: None if v == "none" and takes_nothing(hints.get(name)) else v for name, v in values.items()}


def takes_nothing(hint: Any) -> bool:
    """Whether a field of this type is None where a preset says "none": it may be None, and holds no text."""
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else ()
    return NoneType in kinds and not any(kind is str or get_origin(kind) is Literal for kind in kinds)


def _of_file(algo: str, env: str, path: Path) -> tuple[str, dict[str, Any], str]:
    """`table_of` for a file."""
    known = tables(path)
    name = _matching(known, env)
    if name is None:
        raise UsageError(f"{path} has no preset for {env}; it is for {', '.join(map(repr, known)) or 'nothing'}")
    where, table = f"{path} [{name!r}]", known[name]
    if table.get("algo", algo) != algo:
        raise UsageError(f"{where} is a preset for {table['algo']!r}, not for {algo}")
    agent = table.get("agent", {})
    folders = [f"agent.{key}" for key in (agent if isinstance(agent, dict) else ()) if key.endswith("_dir")]
    for key in [*(key for key in table if key not in (*SETTABLE, *_NOTES, "agent")), *folders]:
        raise UsageError(
            f"{where}: a preset file does not set {key!r}.{nearest(key, SETTABLE)} "
            f"It sets {', '.join(SETTABLE)} and fields of agent."
        )
    return str(path), _settings(table), where


def _matching(known: Mapping[str, Mapping[str, Any]], env: str) -> str | None:
    """The first table for an environment."""
    return next((t for t, content in known.items() if any(fnmatchcase(env, e) for e in patterns(t, content))), None)


def _settings(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in _NOTES}
