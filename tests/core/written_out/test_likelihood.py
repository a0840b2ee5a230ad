"""The likelihood and its gradient written out against `agents/bc.py:loss` and autograd."""

import numpy as np
import pytest
import torch
import twins
from gymnasium import spaces
from twins import ACTIONS, OBS

from gymnast.agents import bc
from gymnast.core.learn.optim import Adam
from gymnast.core.nets import Policy
from gymnast.core.written_out.likelihood import Likelihood

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
    twins.likelihood_is_bcs_loss(kind, **CONFIGS[name])


@pytest.mark.parametrize("cfg", [{}, {"l2": 0.1, "balance": True}, {"noise": 0.2}])
def test_learning_is_the_same_with_and_without_it(cfg):
    random = np.random.default_rng(0)
    data = {"obs": torch.tensor(random.normal(size=(300, 5)), dtype=torch.float32)}
    data["action"] = (data["obs"][:, 0] > 0.8).long()
    apart = np.zeros(300, np.bool_)
    losses = []
    for choice, path in (("auto", "written out"), ("none", "autograd")):
        agent = bc.Agent(OBS, spaces.Discrete(3), bc.Config(hidden=(16,), twins=choice, **cfg))
        assert agent.paths["gradient"] == path
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
    net = Policy(obs, action, bc.Config(**cfg))
    assert Likelihood.of(net, Adam(net.parameters())) is None
