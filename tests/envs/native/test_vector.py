"""What every native environment does: Gymnasium's autoreset modes, time limits, seeds, errors, saved states."""

import subprocess
import sys
from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.core.errors import UsageError
from gymnast.envs import native

NAMES = sorted(native.NAMES.keys() - native.OURS.keys())
SHORT = {"max_episode_steps": 30}  # episodes that end often, by themselves or not


def actions_for(env, rng):
    if isinstance(env.single_action_space, gymnasium.spaces.Discrete):
        return rng.integers(env.single_action_space.n, size=env.num_envs)
    return rng.uniform(-1, 1, env.action_space.shape).astype(np.float32)


def pair(name, mode, num_envs=8, **kwargs):
    make = partial(gymnasium.make, gymnasium.spec(name), **kwargs)
    return native.make(name, num_envs, mode, **kwargs), SyncVectorEnv([make] * num_envs, autoreset_mode=mode)


def assert_identical(ours, theirs):
    for mine, original in zip(ours[:4], theirs[:4], strict=True):
        np.testing.assert_array_equal(mine, original, strict=True)


@pytest.mark.parametrize("name", NAMES)
def test_same_step_returns_the_next_start_and_keeps_the_last_observation_in_the_info(name):
    env, originals = pair(name, AutoresetMode.SAME_STEP, **SHORT)
    env.reset(seed=2), originals.reset(seed=2)
    rng, ended = np.random.default_rng(0), 0
    for _ in range(300):
        actions = actions_for(env, rng)
        ours, theirs = env.step(actions), originals.step(actions)
        assert_identical(ours, theirs)
        over = ours[2] | ours[3]
        assert ("final_obs" in ours[4]) == over.any()
        if over.any():
            np.testing.assert_array_equal(ours[4]["_final_obs"], over, strict=True)
            final = ours[4]["final_obs"]
            assert final.shape == ours[0].shape
            assert final.dtype == ours[0].dtype
            np.testing.assert_array_equal(final[over], np.stack(theirs[4]["final_obs"][over]))
            assert not final[~over].any()
        ended += over.sum()
    assert ended > 0


@pytest.mark.parametrize("name", NAMES)
def test_next_step_spends_a_step_on_the_reset_and_ignores_its_action(name):
    env, originals = pair(name, AutoresetMode.NEXT_STEP, **SHORT)
    env.reset(seed=2), originals.reset(seed=2)
    rng, dead = np.random.default_rng(0), np.zeros(8, bool)
    for _ in range(300):
        actions = actions_for(env, rng)
        ours, theirs = env.step(actions), originals.step(actions)
        assert_identical(ours, theirs)
        assert "final_obs" not in ours[4]
        assert not ours[1][dead].any()
        assert not (ours[2] | ours[3])[dead].any()
        dead = ours[2] | ours[3]


@pytest.mark.parametrize("name", NAMES)
def test_disabled_leaves_the_reset_to_the_caller(name):
    env, originals = pair(name, AutoresetMode.DISABLED, **SHORT)
    env.reset(seed=2), originals.reset(seed=2)
    rng = np.random.default_rng(0)
    for _ in range(300):
        actions = actions_for(env, rng)
        ours, theirs = env.step(actions), originals.step(actions)
        assert_identical(ours, theirs)
        over = ours[2] | ours[3]
        if over.any():
            obs, _ = env.reset(options={"reset_mask": over})
            original, _ = originals.reset(options={"reset_mask": over.copy()})
            np.testing.assert_array_equal(obs, original, strict=True)


def test_disabled_refuses_to_step_an_episode_that_is_over():
    env = native.make("CartPole-v1", 2, AutoresetMode.DISABLED, max_episode_steps=1)
    env.reset(seed=0)
    env.step(np.array([0, 1]))
    env.reset(options={"reset_mask": np.array([True, False])})
    with pytest.raises(ResetNeeded, match="copy 1 is over"):
        env.step(np.array([0, 1]))


def test_an_episode_can_be_terminated_and_truncated_at_once():
    """Always pushing right fells the pole; a limit of just that many steps then strikes in the same step."""
    free = native.make("CartPole-v1", 1)
    free.reset(seed=0)
    steps = 1
    while not free.step(np.ones(1, np.int64))[2][0]:
        steps += 1
    env, originals = pair("CartPole-v1", AutoresetMode.SAME_STEP, num_envs=1, max_episode_steps=steps)
    env.reset(seed=0), originals.reset(seed=0)
    for _ in range(steps):
        ours, theirs = env.step(np.ones(1, np.int64)), originals.step(np.ones(1, np.int64))
        assert_identical(ours, theirs)
    assert ours[2][0]
    assert ours[3][0]


def test_minus_one_lifts_the_time_limit():
    env = native.make("Pendulum-v1", 1, max_episode_steps=-1)
    env.reset(seed=0)
    assert not any(env.step(np.zeros((1, 1), np.float32))[3][0] for _ in range(300))


@pytest.mark.parametrize("name", sorted(native.NAMES.keys() - set(native.GOALS)))
def test_a_saved_state_continues_bit_for_bit(name):
    env, other = native.make(name, 3), native.make(name, 3)
    rng = np.random.default_rng(0)
    env.reset(seed=4)
    for _ in range(10):
        env.step(actions_for(env, rng))
    other.set_state(env.get_state())
    for _ in range(300):
        actions = actions_for(env, rng)
        for mine, theirs in zip(env.step(actions)[:4], other.step(actions)[:4], strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert not np.shares_memory(env.get_state()["state"], env.state)


def test_a_saved_state_of_another_size_is_refused():
    saved = native.make("CartPole-v1", 2).get_state()
    with pytest.raises(ValueError, match=r"'state' is float64 \(2, 4\), this environment needs float64 \(3, 4\)"):
        native.make("CartPole-v1", 3).set_state(saved)


def test_seeds_may_be_a_list_and_streams_go_on_without_a_seed():
    env, originals = pair("CartPole-v1", AutoresetMode.SAME_STEP, num_envs=2)
    for seed in ([7, 3], None, [None, 5], 11, None):
        obs, original = env.reset(seed=seed)[0], originals.reset(seed=seed)[0]
        np.testing.assert_array_equal(obs, original, strict=True)


def test_as_many_seeds_as_copies_are_taken():
    with pytest.raises(ValueError, match="3 seeds for 2 copies"):
        native.make("CartPole-v1", 2).reset(seed=[1, 2, 3])


def test_without_any_seed_every_copy_and_every_environment_differs():
    first, second = native.make("CartPole-v1", 2).reset()[0], native.make("CartPole-v1", 2).reset()[0]
    assert len(np.unique(np.concatenate([first, second])[:, 0])) == 4


def test_returned_arrays_are_the_callers_to_keep():
    env = native.make("Taxi-v4", 2)
    env.reset(seed=0)
    first = env.step(np.array([4, 5]))
    kept = [array.copy() for array in (*first[:4], first[4]["action_mask"])]
    for _ in range(5):
        env.step(np.array([0, 3]))
    for array, copy in zip((*first[:4], first[4]["action_mask"]), kept, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize(
    ("name", "actions", "complaint"),
    [
        ("CartPole-v1", np.array([0, 2]), "action 2 of copy 1 is not valid; allowed: 0 to 1"),
        ("CartPole-v1", np.array([-1, 0]), "action -1 of copy 0"),
        ("CartPole-v1", np.array([0, 1, 0]), r"must have shape \(2,\), got \(3,\)"),
        ("CartPole-v1", np.array([[0], [1]]), r"must have shape \(2,\), got \(2, 1\)"),
        ("CartPole-v1", np.array([0.0, 1.0]), "actions of float64 cannot be int64"),
        ("Pendulum-v1", np.array([[0.5], [np.nan]], np.float32), "of copy 1 is not valid; allowed: finite numbers"),
        ("MountainCarContinuous-v0", np.array([[np.inf], [0]], np.float32), "of copy 0 is not valid"),
        ("Pendulum-v1", np.zeros(2, np.float32), r"must have shape \(2, 1\), got \(2,\)"),
    ],
)
def test_invalid_actions_are_named_and_touch_nothing(name, actions, complaint):
    env = native.make(name, 2)
    env.reset(seed=0)
    before = env.get_state()
    with pytest.raises(ValueError, match=complaint):
        env.step(actions)
    for part, array in env.get_state().items():
        np.testing.assert_array_equal(array, before[part])


@pytest.mark.parametrize("actions", [[0, 1], np.array([0, 1], np.int32), np.array([0, 9, 1, 9])[::2], (0, True)])
def test_actions_may_be_lists_or_other_integers_or_views(actions):
    env, other = native.make("CartPole-v1", 2), native.make("CartPole-v1", 2)
    env.reset(seed=0), other.reset(seed=0)
    np.testing.assert_array_equal(env.step(actions)[0], other.step(np.array([0, 1]))[0])


def test_stepping_before_the_first_reset_is_refused():
    with pytest.raises(ResetNeeded, match="call reset before step"):
        native.make("CartPole-v1", 1).step(np.array([0]))
    with pytest.raises(ResetNeeded, match="the first reset must be of all copies"):
        native.make("CartPole-v1", 2).reset(options={"reset_mask": np.array([True, False])})


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"low": -0.1}, "unknown reset option 'low'"),
        ({"reset_mask": np.array([1, 0])}, "must be a bool array"),
        ({"reset_mask": np.array([True])}, "must be a bool array"),
    ],
)
def test_reset_options_that_mean_nothing_are_refused(options, complaint):
    env = native.make("CartPole-v1", 2)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=complaint):
        env.reset(options=options)


def test_unknown_names_and_arguments_are_answered_with_the_known_ones():
    with pytest.raises(UsageError, match=r"no native environment 'CartPole-v3'\. Did you mean 'CartPole-v1'\?"):
        native.make("CartPole-v3")
    with pytest.raises(UsageError, match=r"unknown argument 'slippery'\. Did you mean 'is_slippery'\?"):
        native.make("CliffWalking-v1", slippery=True)
    with pytest.raises(UsageError, match="cannot make 0 copies"):
        native.make("CartPole-v1", 0)
    for limit in (0, -2):
        with pytest.raises(UsageError, match=f"a time limit of {limit} steps"):
            native.make("CartPole-v1", max_episode_steps=limit)
    with pytest.raises(ValueError, match="render_mode 'human' is unknown"):
        native.make("CartPole-v1", render_mode="human")


def test_the_environment_describes_itself_as_gymnasium_does():
    env = native.make("FrozenLake8x8-v1", 4, AutoresetMode.NEXT_STEP, is_slippery=False)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert env.single_observation_space.n == 64
    assert env.max_episode_steps == 200
    assert env.observation_space.contains(env.reset(seed=0)[0])
    assert env.spec.kwargs == {"map_name": "8x8", "is_slippery": False}
    assert gymnasium.spec("FrozenLake8x8-v1").kwargs == {"map_name": "8x8"}  # the registered one is as it was
    assert repr(env) == "NativeVectorEnv(FrozenLake8x8-v1, num_envs=4)"


def test_importing_the_names_loads_nothing_heavy():
    code = "import sys, gymnast.envs.native; print({'numba', 'torch', 'pygame', 'PIL'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
