"""Watch a trained agent, or write a video of it with its thoughts drawn beside the picture."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

from ...agents import Agent
from ...core.acting import Stateless, ask
from ...core.errors import UsageError
from ...core.games.game import RESIGN, game_of
from ...core.rollout.engine import Rollout
from ...envs.games import board
from ..runs import run as runs
from ..runs.folder import refuse_symlinks
from ..runs.load import eval_env, trained
from .pictures import as_picture, enlargement, frames_per_second, keeping_last, picture_of

_SCALE_TO = 400  # pixels of height below which pictures are enlarged
_LARGEST = (3840, 2160)  # pixels beyond which they are made smaller, as codecs and players need
_PANEL = 260  # pixels of width for the agent's thoughts
_GIF_FPS = 25  # browsers slow faster ones down
_BAR, _CHOSEN, _INK, _PAPER = (122, 162, 204), (214, 110, 60), (40, 40, 40), (250, 250, 248)


def render(
    folder: Path,
    video: Path | None,
    episodes: int,
    seed: int,
    stochastic: bool = False,
    which: str = "best",
    trust: bool = False,
) -> Path | None:
    """Play `episodes` of the run in `folder`, in a window or into `video`; returns the file that was written.

    Raises:
        UsageError: if the environment draws nothing, or the file's kind is unknown.
    """
    if episodes < 1:
        raise UsageError(f"cannot render {episodes} episodes; give at least 1")
    if video is None and not _has_screen():
        refuse_symlinks(folder)
        video = folder / "videos" / "policy.mp4"
    if video is not None and video.suffix.lower() not in (".mp4", ".gif"):
        raise UsageError(f"cannot write {video.name}: a video is .mp4 or .gif")
    run = runs.load(folder / "run.json", trust)
    if video is not None:
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # no window while frames are drawn to memory
        os.environ.setdefault("MUJOCO_GL", headless_gl())
    with closing(eval_env(run, 1, render_mode="human" if video is None else "rgb_array")) as env:
        agent, _ = trained(run, folder, env, which)
        if video is None:
            _play(agent, env, episodes, seed, stochastic)
            return None
        fps = frames_per_second(env)
        video.parent.mkdir(parents=True, exist_ok=True)
        with _writer(video, fps) as write:
            _play(agent, env, episodes, seed, stochastic, Painter(env, write, fps))
    return video


def _play(
    agent: Agent,
    env: VectorEnv,
    episodes: int,
    seed: int,
    stochastic: bool,
    painter: "Painter | None" = None,
) -> None:
    """Step one environment until `episodes` have ended."""
    rollout = Rollout(env, 1, seed)
    acting = agent.acting(1, "sample" if stochastic else "best", seed)

    def act(obs: NDArray) -> dict[str, NDArray]:
        out = ask(acting, obs)
        if painter is not None:
            painter.step(acting.thoughts(), out["action"], rollout)
        return out

    shown, ended = Stateless(act), 0
    while ended < episodes:
        done = rollout.collect(shown).episodes
        ended += len(done.returns)
        if painter is not None and len(done.returns):
            painter.end(float(done.returns[0]), int(done.lengths[0]))


class Painter:
    """Frames of environment 0 with the return so far, the step, and what the agent thinks of the state."""

    def __init__(self, env: VectorEnv, write: Callable[[NDArray], None], fps: float) -> None:
        self.env, self.write, self._second = env, write, max(1, round(fps))  # in frames
        self._size: tuple[int, int] | None = None  # room for a picture, which the first one sets
        self._last = keeping_last(env)
        self._game, self._move = game_of(env.single_observation_space), 0
        self._state: NDArray[np.int64] | None = None  # before the last step, in a game
        self._meanings = action_names(env)
        self._lines: list[str] = []
        self._bars: list[tuple[str, float, float, float, bool]] = []  # name, value, from and to as shares, chosen
        self._bars_title = ""
        self._font, self._small = ImageFont.load_default(16), ImageFont.load_default(13)

    def step(self, thoughts: dict[str, NDArray], action: NDArray, rollout: Rollout) -> None:
        """Write the picture of the state before a step, with what the agent thinks of it."""
        self._think(thoughts, action, rollout)
        if self._game:
            before = None if self._state is None else board.stones(self._game, self._state)
            self._state, self._move = self.env.unwrapped.states[0].copy(), int(action[0])  # type: ignore[attr-defined]
            shares = thoughts["action probability"][0]
            self._lines[0] = f"{'XO'[int(self._state[-1]) % 2]} to move"
            last = None if before is None else board.placed(before, board.stones(self._game, self._state))
            self._write(board.paint(self._game, self._state, shares, self._move, [last] if last else ()))
            return
        self._write(picture_of(self.env))

    def end(self, total: float, length: int) -> None:
        """Hold the last picture of an episode for a second."""
        if self._game and self._state is not None:
            state, before = self._state[None].copy(), board.stones(self._game, self._state)
            if self._move != RESIGN:
                self._game.advance(state, np.array([self._move]))
            mover = "XO"[int(self._state[-1]) % 2]
            loses = f"{mover} gives up" if self._move == RESIGN else f"{mover} loses"
            said = {1: f"{mover} wins", 0: "a draw"}.get(int(np.sign(total)), loses)
            self._lines, self._bars = [said, f"step {length}"], []
            after = board.stones(self._game, state[0])
            last = board.placed(before, after)
            line = board.winning_line(after, last, self._game.style) if total > 0 else [last] if last else []
            for _ in range(3 * self._second):
                self._write(board.paint(self._game, state[0], marked=line))
            self._state = None
            return
        if self._last is None:
            return
        self._lines, self._bars = [f"return {total:.1f}", f"step {length}", "the end"], []
        for _ in range(self._second):
            self._write(as_picture(self._last.picture))

    def _think(self, thoughts: dict[str, NDArray], action: NDArray, rollout: Rollout) -> None:
        progress = rollout.state()
        self._lines = [
            f"return {progress['return_so_far'][0]:.1f}",
            f"step {progress['length_so_far'][0]}",
        ]
        if "value" in thoughts:
            self._lines.append(f"value {thoughts['value'][0]:.2f}")
        if "action probability" in thoughts:
            probabilities = thoughts["action probability"][0]
            self._bars_title = "action probability"
            self._bars = [
                (self._meanings(i), float(p), 0.0, float(p), i == int(action[0])) for i, p in enumerate(probabilities)
            ]
        elif "mean action" in thoughts:
            space: Any = self.env.single_action_space
            low, high = _finite(space.low.ravel(), -1.0), _finite(space.high.ravel(), 1.0)
            taken = np.clip(action[0].ravel(), low, high)
            self._bars_title = "action"
            width = np.maximum(high - low, 1e-9)
            ends = np.sort([(np.clip(0, low, high) - low) / width, (taken - low) / width], axis=0)  # bars begin at 0
            begins, stops = ends.tolist()
            self._bars = [(f"a{i}", float(a), begins[i], stops[i], True) for i, a in enumerate(taken)]

    def _write(self, drawn: NDArray) -> None:
        """Write a picture with its panel."""
        picture = Image.fromarray(drawn)
        factor = enlargement(picture.height, picture.width, _SCALE_TO)
        picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
        picture.thumbnail(_LARGEST)  # which never enlarges
        self._size = self._size or (picture.width, max(picture.height, _SCALE_TO))
        if picture.size != self._size:
            picture = ImageOps.pad(picture, self._size, color=_PAPER)
        # video codecs want even sizes; 16 is what players handle fastest
        width, height = (-(-x // 16) * 16 for x in (picture.width + _PANEL, picture.height))
        canvas = Image.new("RGB", (width, height), _PAPER)
        canvas.paste(picture, (0, 0))
        self._panel(ImageDraw.Draw(canvas), picture.width + 14, width - 14, height)
        self.write(np.asarray(canvas))

    def _panel(self, draw: ImageDraw.ImageDraw, left: int, right: int, height: int) -> None:
        y = 12
        for line in self._lines:
            draw.text((left, y), line, _INK, self._font)
            y += 24
        if not self._bars:
            return
        y += 8
        draw.text((left, y), self._bars_title, _INK, self._small)
        y += 22
        room = (height - y) // 22
        for name, value, begin, stop, chosen in self._bars[:room]:
            draw.text((left, y), name, _INK, self._small)
            start = left + 84
            end = right - 48
            draw.rectangle((start, y + 2, end, y + 15), outline=(210, 210, 205))
            x0, x1 = (start + round((end - start) * share) for share in (begin, stop))
            draw.rectangle((x0, y + 2, x1, y + 15), _CHOSEN if chosen else _BAR)
            draw.text((end + 6, y), f"{value:.2f}", _INK, self._small)
            y += 22


def _finite(bound: NDArray, otherwise: float) -> NDArray:
    return np.where(np.isfinite(bound), bound, otherwise)


def action_names(env: VectorEnv) -> Callable[[int], str]:
    """Names of the actions, as far as the environment gives them."""
    if game := game_of(env.single_observation_space):
        return lambda i: board.action_name(game, i)
    inner = getattr(env.unwrapped, "envs", [env])[0]
    meanings = getattr(inner.unwrapped, "get_action_meanings", None)
    known = meanings() if meanings else _NAMES.get(getattr(inner.spec, "id", ""), [])
    return lambda i: known[i].lower() if i < len(known) else f"action {i}"


_NAMES = {
    "CartPole-v1": ["left", "right"],
    "Acrobot-v1": ["torque -1", "torque 0", "torque +1"],
    "MountainCar-v0": ["left", "none", "right"],
    "LunarLander-v3": ["none", "left", "main", "right"],
    "FrozenLake-v1": ["left", "down", "right", "up"],
    "FrozenLake8x8-v1": ["left", "down", "right", "up"],
    "CliffWalking-v1": ["up", "right", "down", "left"],
    "CliffWalkingSlippery-v1": ["up", "right", "down", "left"],
    "Taxi-v4": ["down", "up", "right", "left", "pick up", "drop off"],
    "Blackjack-v1": ["stick", "hit"],
}


@contextmanager
def _writer(video: Path, fps: float) -> Iterator[Callable[[NDArray], None]]:
    """A function that appends a frame; the file takes its name only once it is whole."""
    part = video.with_name(f"{video.stem}.part{video.suffix.lower()}")
    part.unlink(missing_ok=True)  # not through a symlink
    try:
        if part.suffix == ".gif":
            every = max(1, round(fps / _GIF_FPS))
            frames: list[Image.Image] = []
            count = 0

            def append(frame: NDArray) -> None:
                nonlocal count
                if count % every == 0:
                    frames.append(Image.fromarray(frame).quantize(64, dither=Image.Dither.NONE))
                count += 1

            yield append
            frames[0].save(part, save_all=True, append_images=frames[1:], duration=int(1000 * every / fps), loop=0)
        else:
            stream: Any = imageio.get_writer(part, fps=fps, macro_block_size=16, quality=7)
            with stream:
                yield stream.append_data
        part.replace(video)
    finally:
        part.unlink(missing_ok=True)


def _has_screen() -> bool:
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def headless_gl() -> str:
    """MuJoCo's OpenGL backend: one that needs no screen where there is none."""
    return "glfw" if _has_screen() else "egl"
