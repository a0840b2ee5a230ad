"""Observation and action spaces as JSON, so that a file can say what it holds without code."""

from math import prod
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..errors import UsageError

_MOST = 1 << 23  # numbers in one observation: those of four pictures of 1920 x 1080 are fewer, if grey


def to_json(space: spaces.Space[Any]) -> dict[str, Any]:
    """JSON from which `from_json` makes an equal space.

    Raises:
        UsageError: for a space without a fixed size.
    """
    match space:
        case spaces.Box():
            bounds = {"low": _bound(space.low), "high": _bound(space.high)}
            return {"kind": "Box", "shape": list(space.shape), "dtype": str(space.dtype), **bounds}
        case spaces.Discrete():
            return {"kind": "Discrete", "n": int(space.n), "start": int(space.start)}
        case spaces.MultiDiscrete():
            return {"kind": "MultiDiscrete", "nvec": space.nvec.tolist(), "start": space.start.tolist()}
        case spaces.MultiBinary():
            return {"kind": "MultiBinary", "shape": list(space.shape)}
        case spaces.Dict():
            return {"kind": "Dict", "spaces": {str(key): to_json(part) for key, part in space.spaces.items()}}
        case spaces.Tuple():
            return {"kind": "Tuple", "spaces": [to_json(part) for part in space.spaces]}
    raise UsageError(f"the space {space} has no fixed size and cannot be recorded")


def from_json(content: dict[str, Any]) -> spaces.Space[Any]:
    """The space that `to_json` described."""
    match content["kind"]:
        case "Box":
            shape, dtype = _bounded(content["shape"]), np.dtype(content["dtype"])
            if dtype.kind not in "biuf":
                raise ValueError(f"{dtype} is not the type of numbers")
            low, high = (np.broadcast_to(np.array(content[name], float), shape) for name in ("low", "high"))
            return spaces.Box(low.astype(dtype), high.astype(dtype), shape, dtype.type)
        case "Discrete":
            return spaces.Discrete(content["n"], start=content["start"])
        case "MultiDiscrete":
            return spaces.MultiDiscrete(content["nvec"], start=content["start"])
        case "MultiBinary":
            shape = _bounded(content["shape"])
            return spaces.MultiBinary(shape[0] if len(shape) == 1 else shape)  # which Gymnasium holds to be different
        case "Dict":
            return spaces.Dict({key: from_json(part) for key, part in content["spaces"].items()})
        case "Tuple":
            return spaces.Tuple([from_json(part) for part in content["spaces"]])
    raise ValueError(f"unknown kind of space {content['kind']!r}")


def _bounded(shape: list[int]) -> tuple[int, ...]:
    """A shape, if what has it can be an observation: a file of some bytes must not take all memory."""
    if not all(type(length) is int and length >= 0 for length in shape) or prod(shape) > _MOST:
        raise ValueError(f"{shape} is not the shape of a space")
    return tuple(shape)


def _bound(bound: NDArray[Any]) -> Any:
    """A bound as nested lists, or as one number where all are equal; infinities as text, which strict JSON knows."""
    values = np.array(bound, float)
    if values.size and (values == values.flat[0]).all():
        values = np.array(values.flat[0])
    return _plain(values.tolist())


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if np.isfinite(value) else str(value)
