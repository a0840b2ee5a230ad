import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from gymnast.core.errors import TrainingError, UsageError
from gymnast.envs import describe, make, wire
from gymnast.envs.loop import Loop
from gymnast.envs.snapshot import restore, snapshot
from gymnast.envs.workers import WorkerVectorEnv


def walker(**kwargs):
    """A random walk that does to its worker what its arguments say."""

    # Classes defined in a function travel by value, so that a worker need not import this file.
    class Walker(gym.Env):
        action_space = gym.spaces.Discrete(3)
        observation_space = gym.spaces.Dict(
            place=gym.spaces.Box(-99, 99, (2,), np.float32),
            parts=gym.spaces.Tuple([gym.spaces.Discrete(50), gym.spaces.MultiBinary(3)]),
        )

        def __init__(self, at=None, does=None, mask=False):
            self.at, self.does, self.mask, self.said = at, does, mask, {}

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            self.steps, self.place = 0, self.np_random.normal(size=2).astype(np.float32)
            return self._obs(), self._info()

        def step(self, action):
            self.steps += 1
            self.place = self.place + np.float32(action - 1) + self.np_random.normal(size=2).astype(np.float32)
            if self.steps == self.at:
                self.does(self)
            return self._obs(), float(self.place[0]), self.steps > 20, self.np_random.random() < 0.05, self._info()

        def _obs(self):
            return {"place": self.place, "parts": (self.steps, np.eye(3, dtype=np.int8)[self.steps % 3])}

        def _info(self):
            info = {"place": self.place.copy(), **self.said} if self.steps % 3 == 0 else {}
            return {**info, "action_mask": np.array([1, self.steps % 2, 1], np.int8)} if self.mask else info

        def stop_in_the_middle(self):
            """Sends only the beginning of the next answer, and stops as SIGSTOP does."""

            def send(end, byte, message, until=None):
                end.sendall(byte + wire._LENGTH.pack(len(message)) + message[:1])
                os.kill(os.getpid(), signal.SIGSTOP)

            wire.send = send
            return 1

    return lambda: Walker(**kwargs)


def leaves(tree):
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in [np.array(key), *leaves(tree[key])]]
    if isinstance(tree, tuple | list) or (isinstance(tree, np.ndarray) and tree.dtype == object):
        return [leaf for branch in tree for leaf in leaves(branch)]
    return [None if tree is None else np.array(tree)]


def record(env, steps=60, seed=7, reset=True):
    """Everything that an environment says, as a flat list."""
    rng = np.random.default_rng(0)
    out = leaves(env.reset(seed=seed)) if reset else []
    for _ in range(steps):
        out += leaves(env.step(rng.integers(3, size=env.num_envs)))
    return out


def assert_same(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert (a is None) == (b is None)
        assert a is None or (np.array_equal(a, b) and np.shape(a) == np.shape(b) and a.dtype == b.dtype)


def alive(pids):
    return [pid for pid in pids if os.path.exists(f"/proc/{pid}")]


def running(pids):
    """Those that are alive and no zombies, which wait for a parent that may never ask."""
    return [pid for pid in alive(pids) if b") Z " not in Path(f"/proc/{pid}/stat").read_bytes()]


def gone(pids, patience=10.0):
    deadline = time.monotonic() + patience
    while running(pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not running(pids)


def pids_of(env):
    return [worker.process.pid for worker in env.workers]


@pytest.mark.parametrize(("mask", "numbers"), [(False, (1, 3)), (True, (2,))])
def test_any_number_of_workers_equals_the_loop(mask, numbers):
    sync = Loop([walker(mask=mask)] * 5, autoreset_mode=AutoresetMode.SAME_STEP)
    expected = record(sync)
    for workers in numbers:
        with closing(WorkerVectorEnv(walker(mask=mask), 5, workers=workers)) as env:
            assert_same(record(env), expected)
            assert env.observation_space == sync.observation_space
            assert env.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP


def test_registered_environments_equal_the_loop_through_make():
    envs = [make("Pendulum-v1", 3, backend=backend) for backend in ("loop", "workers")]
    assert describe(envs[1]).startswith("workers (")
    rng = np.random.default_rng(0)
    assert_same(*(leaves(env.reset(seed=1)) for env in envs))
    for _ in range(210):
        action = rng.uniform(-2, 2, (3, 1)).astype(np.float32)
        assert_same(*(leaves(env.step(action)) for env in envs))
    for env in envs:
        env.close()


def test_masks_reach_the_observation():
    with closing(make(walker(mask=True), 2, backend="workers")) as env:
        obs, _ = env.reset(seed=0)
        assert np.array_equal(obs["action_mask"], [[1, 0, 1]] * 2)


def test_attributes_and_frames_come_from_every_environment():
    with closing(make("CartPole-v1", 3, backend="workers", render_mode="rgb_array")) as env:
        env.reset(seed=0)
        assert env.get_attr("gravity") == (9.8, 9.8, 9.8)
        assert [frame.shape for frame in env.render()] == [(400, 600, 3)] * 3


def test_a_snapshot_goes_on_bit_for_bit():
    with (
        closing(WorkerVectorEnv(walker(), 3, workers=2)) as first,
        closing(WorkerVectorEnv(walker(), 3, workers=1)) as fresh,
    ):
        record(first)
        restore(fresh, snapshot(first))
        assert_same(record(fresh, reset=False), record(first, reset=False))


def in_environment(number, does):
    """What to do, in one environment only."""
    return lambda env: does() if env.np_random_seed == 7 + number else None


def stumble():
    raise ValueError("fell over")


def test_an_exception_in_a_step_names_worker_environment_and_reason():
    env = WorkerVectorEnv(walker(at=3, does=in_environment(2, stumble)), 4, workers=2)
    pids = pids_of(env)
    reason = r"worker 1 \(environments 2 to 3\) environment 2 raised ValueError: fell over"
    with pytest.raises(TrainingError, match=reason) as caught:
        record(env)
    assert "in stumble" in caught.value.__notes__[0]
    assert gone(pids)


def test_a_killed_worker_is_one_error_and_leaves_nothing_behind():
    env = WorkerVectorEnv(walker(), 4, workers=2)
    record(env, steps=3)
    pids = pids_of(env)
    os.kill(pids[0], signal.SIGKILL)
    with pytest.raises(TrainingError, match=r"worker 0 \(environments 0 to 1\) was killed by SIGKILL \(exit code -9\)"):
        record(env)
    assert gone(pids)
    env.close()
    with pytest.raises(TrainingError, match="the worker processes have ended"):
        record(env)


def test_a_worker_that_leaves_is_named_with_its_exit_code():
    env = WorkerVectorEnv(walker(at=2, does=in_environment(0, lambda: os._exit(5))), 2, workers=2)
    with pytest.raises(TrainingError, match=r"worker 0 \(environments 0 to 0\) died with exit code 5"):
        record(env)


def test_a_worker_that_hangs_is_named_and_killed():
    def hang():
        import time

        time.sleep(100)

    env = WorkerVectorEnv(walker(at=2, does=in_environment(1, hang)), 2, workers=2)
    env.timeout = 0.3
    pids = pids_of(env)
    with pytest.raises(TrainingError, match=r"worker 1 \(environments 1 to 1\) has not answered for 0.3 s"):
        record(env)
    assert gone(pids)


def test_a_worker_that_is_stopped_while_it_answers_is_given_up():
    env = WorkerVectorEnv(walker(), 2, workers=1)
    env.reset(seed=1)
    env.timeout = 0.3
    with pytest.raises(TrainingError, match=r"has not answered for 0.3 s \(--worker-timeout\)"):
        env.call("stop_in_the_middle")
    assert not alive(pids_of(env))


def test_a_worker_that_is_stopped_is_given_up_by_who_has_much_to_say():
    env = WorkerVectorEnv(walker(), 2, workers=1)
    env.timeout = 0.3
    os.kill(pids_of(env)[0], signal.SIGSTOP)
    with pytest.raises(TrainingError, match=r"has not answered for 0\.3 s"):
        env.call("get_wrapper_attr", bytes(10_000_000))
    assert not alive(pids_of(env))


def test_signals_that_stop_a_run_leave_its_workers_to_it():
    with closing(WorkerVectorEnv(walker(), 2, workers=1)) as env:
        env.reset(seed=1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            os.kill(pids_of(env)[0], number)
        assert env.call("np_random_seed") == (1, 2)


def test_a_worker_that_dies_is_noticed_though_its_child_holds_the_line():
    def die(env):
        if os.fork():
            os._exit(5)
        time.sleep(100)

    env = WorkerVectorEnv(walker(at=2, does=die), 1, workers=1)
    with pytest.raises(TrainingError, match="died with exit code 5"):
        record(env)


@pytest.mark.parametrize("backend", ["loop", "workers"])
def test_infos_may_hold_what_differs_in_kind_or_cannot_travel(backend):
    def speak(env):
        env.said = {"lock": threading.Lock(), "kind": 1.0 if env.np_random_seed == 7 else "text"}

    with closing(make(walker(at=2, does=speak, mask=True), 2, backend=backend)) as env:
        record(env, steps=30)
        assert "kind" not in env.step(np.array([0, 0]))[-1]


def test_an_environment_that_cannot_be_made_is_wrong_input():
    with pytest.raises(UsageError, match="CartPole-v1: unknown argument 'colour'"):
        make("CartPole-v1", 1, backend="workers", colour="red")


def test_spaces_without_a_fixed_size_are_refused():
    def make_texter():
        env = gym.Env()
        env.observation_space, env.action_space = gym.spaces.Text(5), gym.spaces.Discrete(2)
        return env

    with pytest.raises(UsageError, match="no fixed size; use backend 'loop'"):
        WorkerVectorEnv(make_texter, 1)


def test_closing_ends_the_workers_with_what_they_started_and_frees_the_memory():
    def start(env):
        env.pid = subprocess.Popen(["sleep", "100"]).pid

    before = set(os.listdir("/dev/shm"))
    env = WorkerVectorEnv(walker(at=1, does=start), 2, workers=2)
    pids = pids_of(env)
    record(env, steps=3)
    assert set(os.listdir("/dev/shm")) == before
    started = env.call("pid")
    assert len(running(started)) == 2
    env.close()
    assert not alive(pids)  # not even as zombies
    assert gone(started)


SCRIPT = """
import signal
import subprocess
import time
import gymnasium as gym
from gymnast.envs.workers import WorkerVectorEnv

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background is started with Ctrl-C ignored

class Sleeper(gym.Env):  # in a script without a guard: it must not be run again in the workers
    action_space = observation_space = gym.spaces.Discrete(2)
    def __init__(self):
        self.pid = subprocess.Popen(["sleep", "100"]).pid
    def reset(self, *, seed=None, options=None):
        return 0, {}
    def step(self, action):
        time.sleep(100)

env = WorkerVectorEnv(Sleeper, 2, workers=2)
env.reset()
print(*[worker.process.pid for worker in env.workers], *env.call("pid"), flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("doing", ["env.step([0, 1])", "signal.pause()"])
def test_workers_and_what_they_started_leave_with_their_parent_even_from_an_endless_step(tmp_path, number, doing):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT + doing)
    path = os.pathsep.join(sys.path)
    with subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    ) as parent:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(running(pids)) == 4
        parent.send_signal(number)
        assert gone(pids)
