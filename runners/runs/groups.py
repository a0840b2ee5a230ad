"""Groups of runs that differ in nothing but their seed, and names that say what sets a group apart from the others."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ...core.errors import UsageError, nearest
from .arguments import encoded
from .run import Run

# Settings that say where, how fast or how closely a run is computed and watched, not what it learns.
_ASIDE = {"algo", "env", "agent", "env_args", "eval_args", "seed", "device", "backend", "evals"}
_ASIDE |= {"eval_episodes", "eval_steps", "eval_copies", "worker_timeout", "preset", "agent.twins", "agent.compile"}
_NAMED = 4  # settings in the name of a group


@dataclass(frozen=True)
class Group:
    """Runs of one algorithm on one environment that are pooled."""

    name: str
    """Algorithm, environment, and the settings that other groups of these have otherwise."""
    folders: tuple[Path, ...]
    runs: tuple[Run, ...]

    @property
    def count(self) -> str:
        """How many seeds these are: "3 seeds", or "3 runs of 1 seed"."""
        seeds = len({run.seed for run in self.runs})
        said = f"{seeds} seed{'s' * (seeds != 1)}"
        return said if seeds == len(self.runs) else f"{len(self.runs)} runs of {said}"

    def remarks(self) -> Iterator[str]:
        """Warnings about what is pooled: equal seeds, and settings that differ all the same."""
        by_seed: dict[int, list[str]] = {}
        for folder, run in zip(self.folders, self.runs, strict=True):
            by_seed.setdefault(run.seed, []).append(str(folder))
        for seed, folders in by_seed.items():
            if len(folders) > 1:
                yield f"{self.name}: {len(folders)} runs have seed {seed} ({', '.join(folders)}); one seed is no sample"
        if pooled := _differing(self.runs):
            yield f"{self.name}: pools runs that differ in {', '.join(map(_short, pooled))}"


def grouped(found: Sequence[tuple[Path, Run]], by: str | None = None) -> list[Group]:
    """Groups of runs, sorted by algorithm and environment.

    Runs in a group are of equal settings, or, where `by` names settings ("lr,steps"; "env" for none), equal in these.

    Raises:
        UsageError: if no run has a setting that `by` names.
    """
    chosen = None if by is None else [_setting(name.strip(), found) for name in by.split(",")]
    tasks: dict[tuple[str, str], list[tuple[Path, Run]]] = {}
    for folder, run in found:
        tasks.setdefault((run.algo, str(run.env)), []).append((folder, run))
    groups = []
    for (algo, env), members in sorted(tasks.items()):
        apart = _differing([run for _, run in members]) if chosen is None else chosen
        pools: dict[tuple[str, ...], list[tuple[Path, Run]]] = {}
        for folder, run in members:
            values = everything(run)
            pools.setdefault(tuple(_key(values.get(name)) for name in apart), []).append((folder, run))
        for pool in pools.values():
            folders, runs = zip(*pool, strict=True)
            groups.append(Group(", ".join(filter(None, (f"{algo} on {env}", _name(runs[0], apart)))), folders, runs))
    return groups


def settings(run: Run) -> dict[str, Any]:
    """Everything that determines what a run learns, by name: "steps", "agent.lr", "env.size", ..."""
    return {name: value for name, value in everything(run).items() if name not in _ASIDE}


def everything(run: Run) -> dict[str, Any]:
    """All settings of a run by their full names, those that change nothing about what it learns included."""
    flat = {f.name: getattr(run, f.name) for f in fields(run)}
    flat |= {f"agent.{f.name}": getattr(run.agent, f.name) for f in fields(run.agent)}
    return flat | {
        f"{group}.{name}": value
        for group, given in (("env", run.env_args), ("eval-env", run.eval_args))
        for name, value in given.items()
    }


def _differing(runs: Iterable[Run]) -> list[str]:
    """Names of the settings in which runs differ."""
    seen = [settings(run) for run in runs]
    names = dict.fromkeys(name for one in seen for name in one)
    return [name for name in names if len({_key(one.get(name)) for one in seen}) > 1]


def _setting(name: str, found: Sequence[tuple[Path, Run]]) -> str:
    """The full name of a setting that is called by its full name or by its last part."""
    known = dict.fromkeys(full for _, run in found for full in everything(run))
    wanted = name.removeprefix("--").replace("-", "_")
    for full in known:
        if wanted in (full.replace("-", "_"), _short(full).replace("-", "_")):
            return full
    near = nearest(name, [*known, *map(_short, known)])
    raise UsageError(f"--by {name}: no run has such a setting.{near} Settings are those of gymnast train ALGO --help.")


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _name(run: Run, apart: Sequence[str]) -> str:
    """Values of the settings `apart`, as in "lr 3e-4, steps 100,000"."""
    values = everything(run)
    parts = [
        f"{_short(name)} {written(values[name]) if name in values else 'default'}"
        for name in apart
        if name not in ("algo", "env")  # which stand before
    ]
    more = [f"and {len(parts) - _NAMED} more"] if len(parts) > _NAMED else []
    return ", ".join(parts[:_NAMED] + more)


def written(value: Any) -> str:
    """A value as short as it can be written: 3e-4, 100,000, 64 64."""
    if isinstance(value, list | tuple):
        return " ".join(map(written, value)) or "none"
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, float):
        mantissa, exponent = f"{value:e}".split("e") if value else ("0", "0")
        return min(f"{value:g}", f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}", key=len)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _key(value: Any) -> str:
    return json.dumps(encoded(value), sort_keys=True, default=str)
