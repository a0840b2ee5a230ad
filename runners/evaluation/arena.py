"""How strong a player is: baselines, Bayes-Elo ratings, and solved positions."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import UsageError
from ...core.games.alphabeta import AlphaBeta
from ...core.games.game import Game, States
from ...core.games.match import Player, Score, match, searcher
from ...core.games.search import Search, Settings, random_play
from ...core.games.tree import Formula
from ...envs.games import tictactoe
from ...envs.games.connect4 import COLUMNS
from ...envs.games.connect4_book import PLIES, Book
from ...envs.games.connect4_solver import Solver

_POSITIONS = Path(__file__).parents[2] / "envs" / "games" / "data" / "connect4.npz"


def uct(game: Game, simulations: int, seed: int = 0) -> Player:
    """Tree search with random play and no network."""
    settings = Settings(Formula(c_init=1.0, uct=True), reuse=False)
    return searcher(lambda games, most: Search(game, random_play(game, seed), settings, games, most, seed), simulations)


def random_mover(game: Game, seed: int = 0) -> Player:
    """Any legal move."""
    generator = np.random.default_rng(seed)

    def play(states: States) -> NDArray[np.int64]:
        mask = game.actions_of(states)
        return (generator.random(mask.shape) * mask).argmax(1)

    return play


def alpha_beta(game: Game, depth: int, seed: int = 0) -> Player:
    """Looks `depth` moves ahead at everything, and counts what is not over by then as a draw; ties at random."""
    return _best_of(AlphaBeta(game, depth).move_values, seed)


def rival(game: Game, name: str, seed: int = 0) -> Player:
    """The player that goes by `name`: random, uct-N, alpha-beta-N or perfect.

    Raises:
        UsageError: if there is none, or nobody who plays this game perfectly.
    """
    kind, _, number = name.rpartition("-")
    if name == "random":
        return random_mover(game, seed)
    if kind in ("uct", "alpha-beta") and number.isdecimal() and int(number):
        return uct(game, int(number), seed) if kind == "uct" else alpha_beta(game, int(number), seed)
    if name != "perfect":
        raise UsageError(f"unknown player {name!r}; there are random, uct-1000, alpha-beta-4 (any number) and perfect")
    player = perfect(game, seed)
    if player is None:
        raise UsageError(f"nothing here plays {game.name} perfectly; connect4 and tictactoe are solved")
    return player


def perfect(game: Game, seed: int = 0) -> Player | None:
    """Any of the moves that keep the value of a position, by solving it; None for a game that nothing here solves."""
    if game.name == "tictactoe":
        table = tictactoe.table()

        def values(states: States) -> NDArray[np.int8]:
            worth = [tictactoe.move_values(table, int(own), int(other)) for own, other, _ in states]
            return _without(np.array(worth, np.int8))

        return _best_of(values, seed)
    if game.name == "connect4":
        return _best_of(_connect4_values(), seed)
    return None


def _connect4_values() -> Callable[[States], NDArray[np.int8]]:
    """Values of moves: early in a game the best are 1 and the others 0; later on their results, by solving."""

    book, solver = Book(), Solver()

    def values(states: States) -> NDArray[np.int8]:
        early = states[:, -1] < PLIES
        worth = np.empty((len(states), COLUMNS), np.int8)
        for i in np.flatnonzero(early):
            worth[i] = book.preserving(states[i])
        worth[~early] = _without(solver.move_values(states[~early]))
        return worth

    return values


def _without(worth: NDArray[np.int8]) -> NDArray[np.int8]:
    """Values of moves, those that there are not (2) below all others."""
    return np.where(worth == 2, np.int8(-2), worth)


def _best_of(values: Callable[[States], NDArray], seed: int) -> Player:
    """Any of the moves (N, A) that `values` says are worth most."""
    generator = np.random.default_rng(seed)

    def play(states: States) -> NDArray[np.int64]:
        worth = values(states)
        best = worth == worth.max(1, keepdims=True)
        return (generator.random(worth.shape) * best).argmax(1)

    return play


def elo(points: NDArray[np.float64], prior: float = 1.0, anchor: int = 0) -> NDArray[np.float64]:
    """Ratings (P,) from points (P, P), `points[i, j]` won by i against j, with that of `anchor` at 0.

    Bayes-Elo: the most likely ratings under the logistic model with `prior` drawn games between each pair that met
    (Hunter 2004, "MM algorithms for generalized Bradley-Terry models"). 400 points are odds of ten to one.
    """
    met = (points + points.T) > 0
    won = points + 0.5 * prior * met
    games = won + won.T
    strength = np.ones(len(points))
    for _ in range(10_000):
        pairs = games / (strength[:, None] + strength[None, :])
        new = won.sum(1) / np.maximum(pairs.sum(1), 1e-300)
        new /= np.exp(np.log(new).mean())
        if np.abs(np.log(new / strength)).max() < 1e-10:
            break
        strength = new
    ratings = 400 / math.log(10) * np.log(strength)
    return ratings - ratings[anchor]


@dataclass(frozen=True)
class Solved:
    """Moves on positions whose exact value is known."""

    positions: int
    wrong: int
    """Moves after which the result under perfect play is worse."""
    losable: int
    """Positions where some legal move is wrong: the others cannot be misplayed, and flatter."""

    @property
    def share(self) -> float:
        """Wrong moves per position."""
        return self.wrong / self.positions

    @property
    def losable_share(self) -> float:
        """Wrong moves per position that can be misplayed."""
        return self.wrong / max(self.losable, 1)


def solved_sets(count: int = 1000) -> dict[str, tuple[States, NDArray[np.bool_]]]:
    """Connect Four positions (N, 3) of Pascal Pons's test sets, and which moves (N, 7) keep their value.

    The first `count` of each set.
    """
    with np.load(_POSITIONS) as data:
        names = [key.removesuffix("_state") for key in data if key.endswith("_state")]
        return {
            name: (data[f"{name}_state"][:count], np.unpackbits(data[f"{name}_good"][:count, None], axis=1)[:, :7] == 1)
            for name in names
        }


def accuracy(player: Player, states: States, good: NDArray[np.bool_], legal: NDArray[np.int8]) -> Solved:
    """How a player moves on positions (N, S) of which `good` (N, A) are the moves that keep the value."""
    wrong = ~good[np.arange(len(states)), player(states)]
    return Solved(len(states), int(wrong.sum()), int((good.sum(1) < legal.sum(1)).sum()))


def ladder(game: Game, players: Sequence[tuple[str, Player]], starts: States) -> list[tuple[str, float, Score]]:
    """Name, rating and overall score of each player after a tournament of all against all; the last one is rated 0."""
    p = len(players)
    points, scores = np.zeros((p, p)), [Score()] * p
    for i in range(p):
        for j in range(i + 1, p):
            for score in match(game, players[i][1], players[j][1], starts):
                points[i, j] += score.share * score.games
                points[j, i] += (1 - score.share) * score.games
                scores[i] += score
                scores[j] += Score(score.losses, score.draws, score.wins)
    ratings = elo(points, anchor=p - 1)
    return [(name, float(rating), score) for (name, _), rating, score in zip(players, ratings, scores, strict=True)]
