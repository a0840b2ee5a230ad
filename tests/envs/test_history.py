import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from gymnast import envs
from gymnast.core.acting import Stateless
from gymnast.core.errors import UsageError
from gymnast.core.rollout.engine import Rollout
from gymnast.core.spaces.history import stack, stack_rows, stacked
from gymnast.envs.wrappers import History
from probes import clocks


def still(obs):
    return {"action": np.zeros(len(obs), np.int64)}


@pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.name)
def test_each_episode_begins_with_its_first_observation_alone(mode):
    env = History(clocks("3| 2~", "4|", mode=mode), 3)
    batch = Rollout(env, 12).collect(Stateless(still))
    for i in range(2):
        for t in np.flatnonzero(batch.valid[:, i]):
            copy, episode, time = batch.obs[t, i].reshape(3, 3).T
            assert (copy == i).all()
            assert (episode == episode[-1]).all()
            assert time.tolist() == [max(time[-1] - 2, 0), max(time[-1] - 1, 0), time[-1]]


def test_the_final_observation_has_the_history_of_its_own_episode():
    for mode in AutoresetMode:
        batch = Rollout(History(clocks("3| 2~", mode=mode), 2), 12).collect(Stateless(still))
        assert batch.final_obs[0, 2::3].tolist() == [2, 3]
        assert batch.final_obs[1, 2::3].tolist() == [1, 2]


def test_it_is_what_the_recorded_rows_become():
    rows = np.arange(5, dtype=np.float32)[:, None] * np.array([1, 10], np.float32)
    space = spaces.Box(-100, 100, (2,))
    assert stack(rows, 2, space).tolist() == [
        [0, 0, 0, 0],
        [0, 0, 1, 10],
        [1, 10, 2, 20],
        [2, 20, 3, 30],
        [3, 30, 4, 40],
    ]


def test_images_are_joined_along_their_channels():
    for shape, joined in (((8, 8, 1), (8, 8, 4)), ((3, 8, 8), (12, 8, 8))):
        space = spaces.Box(0, 255, shape, np.uint8)
        assert stacked(space, 4).shape == joined
        assert stack_rows(np.zeros((4, 5, *shape), np.uint8), space).shape == (5, *joined)


def test_it_needs_boxes():
    with pytest.raises(UsageError, match="history needs"):
        envs.make("FrozenLake-v1", history=2)
    with pytest.raises(UsageError, match="its own history"):
        envs.make("gymnast/Copy-v0", history=2)
    with pytest.raises(UsageError, match="at least 1"):
        envs.make("CartPole-v1", history=0)


def test_one_observation_is_the_environment_itself():
    assert envs.make("CartPole-v1").single_observation_space.shape == (4,)
    assert envs.make("CartPole-v1", history=4).single_observation_space.shape == (16,)
