"""Off-policy learning needs fewer environment steps than on-policy learning; whether less time is another matter.

T-171: DQN, PPO and A2C on Acrobot-v1 with their presets, until the last 20 episodes average -100, 3 seeds (Huang
§27.3.3; Kaplan §8.0). Steps, and seconds on this machine. In CartPole-v1, where an episode is easily made long, the
claim does not hold between these presets: PPO and REINFORCE reach 195 in fewer steps than DQN.
"""

from typing import Any

import numpy as np

from ..runs.run import preset
from . import Finding
from ._learning import watch

SEEDS, ENOUGH, LOOK = 3, -100.0, 500
OFF_POLICY, ON_POLICY = ("dqn",), ("ppo", "a2c")


def experiment(seed: int) -> Finding:
    """Steps and seconds to the return."""
    rows, steps, curves = [], {}, {}
    for algo in (*OFF_POLICY, *ON_POLICY):
        runs = [_run(algo, seed * SEEDS + s) for s in range(SEEDS)]
        steps[algo] = float(np.median([run.steps[-1] if run.returns[-1] >= ENOUGH else np.inf for run in runs]))
        curves[algo] = runs[0]
        rows.append((algo, steps[algo], float(np.median([run.seconds for run in runs]))))
    seconds = {algo: time for algo, _, time in rows}
    best = min(ON_POLICY, key=lambda algo: steps[algo])
    checks = {
        f"DQN needs fewer steps than {algo.upper()} ({steps['dqn']:,.0f} against {steps[algo]:,.0f})": steps["dqn"]
        < steps[algo]
        for algo in ON_POLICY
    }
    checks[f"a step of DQN costs more time than one of {best.upper()}"] = (
        seconds["dqn"] / steps["dqn"] > seconds[best] / steps[best]
    )

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for algo, run in curves.items():
            axes.plot(run.steps, run.returns, label=algo)
        axes.axhline(ENOUGH, color="black", linewidth=0.8)
        axes.set(xlabel="steps", ylabel="return of the last 20 episodes", xscale="log")
        axes.legend()

    return Finding(("algorithm", "steps to -100 (median)", "seconds (median)"), rows, checks, draw)


def _run(algo: str, seed: int) -> Any:
    run = preset(algo, "Acrobot-v1", seed=seed, evals=0)
    return watch(run, until=ENOUGH, looks=run.steps // LOOK)
