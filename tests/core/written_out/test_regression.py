"""The regression written out against `agents/dqn.py:loss`, its targets, and autograd."""

import numpy as np
import pytest
import torch
import twins
from gymnasium import spaces
from twins import ACTIONS, OBS, OBSERVED

from gymnast.agents import dqn
from gymnast.core.written_out.perceptron import add_product

CONFIGS = {
    "huber": {},
    "squared": {"loss": "squared"},
    "double": {"double": True},
    "no hidden layers": {"hidden": ()},
    "deep": {"hidden": (7, 6, 5)},
}


@pytest.mark.parametrize("jitted", [True, False], ids=["jitted", "products"])
@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("obs", OBSERVED)
def test_gradient_steps_are_those_of_the_plain_loss(obs, name, jitted, monkeypatch):
    twins.regression_is_dqns_steps(monkeypatch, obs, jitted, **CONFIGS[name])


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
    agent = dqn.Agent(OBS, ACTIONS["discrete"], dqn.Config(hidden=(8,)))
    assert agent.paths["gradient"] == "written out"
    given = twins.drawn(OBS, 1, 4)
    given["reward"][0, 0] = np.nan
    logged, _ = agent._fit(given, 0.01)
    assert torch.isnan(logged[0, 0])
    assert torch.isnan(logged[0, 2])


@pytest.mark.parametrize("config", [{"dueling": True}, {"noisy": True}, {"distribution": "quantile"}], ids=str)
def test_it_knows_what_it_does_not_know(config):
    assert path(OBS) == "written out"
    assert path(OBS, **config) == "autograd"
    assert path(spaces.Box(0, 255, (8, 8, 1), np.uint8), capacity=100) == "autograd"


def path(obs, **config):
    return dqn.Agent(obs, ACTIONS["discrete"], dqn.Config(**config)).paths["gradient"]
