"""From moves to what can be learned: how games begin, games under way, and the positions of those that have ended."""

from math import prod
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..batch import Batch
from ..errors import UsageError
from ..learn.returns import rewards_to_go
from ..machine import refuse_beyond_memory
from .game import Game, States


class Unfinished:
    """Keeps the moves of N games until they end, for only then is their result known.

    Columns are arrays (L, N, ...) of the last L moves, of which those of games that have ended are gone or marked.
    """

    def __init__(self) -> None:
        self.columns: dict[str, NDArray[Any]] = {}

    def settle(self, batch: Batch, states: States, keep: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        """The B positions of the games that ended in `batch`: what `act` recorded, their "result" and "reply".

        `states` (T, N, S) are the positions, `keep` (T, N) marks those to learn from. The result is seen by the player
        to move: rewards-to-go with gamma = -1, for the sign changes at each ply. The reply (B, A) is the policy of the
        next position, zero after the last move.
        """
        fresh = {"state": states, "keep": keep, "reward": batch.reward, "done": batch.done, **batch.extras}
        if self.columns and _kinds(self.columns) != _kinds(fresh):
            raise UsageError("the checkpoint has other games under way: it is damaged")
        rows = {k: np.concatenate([self.columns[k], x]) if self.columns else np.array(x) for k, x in fresh.items()}
        zero = np.zeros_like(rows["reward"])
        rows["result"] = rewards_to_go(rows["reward"], zero, rows["done"], -1.0)
        rows["reply"] = np.zeros_like(rows["policy"])
        rows["reply"][:-1] = rows["policy"][1:] * ~rows["done"][:-1, :, None]
        ended = np.logical_or.accumulate(rows["done"][::-1])[::-1]  # whether the game of a move has ended by now
        ready = ended & rows["keep"]
        settled = {k: x[ready] for k, x in rows.items() if k not in ("keep", "reward", "done")}
        rows["keep"] = rows["keep"] & ~ended
        open_rows = (~ended).any(1)
        first = int(open_rows.argmax()) if open_rows.any() else len(ended)
        self.columns = {k: rows[k][first:].copy() for k in fresh}
        return settled

    def state(self) -> dict[str, Any]:
        """The moves of games under way."""
        return {name: x.copy() for name, x in self.columns.items()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`.

        Raises:
            ValueError: if the columns are not of the same moves.
        """
        if len({x.shape[:2] for x in state.values()}) > 1:
            raise ValueError("columns of games under way differ in shape")
        self.columns = {name: x.copy() for name, x in state.items()}


def _kinds(columns: dict[str, NDArray[Any]]) -> dict[str, tuple[Any, ...]]:
    """What each column (L, N, ...) is, but for its length."""
    return {name: (x.dtype, x.shape[1:]) for name, x in columns.items()}


class Window:
    """The latest positions, from which minibatches are drawn; the window grows slower than the data.

    size(n) = c (1 + 0.4 ((n/c)^0.75 - 1) / 0.75) after n positions, c the least (KataGo, arXiv:1902.10565, appendix C):
    the first games, by a network that knew nothing, are soon left out.
    """

    def __init__(self, game: Game, least: int, most: int, random: np.random.Generator) -> None:
        self.game, self.least, self.most, self.random = game, least, most, random
        self.added = 0
        self.columns: dict[str, NDArray[Any]] = {}

    @property
    def size(self) -> int:
        """How many of the latest positions count."""
        n, c = self.added, self.least
        return min(n if n <= c else int(c * (1 + 0.4 * ((n / c) ** 0.75 - 1) / 0.75)), self.most)

    def add(self, rows: dict[str, NDArray[Any]]) -> None:
        """Take in B positions, columns (B, ...)."""
        count = len(next(iter(rows.values())))
        if not self.columns:
            self.columns = self._room(rows)
        places = np.arange(self.added, self.added + count) % self.most
        for name, x in rows.items():
            self.columns[name][places] = x
        self.added += count

    def sample(self, count: int) -> dict[str, NDArray[Any]]:
        """`count` positions of the window, each as likely."""
        places = (self.added - 1 - self.random.integers(self.size, size=count)) % self.most
        return {name: x[places] for name, x in self.columns.items()}

    def state(self) -> dict[str, Any]:
        """All positions, the oldest last."""
        places = (self.added - 1 - np.arange(min(self.added, self.most))) % self.most
        return {"added": self.added, "columns": {name: x[places] for name, x in self.columns.items()}}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`.

        Raises:
            ValueError: if it holds what are no positions of the game, or not as many as were added.
        """
        self.added = state["added"]
        places = (self.added - 1 - np.arange(min(self.added, self.most))) % self.most
        self._refuse_impossible(state["columns"], len(places))
        self.columns = self._room(state["columns"])
        for name, x in state["columns"].items():
            self.columns[name][places] = x

    def _room(self, rows: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Zeros in the place of as many rows as there can be at most."""
        nbytes = self.most * sum(x.itemsize * prod(x.shape[1:]) for x in rows.values())
        refuse_beyond_memory(nbytes, f"a window of {self.most:,} positions", "a smaller agent.window_most")
        return {name: np.zeros((self.most, *x.shape[1:]), x.dtype) for name, x in rows.items()}

    def _refuse_impossible(self, columns: dict[str, NDArray[Any]], count: int) -> None:
        rows = {"policy": (self.game.actions,), "reply": (self.game.actions,), "value": (), "full": ()}
        if count or columns:
            self.game.refuse_impossible(columns["state"])
        for name, x in columns.items():
            if len(x) != count or (name != "state" and x.shape[1:] != rows[name]):
                raise ValueError(f"{name} of the saved positions is of shape {x.shape}")
            if x.dtype.kind == "f" and not np.isfinite(x).all():
                raise ValueError(f"{name} of the saved positions is not finite")


class Openings:
    """Random first moves of N games, from none to `most` of them, drawn anew for each game."""

    def __init__(self, games: int, most: int, random: np.random.Generator) -> None:
        self.most, self.random = most, random
        self.until = np.zeros(games, np.int64)
        """The ply (N,) before which each game's moves are random."""

    def under_way(self, ply: NDArray[np.int64], first: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which games (N,) are still in their random moves; those at their `first` position begin."""
        drawn = self.random.integers(self.most + 1, size=len(ply))
        self.until = np.where(first, drawn, self.until)
        return ply < self.until

    def moves(self, legal: NDArray[np.int8]) -> NDArray[np.int64]:
        """Any of the legal moves (B, A)."""
        drawn: NDArray[np.int64] = (self.random.random(legal.shape) * legal).argmax(1)
        return drawn


class Clock:
    """Counts games, simulations and evaluations between updates."""

    def __init__(self) -> None:
        self._since, self._simulations, self._evaluations = perf_counter(), 0, 0

    def count(self, simulations: int, evaluations: int) -> None:
        """Add to what was done."""
        self._simulations += simulations
        self._evaluations += evaluations

    def rates(self, games: int) -> dict[str, float]:
        """Per second, or per hour, of all the time since the last call."""
        now = perf_counter()
        seconds = max(now - self._since, 1e-9)
        rates = {
            "speed/games_per_hour": 3600 * games / seconds,
            "speed/simulations_per_second": self._simulations / seconds,
            "speed/evaluations_per_second": self._evaluations / seconds,
        }
        self._since, self._simulations, self._evaluations = now, 0, 0
        return rates


def falling(ply: NDArray[np.int64], first: float, last: float, halflife: float) -> NDArray[np.float32]:
    """Temperatures (N,) from `first` towards `last`, of which half the way is done after `halflife` plies."""
    return (last + (first - last) * 0.5 ** (ply / halflife)).astype(np.float32)


def turn(mb: dict[str, NDArray[Any]], images: tuple[NDArray[Any], NDArray[Any]], random: np.random.Generator) -> None:
    """Replace each of B positions by a random image of it: "planes" (B, C, H, W), and what there is (B, A) of "mask",
    "policy" and "reply". `images` are those of `Game.images`."""
    cells, actions = images
    if len(cells) == 1:
        return
    image = random.integers(len(cells), size=len(mb["planes"]))
    flat = mb["planes"].reshape(*mb["planes"].shape[:2], -1)
    mb["planes"] = np.take_along_axis(flat, cells[image][:, None], 2).reshape(mb["planes"].shape)
    for name in {"mask", "policy", "reply"} & mb.keys():
        mb[name] = np.take_along_axis(mb[name], actions[image], 1)
