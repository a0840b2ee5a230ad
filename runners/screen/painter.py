"""Frames of an episode: the picture of each state, and beside or below it what there is to say about it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from ...core.games.game import RESIGN, game_of
from ...core.rollout.engine import Rollout
from ...envs.games import board
from . import panel
from .panel import INK, PAPER, Bars, Group, fitted, font
from .pictures import as_picture, enlargement, keeping_last, picture_of

_SCALE_TO = 400  # pixels of height below which pictures are enlarged
_HEADING, _CAPTION = 32, 44  # pixels of height, of a line above and of two below


class Painter:
    """Frames of environment 0 with the return so far, the step, and what the agent thinks of the state.

    Args:
        room: pixels (width, height) beyond which pictures are made smaller.
        name: of what is shown, to stand above it.
        small: say it in two lines below the picture, without the agent's thoughts.
    """

    def __init__(self, env: VectorEnv, room: tuple[int, int], name: str = "", small: bool = False) -> None:
        self.env, self._room, self._name, self._small = env, room, name, small
        self._size: tuple[int, int] | None = None  # room for a picture, which the first one sets
        self._last = keeping_last(env)
        self._game, self._move = game_of(env.single_observation_space), 0
        self._state: NDArray[np.int64] | None = None  # before the last step, in a game
        self._label = ""
        self._bars = Bars(env)
        self.lines: list[str] = []
        self.groups: list[Group] = []

    def begin(self, seed: int) -> None:
        """Forget the episode before; this one is from a `seed`, which stands with what is said of a small picture."""
        self._state, self._label = None, f"{self._name}, seed {seed}" if self._name else f"seed {seed}"

    def step(self, thoughts: dict[str, NDArray[Any]], action: NDArray[Any], rollout: Rollout) -> Image.Image:
        """The frame of the state before a step, with what the agent thinks of it."""
        progress = rollout.state()
        self.lines = [f"return {progress['return_so_far'][0]:.1f}", f"step {progress['length_so_far'][0]}"]
        if "value" in thoughts:
            self.lines.append(f"value {thoughts['value'][0]:.2f}")
        self.groups = self._bars.of(thoughts, action[0])
        if not self._game:
            return self._frame(picture_of(self.env))
        before = None if self._state is None else board.stones(self._game, self._state)
        self._state, self._move = self.env.unwrapped.states[0].copy(), int(action[0])  # type: ignore[attr-defined]
        shares = thoughts["action probability"][0]
        self.lines[0] = f"{'XO'[int(self._state[-1]) % 2]} to move"
        last = None if before is None else board.placed(before, board.stones(self._game, self._state))
        return self._frame(board.paint(self._game, self._state, shares, self._move, [last] if last else ()))

    def end(self, total: float, length: int, second: int) -> Iterator[Image.Image]:
        """The last frame of an episode for a `second`, in frames; three for a game."""
        if self._game and self._state is not None:
            state, before = self._state[None].copy(), board.stones(self._game, self._state)
            if self._move != RESIGN:
                self._game.advance(state, np.array([self._move]))
            mover = "XO"[int(self._state[-1]) % 2]
            loses = f"{mover} gives up" if self._move == RESIGN else f"{mover} loses"
            said = {1: f"{mover} wins", 0: "a draw"}.get(int(np.sign(total)), loses)
            self.lines, self.groups = [said, f"step {length}"], []
            after = board.stones(self._game, state[0])
            last = board.placed(before, after)
            line = board.winning_line(after, last, self._game.style) if total > 0 else [last] if last else []
            yield from [self._frame(board.paint(self._game, state[0], marked=line))] * (3 * second)
        elif self._last is not None:
            self.lines, self.groups = [f"return {total:.1f}", f"step {length}", "the end"], []
            yield from [self._frame(as_picture(self._last.picture))] * second

    def _frame(self, drawn: NDArray[Any]) -> Image.Image:
        """A picture with its panel or caption."""
        picture = Image.fromarray(drawn)
        factor = enlargement(picture.height, picture.width, _SCALE_TO)
        picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
        picture.thumbnail(self._room)  # which never enlarges
        height = picture.height if self._small else max(picture.height, _SCALE_TO)
        self._size = self._size or (picture.width, height)
        if picture.size != self._size:
            picture = ImageOps.pad(picture, self._size, color=PAPER)
        top = _HEADING if self._name and not self._small else 0
        right, below = (0, _CAPTION) if self._small else (panel.WIDTH, 0)
        frame = Image.new("RGB", (picture.width + right, picture.height), PAPER)
        frame.paste(picture)
        if not self._small:
            panel.paint(frame, picture.width, self.lines, self.groups)
        frame = ImageOps.expand(frame, (0, top, 0, below), PAPER)
        self._write(frame)
        return frame

    def _write(self, frame: Image.Image) -> None:
        """Say what is shown above a frame, or below it with how it goes."""
        draw, big, small = ImageDraw.Draw(frame), font(17), font(14)
        if not self._small:
            draw.text((14, _HEADING // 2), fitted(self._name, frame.width - 28, big), INK, big, anchor="lm")
            return
        top = frame.height - _CAPTION
        draw.text((8, top + 13), fitted(self._label, frame.width - 16, small), INK, small, anchor="lm")
        progress = "  ".join(line for line in self.lines if not line.startswith("value"))
        draw.text((8, top + 32), progress, INK, small, anchor="lm")
