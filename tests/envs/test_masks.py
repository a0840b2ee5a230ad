"""Action masks: wherever an environment gives them, one rule, and no choice without a way out."""

from contextlib import closing
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import gymnast
from gymnast.core.errors import TrainingError, UsageError
from gymnast.core.rollout.engine import Rollout
from gymnast.core.spaces.layout import Layout
from gymnast.envs import make
from gymnast.runners.cli.contract import _at_random as at_random


class Locks(gym.Env):
    """Three doors, of which one is open, the next one in every step; an episode is four steps.

    `where` is the way in which the mask is given; `told` is put in its place after the second step.
    """

    action_space = spaces.Discrete(3)

    def __init__(self, where="action_mask", told=None, action_space=None):
        self.where, self.told, self.action_space = where, told, action_space or self.action_space
        mask = spaces.Box(0, 1, (3,)) if where == "box" else spaces.MultiBinary(3)
        inside = {
            "observed": spaces.Dict(action_mask=mask, time=spaces.Discrete(9)),
            "box": spaces.Dict(action_mask=mask, time=spaces.Discrete(9)),
            "below": spaces.Dict(a=spaces.Dict(action_mask=mask), time=spaces.Discrete(9)),
        }
        self.observation_space = inside.get(where, spaces.Discrete(9))

    def __getattr__(self, name):
        if name == "action_masks" and self.where == "method":
            return lambda: self._mask().astype(bool)
        raise AttributeError(name)

    def reset(self, *, seed=None, options=None):
        self.time = 0
        return self._seen()

    def step(self, action):
        assert self.where == "steps alone" or self._mask()[action], f"door {action} is closed"
        self.time += 1
        obs, info = self._seen(first=False)
        return obs, float(self.time), self.time == 4, False, info

    def _mask(self):
        told = self.told if self.time == 2 else None
        return np.eye(3, dtype=np.int8)[self.time % 3] if told is None else np.array(told)

    def _seen(self, first=True):
        match self.where:
            case "observed" | "box":
                return {"action_mask": self._mask(), "time": self.time}, {}
            case "below":
                return {"a": {"action_mask": self._mask()}, "time": self.time}, {}
            case "method":
                return self.time, {}
            case "steps alone":
                return self.time, {} if first else {"action_mask": self._mask()}
            case "reset alone":
                return self.time, {"action_mask": self._mask()} if first else {}
        return self.time, {self.where: self._mask()}


def rewards(backend="loop", **kwargs):
    """Five random steps through open doors alone, in two copies."""
    with closing(make(partial(Locks, **kwargs), 2, backend=backend)) as env:
        return Rollout(env, 5).collect(at_random(env, 0)).reward[:, 1].tolist()


@pytest.mark.parametrize("where", ["action_mask", "action_masks", "method", "observed", "box", "below"])
def test_a_mask_counts_wherever_it_is_given(where):
    assert rewards(where=where) == [1, 2, 3, 4, 1]


def test_a_mask_of_a_method_reaches_workers():
    assert rewards("workers", where="method") == [1, 2, 3, 4, 1]


WRONG = {
    "steps alone": r"gave info\['action_mask'\] with a step, but none with its first reset",
    "reset alone": r"gave no info\['action_mask'\]; give one with every reset and step",
}


@pytest.mark.parametrize("where", WRONG)
def test_a_mask_that_comes_now_and_then_is_refused(where):
    with pytest.raises(TrainingError, match=f"^environment 0 {WRONG[where]}"):
        rewards(where=where)


@pytest.mark.parametrize("where", ["action_mask", "action_masks", "method", "observed", "box", "below"])
def test_a_mask_that_allows_nothing_names_the_environment(where):
    with pytest.raises(TrainingError, match=r"^environment 0 gave a mask that allows no action"):
        rewards(where=where, told=[0, 0, 0])


@pytest.mark.parametrize("where", ["action_mask", "action_masks", "box"])
def test_a_mask_of_fractions_names_the_environment(where):
    with pytest.raises(TrainingError, match=r"^environment 0 gave .*0\.5"):
        rewards(where=where, told=[0.5, 0, 1.0])


def test_every_choice_of_several_needs_a_way_out():
    layout = Layout(spaces.Dict(action_mask=spaces.MultiBinary(5), x=spaces.Discrete(2)), spaces.MultiDiscrete([2, 3]))
    rows = layout.empty(2)
    layout.write(rows, {"action_mask": np.array([[1, 0, 0, 0, 1], [1, 1, 0, 0, 0]]), "x": np.zeros(2)})
    assert layout.outside(rows) == (1, "a mask that allows no action")
    rows = layout.settled(rows, np.zeros(2, np.bool_))
    assert layout.outside(rows) is None
    assert rows[1, layout.mask.start :][:5].tolist() == [1, 1, 1, 1, 1]


def test_two_masks_are_one_too_many():
    mask = spaces.MultiBinary(3)
    with pytest.raises(UsageError, match="hold 2 action masks"):
        Layout(spaces.Dict(action_mask=mask, a=spaces.Dict(action_mask=mask)))


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_ready_vector_environments_have_their_masks_seen(mode):
    with closing(make(SyncVectorEnv([Locks] * 2, autoreset_mode=mode))) as env:
        batch = Rollout(env, 8).collect(at_random(env, 0))
        assert batch.reward[batch.valid[:, 0], 0].tolist()[:6] == [1, 2, 3, 4, 1, 2]


def test_a_ready_environment_stays_open_and_is_evaluated_on():
    ready = SyncVectorEnv([Locks] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    agent = gymnast.PPO(ready, evals=0).learn(64)
    assert agent.evaluate(2, env=ready).returns == [10.0, 10.0]
    agent.agent  # noqa: B018
    agent._training.close()
    assert not ready.closed
