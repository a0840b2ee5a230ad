"""How strong a player is: matches with openings balanced by colour, Bayes-Elo ratings, and solved positions.

A player is a `Player`: positions in, moves out. Matches are played many games at a time, every opening twice with the
sides exchanged, so that neither colour nor opening favours anyone.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.game import GOES_ON, Game, States
from ..core.search import Search, Settings, random_play
from ..core.tree import Formula

Player = Callable[[States], NDArray[np.int64]]
"""Positions (N, S) of unfinished games to moves (N,); deterministic or not, and without memory."""

_POSITIONS = Path(__file__).parent.parent / "envs" / "games" / "data" / "connect4.npz"


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


def minimax(game: Game, depth: int, seed: int = 0) -> Player:
    """Looks `depth` moves ahead at everything, and counts what is not over by then as a draw; ties at random."""
    generator = np.random.default_rng(seed)

    def values(states: States, left: int) -> NDArray[np.int8]:
        """Results (N, A) of each move for who makes it, -2 where there is none."""
        out = np.full((len(states), game.actions), -2, np.int8)
        rows, actions = np.nonzero(game.actions_of(states))
        after = states[rows]
        outcome, _ = game.advance(after, actions)
        going = outcome == GOES_ON
        outcome[going] = 0
        if left > 1 and going.any():
            outcome[going] = -values(after[going], left - 1).max(1)
        out[rows, actions] = outcome
        return out

    def play(states: States) -> NDArray[np.int64]:
        worth = values(states, depth)
        best = worth == worth.max(1, keepdims=True)
        return (generator.random(worth.shape) * best).argmax(1)

    return play


def perfect(game: Game, seed: int = 0) -> Player | None:
    """Any of the moves that keep the value of a position, by solving it; None for a game that nothing here solves."""
    generator = np.random.default_rng(seed)
    if game.name == "tictactoe":
        from ..envs.games import tictactoe

        table = tictactoe.table()

        def values(states: States) -> NDArray[np.int8]:
            return np.array([tictactoe.move_values(table, int(own), int(other)) for own, other, _ in states], np.int8)

    elif game.name == "connect4":
        from ..envs.games.connect4_solver import Solver

        values = Solver().move_values
    else:
        return None

    def play(states: States) -> NDArray[np.int64]:
        worth = values(states)
        worth[worth == 2] = -2
        best = worth == worth.max(1, keepdims=True)
        return (generator.random(worth.shape) * best).argmax(1)

    return play


def openings(game: Game, count: int, plies: int, seed: int) -> States:
    """`count` positions after `plies` random moves, each different as far as there are enough."""
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
    return np.array(rows)


@dataclass(frozen=True)
class Score:
    """Games of one player against another."""

    wins: int
    draws: int
    losses: int

    @property
    def games(self) -> int:
        """How many."""
        return self.wins + self.draws + self.losses

    @property
    def share(self) -> float:
        """Points per game: 1 for a win, half for a draw."""
        return (self.wins + 0.5 * self.draws) / self.games


def match(game: Game, one: Player, other: Player, starts: States) -> tuple[Score, Score]:
    """Every start twice: scores of `one` where it moved first from the start, and where it moved second."""
    n = len(starts)
    states = np.concatenate([starts, starts])
    first = np.arange(2 * n) < n  # games in which `one` moves first
    result = np.zeros(2 * n, np.int64)  # for `one`
    going = np.ones(2 * n, np.bool_)
    moves_one = first.copy()
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
    return _score(result[:n]), _score(result[n:])


def _score(result: NDArray[np.int64]) -> Score:
    return Score(int((result > 0).sum()), int((result == 0).sum()), int((result < 0).sum()))


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
    points, scores = np.zeros((p, p)), [Score(0, 0, 0)] * p
    for i in range(p):
        for j in range(i + 1, p):
            for score in match(game, players[i][1], players[j][1], starts):
                points[i, j] += score.share * score.games
                points[j, i] += (1 - score.share) * score.games
                scores[i] = _plus(scores[i], score)
                scores[j] = _plus(scores[j], Score(score.losses, score.draws, score.wins))
    ratings = elo(points, anchor=p - 1)
    return [(name, float(rating), score) for (name, _), rating, score in zip(players, ratings, scores, strict=True)]


def _plus(a: Score, b: Score) -> Score:
    return Score(a.wins + b.wins, a.draws + b.draws, a.losses + b.losses)
