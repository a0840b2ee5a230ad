"""Episodes of a trained policy, step by step, with what it thinks; a person can take over with the keys."""

import asyncio
import base64
import io
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...core.acting import Stateless
from ...core.errors import UsageError
from ...core.games.game import game_of
from ...core.rollout.engine import Rollout
from ..runs import run as runs
from ..runs.load import eval_env, trained
from ..screen.actions import action_names
from ..screen.human import Keys
from ..screen.pictures import as_picture, frames_per_second, headless_gl, keeping_last, picture_of
from .serve import app, body

_LARGEST = (1280, 960)  # pixels of a picture that is sent
_MOST_STEPS = 64  # in one request


class Stage:
    """One environment, the agent that acts there, and the person who may act in its place.

    One thread does all of it: some environments draw with a context that belongs to one.
    """

    def __init__(self, folder: Path, which: str, stochastic: bool, seed: int, trust: bool) -> None:
        self._thread = ThreadPoolExecutor(1, "stage")
        self._ended: tuple[float, int] | None = None  # return and length, until the next step
        self._thread.submit(self._open, folder, which, stochastic, seed, trust).result()

    def _open(self, folder: Path, which: str, stochastic: bool, seed: int, trust: bool) -> None:
        run = runs.load(folder / "run.json", trust)
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # no window while frames are drawn to memory
        os.environ.setdefault("MUJOCO_GL", headless_gl())
        self.env = eval_env(run, 1, render_mode="rgb_array")
        self.agent, steps = trained(run, folder, self.env, which)
        self.about = f"{run.algo} on {run.env} after {steps:,} steps"
        self._mode: Any = "sample" if stochastic else "best"
        self._last, self._names = keeping_last(self.env), action_names(self.env)
        self.fps = frames_per_second(self.env)
        self.keys: Keys | None = None
        with suppress(UsageError):  # actions that keys cannot give
            self.keys = Keys(self.env)
        self._seed, self._episode = seed, 0
        self._begin(seed)
        self.state()  # an environment that draws nothing is refused at once

    def routes(self) -> list[Route]:
        """Where the page asks, and what it tells."""
        return [
            Route("/api/state", self._route(lambda _: self.state())),
            Route("/api/step", self._route(self.step), methods=["POST"]),
            Route("/api/restart", self._route(self.restart), methods=["POST"]),
        ]

    def _route(self, method: Any) -> Any:
        async def answer(request: Request) -> Response:
            given = await body(request)
            loop = asyncio.get_running_loop()
            return JSONResponse(await loop.run_in_executor(self._thread, method, given))

        return answer

    def step(self, given: dict[str, Any]) -> dict[str, Any]:
        """Take some steps, or begin the next episode; with "keys" by the person, who presses these."""
        count, keys = given.get("steps", 1), given.get("keys")
        if not isinstance(count, int) or not 1 <= count <= _MOST_STEPS:
            raise UsageError(f"steps must be a whole number from 1 to {_MOST_STEPS}")
        if keys is not None and (not isinstance(keys, list) or not all(isinstance(key, str) for key in keys)):
            raise UsageError("keys must be a list of names")
        if keys is not None and self.keys is None:
            raise UsageError("keys cannot give this environment's actions")
        for _ in range(count):
            if self._ended is not None:
                self._ended = None
                self._think()
                break
            self._advance(keys)
        return self.state()

    def restart(self, _: dict[str, Any]) -> dict[str, Any]:
        """Begin another episode."""
        self._seed += 1
        self._begin(self._seed)
        return self.state()

    def state(self) -> dict[str, Any]:
        """All that the page shows."""
        progress = self._rollout.state()
        ended = self._ended
        picture = self._last.picture if ended and self._last else None
        return {
            "about": self.about,
            "picture": _encoded(picture_of(self.env) if picture is None else as_picture(picture)),
            "return": ended[0] if ended else float(progress["return_so_far"][0]),
            "step": ended[1] if ended else int(progress["length_so_far"][0]),
            "ended": ended is not None,
            "episode": self._episode,
            "thoughts": None if ended else self._thoughts,
            "keys": self.keys.described() if self.keys else None,
            "bound": sorted(self.keys.effects) if self.keys else [],
            "fps": self.fps,
        }

    def _begin(self, seed: int) -> None:
        self._rollout = Rollout(self.env, 1, seed)
        self._acting = self.agent.acting(1, self._mode, seed)
        self._ended = None
        self._episode += 1
        self._think()

    def _think(self) -> None:
        """Ask the agent about the present observation."""
        now = self._rollout.state()
        self._planned = self._acting(now["obs"], now["first"])
        self._thoughts = self._described(self._acting.thoughts(), self._planned["action"][0])

    def _advance(self, keys: list[str] | None) -> None:
        out = dict(self._planned)
        if keys is not None and self.keys:
            taken = np.asarray(self.keys.action(keys))[None]
            out["action"] = self._acting_units(taken)
        done = self._rollout.collect(Stateless(lambda _: out)).episodes
        if len(done.returns):
            self._ended = float(done.returns[0]), int(done.lengths[0])
            self._episode += 1
        else:
            self._think()

    def _acting_units(self, action: NDArray[Any]) -> NDArray[Any]:
        """A person's action, of the type of the agent's."""
        return action.astype(self._planned["action"].dtype)

    def _described(self, thoughts: dict[str, NDArray[Any]], action: NDArray[Any]) -> dict[str, Any]:
        said: dict[str, Any] = {"value": None, "bars": []}
        if "value" in thoughts:
            said["value"] = float(thoughts["value"][0])
        if "action probability" in thoughts and np.ndim(action) == 0:
            said["title"] = "action probability"
            said["bars"] = [
                {"name": self._names(i), "value": float(p), "low": 0, "high": 1, "chosen": i == int(action)}
                for i, p in enumerate(thoughts["action probability"][0])
            ]
            return said
        space: Any = self.env.single_action_space
        low, high = _bounds(space, np.size(action))
        said["title"] = "action"
        said["bars"] = [
            {"name": f"a{i}", "value": float(a), "low": low[i], "high": high[i], "chosen": True}
            for i, a in enumerate(np.ravel(action))
        ]
        return said


def watch(
    folder: Path, which: str, stochastic: bool, seed: int, trust: bool, host: str, token: str | None
) -> Starlette:
    """The application that shows a run's agent at work.

    Raises:
        UsageError: if its environment draws no pictures.
    """
    stage = Stage(folder, which, stochastic, seed, trust)
    return app("episode.html", stage.routes(), host, token)


def is_game(folder: Path, trust: bool) -> bool:
    """Whether the run in the folder is of a game for two."""
    with closing(eval_env(runs.load(folder / "run.json", trust), 1)) as env:
        return game_of(env.single_observation_space) is not None


def _bounds(space: Any, count: int) -> tuple[list[float], list[float]]:
    """From where to where bars of the numbers of an action go."""
    if isinstance(space, spaces.Box):
        low, high = np.ravel(space.low).astype(float), np.ravel(space.high).astype(float)
        return np.where(np.isfinite(low), low, -1).tolist(), np.where(np.isfinite(high), high, 1).tolist()
    most = np.ravel(space.nvec - 1) if isinstance(space, spaces.MultiDiscrete) else np.ones(count)
    return [0.0] * count, most.astype(float).tolist()


def _encoded(picture: NDArray[np.uint8]) -> str:
    """A picture (H, W, 3) as the address of a PNG."""
    image = Image.fromarray(picture)
    image.thumbnail(_LARGEST)
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
