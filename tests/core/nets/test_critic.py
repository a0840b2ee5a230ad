"""Q(s, a) for Discrete and Box actions, and its mean over a policy."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from gymnast.core.errors import UsageError
from gymnast.core.heads.modules import Categorical, Gaussian
from gymnast.core.nets import Critic, PolicyConfig


def test_the_mean_over_discrete_actions_is_exact_and_so_is_its_gradient():
    critic = Critic(2, spaces.Discrete(3), PolicyConfig(hidden=(8,)))
    features = torch.randn(5, 2)
    logits = torch.randn(5, 3, requires_grad=True)
    pi = Categorical(torch.log_softmax(logits, -1))
    q = torch.stack([critic(features, torch.full((5,), a)) for a in range(3)], -1)
    p = pi.logp.exp()
    torch.testing.assert_close(critic.mean(features, pi), (p * q).sum(-1))
    (gradient,) = torch.autograd.grad(critic.mean(features, pi).sum(), logits)
    torch.testing.assert_close(gradient, p * (q - (p * q).sum(-1, keepdim=True)))  # of a softmax


def test_the_mean_over_a_gaussian_is_sampled_with_its_gradient():
    critic = Critic(1, spaces.Box(-1, 1, (1,), np.float32), PolicyConfig(hidden=()))
    with torch.no_grad():
        critic.head.weight.copy_(torch.tensor([[0.0, 3.0]]))  # Q = 3 a
        critic.head.bias.zero_()
    mean = torch.full((20_000, 1), 0.5, requires_grad=True)
    pi = Gaussian(mean, torch.zeros(1))
    estimate = critic.mean(torch.zeros(20_000, 1), pi, torch.Generator().manual_seed(0)).mean()
    assert estimate.item() == pytest.approx(1.5, abs=4 * 3 / np.sqrt(20_000))
    (gradient,) = torch.autograd.grad(estimate, mean)
    assert gradient.sum().item() == pytest.approx(3)


def test_actions_are_seen_in_the_units_of_their_box():
    critic = Critic(1, spaces.Box(300, 500, (1,), np.float32), PolicyConfig(hidden=()))
    with torch.no_grad():
        critic.head.weight.copy_(torch.tensor([[0.0, 3.0]]))  # Q = 3 u
        critic.head.bias.zero_()
    q = critic(torch.zeros(3, 1), torch.tensor([[300.0], [400.0], [450.0]]))
    assert q.tolist() == [-3.0, 0.0, 1.5]


@pytest.mark.parametrize("shape", [(), (1,), (2, 3)])
def test_actions_of_any_shape_are_taken(shape):
    critic = Critic(4, spaces.Box(-1, 1, shape, np.float32), PolicyConfig())
    assert critic(torch.randn(7, 4), torch.randn(7, *shape)).shape == (7,)


def test_other_action_spaces_are_refused():
    with pytest.raises(UsageError, match="Discrete and Box"):
        Critic(4, spaces.MultiBinary(3), PolicyConfig())
