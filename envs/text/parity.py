"""Parity with a scratch pad: "10110=" is answered by "11011", the parity of one bit, of two, ..., of all."""

import re

import numpy as np
from numpy.typing import NDArray

from ...core.tokens import Vocabulary
from .task import Questions, Scores, Split, counted, of_split, rows_of, scores


class Parity:
    """Whether one to `bits` bits have an odd number of ones: the last bit that is written says so.

    What is written before it is a scratch pad, and free. A worked answer has the running parities there, each of which
    is easy to tell from the one before, while the last alone is hard.
    """

    def __init__(self, bits: int = 8) -> None:
        self._most = counted("bits", bits, 1, 256)
        self.vocabulary = Vocabulary("01=")
        self.longest = self._most + 1, 2 * self._most + 1

    def ask(self, rng: np.random.Generator, count: int, split: Split) -> Questions:
        return of_split(self._draw, rng, count, split, self.vocabulary.pad)

    def pose(self, prompt: str) -> Questions | None:
        if not re.fullmatch(rf"[01]{{1,{self._most}}}=", prompt):
            return None
        bits = self.vocabulary.encode(prompt.ljust(self._most + 1, "0").replace("=", "0"))
        return self._questions(bits[None], np.array([[len(prompt) - 1]]))

    def score(self, questions: Questions, response: NDArray[np.int32], length: NDArray[np.int64]) -> Scores:
        rows = np.arange(len(response))
        last, end = response[rows, np.maximum(length - 2, 0)], response[rows, length - 1]
        parsed = (length > 1) & (last < 2) & (end == self.vocabulary.end)
        parities = questions.hidden
        odd = parities[rows, (parities < 2).sum(1) - 1]
        return scores(parsed & (last == odd), parsed)

    def example(self, questions: Questions, rng: np.random.Generator) -> list[NDArray[np.int32]]:
        return rows_of(questions.hidden, self.vocabulary.pad)

    def _draw(self, rng: np.random.Generator, count: int) -> Questions:
        bits = rng.integers(2, size=(count, self._most + 1), dtype=np.int32)
        return self._questions(bits, rng.integers(1, self._most + 1, size=(count, 1)))

    def _questions(self, bits: NDArray[np.int32], length: NDArray[np.int64]) -> Questions:
        """Of the first `length` (Q, 1) of bits (Q, L)."""
        equals, end, pad = 2, self.vocabulary.end, self.vocabulary.pad
        there = np.arange(self._most + 1)
        parities = bits.cumsum(1) % 2
        asked = np.where(there < length, bits, np.where(there == length, equals, pad))
        answer = np.where(there < length, parities, np.where(there == length, end, pad))
        return Questions(asked.astype(np.int32), answer.astype(np.int32))
