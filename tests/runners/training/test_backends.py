"""Runs that go on upon another backend than they began on: exactly where one reads the other's state, else anew."""

import sys
from contextlib import closing
from dataclasses import replace

import gymnasium as gym
import pytest
from gymnasium.vector import AutoresetMode

from gymnast.core.errors import UsageError
from gymnast.envs import describe
from gymnast.runners.api import learner, load
from gymnast.runners.runs import run as runs
from gymnast.runners.training.train import Training

SMALL = {"horizon": 8, "minibatch": 16, "epochs": 1, "hidden": (4,)}


def begun(env, backend="auto", **fields):
    """A run of ppo and its state after one iteration."""
    run = runs.preset("ppo", env, "none", agent=SMALL, steps=64, num_envs=2, evals=0, backend=backend, **fields)
    with Training(run) as training:
        training.iterate()
        return run, training.state()


def gone_on(run, state):
    """What is said of a run that goes on for an iteration from a state, and where it does."""
    with Training(run, None, state) as training:
        before = training.steps
        training.iterate()
        assert training.steps > before
        return training.source.remark, describe(training.env)


@pytest.mark.parametrize(
    ("env", "saved_by", "read_by", "exact"),
    [
        ("CartPole-v1", "native", "native", True),
        ("CartPole-v1", "native", "loop", False),
        ("CartPole-v1", "loop", "native", False),
        ("CartPole-v1", "loop", "workers", True),
        ("CartPole-v1", "workers", "loop", True),
        ("CartPole-v1", "workers", "native", False),
        ("InvertedPendulum-v5", "mujoco", "mujoco", True),
        ("InvertedPendulum-v5", "mujoco", "loop", False),
        ("InvertedPendulum-v5", "loop", "mujoco", False),
        ("ALE/Pong-v5", "atari", "atari", False),
    ],
)
def test_a_run_goes_on_upon_any_backend(env, saved_by, read_by, exact):
    run, state = begun(env, saved_by)
    remark, where = gone_on(replace(run, backend=read_by), state)
    assert where.startswith(read_by)
    assert remark.endswith("new episodes begin") is not exact


@pytest.mark.parametrize("backend", ["loop", "workers"])
def test_a_run_that_left_the_backend_to_chance_goes_on_upon_the_one_it_had(backend):
    run, state = begun("CartPole-v1", backend)
    remark, where = gone_on(replace(run, backend="auto"), state)
    assert (remark, where.startswith(backend)) == ("", True)


@pytest.mark.parametrize("kind", ["sync", "vector_entry_point", "async"])
@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP])
def test_what_learned_in_a_ready_vector_environment_is_loaded_for_another(kind, mode, tmp_path):
    kwargs = {} if kind == "vector_entry_point" else {"vector_kwargs": {"autoreset_mode": mode}}
    with closing(gym.make_vec("CartPole-v1", 2, vectorization_mode=kind, **kwargs)) as env:
        agent = learner("PPO")(env, preset="none", agent=SMALL, evals=0).learn(32)
        agent.save(tmp_path)
    again = load(tmp_path, env="CartPole-v1")
    assert again.learn(32).steps == 64
    again._training.close()


@pytest.mark.parametrize("backend", ["auto", "mujoco"])
def test_a_run_goes_on_where_its_backend_is_not_to_be_had(backend, monkeypatch):
    run, state = begun("InvertedPendulum-v5", backend)
    assert state["paths"]["environments"] == "mujoco threads"
    monkeypatch.setitem(sys.modules, "gymnast.envs.mujoco", None)
    remark, where = gone_on(run, state)
    assert "of another kind (MujocoVectorEnv" in remark
    assert where == "loop"
    if backend == "mujoco":
        with pytest.raises(UsageError, match="backend 'mujoco'"):
            Training(run)
