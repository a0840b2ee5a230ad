"""Boards: their symmetries, and positions as text and as pictures."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ...core.games.game import Game

CELL = 64  # pixels
MARGIN = 28  # pixels around the board, for coordinates
PAPER, INK, LINE, MARKED = (250, 250, 246), (60, 64, 72), (120, 110, 90), (66, 133, 244)
GROUND = {"stones": (226, 190, 128), "discs": (46, 125, 80), "drops": (40, 84, 160), "marks": PAPER}
SIDES = {
    "stones": ((30, 30, 32), (248, 248, 244)),
    "discs": ((30, 30, 32), (248, 248, 244)),
    "drops": ((236, 196, 60), (214, 70, 60)),
    "marks": ((66, 133, 244), (214, 110, 60)),
}
SYMBOLS = ".XO"


def square_symmetries(size: int, passing: bool = False) -> tuple[tuple[NDArray, NDArray], ...]:
    """The seven rotations and reflections of a square board beside the identity; `passing`: the last action stays."""
    board = np.arange(size * size).reshape(size, size)
    images = [np.rot90(b, k).ravel().copy() for b in (board, board[:, ::-1]) for k in range(4)][1:]
    return tuple((image, np.append(image, size * size) if passing else image) for image in images)


def stones(game: Game, state: NDArray[np.int64]) -> NDArray[np.int8]:
    """The board (H, W) of a position: 1 where the first player's stones are, 2 where the second's are, 0 elsewhere."""
    planes = game.planes(state[None])[0]
    first = int(state[-1]) % 2
    return (planes[first] + 2 * planes[1 - first]).astype(np.int8)


def action_name(game: Game, action: int) -> str:
    """What a person calls an action: a cell as in c4 (column, then row from the top), pass, or else its number from 1.

    So columns are numbers.
    """
    _, height, width = game.shape
    if game.actions not in (height * width, height * width + 1):
        return str(action + 1)
    return f"{chr(97 + action % width)}{action // width + 1}" if action < height * width else "pass"


def parse_action(game: Game, text: str) -> int | None:
    """The action that a person calls `text`, or None if there is none of that name."""
    names = {action_name(game, action): action for action in range(game.actions)}
    return names.get(text.strip().lower())


def text(game: Game, state: NDArray[np.int64]) -> str:
    """A position in letters, X for the first player and O for the second, with coordinates."""
    board = stones(game, state)
    columns = game.actions == board.shape[1]
    names = [str(i + 1) if columns else chr(97 + i) for i in range(board.shape[1])]
    lines = [f"{'' if columns else row + 1!s:>2} " + " ".join(SYMBOLS[c] for c in cells) for row, cells in _rows(board)]
    return "\n".join([*lines, "   " + " ".join(names)])


def _rows(board: NDArray[np.int8]) -> Sequence[tuple[int, NDArray[np.int8]]]:
    return list(enumerate(board))


def placed(before: NDArray[np.int8], after: NDArray[np.int8]) -> tuple[int, int] | None:
    """The cell that a move filled, between boards (H, W); None if it filled none."""
    rows, columns = np.nonzero((before == 0) & (after != 0))
    return (int(rows[0]), int(columns[0])) if len(rows) == 1 else None


def winning_line(board: NDArray[np.int8], last: tuple[int, int] | None, style: str) -> list[tuple[int, int]]:
    """The longest straight row of stones through the one placed `last`, which won by it; none among discs."""
    if last is None or style == "discs":
        return []
    lines = [_row(board, last, *step) for step in ((0, 1), (1, 0), (1, 1), (1, -1))]
    return max(lines, key=len)


def _row(board: NDArray[np.int8], at: tuple[int, int], down: int, right: int) -> list[tuple[int, int]]:
    """Cells of one side in a straight row through `at`."""
    row = [at]
    for sign in (-1, 1):
        r, c = at[0] + sign * down, at[1] + sign * right
        while 0 <= r < board.shape[0] and 0 <= c < board.shape[1] and board[r, c] == board[at]:
            row.append((r, c))
            r, c = r + sign * down, c + sign * right
    return sorted(row)


def paint(
    game: Game,
    state: NDArray[np.int64],
    policy: NDArray | None = None,
    last: int | None = None,
    marked: Sequence[tuple[int, int]] = (),
) -> NDArray[np.uint8]:
    """A picture (H, W, 3) of a position, with shares (A,) of `policy` drawn where the moves would go.

    `last` is the move that is made, `marked` are cells with a ring: the last stone, or a line that won.
    """
    board = stones(game, state)
    height, width = board.shape
    columns = game.actions == width
    size = (2 * (width * CELL + 2 * MARGIN), 2 * (height * CELL + 2 * MARGIN))
    picture = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(picture)
    big, edge = 2 * CELL, 2 * MARGIN
    draw.rectangle((edge, edge, edge + width * big, edge + height * big), fill=GROUND[game.style])
    for row in range(height):
        for column in range(width):
            x, y = edge + (column + 0.5) * big, edge + (row + 0.5) * big
            _cell(draw, game.style, x, y, int(board[row, column]), (row, column), (height, width))
    for row, column in marked:
        x, y = edge + (column + 0.5) * big, edge + (row + 0.5) * big
        draw.circle((x, y), 0.34 * CELL, fill=MARKED, outline=PAPER, width=6)
    for i in range(width):
        name = str(i + 1) if columns else chr(97 + i)
        x = edge + (i + 0.5) * big
        draw.text((x, size[1] - edge / 2), name, fill=INK, anchor="mm", font_size=34)
    if not columns:
        for i in range(height):
            draw.text((edge / 2, edge + (i + 0.5) * big), str(i + 1), fill=INK, anchor="mm", font_size=34)
    for action, share in enumerate([] if policy is None else policy):
        if share >= 0.005 and (cell := landing(game, board, action)):
            _share(draw, edge + (cell[1] + 0.5) * big, edge + (cell[0] + 0.5) * big, float(share), action == last)
    return np.asarray(picture.resize((size[0] // 2, size[1] // 2), Image.Resampling.LANCZOS))


def landing(game: Game, board: NDArray[np.int8], action: int) -> tuple[int, int] | None:
    """The cell that an action fills; None if it fills none."""
    height, width = board.shape
    if game.actions == width:
        free = np.flatnonzero(board[:, action] == 0)
        return (int(free[-1]), action) if len(free) else None
    return divmod(action, width) if game.actions >= height * width > action else None


def _share(draw: ImageDraw.ImageDraw, x: float, y: float, share: float, chosen: bool) -> None:
    """A ring as large as the share, with its percentage; heavier for the move that is made."""
    radius = 2 * CELL * (0.16 + 0.26 * share**0.5)
    draw.circle((x, y), radius, fill=(255, 255, 255), outline=MARKED, width=14 if chosen else 4)
    draw.text((x, y), f"{100 * share:.0f}", fill=INK, anchor="mm", font_size=36)


def _cell(
    draw: ImageDraw.ImageDraw, style: str, x: float, y: float, side: int, at: tuple[int, int], size: tuple[int, int]
) -> None:
    """One cell with its lines, hole or square, and what stands on it."""
    half, radius = CELL, 0.78 * CELL
    if style == "drops":
        draw.circle((x, y), radius, fill=SIDES[style][side - 1] if side else (225, 232, 244))
        return
    if style == "stones":
        ends = [half if i > 0 else 0 for i in (at[1], size[1] - 1 - at[1], at[0], size[0] - 1 - at[0])]
        draw.line((x - ends[0], y, x + ends[1], y), fill=LINE, width=4)
        draw.line((x, y - ends[2], x, y + ends[3]), fill=LINE, width=4)
    else:
        draw.rectangle((x - half, y - half, x + half, y + half), outline=INK, width=3)
    if not side:
        return
    color = SIDES[style][side - 1]
    if style == "marks" and side == 1:
        reach = 0.55 * CELL
        draw.line((x - reach, y - reach, x + reach, y + reach), fill=color, width=16)
        draw.line((x - reach, y + reach, x + reach, y - reach), fill=color, width=16)
    elif style == "marks":
        draw.circle((x, y), 0.6 * CELL, outline=color, width=16)
    else:
        draw.circle((x, y), radius, fill=color, outline=INK, width=3)
