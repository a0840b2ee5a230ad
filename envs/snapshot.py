"""The exact state of a vector environment as arrays and JSON values, so that a resumed run goes on bit for bit.

An environment whose state is not plain data (a Box2D world, an emulator) has no snapshot: a resumed run seeds it anew.
"""

import math
import types
from collections import deque
from copy import deepcopy
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import SyncVectorEnv, VectorEnv, VectorWrapper

from ..core.errors import UsageError

Tree = Any  # None, bool, int, float, str, array, or a list or dict of trees

# How an environment was made, not how far it is.
_CONSTANT = {"env", "envs", "env_fns", "spec", "metadata", "render_mode", "_saved_kwargs", "_cached_spec", "_metadata"}
_STATELESS = (
    gym.Space,
    EnvSpec,
    type,
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    np.ufunc,
)
_GENERATORS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64)
}
_SYNC_FIELDS = ("_env_obs", "_rewards", "_terminations", "_truncations", "_autoreset_envs")


def snapshot(env: VectorEnv) -> dict[str, Tree] | None:
    """The state of `env`, or None when some of it is not plain data."""
    writer = _Writer(_layers(env))
    try:
        return {
            "wrappers": [writer.attributes(layer) for layer in _wrappers(env)],
            "env": _inner(env.unwrapped, writer),
        }
    except _NotPlain:
        return None


def restore(env: VectorEnv, snap: dict[str, Tree]) -> None:
    """Brings `env`, made as the snapshot's was, to the snapshot's state."""
    reader = _Reader(_layers(env))
    reader.match(_wrappers(env), snap["wrappers"])
    inner, saved = env.unwrapped, snap["env"]
    if hasattr(inner, "set_state"):
        inner.set_state(saved)
        return
    if not isinstance(inner, SyncVectorEnv) or len(saved["envs"]) != inner.num_envs:
        raise UsageError(f"the saved environment state does not fit {inner!r}")
    for single, layers in zip(inner.envs, saved["envs"], strict=True):
        reader.match(_chain(single), layers)
    for name in _SYNC_FIELDS:
        setattr(inner, name, reader.value(saved["fields"][name]))


def env_state(env: gym.Env) -> list[dict[str, Tree]] | None:
    """The state of one environment, layer by layer from the outside in, or None when some of it is not plain data."""
    chain = _chain(env)
    writer = _Writer(chain)
    try:
        return [writer.attributes(layer) for layer in chain]
    except _NotPlain:
        return None


def set_env_state(env: gym.Env, state: list[dict[str, Tree]]) -> None:
    """Brings one environment to a state that `env_state` gave."""
    chain = _chain(env)
    _Reader(chain).match(chain, state)


def _inner(env: VectorEnv, writer: "_Writer") -> Tree:
    if hasattr(env, "get_state"):
        state = env.get_state()
        if state is None:
            raise _NotPlain
        return state
    if not isinstance(env, SyncVectorEnv):
        raise _NotPlain
    return {
        "envs": [[writer.attributes(layer) for layer in _chain(single)] for single in env.envs],
        # Copies, because an observation may be a view of the state.
        "fields": {name: writer.value(deepcopy(getattr(env, name))) for name in _SYNC_FIELDS},
    }


def _wrappers(env: VectorEnv) -> list[VectorWrapper]:
    layers = []
    while isinstance(env, VectorWrapper):
        layers.append(env)
        env = env.env
    return layers


def _chain(env: gym.Env) -> list[gym.Env]:
    layers = [env]
    while isinstance(env, gym.Wrapper):
        env = env.env
        layers.append(env)
    return layers


def _layers(env: VectorEnv) -> list[Any]:
    """Every object whose attributes are walked: one layer's attribute that is another layer is no state of its own."""
    singles = env.unwrapped.envs if isinstance(env.unwrapped, SyncVectorEnv) else []
    return [*_wrappers(env), env.unwrapped, *(layer for single in singles for layer in _chain(single))]


class _NotPlain(Exception):
    """Some of the state is not plain data."""


def _is_state(name: str, value: Any, layers: list[Any]) -> bool:
    if name in _CONSTANT or isinstance(value, _STATELESS):
        return False
    owner = value.__self__ if isinstance(value, types.MethodType) else value
    return not any(owner is layer for layer in layers)


class _Writer:
    """From values to a tree. What is met twice is written once, so that shared objects stay shared."""

    def __init__(self, layers: list[Any]) -> None:
        self.layers = layers
        self.met: dict[int, int] = {}
        self.alive: list[Any] = []
        self.memory: set[int] = set()

    def attributes(self, layer: Any) -> dict[str, Tree]:
        state = {k: self.value(v) for k, v in vars(layer).items() if _is_state(k, v, self.layers)}
        return {"class": type(layer).__qualname__, "state": state}

    def value(self, value: Any) -> Tree:
        kind = type(value)
        if value is None or kind in (bool, int, str):
            return value
        if kind is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, np.generic):
            return {"scalar": self._array(np.asarray(value))}
        if kind is tuple:
            return {"tuple": [self.value(item) for item in value]}
        if kind is frozenset:
            return {"frozenset": [self.value(item) for item in value]}
        return self._object(value)

    def _object(self, value: Any) -> Tree:
        if id(value) in self.met:
            return {"same": self.met[id(value)]}
        number = self.met[id(value)] = len(self.alive)
        self.alive.append(value)  # an id is only good as long as its object lives
        return {"object": number, **self._content(value)}

    def _content(self, value: Any) -> dict[str, Tree]:
        match value:
            case np.random.Generator():
                state = self.value(value.bit_generator.state)
                return {"generator": type(value.bit_generator).__name__, "state": state}
            case np.ndarray() if type(value) is np.ndarray:
                self._refuse_shared_memory(value)
                return {"array": self._array(value)}
            case list() if type(value) is list:
                return {"list": [self.value(item) for item in value]}
            case set() if type(value) is set:
                return {"set": [self.value(item) for item in value]}
            case deque() if type(value) is deque:
                return {"deque": [self.value(item) for item in value], "maxlen": value.maxlen}
            case dict() if type(value) is dict:
                return {"dict": [[self.value(k), self.value(v)] for k, v in value.items()]}
        raise _NotPlain(repr(value))

    def _array(self, array: np.ndarray) -> Tree:
        if array.dtype.kind in "biuf" and array.dtype.itemsize <= 8:
            return array.copy()
        if array.dtype.kind not in "fcSUmM":
            raise _NotPlain(repr(array))
        # Strings and the like have no place in a checkpoint's tensors; their bytes do.
        raw = np.frombuffer(array.tobytes(), np.uint8).copy()
        return {"bytes": raw, "dtype": array.dtype.str, "shape": list(array.shape)}

    def _refuse_shared_memory(self, array: np.ndarray) -> None:
        """Two arrays over one memory would come back as two memories."""
        owner = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        if id(owner) in self.memory:
            raise _NotPlain("two arrays share their memory")
        self.memory.add(id(owner))


class _Reader:
    """From a tree back to values of exactly the same types."""

    def __init__(self, layers: list[Any]) -> None:
        self.layers = layers
        self.objects: dict[int, Any] = {}

    def match(self, layers: list[Any], saved: list[dict[str, Tree]]) -> None:
        names = [type(layer).__qualname__ for layer in layers]
        if names != [layer["class"] for layer in saved]:
            raise UsageError(f"the saved environment state is of {[s['class'] for s in saved]}, this one is {names}")
        for layer, entry in zip(layers, saved, strict=True):
            for name in [k for k, v in vars(layer).items() if _is_state(k, v, self.layers)]:
                if name not in entry["state"]:
                    delattr(layer, name)
            if odd := [name for name in entry["state"] if name in _CONSTANT or callable(getattr(layer, name, None))]:
                raise UsageError(f"the saved environment state sets {odd[0]!r}, which is no state")
            vars(layer).update({name: self.value(value) for name, value in entry["state"].items()})

    def value(self, tree: Tree) -> Any:
        if not isinstance(tree, dict):
            return tree
        if "same" in tree:
            return self.objects[tree["same"]]
        if "object" in tree:
            return self._object(tree)
        if "float" in tree:
            return float(tree["float"])
        if "scalar" in tree:
            return self._array(tree["scalar"])[()]
        if "tuple" in tree:
            return tuple(self.value(item) for item in tree["tuple"])
        return frozenset(self.value(item) for item in tree["frozenset"])

    def _object(self, tree: dict[str, Tree]) -> Any:
        """An object is known by its number before its content is read: it may hold itself."""
        number = tree["object"]
        if "generator" in tree:
            bits = _GENERATORS[tree["generator"]]()
            bits.state = self.value(tree["state"])
            made: Any = np.random.Generator(bits)
        elif "array" in tree:
            made = self._array(tree["array"])
        else:
            return self._container(tree, number)
        self.objects[number] = made
        return made

    def _container(self, tree: dict[str, Tree], number: int) -> Any:
        if "dict" in tree:
            mapping: dict[Any, Any] = {}
            self.objects[number] = mapping
            mapping.update((self.value(key), self.value(value)) for key, value in tree["dict"])
            return mapping
        if "set" in tree:
            members: set[Any] = set()
            self.objects[number] = members
            members.update(self.value(item) for item in tree["set"])
            return members
        items: Any = deque(maxlen=tree["maxlen"]) if "deque" in tree else []
        self.objects[number] = items
        items.extend(self.value(item) for item in tree["deque" if "deque" in tree else "list"])
        return items

    def _array(self, tree: Tree) -> np.ndarray:
        if isinstance(tree, np.ndarray):
            return tree.copy()
        return tree["bytes"].copy().view(tree["dtype"]).reshape(tree["shape"])
