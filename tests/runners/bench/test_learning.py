import shutil
import tempfile
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from same_process import Here

from gymnast.core.errors import UsageError
from gymnast.runners.training.logging import read

pytest.importorskip("sb3_contrib")
from gymnast.runners.bench import learning


@pytest.fixture(name="contest")
def _contest(monkeypatch, tmp_path):
    """A small one of both sides, all in this process."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(learning, "process", lambda: nullcontext(Here()))
    return learning.Contest("CartPole-v1", ("a2c", "sb3-a2c"), 400, 1, evals=4, episodes=2, out=tmp_path / "out")


def test_both_sides_are_judged_at_the_same_steps_and_drawn(contest):
    head, _, ours, peer = learning.compare(contest)
    assert not list(contest.out.parent.glob("SB3-*"))  # logs of the peer
    assert "return after 400 steps" in head
    assert (ours.split()[1], peer.split()[1]) == ("a2c", "sb3-a2c")
    for folder in ("a2c-s0", "sb3-a2c-s0"):
        judged = [row for row in read(contest.out / folder / "metrics.csv") if "eval/return" in row]
        assert [row["step"] for row in judged] in ([120, 200, 320, 400], [100, 200, 300, 400])
        assert all(np.diff([0.0, *(row["speed/cpu_seconds"] for row in judged)]) > 0)
        assert 8 <= judged[-1]["eval/return"] <= 500
    with Image.open(contest.out / "learning.png") as picture:
        assert np.asarray(picture.convert("RGB")).std() > 5


def test_what_is_there_is_not_made_again_but_other_settings_are_refused(contest):
    before = list(learning.compare(contest))
    assert list(learning.compare(contest)) == before
    with pytest.raises(UsageError, match="a2c-s0 holds a run of other settings; give another --out"):
        list(learning.compare(replace(contest, steps=500)))


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("sb3-tdd", "Did you mean 'sb3-td3'?"),
        ("scc", "Did you mean 'sac'?"),
        ("sac:crosq", "Did you mean 'crossq'?"),
    ],
)
def test_an_unknown_entry_is_said_before_anything_is_trained(contest, entry, told):
    with pytest.raises(UsageError, match=told.replace("?", r"\?")):
        list(learning.compare(replace(contest, entries=("a2c", entry))))
    assert not contest.out.exists()


def test_the_command_draws_what_it_prints(gymnast, contest, monkeypatch, tmp_path):
    list(learning.compare(contest))
    shutil.rmtree(contest.out / "sb3-a2c-s0")
    said = gymnast(
        f"bench learning CartPole-v1 a2c --steps 400 --seeds 1 --evals 4 --eval-episodes 2 --out {contest.out}"
    )
    assert said.code == 0
    assert said.out.splitlines()[2].startswith("| a2c | 1 |")
    assert said.out.endswith("learning.png\n")
