"""Callbacks of `learn`: they see how far it is, may stop it, and change nothing about what is learned."""

from dataclasses import FrozenInstanceError

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import gymnast
from gymnast.core.errors import UsageError

SMALL = {"evals": 0, "num_envs": 4, "horizon": 32, "minibatch": 64, "epochs": 1, "hidden": (8,), "preset": "none"}


class One(gym.Env):
    """One step long, with a return of 1."""

    observation_space = spaces.Box(0, 1, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), 1.0, True, False, {}


def small(**settings):
    return gymnast.PPO("CartPole-v1", **(SMALL | settings))


def weights(learner):
    return {name: x.numpy().copy() for name, x in learner.agent.net.state_dict().items()}


def assert_same(a, b):
    assert all(np.array_equal(a[name], b[name]) for name in a)


def test_a_callback_sees_every_row_of_metrics(tmp_path):
    seen = []
    learner = small(evals=2, eval_episodes=2).learn(512, out=tmp_path / "run", callback=seen.append)
    assert [progress.steps for progress in seen] == [128, 256, 384, 512]
    assert seen[-1].learner is learner
    assert seen[-1].metrics["loss/policy"]
    assert [progress.evaluation is not None for progress in seen] == [False, True, True, True]
    assert len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) == 1 + len(seen)
    with pytest.raises(FrozenInstanceError):
        seen[0].steps = 3
    with pytest.raises(TypeError):
        seen[0].metrics["loss/policy"] = 0.0


def test_every_callback_is_asked_and_any_may_stop():
    seen = []
    learner = small().learn(512, callback=[lambda now: now.steps < 256, seen.append, lambda now: None])
    assert learner.steps == 256
    assert len(seen) == 2


def test_one_that_looks_on_changes_nothing_about_what_is_learned(tmp_path):
    def look(progress):
        progress.learner.predict(np.zeros(4), deterministic=False)
        progress.learner.evaluate(2)
        progress.learner.save(tmp_path / str(progress.steps))

    watched = small().learn(512, callback=look)
    assert_same(weights(watched), weights(small().learn(512)))
    assert gymnast.load(tmp_path / "256").steps == 256


def test_learning_goes_on_after_a_stop_as_if_there_had_been_none(tmp_path):
    whole = small().learn(512)
    small().learn(512, out=tmp_path, callback=lambda now: now.steps < 256)
    result = gymnast.resume(tmp_path)
    assert result.steps == 512
    assert_same(weights(whole), {name: x.numpy() for name, x in result.agent.net.state_dict().items()})
    learner = small().learn(512, callback=lambda now: now.steps < 256).learn(256)
    assert learner.steps == 512
    assert_same(weights(whole), weights(learner))


def test_it_stops_at_a_return_of_the_last_hundred_episodes():
    learner = gymnast.PPO(One, **SMALL).learn(4096, callback=gymnast.StopAt(1.0))
    assert learner.steps == 128, "the first row is of 128 episodes"
    assert gymnast.PPO(One, **SMALL, seed=1).learn(512, callback=gymnast.StopAt(1.1)).steps == 512


def test_fewer_than_a_hundred_episodes_do_not_count():
    one = gymnast.PPO(One, **(SMALL | {"horizon": 16})).learn(4096, callback=gymnast.StopAt(1.0))
    assert one.steps == 128, "the first row is of 64 episodes"


def test_it_stops_when_evaluations_are_no_better_any_more(tmp_path):
    settings = SMALL | {"evals": 8, "eval_episodes": 1}
    learner = gymnast.PPO(One, **settings).learn(1024, callback=gymnast.StopEarly(2))
    assert learner.steps == 384, "the first was the best, and two were not better"
    assert gymnast.PPO(One, **settings).learn(1024, callback=gymnast.StopAt(1, "eval/return")).steps == 128


def test_the_best_by_a_metric_is_kept(tmp_path):
    gymnast.PPO(One, **SMALL).learn(512, callback=gymnast.KeepBest(tmp_path / "best", "episode/return"))
    assert gymnast.load(tmp_path / "best", env=One).steps == 128, "no later one was better"


def test_a_metric_that_no_row_will_have_is_refused():
    with pytest.raises(UsageError, match="eval/return is not measured with evals=0"):
        small().learn(128, callback=gymnast.KeepBest("best"))
    with pytest.raises(UsageError, match="patience is 0"):
        gymnast.StopEarly(0)


def test_progress_is_shown(capsys):
    small().learn(256, progress=True)
    assert "256/256 steps" in capsys.readouterr().out
    small().learn(256)
    assert not capsys.readouterr().out
