"""The loss and gradient written out against `agents/ppo.py:loss` and autograd."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from gymnast.agents import a2c, ppo
from gymnast.core.learn.optim import flatten
from gymnast.core.nets import ActorCritic
from gymnast.core.written_out.surrogate import ClippedSurrogate, fits

OBS = spaces.Box(-1, 1, (5,), np.float32)
ACTIONS = {"discrete": spaces.Discrete(3), "box": spaces.Box(-1, 1, (2,), np.float32)}
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
LOGGED = ("loss/policy", "loss/value", "policy/entropy", "policy/kl", "policy/clipped")


def written_out(net, mb, cfg):
    names = ("value_coef", "entropy_coef", "normalize_advantage", "clip", "value_clip")
    return ClippedSurrogate(net)(mb, **{name: getattr(cfg, name) for name in names})


def minibatch(net, size, seed=0):
    """Steps of a policy that has moved on since: ratios on both sides of the clip range, values near and far."""
    torch.manual_seed(seed)
    obs = torch.randn(size, 5)
    with torch.no_grad():
        pi, value = net(obs)
        action = pi.sample()
        logp = pi.log_prob(action) + 0.3 * torch.randn(size)
    old = value + 0.2 * torch.randn(size)
    return {"obs": obs, "action": action, "logp": logp, "value": old} | {
        "adv": torch.randn(size) + 0.5,
        "ret": value + torch.randn(size),
    }


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("action", ACTIONS)
def test_loss_and_gradient_are_those_of_the_plain_loss(action, name):
    cfg = ppo.Config(**{"hidden": (8, 6), "policy_gain": 1.0} | CONFIGS[name])
    torch.manual_seed(1)
    net = ActorCritic(OBS, ACTIONS[action], cfg)
    flat = flatten(net.parameters())
    if cfg.normalize_obs:
        net.encoder.update(3 * torch.randn(50, 5) + 1)
    mb = minibatch(net, 64)
    total, logs = ppo.loss(net, mb, cfg)
    total.backward()
    expected = flat.grad.clone()
    assert 0.1 < logs["policy/clipped"] < 0.9
    flat.grad.fill_(7.0)  # it is written, not added to
    logged = written_out(net, mb, cfg)
    torch.testing.assert_close(logged, torch.stack([logs[key].detach() for key in LOGGED]), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(flat.grad, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_single_step_is_learned_from_too(action):
    cfg = ppo.Config(hidden=(4,))
    net = ActorCritic(OBS, ACTIONS[action], cfg)
    flat = flatten(net.parameters())
    mb = minibatch(net, 1)
    ppo.loss(net, mb, cfg)[0].backward()
    expected = flat.grad.clone()
    written_out(net, mb, cfg)
    torch.testing.assert_close(flat.grad, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("action", ACTIONS)
def test_without_a_clip_it_is_the_gradient_of_a_policy_that_has_not_moved(action):
    cfg = a2c.Config(hidden=(8, 6), policy_gain=1.0, entropy_coef=0.1)
    net = ActorCritic(OBS, ACTIONS[action], cfg)
    flat = flatten(net.parameters())
    mb = minibatch(net, 64)
    mb["logp"] = net(mb["obs"])[0].log_prob(mb["action"]).detach()
    total, _ = a2c.loss(net, mb, cfg)
    total.backward()
    expected = flat.grad.clone()
    ClippedSurrogate(net)(mb, value_coef=0.5, entropy_coef=0.1, normalize_advantage=False)
    torch.testing.assert_close(flat.grad, expected, rtol=1e-4, atol=1e-6)


def test_what_is_not_finite_comes_through():
    cfg = ppo.Config(hidden=(4,))
    net = ActorCritic(OBS, ACTIONS["discrete"], cfg)
    flatten(net.parameters())
    mb = minibatch(net, 8)
    mb["adv"][3] = torch.nan
    assert not torch.isfinite(written_out(net, mb, cfg)).all()


@pytest.mark.parametrize("config", [{"shared": True}, {"sde": True}])
def test_other_networks_are_left_to_autograd(config):
    cfg = ppo.Config()
    assert fits(ActorCritic(OBS, ACTIONS["box"], cfg))
    assert not fits(ActorCritic(OBS, ACTIONS["box"], ppo.Config(**config)))
    assert not fits(ActorCritic(OBS, spaces.MultiDiscrete([2, 3]), cfg))
    assert not fits(ActorCritic(spaces.Box(0, 255, (8, 8, 3), np.uint8), ACTIONS["discrete"], cfg))
    masked = spaces.Dict({"seen": OBS, "action_mask": spaces.MultiBinary(3)})
    assert not fits(ActorCritic(masked, ACTIONS["discrete"], cfg))


def test_an_update_ends_where_autograds_does():
    ends = []
    for written_out in (True, False):
        agent = ppo.Agent(OBS, ACTIONS["discrete"], ppo.Config(hidden=(8,), epochs=3, minibatch=16))
        if not written_out:
            agent._written_out = None
        for k in range(4):
            agent._epoch(minibatch(agent.net, 64, seed=k), agent.cfg, [])
        ends.append(agent.optimizer.flat.detach().clone())
    torch.testing.assert_close(*ends, rtol=1e-4, atol=1e-5)
