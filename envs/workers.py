"""Any Gymnasium environment in worker processes, several environments per worker.

Everything of fixed size lies in one block of shared memory, which workers write in place; a single byte through a
socket says "step" and "done". Only what has no fixed size (infos that hold something) is pickled.

Workers are programs of their own, not forks: threads of the parent cannot harm them, and the user's script is not run
again. The memory is a file without a name and a closed socket ends a worker, so nothing outlives the parent.
"""

import mmap
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import pairwise
from socket import socketpair
from typing import Any, NoReturn

import cloudpickle
import gymnasium as gym
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from ..core.errors import TrainingError, UsageError
from . import wire
from .snapshot import SINGLES
from .threads import cores
from .worker import ANSWER, CALL, FAILED, QUIT, STEP, Shared, Tree, copy_into, row_of, serve
from .wrappers import MASK, refuse_partial_reset

PATIENCE = 3.0  # seconds that a worker has for closing its environments
_LOOK = 1.0  # seconds between looks at whether a silent worker still lives
FUNDAMENTAL = (gym.spaces.Box, gym.spaces.Discrete, gym.spaces.MultiDiscrete, gym.spaces.MultiBinary)


def fits(space: gym.Space) -> bool:
    """Whether the members of a space have a fixed size."""
    if isinstance(space, gym.spaces.Dict):
        return all(fits(part) for part in space.spaces.values())
    if isinstance(space, gym.spaces.Tuple):
        return all(fits(part) for part in space.spaces)
    return isinstance(space, FUNDAMENTAL)


class WorkerVectorEnv(VectorEnv):
    """N environments in W processes; the same as SyncVectorEnv for the same seed, whatever W is.

    The observations returned are the shared memory itself: they hold until the next step.
    """

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
    kept_by = SINGLES

    def __init__(
        self,
        make_env: Callable[[], gym.Env],
        num_envs: int,
        *,
        workers: int | None = None,
        timeout: float = 60.0,
    ) -> None:
        """`workers` defaults to one per core. One that is silent for `timeout` seconds counts as hung."""
        workers = min(workers or cores(), num_envs)
        bounds = [num_envs * w // workers for w in range(workers + 1)]
        self.num_envs = num_envs
        self.timeout = timeout
        self.backend = f"workers ({workers} processes)"
        self.waiting: set[int] = set()  # workers that owe an answer
        self.workers: list[_Process] = []
        program = cloudpickle.dumps(make_env)
        memory = _nameless_file()
        try:
            for low, high in pairwise(bounds):
                self.workers.append(_Process(low, high, memory))
            self._describe(self._call("make", [(program,)] * workers))
            self._share(memory)
        except BaseException:
            self.close()
            raise
        finally:
            os.close(memory)

    def _describe(self, made: list[tuple]) -> None:
        self.single_observation_space, self.single_action_space, self.metadata, self.render_mode = made[0]
        self.metadata = {**self.metadata, **type(self).metadata}
        if any(other[:2] != made[0][:2] for other in made):
            raise UsageError("copies of the environment differ in their spaces")
        for space in made[0][:2]:
            if not fits(space):
                raise UsageError(f"workers cannot share {space}, whose members have no fixed size; use backend 'loop'")
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def _share(self, memory: int) -> None:
        spaces = self.single_observation_space, self.single_action_space
        size = Shared(None, self.num_envs, *spaces).size
        os.ftruncate(memory, size)
        self.shared = Shared(mmap.mmap(memory, size), self.num_envs, *spaces)
        self._call("share", [(w.low, self.num_envs, size, *spaces) for w in self.workers])

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Tree, dict[str, Any]]:
        refuse_partial_reset(options)
        seeds = seed if isinstance(seed, list) else [None if seed is None else seed + i for i in range(self.num_envs)]
        infos = self._call("reset", [(seeds[w.low : w.high], options) for w in self.workers])
        return self.shared.obs, self._infos(infos)

    def step(self, actions: Tree) -> tuple[Tree, NDArray, NDArray, NDArray, dict[str, Any]]:
        copy_into(self.single_action_space, actions, self.shared.action)
        for number in range(len(self.workers)):
            self._send(number, STEP)
        infos = self._infos(self._answers())
        shared = self.shared
        return shared.obs, shared.reward.copy(), shared.terminated.copy(), shared.truncated.copy(), infos

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """What each environment's method, or attribute, `name` gives."""
        parts = self._call("call", [(name, args, kwargs)] * len(self.workers))
        return tuple(value for part in parts for value in part)

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """Attribute `name` of each environment."""
        return self.call(name)

    def judged(self, achieved: NDArray, desired: NDArray) -> tuple[NDArray | None, NDArray | None]:
        """The answer of `Judged` to rows of goals, in the first environment."""
        self._send(0, CALL, ("judged", (achieved, desired)))
        answer: tuple[NDArray | None, NDArray | None] = self._answers()[0]
        return answer

    def render(self) -> tuple[Any, ...]:
        return self.call("render")

    def get_state(self) -> list[Any] | None:
        """The state of every environment, or None where it is not plain data; the loop's is the same."""
        parts = self._call("get_state", [()] * len(self.workers))
        return None if None in parts else [state for part in parts for state in part]

    def get_layers(self) -> list[list[str]]:
        """The classes that every environment is made of."""
        return [layers for part in self._call("get_layers", [()] * len(self.workers)) for layers in part]

    def set_state(self, states: list[Any]) -> None:
        """Brings every environment to a state that `get_state` gave."""
        self._call("set_state", [(states,)] * len(self.workers))

    def close_extras(self, **kwargs: Any) -> None:
        for worker in self.workers:
            worker.ask_to_quit()
        deadline = time.monotonic() + PATIENCE
        for worker in self.workers:
            worker.end(deadline)

    def _call(self, method: str, arguments: Iterable[tuple]) -> list[Any]:
        for number, args in enumerate(arguments):
            self._send(number, CALL, (method, args))
        return self._answers()

    def _send(self, number: int, byte: bytes, message: Any = None) -> None:
        if self.closed:
            raise TrainingError("the worker processes have ended")
        if number in self.waiting:
            self.close()
            raise TrainingError("the worker processes were interrupted in the middle of a step and cannot go on")
        worker = self.workers[number]
        self.waiting.add(number)
        try:
            if byte == CALL:
                wire.send(worker.socket, CALL, cloudpickle.dumps(message), time.monotonic() + self.timeout)
            else:
                os.write(worker.socket.fileno(), byte)
        except TimeoutError:
            self._give_up(worker)
        except OSError:
            self._fail(worker, worker.fate())

    def _answers(self) -> list[Any]:
        """One answer of each worker, None where there is nothing to say."""
        answers: list[Any] = [None] * len(self.workers)
        poll = select.poll()
        number_of = {self.workers[number].socket.fileno(): number for number in self.waiting}
        for fd in number_of:
            poll.register(fd, select.POLLIN)
        deadline = time.monotonic() + self.timeout
        while self.waiting:
            ready = poll.poll(max(0.0, min(deadline - time.monotonic(), _LOOK)) * 1000)
            if not ready:
                self._look_for_the_dead()
                if time.monotonic() >= deadline:
                    self._give_up(self.workers[min(self.waiting)])
            for fd, _ in ready:
                poll.unregister(fd)
                number = number_of[fd]
                answers[number] = self._answer(self.workers[number], deadline)
                self.waiting.discard(number)
        return answers

    def _answer(self, worker: "_Process", deadline: float) -> Any:
        try:
            byte = os.read(worker.socket.fileno(), 1)
            message: Any = wire.receive(worker.socket, deadline) if byte in (ANSWER, FAILED) else None
        except TimeoutError:
            self._give_up(worker)
        except (EOFError, OSError):
            byte = b""
        if byte == b"":
            self._fail(worker, worker.fate())
        if byte == FAILED:
            self._fail(worker, **message)
        return message

    def _look_for_the_dead(self) -> None:
        """A worker that died is not heard of where a process that it forked holds its end of the socket."""
        for number in sorted(self.waiting):
            if self.workers[number].process.poll() is not None:
                self._fail(self.workers[number], self.workers[number].fate())

    def _give_up(self, worker: "_Process") -> NoReturn:
        worker.kill()
        self._fail(worker, f"has not answered for {self.timeout:g} s (--worker-timeout)")

    def _fail(self, worker: "_Process", what: str, usage: bool = False, details: str = "") -> NoReturn:
        number = self.workers.index(worker)
        self.close()
        if usage:
            raise UsageError(what)
        error = TrainingError(f"worker {number} (environments {worker.low} to {worker.high - 1}) {what}")
        if details:
            error.add_note(details)
        raise error

    def _infos(self, parts: Iterable[list | None]) -> dict[str, Any]:
        """Infos as SyncVectorEnv gives them."""
        shared = self.shared
        infos: dict[str, Any] = {}
        ended = shared.ended
        for worker, part in zip(self.workers, parts, strict=True):
            singles = part or [({}, {})] * (worker.high - worker.low)
            for i, (final_info, info) in zip(range(worker.low, worker.high), singles, strict=True):
                if ended[i]:
                    final_obs = row_of(self.single_observation_space, shared.final_obs, i)
                    infos = self._add_info(infos, {"final_obs": final_obs, "final_info": final_info}, i)
                infos = self._add_info(infos, info, i)
        if shared.mask is not None and shared.has_mask.any():
            infos[MASK], infos[f"_{MASK}"] = shared.mask.copy(), shared.has_mask.copy()
        return infos


class _Process:
    """The parent's side of one worker: environments `low` to `high` - 1."""

    def __init__(self, low: int, high: int, memory: int) -> None:
        self.low, self.high = low, high
        ours, theirs = socketpair()
        with theirs:
            fd = theirs.fileno()
            life = f"serve({fd}, {memory}, {high - low})"
            code = f"import sys; sys.path[:] = {sys.path!r}; from {serve.__module__} import serve; {life}"
            self.process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.DEVNULL,
                pass_fds=[fd, memory],
                process_group=0,  # out of reach of Ctrl-C, and a name for all that its environments start
            )
        self.socket = ours

    def fate(self) -> str:
        """What became of a worker that is gone."""
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return "closed its socket"
        if code < 0:
            return f"was killed by {signal.Signals(-code).name} (exit code {code})"
        return f"died with exit code {code}"

    def ask_to_quit(self) -> None:
        with suppress(OSError):  # gone already
            os.write(self.socket.fileno(), QUIT)

    def kill(self) -> None:
        """End the worker at once, with the processes that its environments started and left in its group."""
        with suppress(ProcessLookupError, PermissionError):  # gone already, or a zombie, as macOS says it
            os.killpg(self.process.pid, signal.SIGKILL)

    def end(self, deadline: float) -> None:
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, deadline - time.monotonic()))
        self.kill()
        self.process.wait()
        self.socket.close()


def _nameless_file() -> int:
    """A file that vanishes with its last user."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("gymnast")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
