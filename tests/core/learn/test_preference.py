"""Losses of preferences against numbers worked by hand."""

import math

import pytest
import torch

from gymnast.core.learn.preference import bradley_terry, per_pair


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def pair(kind, better, worse, lengths=(1, 1), beta=0.1, margin=0.5):
    numbers = (torch.tensor([x], dtype=torch.double) for x in (better, worse))
    sizes = tuple(torch.tensor([float(x)]) for x in lengths)
    return per_pair(kind, *numbers, sizes, beta, margin).item()


def test_judgements_are_as_likely_as_bradley_and_terry_say():
    margin = torch.tensor([0.0, 2.0, -2.0], dtype=torch.double)
    expected = [math.log(2), -math.log(sigmoid(2)), -math.log(sigmoid(-2))]
    assert bradley_terry(margin).tolist() == pytest.approx(expected)
    smoothed = 0.9 * expected[1] + 0.1 * expected[2]
    assert bradley_terry(margin, 0.1)[1].item() == pytest.approx(smoothed)


def test_with_an_error_the_loss_is_least_at_a_finite_margin():
    margin = torch.tensor([math.log(9.0)], dtype=torch.double, requires_grad=True)  # odds of 0.9
    (gradient,) = torch.autograd.grad(bradley_terry(margin, 0.1).sum(), margin)
    assert gradient.item() == pytest.approx(0.0, abs=1e-12)


def test_a_pair_worked_by_hand():
    """log pi(better) = -3 where the reference has -5, log pi(worse) = -4 where it has -3; 4 and 2 tokens."""
    better, worse = -3 + 5, -4 + 3
    assert pair("dpo", better, worse) == pytest.approx(-math.log(sigmoid(0.1 * 3)))  # 0.554355
    assert pair("dpo", better, worse) == pytest.approx(0.554355, abs=1e-6)
    assert pair("ipo", better, worse, (4, 2)) == pytest.approx((2 / 4 + 1 / 2 - 5) ** 2)
    assert pair("simpo", -3, -4, (4, 2), beta=2.0) == pytest.approx(-math.log(sigmoid(2 * (-3 / 4 + 4 / 2) - 0.5)))
    usual = (better + worse) / 2
    kto = 2 - sigmoid(0.1 * (better - usual)) - sigmoid(0.1 * (usual - worse))
    assert pair("kto", better, worse) == pytest.approx(kto)
    assert pair("kto", -1, -3) == pytest.approx(2 - sigmoid(-0.1) - sigmoid(0.3))  # no divergence is below 0


@pytest.mark.parametrize(("kind", "sums"), [("dpo", True), ("kto", True), ("ipo", False), ("simpo", False)])
def test_dpo_sums_over_tokens_where_ipo_and_simpo_take_means(kind, sums):
    """Twice as many tokens, each with the same gain: means stay, sums double."""
    once, twice = pair(kind, 2.0, -1.0, (4, 4)), pair(kind, 4.0, -2.0, (8, 8))
    assert (once == pytest.approx(twice)) != sums


@pytest.mark.parametrize("kind", ["dpo", "ipo", "simpo", "kto"])
def test_every_loss_falls_as_the_better_answer_gains_on_the_worse(kind):
    better, worse = (torch.zeros(3, dtype=torch.double, requires_grad=True) for _ in range(2))
    ones = torch.ones(3)
    gradients = torch.autograd.grad(per_pair(kind, better, worse, (ones, ones), 0.1, 0.5).sum(), (better, worse))
    assert (gradients[0] < 0).all()
    assert (gradients[1] > 0).all()
