"""The loop and the workers hand over the same, also for environments that are careless with their arrays."""

from contextlib import closing
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from gymnast.core.acting import Stateless
from gymnast.core.rollout.engine import Rollout
from gymnast.envs import make

BACKENDS = ["loop", "workers"]


class Careless(gym.Env):
    """Observes 10 x episode + time, in an array that it writes again; doubles its action in place. Two steps."""

    observation_space = spaces.Dict(count=spaces.Box(0, np.inf, (1,)))
    action_space = spaces.Box(-np.inf, np.inf, (1,))

    def __init__(self):
        self.count, self.episode = np.zeros(1, np.float32), 0

    def reset(self, *, seed=None, options=None):
        self.episode = 1 if seed is not None else self.episode + 1
        self.count[0] = 10 * self.episode
        return {"count": self.count}, {}

    def step(self, action):
        action *= 2
        self.count += 1
        return {"count": self.count}, float(action[0]), False, self.count[0] % 10 == 2, {}


class Typed(gym.Env):
    """Worth the action it is given; remembers the types of those that are not in its space."""

    observation_space = spaces.Box(-1, 1, (1,))

    def __init__(self, action_space):
        self.action_space, self.strange = action_space, []

    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32), {}

    def step(self, action):
        if not self.action_space.contains(action) or action.dtype != self.action_space.dtype:
            self.strange.append(str(action.dtype))
        return np.zeros(1, np.float32), float(np.sum(action)), False, False, {}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_final_observation_is_not_the_one_after_the_reset(backend):
    with closing(make(Careless, 2, backend=backend)) as env:
        batch = Rollout(env, 4).collect(Stateless(lambda obs: {"action": np.ones((2, 1), np.float32)}))
    seen = batch.obs.view(np.float32)[..., 0]
    assert seen.tolist() == [[x, x] for x in (10, 11, 20, 21, 30)]
    assert batch.final_obs.view(np.float32)[:, 0].tolist() == [12, 12, 22, 22]
    assert (batch.action == 1).all()  # as chosen, whatever the environment did to it
    assert (batch.reward == 2).all()


WHOLE = spaces.Box(-2, 2, (2,), np.int8)
ACTIONS = {
    "int8": (WHOLE, np.array([[1.6, -0.4]], np.float32), 2.0),
    "int8 clipped": (WHOLE, np.array([[9.0, -9.0]], np.float32), 0.0),
    "uint8": (spaces.Box(0, 255, (1,), np.uint8), np.array([[254.7]], np.float32), 255.0),
    "int32": (spaces.Box(-10, 10, (1,), np.int32), np.array([[-3.6]], np.float32), -4.0),
    "float16": (spaces.Box(-1, 1, (1,), np.float16), np.array([[0.1]], np.float32), float(np.float16(0.1))),
    "float16 without bounds": (
        spaces.Box(-np.inf, np.inf, (1,), np.float16),
        np.array([[0.1]], np.float32),
        float(np.float16(0.1)),
    ),
    "float64": (spaces.Box(-np.inf, 1, (1,), np.float64), np.array([[0.5]], np.float32), 0.5),
    "float64 clipped": (spaces.Box(-np.inf, 1, (1,), np.float64), np.array([[3.5]], np.float32), 1.0),
    "Discrete": (spaces.Discrete(3, start=5, dtype=np.int32), np.array([2]), 7.0),
    "MultiDiscrete": (spaces.MultiDiscrete([3, 3], np.uint8), np.array([[2, 1]]), 3.0),
    "MultiBinary": (spaces.MultiBinary(2), np.array([[1.0, 1.0]]), 2.0),
}


@pytest.mark.parametrize("kind", ACTIONS)
def test_actions_reach_the_loop_rounded_and_in_the_type_of_their_space(kind):
    space, action, worth = ACTIONS[kind]
    assert typed(space, action, "loop") == (worth, [])


def test_and_so_they_reach_workers():
    assert typed(WHOLE, ACTIONS["int8"][1], "workers") == (2.0, [])


def typed(space, action, backend):
    """The reward for an action, and the types of actions that were not in the space."""
    with closing(make(partial(Typed, space), 1, backend=backend)) as env:
        reward = Rollout(env, 1).collect(Stateless(lambda obs: {"action": action})).reward
        return reward.item(), env.get_attr("strange")[0]
