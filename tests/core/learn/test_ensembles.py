import itertools

import numpy as np
import pytest
import torch

from gymnast.core.errors import UsageError
from gymnast.core.learn.ensembles import pooled, regression
from gymnast.core.learn.in_box import InBoxConfig


def random():
    return torch.Generator().manual_seed(0)


def test_the_least_of_all_critics_is_the_value():
    following = torch.tensor([[[1.0], [5.0]], [[2.0], [4.0]], [[3.0], [6.0]]])  # three critics, two states
    assert pooled(following, 0, 0, random()).tolist() == [[1.0], [4.0]]


def test_a_subset_is_drawn_anew_and_every_one_is_as_likely():
    following = torch.arange(4.0).view(4, 1, 1)
    generator = random()
    drawn = [pooled(following, 2, 0, generator).item() for _ in range(6000)]
    pairs = [min(pair) for pair in itertools.combinations(range(4), 2)]
    for least in (0, 1, 2):
        assert np.mean([x == least for x in drawn]) == pytest.approx(pairs.count(least) / 6, abs=0.03)


def test_the_largest_quantiles_of_all_critics_together_are_dropped():
    following = torch.tensor([[[1.0, 9.0, 8.0]], [[2.0, 7.0, 3.0]]])  # two critics of three returns, one state
    assert pooled(following, 0, 1, random()).tolist() == [[1.0, 2.0, 3.0, 7.0]]  # 9 and 8, both of the first critic
    assert pooled(following, 0, 0, random()).tolist() == [[1.0, 2.0, 3.0, 7.0, 8.0, 9.0]]


def test_the_loss_is_half_the_squared_error_summed_over_critics_and_weighted():
    out = torch.tensor([[[1.0], [2.0]], [[3.0], [0.0]]], requires_grad=True)  # two critics, two states
    target, weights = torch.tensor([[2.0], [4.0]]), torch.tensor([1.0, 0.5])
    loss, error = regression(out, target, weights)
    assert loss.item() == pytest.approx((0.5 * 1 + 0.5 * 0.5 * 4) / 2 + (0.5 * 1 + 0.5 * 0.5 * 16) / 2)
    assert error.tolist() == [1.0, 3.0]
    loss.backward()
    np.testing.assert_allclose(out.grad.squeeze(-1), [[-0.5, -0.5], [0.5, -1.0]])


def test_quantiles_regress_on_those_of_the_target():
    """At the minimum, the two quantiles of a critic are at 1/4 and 3/4 of the target's distribution."""
    out = torch.zeros(1, 1, 2, requires_grad=True)
    target, weights = torch.arange(101.0)[None], torch.ones(1)
    for _ in range(400):
        (slope,) = torch.autograd.grad(regression(out, target, weights)[0], out)
        out.data -= 2.0 * slope
    np.testing.assert_allclose(out.detach().flatten(), [25, 75], atol=2)


@pytest.mark.parametrize(
    ("options", "why"), [({"subset": 3}, "there are 2 critics"), ({"drop": 1}, "must be below quantiles")]
)
def test_impossible_options_are_refused(options, why):
    with pytest.raises(UsageError, match=why):
        InBoxConfig(**options)
