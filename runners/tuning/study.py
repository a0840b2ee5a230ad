"""The trials of a search, in an SQLite database that several processes share, and what is known of each.

optuna draws settings and decides which trials are hopeless. Who works on which trial is a matter of `Claims`: a trial
that is under way in the database, and that nobody claims, belonged to a process that has gone; whoever sees that goes
on with it. So no trial is lost or made twice, however the processes end.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import UsageError, check_ranges, fitted
from ..runs.groups import everything
from ..runs.run import Run
from .claims import Claims
from .space import Space, draw, mark, value

DATABASE, CLAIMS = "study.db", "claims"
_NAME = "tune"
_PATIENCE = 60.0  # seconds to wait for others to write to the database
_STARTUP = 5  # complete trials before any is pruned
_MOST = 10_000  # finalists, and seeds of each
_FINALS = 10**9  # claims on finals lie behind those on trials
_ODD = """SELECT name FROM sqlite_master WHERE sql NOT LIKE 'CREATE TABLE %'
    AND sql NOT LIKE 'CREATE INDEX %' AND sql NOT LIKE 'CREATE UNIQUE INDEX %'"""
_STATES = {"WAITING": "waiting", "RUNNING": "running", "COMPLETE": "done", "PRUNED": "pruned", "FAIL": "failed"}


@dataclass(frozen=True)
class Budget:
    """How much is searched, by all processes together."""

    trials: int = 50
    finalists: int = 3
    """The best settings, which are trained again with other seeds."""
    seeds: int = 3
    """How many seeds each finalist is trained with."""

    def __post_init__(self) -> None:
        check_ranges(self, positive=("trials", "finalists", "seeds"))
        for name in ("finalists", "seeds"):
            if getattr(self, name) > _MOST:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be at most {_MOST:,}")


@dataclass(frozen=True)
class Record:
    """What is known of a trial."""

    number: int
    state: str
    """waiting, running, done, pruned or failed."""
    values: dict[str, Any]
    """Its settings; those of one that has hardly begun may be missing."""
    score: float | None
    """Its last evaluation; None if it failed or has had none."""
    curve: dict[int, float]
    """Its evaluations by their number."""
    error: str


@dataclass(frozen=True)
class Final:
    """A finalist's run with one seed."""

    number: int
    """That of the trial whose settings it has."""
    seed: int
    score: float | None = None
    error: str = ""

    @property
    def ended(self) -> bool:
        """Whether it needs no more."""
        return self.score is not None or bool(self.error)

    @property
    def claim(self) -> int:
        """Its number among the claims."""
        return _FINALS + self.number * _MOST + self.seed % _MOST

    @property
    def name(self) -> str:
        """Its name in the database."""
        return f"final {self.number} {self.seed}"


def needed() -> Any:
    """The module optuna.

    Raises:
        UsageError: if it is not installed.
    """
    try:
        return import_module("optuna")
    except ImportError as problem:
        raise UsageError('a search needs optuna: pip install "gymnast[tune]"') from problem


@dataclass(frozen=True)
class Trial:
    """A trial that this process works on."""

    handle: Any
    """optuna's."""
    number: int
    values: dict[str, Any]
    """Its settings."""
    reported: set[int]
    """Numbers of the evaluations that the database has."""


class Study:
    """The trials of `run` with settings out of `space`, in a database in the folder `out`."""

    def __init__(self, out: Path, run: Run, space: Space, budget: Budget | None = None) -> None:
        """Take part in the search; a `budget` of more trials than it had adds trials, and the rest stays as it began.

        Raises:
            UsageError: if optuna is not installed, or the folder holds something else or cannot be shared.
        """
        self._optuna = needed()
        self._optuna.logging.set_verbosity(self._optuna.logging.ERROR)
        self.run, self.space = run, space
        self.claims = Claims(out / CLAIMS)
        try:
            with self.claims.alone(), self._readable(out / DATABASE):
                self._open(out / DATABASE, budget)
        except BaseException:
            self.claims.close()
            raise

    def _open(self, path: Path, budget: Budget | None) -> None:
        optuna = self._optuna
        _refuse_code(path)
        waits = {"connect_args": {"timeout": _PATIENCE}}
        self._storage = optuna.storages.RDBStorage(f"sqlite:///{path.absolute()}", engine_kwargs=waits)
        # a run may lag at first: none ends within the first third of its evaluations
        pruner = optuna.pruners.MedianPruner(n_startup_trials=_STARTUP, n_warmup_steps=self.run.evals // 3)
        how = {"direction": "maximize", "pruner": pruner, "load_if_exists": True}
        self._study = optuna.create_study(storage=self._storage, study_name=_NAME, **how)
        self.budget = self._agreed(budget)
        if not self._trials():
            now = everything(self.run)
            self._study.enqueue_trial({name: mark(one, now[name]) for name, one in self.space.items()})

    def ask(self) -> Trial | None:
        """A trial to work on: one that a process has left behind, or a new one; None if none is left to begin."""
        with self.claims.alone():
            trials = self._trials()
            left = next((one for one in trials if one.state.name == "RUNNING" and self.claims.take(one.number)), None)
            if left is None and sum(one.state.name != "WAITING" for one in trials) >= self._trials_wanted():
                return None
            number = len(trials) if left is None else left.number
            self._study.sampler = self._sampler(number)
            handle = self._optuna.trial.Trial(self._study, left._trial_id) if left is not None else self._study.ask()
            self.claims.take(handle.number)
            values = draw(handle, self.space, self.run)
            return Trial(handle, handle.number, values, set(left.intermediate_values) if left is not None else set())

    def report(self, trial: Trial, evaluation: int, score: float) -> bool:
        """Take note of an evaluation, by its number in the run; whether the trial is worth going on with."""
        if evaluation not in trial.reported:
            trial.reported.add(evaluation)
            trial.handle.report(score, evaluation)
        return evaluation >= self.run.evals or not trial.handle.should_prune()

    def end(self, trial: Trial, score: float | None = None, error: str = "") -> None:
        """Keep what became of a trial: a score, an error, or neither if it was pruned."""
        state = self._optuna.trial.TrialState
        with self.claims.alone():  # whoever sees a trial under way and then nobody's claim must not take it over
            if error:
                trial.handle.set_user_attr("error", error)
                self._study.tell(trial.handle, state=state.FAIL)
            elif score is None:
                self._study.tell(trial.handle, state=state.PRUNED)
            else:
                self._study.tell(trial.handle, score)
            self.claims.drop(trial.number)

    def records(self) -> list[Record]:
        """All trials so far, in the order in which they began."""
        return [self._record(one) for one in self._trials()]

    @property
    def searching(self) -> bool:
        """Whether a trial has not ended yet."""
        trials = self._trials()
        return sum(one.state.is_finished() for one in trials) < max(len(trials), self._trials_wanted())

    def finalists(self) -> list[Record]:
        """The best trials, best first, and the one that the search began from, to compare them with."""
        records = self.records()
        done = [one for one in records if one.state == "done"]
        best = sorted(done, key=lambda one: (-(one.score or 0.0), one.number))[: self.budget.finalists]
        return [*best, *(one for one in records[:1] if one.state in ("done", "pruned") and one not in best)]

    def finals(self) -> list[Final]:
        """The runs of the finalists, with seeds that the search has not seen."""
        known = self._study.user_attrs
        seeds = range(self.run.seed + 1, self.run.seed + 1 + self.budget.seeds)
        found = (Final(one.number, seed) for one in self.finalists() for seed in seeds)
        return [_ended(one, known[one.name]) if one.name in known else one for one in found]

    def ask_final(self) -> Final | None:
        """A finalist's run to work on; None if none is left to begin."""
        with self.claims.alone():
            return next((one for one in self.finals() if not one.ended and self.claims.take(one.claim)), None)

    def end_final(self, final: Final, score: float | None, error: str = "") -> None:
        """Keep what became of a finalist's run."""
        with self.claims.alone():
            self._study.set_user_attr(final.name, {"score": score, "error": error})
            self.claims.drop(final.claim)

    def importances(self) -> dict[str, float]:
        """How much each setting mattered, as shares of 1, the most important first (PED-ANOVA, arXiv:2304.10255).

        None of fewer than two trials.
        """
        done = [one for one in self.records() if one.state == "done"]
        if len({one.score for one in done}) < 2:
            return {}
        found: dict[str, float] = self._optuna.importance.get_param_importances(self._study)
        return found

    def close(self) -> None:
        """Leave what is not done to others."""
        self._storage.engine.dispose()
        self.claims.close()

    def _agreed(self, asked: Budget | None) -> Budget:
        """The budget that all processes work to: the most trials that any asked for, the rest as the search began."""
        known = self._study.user_attrs
        agreed = {name: fitted(known.get(name, number), int, name) for name, number in vars(asked or Budget()).items()}
        if asked:
            agreed["trials"] = max(agreed["trials"], asked.trials)
        budget = Budget(**agreed)
        for name, number in agreed.items():
            if known.get(name) != number:
                self._study.set_user_attr(name, number)
        return budget

    def _trials_wanted(self) -> int:
        """How many trials there are to be; another process may have asked for more since."""
        wanted: int = fitted(self._study.user_attrs.get("trials"), int, "trials")
        return wanted

    def _trials(self) -> list[Any]:
        found: list[Any] = self._study.get_trials(deepcopy=False)
        return found

    def _sampler(self, number: int) -> Any:
        """The sampler of a trial: what it draws depends on the seed, the number and what is known by then."""
        seed = int(np.random.SeedSequence([self.run.seed, number]).generate_state(1)[0])
        return self._optuna.samplers.TPESampler(seed=seed, constant_liar=True)

    def _record(self, one: Any) -> Record:
        try:
            values = {name: value(found, one.params[name]) for name, found in self.space.items() if name in one.params}
        except (LookupError, StopIteration, TypeError) as problem:
            raise UsageError(f"{DATABASE} is damaged: trial {one.number} has settings out of its ranges") from problem
        ended = one.state.name in ("COMPLETE", "PRUNED")
        return Record(
            one.number,
            _STATES[one.state.name],
            values,
            one.value if ended else None,
            dict(one.intermediate_values),
            str(one.user_attrs.get("error", "")),
        )

    @contextmanager
    def _readable(self, path: Path) -> Iterator[None]:
        """Says in one line what is wrong with a database."""
        theirs = (self._optuna.exceptions.OptunaError, import_module("sqlalchemy").exc.SQLAlchemyError, sqlite3.Error)
        problems = (*theirs, RuntimeError, ValueError, LookupError, TypeError)  # of what optuna reads
        try:
            yield
        except problems as problem:
            first = str(problem).partition("\n")[0]
            raise UsageError(f"{path} is not the database of a search: {first}") from problem


def _refuse_code(path: Path) -> None:
    """Raise a UsageError if the database, which may be somebody else's, holds views, triggers or virtual tables.

    SQLite would run them when optuna reads: an endless view cannot even be interrupted. It is opened for writing, as
    SQLite must undo what a process that was killed has half written.
    """
    if not path.exists():
        return
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", timeout=_PATIENCE, uri=True)) as database:
        database.execute("PRAGMA trusted_schema = OFF")
        for (name,) in database.execute(_ODD):
            raise UsageError(f"{name!r:.40} is neither a table nor an index")


def _ended(one: Final, content: Any) -> Final:
    """A finalist's run with what the database says became of it.

    Raises:
        UsageError: if that is not what `Study.end_final` keeps.
    """
    match content:
        case {"score": score, "error": str(error), **rest} if not rest:
            number = fitted(score, float | None, f"{DATABASE} is damaged: the score of {one.name}")
            return replace(one, score=number, error=error)
    raise UsageError(f"{DATABASE} is damaged: {one.name} is {content!r:.40}")
