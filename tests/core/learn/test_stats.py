import numpy as np
import pytest
from scipy import stats

from gymnast.core.learn.stats import (
    bootstrap_interval,
    effective_samples,
    explained_variance,
    iqm,
    iqm_interval,
    mean_interval,
    sampled_kl,
    student_t,
)


def test_iqm_is_the_mean_of_the_middle_half():
    # of eight, two are cut on each side: (3 + 4 + 5 + 6) / 4
    assert iqm([100, 4, 2, 3, 5, 6, -100, 7]) == 4.5


def test_iqm_cuts_fractions():
    # of six, one and a half on each side: (2 / 2 + 3 + 4 + 50 / 2) / 3
    assert iqm([1, 2, 3, 4, 50, 600]) == pytest.approx((1 + 3 + 4 + 25) / 3)
    # of five, one and a quarter: (0.75 x 2 + 3 + 0.75 x 10) / 2.5
    assert iqm([1, 2, 3, 10, 500]) == pytest.approx((1.5 + 3 + 7.5) / 2.5)


def test_iqm_of_few_values():
    assert iqm([7]) == 7
    assert iqm([1, 2]) == 1.5
    # of three, three quarters on each side: (1 / 4 + 2 + 9 / 4) / 1.5
    assert iqm([1, 2, 9]) == pytest.approx(3)


@pytest.mark.parametrize("quarter", [1, 3, 25])
def test_iqm_of_a_multiple_of_four_is_the_plain_trimmed_mean(quarter):
    values = np.random.default_rng(quarter).standard_cauchy(4 * quarter)
    assert iqm(values) == pytest.approx(np.sort(values)[quarter : 3 * quarter].mean())


def test_iqm_ignores_order_and_shape():
    values = np.arange(20.0)
    assert iqm(np.random.default_rng(0).permutation(values).reshape(4, 5)) == pytest.approx(iqm(values))


def test_the_bootstrap_interval_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for k in range(300):
        low, high = bootstrap_interval(rng.normal(3, 1, 40), seed=k, resamples=400)
        covered += low <= 3 <= high
    # 95 % less what small samples cost, within four standard errors of sqrt(0.05 x 0.95 / 300) = 1.3 %
    assert 0.89 <= covered / 300 <= 0.99


def test_the_bootstrap_interval_is_as_wide_as_theory_says():
    values = np.random.default_rng(0).normal(0, 2, 400)
    low, high = bootstrap_interval(values)
    # 2 x 1.96 x 2 / sqrt(400) = 0.392
    assert high - low == pytest.approx(0.392, rel=0.15)
    assert low < values.mean() < high


def test_the_bootstrap_interval_of_one_value_is_that_value():
    assert bootstrap_interval([5.0]) == (5, 5)


def test_the_bootstrap_interval_repeats_itself():
    values = np.random.default_rng(0).normal(size=20)
    assert bootstrap_interval(values) == bootstrap_interval(values)
    assert bootstrap_interval(values, seed=1) != bootstrap_interval(values)


def test_explained_variance_by_hand():
    target = np.array([1.0, 2.0, 3.0, 4.0], np.float32)
    assert explained_variance(target, target) == 1
    assert explained_variance(np.full(4, 2.5, np.float32), target) == 0
    # the errors of -target are 2 target, of four times its variance: 1 - 4
    assert explained_variance(-target, target) == pytest.approx(-3)


def test_explained_variance_of_a_constant_target_is_zero():
    assert explained_variance(np.array([1.0, 2.0]), np.ones(2)) == 0


def test_the_sampled_kl_is_unbiased_and_never_negative():
    # All actions of p = (1/2, 1/2), each as often as p draws it: KL(p || q) exactly
    q = np.array([0.8, 0.2])
    ratio = q / 0.5
    assert sampled_kl(np.log(ratio)) == pytest.approx(0.5 * np.log(0.5 / 0.8) + 0.5 * np.log(0.5 / 0.2))
    assert sampled_kl(np.log(ratio[:1])) > 0  # where -log ratio would be negative


def test_effective_samples_by_hand():
    assert effective_samples(np.zeros(5)) == 1
    assert effective_samples(np.full(5, -800.0)) == 1  # a common factor means nothing, however small
    # weights 1, 1, 2: 4^2 / (3 x 6)
    assert effective_samples(np.log([1.0, 1.0, 2.0])) == pytest.approx(16 / 18)
    assert effective_samples(np.array([0.0, 1000.0])) == 0.5


def test_the_interval_of_the_iqm_redraws_the_values_of_each_group_by_themselves():
    assert iqm_interval([[1.0, 1.0, 1.0], [3.0, 3.0, 3.0]]) == (2.0, 2.0), "nothing varies within a group"
    random = np.random.default_rng(0)
    values = random.normal(size=400)
    low, high = iqm_interval([values])
    assert low < iqm(values) < high
    # the IQM of a normal sample has a standard error of about 1.1 / sqrt(n)
    assert high - low == pytest.approx(2 * 1.96 * 1.1 / 20, rel=0.15)


def test_the_quantiles_are_those_of_students_t():
    for freedom in (1, 2, 3, 9, 10, 11, 15, 28):
        assert student_t(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=1e-3), freedom


@pytest.mark.parametrize("count", [3, 5, 10])
def test_the_interval_of_few_values_covers_the_mean_as_often_as_it_says(count):
    rng = np.random.default_rng(count)
    intervals = [mean_interval(rng.normal(3, 1, count)) for _ in range(2000)]
    covered = np.mean([low <= 3 <= high for low, high in intervals])
    # 95 %, within four standard errors of sqrt(0.05 x 0.95 / 2000) = 0.5 %; a bootstrap covers 75, 83 and 91 %
    assert 0.93 <= covered <= 0.97


def test_the_interval_of_many_values_stays_among_them():
    values = np.r_[np.full(99, 500.0), 100.0]
    low, high = mean_interval(values)
    assert low < 496 < high <= 500


def test_one_value_has_no_interval():
    assert np.isnan(mean_interval([5.0])).all()


def test_equal_values_have_an_interval_of_no_width():
    assert mean_interval([5.0, 5.0, 5.0]) == (5, 5)
