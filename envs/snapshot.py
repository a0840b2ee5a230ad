"""The exact state of a vector environment as arrays and JSON values, so that a resumed run goes on bit for bit.

An environment whose state is not plain data (a Box2D world, an emulator) has no snapshot: a resumed run seeds it anew.
"""

import math
import types
from collections import deque
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv, VectorWrapper

from ..core.errors import UsageError

SINGLES = "single environments"  # who keeps the state of a vector environment that has no state of its own
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


def snapshot(env: VectorEnv) -> dict[str, Tree] | None:
    """The state of `env`, or None when some of it is not plain data."""
    wrappers = _wrappers(env)
    try:
        writer = _Writer([*wrappers, env.unwrapped])
        state = {"wrappers": [writer.attributes(layer) for layer in wrappers], **_inner(env.unwrapped)}
    except _NotPlain:
        return None
    return {**_kind(env), **state}


def restore(env: VectorEnv, snap: dict[str, Tree]) -> bool:
    """Brings `env`, made as the snapshot's was, to the snapshot's state.

    False, and nothing has happened, if a backend of another kind wrote it, whose state this one has no place for, or
    there were other wrappers.
    """
    inner: Any = env.unwrapped
    wrappers = _wrappers(env)
    if any(snap.get(name) != value for name, value in _kind(env).items()):
        return False
    if names_of(wrappers) != [layer["class"] for layer in snap["wrappers"]]:
        return False
    if snap["num_envs"] != env.num_envs:
        raise UsageError(
            f"the saved environment state does not fit: it is of {snap['num_envs']} environments, not {env.num_envs}"
        )
    if snap["kept_by"] == SINGLES:
        chains = chains_of(inner.envs) if isinstance(inner, SyncVectorEnv) else inner.get_layers()
        if chains != [[layer["class"] for layer in chain] for chain in snap["env"]]:
            return False
    _Reader([*wrappers, inner]).match(wrappers, snap["wrappers"])
    if not isinstance(inner, SyncVectorEnv):
        inner.set_state(snap["env"])
        return True
    set_env_states(inner.envs, snap["env"])
    if "resets" in snap:
        inner._autoreset_envs = snap["resets"].copy()
    return True


def names_of(layers: Sequence[Any]) -> list[str]:
    """The classes of wrappers and what they are around."""
    return [type(layer).__qualname__ for layer in layers]


def chains_of(envs: Sequence[gym.Env]) -> list[list[str]]:
    """The classes that each of `envs` is made of, from the outside in."""
    return [names_of(_chain(env)) for env in envs]


def env_states(envs: Sequence[gym.Env], first: int = 0) -> list[list[dict[str, Tree]]] | None:
    """The state of each of `envs`, layer by layer from the outside in, or None when some of it is not plain data.

    They are environments `first` and on of a vector environment, so that objects of all of them have their own numbers.
    """
    chains = [_chain(env) for env in envs]
    writer = _Writer([layer for chain in chains for layer in chain], first << 32)
    try:
        return [[writer.attributes(layer) for layer in chain] for chain in chains]
    except _NotPlain:
        return None


def set_env_states(envs: Sequence[gym.Env], states: list[list[dict[str, Tree]]], first: int = 0) -> None:
    """Brings `envs`, which are `first` and on of a vector environment, to what `env_states` gave for all of it."""
    chains = [_chain(env) for env in envs]
    reader = _Reader([layer for chain in chains for layer in chain])
    for saved in states[:first]:  # for objects of theirs that later ones share
        reader.skip(saved)
    for chain, saved in zip(chains, states[first : first + len(envs)], strict=True):
        reader.match(chain, saved)


def _kind(env: VectorEnv) -> dict[str, Tree]:
    """What a state depends on: who keeps it, and when episodes begin anew. Loop and workers keep the same."""
    inner, mode = env.unwrapped, env.metadata.get("autoreset_mode")
    own = SINGLES if isinstance(inner, SyncVectorEnv) else type(inner).__qualname__
    return {"kept_by": getattr(inner, "kept_by", own), "autoreset": str(mode)}


def _inner(env: VectorEnv) -> dict[str, Tree]:
    resets = {}
    if isinstance(env, SyncVectorEnv):
        state: Tree = env_states(env.envs)
        if env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP:
            resets = {"resets": env._autoreset_envs.copy()}
    else:
        state = env.get_state() if hasattr(env, "get_state") else None
    if state is None:
        raise _NotPlain
    return {"num_envs": env.num_envs, "env": state, **resets}


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


class _NotPlain(Exception):
    """Some of the state is not plain data."""


def _is_state(name: str, value: Any, layers: list[Any]) -> bool:
    if name in _CONSTANT or isinstance(value, _STATELESS):
        return False
    owner = value.__self__ if isinstance(value, types.MethodType) else value
    return not any(owner is layer for layer in layers)


class _Writer:
    """From values to a tree. What is met twice is written once, so that shared objects stay shared."""

    def __init__(self, layers: list[Any], first: int = 0) -> None:
        """`layers` are walked: an attribute that is one of them is no state. Objects are numbered from `first` on."""
        self.layers = layers
        self.first = first
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
        number = self.met[id(value)] = self.first + len(self.alive)
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
        for layer, entry in zip(layers, saved, strict=True):
            for name in [k for k, v in vars(layer).items() if _is_state(k, v, self.layers)]:
                if name not in entry["state"]:
                    delattr(layer, name)
            if odd := [name for name in entry["state"] if name in _CONSTANT or callable(getattr(layer, name, None))]:
                raise UsageError(f"the saved environment state sets {odd[0]!r}, which is no state")
            vars(layer).update({name: self.value(value) for name, value in entry["state"].items()})

    def skip(self, saved: list[dict[str, Tree]]) -> None:
        """Read what is another process's, for the objects in it."""
        for entry in saved:
            for value in entry["state"].values():
                self.value(value)

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
