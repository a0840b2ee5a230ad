"""Dividing by an answer's length makes right answers shorter and wrong ones longer, though reward knows no length.

An answer of a model that stops with the same probability after each token has a geometric length, so that the
expected gradient by that probability is a series. The gradient of the expected reward is 0 where the reward does
not depend on length: answers that are all right, or all wrong, have nothing to learn about it. One over each answer's
length (GRPO, arXiv:2402.03300) has another (arXiv:2503.20783), one over all tokens (DAPO, arXiv:2503.14476) is right on
average up to a factor; to leave END out of the gradient has one that never lets an answer end.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.learn.groups import Normalise, weights
from . import Finding

STOPS = (0.5, 0.2, 0.1, 0.05)
"""Probabilities of END after each token."""
LONGEST = 4000
"""Tokens after which there is nothing left of the series."""
KINDS: tuple[Normalise, ...] = ("constant", "sequence")


def experiment(seed: int) -> Finding:
    """Gradients by the probability of END for answers that are all right; wrong ones have the opposite."""
    found = {kind: [pushed(stop, kind) for stop in STOPS] for kind in KINDS}
    blind = [pushed(stop, "constant", end=False) for stop in STOPS]
    theory = [closed(stop) for stop in STOPS]
    rows = [
        (f"{stop}", 1 / stop, found["constant"][k], found["sequence"][k], theory[k], blind[k])
        for k, stop in enumerate(STOPS)
    ]
    toward = _lengths(seed)
    checks = {
        "one constant has no gradient by length": bool(np.allclose(found["constant"], 0, atol=1e-9)),
        "one over the length pushes right answers to end": min(found["sequence"]) > 0,
        "as the closed form says": bool(np.allclose(found["sequence"], theory, rtol=1e-6)),
        "the more, the longer answers are": bool(np.all(np.diff(found["sequence"]) > 0)),
        "without END's own gradient they are pushed to go on": max(blind) < 0,
        f"1,000 steps on right answers change their mean length from 10 to {toward['sequence']:.1f} tokens where it is "
        f"divided by, and to {toward['constant']:.1f} where not": toward["sequence"] < 9 < toward["constant"] < 11,
    }

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for name, line in ("one constant", found["constant"]), ("one over the length", found["sequence"]):
            axes.plot([1 / stop for stop in STOPS], line, "o-", label=name)
        axes.set(xlabel="mean length of an answer", ylabel="gradient by the probability of END, right answers")
        axes.legend(frameon=False)

    return Finding(("END at", "mean length", *KINDS, "closed form", "without END"), rows, checks, draw)


def pushed(stop: float, kind: Normalise, end: bool = True) -> float:
    """Expected gradient by the probability of END, where every answer has the advantage 1."""
    length = np.arange(1, LONGEST)
    chance = stop * (1 - stop) ** (length - 1)
    weight = weights(length, kind) * len(length)  # of an answer that is alone
    score = end / stop - (length - 1) / (1 - stop)  # of all tokens of an answer
    return float((chance * weight * score).sum())


def closed(stop: float) -> float:
    """The same for one over the length: (E[1 / length] - stop) / (stop (1 - stop))."""
    return (-stop * np.log(stop) / (1 - stop) - stop) / (stop * (1 - stop))


def _lengths(seed: int) -> dict[Normalise, float]:
    """Mean length after 1,000 steps of 64 answers, drawn at first with END at 0.1, all of them right."""
    after: dict[Normalise, float] = {}
    for kind in KINDS:
        rng, logit = np.random.default_rng(seed), np.log(0.1 / 0.9)
        for _ in range(1000):
            stop = 1 / (1 + np.exp(-logit))
            length: NDArray[np.int64] = rng.geometric(stop, 64)
            score = (1 - stop) - stop * (length - 1)
            logit += 1e-3 * float((weights(length, kind) * score).sum())
        after[kind] = float(1 + np.exp(-logit))
    return after
