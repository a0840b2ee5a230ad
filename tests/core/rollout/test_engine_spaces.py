"""Actions and observations of every space on their way through a rollout."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv
from scripted import MODES, NEXT, counting, worth, zeros

from gymnast.core.acting import Stateless
from gymnast.core.rollout.engine import Rollout
from probes import Anything, clocks


def test_box_actions_are_clipped_for_the_environment_and_recorded_as_chosen():
    env = clocks("9|", action_space=spaces.Box(-1, 1, (2,), np.float32))
    chosen = np.array([[3.0, -0.5]], np.float32)
    batch = Rollout(env, 1).collect(Stateless(lambda obs: {"action": chosen}))
    assert batch.action.tolist() == [[[3.0, -0.5]]]
    assert env.envs[0].received[0].tolist() == [1.0, -0.5]


def test_unbounded_box_actions_pass_unchanged():
    env = clocks("9|", action_space=spaces.Box(-np.inf, np.inf, (1,), np.float32))
    Rollout(env, 1).collect(Stateless(lambda obs: {"action": np.array([[1e9]], np.float32)}))
    assert env.envs[0].received[0].tolist() == [1e9]


@pytest.mark.parametrize(
    ("space", "chosen", "received"),
    [
        (spaces.Discrete(3, start=5), [2], 7),
        (spaces.MultiDiscrete([3, 2], start=[5, -1]), [[2, 0]], [7, -1]),
    ],
)
def test_indices_are_recorded_from_zero_and_given_from_the_start_of_their_space(space, chosen, received):
    env = clocks("9|", action_space=space)
    batch = Rollout(env, 1).collect(Stateless(lambda obs: {"action": np.array(chosen)}))
    assert batch.action[0].tolist() == chosen
    assert env.envs[0].received[0].tolist() == received


def test_what_act_returns_beside_the_action_is_recorded():
    batch = Rollout(clocks("2|", "9|"), 3).collect(counting)
    np.testing.assert_array_equal(batch.extras["value"], worth(batch.obs[:-1]))
    assert "action" not in batch.extras


STRUCTURED = [
    spaces.Dict(
        place=spaces.Box(-1, 1, (3,), np.float32),
        image=spaces.Box(0, 255, (2, 2, 3), np.uint8),
        inner=spaces.Tuple((spaces.Discrete(5, start=2), spaces.MultiBinary(3))),
    ),
    spaces.Tuple((spaces.MultiDiscrete([4, 6]), spaces.Dict(bits=spaces.MultiBinary((2, 2))))),
]


def flat(obs):
    """The leaves of an observation, in the order of their names."""
    if isinstance(obs, dict):
        obs = tuple(obs[key] for key in sorted(obs))
    if isinstance(obs, tuple):
        return [leaf for part in obs for leaf in flat(part)]
    return [np.asarray(obs).tolist()]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("space", STRUCTURED)
def test_structured_observations_are_packed_and_viewed_back(space, mode):
    class Recorded(Anything):
        """Remembers all that it showed."""

        shown = []

        def reset(self, **kwargs):
            obs, info = super().reset(**kwargs)
            self.shown.append(flat(obs))
            return obs, info

        def step(self, action):
            obs, *rest = super().step(action)
            self.shown.append(flat(obs))
            return obs, *rest

    env = SyncVectorEnv([lambda: Recorded(space, spaces.Discrete(2))], autoreset_mode=mode)
    rollout = Rollout(env, 9)
    batch = rollout.collect(zeros)

    def leaves(stored):
        parts = rollout.layout.view(torch.tensor(stored))
        return [[x[i].tolist() for x in parts.values()] for i in range(len(stored))]

    obs, finals = leaves(batch.obs[:, 0]), leaves(batch.final_obs)
    if mode is not NEXT:  # ends are hidden behind the starts of the next episodes: put them back where they were
        for k, t in enumerate(batch.final_at[:, 0]):
            obs.insert(t + 1 + k, finals[k])
    assert obs == Recorded.shown
    assert finals == [obs[4], obs[9]][: len(finals)]
