"""Replay that is saved, restored and kept in files."""

import pytest
from streams import ENVS, GAMMA, Stream, check, copied, filled, same

from gymnast.core import checkpoint
from gymnast.core.errors import UsageError
from gymnast.core.replay.replay import Replay


@pytest.mark.parametrize("stack", [1, 4])
@pytest.mark.parametrize("alpha", [None, 0.6])
@pytest.mark.parametrize("in_files", [False, True])
def test_a_restored_replay_goes_on_bit_for_bit(stack, alpha, in_files, tmp_path):
    def make(seed):
        return Replay(12 * ENVS, n=3, stack=stack, alpha=alpha, path=tmp_path if in_files else None, seed=seed)

    stream = Stream(seed=8, stack=stack, blank_start=False)
    batches = [stream.batch(steps) for steps in (9, 7, 5, 6, 8)]
    replay = make(seed=1)
    for batch in batches[:3]:
        replay.add(batch)
        if alpha:
            drawn = replay.sample(8)
            replay.update_priorities(drawn["indices"], drawn["reward"])
    state = copied(replay.state())
    if in_files:
        assert "records" not in state
        again = make(seed=2)
        again.load_state(state)
        expected = Replay(12 * ENVS, n=3, stack=stack, alpha=alpha)
        records = {"records": replay.records[: replay.filled * ENVS].copy()}
        expected.load_state(state | records | {"made": state["made"] | {"stored in": "memory"}})
        replay = expected  # two replays cannot write to the same files
    else:
        again = make(seed=2)
        again.load_state(state)
    for batch in batches[3:]:
        same(replay.sample(8), again.sample(8))
        for one in (replay, again):
            one.add(batch)
        same(replay.sample(8), again.sample(8))
        assert len(replay) == len(again)


def test_a_checkpoint_holds_a_replay(tmp_path):
    one, stream = filled(0.6)
    checkpoint.save(tmp_path / "last", one.state())
    again = Replay(16 * ENVS, n=2, gamma=GAMMA, alpha=0.6)
    again.load_state(checkpoint.load(tmp_path / "last"))
    batch = stream.batch(7)
    for each in (one, again):
        each.add(batch)
    same(one.sample(16), again.sample(16))


def test_an_empty_replay_can_be_saved_too():
    replay, again = Replay(10, seed=1), Replay(10, seed=2)
    again.load_state(replay.state())
    assert again.random == replay.random


@pytest.mark.parametrize("stack", [1, 4])
def test_files_hold_the_same_as_memory(stack, tmp_path):
    stream = Stream(seed=4, stack=stack)
    memory, files = Replay(10 * ENVS, stack=stack), Replay(10 * ENVS, stack=stack, path=tmp_path)
    for steps in (8, 7, 10, 2):
        batch = stream.batch(steps)
        memory.add(batch)
        files.add(batch)
        same(memory.sample(16), files.sample(16))


@pytest.mark.parametrize("later", [1, 4, 9, 30])
@pytest.mark.parametrize("stack", [1, 4])
def test_rows_overwritten_in_the_files_after_the_state_was_taken_are_forgotten(stack, later, tmp_path):
    stream = Stream(seed=4, stack=stack)
    replay = Replay(10 * ENVS, n=3, gamma=GAMMA, stack=stack, extras=["logp"], alpha=0.6, path=tmp_path)
    replay.add(stream.batch(10))
    replay.add(stream.batch(4))
    state = copied(replay.state())
    lost = Stream(seed=99, stack=stack)
    for _ in range(later):
        replay.add(lost.batch(1))
    again = Replay(10 * ENVS, n=3, gamma=GAMMA, stack=stack, extras=["logp"], alpha=0.6, path=tmp_path)
    again.load_state(state)
    assert len(again) <= max(10 - later, 0) * ENVS
    for _ in range(4):
        if len(again):
            check(again, stream, 3)
        again.add(stream.batch(4))


def test_a_state_of_another_replay_is_refused(tmp_path):
    def make(folder="a", capacity=10 * ENVS, **options):
        return Replay(capacity, path=tmp_path / folder, **options)

    replay = make()
    replay.add(Stream(seed=0).batch(4))
    with pytest.raises(UsageError, match="is missing: the saved replay had its arrays there"):
        make("b").load_state(replay.state())
    with pytest.raises(UsageError, match=r"'capacity': 30, .*, this one with .*'capacity': 60"):
        make(capacity=20 * ENVS).load_state(replay.state())
    with pytest.raises(UsageError, match=r"'alpha': None, .*, this one with .*'alpha': 0.5"):
        make(alpha=0.5).load_state(replay.state())
    other = make("b")
    other.add(Stream(seed=0, stack=2).batch(1))
    with pytest.raises(UsageError, match=r"holds uint8 \(30, 32\), the saved replay \|u1 \(30, 24\)"):
        make("b").load_state(replay.state())
    again = make()
    state = replay.state() | {"written": 9}
    with pytest.raises(UsageError, match="are older than the saved state"):
        again.load_state(state)
