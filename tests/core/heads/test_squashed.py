"""Squashed Gaussians against torch.distributions and numerical integration."""

import math

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import distributions as reference

from gymnast.core import heads
from gymnast.core.errors import UsageError
from gymnast.core.heads.squashed import Squashed, SquashedNoiseHead

LOW, HIGH = np.array([-2.0, 0.0], np.float32), np.array([2.0, 5.0], np.float32)
BOX = spaces.Box(LOW, HIGH)


def made(count=4, space=BOX):
    torch.manual_seed(0)
    head = heads.head(6, space, kind="squashed")
    return head(torch.randn(count, 6))


def test_log_probability_is_that_of_torchs_transformed_gaussian():
    pi = made()
    transforms = [reference.TanhTransform(), reference.AffineTransform(pi.shift, pi.scale)]
    expected = reference.TransformedDistribution(reference.Normal(pi.mean, pi.log_std.exp()), transforms)
    action = pi.sample(torch.Generator().manual_seed(1))
    torch.testing.assert_close(pi.log_prob(action), expected.log_prob(action).sum(-1), rtol=1e-3, atol=1e-3)


def test_the_density_integrates_to_one_and_its_entropy_is_the_integral():
    space = spaces.Box(-2.0, 2.0, (1,))
    pi = made(3, space)
    grid = torch.linspace(-2 + 1e-5, 2 - 1e-5, 200_001).view(-1, 1)
    for row in range(3):
        one = Squashed(pi.mean[row : row + 1], pi.log_std[row : row + 1], pi.shift, pi.scale)
        logp = Squashed(one.mean.expand(len(grid), -1), one.log_std.expand(len(grid), -1), *one[2:]).log_prob(grid)
        assert torch.trapezoid(logp.exp(), grid[:, 0]).item() == pytest.approx(1, abs=2e-3)
        entropy = -torch.trapezoid(logp.exp() * logp, grid[:, 0])
        assert one.entropy().item() == pytest.approx(entropy.item(), abs=5e-3)


@pytest.mark.parametrize("log_std", [-5.0, -1.0, 0.0, 1.0, 2.0])
def test_the_entropy_is_exact_for_every_deviation_that_a_head_can_give(log_std):
    mean = torch.linspace(-20, 20, 41, dtype=torch.float64).view(-1, 1)
    noise = torch.linspace(-9, 9, 20_001, dtype=torch.float64)
    weight = (-0.5 * noise.square()).softmax(0)
    u = mean + math.exp(log_std) * noise
    stretch = 2 * (math.log(2) - u.abs() - torch.log1p((-2 * u.abs()).exp()))
    expected = log_std + 0.5 * math.log(2 * math.pi * math.e) + stretch @ weight
    pi = Squashed(mean, torch.full_like(mean, log_std), torch.zeros(1).double(), torch.ones(1).double())
    torch.testing.assert_close(pi.entropy(), expected, rtol=0, atol=1e-4)


def test_samples_stay_inside_the_box_and_use_all_of_it():
    pi = Squashed(torch.zeros(20_000, 2), torch.ones(20_000, 2), *made()[2:])
    action = pi.sample(torch.Generator().manual_seed(0)).numpy()
    low, high = action.min(0), action.max(0)
    assert ((low >= LOW) & (low < LOW + 0.2)).all()
    assert ((high <= HIGH) & (high > HIGH - 0.2)).all()


def test_an_action_on_the_border_has_a_finite_probability_and_gradient():
    pi = made(1)
    mean = pi.mean.detach().requires_grad_()
    logp = Squashed(mean, pi.log_std.detach(), pi.shift, pi.scale).log_prob(torch.tensor([[2.0, 0.0]]))
    logp.sum().backward()
    assert math.isfinite(logp.item())
    assert torch.isfinite(mean.grad).all()


def test_the_divergence_is_that_of_the_gaussians_inside():
    p, q = made(2), Squashed(torch.ones(2, 2), torch.zeros(2, 2), *made()[2:])
    inner = reference.kl_divergence(reference.Normal(*(p.mean, p.log_std.exp())), reference.Normal(1.0, 1.0)).sum(-1)
    torch.testing.assert_close(p.kl(q), inner)


@pytest.mark.parametrize("kind", ["squashed", "autoregressive"])
def test_a_box_without_bounds_is_refused(kind):
    with pytest.raises(UsageError, match="finite bounds"):
        heads.head(6, spaces.Box(-np.inf, np.inf, (2,)), kind=kind)


@pytest.mark.parametrize("kind", ["squashed", "mixture", "autoregressive"])
def test_discrete_actions_have_one_head_alone(kind):
    with pytest.raises(UsageError, match=f"{kind} head needs a Box"):
        heads.head(6, spaces.Discrete(3), kind=kind)


def noisy_head(log_std_init=-1.0):
    torch.manual_seed(0)
    head = SquashedNoiseHead(6, BOX, log_std_init)
    torch.nn.init.normal_(head.log_std, log_std_init, 0.3)
    return head


def test_state_dependent_noise_has_the_density_of_its_formula():
    """u is Gaussian of variance features^2 @ std^2 around its mean, then squashed (Raffin et al. 2020, section 3)."""
    head, x = noisy_head(), torch.randn(4, 6)
    pi = head(x)
    variance = (x.square()[:, :, None] * head.log_std.exp().square()).sum(1)
    transforms = [reference.TanhTransform(), reference.AffineTransform(head.shift, head.scale)]
    gaussian = reference.Normal(x @ head.middle.weight.T + head.middle.bias, variance.sqrt())
    action = pi.sample(torch.Generator().manual_seed(1))
    expected = reference.TransformedDistribution(gaussian, transforms).log_prob(action).sum(-1)
    torch.testing.assert_close(pi.log_prob(action), expected, rtol=1e-3, atol=1e-3)


def test_actions_by_matrices_are_distributed_as_the_density_says():
    head, x, count = noisy_head(), torch.randn(1, 6), 50_000
    matrices = torch.empty(count, 6, 2).normal_(generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        pi = head(x.expand(count, -1))
        u = ((pi.at(head.normal(x.expand(count, -1), matrices)) - head.shift) / head.scale).double().atanh()
    # a deviation from 50 000 samples has a standard error of 0.3 %, a mean of 0.4 % of the deviation
    torch.testing.assert_close(u.std(0), pi.log_std[0].exp().double(), rtol=0.02, atol=0)
    assert ((u.mean(0) - pi.mean[0]).abs() < 0.025 * u.std(0)).all()


def test_one_matrix_is_one_function_of_the_state():
    head, matrices = noisy_head(), torch.randn(1, 6, 2)
    with torch.no_grad():
        scaled = [head.normal(k * torch.ones(1, 6), matrices) * head._deviation(k * torch.ones(1, 6)) for k in (1, 2)]
    torch.testing.assert_close(2 * scaled[0], scaled[1])


def test_the_action_of_given_noise_is_the_one_that_is_drawn_with_it():
    pi = made()
    noise = torch.empty_like(pi.mean).normal_(generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(pi.at(noise), pi.sample(torch.Generator().manual_seed(3)))


def test_the_spread_is_half_of_what_lies_within_a_standard_deviation():
    pi = Squashed(torch.tensor([[0.0, 30.0]]), torch.zeros(1, 2), torch.tensor([1.0, 0.0]), torch.tensor([2.0, 2.0]))
    torch.testing.assert_close(pi.spread(), torch.tensor([[2 * math.tanh(1), 0.0]]))  # at a bound there is none
