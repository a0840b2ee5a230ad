"""Games whose rules break what `Game` says of them: refused in one line, never played on."""

from dataclasses import replace

import numpy as np
import pytest
from own_games import COUNTDOWN

from gymnast.core.errors import UsageError
from gymnast.core.games.game import GOES_ON, WIN, Game
from gymnast.core.games.match import match, openings
from gymnast.envs.games.vector import GameVectorEnv


def broken(**changes):
    return replace(COUNTDOWN, **{"name": "mine", **changes})


def no_move(state, params, out):
    out[:] = 0


def stay(state, params, action):
    state[1] += 1
    return GOES_ON


BROKEN = {
    "mine: play gave 5, which is not LOSS, DRAW, WIN or GOES_ON": broken(play=lambda state, params, action: 5),
    "mine: no move is legal, though the game goes on": broken(play=stay, legal=no_move),
    "mine: the game goes on after 7 moves; raise its max_plies": broken(play=stay),
}


def moves(game, count):
    states = game.begin(1)
    for _ in range(count):
        game.advance(states, np.array([0]))


@pytest.mark.parametrize("told", BROKEN)
def test_a_move_that_breaks_the_rules_is_refused(told):
    with pytest.raises(UsageError, match=told):
        moves(BROKEN[told], 8)


@pytest.mark.parametrize("told", BROKEN)
def test_a_random_game_that_breaks_the_rules_is_refused(told):
    with pytest.raises(UsageError, match=told):
        BROKEN[told].playout(COUNTDOWN.begin(1), np.zeros(1, np.uint64))


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_planes_that_are_not_finite_are_refused(number):
    def observe(state, params, planes):
        planes[:] = number

    with pytest.raises(UsageError, match="mine: observe wrote planes that are not finite"):
        broken(observe=observe).planes(COUNTDOWN.begin(2))


@pytest.mark.parametrize(
    ("told", "changes"),
    [
        ("must be at least 1", {"max_plies": -1}),
        ("must be at least 1", {"state_size": 0}),
        ("must be at least 1", {"actions": 0}),
        ("must be \\(planes, height, width\\)", {"shape": (2, 7)}),
        ("each of 7 cells and 2 actions once", {"symmetries": ((np.arange(6), np.arange(2)),)}),
        ("each of 7 cells and 2 actions once", {"symmetries": ((np.arange(7), np.zeros(2)),)}),
    ],
)
def test_a_game_that_cannot_be_is_refused_when_it_is_made(told, changes):
    with pytest.raises(UsageError, match=f"mine.*{told}"):
        broken(**changes)


def test_a_game_without_a_first_move_is_no_environment():
    with pytest.raises(UsageError, match="mine: no move is legal at the first position"):
        GameVectorEnv(broken(legal=no_move))


def test_a_match_of_a_game_of_one_ply_begins_at_its_first_position():
    game: Game = broken(play=lambda state, params, action: WIN, max_plies=1)
    starts = openings(game, 3, 2, seed=0)
    np.testing.assert_array_equal(starts, game.begin(3))
    first, second = match(game, *[lambda states: np.zeros(len(states), np.int64)] * 2, starts)
    assert (first.share, second.share) == (1, 0)
