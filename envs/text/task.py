"""Tasks of writing: questions, a verifier that scores what is written, and the helpers that tasks share."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ...core.errors import UsageError
from ...core.tokens import Vocabulary

Split = str
"""One of `SPLITS`."""
SPLITS = ("train", "test")
HELD_OUT = 10
"""One question in so many is only asked in tests."""
_DRAWS = 1000  # of many questions each, after which there seem to be none of a split


class Questions(NamedTuple):
    """Q questions."""

    prompt: NDArray[np.int32]
    """(Q, P) what is shown, one token at least, right-padded with PAD."""
    hidden: NDArray[Any]
    """(Q, ...) what the verifier needs to know beside it."""

    def at(self, which: NDArray[np.int64]) -> "Questions":
        """Those numbered `which` (K,)."""
        return Questions(self.prompt[which], self.hidden[which])


class Scores(NamedTuple):
    """A verifier's verdict on Q responses."""

    reward: NDArray[np.float32]
    """(Q,) exactly 1 for a right answer and exactly 0 for any other, unless the task is `graded`."""
    unparsed: NDArray[np.bool_]
    """(Q,) whether no answer at all could be read from the response."""


class Task(Protocol):
    """Questions and who judges the answers. Its constructor's arguments are those of the environment.

    More attributes are looked for. `graded = True` says that rewards are any numbers, so that none means success.
    `calls`, a token, and `reply(questions, response, length)`, which returns tokens (Q, K), right-padded: whoever
    writes `calls` is answered with these. `correct(questions, response, length)` returns tokens and rewards (Q,):
    each token that is written earns a reward and is replaced by the right one, and END ends nothing. `pose(prompt)`
    returns the one question that people write so, or None if the task asks no such thing.
    """

    vocabulary: Vocabulary
    longest: tuple[int, int]
    """Most tokens of a prompt and of a response, END included in the latter."""

    def ask(self, rng: np.random.Generator, count: int, split: Split) -> Questions:
        """`count` questions; none is asked in both splits, unless what is best is known exactly."""
        ...

    def score(self, questions: Questions, response: NDArray[np.int32], length: NDArray[np.int64]) -> Scores:
        """The verdict on responses (Q, R), right-padded, with `length` (Q,) tokens, END included.

        Only responses with END can be right. A graded task also says what those without are worth: less than with END.
        """
        ...

    def example(self, questions: Questions, rng: np.random.Generator) -> list[NDArray[np.int32]]:
        """A worked answer to each question, with END.

        Raises:
            UsageError: if the task has none.
        """
        ...


def of_split(
    draw: Callable[[np.random.Generator, int], Questions],
    rng: np.random.Generator,
    count: int,
    split: Split,
    pad: int,
    known_by: Callable[[Questions], NDArray[np.int32]] = lambda questions: questions.prompt,
) -> Questions:
    """`count` questions of `draw(rng, many)` that are in a split: they are told apart by the tokens `known_by`.

    Raises:
        UsageError: if there seem to be none.
    """
    many = 12 * count if split == "test" else count + count // 5 + 4
    parts, found = [], 0
    for _ in range(_DRAWS):
        some = draw(rng, many)
        chosen = np.flatnonzero(held_out(known_by(some), pad) == (split == "test"))[: count - found]
        parts.append(some.at(chosen))
        found += len(chosen)
        if found == count:
            return Questions(*map(np.concatenate, zip(*parts, strict=True))) if len(parts) > 1 else parts[0]
    raise UsageError(f"the task has too few different questions to hold some out for {split!r}; make it larger")


def in_any_order(questions: Questions) -> NDArray[np.int32]:
    """(Q, P) the tokens of prompts in ascending order, by which a question and its like, "1+2=" and "2+1=", are one."""
    return np.sort(questions.prompt, 1)


def held_out(tokens: NDArray[np.int32], pad: int) -> NDArray[np.bool_]:
    """Whether questions (Q, L) are in the tenth that only tests ask: on every machine and however padded the same.

    A multilinear hash (Carter and Wegman 1979), and then the finaliser of SplitMix64 (Steele et al. 2014).
    """
    words = np.where(tokens == pad, 0, tokens + 1).astype(np.uint64)
    mixed = (words * _factors(tokens.shape[1])).sum(1, dtype=np.uint64)
    return _finalised(mixed) % np.uint64(HELD_OUT) == 0


@cache
def _factors(count: int) -> NDArray[np.uint64]:
    """Odd numbers (count,), the first of SplitMix64."""
    steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return _finalised(steps) | np.uint64(1)


def _finalised(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def written(vocabulary: Vocabulary, texts: Sequence[str], width: int, end: bool = False) -> NDArray[np.int32]:
    """Texts of ASCII characters as tokens (Q, width), right-padded; with `end` END follows each."""
    signs = np.array(texts, f"<U{width}").view(np.uint32).reshape(len(texts), width)
    rows: NDArray[np.int32] = _tokens(vocabulary)[signs]
    if end:
        rows[np.arange(len(rows)), (rows != vocabulary.pad).sum(1)] = vocabulary.end
    return rows


@cache
def _tokens(vocabulary: Vocabulary) -> NDArray[np.int32]:
    """(128,) the token of each ASCII code; of 0, which fills up arrays of texts, PAD."""
    table = np.full(128, vocabulary.pad, np.int32)
    for token in range(vocabulary.symbols):
        table[ord(vocabulary.decode([token]))] = token
    return table


def read(vocabulary: Vocabulary, tokens: NDArray[np.int32]) -> list[str]:
    """The texts of ASCII characters that rows (Q, L) stand for; END and PAD stand for nothing."""
    if not tokens.size:
        return [""] * len(tokens)
    rows = np.ascontiguousarray(_signs(vocabulary)[tokens])
    return [text.decode() for text in rows.view(f"S{tokens.shape[1]}")[:, 0].tolist()]


@cache
def _signs(vocabulary: Vocabulary) -> NDArray[np.uint8]:
    """The ASCII code of each token; of END and PAD 0."""
    return np.array([ord(vocabulary.decode([token])) for token in range(vocabulary.symbols)] + [0, 0], np.uint8)


def among(vocabulary: Vocabulary, symbols: str) -> NDArray[np.bool_]:
    """(V,) which symbols of a vocabulary are among some."""
    return np.isin(np.arange(vocabulary.symbols), vocabulary.encode(symbols))


def rows_of(tokens: NDArray[np.int32], pad: int) -> list[NDArray[np.int32]]:
    """Right-padded rows (Q, L) without their padding."""
    return [row[:length] for row, length in zip(tokens, (tokens != pad).sum(1), strict=True)]


def same(response: NDArray[np.int32], answers: NDArray[np.int32], length: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether responses (Q, R) are, token by token, the answers (Q, S), which end in END."""
    most = answers.shape[1]
    same: NDArray[np.bool_] = (response[:, :most] == answers).all(1) & (length <= most)
    return same


def consists(
    response: NDArray[np.int32], length: NDArray[np.int64], end: int, symbols: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether responses (Q, R) are one or more of some `symbols` (V,), and then END."""
    last = response[np.arange(len(response)), length - 1]
    known: NDArray[np.bool_] = np.append(symbols, [False, False])[response].sum(1) == length - 1
    return known & (length > 1) & (last == end)


def scores(found: NDArray[np.bool_], parsed: NDArray[np.bool_]) -> Scores:
    """Scores from whether answers (Q,) are right, and whether there are any."""
    return Scores(found.astype(np.float32), ~parsed)


def file_of(file: str, what: str) -> str:
    """The text in a file.

    Raises:
        UsageError: if there is no such file, or no UTF-8 in it; `what` it should be.
    """
    try:
        if Path(file).is_file():  # and no device, which may have no end
            return Path(file).read_text("utf-8")
    except (OSError, ValueError) as problem:
        raise UsageError(f"cannot read {file!r}: {problem}; set file to {what}, in UTF-8") from problem
    raise UsageError(f"there is no file {file!r}; set file to {what}")


def counted(name: str, value: Any, least: int, most: int) -> int:
    """`value` as a whole number.

    Raises:
        UsageError: if it is none, or too small or too large.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most:
        raise UsageError(f"{name} must be a whole number from {least} to {most}, not {value!r}")
    return int(value)


def chosen(name: str, value: Any, known: Sequence[str]) -> str:
    """`value` if it is one of those known.

    Raises:
        UsageError: if it is not.
    """
    if value not in known:
        raise UsageError(f"{name} must be one of {', '.join(known)}, not {value!r}")
    return str(value)
