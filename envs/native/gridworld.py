"""Grid world: walk up (0), right (1), down (2) or left (3) to the goal; walls and borders stop a move.

The smallest useful maze, and a table like Gymnasium's toy environments. State: row * size + column.
"""

from collections.abc import Collection
from functools import partial

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ...core.errors import UsageError
from . import tabular
from .kernel import Kernel, Painter, Row

Cell = tuple[int, int]
"""Row and column, from the top left."""

MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))
CELL = 64  # pixels
FLOOR, LINE, WALL = (250, 250, 246), (222, 222, 214), (70, 78, 92)
GOAL, GOAL_DARK, AGENT, AGENT_DARK = (129, 199, 132), (46, 125, 50), (66, 133, 244), (25, 80, 170)


def kernel(
    size: int = 5,
    walls: Collection[Cell] = (),
    start: Cell | None = (0, 0),
    goal: Cell | None = None,
    step_reward: float = 0.0,
) -> Kernel:
    """1 for reaching `goal` (by default the lower right corner), otherwise `step_reward`.

    `start=None` starts anywhere else.
    """
    cells = [(row, column) for row in range(size) for column in range(size)]
    blocked = {(int(row), int(column)) for row, column in walls}
    free = set(cells) - blocked
    end = (size - 1, size - 1) if goal is None else (int(goal[0]), int(goal[1]))
    starts = free - {end} if start is None else {(int(start[0]), int(start[1]))}
    for name, chosen in ("goal", {end}), ("start", starts):
        if not chosen <= free or not chosen or (name == "start" and end in chosen):
            raise UsageError(f"gymnast/GridWorld-v0: {name} {chosen} must be a free cell of a {size} x {size} grid")
    after = {cell: [_move(cell, move, size, blocked) for move in MOVES] for cell in cells}
    lost = starts - _reachable(end, after)  # every move can be undone, so from the goal is as good as to it
    if lost:
        raise UsageError(f"gymnast/GridWorld-v0: walls leave no way from {min(lost)} to the goal {end}")
    number = {cell: i for i, cell in enumerate(cells)}
    outcomes = {
        number[cell]: {
            action: [(1.0, number[to], 1.0 if to == end else step_reward, to == end)] for action, to in enumerate(tos)
        }
        for cell, tos in after.items()
    }
    return Kernel(
        name="gymnast/GridWorld",
        reset=tabular.reset,
        step=tabular.step,
        observe=tabular.observe,
        params=tabular.table(outcomes, [(cell in starts) / len(starts) for cell in cells]),
        state_size=1,
        observation_space=spaces.Discrete(size * size),
        action_space=spaces.Discrete(len(MOVES)),
        painter=partial(_painter, size, blocked, end),
        table=partial(dict, outcomes),
    )


def _move(cell: Cell, move: Cell, size: int, blocked: set[Cell]) -> Cell:
    to = (cell[0] + move[0], cell[1] + move[1])
    return to if min(to) >= 0 and max(to) < size and to not in blocked else cell


def _reachable(start: Cell, after: dict[Cell, list[Cell]]) -> set[Cell]:
    found, waiting = {start}, [start]
    while waiting:
        new = set(after[waiting.pop()]) - found
        found |= new
        waiting += new
    return found


def _painter(size: int, blocked: set[Cell], goal: Cell) -> Painter:
    """Draws at twice the size and halves it, which smooths the edges."""
    big = 2 * CELL
    ground = Image.new("RGB", (size * big, size * big), FLOOR)
    draw = ImageDraw.Draw(ground)
    for row in range(size):
        for column in range(size):
            x, y = column * big, row * big
            fill = WALL if (row, column) in blocked else GOAL if (row, column) == goal else FLOOR
            draw.rectangle((x, y, x + big - 1, y + big - 1), fill=fill, outline=LINE, width=2)
    x, y = goal[1] * big, goal[0] * big
    draw.line((x + 0.36 * big, y + 0.18 * big, x + 0.36 * big, y + 0.82 * big), fill=GOAL_DARK, width=8)
    flag = [(0.36, 0.18), (0.76, 0.33), (0.36, 0.48)]
    draw.polygon([(x + u * big, y + v * big) for u, v in flag], fill=GOAL_DARK)

    def paint(state: Row) -> NDArray[np.uint8]:
        picture = ground.copy()
        row, column = divmod(int(state[0]), size)
        middle, radius = ((column + 0.5) * big, (row + 0.5) * big), 0.3 * big
        ImageDraw.Draw(picture).circle(middle, radius, fill=AGENT, outline=AGENT_DARK, width=6)
        return np.asarray(picture.resize((size * CELL, size * CELL), Image.Resampling.LANCZOS))

    return paint
