"""Streams of questions: each place has a random generator of its own, as each environment has."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import UsageError
from .task import Questions, Split, Task

BLOCK = 64
"""Questions are drawn so many at once, because tasks draw them together at the price of a few."""
ROW = 6
"""Words of a generator: the halves of its state and of its increment, and NumPy's spare 32 bits."""
_WORD = (1 << 64) - 1


class Streams:
    """The present question of each of Q places, and those that will follow it.

    A generator's state is kept as it was before it drew the present block, which together with the number of questions
    `used` of the block is all there is to save.
    """

    def __init__(self, task: Task, places: int, split: Split) -> None:
        self._task, self._split, self._places = task, split, places
        self._generators = [generator(None) for _ in range(places)]
        self._blocks: Questions | None = None
        self.rng = np.stack([packed(each) for each in self._generators])
        self.used = np.full(places, -1)
        """(Q,) which question of its block a place is at; -1 before the first."""
        self.present: Questions | None = None

    def seed(self, place: int, seed: int) -> None:
        """Begin the stream of a place anew."""
        self._generators[place] = generator(seed)
        self.rng[place], self.used[place] = packed(self._generators[place]), -1

    def deal(self, places: NDArray[np.int64]) -> None:
        """The next question to each of `places` (K,)."""
        self.used[places] = (self.used[places] + 1) % BLOCK
        for place in places[self.used[places] == 0].tolist():
            self.rng[place] = packed(self._generators[place])
            self._draw(place)
        self._show(places)

    def set_state(self, rng: NDArray[np.uint64], used: NDArray[np.int64]) -> None:
        """Go on from saved `rng` (Q, 6) and `used` (Q,)."""
        self._generators = [unpacked(row) for row in rng]
        self.rng[...], self.used[...] = rng, used
        drawn = np.flatnonzero(used >= 0)
        for place in drawn.tolist():
            self._draw(place)
        if len(drawn):
            self._show(drawn)

    def _draw(self, place: int) -> None:
        block = asked(self._task, self._generators[place], BLOCK, self._split)
        if self._blocks is None:
            self._blocks = Questions(*(np.zeros((self._places, *part.shape), part.dtype) for part in block))
            self.present = Questions(*(part[:, 0].copy() for part in self._blocks))
        for blocks, part in zip(self._blocks, block, strict=True):
            blocks[place] = part

    def _show(self, places: NDArray[np.int64]) -> None:
        assert self._blocks is not None and self.present is not None  # noqa: PT018 - drawn together
        for present, blocks in zip(self.present, self._blocks, strict=True):
            present[places] = blocks[places, self.used[places]]


def asked(task: Task, rng: np.random.Generator, count: int, split: Split) -> Questions:
    """`count` questions of a task.

    Raises:
        UsageError: if a prompt is empty: a text is what its last token is read from.
    """
    questions = task.ask(rng, count, split)
    if (questions.prompt[:, :1] == task.vocabulary.pad).any() or not questions.prompt.shape[1]:
        raise UsageError(f"{type(task).__name__} asks a question of no tokens; begin each prompt with one at least")
    return questions


def generator(seed: int | None, *key: int) -> np.random.Generator:
    """The generator of Gymnasium's `seeding.np_random(seed)`, or with a `key` another one."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def packed(rng: np.random.Generator) -> NDArray[np.uint64]:
    """The state of a PCG64 generator (6,)."""
    state = rng.bit_generator.state
    words = [(state["state"][name] >> shift) & _WORD for name in ("state", "inc") for shift in (64, 0)]
    return np.array([*words, state["has_uint32"], state["uinteger"]], np.uint64)


def unpacked(row: NDArray[np.uint64]) -> np.random.Generator:
    """The generator of a state (6,).

    Raises:
        UsageError: if it is the state of none.
    """
    a, b, c, d, has, spare = row.tolist()
    if d % 2 == 0 or has > 1 or spare >> 32:
        raise UsageError("the saved generators of an environment of text are none")
    bits = np.random.PCG64()
    words: Any = {"state": a << 64 | b, "inc": c << 64 | d}
    bits.state = {"bit_generator": "PCG64", "state": words, "has_uint32": has, "uinteger": spare}
    return np.random.Generator(bits)
