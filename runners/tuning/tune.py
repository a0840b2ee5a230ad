"""Searches for the best settings: begun, shared, gone on with; from Python."""

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from gymnasium.vector import VectorEnv

from ... import envs
from ...core.errors import UsageError
from ...core.files import read_json, write_whole
from ...envs.threads import cores
from ..runs import run as runs
from ..runs.folder import refuse_taken
from ..runs.groups import everything, written
from ..runs.run import Run
from ..runs.signals import interruptible
from ..sweeps.board import Board
from ..sweeps.many import Conductor, How
from ..sweeps.plan import LOGS, Planned, apart, default_out
from ..sweeps.table import Sweep, given
from .claims import Claims
from .outcome import Outcome, outcome
from .picture import draw
from .preset import toml
from .report import rows
from .search import Search
from .space import Space, applied, as_json, read, space, started
from .study import CLAIMS, DATABASE, Budget, Study, needed

FILE, PRESET, PICTURE = "tune.json", "best.toml", "report.png"
_JOURNALS = ("-journal", "-wal", "-shm")  # ends of the names of what SQLite writes beside a database
_ASIDE = {"eval_copies", "worker_timeout"}  # which may differ between machines that share a search


class Plan(NamedTuple):
    """What is searched."""

    run: Run
    """The run that the search begins from."""
    space: Space
    command: tuple[str, ...] = ()
    """The command that trains a run alone but for the settings that are searched; empty if there is none."""


def planned(run: Run, lists: Mapping[str, Sequence[Any]], fixed: Collection[str], command: Sequence[str] = ()) -> Plan:
    """A search from `run` on, among the values of `lists` and what the algorithm declares, but for what is `fixed`.

    Raises:
        UsageError: if there is nothing to search, or a list is empty or of what cannot be searched.
    """
    if empty := [name for name, values in lists.items() if not values]:
        raise UsageError(f"{empty[0]} lists no values")
    for name, values in lists.items():
        if twice := [value for value in values if values.count(value) > 1]:
            raise UsageError(f"{name} lists {written(twice[0])} twice")
    run = started(run, lists)
    return Plan(run, space(run, lists, fixed), tuple(command))


def begin(plan: Plan, out: Path) -> None:
    """Make `out` the folder of a search, unless it is the folder of this one already.

    Raises:
        UsageError: if something else is there, or evaluations are missing.
    """
    toml(plan.run, "")  # refuses now, and not when the search has ended, what no preset holds
    if not plan.run.evals:
        raise UsageError("a search compares evaluations, and there are none with --evals 0")
    _refuse_links(out)
    if not any((out / name).exists() for name in (FILE, CLAIMS)):
        refuse_taken(out)
    content = {"run": runs.content(plan.run), "space": as_json(plan.space), "command": plan.command}
    here = json.loads(json.dumps(content))
    try:
        out.mkdir(parents=True, exist_ok=True)
        with (
            closing(Claims(out / CLAIMS)) as claims,
            claims.alone(),
        ):  # of those that begin at once, one writes the file
            if not (out / FILE).exists():
                write_whole(out / FILE, json.dumps(content, indent=1) + "\n")
    except OSError as problem:
        raise UsageError(f"cannot write to the folder {out}: {problem.strerror}. Give another --out.") from problem
    there = read_json(out / FILE)
    differ = [name for name in apart(there.get("run", {}), here["run"]) if name not in _ASIDE]
    differ += ["what is searched"] * (there.get("space") != here["space"])
    if differ:
        raise UsageError(f"{out} holds a search of other settings ({', '.join(differ)}). Give another --out.")


def _refuse_links(out: Path) -> None:
    """Raise a UsageError if something that a search writes is a symlink: the folder may be somebody else's."""
    for name in (FILE, DATABASE, *(DATABASE + end for end in _JOURNALS), CLAIMS, LOGS, PICTURE, PRESET):
        if (out / name).is_symlink():
            raise UsageError(f"{out / name} is a symlink, and nothing is written through one. Give another folder.")


def kept(out: Path, trust: bool = False) -> Plan:
    """What is searched in the folder `out`, which may be somebody else's; with `trust`, what it names is imported.

    Raises:
        UsageError: if there is no search, its file is damaged, or something in the folder is a symlink.
    """
    _refuse_links(out)
    path = out / FILE
    if not path.is_file():
        raise UsageError(f"{out} is not the folder of a search: it has no {FILE}")
    content = read_json(path)
    run, command = runs.read(content, path, trust), content.get("command")
    toml(run, "")
    if not isinstance(command, list) or not all(isinstance(word, str) for word in command):
        raise UsageError(f"{path} is damaged: its command is {command!r:.40}")
    try:
        return Plan(run, read(content.get("space"), run), tuple(command))
    except UsageError as problem:
        raise UsageError(f"{path} is damaged: {problem}") from problem


def search(plan: Plan, out: Path, how: How, budget: Budget | None = None) -> Outcome | None:
    """Take part in the search in the folder `out` until it has ended, and write what it found; None if stopped before.

    Raises:
        UsageError: if optuna is missing, the folder cannot be shared, or the run itself cannot be trained.
        TrainingError: if no trial could be trained to its end.
    """
    study = Study(out, plan.run, plan.space, budget)
    try:
        work = Search(study, out, plan.command)
        (out / LOGS).mkdir(exist_ok=True)
        with interruptible(how.quiet) as stop, Board(work.standings, how.quiet, work.counted) as board:
            Conductor(work, how.jobs or cores(), how.track, stop, board).run()
        if work.more:
            return None
        found = outcome(study)
    finally:
        study.close()
    winner = applied(plan.run, found.winner.record.values)
    write_whole(out / PRESET, toml(winner, f"gymnast tune: trial {found.winner.number}, {found.how}"))
    draw(found, plan.space, out / PICTURE)
    return found


def folder(plan: Plan) -> Path:
    """runs/tune-<algorithm>-<environment>: the same for the same command."""
    return default_out([Planned("", plan.run, {})], "tune")


@dataclass(frozen=True)
class Tuned:
    """What a search has found."""

    best: dict[str, Any]
    """The settings of the best finalist, by name."""
    mean: float
    """Its mean return over the fresh seeds; the highest of several, so that it flatters a little."""
    before: float | None
    """That of the setting that the search began from, on the same seeds; None if it could not be trained."""
    seeds: list[int]
    """The fresh seeds."""
    importances: dict[str, float]
    """The share that each setting had in how good trials were, the most important first."""
    trials: Sweep
    """A row for each trial."""
    preset: Path
    """The best setting as a file for `preset=`."""
    picture: Path


def tune(
    algo: str,
    env: Any,
    trials: int = 50,
    finalists: int = 3,
    seeds: int = 3,
    out: str | Path | None = None,
    jobs: int | None = None,
    progress: bool = False,
    preset: str = "auto",
    **settings: Any,
) -> Tuned:
    """Search for better settings of an algorithm on an environment, from a preset on.

    What is tried stands in the algorithm's Config; a setting that is given stays as it is, one that is a list is tried
    with each of its values. Hopeless trials end early. The best settings are trained again with seeds that the search
    has not seen, and the one of the highest mean is the best. The same call again, here or on another machine that
    sees the folder, takes part in the search or goes on with it.

    Args:
        algo: the algorithm: "ppo", "dqn", ...
        env: whatever an algorithm's constructor takes, but for a VectorEnv.
        trials: settings to try, in all processes together.
        finalists: how many of the best settings are trained again.
        seeds: how many seeds each of them is trained with.
        out: folder for the search; None: runs/tune-ALGO-ENV.
        jobs: runs at a time; None: one for each core.
        progress: show a live table.
        preset: a table of the algorithm's preset file, "auto", "none", or a preset file of your own (FILE.toml).
        **settings: fields of the Config or of `Run` that differ from the preset.

    Raises:
        UsageError: for a setting that there is not, a folder that holds something else, or if optuna is missing.
        TrainingError: if no trial could be trained to its end.
        KeyboardInterrupt: if it was stopped by a signal; the runs are saved.
    """
    needed()
    budget = Budget(trials, finalists, seeds)
    plan = _plan(algo, env, preset, settings)
    path = Path(out) if out else folder(plan)
    begin(plan, path)
    found = search(plan, path, How(jobs, quiet=not progress), budget)
    if found is None:
        raise KeyboardInterrupt(f"stopped; the same call goes on in {path}")
    return _tuned(found, path)


def _plan(algo: str, env: Any, preset: str, settings: Mapping[str, Any]) -> Plan:
    """The search that a call asks for, in which settings that are lists are values to try."""
    if isinstance(env, VectorEnv):
        raise UsageError("a search makes the environments of its runs: give an id, or what makes one, not a VectorEnv")
    envs.resolve(env)
    if "seed" in settings and not isinstance(settings["seed"], int):
        raise UsageError("a search has one seed, and finalists the next ones: seeds=3 is how many")
    lists = {name: values for name, values in settings.items() if isinstance(values, list)}
    fixed = {name: value for name, value in settings.items() if name not in lists}
    plain = runs.preset(algo, env, preset, **fixed)
    known = everything(plain)

    def full(name: str) -> str:
        return f"agent.{name}" if f"agent.{name}" in known else name

    def fitted(name: str, value: Any) -> Any:
        return everything(runs.preset(algo, env, preset, **fixed, **given({name: value}, algo)))[full(name)]

    tried = {full(name): [fitted(name, value) for value in values] for name, values in lists.items()}
    return planned(plain, tried, list(map(full, fixed)))


def _tuned(found: Outcome, path: Path) -> Tuned:
    best, before = found.winner, found.before
    assert best.mean is not None
    return Tuned(
        {name.removeprefix("agent."): value for name, value in best.record.values.items()},
        best.mean,
        before.mean if before else None,
        found.seeds,
        {name.removeprefix("agent."): share for name, share in found.importances.items()},
        Sweep(rows(found.records)),
        path / PRESET,
        path / PICTURE,
    )
