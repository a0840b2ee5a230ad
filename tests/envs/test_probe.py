import threading
from contextlib import closing

import gymnasium as gym
import numpy as np
import pytest

from gymnast.envs import describe, make, probe

MEASURE = probe.seconds_per_step  # as it is outside of tests


class Clock:
    """Stands still but for those who sleep by it."""

    now = 0.0

    def perf_counter(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def dawdler(seconds, clock=None, **attributes):
    """Makes environments whose steps take `seconds`."""
    clock = clock or Clock()

    class Dawdler(gym.Env):
        action_space = gym.spaces.Discrete(3)
        observation_space = gym.spaces.Discrete(2)
        takes = seconds

        def reset(self, *, seed=None, options=None):
            vars(self).update(attributes)
            return 0, {"action_mask": np.array([0, 1, 0], np.int8)}

        def step(self, action):
            if action != 1:
                raise ValueError("that is not allowed")
            clock.sleep(seconds)
            return 1, 0.0, False, False, {"action_mask": np.array([0, 1, 0], np.int8)}

    return lambda: Dawdler()


@pytest.fixture(autouse=True)
def two_cores_and_no_stopwatch(monkeypatch):
    """Environments say themselves how long a step takes."""
    monkeypatch.setattr(probe, "cores", lambda: 2)
    monkeypatch.setattr(probe, "seconds_per_step", lambda env: getattr(env, "takes", 1e-5))


def test_slow_environments_get_workers():
    with closing(make(dawdler(0.002), 4)) as env:
        assert describe(env).startswith("workers (")


@pytest.mark.parametrize("env", [lambda: gym.make("CartPole-v1"), "Blackjack-v1"], ids=["callable", "id"])
def test_quick_environments_stay_in_the_loop(env):
    with closing(make(env, 64)) as envs:
        assert describe(envs) == "loop"


def test_one_core_or_one_environment_needs_no_worker(monkeypatch):
    assert probe.pays(dawdler(0.002), 8)
    assert not probe.pays(dawdler(0.002), 1)
    monkeypatch.setattr(probe, "cores", lambda: 1)
    assert not probe.pays(dawdler(0.002), 8)


def test_what_workers_cannot_share_stays_in_the_loop():
    lock = threading.Lock()
    assert not probe.pays(dawdler(0.002, lock=lock), 8)


@pytest.mark.parametrize(
    ("num_envs", "milliseconds", "pays"),
    [(8, 0.5, True), (8, 0.19, False), (2, 0.3, False), (2, 1.0, True), (1000, 0.01, False), (3, 0.5, False)],
)
def test_workers_must_promise_a_clear_gain(num_envs, milliseconds, pays):
    assert probe.pays(dawdler(milliseconds / 1000), num_envs) == pays


def test_the_time_of_a_step_is_measured(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(probe, "time", clock)
    assert MEASURE(dawdler(0.001, clock)()) == pytest.approx(0.001)
    assert MEASURE(dawdler(7.0, clock)(), budget=0.05) == 7.0, "one step at least"
