"""Multiplication with a calculator at hand: "47*38:" may be answered with questions of one's own on the way."""

import re

import numpy as np
from numpy.typing import NDArray

from ...core.tokens import Vocabulary
from .task import Questions, Scores, Split, in_any_order, of_split, read, rows_of, scores, written

_CALL = re.compile(r"(?:^|;)(\d{1,5})([*+])(\d{1,5})=$", re.ASCII)

_LONGEST = 8  # tokens of a reply


class Calculator:
    """The product of two numbers of two digits: what is written after the last ";" is the answer.

    Whoever writes "=" is answered by a calculator, which adds two numbers, or multiplies one by a single digit, and
    says "?" to anything else: "8*47=" becomes "8*47=376;". A worked answer is "8*47=376;3*47=141;376+1410=1786;1786".
    """

    def __init__(self) -> None:
        self.vocabulary = Vocabulary("0123456789*+=;:?")
        self.calls = int(self.vocabulary.encode("=")[0])
        self.longest = 6, 48

    def ask(self, rng: np.random.Generator, count: int, split: Split) -> Questions:
        return of_split(self._draw, rng, count, split, self.vocabulary.pad, in_any_order)

    def reply(self, questions: Questions, response: NDArray[np.int32], length: NDArray[np.int64]) -> NDArray[np.int32]:
        """Answers of the calculator to responses (Q, R) that end in "="."""
        return written(self.vocabulary, [_said(text) for text in read(self.vocabulary, response)], _LONGEST)

    def pose(self, prompt: str) -> Questions | None:
        asked = re.fullmatch(r"([1-9]\d)\*([1-9]\d):", prompt, re.ASCII)
        return self._questions(np.array([[int(asked[1]), int(asked[2])]])) if asked else None

    def score(self, questions: Questions, response: NDArray[np.int32], length: NDArray[np.int64]) -> Scores:
        ended = response[np.arange(len(response)), length - 1] == self.vocabulary.end
        answers = [text.rpartition(";")[2] for text in read(self.vocabulary, response)]
        products = map(str, questions.hidden.prod(1).tolist())
        found = np.array([answer == product for answer, product in zip(answers, products, strict=True)], np.bool_)
        parsed = np.array([answer.isdigit() for answer in answers], np.bool_)
        return scores(found & ended, parsed & ended)

    def example(self, questions: Questions, rng: np.random.Generator) -> list[NDArray[np.int32]]:
        """Digit by digit, with what the calculator says in between."""
        texts = []
        for a, b in questions.hidden.tolist():
            text = ""
            for call in (f"{b % 10}*{a}=", f"{b // 10}*{a}=", f"{b % 10 * a}+{b // 10 * a}0="):
                text += call
                text += _said(text)
            texts.append(text + str(a * b))
        return rows_of(written(self.vocabulary, texts, self.longest[1], end=True), self.vocabulary.pad)

    def _draw(self, rng: np.random.Generator, count: int) -> Questions:
        return self._questions(rng.integers(10, 100, (count, 2)))

    def _questions(self, pairs: NDArray[np.int64]) -> Questions:
        """The two numbers are hidden."""
        return Questions(written(self.vocabulary, [f"{a}*{b}:" for a, b in pairs.tolist()], 6), pairs)


def _said(text: str) -> str:
    """The calculator's answer to a text that ends in "="."""
    call = _CALL.search(text)
    if call is None or (call[2] == "*" and min(len(call[1]), len(call[3])) > 1):
        return "?;"
    a, b = int(call[1]), int(call[3])
    return f"{a + b if call[2] == '+' else a * b};"
