"""Markov decision processes given as a table: FrozenLake, CliffWalking, our GridWorld, and what Taxi builds on.

Equal to Gymnasium's toy text environments in every bit: one uniform number per transition, compared with the running
sums of the outcomes' probabilities. State: the number of the tabular state.

The parameters hold, one after the other: the numbers of states S, actions A and outcomes K; the running sums of the
start distribution (S,); and for each state, action and outcome (S, A, K) the running sum of probability (-1 where
there are fewer than K outcomes), the next state, the reward and whether the episode ends.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.envs.toy_text.cliffwalking import CliffWalkingEnv
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv
from numba import njit
from numpy.typing import ArrayLike, NDArray

from . import originals
from .kernel import Kernel, Row, Table
from .pcg64 import Rng, random


def frozen_lake(
    desc: Sequence[str] | None = None,
    map_name: str | None = "4x4",
    is_slippery: bool = True,
    success_rate: float = 1.0 / 3.0,
    reward_schedule: tuple[float, float, float] = (1, 0, 0),
) -> Kernel:
    """Cross a frozen lake without falling into a hole; arguments as for Gymnasium's `FrozenLakeEnv`."""
    lake: Any = FrozenLakeEnv  # whose annotations are narrower than what it takes
    return _copy_of("FrozenLake", lake("rgb_array", desc, map_name, is_slippery, success_rate, reward_schedule))


def cliff_walking(is_slippery: bool = False) -> Kernel:
    """Walk along a cliff: Sutton and Barto, "Reinforcement learning", example 6.6."""
    return _copy_of("CliffWalking", CliffWalkingEnv("rgb_array", is_slippery))


def table(outcomes: Table, start: ArrayLike) -> Row:
    """The parameters, shape (P,), of a table with start distribution `start` (S,)."""
    num_states, num_actions = len(outcomes), len(outcomes[0])
    most = max(len(listed) for by_action in outcomes.values() for listed in by_action.values())
    columns = np.full((4, num_states, num_actions, most), -1.0)
    for state, by_action in outcomes.items():
        for action, listed in by_action.items():
            columns[:, state, action, : len(listed)] = np.array(listed, np.float64).T
            columns[0, state, action, : len(listed)] = np.cumsum([outcome[0] for outcome in listed])
    return np.concatenate([[num_states, num_actions, most], np.cumsum(start), columns.ravel()])


@njit(nogil=True)
def reset(state: Row, params: Row, rng: Rng) -> None:
    """A state from the start distribution."""
    state[0] = _first_above(params[3 : 3 + int(params[0])], random(rng))


@njit(nogil=True)
def step(state: Row, params: Row, action: int, rng: Rng) -> tuple[float, bool]:
    """One outcome of the action."""
    num_states, num_actions, most = int(params[0]), int(params[1]), int(params[2])
    block = num_states * num_actions * most
    first = 3 + num_states + (int(state[0]) * num_actions + action) * most
    chosen = first + _first_above(params[first : first + most], random(rng))
    state[0] = params[chosen + block]
    return params[chosen + 2 * block], params[chosen + 3 * block] == 1.0


@njit(nogil=True)
def observe(state: Row, params: Row, obs: NDArray) -> None:
    """The number of the state."""
    obs[0] = int(state[0])


@njit(nogil=True)
def _first_above(sums: Row, drawn: float) -> int:
    """The first running sum above `drawn`; 0 when rounding left none, as `argmax` has it."""
    for i in range(sums.shape[0]):
        if sums[i] > drawn:
            return i
    return 0


def _copy_of(name: str, original: Any) -> Kernel:
    return Kernel(
        name=name,
        reset=reset,
        step=step,
        observe=observe,
        params=table(original.P, original.initial_state_distrib),
        state_size=1,
        observation_space=spaces.Discrete(len(original.P)),
        action_space=spaces.Discrete(4),
        painter=originals.painter(original, _show),
    )


def _show(original: Any, row: Row) -> None:
    original.s = int(row[0])
