"""Pictures equal the originals' own."""

from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.envs import native


@pytest.fixture(autouse=True)
def _no_window(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")


@pytest.mark.parametrize("name", sorted(native.NAMES.keys() - native.OURS.keys()))
def test_frames_equal_the_originals_at_the_start_and_under_way(name):
    make = partial(gymnasium.make, gymnasium.spec(name), render_mode="rgb_array")
    originals = SyncVectorEnv([make] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    env = native.make(name, 2, render_mode="rgb_array")
    env.reset(seed=3), originals.reset(seed=3)
    for step in range(4):
        for frame, original in zip(env.render(), originals.render(), strict=True):
            np.testing.assert_array_equal(frame, original, strict=True)
        actions = np.full(env.action_space.shape, step % 2 + 0.25).astype(env.action_space.dtype)
        env.step(actions), originals.step(actions)


def test_without_a_render_mode_there_is_no_picture():
    env = native.make("CartPole-v1", 1)
    env.reset(seed=0)
    assert env.render() is None
