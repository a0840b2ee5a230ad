"""Games as environments."""

import gymnasium as gym
import numpy as np
import pytest
from own_games import COUNTDOWN

import gymnast
from gymnast.core.acting import Stateless
from gymnast.core.errors import UsageError
from gymnast.core.games.game import RESIGN
from gymnast.core.learn.returns import rewards_to_go
from gymnast.core.rollout.engine import Rollout
from gymnast.envs import describe, games, snapshot


def first_open(obs):
    """Always the first legal move."""
    return {"action": np.array([int(np.flatnonzero(mask)[0]) for mask in masks(obs)])}


def masks(obs):
    """Action masks (N, 9) out of stored rows of tic-tac-toe, which begin with them."""
    return obs[:, :9]


def test_the_result_of_a_game_as_each_player_sees_it_is_the_reward_to_go_with_gamma_minus_1():
    """X plays 0 2 4 6 and O 1 3 5: X has the diagonal 2 4 6 after seven moves."""
    env = gymnast.make("tictactoe", 1)
    batch = Rollout(env, 9).collect(Stateless(first_open))
    assert batch.action[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 1]
    assert batch.reward[:, 0].tolist() == [0, 0, 0, 0, 0, 0, 1, 0, 0]
    z = rewards_to_go(batch.reward, np.zeros_like(batch.reward), batch.done, -1.0)
    assert z[:7, 0].tolist() == [1, -1, 1, -1, 1, -1, 1]
    assert batch.episodes.lengths.tolist() == [7]


def test_the_last_position_of_a_game_is_kept_and_the_next_one_begins_empty():
    env = gymnast.make("tictactoe", 2)
    env.reset()
    for move in range(7):
        obs, reward, terminated, truncated, info = env.step(np.array([move, move]))
    assert terminated.all()
    assert not truncated.any()
    assert reward.tolist() == [1, 1]
    assert obs["observation"].sum() == 0
    assert info["final_obs"]["observation"][0].sum() == 7
    assert (obs["action_mask"] == 1).all()


def test_observations_are_seen_from_the_player_to_move():
    env = gymnast.make("connect4", 1)
    env.reset()
    obs, *_ = env.step(np.array([3]))
    assert obs["observation"][0, 1, 5, 3] == 1  # the other's disc
    assert obs["observation"][0, 0].sum() == 0
    obs, *_ = env.step(np.array([3]))
    assert obs["observation"][0, 0, 5, 3] == 1
    assert obs["game_state"].view(np.int64)[0, -1] == 2


def test_an_illegal_move_is_refused_and_nothing_happens():
    env = gymnast.make("tictactoe", 2)
    env.reset()
    env.step(np.array([4, 0]))
    before = env.get_state()["states"]
    with pytest.raises(ValueError, match=r"move 4 of game 0 is not legal; legal: \[0, 1, 2, 3, 5"):
        env.step(np.array([4, 1]))
    np.testing.assert_array_equal(env.get_state()["states"], before)
    with pytest.raises(ValueError, match="move 9 of game 1"):
        env.step(np.array([1, 9]))


def test_a_snapshot_brings_games_back():
    env, again = gymnast.make("othello6", 3), gymnast.make("othello6", 3)
    env.reset()
    for _ in range(5):
        obs, *_ = env.step(env.unwrapped._mask.argmax(1))
    snapshot.restore(again, snapshot.snapshot(env))
    move = obs["action_mask"].argmax(1)
    for one, two in zip(env.step(move)[:4], again.step(move)[:4], strict=True):
        for x, y in zip(one.values(), two.values(), strict=True) if isinstance(one, dict) else [(one, two)]:
            np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("name", ["connect4", "gomoku7"])
def test_a_single_game_keeps_the_contract_of_gymnasium(name):
    env = gym.make(name, render_mode="rgb_array")
    obs, _ = env.reset(seed=0)
    assert env.observation_space.contains(obs)
    done = False
    while not done:
        action = int(np.flatnonzero(obs["action_mask"])[0])
        obs, reward, done, _, _ = env.step(action)
        assert env.observation_space.contains(obs)
    assert reward in (-1.0, 0.0, 1.0)
    assert env.render().dtype == np.uint8
    assert gym.make_vec(name, 3).reset()[0]["observation"].shape[0] == 3


def test_a_game_of_ones_own_in_plain_python_is_an_environment():
    env = gymnast.make("own_games:COUNTDOWN", 2)
    assert describe(env) == "game"
    env.reset()
    for move in (1, 1, 1):  # 7 - 2 - 2 - 2 leaves 1
        _, reward, terminated, _, _ = env.step(np.array([move, move]))
    assert not terminated.any()
    _, reward, terminated, _, _ = env.step(np.array([0, 0]))
    assert terminated.all()
    assert reward.tolist() == [1, 1]  # who takes the last one wins
    assert not COUNTDOWN.jitted


def test_what_is_no_game_is_refused():
    with pytest.raises(UsageError, match="backend 'game' makes"):
        gymnast.make("CartPole-v1", backend="game")
    with pytest.raises(UsageError, match="takes no arguments"):
        gymnast.make(COUNTDOWN, size=3)
    with pytest.raises(UsageError, match="unknown argument 'wide'"):
        gymnast.make("gomoku9", wide=3)
    with pytest.raises(UsageError, match="render_mode 'human'"):
        gymnast.make("connect4", render_mode="human")


def test_every_id_makes_its_game():
    for name in games.NAMES:
        assert games.load(name).name == name


def test_who_gives_up_has_lost_and_the_others_go_on():
    env = gymnast.make("tictactoe", 3)
    env.reset()
    env.step(np.array([0, 1, 2]))
    obs, reward, terminated, _, info = env.step(np.array([4, RESIGN, 5]))
    assert reward.tolist() == [0, -1, 0]
    assert terminated.tolist() == [False, True, False]
    assert info["final_obs"]["observation"][1, 1, 0].tolist() == [0, 1, 0]  # the board as it was left
    assert obs["observation"][1].sum() == 0
    assert obs["observation"][0].sum() == obs["observation"][2].sum() == 2
    assert obs["action_mask"].sum(1).tolist() == [7, 9, 7]
