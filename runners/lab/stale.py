"""Data of an older policy lead a policy gradient astray, the older the further; importance weights repair it.

T-113, T-016 (Kaplan, section 8): a policy is improved by its exact gradient on a random MDP; then its gradient is
estimated from episodes of itself k updates earlier, as if they were its own, with weights of single decisions, and with
clipped weights of the action alone, as PPO reuses a rollout.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...agents.reinforce import Config, credit
from . import Finding
from ._mdp import random_mdp, score_sums, softmax

AGES = (0, 1, 2, 5, 10, 20, 40)
EPISODES = 100_000
STEP = 0.5
"""Step size of the improvement, along the gradient of length 1."""
GAMMA = 0.95
NONE, DECISION, CLIPPED = "none", "per decision", "first order, clipped"
REUSE = {NONE: Config(gamma=GAMMA, clip=1e-12), DECISION: Config(gamma=GAMMA, reuse="per_decision")}
REUSE |= {CLIPPED: Config(gamma=GAMMA)}


def experiment(seed: int) -> Finding:
    """Angle between estimates from old episodes and the exact gradient, by age."""
    rng = np.random.default_rng(seed)
    mdp = random_mdp(rng, horizon=10, mean_reward=0.0)
    past = [rng.normal(0, 0.5, mdp.reward.shape)]
    for _ in range(max(AGES)):
        g = mdp.gradient(past[-1], GAMMA)
        past.append(past[-1] + STEP / 5 * (g / np.linalg.norm(g)).reshape(past[-1].shape))
    now, exact = past[-1], mdp.gradient(past[-1], GAMMA)
    value = (softmax(now) * mdp.action_values(now, GAMMA)).sum(-1)
    cosine: dict[str, list[float]] = {name: [] for name in REUSE}
    error: dict[str, list[float]] = {name: [] for name in REUSE}
    for age in AGES:
        acted = past[-1 - age]
        play = mdp.play(acted, EPISODES, rng)
        log_ratio = np.log(softmax(now) / softmax(acted))[play.state, play.action]
        for name, cfg in REUSE.items():
            gain, factor = credit(log_ratio, play.reward, cfg)
            g = score_sums(play, gain - factor * value[np.arange(10)[:, None], play.state], now).mean(0)
            cosine[name].append(_cosine(g, exact))
            error[name].append(float(np.linalg.norm(g - exact) / np.linalg.norm(exact)))
    rows = [(age, *(f[name][i] for name in REUSE for f in (cosine, error))) for i, age in enumerate(AGES)]
    oldest = {name: values[-1] for name, values in error.items()}
    half = error[DECISION][-2]
    checks = {
        "an estimate from fresh episodes is right (within 5%)": max(values[0] for values in error.values()) < 0.05,
        "without weights the error grows with age": bool((np.diff(error[NONE][1:]) > 0).all()),
        f"at the oldest it is more than half of the gradient ({oldest[NONE]:.2f})": oldest[NONE] > 0.5,
        f"weights of single decisions keep it right, half as old (within 5%: {half:.1%})": half < 0.05,
        f"clipped weights of the action help, but less ({oldest[CLIPPED]:.2f})": oldest[DECISION]
        < oldest[CLIPPED]
        < oldest[NONE],
    }

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        for name in REUSE:
            left.plot(AGES, cosine[name], "o-", label=name)
            right.plot(AGES, error[name], "o-", label=name)
        left.set(xlabel="age of the episodes, in updates", ylabel="cosine to the exact gradient")
        right.set(xlabel="age of the episodes, in updates", ylabel="relative error")
        right.legend(frameon=False, title="importance weights")

    columns = ("age", *(f"{name}: {what}" for name in REUSE for what in ("cosine", "error")))
    return Finding(columns, rows, checks, draw)


def _cosine(a: NDArray, b: NDArray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
