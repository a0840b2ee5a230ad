from contextlib import closing

import numpy as np
import pytest

from gymnast.core.errors import UsageError
from gymnast.envs import describe, make, mujoco
from gymnast.envs.snapshot import restore, snapshot


def actions_of(env, steps, seed=0):
    rng = np.random.default_rng(seed)
    low, high = env.single_action_space.low, env.single_action_space.high
    return [rng.uniform(low, high, env.action_space.shape).astype(np.float32) for _ in range(steps)]


def final_rows(infos):
    return [] if "final_obs" not in infos else [row for row in infos["final_obs"] if row is not None]


@pytest.mark.parametrize("env_id", sorted(mujoco.TASKS))
def test_every_number_equals_gymnasiums_to_the_last_bit(env_id):
    steps = 150 if env_id == "Humanoid-v5" else 400
    with closing(make(env_id, 3)) as ours, closing(make(env_id, 3, backend="loop")) as theirs:
        assert describe(ours) == "mujoco threads"
        assert ours.observation_space == theirs.observation_space
        assert ours.action_space == theirs.action_space
        # Time limits are met sooner, so that truncation is compared too.
        ours.limit = limit = 60 if env_id != "Reacher-v5" else 50
        for env in theirs.envs:
            env._max_episode_steps = limit
        assert np.array_equal(ours.reset(seed=5)[0], theirs.reset(seed=5)[0])
        ended = 0
        for action in actions_of(ours, steps):
            one, other = ours.step(action), theirs.step(action)
            for a, b in zip(one[:4], other[:4], strict=True):
                assert np.array_equal(a, b)
                assert a.dtype == b.dtype
            assert np.array_equal(final_rows(one[4]), final_rows(other[4]))
            ended += (one[2] | one[3]).sum()
        assert ended >= 6


@pytest.mark.parametrize("env_id", ["Hopper-v5", "Ant-v5"])
def test_a_fresh_environment_goes_on_bit_for_bit(env_id):
    with closing(make(env_id, 2)) as first, closing(make(env_id, 2)) as fresh:
        first.reset(seed=1)
        for action in actions_of(first, 30):
            first.step(action)
        restore(fresh, snapshot(first))
        for action in actions_of(first, 100, seed=1):
            for a, b in zip(first.step(action)[:4], fresh.step(action)[:4], strict=True):
                assert np.array_equal(a, b)


def test_the_number_of_threads_changes_nothing(monkeypatch):
    monkeypatch.setattr(mujoco, "cores", lambda: 3)
    many = make("Walker2d-v5", 3)
    monkeypatch.setattr(mujoco, "cores", lambda: 1)
    with closing(many), closing(make("Walker2d-v5", 3)) as single:
        assert np.array_equal(many.reset(seed=0)[0], single.reset(seed=0)[0])
        for action in actions_of(many, 80):
            assert np.array_equal(many.step(action)[0], single.step(action)[0])


def test_arguments_and_rendering_use_the_loop():
    with closing(make("HalfCheetah-v5", 1, ctrl_cost_weight=0.5)) as env:
        assert describe(env) == "loop"
    with pytest.raises(UsageError, match="backend 'mujoco' takes no arguments"):
        make("HalfCheetah-v5", 1, backend="mujoco", ctrl_cost_weight=0.5)
    with pytest.raises(UsageError, match="backend 'mujoco' makes Ant-v5"):
        make("CartPole-v1", 1, backend="mujoco")


@pytest.mark.parametrize("backend", ["auto", "loop", "workers"])
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"ctrl_cost_weigt": 0.5}, "unknown argument 'ctrl_cost_weigt' for this environment"),
        ({"xml_file": "nowhere.xml"}, "its constructor raised OSError: File .*nowhere.xml does not exist"),
        ({"frame_skip": 0}, "its constructor raised ZeroDivisionError"),
    ],
)
def test_wrong_arguments_are_told_in_one_line(backend, wrong, told):
    with pytest.raises(UsageError, match=f"HalfCheetah-v5: {told}") as refused:
        make("HalfCheetah-v5", 2, backend=backend, **wrong)
    assert "\n" not in str(refused.value)


def test_a_state_of_another_size_is_refused():
    with closing(make("Hopper-v5", 2)) as two:
        snap = snapshot(two)
    with closing(make("Hopper-v5", 3)) as three, pytest.raises(UsageError, match="is of 2 environments, not 3"):
        restore(three, snap)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda state: state["physics"].fill(np.nan), "physics is not of finite numbers"),
        (lambda state: state.update(physics=state["physics"].astype(np.float32)), "physics is not of finite numbers"),
        (lambda state: state.update(physics=state["physics"][:, 1:]), "physics is not of finite numbers"),
        (lambda state: state["fields"].update(qpos=np.full((2, 2), np.inf)), "qpos is not of finite numbers"),
        (lambda state: state["fields"].pop("qvel"), "qvel is not of finite numbers"),
        (lambda state: state["elapsed"].fill(-1), "times are not between 0 and 1000"),
        (lambda state: state["elapsed"].fill(1000), "times are not between 0 and 1000"),
        (lambda state: state["generators"].pop(), "generators are of another number"),
    ],
)
def test_a_state_that_no_task_has_saved_is_refused_and_touches_nothing(damage, said):
    with closing(make("InvertedPendulum-v5", 2)) as env:
        env.reset(seed=0)
        state, before = env.get_state(), env.get_state()
        damage(state)
        with pytest.raises(UsageError, match=f"the saved {said}"):
            env.set_state(state)
        np.testing.assert_array_equal(env.get_state()["physics"], before["physics"])


@pytest.mark.parametrize("backend", ["mujoco", "loop"])
def test_making_a_task_leaves_no_log_and_says_nothing(tmp_path, monkeypatch, capfd, backend):
    monkeypatch.chdir(tmp_path)
    make("HalfCheetah-v5", 2, backend=backend).close()
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")
