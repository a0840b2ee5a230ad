"""A network of the user's own, in training and wherever a run is read again."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import torch

from gymnast.core.errors import UsageError
from gymnast.core.games.inference import inference
from gymnast.runners import api
from gymnast.runners.runs import run as runs
from gymnast.runners.training.train import Training

PPO = api.learner("PPO")
TINY = {"num_envs": 4, "evals": 0}
SMALL = {"simulations": 4, "fast_simulations": 2, "minibatch": 16, "hidden": (8,), "horizon": 4}


@pytest.fixture(autouse=True)
def own_nets(gymnast):
    """The module, which the command finds too."""
    module = import_module("own_nets")
    module.calls.clear()
    return module


@pytest.mark.parametrize("algo", ["ppo", "a2c", "trpo", "reinforce"])
def test_an_actor_critic_with_another_layer_learns_with_all_of_it(algo, own_nets):
    run = runs.preset(algo, "CartPole-v1", "none", net="own_nets:widened", steps=8192, evals=0)
    with Training(run) as training:
        net = training.agent.net
        before = {name: p.detach().clone() for name, p in net.named_parameters()}
        for _ in range(2):
            training.iterate()
        assert type(net) is own_nets.Widened
        assert [name for name, p in net.named_parameters() if torch.equal(p, before[name])] == []


def test_a_target_network_is_built_by_the_same_function_and_begins_alike(own_nets):
    run = runs.preset("dqn", "CartPole-v1", "none", net="own_nets:values")
    with Training(run) as training:
        agent = training.agent
        assert own_nets.calls == ["values", "values"]
        target = agent.target_net.state_dict()
        assert all(torch.equal(x, target[name]) for name, x in agent.net.state_dict().items())
        agent.optimizer.flat.data.add_(1.0)
        assert not torch.equal(next(agent.net.parameters()), next(agent.target_net.parameters()))


def test_a_function_may_be_given_itself(own_nets, tmp_path):
    def build(obs, action, cfg):
        return own_nets.Widened(obs, action, cfg)

    learned = PPO("CartPole-v1", **TINY, net=build).learn(256)
    assert type(learned.policy) is own_nets.Widened
    learned.save(tmp_path / "nameless")
    loaded = api.load(tmp_path / "nameless", net=build)
    assert all(torch.equal(x, loaded.policy.state_dict()[name]) for name, x in learned.policy.state_dict().items())
    with pytest.raises(
        UsageError, match=r"built by <function .*build>, which no name leads to. .*load\(path, net=...\)"
    ):
        api.load(tmp_path / "nameless")
    PPO("CartPole-v1", **TINY, net=own_nets.widened).learn(256).save(tmp_path / "named")
    assert type(api.load(tmp_path / "named", trust=True).policy) is own_nets.Widened
    with pytest.raises(UsageError, match="net is 3; it must be a function"):
        PPO("CartPole-v1", net=3)


def test_every_clone_is_built_so(gymnast, own_nets):
    assert gymnast("collect own_experts:balance CartPole-v1 --episodes 2 --out demos --quiet").code == 0
    assert gymnast("train bc CartPole-v1 --demos demos --steps 500 --evals 0 --net own_nets:clone --quiet").code == 0
    assert own_nets.calls == ["clone"]
    own_nets.calls.clear()
    made = runs.preset("dagger", "CartPole-v1", "none", net="own_nets:clone", agent={"ensemble": 2}, evals=0)
    with Training(replace(made, expert="own_experts:balance")):
        assert own_nets.calls == ["clone", "clone"]


def test_a_game_is_searched_with_what_the_network_says():
    run = runs.preset("alphazero", "tictactoe", "none", net="own_nets:board", agent=SMALL, evals=0, steps=64)
    with Training(run) as training:
        agent = training.agent
        planes = np.random.default_rng(0).random((3, *agent.game.shape), np.float32)
        with torch.no_grad():
            expected = agent.net(torch.from_numpy(planes))
        for found, wanted in zip(inference(agent.net)(planes), expected, strict=True):
            np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-5)
        training.iterate()


def test_a_run_is_evaluated_and_resumed_with_its_network(gymnast, tmp_path, own_nets):
    line = "train ppo CartPole-v1 --net own_nets:widened --steps 2048 --evals 1 --eval-episodes 2 --out run --quiet"
    assert gymnast(line).code == 0
    assert runs.load(tmp_path / "run" / "run.json").net == "own_nets:widened"
    assert gymnast("evaluate run --episodes 2 --trust").code == 0
    assert gymnast("train --resume run --steps 4096 --trust --quiet").code == 0
    assert own_nets.calls == ["widened"] * 3


def test_another_runs_policy_must_fit_it(gymnast):
    assert gymnast("train ppo CartPole-v1 --steps 2048 --evals 0 --out plain --quiet").code == 0
    said = gymnast("train ppo CartPole-v1 --net own_nets:widened --init-from plain --out run")
    assert said.code == 2
    assert "the policy to begin with is another network" in said.err


WRONG = {
    "ppo CartPole-v1 --net own_nets:number": "net number gave a int; it must give a torch.nn.Module",
    "ppo CartPole-v1 --net own_nets:bare": "inherit from ActorCritic",
    "dqn CartPole-v1 --net own_nets:bare": "inherit from ActionValue",
    "alphazero tictactoe --net own_nets:bare": "inherit from PolicyValueNet",
    "ppo CartPole-v1 --net own_nets:blind": "encoder is a Identity; it must inherit from Encoder",
    "ppo CartPole-v1 --net own_nets:wided": "module 'own_nets' has no function 'wided'. Did you mean 'widened'?",
    "ppo CartPole-v1 --net nowhere:net": "importing 'nowhere' raised ModuleNotFoundError",
    "ppo CartPole-v1 --net own_nets": "net 'own_nets' is not module:function",
    "tabular FrozenLake-v1 --net own_nets:bare": "tabular learns on a table and has no network to build",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_cannot_be_built_says_why_in_one_line(gymnast, line):
    said = gymnast(f"train {line} --evals 0 --out run")
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert WRONG[line] in said.err


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match=r"without encoder, policy_trunk, .*, value, which the algorithm asks of it"):
        Training(runs.preset("ppo", "CartPole-v1", net="own_nets:bare"))
