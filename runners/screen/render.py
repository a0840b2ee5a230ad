"""Watch a trained agent, or write a video of it with its thoughts drawn beside the picture."""

import os
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import chain
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from PIL import Image

from ...core.errors import UsageError
from ..runs import run as runs
from ..runs.folder import refuse_symlinks
from ..runs.load import eval_env, trained
from ..runs.run import Run
from .painter import Painter
from .panel import PAPER
from .pictures import has_screen, headless_gl
from .scene import Scene, together

_LARGEST = (3840, 2160)  # pixels beyond which pictures are made smaller, as codecs and players need
_GRID, _MOST = (1920, 1080), 64  # pixels of all pictures of a grid, and how many there may be
_GIF_FPS = 25  # browsers slow faster ones down


def render(
    folder: Path,
    video: Path | None,
    episodes: int,
    seed: int,
    stochastic: bool = False,
    which: str = "best",
    trust: bool = False,
    grid: bool = False,
    versus: Path | None = None,
) -> Path | None:
    """Play `episodes` of the run in `folder`, in a window or into `video`; returns the file that was written.

    In a `grid` all episodes are in the picture at once; with `versus` so are those of another run.

    Raises:
        UsageError: if the environment draws nothing, the file's kind is unknown, or two runs are of different
            environments.
    """
    if not 1 <= episodes <= (_MOST if grid else episodes):
        raise UsageError(f"cannot render {episodes} episodes; give at least 1{f', in a grid at most {_MOST}' * grid}")
    video = _file(folder, video, window=not grid and versus is None)
    shown = {path: runs.load(path / "run.json", trust) for path in (folder, versus) if path}
    if versus:
        _refuse_unlike(folder, shown[folder], versus, shown[versus])
    if video is not None:
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # no window while frames are drawn to memory
        os.environ.setdefault("MUJOCO_GL", headless_gl())
    copies = episodes if grid else 1
    columns = len(shown) if versus or not grid else ceil(sqrt(episodes))
    room = (_GRID[0] // columns, _GRID[1] // -(-copies * len(shown) // columns)) if grid else _LARGEST

    def painter(env: VectorEnv, path: Path) -> Painter | None:
        return Painter(env, room, _name(path, shown) if versus else "", grid) if video else None

    with ExitStack() as stack:
        cast = []
        for path, run in shown.items():
            mode = "rgb_array" if video else "human"
            played = [stack.enter_context(closing(eval_env(run, 1, render_mode=mode))) for _ in range(copies)]
            agent, _ = trained(run, path, played[0], which)
            cast.append([Scene(agent, env, painter(env, path)) for env in played])
        turns = [range(episodes)] if grid else [[k] for k in range(episodes)]
        frames = chain.from_iterable(_turn(cast, turn, columns, seed, stochastic) for turn in turns)
        if video is None:
            deque(frames, 0)
            return None
        video.parent.mkdir(parents=True, exist_ok=True)
        with _writer(video, cast[0][0].fps) as write:
            for frame in frames:
                write(_even(frame))
    return video


def _turn(
    cast: Sequence[Sequence[Scene]], episodes: Sequence[int], columns: int, seed: int, stochastic: bool
) -> Iterator[Image.Image]:
    """Frames of these episodes of each run, all at once."""
    played = [scenes[k % len(scenes)].episode(seed + k, stochastic) for k in episodes for scenes in cast]
    return together(played, columns)


def _file(folder: Path, video: Path | None, window: bool) -> Path | None:
    """The file to write: the one that was asked for, none for a window where there is a screen, else the run's own."""
    if video is None and not (window and has_screen()):
        refuse_symlinks(folder)
        video = folder / "videos" / "policy.mp4"
    if video is not None and video.suffix.lower() not in (".mp4", ".gif"):
        raise UsageError(f"cannot write {video.name}: a video is .mp4 or .gif")
    return video


def _refuse_unlike(one: Path, run: Run, other: Path, versus: Run) -> None:
    """Raise a `UsageError` if two runs are of different environments."""
    if run.env != versus.env:
        what = f"{runs.env_name(run.env)} is not {runs.env_name(versus.env)}"
    elif {**run.env_args, **run.eval_args} != {**versus.env_args, **versus.eval_args}:
        what = f"the arguments of {runs.env_name(run.env)} are not the same"
    elif run.wrappers != versus.wrappers:
        what = f"the wrappers around {runs.env_name(run.env)} are not the same"
    else:
        return
    raise UsageError(f"{one} and {other} are of different environments: {what}. Render each alone")


def _name(path: Path, paths: Collection[Path]) -> str:
    """A run's folder by its last name, unless others have the same."""
    same = [other for other in paths if other.resolve().name == path.resolve().name]
    return path.resolve().name if len(same) == 1 else str(path)


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
