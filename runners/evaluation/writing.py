"""Going on from a text, token by token, with whoever writes."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...agents import Agent
from ...core.acting import Acting
from ...core.errors import UsageError
from ...core.heads.sampling import Sampling
from ...core.rollout.sampled import Sampled
from ...core.spaces.tokens import Tokens

TOKENS = 400
"""Most tokens that are written where nothing else ends a text."""
_FORGOTTEN = 4  # of a text as long as the network can read, the first one of so many parts
_CUT = "\ufffd"  # what bytes are decoded to that are no whole character


class Piece(NamedTuple):
    """One token of an answer."""

    token: int
    text: str
    """The text that can be read from here on: nothing where it ends within a character."""
    probability: float | None = None
    """Probability of the token under the whole policy; none where the agent did not write it, or tells none."""
    value: float | None = None
    """Value of the text before it, if the agent has values."""


def text_space(space: object) -> Tokens:
    """The space of texts that an agent writes.

    Raises:
        UsageError: if it writes none.
    """
    if not isinstance(space, Tokens):
        raise UsageError("this agent writes no texts: it learned in no environment of text")
    return space


def sampled(agent: Agent, sampling: Sampling, seed: int, rows: int = 1) -> Acting:
    """One who writes so many texts side by side, drawn as `sampling` says."""
    if sampling == Sampling():
        return agent.acting(rows, "sample", seed)
    return Sampled(agent.acting(rows, "best", seed), sampling, seed)


def write(
    acting: Acting,
    space: Tokens,
    prompt: NDArray[np.int32],
    most: int,
    reply: Callable[[Sequence[int]], Sequence[int]] | None = None,
) -> Iterator[Piece]:
    """The tokens that follow a prompt (L,), up to END or to `most` of them, each as soon as it is written.

    A network reads at most `space.context` tokens; when a text has become longer, its first quarter is forgotten, and
    so on. `reply` gives what somebody else appends to the tokens written so far.

    Raises:
        UsageError: if the prompt is empty.
    """
    if not len(prompt):
        raise UsageError("there is nothing to go on from; write at least one character")
    vocabulary, tokens, written = space.vocabulary, prompt.tolist(), _Readable(space)
    begins, start = np.ones(1, np.bool_), 0
    response: list[int] = []
    while len(response) < most and vocabulary.end not in response[-1:]:
        while len(tokens) - start > space.context - 1:
            start += max(space.context // _FORGOTTEN, 1)
        obs = np.full((1, space.context), vocabulary.pad, np.int32)
        obs[0, : len(tokens) - start] = tokens[start:]
        token = int(acting(obs, begins)["action"][0])
        thoughts, begins = acting.thoughts(), np.zeros(1, np.bool_)
        shares, values = thoughts.get("action probability"), thoughts.get("value")
        said = float(shares[0, token]) if shares is not None else None, float(values[0]) if values is not None else None
        response.append(token)
        yield Piece(token, written.add(token, last=len(response) == most), *said)
        for other in (reply(response) if reply else ())[: most - len(response)]:
            response.append(other)
            yield Piece(other, written.add(other, last=len(response) == most))
        tokens = prompt.tolist() + response


class _Readable:
    """Texts of tokens that come one by one, of which some are parts of characters."""

    def __init__(self, space: Tokens) -> None:
        self._vocabulary = space.vocabulary
        self._tokens: list[int] = []
        self._shown = 0

    def add(self, token: int, last: bool) -> str:
        """The text that one more token makes readable."""
        self._tokens.append(token)
        text = self._vocabulary.decode(self._tokens)
        if text.endswith(_CUT) and not last and token != self._vocabulary.end:
            return ""
        new, self._shown = text[self._shown :], len(text)
        return new
