"""Rollouts of scripted environments, in which every number of a Batch is known beforehand."""

import sys
from copy import deepcopy
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv
from scripted import DISABLED, MODES, NEXT, SAME, SCRIPTS, counting, episodes_of, worth, zeros

from gymnast.core.acting import Memoryless, Stateless, ask
from gymnast.core.errors import TrainingError, UsageError
from gymnast.core.learn.returns import gae
from gymnast.core.rollout.engine import Rollout
from probes import Anything, clocks


def steps_of(batch, i):
    """All that happened to environment i, without the steps that never happened: (obs, reward, ends, action)."""
    alive = batch.valid[:, i]
    columns = batch.obs[:-1], batch.reward, batch.terminated, batch.truncated, batch.action
    return [x[:, i][alive].tolist() for x in columns]


def ends_of(batch, i):
    """The final observations of environment i in order."""
    return batch.final_obs[batch.final_at[:, 1] == i].tolist()


def test_same_step_hides_the_final_observation_in_final_obs():
    batch = Rollout(clocks("2| 1~"), 4).collect(zeros)
    assert batch.obs[:, 0].tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 2, 0], [0, 2, 1]]
    assert batch.reward[:, 0].tolist() == [1, 2, 1, 1]
    assert batch.terminated[:, 0].tolist() == [False, True, False, False]
    assert batch.truncated[:, 0].tolist() == [False, False, True, False]
    assert batch.final_at.tolist() == [[1, 0], [2, 0]]
    assert batch.final_obs.tolist() == [[0, 0, 2], [0, 1, 1]]
    assert batch.valid.all()


def test_next_step_spends_a_dead_step_on_each_reset():
    batch = Rollout(clocks("2| 1~", mode=NEXT), 6).collect(zeros)
    # two steps, the reset, one step, the reset, one step
    times = [[0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 1, 0], [0, 1, 1], [0, 2, 0], [0, 2, 1]]
    assert batch.obs[:, 0].tolist() == times
    assert batch.valid[:, 0].tolist() == [True, True, False, True, False, True]
    assert batch.reward[:, 0].tolist() == [1, 2, 0, 1, 0, 1]
    assert batch.final_at.tolist() == [[1, 0], [3, 0]]
    assert batch.final_obs.tolist() == [[0, 0, 2], [0, 1, 1]]
    assert batch.steps == 4


def test_disabled_resets_only_the_environments_that_ended():
    batch = Rollout(clocks("1|", "9|", mode=DISABLED), 2).collect(zeros)
    assert batch.obs[:, 0].tolist() == [[0, 0, 0], [0, 1, 0], [0, 2, 0]]
    assert batch.obs[:, 1].tolist() == [[1, 0, 0], [1, 0, 1], [1, 0, 2]]
    assert batch.final_obs.tolist() == [[0, 0, 1], [0, 1, 1]]


@pytest.mark.parametrize("mode", [NEXT, DISABLED])
def test_all_autoreset_modes_give_the_same_steps(mode):
    expected = Rollout(clocks(*SCRIPTS), 40).collect(counting)
    batch = Rollout(clocks(*SCRIPTS, mode=mode), 80).collect(counting)
    for i in range(len(SCRIPTS)):
        for want, got in zip(steps_of(expected, i), steps_of(batch, i), strict=True):
            assert got[:40] == want
        assert ends_of(batch, i)[: len(ends_of(expected, i))] == ends_of(expected, i)
        assert episodes_of(batch, i)[: len(episodes_of(expected, i))] == episodes_of(expected, i)


@pytest.mark.parametrize("mode", MODES)
def test_what_follows_a_step_is_worth_nothing_after_a_termination_and_v_of_the_final_obs_after_a_truncation(mode):
    batch = Rollout(clocks("2|", "2~", "2!", mode=mode), 2).collect(counting)
    after = batch.next_value(batch.extras["value"], worth(batch.edge_obs))
    # V = 100 copy + 10 episode + time. All are at time 1 after the first step; the second ends their episodes.
    assert after[0].tolist() == [1, 101, 201]
    assert after[1].tolist() == [0, 102, 0]


@pytest.mark.parametrize("mode", MODES)
def test_the_next_value_of_every_step_is_the_worth_of_the_state_it_led_to(mode):
    batch = Rollout(clocks(*SCRIPTS, mode=mode), 40).collect(counting)
    after = batch.next_value(batch.extras["value"], worth(batch.edge_obs))
    led_to = batch.obs[:-1] + np.array([0, 0, 1])  # a step of a clock moves its time on, whatever comes then
    expected = np.where(batch.terminated, 0, worth(led_to))
    np.testing.assert_array_equal(after[batch.valid], expected[batch.valid])


@pytest.mark.parametrize("mode", MODES)
def test_final_observations_are_sorted_by_time_then_environment(mode):
    batch = Rollout(clocks(*SCRIPTS, mode=mode), 30).collect(zeros)
    assert batch.final_at.tolist() == np.argwhere(batch.done).tolist()
    assert len(batch.final_obs) == len(batch.final_at)


def test_a_batch_without_ends_has_no_final_observations():
    batch = Rollout(clocks("9|", "9|"), 3).collect(zeros)
    assert batch.final_at.shape == (0, 2)
    assert batch.final_obs.shape == (0, 3)
    assert batch.edge_obs.tolist() == [[0, 0, 3], [1, 0, 3]]


@pytest.mark.parametrize("mode", MODES)
def test_episodes_report_whole_returns_and_lengths_across_batches(mode):
    rollout = Rollout(clocks("5|", mode=mode), 3)
    seen = [episodes_of(rollout.collect(zeros), 0) for _ in range(4)]
    # step t is worth t: 1 + 2 + 3 + 4 + 5 = 15. Twelve steps hold two episodes, of five or (with its reset) six.
    assert seen == [[], [(15, 5)], [], [(15, 5)]]


def test_episodes_come_in_the_order_of_their_ends():
    batch = Rollout(clocks("2|", "3|", "1|"), 3).collect(zeros)
    assert batch.episodes.env.tolist() == [2, 0, 2, 1, 2]
    assert batch.episodes.returns.tolist() == [1, 3, 1, 6, 1]
    assert batch.episodes.lengths.tolist() == [1, 2, 1, 3, 1]


def test_long_returns_are_summed_exactly():
    batch = Rollout(clocks("6000|"), 6000).collect(zeros)
    # 1 + ... + 6000 = 18 003 000 is more than float32 counts one by one
    assert batch.episodes.returns.tolist() == [6000 * 6001 / 2]


@pytest.mark.parametrize("mode", MODES)
def test_the_budget_is_exact_when_it_does_not_divide_by_the_environments(mode):
    batch = Rollout(clocks("9|", "9|", "9|", mode=mode), 8).collect(zeros, limit=7)
    assert batch.steps == 7
    assert batch.valid.tolist() == [[True] * 3, [True] * 3, [True, False, False]]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("limit", range(1, 20))
def test_no_budget_is_ever_exceeded_or_left_over(mode, limit):
    assert Rollout(clocks(*SCRIPTS, mode=mode), 40).collect(zeros, limit).steps == limit


def test_dead_steps_cost_no_budget():
    batch = Rollout(clocks("1|", "9|", mode=NEXT), 8).collect(zeros, limit=5)
    # 2 steps, then one copy resets: 1, 2; that makes five
    assert batch.valid.tolist() == [[True, True], [False, True], [True, True]]


@pytest.mark.parametrize("mode", MODES)
def test_rollouts_go_on_where_a_budget_cut_them(mode):
    rollout = Rollout(clocks("9|", "9|", mode=mode), 8)
    last = rollout.collect(zeros, limit=3).obs[-1].tolist()
    batch = rollout.collect(zeros)
    assert batch.obs[0].tolist() == last == [[0, 0, 2], [1, 0, 2]]
    assert batch.reward[:3].tolist() == [[3, 3], [4, 4], [5, 5]]


@pytest.mark.parametrize("mode", MODES)
def test_an_episode_cut_by_a_budget_is_reported_whole_later(mode):
    rollout = Rollout(clocks("4|", "4|", mode=mode), 8)
    rollout.collect(zeros, limit=3)  # the second step of the second copy was taken, but is beyond the budget
    batch = rollout.collect(zeros, limit=4)
    assert batch.episodes.returns.tolist() == [10, 10]
    assert batch.episodes.lengths.tolist() == [4, 4]


@pytest.mark.parametrize("mode", MODES)
def test_an_episode_that_ends_beyond_the_budget_does_not_leak_into_the_next(mode):
    rollout = Rollout(clocks("9|", "2|", mode=mode), 8)
    assert len(rollout.collect(zeros, limit=3).episodes.env) == 0
    batch = rollout.collect(zeros, limit=6)
    assert episodes_of(batch, 1)[0] == (3, 2)


def test_an_environment_that_does_not_say_how_it_resets_is_refused():
    env = clocks("3|")
    env.metadata = {}
    with pytest.raises(UsageError, match=r"autoreset_mode.*None"):
        Rollout(env, 4)


def test_environment_i_is_seeded_with_seed_plus_i():
    seeds = []

    class Seeded(Anything):
        def reset(self, *, seed=None, options=None):
            seeds.append(seed)
            return super().reset(seed=seed)

    space = spaces.Discrete(2)
    Rollout(SyncVectorEnv([partial(Seeded, space, space)] * 3, autoreset_mode=SAME), 4, seed=7)
    assert seeds == [7, 8, 9]


@pytest.mark.parametrize("mode", MODES)
def test_a_restored_rollout_continues_exactly(mode):
    first = Rollout(clocks(*SCRIPTS, mode=mode), 7)
    first.collect(counting)
    env, state = deepcopy(first.env), first.state()
    expected = first.collect(counting)
    second = Rollout(clocks(*SCRIPTS, mode=mode), 7)
    second.env = env
    second.load_state(state)
    batch = second.collect(counting)
    for name in ("obs", "action", "reward", "terminated", "truncated", "valid", "final_at", "final_obs"):
        np.testing.assert_array_equal(getattr(batch, name), getattr(expected, name))
    for column, other in zip(batch.episodes, expected.episodes, strict=True):
        np.testing.assert_array_equal(column, other)


def test_a_state_does_not_change_when_the_rollout_goes_on():
    rollout = Rollout(clocks(*SCRIPTS, mode=NEXT), 7)
    rollout.collect(zeros)
    state = rollout.state()
    before = deepcopy(state)
    rollout.collect(zeros)
    for name, value in before.items():
        np.testing.assert_array_equal(state[name], value)


def test_reset_forgets_the_episodes_under_way():
    rollout = Rollout(clocks("4|"), 3)
    rollout.collect(zeros)
    rollout.reset(0)
    batch = rollout.collect(zeros, limit=3)
    assert batch.obs[0].tolist() == [[0, 0, 0]]
    assert rollout.collect(zeros).episodes.returns.tolist() == [10]


class Random(gym.Env):
    """Episodes that end at random, one way or the other or both; rewards and observations at random."""

    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.np_random.normal(size=2).astype(np.float32), {}

    def step(self, action):
        obs = self.np_random.normal(size=2).astype(np.float32)
        terminated, truncated = (self.np_random.random(2) < 0.15).tolist()
        return obs, self.np_random.normal(), terminated, truncated, {}


@pytest.mark.parametrize("mode", MODES)
def test_advantages_through_a_batch_equal_brute_force_over_episodes(mode):
    gamma, lam = 0.9, 0.8

    def value(obs):
        return np.tanh(obs @ np.array([1.0, -2.0])).astype(np.float32)

    env = SyncVectorEnv([Random] * 3, autoreset_mode=mode)
    batch = Rollout(env, 60).collect(Stateless(lambda obs: {**ask(zeros, obs), "value": value(obs)}))
    after = batch.next_value(batch.extras["value"], value(batch.edge_obs))
    advantage = gae(batch.reward, batch.extras["value"], after, batch.done, gamma, lam)
    finals = {tuple(at): obs for at, obs in zip(batch.final_at.tolist(), batch.final_obs, strict=True)}

    for i in range(3):
        expected, following = {}, 0.0
        for t in reversed(range(60)):
            if not batch.valid[t, i]:
                continue
            state = finals.get((t, i), batch.obs[t + 1, i])
            worth_after = 0.0 if batch.terminated[t, i] else value(state)
            delta = batch.reward[t, i] + gamma * worth_after - value(batch.obs[t, i])
            following = delta + (0.0 if (t, i) in finals else gamma * lam * following)
            expected[t] = following
        got = [advantage[t, i] for t in expected]
        np.testing.assert_allclose(got, list(expected.values()), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_the_first_observation_of_each_episode_is_marked(mode):
    rollout, seen = Rollout(clocks(*SCRIPTS, mode=mode), 7), []

    class Watching(Memoryless):
        def __call__(self, obs, first):
            seen.append(first.copy())
            return {"action": np.zeros(len(obs), np.int64)}

    watching = Watching()
    for _ in range(4):
        batch = rollout.collect(watching)
        assert batch.first.shape == batch.obs.shape[:2]
        live = np.concatenate([batch.valid, np.ones((1, len(SCRIPTS)), np.bool_)])
        at_zero = batch.obs[..., 2] == 0  # the clock's time
        # in NEXT_STEP the row whose action is ignored shows the final observation, which begins nothing
        np.testing.assert_array_equal(batch.first[live], at_zero[live])
        assert not batch.first[~live].any()
        np.testing.assert_array_equal(np.array(seen[-7:]), batch.first[:-1])


@pytest.mark.parametrize("mode", MODES)
def test_whether_an_episode_begins_survives_a_stop(mode):
    one, two = (Rollout(clocks("3|", "7~", mode=mode), 3) for _ in range(2))
    for rollout in (one, two):
        rollout.collect(zeros)
    two.load_state(one.state())
    np.testing.assert_array_equal(two.collect(zeros).first[0], one.collect(zeros).first[0])


@pytest.mark.parametrize("where", ["reset", "step"])
def test_an_environment_that_calls_sys_exit_is_an_error_and_not_the_end_of_the_command(where):
    class Leaves(gym.Env):
        observation_space = gym.spaces.Box(-1, 1, (1,), np.float32)
        action_space = gym.spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):
            sys.exit(0) if where == "reset" else None
            return np.zeros(1, np.float32), {}

        def step(self, action):
            sys.exit(0)

    env = SyncVectorEnv([Leaves], autoreset_mode=SAME)
    with pytest.raises(TrainingError, match=rf"the environment called sys.exit\(0\) in .*{where}"):
        Rollout(env, 2).collect(Stateless(lambda obs: {"action": np.zeros(1, np.int64)}))
