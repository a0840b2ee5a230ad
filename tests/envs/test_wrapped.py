"""Wrappers around single environments, and the texts that are left out."""

import sys

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.wrappers import FlattenObservation, TransformReward
from own_games import COUNTDOWN

from gymnast import envs
from gymnast.core.errors import UsageError
from gymnast.core.spaces.layout import Layout

PICTURE = spaces.Box(0, 255, (7, 7, 3), np.uint8)


class Grid(gym.Env):
    """The shape of MiniGrid's observations, and a Dict within."""

    observation_space = spaces.Dict(
        image=PICTURE, mission=spaces.Text(20), told=spaces.Dict(hint=spaces.Text(5), place=spaces.Discrete(3))
    )
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._seen(), {}

    def step(self, action):
        return self._seen(), 1.0, bool(action), False, {}

    def _seen(self):
        return {"image": np.ones((7, 7, 3), np.uint8), "mission": "go", "told": {"hint": "a", "place": 2}}


class Said(Grid):
    observation_space = spaces.Text(5)


class ImageOnly(gym.ObservationWrapper):
    def __init__(self, env):
        super().__init__(env)
        self.observation_space = env.observation_space["image"]

    def observation(self, observation):
        assert observation["mission"] == "go"  # wrappers see the texts
        return observation["image"]


@pytest.mark.parametrize("backend", ["loop", "workers"])
def test_texts_of_a_dict_are_left_out_and_named(backend):
    env = envs.make(Grid, 2, backend=backend)
    try:
        assert envs.left_out(env) == ("mission", "told/hint")
        layout = Layout(env.single_observation_space)
        assert [part.path for part in layout.parts] == [("image",), ("told", "place")]
        obs, _ = env.reset(seed=0)
        assert obs["told"]["place"].tolist() == [2, 2]
        _, _, _, _, infos = env.step(np.array([1, 0]))
        assert set(infos["final_obs"][0]) == {"image", "told"}
    finally:
        env.close()


def test_what_is_a_text_and_nothing_else_is_left_alone():
    env = envs.make(Said)
    assert envs.left_out(env) == ()
    with pytest.raises(UsageError, match="no fixed size"):
        Layout(env.single_observation_space)
    assert envs.left_out(envs.make("CartPole-v1")) == ()


@pytest.mark.parametrize("backend", ["loop", "workers"])
def test_wrappers_are_put_around_each_environment_the_first_one_innermost(backend):
    def plus(env):
        return TransformReward(env, lambda reward: reward + 1)

    def double(env):
        return TransformReward(env, lambda reward: 2 * reward)

    env = envs.make(Grid, 2, backend=backend, wrappers=[ImageOnly, plus, double])
    try:
        env.reset(seed=0)
        assert env.single_observation_space == PICTURE
        assert env.step(np.array([0, 0]))[1].tolist() == [4, 4]
    finally:
        env.close()


def test_a_wrapper_is_named_as_environments_are():
    env = envs.make("CartPole-v1", 2, wrappers=["gymnasium.wrappers:FlattenObservation"])
    assert envs.describe(env) == "loop"
    assert isinstance(env.unwrapped.envs[0], FlattenObservation)


@pytest.mark.parametrize(
    ("wrapper", "told"),
    [
        ("gymnasium.wrappers:FlatenObservation", "Did you mean 'FlattenObservation'"),
        ("CartPole-v1", "'CartPole-v1' is an environment, not module:Wrapper"),
        ("tictactoe", "'tictactoe' is an environment, not module:Wrapper"),
        ("own_games:COUNTDOWN", "'own_games:COUNTDOWN' is an environment, not module:Wrapper"),
        (COUNTDOWN, "^'countdown' is an environment, not module:Wrapper"),
        ("math:sqrt", "is Python's own"),
        (len, "wrapper len raised TypeError"),
        (sys.exit, "wrapper exit raised SystemExit"),
        (type, "wrapper type made a type, no gymnasium.Env"),
    ],
)
def test_what_is_no_wrapper_is_refused(wrapper, told):
    with pytest.raises(UsageError, match=told):
        envs.make(Grid, wrappers=[wrapper])


def test_a_wrapper_that_a_file_names_must_be_an_installed_class_of_gymnasium():
    from gymnast.core.names import Stored

    assert envs.make("CartPole-v1", wrappers=[Stored("gymnasium.wrappers:FlattenObservation", "run.json")])
    with pytest.raises(UsageError, match=r"run.json names 'numpy:load'.*--trust"):
        envs.make("CartPole-v1", wrappers=[Stored("numpy:load", "run.json")])


def test_compiled_backends_and_ready_environments_take_no_wrappers():
    with pytest.raises(UsageError, match="backend 'native' takes no wrappers"):
        envs.make("CartPole-v1", backend="native", wrappers=[FlattenObservation])
    with pytest.raises(UsageError, match="a ready vector environment takes no"):
        envs.make(envs.make("CartPole-v1"), wrappers=[FlattenObservation])
