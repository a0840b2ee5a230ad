"""How many demonstrations does it take? Cloning and DAgger beside the expert, by the number of expert labels.

The score is (return - random) / (expert - random): 0 is a policy that draws actions at random, 1 the expert.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from ... import envs
from ...core.acting import Expert, followed
from ...core.errors import UsageError
from ...core.files import read_json, write_whole
from ...core.learn.stats import iqm, iqm_interval
from ...core.rollout import demos
from ...core.rollout.demos import Demos
from ..evaluation.evaluate import evaluate, watched
from ..runs import run as runs
from ..runs.load import threads_for
from ..runs.run import Run
from ..screen.table import table
from ..training import experts
from ..training.train import train
from .demonstrations import collect

_PASSES = 10  # over the demonstrations in cloning, at least; and at least so many steps over all passes:
_FEWEST = {True: 20_000, False: 2_000_000}  # with Discrete actions, which are soon learned too well, and others
_LEARNED = {True: 300_000, False: 2_000_000}  # labels learned from in DAgger, over all passes
_ROUNDS = 20  # rounds of DAgger, whatever the number of labels
_COPIES = 10  # environments in each round, if so many demonstrations are compared
_SEED = 2_000_000  # for the environments in which everything is evaluated
_APART = 1_000  # between the seeds of the environments in which the demonstrations of each run are recorded


@dataclass
class Comparison:
    """Returns of the expert, of random actions, and of everything learned in one environment, kept in a file."""

    env: str
    expert: str
    episodes: int
    references: dict[str, float] = field(default_factory=dict)
    """Mean returns of "expert" and "random"."""
    returns: dict[str, float] = field(default_factory=dict)
    """Mean return by "algo/demonstrations/seed"."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds of one core that each of these took to learn and evaluate."""

    def score(self, key: str) -> float:
        """Normalised return of what was learned."""
        low, high = self.references["random"], self.references["expert"]
        return (self.returns[key] - low) / (high - low)

    def scores(self, algo: str, count: int) -> list[float]:
        """Normalised returns of all seeds."""
        return [self.score(key) for key in self.returns if key.startswith(f"{algo}/{count}/")]

    @property
    def cells(self) -> set[tuple[str, int]]:
        """Algorithms and numbers of demonstrations that have scores."""
        return {(algo, int(count)) for algo, count, _ in (key.split("/") for key in self.returns)}


def imitate(
    expert: str,
    env: str,
    out: Path,
    counts: list[int],
    seeds: int,
    episodes: int,
    told: Callable[[str], None] = print,
    trust: bool = False,
) -> Comparison:
    """Clone `expert` from so many demonstrations, and with DAgger from as many labels; `told` hears of each run.

    Each seed has demonstrations of its own, of which a smaller number are the first few that a run draws. Results in
    the environment's folder in `out` are not computed again.

    Raises:
        UsageError: if the folder holds the comparison of something else.
    """
    if seeds < 1 or episodes < 1 or not counts or min(counts) < 1:
        raise UsageError("counts, seeds and episodes must be at least 1")
    folder = out / env.replace("/", "-").replace(":", "-")
    path = folder / "comparison.json"
    kept = _read(path) if path.exists() else Comparison(env, expert, episodes)
    if (kept.env, kept.expert, kept.episodes) != (env, expert, episodes):
        raise UsageError(
            f"{folder} compares {kept.expert} on {kept.env} over {kept.episodes} episodes; give another --out"
        )
    judge = envs.make(env, min(episodes, 64))
    with closing(judge), threads_for(judge.single_observation_space.dtype == np.uint8):
        if not kept.references:
            kept.references = _references(expert, judge, episodes, trust)
            _keep(kept, path)
        for seed in range(seeds):
            recorded = _recorded(expert, env, folder / f"demos-{seed}", max(counts), seed, trust)
            for count in counts:
                for run in (_cloning(env, recorded, count, seed), _dagger(env, recorded, expert, count, seed, trust)):
                    key = f"{run.algo}/{count}/{seed}"
                    if key not in kept.returns:
                        kept.returns[key], kept.seconds[key] = _learned(run, judge, episodes)
                        _keep(kept, path)
                        told(f"  {key:16} return {kept.returns[key]:10.1f}  score {kept.score(key):.3f}")
    return kept


def kept_in(out: Path) -> list[Comparison]:
    """All comparisons in a folder, by environment."""
    return [_read(path) for path in sorted(out.glob("*/comparison.json"))]


def report(found: list[Comparison]) -> Iterator[str]:
    """The table of comparisons: interquartile means over seeds, and over seeds and environments, with intervals.

    These are 95% bootstraps, which of few seeds are too narrow: see `iqm_interval`.
    """
    for one in found:
        low, high = one.references["random"], one.references["expert"]
        yield f"{one.env}: random {low:.1f}, expert {high:.1f} ({one.expert}), {one.episodes} episodes each"
    cells = set.union(*(one.cells for one in found))
    counts = sorted({count for _, count in cells})
    rows = []
    for algo in sorted({algo for algo, _ in cells}):
        groups = [(one.env, [one]) for one in found]
        if len(found) > 1:
            groups.append(("all", found))
        for name, group in groups:
            took = [t for one in group for key, t in one.seconds.items() if key.startswith(f"{algo}/")]
            rows.append((name, algo, *(_summary(group, algo, count) for count in counts), float(np.mean(took))))
    yield from table(("environment", "algorithm", *map(str, counts), "CPU s a run"), rows)


def _summary(group: list[Comparison], algo: str, count: int) -> str:
    """IQM and interval of one cell; nothing while an environment lacks it."""
    scores = [one.scores(algo, count) for one in group]
    if not all(scores):
        return ""
    low, high = iqm_interval(scores)
    return f"{iqm(np.concatenate(scores)):.3f} [{low:.3f}, {high:.3f}]"


def _recorded(expert: str, env: str, folder: Path, count: int, seed: int, trust: bool) -> Demos:
    """The demonstrations of a seed, recorded if they are not there."""
    if not folder.exists():
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)  # remains of an interruption
        collect(expert, env, part, count, _APART * seed, trust=trust)
        part.rename(folder)
    there = demos.load(folder)
    if there.episodes < count:
        raise UsageError(f"{folder} holds {there.episodes} demonstrations; give another --out to compare {count}")
    return there


def _cloning(env: str, recorded: Demos, count: int, seed: int) -> Run:
    labels = count * recorded.steps / recorded.episodes
    steps = max(_FEWEST[isinstance(recorded.action_space, spaces.Discrete)], ceil(_PASSES * labels))
    fields: dict[str, Any] = {"steps": steps, "seed": seed, "evals": 0, "demo_episodes": count}
    agent = {"validation": 0.0}  # nothing is held out of what there is little of
    return runs.preset("bc", env, demos=str(recorded.folder), agent=agent, **fields)


def _dagger(env: str, recorded: Demos, expert: str, count: int, seed: int, trust: bool) -> Run:
    """As many labels as the demonstrations hold, one for every step."""
    copies = min(count, _COPIES)
    steps = max(copies, round(count * recorded.steps / recorded.episodes))
    horizon = max(1, steps // (copies * _ROUNDS))
    learned = _LEARNED[isinstance(recorded.action_space, spaces.Discrete)]
    epochs = max(1, round(learned / (steps * _ROUNDS / 2)))
    agent = {"horizon": horizon, "epochs": epochs, "lr_schedule": "linear"}
    fields: dict[str, Any] = {"steps": steps, "seed": seed, "evals": 0, "num_envs": copies, "trust": trust}
    return runs.preset("dagger", env, expert=expert, agent=agent, **fields)


def _learned(run: Run, judge: VectorEnv, episodes: int) -> tuple[float, float]:
    """Mean return of the policy at the end of a run, not chosen by its returns; and the time it took."""
    began = _busy()
    result = train(run)
    if result.interrupted:
        raise KeyboardInterrupt  # a half-trained policy is no result
    return evaluate(result.agent, judge, episodes, _SEED).mean, _busy() - began


def _busy() -> float:
    """Seconds of one core that this process and its children have used."""
    return sum(os.times()[:4])


def _references(expert: str, judge: VectorEnv, episodes: int, trust: bool) -> dict[str, float]:
    """Mean returns of the expert and of random actions."""
    acts: dict[str, Expert] = {"expert": experts.load(expert, judge, trust=trust), "random": _Random(judge)}
    return {name: watched(followed(act, judge.num_envs), judge, episodes, _SEED).mean for name, act in acts.items()}


class _Random:
    """Draws actions from the action space."""

    def __init__(self, made: Any) -> None:
        self.space = made.single_action_space
        self.space.seed(_SEED)

    def __call__(self, obs: NDArray) -> dict[str, NDArray]:
        drawn = np.stack([np.asarray(self.space.sample()) for _ in obs])
        return {"action": drawn - getattr(self.space, "start", 0)}


def _read(path: Path) -> Comparison:
    try:
        return Comparison(**read_json(path))
    except TypeError as problem:
        raise UsageError(f"{path} is damaged or of another gymnast: {problem}. Give another --out.") from problem


def _keep(found: Comparison, path: Path) -> None:
    write_whole(path, json.dumps(asdict(found), indent=1) + "\n")
