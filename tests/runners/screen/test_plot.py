import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
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


def test_curves_can_be_drawn_over_seconds_on_a_processor(gymnast, cartpole, axes):
    assert gymnast("plot --over cpu", cartpole).code == 0
    spent = axes[0].lines[0].get_xdata()[-1]
    assert 0 < spent < 600
    assert axes[0].get_xlabel().startswith("seconds of a processor")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--metric eval/retrun", "Did you mean 'eval/return'?"),
        ("--over seconds --metric eval/retrun", "Did you mean 'eval/return'?"),
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


def written(base, name, at, values, metric="episode/return", **fields):
    """The folder `name` of a run like that in `base`, with other fields and a table of its own."""
    Path(name).mkdir()
    given = json.loads((base / "run.json").read_text())
    given["run"] |= fields
    Path(name, "run.json").write_text(json.dumps(given))
    rows = "".join(f"{step},{value}\n" for step, value in zip(at, values, strict=True))
    Path(name, "metrics.csv").write_text(f"step,{metric}\n{rows}")
    return name


@pytest.fixture(name="axes")
def _axes(monkeypatch):
    """The axes of the pictures that are written, newest last."""
    kept = []
    monkeypatch.setattr(Figure, "savefig", lambda self, *args, **kwargs: kept.extend(self.axes))
    return kept


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_runs_of_three_lengths_are_three_lines_to_their_ends(gymnast, cartpole, axes):
    for name, steps in (("a", 100_000), ("b", 20_000), ("c", 1500)):
        written(cartpole, name, (0, steps), (0, 1), steps=steps, seed=0)
    assert gymnast("plot a b c") == (0, "wrote curves.png\n", "")
    assert legend(axes[0]) == [f"ppo on CartPole-v1, steps {n} (1 seed)" for n in ("100,000", "20,000", "1,500")]
    assert [line.get_xdata().max() for line in axes[0].lines] == [100_000, 20_000, 1500]


def test_runs_may_be_pooled_by_what_is_asked_for(gymnast, cartpole, axes):
    for name, steps in (("a", 1000), ("b", 2000)):
        written(cartpole, name, (0, steps), (0, 1), steps=steps, seed=0)
    said = gymnast("plot a b --by env")
    assert legend(axes[0]) == ["ppo on CartPole-v1 (2 runs of 1 seed)"]
    assert "2 runs have seed 0 (a, b)" in said.err
    assert "pools runs that differ in steps" in said.err


def test_a_run_that_stopped_early_does_not_cut_the_others(gymnast, cartpole, axes):
    for name, last in (("a", 1000), ("b", 1000), ("c", 500)):
        written(cartpole, name, (0, last), (0, last), steps=1000, seed=ord(name))
    said = gymnast("plot a b c")
    solid, dashed = axes[0].lines
    (x, y), (after, _) = solid.get_data(), dashed.get_data()
    assert np.nanmax(x[~np.isnan(y)]) == pytest.approx(500, abs=6)
    assert (after.max(), dashed.get_linestyle()) == (1000, "--")
    assert "c has 500 of 1,000 steps; its group's line is dashed beyond" in said.err


def test_runs_without_the_metric_are_left_out_and_named(gymnast, cartpole, axes):
    written(cartpole, "a", (0, 9), (0, 1))
    written(cartpole, "b", (0, 9), (0, 1), metric="loss/policy")
    Path("c").mkdir()
    Path("d").touch()
    said = gymnast("plot a b c d")
    assert (said.code, len(axes[0].lines)) == (0, 1)
    assert "left out: b has no metric 'episode/return'. Known: loss/policy." in said.err
    assert "left out: c is not the folder of a run" in said.err
    assert "left out: d is not the folder of a run" in said.err


def test_the_band_of_three_seeds_is_students(gymnast, cartpole, axes):
    for name, value in (("a", 1.0), ("b", 2.0), ("c", 3.0)):
        written(cartpole, name, (0, 9), (value, value), seed=ord(name))
    assert gymnast("plot a b c").code == 0
    (band,) = axes[0].collections
    low, high = band.get_paths()[0].get_extents().intervaly
    # mean 2, deviation 1: 2 -+ 4.303 / sqrt(3)
    assert (low, high) == (pytest.approx(2 - 2.484, abs=1e-3), pytest.approx(2 + 2.484, abs=1e-3))


def test_two_seeds_are_two_thin_lines_and_their_mean(gymnast, cartpole, axes):
    for name, value in (("a", 1.0), ("b", 2.0)):
        written(cartpole, name, (0, 9), (value, value), seed=ord(name))
    assert gymnast("plot a b").code == 0
    assert not axes[0].collections
    assert sorted(float(line.get_ydata()[0]) for line in axes[0].lines) == [1.0, 1.5, 2.0]
