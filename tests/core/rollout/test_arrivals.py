"""What environments may hand over: what is no observation or reward is refused as it arrives, by environment."""

from contextlib import closing
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv
from scripted import MODES

from gymnast.core.acting import Stateless
from gymnast.core.errors import TrainingError, UsageError
from gymnast.core.rollout.engine import Rollout
from gymnast.core.spaces.layout import Layout
from gymnast.envs import make
from gymnast.runners.evaluation.evaluate import watched
from gymnast.runners.runs import run as runs
from gymnast.runners.training.train import train


class Told(gym.Env):
    """Observes what it is told to: `scripts[seed]`, one after the other, and then the last one; two steps an episode.

    The copy that is seeded with 1 follows the second script, and so on.
    """

    action_space = spaces.Discrete(2)

    def __init__(self, space, *scripts, ends=(True, False), rewards=(0.0,)):
        self.observation_space, self.scripts, self.ends, self.rewards = space, scripts, ends, rewards
        self.script, self.at, self.reward = scripts[0], -1, rewards[0]

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self.script, self.at = self.scripts[seed % len(self.scripts)], -1
            self.reward = self.rewards[seed % len(self.rewards)]
        self.time = 0
        return self._next(), {}

    def step(self, action):
        self.time += 1
        return self._next(), self.reward, *(self.ends if self.time == 2 else (False, False)), {}

    def _next(self):
        self.at += 1
        return self.script[min(self.at, len(self.script) - 1)]


@Stateless
def still(obs):
    return {"action": np.zeros(len(obs), np.int64)}


def collect(space, *scripts, backend="loop", steps=4, **kwargs):
    with closing(make(partial(Told, space, *scripts, **kwargs), len(scripts), backend=backend)) as env:
        return Rollout(env, steps).collect(still)


FIVE = spaces.Discrete(5)
PAIR = spaces.Dict(a=spaces.MultiDiscrete([2, 3], start=[0, -1]), b=spaces.MultiBinary(2))


@pytest.mark.parametrize("wrong", [5, -1, 10**8])
@pytest.mark.parametrize("at", range(4), ids=["reset", "step", "final", "autoreset"])
def test_a_number_outside_discrete_is_refused_wherever_it_comes_and_the_environment_is_named(wrong, at):
    told = [1, 2, 3, 4]
    told[at] = wrong
    with pytest.raises(TrainingError, match=rf"^environment 1 gave {wrong}, which is not in Discrete\(5\)$"):
        collect(FIVE, [0], told)


def test_workers_hand_such_numbers_over_to_be_refused():
    with pytest.raises(TrainingError, match=r"^environment 1 gave 5, which is not in Discrete\(5\)$"):
        collect(FIVE, [0], [1, 2, 5], backend="workers")


def test_every_number_inside_discrete_arrives():
    shifted = spaces.Discrete(3, start=-1)
    assert collect(shifted, [-1, 0, 1]).obs.ravel().tolist() == [-1, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [("a", [0, 2], "2 in 'a'"), ("a", [2, 0], "2 in 'a'"), ("a", [0, -2], "-2 in 'a'"), ("b", [1, 2], "2 in 'b'")],
)
def test_the_part_of_a_structured_observation_is_named(part, value, said):
    good = {"a": np.array([1, -1]), "b": np.array([0, 1], np.int8)}
    bad = {**good, part: np.array(value, good[part].dtype)}
    with pytest.raises(TrainingError, match=f"^environment 0 gave {said}, which is not in Multi"):
        collect(PAIR, [good, bad])


def test_a_saved_state_with_such_a_number_is_refused():
    with closing(make(partial(Told, FIVE, [1]), backend="loop")) as env:
        rollout = Rollout(env, 1)
        with pytest.raises(UsageError, match=r"environment 0 is 5, which is not in Discrete\(5\)"):
            rollout.load_state({**rollout.state(), "obs": np.array([5])})


def test_a_prediction_for_such_a_number_is_refused():
    with pytest.raises(UsageError, match=r"observation 1 is 7, which is not in Discrete\(5\)"):
        Layout(FIVE).batch(np.array([1, 7]))


REAL = spaces.Dict(a=spaces.Discrete(2), b=spaces.Box(-np.inf, np.inf, (2,), np.float64))


def real(x):
    return {"a": 0, "b": np.array([1.0, x])}


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("at", range(4), ids=["reset", "step", "final", "autoreset"])
def test_what_is_not_finite_is_refused_wherever_it_comes_and_the_part_is_named(wrong, at):
    told = [real(0)] * 4
    told[at] = real(wrong)
    with pytest.raises(TrainingError, match=r"^environment 1 gave (nan|-?inf) in 'b', which is (not a|infinite)"):
        collect(REAL, [real(0)], told, ends=(False, True))


@pytest.mark.parametrize("mode", MODES)
def test_an_observation_after_a_termination_may_be_anything_for_nothing_depends_on_it(mode):
    told = [real(1), real(2), real(np.nan), real(4), real(5)]
    env = SyncVectorEnv([partial(Told, REAL, told)], autoreset_mode=mode)
    batch = Rollout(env, 3).collect(still)
    assert np.array_equal(batch.final_obs, Layout(REAL).batch(real(0))[0])
    view = Layout(REAL).view(torch.as_tensor(batch.obs[:, 0].copy()))["b"]
    assert torch.isfinite(view).all()


def test_a_reward_is_refused_by_environment():
    with pytest.raises(TrainingError, match=r"^environment 1 gave a reward of nan, which is not a number$"):
        collect(FIVE, [0], [0], rewards=(0.0, np.nan))
    with pytest.raises(TrainingError, match=r"^environment 0 gave a reward of 1e\+300, which is .* beyond float32"):
        collect(FIVE, [0], rewards=(1e300,))


class Echo(Told):
    """Observes its last action."""

    action_space = spaces.Box(-1, 1, (1,))

    def step(self, action):
        super().step(action)
        return action, 0.0, False, False, {}


@pytest.mark.parametrize(
    "make_env", [Echo, "Pendulum-v1", partial(gym.make, "Pendulum-v1")], ids=["echo", "native", "loop"]
)
def test_actions_that_are_not_finite_are_no_fault_of_the_environment(make_env):
    make_env = partial(Echo, Echo.action_space, [np.zeros(1)]) if make_env is Echo else make_env
    diverged = Stateless(lambda obs: {"action": np.full((len(obs), 1), np.nan, np.float32)})
    with closing(make(make_env, 2)) as env, pytest.raises(TrainingError, match=r"policy's actions .* diverged"):
        Rollout(env, 4).collect(diverged)


def test_an_evaluation_that_meets_such_a_reward_fails():
    with (
        closing(make(partial(Told, FIVE, [0], rewards=(np.nan,)), 2, backend="loop")) as env,
        pytest.raises(TrainingError, match="reward of nan"),
    ):
        watched(still, env, 4, seed=0)


@pytest.mark.parametrize("algo", ["dqn", "ppo"])
def test_nothing_is_learned_from_what_is_not_finite(algo):
    told = [np.zeros(1, np.float32)] * 50 + [np.full(1, np.nan, np.float32)]
    space = spaces.Box(-1, 1, (1,))
    run = runs.preset(algo, partial(Told, space, told, ends=(True, False)), steps=500, num_envs=1, evals=0, seed=0)
    with pytest.raises(TrainingError, match=r"environment 0 gave nan, which is not a number"):
        train(run)


@pytest.mark.parametrize("algo", ["ppo", "dqn", "tabular"])
def test_training_ends_with_the_environments_name(algo):
    with pytest.raises(TrainingError, match="environment 0 gave 5, which"):
        train(runs.preset(algo, partial(Told, FIVE, *[[0] * 50 + [5]] * 2), steps=500, num_envs=1, evals=0, seed=0))
