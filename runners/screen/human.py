"""A person at the keyboard, as an `Act` for one environment."""

import os
from collections.abc import Sequence
from time import perf_counter, sleep
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from ...core.errors import UsageError
from .actions import action_names
from .pictures import enlargement, frames_per_second, picture_of

_HEIGHT = 480  # pixels below which pictures are enlarged
_BAR = 52  # pixels below the picture, for the keys
_ARROWS = ("left", "right", "up", "down")
_AXES = (("left", "right"), ("down", "up"), ("a", "d"), ("s", "w"))  # keys that push a component of a Box down and up


class Keys:
    """The keys of an environment: which action they give.

    Discrete actions named after directions are on the arrows, all of the first ten on the digits; while nothing is
    pressed the action is "none" where there is one, else the last one. Each pair of keys pushes one component of a Box
    action to its bounds.

    Raises:
        UsageError: for actions that keys cannot give.
    """

    def __init__(self, env: VectorEnv) -> None:
        self.space = env.single_action_space
        self.effects, self.idle = _bindings(env)
        self._last: Any = 0 if self.idle is None else self.idle
        self._names = action_names(env)

    def action(self, pressed: Sequence[str]) -> Any:
        """The action (*act) while these keys are pressed, the newest last."""
        known = [self.effects[key] for key in pressed if key in self.effects]
        if isinstance(self.space, spaces.Discrete):
            if known:
                self._last = known[-1]
                return known[-1]
            return self._last if self.idle is None else self.idle
        action = np.array(self.idle, np.float32)
        for i, bound in known:
            action.flat[i] = bound
        return action

    def described(self) -> list[tuple[str, str]]:
        """Keys and what they do, for people."""
        if isinstance(self.space, spaces.Discrete):
            arrows = [key for key in self.effects if key in _ARROWS]
            return [(key, self._names(int(self.effects[key]))) for key in arrows or self.effects]
        axes = _AXES[: int(np.prod(self.space.shape or ()))]
        return [(f"{low} / {high}", f"a{i}") for i, (low, high) in enumerate(axes)]


class Keyboard:
    """Shows the environment in a window and asks what is pressed at every step; a context manager.

    Space pauses, Escape or closing the window stops.

    Raises:
        UsageError: for actions that keys cannot give, an environment that draws nothing, or where there is no screen.
    """

    def __init__(self, env: VectorEnv, fps: float | None = None) -> None:
        self.env, self.keys = env, Keys(env)
        self.stopped = False
        self._fps = fps or frames_per_second(env)
        self._pressed: list[str] = []
        self._help = "   ".join(f"{key}: {effect}" for key, effect in self.keys.described())
        self._paused = False
        self._due = 0.0

    def __enter__(self) -> "Keyboard":
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        import pygame

        self._game = pygame
        try:
            pygame.display.init()
            pygame.font.init()
        except pygame.error as problem:
            raise UsageError(f"there is no screen to show the environment on ({problem})") from problem
        self._screen: Any = None
        return self

    def __exit__(self, *_: object) -> None:
        self._game.display.quit()

    def __call__(self, obs: NDArray) -> dict[str, NDArray]:
        """The action (1, *act) for what the window shows."""
        self._show()
        self._wait()
        self._listen()
        while self._paused and not self.stopped:
            sleep(0.02)
            self._listen()
        return {"action": np.asarray(self.keys.action(self._pressed))[None]}

    def _listen(self) -> None:
        game = self._game
        for event in game.event.get():
            if event.type == game.QUIT:
                self.stopped = True
            elif event.type in (game.KEYDOWN, game.KEYUP):
                key = game.key.name(event.key)
                self._pressed = [other for other in self._pressed if other != key]
                if event.type == game.KEYDOWN:
                    self._pressed.append(key)
                    self.stopped |= key == "escape"
                    self._paused ^= key == "space"

    def _wait(self) -> None:
        """Sleep until the next picture is due."""
        now = perf_counter()
        if now < self._due:
            sleep(self._due - now)
        self._due = max(now, self._due) + 1 / self._fps

    def _show(self) -> None:
        game = self._game
        picture = game.surfarray.make_surface(picture_of(self.env).swapaxes(0, 1))
        factor = enlargement(picture.get_height(), picture.get_width(), _HEIGHT)
        picture = game.transform.scale_by(picture, factor)
        size = picture.get_width(), picture.get_height() + _BAR
        if self._screen is None:
            self._screen = game.display.set_mode(size)
            game.display.set_caption("gymnast: demonstrate the task")
        self._screen.fill((250, 250, 248))
        self._screen.blit(picture, (0, 0))
        font = game.font.Font(None, 20)
        for row, text in enumerate((self._help, "space: pause   escape: stop; an unfinished episode is not kept")):
            self._screen.blit(font.render(text, True, (40, 40, 40)), (10, picture.get_height() + 8 + 20 * row))
        game.display.flip()


def _bindings(env: VectorEnv) -> tuple[dict[str, Any], Any]:
    """The effect of each key, and the action while none is pressed (None: the last one)."""
    space = env.single_action_space
    if isinstance(space, spaces.Discrete):
        names = action_names(env)
        named = {names(i): i for i in range(int(space.n))}  # counted from 0, as policies do
        keys = {str(i): i for i in range(min(int(space.n), 10))}
        keys |= {arrow: named[arrow] for arrow in _ARROWS if arrow in named}
        idle = next((named[name] for name in ("none", "noop", "stay") if name in named), None)
        return keys, idle
    if isinstance(space, spaces.Box) and np.prod(space.shape) <= len(_AXES):
        low, high = np.nan_to_num(space.low, neginf=-1.0), np.nan_to_num(space.high, posinf=1.0)
        pushes: dict[str, Any] = {}
        for i, pair in enumerate(_AXES[: int(np.prod(space.shape))]):
            pushes |= {pair[0]: (i, low.flat[i]), pair[1]: (i, high.flat[i])}
        return pushes, (low + high) / 2
    raise UsageError(
        f"keys cannot give actions of {space}; they can for Discrete, and for Box of up to {len(_AXES)} numbers"
    )
