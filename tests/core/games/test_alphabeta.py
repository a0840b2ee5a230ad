"""Alpha-beta against the whole tree."""

import numpy as np
import pytest
from own_games import COUNTDOWN

from gymnast.core.games.alphabeta import NO_MOVE, AlphaBeta
from gymnast.core.games.game import GOES_ON
from gymnast.envs import games


def whole_tree(game, state, depth):
    """What each move is worth, by looking at all there is."""
    out = {}
    for action in np.flatnonzero(game.actions_of(state)[0]):
        after = state.copy()
        outcome = int(game.advance(after, np.array([action]))[0][0])
        if outcome != GOES_ON:
            out[int(action)] = outcome * depth
        else:
            out[int(action)] = -max(whole_tree(game, after, depth - 1).values()) if depth > 1 else 0
    return out


def middles(game, count, plies, seed=0):
    random, states = np.random.default_rng(seed), []
    while len(states) < count:
        state = game.begin(1)
        for _ in range(plies):
            action = random.choice(np.flatnonzero(game.actions_of(state)[0]))
            if game.advance(state, np.array([action]))[0][0] != GOES_ON:
                break
        else:
            states.append(state[0])
    return np.array(states)


@pytest.mark.parametrize(("name", "plies"), [("tictactoe", 4), ("connect4", 22), ("othello6", 29), ("gomoku5", 19)])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_the_best_moves_are_those_of_the_whole_tree(name, plies, depth):
    game = games.load(name)
    states = middles(game, 12, plies)
    values = AlphaBeta(game, depth).move_values(states)
    kinds = set()
    for state, row in zip(states, values, strict=True):
        expected = whole_tree(game, state[None], depth)
        best = max(expected.values())
        assert {a for a in range(game.actions) if row[a] == row.max()} == {a for a, v in expected.items() if v == best}
        assert row.max() == best
        for action in range(game.actions):
            if action in expected:
                assert expected[action] <= row[action] <= best  # a bound for those that are worse
            else:
                assert row[action] == NO_MOVE
        kinds |= set(np.sign(list(expected.values())).tolist())
    assert depth < 4 or len(kinds) > 1  # not all the same


def test_a_win_is_worth_more_the_sooner_it_comes():
    game = games.load("connect4")
    state = game.begin(1)
    for move in (3, 0, 3, 0, 3):  # three in the middle; the other is to move and must block
        game.advance(state, np.array([move]))
    assert AlphaBeta(game, 3).move_values(state)[0].argmax() == 3
    game.advance(state, np.array([1]))
    values = AlphaBeta(game, 3).move_values(state)[0]
    assert values[3] == values.max() == 3


def test_a_game_in_plain_python_is_searched_too():
    """Seven stones, one or two at a time: leaving six wins, which takes the whole game to see."""
    assert AlphaBeta(COUNTDOWN, 7).move_values(COUNTDOWN.begin(1))[0].argmax() == 0
    assert AlphaBeta(COUNTDOWN, 2).move_values(COUNTDOWN.begin(1)).tolist() == [[0, 0]]
