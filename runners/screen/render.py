"""Watch a trained agent, or write a video of it with its thoughts drawn beside the picture."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from PIL import Image

from ...agents import Agent
from ...core.acting import Stateless, ask
from ...core.errors import UsageError
from ...core.rollout.engine import Rollout
from ..runs import run as runs
from ..runs.folder import refuse_symlinks
from ..runs.load import eval_env, trained
from .painter import Painter
from .panel import PAPER
from .pictures import frames_per_second, has_screen, headless_gl

_LARGEST = (3840, 2160)  # pixels beyond which pictures are made smaller, as codecs and players need
_GIF_FPS = 25  # browsers slow faster ones down


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
    if video is None and not has_screen():
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
        fps = frames_per_second(env)
        second, painter = max(1, round(fps)), Painter(env, _LARGEST) if video else None
        frames = (f for k in range(episodes) for f in _episode(agent, env, seed + k, stochastic, painter, second))
        if video is None:
            deque(frames, 0)
            return None
        video.parent.mkdir(parents=True, exist_ok=True)
        with _writer(video, fps) as write:
            for frame in frames:
                write(_even(frame))
    return video


def _episode(
    agent: Agent, env: VectorEnv, seed: int, stochastic: bool, painter: Painter | None, second: int
) -> Iterator[Image.Image]:
    """Play one episode from its own seed; its frames, if there is a painter, with the last one for a `second`."""
    rollout = Rollout(env, 1, seed)
    acting = agent.acting(1, "sample" if stochastic else "best", seed)
    frames: list[Image.Image] = []

    def act(obs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        out = ask(acting, obs)
        if painter is not None:
            frames.append(painter.step(acting.thoughts(), out["action"], rollout))
        return out

    shown = Stateless(act)
    while True:
        done = rollout.collect(shown).episodes
        yield from frames
        frames.clear()
        if len(done.returns):
            if painter is not None:
                yield from painter.end(float(done.returns[0]), int(done.lengths[0]), second)
            return


def _even(frame: Image.Image) -> NDArray[np.uint8]:
    """A frame (H, W, 3) of sizes that go by 16: video codecs want even ones, and players handle these fastest."""
    width, height = (-(-x // 16) * 16 for x in frame.size)
    whole = Image.new("RGB", (width, height), PAPER)
    whole.paste(frame)
    return np.asarray(whole)


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
