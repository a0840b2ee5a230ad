"""The strength of a run that plays a game: a ladder that grows while it trains, and a table when it is done."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.checkpoint import tensors
from ...core.games.champion import Champion
from ...core.games.game import Game, States
from ...core.games.match import OPENING, Player, Score, as_first, match, openings, searcher
from . import arena
from .arena import Solved
from .evaluate import Stopped

LIVE_SIMULATIONS = 64
"""Simulations a move of the agent in matches while it trains."""
_RIVALS = 3  # past selves that each new rung meets
_POSITIONS = 200  # from each set while training
_LEAVES = 60_000  # positions that the player who looks at everything may look at where the rules are compiled


class Ladder:
    """Ratings of an agent as it trains, beside random moves (rated 0), tree search without a network, and itself."""

    def __init__(self, game: Game, seed: int) -> None:
        self.game, self.seed = game, seed
        self._points = np.zeros((2, 2))
        self._weights: list[dict[str, NDArray]] = []
        self._sets = arena.solved_sets(_POSITIONS) if game.name == "connect4" else {}

    def climb(self, champion: Champion, games: int, stop: Sequence[Any] = ()) -> dict[str, float]:
        """Measure the agent as it is now, `games` against each rival; what to log.

        Raises:
            Stopped: as soon as `stop` holds something; the ladder is as it was.
        """
        points, p = self._points, len(self._points)  # the new rung
        seed = self.seed + p  # random numbers begin anew at each rung, so that a resumed run measures the same
        rivals = {0: arena.random_mover(self.game, seed), 1: arena.uct(self.game, 100, seed)}
        rivals |= {k: self._past(champion, self._weights[k - 2]) for k in range(max(2, p - _RIVALS), p)}
        rivals = {k: _stoppable(rival, stop) for k, rival in rivals.items()}
        now = _stoppable(_searching(champion, LIVE_SIMULATIONS), stop)
        starts = openings(self.game, max(games // 2, 1), OPENING, seed)
        points = np.pad(points, (0, 1))
        if not points.any():
            _record(points, 0, 1, match(self.game, rivals[0], rivals[1], starts))
        shares: dict[int, float] = {}
        for rival, player in rivals.items():
            scores = match(self.game, now, player, starts)
            _record(points, p, rival, scores)
            shares[rival] = sum(score.share for score in scores) / 2
        ratings = arena.elo(points)
        row = {"strength/elo": float(ratings[p]), "strength/uct_100": shares[1]}
        wrong = [solved_row(now, self.game, *positions) for positions in self._sets.values()]
        for name, solved in zip(self._sets, wrong, strict=True):
            row[f"strength/wrong_{name}"] = 100 * solved.share
        if wrong:
            row["strength/wrong_percent"] = 100 * sum(s.wrong for s in wrong) / sum(s.positions for s in wrong)
        self._points = points
        self._weights.append({name: x.cpu().numpy().copy() for name, x in champion.weights().items()})
        return row

    def state(self) -> dict[str, Any]:
        """Games so far, and the weights of past selves."""
        return {"points": self._points.copy(), "weights": self._weights}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self._points, self._weights = state["points"].copy(), list(state["weights"])

    def _past(self, champion: Champion, weights: dict[str, NDArray]) -> Player:
        return _searching(champion, LIVE_SIMULATIONS, champion.evaluator(tensors(weights)))


def _record(points: NDArray[np.float64], one: int, other: int, scores: tuple[Score, Score]) -> None:
    for score in scores:
        points[one, other] += score.share * score.games
        points[other, one] += (1 - score.share) * score.games


def _stoppable(player: Player, stop: Sequence[Any]) -> Player:
    """`player`, who gets up from the table where `stop` holds something."""

    def play(states: States) -> NDArray[np.int64]:
        if stop:
            raise Stopped
        return player(states)

    return play


def _searching(champion: Champion, simulations: int, evaluate: Any = None) -> Player:
    return searcher(lambda games, most: champion.searcher(games, most, evaluate=evaluate), simulations)


def solved_row(player: Player, game: Game, states: NDArray, good: NDArray) -> Solved:
    """How a player moves on the positions of a set."""
    return arena.accuracy(player, states, good, game.actions_of(states))


@dataclass(frozen=True)
class Strength:
    """Findings of `gymnast evaluate` about a run that plays a game."""

    ladder: list[tuple[str, float, Score]]
    """Name, rating (random moves are 0) and score over all games of each player, the strongest first."""
    solved: dict[str, dict[str, Solved]]
    """Moves on solved positions, by player and set; empty for games without any."""

    def to_json(self) -> dict[str, Any]:
        """Every figure, for machines."""
        ladder = [
            {"player": name, "elo": rating, "wins": s.wins, "draws": s.draws, "losses": s.losses}
            for name, rating, s in self.ladder
        ]
        solved = {
            player: {
                name: {
                    "wrong_percent": 100 * s.share,
                    "wrong_percent_losable": 100 * s.losable_share,
                    "of": s.positions,
                }
                for name, s in sets.items()
            }
            for player, sets in self.solved.items()
        }
        return {"ladder": ladder, "solved": solved}

    def lines(self) -> Iterator[str]:
        """The tables, for people."""
        yield f"  {'player':16} {'Elo':>6}  {'won':>5} {'drawn':>5} {'lost':>5}  points"
        for name, rating, s in self.ladder:
            yield f"  {name:16} {rating:6.0f}  {s.wins:5} {s.draws:5} {s.losses:5}  {s.share:6.1%}"
        if not self.solved:
            return
        names = list(next(iter(self.solved.values())))
        yield ""
        yield "  moves that change the result under perfect play, % of all positions (of those that can be misplayed)"
        yield f"  {'player':16} " + " ".join(f"{name.replace('_', '-'):>15}" for name in names)
        for player, sets in self.solved.items():
            cells = (f"{100 * s.share:.1f} ({100 * s.losable_share:.1f})" for s in sets.values())
            yield f"  {player:16} " + " ".join(f"{cell:>15}" for cell in cells)


def measure(champion: Champion, simulations: int, games: int, seed: int) -> Strength:
    """A tournament of the agent's network alone, with a few and with `simulations` simulations, and the baselines."""
    game = champion.game
    own = {"network alone": 0, "64 simulations": 64, f"{simulations} simulations": simulations}
    players = [(name, _searching(champion, count)) for name, count in own.items()]
    entrants = [*players, ("uct-1000", arena.uct(game, 1000, seed)), ("uct-100", arena.uct(game, 100, seed))]
    depth = _depth(game)
    entrants.append((f"alpha-beta {depth}", arena.alpha_beta(game, depth, seed)))
    if game.name == "tictactoe" and (best := arena.perfect(game, seed)):
        entrants.append(("perfect", best))
    entrants.append(("random", arena.random_mover(game, seed)))
    starts = openings(game, max(games // 2, 1), OPENING, seed)
    ladder = arena.ladder(game, entrants, starts)
    sets = arena.solved_sets() if game.name == "connect4" else {}
    solved = {name: {s: solved_row(player, game, *sets[s]) for s in sets} for name, player in players} if sets else {}
    return Strength(sorted(ladder, key=lambda row: -row[1]), solved)


def against(champion: Champion, name: str, simulations: int, games: int, seed: int) -> tuple[Score, Score]:
    """Games of the agent against the player called `name`, as the first and as the second player.

    From random openings, each with both sides; against perfect play from the first position and as the first player
    alone, for there the first position says who should win.

    Raises:
        UsageError: for an unknown player, or none that plays this game perfectly.
    """
    game, player, other = champion.game, _searching(champion, simulations), arena.rival(champion.game, name, seed)
    if name == "perfect":
        return as_first(game, player, other, game.begin(games)), Score()
    return match(game, player, other, openings(game, max(games // 2, 1), OPENING, seed))


def _depth(game: Game) -> int:
    """How many moves ahead alpha-beta looks in about the time of the other players.

    It looks at about A^(1 + d/2) of all A^d lines to depth d: one reply to each move is enough, save at the root, where
    all the best moves are wanted.
    """
    leaves = _LEAVES if game.jitted else _LEAVES // 100
    return min(max(1, 2 * int(np.log(leaves) / np.log(max(game.actions, 2))) - 1), game.max_plies)
