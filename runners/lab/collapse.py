"""A step that is too large for a plain policy gradient collapses the policy; a limit on the KL divergence prevents it.

T-117, T-031, T-116 (Kaplan, section 8.5): REINFORCE with its step size times 1, 10 and 100, the truncated natural
gradient with its squared length delta times 1 and 100 and nobody checking, and TRPO, on CartPole. A run has
collapsed if the return of its latest episodes fell below half of the best that they had.
"""

from collections import deque
from typing import Any

import numpy as np

from ..runs.run import preset
from ..training.train import Training
from . import Finding

STEPS = 30_000
SEEDS = 3
WINDOW = 40
"""Episodes that the return is the mean of."""
DELTA = 0.01
PLAIN, NATURAL, LIMITED = "REINFORCE, step size", "natural gradient, delta", "TRPO, delta"


def experiment(seed: int) -> Finding:
    """Runs of each algorithm and step, and what became of them."""
    trpo = {"horizon": 128, "damping": 1e-3, "lam": 0.98, "critic_epochs": 5, "critic_minibatch": 256}
    settings: list[tuple[str, float, str, dict[str, Any]]] = []
    for factor in (1, 10, 100):
        settings.append((PLAIN, 0.003 * factor, "reinforce", {"lr": 0.003 * factor}))
    for factor in (1, 100):
        unchecked = {**trpo, "delta": DELTA * factor, "line_search_steps": 0}
        settings.append((NATURAL, DELTA * factor, "trpo", unchecked))
    settings.append((LIMITED, DELTA, "trpo", {**trpo, "delta": DELTA}))
    rows, curves, collapsed, beyond = [], {}, {}, {}
    for name, step, algo, agent in settings:
        runs = [_run(algo, agent, 100 * seed + k) for k in range(SEEDS)]
        drops = [1 - min(r / b for r, b in zip(run[0], np.maximum.accumulate(run[0]), strict=True)) for run in runs]
        kl = np.concatenate([run[1] for run in runs])
        key = f"{name} {step:g}"
        curves[key], collapsed[key] = runs[0][0], float(np.mean(np.array(drops) > 0.5))
        beyond[key] = float(np.mean(kl > 1.001 * DELTA))
        final = float(np.mean([run[0][-1] for run in runs]))
        rows.append((key, collapsed[key], float(np.mean(drops)), final, beyond[key], float(kl.max())))
    limited = f"{LIMITED} {DELTA:g}"
    large = [f"{PLAIN} 0.3", f"{NATURAL} 1"]
    checks = {
        "a hundred times the step collapses most runs of REINFORCE": collapsed[large[0]] > 0.5,
        "and of the natural gradient": collapsed[large[1]] > 0.5,
        "no run of TRPO collapses": collapsed[limited] == 0,
        "no update of TRPO goes beyond delta": beyond[limited] == 0,
        "where nobody checks, some do at the same delta": beyond[f"{NATURAL} {DELTA:g}"] > 0,
        "TRPO ends above every run with a step a hundred times too large": rows[-1][3]
        > max(row[3] for row in rows if row[0] in large),
    }

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for key, curve in curves.items():
            axes.plot(np.linspace(0, STEPS, len(curve)), curve, label=key, linewidth=3 if key == limited else 1)
        axes.set(xlabel="environment steps", ylabel=f"return, mean of {WINDOW} episodes")
        axes.legend(frameon=False, fontsize="small")

    columns = ("algorithm", "collapsed", "mean drop", "final return", f"updates beyond {DELTA:g}", "largest KL")
    return Finding(columns, rows, checks, draw)


def _run(algo: str, agent: dict[str, Any], seed: int) -> tuple[list[float], list[float]]:
    """The return after each update, and how far each one moved the policy."""
    run = preset(algo, "CartPole-v1", "none", agent=agent, steps=STEPS, num_envs=8, seed=seed, evals=0)
    recent: deque[float] = deque(maxlen=WINDOW)
    returns, kl = [], []
    with Training(run) as training:
        update = training.agent.update

        def watched(batch: Any, progress: float) -> dict[str, float]:
            metrics = update(batch, progress)
            recent.extend(batch.episodes.returns)
            if recent:
                returns.append(float(np.mean(recent)))
            kl.append(metrics["policy/kl"])
            return metrics

        training.agent.update = watched  # type: ignore[method-assign]
        training.advance()
    return returns, kl
