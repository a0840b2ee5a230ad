"""What is read is what runs: a twin steps aside as soon as anything that it mirrors is another."""

import numpy as np
import pytest
import torch
import twins
from gymnasium import spaces
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

import gymnast
from gymnast.agents import a2c, bc, dagger, dqn, ppo, reinforce, trpo
from gymnast.core.games import inference
from gymnast.core.games.net import PolicyValueNet
from gymnast.core.heads.distributions import Categorical
from gymnast.core.learn import optim
from gymnast.core.learn.actor import Actor
from gymnast.core.nets import ActionValue, ActorCritic, BoardConfig, Policy
from gymnast.core.nets.encoder import Encoder
from gymnast.core.nets.mlp import ACTIVATIONS, Mlp
from gymnast.core.rollout import fused

CONFIG = {
    "ppo": {"horizon": 16, "minibatch": 16, "epochs": 2},
    "a2c": {},
    "trpo": {"horizon": 16},
    "reinforce": {},
    "dqn": {"learning_starts": 16, "minibatch": 16, "replay_ratio": 0.5, "capacity": 200},
    "bc": {"minibatch": 16},
    "dagger": {"minibatch": 16},
}
MODULES = {"ppo": ppo, "a2c": a2c, "trpo": trpo, "reinforce": reinforce, "dqn": dqn, "bc": bc, "dagger": bc}
WRITTEN_OUT = ["ppo", "a2c", "dqn", "bc", "dagger"]
JITTED = ["ppo", "a2c", "trpo", "reinforce", "dqn"]


class Cloning:
    """A cloner and recorded steps, for it learns from no environment."""

    def __init__(self, algo, config):
        module = {"bc": bc, "dagger": dagger}[algo]
        self.agent = module.Agent(twins.OBS, spaces.Discrete(3), module.Config(**config))
        random = np.random.default_rng(0)
        obs = torch.as_tensor(random.standard_normal((64, 5), dtype=np.float32))
        self.data = {"obs": obs, "action": (obs[:, 0] > 0).long()}

    def learn(self, steps):
        learner = self.agent if isinstance(self.agent, bc.Agent) else self.agent.learners[0]
        learner.learn(self.data, np.zeros(64, np.bool_), 0.0)


def made(algo, **config):
    """A learner with one hidden layer; not yet started, where it learns from an environment."""
    config = {"hidden": (8,), "activation": "tanh"} | CONFIG[algo] | config
    if algo in ("bc", "dagger"):
        return Cloning(algo, config)
    if algo == "dqn":
        config = {**config, "activation": config["activation"].replace("tanh", "relu")}
    faces = {"ppo": gymnast.PPO, "a2c": gymnast.A2C, "trpo": gymnast.TRPO, "reinforce": gymnast.REINFORCE}
    face = (faces | {"dqn": gymnast.DQN})[algo]
    return face("CartPole-v1", preset="none", num_envs=2, evals=0, agent=config)


def begun(algo, **config):
    """A learner that has learned from a few steps."""
    learner = made(algo, **config)
    learner.learn(64)
    return learner


def weights(learner):
    return torch.cat([p.detach().flatten().clone() for p in learner.agent.net.parameters()])


class AskedError(Exception):
    """By whom a readable function was replaced."""


def asked(*_, **__):
    raise AskedError


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("algo", "name"),
    [
        *((algo, "loss") for algo in CONFIG),
        *(("ppo", "_scaled"), ("a2c", "_total"), ("dqn", "targets")),
    ],
)
def test_a_function_of_the_agents_file_that_is_replaced_is_asked(algo, name, when, monkeypatch):
    learner = made(algo, normalize_advantage=True) if algo in ("ppo", "a2c") else made(algo)
    if when == "after":
        learner.learn(64)
    monkeypatch.setattr(MODULES[algo], name, asked)
    with pytest.raises(AskedError):
        learner.learn(64)


@pytest.mark.parametrize(
    ("algo", "owner", "name"),
    [
        *(("ppo", *method) for method in ((Categorical, "log_prob"), (Categorical, "entropy"), (optim, "_backward"))),
        *(("ppo", *method) for method in ((Actor, "minibatches"), (ppo.Agent, "_epoch"), (optim.Adam, "descend"))),
        *(("a2c", *method) for method in ((Categorical, "entropy"), (ActorCritic, "_pi"), (optim.RMSprop, "step"))),
        *(("dqn", *method) for method in ((ActionValue, "values"), (ActionValue, "greedy"), (optim.Adam, "descend"))),
        *(("dqn", *method) for method in ((optim, "_adam"), (Encoder, "forward"), (Mlp, "forward"))),
        *((algo, *method) for algo in ("bc", "dagger") for method in ((Policy, "forward"), (optim.Adam, "step"))),
        *((algo, ActorCritic, "forward") for algo in ("ppo", "a2c", "trpo", "reinforce")),
        *((algo, Categorical, "sample") for algo in ("ppo", "a2c", "trpo", "reinforce")),
    ],
)
def test_a_method_that_is_replaced_is_asked(algo, owner, name, monkeypatch):
    learner = begun(algo)
    monkeypatch.setattr(owner, name, asked)
    with pytest.raises(AskedError):
        learner.learn(64)


def test_an_agent_that_passes_over_rollouts_in_a_way_of_its_own_is_not_written_out():
    class Own(ppo.Agent):
        def _epoch(self, *_):
            raise AskedError

    assert Own(twins.OBS, spaces.Discrete(3), ppo.Config()).paths == {"gradient": "autograd"}


@pytest.mark.parametrize("change", ["gelu", "layer norm"])
@pytest.mark.parametrize("algo", CONFIG)
def test_layers_that_no_twin_knows_are_trained_as_what_they_are(algo, change, monkeypatch):
    layers = {"gelu": nn.GELU, "layer norm": lambda: nn.Sequential(nn.LayerNorm(8), nn.ReLU())}
    for name in ("tanh", "relu"):
        monkeypatch.setitem(ACTIVATIONS, name, layers[change])
    by_choice, readable = (made(algo, twins=choice) for choice in ("auto", "none"))
    before = weights(by_choice)
    for learner in (by_choice, readable):
        learner.learn(128)
        assert learner.agent.paths["gradient"] == "autograd"
    torch.testing.assert_close(weights(by_choice), weights(readable), rtol=1e-5, atol=1e-6)
    assert not torch.equal(before, weights(by_choice))
    norms = [module for module in by_choice.agent.net.modules() if isinstance(module, nn.LayerNorm)]
    assert len(norms) == (0 if change == "gelu" else len(norms))
    for norm in norms:
        assert not torch.equal(norm.weight.detach(), torch.ones(8))


class MyActorCritic(ActorCritic):
    def forward(self, obs):
        raise AskedError


class MyPolicy(Policy):
    def forward(self, obs):
        raise AskedError


class MyActionValue(ActionValue):
    def forward(self, obs):
        raise AskedError


@pytest.mark.parametrize("algo", CONFIG)
def test_a_subclass_of_the_network_is_asked(algo):
    learner = begun(algo)
    net = learner.agent.net
    net.__class__ = {ActorCritic: MyActorCritic, Policy: MyPolicy, ActionValue: MyActionValue}[type(net)]
    with pytest.raises(AskedError):
        learner.learn(64)


@pytest.mark.parametrize("algo", CONFIG)
def test_a_hook_on_a_layer_is_called(algo):
    learner = begun(algo)
    net = learner.agent.net
    calls = []
    trunk = net.trunk if algo == "dqn" else net.policy_trunk
    trunk[0].register_forward_hook(lambda *_: calls.append(1))
    learner.learn(64)
    assert len(calls) >= 4
    assert learner.agent.paths["gradient"] == "autograd"


@pytest.mark.parametrize("register", ["register_hook", "register_post_accumulate_grad_hook"])
@pytest.mark.parametrize("algo", WRITTEN_OUT)
def test_a_hook_on_a_weights_gradient_is_called_until_it_is_removed(algo, register):
    learner = begun(algo)
    weight = next(learner.agent.net.parameters())
    calls = []
    hook = getattr(weight, register)(lambda gradient: calls.append(1))
    assert learner.agent.paths["gradient"] == "autograd"
    learner.learn(64)
    assert calls
    hook.remove()
    assert learner.agent.paths["gradient"] == "written out"


def test_a_hook_on_all_modules_is_called():
    learner, calls = begun("ppo"), []
    hook = register_module_forward_hook(lambda *_: calls.append(1))
    try:
        assert learner.agent.paths["gradient"] == "autograd"
        learner.learn(64)
    finally:
        hook.remove()
    assert calls
    assert learner.agent.paths["gradient"] == "written out"


@pytest.mark.parametrize("algo", WRITTEN_OUT)
def test_a_layer_that_is_exchanged_or_frozen_is_no_longer_written_out(algo):
    learner = made(algo)
    assert learner.agent.paths["gradient"] == "written out"
    net = learner.agent.net
    trunk = net.trunk if algo == "dqn" else net.policy_trunk
    trunk[0].requires_grad_(False)
    assert learner.agent.paths["gradient"] == "autograd"
    trunk[0].requires_grad_(True)
    assert learner.agent.paths["gradient"] == "written out"
    trunk[0] = type(trunk[0])(trunk[0].in_features, 8)
    assert learner.agent.paths["gradient"] == "autograd"


@pytest.mark.parametrize("algo", ["ppo", "a2c", "dqn", "bc"])
def test_an_optimiser_of_ones_own_is_asked(algo):
    learner = begun(algo)
    kind = type(learner.agent.optimizer)
    learner.agent.optimizer.__class__ = type("Mine", (kind,), {"step": asked})
    with pytest.raises(AskedError):
        learner.learn(64)


def patch_torch(learner, monkeypatch):
    forward = nn.Linear.forward
    monkeypatch.setattr(nn.Linear, "forward", lambda self, x: forward(self, x))


def step_in_another_way(learner, monkeypatch):
    learner.agent.optimizer.step = asked


@pytest.mark.parametrize("change", [patch_torch, step_in_another_way])
@pytest.mark.parametrize("algo", ["ppo", "a2c", "dqn", "bc"])
def test_a_layer_of_torchs_or_a_step_that_is_replaced_puts_the_twins_aside(algo, change, monkeypatch):
    learner = made(algo)
    assert learner.agent.paths["gradient"] == "written out"
    change(learner, monkeypatch)
    assert learner.agent.paths["gradient"] == "autograd"
    if algo != "bc" and change is patch_torch:
        assert learner._training.acting.twin is None


@pytest.mark.parametrize("algo", CONFIG)
def test_without_twins_the_code_runs_as_it_reads(algo, monkeypatch):
    for owner, name in ((fused.FusedActor, "__call__"), (fused.FusedLoop, "fill")):
        monkeypatch.setattr(owner, name, asked)
    learner = made(algo, twins="none")
    learner.learn(64)
    assert learner.agent.paths["gradient"] == "autograd"


@pytest.mark.parametrize("algo", JITTED)
def test_with_twins_a_jitted_loop_acts(algo, monkeypatch):
    monkeypatch.setattr(fused.FusedLoop, "fill", asked)
    monkeypatch.setattr(fused.FusedActor, "__call__", asked)
    learner = made(algo)
    assert learner.agent.paths["gradient"] == ("written out" if algo in WRITTEN_OUT else "autograd")
    with pytest.raises(AskedError):
        learner.learn(64)


class MyPolicyValueNet(PolicyValueNet):
    def forward(self, planes):
        logits, value = super().forward(planes)
        return 2 * logits, value


@pytest.mark.parametrize("kind", [PolicyValueNet, MyPolicyValueNet])
@pytest.mark.parametrize("choice", ["auto", "none"])
def test_a_search_is_told_what_the_network_says(kind, choice):
    net = kind((2, 3, 3), 9, BoardConfig(hidden=(16,)))
    planes = torch.rand(4, 2, 3, 3)
    answer = inference.inference(net, twins=choice)
    assert isinstance(answer, inference._Perceptron) == (kind is PolicyValueNet and choice == "auto")
    for one, other in zip(answer(planes.numpy()), net(planes), strict=True):
        np.testing.assert_allclose(one, other.detach(), rtol=1e-4, atol=1e-5)
