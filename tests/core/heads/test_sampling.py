"""What is left of a distribution, by numbers worked out by hand."""

import math

import pytest
import torch

from gymnast.core.errors import UsageError
from gymnast.core.heads.distributions import Categorical
from gymnast.core.heads.sampling import Sampling


def left(shares, **cuts):
    """The probabilities that are left of `shares`."""
    return Sampling(**cuts)(Categorical(torch.tensor([shares]).log())).logp[0].exp().tolist()


def near(*shares):
    return pytest.approx(shares, abs=1e-6)


def test_without_cuts_all_is_left_as_it_is():
    assert left([0.5, 0.2, 0.3]) == near(0.5, 0.2, 0.3)
    assert left([0.5, 0.0, 0.5]) == near(0.5, 0, 0.5)


def test_temperature_raises_probabilities_to_a_power():
    assert left([0.6, 0.3, 0.1], temperature=0.5) == near(36 / 46, 9 / 46, 1 / 46)  # squares
    root = [math.sqrt(0.6), math.sqrt(0.3), math.sqrt(0.1)]
    assert left([0.6, 0.3, 0.1], temperature=2.0) == near(*(x / sum(root) for x in root))


def test_temperature_0_takes_the_likeliest_token_alone_and_of_equal_ones_the_first():
    assert left([0.2, 0.5, 0.3], temperature=0.0) == [0, 1, 0]
    assert left([0.2, 0.4, 0.4], temperature=0.0) == [0, 1, 0]
    pi = Categorical(torch.randn(50, 7).log_softmax(-1))
    assert torch.equal(Sampling(temperature=0.0)(pi).sample(), pi.mode())


@pytest.mark.parametrize("temperature", [1e-3, 1e-40, 1e-320])
def test_however_cold_it_is_probabilities_stay_numbers(temperature):
    assert left([0.2, 0.5, 0.3], temperature=temperature) == near(0, 1, 0)
    assert left([0.4, 0.2, 0.4], temperature=temperature) == near(0.5, 0, 0.5)


def test_top_k_keeps_so_many_and_of_equal_ones_the_first():
    assert left([0.1, 0.2, 0.3, 0.4], top_k=2) == near(0, 0, 3 / 7, 4 / 7)
    assert left([0.25, 0.25, 0.25, 0.25], top_k=3) == near(1 / 3, 1 / 3, 1 / 3, 0)
    assert left([0.2, 0.4, 0.4], top_k=1) == near(0, 1, 0)
    assert left([0.01] * 100, top_k=3) == near(*[1 / 3] * 3, *[0] * 97)
    assert left([0.7, 0.3], top_k=9) == near(0.7, 0.3)


def test_top_p_keeps_the_token_that_crosses():
    assert left([0.1, 0.5, 0.25, 0.15], top_p=0.6) == near(0, 2 / 3, 1 / 3, 0)  # 0.5 is too little, 0.75 is enough
    assert left([0.1, 0.5, 0.25, 0.15], top_p=0.4) == near(0, 1, 0, 0)
    assert left([0.1, 0.5, 0.25, 0.15], top_p=0.76) == near(0, 5 / 9, 2.5 / 9, 1.5 / 9)
    assert left([0.1, 0.5, 0.25, 0.15], top_p=1e-9) == near(0, 1, 0, 0)


def test_top_p_takes_equal_tokens_in_their_order():
    assert left([0.25, 0.25, 0.25, 0.25], top_p=0.6) == near(1 / 3, 1 / 3, 1 / 3, 0)


def test_top_p_of_1_keeps_even_what_rounding_would_lose():
    shares = left([1 - 1e-9, 1e-9], top_p=1.0)
    assert shares[1] > 0


def test_min_p_is_relative_to_the_likeliest_token():
    assert left([0.5, 0.3, 0.15, 0.05], min_p=0.25) == near(0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0)  # 0.125 and more
    assert left([0.5, 0.25, 0.125, 0.125], min_p=0.49) == near(2 / 3, 1 / 3, 0, 0)
    assert left([0.4, 0.2, 0.4], min_p=1.0) == near(0.5, 0, 0.5)


def test_cuts_follow_one_another_each_on_what_is_left():
    shares = [0.4, 0.3, 0.2, 0.1]
    # top-k leaves 4/7 and 3/7: 0.55 is reached by the first alone, which of all tokens has but 0.4
    assert left(shares, top_k=2, top_p=0.55) == near(1, 0, 0, 0)
    # squares are 16, 9, 4 and 1 of 30: the first two have 0.83, and the third has a quarter of the first
    assert left(shares, temperature=0.5, top_p=0.8) == near(16 / 25, 9 / 25, 0, 0)
    assert left(shares, temperature=0.5, min_p=0.24) == near(16 / 29, 9 / 29, 4 / 29, 0)


def test_log_probabilities_are_of_what_is_drawn_from():
    torch.manual_seed(0)
    pi = Categorical(torch.randn(1, 8).log_softmax(-1).expand(40_000, -1))
    cut = Sampling(temperature=0.7, top_k=5, top_p=0.9)(pi)
    action, logp = cut.draw(torch.Generator().manual_seed(1))
    often = torch.bincount(action, minlength=8) / len(action)
    assert often.tolist() == pytest.approx(cut.logp[0].exp().tolist(), abs=0.01)
    assert torch.equal(logp, cut.logp[0][action])
    assert cut.logp[0].exp().sum().item() == pytest.approx(1)
    # the whole policy's, for what is drawn from a part of it, are too low by the mass that was kept
    kept = pi.logp[0].exp()[cut.logp[0] > -torch.inf].sum().item()
    mean_ratio = (cut.logp[0].exp()[action].reciprocal() * pi.logp[0].exp()[action]).mean().item()
    assert mean_ratio == pytest.approx(kept, abs=0.01)
    assert kept < 0.95


def test_rows_are_cut_each_by_itself():
    shares = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    assert Sampling(top_p=0.65)(Categorical(shares.log())).logp.exp()[0].tolist() == near(1, 0, 0)
    assert Sampling(top_p=0.65)(Categorical(shares.log())).logp.exp()[1].tolist() == near(0, 1 / 3, 2 / 3)


@pytest.mark.parametrize(
    ("cuts", "told"),
    [
        ({"temperature": -0.1}, "temperature is -0.1; it must be at least 0"),
        ({"temperature": math.nan}, "finite"),
        ({"top_k": 0}, "top_k is 0; it must be at least 1"),
        ({"top_p": 0.0}, "top_p is 0; it must be above 0"),
        ({"top_p": 1.5}, "between 0 and 1"),
        ({"min_p": 1.5}, "between 0 and 1"),
    ],
)
def test_cuts_out_of_range_are_refused(cuts, told):
    with pytest.raises(UsageError, match=told):
        Sampling(**cuts)
