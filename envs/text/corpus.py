"""A text of one's own, to be predicted token by token."""

import os
import pydoc_data.topics
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...core.errors import UsageError
from ...core.tokens import Bytes, Pairs, Vocabulary, characters
from .task import Questions, Scores, Split, chosen, counted, file_of
from .taught import corrected, share

VOCABULARIES = ("characters", "bytes", "pairs")
TESTED = 0.1
"""The share of a text, at its end, that only tests show."""


class Text:
    """Windows of `context` + 1 tokens, anywhere in a text; the first is given, and the others are to be predicted.

    The reward for a token predicted is 1 / `context`, the true one follows whatever was predicted, so the return is the
    share predicted. The last tenth of the text is for tests.

    Args:
        file: a text file in UTF-8; without one it is what Python knows of itself (`help("topics")`).
        context: tokens to predict.
        vocabulary: "characters" (those that occur in it), "bytes", or "pairs" (byte pairs, learned from the text).
        symbols: how many byte pairs to learn.
    """

    graded = True

    def __init__(self, file: str = "", context: int = 64, vocabulary: str = "characters", symbols: int = 512) -> None:
        self._context = counted("context", context, 1, 1 << 16)
        chosen("vocabulary", vocabulary, VOCABULARIES)
        changed = os.stat(file).st_mtime_ns if file and os.path.exists(file) else 0
        self.vocabulary, self.train, self.test = _read(
            file, changed, vocabulary, counted("symbols", symbols, 1, 1 << 20)
        )
        self.longest = 1, self._context
        if (shortest := min(len(self.train), len(self.test))) <= self._context:
            raise UsageError(f"a part of the text has {shortest} tokens, too few for windows of {context} and one more")

    def ask(self, rng: np.random.Generator, count: int, split: Split) -> Questions:
        """The beginnings of the windows are hidden: in the test part for numbers below 0, by -1 - the place."""
        part = self.train if split == "train" else self.test
        places = rng.integers(len(part) - self._context, size=count)
        return Questions(part[places, None], places if split == "train" else -1 - places)

    def score(self, questions: Questions, response: NDArray[np.int32], length: NDArray[np.int64]) -> Scores:
        return share(self._windows(questions), response)

    def correct(
        self, questions: Questions, response: NDArray[np.int32], length: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        return corrected(self._windows(questions), response, length)

    def example(self, questions: Questions, rng: np.random.Generator) -> list[NDArray[np.int32]]:
        """The windows as they go on, without END."""
        return list(self._windows(questions))

    def _windows(self, questions: Questions) -> NDArray[np.int32]:
        """(Q, context) the tokens after the first."""
        places, there = questions.hidden, np.arange(1, self._context + 1)
        out = np.empty((len(places), self._context), np.int32)
        tested = places < 0
        out[~tested] = self.train[places[~tested, None] + there]
        out[tested] = self.test[-1 - places[tested, None] + there]
        return out


@lru_cache(maxsize=4)
def _read(file: str, changed: int, kind: str, symbols: int) -> tuple[Vocabulary, NDArray[np.int32], NDArray[np.int32]]:
    """The vocabulary of a text, and its tokens for training and for tests; `changed` tells versions of a file apart."""
    text = _text(file)
    cut = int(len(text) * (1 - TESTED))
    match kind:
        case "bytes":
            vocabulary: Vocabulary = Bytes()
        case "pairs":
            vocabulary = Pairs.train(text[:cut], symbols)
        case _:
            vocabulary = characters(text)
    return vocabulary, vocabulary.encode(text[:cut]), vocabulary.encode(text[cut:])


def _text(file: str) -> str:
    if file:
        return file_of(file, "a text")
    return "\n".join(text for _, text in sorted(pydoc_data.topics.topics.items()))
