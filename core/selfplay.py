"""From moves to what can be learned: games under way, and the positions of those that have ended."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .batch import Batch
from .game import States
from .returns import rewards_to_go


class Unfinished:
    """Keeps the moves of N games until they end, for only then is their result known.

    Columns are arrays (L, N, ...) of the last L moves, of which those of games that have ended are gone or marked.
    """

    def __init__(self) -> None:
        self.columns: dict[str, NDArray] = {}

    def settle(self, batch: Batch, states: States, keep: NDArray[np.bool_]) -> dict[str, NDArray]:
        """The B positions of the games that ended in `batch`: what `act` recorded, their "result" and "reply".

        `states` (T, N, S) are the positions, `keep` (T, N) marks those to learn from. The result is seen by the player
        to move: rewards-to-go with gamma = -1, for the sign changes at each ply. The reply (B, A) is the policy of the
        next position, zero after the last move.
        """
        fresh = {"state": states, "keep": keep, "reward": batch.reward, "done": batch.done, **batch.extras}
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
        """Go on from `state()`."""
        self.columns = {name: x.copy() for name, x in state.items()}


class Window:
    """The latest positions, from which minibatches are drawn; the window grows slower than the data.

    size(n) = c (1 + 0.4 ((n/c)^0.75 - 1) / 0.75) after n positions, c the least (KataGo, arXiv:1902.10565, appendix C):
    the first games, by a network that knew nothing, are soon left out.
    """

    def __init__(self, least: int, most: int, random: np.random.Generator) -> None:
        self.least, self.most, self.random = least, most, random
        self.added = 0
        self.columns: dict[str, NDArray] = {}

    @property
    def size(self) -> int:
        """How many of the latest positions count."""
        n, c = self.added, self.least
        return min(n if n <= c else int(c * (1 + 0.4 * ((n / c) ** 0.75 - 1) / 0.75)), self.most)

    def add(self, rows: dict[str, NDArray]) -> None:
        """Take in B positions, columns (B, ...)."""
        count = len(next(iter(rows.values())))
        if not self.columns:
            self.columns = {name: np.zeros((self.most, *x.shape[1:]), x.dtype) for name, x in rows.items()}
        places = np.arange(self.added, self.added + count) % self.most
        for name, x in rows.items():
            self.columns[name][places] = x
        self.added += count

    def sample(self, count: int) -> dict[str, NDArray]:
        """`count` positions of the window, each as likely."""
        places = (self.added - 1 - self.random.integers(self.size, size=count)) % self.most
        return {name: x[places] for name, x in self.columns.items()}

    def state(self) -> dict[str, Any]:
        """All positions, the oldest last."""
        places = (self.added - 1 - np.arange(min(self.added, self.most))) % self.most
        return {"added": self.added, "columns": {name: x[places] for name, x in self.columns.items()}}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.added = state["added"]
        places = (self.added - 1 - np.arange(min(self.added, self.most))) % self.most
        self.columns = {}
        for name, x in state["columns"].items():
            self.columns[name] = np.zeros((self.most, *x.shape[1:]), x.dtype)
            self.columns[name][places] = x
