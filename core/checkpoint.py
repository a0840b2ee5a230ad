"""One file that holds a tree of arrays and plain values: safetensors, with the plain values as JSON in its header.

A checkpoint is written beside its place and moved there in one step, so that the place always holds a whole one.
Loading never executes code from the file.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import safetensors
import safetensors.numpy
import torch
from numpy.typing import NDArray
from torch import nn

from .errors import TrainingError, UsageError
from .files import write_whole

FORMAT = 2
"""Raised when files written from then on can no longer be read by older versions."""

Tree = dict[str, Any]
"""Nested dicts and lists; leaves are arrays, tensors or what JSON knows."""

_MOST = 1 << 53  # of anything that is counted

_ARRAY = "__array__"  # {"__array__": name} in the JSON stands for the array of that name


def save(path: Path, tree: Tree) -> None:
    """Write `tree` to `path`; whatever goes wrong, `path` holds the old file or the new one, whole.

    Raises:
        TrainingError: if it cannot be written (a full disk, no permission); the old file is intact.
    """
    arrays: dict[str, NDArray[Any]] = {}
    content = json.dumps(_pack(tree, "", arrays))
    header = {"format": str(FORMAT), "tree": content, "crc": str(_crc(content, arrays))}
    whole = safetensors.numpy.save(arrays, header)
    try:
        write_whole(path, whole)
    except OSError as error:
        older = " The older one is intact." if path.exists() else ""
        raise TrainingError(f"cannot write the checkpoint {path}: {error.strerror}.{older}") from error


def load(path: Path, oldest: int = FORMAT) -> Tree:
    """The tree that `save` wrote, with arrays as NumPy arrays; of the format `oldest` or a newer one.

    Raises:
        UsageError: if there is no such file, it is damaged, or a gymnast of another time wrote it.
    """
    with _opened(path, oldest) as (file, header):
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        if str(_crc(header["tree"], arrays)) != header.get("crc") or not all(map(_real, arrays.values())):
            raise ValueError("its checksum is of something else")
        return _tree(header, arrays)


def plain(path: Path) -> Tree:
    """The tree that `save` wrote with None for each array: quick, however large the arrays are.

    Raises:
        UsageError: if there is no such file, it is damaged, or a gymnast of another time wrote it.
    """
    with _opened(path, FORMAT) as (file, header):
        return _tree(header, dict.fromkeys(file.keys()))


@contextmanager
def _opened(path: Path, oldest: int) -> Iterator[tuple[Any, dict[str, str]]]:
    """The file, and its header if that is of the format `oldest` or a newer one; says what is wrong with it."""
    if not path.is_file():
        raise UsageError(f"no checkpoint at {path}. Give the folder of a run, such as runs/ppo-CartPole-v1-s0-…")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            if "format" not in header or "tree" not in header:
                raise UsageError(f"{path} is a safetensors file, but not a gymnast checkpoint.")
            if int(header["format"]) > FORMAT:
                raise UsageError(
                    f"{path} is of format {header['format']}, from a newer gymnast; this one reads up to {FORMAT}. "
                    "Upgrade it: pip install --upgrade gymnast"
                )
            if int(header["format"]) < oldest:
                raise UsageError(
                    f"{path} was written by gymnast 0.1, and only version 0.1 reads it: "
                    'pip install "gymnast==0.1.*", or train anew.'
                )
            yield file, header
    except UsageError:
        raise
    except (safetensors.SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
        raise UsageError(
            f"{path} is not a whole checkpoint (cut short or damaged). Use another one from the same folder."
        ) from e


def _tree(header: dict[str, str], arrays: Mapping[str, Any]) -> Tree:
    tree = _unpack(json.loads(header["tree"]), arrays)
    if not isinstance(tree, dict):
        raise TypeError(f"its tree is a {type(tree).__name__}")
    return tree


def size(tree: Any) -> int:
    """Numbers in all arrays of a tree."""
    if isinstance(tree, dict | list):
        return sum(map(size, tree.values() if isinstance(tree, dict) else tree))
    return int(np.size(tree)) if isinstance(tree, np.ndarray) else 0


def _real(array: NDArray[Any]) -> bool:
    """Whether its bytes are values of its type: those of a bool are 0 or 1, which compiled code relies on."""
    return array.dtype != np.bool_ or not array.size or int(array.view(np.uint8).max()) <= 1


def tensors(tree: Any) -> Any:
    """`tree` with every array as a tensor on the CPU that shares its memory."""
    if isinstance(tree, dict):
        return {key: tensors(value) for key, value in tree.items()}
    return torch.from_numpy(tree) if isinstance(tree, np.ndarray) else tree


def weights(own: Mapping[str, torch.Tensor], saved: Any) -> dict[str, torch.Tensor]:
    """`saved` as tensors, if it can be the weights of a network like the one that has `own`.

    Raises:
        TypeError, ValueError: if it cannot.
    """
    refuse_unlike(dict(own), saved, "", exact=True)
    return {name: tensors(saved[name]) for name in own}


@runtime_checkable
class Part(Protocol):
    """Anything that keeps its own state."""

    def state(self) -> Any:
        """A tree that does not change when this goes on."""
        ...

    def load_state(self, state: Any) -> None:
        """Go on from `state()`."""
        ...


class Attributes:
    """Plain values and arrays that are attributes of an object, as a part of it: counters, flags, running means."""

    def __init__(self, owner: Any, *names: str) -> None:
        self._owner, self._names = owner, names

    def state(self) -> Tree:
        """Copies of the values, by name."""
        return {name: deepcopy(getattr(self._owner, name)) for name in self._names}

    def load_state(self, state: Tree) -> None:
        """Set the attributes.

        Raises:
            ValueError: if one is something that is None, as a Config decides, or an array changes its shape.
        """
        for name in self._names:
            now, saved = getattr(self._owner, name), state[name]
            if now is None and saved is not None:
                raise ValueError(f"{name} is {saved!r:.40}, not None")
            if isinstance(now, np.ndarray) and now.size and saved.shape != now.shape:
                raise ValueError(f"{name} is of shape {saved.shape}, not {now.shape}")
            setattr(self._owner, name, deepcopy(saved))


class Places(Attributes):
    """An array attribute (N, K + ...) of real numbers, whose first K columns are places in a table, or -1."""

    def __init__(self, owner: Any, name: str, table: tuple[int, ...]) -> None:
        super().__init__(owner, name)
        self._name, self._table = name, table

    def load_state(self, state: Tree) -> None:
        """Set the attribute.

        Raises:
            ValueError: if a place is not in the table.
        """
        rows, own = state[self._name], getattr(self._owner, self._name)
        place = rows[:, : len(self._table)]
        inside = (place >= -1) & (place < self._table)
        if rows.shape[1:] != own.shape[1:] or not (inside.all() and np.isfinite(rows).all()):
            raise ValueError(f"{self._name} has places that are not in the table")
        super().load_state(state)


def counted(value: Any) -> int:
    """A saved number of things or steps.

    Raises:
        ValueError: if `value` is none, or more than anybody can have counted.
    """
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ValueError(f"{value!r:.40} is no count")
    return value


def state(parts: Mapping[str, Any]) -> Tree:
    """The state of each part, a tree for `save`.

    A part is a module, a random generator of NumPy or torch, an array that is written in place, whatever has `state`
    and `load_state`, a mapping of parts, or None.
    """
    return {name: _state(part) for name, part in parts.items()}


def restore(parts: Mapping[str, Any], tree: Tree) -> None:
    """Let the parts go on from what `state` gave for them.

    Raises:
        KeyError, ValueError, RuntimeError: if it is the state of other parts.
    """
    for name, part in parts.items():
        _restore(part, tree[name])


def _state(part: Any) -> Any:
    match part:
        case None:
            return None
        case nn.Module():
            return {name: value.detach().clone() for name, value in part.state_dict().items()}
        case torch.Generator():
            return part.get_state()
        case np.random.Generator():
            return part.bit_generator.state
        case np.ndarray():
            return part.copy()
        case Part():
            return part.state()
        case Mapping():
            return state(part)
    raise TypeError(f"{type(part).__name__} is no part that can be saved: it needs `state` and `load_state`")


def _restore(part: Any, saved: Any) -> None:
    match part:
        case None:
            return
        case _ if saved is None:  # there was no such part then: it begins
            return
        case nn.Module():
            refuse_unlike(dict(part.state_dict()), saved, "", exact=True)
            part.load_state_dict(tensors(saved))
        case torch.Generator():
            part.set_state(torch.as_tensor(saved))
        case np.random.Generator():
            part.bit_generator.state = saved
        case np.ndarray():
            refuse_unlike(part, saved, "", exact=True)
            part[...] = saved
        case Part():
            refuse_unlike(part.state(), saved, "")
            part.load_state(saved)
        case Mapping():
            restore(part, saved)


def refuse_unlike(own: Any, saved: Any, name: str, exact: bool = False) -> None:
    """Raise unless `saved` is a tree like `own`, which is of the same part before it is restored.

    Arrays have the same dtype and as many axes, if `exact` the same shape and finite numbers where these are; counters
    are no less than 0 and within the range of whole floats. What is None, a list or empty now may be anything then.
    """
    match own:
        case dict():
            if not isinstance(saved, dict) or own.keys() - saved.keys():
                raise ValueError(f"{name or 'it'} lacks {', '.join(sorted(own.keys() - set(saved)))}")
            for key, value in own.items():
                refuse_unlike(value, saved[key], f"{name}/{key}".lstrip("/"), exact)
        case np.ndarray() | torch.Tensor():
            now, saved = (x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else x for x in (own, saved))
            if not isinstance(saved, np.ndarray) or saved.dtype != now.dtype or saved.ndim != now.ndim:
                raise ValueError(f"{name or 'it'} is no array of {now.dtype} with {now.ndim} axes")
            if exact and saved.shape != now.shape:
                raise ValueError(f"{name or 'it'} is of shape {saved.shape}, not {now.shape}")
            if exact and now.dtype.kind == "f" and np.isfinite(now).all() and not np.isfinite(saved).all():
                raise ValueError(f"{name or 'it'} is not finite")
        case bool():
            if not isinstance(saved, bool | np.bool_):
                raise TypeError(f"{name} is not true or false")
        case int():
            if not isinstance(saved, int | np.integer) or not (0 if own >= 0 else -_MOST) <= saved <= _MOST:
                raise ValueError(f"{name} is {saved!r:.40}")
        case float():
            if not isinstance(saved, int | float | np.number):
                raise TypeError(f"{name} is no number")


def _pack(node: Any, name: str, arrays: dict[str, NDArray[Any]]) -> Any:
    if isinstance(node, dict):
        return {key: _pack(value, f"{name}/{key}" if name else key, arrays) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_pack(value, f"{name}/{i}", arrays) for i, value in enumerate(node)]
    if isinstance(node, torch.Tensor):
        node = node.detach().cpu().numpy()
    if isinstance(node, np.ndarray):
        while name in arrays:  # keys may hold slashes themselves
            name += "'"
        arrays[name] = np.array(node, order="C")  # a copy with rank kept: views share memory, which the format refuses
        return {_ARRAY: name}
    return node.item() if isinstance(node, np.generic) else node


def _unpack(node: Any, arrays: Mapping[str, Any]) -> Any:
    if isinstance(node, dict):
        if node.keys() == {_ARRAY}:
            return arrays[node[_ARRAY]]
        return {key: _unpack(value, arrays) for key, value in node.items()}
    return [_unpack(value, arrays) for value in node] if isinstance(node, list) else node


def _crc(content: str, arrays: dict[str, NDArray[Any]]) -> int:
    crc = zlib.crc32(content.encode())
    for name, array in sorted(arrays.items()):
        crc = zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), crc)
        crc = zlib.crc32(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"", crc)
    return crc
