"""Countdown: "3,7,12:57=" is answered by an expression of the numbers with that value, as "(12+7)*3"."""

import re

import numpy as np
from numpy.typing import NDArray

from ...core.tokens import Vocabulary
from .task import Questions, Scores, Split, counted, in_any_order, of_split, read, scores, written

LARGEST = 20
"""Numbers are from 1 to this."""
OPERATORS = "+-*"
_DEEPEST = 16  # parentheses inside one another
_MOST_DIGITS = 9


class Countdown:
    """A target from 1 to `target` out of so many `numbers`, each used at most once, with + - * and parentheses.

    Every question has an answer. The verifier reads expressions by a grammar of its own, in whole numbers: it evaluates
    no code, and what it reads is bounded in length and depth.
    """

    def __init__(self, numbers: int = 3, target: int = 99) -> None:
        self._count, self._target = counted("numbers", numbers, 2, 6), counted("target", target, 10, 9999)
        self.vocabulary = Vocabulary(f"0123456789{OPERATORS}(),:=")
        digits = self._count * len(str(LARGEST))
        self.longest = digits + self._count + len(str(target)) + 1, digits + 3 * (self._count - 1) + 1

    def ask(self, rng: np.random.Generator, count: int, split: Split) -> Questions:
        return of_split(self._draw, rng, count, split, self.vocabulary.pad, in_any_order)

    def pose(self, prompt: str) -> Questions | None:
        """Whether it has an answer is not looked at."""
        asked = re.fullmatch(rf"(\d{{1,2}}(?:,\d{{1,2}}){{{self._count - 1}}}):(\d{{1,4}})=", prompt, re.ASCII)
        if asked is None:
            return None
        numbers, target = [int(number) for number in asked[1].split(",")], int(asked[2])
        sound = all(1 <= number <= LARGEST for number in numbers) and 1 <= target <= self._target
        return self._questions(np.array([[*numbers, target]])) if sound else None

    def score(self, questions: Questions, response: NDArray[np.int32], length: NDArray[np.int64]) -> Scores:
        """Whether responses are expressions of the given numbers that have the value of the target."""
        found, parsed = np.zeros((2, len(response)), np.bool_)
        ended = response[np.arange(len(response)), length - 1] == self.vocabulary.end
        given, texts = questions.hidden[:, : self._count + 1].tolist(), read(self.vocabulary, response)
        for i in np.flatnonzero(ended & (length <= self.longest[1])).tolist():
            if value := evaluate(texts[i]):
                *numbers, target = given[i]
                parsed[i] = True
                found[i] = value[0] == target and _among(value[1], numbers)
        return scores(found, parsed)

    def example(self, questions: Questions, rng: np.random.Generator) -> list[NDArray[np.int32]]:
        """The expression from which the question was made."""
        end = np.int32(self.vocabulary.end)
        texts = (_expression(row[: self._count], row[self._count + 1 :]) for row in questions.hidden.tolist())
        return [np.append(self.vocabulary.encode(text), end) for text in texts]

    def _draw(self, rng: np.random.Generator, count: int) -> Questions:
        """About a third of `count` questions, from random expressions whose values are in bounds.

        What is hidden are the numbers, the target, and in turn which two values are put together, and how.
        """
        numbers = rng.integers(1, LARGEST + 1, (count, self._count))
        values, rows, path = numbers.copy(), np.arange(count), []
        for left in range(self._count, 1, -1):
            i, operator = rng.integers(left, size=count), rng.integers(len(OPERATORS), size=count)
            j = (i + rng.integers(1, left, size=count)) % left
            a, b = values[rows, i], values[rows, j]
            values[rows, i] = np.choose(operator, (a + b, a - b, a * b))
            values[rows, j] = values[:, left - 1]
            path += [i, j, operator]
        target = values[:, 0]
        return self._questions(np.column_stack([numbers, target, *path])[(target >= 1) & (target <= self._target)])

    def _questions(self, hidden: NDArray[np.int64]) -> Questions:
        texts = [f"{','.join(map(str, row[:-1]))}:{row[-1]}=" for row in hidden[:, : self._count + 1].tolist()]
        return Questions(written(self.vocabulary, texts, self.longest[0]), hidden)


def _among(used: list[int], numbers: list[int]) -> bool:
    """Whether each of the numbers `used` is one of `numbers`, and another one each time."""
    left = list(numbers)
    for number in used:
        if number not in left:
            return False
        left.remove(number)
    return True


def _expression(numbers: list[int], path: list[int]) -> str:
    """The expression in which `path` puts the numbers together, with no more parentheses than it needs."""
    parts = [(str(number), "") for number in numbers]
    for step in range(len(numbers) - 1):
        i, j, operator = path[3 * step], path[3 * step + 1], OPERATORS[path[3 * step + 2]]
        (a, inner), (b, other) = parts[i], parts[j]
        if operator == "*" and inner in ("+", "-"):
            a = f"({a})"
        if operator in "-*" and other in ("+", "-"):
            b = f"({b})"
        parts[i] = f"{a}{operator}{b}", operator
        parts[j] = parts[len(numbers) - 1 - step]
    return parts[0][0]


def evaluate(text: str) -> tuple[int, list[int]] | None:
    """The value of an expression and the numbers in it; None if it is none, or nested too deeply.

    sum = product, {("+" | "-"), product};  product = atom, {"*", atom};  atom = number | "(", sum, ")"
    A number has 1 to 9 digits and begins with no 0.
    """
    reader = _Reader(text)
    value = reader.sum(0)
    return None if value is None or reader.rest else (value, reader.numbers)


class _Reader:
    """Reads a text from the left; each method returns the value of what it read, None where it cannot go on."""

    def __init__(self, text: str) -> None:
        self.rest = text
        self.numbers: list[int] = []

    def sum(self, depth: int) -> int | None:
        value = self.product(depth)
        while value is not None and (operator := self._take("+-")):
            term = self.product(depth)
            value = None if term is None else value + term if operator == "+" else value - term
        return value

    def product(self, depth: int) -> int | None:
        value = self.atom(depth)
        while value is not None and self._take("*"):
            factor = self.atom(depth)
            value = None if factor is None else value * factor
        return value

    def atom(self, depth: int) -> int | None:
        if self._take("("):
            inside = None if depth == _DEEPEST else self.sum(depth + 1)
            return inside if self._take(")") else None
        digits = self._take("123456789")
        while 0 < len(digits) < _MOST_DIGITS and (digit := self._take("0123456789")):
            digits += digit
        if not digits:
            return None
        self.numbers.append(int(digits))
        return self.numbers[-1]

    def _take(self, symbols: str) -> str:
        """The next symbol if it is one of some, else nothing."""
        symbol = self.rest[:1]
        if not symbol or symbol not in symbols:
            return ""
        self.rest = self.rest[1:]
        return symbol
