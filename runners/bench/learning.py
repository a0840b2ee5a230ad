"""Compares the learning of algorithms and presets on one environment, by steps and by seconds of a processor.

Papers compare returns after equal numbers of steps; whoever waits for a laptop compares them after equal times. Runs
take turns. What is compiled is compiled before; evaluations are not counted, nor is what worker processes do, which a
run has where environments are slow and there is another core.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np
from matplotlib import pyplot as plt
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.evaluation import evaluate_policy

from ...core.errors import UsageError, nearest
from ...core.learn.stats import mean_interval
from ..runs import run as runs
from ..runs.groups import settings
from ..runs.run import Run
from ..screen.plot import draw, label, save
from ..training.curves import Curve, curve
from ..training.logging import Writer
from ..training.train import resume, train
from . import peers, short
from .whole import process

_METRIC, _PEER = "eval/return", "sb3-"
_EVALUATION_SEED = 1_000_000
_AXES = ("steps", "cpu")


@dataclass(frozen=True)
class Contest:
    """The entries of a comparison, and how they are compared."""

    env: str
    entries: tuple[str, ...]
    """Algorithms (sac), with a preset that is not the environment's own (sac:crossq), or a peer's, with its own
    defaults (sb3-sac)."""
    steps: int
    seeds: int
    evals: int
    episodes: int
    """Episodes of each evaluation."""
    out: Path
    """Folder of the runs and the picture; runs that are there already go on, or count as they are."""


def compare(contest: Contest) -> Iterator[str]:
    """Train all entries and draw learning.png; what they reached, as lines of a table.

    Raises:
        UsageError: for an unknown algorithm, preset or environment, or where a folder holds a run of other settings.
    """
    tasks = {entry: _task(contest, entry) for entry in contest.entries}
    with process() as ours, process() as other:
        for seed in range(contest.seeds):
            for entry, run in tasks.items():
                out = _folder(contest, entry, seed)
                if run is None:
                    other.submit(_peer, contest, entry.removeprefix(_PEER), seed, out).result()
                else:
                    ours.submit(_ours, replace(run, seed=seed), out).result()
    curves = {axis: {entry: _curves(contest, entry, axis) for entry in tasks} for axis in _AXES}
    figure, axes = plt.subplots(1, len(_AXES), figsize=(12, 5), sharey=True, constrained_layout=True)
    for panel, axis in zip(axes, _AXES, strict=True):
        for entry, found in curves[axis].items():
            draw(panel, entry, found)
        label(panel, _METRIC, axis)
    axes[0].legend(frameon=False)
    save(figure, contest.out / "learning.png")
    yield from _table(contest, curves["cpu"])


def _task(contest: Contest, entry: str) -> Run | None:
    """The run of an entry, or None for one of a peer."""
    if entry.startswith(_PEER):
        if entry.removeprefix(_PEER) not in peers.ALGORITHMS:
            known = [_PEER + algo for algo in peers.ALGORITHMS]
            raise UsageError(f"unknown algorithm {entry!r}.{nearest(entry, known)} Known: {', '.join(known)}.")
        return None
    algo, _, preset = entry.partition(":")
    run = runs.preset(algo, contest.env, preset or "auto", steps=contest.steps)
    return replace(run, evals=contest.evals, eval_episodes=contest.episodes)


def _folder(contest: Contest, entry: str, seed: int) -> Path:
    return contest.out / f"{entry.replace(':', '-')}-s{seed}"


def _ours(run: Run, out: Path) -> None:
    """Train to the end, from where the run in the folder stopped."""
    if (out / "run.json").exists():
        if settings(runs.load(out / "run.json")) != settings(run):
            raise UsageError(f"{out} holds a run of other settings; give another --out")
        if not _done(out, run.steps):
            resume(out)
        return
    first = 2 * run.num_envs * run.agent.horizon + getattr(run.agent, "learning_starts", 0)
    with TemporaryDirectory() as scratch:  # so long that something is learned, which compiles it
        train(replace(run, steps=min(first, run.steps), evals=0), Path(scratch) / "run")
    train(run, out)


def _peer(contest: Contest, algo: str, seed: int, out: Path) -> None:
    """Train a peer's agent with its own defaults."""
    if (out / "metrics.csv").exists() and _done(out, contest.steps):
        return
    out.mkdir(parents=True, exist_ok=True)
    with closing(Writer(out)) as writer, closing(peers.vec_env(contest.env, 1, _EVALUATION_SEED + seed)) as env:

        def judge(step: int, seconds: float) -> None:
            mean, _ = evaluate_policy(model, env, contest.episodes)
            writer.write(step, {_METRIC: float(np.mean(mean)), "speed/cpu_seconds": seconds})

        made = peers.ALGORITHMS[algo]("MlpPolicy", peers.vec_env(contest.env, 1, seed), seed=seed, device="cpu")
        model = peers.silent(made)
        model.learn(contest.steps, callback=_Judged(judge, contest.steps / contest.evals))


class _Judged(BaseCallback):
    """Judges the model whenever `every` more steps are done; counts the other seconds on a processor."""

    def __init__(self, judge: Callable[[int, float], None], every: float) -> None:
        super().__init__()
        self.judge, self.every = judge, every
        self.seconds, self.began = 0.0, 0.0

    def _on_training_start(self) -> None:
        self.began = process_time()

    def _on_step(self) -> bool:
        step = self.num_timesteps
        if step // self.every > (step - 1) // self.every:
            self.seconds += process_time() - self.began
            self.judge(step, self.seconds)
            self.began = process_time()
        return True


def _done(out: Path, steps: int) -> bool:
    places, _ = curve(out, _METRIC)
    return bool(places[-1] >= steps)


def _curves(contest: Contest, entry: str, axis: str) -> list[Curve]:
    return [curve(_folder(contest, entry, seed), _METRIC, axis) for seed in range(contest.seeds)]


def _table(contest: Contest, over_cpu: dict[str, list[Curve]]) -> Iterator[str]:
    """The return of each entry at the end, and in the time that the quickest one took for all of its steps."""
    seconds = {entry: float(np.mean([places[-1] for places, _ in found])) for entry, found in over_cpu.items()}
    least = min(seconds.values())
    yield f"| {contest.env} | seeds | CPU-seconds | return after {contest.steps:,} steps | after {short(least)} CPU-s |"
    yield "|---|---|---|---|---|"
    for entry, found in over_cpu.items():
        ends = [float(values[-1]) for _, values in found]
        then = [float(np.interp(least, places, values)) for places, values in found]
        yield f"| {entry} | {contest.seeds} | {short(seconds[entry])} | {_mean(ends)} | {_mean(then)} |"


def _mean(values: list[float]) -> str:
    """The mean, with its 95 % interval where three seeds or more give one."""
    if len(values) < 3:
        return short(float(np.mean(values)))
    low, high = mean_interval(values)
    return f"{short(float(np.mean(values)))} [{short(low)}, {short(high)}]"
