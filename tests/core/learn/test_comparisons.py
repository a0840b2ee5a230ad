"""Pairs out of recorded comparisons."""

import numpy as np
import pytest
import torch

from gymnast.core.batch import Batch, Episodes
from gymnast.core.errors import UsageError
from gymnast.core.learn.comparisons import apart, comparisons, learned


def recorded(question, rank, lengths=None):
    """Answers one after the other in one column, as demonstrations are played back."""
    lengths = lengths or [1 + k % 3 for k in range(len(question))]
    total = sum(lengths)
    ends = np.cumsum(lengths) - 1
    done = np.zeros((total, 1), bool)
    done[ends] = True
    first = np.ones((total + 1, 1), bool)
    first[1:] = done
    extras = {"question": np.repeat(question, lengths)[:, None], "rank": np.repeat(rank, lengths)[:, None]}
    return Batch(
        obs=np.zeros((total + 1, 1, 4), np.int32),
        action=np.zeros((total, 1), np.int64),
        reward=np.zeros((total, 1), np.float32),
        terminated=done,
        truncated=np.zeros_like(done),
        valid=np.ones_like(done),
        first=first,
        final_at=np.stack([ends, np.zeros_like(ends)], 1),
        final_obs=np.zeros((len(ends), 4), np.int32),
        episodes=Episodes(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64)),
        extras=extras,
    )


CPU = torch.device("cpu")


def test_a_ranking_is_its_pairs_and_each_question_counts_once():
    found = comparisons(recorded([7, 7, 7, 9, 9], [2, 0, 1, 0, 1]), CPU)
    by_question = {
        (q, tuple(pair)): w
        for q, pair, w in zip(found.question.tolist(), found.pair.tolist(), found.weight.tolist(), strict=True)
    }
    third = pytest.approx(1 / 3)
    assert by_question == {(7, (1, 2)): third, (7, (1, 0)): third, (7, (2, 0)): third, (9, (3, 4)): 1.0}
    assert found.mean(torch.tensor([3.0, 0, 0, 2])).item() == pytest.approx(1.5)


def test_answers_in_equal_ranks_make_no_pair():
    found = comparisons(recorded([0, 0, 0, 1, 1], [0, 0, 2, 0, 0]), CPU)
    assert sorted(map(tuple, found.pair.tolist())) == [(0, 2), (1, 2)]
    with pytest.raises(UsageError, match="no pair"):
        comparisons(recorded([1, 1], [0, 0]), CPU)


def test_other_demonstrations_are_refused():
    batch = recorded([0, 0], [0, 1])
    batch.extras.pop("rank")
    with pytest.raises(UsageError, match="gymnast prefer"):
        comparisons(batch, CPU)
    batch = recorded([0.5, 0.5], [0, 1])
    with pytest.raises(UsageError, match="damaged"):
        comparisons(batch, CPU)


def test_as_many_answers_to_a_question_as_nobody_ranked_are_refused():
    with pytest.raises(UsageError, match="at most 64"):
        comparisons(recorded([0] * 65, np.arange(65)), CPU)
    with pytest.raises(UsageError, match="damaged"):
        comparisons(recorded(np.array([1 << 63] * 2, np.uint64), [0, 1]), CPU)


def test_minibatches_are_whole_questions_and_every_pair_is_in_one():
    found = comparisons(recorded(np.repeat(np.arange(20), 3), np.tile([0, 1, 2], 20)), CPU)
    parts = list(found.split(9, torch.Generator().manual_seed(0)))
    assert [len(part) for part in parts] == [9] * 6 + [6]
    asked = [set(part.question.tolist()) for part in parts]
    assert sum(map(len, asked)) == len(set().union(*asked)) == 20
    which, pair = parts[0].answers()
    assert len(which) == 9
    assert torch.equal(which[pair], parts[0].pair)


def test_a_pass_that_ends_before_gives_its_share_of_the_questions():
    batch = recorded(np.repeat(np.arange(20), 2), np.tile([0, 1], 20))
    batch.valid[::2] = False
    found = comparisons(batch, CPU)
    parts = list(found.split(4, torch.Generator().manual_seed(0), learned(batch)))
    assert sum(map(len, parts)) == 10
    assert len(found) == 20


def test_questions_are_held_out_whole_and_always_the_same():
    found = comparisons(recorded(np.repeat(np.arange(50), 3), np.tile([0, 1, 2], 50)), CPU)
    held = apart(found, 0.2, seed=3)
    assert 0 < held.float().mean() < 0.5
    assert not set(found.question[held].tolist()) & set(found.question[~held].tolist())
    assert torch.equal(held, apart(found, 0.2, seed=3))
    assert not apart(found, 0.0, seed=3).any()
