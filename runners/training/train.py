"""Training: roll out, learn, log, evaluate, save; and go on where a run stopped."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from time import monotonic, perf_counter, process_time
from typing import Any

from gymnasium.vector import VectorEnv

from ... import agents, envs
from ...agents import Agent
from ...core import checkpoint
from ...core.errors import DIVERGED, TrainingError, UsageError
from ...core.spaces.pair import Spaces
from ..evaluation.evaluate import Evaluation, Stopped
from ..runs import run as runs
from ..runs.folder import best, claim, describe, held, last, refuse_taken
from ..runs.load import fitting, new_agent, opened, policy, refuse_changed, seeds, threads_for
from ..runs.run import Run
from ..runs.signals import interruptible
from . import malloc
from .judges import Judge, judge
from .logging import Display, Metrics, Writer
from .sources import begin, environments, source

_ROWS = 200  # rows of metrics in a run, so that logging costs the same for any length
_SAVE_SECONDS = 60.0  # at most this much work is lost to a kill -9,
_SAVE_SHARE = 0.02  # or so much that writing a large replay takes this share of the time

Watch = Callable[[Run, int, dict[str, float]], bool]
"""Sees the run, its steps and each row of metrics once it is written; whether to go on."""


@dataclass(frozen=True)
class Result:
    """Result of training."""

    agent: Agent
    steps: int
    """Environment steps so far."""
    evaluation: Evaluation | None
    """The last one, if the run evaluates."""
    interrupted: bool
    """Stopped before the end by Ctrl-C or SIGTERM, with a checkpoint if there is a folder."""


def train(run: Run, out: Path | None = None, quiet: bool = True, watch: Watch | None = None) -> Result:
    """Train from the start, in the folder `out` or in memory alone, until `watch` has seen enough."""
    if out is not None:
        refuse_taken(out)
    with Training(run, out) as training:
        if out is None:
            return training.advance(quiet, watch)
        with held(out):  # only now: a run that cannot be made leaves no folder behind
            claim(out, run, training.paths)
            return training.advance(quiet, watch)


def resume(
    out: Path, steps: int | None = None, quiet: bool = True, trust: bool = False, watch: Watch | None = None, **new: Any
) -> Result:
    """Go on where the run in `out` stopped, to its own total or to `steps`; from the start if it has no checkpoint.

    `new` are fields of the run that change nothing about what it learns: evals, eval_copies, worker_timeout.
    """
    return go_on(replace(runs.load(out / "run.json", trust), **new), out, steps, quiet, watch)


def go_on(run: Run, out: Path, steps: int | None = None, quiet: bool = True, watch: Watch | None = None) -> Result:
    """Go on with `run` where it stopped in its folder `out`, as `resume` does."""
    with held(out):
        return _resumed(run, out, steps, quiet, watch)


def _resumed(run: Run, out: Path, steps: int | None, quiet: bool, watch: Watch | None) -> Result:
    if steps is not None and steps < run.steps:
        raise UsageError(f"--steps {steps:,} is less than the {run.steps:,} of the run in {out}; give more, or none")
    state = opened(last(out)) if last(out).exists() else None
    owed = state is not None and state.get("owed")
    if state is not None and not owed and state["steps"] >= max(run.steps, steps or 0):
        raise UsageError(f"the run in {out} has done its {run.steps:,} steps; give a larger total: --steps N")
    if state is not None and not owed and state.get("finished"):
        raise UsageError(f"the run in {out} has stopped by itself at {state['steps']:,} steps: more would not help")
    run = run if steps is None else replace(run, steps=max(steps, run.steps))
    with Training(run, out, state) as training:
        try:
            describe(run, out, training.paths)
        except OSError as problem:
            raise TrainingError(
                f"cannot write {out / 'run.json'}: {problem.strerror}. The old one is intact."
            ) from problem
        return training.advance(quiet, watch)


class Training:
    """A run under way: its environments, agent and counters; a context manager that closes the environments."""

    def __init__(
        self, run: Run, out: Path | None = None, state: dict[str, Any] | None = None, agent: Agent | None = None
    ) -> None:
        """Go on from `state`, which a checkpoint holds; from all of it but the `agent`, if that is given."""
        runs.refuse_elsewhere(run)
        self.env, run = environments(run, state)
        self.run, self.out, self.steps = run, out, 0
        self._judge: Judge | None = None
        try:
            seed = seeds(run.seed)
            self.spaces = Spaces.of(self.env)
            self.agent = agent or new_agent(run, self.spaces, seed["agent"])
            self._finishing = agents.finishing(self.agent)  # once: to ask what an object can do takes long
            if self.agent.convolutional:
                malloc.keep_freed()
            self.source = source(run, self.env, self.agent)
            self.acting = self.agent.acting(self.env.num_envs, "learn", seed["agent"])
            self._judge = judge(run, self.env, seed["eval"])
            self.metrics = Metrics()
            self.evaluation: Evaluation | None = None
            self.texts: tuple[str, ...] = ()  # written at the last evaluation
            self.evaluations = 0
            self.owed = False  # an evaluation that a signal stopped, for those who go on to make
            self._stop: list[int] = []
            self._saved, self._pause = monotonic(), _SAVE_SECONDS
            self.seconds: dict[str, float] = {}
            self.cpu = 0.0  # seconds of this process on processors, evaluation left out
            if state is None:
                begin(run, self.env, self.agent)
            else:
                self._load(state, agent is None)
        except BaseException:
            self.close()
            raise

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or the agent says that more would not help."""
        return self.steps >= self.run.steps or (self._finishing is not None and self._finishing.finished)

    @property
    def paths(self) -> dict[str, str]:
        """How the run is computed: the environments' backend, acting and gradient."""
        acting = "step by step" if self.acting.twin is None else "jitted"
        return {"environments": envs.describe(self.env), "acting": acting, **self.agent.paths}

    def __enter__(self) -> "Training":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the environments, unless the caller made them."""
        if self._judge:
            self._judge.close()
        if not isinstance(self.run.env, VectorEnv):
            self.env.close()

    def advance(self, quiet: bool = True, watch: Watch | None = None) -> Result:
        """Train to the run's total number of steps, to the first Ctrl-C, or until `watch` has seen enough."""
        about = (self.run.algo, runs.env_name(self.run.env), f"seed {self.run.seed}")
        title = " · ".join([*about, *self.paths.values()])
        writer = Writer(self.out, self.steps) if self.out else None
        if not quiet:
            self._say_what_is_special()
        display = Display(title, self.run.steps, self.steps, quiet)
        try:
            with display, interruptible(quiet) as self._stop, threads_for(self.agent.convolutional):
                while (self.owed or not self.finished) and not self._stop:
                    judged = self.evaluations
                    row = self._judged() if self.owed else self.iterate()
                    display.compiled(self.steps)
                    if row:
                        row |= self._speed()
                        if writer:
                            self._refuse_deleted()
                            writer.write(self.steps, row, self.texts if self.evaluations > judged else ())
                        display.show(self.steps, row, self._shares(), self.texts)
                    if self._time_to_save() or self.evaluations > judged:
                        self._save()
                    if row and watch and not watch(self.run, self.steps, row):
                        break
                self._save()  # before the display ends, which a terminal that is gone does not let it
            if writer:
                writer.close()
        except BaseException as problem:
            problem.add_note(self._kept())
            if writer:
                with suppress(OSError):  # a full disk says so a second time
                    writer.close()
            raise
        return Result(self.agent, self.steps, self.evaluation, interrupted=self.owed or not self.finished)

    def _say_what_is_special(self) -> None:
        if texts := envs.left_out(self.env):
            print(f"left out of the observations, for no network reads texts: {', '.join(texts)} (see --wrap)")
        if self.source.remark:
            print(self.source.remark)

    def state(self) -> dict[str, Any]:
        """All that the rest of the run depends on."""
        return {
            "steps": self.steps,
            "paths": self.paths,
            "spaces": self.spaces.written(),
            "finished": self.finished and self.steps < self.run.steps,
            "agent": checkpoint.state(self.agent.parts()),
            "acting": checkpoint.state(self.acting.parts()),
            "source": self.source.state(),
            "metrics": self.metrics.state(),
            "judge": self._judge.state() if self._judge else None,
            "seconds": self.seconds,
            "cpu": self.cpu,
            "owed": self.owed,
        }

    def iterate(self) -> dict[str, float]:
        """One rollout and what is learned from it; the row to log, if it is time for one.

        The end of the run, or a signal, may cut the last rollout of whole episodes. Its steps count, but the episodes
        that did end in time are the shorter ones: nothing is learned from them.
        """
        before, cpu = self.steps, process_time()
        batch = self.source.collect(self.acting, self.run.steps - self.steps, self._stop)
        for phase, seconds in self.source.seconds.items():
            self._took(phase, seconds)
        self.source.seconds.clear()
        if not (taken := batch.steps):  # every copy was only being reset (NEXT_STEP, short horizons)
            return {}
        began = perf_counter()
        self.steps += taken
        metrics = {} if self.source.cut else self.agent.update(batch, before / self.run.steps)
        self._took("update", perf_counter() - began)
        self.cpu += process_time() - cpu
        self._refuse_nan(metrics)
        self.metrics.add(metrics, batch.episodes)
        row: dict[str, float] = {}
        if self._due(before, _ROWS) or self.finished:
            row = self.metrics.row()
        if self._judge and self.run.evals and (self._due(before, self.run.evals) or self.finished):
            self.owed = True
            if self.out and (self._time_to_save() or not self.evaluations):
                self._save()  # an episode may never end, or no copy of the environment be made beside those that train
            row |= self._judged()
        return row

    def _due(self, before: int, times: int) -> bool:
        """Whether one of `times` evenly spread marks lies in (before, steps]; the end is one of them."""
        return before * times // self.run.steps < self.steps * times // self.run.steps

    def _judged(self) -> dict[str, float]:
        """Metrics of the agent as it is now, which is kept if it is the best so far; none if a signal came first."""
        assert self._judge is not None
        began = perf_counter()
        try:
            verdict = self._judge.judge(self.agent, self._stop)
        except Stopped:
            return {}
        self.owed, self.evaluation, self.texts = False, verdict.evaluation, verdict.texts
        self.evaluations += 1
        self._took("evaluate", perf_counter() - began)
        if verdict.best and self.out:
            kept = checkpoint.state(policy(self.agent))
            checkpoint.save(best(self.out), {"steps": self.steps, "spaces": self.spaces.written(), "agent": kept})
        return verdict.row

    def _took(self, phase: str, seconds: float) -> None:
        self.seconds[phase] = self.seconds.get(phase, 0.0) + seconds

    def _refuse_nan(self, metrics: dict[str, float]) -> None:
        name = next((name for name, value in metrics.items() if not isfinite(value)), None)
        if name is not None:
            raise TrainingError(f"{name} became {metrics[name]} in the update at step {self.steps:,}; {DIVERGED}")

    def _kept(self) -> str:
        """Message about the checkpoints left when training fails, and how to go on."""
        if self.out is None:
            return "The run was in memory alone."
        if not last(self.out).exists():
            return f"There was no checkpoint yet in {self.out}."
        return f"The last good checkpoint is {last(self.out)}; go on from it with: gymnast train --resume {self.out}"

    def _speed(self) -> dict[str, float]:
        total = sum(self.seconds.values())
        spent = {"speed/steps_per_second": self.steps / total, "speed/seconds": total, "speed/cpu_seconds": self.cpu}
        return spent | {f"speed/{phase}_share": share for phase, share in self._shares().items()}

    def _shares(self) -> dict[str, float]:
        total = sum(self.seconds.values()) or 1.0
        return {phase: seconds / total for phase, seconds in self.seconds.items()}

    def _time_to_save(self) -> bool:
        return monotonic() - self._saved > self._pause

    def _save(self) -> None:
        began = monotonic()
        if self.out:
            self._refuse_deleted()
            checkpoint.save(last(self.out), self.state())
        self._saved = monotonic()
        self._pause = max(_SAVE_SECONDS, (self._saved - began) / _SAVE_SHARE)

    def _refuse_deleted(self) -> None:
        if self.out and not self.out.is_dir():
            raise TrainingError(f"the folder {self.out} has been deleted")

    def _load(self, state: dict[str, Any], agent: bool) -> None:
        with fitting(last(self.out) if self.out else None):
            refuse_changed(self.run, state, self.spaces)
            self.steps = checkpoint.counted(state["steps"])
            if agent:
                checkpoint.restore(self.agent.parts(), state["agent"])
            checkpoint.restore(self.acting.parts(), state["acting"])
            self.metrics.load_state(state["metrics"])
            if self._judge and state["judge"] is not None:
                self._judge.load_state(state["judge"])
            self.seconds = {phase: float(seconds) for phase, seconds in state["seconds"].items()}
            self.cpu = float(state.get("cpu", 0.0))
            self.owed = bool(state.get("owed", False)) and self.run.evals > 0
            self.source.load_state(state["source"])
