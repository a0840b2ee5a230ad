import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("starlette")
pytest.importorskip("psutil")
from starlette.testclient import TestClient

from gymnast.core.errors import UsageError
from gymnast.core.learn.stats import mean_interval
from gymnast.runners.training.curves import smoothed
from gymnast.runners.web.watch import watch


@pytest.fixture(name="runs")
def _runs(cartpole, tmp_path):
    """Three seeds of one setting and one run of another, with curves of their own."""
    for name, seed, lr, values in (
        ("a", 0, None, (1, 3)),
        ("b", 1, None, (2, 4)),
        ("c", 2, None, (6, 5)),
        ("d", 0, 0.5, (9, 9)),
    ):
        folder = tmp_path / "runs" / name
        shutil.copytree(cartpole, folder, ignore=shutil.ignore_patterns("checkpoints", "events*", "videos"))
        given = json.loads((folder / "run.json").read_text())
        given["run"]["seed"] = seed
        if lr is not None:
            given["run"]["agent"]["lr"] = lr
        (folder / "run.json").write_text(json.dumps(given))
        (folder / "metrics.csv").write_text(f"step,episode/return\n0,{values[0]}\n2048,{values[1]}\n")
    return tmp_path / "runs"


@pytest.fixture(name="asks")
def _asks(runs):
    return TestClient(watch([runs], "127.0.0.1", None), base_url="http://127.0.0.1")


def test_all_runs_are_listed_with_what_is_newest(asks, runs):
    kept = {"mean": 12.5, "ci": [10, 15], "checkpoint": "best", "steps": 9}
    (runs / "b" / "eval.json").write_text(json.dumps([kept]))
    (runs / "c" / "run.json").write_text("{")
    said = asks.get("/api/runs").json()
    assert [(run["name"], run["status"], run["steps"]) for run in said["runs"]] == [
        (name, "finished", 2048) for name in "abd"
    ]
    assert said["runs"][0]["latest"] == {"episode/return": 3.0}
    assert said["runs"][1]["evaluations"] == [kept]
    assert said["metrics"] == ["episode/return"]
    assert len(said["left_out"]) == 1
    assert "run.json is damaged" in said["left_out"][0]


def test_curves_are_pooled_over_seeds_with_students_interval(asks):
    groups = asks.get("/api/curves").json()["groups"]
    pooled, other = sorted(groups, key=lambda group: len(group["runs"]), reverse=True)
    assert (pooled["count"], other["count"]) == ("3 seeds", "1 seed")
    assert (pooled["mean"][0], pooled["mean"][-1]) == (3.0, 4.0)
    assert (pooled["low"][0], pooled["high"][0]) == pytest.approx(mean_interval([1, 2, 6]))
    assert other["low"] is None
    assert other["name"].endswith("lr 0.5")
    assert [run["name"] for run in pooled["runs"]] == ["a", "b", "c"]


def test_chosen_runs_alone_are_drawn_and_grouped_as_asked(asks):
    groups = asks.get("/api/curves", params={"run": ["a", "d"], "by": "env"}).json()["groups"]
    assert [[run["name"] for run in group["runs"]] for group in groups] == [["a", "d"]]


def test_smoothing_is_a_moving_average_that_does_not_begin_at_0():
    places, values = smoothed((np.arange(3.0), np.array([4.0, 8.0, 0.0])), 0.5)
    # (0.5 * 4) / 0.5; (0.25 * 4 + 0.5 * 8) / 0.75; (0.125 * 4 + 0.25 * 8) / 0.875
    assert values == pytest.approx([4.0, 5.0 / 0.75, 2.5 / 0.875])
    assert places.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("asked", "said"),
    [({"over": "day"}, "over is 'day'"), ({"smooth": "1"}, "smooth is '1'"), ({"by": "lrr"}, "--by lrr")],
)
def test_what_cannot_be_is_said(asks, asked, said):
    answer = asks.get("/api/curves", params=asked)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_settings_in_which_runs_differ_are_shown(asks):
    said = asks.get("/api/differences", params={"run": ["a", "d", "nobody"]}).json()
    assert said["runs"] == ["a", "d"]
    assert [setting["name"] for setting in said["settings"]] == ["agent.lr"]
    assert said["settings"][0]["values"][1] == 0.5
    assert said["equal"] > 20


def test_a_run_trains_while_the_process_in_its_lock_lives(asks, runs):
    for name in "abc":
        (runs / name / "metrics.csv").write_text("step,episode/return\n0,1\n")
    for name, process in (("a", os.getpid()), ("b", 999_999_999), ("c", os.getpid()), ("d", os.getpid())):
        (runs / name / ".lock").write_text(f"{process}\n")
    os.utime(runs / "c" / ".lock", (1, 1))  # of a process long gone, whose number this one has
    status = [run["status"] for run in asks.get("/api/runs").json()["runs"]]
    assert status == ["training", "stopped", "stopped", "finished"]


def test_what_changed_is_read_again(asks, runs):
    before = asks.get("/api/runs").json()["runs"][0]["latest"]
    with (runs / "a" / "metrics.csv").open("a") as file:
        file.write("4096,77\n")
    assert (before, asks.get("/api/runs").json()["runs"][0]["latest"]) == (
        {"episode/return": 3.0},
        {"episode/return": 77.0},
    )


def test_the_newest_video_is_served_but_nothing_behind_a_symlink(asks, runs, tmp_path):
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"secret")
    videos = runs / "a" / "videos"
    videos.mkdir()
    (videos / "link.mp4").symlink_to(secret)
    assert asks.get("/video", params={"run": "a"}).status_code == 404
    (videos / "old.gif").write_bytes(b"old")
    os.utime(videos / "old.gif", (1, 1))
    (videos / "new.mp4").write_bytes(b"new")
    assert asks.get("/video", params={"run": "a"}).content == b"new"
    assert asks.get("/api/runs").json()["runs"][0]["video"]["file"] == "new.mp4"
    (runs / "b" / "videos").symlink_to(tmp_path)
    for name in ("b", "../secret.mp4", str(secret), ""):
        assert asks.get("/video", params={"run": name}).status_code == 404


def test_values_that_json_has_not_are_null(asks, runs):
    (runs / "d" / "metrics.csv").write_text("step,episode/return\n0,nan\n2048,inf\n")
    groups = asks.get("/api/curves", params={"run": "d"}).json()["groups"]
    assert groups[0]["runs"][0]["values"] == [None, None]


def test_the_machine_is_described(asks):
    said = asks.get("/api/system").json()
    assert 0 < said["memory"] < said["memory_total"]
    assert 0 <= said["cpu"] <= 100


def test_a_folder_that_is_none_is_refused():
    with pytest.raises(UsageError, match="nowhere is no folder of runs"):
        watch([Path("nowhere")], "127.0.0.1", None)
