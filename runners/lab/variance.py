"""Rewards to go and good baselines lower the variance of the policy gradient and leave its mean; bad ones raise it.

T-102, T-103, T-105, T-026 to T-031: estimators on a random MDP whose gradient is known exactly, with episodes of 20
steps, no discount and rewards around 1 (Huang, section 28.2; Kaplan, section 8.2). The exceptions are checked too: the
mean of a batch of equally long episodes shrinks the gradient by 1 - 1/N, and where rewards cancel whole returns vary
less than rewards to go.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...agents.reinforce import Config, credit, mean_baseline
from . import Finding
from ._mdp import Mdp, Play, random_mdp, score_sums, softmax

EPISODES = 16
"""To one estimate."""
ESTIMATES = 4000
BAD = -10
"""Times the mean, as a baseline that is far from any good one."""


def experiment(seed: int) -> Finding:
    """Mean and variance of every estimator."""
    rng = np.random.default_rng(seed)
    mdp = random_mdp(rng)
    logits = rng.normal(0, 0.5, mdp.reward.shape)
    exact = mdp.gradient(logits, 1.0)
    play = mdp.play(logits, EPISODES * ESTIMATES, rng)
    rows, variance, worst = [], {}, 0.0
    for name, g, shrunk in _estimators(mdp, play, logits):
        variance[name] = g.var(0).sum()
        z = np.abs(g.mean(0) - shrunk * exact) / (g.std(0) / np.sqrt(len(g)) + 1e-12)
        worst = max(worst, z.max())
        rows.append((name, variance[name], variance[name] / variance["whole"], shrunk, z.max()))
    off = _distance_to_best(play, logits)
    whole, to_go = _cancelling(rng)
    checks = {
        f"no mean is off by more than 4 standard errors (the worst by {worst:.1f})": worst < 4,
        "rewards to go vary less than whole returns": variance["to go"] < variance["whole"],
        "a mean subtracted lowers the variance of both": variance["whole - batch mean"] < variance["whole"]
        and variance["to go - mean at the time"] < variance["to go"],
        "V(s) lowers it further than others at the same time": variance["to go - V(s)"]
        < variance["to go - leave one out"],
        f"a bad baseline ({BAD} times the mean) raises it": variance["to go + 10 means"] > variance["to go"],
        f"the variance is least at b* = E[g^2 R] / E[g^2] (within 2%: {off:.2%} off)": off < 0.02,
        f"where rewards cancel, whole returns vary less ({whole:.2g} against {to_go:.2g})": whole < to_go,
    }

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        axes.barh(list(variance), list(variance.values()))
        axes.invert_yaxis()
        axes.set(xscale="log", xlabel=f"total variance of the gradient from {EPISODES} episodes")

    return Finding(("estimator", "variance", "of whole", "mean / gradient", "worst z"), rows, checks, draw)


def _estimators(mdp: Mdp, play: Play, logits: NDArray) -> Iterator[tuple[str, NDArray, float]]:
    """Name, estimates (ESTIMATES, P) and what share of the exact gradient their mean should be."""
    shrunk = 1 - 1 / EPISODES
    for weight, name in (("whole", "whole"), ("to_go", "to go")):
        gain = _gain(play, weight)
        yield name, _estimates(play, gain, logits), 1.0
        mean = "batch mean" if weight == "whole" else "mean at the time"
        yield f"{name} - {mean}", _estimates(play, gain - _baseline(gain, "time"), logits), shrunk
        yield f"{name} - leave one out", _estimates(play, gain - _baseline(gain, "leave_one_out"), logits), 1.0
    whole = _gain(play, "whole")
    yield "whole - optimal", _optimal(play, whole, logits), 1.0
    to_go, time = _gain(play, "to_go"), np.arange(mdp.horizon)[:, None]
    yield "to go - V(s)", _estimates(play, to_go - _values(mdp, logits)[time, play.state], logits), 1.0
    yield "to go + 10 means", _estimates(play, to_go - BAD * to_go.mean(), logits), 1.0


def _values(mdp: Mdp, logits: NDArray) -> NDArray:
    """V (T, S) of the policy."""
    return (mdp.action_values(logits, 1.0) * softmax(logits)).sum(-1)


def _gain(play: Play, weight: Any) -> NDArray:
    return credit(np.zeros_like(play.reward), play.reward, Config(weight=weight, gamma=1.0))[0]


def _baseline(gain: NDArray, baseline: Any) -> NDArray:
    """The baseline (T, E) that each batch of episodes makes for itself."""
    cfg = Config(baseline=baseline)
    batches = np.split(gain, ESTIMATES, axis=1)
    return np.concatenate([mean_baseline(x, np.ones_like(x, np.bool_), cfg) for x in batches], 1)


def _estimates(play: Play, weight: NDArray, logits: NDArray) -> NDArray:
    return score_sums(play, weight, logits).reshape(ESTIMATES, EPISODES, -1).mean(1)


def _optimal(play: Play, whole: NDArray, logits: NDArray) -> NDArray:
    """With each component's own constant of least variance, estimated from the other episodes of the batch."""
    g = score_sums(play, np.ones_like(whole), logits).reshape(ESTIMATES, EPISODES, -1)
    square, product = g**2, g**2 * whole[0].reshape(ESTIMATES, EPISODES, 1)
    b = (product.sum(1, keepdims=True) - product) / (square.sum(1, keepdims=True) - square)
    return (g * (whole[0].reshape(ESTIMATES, EPISODES, 1) - b)).mean(1)


def _distance_to_best(play: Play, logits: NDArray) -> float:
    """How far b*, from one half of the episodes, is from the constant of least variance over the other half.

    Relative to b*, and the worst of the components.
    """
    g, other = np.split(score_sums(play, np.ones_like(play.reward), logits), 2)
    ret, other_ret = np.split(play.reward.sum(0)[:, None], 2)
    best = _best(g, ret)
    shares = np.linspace(0.9, 1.1, 81)
    variances = np.stack([(other * (other_ret - share * best)).var(0) for share in shares])
    return float(np.abs(shares[variances.argmin(0)] - 1).max())


def _best(g: NDArray, ret: NDArray) -> NDArray:
    """b* (P,) for scores (E, P) and returns (E, 1)."""
    return (g**2 * ret).mean(0) / (g**2).mean(0)


def _cancelling(rng: np.random.Generator) -> tuple[float, float]:
    """Variance of whole returns and of rewards to go where the second step takes back what the first one gave."""
    action = rng.integers(2, size=(2, 10_000))
    first = 2.0 * action[0] - 1.0
    play = Play(np.stack([np.zeros_like(action[0]), 1 + action[0]]), action, np.stack([first, -first]))
    logits = np.zeros((3, 2))
    whole, to_go = (score_sums(play, _gain(play, weight), logits).var(0).sum() for weight in ("whole", "to_go"))
    return whole, to_go
