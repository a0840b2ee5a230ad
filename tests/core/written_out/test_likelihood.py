"""The likelihood and its gradient written out against `agents/bc.py:loss` and autograd."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from gymnast.agents import bc
from gymnast.core.learn.optim import flatten
from gymnast.core.nets import Policy
from gymnast.core.written_out.likelihood import Likelihood, fits

OBS = spaces.Box(-1, 1, (5,), np.float32)
ACTIONS = {
    "discrete": (spaces.Discrete(3), lambda n: torch.randint(0, 3, (n,))),
    "box": (spaces.Box(-1, 1, (2, 2), np.float32), lambda n: torch.randn(n, 2, 2)),
}
CONFIGS = {
    "plain": {},
    "entropy": {"entropy_coef": 0.3},
    "relu": {"activation": "relu"},
    "no hidden layers": {"hidden": ()},
    "standardised": {"normalize_obs": True},
}


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("kind", ACTIONS)
def test_loss_and_gradient_are_those_of_the_plain_loss(kind, name):
    cfg = bc.Config(**{"hidden": (8, 6), "normalize_obs": False} | CONFIGS[name])
    space, draw = ACTIONS[kind]
    torch.manual_seed(1)
    net = Policy(OBS, space, cfg)
    flat = flatten(net.parameters())
    net.encoder.update(3 * torch.randn(50, 5) + 1)
    if kind == "box":
        net.policy_head.log_std.data.copy_(0.5 * torch.randn(4))
    mb = {"obs": torch.randn(64, 5), "action": draw(64), "weight": 2 * torch.rand(64)}
    total, logs = bc.loss(net, mb, cfg)
    total.backward()
    expected = flat.grad.clone()
    flat.grad.fill_(7.0)  # it is written, not added to
    assert Likelihood(net)(mb, cfg.entropy_coef) == pytest.approx(logs["loss/imitation"].item(), rel=1e-5)
    torch.testing.assert_close(flat.grad, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("cfg", [{}, {"l2": 0.1, "balance": True}, {"noise": 0.2}])
def test_learning_is_the_same_with_and_without_it(cfg):
    random = np.random.default_rng(0)
    data = {"obs": torch.tensor(random.normal(size=(300, 5)), dtype=torch.float32)}
    data["action"] = (data["obs"][:, 0] > 0.8).long()
    apart = np.zeros(300, np.bool_)
    losses = []
    for written_out in (True, False):
        agent = bc.Agent(OBS, spaces.Discrete(3), bc.Config(hidden=(16,), **cfg))
        assert agent._written_out
        if not written_out:
            agent._written_out = None
        losses.append([agent.learn(data, apart, k / 5)["loss/imitation"] for k in range(5)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert losses[0][-1] < losses[0][0]


@pytest.mark.parametrize(
    ("obs", "action", "cfg"),
    [
        (OBS, spaces.MultiDiscrete([2, 3]), {}),
        (OBS, spaces.Box(-1, 1, (2,), np.float32), {"head": "mixture"}),
        (spaces.Box(0, 255, (36, 36, 1), np.uint8), spaces.Discrete(2), {}),
        (spaces.Dict(x=OBS, action_mask=spaces.MultiBinary(3)), spaces.Discrete(3), {}),
    ],
)
def test_other_networks_are_left_to_autograd(obs, action, cfg):
    assert not fits(Policy(obs, action, bc.Config(**cfg)))
