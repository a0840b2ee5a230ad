"""Replay against a reference that keeps every step of every column in plain lists."""

import numpy as np
import pytest
from ale_py.vector_env import AtariVectorEnv
from gymnasium.vector import AutoresetMode
from streams import ENVS, GAMMA, NO_EPISODES, Stream, check, filled, same

from gymnast.core.acting import Stateless
from gymnast.core.batch import Batch
from gymnast.core.errors import UsageError
from gymnast.core.replay import sampling, sumtree
from gymnast.core.replay.replay import Replay
from gymnast.core.rollout.engine import Rollout


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
        batch = rollout.collect(Stateless(lambda obs: {"action": rng.integers(0, 4, len(obs))}))
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
    first = np.zeros((steps + 1, envs), np.bool_)
    batch = Batch(obs, **flat, truncated=flat["terminated"], valid=valid, first=first, final_at=none,
                  final_obs=obs[0, :0], episodes=NO_EPISODES, extras={})  # fmt: skip
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
    for module in (sampling, sumtree):
        for name, kernel in list(vars(module).items()):
            if hasattr(kernel, "py_func"):
                monkeypatch.setattr(module, name, kernel.py_func)
    with np.errstate(over="ignore"):  # the counter is meant to wrap
        same(jitted, drawn())


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
