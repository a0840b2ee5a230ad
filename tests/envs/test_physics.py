"""Threads that advance MuJoCo: none sleeps through its share, none is left behind."""

import threading
from contextlib import closing

import numpy as np
import pytest

from gymnast.envs import physics
from gymnast.envs.mujoco import MujocoVectorEnv


def trajectory(steps, pause=lambda: None):
    """Observations of 4 copies of InvertedPendulum under fixed actions."""
    with closing(MujocoVectorEnv("InvertedPendulum-v5", 4)) as env:
        env.reset(seed=3)
        actions = np.random.default_rng(0).uniform(-1, 1, (steps, 4, 1)).astype(np.float32)
        seen = []
        for action in actions:
            pause()
            seen.append(env.step(action)[0].copy())
        return np.array(seen)


@pytest.fixture
def crew_of_two(monkeypatch):
    monkeypatch.setattr("gymnast.envs.mujoco.cores", lambda: 2)


def test_helpers_that_fell_asleep_between_the_steps_do_their_share(crew_of_two, monkeypatch):
    awake = trajectory(40)
    monkeypatch.setattr(physics, "_serve", physics._advance)  # without patience: what there is by now, and no more
    assert np.array_equal(trajectory(40), awake)


def test_nobody_waits_for_a_helper_that_does_nothing(crew_of_two, monkeypatch):
    helped = trajectory(40)
    monkeypatch.setattr(physics, "_serve", lambda *work: None)
    assert np.array_equal(trajectory(40), helped)


def test_helpers_that_come_late_do_no_harm(crew_of_two, monkeypatch):
    """A helper beside which steps begin and end all the time, on copies that cost next to nothing."""
    monkeypatch.setattr("gymnast.envs.mujoco.cores", lambda: 4)
    crowd = trajectory(3000)
    monkeypatch.setattr("gymnast.envs.mujoco.cores", lambda: 1)
    assert np.array_equal(trajectory(3000), crowd)


def test_closing_ends_the_threads(crew_of_two):
    before = threading.active_count()
    with closing(MujocoVectorEnv("InvertedPendulum-v5", 4)):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
