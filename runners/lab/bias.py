"""The further a return looks before a wrong V takes over, the less bias and the more variance it has.

T-107 (Kaplan, section 8.2): n-step returns and lambda-returns of a random MDP whose values are known exactly, with a V
that is wrong by about 2 in every state. (A small lambda averages over the errors of V in several states, and can have
less variance than none.) And the sum of the n-step advantages that GAE is defined by equals its
recursion (Schulman et al. 2016, arXiv:1506.02438).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.learn.returns import gae, n_step, td_lambda
from . import Finding
from ._mdp import Mdp, random_mdp, softmax

STEPS = (1, 2, 3, 5, 8, 12, 20)
LAMBDAS = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)
GAMMA = 0.95
EPISODES = 100_000


def experiment(seed: int) -> Finding:
    """Bias and variance of both kinds of return at the start of an episode."""
    rng = np.random.default_rng(seed)
    mdp = random_mdp(rng, horizon=20)
    logits = rng.normal(0, 0.5, mdp.reward.shape)
    value = (softmax(logits) * mdp.action_values(logits, GAMMA)).sum(-1)  # (T, S)
    play = mdp.play(logits, EPISODES, rng)
    wrong = value + 2.0 + rng.normal(0, 0.5, len(logits))
    time = np.arange(mdp.horizon)[:, None]
    next_value = np.zeros_like(play.reward)
    next_value[:-1] = wrong[time[1:], play.state[1:]]
    done = np.zeros(play.reward.shape, np.bool_)
    done[-1] = True

    def moments(target: NDArray) -> tuple[float, float]:
        """Squared bias and variance of targets (E,) at the first step, means over the states it may be in."""
        parts = [target[play.state[0] == s] for s in range(len(logits))]
        bias = [part.mean() - value[0, s] for s, part in enumerate(parts)]
        return float(np.square(bias).mean()), float(np.mean([part.var() for part in parts]))

    by_steps = [moments(n_step(play.reward, next_value, done, GAMMA, n)[0]) for n in STEPS]
    by_lambda = [moments(td_lambda(play.reward, next_value, done, GAMMA, lam)[0]) for lam in LAMBDAS]
    error = _recursion_error(
        mdp, play.reward[:, :50], wrong[time, play.state][:, :50], next_value[:, :50], done[:, :50]
    )
    rows = [(f"n = {n}", *figures) for n, figures in zip(STEPS, by_steps, strict=True)]
    rows += [(f"lambda = {lam}", *figures) for lam, figures in zip(LAMBDAS, by_lambda, strict=True)]
    checks = {
        "the bias falls with n": _monotone([-b for b, _ in by_steps]),
        "the variance rises with n": _monotone([v for _, v in by_steps]),
        "the bias falls with lambda": _monotone([-b for b, _ in by_lambda]),
        "the variance rises with lambda, from 1/2 on": _monotone([v for _, v in by_lambda[2:]]),
        "lambda = 0 is one step, lambda = 1 all of them": bool(
            np.allclose([by_lambda[0], by_lambda[-1]], [by_steps[0], by_steps[-1]])
        ),
        f"GAE's recursion is its sum of n-step advantages (to {error:.0e})": error < 1e-12,
    }

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for label, figures, names in (("n-step", by_steps, STEPS), ("lambda", by_lambda, LAMBDAS)):
            bias, variance = np.array(figures).T
            axes.plot(bias, variance, "o-", label=label)
            for b, v, name in zip(bias, variance, names, strict=True):
                axes.annotate(str(name), (b, v), textcoords="offset points", xytext=(5, 5))
        axes.set(xlabel="squared bias", ylabel="variance", xscale="symlog")
        axes.legend(frameon=False)

    return Finding(("return", "bias^2", "variance"), rows, checks, draw)


def _monotone(values: list[float]) -> bool:
    """Whether each value is above the one before, by more than chance does to it."""
    return bool((np.diff(values) > 0.01 * np.abs(values).max()).all())


def _recursion_error(mdp: Mdp, reward: NDArray, value: NDArray, next_value: NDArray, done: NDArray) -> float:
    """Largest difference between GAE and (1 - lam) sum_n lam^(n-1) (n-step return - V) at the first step."""
    lam, horizon = 0.7, mdp.horizon
    advantages = [n_step(reward, next_value, done, GAMMA, n)[0] - value[0] for n in range(1, horizon + 1)]
    weights = (1 - lam) * lam ** np.arange(horizon)
    weights[-1] = lam ** (horizon - 1)  # from the last step on all are the same
    summed = weights @ np.array(advantages)
    return float(np.abs(gae(reward, value, next_value, done, GAMMA, lam)[0] - summed).max())
