"""Taxi: fetch a passenger and bring them to their destination, on a grid of 5 x 5.

Dietterich 2000, arXiv:cs/9905014; equal to Gymnasium's `TaxiEnv` in every bit. State: the number of the tabular
state, the last move (only pictures show it), 1.0 while a fickle passenger may still choose another destination.
"""

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.envs.toy_text.taxi import TaxiEnv
from numba import njit
from numpy.typing import NDArray

from . import originals, tabular
from .kernel import Kernel, Row
from .pcg64 import Rng, integer, random
from .tabular import observe
from .tabular import reset as tabular_reset
from .tabular import step as tabular_step

STATES, ACTIONS, DESTINATIONS = 500, 6, 4
IN_TAXI = 4
OWN = 1 + STATES * ACTIONS  # parameters ahead of the table: how likely a change of mind is, and the action masks


def kernel(
    is_rainy: bool = False,
    fickle_passenger: bool = False,
    rainy_probability: float = 0.8,
    fickle_probability: float = 0.3,
) -> Kernel:
    """In rain the taxi may drift aside; a fickle passenger may change their mind on the first move with them."""
    original = TaxiEnv("rgb_array", is_rainy, fickle_passenger, rainy_probability, fickle_probability)
    masks = np.array([original.action_mask(state) for state in range(STATES)], np.float64)
    fickle = [fickle_probability if fickle_passenger else -1.0]
    return Kernel(
        name="Taxi",
        reset=reset,
        step=step,
        observe=observe,
        mask=mask,
        params=np.concatenate([fickle, masks.ravel(), tabular.table(original.P, original.initial_state_distrib)]),
        state_size=3,
        observation_space=spaces.Discrete(STATES),
        action_space=spaces.Discrete(ACTIONS),
        painter=originals.painter(original, _show),
    )


@njit(nogil=True)
def reset(state: Row, params: Row, rng: Rng) -> None:
    """Taxi, passenger and destination anywhere, with somewhere to go; only a fickle passenger costs a second draw."""
    tabular_reset(state, params[OWN:], rng)
    state[1] = 0.0
    state[2] = 1.0 if params[0] >= 0.0 and random(rng) < params[0] else 0.0


@njit(nogil=True)
def step(state: Row, params: Row, action: int, rng: Rng) -> tuple[float, bool]:
    """20 for a delivery, -10 for a wrong pick-up or drop-off, otherwise -1."""
    before = int(state[0])
    reward, terminated = tabular_step(state, params[OWN:], action, rng)
    if action < 4:
        state[1] = action
    moved = int(state[0]) // 20 != before // 20
    if state[2] == 1.0 and moved and before // DESTINATIONS % 5 == IN_TAXI:
        state[2] = 0.0
        other = integer(rng, DESTINATIONS - 1)
        destination = before % DESTINATIONS
        state[0] += (other if other < destination else other + 1) - state[0] % DESTINATIONS
    return reward, terminated


@njit(nogil=True)
def mask(state: Row, params: Row, out: NDArray[np.int8]) -> None:
    """The actions that change the state; the others are allowed, and cost what they cost."""
    first = 1 + int(state[0]) * ACTIONS
    for action in range(ACTIONS):
        out[action] = int(params[first + action])


def _show(original: Any, row: Row) -> None:
    original.s = int(row[0])
    original.lastaction, original.taxi_orientation = None, int(row[1])
