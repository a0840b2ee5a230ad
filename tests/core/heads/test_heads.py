"""Heads against torch.distributions, against what they sample, and against numerical integration."""

import math

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import distributions as reference

from gymnast.core import heads
from gymnast.core.errors import UsageError
from gymnast.core.heads import modules

FEATURES, COUNT = 6, 5


def features(count=COUNT):
    return torch.randn(count, FEATURES, generator=torch.Generator().manual_seed(0))


def made(space, **kwargs):
    torch.manual_seed(0)
    return heads.head(FEATURES, space, **kwargs)


def close(a, b, tolerance=1e-5):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def box(*shape):
    return spaces.Box(-1, 1, shape, np.float32)


CASES = {
    "discrete": (spaces.Discrete(4), lambda head: reference.Categorical(logits=head.linear(features()))),
    "multibinary": (
        spaces.MultiBinary(3),
        lambda head: reference.Independent(reference.Bernoulli(logits=head.linear(features())), 1),
    ),
    "box": (
        box(2),
        lambda head: reference.Independent(reference.Normal(head.linear(features()), head.log_std.exp()), 1),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_log_prob_and_entropy_equal_those_of_torch(name):
    space, build = CASES[name]
    head = made(space)
    pi, expected = head(features()), build(head)
    action = pi.sample(torch.Generator().manual_seed(1))
    close(pi.log_prob(action), expected.log_prob(action.float() if name == "multibinary" else action))
    close(pi.entropy(), expected.entropy())


def test_multidiscrete_is_the_product_of_its_categories():
    head = made(spaces.MultiDiscrete([3, 2]))
    pi = head(features())
    parts = [reference.Categorical(logits=x) for x in head.linear(features()).split([3, 2], -1)]
    action = pi.sample(torch.Generator().manual_seed(1))
    close(pi.log_prob(action), sum(p.log_prob(a) for p, a in zip(parts, action.unbind(-1), strict=True)))
    close(pi.entropy(), sum(p.entropy() for p in parts))


ALL = [spaces.Discrete(4), spaces.MultiDiscrete([3, 2]), spaces.MultiBinary(3), box(2), box(), box(2, 2)]


@pytest.mark.parametrize("space", ALL, ids=str)
def test_modes_are_the_most_probable_actions(space):
    pi = made(space)(features())
    best = pi.log_prob(pi.mode())
    for seed in range(20):
        assert (pi.log_prob(pi.sample(torch.Generator().manual_seed(seed))) <= best + 1e-6).all()


@pytest.mark.parametrize("space", ALL, ids=str)
def test_a_generator_makes_samples_reproducible(space):
    pi = made(space)(features())
    first, second = (pi.sample(torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, pi.sample(torch.Generator().manual_seed(6)))


def test_categorical_samples_have_their_probabilities():
    p = torch.tensor([0.5, 0.3, 0.15, 0.05])
    pi = heads.Categorical(p.log().expand(100_000, 4))
    share = pi.sample(torch.Generator().manual_seed(0)).bincount(minlength=4) / 100_000
    # four standard errors: 4 sqrt(0.25 / 100 000) = 0.0063
    close(share, p, 0.0064)


def test_bernoulli_samples_have_their_probabilities():
    p = torch.tensor([0.1, 0.5, 0.9])
    pi = heads.Bernoulli(p.logit().expand(100_000, 3))
    close(pi.sample(torch.Generator().manual_seed(0)).float().mean(0), p, 0.0064)


def test_gaussian_samples_have_their_moments():
    pi = heads.Gaussian(torch.tensor([1.0, -2.0]).expand(100_000, 2), torch.tensor([0.0, math.log(3)]))
    sample = pi.sample(torch.Generator().manual_seed(0))
    close(sample.mean(0), torch.tensor([1.0, -2.0]), 0.04)
    close(sample.std(0), torch.tensor([1.0, 3.0]), 0.01)


def test_the_gaussian_density_integrates_to_one():
    x = torch.linspace(-12, 14, 200)
    grid = torch.cartesian_prod(x, x)
    pi = heads.Gaussian(torch.tensor([1.0, 0.5]).expand(len(grid), 2), torch.tensor([0.3, -0.2]))
    cell = (x[1] - x[0]) ** 2
    close(pi.log_prob(grid).exp().sum() * cell, torch.tensor(1.0), 1e-4)


def test_the_probabilities_of_all_actions_add_up_to_one():
    pi = made(spaces.MultiDiscrete([3, 2]))(features(1))
    every = torch.cartesian_prod(torch.arange(3), torch.arange(2))
    wide = heads.MultiCategorical(tuple(heads.Categorical(p.logp.expand(6, -1)) for p in pi.parts))
    close(wide.log_prob(every).exp().sum(), torch.tensor(1.0))


MASK = torch.tensor([[1, 0, 1, 0], [0, 0, 0, 1], [1, 1, 1, 1], [0, 1, 1, 1], [1, 0, 0, 0]], dtype=torch.int8)


def test_a_masked_action_has_no_probability():
    pi = made(spaces.Discrete(4))(features(), MASK)
    assert (pi.logp.exp()[MASK == 0] == 0).all()
    close(pi.logp.exp().sum(-1), torch.ones(5))


def test_a_mask_renormalises_what_it_leaves():
    head = made(spaces.Discrete(4))
    p = head.linear(features()).softmax(-1) * MASK
    close(head(features(), MASK).logp.exp(), p / p.sum(-1, keepdim=True))


def test_a_masked_action_is_never_sampled_nor_the_mode():
    # the best action by far is the masked one
    logits = torch.tensor([50.0, 0.0, -50.0]).expand(100_000, 3)
    pi = modules._categorical(logits, torch.tensor([0, 1, 1]))
    assert set(pi.sample(torch.Generator().manual_seed(0)).tolist()) == {1}
    assert set(pi.mode().tolist()) == {1}


def test_the_entropy_under_a_mask_is_that_of_the_available_actions():
    pi = modules._categorical(torch.zeros(5, 4), MASK)
    close(pi.entropy(), MASK.sum(-1).float().log())


@pytest.mark.parametrize("space", [spaces.Discrete(4), spaces.MultiDiscrete([2, 2])], ids=str)
def test_gradients_under_a_mask_are_finite(space):
    head = made(space)
    mask = MASK if isinstance(space, spaces.Discrete) else torch.tensor([[1, 0, 0, 1]] * COUNT)
    pi = head(features(), mask)
    (pi.entropy().sum() + pi.log_prob(pi.mode()).sum()).backward()
    assert all(p.grad.isfinite().all() for p in head.parameters())


def test_the_masks_of_several_categories_lie_in_a_row():
    pi = made(spaces.MultiDiscrete([3, 2]))(features(), torch.tensor([[0, 1, 0, 0, 1]] * COUNT))
    assert pi.sample().tolist() == [[1, 1]] * COUNT


def test_the_variance_of_state_dependent_noise_is_what_the_head_reports():
    head = made(box(2), sde=True, log_std_init=-0.5)
    x, count = features(1), 50_000
    noise = head.explore(x.expand(count, -1), head.draw(count, torch.Generator().manual_seed(0)))
    # a variance from 50 000 samples has a standard error of sqrt(2 / 50 000) = 0.6 %
    torch.testing.assert_close(noise.var(0), head(x).log_std.mul(2).exp()[0], rtol=0.025, atol=0)
    close(noise.mean(0), torch.zeros(2), 0.05)


def test_state_dependent_noise_of_one_matrix_is_a_function_of_the_state():
    head = made(box(2), sde=True)
    matrix = head.draw(1, torch.Generator().manual_seed(0))
    twice = head.explore(features(1), matrix), head.explore(2 * features(1), matrix)
    close(2 * twice[0], twice[1])


def test_state_dependent_noise_does_not_shape_the_features():
    x = features().requires_grad_()
    made(box(2), sde=True)(x).log_std.sum().backward()
    assert x.grad is None


@pytest.mark.parametrize("log_std", [-1.5, -2])
@pytest.mark.parametrize("sde", [False, True])
def test_log_std_starts_where_it_was_asked_to(sde, log_std):
    head = made(box(2), log_std_init=log_std, sde=sde)
    assert (head.log_std == log_std).all()


@pytest.mark.parametrize(
    "space",
    [spaces.MultiDiscrete([[2, 2], [3, 3]]), spaces.MultiBinary((2, 2)), spaces.Text(3), spaces.Dict()],
    ids=str,
)
def test_action_spaces_without_a_head_are_refused(space):
    with pytest.raises(UsageError, match="no policy head"):
        heads.head(FEATURES, space)


def test_state_dependent_noise_needs_a_box():
    with pytest.raises(UsageError, match="sde"):
        heads.head(FEATURES, spaces.Discrete(2), sde=True)


@pytest.mark.parametrize("name", CASES)
def test_the_divergence_equals_that_of_torch(name):
    space, build = CASES[name]
    one, other = (
        heads.head(FEATURES, space),
        heads.head(FEATURES, space, **({"log_std_init": 0.7} if name == "box" else {})),
    )
    close(one(features()).kl(other(features())), reference.kl_divergence(build(one), build(other)))


def test_the_divergence_of_several_categories_is_the_sum_of_theirs():
    one, other = (
        made(spaces.MultiDiscrete([3, 2]))(features()),
        heads.head(FEATURES, spaces.MultiDiscrete([3, 2]))(features()),
    )
    expected = sum(
        reference.kl_divergence(reference.Categorical(logits=p.logp), reference.Categorical(logits=q.logp))
        for p, q in zip(one.parts, other.parts, strict=True)
    )
    close(one.kl(other), expected)


def test_the_divergence_under_a_mask_is_that_of_the_available_actions():
    # KL((1/2, 1/2) || (1/4, 3/4)) = log(2) / 2 + log(2/3) / 2
    one, other = (heads.Categorical(torch.tensor([[*p, 0.0]]).log()) for p in ([0.5, 0.5], [0.25, 0.75]))
    close(one.kl(other), torch.tensor([math.log(2) / 2 + math.log(2 / 3) / 2]))
