"""Copying: "bca=" is answered by "bca"."""

import re
import string

import numpy as np
from numpy.typing import NDArray

from ...core.tokens import Vocabulary
from .task import Questions, Scores, Split, among, consists, counted, of_split, rows_of, same, scores


class Copying:
    """One to `length` letters, of an alphabet of `symbols`, to be written again."""

    def __init__(self, length: int = 3, symbols: int = 8) -> None:
        self._most, symbols = counted("length", length, 1, 256), counted("symbols", symbols, 1, 26)
        self._alphabet = string.ascii_lowercase[:symbols]
        self.vocabulary = Vocabulary(self._alphabet + "=")
        self.longest = self._most + 1, self._most + 1
        self._letters = among(self.vocabulary, self._alphabet)

    def ask(self, rng: np.random.Generator, count: int, split: Split) -> Questions:
        return of_split(self._draw, rng, count, split, self.vocabulary.pad)

    def pose(self, prompt: str) -> Questions | None:
        if not re.fullmatch(rf"[{self._alphabet}]{{1,{self._most}}}=", prompt):
            return None
        letters = self.vocabulary.encode(prompt.ljust(self._most + 1, "="))
        return self._questions(letters[None], np.array([[len(prompt) - 1]]))

    def score(self, questions: Questions, response: NDArray[np.int32], length: NDArray[np.int64]) -> Scores:
        parsed = consists(response, length, self.vocabulary.end, self._letters)
        return scores(same(response, questions.hidden, length), parsed)

    def example(self, questions: Questions, rng: np.random.Generator) -> list[NDArray[np.int32]]:
        return rows_of(questions.hidden, self.vocabulary.pad)

    def _draw(self, rng: np.random.Generator, count: int) -> Questions:
        letters = rng.integers(self.vocabulary.symbols - 1, size=(count, self._most + 1), dtype=np.int32)
        return self._questions(letters, rng.integers(1, self._most + 1, size=(count, 1)))

    def _questions(self, letters: NDArray[np.int32], length: NDArray[np.int64]) -> Questions:
        """Of the first `length` (Q, 1) of letters (Q, L)."""
        equals, end, pad = self.vocabulary.symbols - 1, self.vocabulary.end, self.vocabulary.pad
        there = np.arange(self._most + 1)
        asked, again = (np.where(there < length, letters, np.where(there == length, x, pad)) for x in (equals, end))
        return Questions(asked.astype(np.int32), again.astype(np.int32))
