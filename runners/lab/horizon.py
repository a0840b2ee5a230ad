"""The cost of a clone grows with the square of the horizon, that of DAgger in proportion to it.

T-157, T-001: a tightrope whose every step slips with probability 0.002. Demonstrations never leave the rope, so a
clone does not know the way back and errs for the rest of the time: sum_k e (1 - e)^k (T - k) expected mistakes (Ross &
Bagnell 2010; Huang, section 26.3). DAgger has been told: one mistake for every slip, e T (Ross et al. 2011).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import envs
from ...agents import dagger
from ...core.acting import Stateless, ask
from ...core.rollout.engine import Rollout
from ...envs.native import tightrope
from . import Finding

SLIP = 0.002
HORIZONS = (10, 20, 40, 80, 160)
ROUNDS, COPIES = 6, 400
EPISODES = 10_000
"""Over which each cost is averaged."""


def experiment(seed: int) -> Finding:
    """Costs at each horizon, and the slopes of their logarithms."""
    rows = []
    for length in HORIZONS:
        clone, corrected = (_learned(length, slip, rounds, seed) for slip, rounds in ((0.0, 1), (SLIP, ROUNDS)))
        predicted = sum(SLIP * (1 - SLIP) ** k * (length - k) for k in range(length))
        rows.append((length, cost(clone, length, seed), predicted, cost(corrected, length, seed), SLIP * length))
    horizon, cloning, predicted, corrected, proportional = np.array(rows, float).T
    slopes = [float(np.polyfit(np.log(horizon), np.log(y), 1)[0]) for y in (cloning, corrected)]
    off = float(np.abs(cloning / predicted - 1).max())
    checks = {
        f"the clone's cost is the predicted one (within 20%: {off:.0%} off at most)": off < 0.2,
        f"its slope in log-log is about 2 ({slopes[0]:.2f})": 1.75 < slopes[0] < 2.1,
        f"DAgger's is about 1 ({slopes[1]:.2f})": 0.85 < slopes[1] < 1.15,
    }

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        axes.loglog(horizon, cloning, "o", label=f"clone, slope {slopes[0]:.2f}")
        axes.loglog(horizon, predicted, "-", color="C0", label="predicted")
        axes.loglog(horizon, corrected, "s", color="C1", label=f"DAgger, slope {slopes[1]:.2f}")
        axes.loglog(horizon, proportional, "-", color="C1", label="slip x horizon")
        axes.set(xlabel="horizon, steps", ylabel="expected number of mistakes")
        axes.legend()

    return Finding(("horizon", "clone", "predicted", "DAgger", "slip x horizon"), rows, checks, draw)


def _learned(length: int, slip: float, rounds: int, seed: int) -> NDArray[np.int64]:
    """The actions, by place, of who learned in so many rounds; one round, in which the expert acts, is cloning."""
    env = envs.make("gymnast/Tightrope-v0", COPIES, length=length, slip=slip)
    cfg = dagger.Config(hidden=(), lr=0.02, minibatch=4096, epochs=4, horizon=length)
    agent = dagger.Agent(env.single_observation_space, env.single_action_space, cfg, seed=seed)
    agent.expert = lambda obs: {"action": tightrope.expert(obs)}
    rollout, acting = Rollout(env, length, seed), agent.acting(COPIES, seed=seed)
    for k in range(rounds):
        agent.update(rollout.collect(acting), k / rounds)
    return ask(agent.acting(1 + 20, "best"), np.arange(1 + 20))["action"]


def cost(actions: NDArray[np.int64], length: int, seed: int, slip: float = SLIP, episodes: int = EPISODES) -> float:
    """Mean number of mistakes per episode of the policy with these actions by place."""
    env = envs.make("gymnast/Tightrope-v0", episodes, length=length, slip=slip)
    batch = Rollout(env, length, seed + 1).collect(Stateless(lambda obs: {"action": actions[obs]}))
    return -float(batch.episodes.returns.mean())
