"""A person types how texts begin, and an agent goes on from there, in the terminal."""

import sys
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import cast

from gymnasium.vector import VectorEnv
from rich.console import Console

from ... import envs
from ...agents import Agent
from ...core.errors import UsageError
from ...core.heads.sampling import Sampling
from ...core.spaces.pair import Spaces
from ...core.spaces.tokens import Tokens
from ...core.tokens import printable
from ...envs import text
from ...envs.text.vector import TextVectorEnv
from ..evaluation.writing import TOKENS, sampled, text_space, write
from ..runs import run as runs
from ..runs.load import eval_env, left, refuse_others, threads_for
from ..runs.run import Run


def writes(run: Run) -> bool:
    """Whether a run is of an environment of text."""
    return isinstance(run.env, str) and text.is_text(envs.resolve(run.env))


def play(
    run: Run, folder: Path, which: str, sampling: Sampling, prompt: str | None, tokens: int | None, seed: int
) -> None:
    """Go on from `prompt`, or from each line that a person types or a program gives, with the agent of a run.

    Raises:
        UsageError: if the vocabulary lacks something in `prompt`.
    """
    known = left(run, folder, which)
    space, env = text_space(known.spaces.observation), _environment(run, known.spaces)
    with closing(env) if env else nullcontext(), threads_for(known.agent.convolutional):
        desk = Desk(known.agent, space, env, sampling, tokens, seed)
        if prompt is not None:
            desk.answer(prompt)
            return
        if sys.stdin.isatty():
            print(f"{run.algo} on {runs.env_name(run.env)}, {which} checkpoint. {desk.about}. Ctrl-D ends.\n")
        for line in _typed():
            try:
                desk.answer(line)
            except UsageError as problem:
                print(problem, file=sys.stderr, flush=True)


class Desk:
    """Where an agent goes on from whatever is laid before it, each time with other draws.

    Args:
        env: the environment that it learned in, to ask and to judge; none: nobody does.
        tokens: the most that are written; none: as many as the task has room for.
    """

    def __init__(
        self, agent: Agent, space: Tokens, env: VectorEnv | None, sampling: Sampling, tokens: int | None, seed: int
    ) -> None:
        self._agent, self._space, self._sampling, self._tokens = agent, space, sampling, tokens
        self._teacher = None if env is None else cast("TextVectorEnv", env.unwrapped)
        self._seed, self._answers = seed, 0
        self._console = Console(highlight=False, markup=False, soft_wrap=True)
        if self._teacher:
            self._teacher.reset(seed=seed)

    @property
    def about(self) -> str:
        """An invitation to type."""
        if self._teacher is None:
            return "Type how a text begins"
        asked = self._teacher.asked()
        what = ("how a text begins", "a beginning") if asked.longest is None else ("a question", "a question")
        such = self._space.vocabulary.decode(asked.prompt)
        return f"Type {what[0]}, such as {such!r}, or nothing for {what[1]} of the environment's own"

    def answer(self, typed: str) -> None:
        """Write what follows, as it comes, and the verdict if there is one.

        Raises:
            UsageError: if the vocabulary lacks something that was typed.
        """
        asked = None
        if self._teacher is not None:
            asked = self._teacher.pose(typed) if typed else self._teacher.asked()
        prompt = self._space.vocabulary.encode(typed) if asked is None else asked.prompt
        longest = asked.longest if asked else None
        acting = sampled(self._agent, self._sampling, self._seed + self._answers)
        most = min(self._tokens or longest or TOKENS, longest or sys.maxsize)
        pieces = write(acting, self._space, prompt, most, asked.reply if asked else None)
        response: list[int] = []
        for piece in pieces:
            if not response:
                self._print(self._space.vocabulary.decode(prompt), "dim")
            response.append(piece.token)
            self._print(piece.text)
        shown = asked.shown(response) if asked else None
        if shown and shown.verdict:
            self._print(f" [{shown.verdict}]", "green" if shown.good else "red")
        self._console.print()
        self._answers += 1
        if self._teacher is not None and not typed:
            self._teacher.reset()  # the next question

    def _print(self, text: str, style: str | None = None) -> None:
        self._console.print(printable(text), end="", style=style)


def _environment(run: Run, spaces: Spaces) -> VectorEnv | None:
    """The environment of a run, if it can still be made as it was; else says why not."""
    try:
        env = eval_env(run, 1)
        refuse_others(run, spaces, Spaces.of(env))
    except UsageError as problem:
        print(f"gymnast: nobody judges the answers, for {problem}", file=sys.stderr, flush=True)
        return None
    return env


def _typed() -> Iterator[str]:
    """The lines of the input, up to its end."""
    if not sys.stdin.isatty():
        yield from (line.removesuffix("\n") for line in sys.stdin)
        return
    while True:
        try:
            yield input("> ")
        except EOFError:
            print()
            return
