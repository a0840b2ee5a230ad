"""A maximum over noisy values overestimates; double Q-learning removes that, a target copied now and then does not.

T-126: Sutton & Barto's example 6.7 with 10 actions, all worth -0.1 with noise of deviation 1, learned by the tabular
agent: Q-learning on one table, the same judged by a copy (renewed every 200 episodes), and two tables that judge each
other's choice. Kaplan §8.3 gives the copy as the remedy; choosing with one estimate and judging with an independent one
is it.
"""

from typing import Any

import numpy as np
from gymnasium.spaces import Discrete
from numpy.typing import NDArray

from ...agents.tabular import Agent, Config
from ...core.batch import Batch, Episodes
from . import Finding

ACTIONS, EPISODES, RUNS, TRUTH = 10, 3000, 300, -0.1
CHUNK, COPIED = 100, 200
"""Episodes between updates, and between copies."""
METHODS = {"plain": "q", "target copy": "q", "double": "double_q"}
"""The tabular agent's method for each."""
FIRST, SECOND = slice(0, 2 * RUNS, 2), slice(1, 2 * RUNS, 2)
"""The states of all runs, which one table holds."""


def experiment(seed: int) -> Finding:
    """E[max Q] - max Q* in the second state, by what the first state is told of it."""
    told = {name: _estimates(name, seed) - TRUTH for name in METHODS}
    end = {name: curve[:, -3:].mean(1) for name, curve in told.items()}
    mean = {name: x.mean() for name, x in end.items()}
    error = {name: x.std() / np.sqrt(RUNS) for name, x in end.items()}
    rows = [(name, mean[name], error[name], told[name][:, 0].mean()) for name in METHODS]
    checks = {
        f"plain Q-learning overestimates ({mean['plain']:.2f} +- {error['plain']:.2f})": mean["plain"]
        > 10 * error["plain"],
        f"a target copy overestimates as much ({mean['target copy']:.2f})": mean["target copy"] > 0.5 * mean["plain"],
        f"double Q-learning does not ({mean['double']:.2f})": mean["double"] < 3 * error["double"],
    }

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for name, curve in told.items():
            axes.plot(np.arange(CHUNK, EPISODES + 1, CHUNK), curve.mean(0), label=name)
        axes.axhline(0, color="black", linewidth=0.8)
        axes.set(xlabel="episodes", ylabel="estimate of the best value - truth")
        axes.legend()

    return Finding(("method", "bias at the end", "standard error", "after 100 episodes"), rows, checks, draw)


def _estimates(name: str, seed: int) -> NDArray[np.float64]:
    """Learned values of the first state's step into the second, (RUNS, EPISODES / CHUNK)."""
    rng = np.random.default_rng(seed)
    method: Any = METHODS[name]
    agent = Agent(Discrete(2 * RUNS), Discrete(ACTIONS), Config(method, gamma=1.0, lr=0.1, lr_decay=0.0), seed=seed)
    out = []
    for begun in range(0, EPISODES, CHUNK):
        if begun % COPIED == 0:
            copy = agent.q[0, SECOND].copy()
        agent.update(_episodes(rng), begun / EPISODES)
        out.append(copy.max(-1) if name == "target copy" else agent.q[:, FIRST].mean((0, 2)))
    return np.stack(out, 1)


def _episodes(rng: np.random.Generator) -> Batch:
    """CHUNK episodes of each run, of two steps whose actions are tried evenly; only the second one pays."""
    shape = (2 * CHUNK, RUNS)
    second = np.broadcast_to(np.arange(2 * CHUNK)[:, None] % 2 == 1, shape)
    state = np.vstack([2 * np.arange(RUNS) + second, 2 * np.arange(RUNS)])
    reward = np.where(second, TRUTH + rng.normal(size=shape), 0.0).astype(np.float32)
    at = np.argwhere(second)
    none = Episodes(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64))
    first = np.vstack([~second, np.ones((1, RUNS), np.bool_)])
    action = rng.integers(ACTIONS, size=shape)
    flags = second, np.zeros(shape, np.bool_), np.ones(shape, np.bool_)
    return Batch(state, action, reward, *flags, first, at, state[tuple(at.T)], none, {})
