"""The picture of answers: each token on the colour of its probability, and numbers below it."""

from shutil import copytree

import numpy as np
import pytest
from PIL import Image

from gymnast.envs import text
from gymnast.runners.evaluation.answers import Answer
from gymnast.runners.evaluation.writing import Piece
from gymnast.runners.screen import texts
from gymnast.runners.screen.panel import PAPER
from gymnast.runners.screen.texts import _CELL, _LETTER, _MARGIN, _TOP, _cells, _color, _lines, paint


def answer(prompt, said, value=None):
    """An answer to a sum whose tokens have these probabilities, and END at 1."""
    asked = text.make("gymnast/Addition-v0").pose(prompt)
    vocabulary = asked.vocabulary
    pieces = [Piece(int(vocabulary.encode(sign)[0]), sign, share, value) for sign, share in said]
    return Answer(asked, [*pieces, Piece(vocabulary.end, "", 1.0, value)])


def corner(picture, column, row=0, height=_LETTER + 21):
    """The colour near the upper left corner of a token's cell."""
    return picture.getpixel((_MARGIN + column * _CELL + 2, _TOP + row * height + 2))


def test_colours_go_from_orange_over_white_to_blue():
    assert _color(0) == (214, 110, 60)
    assert _color(0.5) == (255, 255, 255)
    assert _color(1) == (104, 152, 206)
    assert _color(0.25) == (234, 182, 158)  # half way from orange to white, halves to even
    assert _color(1 + 1e-6) == _color(1)


def test_each_token_of_an_answer_stands_on_the_colour_of_its_probability():
    picture = paint([answer("1+2=", [("3", 0.9), ("4", 0.1)])], "some answers")
    assert corner(picture, 0) == PAPER, "a prompt has no probability"
    assert [corner(picture, column) for column in (4, 5)] == [_color(0.9), _color(0.1)]
    assert corner(picture, 6) == _color(1.0)


def test_what_somebody_else_wrote_has_a_frame_and_no_colour():
    said = answer("1+2=", [("3", 0.9)])
    other = said._replace(pieces=[said.pieces[0]._replace(probability=None), said.pieces[1]])
    picture = paint([other], "")
    assert corner(picture, 4) == PAPER
    assert picture.getpixel((_MARGIN + 4 * _CELL, _TOP)) != PAPER


def test_values_stand_below_where_there_are_any():
    plain, valued = (np.asarray(paint([answer("1+2=", [("3", 0.9)], value)], "")) for value in (None, 0.25))
    assert len(valued) == len(plain) + 15
    below = np.s_[_TOP + _LETTER + 17 : _TOP + _LETTER + 32, _MARGIN + 4 * _CELL : _MARGIN + 5 * _CELL]
    assert (valued[below] != PAPER).any()


def test_the_verdict_stands_behind_the_last_token_in_its_colour():
    right, wrong = (paint([answer("1+2=", [(sign, 0.5)])], "") for sign in "34")
    for picture, color in ((right, texts._GOOD), (wrong, texts._BAD)):
        assert color in {pixel for _, pixel in picture.getcolors(1 << 16)}
    assert texts._BAD not in {pixel for _, pixel in right.getcolors(1 << 16)}


def test_long_answers_take_several_lines_and_new_lines_begin_one():
    asked = text.make("gymnast/Text-v0").pose("a")
    pieces = [Piece(0, sign, 0.5) for sign in "bc\nd\x1b" + 80 * "e"]
    first, *more = list(_lines(_cells(Answer(asked, pieces))))
    assert "".join(cell.text for cell in first) == "abc\\n"
    assert "".join(cell.text for line in more for cell in line) == "d·" + 80 * "e"
    assert len(more) == 3
    assert all(sum(cell.width for cell in line) <= 1120 for line in more)


def test_the_picture_of_a_run_lies_in_its_folder(gymnast, adder, tmp_path):
    copytree(adder, tmp_path / "run")
    assert gymnast("render run --episodes 3").out == "wrote run/videos/answers.png\n"
    few, many = tmp_path / "few.png", tmp_path / "many.png"
    assert gymnast(f"render --episodes 3 --picture {few}", adder).code == 0
    assert gymnast(f"render --stochastic --picture {many}", adder).out == f"wrote {many}\n"
    with Image.open(few) as one, Image.open(many) as other:
        assert other.height > one.height > 200
    assert few.read_bytes() == (tmp_path / "run" / "videos" / "answers.png").read_bytes()


def test_a_film_of_answers_is_there_for_those_who_ask(gymnast, adder, tmp_path):
    assert gymnast("render --video film.gif", adder).out == "wrote film.gif\n"
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames > 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--picture answers.jpg", "cannot write answers.jpg: a picture is .png"),
        ("--picture answers.png --grid", "a picture is of answers, on an environment of text alone"),
    ],
)
def test_wrong_input_is_said_in_one_line(gymnast, adder, options, told):
    said = gymnast(f"render {options}", adder)
    assert said.code == 2
    assert told in said.err


def test_a_picture_is_for_environments_of_text(gymnast, cartpole):
    said = gymnast("render --picture answers.png", cartpole)
    assert said.code == 2
    assert "on an environment of text alone" in said.err
