from contextlib import closing

import numpy as np
import pytest

from gymnast.core.acting import Stateless
from gymnast.core.errors import UsageError
from gymnast.core.learn.rewards import ReturnScale, ReturnUnit, RewardConfig, Rewards
from gymnast.core.rollout.engine import Rollout
from probes import clocks

GAMMA = 0.9


def stream(count=5, steps=8, envs=3, seed=0):
    """Rewards, ends and validity of `count` rollouts; what is not valid is worth nothing and follows an end."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        done = rng.random((steps, envs)) < 0.2
        valid = np.ones_like(done)
        valid[1:] = ~done[:-1]
        done &= valid
        yield np.where(valid, rng.normal(1, 2, done.shape), 0).astype(np.float32), done, valid


def test_rewards_are_divided_by_the_deviation_of_the_discounted_returns():
    scale = ReturnScale(GAMMA)
    running, seen = np.zeros(3), []
    for reward, done, valid in stream():
        for t in range(len(reward)):
            running = running * GAMMA + reward[t]
            seen.extend(running[valid[t]])
            running[done[t]] = 0
        expected = np.clip(reward / np.sqrt(np.var(seen) + 1e-8), -10, 10)
        np.testing.assert_allclose(scale(reward, done, valid), expected, rtol=1e-4)
    assert scale.count == len(seen)


def test_scaled_rewards_keep_their_sign_and_zero():
    reward = np.array([[-2.0], [0.0], [5.0]], np.float32)
    scaled = ReturnScale(GAMMA)(reward, np.zeros((3, 1), bool), np.ones((3, 1), bool))
    assert np.sign(scaled).ravel().tolist() == [-1, 0, 1]


def test_scaled_rewards_are_clipped_at_ten():
    reward = np.zeros((10_000, 1), np.float32)
    reward[5000] = 1e6
    scaled = ReturnScale(0.0)(reward, np.zeros_like(reward, bool), np.ones_like(reward, bool))
    # the deviation of one million among 10 000 zeros is about 10 000, so the reward is 100 of them
    assert scaled.max() == 10


def test_returns_of_one_episode_do_not_reach_into_the_next():
    scale = ReturnScale(1.0)
    ones, ends, all_valid = np.ones((4, 1), np.float32), np.ones((4, 1), bool), np.ones((4, 1), bool)
    scale(ones, ends, all_valid)
    # every return is 1, so they do not deviate at all; without the cut they would be 1, 2, 3, 4
    assert scale.m2 == 0
    assert scale.mean == 1


@pytest.mark.parametrize("running", [np.zeros(2), np.zeros(0), np.zeros((3, 1)), np.zeros(())], ids=str)
def test_returns_of_other_environments_never_reach_the_loop_which_has_no_bounds(running):
    scale = ReturnScale(GAMMA)
    scale.load_state(scale.state() | {"running": running})
    with pytest.raises(UsageError, match="are under way, not of 3"):
        scale(*next(stream()))


@pytest.mark.parametrize("running", ["x", [0.0] * 3, np.zeros(3, np.int64), np.zeros(3, np.bool_)], ids=repr)
def test_returns_under_way_are_numbers(running):
    scale = ReturnScale(GAMMA)
    with pytest.raises(ValueError, match="no numbers"):
        scale.load_state(scale.state() | {"running": running})


def test_a_restored_scale_continues_exactly():
    first, second = ReturnScale(GAMMA), ReturnScale(GAMMA)
    *before, last = stream()
    for rollout in before:
        first(*rollout)
    second.load_state(first.state())
    np.testing.assert_array_equal(first(*last), second(*last))


def test_a_state_does_not_change_when_the_scale_goes_on():
    scale = ReturnScale(GAMMA)
    *before, last = stream()
    for rollout in before:
        scale(*rollout)
    state = scale.state()
    running = state["running"].copy()
    scale(*last)
    np.testing.assert_array_equal(state["running"], running)


def test_the_unit_is_the_deviation_of_the_returns_or_a_fifth_of_the_largest():
    unit, scale = ReturnUnit(GAMMA), ReturnScale(GAMMA)
    assert unit.unit == 1
    for rollout in stream():
        unit.see(*rollout)
        scale(*rollout)
    assert unit.unit == scale.std > unit.most / 5
    reward = np.zeros((1000, 3), np.float32)
    reward[500, 0] = -1e3
    unit.see(reward, np.ones_like(reward, bool), np.ones_like(reward, bool))
    assert unit.unit == 200
    again = ReturnUnit(GAMMA)
    again.load_state(unit.state())
    assert (again.unit, again.std) == (200, unit.std)


def test_returns_that_are_all_the_same_count_as_five():
    unit, ones = ReturnUnit(GAMMA), np.ones((4, 1))
    unit.see(3 * ones, ones.astype(bool), ones.astype(bool))
    assert 3 / unit.unit == 5


def batches(**config):
    """Rollouts of a clock whose steps are worth 1, 2, 3, 1, 2, 3, ..., and what is made of their rewards."""
    rewards = Rewards.of(RewardConfig(**config), GAMMA)
    with closing(clocks("3|")) as env:
        rollout = Rollout(env, 6)
        for _ in range(3):
            batch = rollout.collect(Stateless(lambda obs: {"action": np.zeros(1, np.int64)}))
            yield batch, rewards.replaced(batch).reward


def test_rewards_are_left_as_they_are_unless_asked_otherwise():
    for batch, reward in batches():
        assert reward is batch.reward


def test_a_sign_is_scaled_by_the_returns_of_signs():
    expected = ReturnScale(GAMMA)
    for batch, reward in batches(reward_sign=True, normalize_return=True):
        np.testing.assert_array_equal(reward, expected(np.ones((6, 1), np.float32), batch.done, batch.valid))
        assert batch.reward.max() == 3


def test_rewards_go_on_from_a_saved_state_which_is_nothing_without_a_scale():
    first, second = (Rewards.of(RewardConfig(normalize_return=True), GAMMA) for _ in range(2))
    for batch, _ in batches():
        second.load_state(first.state())
        np.testing.assert_array_equal(second(batch), first(batch))
    assert Rewards().state() is None
