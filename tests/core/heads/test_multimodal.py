"""Mixtures and autoregressive bins against numerical integration, brute force and what they sample."""

import math

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import distributions as reference

from gymnast.core import heads
from gymnast.core.heads.multimodal import Mixture
from gymnast.core.learn.optim import Adam


def made(kind, space, count=3, **kwargs):
    torch.manual_seed(0)
    return heads.head(6, space, kind=kind, **kwargs)(torch.randn(count, 6))


def box(size, low=-2.0, high=3.0):
    return spaces.Box(low, high, (size,), np.float32)


def repeated(pi, row, count):
    """Row `row` of a batch of distributions, `count` times."""
    return type(pi)(*(x[row : row + 1].expand(count, *x.shape[1:]) if torch.is_tensor(x) else x for x in pi))


def grid(low, high, count, size):
    axis = torch.linspace(low, high, count + 1)[:-1] + (high - low) / count / 2
    return torch.cartesian_prod(*[axis] * size).view(-1, size), ((high - low) / count) ** size


# A cell of the bins of 5 must not cross a bin's border: 200 and 20 are multiples of 5.
@pytest.mark.parametrize(("size", "count"), [(1, 20_000), (2, 400)])
@pytest.mark.parametrize(("kind", "low", "high"), [("mixture", -30.0, 30.0), ("autoregressive", -2.0, 3.0)])
def test_densities_integrate_to_one(kind, low, high, size, count):
    pi = made(kind, box(size), components=3, bins=5)
    points, cell = grid(low, high, count, size)
    for row in range(3):
        total = repeated(pi, row, len(points)).log_prob(points).exp().sum() * cell
        assert total.item() == pytest.approx(1, abs=5e-3)


def test_a_mixtures_log_probability_is_that_of_torch():
    pi = made("mixture", box(2), components=4)
    parts = reference.Independent(reference.Normal(pi.mean, pi.log_std.exp()), 1)
    expected = reference.MixtureSameFamily(reference.Categorical(logits=pi.logp), parts)
    action = pi.sample(torch.Generator().manual_seed(1))
    torch.testing.assert_close(pi.log_prob(action), expected.log_prob(action))


@pytest.mark.parametrize("kind", ["mixture", "autoregressive"])
def test_samples_have_the_moments_of_the_density(kind):
    pi = made(kind, box(1), components=3, bins=5)
    low, high = (-30.0, 30.0) if kind == "mixture" else (-2.0, 3.0)
    points, cell = grid(low, high, 20_000, 1)
    density = repeated(pi, 0, len(points)).log_prob(points).exp() * cell
    sampled = repeated(pi, 0, 40_000).sample(torch.Generator().manual_seed(0))[:, 0]
    for power in (1, 2, 3):
        expected = (points[:, 0] ** power * density).sum().item()
        spread = (sampled**power).std().item() / math.sqrt(len(sampled))
        assert (sampled**power).mean().item() == pytest.approx(expected, abs=5 * spread)


def test_the_entropy_of_a_mixture_is_exact_where_components_coincide_or_are_far_apart():
    one = 0.5 * math.log(2 * math.pi * math.e)
    weights = torch.tensor([[0.25, 0.75]]).log()
    between = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    together = Mixture(weights, torch.zeros(1, 2, 1), torch.zeros(1, 2, 1))
    apart = Mixture(weights, torch.tensor([[[-50.0], [50.0]]]), torch.zeros(1, 2, 1))
    assert together.entropy().item() == pytest.approx(one, abs=1e-5)
    assert apart.entropy().item() == pytest.approx(one + between, abs=1e-5)


def test_the_entropy_of_a_mixture_is_never_above_the_integral():
    pi = made("mixture", box(1), components=3)
    points, cell = grid(-30.0, 30.0, 20_000, 1)
    for row in range(3):
        logp = repeated(pi, row, len(points)).log_prob(points)
        exact = -(logp.exp() * logp).sum().item() * cell
        assert exact - 0.5 < pi.entropy()[row].item() <= exact + 1e-4


def test_the_entropy_of_bins_is_the_integral():
    pi = made("autoregressive", box(1), bins=5)
    points, cell = grid(-2.0, 3.0, 2_000, 1)
    for row in range(3):
        logp = repeated(pi, row, len(points)).log_prob(points)
        assert pi.entropy()[row].item() == pytest.approx(-(logp.exp() * logp).sum().item() * cell, abs=1e-4)


def test_the_greedy_action_is_the_middle_of_the_likeliest_bin_of_each_component_in_turn():
    pi = made("autoregressive", box(2, 0.0, 5.0), count=1, bins=5)
    points, _ = grid(0.0, 5.0, 5, 2)  # the middles of all 25 joint bins
    p = repeated(pi, 0, 25).log_prob(points).exp().view(5, 5)
    first = p.sum(1).argmax()
    expected = [first.item() + 0.5, p[first].argmax().item() + 0.5]
    assert pi.mode().tolist() == [pytest.approx(expected)]


def fitted(kind, action, steps=400):
    """A head fitted to actions (B, D) by maximum likelihood, with nothing to see."""
    torch.manual_seed(0)
    head = heads.head(4, box(action.shape[1], -2.0, 2.0), kind=kind, components=4, bins=21)
    optimizer = Adam(head.parameters())
    features = torch.ones(len(action), 4)
    for _ in range(steps):
        optimizer.step(-head(features).log_prob(action).mean(), 0.02)
    return head(features)


def two_ways(count=512):
    random = torch.Generator().manual_seed(0)
    side = torch.randint(0, 2, (count, 1), generator=random) * 2.0 - 1.0
    return side * torch.ones(1, 2) + 0.05 * torch.randn(count, 2, generator=random)  # both components on one side


@pytest.mark.parametrize("kind", ["mixture", "autoregressive"])
def test_two_ways_are_learned_as_two_and_components_keep_together(kind):
    pi = fitted(kind, two_ways())
    action = pi.sample(torch.Generator().manual_seed(1))
    assert (action.abs() > 0.5).all(1).float().mean() > 0.95
    assert (action[:, 0].sign() == action[:, 1].sign()).float().mean() > 0.95
    assert 0.3 < (action[:, 0] > 0).float().mean() < 0.7
    assert (pi.mode().abs() > 0.5).all()


def test_one_gaussian_averages_the_two_ways():
    assert fitted("plain", two_ways()).mode().abs().max() < 0.2


@pytest.mark.parametrize("kind", ["squashed", "mixture", "autoregressive"])
def test_a_generator_makes_samples_reproducible(kind):
    pi = made(kind, box(2))
    first, second = (pi.sample(torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, second)
    assert pi.log_prob(first).shape == pi.entropy().shape == (3,)
