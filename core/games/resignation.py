"""When to give up a lost game, with a bound on how often that is wrong.

Silver et al. 2017 ("Mastering the game of Go without human knowledge", Nature 550, 354, Methods): some games are played
to their end whatever happens, which tells of every threshold how often the side that would have given up did not lose.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..batch import Batch
from ..errors import UsageError
from .game import RESIGN

_THRESHOLDS = np.linspace(-1.0, -0.5, 51).astype(np.float32)
_NOBODY, _RIGHT, _WRONG = 0, 1, 2  # verdicts: nobody gave up at a threshold, or a side that lost, or one that did not
_GAMES = 2000  # the latest ones that count


class Resignation:
    """A threshold for the search's value: at most the share `bound` of the games given up at it would not be lost.

    It is the highest of which the games played to the end say so, (wrong + 1) / (given up + 1) <= bound; before there
    are 1 / bound of them that would have been given up, nobody gives up.

    Args:
        bound: in (0, 1).
    """

    def __init__(self, bound: float) -> None:
        self.bound = bound
        self.threshold: float | None = None
        self._first = np.zeros((0, len(_THRESHOLDS)), np.int8)  # first side to give up: 1, the first player, or -1
        self._verdicts = np.zeros((0, len(_THRESHOLDS)), np.int8)

    def learn(self, batch: Batch, ply: NDArray[np.int64]) -> dict[str, float]:
        """Take in what happened in T moves of N games, whose plies are (T, N); what to log.

        Reads the extras "search_value" and "watched" (T, N).
        """
        if not len(self._first):
            self._first = np.zeros((ply.shape[1], len(_THRESHOLDS)), np.int8)
        if len(self._first) != ply.shape[1]:
            raise UsageError(
                f"the checkpoint has {len(self._first)} games under way, not {ply.shape[1]}: it is damaged"
            )
        mover = np.where(ply % 2 == 0, 1, -1).astype(np.int8)
        verdicts = [self._verdicts]
        for t in range(len(ply)):
            below = batch.extras["search_value"][t][:, None] <= _THRESHOLDS
            gives_up = below & batch.extras["watched"][t][:, None] & (self._first == 0)
            self._first = np.where(gives_up, mover[t][:, None], self._first)
            ended = batch.done[t]
            lost = self._first[ended] * (batch.reward[t] * mover[t])[ended][:, None] < 0
            verdict = np.where(self._first[ended] == 0, _NOBODY, np.where(lost, _RIGHT, _WRONG))
            verdicts.append(verdict[verdict[:, -1] != _NOBODY].astype(np.int8))
            self._first[ended] = 0
        self._verdicts = np.concatenate(verdicts)[-_GAMES:]
        wrong, given_up = self._measure()
        row = {"resign/watched": float(len(self._verdicts))}
        if batch.done.any():
            row["resign/share"] = float((batch.action == RESIGN).sum() / batch.done.sum())
        if self.threshold is not None:
            at = int(np.searchsorted(_THRESHOLDS, np.float32(self.threshold)))
            row |= {"resign/threshold": self.threshold, "resign/wrong": float(wrong[at] / max(given_up[at], 1))}
        return row

    def state(self) -> dict[str, Any]:
        """The games seen so far."""
        return {"first": self._first.copy(), "verdicts": self._verdicts.copy()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`.

        Raises:
            ValueError: if it is of other thresholds.
        """
        self._first, self._verdicts = state["first"].copy(), state["verdicts"].copy()
        if not self._first.shape[1] == self._verdicts.shape[1] == len(_THRESHOLDS):
            raise ValueError(f"resignations at {self._first.shape[1]} thresholds, not at {len(_THRESHOLDS)}")
        self._measure()

    def _measure(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Sets the threshold; for each, how many games would have been given up wrongly, and at all."""
        wrong, given_up = (self._verdicts == _WRONG).sum(0), (self._verdicts != _NOBODY).sum(0)
        fine = np.flatnonzero(wrong + 1 <= self.bound * (given_up + 1))
        self.threshold = float(_THRESHOLDS[fine[-1]]) if len(fine) else None
        return wrong, given_up


class GivingUp:
    """Decides which side gives up at a threshold in N games, and in which of them nobody may.

    Args:
        to_the_end: share of the games in which nobody gives up.
    """

    def __init__(self, games: int, to_the_end: float, random: np.random.Generator) -> None:
        self.to_the_end, self.random = to_the_end, random
        self.never = np.zeros(games, np.bool_)
        """(N,) games in which nobody gives up."""

    def decide(
        self,
        first: NDArray[np.bool_],
        value: NDArray[np.float32],
        able: NDArray[np.bool_],
        threshold: float | None,
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which games (N,) are given up at values (N,) of the player to move, and which are watched instead.

        `able` (N,) are those whose value comes from a search of the player who may give up; games at their `first`
        position begin.
        """
        self.never = np.where(first, self.random.random(len(first)) < self.to_the_end, self.never)
        below = np.zeros(len(first), np.bool_) if threshold is None else value <= threshold
        return able & ~self.never & below, able & self.never
