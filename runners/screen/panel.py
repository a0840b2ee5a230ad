"""The panel beside a picture: what an agent thinks of a state, as bars."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .actions import action_names

WIDTH = 260  # pixels
INK, PAPER = (40, 40, 40), (250, 250, 248)
_OTHER, _TAKEN, _SPREAD, _EDGE = (122, 162, 204), (214, 110, 60), (188, 208, 232), (210, 210, 205)
_MARGIN, _LINE, _ROW, _LEAST_ROW, _TITLE, _LEGEND = 14, 24, 22, 14, 30, 32  # heights, but for the margin


class Bar(NamedTuple):
    """A number with its bar, which goes from `begin` to `end`; places are shares of its track, from 0 to 1."""

    name: str
    number: float
    begin: float
    end: float
    taken: bool
    best: bool = False
    mean: float | None = None
    spread: tuple[float, float] | None = None
    """From one standard deviation below the mean to one above."""


class Group(NamedTuple):
    """Bars of one kind."""

    title: str
    bars: list[Bar]


class Bars:
    """Thoughts of an agent about the states of one environment, as groups of bars.

    Action values are drawn from the least to the greatest one so far: they have no scale of their own.
    """

    def __init__(self, env: VectorEnv) -> None:
        self._space: Any = env.single_action_space
        self._names = action_names(env)
        self._least, self._greatest = np.inf, -np.inf

    def of(self, thoughts: dict[str, NDArray[Any]], action: NDArray[Any]) -> list[Group]:
        """Groups for the first environment's thoughts, which takes `action` (*act)."""
        groups = []
        if "action probability" in thoughts:
            groups.append(self._probabilities(thoughts["action probability"][0], int(action)))
        if "action value" in thoughts:
            groups.append(self._values(thoughts["action value"][0], thoughts["value"][0], int(action)))
        if "mean action" in thoughts:
            groups.append(self._box(thoughts["mean action"][0].ravel(), thoughts.get("std"), action.ravel()))
        return groups

    def _probabilities(self, shares: NDArray[Any], action: int) -> Group:
        bars = [Bar(self._names(i), p, 0.0, p, i == action) for i, p in enumerate(shares.tolist())]
        return Group("action probability", bars)

    def _values(self, values: NDArray[Any], value: float, action: int) -> Group:
        """The best one is the one that the state's value is of, which is available, or else the greatest."""
        best = value if (values == value).any() else values.max()
        self._least, self._greatest = min(self._least, values.min()), max(self._greatest, values.max())
        places = (values - self._least) / max(self._greatest - self._least, 1e-9)
        bars = [
            Bar(self._names(i), float(q), 0.0, float(place), i == action, best=bool(q == best))
            for i, (q, place) in enumerate(zip(values, places, strict=True))
        ]
        return Group("action value", bars)

    def _box(self, mean: NDArray[Any], std: NDArray[Any] | None, action: NDArray[Any]) -> Group:
        """Bars begin at 0, or at the bound that is nearest to it."""
        low, high = _finite(self._space.low.ravel(), -1.0), _finite(self._space.high.ravel(), 1.0)

        def place(x: NDArray[Any]) -> NDArray[Any]:
            return (np.clip(x, low, high) - low) / np.maximum(high - low, 1e-9)

        taken = np.clip(action, low, high)
        begin, end = np.sort([place(np.zeros_like(low)), place(taken)], axis=0).tolist()
        middle = place(mean).tolist()
        bars = [Bar(f"a{i}", float(a), begin[i], end[i], True, mean=middle[i]) for i, a in enumerate(taken)]
        if std is not None:
            edges = zip(place(mean - std[0].ravel()).tolist(), place(mean + std[0].ravel()).tolist(), strict=True)
            bars = [bar._replace(spread=spread) for bar, spread in zip(bars, edges, strict=True)]
        return Group("action", bars)


def _finite(bound: NDArray[Any], otherwise: float) -> NDArray[Any]:
    return np.where(np.isfinite(bound), bound, otherwise)


def paint(picture: Image.Image, left: int, lines: Sequence[str], groups: Sequence[Group]) -> None:
    """Draw lines of text, and groups of bars with a legend, into what lies right of `left` in a picture."""
    draw, y = ImageDraw.Draw(picture), 12
    left, right = left + _MARGIN, picture.width - _MARGIN
    for line in lines:
        draw.text((left, y), fitted(line, right - left, font(16)), INK, font(16))
        y += _LINE
    room = picture.height - y - _LEGEND - _TITLE * len(groups)
    for i, group in enumerate(groups):
        share = room // (len(groups) - i)
        y, used = _paint_group(draw, (left, y, right), share, group)
        room -= used
    if groups:
        _paint_legend(draw, left, y + 8, [bar for group in groups for bar in group.bars])


def _paint_group(draw: ImageDraw.ImageDraw, at: tuple[int, int, int], room: int, group: Group) -> tuple[int, int]:
    """Draw a group from `at`, (left, top, right), in a number of pixels; where it ends, and how many its bars took.

    Where there is no room for all bars, those of the greatest numbers are drawn.
    """
    left, y, right = at
    row = min(_ROW, max(_LEAST_ROW, room // len(group.bars)))
    shown, count = group.bars, max(1, room // row)
    title = group.title
    if len(shown) > count:
        kept = sorted(range(len(shown)), key=lambda i: -abs(shown[i].number))[:count]
        shown, title = [shown[i] for i in sorted(kept)], f"{title}: {count} of {len(group.bars)}"
    letters = font(13 if row > 17 else 11)
    draw.text((left, y + 8), title, INK, font(13))
    y += _TITLE
    numbers = [short(bar.number) for bar in shown]
    end = right - round(max(map(letters.getlength, numbers))) - 6
    start = left + min((right - left) * 2 // 5, round(max(letters.getlength(bar.name) for bar in shown)) + 8)
    for bar, number in zip(shown, numbers, strict=True):
        draw.text((left, y + row // 2), fitted(bar.name, start - left - 6, letters), INK, letters, anchor="lm")
        _paint_bar(draw, (start, y + 2, end, y + row - 4), bar)
        draw.text((right, y + row // 2), number, INK, letters, anchor="rm")
        y += row
    return y, row * len(shown)


def _paint_bar(draw: ImageDraw.ImageDraw, track: tuple[int, int, int, int], bar: Bar) -> None:
    """Draw one bar in its track (left, top, right, bottom)."""
    left, top, right, bottom = track

    def x(place: float) -> int:
        return left + round((right - left) * place)

    draw.rectangle(track, fill=(255, 255, 255), outline=_EDGE)
    if bar.spread:
        draw.rectangle((x(bar.spread[0]), top + 1, x(bar.spread[1]), bottom - 1), _SPREAD)
    inset = 3 if bar.mean is not None and bottom - top > 8 else 0  # so that the deviation shows around it
    if x(bar.begin) < x(bar.end):
        draw.rectangle((x(bar.begin), top + inset, x(bar.end), bottom - inset), _TAKEN if bar.taken else _OTHER)
    if bar.mean is not None:
        draw.line((x(bar.mean), top, x(bar.mean), bottom), INK, 2)
    if bar.best:
        draw.rectangle(track, outline=INK, width=2)


def _paint_legend(draw: ImageDraw.ImageDraw, left: int, y: int, bars: Sequence[Bar]) -> None:
    """Say what the colours and marks of the bars mean, those that there are."""
    letters, x = font(12), left
    known = {
        "taken": (_TAKEN, any(bar.taken for bar in bars)),
        "not taken": (_OTHER, any(not bar.taken for bar in bars)),
        "best": (None, any(bar.best for bar in bars)),
        "mean": (INK, any(bar.mean is not None for bar in bars)),
        "± deviation": (_SPREAD, any(bar.spread for bar in bars)),
    }
    for name, (color, there) in known.items():
        if there:
            width = 2 if name == "mean" else 9
            draw.rectangle((x, y + 3, x + width, y + 12), color, None if color else INK, 0 if color else 2)
            draw.text((x + width + 5, y + 8), name, INK, letters, anchor="lm")
            x += width + 15 + round(letters.getlength(name))


def short(number: float) -> str:
    """A number with two digits behind the point, or fewer if it is large."""
    digits = 2 if abs(number) < 100 else 1 if abs(number) < 1000 else 0
    return f"{round(number, digits) + 0.0:.{digits}f}"  # and never -0.00


def fitted(text: str, width: float, letters: Any) -> str:
    """The text, or as much of its end as is that wide: names differ there."""
    if letters.getlength(text) <= width:
        return text
    while text and letters.getlength("…" + text) > width:
        text = text[1:]
    return "…" + text


@cache
def font(size: int) -> Any:
    """The font of all that is written."""
    return ImageFont.load_default(size)
