"""A target network that follows more slowly lags by its half-life and keeps the estimates calmer; too slow learns late.

T-042: kappa = 1 - tau is the share of the old target that is kept at every gradient step (one note's text calls it
alpha). Its half-life after a sudden change is ln 2 / -ln kappa steps. DQN on CartPole-v1, 12,000 steps, 3 seeds.
"""

from typing import Any

import numpy as np
import torch

from ..runs.run import preset
from . import Finding
from ._learning import largest_value, watch

STEPS, SEEDS = 12_000, 3
KAPPAS = (0.0, 0.9, 0.99, 0.999)


def experiment(seed: int) -> Finding:
    """Half-life, return and largest |Q| by kappa."""
    rows, curves, worst = [], {}, 0.0
    for kappa in KAPPAS:
        runs = [_dqn(kappa, seed * SEEDS + s) for s in range(SEEDS)]
        curves[kappa] = runs[0].steps, np.mean([run.returns for run in runs], 0)
        measured, exact = _half_life(kappa), np.log(2) / -np.log(kappa) if kappa else 0.0
        worst = max(worst, measured - exact)
        peak = float(np.mean([run.peak for run in runs]))
        rows.append((kappa, measured, exact, curves[kappa][1][-10:].mean(), peak))
    peaks, levels = {row[0]: row[4] for row in rows}, {row[0]: row[3] for row in rows}
    checks = {
        f"the lag's half-life is ln 2 / -ln kappa (at most {worst:.2f} steps more)": 0 <= worst <= 1,
        f"|Q| is lower with 0.99 than without a target ({peaks[0.99]:.0f} against {peaks[0.0]:.0f})": peaks[0.99]
        < peaks[0.0],
        f"0.999 is slower than 0.99 ({levels[0.999]:.0f} against {levels[0.99]:.0f} at the end)": levels[0.999]
        < levels[0.99],
    }

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for kappa, (steps, returns) in curves.items():
            axes.plot(steps, returns, label=f"kappa {kappa:g}")
        axes.set(xlabel="steps", ylabel="return of the last 20 episodes")
        axes.legend()

    return Finding(("kappa", "half-life", "ln 2 / -ln kappa", "return at the end", "largest |Q|"), rows, checks, draw)


def _half_life(kappa: float) -> int:
    """Gradient steps after which half of a sudden change has arrived."""
    target, steps = torch.zeros(1), 0
    while target.item() < 0.5:
        target.lerp_(torch.ones(1), 1.0 - kappa)
        steps += 1
    return steps if kappa else 0


def _dqn(kappa: float, seed: int) -> Any:
    agent = {"tau": 1.0 - kappa, "target_interval": 1, "lr": 1e-3, "capacity": 15_000, "learning_starts": 500}
    run = preset(
        *("dqn", "CartPole-v1", "none"), steps=STEPS, num_envs=1, evals=0, seed=seed, agent={**agent, "epsilon": 0.02}
    )
    grid = np.random.default_rng(0).uniform(-0.2, 0.2, (64, 4)).astype(np.float32)
    return watch(run, lambda agent: largest_value(agent, grid))
