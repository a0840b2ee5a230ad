"""The solver against given scores and against brute force."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from gymnast.core.games.game import GOES_ON
from gymnast.envs import games
from gymnast.envs.games.connect4_solver import Solver

DATA = Path(__file__).parents[2] / "data" / "connect4"
GAME = games.load("connect4")


def position(moves):
    state = GAME.begin(1)
    for column in moves:
        GAME.advance(state, np.array([int(column) - 1]))
    return state[0]


def given(name, count):
    """Positions and scores of a set."""
    lines = (line.split() for line in (DATA / name).read_text().splitlines()[:count])
    states, scores = zip(*((position(moves), int(score)) for moves, score in lines), strict=True)
    return np.array(states), np.array(scores)


@pytest.mark.parametrize(
    ("name", "count"), [("Test_L3_R1", 60), ("Test_L2_R1", 60), ("Test_L1_R1", 12), ("Test_L1_R2", 6)]
)
def test_scores_are_the_given_ones(name, count):
    solver = Solver()
    states, scores = given(name, count)
    assert [solver.score(state) for state in states] == scores.tolist()
    assert [solver.value(state) for state in states] == np.sign(scores).tolist()


def brute_force():
    """The value of a position for the player to move, by trying everything."""

    @cache
    def value(own, other, ply):
        best = -1
        state = np.array([[own, other, ply]])
        for action in np.flatnonzero(GAME.actions_of(state)[0]):
            after = state.copy()
            outcome = GAME.advance(after, np.array([action]))[0][0]
            best = max(best, outcome if outcome != GOES_ON else -value(*after[0].tolist()))
        return int(best)

    return value


def test_moves_are_worth_what_brute_force_finds():
    solver, value = Solver(), brute_force()
    states, _ = given("Test_L3_R1", 60)
    states = states[states[:, 2] >= 34]
    assert len(states) > 15
    found = solver.move_values(states)
    for state, row in zip(states, found, strict=True):
        for action in range(7):
            after = state[None].copy()
            if not GAME.actions_of(after)[0, action]:
                assert row[action] == 2
                continue
            outcome = GAME.advance(after, np.array([action]))[0][0]
            assert row[action] == (outcome if outcome != GOES_ON else -value(*after[0].tolist()))
        best = max(v for v in row if v != 2)
        assert solver.preserving(state, best).tolist() == (row == best).tolist()


def test_a_win_at_once_scores_by_the_discs_it_takes():
    assert Solver().score(position("112233")) == 22 - 4
