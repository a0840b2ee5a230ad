"""Mazes with goals: their maps, their cells in jitted code, and their pictures.

A map is lines of '#', a wall, and '.', separated by '/'; a wall goes round it. `PARAMS` numbers come first in the
parameters of a kernel: rows, columns, free cells, the wall of each cell, and which cells are free.
"""

from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ...core.errors import UsageError
from .kernel import Painter, Row
from .pcg64 import Rng, integer

MAPS = {
    "open": "...../...../...../...../.....",
    "u": ".../##./...",
    "rooms": (  # Sutton, Precup and Singh 1999, doi:10.1016/S0004-3702(99)00052-1, figure 2
        ".....#...../.....#...../.........../.....#...../.....#...../#.####...../"
        ".....###.##/.....#...../.....#...../.........../.....#....."
    ),
    # Fu et al. 2020, arXiv:2004.07219, as Gymnasium-Robotics draws them
    "medium": "..##../..#.../#...##/..#.../.#..#./...#..",
    "large": "....#...../.##.#.#.#./......#.../.####.###./..#.#...../#.#.#.#.##/..#...#...",
}
CELL = 48  # pixels
FLOOR, WALL, GOAL, AGENT = (250, 250, 246), (70, 78, 92), (129, 199, 132), (66, 133, 244)


def params_of(maze: str, env_id: str) -> tuple[Row, int]:
    """The arrays that jitted code needs of a map, or of one of `MAPS` by its name, and its longest shortest way.

    Raises:
        UsageError: if the map has no two free cells, or no way from one to another.
    """
    lines = MAPS.get(maze, maze).split("/")
    if len({len(line) for line in lines}) > 1 or set("".join(lines)) - {"#", "."}:
        raise UsageError(
            f"{env_id}: maze {maze!r} is none of {', '.join(MAPS)}, nor lines of one length of '.' and '#' between '/'"
        )
    walls = np.pad(np.array([[sign == "#" for sign in line] for line in lines], np.bool_), 1, constant_values=True)
    free = np.flatnonzero(~walls)
    longest = max((_farthest(walls, start) for start in free.tolist()), default=0)
    if not 0 < longest < walls.size:
        raise UsageError(f"{env_id}: maze {maze!r} must have two free cells, and a way between any two")
    return np.concatenate([[*walls.shape, len(free)], walls.ravel(), free]).astype(np.float64), longest


def _farthest(walls: NDArray[np.bool_], start: int) -> int:
    """Steps to the cell that is farthest from one, or more than there are cells if one cannot be reached."""
    blocked, columns = walls.ravel(), walls.shape[1]
    steps, frontier, seen = 0, {start}, {start}
    while True:
        frontier = {to for at in frontier for to in (at - 1, at + 1, at - columns, at + columns) if not blocked[to]}
        frontier -= seen
        if not frontier:
            return steps if len(seen) == (~blocked).sum() else walls.size
        seen |= frontier
        steps += 1


@njit(nogil=True)
def is_wall(params: Row, row: int, column: int) -> bool:
    """Whether a cell is a wall."""
    return params[3 + row * int(params[1]) + column] != 0.0


@njit(nogil=True)
def two_cells(params: Row, rng: Rng) -> tuple[int, int]:
    """Different free cells, drawn uniformly."""
    count = int(params[2])
    first = integer(rng, count)
    second = integer(rng, count - 1) if count > 2 else 0
    second += second >= first
    cells = 3 + int(params[0]) * int(params[1])
    return int(params[cells + first]), int(params[cells + second])


def painter(params: Row, place: Callable[[Row], tuple[float, float, float, float]], reach: float) -> Painter:
    """Draws a map, the goal as a circle of radius `reach` and the agent; `place(state)` gives rows and columns of both.

    At twice the size and halved, which smooths the edges.
    """
    rows, columns = int(params[0]), int(params[1])
    big = 2 * CELL
    ground = Image.new("RGB", (columns * big, rows * big), FLOOR)
    draw = ImageDraw.Draw(ground)
    for cell in np.flatnonzero(params[3 : 3 + rows * columns]):
        row, column = divmod(int(cell), columns)
        draw.rectangle((column * big, row * big, (column + 1) * big, (row + 1) * big), fill=WALL)

    def paint(state: Row) -> NDArray[np.uint8]:
        picture = ground.copy()
        draw = ImageDraw.Draw(picture)
        row, column, goal_row, goal_column = place(state)
        draw.circle((goal_column * big, goal_row * big), reach * big, fill=GOAL)
        draw.circle((column * big, row * big), 0.2 * big, fill=AGENT)
        return np.asarray(picture.resize((columns * CELL, rows * CELL), Image.Resampling.LANCZOS))

    return paint
