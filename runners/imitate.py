"""How many demonstrations does it take? Cloning and DAgger beside the expert, by the number of expert labels.

The score is (return - random) / (expert - random): 0 is a policy that draws actions at random, 1 the expert.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from .. import envs
from ..core import demos
from ..core.errors import UsageError
from ..core.stats import bootstrap_interval, iqm
from . import experts
from . import run as runs
from .demonstrations import collect
from .evaluate import Evaluation, evaluate
from .lab import table
from .run import Run
from .train import eval_env, train

_PASSES = 10  # over the demonstrations in cloning, at least; and at least so many steps over all passes:
_FEWEST = {True: 20_000, False: 300_000}  # with Discrete actions, which are soon learned too well, and others
_LEARNED = 300_000  # labels learned from in DAgger, over all passes
_ROUNDS = 20  # of DAgger, whatever the number of labels
_COPIES = 4  # environments in each round
_SEED = 2_000_000  # of the environments in which everything is evaluated


@dataclass
class Comparison:
    """Returns of the expert, of random actions, and of everything learned: kept in a file, so that it can go on."""

    env: str
    expert: str
    episodes: int
    references: dict[str, float] = field(default_factory=dict)
    """Mean returns of "expert" and "random"."""
    returns: dict[str, float] = field(default_factory=dict)
    """Mean return by "algo/demonstrations/seed"."""

    def score(self, key: str) -> float:
        """Normalised return of what was learned."""
        low, high = self.references["random"], self.references["expert"]
        return (self.returns[key] - low) / (high - low)

    def scores(self, algo: str, count: int) -> list[float]:
        """Normalised returns of all seeds."""
        return [self.score(key) for key in self.returns if key.startswith(f"{algo}/{count}/")]


def imitate(
    expert: str, env: str, out: Path, counts: list[int], seeds: int, episodes: int, told: Callable[[str], None] = print
) -> Comparison:
    """Clone `expert` from so many demonstrations, and with DAgger from as many labels; `told` hears of each run.

    Runs that the folder `out` holds are not repeated. Demonstrations are recorded there once; each seed draws its own
    from them.

    Raises:
        UsageError: if the folder holds the comparison of something else.
    """
    if seeds < 1 or episodes < 1 or not counts or min(counts) < 1:
        raise UsageError("counts, seeds and episodes must be at least 1")
    path = out / "comparison.json"
    kept = Comparison(**json.loads(path.read_text())) if path.exists() else Comparison(env, expert, episodes)
    if (kept.env, kept.expert, kept.episodes) != (env, expert, episodes):
        raise UsageError(
            f"{out} compares {kept.expert} on {kept.env} over {kept.episodes} episodes; give another --out"
        )
    most = max(counts)
    folder = out / "demos"
    if not (folder / "demos.json").exists():
        collect(expert, env, folder, most)
    recorded = demos.load(folder)
    if recorded.episodes < most:
        raise UsageError(f"{folder} holds {recorded.episodes} demonstrations; give another --out to compare {most}")
    labels = recorded.steps / recorded.episodes
    fewest = _FEWEST[isinstance(recorded.action_space, spaces.Discrete)]
    if not kept.references:
        kept.references = _references(expert, env, episodes)
        _keep(kept, path)
    for seed in range(seeds):
        for count in counts:
            steps = max(fewest, ceil(_PASSES * count * labels))
            for run in (_cloning(env, folder, count, steps, seed), _dagger(env, expert, count, labels, seed)):
                key = f"{run.algo}/{count}/{seed}"
                if key not in kept.returns:
                    kept.returns[key] = _evaluated(run, episodes).mean
                    _keep(kept, path)
                    told(f"  {key:16} return {kept.returns[key]:10.1f}  score {kept.score(key):.3f}")
    return kept


def report(found: Comparison) -> Iterator[str]:
    """The table of a comparison: interquartile mean over seeds, its interval, and the scores."""
    low, high = found.references["random"], found.references["expert"]
    yield f"{found.env}: random {low:.1f}, expert {high:.1f} ({found.expert}), {found.episodes} episodes each"
    rows = []
    keys = [key.split("/") for key in found.returns]
    for algo, count in sorted({(algo, int(count)) for algo, count, _ in keys}):
        scores = found.scores(algo, count)
        rows.append((algo, str(count), iqm(scores), *bootstrap_interval(scores), min(scores)))
    yield from table(("algorithm", "demonstrations", "score (IQM)", "95% from", "to", "worst seed"), rows)


def _cloning(env: str, folder: Path, count: int, steps: int, seed: int) -> Run:
    return runs.preset("bc", env, demos=str(folder), demo_episodes=count, steps=steps, seed=seed, evals=0)


def _dagger(env: str, expert: str, count: int, labels: float, seed: int) -> Run:
    """As many labels as the demonstrations hold, one for every step."""
    steps = max(_COPIES, round(count * labels))
    horizon = max(1, steps // (_COPIES * _ROUNDS))
    epochs = max(1, min(50, round(_LEARNED / (steps * _ROUNDS / 2))))
    agent = {"horizon": horizon, "epochs": epochs, "lr_schedule": "linear"}
    fields: dict[str, Any] = {"steps": steps, "seed": seed, "evals": 0, "num_envs": _COPIES}
    return runs.preset("dagger", env, expert=expert, agent=agent, **fields)


def _evaluated(run: Run, episodes: int) -> Evaluation:
    """The policy at the end of a run: nothing is chosen by its returns."""
    result = train(run)
    if result.interrupted:
        raise KeyboardInterrupt  # what is half learned is no result
    with closing(eval_env(run, episodes)) as made:
        return evaluate(result.agent, made, episodes, _SEED + run.seed)


def _references(expert: str, env: str, episodes: int) -> dict[str, float]:
    """Mean returns of the expert and of random actions."""
    means = {}
    for name in ("expert", "random"):
        with closing(envs.make(env, min(episodes, 32))) as made:
            act = experts.load(expert, made) if name == "expert" else _Random(made)
            means[name] = evaluate(_Fixed(act), made, episodes, _SEED).mean  # type: ignore[arg-type]
    return means


class _Random:
    """Draws actions from the action space."""

    def __init__(self, made: Any) -> None:
        self.space = made.single_action_space
        self.space.seed(_SEED)

    def __call__(self, obs: NDArray) -> dict[str, NDArray]:
        drawn = np.stack([np.asarray(self.space.sample()) for _ in obs])
        return {"action": drawn - getattr(self.space, "start", 0)}


class _Fixed:
    """An `Act` as what `evaluate` asks."""

    def __init__(self, act: Any) -> None:
        self._act = act

    def act(self, obs: NDArray, explore: bool = True) -> dict[str, NDArray]:
        return {"action": self._act(obs)["action"]}


def _keep(found: Comparison, path: Path) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(asdict(found), indent=1) + "\n")
    part.replace(path)
