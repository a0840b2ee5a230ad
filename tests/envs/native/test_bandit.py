"""The bandit: one pull, one reward."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from gymnast.core.errors import UsageError
from gymnast.envs import native


def pull(arm, pulls=20000, **kwargs):
    env = native.make("gymnast/Bandit-v0", pulls, **kwargs)
    obs, _ = env.reset(seed=0)
    next_obs, reward, terminated, truncated, _ = env.step(np.full(pulls, arm))
    assert obs.shape == (pulls, 1)
    assert not obs.any()
    assert not next_obs.any()
    assert terminated.all()
    assert not truncated.any()
    return reward


def test_gaussian_arms_have_their_mean_and_unit_variance():
    reward = pull(1, means=[0.0, 2.0])
    # 20000 draws: the standard error is 0.007 of the mean and 0.005 of the standard deviation
    assert reward.mean() == pytest.approx(2.0, abs=0.03)
    assert reward.std() == pytest.approx(1.0, abs=0.02)
    assert np.mean(np.abs(reward - 2.0) < 1) == pytest.approx(0.683, abs=0.015)


def test_bernoulli_arms_pay_one_as_often_as_their_mean_says():
    reward = pull(2, kind="bernoulli", means=[0.0, 1.0, 0.3])
    assert set(reward) == {0.0, 1.0}
    assert reward.mean() == pytest.approx(0.3, abs=0.015)


def test_an_instance_is_a_fixed_set_of_means():
    means = np.random.default_rng(4).standard_normal(10)
    assert pull(7, instance=4).mean() == pytest.approx(means[7], abs=0.03)


def test_arguments_without_meaning_are_refused():
    with pytest.raises(UsageError, match="kind 'poisson' is unknown"):
        native.make("gymnast/Bandit-v0", 1, kind="poisson")
    with pytest.raises(UsageError, match="for 'bernoulli' in"):
        native.make("gymnast/Bandit-v0", 1, kind="bernoulli", means=[0.5, 1.5])


@pytest.mark.parametrize("kind", ["gaussian", "bernoulli"])
def test_the_picture_marks_the_arm_pulled(kind):
    env = native.make("gymnast/Bandit-v0", 1, AutoresetMode.DISABLED, render_mode="rgb_array", kind=kind)
    env.reset(seed=0)
    (before,) = env.render()
    env.step(np.array([6]))
    (after,) = env.render()
    pulled = np.array([66, 133, 244])
    assert before.shape == (320, 480, 3)
    assert not (before == pulled).all(-1).any()
    assert (after == pulled).all(-1).any()
