"""Rollouts of whole episodes, in scripted environments."""

import numpy as np
import pytest
from scripted import MODES, SCRIPTS, counting, episodes_of, zeros

from gymnast.core.acting import Stateless
from gymnast.core.rollout.engine import Rollout, Whole
from probes import clocks


@pytest.mark.parametrize("mode", MODES)
def test_whole_episodes_are_the_same_number_of_each_environment(mode):
    batch = Rollout(clocks(*SCRIPTS, mode=mode), Whole(2)).collect(zeros)
    for i, lengths in enumerate([(3, 2), (1, 4), (5, 1), (2, 2), (9, 9)]):
        mine = batch.valid[:, i]
        assert batch.reward[mine, i].tolist() == [t + 1 for length in lengths for t in range(length)]
        assert episodes_of(batch, i) == [(length * (length + 1) / 2, length) for length in lengths]
        assert batch.done[mine, i].sum() == 2
    assert batch.steps == 5 + 5 + 6 + 4 + 18


@pytest.mark.parametrize("mode", MODES)
def test_whole_episodes_start_from_a_reset_every_time(mode):
    rollout = Rollout(clocks("2|", "5~", mode=mode), Whole(1))
    for _ in range(3):
        batch = rollout.collect(zeros)
        assert (batch.obs[0, :, 2] == 0).all()
        assert batch.steps == 7
        assert sorted(batch.episodes.lengths) == [2, 5]
        assert not rollout.cut


def stopping(stop, after):
    """Acts, and asks for a stop after so many steps."""
    times = iter(range(1_000_000))

    def act(obs):
        if next(times) == after:
            stop.append(15)
        return {"action": np.zeros(len(obs), np.int64)}

    return Stateless(act)


def test_a_stop_cuts_episodes_that_are_longer_than_all_before():
    stop: list[int] = []
    rollout = Rollout(clocks("3000|", "1|"), Whole(1))
    batch = rollout.collect(stopping(stop, 200), stop=stop)
    assert len(batch.reward) == 256
    assert rollout.cut
    assert batch.steps == 256 + 1


def test_a_stop_lets_other_episodes_end_so_that_a_resumed_run_equals_one_that_was_not_stopped():
    stop: list[int] = []
    rollout = Rollout(clocks("250| 1| 700| 1| 512| 1|", "1|"), Whole(1))
    assert [len(rollout.collect(stopping(stop, 1_000), stop=stop).reward) for _ in range(2)] == [250, 700]
    assert len(rollout.collect(stopping(stop, 5), stop=stop).reward) == 512
    assert not rollout.cut


def test_the_storage_grows_to_the_longest_episode():
    batch = Rollout(clocks("700|", "1|"), Whole(1)).collect(counting)
    assert batch.reward[:, 0].tolist() == list(range(1, 701))
    assert batch.obs[:700, 0, 2].tolist() == list(range(700))
    assert batch.extras["value"][:, 0].tolist() == list(range(700))
    assert batch.valid[:, 1].sum() == 1
    assert batch.final_obs.shape == (701, 3)


def test_the_limit_cuts_whole_episodes_and_says_so():
    rollout = Rollout(clocks("2|", "5~"), Whole(1))
    batch = rollout.collect(zeros, limit=6)
    assert batch.steps == 6
    assert rollout.cut
    assert episodes_of(batch, 0) == [(3.0, 2)]
    assert episodes_of(batch, 1) == []
    rollout.collect(zeros, limit=7)
    assert not rollout.cut


def test_an_end_beyond_the_limit_is_cut_too():
    rollout = Rollout(clocks("1|", "1|"), Whole(1))
    batch = rollout.collect(zeros, limit=1)
    assert batch.valid.tolist() == [[True, False]]
    assert rollout.cut
