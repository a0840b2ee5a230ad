"""Judges: how good an agent is while it trains, by returns on environments of its own or by games against others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from gymnasium.vector import VectorEnv

from ... import agents
from ...agents import Agent
from ...core.games.game import game_of
from ...core.spaces.tokens import Tokens
from ..evaluation.answers import written
from ..evaluation.evaluate import Evaluation, evaluate
from ..evaluation.likelihood import likelihood
from ..evaluation.strength import Ladder
from ..runs.load import eval_env
from ..runs.run import Run

_TEXTS = 3  # that are shown of an agent that writes


@dataclass(frozen=True)
class Verdict:
    """A judgement of an agent as it is now."""

    row: dict[str, float]
    """Metrics to log."""
    best: bool
    """Whether it is the best so far, to be kept."""
    evaluation: Evaluation | None
    """The returns, if it was judged by returns."""
    texts: tuple[str, ...] = ()
    """Some that it wrote, if it writes."""


class Judge(Protocol):
    """Judges an agent now and then during a run."""

    def judge(self, agent: Agent, stop: Sequence[Any] = ()) -> Verdict:
        """How good it is now.

        Raises:
            Stopped: if `stop` comes to hold something on the way.
        """
        ...

    def state(self) -> Any:
        """State that later verdicts depend on."""
        ...

    def load_state(self, state: Any) -> None:
        """Go on from `state()`."""
        ...

    def close(self) -> None:
        """Close its environments."""
        ...


def judge(run: Run, env: VectorEnv, seed: int) -> Judge | None:
    """The judge of a run that learns in `env`, or None where there is no environment but that one."""
    game = game_of(env.single_observation_space)
    if game:
        return Rungs(Ladder(game, seed), run.eval_episodes)
    return None if isinstance(run.env, VectorEnv) else Returns(run, seed)


class Returns:
    """Returns of whole episodes; the highest mean is the best, or the least loss of whoever is judged by that."""

    def __init__(self, run: Run, seed: int) -> None:
        self._run, self._seed = run, seed
        self._env: VectorEnv | None = None  # made when it is first needed
        self._best = -np.inf

    def judge(self, agent: Agent, stop: Sequence[Any] = ()) -> Verdict:
        if self._env is None:
            self._env = self._made()
        run = self._run
        evaluation = evaluate(agent, self._env, run.eval_episodes, self._seed, steps=run.eval_steps, stop=stop)
        row = {"eval/return": evaluation.mean, "eval/length": float(np.mean(evaluation.lengths))}
        if evaluation.success is not None:
            row["eval/success"] = evaluation.success
        row |= likelihood(agent, self._env, self._seed)
        merit = -row["eval/loss"] if "eval/loss" in row else evaluation.mean
        best = merit >= self._best
        self._best = max(merit, self._best)
        return Verdict(row, best, evaluation, tuple(self._written(agent, self._env)))

    def _written(self, agent: Agent, env: VectorEnv) -> Iterator[str]:
        """Answers drawn from the policy, always to the same questions."""
        if isinstance(env.single_observation_space, Tokens):
            yield from map(str, written(agent.acting(1, "sample", self._seed), env, _TEXTS, self._seed))

    def _made(self) -> VectorEnv:
        try:
            return eval_env(self._run, self._run.eval_episodes)
        except Exception as problem:
            problem.add_note(
                "So evaluation has no copies of the environment beside those that train: --eval-copies 1 makes one, "
                "--evals 0 none."
            )
            raise

    def state(self) -> float:
        return self._best

    def load_state(self, state: float) -> None:
        self._best = state

    def close(self) -> None:
        if self._env is not None:
            self._env.close()


class Rungs:
    """A ladder of ratings; no rung is the best: differences between neighbours are lost in the noise of few games."""

    def __init__(self, ladder: Ladder, games: int) -> None:
        self.ladder, self._games = ladder, games

    def judge(self, agent: Agent, stop: Sequence[Any] = ()) -> Verdict:
        return Verdict(self.ladder.climb(agents.champion(agent), self._games, stop), False, None)

    def state(self) -> dict[str, Any]:
        return self.ladder.state()

    def load_state(self, state: dict[str, Any]) -> None:
        self.ladder.load_state(state)

    def close(self) -> None:
        """There is nothing to close."""
