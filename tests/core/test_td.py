"""The regression written out against `agents/dqn.py:loss`, its targets, and autograd."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from gymnast.agents import dqn
from gymnast.core import td
from gymnast.core.nets import ActionValue
from gymnast.core.optim import flatten

OBS = {"box": spaces.Box(-1, 1, (5,), np.float32), "discrete": spaces.Discrete(6)}
ACTION = spaces.Discrete(3)
CONFIGS = {
    "huber": {},
    "squared": {"loss": "squared"},
    "double": {"double": True},
    "no hidden layers": {"hidden": ()},
    "deep": {"hidden": (7, 6, 5)},
}


def drawn(space, size):
    if isinstance(space, spaces.Discrete):
        return torch.randint(0, 6, (size,))
    return torch.randn(size, 5)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("obs", OBS)
def test_targets_loss_and_gradient_are_those_of_the_plain_loss(obs, name):
    cfg = dqn.Config(**{"hidden": (8, 6)} | CONFIGS[name])
    torch.manual_seed(1)
    net, target_net = (ActionValue.of(OBS[obs], ACTION, cfg) for _ in range(2))
    flat = flatten(net.parameters())
    flatten(target_net.parameters())
    mb = {"obs": drawn(OBS[obs], 64), "next_obs": drawn(OBS[obs], 64), "action": torch.randint(0, 3, (64,))} | {
        "reward": 2 * torch.randn(64),  # errors on both sides of Huber's bend
        "discount": torch.where(torch.rand(64) < 0.3, 0.0, 0.9),
        "weights": torch.rand(64),
    }
    mb["target"] = dqn.targets(net, target_net, mb, cfg)
    total, logs = dqn.loss(net, mb, cfg)
    total.backward()
    expected = flat.grad.clone()
    flat.grad.fill_(7.0)  # it is written, not added to
    online, target = td.Regression(net), td.Regression(target_net)
    given = {name: x.numpy() for name, x in mb.items()}
    following = target.values(mb["next_obs"])
    chooser = online.values(mb["next_obs"]) if cfg.double else following
    targets = td.bootstrapped(following, chooser, given["reward"], given["discount"])
    np.testing.assert_allclose(targets, given["target"], rtol=1e-5, atol=1e-6)
    loss, value, error = online(mb["obs"], given["action"], targets, given["weights"], cfg.loss == "squared")
    assert loss == pytest.approx(total.item(), rel=1e-5)
    assert value == pytest.approx(logs["value/q"].item(), rel=1e-4)
    np.testing.assert_allclose(error, logs["error"].detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(flat.grad, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("config", [{"dueling": True}, {"noisy": True}, {"distribution": "quantile"}], ids=str)
def test_it_knows_what_it_does_not_know(config):
    assert td.fits(ActionValue.of(OBS["box"], ACTION, dqn.Config()))
    assert not td.fits(ActionValue.of(OBS["box"], ACTION, dqn.Config(**config)))
    image = spaces.Box(0, 255, (8, 8, 1), np.uint8)
    assert not td.fits(ActionValue.of(image, ACTION, dqn.Config()))
