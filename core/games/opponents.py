"""Opponents in self-play beside the newest network itself: past networks, and a gate for new ones.

Past opponents keep self-play from going in circles (Kaplan §8.6: "an ecosystem"). The gate is AlphaGo Zero's evaluator
(Silver et al. 2017, Nature 550, 354): a new network plays once it has beaten the one that plays.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .. import checkpoint
from ..batch import Batch
from .game import Game, States
from .match import OPENING, Player, match, openings
from .search import Search

Weights = dict[str, Tensor]

_NOBODY = -1


class PastSelves:
    """Networks of the past, the latest `most` of them; which one plays is drawn whenever one joins.

    All have weights `like` these.
    """

    def __init__(self, most: int, random: np.random.Generator, like: Weights) -> None:
        self.most, self.random, self._like = most, random, like
        self.weights: list[Weights] = []
        self.joined = 0
        """How many there were so far: another one plays each time."""
        self._playing = 0  # which of them

    @property
    def playing(self) -> Weights:
        """The network that plays."""
        return self.weights[self._playing]

    def join(self, weights: Weights) -> None:
        """One more past network."""
        self.weights = [*self.weights, _copied(weights)][-self.most :]
        self._playing = int(self.random.integers(len(self.weights)))
        self.joined += 1

    @staticmethod
    def score(batch: Batch, ply: NDArray[np.int64]) -> dict[str, float]:
        """Metrics of T moves of N games, plies (T, N): points per game against past networks, and how many games.

        Reads the extra "past_side" (T, N).
        """
        side = batch.extras["past_side"]
        ended = batch.done & (side != _NOBODY)
        result = np.where(side == ply % 2, -batch.reward, batch.reward)[ended]
        return {"past/score": float((result.mean() + 1) / 2)} if len(result) else {}

    def state(self) -> dict[str, Any]:
        """The networks, and which of them plays."""
        return {"weights": self.weights, "playing": self._playing, "joined": self.joined}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`.

        Raises:
            TypeError, ValueError: if it holds other networks, or not the one that plays.
        """
        self.weights = [checkpoint.weights(self._like, saved) for saved in state["weights"]]
        self._playing, self.joined = state["playing"], state["joined"]
        if self._playing >= max(len(self.weights), 1):
            raise ValueError(f"there is no past network {self._playing} of {len(self.weights)}")


class Sides:
    """Which side of each of N games a past network plays, and its moves; its search starts anew at every move.

    Args:
        search: makes the search of a past network for up to so many games; a move takes as many simulations as it has
            room for.
        share: of the games in which a past network plays one side.
    """

    def __init__(
        self,
        games: int,
        past: PastSelves,
        search: Callable[[int, Weights], Search],
        share: float,
        random: np.random.Generator,
    ) -> None:
        self.past, self.search, self.share, self.random = past, search, share, random
        self._side = np.full(games, _NOBODY, np.int8)  # which side: 0 the first to move, or nobody
        self._search: Search | None = None
        self._joined = 0  # when the past network of the search joined

    def to_move(self, ply: NDArray[np.int64], first: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """In which games (N,) it is a past network's turn; those at their `first` position begin."""
        taken = (self.random.random(len(ply)) < self.share) & bool(self.past.weights)
        drawn = np.where(taken, self.random.integers(2, size=len(ply)), _NOBODY)
        self._side = np.where(first, drawn, self._side).astype(np.int8)
        turn: NDArray[np.bool_] = self._side == ply % 2
        return turn

    @property
    def side(self) -> NDArray[np.int8]:
        """(N,) 0 or 1, the parity of the plies at which a past network moves, or -1."""
        return self._side.copy()

    def moves(self, states: States, temperature: NDArray[np.float32]) -> NDArray[np.int64]:
        """A past network's moves (B,) in positions (B, S)."""
        if self._search is None or self._joined != self.past.joined:
            self._search, self._joined = self.search(len(self._side), self.past.playing), self.past.joined
        self._search.run(states, np.full(len(states), self._search.capacity - 1))
        return self._search.choose(self._search.policies(len(states)), temperature)

    def state(self) -> dict[str, Any]:
        """The sides, and the random numbers of the past network's search."""
        random = self._search.random.copy() if self._search else None
        return {"side": self._side.copy(), "random": random, "joined": self._joined}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`, once the past networks have.

        Raises:
            ValueError: if it is of other games.
        """
        if state["side"].shape != self._side.shape or not np.isin(state["side"], (_NOBODY, 0, 1)).all():
            raise ValueError(f"the sides of past networks are not those of {len(self._side)} games")
        self._side, self._joined, self._search = state["side"].copy(), state["joined"], None
        if state["random"] is not None:
            if self._joined != self.past.joined:  # another one plays by now, with a search of its own
                return
            self._search = self.search(len(self._side), self.past.playing)
            self._search.random[:] = state["random"]


class Gate:
    """The network that plays, which a newer one replaces when it wins at least `share` of the points of a match.

    Args:
        player: makes the player of a network.
        games: of a match; each of its openings is played from both sides.
    """

    def __init__(
        self, game: Game, player: Callable[[Weights], Player], share: float, games: int, weights: Weights
    ) -> None:
        self.game, self.player, self.share, self.games = game, player, share, games
        self.weights = _copied(weights)
        self._matches = 0

    def challenge(self, weights: Weights) -> float:
        """The points per game of a newer network, which takes over if they are enough."""
        starts = openings(self.game, max(self.games // 2, 1), OPENING, self._matches)
        self._matches += 1
        scores = match(self.game, self.player(weights), self.player(self.weights), starts)
        points = (scores[0] + scores[1]).share
        if points >= self.share:
            self.weights = _copied(weights)
        return points

    def state(self) -> dict[str, Any]:
        """The network that plays, and how many matches there were."""
        return {"weights": self.weights, "matches": self._matches}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`.

        Raises:
            TypeError, ValueError: if it holds another network.
        """
        self.weights, self._matches = checkpoint.weights(self.weights, state["weights"]), state["matches"]


def _copied(weights: Weights) -> Weights:
    return {name: x.detach().cpu().clone() for name, x in weights.items()}
