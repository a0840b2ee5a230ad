"""The life of a process that makes one run of a sweep, and of the nursery that such processes are forked in.

The nursery has imported everything, which takes seconds, and does nothing else: a run that is forked there begins at
once, in a process of its own. Through its socket it hears when to stop, and tells how far it is. The socket closes with
the parent, however that ends: then the run is saved, as at a SIGTERM, and the process goes.
"""

import json
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from contextlib import nullcontext, suppress
from importlib import import_module
from pathlib import Path
from socket import recv_fds, socket
from typing import Any

import numpy as np

from ...core import checkpoint
from ...core.errors import UsageError, one_line
from ...core.learn.returns import gae
from ...envs import threads, wire
from ...envs.worker import leave_signals_to_the_parent
from ..runs.folder import held, last, lock
from ..runs.run import Run
from ..trackers import tracked
from ..training import train as training
from ..training.logging import read
from .job import JOB, KILL, SHOWN, STOP, Job

_PATIENCE = 10.0  # seconds to save what is learned, once the parent has gone


def nurse(fd: int) -> None:
    """Fork a process for each socket that comes through the socket `fd`, until that closes."""
    leave_signals_to_the_parent()
    _get_ready()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that end
    line = socket(fileno=fd)
    while sockets := recv_fds(line, 1, 1)[1]:
        if os.fork() == 0:
            try:
                line.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.setpgid(0, 0)  # a name for all that its environments start
                live(sockets[0])
            finally:
                os._exit(0)
        os.close(sockets[0])
    os._exit(0)  # at once: there is nothing to clear up


def _get_ready() -> None:
    """Do what each process would do for itself: import what logging needs, and let Numba load what it knows."""
    import_module("torch.utils.tensorboard")
    one = np.zeros((1, 1), np.float32)
    gae(one, one, one, one > 0, 1.0, 1.0)


def live(fd: int) -> None:
    """The whole life of a process that makes one run."""
    os.set_inheritable(fd, False)  # what environments start must not keep the line open
    end = socket(fileno=fd)
    with suppress(OSError, EOFError):
        end.recv(len(JOB))
        _work(end, wire.receive(end))


def _work(end: socket, job: Job) -> None:
    """Make a run, and tell the other end."""
    threading.Thread(target=_obey, args=(end,), daemon=True).start()
    _step_into(job)

    def tell(**said: Any) -> None:
        with suppress(OSError):  # the parent has gone, which the thread sees
            end.sendall(json.dumps(said).encode() + b"\n")

    try:
        state = _made(job, tell)
        rows = read(job.out / "metrics.csv")
        metrics = {name: row[name] for row in rows for name in SHOWN if name in row}
        tell(state=state, steps=rows[-1]["step"] if rows else 0, metrics=metrics)
    except KeyboardInterrupt:
        tell(state="interrupted")
    except BaseException as problem:
        traceback.print_exc()
        error = one_line(problem, f"{job.log} shows where")
        tell(state="failed", error=error, code=getattr(problem, "exit_code", 1))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _made(job: Job, tell: Any) -> str:
    """Train from the start or from where the run stopped; what became of it."""
    run: Run = pickle.loads(job.run)
    _await(job.out)

    def told(_: Run, steps: int, row: dict[str, float]) -> bool:
        tell(state="running", steps=steps, metrics={name: row[name] for name in SHOWN if name in row})
        return True

    with tracked(job.track) if job.track else nullcontext() as log:

        def watch(run: Run, steps: int, row: dict[str, float]) -> bool:
            return (log is None or log(run, steps, row)) and told(run, steps, row)

        if not (job.out / "run.json").exists():
            result = training.train(run, job.out, watch=watch)
        elif _finished(run, job.out):
            return "done"
        else:
            result = training.go_on(run, job.out, watch=watch)
    return "interrupted" if result.interrupted else "done"


def _await(out: Path) -> None:
    """Wait while a run whose parent has gone still saves itself in the folder `out`.

    Raises:
        UsageError: if somebody goes on working there.
    """
    until = time.monotonic() + 1.5 * _PATIENCE
    while lock(out).exists():
        try:
            with held(out):
                return
        except UsageError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _finished(run: Run, out: Path) -> bool:
    """Whether the run in the folder `out` needs no more."""
    if not last(out).exists():
        return False
    state = checkpoint.plain(last(out))
    return not state.get("owed") and bool(state.get("finished") or state.get("steps", 0) >= run.steps)


def _step_into(job: Job) -> None:
    """Become a program like the one that asked for the run, but for what it prints."""
    sys.path[:], sys.argv[:] = job.path, job.command or sys.argv
    os.environ.update(job.environ)
    os.chdir(job.cwd)
    threads.share(job.cores)
    log = os.open(job.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o666)
    for fd in (1, 2):
        os.dup2(log, fd)
    os.close(log)


def _obey(end: socket) -> None:
    """Stop this run as its parent says, or because the parent has gone."""
    end.settimeout(None)
    order = _heard(end)
    if order == STOP:
        os.kill(os.getpid(), signal.SIGTERM)
        order = _heard(end)
    elif order == b"":
        os.kill(os.getpid(), signal.SIGTERM)
    if order != KILL:
        time.sleep(_PATIENCE)
    os.killpg(0, signal.SIGKILL)


def _heard(end: socket) -> bytes:
    try:
        return end.recv(1)
    except OSError:
        return b""
