"""Alpha-beta search to a fixed depth, for any game: exact results as far as it looks, and nothing known beyond.

Knuth and Moore 1975, "An analysis of alpha-beta pruning". A win counts the more the sooner it comes; what is not over
at the horizon counts as a draw. At each depth the move that last refuted another is tried first (the killer move).
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .game import GOES_ON, Game, States

if TYPE_CHECKING:  # in the loop below these are the game's own functions, see `Game.loop`
    play: Any = None
    legal: Any = None

NO_MOVE = -(1 << 14)
"""Worth of an action that there is not."""


class AlphaBeta:
    """Looks `depth` moves ahead."""

    def __init__(self, game: Game, depth: int) -> None:
        assert depth >= 1
        self.game, self.depth = game, depth
        self._loop = game.loop(look_all)

    def move_values(self, states: States) -> NDArray[np.int64]:
        """Value (N, A) of each move for the player who makes it; NO_MOVE where there is none.

        A win with the k-th move from here is worth depth + 1 - k, a loss as much below 0, the rest 0. Exact for the
        best moves; others are known to be worse, and worth this much at most.
        """
        out = np.full((len(states), self.game.actions), NO_MOVE, np.int64)
        self._loop(states, self.game.params, self.depth, out)
        return out


def look_all(states, params, depth, out):  # type: ignore[no-untyped-def]
    """Writes the worth of every move of every position. A stack of positions instead of recursion, for Numba."""
    actions = out.shape[1]
    stack = np.zeros((depth + 1, states.shape[1]), np.int64)
    mask = np.zeros((depth, actions), np.int8)
    step = np.zeros(depth, np.int64)  # at each node: the actions tried so far, the killer being the first
    tried = np.zeros(depth, np.int64)
    alpha, beta, best = np.zeros(depth, np.int64), np.zeros(depth, np.int64), np.zeros(depth, np.int64)
    killer = np.zeros(depth, np.int64)
    for i in range(len(states)):
        stack[0] = states[i]
        legal(stack[0], params, mask[0])
        level = 0
        step[0], alpha[0], beta[0], best[0] = 0, -depth - 1, depth + 1, -depth - 1
        while True:
            action = -1
            while action < 0 and step[level] <= actions and alpha[level] < beta[level]:
                action = killer[level] if step[level] == 0 else step[level] - 1
                if mask[level, action] == 0 or (step[level] > 0 and action == killer[level]):
                    action = -1
                step[level] += 1
            if action < 0:  # no move is left, or the last one refutes the move that led here
                if level == 0:
                    break
                if alpha[level] >= beta[level]:
                    killer[level] = tried[level]
                value = -best[level]
                level -= 1
                action = tried[level]
            else:
                tried[level] = action
                stack[level + 1] = stack[level]
                outcome = play(stack[level + 1], params, action)
                if outcome != GOES_ON:
                    value = outcome * (depth - level)
                elif level + 1 == depth:
                    value = 0
                else:
                    low = alpha[level] - 1 if level == 0 else alpha[level]  # moves as good as the best stay exact
                    level += 1
                    legal(stack[level], params, mask[level])
                    step[level], alpha[level], beta[level], best[level] = 0, -beta[level - 1], -low, -depth - 1
                    continue
            if level == 0:
                out[i, action] = value
            best[level] = max(best[level], value)
            alpha[level] = max(alpha[level], value)
