"""Pictures by Gymnasium's own renderers, so that a native copy looks exactly like its original."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .kernel import Painter, Row


def painter(cls: type, show: Callable[[Any, Row], None], **kwargs: Any) -> Callable[[], Painter]:
    """For `Kernel.painter`: one instance of the original `cls`, put into the state by `show(instance, row)`."""
    return partial(_open, cls, show, kwargs)


def _open(cls: type, show: Callable[[Any, Row], None], kwargs: dict[str, Any]) -> Painter:
    original = cls(render_mode="rgb_array", **kwargs)

    def paint(row: Row) -> NDArray[np.uint8]:
        show(original, row)
        return original.render()

    return paint
