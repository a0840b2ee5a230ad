"""Observation and action spaces as JSON, so that a file can say what it holds without code."""

from math import prod
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..errors import UsageError
from ..tokens import vocabulary
from .layout import in_order
from .tokens import Tokens

_MOST = 1 << 23  # numbers in one observation: those of four pictures of 1920 x 1080 are fewer, if grey


def to_json(space: spaces.Space[Any]) -> dict[str, Any]:
    """JSON from which `from_json` makes an equal space.

    Raises:
        UsageError: for a space without a fixed size.
    """
    match space:
        case Tokens():
            return {"kind": "Tokens", "vocabulary": space.vocabulary.content(), "context": space.context}
        case spaces.Box():
            bounds = {"low": _bound(space.low), "high": _bound(space.high)}
            return {"kind": "Box", "shape": list(space.shape), "dtype": str(space.dtype), **bounds}
        case spaces.Discrete():
            return {"kind": "Discrete", "n": int(space.n), "start": int(space.start), **_dtype(space)}
        case spaces.MultiDiscrete():
            sizes = {"nvec": space.nvec.tolist(), "start": space.start.tolist()}
            return {"kind": "MultiDiscrete", **sizes, **_dtype(space)}
        case spaces.MultiBinary():
            return {"kind": "MultiBinary", "shape": list(space.shape)}
        case spaces.Dict():
            return {"kind": "Dict", "spaces": [[_key(key), to_json(part)] for key, part in in_order(space)]}
        case spaces.Tuple():
            return {"kind": "Tuple", "spaces": [to_json(part) for part in space.spaces]}
    raise UsageError(f"the space {space} has no fixed size and cannot be recorded")


def from_json(content: dict[str, Any]) -> spaces.Space[Any]:
    """The space that `to_json` described.

    Raises:
        UsageError: for a Dict of which an older gymnast lost the order of its parts.
    """
    match content["kind"]:
        case "Tokens":
            (context,) = _bounded([content["context"]])
            return Tokens(vocabulary(content["vocabulary"]), context)
        case "Box":
            shape, dtype = _bounded(content["shape"]), np.dtype(content["dtype"])
            if dtype.kind not in "biuf":
                raise ValueError(f"{dtype} is not the type of numbers")
            exact = dtype if dtype.kind in "iu" else np.float64  # which lacks the last digits of large whole numbers
            low, high = (np.broadcast_to(np.array(content[name], exact), shape) for name in ("low", "high"))
            with np.errstate(over="ignore"):
                return spaces.Box(low.astype(dtype), high.astype(dtype), shape, dtype.type)
        case "Discrete":
            return spaces.Discrete(content["n"], start=content["start"], dtype=content.get("dtype", np.int64))
        case "MultiDiscrete":
            return spaces.MultiDiscrete(content["nvec"], content.get("dtype", np.int64), start=content["start"])
        case "MultiBinary":
            shape = _bounded(content["shape"])
            return spaces.MultiBinary(shape[0] if len(shape) == 1 else shape)  # which Gymnasium holds to be different
        case "Dict":
            return spaces.Dict([(key, from_json(part)) for key, part in _parts(content["spaces"])])
        case "Tuple":
            return spaces.Tuple([from_json(part) for part in content["spaces"]])
    raise ValueError(f"unknown kind of space {content['kind']!r}")


def _bounded(shape: list[int]) -> tuple[int, ...]:
    """A shape, if what has it can be an observation: a file of some bytes must not take all memory."""
    if not all(type(length) is int and length >= 0 for length in shape) or prod(shape) > _MOST:
        raise ValueError(f"{shape} is not the shape of a space")
    return tuple(shape)


def _parts(content: Any) -> list[tuple[Any, Any]]:
    """Keys and contents of a Dict; of format 1, where they lay as the space listed them, if that is their order."""
    if isinstance(content, dict):
        if list(content) != sorted(content):
            raise UsageError(
                f"an older gymnast recorded the parts {', '.join(content)} and mixed them up. Record anew."
            )
        content = list(content.items())
    return [(key, part) for key, part in content]


def _key(key: Any) -> str | int:
    if not isinstance(key, str | int):
        raise UsageError(f"the key {key!r} of a Dict space is neither text nor a whole number and cannot be recorded")
    return key


def _dtype(space: spaces.Discrete | spaces.MultiDiscrete) -> dict[str, str]:
    return {} if space.dtype == np.int64 else {"dtype": str(space.dtype)}


def _bound(bound: NDArray[Any]) -> Any:
    """A bound as nested lists, or as one number where all are equal; infinities as text, which strict JSON knows."""
    values = np.array(bound, bound.dtype if bound.dtype.kind in "iu" else np.float64)
    if values.size and (values == values.flat[0]).all():
        values = np.array(values.flat[0])
    return _plain(values.tolist())


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if np.isfinite(value) else str(value)
