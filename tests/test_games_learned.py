"""What self-play reaches in games that are solved."""

import numpy as np
import pytest

from gymnast.core.games.game import GOES_ON, WIN
from gymnast.core.games.match import searcher
from gymnast.runners.evaluation import arena
from gymnast.runners.runs import run as runs
from gymnast.runners.training.train import train


def lost_lines(game, player, second):
    """How many games are lost against every line of play that there is, and how many there are."""
    states, lost, ended, to_move = game.begin(1), 0, 0, not second
    while len(states):
        if to_move:
            states = states.copy()
            outcome, _ = game.advance(states, player(states.copy()))
        else:
            rows, actions = np.nonzero(game.actions_of(states))
            states = states[rows]
            outcome, _ = game.advance(states, actions)
            lost += int((outcome == WIN).sum())
        ended += int((outcome != GOES_ON).sum())
        states = np.unique(states[outcome == GOES_ON], axis=0)
        to_move = not to_move
    return lost, ended


def test_a_perfect_player_loses_no_line_and_a_random_one_some():
    game = arena_game()
    for second in (False, True):
        assert lost_lines(game, arena.perfect(game), second)[0] == 0
        assert lost_lines(game, arena.random_mover(game), second)[0] > 0


def arena_game():
    from gymnast.envs import games

    return games.load("tictactoe")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_tic_tac_toe_from_self_play_is_perfect(seed):
    """It loses no line of play from either side, and no move of it anywhere on these lines gives away the result."""
    agent = train(runs.preset("alphazero", "tictactoe", seed=seed, evals=0)).agent
    perfect = searcher(agent.champion().searcher, agent.cfg.simulations)
    for second in (False, True):
        lost, ended = lost_lines(agent.game, perfect, second)
        assert ended > 10
        assert lost == 0
