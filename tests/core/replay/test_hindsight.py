"""Hindsight against brute force: every draw, on a small ring that wraps, with ends of both kinds and several copies."""

from collections import Counter
from math import isclose

import numpy as np
import pytest
from streams import ENVS, GAMMA, Stream, copied, place, same

from gymnast.core.errors import UsageError
from gymnast.core.replay.config import ReplayConfig, replay_of
from gymnast.core.replay.hindsight import Goals, Hindsight
from gymnast.core.replay.replay import Replay

ROWS = 12
ACHIEVED, DESIRED, OWN = slice(0, 4), slice(4, 8), -1.0
STRATEGIES = ("future", "final", "episode")


class Seeking(Stream):
    """Observations (achieved, desired) of which every achieved goal is another number, and the desired one is -1."""

    def __init__(self, seed, **options):
        self.count = 0
        super().__init__(seed, **options)

    def reset(self):
        self.count += 1
        return np.array([self.count, OWN], np.float32).view(np.uint8)

    after = lambda self, obs: self.reset()  # noqa: E731


def judge(achieved, desired):
    """A reward that tells both goals, and an end where they are equal."""
    achieved, desired = (np.ascontiguousarray(x).view(np.float32)[:, 0] for x in (achieved, desired))
    return (achieved * 1000 + desired).astype(np.float32), achieved == desired


def without_ends(achieved, desired):
    return judge(achieved, desired)[0], None


def made(strategy="future", n=1, share=0.8, of=judge, seed=1, **options):
    hindsight = Hindsight(strategy, share, n, GAMMA)
    hindsight.goals = Goals(ACHIEVED, DESIRED, of)
    return Replay(ROWS * ENVS, n=n, gamma=GAMMA, hindsight=hindsight, seed=seed, **options)


def numbers(obs):
    return np.ascontiguousarray(obs).view(np.float32)


def episode(column, time, oldest):
    """Times of the steps of the episode around one that are in the ring, in order."""
    first = last = time
    while (
        first > oldest and column[first - 1].valid and not (column[first - 1].terminated or column[first - 1].truncated)
    ):
        first -= 1
    while not (column[last].terminated or column[last].truncated) and last + 1 < len(column) and column[last + 1].valid:
        last += 1
    return list(range(first, last + 1))


def expected(column, time, goal, n, ends):
    """Reward and discount of an n-step sample with another goal, step by step."""
    total = 0.0
    for k in range(n):
        step = column[time + k]
        reached = numbers(step.following)[0]
        total += GAMMA**k * (reached * 1000 + goal)
        if reached == goal if ends else step.terminated:
            return total, 0.0
        last = step.terminated or step.truncated or time + k + 1 == len(column) or not column[time + k + 1].valid
        if last or k == n - 1:
            return total, GAMMA ** (k + 1)
    raise AssertionError


def candidates(strategy, times, time):
    return {"future": [t for t in times if t >= time], "final": times[-1:], "episode": times}[strategy]


def check_draws(replay, stream, strategy, n, ends=True, draws=4):
    """Everything drawn is what the reference says; returns how often each goal was given to each transition."""
    given = Counter()
    oldest = max(0, replay.written[0] - replay.rows)
    for _ in range(draws):
        drawn = replay.sample(min(len(replay), 32))
        for b, index in enumerate(drawn["indices"]):
            time, i = place(replay, index)
            column = stream.columns[i]
            (now, goal), (after, goal_after) = numbers(drawn["obs"][b]), numbers(drawn["next_obs"][b])
            assert goal == goal_after
            obs, _, reward, discount, following = stream.transition(time, i, n)
            assert (now, after) == (numbers(obs)[0], numbers(following)[0])
            if goal != OWN:
                goals = candidates(strategy, episode(column, time, oldest), time)
                achieved = [numbers(column[t].following)[0] for t in goals]
                assert goal in achieved  # of its own episode, after a step of it
                given[time, i, goals[achieved.index(goal)]] += 1
                reward, discount = expected(column, time, goal, n, ends)
            assert isclose(drawn["reward"][b], reward, rel_tol=1e-5)
            assert isclose(drawn["discount"][b], discount, rel_tol=1e-6)
    return given


@pytest.mark.parametrize("alpha", [None, 0.6])
@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_draw_equals_the_reference(strategy, n, alpha):
    stream, replay = Seeking(seed=n), made(strategy, n, alpha=alpha)
    for steps in [1, 3, 2, 12, 7, 1, 1, 9, 4, 6]:  # 46 rows through a ring of 12
        replay.add(stream.batch(steps))
        assert check_draws(replay, stream, strategy, n)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_long_episodes_that_wrap_and_still_run_are_relabelled_by_what_is_left_of_them(strategy):
    stream, replay = Seeking(seed=5, p_end=0.02, p_invalid=0.0), made(strategy, share=1.0)
    for _ in range(40):
        replay.add(stream.batch(1))
        check_draws(replay, stream, strategy, 1, draws=3)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_goal_that_a_strategy_allows_is_given(strategy):
    stream, replay = Seeking(seed=2), made(strategy, share=1.0)
    replay.add(stream.batch(9))
    replay.add(stream.batch(9))
    given = check_draws(replay, stream, strategy, 1, draws=150)
    for i, column in enumerate(stream.columns):
        for time in range(6, 18):
            if column[time].valid:
                allowed = set(candidates(strategy, episode(column, time, 6), time))
                assert {t for (at, j, t) in given if (at, j) == (time, i)} == allowed


def test_without_a_word_on_ends_an_episode_ends_where_it_did():
    stream, replay = Seeking(seed=3), made(n=3, of=without_ends)
    replay.add(stream.batch(12))
    check_draws(replay, stream, "future", 3, ends=False)


def test_an_episode_that_ended_for_its_own_goal_goes_on_for_another():
    stream = Seeking(seed=0, p_end=1.0)
    batch = stream.batch(4)
    batch.terminated[:], batch.truncated[:] = True, False

    def never(achieved, desired):
        return np.zeros(len(achieved), np.float32), np.zeros(len(achieved), np.bool_)

    replay = made(share=1.0, of=never)
    replay.add(batch)
    assert (replay.sample(8)["discount"] == np.float32(GAMMA)).all()


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_share_of_transitions_that_get_a_goal(share):
    stream, replay = Seeking(seed=4), made(share=share)
    replay.add(stream.batch(12))
    drawn = replay.sample(30, batches=100)
    relabelled = (numbers(drawn["obs"].reshape(3000, -1))[:, 1] != OWN).mean()
    assert abs(relabelled - share) < 0.05  # five standard deviations


def test_a_column_that_does_not_go_on_is_two_episodes():
    first, second = (Seeking(seed, p_end=0.0, p_invalid=0.0) for seed in (1, 2))
    second.count = 1000
    second.obs = [second.reset() for _ in range(ENVS)]
    replay = made(share=1.0)
    replay.add(first.batch(4))
    replay.add(second.batch(4))
    drawn = numbers(replay.sample(24, batches=50)["obs"].reshape(1200, -1))
    assert ((drawn[:, 0] > 1000) == (drawn[:, 1] > 1000)).all()


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("in_files", [False, True])
def test_a_restored_replay_draws_the_same_goals(strategy, in_files, tmp_path):
    stream, path = Seeking(seed=8), tmp_path if in_files else None
    replay = made(strategy, n=2, path=path)
    for steps in (9, 7, 5):
        replay.add(stream.batch(steps))
    state = copied(replay.state())
    expected = [copied(replay.sample(8)) for _ in range(3)]
    again = made(strategy, n=2, path=path, seed=2)
    again.load_state(state)
    for drawn in expected:
        same(again.sample(8), drawn)
    again.add(stream.batch(6))
    check_draws(again, stream, strategy, 2)


@pytest.mark.parametrize("later", [1, 4, 9])
def test_rows_overwritten_in_files_since_are_no_part_of_any_episode(later, tmp_path):
    stream, lost = Seeking(seed=4), Seeking(seed=99)
    replay = made(path=tmp_path)
    replay.add(stream.batch(12))
    replay.add(stream.batch(4))
    state = copied(replay.state())
    for _ in range(later):
        replay.add(lost.batch(1))
    again = made(path=tmp_path)
    again.load_state(state)
    for _ in range(3):
        if len(again):
            check_draws(again, stream, "future", 1)
        again.add(stream.batch(4))


def test_normalisers_see_each_observation_with_what_it_achieved_as_its_goal_too():
    replay, batch = made(), Seeking(seed=0, p_invalid=0.0, p_end=0.0).batch(3)
    shown = numbers(replay.shown(batch))
    assert len(shown) == 2 * batch.steps
    assert (shown[: batch.steps, 1] == OWN).all()
    assert (shown[batch.steps :, 1] == shown[batch.steps :, 0]).all()


def test_without_an_environment_there_are_no_other_goals():
    replay = replay_of(ReplayConfig(capacity=ROWS * ENVS, hindsight="future"), seed=0)
    replay.add(Seeking(seed=0).batch(5))
    with pytest.raises(UsageError, match="needs the rewards of an environment"):
        replay.sample(4)


def test_signs_of_rewards_are_refused_with_hindsight():
    with pytest.raises(UsageError, match="set reward_sign to false"):
        ReplayConfig(hindsight="final", reward_sign=True)
