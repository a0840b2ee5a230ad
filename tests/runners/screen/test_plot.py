import shutil

import numpy as np
import pytest
from PIL import Image

from gymnast.runners.runs import run as runs
from gymnast.runners.training.train import train


def test_seeds_of_one_task_become_one_picture(gymnast, cartpole, tmp_path):
    other = tmp_path / "seed1"
    train(runs.preset("ppo", "CartPole-v1", steps=2048, evals=2, eval_episodes=4, seed=1), other)
    said = gymnast("plot --out plots/curves.png", cartpole, other)
    assert said == (0, "wrote plots/curves.png\n", "")
    with Image.open(tmp_path / "plots" / "curves.png") as picture:
        assert np.asarray(picture.convert("RGB")).std() > 5


def test_any_column_can_be_drawn(gymnast, cartpole, tmp_path):
    assert gymnast("plot --metric eval/return --out curves.svg", cartpole).code == 0
    assert "eval/return" in (tmp_path / "curves.svg").read_text()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--metric eval/retrun", "Did you mean 'eval/return'?"),
        ("--out curves.doc", "cannot write curves.doc: Format 'doc' is not supported"),
    ],
)
def test_wrong_input_is_said_in_one_line(gymnast, cartpole, options, told):
    said = gymnast(f"plot {options}", cartpole)
    assert said.code == 2
    assert told in said.err


def test_a_damaged_table_is_refused(gymnast, cartpole, tmp_path):
    shutil.copytree(cartpole, tmp_path / "run")
    (tmp_path / "run" / "metrics.csv").write_text("step,episode/return\n10,high\n")
    said = gymnast("plot run")
    assert said.code == 2
    assert "metrics.csv is damaged" in said.err


def test_a_run_with_one_row_is_a_point(gymnast, cartpole, tmp_path):
    shutil.copytree(cartpole, tmp_path / "run")
    (tmp_path / "run" / "metrics.csv").write_text("step,episode/return\n10,2.5\n")
    gymnast("plot run --out point.png")
    with Image.open(tmp_path / "point.png") as picture:
        middle = np.asarray(picture.convert("RGB"))[300:450, 500:800]
    assert (middle == (31, 119, 180)).all(-1).any(), "there is blue where the point is, in the middle of the axes"
