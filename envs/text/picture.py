"""Texts as they are being written, as pictures and in letters."""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

COLUMNS = 48
"""Characters in a line."""
_LINES = 12  # at most; of longer texts the end is shown
_CELL = (13, 26)  # pixels of a character
_MARGIN = 14  # pixels
PAPER, GIVEN, WRITTEN, RIGHT, WRONG = (250, 250, 246), (120, 124, 132), (30, 64, 150), (30, 130, 60), (190, 40, 40)


class Shown(NamedTuple):
    """One text."""

    prompt: str
    answer: str
    verdict: str = ""
    """A remark on it when it has ended."""
    good: bool = False


def remark(reward: float, complete: bool, graded: bool) -> tuple[str, bool]:
    """The verdict on an answer and whether it is good, from its reward and whether it has come to an END."""
    if not complete:
        return "unfinished", False
    if graded:
        return f"reward {reward:.2f}", reward > 0
    return ("right", True) if reward == 1 else ("wrong", False)


def letters(shown: Shown) -> str:
    """A text, and the verdict in brackets."""
    return f"{shown.prompt}{shown.answer}" + (f" [{shown.verdict}]" if shown.verdict else "")


def paint(shown: Shown, tokens: int) -> NDArray[np.uint8]:
    """A picture (H, W, 3) of a text, of one size for all texts of at most so many `tokens`."""
    lines = min(-(-tokens // COLUMNS), _LINES) + 1
    width, height = (cell * count + 2 * _MARGIN for cell, count in zip(_CELL, (COLUMNS, lines), strict=True))
    picture = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(picture)
    colored = [(sign, GIVEN) for sign in shown.prompt] + [(sign, WRITTEN) for sign in shown.answer]
    first = max(-(-len(colored) // COLUMNS) - lines + 1, 0) * COLUMNS
    for at, (sign, color) in enumerate(colored[first:]):
        _write(draw, at, sign, color)
    for at, sign in enumerate(shown.verdict[:COLUMNS], (lines - 1) * COLUMNS):
        _write(draw, at, sign, RIGHT if shown.good else WRONG)
    return np.asarray(picture)


def _write(draw: ImageDraw.ImageDraw, at: int, sign: str, color: tuple[int, int, int]) -> None:
    row, column = divmod(at, COLUMNS)
    x, y = _MARGIN + (column + 0.5) * _CELL[0], _MARGIN + (row + 0.5) * _CELL[1]
    draw.text((x, y), sign if sign.isprintable() else "·", fill=color, anchor="mm", font=_font())


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(20)
