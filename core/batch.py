"""Batch: T steps of N environments, the one record that crosses every boundary."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

CARRY = "carry"
"""The extra of an acting with a memory that says what it remembered before each step, (T, N, S)."""


class Episodes(NamedTuple):
    """The E episodes that ended within a batch, in the order of their ends."""

    env: NDArray[np.int64]
    """(E,) which environment."""
    returns: NDArray[np.float64]
    """(E,) undiscounted sum of the environment's own rewards."""
    lengths: NDArray[np.int64]
    """(E,) steps."""
    success: NDArray[np.float64] | None = None
    """(E,) 1 where what it was for was reached, else 0; nan, or none at all, where the environment does not say."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Views into the engine's storage, time-major; copy what must outlive the next `collect`.

    `terminated` means that the next state is worth 0, `truncated` that it is worth V(final_obs);
    no code outside this class decides that. A step with `valid` False never happened as far as
    learning goes: the action was ignored by an autoreset, or lies beyond the run's budget of steps.
    Column i is the same environment from batch to batch, so learners may keep something for each.
    """

    obs: NDArray[Any]
    """(T+1, N, *obs) what each action answered to, and what followed the last one."""
    action: NDArray[Any]
    """(T, N, *act) as the policy chose it, before it was clipped to the action space."""
    reward: NDArray[np.float32]
    """(T, N)"""
    terminated: NDArray[np.bool_]
    """(T, N)"""
    truncated: NDArray[np.bool_]
    """(T, N)"""
    valid: NDArray[np.bool_]
    """(T, N)"""
    first: NDArray[np.bool_]
    """(T+1, N) which of `obs` begin an episode."""
    final_at: NDArray[np.int64]
    """(K, 2) time and environment of each episode's end, sorted by time, then environment."""
    final_obs: NDArray[Any]
    """(K, *obs) the observation after each of these ends, which an autoreset would have hidden."""
    episodes: Episodes
    """Whole episodes that ended here, for statistics only."""
    extras: dict[str, NDArray[Any]]
    """(T, N, ...) whatever `act` returned beside the action: log-probability, value, ..."""

    @property
    def steps(self) -> int:
        """Number of valid steps."""
        return int(np.count_nonzero(self.valid))

    @property
    def done(self) -> NDArray[np.bool_]:
        """(T, N) where an episode ended; nothing flows backwards across it."""
        return self.terminated | self.truncated

    @property
    def edge_obs(self) -> NDArray[Any]:
        """(N+K, *obs) the states whose value `act` never computed: the last ones, then the final ones."""
        return np.concatenate([self.obs[-1], self.final_obs])

    @property
    def over(self) -> NDArray[np.bool_]:
        """(T, N) where nothing of any worth follows: the episode terminated, whatever else it did."""
        return self.terminated

    def next_obs(self) -> NDArray[Any]:
        """(T, N, *obs) what followed each step: the final observation where an episode ended, not the one after it."""
        following = self.obs[1:].copy()
        following[tuple(self.final_at.T)] = self.final_obs
        return following

    def discount(self, gamma: float) -> NDArray[np.float32]:
        """(T, N) what the worth of `next_obs` is multiplied with: 0 after a termination, else `gamma`."""
        return np.where(self.over, np.float32(0.0), np.float32(gamma))

    def next_value(self, value: NDArray[Any], edge_value: NDArray[Any]) -> NDArray[Any]:
        """(T, N) worth of what follows each step, from V(obs[:-1]) (T, N) and V(edge_obs) (N+K,).

        0 after a termination, V(final_obs) after a truncation, V(obs[t+1]) otherwise.
        """
        n = self.reward.shape[1]
        following = np.concatenate([value[1:], edge_value[None, :n]])
        t, i = self.final_at.T
        following[t, i] = np.where(self.over[t, i], 0.0, edge_value[n:])
        return following
