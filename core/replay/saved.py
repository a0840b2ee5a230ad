"""Whether the saved state of a replay can be true: what is drawn from it goes into compiled loops without bounds."""

from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .sampling import VALID
from .storage import field, places

_COUNTS = ("cursor", "filled", "count", "written")
_FIELDS = {"obs", "action", "reward", "flags"}


def refuse_impossible(state: dict[str, Any], capacity: int, stack: int, weighed: bool, choices: int | None) -> None:
    """Raise unless a replay of this capacity and stack, with priorities or not, can have had the state.

    `choices`: so many values an action has, where it is an index.

    Raises:
        KeyError, TypeError, ValueError: if it is damaged.
    """
    _require(all(type(state[name]) is int and 0 <= state[name] < 1 << 53 for name in _COUNTS), "its counters")
    _require(
        type(state["top_weight"]) in (int, float) and state["top_weight"] > 0 and isfinite(state["top_weight"]),
        "the weight",
    )
    _array(state, "random", np.uint64, (1,))
    if not state["written"]:
        _require(not any(state[name] for name in _COUNTS), "its counters")
        return
    envs = state["envs"]
    _require(type(envs) is int and 1 <= envs <= capacity, "the number of environments")
    rows = capacity // envs
    _require(state["cursor"] < rows and state["filled"] <= min(rows, state["written"]), "its counters")
    obs_shape, obs_dtype = _layout(state["layout"], stack)
    slots = rows * envs
    stacked = slots if stack > 1 else 1
    frame = obs_shape if stack == 1 else (stack, *obs_shape)
    _kept(state, "ends", slots, frame, obs_dtype, envs)
    _kept(state, "starts", stacked, (max(stack - 1, 1), *obs_shape), obs_dtype, 0)
    for name, length in (("age", stacked), ("next_age", envs)):
        _array(state, name, np.uint8, (length,))
        _require(int(state[name].max(initial=0)) < stack, name)
    leaves = 1 << max((slots if weighed else 1) - 1, 1).bit_length()
    _array(state, "weights", np.float64, (leaves,))
    weights = state["weights"]
    _require(bool((np.isfinite(weights) & (weights >= 0)).all()), "the weights")
    if "records" in state:
        _records(state, state["filled"] * envs, weights if weighed else None, choices)


def refuse_impossible_pieces(
    state: dict[str, Any], may: NDArray[np.bool_], leaves: int, carry: tuple[int, ...]
) -> None:
    """Raise unless the saved weights are those of pieces that may be drawn, and what was remembered is of that shape.

    Raises:
        KeyError, ValueError: if it is damaged.
    """
    _array(state, "carry", np.float32, carry)
    _array(state, "pieces", np.float64, (leaves,))
    weights = state["pieces"]
    _require(bool(np.isfinite(state["carry"]).all() and np.isfinite(weights).all()), "the pieces")
    _require(np.array_equal(weights[: len(may)] > 0, may) and not weights[len(may) :].any(), "the pieces")


def _layout(layout: dict[str, Any], stack: int) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of one stored observation."""
    _require(layout.keys() >= _FIELDS, "the fields")
    for shape, dtype in layout.values():
        _require(all(type(length) is int and length >= 0 for length in shape), "the shapes")
        _require(np.dtype(dtype).kind in "biuf", "the types")
    _require(layout["flags"] == [[], "|u1"] and layout["reward"] == [[], "<f4"], "the fields")
    shape, dtype = layout["obs"]
    return tuple(shape), np.dtype(dtype)


def _kept(state: dict[str, Any], name: str, slots: int, shape: tuple[int, ...], dtype: np.dtype, reserved: int) -> None:
    of, block, free = (state[f"{name}/{part}"] for part in ("of", "block", "free"))
    _array(state, f"{name}/of", np.int32, (slots,))
    _array(state, f"{name}/block", dtype, (len(block), *shape))
    _array(state, f"{name}/free", np.int32, (len(free),))
    _require(len(block) > reserved and of.min() >= -1 and of.max() < len(block), name)
    _require(not len(free) or (free.min() >= reserved and free.max() < len(block)), name)


def _records(state: dict[str, Any], filled: int, weights: NDArray[np.float64] | None, choices: int | None) -> None:
    layout = {name: (tuple(shape), dtype) for name, (shape, dtype) in state["layout"].items()}
    offsets, width = places(layout)
    _array(state, "records", np.uint8, (filled, width))
    valid = field(state["records"], offsets["flags"], *layout["flags"]) & VALID != 0
    _require(int(valid.sum()) == state["count"], "the number of transitions")
    if weights is not None:
        _require(not weights[filled:].any() and not weights[:filled][~valid].any(), "the weights")
        _require(bool((weights[:filled][valid] > 0).all()), "the weights")
    if choices is not None:
        action = field(state["records"], offsets["action"], *layout["action"])[valid]
        _require(not len(action) or (action.min() >= 0 and action.max() < choices), "the actions")


def _array(state: dict[str, Any], name: str, dtype: Any, shape: tuple[int, ...]) -> None:
    array = state[name]
    fits = isinstance(array, np.ndarray) and array.dtype == dtype and array.shape == shape
    _require(fits, name)


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"the saved replay is damaged: {what}")
