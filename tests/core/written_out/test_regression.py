"""The regression written out against `agents/dqn.py:loss`, its targets, and autograd."""

import numpy as np
import pytest
import torch
import twins
from gymnasium import spaces
from twins import ACTIONS, OBS, OBSERVED

from gymnast.agents import dqn

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
