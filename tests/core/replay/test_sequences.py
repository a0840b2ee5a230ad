"""Sequences out of a replay, against what was collected: every observation of `Clock` says whose and when it is."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from gymnast.core import checkpoint
from gymnast.core.acting import Memoryless
from gymnast.core.errors import UsageError
from gymnast.core.replay import sumtree
from gymnast.core.replay.sequences import SequenceReplay
from gymnast.core.rollout.engine import Rollout
from probes import clocks

GAMMA = 0.9
SCRIPTS = ("3| 2~ 4!", "2~ 5|", "9~", "1| 1~")
MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED]


class Noting(Memoryless):
    """Remembers before each step what it sees in it, so that one is known by the other."""

    def __call__(self, obs, first):
        return {"action": obs[:, 2].astype(np.int64) % 2, "carry": obs.copy()}


class Column:
    """All that was collected, row by row."""

    def __init__(self, mode=AutoresetMode.SAME_STEP, horizon=7):
        self.rollout, self.acting = Rollout(clocks(*SCRIPTS, mode=mode), horizon), Noting()
        self.rows, self.final = [], {}

    def batch(self, limit=None):
        batch = self.rollout.collect(self.acting, limit)
        begin = len(self.rows)
        for t in range(len(batch.reward)):
            names = ("obs", "reward", "valid", "terminated", "done", "first")
            self.rows.append({name: getattr(batch, name)[t].copy() for name in names})
        self.final |= {(begin + t, i): obs for (t, i), obs in zip(batch.final_at, batch.final_obs, strict=True)}
        self.newest = batch.obs[-1].copy()
        return batch

    def following(self, t, i):
        """What was seen after step t."""
        return self.final.get((t, i), self.newest[i] if t + 1 == len(self.rows) else self.rows[t + 1]["obs"][i])

    def ahead(self, t, i, n):
        """The sum of up to n rewards, what the rest is worth, and what is seen then."""
        total = 0.0
        for k in range(n):
            row = self.rows[t + k]
            total += GAMMA**k * row["reward"][i]
            last = row["done"][i] or t + k + 1 == len(self.rows) or not self.rows[t + k + 1]["valid"][i]
            if last or k == n - 1:
                return total, 0.0 if row["terminated"][i] else GAMMA ** (k + 1), self.following(t + k, i)
        raise AssertionError


def made(rows=26, **options):
    defaults = {"sequence": 4, "burn_in": 3, "n": 2, "gamma": GAMMA, "seed": 1}
    return SequenceReplay(rows * len(SCRIPTS), 3, **defaults | options)


def time(replay, index):
    """When the piece of a number begins, and its column."""
    number, i = divmod(int(index), replay.envs)
    newest = (replay.written[0] - replay.burn_in - replay.sequence) // replay.every
    return (newest - (newest - number) % len(replay.carry)) * replay.every, i


def may(replay):
    """The pieces that may be drawn: when they begin, and their columns."""
    return {time(replay, index) for index in np.flatnonzero(sumtree.weights(replay.pieces))}


def checked(replay, column):
    """Compare what is drawn with what was collected; which pieces were drawn."""
    seen, oldest = set(), len(column.rows) - replay.filled
    for drawn in (replay.sample(8 * replay.sequence) for _ in range(5)):
        for b, index in enumerate(drawn["indices"]):
            begin, i = time(replay, index)
            seen.add((begin, i))
            assert oldest <= begin
            obs, first = drawn["obs"][:, b], drawn["first"][:, b]
            assert drawn["state"][b].tolist() == obs[0].tolist() == column.rows[begin]["obs"][i].tolist()
            for p in range(replay.burn_in):
                assert obs[p].tolist() == column.rows[begin + p]["obs"][i].tolist()
                assert first[p] == column.rows[begin + p]["first"][i]
            for j in range(replay.sequence):
                t = begin + replay.burn_in + j
                assert drawn["learned"][b, j] == column.rows[t]["valid"][i]
                if not drawn["learned"][b, j]:
                    continue
                now, then = drawn["now"][b, j], drawn["then"][b, j]
                reward, discount, following = column.ahead(t, i, replay.n)
                assert obs[now].tolist() == column.rows[t]["obs"][i].tolist()
                assert obs[then].tolist() == following.tolist()
                assert drawn["action"][b, j] == obs[now, 2] % 2
                assert drawn["reward"][b, j] == pytest.approx(reward)
                assert drawn["discount"][b, j] == pytest.approx(discount)
                for p in {now, then} - {0}:  # what a memory saw before is the same episode, to the last step
                    assert first[p] == (obs[p, 2] == 0)
                    assert first[p] or (obs[p] - obs[p - 1]).tolist() == [0, 0, 1]
    return seen


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("n", [1, 3, 6])
@pytest.mark.parametrize("burn_in", [0, 3])
def test_sequences_are_what_was_collected_and_never_across_the_cursor(mode, n, burn_in):
    column, replay = Column(mode), made(n=n, burn_in=burn_in)
    for _ in range(9):  # 63 rows through a ring of 26
        replay.add(column.batch())
        if not len(replay):
            continue
        rows = range(max(0, len(column.rows) - 26), len(column.rows) - burn_in - 4 + 1)
        assert may(replay) == {(t, i) for t in rows if t % 2 == 0 for i in range(len(SCRIPTS))}
        assert checked(replay, column) <= may(replay)
        assert len(replay) == 4 * len(may(replay))
    assert replay.filled == 26


def test_steps_beyond_a_budget_are_seen_but_not_learned_from():
    column, replay = Column(), made()
    for limit in (None, 18, None):  # four rows and a half
        replay.add(column.batch(limit))
    assert not all(row["valid"].all() for row in column.rows)
    checked(replay, column)


def test_a_piece_without_a_step_to_learn_from_is_not_drawn():
    column, replay = Column(AutoresetMode.NEXT_STEP), made(sequence=1, burn_in=0)
    for _ in range(3):
        replay.add(column.batch())
    dead = {(t, i) for t, row in enumerate(column.rows) for i in np.flatnonzero(~row["valid"])}
    assert dead
    assert may(replay) == {(t, i) for t in range(21) for i in range(len(SCRIPTS))} - dead
    assert checked(replay, column) <= may(replay)


def test_a_batch_that_does_not_go_on_begins_from_nothing():
    replay = made(burn_in=0)
    for _ in range(2):
        replay.add(Column(horizon=3).batch())
    drawn = replay.sample(4 * 50)
    cut = [(b, p) for b, index in enumerate(drawn["indices"]) for p in range(8) if time(replay, index) == (0, 2)]
    for b, _ in cut:
        assert drawn["obs"][:, b, 2].tolist()[:5] == [0, 1, 2, 3, 0]  # 3 followed, and then another batch
        assert drawn["first"][:5, b].tolist() == [True, False, False, False, True]
        assert drawn["then"][b, :3].tolist() == [2, 3, 3]
    assert cut


def test_pieces_are_drawn_as_often_as_they_surprise():
    column, replay = Column(), made(alpha=0.5)
    replay.add(column.batch())
    replay.add(column.batch())
    drawn = replay.sample(4 * 6)
    replay.update_priorities(drawn["indices"], np.full(6, 4.0))
    weights = sumtree.weights(replay.pieces)
    assert weights[drawn["indices"]] == pytest.approx(2.0, rel=1e-4)
    assert replay.top_weight == pytest.approx(2.0, rel=1e-4)
    replay.add(column.batch())
    begin = [time(replay, index)[0] for index in range(np.size(replay.carry[..., 0]))]
    new = [index for index, t in enumerate(begin) if 14 < t + 7 <= 21]
    assert weights[new] == pytest.approx(2.0, rel=1e-4)  # what was never learned from comes first
    again = replay.sample(4 * 200, beta=1.0)
    assert again["weights"].max() == pytest.approx(1.0)
    assert again["weights"].min() == pytest.approx(0.5, rel=1e-4)
    with pytest.raises(UsageError, match="has no priorities"):
        made().update_priorities(drawn["indices"], np.zeros(6))


def filled():
    column, replay = Column(), made(alpha=0.6)
    for _ in range(5):
        replay.add(column.batch())
    drawn = replay.sample(4 * 8)
    replay.update_priorities(drawn["indices"], np.arange(8.0))
    return replay, column


def test_a_restored_replay_of_sequences_goes_on_bit_for_bit(tmp_path):
    replay, column = filled()
    checkpoint.save(tmp_path / "last", replay.state())
    again = made(alpha=0.6, seed=9)
    again.load_state(checkpoint.load(tmp_path / "last"))
    for _ in range(3):
        assert len(again) == len(replay)
        one, other = replay.sample(16, 2), again.sample(16, 2)
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])
        batch = column.batch()
        replay.add(batch)
        again.add(batch)
    empty = made()
    made().load_state(empty.state())


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("carry", lambda x: x[..., :2]),
        ("carry", lambda x: np.full_like(x, np.nan)),
        ("carry", lambda x: x.astype(np.float64)),
        ("pieces", lambda x: np.ones_like(x)),
        ("pieces", lambda x: np.zeros_like(x)),
        ("pieces", lambda x: x * np.nan),
        ("pieces", lambda x: x[:-1]),
    ],
)
def test_saved_sequences_that_were_made_up_are_refused(name, damage):
    state = filled()[0].state()
    with pytest.raises(ValueError, match="the saved replay is damaged"):
        made(alpha=0.6).load_state(state | {name: damage(state[name])})


def test_sequences_of_another_length_are_refused():
    state = filled()[0].state()
    with pytest.raises(UsageError, match="'sequence': 5"):
        made(alpha=0.6, sequence=5).load_state(state)


def test_a_replay_too_small_for_sequences_is_refused():
    with pytest.raises(UsageError, match=r"holds 7 steps of each of 4 environments, .* 3 \+ 4 steps: enlarge"):
        made(rows=7).add(Column().batch())
    replay = made(rows=8)
    with pytest.raises(UsageError, match="holds no whole one yet"):
        replay.sample(8)
    column = Column(horizon=1)
    for _ in range(30):
        replay.add(column.batch())
        assert bool(len(replay)) == (len(column.rows) >= 7)
