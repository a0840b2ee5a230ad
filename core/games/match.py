"""Players of a game, and matches between them with openings balanced by colour.

A player is a `Player`: positions in, moves out. Matches are played many games at a time, every opening twice with the
sides exchanged, so that neither colour nor opening favours anyone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .game import GOES_ON, Game, States
from .search import Search

Player = Callable[[States], NDArray[np.int64]]
"""Positions (N, S) of unfinished games to moves (N,); deterministic or not, and without memory."""

OPENING = 2
"""Random moves with which games of a match begin, so that no two are alike."""


def searcher(make: Callable[[int, int], Search], simulations: int, chunk: int = 512) -> Player:
    """The best move of a search from `make(games, simulations)`, anew at every move; 0 asks the network alone."""
    search: Search | None = None

    def play(states: States) -> NDArray[np.int64]:
        nonlocal search
        if search is None or len(search.tree.size) < min(len(states), chunk):
            search = make(min(len(states), chunk), max(simulations, 1))
        moves = []
        for part in np.split(states, range(chunk, len(states), chunk)):
            search.forget()
            search.run(part, np.full(len(part), simulations))
            moves.append(search.choose(search.policies(len(part)), np.zeros(len(part), np.float32)))
        return np.concatenate(moves)

    return play


def openings(game: Game, count: int, plies: int, seed: int) -> States:
    """`count` positions after `plies` random moves, each different as far as there are enough; after fewer moves where
    every game is over by then."""
    generator, found = np.random.default_rng(seed), dict[bytes, NDArray[np.int64]]()
    spare: list[NDArray[np.int64]] = []
    for _ in range(20 * count):
        state = game.begin(1)
        for _ in range(plies):
            action = generator.choice(np.flatnonzero(game.actions_of(state)[0]))
            if game.advance(state, np.array([action]))[0][0] != GOES_ON:
                break
        else:
            spare.append(state[0])
            found[state.tobytes()] = state[0]
        if len(found) == count:
            break
    rows = [*found.values(), *spare][:count]
    return np.array(rows) if rows else openings(game, count, plies - 1, seed)


@dataclass(frozen=True)
class Score:
    """Games of one player against another."""

    wins: int = 0
    draws: int = 0
    losses: int = 0

    @property
    def games(self) -> int:
        """How many."""
        return self.wins + self.draws + self.losses

    @property
    def share(self) -> float:
        """Points per game: 1 for a win, half for a draw."""
        return (self.wins + 0.5 * self.draws) / self.games

    def __add__(self, other: "Score") -> "Score":
        return Score(self.wins + other.wins, self.draws + other.draws, self.losses + other.losses)


def match(game: Game, one: Player, other: Player, starts: States) -> tuple[Score, Score]:
    """Every start twice: scores of `one` where it moved first from the start, and where it moved second."""
    n = len(starts)
    both = np.concatenate([starts, starts])
    result = play_out(game, one, other, both, np.arange(2 * n) < n)
    return _score(result[:n]), _score(result[n:])


def as_first(game: Game, one: Player, other: Player, starts: States) -> Score:
    """Every start once, with `one` to move first from there."""
    return _score(play_out(game, one, other, starts, np.ones(len(starts), np.bool_)))


def play_out(game: Game, one: Player, other: Player, starts: States, first: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Results (N,) for `one` of games from `starts` (N, S), in which it moves first where `first` (N,) says so."""
    states, moves_one = starts.copy(), first.copy()
    result, going = np.zeros(len(states), np.int64), np.ones(len(states), np.bool_)
    while going.any():
        for player, mine in ((one, True), (other, False)):
            rows = np.flatnonzero(going & (moves_one == mine))
            if not len(rows):
                continue
            part = states[rows]
            outcome, _ = game.advance(part, player(part.copy()))
            states[rows] = part
            over = outcome != GOES_ON
            result[rows[over]] = outcome[over] * (1 if mine else -1)
            going[rows[over]] = False
            moves_one[rows] = not mine
    return result


def _score(result: NDArray[np.int64]) -> Score:
    return Score(int((result > 0).sum()), int((result == 0).sum()), int((result < 0).sum()))
