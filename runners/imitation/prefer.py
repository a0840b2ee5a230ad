"""Comparisons of answers: several to each question, and a judge who says which is better."""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ... import envs
from ...core.acting import Acting
from ...core.batch import Batch
from ...core.errors import UsageError
from ...core.learn.comparisons import MOST, QUESTION, RANK
from ...core.rollout import demos
from ...core.rollout.demos import Demos, Trajectory, Writer
from ...core.rollout.engine import Rollout, Whole
from ...core.spaces.tokens import Tokens
from ...core.tokens import printable
from ..runs import run as runs
from ..runs.load import seen_as, threads_for, trained
from ..runs.run import Run

Judge = Literal["gold", "me"]
Asked = Callable[[str, list[str]], int | None]
"""A person: question and different answers -> the place of the better one; None for neither. EOFError ends it all."""

_ROWS = 64  # answers that are written side by side
_ALIKE = 1000  # pairs of equal answers in a row, after which there seem to be no others


def prefer(
    run: str | Path,
    out: str | Path,
    pairs: int = 1000,
    *,
    judge: Judge = "gold",
    answers: int = 2,
    temperature: float = 1.0,
    error: float = 0.0,
    seed: int = 0,
    append: bool = False,
    trust: bool = False,
    ask: Asked | None = None,
) -> Demos:
    """Record comparisons of what a run's policy writes in the folder `out`, which `reward_model` and `dpo` learn from.

    They are demonstrations whose steps know their "question" and the "rank" of their answer, 0 the best.

    Args:
        run: folder of a run that writes texts; answers are drawn from its policy.
        pairs: number of questions.
        judge: "gold" ranks by the environment's rewards; "me" is a person, whom `ask` asks.
        answers: answers to each question, of which a ranking is recorded; a person compares two.
        temperature: of gold judges, who prefer one answer to another with probability sigmoid(difference of rewards /
            temperature), and rank several as Plackett and Luce do; 0 for judges who never err, and see no difference
            where there is none.
        error: share of the questions that gold judges rank the other way round.
        append: add to the comparisons in the folder, others with the same seed.
        trust: import and call what the run's files name, whoever wrote them.

    Raises:
        UsageError: if the run writes no texts, or a number is out of range.
    """
    _check(pairs, answers, temperature, error, seed, judge, ask)
    before = runs.load(Path(run) / "run.json", trust)
    env = _asking(before, run, min(_ROWS // answers, pairs) * answers, answers)
    space = env.single_observation_space
    where = runs.env_name(before.env), space, env.single_action_space
    with closing(env), threads_for(images=False), Writer(Path(out), *where, append) as writer:
        agent, _ = trained(before, Path(run), env)
        done = writer.episodes  # as a part of the seed, so that more comparisons are others
        words = np.random.SeedSequence([seed, done]).generate_state(3, np.uint32) >> 1
        rollout, random = Rollout(env, Whole(1), int(words[0])), np.random.default_rng(words[1])
        answered = _answered(rollout, agent.acting(env.num_envs, "sample", int(words[2])), answers, str(run), seed)
        with suppress(EOFError):
            for number in range(done, done + pairs):
                some, rank = _compared(answered, ask, space, temperature, error, random)
                for one, place in zip(some, rank.tolist(), strict=True):
                    writer.add(_marked(one, number, place, judge))
    return demos.load(Path(out))


def _asking(run: Run, folder: str | Path, rows: int, answers: int) -> Any:
    """The environments of a run, in which `answers` rows answer a question together.

    Raises:
        UsageError: if it writes no texts.
    """
    given = {name: x for name, x in run.env_args.items() if name not in envs.to_learn(run.env)}
    with closing(envs.make(run.env, 1, **seen_as(run), **given)) as single:
        if not isinstance(single.single_observation_space, Tokens):
            raise UsageError(f"{folder} writes no texts, which prefer compares; collect records other demonstrations")
    return envs.make(run.env, rows, **seen_as(run), **given, group=answers, waits=True)


def _answered(rollout: Rollout, acting: Acting, answers: int, actor: str, seed: int) -> Iterator[list[Trajectory]]:
    """The answers to one question after another, without an end."""
    while True:
        texts = _whole(rollout.collect(acting), rollout, actor, seed)
        for k in range(0, len(texts), answers):
            yield texts[k : k + answers]


def _compared(
    answered: Iterator[list[Trajectory]],
    ask: Asked | None,
    space: Tokens,
    temperature: float,
    error: float,
    random: np.random.Generator,
) -> tuple[list[Trajectory], NDArray[np.int64]]:
    """The next answers that a judge sees a difference between, and their ranks.

    Raises:
        UsageError: if a person would never be asked, for all answers to a question are the same.
    """
    alike = 0
    for some in answered:
        if ask is None:
            return some, _ranked(np.array([one.reward.sum() for one in some]), temperature, error, random)
        question, *texts = _texts(some, space)
        if texts[0] != texts[1]:
            alike = 0
            if (better := ask(question, texts)) is not None:
                return some, np.arange(2) ^ better
        elif (alike := alike + 1) == _ALIKE:
            raise UsageError("the policy always writes the same answer to a question: there is nothing to compare")
    raise EOFError


def _check(
    pairs: int, answers: int, temperature: float, error: float, seed: int, judge: Judge, ask: Asked | None
) -> None:
    if pairs < 1 or seed < 0 or temperature < 0 or not 0 <= error <= 1:
        raise UsageError("pairs must be at least 1, seed and temperature at least 0, error between 0 and 1")
    if not 2 <= answers <= MOST:
        raise UsageError(f"answers is {answers}; to compare takes 2 to {MOST}")
    if (judge == "me") != (ask is not None):
        raise UsageError("judge me is for a person who is asked: gymnast prefer RUN --judge me, in a terminal")
    if judge == "me" and answers != 2:
        raise UsageError(f"answers is {answers}; a person compares 2 at a time")


def _ranked(
    reward: NDArray[np.float64], temperature: float, error: float, random: np.random.Generator
) -> NDArray[np.int64]:
    """How many answers a judge finds better than each (K,) of some with these rewards.

    Rewards with Gumbel noise are in the order that Plackett and Luce give, and of two as Bradley and Terry say.
    """
    noise, other = random.gumbel(size=len(reward)), random.random() < error
    worth = reward if temperature == 0 else reward / temperature + noise
    rank: NDArray[np.int64] = (worth[None] > worth[:, None]).sum(1)
    return rank.max() - rank if other else rank


def _texts(some: list[Trajectory], space: Tokens) -> list[str]:
    """The question, and the answers to it."""
    begins = int(space.lengths(some[0].obs[0]))
    return [
        printable(space.vocabulary.decode(part)) for part in (some[0].obs[0], *(one.obs[-1][begins:] for one in some))
    ]


def _whole(batch: Batch, rollout: Rollout, actor: str, seed: int) -> list[Trajectory]:
    """The answers in a batch that holds one of each row."""
    final = dict(zip(batch.final_at[:, 1].tolist(), batch.final_obs, strict=True))
    found = []
    for row in range(batch.reward.shape[1]):
        live = batch.valid[:, row]
        obs = np.concatenate([batch.obs[:-1][live, row], final[row][None]])
        action, reward = rollout.to_env(batch.action[live, row]), batch.reward[live, row].copy()
        found.append(Trajectory(obs, action, reward, True, {"actor": actor, "seed": seed, "played": 0}, {}))
    return found


def _marked(one: Trajectory, question: int, rank: int, judge: Judge) -> Trajectory:
    """An answer with what was said of it."""
    steps = len(one.action)
    extras = {QUESTION: np.full(steps, question, np.int64), RANK: np.full(steps, rank, np.int64)}
    return one._replace(about={**one.about, "judge": judge}, extras=extras)
