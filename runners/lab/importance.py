"""Importance weights keep the gradient of another policy's episodes right, but the longer these are the fewer count.

T-112, T-032, T-033 (Huang, section 28.3). The effective share of whole trajectories falls as
E[ratio^2]^-T, here 1.04^-T for actions drawn evenly and wanted at 0.6. On a random MDP the weights of trajectories and
of single decisions leave the mean gradient exact while its variance grows exponentially; those of the action alone are
steady and biased.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...agents.reinforce import Config, credit
from ...core.learn.stats import effective_samples
from . import Finding
from ._mdp import random_mdp, score_sums, softmax

COIN = (1, 2, 5, 10, 20, 50, 100)
"""Horizons of the coin, whose exact share of effective samples is known."""
HORIZONS = (1, 2, 4, 6, 8, 10, 12)
"""Horizons of the MDP."""
EPISODES = 200_000
REUSE: tuple[Any, ...] = ("trajectory", "per_decision", "first_order")


def experiment(seed: int) -> Finding:
    """Effective samples of a coin, bias and variance of three weights on an MDP."""
    rng = np.random.default_rng(seed)
    shares = [_coin(horizon, rng) for horizon in COIN]
    theory = [1.04**-horizon for horizon in COIN]
    found = {reuse: [_moments(horizon, reuse, seed) for horizon in HORIZONS] for reuse in REUSE}
    rows: list[tuple[Any, ...]] = [
        ("coin", horizon, share, exact, "", "") for horizon, share, exact in zip(COIN, shares, theory, strict=True)
    ]
    for reuse, figures in found.items():
        rows += [(reuse, horizon, "", "", v, z) for horizon, (v, z, _) in zip(HORIZONS, figures, strict=True)]
    variance = {reuse: np.array([v for v, _, _ in figures]) for reuse, figures in found.items()}
    growth = {reuse: np.polyfit(HORIZONS[2:], np.log(v[2:]), 1)[0] for reuse, v in variance.items()}
    line = np.corrcoef(HORIZONS[2:], np.log(variance["trajectory"][2:]))[0, 1] ** 2
    worst = max(z for reuse in REUSE[:2] for _, z, _ in found[reuse])
    bias, least = found["first_order"][-1][2], max(z for _, z, _ in found["first_order"])
    checks = {
        "the share of effective samples is 1.04^-T (within a fifth, up to T = 50)": bool(
            np.allclose(shares[:-1], theory[:-1], rtol=0.2)
        ),
        f"weights of trajectories and decisions are unbiased (worst of 4 standard errors: {worst:.1f})": worst < 4,
        f"the logarithm of the trajectories' variance is a line in T (R^2 {line:.3f}), rising": line > 0.95
        and growth["trajectory"] > 0.1,
        "decisions vary less than trajectories, the longer the more": bool(
            variance["per_decision"][-1] < variance["trajectory"][-1] and growth["per_decision"] < growth["trajectory"]
        ),
        "first-order weights vary least": variance["first_order"][-1] < variance["per_decision"][-1],
        f"but are biased (by {least:.0f} standard errors, {bias:.1%} of the gradient at T = {HORIZONS[-1]})": least > 6,
    }

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        left.plot(COIN, shares, "o", label="measured")
        left.plot(COIN, theory, label="1.04^-T")
        left.set(yscale="log", xlabel="horizon T", ylabel="share of effective samples")
        for reuse, values in variance.items():
            right.plot(HORIZONS, values, "o-", label=reuse.replace("_", " "))
        right.set(yscale="log", xlabel="horizon T", ylabel="variance of one episode's gradient")
        for axes in (left, right):
            axes.legend(frameon=False)

    return Finding(("weights", "T", "effective", "theory", "variance", "worst z"), rows, checks, draw)


def _coin(horizon: int, rng: np.random.Generator) -> float:
    """Share of effective samples of `horizon` even choices that stand for ones at 0.6."""
    heads = rng.binomial(horizon, 0.5, EPISODES)
    return effective_samples(heads * np.log(1.2) + (horizon - heads) * np.log(0.8))


def _moments(horizon: int, reuse: Any, seed: int) -> tuple[float, float, float]:
    """Variance of one episode's gradient, worst z of the mean, and its distance from the gradient relative to that."""
    rng = np.random.default_rng(seed)  # the same MDP and policies for every horizon
    mdp = random_mdp(rng, states=3, actions=2, horizon=horizon)
    logits, acted = (rng.normal(0, 0.4, (3, 2)) for _ in range(2))
    play = mdp.play(acted, EPISODES, rng)
    log_ratio = np.log(softmax(logits) / softmax(acted))[play.state, play.action]
    gain, _ = credit(log_ratio, play.reward, Config(reuse=reuse, clip=None, gamma=1.0))
    g = score_sums(play, gain, logits)
    exact = mdp.gradient(logits, 1.0)
    z = np.abs(g.mean(0) - exact) / (g.std(0) / np.sqrt(EPISODES) + 1e-12)
    return float(g.var(0).sum()), float(z.max()), _distance(g.mean(0), exact)


def _distance(mean: NDArray, exact: NDArray) -> float:
    return float(np.linalg.norm(mean - exact) / np.linalg.norm(exact))
