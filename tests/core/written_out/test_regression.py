"""The regression written out against `agents/dqn.py:loss`, its targets, and autograd."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from gymnast.agents import dqn
from gymnast.core.nets import ActionValue
from gymnast.core.written_out import regression as td
from gymnast.core.written_out.perceptron import add_product

OBS = {"box": spaces.Box(-1, 1, (5,), np.float32), "discrete": spaces.Discrete(6)}
ACTION = spaces.Discrete(3)
CONFIGS = {
    "huber": {},
    "squared": {"loss": "squared"},
    "double": {"double": True},
    "no hidden layers": {"hidden": ()},
    "deep": {"hidden": (7, 6, 5)},
}


def drawn(space, k, size):
    """As a replay draws it: k minibatches, with errors on both sides of Huber's bend."""
    random = np.random.default_rng(1)

    def observations():
        if isinstance(space, spaces.Discrete):
            return random.integers(0, 6, (k, size))
        return random.standard_normal((k, size, 5), dtype=np.float32)

    return {"obs": observations(), "next_obs": observations(), "action": random.integers(0, 3, (k, size))} | {
        "reward": 2 * random.standard_normal((k, size), dtype=np.float32),
        "discount": np.where(random.random((k, size)) < 0.3, 0.0, 0.9).astype(np.float32),
        "weights": random.random((k, size), dtype=np.float32),
    }


@pytest.mark.parametrize("jitted", [True, False], ids=["jitted", "products"])
@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("obs", OBS)
def test_gradient_steps_are_those_of_the_plain_loss(obs, name, jitted, monkeypatch):
    cfg = dqn.Config(**{"hidden": (8, 6), "max_grad_norm": 0.5} | CONFIGS[name])
    written_out, plain = (dqn.Agent(OBS[obs], ACTION, cfg, seed=1) for _ in range(2))
    for agent in (written_out, plain):  # or it would be the network itself
        agent._target.mul_(0.5)
    given = drawn(OBS[obs], 3, 33)
    monkeypatch.setattr(td, "_SMALL", 1_000_000 if jitted else 0)
    logged, errors = written_out._written_out.fit(given, 0.01, cfg.double, cfg.loss == "squared")
    expected, expected_errors = plain._fit(given, 0.01)
    np.testing.assert_allclose(errors, expected_errors, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(logged, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(written_out.optimizer.flat.grad, plain.optimizer.flat.grad, rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(written_out.optimizer.flat.data, plain.optimizer.flat.data, rtol=1e-3, atol=1e-5)
    for one, other in zip(*(agent.optimizer.state().values() for agent in (written_out, plain)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("n", "m", "p"), [(1, 1, 1), (2, 4, 3), (3, 9, 5), (4, 7, 1), (33, 64, 17)])
def test_products_of_any_shape_are_added(n, m, p):
    random = np.random.default_rng(0)
    a, b, c = (random.standard_normal(shape, dtype=np.float32) for shape in ((n, m), (m, p + 2), (n, p + 1)))
    for left, down, along in ((a, m, 1), (np.ascontiguousarray(a.T), 1, n)):
        added = c.copy()
        add_product(left.ravel(), down, along, b.ravel(), p + 2, added.reshape(-1), p + 1, n, m, p)
        np.testing.assert_allclose(added[:, :p], c[:, :p] + a @ b[:, :p], rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(added[:, p:], c[:, p:])


def test_a_loss_that_is_not_a_number_comes_through():
    agent = dqn.Agent(OBS["box"], ACTION, dqn.Config(hidden=(8,)))
    given = drawn(OBS["box"], 1, 4)
    given["reward"][0, 0] = np.nan
    logged, _ = agent._written_out.fit(given, 0.01, False, False)
    assert torch.isnan(logged[0, 0])
    assert torch.isnan(logged[0, 2])


@pytest.mark.parametrize("config", [{"dueling": True}, {"noisy": True}, {"distribution": "quantile"}], ids=str)
def test_it_knows_what_it_does_not_know(config):
    assert td.fits(ActionValue(OBS["box"], ACTION, dqn.Config()))
    assert not td.fits(ActionValue(OBS["box"], ACTION, dqn.Config(**config)))
    image = spaces.Box(0, 255, (8, 8, 1), np.uint8)
    assert not td.fits(ActionValue(image, ACTION, dqn.Config()))
