"""What this machine has no room for is refused in one line, before anything is allocated."""

import numpy as np
import pytest
from streams import Stream

from gymnast.core import machine
from gymnast.core.errors import UsageError
from gymnast.core.games.selfplay import Window
from gymnast.core.replay.replay import Replay
from gymnast.core.replay.sequences import SequenceReplay
from gymnast.envs import games


def test_room_is_enough_up_to_the_last_byte(monkeypatch, tmp_path):
    file = tmp_path / "records.npy"
    file.write_bytes(bytes(8192))
    monkeypatch.setattr(machine.os, "sysconf", {"SC_PAGE_SIZE": 4, "SC_PHYS_PAGES": 25}.get)
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: machine.shutil._ntuple_diskusage(0, 0, 100))
    machine.refuse_beyond_memory(100, "x", "y")
    machine.refuse_beyond_disk(8292, file, "x", "y")  # it replaces the file that is there
    with pytest.raises(UsageError, match=r"x takes 0 GB, more than the 0 GB of this machine. Give y"):
        machine.refuse_beyond_memory(101, "x", "y")
    with pytest.raises(UsageError, match=rf"0 GB that are free in {tmp_path}. Give y"):
        machine.refuse_beyond_disk(8293, file, "x", "y")


@pytest.mark.parametrize("replay", [Replay(10**15), SequenceReplay(10**15, 4, sequence=8, burn_in=4)])
def test_a_replay_in_memory(replay):
    with pytest.raises(UsageError, match=r"takes .* GB, more than the .* GB of this machine. Give a smaller"):
        replay._allocate({"obs": ((4,), "<f4")}, 2)


def test_a_replay_in_a_folder(tmp_path):
    with pytest.raises(UsageError, match=r"takes .* GB, more than the .* GB that are free in .*a smaller agent.capa"):
        Replay(10**15, path=tmp_path / "replay").add(Stream(seed=0).batch(1))
    assert not list((tmp_path / "replay").iterdir())


def test_a_window_of_self_play():
    window = Window(games.load("tictactoe"), 10, 10**13, np.random.default_rng(0))
    rows = {"state": np.zeros((3, 3), np.int64), "policy": np.zeros((3, 9), np.float32)}
    with pytest.raises(UsageError, match="a window of 10,000,000,000,000 positions takes 600,000 GB, more than"):
        window.add(rows)
    assert window.added == 0
    state = {"added": 0, "columns": {name: x[:0] for name, x in rows.items()}}
    with pytest.raises(UsageError, match="a window of"):
        window.load_state(state)
