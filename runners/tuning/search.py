"""What a process that takes part in a search does: trials until there are enough, then the finalists' runs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite, nan
from pathlib import Path
from time import monotonic
from typing import Any

from ...core.errors import UsageError
from ..runs.run import Run
from ..sweeps.board import Standing
from ..sweeps.plan import Planned
from ..training.logging import read
from .space import applied
from .study import Final, Study, Trial

METRICS = ("eval/return", "strength/elo")
"""What trials are compared by: the first of these that their evaluations give."""
_PAUSE = 1.0  # seconds between looks at whether others have left something to do


class Search:
    """The `Work` of a search in the folder `out`; `command` trains a run of its settings alone, if there is one."""

    def __init__(self, study: Study, out: Path, command: Sequence[str] = ()) -> None:
        self.standings: list[Standing] = []
        """The runs that this process makes or has made."""
        self._study, self._out, self._command = study, out, tuple(command)
        self._trials: dict[str, Trial] = {}
        self._finals: dict[str, Final] = {}
        self._hopeless: set[str] = set()
        self._look, self._finished = 0.0, False

    @property
    def more(self) -> bool:
        return not self._finished

    def next(self) -> Standing | None:
        """A trial or, once all have ended, a finalist's run; None while the rest is in the hands of others."""
        if monotonic() < self._look:
            return None
        while trial := self._study.ask():
            if one := self._begun(trial):
                return one
        if not self._study.searching:
            if final := self._study.ask_final():
                return self._begun_final(final)
            self._finished = all(one.ended for one in self._study.finals())
        self._look = monotonic() + _PAUSE
        return None

    def counted(self, one: Standing) -> str:
        """How many of how many trials, or of the finalists' runs, have ended in all processes."""
        if one.planned.run.seed != self._study.run.seed:
            finals = self._study.finals()
            return f"finalists {sum(final.ended for final in finals)}/{len(finals)}"
        records = self._study.records()
        ended = sum(record.state not in ("waiting", "running") for record in records)
        return f"{ended}/{max(len(records), self._study.budget.trials)}"

    def heard(self, one: Standing, row: Mapping[str, float]) -> bool:
        trial = self._trials.get(one.planned.name)
        score = _score(row)
        if trial is None or score is None:
            return True
        if self._study.report(trial, _evaluation(one.steps, one.planned.run), score):
            return True
        self._hopeless.add(one.planned.name)
        return False

    def ended(self, one: Standing) -> None:
        self._look = 0.0
        name, score = one.planned.name, _score(one.metrics)
        if one.state == "done" and score is None:
            one.state, one.error, one.code = "failed", "none of its evaluations gave a number", 2
        if final := self._finals.pop(name, None):
            if one.state == "interrupted":
                self._study.claims.drop(final.claim)
            else:
                self._study.end_final(final, score if one.state == "done" else None, one.error)
            return
        trial = self._trials.pop(name)
        if one.state == "interrupted" and name in self._hopeless:
            one.state = "pruned"
        if one.state == "failed":
            if trial.number == 0 and one.code == 2:  # wrong input: no other settings would help
                raise UsageError(one.error)
            self._study.end(trial, error=one.error)
        elif one.state == "interrupted":
            self._study.claims.drop(trial.number)
        else:
            self._study.end(trial, score if one.state == "done" else None)

    def _begun(self, trial: Trial) -> Standing | None:
        """The run of a trial; None if it ends at once: its settings do not go together, or it was hopeless before."""
        try:
            one = self._standing(f"trial-{trial.number:04}", applied(self._study.run, trial.values), trial.values)
        except UsageError as problem:
            self._study.end(trial, error=str(problem))
            return None
        if not self._goes_on(trial, one):
            self._study.end(trial)
            self.standings.remove(one)
            return None
        self._trials[one.planned.name] = trial
        return one

    def _goes_on(self, trial: Trial, one: Standing) -> bool:
        """Whether a trial is worth making, by the evaluations that a process before this one left in its folder."""
        path = one.out / "metrics.csv"
        found = [(int(row["step"]), _score(row)) for row in read(path)] if path.is_file() else []
        told = [(_evaluation(step, one.planned.run), score) for step, score in found if score is not None]
        return all(self._study.report(trial, evaluation, score) for evaluation, score in told)

    def _begun_final(self, final: Final) -> Standing:
        values = next(record.values for record in self._study.finalists() if record.number == final.number)
        run = replace(applied(self._study.run, values), seed=final.seed)
        one = self._standing(f"trial-{final.number:04}_s{final.seed}", run, values)
        self._finals[one.planned.name] = final
        return one

    def _standing(self, name: str, run: Run, values: dict[str, Any]) -> Standing:
        one = Standing(Planned(name, run, values, self._alone(run, values)), self._out / name)
        self.standings.append(one)
        return one

    def _alone(self, run: Run, values: Mapping[str, Any]) -> tuple[str, ...]:
        """The command that trains a run alone."""
        if not self._command:
            return ()
        words = (word for name, value in values.items() for word in _words(name, value))
        return (*self._command, *words, "--seed", str(run.seed))


def _words(name: str, value: Any) -> list[str]:
    """An option of the command line with its value."""
    parts = value if isinstance(value, tuple) else (value,)
    return [f"--{name.replace('_', '-')}", *(str(part).lower() if part is None else str(part) for part in parts)]


def _score(row: Mapping[str, float]) -> float | None:
    """The metric of an evaluation that trials are compared by; None if it was not measured, or is no number."""
    return next((row[name] for name in METRICS if isfinite(row.get(name, nan))), None)


def _evaluation(steps: int, run: Run) -> int:
    """The number of the evaluation after so many steps: the last one is that of all."""
    return steps * run.evals // run.steps
