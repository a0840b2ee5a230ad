"""Pictures as environments draw them, made into those that videos and windows take."""

import os
import sys
from math import isfinite
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import SyncVectorEnv, VectorEnv
from numpy.typing import NDArray

from ...core.errors import UsageError

_COLOURS = (1, 3, 4)  # channels of a picture: grey, RGB, RGB with opacity
_WIDEST = 1600  # pixels up to which pictures are enlarged
_SLOWEST = 0.1  # frames per second that a file can still say


def picture_of(env: VectorEnv) -> NDArray[np.uint8]:
    """The first copy's picture (H, W, 3).

    Raises:
        UsageError: if it draws none.
    """
    try:
        drawn: Any = env.render()
    except NotImplementedError:  # Gymnasium's way to say so, unless the environment gives nothing
        drawn = None
    if drawn is None or drawn[0] is None or isinstance(drawn[0], str):
        modes = ", ".join(map(str, env.metadata.get("render_modes") or [])) or "none"
        raise UsageError(f"this environment draws no pictures (render_mode 'rgb_array' gave none; it has: {modes})")
    return as_picture(drawn[0])


def as_picture(drawn: Any) -> NDArray[np.uint8]:
    """(H, W, 3) from whatever is plainly a picture.

    That is (H, W), (H, W, C) or (C, H, W) in whole numbers up to 255, fractions of 1 or of 255, or truth values, and
    the last one of a list of pictures.

    Raises:
        UsageError: for anything else.
    """
    try:
        x = np.asarray(drawn)
    except ValueError:  # a list of pictures of several sizes
        x = np.asarray(drawn[-1])
    if x.ndim == 4:
        x = x[-1]
    if x.ndim == 3 and x.shape[2] not in _COLOURS and x.shape[0] in _COLOURS:
        x = np.moveaxis(x, 0, 2)
    x = x[..., None] if x.ndim == 2 else x
    if x.ndim != 3 or x.shape[2] not in _COLOURS or x.dtype.kind not in "biuf" or not x.size:
        raise UsageError(f"this environment draws {x.dtype} {x.shape}, which is not a picture (H, W, 3)")
    shown = _bytes(x)[..., :3]
    return np.ascontiguousarray(np.broadcast_to(shown, (*shown.shape[:2], 3)))


def _bytes(x: NDArray[Any]) -> NDArray[np.uint8]:
    """Brightness from 0 to 255: of fractions, those are meant whose greatest is 1 but for rounding."""
    if x.dtype == np.uint8:
        return x
    least, greatest = float(x.min()), float(x.max())
    fractions = x.dtype.kind == "b" or (x.dtype.kind == "f" and greatest <= 1.01)
    brightest = 1 if fractions else 255
    if not -0.01 * brightest <= least <= greatest <= 1.01 * brightest:
        raise UsageError(f"this environment draws numbers from {least:g} to {greatest:g}; a picture's are 0 to 255")
    return np.rint(np.clip(x * (255 / brightest), 0, 255)).astype(np.uint8)


def enlargement(height: int, width: int, to: int) -> int:
    """By what a picture is multiplied to be `to` pixels high, unless it becomes too wide for a screen."""
    return max(1, min(-(-to // height), _WIDEST // width))


def frames_per_second(env: VectorEnv) -> float:
    """How fast its pictures follow one another; 30 where it does not say."""
    given = env.metadata.get("render_fps")
    try:
        fps = float(given or 30)
    except (TypeError, ValueError):
        return 30.0
    return max(_SLOWEST, fps) if isfinite(fps) and fps > 0 else 30.0


class LastPicture(gym.Wrapper):
    """Keeps the picture of the state in which an episode ends, which the reset in the same step would hide."""

    picture: Any = None

    def step(self, action: Any) -> Any:
        result = super().step(action)
        if result[2] or result[3]:
            self.picture = self.render()
        return result


def keeping_last(env: VectorEnv) -> LastPicture | None:
    """A wrapper that keeps last pictures of the only copy in `env`, from now on; None where that cannot be."""
    if not isinstance(env.unwrapped, SyncVectorEnv):
        return None
    last = LastPicture(env.unwrapped.envs[0])
    env.unwrapped.envs = [last]
    return last


def has_screen() -> bool:
    """Whether a window can be opened here."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def headless_gl() -> str:
    """MuJoCo's OpenGL backend: one that needs no screen where there is none."""
    return "glfw" if has_screen() else "egl"
