"""Sorting: "352619=" is answered by "123569"."""

import re

import numpy as np
from numpy.typing import NDArray

from ...core.tokens import Vocabulary
from .task import Questions, Scores, Split, among, consists, counted, of_split, rows_of, same, scores


class Sorting:
    """So many `digits` in a row, to be written in ascending order."""

    def __init__(self, digits: int = 6) -> None:
        self._count = counted("digits", digits, 1, 256)
        self.vocabulary = Vocabulary("0123456789=")
        self.longest = self._count + 1, self._count + 1
        self._digits = among(self.vocabulary, "0123456789")

    def ask(self, rng: np.random.Generator, count: int, split: Split) -> Questions:
        return of_split(self._draw, rng, count, split, self.vocabulary.pad)

    def pose(self, prompt: str) -> Questions | None:
        asked = re.fullmatch(rf"(\d{{{self._count}}})=", prompt, re.ASCII)
        return self._questions(self.vocabulary.encode(asked[1])[None]) if asked else None

    def score(self, questions: Questions, response: NDArray[np.int32], length: NDArray[np.int64]) -> Scores:
        parsed = consists(response, length, self.vocabulary.end, self._digits)
        return scores(same(response, questions.hidden, length), parsed)

    def example(self, questions: Questions, rng: np.random.Generator) -> list[NDArray[np.int32]]:
        return rows_of(questions.hidden, self.vocabulary.pad)

    def _draw(self, rng: np.random.Generator, count: int) -> Questions:
        return self._questions(rng.integers(10, size=(count, self._count), dtype=np.int32))

    def _questions(self, digits: NDArray[np.int32]) -> Questions:
        equals, end = self.vocabulary.encode("=")[0], self.vocabulary.end
        asked, ordered = (np.insert(x, self._count, y, 1) for x, y in ((digits, equals), (np.sort(digits, 1), end)))
        return Questions(asked, ordered)
