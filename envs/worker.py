"""The worker's side of `envs/workers.py`: a program that steps its environments where the parent says so."""

import mmap
import os
import select
import signal
import threading
import traceback
from contextlib import suppress
from copy import deepcopy
from socket import socket
from typing import Any

import cloudpickle
import gymnasium as gym
import numpy as np
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate
from numpy.typing import NDArray

from ..core.errors import TrainingError, UsageError
from . import wire
from .factory import close
from .judged import Judged
from .odd import refuse_odd
from .snapshot import chains_of, env_states, set_env_states
from .wrappers import MASK, used

Tree = Any  # an array, or a dict or tuple of trees
STEP, CALL, QUIT = b"s", b"c", b"q"  # from the parent; a pickled call follows CALL
DONE, ANSWER, FAILED = b".", b"a", b"!"  # from a worker; something pickled follows the last two
_PARENTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


def serve(fd: int, memory: int, count: int) -> None:
    """The whole life of a worker with `count` environments."""
    leave_signals_to_the_parent()
    os.set_inheritable(fd, False)  # what environments start must not keep the line open
    threading.Thread(target=_leave_with_the_parent, args=(fd,), daemon=True).start()
    worker = _Worker(socket(fileno=fd), memory, count)
    try:
        worker.serve()
    except Exception as error:
        worker.report(error)
    finally:
        for env in worker.envs:
            close(env)
        _leave_with_the_parent(fd, wait=0)  # the thread may not have had its turn


def leave_signals_to_the_parent() -> None:
    """A cluster sends the signals that stop a run to every process of it: the parent then saves, with its workers.

    Handlers that do nothing, because what environments start would go on ignoring signals that are ignored here.
    """
    before = {number: signal.signal(number, lambda *_: None) for number in _PARENTS}
    os.register_at_fork(after_in_child=lambda: [signal.signal(*one) for one in before.items()])


def _leave_with_the_parent(fd: int, wait: float | None = None) -> None:
    """Ends this process and those that it started if the parent goes, even in the middle of an endless step.

    It looks for `wait` milliseconds, or for ever.
    """
    poll = select.poll()
    poll.register(fd, 0)  # hanging up is always reported
    if poll.poll(wait):
        os.killpg(0, signal.SIGKILL)


class _Worker:
    """The worker's side: environments 0 to count - 1 of its own, as rows of the shared memory."""

    def __init__(self, end: socket, memory: int, count: int) -> None:
        self.socket = end
        self.memory = memory
        self.count = count
        self.first = 0
        self.current: int | None = None  # the environment at work, to be named if it fails
        self.envs: list[gym.Env] = []
        self.judge: Judged | None = None  # of goals, made when it is first asked

    def serve(self) -> None:
        while (byte := os.read(self.socket.fileno(), 1)) not in (QUIT, b""):
            if byte == STEP:
                answer = self._step()
            else:
                method, args = wire.receive(self.socket)
                answer = getattr(self, method)(*args)
            self.current = None
            self._reply(ANSWER, answer) if answer is not None else os.write(self.socket.fileno(), DONE)

    def report(self, error: Exception) -> None:
        who = "" if self.current is None else f"environment {self.first + self.current} "
        what = (
            str(error)
            if isinstance(error, UsageError | TrainingError)
            else f"{who}raised {type(error).__name__}: {error}"
        )
        with suppress(OSError):  # nobody is left to hear it
            usage = isinstance(error, UsageError)
            self._reply(FAILED, {"what": what, "usage": usage, "details": traceback.format_exc()})

    def _reply(self, byte: bytes, answer: Any) -> None:
        wire.send(self.socket, byte, cloudpickle.dumps(answer))

    def make(self, program: bytes) -> tuple:
        make_env = cloudpickle.loads(program)
        for _ in range(self.count):
            self.envs.append(make_env())
        env = self.envs[0]
        self.obs_space, self.action_space = env.observation_space, env.action_space
        if any((e.observation_space, e.action_space) != (self.obs_space, self.action_space) for e in self.envs):
            raise UsageError("copies of the environment differ in their spaces")
        return self.obs_space, self.action_space, env.metadata, env.render_mode

    def share(self, first: int, num_envs: int, size: int, obs_space: gym.Space, action_space: gym.Space) -> None:
        """The spaces are the first worker's, for all to lay out alike: equal Dicts may list their keys in any order."""
        self.first, self.obs_space, self.action_space = first, obs_space, action_space
        self.shared = Shared(mmap.mmap(self.memory, size), num_envs, self.obs_space, self.action_space)
        self.obs = _slice(self.obs_space, self.shared.obs, first, first + self.count)
        self.action = _slice(self.action_space, self.shared.action, first, first + self.count)
        self.batched_action_space = batch_space(self.action_space, self.count)

    def reset(self, seeds: list[int | None], options: dict[str, Any] | None) -> list | None:
        observations: list[Tree] = []
        infos: list[tuple[dict, dict]] = []
        for i, env in enumerate(self.envs):
            self.current = i
            obs, info = env.reset(seed=seeds[i], options=options)
            self.shared.ended[self.first + i] = False
            observations.append(obs)
            infos.append(({}, self._without_mask(info, self.first + i)))
        self._lay_out(observations)
        return _unless_empty(infos)

    def _step(self) -> list | None:
        shared = self.shared
        observations: list[Tree] = []
        infos: list[tuple[dict, dict]] = []
        # A copy, because an environment may keep its action and the next one is written in its place.
        actions = deepcopy(self.action)
        for i, action in enumerate(iterate(self.batched_action_space, actions)):
            self.current, row = i, self.first + i
            obs, reward, terminated, truncated, info = self.envs[i].step(action)
            try:
                shared.reward[row], shared.terminated[row], shared.truncated[row] = reward, terminated, truncated
            except (TypeError, ValueError):
                refuse_odd(self.obs_space, [], [reward], row)
                raise
            shared.ended[row] = ended = bool(terminated or truncated)
            final_info: dict[str, Any] = {}
            if ended:
                concatenate(self.obs_space, [obs], _slice(self.obs_space, shared.final_obs, row, row + 1))
                final_info = used(info, last=True)
                obs, info = self.envs[i].reset()
            observations.append(obs)
            infos.append((final_info, self._without_mask(info, row)))
        self._lay_out(observations)
        return _unless_empty(infos)

    def _lay_out(self, observations: list[Tree]) -> None:
        try:
            concatenate(self.obs_space, observations, self.obs)
        except (TypeError, ValueError):
            refuse_odd(self.obs_space, observations, [], self.first)
            raise

    def _without_mask(self, info: dict[str, Any], row: int) -> dict[str, Any]:
        """The used part of an info, less its action mask if that has a place in the shared memory."""
        shared, mask = self.shared, info.get(MASK)
        if shared.mask is None:
            return used(info)
        fit = isinstance(mask, np.ndarray) and mask.dtype == np.int8 and mask.shape == shared.mask.shape[1:]
        shared.has_mask[row] = fit
        if not fit:
            return used(info)
        shared.mask[row] = mask
        return {}

    def call(self, name: str, args: tuple, kwargs: dict[str, Any]) -> list[Any]:
        results = []
        for i, env in enumerate(self.envs):
            self.current = i
            value = env.get_wrapper_attr(name)
            results.append(value(*args, **kwargs) if callable(value) else value)
        return results

    def judged(self, achieved: NDArray, desired: NDArray) -> tuple:
        if self.judge is None:
            self.judge = Judged(self.envs[0])
        return self.judge(achieved, desired)

    def get_state(self) -> list[Any] | None:
        return env_states(self.envs, self.first)

    def get_layers(self) -> list[list[str]]:
        return chains_of(self.envs)

    def set_state(self, states: list[Any]) -> None:
        set_env_states(self.envs, states, self.first)


def _unless_empty(infos: list[tuple[dict, dict]]) -> list | None:
    return infos if any(final_info or info for final_info, info in infos) else None


class Shared:
    """The fields of N environments, one after the other in a buffer; without a buffer, only their size."""

    def __init__(self, buffer: mmap.mmap | None, n: int, obs_space: gym.Space, action_space: gym.Space) -> None:
        self.buffer = buffer
        self.size = 0
        self.action = create_empty_array(action_space, n, fn=self._field)
        self.obs = create_empty_array(obs_space, n, fn=self._field)
        self.final_obs = create_empty_array(obs_space, n, fn=self._field)
        self.reward = self._field((n,), np.float64)
        self.terminated = self._field((n,), np.bool_)
        self.truncated = self._field((n,), np.bool_)
        self.ended = self._field((n,), np.bool_)
        self.has_mask = self._field((n,), np.bool_)
        choices = int(action_space.n) if isinstance(action_space, gym.spaces.Discrete) else None
        self.mask = None if choices is None else self._field((n, choices), np.int8)

    def _field(self, shape: tuple[int, ...], dtype: Any) -> NDArray:
        start = -(-self.size // 64) * 64  # own cache lines
        count = int(np.prod(shape))
        self.size = start + max(count * np.dtype(dtype).itemsize, 1)
        if self.buffer is None:
            return np.empty(shape, dtype)
        return np.frombuffer(self.buffer, dtype, count, start).reshape(shape)


def copy_into(space: gym.Space, source: Tree, target: Tree) -> None:
    """Write every array of `source` into that of `target`."""
    if isinstance(space, gym.spaces.Dict):
        for key, part in space.spaces.items():
            copy_into(part, source[key], target[key])
    elif isinstance(space, gym.spaces.Tuple):
        for part, one, other in zip(space.spaces, source, target, strict=True):
            copy_into(part, one, other)
    else:
        target[...] = source


def _slice(space: gym.Space, tree: Tree, low: int, high: int) -> Tree:
    """Rows `low` to `high` of every array, as views."""
    if isinstance(space, gym.spaces.Dict):
        return {key: _slice(part, tree[key], low, high) for key, part in space.spaces.items()}
    if isinstance(space, gym.spaces.Tuple):
        return tuple(_slice(part, branch, low, high) for part, branch in zip(space.spaces, tree, strict=True))
    return tree[low:high]


def row_of(space: gym.Space, tree: Tree, i: int) -> Tree:
    """A copy of row `i` of every array."""
    if isinstance(space, gym.spaces.Dict):
        return {key: row_of(part, tree[key], i) for key, part in space.spaces.items()}
    if isinstance(space, gym.spaces.Tuple):
        return tuple(row_of(part, branch, i) for part, branch in zip(space.spaces, tree, strict=True))
    return tree[i].copy()
