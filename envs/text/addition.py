"""Addition: "12+34=" is answered by "46"."""

import numpy as np
from numpy.typing import NDArray

from ...core.tokens import Vocabulary
from .task import Questions, Scores, Split, chosen, counted, of_split, right, rows_of, written

VERIFIERS = ("exact", "contains")


class Addition:
    """Two numbers of at most `digits` digits, in the order in which people write them.

    Args:
        digits: most digits of each number.
        verifier: "exact", or "contains", which is also content with more digits before or after the sum. It is there
            to be exploited, with some `room`.
        room: by how many tokens a response may be longer than the longest sum.
    """

    def __init__(self, digits: int = 2, verifier: str = "exact", room: int = 0) -> None:
        digits, room = counted("digits", digits, 1, 15), counted("room", room, 0, 256)
        self._contains = chosen("verifier", verifier, VERIFIERS) == "contains"
        self.vocabulary = Vocabulary("0123456789+=")
        self.longest = 2 * digits + 2, digits + 2 + room
        self._below = 10**digits
        self._width = digits + 2

    def ask(self, rng: np.random.Generator, count: int, split: Split) -> Questions:
        return of_split(self._draw, rng, count, split, self.vocabulary.pad)

    def score(self, questions: Questions, response: NDArray[np.int32], length: NDArray[np.int64]) -> Scores:
        """The response is the sum and END, and nothing else."""
        sums = questions.hidden
        wrong = response[:, : self._width] != sums
        found = ~wrong.any(1) & (length <= self._width)
        end, many = self.vocabulary.end, np.arange(response.shape[1]) < length[:, None]
        ended = (length > 1) & ((response == end) & many).any(1)
        parsed = ended & (((response < 10) & many).sum(1) == length - 1)
        if self._contains:
            found = parsed & self._within(sums, response)
        return right(found, parsed)

    def example(self, questions: Questions, rng: np.random.Generator) -> list[NDArray[np.int32]]:
        return rows_of(questions.hidden, self.vocabulary.pad)

    def _draw(self, rng: np.random.Generator, count: int) -> Questions:
        pairs = rng.integers(self._below, size=(count, 2)).tolist()
        prompts = written(self.vocabulary, [f"{a}+{b}=" for a, b in pairs], self.longest[0])
        sums = written(self.vocabulary, [str(a + b) for a, b in pairs], self._width, end=True)
        return Questions(prompts, sums)

    def _within(self, sums: NDArray[np.int32], response: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Whether responses (Q, R) hold the digits of the sums (Q, S) somewhere."""
        digits = sums < 10
        windows = np.lib.stride_tricks.sliding_window_view(response, self._width, axis=1)
        same = (windows == sums[:, None]) | ~digits[:, None]
        return same.all(2).any(1)
