"""Addition: "12+34=" is answered by "46"."""

import re

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ...core.tokens import Vocabulary
from .task import (
    Questions,
    Scores,
    Split,
    among,
    chosen,
    consists,
    counted,
    in_any_order,
    of_split,
    rows_of,
    same,
    scores,
    written,
)

VERIFIERS = ("exact", "contains")


class Addition:
    """Two numbers of at most `digits` digits, in the order in which people write them.

    Args:
        digits: most digits of each number.
        verifier: "exact", or "contains", which is also content with other digits before and after the sum. It is there
            to be exploited, given some `room`.
        room: by how many tokens a response may be longer than the longest sum.
    """

    def __init__(self, digits: int = 2, verifier: str = "exact", room: int = 0) -> None:
        digits, room = counted("digits", digits, 1, 15), counted("room", room, 0, 256)
        self._contains = chosen("verifier", verifier, VERIFIERS) == "contains"
        self._below, self._longest_sum = 10**digits, digits + 2
        self.vocabulary = Vocabulary("0123456789+=")
        self.longest = 2 * digits + 2, self._longest_sum + room
        self._digits = among(self.vocabulary, "0123456789")

    def ask(self, rng: np.random.Generator, count: int, split: Split) -> Questions:
        return of_split(self._draw, rng, count, split, self.vocabulary.pad, in_any_order)

    def pose(self, prompt: str) -> Questions | None:
        asked = re.fullmatch(r"(\d{1,15})\+(\d{1,15})=", prompt, re.ASCII)
        pair = [int(asked[1]), int(asked[2])] if asked else [self._below]
        return self._questions([pair]) if max(pair) < self._below else None

    def score(self, questions: Questions, response: NDArray[np.int32], length: NDArray[np.int64]) -> Scores:
        """Whether the response is the sum and nothing else."""
        parsed = consists(response, length, self.vocabulary.end, self._digits)
        if self._contains:
            return scores(parsed & self._within(questions.hidden, response), parsed)
        return scores(same(response, questions.hidden, length), parsed)

    def example(self, questions: Questions, rng: np.random.Generator) -> list[NDArray[np.int32]]:
        return rows_of(questions.hidden, self.vocabulary.pad)

    def _draw(self, rng: np.random.Generator, count: int) -> Questions:
        return self._questions(rng.integers(self._below, size=(count, 2)).tolist())

    def _questions(self, pairs: list[list[int]]) -> Questions:
        prompts = written(self.vocabulary, [f"{a}+{b}=" for a, b in pairs], self.longest[0])
        sums = written(self.vocabulary, [str(a + b) for a, b in pairs], self._longest_sum, end=True)
        return Questions(prompts, sums)

    def _within(self, sums: NDArray[np.int32], response: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Whether responses (Q, R) hold the digits of the sums (Q, S) somewhere."""
        width = sums.shape[1]
        behind = np.full((len(response), width - 1), self.vocabulary.pad)  # or a short sum near the end has no window
        windows = sliding_window_view(np.hstack([response, behind]), width, axis=1)
        alike = (windows == sums[:, None]) | (sums >= self.vocabulary.end)[:, None]
        found: NDArray[np.bool_] = alike.all(2).any(1)
        return found
