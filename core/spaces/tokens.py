"""The space of texts that are being written."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..tokens import Vocabulary


class Tokens(spaces.Box):
    """Texts of at most `context` tokens, int32 (context,): what has been written so far, then PAD to the end.

    An observation is all of the text, so that it says everything that is to be known (the prefix is the state of
    whoever writes, the next token is the action).
    """

    def __init__(self, vocabulary: Vocabulary, context: int) -> None:
        super().__init__(0, vocabulary.pad, (context,), np.int32)
        self.vocabulary = vocabulary

    @property
    def context(self) -> int:
        """Most tokens of a text."""
        return int(self.shape[0])

    def sample(self, mask: None = None, probability: None = None) -> NDArray[np.int32]:
        """A text of any length, of any tokens that can be written."""
        text = np.full(self.shape, self.vocabulary.pad, np.int32)
        length = self.np_random.integers(self.context + 1)
        text[:length] = self.np_random.integers(self.vocabulary.size, size=length)
        return text

    def contains(self, x: Any) -> bool:
        """Whether `x` is such a text; one of PAD alone has ended."""
        if not super().contains(x):
            return False
        ended = np.asarray(x) == self.vocabulary.pad
        return bool((ended[:-1] <= ended[1:]).all())

    def lengths(self, obs: NDArray[Any]) -> NDArray[np.int64]:
        """(...) how many tokens the texts (..., context) have."""
        lengths: NDArray[np.int64] = np.count_nonzero(obs != self.vocabulary.pad, -1)
        return lengths

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokens) and self.vocabulary == other.vocabulary and self.shape == other.shape

    def __hash__(self) -> int:
        return hash((self.vocabulary, self.shape))

    def __repr__(self) -> str:
        return f"Tokens({self.vocabulary}, {self.context})"


@dataclass(frozen=True)
class Beginnings:
    """Observations (T, N, context) of the beginnings of N texts; as an array they take the square of the context.

    An index of time and text gives an array of those that it stands for.
    """

    tokens: NDArray[np.int32]
    """(N, context) whole texts."""
    known: NDArray[np.int64]
    """(T, N) how many tokens of each text its beginnings have."""
    pad: int

    def __getitem__(self, index: Any) -> NDArray[np.int32]:
        count, context = self.tokens.shape
        text = np.broadcast_to(np.arange(count), self.known.shape)[index]
        within = np.arange(context) < self.known[index][..., None]
        return np.where(within, self.tokens[text], np.int32(self.pad))
