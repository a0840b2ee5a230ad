"""Hindsight: what was reached is taken for what was wanted, so that failures teach how to get to where they ended.

Andrychowicz et al. 2017, arXiv:1707.01495. A transition that is drawn may be given another goal: one that its episode
achieved. Its rewards, and whether it ended there, are then those that the environment has for that goal. A goal is
always what an observation *after* a step achieved. An episode still under way counts as far as it has come; one whose
beginning has been overwritten, as far as it is left.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..errors import UsageError
from ..jitted.rng import uniform
from .sampling import CUT, ENDED, TERMINATED, VALID

Strategy = Literal["future", "final", "episode"]
FUTURE, FINAL, EPISODE = range(3)
_NUMBERS: dict[Strategy, int] = {"future": FUTURE, "final": FINAL, "episode": EPISODE}

Judge = Callable[[NDArray[np.uint8], NDArray[np.uint8]], tuple[NDArray[np.float32], NDArray[np.bool_] | None]]
"""Rewards (B,) for achieved and desired goals, rows of bytes (B, ...), and where episodes end for them, if known."""


class Goals(NamedTuple):
    """How goals are observed, in rows of bytes, and what the environment makes of them."""

    achieved: slice
    """Where the achieved goal lies in an observation."""
    desired: slice
    """Where the desired one lies."""
    judge: Judge


class Ring(NamedTuple):
    """Which slots of a replay hold something."""

    flags: NDArray[np.uint8]
    """(slots,), all of them."""
    envs: int
    newest: int
    """Row."""
    filled: int
    """Rows, the newest one among them."""


class Hindsight:
    """Gives a share of the transitions that a replay draws a goal that their episode achieved.

    The replay knows no environment: whoever trains sets `goals` before the first draw. Where the environment does not
    say for which goals an episode ends, it ends where it did. With n-step targets all n rewards are those of the new
    goal, and none follows the step that ends the episode for it.
    """

    def __init__(self, strategy: Strategy, share: float, n: int = 1, gamma: float = 0.99) -> None:
        """`strategy`: a goal achieved from the transition on, at the end, or anywhere in the episode."""
        self.strategy, self.share, self.n, self.gamma = strategy, share, n, gamma
        self.goals: Goals | None = None
        self.place = np.zeros(0, np.int32)  # of each slot in its episode, counted from the first that is left

    def note(self, ring: Ring, steps: int) -> None:
        """The newest `steps` rows are others now."""
        if len(self.place) != len(ring.flags):
            self.place = np.zeros(len(ring.flags), np.int32)
        note(self.place, ring.flags, ring.envs, ring.newest, steps)

    def relabel(
        self,
        drawn: dict[str, NDArray[Any]],
        random: NDArray[np.uint64],
        ring: Ring,
        following: Callable[[NDArray[np.int64]], NDArray[Any]],
    ) -> None:
        """Puts other goals into transitions (B, ...) in place; `following` gives the observations after slots."""
        goals, slots, strategy = self._known(), drawn["indices"], _NUMBERS[self.strategy]
        which, achieved_at, left = draw(
            random, slots, self.place, ring.envs, ring.newest, ring.filled, strategy, self.share
        )
        if not len(which):
            return
        goal = following(achieved_at)[:, goals.achieved]
        for name in ("obs", "next_obs"):
            drawn[name][which, goals.desired] = goal
        steps = np.arange(self.n)
        path = (slots[which, None] + steps * ring.envs) % len(ring.flags)  # (K, n)
        known = steps <= left[:, None]
        reached = following(path[known])[:, goals.achieved]
        reward, over = np.zeros(path.shape, np.float32), ring.flags[path] & TERMINATED != 0
        reward[known], ends = goals.judge(reached, goal[np.nonzero(known)[0]])
        if ends is not None:
            over[known] = ends
        drawn["reward"][which], drawn["discount"][which] = summed(reward, over, known, self.gamma)

    def shown(self, obs: NDArray[Any]) -> NDArray[Any]:
        """Observations (M, ...) as networks come to see them: also with what they achieved as their goal."""
        goals, again = self._known(), obs.copy()
        again[:, goals.desired] = obs[:, goals.achieved]
        return np.concatenate([obs, again])

    def _known(self) -> Goals:
        if self.goals is None:
            raise UsageError(
                "hindsight needs the rewards of an environment: set replay.hindsight.goals, as training does"
            )
        return self.goals


def summed(
    reward: NDArray[np.float32], over: NDArray[np.bool_], known: NDArray[np.bool_], gamma: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Discounted sums (K,) of rewards (K, n) up to the first step that is `over`, and discounts of what follows."""
    ended = over & known
    counted = known & (ended.cumsum(1) - ended == 0)
    total = (counted * reward * gamma ** np.arange(reward.shape[1])).sum(1)
    return total.astype(np.float32), np.where(ended.any(1), 0.0, gamma ** counted.sum(1)).astype(np.float32)


@njit(nogil=True, cache=True)
def note(place: NDArray[Any], flags: NDArray[Any], envs: int, newest: int, steps: int) -> None:
    """Counts the newest `steps` rows of slots in their episodes: one more than the slot before, or 0 at a start.

    Places are only ever compared within an episode, whose slots lie `envs` apart: it goes on k slots later where the
    place is k more. A slot that is not valid belongs to none.
    """
    rows = flags.size // envs
    for back in range(steps - 1, -1, -1):
        row = (newest - back) % rows
        for i in range(envs):
            slot, before = row * envs + i, (row - 1) % rows * envs + i
            goes_on = flags[before] & (VALID | ENDED | CUT) == VALID and flags[slot] & VALID
            place[slot] = place[before] + 1 if goes_on else 0


@njit(nogil=True, cache=True)
def draw(
    random: NDArray[Any],
    slots: NDArray[Any],
    place: NDArray[Any],
    envs: int,
    newest: int,
    filled: int,
    strategy: int,
    share: float,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Which of the drawn slots (B,) get another goal, after which slots it was achieved, and the steps left, each (K,).

    Steps left: so many slots of the episode are known after the drawn one.
    """
    which, achieved_at = np.empty(slots.size, np.int64), np.empty(slots.size, np.int64)
    left, rows, count = np.empty(slots.size, np.int64), place.size // envs, 0
    for b in range(slots.size):
        if uniform(random) >= share:
            continue
        slot = slots[b]
        most = (newest - slot // envs) % rows
        ahead, back = steps_left(place, slot, envs, most), 0
        if strategy == EPISODE:
            back = min(np.int64(place[slot]), filled - 1 - most)
        away = ahead if strategy == FINAL else int(uniform(random) * (back + ahead + 1)) - back
        which[count], achieved_at[count], left[count] = b, (slot + away * envs) % place.size, ahead
        count += 1
    return which[:count], achieved_at[:count], left[:count]


@njit(nogil=True, cache=True)
def steps_left(place: NDArray[Any], slot: int, envs: int, most: int) -> int:
    """How many slots of its episode follow a slot, among the `most` rows after it; by doubling, then by halves."""
    low, high = 0, 1  # `low` steps on the episode still lasts, `high` steps on it does not
    while high <= most and place[(slot + high * envs) % place.size] == place[slot] + high:
        low, high = high, 2 * high
    high = min(high, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        if place[(slot + middle * envs) % place.size] == place[slot] + middle:
            low = middle
        else:
            high = middle
    return low
