"""The losses and gradients written out against `loss` of `agents/ppo.py` and `agents/a2c.py`, and autograd."""

import numpy as np
import pytest
import torch
import twins
from gymnasium import spaces
from twins import ACTIONS, OBS, minibatch

from gymnast.agents import ppo
from gymnast.core.learn.optim import Adam
from gymnast.core.nets import ActorCritic
from gymnast.core.written_out.epochs import Terms
from gymnast.core.written_out.surrogate import Surrogate, layers

CONFIGS = {
    "plain": {},
    "entropy": {"entropy_coef": 0.3},
    "value clip": {"value_clip": 0.1},
    "advantages as they are": {"normalize_advantage": False, "value_coef": 2.0},
    "relu": {"activation": "relu"},
    "no hidden layers": {"hidden": ()},
    "deep": {"hidden": (7, 6, 5)},
    "standardised": {"normalize_obs": True},
}
POLICY_GRADIENTS = {
    "plain": {},
    "entropy": {"entropy_coef": 0.1},
    "advantages standardised": {"normalize_advantage": True, "value_coef": 2.0},
    "relu": {"activation": "relu"},
    "observations standardised": {"normalize_obs": True},
}


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("action", ACTIONS)
def test_loss_and_gradient_are_those_of_ppos_loss(action, name):
    twins.clipped_surrogate_is_ppos_loss(action, **CONFIGS[name])


@pytest.mark.parametrize("action", ACTIONS)
def test_a_single_step_is_learned_from_too(action):
    twins.clipped_surrogate_is_ppos_loss(action, size=1)
    twins.policy_gradient_is_a2cs_loss(action, size=1, normalize_advantage=True)


@pytest.mark.parametrize("name", POLICY_GRADIENTS)
@pytest.mark.parametrize("action", ACTIONS)
def test_loss_and_gradient_are_those_of_a2cs_loss(action, name):
    twins.policy_gradient_is_a2cs_loss(action, **POLICY_GRADIENTS[name])


@pytest.mark.parametrize("action", ACTIONS)
def test_a2cs_loss_does_not_ask_who_acted(action):
    twins.policy_gradient_is_a2cs_loss(action, moved=True)


def test_what_is_not_finite_comes_through():
    cfg = ppo.Config(hidden=(4,))
    net = ActorCritic(OBS, ACTIONS["discrete"], cfg)
    twin = Surrogate.of(net, Adam(net.parameters()))
    mb = minibatch(net, 8)
    mb["adv"][3] = torch.nan
    assert not torch.isfinite(twin.differentiate(mb, Terms(0.5, 0.0, True, True, 0.2))).all()


def known(net):
    return layers(net, Adam(net.parameters())) is not None


@pytest.mark.parametrize("config", [{"shared": True}, {"sde": True}])
def test_other_networks_are_left_to_autograd(config):
    assert known(ActorCritic(OBS, ACTIONS["box"], ppo.Config()))
    assert not known(ActorCritic(OBS, ACTIONS["box"], ppo.Config(**config)))
    assert not known(ActorCritic(OBS, spaces.MultiDiscrete([2, 3]), ppo.Config()))
    assert not known(ActorCritic(spaces.Box(0, 255, (8, 8, 3), np.uint8), ACTIONS["discrete"], ppo.Config()))
    masked = spaces.Dict({"seen": OBS, "action_mask": spaces.MultiBinary(3)})
    assert not known(ActorCritic(masked, ACTIONS["discrete"], ppo.Config()))


CHOICES = (("auto", "written out"), ("none", "autograd"))
UPDATES = {
    "plain": {},
    "one minibatch": {"minibatch": 1000},
    "odd minibatches": {"minibatch": 60},
    "all that a loss has": {"value_clip": 0.1, "entropy_coef": 0.1, "normalize_obs": True, "activation": "relu"},
    "weight": {"normalize_advantage": False, "max_grad_norm": 0.01, "hidden": (7, 6, 5)},
}


def updated(choice, path, action, reduce=None, **config):
    """An agent after three epochs on each of four rollouts of 64 steps, and what it logged."""
    config = {"hidden": (8,), "epochs": 3, "minibatch": 16} | config
    agent = ppo.Agent(OBS, ACTIONS[action], ppo.Config(**config, twins=choice))
    agent.net.encoder.update(3 * torch.randn(50, 5, generator=torch.Generator().manual_seed(1)) + 1)
    assert agent.paths["gradient"] == path
    if reduce:
        agent.optimizer.reduce = reduce
    logs = []
    together = 1 if agent.cfg.target_kl else 3
    for k in range(4):
        data = minibatch(agent.net, 64, seed=k)
        for _ in range(0, 3, together):
            if not agent._learn(data, agent.cfg, together, logs):
                break
    return agent, torch.cat(logs)


def same(one, other):
    """Whether agents ended alike: weights, moments, and the generator that shuffled."""
    (agent, logs), (plain, expected) = one, other
    torch.testing.assert_close(logs, expected, rtol=1e-3, atol=1e-5)
    for name, moment in agent.optimizer.state().items():
        torch.testing.assert_close(moment, plain.optimizer.state()[name], rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(agent.optimizer.flat.data, plain.optimizer.flat.data, rtol=1e-4, atol=1e-5)
    assert torch.equal(agent.actor.generator.get_state(), plain.actor.generator.get_state())


@pytest.mark.parametrize("name", UPDATES)
@pytest.mark.parametrize("action", ACTIONS)
def test_an_update_ends_where_autograds_does(action, name):
    same(*(updated(*choice, action, **UPDATES[name]) for choice in CHOICES))


def halved(gradient):
    gradient.mul_(0.5)


def test_gradients_that_have_a_way_to_go_are_reduced_one_by_one():
    same(*(updated(*choice, "box", halved) for choice in CHOICES))


@pytest.mark.parametrize("reduce", [None, halved])
def test_the_minibatch_in_which_the_policy_has_moved_too_far_is_the_same(reduce):
    ends = [updated(*choice, "discrete", reduce, lr=0.02, target_kl=0.05) for choice in CHOICES]
    same(*ends)
    assert 4 < len(ends[0][1]) < 4 * 3 * 4


def test_a_pass_that_ends_before_its_first_step_logs_nothing():
    ends = [updated(*choice, "discrete", halved, minibatch=64, lr=0.2, target_kl=0.1) for choice in CHOICES]
    same(*ends)
    assert len(ends[0][1]) < 4 * 3


def test_minibatches_of_ones_own_are_those_that_are_learned_from():
    agent = ppo.Agent(OBS, ACTIONS["discrete"], ppo.Config(hidden=(8,), twins="auto"))
    assert agent.paths["gradient"] == "written out"
    taken = agent.actor.minibatches
    agent.actor.minibatches = lambda data, size: taken(data, size)
    assert agent.paths["gradient"] == "autograd"


def test_a_minibatch_of_many_blocks_is_learned_from_too():
    twins.clipped_surrogate_is_ppos_loss("box", size=1000)
    twins.clipped_surrogate_is_ppos_loss("discrete", size=513, value_clip=0.1)
