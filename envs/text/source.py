"""A source of known entropy: letters of a Markov chain, of which nobody can predict more than there is to know."""

import string

import numpy as np
from numpy.typing import NDArray

from ...core.tokens import Vocabulary
from .task import Questions, Scores, Split, counted
from .taught import corrected, share


class Source:
    """Windows of `length` + 1 letters; the first is given, and each of the others depends on the one before.

    The reward for a letter predicted is 1 / `length`, the true one follows whatever was predicted, so the return is the
    share predicted. END and PAD never occur. Tests hold out no windows: what can be predicted is known.

    Args:
        symbols: letters of the alphabet.
        length: letters to predict.
        chain: which chain; each number stands for another one.
    """

    graded = True

    def __init__(self, symbols: int = 8, length: int = 32, chain: int = 0) -> None:
        symbols, self._length = counted("symbols", symbols, 2, 26), counted("length", length, 1, 1024)
        self.vocabulary = Vocabulary(string.ascii_lowercase[:symbols])
        self.longest = 1, self._length
        weights = np.random.default_rng(counted("chain", chain, 0, 1 << 32)).integers(1, 10, (symbols, symbols)) ** 2
        self.transition = weights / weights.sum(1, keepdims=True)
        """(V, V) probabilities of the next letter (columns) after each (rows)."""
        self.stationary = _stationary(self.transition)
        """(V,) how often each letter occurs."""
        self._cumulative = self.transition.cumsum(1)

    @property
    def entropy(self) -> float:
        """Nats per token: the least cross-entropy that any prediction of the next letter can have."""
        return float(-(self.stationary[:, None] * self.transition * np.log(self.transition)).sum())

    @property
    def best(self) -> float:
        """The largest share of letters that can be predicted."""
        return float(self.stationary @ self.transition.max(1))

    def ask(self, rng: np.random.Generator, count: int, split: Split) -> Questions:
        """Windows of both splits are drawn alike: to hold some out would change the chain where they are short."""
        chance = rng.random((self._length + 1, count))
        letters = np.empty((self._length + 1, count), np.int32)
        letters[0] = np.minimum((self.stationary.cumsum() < chance[0, :, None]).sum(1), self.vocabulary.symbols - 1)
        for t in range(self._length):
            below = self._cumulative[letters[t], :-1] < chance[t + 1, :, None]
            letters[t + 1] = below.sum(1)
        return Questions(letters[:1].T.copy(), letters[1:].T.copy())

    def score(self, questions: Questions, response: NDArray[np.int32], length: NDArray[np.int64]) -> Scores:
        return share(questions.hidden, response)

    def correct(
        self, questions: Questions, response: NDArray[np.int32], length: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        return corrected(questions.hidden, response, length)

    def example(self, questions: Questions, rng: np.random.Generator) -> list[NDArray[np.int32]]:
        """The windows as they go on, without END."""
        return list(questions.hidden)


def _stationary(transition: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distribution (V,) with p = p P, for a chain that gets from each letter to each."""
    size = len(transition)
    equations = np.vstack([transition.T - np.eye(size), np.ones(size)])
    return np.linalg.lstsq(equations, np.append(np.zeros(size), 1.0), rcond=None)[0]
