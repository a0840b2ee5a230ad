"""Replay and a target network each make Q-learning with a network more stable; without both it learns worst.

T-041, T-125: a two-state chain with features 1 and -1, whose update without a target has the factor 1 - alpha
(1 + gamma): it diverges, and converges with a copy every 10 steps or one that follows slowly. And DQN on CartPole-v1
with and without replay (the last 32 steps alone) and target network (renewed at every gradient step), 15,000 steps,
3 seeds.
"""

from typing import Any

import numpy as np

from ..runs.run import preset
from . import Finding
from ._learning import largest_value, watch

STEPS, SEEDS = 15_000, 3
PARTS = {
    "replay and target": {},
    "replay alone": {"target_interval": 1},
    "target alone": {"capacity": 32},
    "neither": {"target_interval": 1, "capacity": 32},
}
TARGETS = {"none": (1, 1.0), "copy every 10": (10, 1.0), "follows by 0.1": (1, 0.1), "follows by 0.01": (1, 0.01)}


def experiment(seed: int) -> Finding:
    """Divergence in the chain; return and largest |Q| of DQN."""
    diverged = {name: _chain(*target) for name, target in TARGETS.items()}
    rows: list[tuple[Any, ...]] = [(f"chain, target {name}", step, np.nan, np.nan) for name, step in diverged.items()]
    runs = {name: [_dqn(parts, seed * SEEDS + s) for s in range(SEEDS)] for name, parts in PARTS.items()}
    level = {name: float(np.mean([np.mean(run.returns[-20:]) for run in some])) for name, some in runs.items()}
    peak = {name: max(run.peak for run in some) for name, some in runs.items()}
    rows += [(f"DQN, {name}", np.nan, level[name], peak[name]) for name in runs]
    both, neither = level["replay and target"], level["neither"]
    checks = {
        f"without a target the chain diverges (step {diverged['none']:g})": np.isfinite(diverged["none"]),
        "with any of the three it converges": not np.isfinite([diverged[name] for name in list(TARGETS)[1:]]).any(),
        f"DQN with both earns more than with neither ({both:.0f} against {neither:.0f})": both > 1.5 * neither,
        f"and more than without replay ({level['target alone']:.0f})": both > level["target alone"],
        f"and its largest |Q| is below that without a target ({peak['replay and target']:.0f} against "
        f"{peak['replay alone']:.0f})": peak["replay and target"] < peak["replay alone"],
    }

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for name, some in runs.items():
            axes.plot(some[0].steps, np.mean([run.returns for run in some], 0), label=name)
        axes.set(xlabel="steps", ylabel="return of the last 20 episodes")
        axes.legend()

    return Finding(("what", "diverges at step", "return, second half", "largest |Q|"), rows, checks, draw)


def _chain(interval: int, tau: float, alpha: float = 1.2, gamma: float = 0.99) -> float:
    """The step at which |w| exceeds a million, or infinity; reward 0, w = 1 at first."""
    w = target = 1.0
    for step in range(1, 20_000):
        w += alpha * (-gamma * target - w)
        if step % interval == 0:
            target += tau * (w - target)
        if abs(w) > 1e6:
            return step
    return np.inf


def _dqn(parts: dict[str, Any], seed: int) -> Any:
    agent = {"lr": 1e-3, "target_interval": 100, "capacity": 15_000, "learning_starts": 500, "epsilon_fraction": 0.2}
    run = preset(
        "dqn",
        "CartPole-v1",
        "none",
        steps=STEPS,
        num_envs=1,
        evals=0,
        seed=seed,
        agent={**agent, **parts, "gamma": 0.99},
    )
    grid = np.random.default_rng(0).uniform(-0.2, 0.2, (64, 4)).astype(np.float32)
    return watch(run, lambda agent: largest_value(agent, grid))
