"""Every game against numbers that others counted, and against slow rules that are plain to see."""

import numpy as np
import pytest

from gymnast.core.errors import UsageError
from gymnast.core.games.game import DRAW, GOES_ON, LOSS, WIN
from gymnast.envs import games
from gymnast.envs.games import board, tictactoe

GAMES = ["tictactoe", "connect4", "othello6", "othello8", "gomoku5", "gomoku9"]


def perft(game, depth):
    """How many games of 1, 2, ... moves there are; games that are over are not gone on with."""
    states, counts = game.begin(1), []
    for _ in range(depth):
        rows, actions = np.nonzero(game.actions_of(states))
        states = states[rows]
        outcome, _ = game.advance(states, actions)
        counts.append(len(states))
        states = states[outcome == GOES_ON]
    return counts


PERFT = {
    # 255,168 games in all, 131,184 + 77,904 won and 46,080 drawn
    "tictactoe": [9, 72, 504, 3024, 15120, 54720, 148176, 200448, 127872],
    # John Tromp's and others' counts of move sequences
    "connect4": [7, 49, 343, 2401, 16807, 117649, 823536],
    # Paul Byrne and others, aartbik.com/strategy.php
    "othello8": [4, 12, 56, 244, 1396, 8200, 55092, 390216],
}


@pytest.mark.parametrize("name", PERFT)
def test_there_are_as_many_games_as_others_counted(name):
    assert perft(games.load(name), len(PERFT[name])) == PERFT[name]


def othello_perft(depth, size):
    """The same count by rules on lists, one disc at a time."""
    middle = size // 2
    start = {(middle - 1, middle - 1): 1, (middle, middle): 1, (middle - 1, middle): 0, (middle, middle - 1): 0}

    def turned(discs, cell, side):
        found = []
        for dy, dx in ((a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b):
            line, at = [], (cell[0] + dy, cell[1] + dx)
            while discs.get(at) == 1 - side:
                line.append(at)
                at = (at[0] + dy, at[1] + dx)
            found += line if discs.get(at) == side else []
        return found

    def count(discs, side, depth):
        cells = [(r, c) for r in range(size) for c in range(size) if (r, c) not in discs]
        moves = [(cell, t) for cell in cells if (t := turned(discs, cell, side))]
        if depth == 1:
            return max(len(moves), 1)
        return sum(count({**discs, **dict.fromkeys([cell, *t], side)}, 1 - side, depth - 1) for cell, t in moves)

    return [count(start, 0, d) for d in range(1, depth + 1)]


def test_small_othello_is_othello_on_a_smaller_board():
    assert perft(games.load("othello6"), 6) == othello_perft(6, 6)


def finished(name, count, seed):
    """Random games to their ends: the moves of each, and the outcome for the last player."""
    game, random, played = games.load(name), np.random.default_rng(seed), []
    for _ in range(count):
        state, moves, outcome = game.begin(1), [], GOES_ON
        while outcome == GOES_ON:
            moves.append(int(random.choice(np.flatnonzero(game.actions_of(state)[0]))))
            outcome = int(game.advance(state, np.array(moves[-1:]))[0][0])
        played.append((moves, outcome, state[0]))
    return game, played


def in_a_line(stones, length):
    """Whether cells (H, W) hold `length` in a line, by looking everywhere."""
    height, width = stones.shape
    for r, c in np.argwhere(stones):
        for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
            cells = [(r + k * dy, c + k * dx) for k in range(length)]
            if all(0 <= y < height and 0 <= x < width and stones[y, x] for y, x in cells):
                return True
    return False


@pytest.mark.parametrize(("name", "line"), [("tictactoe", 3), ("connect4", 4), ("gomoku5", 5), ("gomoku9", 5)])
def test_a_game_ends_with_the_first_line_or_a_full_board(name, line):
    game, played = finished(name, 60, 0)
    for moves, outcome, _ in played:
        state = game.begin(1)
        for ply, move in enumerate(moves):
            game.advance(state, np.array([move]))
            mine = game.planes(state)[0, 1]  # of the one who just moved
            last = ply == len(moves) - 1
            assert in_a_line(mine, line) == (last and outcome == WIN)
            assert state[0, -1] == ply + 1
        if outcome == DRAW:
            assert game.planes(state)[0].sum() == game.shape[1] * game.shape[2]


@pytest.mark.parametrize("name", ["othello6", "othello8"])
def test_othello_ends_when_neither_can_move_and_the_most_discs_win(name):
    outcomes = set()
    game, played = finished(name, 100, 1)
    for _, outcome, state in played:
        theirs, mine = game.planes(state[None])[0].sum((1, 2))
        assert outcome == {1: WIN, 0: DRAW, -1: LOSS}[int(np.sign(mine - theirs))]
        assert game.actions_of(state[None])[0].tolist() == [0] * (game.actions - 1) + [1]  # neither side has a move
        outcomes.add(outcome)
    assert {WIN, LOSS} <= outcomes
    assert any(game.actions - 1 in moves for moves, *_ in played)  # somebody had to pass


@pytest.mark.parametrize("name", GAMES)
def test_symmetries_commute_with_the_rules(name):
    """Playing the image of a game leads to the image of its position, with the image of its moves."""
    game, played = finished(name, 5, 2)
    cells, actions = game.images()
    assert len(cells) == (2 if name == "connect4" else 8)
    board_at_first = game.planes(game.begin(1))[0].reshape(2, -1)
    kept = [image for image in range(len(cells)) if (board_at_first[:, cells[image]] == board_at_first).all()]
    assert len(kept) == (4 if "othello" in name else len(cells))  # a quarter turn swaps Othello's first discs
    for image in kept:
        to = np.argsort(actions[image])  # where an action goes
        for moves, outcome, _ in played:
            one, other = game.begin(1), game.begin(1)
            for move in moves:
                result, mask = game.advance(one, np.array([move]))
                result_there, mask_there = game.advance(other, np.array([to[move]]))
                assert result == result_there
                np.testing.assert_array_equal(mask[0][actions[image]], mask_there[0])
                flat = game.planes(one)[0].reshape(2, -1)
                np.testing.assert_array_equal(flat[:, cells[image]], game.planes(other)[0].reshape(2, -1))
            assert result[0] == outcome


@pytest.mark.parametrize("name", GAMES)
def test_random_games_average_to_the_same_from_loops_and_by_hand(name):
    game, played = finished(name, 400, 3)
    by_hand = np.mean([outcome * (1 if len(moves) % 2 else -1) for moves, outcome, _ in played])  # for the first player
    looped = game.playout(game.begin(4000), np.random.default_rng(0).integers(2**64, size=4000, dtype=np.uint64))
    assert set(np.unique(looped)) <= {-1, 0, 1}
    assert abs(by_hand - looped.mean()) < 4 * np.sqrt(1 / 400 + 1 / 4000)


def test_the_table_of_tic_tac_toe_says_what_everybody_knows():
    table = tictactoe.table()
    assert table[0, 0] == 0  # a draw
    assert len(table) == 5478  # positions that can be reached
    assert table[0b000000001, 0b000010000] == 0  # a corner against the centre
    assert table[0b000000001, 0b000000010] == 1  # a corner against the edge beside it


@pytest.mark.parametrize("name", GAMES)
def test_actions_have_names_that_lead_back_to_them(name):
    game = games.load(name)
    assert [board.parse_action(game, board.action_name(game, a)) for a in range(game.actions)] == list(
        range(game.actions)
    )
    assert board.parse_action(game, "nonsense") is None


def test_a_board_is_drawn_in_letters_and_in_colours():
    game = games.load("connect4")
    state = game.begin(1)
    for move in (3, 3, 2):
        game.advance(state, np.array([move]))
    assert board.text(game, state[0]).splitlines()[-3:] == [
        "   . . . O . . .",
        "   . . X X . . .",
        "   1 2 3 4 5 6 7",
    ]
    picture = board.paint(game, state[0], np.full(7, 1 / 7), 0)
    assert picture.shape == (6 * 64 + 56, 7 * 64 + 56, 3)
    yellow, red = (board.SIDES["drops"][side] for side in (0, 1))
    assert tuple(picture[28 + 5 * 64 + 12, 28 + 3 * 64 + 32]) == yellow
    assert tuple(picture[28 + 4 * 64 + 12, 28 + 3 * 64 + 32]) == red


@pytest.mark.parametrize(
    ("name", "kwargs", "said"),
    [
        ("chess", {}, "no game 'chess'"),
        ("gomoku9", {"wide": 3}, "unknown argument 'wide'"),
        ("gomoku9", {"size": 40}, "needs 2 <= line <= size <= 19"),
        ("othello6", {"size": 7}, "must be 6 or 8"),
    ],
)
def test_what_cannot_be_played_is_refused(name, kwargs, said):
    with pytest.raises(UsageError, match=said):
        games.load(name, **kwargs)
