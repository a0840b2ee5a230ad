"""Episodes of a trained agent as frames, alone or several at a time."""

from collections.abc import Iterator, Sequence
from typing import Any

from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from PIL import Image

from ...agents import Agent
from ...core.acting import Acting, Memoryless
from ...core.rollout.engine import Rollout
from .painter import Painter
from .panel import PAPER
from .pictures import frames_per_second

_GAP, _BETWEEN = 8, (222, 222, 218)  # pixels between frames side by side, and their colour


class _Shown(Memoryless):
    """`acting`, and what `painter` draws of each of its steps."""

    def __init__(self, acting: Acting, rollout: Rollout, painter: Painter | None) -> None:
        self._acting, self._rollout, self._painter = acting, rollout, painter
        self.frames: list[Image.Image] = []

    def __call__(self, obs: NDArray[Any], first: NDArray[Any]) -> dict[str, NDArray[Any]]:
        out = self._acting(obs, first)
        if self._painter is not None:
            self.frames.append(self._painter.step(self._acting.thoughts(), out["action"], self._rollout))
        return out


class Scene:
    """An agent in one environment; without a painter the environment itself shows what happens."""

    def __init__(self, agent: Agent, env: VectorEnv, painter: Painter | None) -> None:
        self._agent, self._env, self._painter = agent, env, painter
        self.fps = frames_per_second(env)

    def episode(self, seed: int, stochastic: bool) -> Iterator[Image.Image]:
        """Play one episode from its own seed; its frames, if there is a painter."""
        rollout, painter = Rollout(self._env, 1, seed), self._painter
        shown = _Shown(self._agent.acting(1, "sample" if stochastic else "best", seed), rollout, painter)
        if painter is not None:
            painter.begin(seed)
        while True:
            done = rollout.collect(shown).episodes
            yield from shown.frames
            shown.frames.clear()
            if len(done.returns):
                if painter is not None:
                    second = max(1, round(self.fps))
                    yield from painter.end(float(done.returns[0]), int(done.lengths[0]), second)
                return


def together(episodes: Sequence[Iterator[Image.Image]], columns: int) -> Iterator[Image.Image]:
    """Frames of several episodes side by side until all have ended; those that did stay, paler, on their last frame."""
    shown: list[Image.Image | None] = [None] * len(episodes)
    going = list(range(len(episodes)))
    while going:
        for i in tuple(going):
            frame, last = next(episodes[i], None), shown[i]
            if frame is None:
                going.remove(i)
                frame = last and Image.blend(last, Image.new("RGB", last.size, PAPER), 0.5)
            shown[i] = frame
        if going:
            yield _side_by_side([frame for frame in shown if frame], columns)


def _side_by_side(frames: Sequence[Image.Image], columns: int) -> Image.Image:
    """One frame of several, row by row."""
    if len(frames) == 1:
        return frames[0]
    width, height = (max(sizes) + _GAP for sizes in zip(*(frame.size for frame in frames), strict=True))
    whole = Image.new("RGB", (width * columns - _GAP, height * -(-len(frames) // columns) - _GAP), _BETWEEN)
    for i, frame in enumerate(frames):
        whole.paste(frame, (width * (i % columns), height * (i // columns)))
    return whole
