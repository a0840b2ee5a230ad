"""Which steps of a batch REINFORCE takes for whole episodes."""

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from gymnast.agents import reinforce
from gymnast.core.acting import Stateless
from gymnast.core.rollout.engine import Rollout, Whole
from gymnast.runners.runs.run import preset
from gymnast.runners.training.train import Training
from probes import Match, clocks


def test_whole_episodes_of_a_batch_are_found_and_cut_ones_left_out():
    batch = Rollout(clocks("2|", "3~ 9|", "4|"), 7).collect(Stateless(lambda obs: {"action": np.zeros(3, np.int64)}))
    whole, step, episode = reinforce.episodes(batch)
    assert whole.sum(0).tolist() == [6, 3, 4]
    number = np.full(whole.shape, -1)
    number[whole] = episode
    assert number.T.tolist() == [[0, 0, 1, 1, 2, 2, -1], [3, 3, 3, -1, -1, -1, -1], [4, 4, 4, 4, -1, -1, -1]]
    time = np.full(whole.shape, -1)
    time[whole] = step
    assert time.T.tolist() == [[0, 1, 0, 1, 0, 1, -1], [0, 1, 2, -1, -1, -1, -1], [0, 1, 2, 3, -1, -1, -1]]


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_steps_that_only_reset_belong_to_no_episode(mode):
    rollout = Rollout(clocks("2| 1|", "3~", mode=mode), Whole(2))
    _, step, episode = reinforce.episodes(rollout.collect(Stateless(lambda obs: {"action": np.zeros(2, np.int64)})))
    lengths = np.bincount(episode)
    assert lengths.tolist() == [2, 1, 3, 3]
    assert sorted(step.tolist()) == sorted(t for n in lengths for t in range(n))


def test_a_run_that_ends_within_episodes_learns_nothing_from_them():
    run = preset("reinforce", lambda: Match(), "none", backend="loop", steps=32 + 12, num_envs=4, evals=0)
    with Training(run) as training:
        training.iterate()
        before = training.agent.optimizer.flat.clone()
        training.iterate()
        assert training.steps == 44
        assert training.source.cut
        assert torch.equal(training.agent.optimizer.flat, before)
