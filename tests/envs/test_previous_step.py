"""The wrapper that shows the action before and its reward."""

from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import gymnast
from gymnast import envs
from gymnast.core.errors import UsageError
from gymnast.core.spaces.layout import Layout
from gymnast.envs.wrappers import PreviousStep
from probes import Clock

# An action space, an action of it, and what is seen of that.
ACTIONS = {
    "discrete": (spaces.Discrete(3), 1, [0, 1, 0]),
    "from minus one": (spaces.Discrete(3, start=-1), -1, [1, 0, 0]),
    "multidiscrete": (spaces.MultiDiscrete([2, 3]), [1, 2], [0, 1, 0, 0, 1]),
    "multibinary": (spaces.MultiBinary(3), [1, 0, 1], [1, 0, 1]),
    "box": (spaces.Box(-1, 2, (2,), np.float32), [0.5, 2], [0.5, 2]),
    "box in float64": (spaces.Box(-1, 2, (1, 2), np.float64), [[0.5, 2]], [0.5, 2]),
    "box without zero": (spaces.Box(1, 2, (1,), np.float32), [1.5], [1.5]),
}


@pytest.mark.parametrize(("space", "action", "seen"), ACTIONS.values(), ids=ACTIONS)
def test_action_and_reward_are_seen_until_the_next_reset(space, action, seen):
    """An episode of two steps that is terminated, then one of one step that is cut off; step t is worth t."""
    one = partial(Clock, 0, "2| 1~", space)
    env = SyncVectorEnv([lambda: PreviousStep(one())] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    actions, zeros = np.array([action] * 2, space.dtype), [[0] * len(seen)] * 2
    obs, _ = env.reset(seed=0)
    for reward in (0, 1, 0, 0, 1):  # 0 where an episode begins
        assert obs["previous_action"].tolist() == ([seen] * 2 if reward else zeros)
        assert obs["previous_reward"].tolist() == [[reward]] * 2
        assert obs in env.observation_space
        obs, rewards, *_, info = env.step(actions)
        for last in info.get("final_obs", ()):
            assert last["previous_action"].tolist() == seen
            assert last["previous_reward"].tolist() == [rewards[0]]


@pytest.mark.parametrize("mode", list(AutoresetMode), ids=str)
def test_a_reset_shows_nothing_in_every_mode(mode):
    env = SyncVectorEnv([lambda: PreviousStep(Clock(0, "2|"))] * 2, autoreset_mode=mode)
    env.reset(seed=0)
    for _ in range(6):
        obs, _, terminated, *_ = env.step(np.ones(2, np.int64))
        begins = obs["observation"][:, 2] == 0
        assert (obs["previous_reward"][:, 0] == obs["observation"][:, 2]).all()
        assert (obs["previous_action"] == np.where(begins[:, None], 0, [0, 1])).all()
        if mode is AutoresetMode.DISABLED and terminated.any():
            obs, _ = env.reset(options={"reset_mask": terminated.copy()})
            assert not obs["previous_action"].any()


class Masked(Clock):
    """Observes its mask in a Dict, or says it in its infos."""

    def __init__(self, observed=True):
        super().__init__(script="3|")
        self.observed, self.episode = observed, 0
        if observed:
            self.observation_space = spaces.Dict(time=Clock.observation_space, action_mask=spaces.MultiBinary(2))

    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)[0], self._told()

    def step(self, action):
        return *super().step(action)[:4], self._told()

    def _told(self):
        return {} if self.observed else {"action_mask": np.array([1, 0], np.int8)}

    def _obs(self):
        obs = super()._obs()
        return {"time": obs, "action_mask": np.array([1, 0], np.int8)} if self.observed else obs


def test_parts_of_a_dict_stay_and_the_mask_is_found():
    env = envs.make(Masked, 2, wrappers=[PreviousStep])
    obs, _ = env.reset(seed=0)
    assert set(obs) == {"time", "action_mask", "previous_action", "previous_reward"}
    for made in (env, envs.make(partial(Masked, False), 2, wrappers=[PreviousStep])):
        layout = Layout(made.single_observation_space, made.single_action_space)
        obs, _ = made.reset(seed=0)
        out = layout.empty(2)
        layout.write(out, obs)
        assert layout.column(out, layout.mask).tolist() == [[1, 0]] * 2


@pytest.mark.parametrize("name", ["gymnast/GridGoals-v0", "gymnast/RepeatFirst-v0", "Pendulum-v1"])
def test_what_it_returns_is_in_its_space(name):
    env = PreviousStep(gym.make(name))
    env.action_space.seed(0)
    assert env.reset(seed=0)[0] in env.observation_space
    assert all(env.step(env.action_space.sample())[0] in env.observation_space for _ in range(5))


def test_it_is_not_put_around_itself():
    with pytest.raises(UsageError, match=r"wrapper PreviousStep raised UsageError: .* 'previous_action' already"):
        envs.make("CartPole-v1", wrappers=[PreviousStep, PreviousStep])


def test_an_agent_learns_with_it_and_is_evaluated():
    settings = {"num_envs": 2, "horizon": 16, "minibatch": 16, "wrappers": ["gymnast.envs.wrappers:PreviousStep"]}
    agent = gymnast.PPO("gymnast/TMaze-v0", env_args={"length": 2}, **settings)
    agent.learn(64)
    assert 0 <= agent.evaluate(episodes=4).success <= 1
