"""The parent's side of the processes that make the runs of a sweep."""

import atexit
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from socket import send_fds, socket, socketpair
from typing import Any

import cloudpickle

from ...core.errors import TrainingError
from ...envs import wire
from .job import JOB, KILL, STOP, Job

FORKS = sys.platform == "linux"  # elsewhere libraries of the system must not be forked, once they are loaded
_SLOW = 60.0  # seconds for a process to import everything and take its job


class Child:
    """A process that makes a run."""

    def __init__(self, end: socket) -> None:
        self.socket = end
        self._rest = b""

    def heard(self) -> list[dict[str, Any]]:
        """What it has told since; the last is None once it has gone.

        Raises:
            EOFError: if it has gone and there is nothing more.
        """
        try:
            chunk = self.socket.recv(1 << 16)
        except OSError:
            chunk = b""
        if not chunk:
            raise EOFError
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return [json.loads(line) for line in lines]

    def stop(self) -> None:
        """Let it save its run and go."""
        self._order(STOP)

    def kill(self) -> None:
        """End it at once, with what its environments started."""
        self._order(KILL)

    def _order(self, order: bytes) -> None:
        with suppress(OSError):  # gone already
            self.socket.sendall(order)


class Nursery:
    """Where processes for runs come from: forked by one that has imported everything, or programs of their own."""

    def __init__(self) -> None:
        self._programs: list[subprocess.Popen[bytes]] = []
        self._line: socket | None = None
        if FORKS:
            self._line, theirs = socketpair()
            with theirs:
                self._programs.append(program("nurse", theirs))

    @property
    def alive(self) -> bool:
        """Whether it can still bear processes."""
        return self._line is None or self._programs[0].poll() is None

    def child(self, job: Job) -> Child:
        """A process that makes a run.

        Raises:
            TrainingError: if none begins.
        """
        ours, theirs = socketpair()
        try:
            with theirs:
                if self._line is not None:
                    send_fds(self._line, [b"."], [theirs.fileno()])
                else:
                    self._programs.append(program("live", theirs))
            wire.send(ours, JOB, cloudpickle.dumps(job), time.monotonic() + _SLOW)
        except OSError as problem:
            ours.close()
            raise TrainingError(f"no process for the run {job.out}: {problem.strerror or problem}") from problem
        ours.setblocking(False)
        return Child(ours)

    def close(self) -> None:
        """End the nursery; the children in it live as long as their sockets."""
        if self._line is not None:
            self._line.close()
            self._programs[0].kill()  # it may be importing for seconds
        for process in self._programs:
            process.wait()


def program(name: str, theirs: socket) -> "subprocess.Popen[bytes]":
    """A process that begins with the function `name` of `child.py`, at the other end of a socket.

    Each run has one thread, unless the user says otherwise: the processes themselves take the cores.
    """
    fd = theirs.fileno()
    code = f"import sys; sys.path[:] = {sys.path!r}; from {__package__}.child import {name}; {name}({fd})"
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        pass_fds=[fd],
        process_group=0,  # out of reach of Ctrl-C
        env={"OMP_NUM_THREADS": "1", **os.environ},
    )


_nursery: Nursery | None = None


def nursery() -> Nursery:
    """The nursery of this program, which begins to import when it is first asked for."""
    global _nursery
    if _nursery is None or not _nursery.alive:
        _nursery = Nursery()
        atexit.register(_nursery.close)
    return _nursery
