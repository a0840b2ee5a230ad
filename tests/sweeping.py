"""Sweeps in tests: their processes are forked by one that has imported everything."""

import os
from collections.abc import Callable
from socket import socket
from typing import Any

import stopping

from gymnast.runners.sweeps import child

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
