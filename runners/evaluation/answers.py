"""Judgements of agents that write: right answers by one try and by several, likelihood, and some answers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import comb
from typing import NamedTuple, cast

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import ArrayLike

from ...agents import Agent
from ...core.acting import Acting
from ...core.heads.sampling import Sampling
from ...core.tokens import printable
from ...envs.text.asked import Asked
from ...envs.text.picture import letters
from ...envs.text.vector import TextVectorEnv
from ..runs.load import threads_for
from .evaluate import STEPS, Evaluation, evaluate, watched
from .likelihood import likelihood
from .writing import Piece, sampled, text_space, write

SHOWN = 4
"""Answers that are shown."""
_LONGEST = 160  # tokens of an answer that is shown where the task has no limit


class Answer(NamedTuple):
    """One answer, token by token."""

    asked: Asked
    pieces: list[Piece]

    def __str__(self) -> str:
        return letters(self.asked.shown([piece.token for piece in self.pieces]))


@dataclass(frozen=True)
class Answers(Evaluation):
    """Returns of the likeliest answers, what draws come to, and how likely worked answers are.

    Where answers are right or wrong, `success` is the share of exact matches. Draws answer the same questions.
    """

    samples: int = 0
    """Draws for each question; 0 where nothing is right or wrong."""
    temperature: float = 1.0
    """Temperature of what is drawn."""
    pass_at: dict[int, float] = field(default_factory=dict)
    """By k, the share of the questions of which one of k draws is right."""
    likelihood: dict[str, float] = field(default_factory=dict)
    """Nats per token and bits per byte of worked answers, for an agent that is judged by them."""
    texts: list[str] = field(default_factory=list)
    """Some answers that were drawn, with their verdicts."""

    succeeded = "exact match {:.1%} of the questions"

    def line(self) -> str:
        return super().line() + "".join(f"  pass@{k} {self.pass_at[k]:6.1%}" for k in sorted(self.pass_at)[-1:])

    def lines(self) -> list[str]:
        lines = super().lines()
        if self.pass_at:
            lines.append("  " + "  ".join(f"pass@{k} {share:.1%}" for k, share in self.pass_at.items()))
            lines.append(f"          from {self.samples} answers to each, drawn at temperature {self.temperature:g}")
        if self.likelihood:
            nats, bits = self.likelihood["eval/loss"], self.likelihood["eval/bits_per_byte"]
            lines.append(f"  loss    {nats:.4f} nats per token, {bits:.4f} bits per byte")
        return [
            *lines,
            *(
                "\n    ".join([f"  · {first}", *more])
                for first, *more in map(str.splitlines, map(printable, self.texts))
            ),
        ]


def answers(
    agent: Agent,
    env: VectorEnv,
    episodes: int,
    seed: int,
    stochastic: bool = False,
    steps: int = STEPS,
    samples: int = 16,
    temperature: float = 1.0,
) -> Answers:
    """An agent's answers to so many questions of `env`, an environment of text, with `samples` draws of each."""
    sampling, passed = Sampling(temperature), {}
    plain = evaluate(agent, env, episodes, seed, stochastic, steps)
    with threads_for(agent.convolutional):
        if plain.successes is not None and samples:
            right = np.zeros(episodes, np.int64)
            for draw in range(samples):
                acting = sampled(agent, sampling, seed + draw, env.num_envs)
                right += np.array(watched(acting, env, episodes, seed).successes, np.int64)
            passed = {k: pass_at(right, samples, k) for k in _tries(samples)}
        found = likelihood(agent, env, seed)
        texts = [str(answer) for answer in written(sampled(agent, sampling, seed), env, SHOWN, seed)]
    figures = plain.returns, plain.lengths, plain.cut, plain.successes
    return Answers(*figures, samples if passed else 0, temperature, passed, found, texts)


def written(acting: Acting, env: VectorEnv, count: int, seed: int) -> Iterator[Answer]:
    """So many answers of someone who writes one text at a time, to questions that `env` asks from this `seed` on."""
    teacher, space = cast("TextVectorEnv", env.unwrapped), text_space(env.single_observation_space)
    for k in range(count):
        teacher.reset(seed=None if k else seed)
        asked = teacher.asked()
        most = asked.longest or _LONGEST
        pieces = write(acting, space, asked.prompt, most, asked.reply)
        yield Answer(asked, list(pieces))


def pass_at(right: ArrayLike, samples: int, k: int) -> float:
    """Share of questions of which one of k draws is right, from how many of `samples` were right for each (Q,).

    The mean of 1 - C(n - c, k) / C(n, k), which is unbiased (Chen et al. 2021, arXiv:2107.03374); to try k of them and
    look is as well, but noisier, and 1 - (1 - c / n)^k is not.
    """
    ways = comb(samples, k)
    return float(np.mean([1 - comb(samples - count, k) / ways for count in np.asarray(right).tolist()]))


def _tries(samples: int) -> list[int]:
    """The k of pass@k: powers of two, and all."""
    return [*(1 << power for power in range(samples.bit_length()) if 1 << power < samples), samples]
