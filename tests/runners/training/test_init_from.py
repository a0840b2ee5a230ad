"""From imitation to reinforcement: a run that begins with another's policy."""

import shutil
from contextlib import closing

import numpy as np
import pytest
import torch

from gymnast import envs
from gymnast.core.rollout.engine import Rollout
from gymnast.runners.runs import run as runs
from gymnast.runners.runs.load import trained
from gymnast.runners.training.train import Training
from playing import act, collect, thoughts


@pytest.fixture(name="clone")
def _clone(gymnast, cloned, tmp_path):
    """A clone of an own expert for CartPole."""
    return shutil.copytree(cloned, tmp_path / "clone")


def weights(net, part):
    return {name: x.clone() for name, x in net.state_dict().items() if name.startswith(part)}


@pytest.mark.parametrize("algo", ["ppo", "a2c"])
def test_the_policy_is_the_clones_until_the_value_has_warmed_up(gymnast, clone, algo):
    run = runs.preset(algo, "CartPole-v1", init_from=str(clone), evals=0, agent={"value_warmup": 2})
    assert run.agent.hidden == (16, 16)
    assert run.agent.normalize_obs
    env = envs.make("CartPole-v1", 4)
    source, _ = trained(runs.load(clone / "run.json"), clone, env)
    with Training(run) as training:
        net = training.agent.net
        obs = collect(source, Rollout(env, 20)).obs[0]
        np.testing.assert_array_equal(act(training.agent, obs, "best")["action"], act(source, obs, "best")["action"])
        began = weights(net, "policy_")
        value = weights(net, "value_")
        for warm in (True, True, False):
            training.iterate()
            assert all(torch.equal(x, began[name]) for name, x in weights(net, "policy_").items()) == warm
        assert any(not torch.equal(x, value[name]) for name, x in weights(net, "value_").items())


def test_dqn_takes_the_clone_for_its_advantages_until_the_value_has_warmed_up(gymnast, clone):
    agent = {"dueling": True, "value_warmup": 8, "horizon": 32, "learning_starts": 32, "replay_ratio": 0.25}
    run = runs.preset("dqn", "CartPole-v1", init_from=str(clone), evals=0, agent=agent)
    assert (run.agent.hidden, run.agent.activation, run.agent.normalize_obs) == ((16, 16), "tanh", True)
    env = envs.make("CartPole-v1", 4)
    source, _ = trained(runs.load(clone / "run.json"), clone, env)
    with Training(run) as training:
        learner = training.agent
        obs = collect(source, Rollout(env, 20)).obs[:20].reshape(80, 4).copy()
        np.testing.assert_array_equal(act(learner, obs, "best")["action"], act(source, obs, "best")["action"])
        logp = torch.as_tensor(thoughts(source, obs)["action probability"]).log()
        q = torch.as_tensor(thoughts(learner, obs)["action value"])
        torch.testing.assert_close(q - q.mean(1, keepdim=True), logp - logp.mean(1, keepdim=True), atol=1e-4, rtol=1e-4)
        assert learner.net.epsilon.item() == run.agent.epsilon, "it does not begin at random"
        began, value = weights(learner.net, ("trunk.", "advantage.")), weights(learner.net, "state_value.")
        for warm in (True, True, False):  # the first steps fill the replay, the next take the 8 gradient steps
            training.iterate()
            assert all(torch.equal(x, began[name]) for name, x in weights(learner.net, tuple(began)).items()) == warm
            assert all(torch.equal(x, value[name]) for name, x in weights(learner.net, "state_value.").items()) == (
                learner.pace.updates == 0
            )


def test_it_goes_on_from_where_the_clone_is(gymnast, clone):
    line = "train ppo CartPole-v1 --init-from clone --steps 4096 --agent.value-warmup 1 --evals 2 --out run --quiet"
    assert gymnast(line).code == 0
    assert gymnast("train --resume run --steps 8k --quiet").code == 0
    state = runs.load(clone.parent / "run" / "run.json")
    assert state.init_from == "clone"
    assert state.agent.hidden == (16, 16)


def test_continuous_actions_are_explored_as_widely_as_ever(gymnast, tmp_path):
    line = "train bc Pendulum-v1 --demos demos --steps 2k --agent.hidden 8 --evals 0 --quiet --out"
    assert gymnast("collect own_experts:brake Pendulum-v1 --episodes 2 --out demos --quiet").code == 0
    assert gymnast(f"{line} clone").code == 0
    with Training(runs.preset("ppo", "Pendulum-v1", init_from="clone", agent={"sde": False})) as training:
        head = training.agent.net.policy_head
        assert head.log_std.tolist() == [training.run.agent.log_std_init]
    assert gymnast(f"{line} mixture --agent.head mixture").code == 0
    with Training(runs.preset("ppo", "Pendulum-v1", init_from="mixture", agent={"sde": False})) as training:
        assert training.run.agent.head == "mixture"
    said = gymnast("train ppo Pendulum-v1 --init-from mixture --agent.no-sde --agent.head plain --out run")
    assert said.code == 2
    assert "head is 'mixture' in mixture and 'plain' here" in said.err


REPLAY = {"value_warmup": 24, "horizon": 4, "learning_starts": 16, "minibatch": 8, "critic_hidden": (8,)}


@pytest.mark.parametrize("algo", ["sac", "td3"])
def test_a_policy_in_a_box_is_the_clones_until_the_critics_have_warmed_up(driver, algo):
    run = runs.preset(algo, "Pendulum-v1", init_from=str(driver), num_envs=4, evals=0, agent=REPLAY)
    assert (run.agent.hidden, run.agent.activation) == ((8,), "tanh")
    with closing(envs.make("Pendulum-v1", 4)) as env, Training(run) as training:
        source, _ = trained(runs.load(driver / "run.json"), driver, env)
        obs = collect(source, Rollout(env, 20)).obs[0]
        learner = training.agent
        np.testing.assert_array_equal(act(learner, obs, "best")["action"], act(source, obs, "best")["action"])
        away = np.abs(act(learner, obs)["action"] - act(source, obs, "best")["action"])
        assert not learner.waits, "it tries no actions at random"
        assert 0 < away.mean() < 1.5
        began, critics = weights(learner.net, "policy_"), learner.critic_optimizer.flat.detach().clone()
        while learner.pace.updates < 64:
            training.iterate()
            same = all(torch.equal(x, began[name]) for name, x in weights(learner.net, "policy_").items())
            assert same == (learner.pace.updates <= 24)
        assert not torch.equal(critics, learner.critic_optimizer.flat.detach())


@pytest.mark.parametrize("algo", ["sac", "td3"])
def test_such_a_run_goes_from_clone_to_evaluation_on_the_command_line(gymnast, driver, algo, tmp_path):
    small = "--steps 400 --agent.learning-starts 100 --agent.minibatch 8 --agent.critic-hidden 8 --eval-episodes 2"
    line = f"train {algo} Pendulum-v1 --init-from {driver} --agent.value-warmup 100 {small} --evals 1 --quiet --out"
    assert gymnast(f"{line} {tmp_path / 'run'}").code == 0
    plain = f"{line} {tmp_path / 'other'} --agent.hidden 9"
    assert "the policy to begin with is another network" in gymnast(plain).err


WRONG = {
    "train trpo CartPole-v1 --init-from clone": "trpo cannot begin with another run's policy",
    "train ppo CartPole-v1 --init-from nowhere": "nowhere is not the folder of a run",
    "train ppo Acrobot-v1 --init-from clone": "was trained on CartPole-v1, whose observations or actions differ",
    "train ppo CartPole-v1 --init-from clone --agent.hidden 8": "hidden is (16, 16) in clone and (8,) here",
    "train ppo CartPole-v1 --init-from clone --agent.activation relu": "another network: activation is 'tanh' in clone",
    "train dqn CartPole-v1 --init-from clone": "as the advantages of a dueling network without noise",
    "train dqn CartPole-v1 --init-from clone --agent.dueling --agent.hidden 8 8": "leave out --agent.hidden",
    "train dqn CartPole-v1 --agent.value-warmup 5": "set dueling to true",
    "train ppo CartPole-v1 --agent.value-warmup -1": "value_warmup is -1; it must be at least 0",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_cannot_begin_so_says_why(gymnast, clone, line):
    said = gymnast(line)
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert WRONG[line] in said.err
