import io
import os

import numpy as np
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gymnast.core.batch import Episodes
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


def test_the_live_display_shows_what_matters():
    display = Display("ppo · CartPole-v1", 1000, 0, quiet=True)
    display.show(500, ROW, {"env": 0.8, "update": 0.2})
    console = Console(file=io.StringIO(), width=100)
    console.print(display._panel(500, {"env": 0.8, "update": 0.2}))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for part in ("123.4", "20.0", "500 / 1,000", "steps/s", "time left", "env 80%", "the environment dominates"):
        assert part in text


def test_no_hint_where_no_phase_dominates():
    display = Display("ppo · CartPole-v1", 1000, 0, quiet=True)
    console = Console(file=io.StringIO(), width=100)
    console.print(display._panel(500, {"env": 0.5, "update": 0.5}))
    assert "dominates" not in console.file.getvalue()  # type: ignore[attr-defined]


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
