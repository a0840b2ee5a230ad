"""`draw` against `sample` and `log_prob`, and its gradient against finite differences."""

import pytest
import torch
from gymnasium import spaces

from gymnast.core import heads
from gymnast.core.heads.multimodal import Mixture
from gymnast.core.heads.squashed import Squashed

BOX = spaces.Box(-2, 3, (2,))
HEADS = {
    "discrete": (spaces.Discrete(4), "plain"),
    "multidiscrete": (spaces.MultiDiscrete([3, 2]), "plain"),
    "multibinary": (spaces.MultiBinary(3), "plain"),
    **{kind: (BOX, kind) for kind in ("plain", "squashed", "mixture", "autoregressive")},
}


def pi_of(name):
    torch.manual_seed(0)
    space, kind = HEADS[name]
    return heads.head(6, space, kind=kind)(torch.randn(50, 6))


def seeded(seed=1):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", HEADS)
def test_a_draw_is_a_sample_with_its_log_probability(name):
    pi = pi_of(name)
    action, logp = pi.draw(seeded())
    torch.testing.assert_close(action, pi.sample(seeded()))
    torch.testing.assert_close(logp, pi.log_prob(action), rtol=1e-3, atol=1e-3)
    assert logp.requires_grad


@pytest.mark.parametrize("name", HEADS)
def test_only_actions_of_a_density_over_the_box_itself_have_a_gradient(name):
    action, _ = pi_of(name).draw(seeded())
    assert action.requires_grad == (name in ("plain", "squashed", "mixture"))


def test_closed_forms_for_distances_are_what_makes_a_distribution_natural():
    natural = {name for name in HEADS if isinstance(pi_of(name), heads.Natural)}
    assert natural == set(HEADS) - {"mixture", "autoregressive"}


def gaussian(theta):
    return heads.Gaussian(theta[:2].view(1, 2), theta[2:4])


def squashed(theta):
    shift, scale = torch.tensor([0.5, -1.0]).double(), torch.tensor([2.0, 0.5]).double()
    return Squashed(theta[:2].view(1, 2), theta[2:4].view(1, 2), shift, scale)


def mixture(theta):
    """Three components in two dimensions, whose 15 parameters are all used."""
    logw, mean, log_std = theta[:3], theta[3:9], theta[9:15]
    return Mixture(logw.log_softmax(-1).view(1, 3), mean.view(1, 3, 2), 0.3 * log_std.view(1, 3, 2))


def jacobian(function, theta):
    """By central differences."""
    step = 1e-5 * torch.eye(len(theta), dtype=theta.dtype)
    return torch.stack([(function(theta + h) - function(theta - h)) / 2e-5 for h in step], -1)


def drawn(build, seed):
    """Action and log-probability as a function of the parameters, in one vector."""

    def function(theta):
        action, logp = build(theta).draw(seeded(seed))
        return torch.cat([action.flatten(), logp])

    return function


@pytest.mark.parametrize("build", [gaussian, squashed])
def test_the_gradient_of_a_draw_is_that_at_the_same_noise(build):
    theta = torch.tensor([0.3, -0.7, -0.4, 0.2], dtype=torch.float64)
    for seed in range(5):
        found = torch.autograd.functional.jacobian(drawn(build, seed), theta)
        torch.testing.assert_close(found, jacobian(drawn(build, seed), theta), rtol=1e-6, atol=1e-8)


def placed(pi, share):
    """Where the distribution function of each number, given those before it, is `share` (2,): by bisection."""
    logw, action = pi.logp[0], []
    for d, target in enumerate(share):
        normal = torch.distributions.Normal(pi.mean[0, :, d], pi.log_std[0, :, d].exp())
        low, high = torch.tensor([[-50.0], [50.0]], dtype=torch.float64)
        for _ in range(100):
            middle = (low + high) / 2
            less = (logw.exp() * normal.cdf(middle)).sum() < target
            low, high = torch.where(less, middle, low), torch.where(less, high, middle)
        action.append(middle)
        logw = (logw + normal.log_prob(middle)).log_softmax(-1)
    return torch.cat(action).view(1, 2)


def shares(pi, action):
    """What `placed` undoes."""
    logw, found = pi.logp[0], []
    for d in range(2):
        normal = torch.distributions.Normal(pi.mean[0, :, d], pi.log_std[0, :, d].exp())
        found.append((logw.exp() * normal.cdf(action[0, d])).sum())
        logw = (logw + normal.log_prob(action[0, d])).log_softmax(-1)
    return torch.stack(found)


def test_the_gradient_of_a_mixtures_draw_is_that_at_the_same_shares():
    theta = torch.randn(15, dtype=torch.float64, generator=seeded(3))
    for seed in range(5):
        action, _ = mixture(theta).draw(seeded(seed))
        share = shares(mixture(theta), action)

        def at_the_same_shares(parameters, share=share):
            pi = mixture(parameters)
            there = placed(pi, share)
            return torch.cat([there.flatten(), pi.log_prob(there)])

        found = torch.autograd.functional.jacobian(drawn(mixture, seed), theta)
        torch.testing.assert_close(found, jacobian(at_the_same_shares, theta), rtol=1e-4, atol=1e-6)
