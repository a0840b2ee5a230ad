"""Sweeps in tests: their processes are forked by one that has imported everything."""

import io
import os
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from socket import socket
from typing import Any

import pytest
import stopping

from gymnast.runners.cli.main import main
from gymnast.runners.sweeps import child, children

SMALL = {"name": "none", "num_envs": 2, "agent": {"horizon": 16, "minibatch": 32, "epochs": 1, "hidden": (8,)}}
"""A tiny run of PPO."""
TINY = "--preset none --num-envs 2 --agent.horizon 16 --agent.minibatch 32 --agent.epochs 1 --agent.hidden 8"
"""The same on a command line."""


class Begun:
    """A process with the methods of `subprocess.Popen` that a nursery needs."""

    def __init__(self, process: Any) -> None:
        self.process = process

    def poll(self) -> int | None:
        code: int | None = self.process.exitcode
        return code

    def kill(self) -> None:
        self.process.kill()

    def wait(self) -> None:
        self.process.join()


def program(name: str, theirs: socket) -> Begun:
    """In place of the function of this name in `children`."""
    process = stopping.processes.Process(target=_life, args=(name, theirs))
    process.start()
    return Begun(process)


@pytest.fixture(scope="session", name="nursery")
def _nursery():
    """One nursery for all sweeps of a process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(children, "program", program)
        born = children.Nursery()
    yield born
    born.close()


@pytest.fixture(autouse=True)
def quick(nursery, monkeypatch):
    """Processes of sweeps begin at once."""
    monkeypatch.setattr(children, "program", program)
    monkeypatch.setattr(children, "_nursery", nursery)


def _life(name: str, end: socket) -> None:
    os.setpgid(0, 0)
    getattr(child, name)(os.dup(end.detach()))


def _alone(name: str, end: socket) -> None:
    """Begin without the files of the parent, as a program does: among them is the other end of the line."""
    fd = end.fileno()
    os.closerange(3, fd)
    os.closerange(fd + 1, 1000)
    _life(name, end)


class Forked:
    """A process with these methods that this one forks: for one that has a single thread and is ready."""

    def __init__(self, name: str, theirs: socket) -> None:
        self.pid = forked(lambda: _alone(name, theirs))

    def poll(self) -> None:
        return None

    def kill(self) -> None:
        os.kill(self.pid, 9)

    def wait(self) -> None:
        os.waitpid(self.pid, 0)


def forked(work: Callable[[], None]) -> int:
    """The number of a process that does this work."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def forking() -> None:
    """Let this process fork its nursery, before it opens any file that the nursery would keep open."""
    children.program, children._nursery, child._get_ready = Forked, None, lambda: None
    children.nursery()


def command(line: str) -> tuple[Any, str, str]:
    """The exit code of a command line, and what it prints."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as stop:
        main(line.split())
    return stop.value.code, out.getvalue(), err.getvalue()
