"""Loading an agent: it acts without its environment, and goes on in that one or in another with the same spaces."""

import functools
import sys

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv

import gymnast
from gymnast import envs
from gymnast.core import checkpoint
from gymnast.core.errors import UsageError
from gymnast.runners.runs.folder import last

SMALL = {
    "num_envs": 2,
    "evals": 0,
    "preset": "none",
    "agent": {"horizon": 16, "minibatch": 32, "epochs": 1, "hidden": (8,)},
}
AGAIN = r"no name leads to. Give what makes the environment: gymnast.load\(path, env=...\)"
OBS = np.arange(5, dtype=np.float32)[:, None]


class Corridor(gym.Env):
    """Ten steps long; the reward is `size` for each to the right."""

    def __init__(self, size=5):
        self.size, self.time = size, 0
        self.observation_space, self.action_space = gym.spaces.Box(0, 5, (1,), np.float32), gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.time += 1
        return np.array([self.time / 2], np.float32), float(self.size * action), False, self.time == 10, {}


class Twice(gym.RewardWrapper):
    def reward(self, reward):
        return 2 * reward


class Mine(Corridor):
    """A class that a program defines for itself."""


Mine.__module__ = "__main__"

NAMELESS = {
    "lambda": lambda: Corridor(),
    "partial": functools.partial(Corridor, size=5),
    "VectorEnv": SyncVectorEnv([Corridor] * 2),
    "of __main__": Mine,
}


def saved(env, path, **run):
    agent = gymnast.PPO(env, **(SMALL | run)).learn(64)
    agent.save(path)
    return agent


def unmade(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("an environment was made")

    monkeypatch.setattr(envs, "make", refuse)


def test_prediction_takes_no_environment(tmp_path, monkeypatch):
    wanted = saved("CartPole-v1", tmp_path / "a").predict(np.ones((3, 4)))
    unmade(monkeypatch)
    loaded = gymnast.load(tmp_path / "a")
    action, thoughts = loaded.predict(np.ones((3, 4)))
    assert action.tolist() == wanted[0].tolist()
    assert np.array_equal(thoughts["value"], wanted[1]["value"])
    assert loaded.steps == 64
    loaded.save(tmp_path / "b")
    for name in ("a", "b"):
        assert gymnast.load(tmp_path / name, "best").predict(np.ones((3, 4)))[0].tolist() == wanted[0].tolist()


@pytest.mark.parametrize("kind", NAMELESS)
def test_an_agent_whose_environment_has_no_name_acts_and_asks_for_it_to_learn(kind, tmp_path, monkeypatch):
    env = NAMELESS[kind]
    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["__main__"], "Mine", Mine, raising=False)
        wanted = saved(env, tmp_path).predict(OBS)[0]
    loaded = gymnast.load(tmp_path)
    assert loaded.predict(OBS)[0].tolist() == wanted.tolist()
    asked = AGAIN if kind != "of __main__" else "has no class or function 'Mine'.* Give what makes the environment"
    for act in (lambda: loaded.learn(64), lambda: loaded.evaluate(2)):
        with pytest.raises(UsageError, match=asked):
            act()
    assert gymnast.load(tmp_path, env=env).learn(64).steps == 128


def test_a_loaded_agent_learns_on_as_the_one_that_was_saved(tmp_path):
    agent = saved(lambda: Corridor(), tmp_path)
    loaded = gymnast.load(tmp_path, env=Corridor, env_args={"size": 3}, wrappers=[Twice])
    assert loaded.steps == agent.steps
    assert loaded.learn(64).steps == 128
    assert loaded.run.env_args == {"size": 3}
    returns = loaded.evaluate(4, stochastic=True).returns
    assert all(ret % 6 == 0 for ret in returns), "3 for each step to the right, twice"
    assert max(returns) > 0
    loaded.save(tmp_path / "again")
    assert gymnast.load(tmp_path / "again").learn(64).steps == 192


def test_another_environment_must_have_the_same_spaces(tmp_path):
    saved("CartPole-v1", tmp_path)
    with pytest.raises(
        UsageError, match=r"Pendulum-v1 is another .* its observations were Box\(.*, \(4,\).* and are .*\(3,\)"
    ):
        gymnast.load(tmp_path, env="Pendulum-v1")
    with pytest.raises(UsageError, match="learns from 2 copies of an environment, not from 3"):
        gymnast.load(tmp_path, env=gym.make_vec("CartPole-v1", 3))
    with pytest.raises(UsageError, match="its observations were"):
        gymnast.load(tmp_path).evaluate(2, env=gym.make_vec("Pendulum-v1", 2))


def test_an_environment_that_has_changed_says_what_it_was_and_is(gymnast, tmp_path, monkeypatch):
    import gymnast as package

    saved(Corridor, "run")

    class Wide(Corridor):
        def __init__(self, size=5):
            super().__init__(size)
            self.action_space = gym.spaces.Discrete(3)

    monkeypatch.setattr(sys.modules[__name__], "Corridor", Wide)
    for command in ("evaluate run", "train --resume run --steps 128", f"train ppo {__name__}:Corridor --init-from run"):
        said = gymnast(command)
        assert said.code == 2
        assert "its actions were Discrete(2) and are Discrete(3)" in said.err, said.err
        assert "another one wrote it" not in said.err
    with pytest.raises(UsageError, match=r"its actions were Discrete\(2\) and are Discrete\(3\)"):
        package.load("run").learn(64)


def test_bounds_and_precision_of_what_is_observed_are_no_change(tmp_path, monkeypatch):
    saved(Corridor, tmp_path)

    class Bounded(Corridor):
        def __init__(self, size=5):
            super().__init__(size)
            self.observation_space = gym.spaces.Box(0, 99, (1,), np.float64)

    monkeypatch.setattr(sys.modules[__name__], "Corridor", Bounded)
    assert gymnast.load(tmp_path).evaluate(2).lengths


def test_a_checkpoint_without_spaces_takes_those_of_its_environment(tmp_path):
    wanted = saved("CartPole-v1", tmp_path).predict(np.ones(4))[0]
    state = checkpoint.load(last(tmp_path))
    del state["spaces"]
    checkpoint.save(last(tmp_path), state)
    assert gymnast.load(tmp_path).predict(np.ones(4))[0] == wanted


def test_spaces_of_a_crafted_checkpoint_take_no_memory(tmp_path):
    saved("CartPole-v1", tmp_path)
    state = checkpoint.load(last(tmp_path))
    state["spaces"]["observation"] = {"kind": "Discrete", "n": 10**12, "start": 0}
    checkpoint.save(last(tmp_path), state)
    with pytest.raises(UsageError, match="no network in it is for 1,000,000,000,002 numbers"):
        gymnast.load(tmp_path)


def test_a_game_is_loaded_with_its_rules(tmp_path):
    agent = {"channels": 4, "blocks": 1, "simulations": 4, "fast_simulations": 2, "minibatch": 8, "window": 64}
    played = gymnast.AlphaZero("tictactoe", preset="none", agent=agent, num_envs=2, evals=0).learn(32)
    played.save(tmp_path)
    assert gymnast.load(tmp_path).steps == 32


@pytest.mark.parametrize("given", [{"env_args": {"gravity": 9.0}}, {"wrappers": ["gymnasium.wrappers:TimeLimit"]}])
def test_arguments_without_an_environment_are_refused(cartpole, given):
    with pytest.raises(UsageError, match="belong to another environment"):
        gymnast.load(cartpole, **given)
