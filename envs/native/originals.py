"""Pictures by Gymnasium's own renderers, so that a native copy looks exactly like its original."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .kernel import Painter, Row


def painter(original: Any, show: Callable[[Any, Row], None]) -> Callable[[], Painter]:
    """For `Kernel.painter`: `show(original, row)` puts the original, made with "rgb_array", into the state of `row`."""
    return lambda: partial(_paint, original, show)


def _paint(original: Any, show: Callable[[Any, Row], None], row: Row) -> NDArray[np.uint8]:
    show(original, row)
    return original.render()
