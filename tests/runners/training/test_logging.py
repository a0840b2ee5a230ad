import io
import os

import numpy as np
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gymnast.core.batch import Episodes
from gymnast.runners.training import logging
from gymnast.runners.training.logging import Display, Metrics, Writer, read


def episodes(*returns: float) -> Episodes:
    count = len(returns)
    return Episodes(np.zeros(count, np.int64), np.array(returns), np.full(count, 10))


def scalars(out, name):
    events = EventAccumulator(os.fspath(out))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


def test_a_row_holds_means_since_the_last_row():
    metrics = Metrics()
    metrics.add({"loss/value": 1.0}, episodes())
    metrics.add({"loss/value": 3.0}, episodes())
    assert metrics.row() == {"loss/value": 2.0, "episode/count": 0}
    metrics.add({"loss/value": 7.0}, episodes())
    assert metrics.row()["loss/value"] == 7.0


def test_the_return_is_that_of_the_last_100_episodes():
    metrics = Metrics()
    metrics.add({}, episodes(*range(150)))
    row = metrics.row()
    assert row["episode/count"] == 150
    assert row["episode/return"] == 99.5  # the mean of 50..149
    assert row["episode/length"] == 10


def test_metrics_go_on_from_their_state():
    metrics, again = Metrics(), Metrics()
    metrics.add({"loss/value": 1.0}, episodes(5))
    again.load_state(metrics.state())
    assert again.row() == metrics.row()


def test_a_new_name_becomes_a_new_column(tmp_path):
    writer = Writer(tmp_path)
    writer.write(1, {"a/x": 1.0})
    writer.write(2, {"a/x": 2.0, "b/y": 0.5})
    writer.close()
    assert (tmp_path / "metrics.csv").read_text() == "step,a/x,b/y\n1,1.0,\n2,2.0,0.5\n"
    assert read(tmp_path / "metrics.csv") == [{"step": 1, "a/x": 1.0}, {"step": 2, "a/x": 2.0, "b/y": 0.5}]


def test_rows_after_the_checkpoint_are_dropped_when_a_run_resumes(tmp_path):
    first = Writer(tmp_path)
    for step in (1, 2, 3):
        first.write(step, {"a/x": float(step), "episode/count": step} | ({"b/y": 0.5} if step == 3 else {}))
    first.close()
    second = Writer(tmp_path, 2)
    second.write(3, {"a/x": 30.0, "episode/count": 3})
    second.close()
    assert (tmp_path / "metrics.csv").read_text() == "step,a/x,episode/count\n1,1.0,1\n2,2.0,2\n3,30.0,3\n"
    assert scalars(tmp_path, "a/x") == [(1, 1.0), (2, 2.0), (3, 30.0)]


def test_a_line_cut_short_is_not_read(tmp_path):
    (tmp_path / "metrics.csv").write_text("step,a/x\n100,1.5\n20")
    assert read(tmp_path / "metrics.csv") == [{"step": 100, "a/x": 1.5}]


ROW = {"episode/return": 123.4, "episode/length": 20.0, "eval/return": 0.125, "episode/count": 7}


def panel(display, step=500, shares=None, width=100):
    """The text of the live panel."""
    console = Console(file=io.StringIO(), width=width)
    console.print(display._panel(step, shares or {"env": 0.5, "update": 0.5}))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_live_display_shows_what_matters():
    display = Display("ppo · CartPole-v1", 1000, 0, quiet=True)
    display.compiled(10)
    display.show(500, ROW, {"env": 0.8, "update": 0.2})
    text = panel(display, shares={"env": 0.8, "update": 0.2})
    for part in ("123.4", "20.0", "500 / 1,000", "steps/s", "time left", "env 80%", "the environment dominates"):
        assert part in text


def test_the_live_display_shows_the_rows_that_the_algorithm_has():
    display = Display("ppo · CartPole-v1", 1000, 0, quiet=True)
    display.show(500, ROW, {})
    assert "return" in panel(display)
    assert not [word for word in ("Elo", "wrong moves") if word in panel(display)]
    game = Display("alphazero · tictactoe", 1000, 0, quiet=True)
    game.show(500, {"strength/elo": 120.0}, {})
    assert "Elo" in panel(game)
    assert not [word for word in ("return", "length", "evaluation", "episodes") if word in panel(game)]


def test_compiling_is_said_and_left_out_of_the_speed(monkeypatch):
    clock = iter([0.0, 60.0, 62.0])  # compiles for a minute, then 400 steps in 2 seconds
    monkeypatch.setattr(logging, "monotonic", lambda: next(clock))
    display = Display("ppo · CartPole-v1", 1000, 0, quiet=True)
    assert "compiling" in panel(display, 0)
    display.compiled(100)
    assert "compiling" not in panel(display, 100)
    assert "steps/s" not in panel(display, 100)
    display.compiled(300)  # once
    text = panel(display, 500)
    assert "200 steps/s" in text
    assert "compiling" not in text


def test_nothing_tears_at_60_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    display = Display("ppo · HalfCheetah-v5 · seed 0 · mujoco · step by step · written out", 1_000_000, 0, quiet=True)
    display.compiled(10)
    display.show(500_000, ROW | {"eval/return": 12_345.6}, {"env": 0.8})
    shares = {"env": 0.75, "act": 0.1, "rollout": 0.05, "update": 0.1, "evaluate": 0.0}
    first, *lines, last = panel(display, 500_000, shares, width=60).splitlines()
    assert {len(line) for line in (first, *lines, last)} == {60}
    assert (first[0], last[0]) == ("╭", "╰")
    assert all(line[0] == line[-1] == "│" for line in lines)
    assert all(any(f"{phase} {share:.0%}" in line for line in lines) for phase, share in shares.items())


def test_texts_stand_in_tensorboard_as_they_are(tmp_path):
    writer = Writer(tmp_path)
    writer.write(1, {"a/x": 1.0})
    writer.write(2, {"a/x": 2.0}, ["1+1=2 [right]", "*to be*\n\nor not"])
    writer.close()
    events = EventAccumulator(os.fspath(tmp_path))
    events.Reload()
    (event,) = events.Tensors("texts/text_summary")
    assert event.step == 2
    (shown,) = event.tensor_proto.string_val
    assert shown.decode() == "    1+1=2 [right]\n\n---\n\n    *to be*\n    \n    or not"


def test_the_live_display_shows_one_line_of_what_was_written():
    display = Display("lm · gymnast/Text-v0", 1000, 0, quiet=True)
    display.show(500, {"eval/bits_per_byte": 2.5}, {}, ["to be\n\x1bor not " + 99 * "to be ", "another"])
    (line,) = [line for line in panel(display).splitlines() if "writes" in line]
    assert "to be ·or not to be to be" in line
    assert "…" in line
    assert "another" not in panel(display)
    assert "2.50" in panel(display)


def test_no_hint_where_no_phase_dominates():
    assert "dominates" not in panel(Display("ppo · CartPole-v1", 1000, 0, quiet=True))


def test_without_a_terminal_there_are_plain_lines(capsys):
    with Display("ppo · CartPole-v1", 1000, 0, quiet=False) as display:
        display.show(500, ROW, {"env": 1.0})
    title, line = capsys.readouterr().out.splitlines()
    assert title == "ppo · CartPole-v1"
    assert line.startswith("  500/1,000 steps  return 123.4  length 20.0  evaluation 0.12 ")


def test_quiet_shows_nothing(capsys):
    with Display("ppo · CartPole-v1", 1000, 0, quiet=True) as display:
        display.show(500, ROW, {"env": 1.0})
    assert capsys.readouterr() == ("", "")


def test_what_is_written_of_a_step_again_joins_its_row(tmp_path):
    writer = logging.Writer(tmp_path)
    writer.write(32, {"loss/policy": 1.0})
    writer.close()
    writer = logging.Writer(tmp_path, 32)  # a run that goes on makes the evaluation that it owes
    writer.write(32, {"eval/return": 5.0})
    writer.write(64, {"loss/policy": 2.0})
    writer.close()
    rows = logging.read(tmp_path / "metrics.csv")
    assert rows == [{"step": 32, "loss/policy": 1.0, "eval/return": 5.0}, {"step": 64, "loss/policy": 2.0}]
