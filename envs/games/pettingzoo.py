"""PettingZoo's classic games for two, as games that can be searched.

Their environments can be neither copied nor set to a position, so a position here is the list of moves that led to it,
played again in a new environment where no recent one is there. That is slow; the rest is the same.
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import UsageError
from ...core.games.game import DRAW, GOES_ON, LOSS, WIN, Game

KEPT = 4096
"""Positions whose environments are kept."""

State = NDArray[np.int64]


def from_pettingzoo(make: Callable[[], Any], max_plies: int) -> Game:
    """The game that `make` makes a PettingZoo AEC environment of, of at most `max_plies` moves.

    For example `from_pettingzoo(connect_four_v3.env, 42)`. Observations are put with their channels first; for boards
    to be drawn the first two must be the stones of the player to move and the other's, as in Connect Four.

    Raises:
        UsageError: if it is not a game of two players in turns with an action mask, seen as a board.
    """
    env = make()
    env.reset(seed=0)
    name = str(env.metadata.get("name", type(env).__name__))
    if len(env.possible_agents) != 2:
        raise UsageError(f"{name} is for {len(env.possible_agents)} players; a game here is for two")
    observed = env.observe(env.agent_selection)
    if not (isinstance(observed, dict) and "action_mask" in observed):
        raise UsageError(f"{name} observes no action_mask, so nobody can know which moves are legal")
    if np.ndim(observed["observation"]) != 3:
        shape = np.shape(observed["observation"])
        raise UsageError(f"{name} observes {shape}; a game here is seen as a board (height, width, planes)")
    height, width, planes = np.shape(observed["observation"])
    records = _Records(make, name)
    return Game(
        name=name,
        start=start,
        play=partial(play, records),
        legal=partial(legal, records),
        observe=partial(observe, records),
        state_size=max_plies + 1,
        actions=len(observed["action_mask"]),
        shape=(planes, height, width),
        max_plies=max_plies,
    )


class _Records:
    """Environments after given moves, the ones used last."""

    def __init__(self, make: Callable[[], Any], name: str) -> None:
        self.make, self.name = make, name
        self._kept: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    def at(self, moves: tuple[int, ...]) -> Any:
        """The environment after `moves`; not to be stepped."""
        if moves in self._kept:
            self._kept.move_to_end(moves)
            return self._kept[moves]
        env = self._kept.pop(moves[:-1], None) if moves else None  # goes on from here: its last position is left
        played = moves[-1:] if env else moves
        if env is None:
            env = self.make()
            env.reset(seed=0)
        for move in played:
            mover = env.agent_selection
            env.step(move)
            if mover == env.agent_selection and not env.terminations[mover]:
                raise UsageError(f"{self.name}: one player moved twice in a row; players must take turns")
        self._kept[moves] = env
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return env


def _moves(state: State) -> tuple[int, ...]:
    return tuple(state[: state[-1]].tolist())


def start(state: State, params: State) -> None:
    """No move yet."""
    state[:] = 0


def play(records: _Records, state: State, params: State, action: int) -> int:
    """Add a move, and look at what it led to.

    Raises:
        UsageError: where the position has no room for another move.
    """
    if state[-1] == len(state) - 1:
        raise UsageError(f"{records.name}: the game goes on after {state[-1]} moves; raise its max_plies")
    mover = records.at(_moves(state)).agent_selection
    state[state[-1]] = action
    state[-1] += 1
    env = records.at(_moves(state))
    if not any(env.terminations.values()) and not any(env.truncations.values()):
        return GOES_ON
    reward = env.rewards[mover]
    return WIN if reward > 0 else LOSS if reward < 0 else DRAW


def legal(records: _Records, state: State, params: State, out: NDArray[np.int8]) -> None:
    """The environment's action mask."""
    env = records.at(_moves(state))
    out[:] = env.observe(env.agent_selection)["action_mask"]


def observe(records: _Records, state: State, params: State, planes: NDArray[np.float32]) -> None:
    """The environment's observation, channels first."""
    env = records.at(_moves(state))
    planes[:] = np.moveaxis(env.observe(env.agent_selection)["observation"], -1, 0)
