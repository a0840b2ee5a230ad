"""Demonstrations with mistakes and their correction make better clones; with too many mistakes, worse ones again.

T-160: an expert balances CartPole, and on a share of the steps a random action is executed while the expert's is
recorded (Huang, section 26.4; Laskey et al. 2017, arXiv:1703.09327). Every clone learns from the same number of steps.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import envs
from ...agents import bc
from ...core.rollout import Rollout
from . import Finding

NOISE = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
LABELS = 200
CLONES = 12
PASSES = 100


def experiment(seed: int) -> Finding:
    """Mean returns of clones by the noise in their demonstrations."""
    found = {noise: [_cloned(noise, 1000 * seed + k) for k in range(CLONES)] for noise in NOISE}
    means = {noise: float(np.mean(returns)) for noise, returns in found.items()}
    errors = {noise: float(np.std(returns) / np.sqrt(CLONES)) for noise, returns in found.items()}
    best = max(means, key=lambda noise: means[noise])
    rows = [(noise, means[noise], errors[noise], min(found[noise])) for noise in NOISE]

    def above(other: float) -> bool:
        return means[best] - means[other] > 2 * np.hypot(errors[best], errors[other])

    checks = {
        f"the best noise ({best:g}) lies in between": 0 < best < 1,
        f"it beats no noise by two standard errors ({means[best]:.0f} against {means[0.0]:.0f})": above(0.0),
        f"and nothing but noise ({means[1.0]:.0f})": above(1.0),
    }

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        axes.errorbar(NOISE, list(means.values()), list(errors.values()), fmt="o-", capsize=4)
        axes.set(xlabel="share of random actions in the demonstrations", ylabel="return of the clone", ylim=(0, 510))

    return Finding(("noise", "return", "standard error", "worst clone"), rows, checks, draw)


def expert(obs: NDArray) -> NDArray[np.int64]:
    """Pushes the cart under the pole."""
    x, x_dot, angle, angle_dot = obs.T
    return (angle + 0.3 * angle_dot + 0.02 * x + 0.04 * x_dot > 0).astype(np.int64)


def _cloned(noise: float, seed: int) -> float:
    """Mean return of a clone of noisy demonstrations with clean labels."""
    rng = np.random.default_rng(seed)

    def act(obs: NDArray) -> dict[str, NDArray]:
        label = expert(obs)
        drawn = rng.integers(0, 2, len(obs))
        return {"action": np.where(rng.random(len(obs)) < noise, drawn, label), "label": label}

    env = envs.make("CartPole-v1", 2)
    batch = Rollout(env, LABELS // 2, seed).collect(act)
    batch.action[:] = batch.extras["label"]
    cfg = bc.Config(validation=0.0, minibatch=50, hidden=(32,))
    agent = bc.Agent(env.single_observation_space, env.single_action_space, cfg, seed=seed)
    for k in range(PASSES):
        agent.update(batch, k / PASSES)
    rollout = Rollout(envs.make("CartPole-v1", 8), 500, seed + 1)
    ended = rollout.collect(lambda obs: agent.act(obs, explore=False)).episodes
    first = np.unique(ended.env, return_index=True)[1]
    return float(ended.returns[first].mean())
