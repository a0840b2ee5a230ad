"""A process that is killed or interrupted leaves a run that resumes."""

import io
import os
import pty
import signal
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import stopping

from gymnast.core import checkpoint
from gymnast.runners.runs import run as runs
from gymnast.runners.runs.folder import last
from gymnast.runners.runs.signals import interruptible
from gymnast.runners.training.train import Training

LONG = ["train", "ppo", "CartPole-v1", "--steps", "10M", "--evals", "100000", "--eval-episodes", "1", "--out"]


def begun(out: Path, said: str) -> Any:
    """A process that trains in `out`, says so in the file of that name, and has written its first checkpoint."""
    process = stopping.processes.Process(target=stopping.command, args=([*LONG, str(out)], said))
    process.start()
    while not last(out).exists():
        assert process.is_alive(), "it ended before its first checkpoint"
        time.sleep(0.02)  # which leaves the processor to it
    return process


def test_kill_9_leaves_a_run_that_resumes(tmp_path):
    out = tmp_path / "run"
    process = begun(out, os.devnull)
    process.kill()
    process.join()
    steps = checkpoint.load(last(out))["steps"]
    with Training(runs.load(out / "run.json"), out, checkpoint.load(last(out))) as training:
        training.iterate()
        assert training.steps > steps


@pytest.mark.parametrize("terminal", [True, False])
def test_ctrl_c_writes_a_checkpoint_says_how_to_go_on_and_exits_with_130(tmp_path, terminal):
    out = tmp_path / "run"
    if terminal:
        reader, writer = pty.openpty()
        process = begun(out, os.ttyname(writer))
        os.close(writer)
    else:
        os.mkfifo(tmp_path / "pipe")
        reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)  # so as not to wait for the process here
        process = begun(out, str(tmp_path / "pipe"))
        os.set_blocking(reader, True)
    before = checkpoint.load(last(out))["steps"]
    os.kill(process.pid, signal.SIGINT)
    assert f"go on with:\n\n  gymnast train --resume {out}\n" in "".join(everything(reader).split("\r"))
    process.join()
    assert process.exitcode == 130
    assert checkpoint.load(last(out))["steps"] >= before


class Forever(gym.Env):
    """Its episodes never end; after so many steps it sends this process a SIGTERM."""

    observation_space = gym.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, until: int) -> None:
        self.left = until

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGTERM)
        return np.zeros(1, np.float32), 1.0, False, False, {}


def test_whole_episodes_that_never_end_are_stopped_by_a_signal(tmp_path):
    run = runs.preset("reinforce", partial(Forever, 100), steps=10_000, num_envs=1, evals=0, backend="loop")
    with Training(run, tmp_path) as training:
        result = training.advance()
    assert (result.interrupted, result.steps) == (True, 256)
    state = checkpoint.load(last(tmp_path))
    with Training(replace(run, steps=512), None, state) as again:
        assert not again.advance().interrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_stops_at_once(number):
    with interruptible(quiet=True) as caught:
        signal.raise_signal(number)
        assert caught == [number]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


def test_a_terminal_that_closes_may_say_so_more_than_once():
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
    try:
        with interruptible(quiet=True) as caught:
            for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGUSR1):
                signal.raise_signal(number)
        assert len(caught) == 3
    finally:
        signal.signal(signal.SIGHUP, before)


def test_nohup_is_obeyed():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible(quiet=True) as caught:
            signal.raise_signal(signal.SIGHUP)
            assert not caught
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_terminal_that_is_gone_does_not_keep_a_run_from_stopping(monkeypatch):
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError("no terminal")

    monkeypatch.setattr(sys, "stderr", Gone())
    with interruptible(quiet=False) as caught:
        signal.raise_signal(signal.SIGTERM)
    assert caught == [signal.SIGTERM]


def everything(reader: int) -> str:
    """What a process wrote until it ended."""
    said = b""
    while True:
        try:
            chunk = os.read(reader, 65536)
        except OSError:  # how a pseudo-terminal says that the other end has gone
            chunk = b""
        if not chunk:
            os.close(reader)
            return said.decode()
        said += chunk
