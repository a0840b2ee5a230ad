"""Training: roll out, learn, log, evaluate, save; and go on where a run stopped."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from time import monotonic, perf_counter
from types import FrameType
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv

from ... import agents, envs
from ...agents import Agent
from ...core import checkpoint
from ...core.batch import Batch
from ...core.errors import TrainingError, UsageError
from ...core.rollout.engine import Rollout
from ...envs import snapshot
from ..evaluation.evaluate import Evaluation, evaluate
from ..evaluation.strength import Ladder, game_of
from ..runs import run as runs
from ..runs.folder import best, claim, describe, last, refuse_taken
from ..runs.run import Run
from . import malloc as heap
from .experts import function
from .logging import Display, Metrics, Writer
from .sources import begin, source

_ROWS = 200  # rows of metrics in a run, so that logging costs the same for any length
_SAVE_SECONDS = 60.0  # at most this much work is lost to a kill -9,
_SAVE_SHARE = 0.02  # or so much that writing a large replay takes this share of the time


@dataclass(frozen=True)
class Result:
    """What training left."""

    agent: Agent
    steps: int
    """Environment steps so far."""
    evaluation: Evaluation | None
    """The last one, if the run evaluates."""
    interrupted: bool
    """Stopped before the end by Ctrl-C or SIGTERM, with a checkpoint if there is a folder."""


def train(run: Run, out: Path | None = None, quiet: bool = True) -> Result:
    """Train from the start, in the folder `out` or in memory alone."""
    if out is not None:
        refuse_taken(out)
    with Training(run, out) as training:
        if out is not None:
            claim(out, run)  # only now: a run that cannot be made leaves no folder behind
        return training.advance(quiet)


def resume(out: Path, steps: int | None = None, quiet: bool = True) -> Result:
    """Go on where the run in `out` stopped, to its own total or to `steps`; from the start if it has no checkpoint."""
    run = runs.load(out / "run.json")
    if steps is not None and steps < run.steps:
        raise UsageError(f"--steps {steps:,} is less than the {run.steps:,} of the run in {out}; give more, or none")
    state = checkpoint.load(last(out)) if last(out).exists() else None
    if state is not None and state["steps"] >= max(run.steps, steps or 0):
        raise UsageError(f"the run in {out} has done its {run.steps:,} steps; give a larger total: --steps N")
    if state is not None and state.get("finished"):
        raise UsageError(f"the run in {out} has stopped by itself at {state['steps']:,} steps: more would not help")
    if steps is not None and steps > run.steps:
        run = replace(run, steps=steps)
        describe(run, out)
    with Training(run, out, state) as training:
        return training.advance(quiet)


class Training:
    """A run under way: its environments, agent and counters; a context manager that closes the environments."""

    def __init__(self, run: Run, out: Path | None = None, state: dict[str, Any] | None = None) -> None:
        _check(run)
        self.run, self.out, self.steps = run, out, 0
        seeds = _seeds(run.seed)
        self.env = envs.make(run.env, run.num_envs, backend=run.backend, history=run.history, **run.env_args)
        self._eval_env: VectorEnv | None = None
        try:
            device = _device(run.device, self.env)
            self.agent = new_agent(run, self.env, device, seeds["agent"])
            if self.agent.convolutional:
                heap.keep_freed()
            game = game_of(self.env.single_observation_space)
            self.ladder = Ladder(game, seeds["eval"]) if game else None
            self.rollout = source(run, self.env, self.agent, seeds)
            self._eval_seed = seeds["eval"]
            self.metrics = Metrics()
            self._best = -np.inf
            self.evaluation: Evaluation | None = None
            self.seconds = dict.fromkeys((*self.rollout.seconds, "update", "evaluate"), 0.0)
            if state is None:
                begin(run, self.env, self.agent)
            else:
                self._load(state)
        except BaseException:
            self.close()
            raise

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or the agent says that more would not help."""
        return self.steps >= self.run.steps or getattr(self.agent, "finished", False)

    def __enter__(self) -> "Training":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the environments, unless the caller made them."""
        for env in (self.env, self._eval_env):
            if env is not None and env is not self.run.env:
                env.close()

    def advance(self, quiet: bool = True) -> Result:
        """Train to the run's total number of steps, or to the first Ctrl-C."""
        title = f"{self.run.algo} · {runs.env_name(self.run.env)} · seed {self.run.seed} · {envs.describe(self.env)}"
        writer = Writer(self.out, self.steps) if self.out else None
        display = Display(title, self.run.steps, self.steps, quiet)
        saved, pause = monotonic(), _SAVE_SECONDS
        try:
            with display, _interruptible(quiet) as stop, threads_for(self.agent.convolutional):
                while not self.finished and not stop:
                    row = self.iterate()
                    if row:
                        row |= self._speed()
                        if writer:
                            writer.write(self.steps, row)
                        display.show(self.steps, row, self._shares())
                    began = monotonic()
                    if began - saved > pause or not {"eval/return", "strength/elo"}.isdisjoint(row):
                        self._save()
                        saved = monotonic()
                        pause = max(_SAVE_SECONDS, (saved - began) / _SAVE_SHARE)
            self._save()
        except BaseException as problem:
            problem.add_note(self._kept())
            raise
        finally:
            if writer:
                writer.close()
        return Result(self.agent, self.steps, self.evaluation, interrupted=not self.finished)

    def state(self) -> dict[str, Any]:
        """All that the rest of the run depends on."""
        return {
            "steps": self.steps,
            "finished": self.finished and self.steps < self.run.steps,
            "agent": self.agent.state(),
            "rollout": self.rollout.state(),
            "env": snapshot.snapshot(self.env) if isinstance(self.rollout, Rollout) else None,
            "metrics": self.metrics.state(),
            "ladder": self.ladder.state() if self.ladder else None,
            "best": self._best,
            "seconds": self.seconds,
        }

    def iterate(self) -> dict[str, float]:
        """One rollout and what is learned from it; the row to log, if it is time for one.

        Of whole episodes, the last rollout may be cut by the end of the run. Its steps count, but the episodes that did
        end in time are the shorter ones: nothing is learned from them.
        """
        before = self.steps
        batch = self.rollout.collect(self.agent.act, self.run.steps - self.steps)
        for phase in self.rollout.seconds:
            self.seconds[phase] += self.rollout.seconds[phase]
            self.rollout.seconds[phase] = 0.0
        if batch.steps == 0:  # every copy was only being reset (NEXT_STEP, short horizons)
            return {}
        began = perf_counter()
        self.steps += batch.steps
        metrics = {} if self.rollout.cut else self.agent.update(batch, before / self.run.steps)
        self.seconds["update"] += perf_counter() - began
        self._refuse_nan(metrics, batch)
        self.metrics.add(metrics, batch.episodes)
        row: dict[str, float] = {}
        if self._due(before, _ROWS) or self.finished:
            row = self.metrics.row()
        if self.run.evals and (self._due(before, self.run.evals) or self.finished):
            row |= self._evaluate()
        return row

    def _due(self, before: int, times: int) -> bool:
        """Whether one of `times` evenly spread marks lies in (before, steps]; the end is one of them."""
        return before * times // self.run.steps < self.steps * times // self.run.steps

    def _evaluate(self) -> dict[str, float]:
        if isinstance(self.run.env, VectorEnv) and not self.ladder:
            return {}  # there is only the one that trains
        began = perf_counter()
        if self.ladder:  # the newest is the best: differences between neighbours are lost in the noise of few games
            row = self.ladder.climb(self.agent, self.run.eval_episodes)
            self.seconds["evaluate"] += perf_counter() - began
            return row
        if self._eval_env is None:
            self._eval_env = eval_env(self.run, self.run.eval_episodes)
        self.evaluation = evaluate(self.agent, self._eval_env, self.run.eval_episodes, self._eval_seed)
        self.seconds["evaluate"] += perf_counter() - began
        if self.evaluation.mean >= self._best:
            self._best = self.evaluation.mean
            if self.out:
                checkpoint.save(best(self.out), {"steps": self.steps, "agent": policy(self.agent.state())})
        return {"eval/return": self.evaluation.mean, "eval/length": float(np.mean(self.evaluation.lengths))}

    def _refuse_nan(self, metrics: dict[str, float], batch: Batch) -> None:
        name = next((name for name, value in metrics.items() if not isfinite(value)), None)
        if name is None:
            return
        for what, given in (("a reward", batch.reward), ("an observation", batch.obs)):
            if not np.isfinite(given).all():
                raise TrainingError(
                    f"the environment gave {what} that is not finite in the rollout that ended at step {self.steps:,} "
                    f"({name} became {metrics[name]})."
                )
        raise TrainingError(
            f"{name} became {metrics[name]} in the update at step {self.steps:,}; learning has diverged. "
            "A smaller agent.lr or agent.max_grad_norm, or normalised observations and rewards, often help."
        )

    def _kept(self) -> str:
        """What is left when training fails, and how to go on."""
        if self.out is None:
            return "The run was in memory alone."
        if not last(self.out).exists():
            return f"There was no checkpoint yet in {self.out}."
        return f"The last good checkpoint is {last(self.out)}; go on from it with: gymnast train --resume {self.out}"

    def _speed(self) -> dict[str, float]:
        total = sum(self.seconds.values())
        return {"speed/steps_per_second": self.steps / total, "speed/seconds": total} | {
            f"speed/{phase}_share": share for phase, share in self._shares().items()
        }

    def _shares(self) -> dict[str, float]:
        total = sum(self.seconds.values()) or 1.0
        return {phase: seconds / total for phase, seconds in self.seconds.items()}

    def _save(self) -> None:
        if self.out:
            checkpoint.save(last(self.out), self.state())

    def _load(self, state: dict[str, Any]) -> None:
        self.steps = state["steps"]
        put_back(self.agent, state["agent"])
        self.metrics.load_state(state["metrics"])
        if self.ladder:
            self.ladder.load_state(state["ladder"])
        self._best, self.seconds = state["best"], state["seconds"]
        self.rollout.load_state(state["rollout"])
        if state["env"] is None:
            # This environment cannot be put back where it was: start new episodes, each resume others
            self.rollout.reset(_seeds(self.run.seed, self.steps)["env"])
        else:
            snapshot.restore(self.env, state["env"])


def new_agent(run: Run, env: VectorEnv, device: str, seed: int) -> Agent:
    """The run's agent as it is before training."""
    module = agents.load(run.algo)
    if game_of(env.single_observation_space) and not getattr(module, "SELF_PLAY", False):
        name = runs.env_name(run.env)
        raise UsageError(f"{name} is a game for two, whose sides take turns; {run.algo} plays alone. Use alphazero.")
    build = function(run.net, "net") if run.net else None
    return module.Agent(env.single_observation_space, env.single_action_space, run.agent, device, seed, build)


def eval_env(run: Run, episodes: int, **kwargs: Any) -> VectorEnv:
    """Environments to evaluate on: never those that train."""
    args = {**run.env_args, **run.eval_args, **kwargs}
    return envs.make(run.env, min(max(episodes, 1), 32), backend=run.backend, history=run.history, **args)


def trained(run: Run, out: Path, env: VectorEnv, which: str = "best") -> tuple[Agent, int]:
    """The agent of the run in `out` for environments like `env`, and the steps it was trained for.

    `which` is "best", the checkpoint that evaluated best (the last if none did), or "last".
    """
    path = best(out) if which == "best" and best(out).exists() else last(out)
    if not path.exists():
        raise UsageError(
            f"{out} has no checkpoint yet; the first one comes with the first evaluation, or after a minute"
        )
    state = checkpoint.load(path)
    agent = new_agent(run, env, _device(run.device, env), 0)
    put_back(agent, policy(state["agent"]))
    return agent, state["steps"]


class Misfit(UsageError):
    """A checkpoint of another agent than it is to be given to."""


def put_back(agent: Agent, state: dict[str, Any]) -> None:
    """Let the agent go on from a checkpoint's state.

    Raises:
        Misfit: if the state is not of this agent as it is today.
    """
    try:
        agent.load_state(state)
    except (KeyError, IndexError, TypeError, RuntimeError) as problem:
        raise Misfit(
            "the checkpoint does not fit the algorithm as it is in this gymnast: another one wrote it, which run.json "
            f"beside it names. Use that one, or train anew. ({type(problem).__name__}: {problem})"
        ) from problem


def policy(state: dict[str, Any]) -> dict[str, Any]:
    """An agent's state without the past experience that it learns from: all that acting needs, and small."""
    return {name: value for name, value in state.items() if name != "replay"}


def _check(run: Run) -> None:
    for name in ("steps", "num_envs", "eval_episodes"):
        if getattr(run, name) < 1:
            raise UsageError(f"{name} is {getattr(run, name)}; it must be at least 1")
    if run.seed < 0 or run.evals < 0:
        raise UsageError(f"seed ({run.seed}) and evals ({run.evals}) must not be negative")


def _seeds(seed: int, steps: int = 0) -> dict[str, int]:
    """Independent seeds for each purpose; `steps` makes other ones for environments that start anew on resuming."""
    words = np.random.SeedSequence([seed, steps]).generate_state(4, np.uint32) >> 1
    return dict(zip(("env", "agent", "eval", "expert"), map(int, words), strict=True))


def _device(name: str, env: VectorEnv) -> str:
    if name == "auto":
        images = env.single_observation_space.dtype == np.uint8
        return "cuda" if images and torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as problem:
        reason = str(problem).splitlines()[0].partition(" device type at start")[0]  # torch lists all that it knows of
        raise UsageError(f"device {name!r} is not to be had here ({reason}); use cpu") from problem
    return name


@contextmanager
def threads_for(images: bool) -> Iterator[None]:
    """One torch thread while networks that see no images learn or act: more only get in each other's way."""
    before = torch.get_num_threads()
    if not images:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _interruptible(quiet: bool) -> Iterator[list[int]]:
    """A list that the first Ctrl-C or SIGTERM makes non-empty; the second one interrupts at once."""
    caught: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)
        if not quiet:
            print("stopping after this update; once more to stop at once", file=sys.stderr)

    try:
        before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: signals go elsewhere
        before = {}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
