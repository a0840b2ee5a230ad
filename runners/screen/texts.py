"""Answers of whoever writes, as a picture: how likely each token was, and what the text before it was worth."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from ...core.errors import UsageError
from ..evaluation.answers import Answer, written
from ..evaluation.writing import Piece, text_space
from ..runs import run as runs
from ..runs.folder import refuse_symlinks
from ..runs.load import eval_env, threads_for, trained
from ..runs.run import Run
from .panel import INK, PAPER, fitted, font, short

ANSWERS = 8
"""In a picture, unless told otherwise."""
_WIDTH, _MARGIN, _TOP, _GAP = 1120, 20, 74, 16  # pixels; the gap is between answers
_CELL, _LETTER, _NUMBER = 28, 30, 15  # pixels: least width of a token, heights of its text and of a number below
_GIVEN, _EDGE, _GOOD, _BAD = (120, 124, 132), (210, 210, 205), (30, 130, 60), (190, 40, 40)
_NAMED = _END, _NEW_LINE = "end", r"\n"  # tokens that have no sign of their own
_SCALE = ((214, 110, 60), (255, 255, 255), (104, 152, 206))  # colours of the probabilities 0, 1/2 and 1


class Cell(NamedTuple):
    """One token where it stands."""

    text: str
    piece: Piece | None = None
    """None: it is of the prompt."""
    ends_line: bool = False

    @property
    def width(self) -> int:
        """Pixels."""
        return max(_CELL, round(font(20).getlength(self.text)) + 10)


def render(
    run: Run, folder: Path, picture: Path | None, episodes: int, seed: int, stochastic: bool, which: str
) -> Path:
    """Draw so many answers of the run in `folder` into `picture`, or into its own; the file that was written.

    Raises:
        UsageError: if the file is no picture, or the agent writes no texts.
    """
    if picture is None:
        refuse_symlinks(folder)
        picture = folder / "videos" / "answers.png"
    if picture.suffix.lower() != ".png":
        raise UsageError(f"cannot write {picture.name}: a picture is .png")
    with closing(eval_env(run, 1)) as env:
        text_space(env.single_observation_space)
        agent, steps = trained(run, folder, env, which)
        acting = agent.acting(1, "sample" if stochastic else "best", seed)
        with threads_for(agent.convolutional):
            answers = list(written(acting, env, episodes, seed))
    how = "drawn" if stochastic else "likeliest"
    title = f"{run.algo} on {runs.env_name(run.env)} after {steps:,} steps, {which} checkpoint: {how} answers"
    picture.parent.mkdir(parents=True, exist_ok=True)
    paint(answers, title).save(picture)
    return picture


def paint(answers: Sequence[Answer], title: str) -> Image.Image:
    """Answers below one another, each token on the colour of its probability, with numbers below it."""
    valued = any(piece.value is not None for answer in answers for piece in answer.pieces)
    height = _LETTER + _NUMBER * (2 if valued else 1) + 6
    blocks = [list(_lines(_cells(answer))) for answer in answers]
    rows = sum(map(len, blocks))
    whole = Image.new("RGB", (_WIDTH, _TOP + rows * height + _GAP * len(blocks) + _MARGIN), PAPER)
    draw = ImageDraw.Draw(whole)
    draw.text((_MARGIN, 22), fitted(title, _WIDTH - 2 * _MARGIN, font(18)), INK, font(18), anchor="lm")
    _legend(draw, valued)
    y = _TOP
    for answer, lines in zip(answers, blocks, strict=True):
        for line in lines:
            x = _MARGIN
            for cell in line:
                _paint_cell(draw, (x, y), cell)
                x += cell.width
            y += height
        shown = answer.asked.shown([piece.token for piece in answer.pieces])
        color = _GOOD if shown.good else _BAD
        draw.text((x + 10, y - height + _LETTER // 2), shown.verdict, color, font(18), anchor="lm")
        y += _GAP
    return whole


def _cells(answer: Answer) -> Iterator[Cell]:
    """The tokens of a question and of the answer to it."""
    vocabulary = answer.asked.vocabulary
    for token in answer.asked.prompt:
        yield _cell(vocabulary.decode([token]))
    for piece in answer.pieces:
        yield Cell(_END, piece) if piece.token == vocabulary.end else _cell(piece.text, piece)


def _cell(text: str, piece: Piece | None = None) -> Cell:
    shown = "".join(sign if sign.isprintable() else "·" for sign in text.replace("\n", _NEW_LINE))
    return Cell(shown, piece, ends_line=text.endswith("\n"))


def _lines(cells: Iterator[Cell]) -> Iterator[list[Cell]]:
    """Cells as they stand in lines, with some room for a verdict behind the last."""
    line: list[Cell] = []
    room = _WIDTH - 2 * _MARGIN - 110
    for cell in cells:
        if line and sum(other.width for other in line) + cell.width > room:
            yield line
            line = []
        line.append(cell)
        if cell.ends_line:
            yield line
            line = []
    if line:
        yield line


def _paint_cell(draw: ImageDraw.ImageDraw, at: tuple[int, int], cell: Cell) -> None:
    (x, y), piece = at, cell.piece
    middle, bottom = x + cell.width / 2, y + _LETTER
    if piece and piece.probability is not None:
        draw.rectangle((x, y, x + cell.width - 2, bottom), _color(piece.probability), _EDGE)
        draw.text((middle - 1, bottom + 9), f"{100 * piece.probability:.0f}", INK, font(12), anchor="mm")
    elif piece:
        draw.rectangle((x, y, x + cell.width - 2, bottom), None, _EDGE)
    if piece and piece.value is not None:
        draw.text((middle - 1, bottom + 9 + _NUMBER), short(piece.value), _GIVEN, font(11), anchor="mm")
    ink, size = (_GIVEN if piece is None else INK), (14 if cell.text in _NAMED else 20)
    draw.text((middle - 1, y + _LETTER / 2), cell.text, ink, font(size), anchor="mm")


def _color(share: float) -> tuple[int, int, int]:
    """The colour of a probability."""
    low, high = (_SCALE[0], _SCALE[1]) if share < 0.5 else (_SCALE[1], _SCALE[2])
    part = min(2 * share if share < 0.5 else 2 * share - 1, 1.0)
    red, green, blue = (round(a + part * (b - a)) for a, b in zip(low, high, strict=True))
    return red, green, blue


def _legend(draw: ImageDraw.ImageDraw, valued: bool) -> None:
    """Say what colours and numbers mean."""
    y, x = 50, _MARGIN
    draw.text((x, y), "0 %", INK, font(14), anchor="lm")
    x += 34
    for step in range(101):
        draw.line((x + step, y - 8, x + step, y + 8), _color(step / 100))
    said = "100 %   colour, and number below: probability of the token"
    said += ";  grey number: value of the text before it" if valued else ""
    draw.text((x + 109, y), said, INK, font(14), anchor="lm")
