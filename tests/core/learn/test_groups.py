"""Advantages within groups of answers, held against enumeration and closed forms."""

import itertools
import math

import numpy as np
import pytest
import torch

from gymnast.agents import grpo
from gymnast.core.heads import Categorical
from gymnast.core.learn.groups import baseline, informative, scale, weights


def test_the_others_mean_is_that_of_the_others():
    reward = np.array([[1.0, 0.0, 0.0, 1.0], [0.5, 0.5, 0.5, 0.5]])
    others = [[1 / 3, 2 / 3, 2 / 3, 1 / 3], [0.5] * 4]
    assert baseline(reward, "leave_one_out") == pytest.approx(np.array(others))
    assert baseline(reward, "mean") == pytest.approx(np.array([[0.5] * 4] * 2))
    assert baseline(reward, "none").tolist() == [[0.0] * 4] * 2


def test_a_group_teaches_something_if_its_rewards_differ_by_more_than_rounding():
    reward = np.array([[1.0, 0.0], [1.0, 1.0], [0.3, 0.3 + 1e-9], [0.0, 0.0]])
    for kind in ("leave_one_out", "mean"):
        assert informative(reward, kind).tolist() == [[True, True], [False, False], [False, False], [False, False]]
    assert informative(reward, "none").tolist() == [[True, False], [True, True], [True, True], [False, False]]
    assert (scale(reward, "group")[1:] == 1).all()  # or rounding would be made advantages of
    assert scale(reward, "group")[0, 0] == pytest.approx(0.5**0.5)
    assert scale(reward, "batch") == pytest.approx(np.full((4, 2), reward.std(ddof=1)))


@pytest.mark.parametrize(("kind", "factor"), [("leave_one_out", 1.0), ("mean", 1 - 1 / 3), ("none", 1.0)])
def test_the_expected_gradient_is_that_of_the_expected_reward_by_enumeration(kind, factor):
    """Over all groups of 3 answers of one of 3 tokens: only the mean of all, its own among them, shrinks it."""
    logits, worth = torch.tensor([0.3, -0.5, 0.8], dtype=torch.double), np.array([1.0, 0.0, 0.5])
    p = logits.softmax(0).numpy()
    true = p * (worth - p @ worth)
    expected = np.zeros(3)
    for group in itertools.product(range(3), repeat=3):
        reward = worth[list(group)][None]
        adv = reward - baseline(reward, kind)
        score = np.eye(3)[list(group)] - p  # of each answer's token
        expected += p[list(group)].prod() * (adv[0] @ score) / 3
    assert expected == pytest.approx(factor * true)


@pytest.mark.parametrize(("p", "weight"), [(0.02, 2.41), (0.1, 2.17), (0.5, 1.74), (0.9, 2.17)])
def test_deviations_weigh_questions_that_are_nearly_always_or_never_answered_more(p, weight):
    """The weight of a question in the gradient, 8 answers; 1 with the others' mean and no deviation."""
    total = {"group": 0.0, "none": 0.0}
    for right in range(9):
        reward = np.array([[1.0] * right + [0.0] * (8 - right)])
        chance = math.comb(8, right) * p**right * (1 - p) ** (8 - right)
        for kind in total:
            adv = (reward - baseline(reward, "mean" if kind == "group" else "leave_one_out")) / scale(reward, kind)
            score = np.where(reward > 0, 1 / p, -1 / (1 - p))  # of p, the probability of a right answer
            total[kind] += chance * (adv * score).sum() / 8
    assert total["none"] == pytest.approx(1.0)
    assert total["group"] == pytest.approx(weight, abs=0.01)


@pytest.mark.parametrize(
    ("kind", "gradient"),
    [("constant", 0.0), ("sequence", 0.1 * math.log(10) / 0.9 / (0.1 * 0.9) - 1 / 0.9), ("without end", -10.0)],
)
def test_lengths_are_left_alone_unless_divided_by_or_the_end_is_not_learned(kind, gradient):
    """Answers of a geometric number of tokens, all with advantage 1: d/ds of the surrogate at stop probability 0.1."""
    stop, expected = 0.1, 0.0
    for length in range(1, 600):
        chance = stop * (1 - stop) ** (length - 1)
        score = np.array([-1 / (1 - stop)] * (length - 1) + [1 / stop])
        counted = score[:-1] if kind == "without end" else score
        weight = weights(np.array([length]), "sequence" if kind == "sequence" else "constant")[0]
        expected += chance * weight * counted.sum()
    assert expected == pytest.approx(gradient, abs=1e-6)


def test_tokens_count_as_the_normaliser_says():
    lengths = np.array([1, 3, 4])
    assert weights(lengths, "constant") == pytest.approx([1 / 3] * 3)
    assert weights(lengths, "tokens") == pytest.approx([1 / 8] * 3)
    assert weights(lengths, "sequence") == pytest.approx([1 / 3, 1 / 9, 1 / 12])


class Table(torch.nn.Module):
    """One distribution over 6 tokens, whatever was written."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.nn.Parameter(logits)

    def forward(self, obs):
        return Categorical(self.logits.log_softmax(0).expand(len(obs), -1))


def divergence(form):
    """Gradients of KL(policy || reference) by logits: as `loss` has it in expectation, and the true one."""
    torch.manual_seed(0)
    net, other = Table(torch.randn(6, dtype=torch.double)), torch.randn(6, dtype=torch.double).log_softmax(0)
    logp = net.logits.log_softmax(0)
    true = torch.autograd.grad((logp.exp() * (logp - other)).sum(), net.logits)[0]
    cfg = grpo.Config(kl_coef=1.0, kl_in=form)
    action, now = torch.arange(6), logp.detach()
    penalty = now - other if form == "reward" else torch.zeros(6, dtype=torch.double)
    mb = {"obs": action, "action": action, "logp": now, "adv": -penalty, "weight": now.exp(), "reference": other}
    return torch.autograd.grad(grpo.loss(net, mb, cfg)[0], net.logits)[0], true


@pytest.mark.parametrize("form", ["reward", "loss"])
def test_the_penalty_has_the_gradient_of_the_divergence(form):
    found, true = divergence(form)
    torch.testing.assert_close(found, true)
