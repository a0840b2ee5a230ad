"""PettingZoo's games through the adapter, beside our own."""

import numpy as np
import pytest
from pettingzoo.classic import connect_four_v3, tictactoe_v3

import gymnast
from gymnast.core.errors import UsageError
from gymnast.core.games.game import GOES_ON
from gymnast.core.games.search import Search, Settings, random_play
from gymnast.core.games.tree import Formula
from gymnast.envs import games
from gymnast.envs.games.pettingzoo import from_pettingzoo


def test_connect_four_of_pettingzoo_is_ours():
    theirs, ours = from_pettingzoo(connect_four_v3.env, 42), games.load("connect4")
    random = np.random.default_rng(0)
    for _ in range(3):
        a, b, outcome = theirs.begin(1), ours.begin(1), GOES_ON
        while outcome == GOES_ON:
            mask = ours.actions_of(b)
            np.testing.assert_array_equal(theirs.actions_of(a), mask)
            np.testing.assert_array_equal(theirs.planes(a), ours.planes(b))
            move = np.array([random.choice(np.flatnonzero(mask[0]))])
            outcome = ours.advance(b, move)[0][0]
            assert theirs.advance(a, move)[0][0] == outcome


def test_a_pettingzoo_game_is_searched_and_stepped():
    game = from_pettingzoo(tictactoe_v3.env, 9)
    state = game.begin(1)
    for move in (0, 3, 1, 4):  # two in a row on both sides
        game.advance(state, np.array([move]))
    search = Search(game, random_play(game), Settings(Formula(c_init=1.4, uct=True)), 1, 40)
    search.run(state, np.array([40]))
    assert search.choose(search.policies(1), np.zeros(1, np.float32)).tolist() == [2]
    env = gymnast.make(game, 2)
    env.reset()
    for move in (0, 3, 1, 4):
        env.step(np.array([move, move]))
    _, reward, terminated, _, _ = env.step(np.array([2, 8]))
    assert reward.tolist() == [1, 0]
    assert terminated.tolist() == [True, False]


def test_what_is_no_game_for_two_in_turns_is_refused():
    class Crowd:
        metadata = {"name": "crowd"}
        possible_agents = ["a", "b", "c"]

        def reset(self, seed):
            pass

    with pytest.raises(UsageError, match="crowd is for 3 players"):
        from_pettingzoo(Crowd, 10)


def test_a_game_longer_than_it_was_said_to_be_is_refused_and_its_position_stays():
    game = from_pettingzoo(connect_four_v3.env, 6)
    states = game.begin(1)
    for move in range(5):
        game.advance(states, np.array([move]))
    before = states.copy()
    with pytest.raises(UsageError, match="the game goes on after 6 moves; raise its max_plies"):
        game.advance(states, np.array([5]))
    with pytest.raises(UsageError, match="the game goes on after 6 moves; raise its max_plies"):
        game.playout(before, np.zeros(1, np.uint64))
    with pytest.raises(UsageError, match="the game goes on after 6 moves; raise its max_plies"):
        game.play(states[0], game.params, 6)


def test_what_is_seen_as_a_list_of_numbers_is_refused():
    class Cards:
        metadata = {"name": "cards"}
        possible_agents = ["a", "b"]
        agent_selection = "a"

        def reset(self, seed):
            pass

        def observe(self, agent):
            return {"observation": np.zeros(72), "action_mask": np.ones(4)}

    with pytest.raises(UsageError, match=r"cards observes \(72,\); a game here is seen as a board"):
        from_pettingzoo(Cards, 10)
