"""Replay against a reference that keeps every step of every column in plain lists."""

from dataclasses import dataclass

import numpy as np
import pytest
from ale_py.vector_env import AtariVectorEnv
from gymnasium.vector import AutoresetMode

from gymnast.core import checkpoint, drawing, sumtree
from gymnast.core.batch import Batch, Episodes
from gymnast.core.errors import UsageError
from gymnast.core.replay import Replay
from gymnast.core.rollout import Rollout

ENVS, GAMMA = 3, 0.9
NO_EPISODES = Episodes(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64))


@dataclass
class Step:
    obs: np.ndarray
    action: int
    reward: float
    terminated: bool
    truncated: bool
    valid: bool
    following: np.ndarray
    """The true next observation, the final one at an end."""


class Stream:
    """Columns of episodes that end at random; every observation is new. Remembers all its steps.

    After an end a column either restarts at once or spends one dead step on it, as the two autoreset modes do.
    """

    def __init__(self, seed, stack=1, blank_start=True, p_end=0.2, p_invalid=0.05):
        self.rng = np.random.default_rng(seed)
        self.stack, self.blank_start, self.p_end, self.p_invalid = stack, blank_start, p_end, p_invalid
        self.columns = [[] for _ in range(ENVS)]
        self.obs = [self.reset() for _ in range(ENVS)]
        self.dead = [False] * ENVS

    def frame(self):
        return self.rng.integers(1, 255, (2, 3), np.uint8)

    def reset(self):
        if self.stack == 1:
            return self.rng.normal(size=2).astype(np.float32)
        older = np.zeros((self.stack - 1, 2, 3), np.uint8) if self.blank_start else [self.frame()] * (self.stack - 1)
        return np.concatenate([older, self.frame()[None]])

    def after(self, obs):
        return self.reset() if self.stack == 1 else np.concatenate([obs[1:], self.frame()[None]])

    def step(self, i):
        obs, rng = self.obs[i], self.rng
        if self.dead[i]:
            self.dead[i], self.obs[i] = False, self.reset()
            return Step(obs, 0, 0.0, False, False, False, self.obs[i])
        following, end = self.after(obs), rng.random() < self.p_end
        terminated = bool(end and rng.random() < 0.5)
        self.dead[i] = bool(end and rng.random() < 0.5)
        self.obs[i] = self.reset() if end and not self.dead[i] else following
        valid = bool(end or rng.random() > self.p_invalid)
        return Step(
            obs, int(rng.integers(4)), float(rng.normal()), terminated, end and not terminated, valid, following
        )

    def batch(self, steps):
        rows = [[self.step(i) for i in range(ENVS)] for _ in range(steps)]
        for i in range(ENVS):
            self.columns[i] += [row[i] for row in rows]

        def column(name, dtype):
            return np.array([[getattr(s, name) for s in row] for row in rows], dtype)

        ends = [(t, i) for t in range(steps) for i in range(ENVS) if rows[t][i].terminated or rows[t][i].truncated]
        obs = np.array([[s.obs for s in row] for row in rows] + [self.obs])
        return Batch(
            obs=obs,
            action=column("action", np.int64),
            reward=column("reward", np.float32),
            terminated=column("terminated", np.bool_),
            truncated=column("truncated", np.bool_),
            valid=column("valid", np.bool_),
            final_at=np.array(ends, np.int64).reshape(-1, 2),
            final_obs=np.array([rows[t][i].following for t, i in ends], obs.dtype).reshape(-1, *obs.shape[2:]),
            episodes=NO_EPISODES,
            extras={"logp": column("reward", np.float32) * 2},
        )

    def transition(self, time, i, n):
        """What an n-step sample of this step must be: obs, action, reward, discount, next_obs."""
        column, total = self.columns[i], 0.0
        for k in range(n):
            step = column[time + k]
            total += GAMMA**k * step.reward
            last = step.terminated or step.truncated or time + k + 1 == len(column) or not column[time + k + 1].valid
            if last or k == n - 1:
                discount = 0.0 if step.terminated else GAMMA ** (k + 1)
                return column[time].obs, column[time].action, total, discount, step.following
        raise AssertionError


def place(replay, index):
    """Time and column of a slot."""
    row, i = divmod(int(index), replay.envs)
    newest = int(replay.written[0]) - 1
    return newest - (newest - row) % replay.rows, i


def check(replay, stream, n):
    """Everything drawn equals the reference, and everything that may be drawn is."""
    seen = set()
    for _ in range(12):
        drawn = replay.sample(min(len(replay), 32))
        for b, index in enumerate(drawn["indices"]):
            time, i = place(replay, index)
            obs, action, reward, discount, following = stream.transition(time, i, n)
            assert stream.columns[i][time].valid
            np.testing.assert_array_equal(drawn["obs"][b], obs)
            np.testing.assert_array_equal(drawn["next_obs"][b], following)
            assert drawn["action"][b] == action
            assert drawn["logp"][b] == np.float32(stream.columns[i][time].reward) * 2
            np.testing.assert_allclose(drawn["reward"][b], reward, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(drawn["discount"][b], discount, rtol=1e-6)
            seen.add((time, i))
    times = range(max(0, replay.written[0] - replay.rows), replay.written[0])
    return seen, {(t, i) for t in times for i in range(ENVS) if stream.columns[i][t].valid}


@pytest.mark.parametrize("alpha", [None, 0.6])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_every_sample_equals_the_reference(n, alpha):
    stream = Stream(seed=n)
    replay = Replay(10 * ENVS, n=n, gamma=GAMMA, extras=["logp"], alpha=alpha, seed=1)
    for steps in [1, 3, 2, 10, 7, 1, 1, 9, 4, 6]:  # 44 rows through a ring of 10
        replay.add(stream.batch(steps))
        seen, may = check(replay, stream, n)
        assert seen <= may
        assert len(replay) == len(may)
        assert len(seen) > 0.9 * len(may)


@pytest.mark.parametrize("blank_start", [True, False])
@pytest.mark.parametrize("stack", [2, 4])
def test_stacks_rebuilt_from_single_frames_equal_the_originals(stack, blank_start):
    stream = Stream(seed=stack, stack=stack, blank_start=blank_start)
    replay = Replay(10 * ENVS, n=2, gamma=GAMMA, stack=stack, extras=["logp"], alpha=0.6)
    for steps in [1, 3, 2, 10, 7, 1, 1, 9, 4, 6, 10, 8]:
        replay.add(stream.batch(steps))
        seen, may = check(replay, stream, 2)
        oldest = min(t for t, _ in may)
        whole = {(t, i) for t, i in may if t >= oldest + stack - 1}
        assert seen <= may
        assert len(whole) <= len(replay) <= len(may)  # only the oldest rows may have lost their older frames


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_atari_stacks_come_back_bit_for_bit(mode):
    steps, envs, rng = 40, 2, np.random.default_rng(0)
    env = AtariVectorEnv("breakout", envs, autoreset_mode=mode, max_num_frames_per_episode=100)  # 25 steps
    rollout, replay = Rollout(env, steps, seed=1), Replay(steps * envs, stack=4)
    for _ in range(3):
        batch = rollout.collect(lambda obs: {"action": rng.integers(0, 4, len(obs))})
        replay.add(batch)
        following = batch.obs[1:].copy()
        following[tuple(batch.final_at.T)] = batch.final_obs
        assert replay.cursor == 0  # the batch fills the ring: row t is step t
        drawn = replay.sample(60)
        t, i = np.divmod(drawn["indices"], envs)
        assert batch.valid[t, i].all()
        np.testing.assert_array_equal(drawn["obs"], batch.obs[t, i])
        np.testing.assert_array_equal(drawn["next_obs"], following[t, i])
    assert batch.truncated.any()
    assert (replay.starts.of < 0).all()  # it fills the stack of a reset with blanks: nothing to keep
    env.close()


def test_a_stack_costs_one_frame_per_step():
    stream = Stream(seed=0, stack=4, p_end=0.0)
    replay = Replay(1000 * ENVS, stack=4)
    replay.add(stream.batch(1))
    assert replay.fields["obs"].nbytes == 1000 * ENVS * 2 * 3


def test_a_million_atari_frames_fit_in_eight_gibibytes():
    envs, steps = 8, 50
    obs = np.zeros((steps + 1, envs, 4, 84, 84), np.uint8)
    flat = {k: np.zeros((steps, envs), d) for k, d in (("action", "i8"), ("reward", "f4"), ("terminated", "?"))}
    valid, none = np.ones((steps, envs), np.bool_), np.zeros((0, 2), np.int64)
    batch = Batch(obs, **flat, truncated=flat["terminated"], valid=valid, final_at=none, final_obs=obs[0, :0],
                  episodes=NO_EPISODES, extras={})  # fmt: skip
    replay = Replay(steps * envs, stack=4, alpha=0.6)
    replay.add(batch)
    # Per slot: a frame 7056, action 8, reward 4, flags 1, age 1, two kept-row numbers 8, tree 2 to 4 leaves of 8 bytes.
    kept = replay.ends.block.nbytes + replay.starts.block.nbytes
    per_slot = (replay.nbytes - kept) / (steps * envs)
    assert per_slot <= 7056 + 8 + 4 + 1 + 1 + 8 + 32
    # Episodes of 100 steps would be 10 000 ends of four frames, in a block that is at most twice too large.
    assert 1e6 * per_slot + 2 * 1e4 * 4 * 7056 < 8 * 2**30


def test_a_truncated_step_bootstraps_from_the_observation_that_the_reset_hid():
    stream = Stream(seed=0, p_end=1.0)
    replay = Replay(20 * ENVS, gamma=GAMMA)
    batch = stream.batch(20)
    replay.add(batch)
    drawn = replay.sample(20)
    t, i = np.divmod(drawn["indices"], ENVS)
    final = {(t, i): obs for (t, i), obs in zip(map(tuple, batch.final_at), batch.final_obs, strict=True)}
    np.testing.assert_array_equal(drawn["next_obs"], [final[at] for at in zip(t, i, strict=True)])
    np.testing.assert_allclose(drawn["discount"], np.where(batch.truncated[t, i], GAMMA, 0), rtol=1e-6)


def test_a_batch_that_does_not_go_on_is_not_followed_into():
    first, second = (Stream(seed, p_end=0.0, p_invalid=0.0) for seed in (1, 2))
    replay = Replay(8 * ENVS, n=3, gamma=GAMMA)
    batch = first.batch(2)
    replay.add(batch)
    replay.add(second.batch(4))
    drawn = replay.sample(18, batches=10)
    t = drawn["indices"] // ENVS
    # rows 0 and 1 see the two rewards up to the cut, rows 2 to 5 the four after it
    steps = np.array([2, 1, 3, 3, 2, 1])[t]
    np.testing.assert_allclose(drawn["discount"], GAMMA**steps, rtol=1e-6)
    at_cut = t < 2
    np.testing.assert_array_equal(drawn["next_obs"][at_cut], batch.obs[2][drawn["indices"][at_cut] % ENVS])


def test_several_minibatches_at_once_are_the_same_draws():
    one, many = (Replay(30 * ENVS, seed=3) for _ in range(2))
    for replay in (one, many):
        replay.add(Stream(seed=0).batch(20))
    together = many.sample(8, batches=5)
    assert together["obs"].shape == (5, 8, 2)
    for k in range(5):
        np.testing.assert_array_equal(together["obs"][k], one.sample(8)["obs"])


def filled(alpha, seed=0, **options):
    stream = Stream(seed=5, p_end=0.1)
    replay = Replay(16 * ENVS, n=2, gamma=GAMMA, alpha=alpha, seed=seed, **options)
    replay.add(stream.batch(16))
    return replay, stream


def test_uniform_draws_are_uniform():
    replay, _ = filled(None)
    counts = np.bincount(replay.sample(16, batches=4000)["indices"].ravel(), minlength=48)
    counts = counts[counts > 0]
    assert len(counts) == len(replay)
    expected = 64000 / len(replay)
    # chi-square with d degrees of freedom: mean d, standard deviation sqrt(2 d)
    d = len(replay) - 1
    assert abs(((counts - expected) ** 2 / expected).sum() - d) < 4 * np.sqrt(2 * d)


def test_priorities_draw_in_proportion_and_weights_undo_it():
    replay, _ = filled(0.5)
    known = np.unique(replay.sample(16, batches=200)["indices"])
    assert len(known) == len(replay)
    error = np.arange(len(known), dtype=np.float32)
    replay.update_priorities(known, error)
    p = (error.astype(float) + 1e-6) ** 0.5
    p /= p.sum()
    drawn = replay.sample(16, batches=4000, beta=1.0)
    share = np.bincount(drawn["indices"].ravel(), minlength=48)[known] / 64000
    # strata make the spread smaller than binomial: sqrt(p (1 - p) / 64000) < 0.002 everywhere
    np.testing.assert_allclose(share, p, atol=5 * 0.0009)
    # beta = 1: weight ~ 1 / P(i), scaled so that the largest of each minibatch is 1
    inverse = 1 / p[np.searchsorted(known, drawn["indices"])]
    np.testing.assert_allclose(drawn["weights"], inverse / inverse.max(axis=1, keepdims=True), rtol=1e-5)


def test_strata_visit_every_equal_part_once():
    # 32 slots of equal priority in 32 strata: each minibatch of 32 is a permutation
    stream = Stream(seed=1, p_end=0.0, p_invalid=0.0)
    replay = Replay(16 * ENVS, alpha=1.0)
    replay.add(stream.batch(16))
    assert sorted(replay.sample(48)["indices"]) == list(range(48))


def test_new_transitions_get_the_largest_priority_and_overwritten_ones_none():
    replay, stream = filled(1.0)
    drawn = replay.sample(16)
    replay.update_priorities(drawn["indices"], np.full(16, 9.0))
    replay.update_priorities(drawn["indices"], np.full(16, 0.0))
    replay.add(stream.batch(3))  # overwrites rows 0 to 2
    leaves = sumtree.weights(replay.tree)[: 16 * ENVS].reshape(16, ENVS)
    valid = np.array([[stream.columns[i][16 + t].valid for i in range(ENVS)] for t in range(3)])
    np.testing.assert_allclose(leaves[:3], np.where(valid, 9.0 + 1e-6, 0.0))
    assert replay.tree[1] == pytest.approx(leaves.sum())


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])


def copied(state):
    return {k: x.copy() if isinstance(x, np.ndarray) else x for k, x in state.items()}


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


@pytest.mark.parametrize("alpha", [None, 0.6])
@pytest.mark.parametrize("stack", [1, 4])
def test_jitted_code_equals_the_python_it_was_made_from(alpha, stack, monkeypatch):
    def drawn():
        stream = Stream(seed=2, stack=stack, blank_start=False)
        one = Replay(10 * ENVS, n=3, alpha=alpha, stack=stack)
        for steps in (9, 4):
            one.add(stream.batch(steps))
        first = one.sample(12)
        if alpha:
            one.update_priorities(first["indices"], first["reward"])
        return one.sample(12)

    jitted = drawn()
    for module in (drawing, sumtree):
        for name, kernel in list(vars(module).items()):
            if hasattr(kernel, "py_func"):
                monkeypatch.setattr(module, name, kernel.py_func)
    with np.errstate(over="ignore"):  # the counter is meant to wrap
        same(jitted, drawn())


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


def test_sampling_more_than_there_is_says_so():
    with pytest.raises(UsageError, match="cannot sample 8 transitions from a replay that holds 0"):
        Replay(100).sample(8)


def test_wrong_use_says_what_is_wrong():
    stream = Stream(seed=0)
    replay = Replay(10 * ENVS)
    with pytest.raises(UsageError, match="longer than a replay of 30 transitions, 10 steps of 3 environments"):
        replay.add(stream.batch(11))
    with pytest.raises(UsageError, match="obs of shape"):
        replay.add(Stream(seed=0, stack=2).batch(2))
    with pytest.raises(UsageError, match="no stacks of 4 frames"):
        Replay(10 * ENVS, stack=4).add(stream.batch(2))
    with pytest.raises(UsageError, match=r"no extras \['value'\], only \['logp'\]"):
        Replay(10 * ENVS, extras=["value"]).add(stream.batch(2))
    with pytest.raises(UsageError, match="cannot hold one step of 3"):
        Replay(2).add(stream.batch(1))
    with pytest.raises(UsageError, match="has no priorities"):
        replay.update_priorities(np.zeros(1, np.int64), np.zeros(1))


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
