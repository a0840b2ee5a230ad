"""Words with a hand-made gold reward, for learning from preferences: what is best is known, and can be overdone."""

import pydoc_data.topics
import re
import string

import numpy as np
from numpy.typing import NDArray

from ...core.errors import UsageError
from ...core.tokens import Vocabulary
from .task import Questions, Scores, Split, among, consists, file_of, of_split, rows_of, written

FEWEST = 50
"""Words that a list must have."""
SHORTEST, LONGEST = 3, 12
"""Letters of a word that is learned from; `LONGEST` also of a word that is written."""
COMFORTABLE = 7
"""Letters that cost nothing."""


class Words:
    """Write one word. Rewards are real numbers, so no answer is right or wrong.

    The gold reward counts changes between vowels and consonants, less 1.5 for each letter that is the one before again,
    for each dot and for a missing end, and 0.5 for each letter beyond the seventh; in deviations from the mean of the
    list's words. The prompt is a dot, which is no letter.

    Args:
        file: a list of words, one a line; without one they are those in which Python explains itself.
    """

    graded = True

    def __init__(self, file: str = "") -> None:
        self.vocabulary = Vocabulary(string.ascii_lowercase + ".")
        self.longest = 1, LONGEST + 1
        self._letters, self._vowels = (among(self.vocabulary, x) for x in (string.ascii_lowercase, "aeiouy"))
        self._words = written(self.vocabulary, _read(file), LONGEST + 1, end=True)
        self._mean, self._deviation = 0.0, 1.0
        gold = self._gold(self._words)
        self._mean, self._deviation = float(gold.mean()), float(gold.std()) or 1.0

    def ask(self, rng: np.random.Generator, count: int, split: Split) -> Questions:
        """The same question always; what is hidden are words of the split."""
        return of_split(self._draw, rng, count, split, self.vocabulary.pad, lambda drawn: drawn.hidden)

    def pose(self, prompt: str) -> Questions | None:
        """The dot is the only question."""
        return Questions(self._dots(1), self._words[:1]) if prompt == "." else None

    def score(self, questions: Questions, response: NDArray[np.int32], length: NDArray[np.int64]) -> Scores:
        parsed = consists(response, length, self.vocabulary.end, self._letters)
        return Scores(self._gold(response).astype(np.float32), ~parsed)

    def example(self, questions: Questions, rng: np.random.Generator) -> list[NDArray[np.int32]]:
        """Words of the list."""
        return rows_of(questions.hidden, self.vocabulary.pad)

    def _draw(self, rng: np.random.Generator, count: int) -> Questions:
        return Questions(self._dots(count), self._words[rng.integers(len(self._words), size=count)])

    def _dots(self, count: int) -> NDArray[np.int32]:
        return np.full((count, 1), self.vocabulary.encode(".")[0], np.int32)

    def _gold(self, words: NDArray[np.int32]) -> NDArray[np.float64]:
        """(Q,) the gold rewards of words (Q, R)."""
        none = [False, False]  # END and PAD
        letter, vowel = (np.append(known, none)[words] for known in (self._letters, self._vowels))
        beside = letter[:, 1:] & letter[:, :-1]
        changes = (beside & (vowel[:, 1:] != vowel[:, :-1])).sum(1)
        again = (beside & (words[:, 1:] == words[:, :-1])).sum(1)
        dots = ((words < self.vocabulary.end) & ~letter).sum(1)
        endless = ~(words == self.vocabulary.end).any(1)  # a letter more instead of END gains less than that
        excess = np.maximum(letter.sum(1) - COMFORTABLE, 0)
        return (changes - 1.5 * (again + dots + endless) - 0.5 * excess - self._mean) / self._deviation


def _read(file: str) -> list[str]:
    """The different words of a file, or of Python's manual, in alphabetical order."""
    text = file_of(file, "a list of words") if file else "\n".join(pydoc_data.topics.topics.values())
    found = {word for word in re.findall(r"(?<![\w'.`])[a-z]+(?![\w'(`])", text) if SHORTEST <= len(word) <= LONGEST}
    if len(found) < FEWEST:
        raise UsageError(
            f"{file!r} has {len(found)} words of {SHORTEST} to {LONGEST} letters a to z, fewer than {FEWEST}"
        )
    return sorted(found)
