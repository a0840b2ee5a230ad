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
    monkeypatch.setattr(physics, "_serve", lambda counts, *share: one_look(counts, *share))
    assert np.array_equal(trajectory(40), awake)


def one_look(counts, *share):
    """As `_serve` without patience: what has been asked for by now, and no more."""
    if counts[0] > counts[1]:
        physics._advance(*share)
        counts[1] += 1


def test_closing_ends_the_threads(crew_of_two):
    before = threading.active_count()
    with closing(MujocoVectorEnv("InvertedPendulum-v5", 4)):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
