"""Matches, ratings and solved positions."""

import math

import numpy as np
import pytest

from gymnast.core.errors import UsageError
from gymnast.core.games.game import GOES_ON
from gymnast.core.games.match import as_first, match, openings, searcher
from gymnast.core.games.search import Search, Settings
from gymnast.envs import games
from gymnast.envs.games import tictactoe
from gymnast.envs.games.connect4_book import PLIES, Book
from gymnast.runners.evaluation import arena

TICTACTOE, CONNECT4 = games.load("tictactoe"), games.load("connect4")


def test_the_perfect_player_never_loses_whatever_the_other_does():
    perfect = arena.perfect(TICTACTOE)
    starts = TICTACTOE.begin(100)
    for score in match(TICTACTOE, perfect, arena.random_mover(TICTACTOE), starts):
        assert score.games == 100
        assert score.losses == 0
        assert score.wins > 50


def test_who_looks_ahead_wins_and_blocks_as_far_as_it_looks():
    state = TICTACTOE.begin(1)
    for move in (0, 3, 1):  # X has two in a row
        TICTACTOE.advance(state, np.array([move]))
    blind, seeing = arena.alpha_beta(TICTACTOE, 1), arena.alpha_beta(TICTACTOE, 2)
    assert len({int(blind(state)[0]) for _ in range(50)}) > 1  # one ply shows no danger
    assert {int(seeing(state)[0]) for _ in range(50)} == {2}
    TICTACTOE.advance(state, np.array([8]))
    assert {int(blind(state)[0]) for _ in range(20)} == {2}  # wins


def test_to_look_to_the_end_is_to_play_perfectly():
    deep = arena.alpha_beta(TICTACTOE, 9)
    starts = openings(TICTACTOE, 9, 1, 0)
    for score in match(TICTACTOE, deep, arena.perfect(TICTACTOE), starts):
        assert score.draws + score.wins == score.games


def test_nobody_plays_perfectly_what_is_not_solved():
    with pytest.raises(UsageError, match="nothing here plays othello6 perfectly; connect4 and tictactoe are solved"):
        arena.rival(games.load("othello6"), "perfect")


def test_two_perfect_players_draw():
    one, other = arena.perfect(TICTACTOE, 1), arena.perfect(TICTACTOE, 2)
    assert [score.draws for score in match(TICTACTOE, one, other, TICTACTOE.begin(10))] == [10, 10]


def test_scores_are_told_apart_by_who_began():
    """A player that takes the first free cell wins against one that takes the last, from either side, if it begins."""

    def lowest(states):
        return TICTACTOE.actions_of(states).argmax(1)

    def blocked(states):
        """Whatever the other does, this one loses if it is second: it takes 3, 4, 5 last."""
        free = TICTACTOE.actions_of(states)
        order = np.array([8, 7, 5, 3, 6, 4, 2, 1, 0])
        return order[free[:, order].argmax(1)]

    first, second = match(TICTACTOE, lowest, blocked, TICTACTOE.begin(1))
    assert (first.wins, first.losses) == (1, 0)  # 0 8 1 7 2
    assert (second.wins, second.draws, second.losses) == (1, 0, 0)  # 8 0 7 1 5 2


def test_every_opening_is_another_position_after_as_many_moves():
    starts = openings(CONNECT4, 30, 2, seed=0)
    assert len(np.unique(starts, axis=0)) == 30
    assert (starts[:, -1] == 2).all()
    assert len(openings(TICTACTOE, 20, 1, seed=0)) == 20  # there are nine: some come twice


def test_ratings_are_log_odds():
    """Without a prior, 3 points to 1 are odds of 3: 400 log10(3) points."""
    points = np.array([[0.0, 30.0], [10.0, 0.0]])
    one, other = arena.elo(points, prior=0, anchor=1)
    assert one == pytest.approx(400 * math.log10(3), abs=0.01)
    assert other == 0


def test_the_prior_keeps_the_rating_of_a_winner_of_all_games_finite():
    """10 to 0 with one drawn game added: 10.5 to 0.5."""
    one, _ = arena.elo(np.array([[0.0, 10.0], [0.0, 0.0]]), prior=1, anchor=1)
    assert one == pytest.approx(400 * math.log10(21), abs=0.01)


def test_ratings_add_up_over_players_that_never_met():
    points = np.array([[0, 3, 0], [1, 0, 3], [0, 1, 0]], float) * 100
    ratings = arena.elo(points, prior=0, anchor=2)
    assert ratings[0] == pytest.approx(2 * 400 * math.log10(3), abs=0.1)


def test_a_ladder_ranks_players_as_strong_as_they_are():
    players = [("uct", arena.uct(TICTACTOE, 100)), ("random", arena.random_mover(TICTACTOE))]
    (_, rating, score), (_, zero, other) = arena.ladder(TICTACTOE, players, TICTACTOE.begin(10))
    assert rating > 200
    assert zero == 0
    assert score.games == other.games == 20
    assert (score.wins, score.losses) == (other.losses, other.wins)


def test_solved_positions_are_what_the_solver_says():
    from gymnast.envs.games.connect4_solver import Solver

    solver = Solver()
    for name, (states, good) in arena.solved_sets(25).items():
        legal = CONNECT4.actions_of(states)
        assert len(states) == 25
        assert (good.sum(1) > 0).all()
        assert not (good & (legal == 0)).any()
        if name in ("end_easy", "middle_easy"):
            for state, moves in zip(states, good, strict=True):
                assert solver.preserving(state, solver.value(state)).tolist() == moves.tolist()


def test_a_wrong_move_is_one_that_changes_the_result():
    states, good = arena.solved_sets(50)["end_easy"]
    legal = CONNECT4.actions_of(states)
    always = arena.accuracy(lambda s: good.argmax(1), states, good, legal)
    assert (always.wrong, always.positions) == (0, 50)
    bad = (legal == 1) & ~good
    worst = np.where(bad.any(1), bad.argmax(1), good.argmax(1))
    never = arena.accuracy(lambda s: worst, states, good, legal)
    assert never.wrong == never.losable == int((good.sum(1) < legal.sum(1)).sum())
    assert never.losable_share == 1


def test_a_search_plays_as_itself_in_pieces():
    def evaluate(states, mask):
        return np.zeros(mask.shape, np.float32), np.zeros(len(states), np.float32)

    def make(count, most):
        return Search(TICTACTOE, evaluate, Settings(reuse=False), count, most)

    starts = openings(TICTACTOE, 9, 1, 0)
    whole, parts = searcher(make, 30)(starts), searcher(make, 30, chunk=4)(starts)
    np.testing.assert_array_equal(whole, parts)


def test_move_values_of_tic_tac_toe_are_those_of_the_positions_they_lead_to():
    table = tictactoe.table()
    values = tictactoe.move_values(table, 0b000000011, 0b000011000)  # both have two in a row
    assert values[2] == 1
    assert values[5] != 1
    assert [v for v in values if v == 2] == [2] * 4
    assert GOES_ON == 2


def test_a_player_can_be_the_first_in_all_games():
    def lowest(states):
        assert (states[:, -1] % 2 == 0).all()
        return TICTACTOE.actions_of(states).argmax(1)

    score = as_first(TICTACTOE, lowest, arena.random_mover(TICTACTOE), TICTACTOE.begin(40))
    assert score.games == 40
    assert score.wins > score.losses


def test_perfect_play_of_connect_four_opens_in_the_middle_and_wins_with_the_first_move():
    perfect = arena.perfect(CONNECT4)
    assert set(perfect(CONNECT4.begin(20)).tolist()) == {3}
    opened = CONNECT4.begin(7)
    CONNECT4.advance(opened, np.arange(7))
    book = Book()
    kept = [book.preserving(state) for state in opened]
    assert [int(good.sum()) for good in kept] == [int(good[::-1].sum()) for good in kept[::-1]]
    assert kept[3].all()  # lost anyway
    for left, right in zip(kept[:3], kept[:3:-1], strict=True):
        np.testing.assert_array_equal(left, right[::-1])


def test_perfect_play_of_connect_four_keeps_the_result_early_and_late():
    perfect = arena.perfect(CONNECT4)
    sets = arena.solved_sets(40)
    for name in ("end_easy", "middle_easy"):
        states, good = sets[name]
        assert good[np.arange(40), perfect(states)].all()
    states = np.concatenate([CONNECT4.begin(3), sets["end_easy"][0][:5]])
    assert (perfect(states)[:3] == 3).all()


def test_the_book_says_what_is_known_of_solved_positions():
    book, seen = Book(), 0
    for states, good in arena.solved_sets().values():
        for state, moves in zip(states, good, strict=True):
            if state[-1] < PLIES:
                np.testing.assert_array_equal(book.preserving(state), moves)
                seen += 1
    assert seen > 100
