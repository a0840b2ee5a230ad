"""Distributions of the return against explicit loops and against the scalar target."""

import numpy as np
import pytest
import torch

from gymnast.core.learn.distributional import cross_entropy, projected, quantile_huber


def explicit(probs, reward, discount, returns):
    """Algorithm 1 of Bellemare et al. 2017, one atom at a time."""
    low, high, step = returns[0], returns[-1], returns[1] - returns[0]
    out = np.zeros_like(probs)
    for b in range(len(probs)):
        for j, z in enumerate(returns):
            place = (min(max(reward[b] + discount[b] * z, low), high) - low) / step
            below = int(np.floor(place))
            above = min(below + 1, len(returns) - 1)
            out[b, below] += probs[b, j] * (1 - (place - below))
            out[b, above] += probs[b, j] * (place - below)
    return out


def drawn(count=64, atoms=11):
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(atoms), count)
    return probs, rng.normal(0, 2, count), rng.choice([0.0, 0.81, 0.9], count), np.linspace(-3, 3, atoms)


def test_the_projection_is_the_explicit_one():
    given = drawn()
    got = projected(*map(torch.as_tensor, given)).numpy()
    np.testing.assert_allclose(got, explicit(*given), atol=1e-12)
    np.testing.assert_allclose(got.sum(-1), 1.0)


def test_the_projection_by_hand():
    returns = torch.tensor([0.0, 1.0, 2.0])
    probs = torch.tensor([[0.5, 0.25, 0.25]])
    # 0.5 + 0.5 * (0, 1, 2) = (0.5, 1, 1.5): half of 0.5 to 0, half to 1; 0.25 to 1; half of 0.25 to 1, half to 2
    got = projected(probs, torch.tensor([0.5]), torch.tensor([0.5]), returns)
    torch.testing.assert_close(got, torch.tensor([[0.25, 0.625, 0.125]]))


def test_a_termination_leaves_the_reward_alone():
    got = projected(torch.tensor([[0.1, 0.2, 0.7]]), torch.tensor([1.0]), torch.tensor([0.0]), torch.arange(3.0))
    torch.testing.assert_close(got, torch.tensor([[0.0, 1.0, 0.0]]))


def test_the_projections_mean_is_the_scalar_target_inside_the_limits():
    probs, _, discount, returns = drawn()
    reward = np.random.default_rng(1).uniform(-0.3, 0.3, len(probs))  # |r + 0.9 * 3| <= 3
    got = projected(*map(torch.as_tensor, (probs, reward, discount, returns))).numpy()
    np.testing.assert_allclose(got @ returns, reward + discount * (probs @ returns), atol=1e-12)


def test_cross_entropy_by_hand():
    logits = torch.tensor([[0.0, np.log(3.0)]])  # probabilities 1/4, 3/4
    got = cross_entropy(logits, torch.tensor([[0.5, 0.5]]))
    assert got.item() == pytest.approx(-0.5 * np.log(0.25) - 0.5 * np.log(0.75))


def test_quantile_loss_by_hand():
    # u = target - quantile: rows (0.5, -2), (1.5, -1); tau = 1/4, 3/4
    got = quantile_huber(torch.tensor([[0.0, -1.0]]), torch.tensor([[0.5, -2.0]]))
    first = (0.25 * 0.125 + 0.75 * 1.5) / 2
    second = (0.75 * 1.0 + 0.25 * 0.5) / 2
    assert got.item() == pytest.approx(first + second)


def test_descent_on_the_quantile_loss_finds_the_quantiles():
    returns = torch.as_tensor(np.random.default_rng(0).permutation(np.linspace(0, 100, 1001)), dtype=torch.float32)
    quantiles = torch.full((1, 4), 50.0, requires_grad=True)
    optimizer = torch.optim.SGD([quantiles], lr=2.0)
    for k in range(4000):
        optimizer.param_groups[0]["lr"] = 50 * (1 - k / 4000)
        loss = quantile_huber(quantiles, returns[None]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    np.testing.assert_allclose(quantiles.detach()[0], [12.5, 37.5, 62.5, 87.5], atol=0.5)


def test_its_gradient_is_that_of_finite_differences():
    torch.manual_seed(0)
    quantiles = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    target = 2 * torch.randn(3, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda q: quantile_huber(q, target), quantiles)
