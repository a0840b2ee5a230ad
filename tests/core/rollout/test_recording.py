import numpy as np
import pytest
from gymnasium import spaces

from gymnast.core.acting import Stateless
from gymnast.core.errors import UsageError
from gymnast.core.rollout import demos
from gymnast.core.rollout.engine import Rollout
from gymnast.core.rollout.recording import Recording
from probes import clocks, demonstrated


def right(obs):
    return {"action": np.ones(len(obs), np.int64)}


def played(folder, script="3| 2~", episodes=4, **kwargs):
    demonstrated(folder / "demos", clocks(script), right, episodes)
    return Recording(demos.load(folder / "demos"), **kwargs)


def test_a_recording_is_the_batch_that_the_environment_gave(tmp_path):
    env = clocks("3| 2~")
    lived = Rollout(env, 10).collect(Stateless(right))  # four episodes: 3 + 2 + 3 + 2 steps
    batch = played(tmp_path).collect(right)
    for name in ("action", "reward", "terminated", "truncated", "valid", "final_at", "final_obs"):
        np.testing.assert_array_equal(getattr(batch, name), getattr(lived, name), name)
    np.testing.assert_array_equal(batch.obs[:-1], lived.obs[:-1])


def test_a_shortened_pass_counts_exactly_its_steps(tmp_path):
    recording = played(tmp_path)
    assert recording.collect(right, 100).steps == 10
    assert recording.collect(right, 7).steps == 7


def test_fewer_episodes_are_drawn_by_the_seed(tmp_path):
    demonstrated(tmp_path / "demos", clocks("1|"), right, 20)
    recorded = demos.load(tmp_path / "demos")
    drawn = [Recording(recorded, episodes=5, seed=seed).collect(right).obs[:-1, 0, 1].tolist() for seed in (0, 0, 1)]
    assert len(drawn[0]) == 5
    assert drawn[0] == drawn[1] != drawn[2]
    with pytest.raises(UsageError, match="cannot learn from 21 episodes"):
        Recording(recorded, episodes=21)


def test_history_shows_the_last_observations_and_repeats_the_first(tmp_path):
    batch = played(tmp_path, history=3).collect(right)
    assert batch.obs.shape == (11, 1, 9)
    time = batch.obs[:-1, 0, 2::3].tolist()
    assert time[:5] == [[0, 0, 0], [0, 0, 1], [0, 1, 2], [0, 0, 0], [0, 0, 1]]
    assert batch.final_obs[0, 2::3].tolist() == [1, 2, 3]


def test_discrete_actions_are_counted_from_0(tmp_path):
    env = clocks("3|", action_space=spaces.Discrete(3, start=5))
    whole = demonstrated(tmp_path / "demos", env, right, 2)
    assert set(whole[0].action.tolist()) == {6}
    batch = Recording(demos.load(tmp_path / "demos")).collect(right)
    assert set(batch.action.ravel().tolist()) == {1}


BOX = spaces.Box(-1, 1, (1,))
WRONG = {
    "discrete": (spaces.Discrete(2), np.array([0, 2, 1]), "holds the action 2, which is not in"),
    "nan": (BOX, np.array([[0.0], [np.nan], [0.0]]), "holds the action .nan., which is not in"),
    "far": (BOX, np.array([[0.0], [1.5], [0.0]]), "holds the action .1.5., which is not in"),
    "shape": (spaces.Box(-1, 1, (2,)), np.zeros((3, 1)), "is not the file that"),
    "multibinary": (spaces.MultiBinary(1), np.array([[0], [1], [2]]), "holds the action .2., which is not in"),
    "multidiscrete": (spaces.MultiDiscrete([2], start=[1]), np.array([[1], [2], [0]]), "holds the action .0., which"),
}


def refused(folder, space, words, action, obs=0.0, reward=0.0):
    trajectory = demos.Trajectory(
        np.full((4, 1), obs, np.float32), action, np.full(3, reward, np.float32), True, {}, {}
    )
    with demos.Writer(folder, "probe", BOX, space) as writer:
        writer.add(trajectory)
    with pytest.raises(UsageError, match=words):
        Recording(demos.load(folder))


@pytest.mark.parametrize("kind", WRONG)
def test_actions_outside_the_space_are_refused(tmp_path, kind):
    space, action, words = WRONG[kind]
    refused(tmp_path / "demos", space, words, action)


def test_observations_and_rewards_that_are_not_finite_are_refused(tmp_path):
    refused(tmp_path / "obs", BOX, "holds an observation", np.zeros((3, 1)), obs=np.nan)
    refused(tmp_path / "reward", BOX, "holds the reward nan", np.zeros((3, 1)), reward=np.nan)
