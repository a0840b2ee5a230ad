"""Searches prove results, and the right ones."""

import numpy as np
import pytest
from slow_search import hashed, middles

from gymnast.core.games.game import LOSS, NONE, WIN
from gymnast.core.games.search import Search, Settings, random_play
from gymnast.core.games.tree import UNKNOWN, Formula
from gymnast.envs import games
from gymnast.envs.games import connect4, gomoku, tictactoe


def perfect(states, mask):
    """The exact values of tic-tac-toe, and no idea which move is good."""
    table = tictactoe.table()
    values = [table[int(own), int(other)] for own, other, _ in states]
    return np.zeros(mask.shape, np.float32), np.array(values, np.float32)


def tictactoe_positions():
    """All positions that are not over, and their values."""
    table = tictactoe.table()
    kept = {
        key: value
        for key, value in table.items()
        if not any(key[1] & line == line for line in tictactoe.LINES) and (key[0] | key[1]) != 511
    }
    states = np.array([[own, other, (own | other).bit_count()] for own, other in kept])
    return states, np.array(list(kept.values()))


def after(states, actions):
    """The values of tic-tac-toe after a move, for who made it."""
    table = tictactoe.table()
    return np.array([-table[int(t), int(o) | 1 << int(a)] for (o, t, _), a in zip(states, actions, strict=True)])


def test_search_with_a_perfect_value_network_is_perfect():
    game = games.load("tictactoe")
    states, values = tictactoe_positions()
    search = Search(game, perfect, Settings(), len(states), 60)
    search.run(states, np.full(len(states), 60))
    moves = search.choose(search.policies(len(states)), np.zeros(len(states), np.float32))
    np.testing.assert_array_equal(after(states, moves), values)


def test_what_is_proven_is_true_and_enough_simulations_prove_the_end():
    game = games.load("tictactoe")
    states, values = tictactoe_positions()
    pick = np.arange(0, len(states), 7)
    states, values = states[pick], values[pick]
    search = Search(game, hashed(game), Settings(), len(states), 4000)
    for simulations in (30, 4000):
        search.run(states, np.full(len(states), simulations))
        solved = search.tree.solved[:, 0]
        known = solved != UNKNOWN
        np.testing.assert_array_equal(solved[known], values[known])
    late = states[:, 2] >= 6
    assert known[late].all()
    moves = search.choose(search.policies(len(states)), np.zeros(len(states), np.float32))
    np.testing.assert_array_equal(after(states, moves)[known], values[known])


@pytest.mark.parametrize("game", [tictactoe.game(), connect4.game(), gomoku.game(5, 3)], ids=lambda game: game.name)
def test_a_move_that_wins_at_once_is_known_without_a_visit(game):
    states = middles(game, 200)
    mask = game.actions_of(states)
    won = game.winning(states, mask)
    outcome = np.full(mask.shape, LOSS, np.int8)
    for action in range(game.actions):
        open_ = mask[:, action] == 1
        outcome[open_, action] = game.advance(states[open_].copy(), np.full(open_.sum(), action))[0]
    there = (outcome == WIN).any(1)
    np.testing.assert_array_equal(won, np.where(there, (outcome == WIN).argmax(1), NONE))
    assert 5 < there.sum() < 195

    chosen = states[there]
    search = Search(game, hashed(game), Settings(), len(chosen), 10)
    search.run(chosen, np.full(len(chosen), 1))
    np.testing.assert_array_equal(search.policies(len(chosen)).argmax(1), won[there])
    assert (search.values(len(chosen)) == WIN).all()


def test_a_win_seen_below_the_last_root_is_played_when_it_becomes_the_root():
    game = games.load("connect4")
    state = game.begin(1)
    for move in (0, 1, 0, 1, 0):  # one side has three in a column; if the other lets it, it wins
        game.advance(state, np.array([move]))
    search = Search(game, random_play(game), Settings(Formula(uct=True)), 1, 40)
    search.run(state, np.array([20]))
    game.advance(state, np.array([6]))
    search.run(state, np.array([20]))
    assert search.policies(1)[0].argmax() == 0
    assert search.values(1)[0] == WIN
