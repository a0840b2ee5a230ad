"""A maximum over noisy values overestimates; double Q-learning removes that, a target copied now and then does not.

T-126: Sutton & Barto's example 6.7 with 10 actions, all worth -0.1 with noise of deviation 1, learned by Q-learning on
one table, on one with a copy of it as target (renewed every 200 steps), and on two tables that judge each other's
choice. Kaplan §8.3 gives the copy as the remedy; choosing with one estimate and judging with an independent one is it.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...core.jitted.rng import normal, stream, uniform
from . import Finding

ACTIONS, EPISODES, RUNS, TRUTH = 10, 3000, 300, -0.1
METHODS = ("plain", "target copy", "double")


def experiment(seed: int) -> Finding:
    """E[max Q] - max Q* in the second state, by what the first state is told of it."""
    told = {name: _estimates(k, seed) - TRUTH for k, name in enumerate(METHODS)}
    end = {name: curve[:, -300:].mean(1) for name, curve in told.items()}
    mean = {name: x.mean() for name, x in end.items()}
    error = {name: x.std() / np.sqrt(RUNS) for name, x in end.items()}
    rows = [(name, mean[name], error[name], told[name][:, 100].mean()) for name in METHODS]
    checks = {
        f"plain Q-learning overestimates ({mean['plain']:.2f} +- {error['plain']:.2f})": mean["plain"]
        > 10 * error["plain"],
        f"a target copy overestimates as much ({mean['target copy']:.2f})": mean["target copy"] > 0.5 * mean["plain"],
        f"double Q-learning does not ({mean['double']:.2f})": mean["double"] < 3 * error["double"],
    }

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for name, curve in told.items():
            axes.plot(curve.mean(0), label=name)
        axes.axhline(0, color="black", linewidth=0.8)
        axes.set(xlabel="episodes", ylabel="estimate of the best value - truth")
        axes.legend()

    return Finding(("method", "bias at the end", "standard error", "after 100 episodes"), rows, checks, draw)


def _estimates(method: int, seed: int) -> NDArray[np.float64]:
    """The bootstrap value of the second state, (RUNS, EPISODES)."""
    return np.stack([_run(method, stream(seed * RUNS + r)) for r in range(RUNS)])


@njit(nogil=True, cache=True)
def _run(method: int, random: NDArray) -> NDArray:
    """Estimated value of a step into the second state, after every episode; all actions are tried evenly."""
    q, copy = np.zeros((2, ACTIONS)), np.zeros(ACTIONS)
    out = np.empty(EPISODES)
    for k in range(EPISODES):
        if k % 200 == 0:
            copy[:] = q[0]
        which = int(uniform(random) < 0.5) if method == 2 else 0
        action = int(uniform(random) * ACTIONS)
        q[which, action] += 0.1 * (TRUTH + normal(random) - q[which, action])
        if method == 0:
            out[k] = q[0].max()
        elif method == 1:
            out[k] = copy.max()
        else:
            out[k] = 0.5 * (q[1, np.argmax(q[0])] + q[0, np.argmax(q[1])])
    return out
