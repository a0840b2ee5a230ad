"""Observations as environments give them, from how they are stored."""

from typing import Any

import torch
from gymnasium import spaces
from numpy.typing import NDArray

from .layout import Layout


def given(layout: Layout, obs: NDArray[Any]) -> Any:
    """Stored observations (N, *layout.shape) in the environment's own format and types: a batch of its space."""
    views = layout.view(torch.as_tensor(obs.copy()))
    return _tree(layout.space, (), {part.path: views[part.name].numpy() for part in layout.parts})


def _tree(space: spaces.Space[Any], path: tuple[Any, ...], parts: dict[tuple[Any, ...], NDArray[Any]]) -> Any:
    if isinstance(space, spaces.Dict):
        return {key: _tree(part, (*path, key), parts) for key, part in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(_tree(part, (*path, i), parts) for i, part in enumerate(space.spaces))
    return parts[path].astype(space.dtype)
