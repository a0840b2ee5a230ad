"""N games side by side as a `VectorEnv`: each step moves for whoever is to move, and the next observation is the
other's."""

from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.spaces import Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from ...core.errors import UsageError
from ...core.games.game import GOES_ON, LOSS, RESIGN, Game, Positions
from ...core.spaces.keys import MASK, STATE
from ..wrappers import refuse_partial_reset
from . import board


class GameVectorEnv(VectorEnv[dict[str, NDArray], NDArray, NDArray]):
    """N games, seen from the player to move; the reward is the result for the player who just moved.

    So the result of a game, as the player of each of its positions sees it, is the sum of later rewards with a change
    of sign per ply: rewards-to-go with gamma = -1. A game that ends is followed by a new one in the same step. The move
    RESIGN (-1), which is in no action space, gives a game up.
    """

    backend = "game"

    def __init__(self, game: Game, num_envs: int = 1, render_mode: str | None = None) -> None:
        if render_mode not in (None, "rgb_array", "ansi"):
            raise UsageError(f"{game.name}: render_mode {render_mode!r} is unknown; known: 'rgb_array', 'ansi'")
        self.game, self.num_envs, self.render_mode = game, num_envs, render_mode
        mode = AutoresetMode.SAME_STEP
        self.metadata = {"render_modes": ["rgb_array", "ansi"], "render_fps": 1, "autoreset_mode": mode}
        self.single_observation_space, self.single_action_space = Positions(game), Discrete(game.actions)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.states = game.begin(num_envs)
        self._mask = game.actions_of(self.states)
        if not self._mask.any(1).all():
            raise UsageError(f"{game.name}: no move is legal at the first position")
        self._started = False

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray], dict[str, Any]]:
        """Starts new games; `seed` changes nothing, for there is no chance in them."""
        refuse_partial_reset(options)
        self.states[:] = self.game.begin(self.num_envs)
        self._mask = self.game.actions_of(self.states)
        self._started = True
        return self.observe(), {}

    def step(self, actions: ArrayLike) -> tuple[dict[str, NDArray], NDArray, NDArray, NDArray, dict[str, Any]]:
        """Moves in every game; raises ValueError for a move that the rules do not allow."""
        if not self._started:
            raise ResetNeeded(f"{self.game.name}: call reset before step")
        moves = np.asarray(actions)
        if moves.shape != (self.num_envs,) or moves.dtype.kind not in "iu":
            raise ValueError(
                f"{self.game.name}: needs whole numbers ({self.num_envs},), not {moves.dtype} {moves.shape}"
            )
        resigned = moves == RESIGN
        self._refuse_illegal(moves, resigned)
        outcome = self._advance(moves.astype(np.int64), resigned)
        ended = outcome != GOES_ON
        info: dict[str, Any] = {}
        if ended.any():
            info = {"final_obs": self.observe(), "_final_obs": ended}
            info["final_obs"][MASK][ended] = 1  # nothing is open after the end, and one must be drawn
            self.states[ended] = self.game.begin(int(ended.sum()))
            self._mask[ended] = self.game.actions_of(self.states[ended])
        reward = np.where(ended, outcome, 0).astype(np.float64)
        return self.observe(), reward, ended, np.zeros(self.num_envs, np.bool_), info

    def render(self) -> tuple[Any, ...] | None:
        """N pictures (H, W, 3), or N texts."""
        if self.render_mode is None:
            return None
        draw = board.paint if self.render_mode == "rgb_array" else board.text
        return tuple(draw(self.game, state) for state in self.states)

    def get_state(self) -> dict[str, NDArray]:
        """All that changes; `set_state` continues from there."""
        return {"states": self.states.copy()}

    def set_state(self, saved: dict[str, NDArray]) -> None:
        """Takes over what `get_state` of an environment with as many games returned."""
        self.game.refuse_impossible(saved["states"])
        if saved["states"].shape != self.states.shape:
            raise ValueError(f"{self.game.name}: saved games {saved['states'].shape} do not fit {self.states.shape}")
        self.states[:] = saved["states"]
        self._mask = self.game.actions_of(self.states)
        self._started = True

    def _advance(self, moves: NDArray, resigned: NDArray[np.bool_]) -> NDArray[np.int8]:
        """Outcomes (N,) for those who moved, or gave up."""
        if not resigned.any():
            outcome, self._mask = self.game.advance(self.states, moves)
            return outcome
        outcome, going = np.full(self.num_envs, LOSS, np.int8), ~resigned
        states = self.states[going]
        outcome[going], self._mask[going] = self.game.advance(states, moves[going])
        self.states[going] = states
        return outcome

    def observe(self) -> dict[str, NDArray]:
        """Every position as the player to move sees it."""
        rows = self.states.copy().view(np.uint8)
        return {"observation": self.game.planes(self.states), MASK: self._mask.copy(), STATE: rows}

    def _refuse_illegal(self, moves: NDArray, resigned: NDArray[np.bool_]) -> None:
        inside = (moves >= 0) & (moves < self.game.actions)
        legal = inside & (self._mask[np.arange(self.num_envs), np.where(inside, moves, 0)] == 1)
        legal |= resigned
        if not legal.all():
            i = int(np.flatnonzero(~legal)[0])
            open_moves = np.flatnonzero(self._mask[i]).tolist()
            raise ValueError(f"{self.game.name}: move {moves[i]} of game {i} is not legal; legal: {open_moves}")
