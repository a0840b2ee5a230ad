"""Game: the rules of a game for two, as a tree search and an environment ask for them.

A position is a row of int64 numbers seen from the player to move, so that players take turns in every game: one who
cannot move passes by an action. The rules are four functions on such a row, jitted (`@njit(nogil=True)`) or plain
Python, which is slower and otherwise the same.
"""

import types
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..errors import UsageError
from ..jitted.instantiate import instantiate
from ..jitted.rng import uniform
from ..spaces.keys import MASK, STATE

if TYPE_CHECKING:  # in the loops below these are the game's own functions, see `instantiate`
    start: Any = None
    play: Any = None
    legal: Any = None
    observe: Any = None

LOSS, DRAW, WIN, GOES_ON = -1, 0, 1, 2
"""Result of a move for the player who made it."""
_TRAPPED, _ENDLESS = -126, -125
"""In place of GOES_ON where there is no legal move, or where `max_plies` are played."""
NONE = -1
"""No action, or no node of a tree."""
RESIGN = -1
"""The move by which a player gives up, in an environment: the game is lost. No rule and no search knows it."""

States = NDArray[np.int64]
"""Positions (N, S); the last number of each is its ply: how many moves led there."""


@dataclass(frozen=True, eq=False)
class Game:
    """One game for two players with perfect information and a result of -1, 0 or 1."""

    name: str
    """As shown, and as it tells machine code apart."""
    start: Any
    """start(state, params): write the first position into `state` (S,)."""
    play: Any
    """play(state, params, action) -> outcome: move in place, after which `state` is seen by the other player. The
    action is legal. The outcome is WIN, DRAW or LOSS for the one who moved, or GOES_ON."""
    legal: Any
    """legal(state, params, out): write into `out` (A,) int8 which actions there are; at least one unless the game is
    over."""
    observe: Any
    """observe(state, params, planes): write into `planes` (C, H, W) float32; the first is 1 at the stones of the player
    to move, the second at the other's."""
    state_size: int
    """S, the length of a position."""
    actions: int
    """A, how many actions there are: one per column, or one per cell and perhaps one more to pass."""
    shape: tuple[int, int, int]
    """(C, H, W) of the planes."""
    max_plies: int
    """No game has more moves."""
    params: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """Constants of this instance, such as the size of the board."""
    symmetries: tuple[tuple[NDArray[Any], NDArray[Any]], ...] = ()
    """Beside the identity: (cells (H*W,), actions (A,)), where each cell and each action of the image comes from."""
    style: str = "stones"
    """How the board is drawn: stones, discs, drops or marks."""
    sudden: bool = False
    """Whether a move can win long before the board is full: a search then looks for such a move in each new position
    (decisive moves, Teytaud and Teytaud 2010), which costs as many moves as there are open."""

    def __post_init__(self) -> None:
        if self.max_plies < 1 or self.state_size < 1 or self.actions < 1:
            raise UsageError(f"{self.name}: max_plies, state_size and actions must be at least 1")
        if len(self.shape) != 3:
            raise UsageError(f"{self.name}: shape is {self.shape}; it must be (planes, height, width)")
        sizes = self.shape[1] * self.shape[2], self.actions
        for image in self.symmetries:
            if any(sorted(x) != list(range(size)) for x, size in zip(image, sizes, strict=True)):
                raise UsageError(
                    f"{self.name}: a symmetry must name each of {sizes[0]} cells and {sizes[1]} actions once"
                )

    @property
    def jitted(self) -> bool:
        """Whether the rules are compiled."""
        return all(hasattr(f, "py_func") for f in (self.start, self.play, self.legal, self.observe))

    def begin(self, count: int) -> States:
        """`count` games at the first position."""
        states = np.zeros((count, self.state_size), np.int64)
        self._begin(states, self.params)
        return states

    def advance(self, states: States, actions: NDArray[np.int64]) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """Move in place: outcomes (N,) for those who moved, and the actions (N, A) open to the others.

        Raises:
            UsageError: where the rules break what `Game` says of them.
        """
        outcome, mask = np.empty(len(states), np.int8), np.zeros((len(states), self.actions), np.int8)
        self._advance(states, self.params, actions, outcome, mask, self.max_plies)
        if outcome.min(initial=GOES_ON) < LOSS or outcome.max(initial=LOSS) > GOES_ON:
            self._refuse(outcome)
        return outcome, mask

    def actions_of(self, states: States) -> NDArray[np.int8]:
        """Which actions (N, A) there are."""
        mask = np.zeros((len(states), self.actions), np.int8)
        self._legal(states, self.params, mask)
        return mask

    def winning(self, states: States, mask: NDArray[np.int8]) -> NDArray[np.int64]:
        """The first open action that wins at once (N,), or NONE, from the masks (N, A) of unfinished positions.

        NONE everywhere unless the game is `sudden`.
        """
        found = np.full(len(states), NONE, np.int64)
        if self.sudden:
            self._winning(states, self.params, mask, np.empty(self.state_size, np.int64), found)
        return found

    def planes(self, states: States) -> NDArray[np.float32]:
        """Planes (N, C, H, W) that a network sees."""
        planes = np.zeros((len(states), *self.shape), np.float32)
        self._observe(states, self.params, planes)
        if not np.isfinite(planes.sum()):
            raise UsageError(f"{self.name}: observe wrote planes that are not finite")
        return planes

    def playout(self, states: States, random: NDArray[np.uint64]) -> NDArray[np.float32]:
        """Results (N,) of random games from unfinished positions, for the player to move; `random` (N,) are streams."""
        outcome, value = np.empty(len(states), np.int8), np.empty(len(states), np.float32)
        mask = np.empty(self.actions, np.int8)
        self._playout(states.copy(), self.params, random, mask, self.max_plies, outcome, value)
        if outcome.min(initial=LOSS) < LOSS or outcome.max(initial=LOSS) > WIN:
            self._refuse(outcome)
        return value

    def refuse_impossible(self, states: Any) -> None:
        """Raise ValueError unless `states` out of a file can be positions (N, S) in which somebody is to move."""
        if not isinstance(states, np.ndarray) or states.dtype != np.int64 or states.shape[1:] != (self.state_size,):
            raise ValueError(f"{self.name}: the saved positions are no whole numbers (N, {self.state_size})")
        if not ((states[:, -1] >= 0) & (states[:, -1] < self.max_plies)).all():
            raise ValueError(f"{self.name}: the saved positions have plies outside 0 to {self.max_plies - 1}")
        if not self.actions_of(states).any(1).all():
            raise ValueError(f"{self.name}: no move is legal in a saved position")

    def _refuse(self, outcome: NDArray[np.int8]) -> None:
        """Say what is wrong with the first of the outcomes (N,) that there cannot be."""
        wrong = outcome[(outcome < LOSS) | (outcome > GOES_ON)][0]
        if wrong == _TRAPPED:
            raise UsageError(f"{self.name}: no move is legal, though the game goes on; let players pass by an action")
        if wrong == _ENDLESS:
            raise UsageError(f"{self.name}: the game goes on after {self.max_plies} moves; raise its max_plies")
        raise UsageError(
            f"{self.name}: play gave {wrong}, which is not LOSS, DRAW, WIN or GOES_ON ({LOSS} to {GOES_ON})"
        )

    def images(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All symmetries with the identity first: where cells (K, H*W) and actions (K, A) come from."""
        _, h, w = self.shape
        cells, actions = [np.arange(h * w)], [np.arange(self.actions)]
        for cell, action in self.symmetries:
            cells.append(cell)
            actions.append(action)
        return np.stack(cells), np.stack(actions)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Game":
        return self  # nothing in it changes, and compiled loops are dear

    @cached_property
    def _begin(self) -> Callable[..., None]:
        return self.loop(begin_all)

    @cached_property
    def _advance(self) -> Callable[..., None]:
        return self.loop(advance_all)

    @cached_property
    def _legal(self) -> Callable[..., None]:
        return self.loop(legal_all)

    @cached_property
    def _winning(self) -> Callable[..., None]:
        return self.loop(winning_all)

    @cached_property
    def _observe(self) -> Callable[..., None]:
        return self.loop(observe_all)

    @cached_property
    def _playout(self) -> Callable[..., None]:
        return self.loop(playout_all)

    def loop(self, template: Callable[..., None]) -> Callable[..., None]:
        """The function `template` with this game's rules as its globals, compiled if they are."""
        functions = {"start": self.start, "play": self.play, "legal": self.legal, "observe": self.observe}
        if self.jitted:
            used = {name: f for name, f in functions.items() if name in template.__code__.co_names}
            return cast(Callable[..., None], instantiate(template, self.name, **used))
        return types.FunctionType(template.__code__, {**template.__globals__, **functions})


class Positions(spaces.Dict):
    """Observations of a game: planes, the action mask, and the exact position as bytes, from which a search starts.

    A policy network sees the planes (`observation`) and the mask; `game_state` is no feature.
    """

    def __init__(self, game: Game) -> None:
        self.game = game
        super().__init__(
            {
                "observation": spaces.Box(0.0, 1.0, game.shape, np.float32),
                MASK: spaces.MultiBinary(game.actions),
                STATE: spaces.Box(0, 255, (8 * game.state_size,), np.uint8),
            }
        )


def game_of(space: Any) -> Game | None:
    """The game that an observation space is of, if it is."""
    return space.game if isinstance(space, Positions) else None


def begin_all(states, params):  # type: ignore[no-untyped-def]
    """Writes the first position into every row."""
    for i in range(len(states)):
        start(states[i], params)


def advance_all(states, params, actions, outcome, mask, most):  # type: ignore[no-untyped-def]
    """Moves in every position; what is open in a game that is over does not matter."""
    for i in range(len(states)):
        outcome[i] = play(states[i], params, actions[i])
        if outcome[i] == GOES_ON and states[i, -1] >= most:
            outcome[i] = _ENDLESS
        elif outcome[i] == GOES_ON:
            legal(states[i], params, mask[i])
            if not mask[i].any():
                outcome[i] = _TRAPPED


def legal_all(states, params, mask):  # type: ignore[no-untyped-def]
    """Writes the open actions of every position."""
    for i in range(len(states)):
        legal(states[i], params, mask[i])


def winning_all(states, params, mask, after, found):  # type: ignore[no-untyped-def]
    """Writes the first winning action of every position that has one."""
    for i in range(len(states)):
        for action in range(mask.shape[1]):
            if mask[i, action]:
                after[:] = states[i]
                if play(after, params, action) == WIN:
                    found[i] = action
                    break


def observe_all(states, params, planes):  # type: ignore[no-untyped-def]
    """Writes the planes of every position."""
    for i in range(len(states)):
        observe(states[i], params, planes[i])


def playout_all(states, params, random, mask, most, outcome, value):  # type: ignore[no-untyped-def]
    """Plays every game to its end by random moves."""
    for i in range(len(states)):
        sign, outcome[i] = -1, GOES_ON
        while outcome[i] == GOES_ON:
            legal(states[i], params, mask)
            count = np.count_nonzero(mask)
            if count == 0 or states[i, -1] >= most:
                outcome[i] = _TRAPPED if count == 0 else _ENDLESS
                break
            left = int(uniform(random[i : i + 1]) * count)
            action = 0
            while True:
                if mask[action]:
                    if left == 0:
                        break
                    left -= 1
                action += 1
            sign = -sign
            outcome[i] = play(states[i], params, action)
        value[i] = sign * outcome[i]
