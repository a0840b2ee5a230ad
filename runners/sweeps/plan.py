"""What a sweep is made of: its runs by name, what sets them apart, and the file that lists them."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from ...core.errors import UsageError
from ...core.files import read_json, write_whole
from ..runs import run as runs
from ..runs.arguments import decoded, encoded
from ..runs.folder import refuse_taken
from ..runs.groups import written
from ..runs.run import Run

FILE = "sweep.json"
LOGS = "logs"
MOST = 10_000
"""Runs of a sweep."""
_WATCHED = {"evals", "eval_copies", "worker_timeout"}  # which a run that goes on may have changed


@dataclass(frozen=True)
class Planned:
    """A run of a sweep."""

    name: str
    """Its folder's, which says what differs."""
    run: Run
    differs: dict[str, Any]
    """The settings in which runs of the sweep differ, by their short names, without the seed."""
    command: tuple[str, ...] = ()
    """The command that trains it alone; empty if there is none."""


def seeds_of(text: str) -> tuple[int, ...]:
    """The seeds that a user writes: 3 is how many (0, 1, 2), 0..4 all of these, and 0,3,7 or 0..2,7 a list.

    Raises:
        UsageError: if it is none of these, or no seed or too many.
    """
    parts = [re.fullmatch(r"(\d{1,18})(?:\.\.(\d{1,18}))?", part.strip()) for part in text.split(",")]
    if not all(parts):
        raise UsageError(f"--seeds is {text!r}; write how many (3: seeds 0, 1, 2), a range (0..4) or a list (0,3,7)")
    bounds = [(int(part[1]), int(part[2] or part[1])) for part in parts if part]
    if len(parts) == 1 and ".." not in text:
        bounds = [(0, bounds[0][0] - 1)]
    count = sum(max(0, last - first + 1) for first, last in bounds)
    if not 0 < count <= MOST:
        raise UsageError(f"--seeds {text} are {count:,} seeds; give at least one and at most {MOST:,}")
    return tuple(dict.fromkeys(seed for first, last in bounds for seed in range(first, last + 1)))


def planned(
    settings: Iterable[tuple[Run, Mapping[str, Any]]], seeds: Sequence[int], command: Sequence[Sequence[str]] = ()
) -> list[Planned]:
    """Each of the runs, which differ in the settings beside them, with each seed; `command` has the words for each run.

    Raises:
        UsageError: if two would have one name, or there are none or too many.
    """
    chosen = list(settings)
    if not 0 < len(chosen) * len(seeds) <= MOST:
        raise UsageError(f"these are {len(chosen) * len(seeds):,} runs; a sweep has at least one, at most {MOST:,}")
    words = list(command) or [()] * len(chosen)
    plan = []
    for ((run, differs), told), seed in product(zip(chosen, words, strict=True), seeds):
        name = "_".join([*(_part(label, value) for label, value in differs.items()), f"s{seed}"])
        alone = (*told, "--seed", str(seed)) if told else ()
        plan.append(Planned(name, replace(run, seed=seed), dict(differs), alone))
    name, count = Counter(one.name for one in plan).most_common(1)[0]
    if count > 1:
        raise UsageError(f"{count} runs would be called {name}: give each value once")
    return plan


def default_out(plan: Sequence[Planned], what: str = "sweep") -> Path:
    """runs/<what>-<algorithms>-<environments>-<settings>: the same for the same command."""
    algos, envs = (
        "+".join(dict.fromkeys(names))
        for names in zip(*((p.run.algo, runs.env_name(p.run.env)) for p in plan), strict=True)
    )
    labels = [label for label in plan[0].differs if label not in ("algo", "env")]
    return Path("runs") / re.sub(r"[^\w.+-]+", "-", "-".join([what, algos, envs, *labels]))


def _part(label: str, value: Any) -> str:
    """What the name of a folder says of a setting: lr=3e-4, hidden=64x64; algorithms and environments by themselves."""
    text = re.sub(r"[^\w.+-]+", "-", written(value).replace(",", "").replace(" ", "x"))
    return text if label in ("algo", "env") else f"{label}={text}"


def keep(plan: Iterable[Planned], out: Path) -> None:
    """Write the plan into the folder of the sweep, beside what an earlier command planned there.

    Raises:
        UsageError: if nothing can be written there.
    """
    path = out / FILE
    listed = read_json(path).get("runs", {}) if path.exists() else {}
    for one in plan:
        about = {"differs": encoded(one.differs), "command": list(one.command)}
        listed[one.name] = {"run": runs.content(one.run), **about}
    try:
        write_whole(path, json.dumps({"runs": listed}, indent=1) + "\n")
    except OSError as problem:
        raise UsageError(f"cannot write {path}: {problem.strerror}. Give another --out.") from problem


def kept(out: Path, trust: bool = False) -> list[Planned]:
    """The plan that `keep` wrote; with `trust`, what it names is imported and called wherever it comes from.

    Raises:
        UsageError: if there is none, or it is damaged.
    """
    path = out / FILE
    if not path.is_file():
        more = f": gymnast train --resume {out}" if (out / "run.json").exists() else ""
        raise UsageError(f"{out} is not the folder of a sweep: it has no {FILE}{more}")
    listed = read_json(path).get("runs")
    if not isinstance(listed, dict) or not listed:
        raise UsageError(f"{path} is damaged: it lists no runs")
    return [_read(name, entry, path, trust) for name, entry in listed.items()]


def _read(name: str, entry: Any, path: Path, trust: bool) -> Planned:
    """A run of the file `path`, which may be somebody else's: its name must not lead out of the folder."""
    if not re.fullmatch(r"\w[\w.+=-]*", name) or not isinstance(entry, dict):
        raise UsageError(f"{path} is damaged: {name!r:.40} is not the name of a run")
    try:
        differs, command = decoded(entry["differs"]), tuple(map(str, entry["command"]))
    except (KeyError, TypeError, ValueError) as problem:
        raise UsageError(f"{path} is damaged: {type(problem).__name__} {problem}") from problem
    if not isinstance(differs, dict):
        raise UsageError(f"{path} is damaged: differs is {differs!r:.40}")
    return Planned(name, runs.read(entry, path, trust), differs, command)


def refuse_taken_by_others(plan: Iterable[Planned], out: Path) -> None:
    """Raise a UsageError where the folder `out` is not this sweep's, or a run in it has other settings than planned."""
    if not (out / FILE).exists():
        refuse_taken(out)
    for one in plan:
        path = out / one.name / "run.json"
        if not path.exists():
            continue
        there, here = read_json(path).get("run"), json.loads(json.dumps(runs.content(one.run)))
        differ = apart(there, here) if isinstance(there, dict) else ["all"]
        if differ:
            raise UsageError(f"{path.parent} holds a run of other settings ({', '.join(differ)}). Give another --out.")


def apart(there: dict[str, Any], here: dict[str, Any]) -> list[str]:
    """Names of the settings in which two runs differ, as JSON holds them."""
    inner = [run.get("agent") for run in (there, here)]
    agents = [content if isinstance(content, dict) else {} for content in inner]
    flat = [
        {name: value for name, value in run.items() if name not in {"agent", *_WATCHED}}
        | {f"agent.{name}": value for name, value in agent.items()}
        for run, agent in zip((there, here), agents, strict=True)
    ]
    return [name for name in flat[0] | flat[1] if flat[0].get(name) != flat[1].get(name)]
