import json
import re
import shutil
from html.parser import HTMLParser

import pytest

from gymnast.runners.screen import report as module


class Reader(HTMLParser):
    """What a page holds: its texts, its tags, and the addresses that it names."""

    def __init__(self):
        super().__init__()
        self.texts, self.tags, self.addresses = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href") and value]

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(name="runs")
def _runs(cartpole, tmp_path):
    """Two seeds, of which the second has another step size, a video, and a name that is no HTML."""
    for name, seed, lr in (("a", 0, None), ("<b>&", 1, 0.5)):
        shutil.copytree(cartpole, tmp_path / name, ignore=shutil.ignore_patterns("videos"))
        given = json.loads((tmp_path / name / "run.json").read_text())
        given["run"]["seed"] = seed
        if lr:
            given["run"]["agent"]["lr"] = lr
        (tmp_path / name / "run.json").write_text(json.dumps(given))
    (tmp_path / "a" / "eval.json").write_text(
        '[{"mean": 123.4, "ci": [100.5, 140.25], "checkpoint": "best", "steps": 2048}]'
    )
    (tmp_path / "a" / "videos").mkdir()
    (tmp_path / "a" / "videos" / "p.mp4").write_bytes(b"video")
    return ["a", "<b>&"]


def read(path):
    reader = Reader()
    reader.feed(path.read_text())
    return reader


def test_a_report_holds_all_and_asks_nobody(gymnast, runs, tmp_path):
    said = gymnast("report --out out/report.html", *runs)
    assert said == (0, "wrote out/report.html\n", "")
    page = read(tmp_path / "out" / "report.html")
    text = " ".join(page.texts)
    for part in ("123.4", "100.5 to 140.2", "agent.lr", "0.5", "<b>&", "numba", "Settings of ppo that differ"):
        assert part in text
    assert page.tags.count("svg") == 2  # returns in training and in evaluations
    assert "script" not in page.tags
    assert all(address.startswith(("data:", "#")) for address in page.addresses)
    assert "data:video/mp4;base64,dmlkZW8=" in page.addresses


def test_settings_that_differ_stand_apart_from_those_that_agree(gymnast, runs, tmp_path):
    gymnast("report", *runs)
    page = (tmp_path / "report.html").read_text()
    differ, agree = (
        re.search(rf"Settings of ppo that {what}</h2>(.*?)</table>", page, re.S)[1] for what in ("differ", "agree")
    )
    assert re.findall(r"<tr><td>([^<]*)", differ) == ["seed", "agent.lr"]
    assert "agent.hidden" in agree
    assert "agent.lr<" not in agree


def test_what_is_no_run_and_what_is_too_large_is_left_out_with_a_word(gymnast, runs, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LARGEST", 4)
    (tmp_path / "none").mkdir()
    said = gymnast("report none", *runs)
    assert said.code == 0
    assert "left out: none is not the folder of a run" in said.err
    assert "left out: a/videos/p.mp4, which is larger than" in said.err
    assert gymnast("report none").code == 2


def test_a_report_holds_nothing_from_behind_a_symlink(gymnast, runs, tmp_path):
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (tmp_path / "a" / "videos" / "p.mp4").unlink()
    (tmp_path / "a" / "videos" / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    assert gymnast("report", *runs).code == 0
    assert "video" not in read(tmp_path / "report.html").tags
