"""The environments that show what imitation is about: what they reward, and that their experts know how."""

import numpy as np
import pytest

from gymnast import envs
from gymnast.core.acting import Stateless
from gymnast.core.errors import UsageError
from gymnast.core.rollout.engine import Rollout
from gymnast.envs import native
from gymnast.envs.native import fork, pong, tightrope


def returns(env, act, steps, seed=0):
    return Rollout(env, steps, seed).collect(Stateless(act)).episodes.returns


def acting(function, *args):
    return lambda obs: {"action": function(obs, *args)}


@pytest.mark.parametrize(("kwargs", "expert"), [({}, fork.expert), ({"dims": 3, "paired": True}, fork.paired_expert)])
def test_who_takes_one_side_passes_every_tree(kwargs, expert):
    env = envs.make("gymnast/Fork-v0", 16, **kwargs)
    found = returns(env, acting(expert, np.random.default_rng(0)), 20)
    assert len(found) == 64
    assert set(found.tolist()) == {5.0}


def test_the_middle_is_the_tree():
    env = envs.make("gymnast/Fork-v0", 4, dims=2)
    assert set(returns(env, lambda obs: {"action": np.zeros((4, 2), np.float32)}, 10).tolist()) == {0.0}
    half = np.tile(np.array([0.9, 0.4], np.float32), (4, 1))  # clear of it in one direction is not enough
    assert set(returns(env, lambda obs: {"action": half}, 10).tolist()) == {0.0}


def test_directions_of_a_paired_fork_are_not_independent():
    env = envs.make("gymnast/Fork-v0", 64, dims=2, paired=True)
    found = returns(env, acting(fork.expert, np.random.default_rng(0)), 1)
    assert 10 < len(found) < 54, "half of the independent choices crash at the first tree"


def test_an_expert_never_leaves_the_rope():
    env = envs.make("gymnast/Tightrope-v0", 8, length=30)
    batch = Rollout(env, 60).collect(Stateless(acting(tightrope.expert)))
    assert not batch.obs.any()
    assert set(batch.episodes.returns.tolist()) == {0.0}
    assert set(batch.episodes.lengths.tolist()) == {30}


def test_after_a_slip_an_expert_is_back_and_its_clone_is_lost():
    length, slip, copies = 20, 0.02, 4000
    env = envs.make("gymnast/Tightrope-v0", copies, length=length, slip=slip)
    knows = -returns(env, acting(tightrope.expert), length).mean()
    lost = -returns(env, lambda obs: {"action": np.zeros(copies, np.int64)}, length, seed=1).mean()
    assert knows == pytest.approx(slip * length, rel=0.1)
    exact = sum(slip * (1 - slip) ** k * (length - k) for k in range(length))
    assert lost == pytest.approx(exact, rel=0.1)


def test_the_way_back_is_never_the_step_along_the_rope():
    places = np.arange(1, 21)
    assert (tightrope.expert(places) != 0).all()
    assert tightrope.expert(np.zeros(1, np.int64)).tolist() == [0]
    assert [tightrope.right_action.py_func(int(k)) for k in range(21)] == tightrope.expert(np.arange(21)).tolist()


def test_who_knows_velocities_wins_at_pong_and_who_stays_loses():
    env = envs.make("gymnast/Pong-v0", 16, velocity=True)
    good = returns(env, acting(pong.expert), 3000)
    still = returns(env, lambda obs: {"action": np.zeros(16, np.int64)}, 1000)
    assert good.mean() > 3
    assert still.mean() < 0


def test_positions_alone_leave_the_next_position_open():
    env = envs.make("gymnast/Pong-v0", 1)
    assert env.single_observation_space.shape == (4,)
    kernel = native.load("gymnast/Pong-v0")
    rng, params = native_rng(), kernel.params
    state = np.array([0.5, 0.5, pong.SPEED, 0.01, 0.5, 0.5, 0, 0])
    mirrored = state.copy()
    mirrored[2:4] *= -1
    seen = np.zeros((2, 4), np.float32)
    for row, obs in zip((state, mirrored), seen, strict=True):
        kernel.observe(row, params, obs)
    np.testing.assert_array_equal(seen[0], seen[1])
    for row, obs in zip((state, mirrored), seen, strict=True):
        kernel.step(row, params, 0, rng)
        kernel.observe(row, params, obs)
    assert abs(seen[0, 0] - seen[1, 0]) == pytest.approx(2 * pong.SPEED)


def native_rng():
    from gymnast.envs.native.pcg64 import seed_row

    return seed_row(0)


@pytest.mark.parametrize(
    ("original", "masked", "kept", "action"),
    [
        ("CartPole-v1", "gymnast/MaskedCartPole-v0", [0, 2], np.ones(4, np.int64)),
        ("Pendulum-v1", "gymnast/MaskedPendulum-v0", [0, 1], np.ones((4, 1), np.float32)),
    ],
)
def test_a_masked_one_is_the_original_without_its_velocities(original, masked, kept, action):
    whole, places = (
        Rollout(envs.make(name, 4), 250, 3).collect(Stateless(lambda obs: {"action": action}))
        for name in (original, masked)
    )
    np.testing.assert_array_equal(places.obs, whole.obs[..., kept])
    np.testing.assert_array_equal(places.reward, whole.reward)
    np.testing.assert_array_equal(places.terminated, whole.terminated)
    np.testing.assert_array_equal(places.truncated, whole.truncated)


WRONG = [("Fork", {"dims": 0}), ("Fork", {"paired": True}), ("Fork", {"gap": 1.5}), ("Tightrope", {"slip": 2.0})]
WRONG += [("Tightrope", {"length": 0}), ("Pong", {"points": 0})]


@pytest.mark.parametrize(("name", "kwargs"), WRONG)
def test_arguments_that_make_no_sense_are_refused(name, kwargs):
    with pytest.raises(UsageError, match=f"gymnast/{name}-v0"):
        envs.make(f"gymnast/{name}-v0", 1, **kwargs)
