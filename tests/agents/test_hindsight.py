"""Hindsight in every agent with a replay, from the environment's goals to a resumed run."""

import dataclasses

import numpy as np
import pytest
import torch
from goal_envs import Arm, Ball, Without

from gymnast import agents
from gymnast.core import checkpoint
from gymnast.core.errors import UsageError
from gymnast.runners.runs.folder import describe, last
from gymnast.runners.runs.run import Run
from gymnast.runners.training.train import Training, resume, train
from probes import SEED

CONTINUOUS = ("sac", "td3", "ddpg")
ALGOS = ("dqn", *CONTINUOUS)
SMALL = {"hidden": (16,), "minibatch": 16, "learning_starts": 40, "horizon": 4, "capacity": 120, "replay_ratio": 0.25}
WIDE = {"critic_hidden": (16,)}


def run(algo, env=None, steps=160, copies=3, seed=0, **options):
    cfg = SMALL | {"hindsight": "future"} | (WIDE if algo in CONTINUOUS else {}) | options
    env = env or ("gymnast/PointMaze-v0" if algo in CONTINUOUS else "gymnast/GridGoals-v0")
    config = agents.load(algo).Config(**cfg)
    return Run(algo=algo, env=env, steps=steps, num_envs=copies, seed=seed, agent=config, evals=0)


@pytest.mark.parametrize("options", [{}, {"n_step": 3, "priority": 0.6, "normalize_obs": True}], ids=["plain", "all"])
@pytest.mark.parametrize("algo", ALGOS)
def test_a_run_stopped_and_resumed_is_the_run_that_never_stopped(algo, options, tmp_path):
    one = run(algo, **options)
    whole = train(one).agent
    describe(one, tmp_path, {})
    with Training(one, tmp_path) as training:
        while training.steps < 90:
            training.iterate()
        checkpoint.save(last(tmp_path), training.state())
    resumed = resume(tmp_path).agent
    assert torch.equal(whole.optimizer.flat, resumed.optimizer.flat)
    assert whole.replay.random == resumed.replay.random
    np.testing.assert_array_equal(whole.replay.records, resumed.replay.records)


@pytest.mark.parametrize("backend", ["loop", "workers"])
@pytest.mark.parametrize("kind", [Arm, Ball])
def test_environments_such_as_gymnasium_robotics_has_are_learned_from_on_every_backend(kind, backend):
    found = [
        train(dataclasses.replace(run("sac", kind, steps=96, copies=2), backend=which)).agent.optimizer.flat
        for which in ("loop", backend)
    ]
    assert torch.equal(*found)


@pytest.mark.parametrize("algo", ALGOS)
def test_what_is_learned_depends_on_the_goals_of_hindsight(algo):
    plain, future, final = (train(run(algo, hindsight=which)).agent for which in ("none", "future", "final"))
    assert not torch.equal(plain.optimizer.flat, future.optimizer.flat)
    assert not torch.equal(final.optimizer.flat, future.optimizer.flat)


def test_an_environment_that_cannot_judge_goals_is_refused():
    with pytest.raises(UsageError, match="compute_reward"):
        train(run("sac", Without))
    with pytest.raises(UsageError, match="one achieved_goal and one desired_goal"):
        train(run("dqn", "CartPole-v1"))


def test_an_agent_without_a_replay_knows_no_hindsight():
    with pytest.raises(TypeError, match="hindsight"):
        agents.load("ppo").Config(hindsight="future")


def test_the_success_of_episodes_is_logged_and_evaluated(tmp_path):
    made = dataclasses.replace(run("dqn", "gymnast/BitFlip-v0", steps=400), env_args={"n": 2}, evals=1)
    with Training(made) as training:
        rows = [row for row in (training.iterate() for _ in range(60) if not training.finished) if row]
    assert 0 < rows[-1]["episode/success"] < 1
    assert 0 <= rows[-1]["eval/success"] <= 1
    assert training.evaluation.to_json()["success"] == training.evaluation.success == rows[-1]["eval/success"]
    assert any("success" in line for line in training.evaluation.lines())


def test_nothing_is_said_of_success_where_the_environment_does_not():
    with Training(dataclasses.replace(run("dqn", "CartPole-v1", hindsight="none"), evals=1)) as training:
        rows = [row for row in (training.iterate() for _ in range(30) if not training.finished) if row]
    assert not [name for row in rows for name in row if "success" in name]
    assert "success" not in training.evaluation.to_json()
    assert not any("success" in line for line in training.evaluation.lines())


def success(hindsight, seed):
    """Of DQN on ten bits after 3,000 steps, which meet the goal by chance in one episode of a hundred."""
    config = agents.load("dqn").Config(
        hidden=(64,), lr=4e-3, minibatch=64, replay_ratio=0.25, learning_starts=200, target_interval=1, tau=0.02,
        gamma=0.9, epsilon_fraction=0.5, capacity=10_000, horizon=8, hindsight=hindsight,
    )  # fmt: skip
    made = Run(algo="dqn", env="gymnast/BitFlip-v0", env_args={"n": 10}, steps=3_000, num_envs=8, seed=seed,
               agent=config, evals=1, eval_episodes=100)  # fmt: skip
    return train(made).evaluation.success


@pytest.mark.learns
def test_bits_are_flipped_to_a_goal_with_hindsight_and_not_without():
    assert success("future", SEED) > 0.8
    assert success("none", SEED) < 0.5
