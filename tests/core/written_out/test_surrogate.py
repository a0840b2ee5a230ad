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
from gymnast.core.written_out.surrogate import ClippedSurrogate, layers

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
    twin = ClippedSurrogate.of(net, Adam(net.parameters()))
    mb = minibatch(net, 8)
    mb["adv"][3] = torch.nan
    coefficients = {"value_coef": 0.5, "entropy_coef": 0.0, "normalize_advantage": True}
    assert not torch.isfinite(twin(mb, **coefficients, clip=0.2, value_clip=None)).all()


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


def test_an_update_ends_where_autograds_does():
    ends = []
    for choice, path in (("auto", "written out"), ("none", "autograd")):
        agent = ppo.Agent(OBS, ACTIONS["discrete"], ppo.Config(hidden=(8,), epochs=3, minibatch=16, twins=choice))
        assert agent.paths["gradient"] == path
        for k in range(4):
            agent._epoch(minibatch(agent.net, 64, seed=k), agent.cfg, agent._twin(), [])
        ends.append(agent.optimizer.flat.detach().clone())
    torch.testing.assert_close(*ends, rtol=1e-4, atol=1e-5)
