"""The noise of the policy gradient: against gradients whose covariance is known."""

import numpy as np
import pytest
import torch
from torch import nn

from gymnast import A2C, PPO, REINFORCE, TRPO
from gymnast.core.learn.noise_scale import LOOKS, GradientNoise
from probes import Match

CPU = torch.device("cpu")


def weights(size):
    module = nn.Module()
    module.theta = nn.Parameter(torch.zeros(size))
    module.unused = nn.Parameter(torch.zeros(3))
    return module


def test_variance_and_noise_scale_are_those_of_the_samples():
    # A sample's gradient is N(mu, 4 I) in 10 dimensions: tr(Sigma) = 40, |G|^2 = 10 x 0.25, noise scale 16.
    rng = torch.Generator().manual_seed(0)
    module, seen = weights(10), []
    noise = GradientNoise(module)
    for _ in range(300):
        samples = 0.5 + 2 * torch.randn(400, 10, generator=rng)
        seen.append(noise.look(lambda index, samples=samples: (samples[index] @ module.theta).mean(), 400, CPU))
    variance = np.mean([row["gradient/variance"] for row in seen])
    assert variance == pytest.approx(4 / 400, rel=0.1)  # of each parameter, of the mean of 400
    scale = np.mean([row["gradient/noise_scale"] for row in seen])
    assert scale == pytest.approx(16, rel=0.1)


def test_a_gradient_that_is_all_noise_has_no_noise_scale_but_a_variance():
    module = weights(2)
    samples = torch.tensor([[1.0, 0.0], [-1.0, 0.0]] * 50)
    found = GradientNoise(module).look(lambda index: (samples[index] @ module.theta).mean(), 100, CPU)
    assert found.keys() <= {"gradient/variance", "gradient/noise_scale"}
    assert found["gradient/variance"] > 0


def test_equal_samples_have_no_variance():
    module = weights(2)
    found = GradientNoise(module).look(lambda index: module.theta.sum(), 10, CPU)
    assert found["gradient/variance"] == 0
    assert found["gradient/noise_scale"] == 0


def test_a_single_sample_says_nothing():
    module = weights(2)
    assert GradientNoise(module).look(lambda index: module.theta.sum(), 1, CPU) == {}


def test_it_looks_at_even_distances_however_many_updates_there_are():
    noise = GradientNoise(weights(1))
    due = [noise.due(k / 10_000) for k in range(10_000)]
    assert sum(due) == LOOKS
    assert np.abs(np.diff(np.flatnonzero(due)) - 10_000 // LOOKS).max() <= 1  # progress is rounded
    noise = GradientNoise(weights(1))
    assert [k for k in range(40) if noise.due(k / 40)] == [9, 19, 29, 39]  # never at more than every tenth


def test_it_goes_on_from_its_state():
    module = weights(4)
    one, two = GradientNoise(module), GradientNoise(module)
    samples = torch.randn(64, 4, generator=torch.Generator().manual_seed(0)) + 1

    def loss(index):
        return (samples[index] @ module.theta).mean()

    assert [one.due(0.3) for _ in range(15)].count(True) == 1
    one.look(loss, 64, CPU)
    two.load_state(one.state())
    for noise in (one, two):
        assert [noise.due(0.5) for _ in range(5)] == [False] * 4 + [True]
    assert two.look(loss, 64, CPU) == one.look(loss, 64, CPU)


@pytest.mark.parametrize("algo", [A2C, PPO, REINFORCE, TRPO])
def test_every_policy_gradient_agent_reports_its_noise_and_its_step(algo, tmp_path):
    few = {} if algo is REINFORCE else {"horizon": 16}
    made = algo(Match, preset="none", backend="loop", evals=0, agent={"hidden": (16,), **few})
    made.learn(1)
    env = made.agent
    seen: dict[str, float] = {}
    update = env.update

    def watched(batch, progress):
        row = update(batch, progress)
        seen.update(row)
        return row

    env.update = watched
    made.learn(4_096)  # 32 updates or more, of which it looks at every tenth
    wanted = {"gradient/variance", "gradient/noise_scale", "policy/kl", "policy/effective_samples", "policy/entropy"}
    assert wanted <= seen.keys()
    assert 0 < seen["policy/effective_samples"] <= 1
    assert seen["policy/kl"] >= 0
    assert seen["gradient/variance"] > 0
