"""Environments: `make` turns an id, a class or a callable into a Gymnasium VectorEnv on the fastest backend for it."""

import os
from collections.abc import Sequence
from typing import Any, TypeGuard

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from ..core.errors import UsageError, nearest
from . import games, native, text
from .factory import EnvLike, MakeEnv, Source, close, explained, is_game, maker, name_of, resolve
from .wrapped import Wrapped
from .wrapped import left_out as left_out
from .wrappers import History, with_mask_observed


def __getattr__(name: str) -> Any:
    if name == "from_pettingzoo":  # compiled code comes with it, which other environments do not need
        from .games.pettingzoo import from_pettingzoo

        return from_pettingzoo
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


BACKENDS = ("auto", "native", "game", "text", "mujoco", "atari", "workers", "loop")


def make(
    env: EnvLike | VectorEnv,
    num_envs: int = 1,
    *,
    backend: str = "auto",
    render_mode: str | None = None,
    history: int = 1,
    wrappers: Sequence[EnvLike] = (),
    worker_timeout: float = 60.0,
    **kwargs: Any,
) -> VectorEnv:
    """`num_envs` copies of an environment as one VectorEnv that resets in the step that ends an episode.

    `env` is a registered id ("CartPole-v1"), "package.module:ENV-ID", "package.module:Class", an Env class, a callable
    that makes an Env, or a VectorEnv, which is returned as it is unless its infos hold an action mask. `kwargs` go to
    the constructor. Whatever the backend, environment i is seeded with seed + i, so one seed gives one set of
    trajectories.
    What `step` returns holds until the next step: the rollout engine copies it at once, so the environments need not.

    A game for two (an id of `games.NAMES`, or a `core.game.Game`) is a VectorEnv seen from the player to move.

    Backends: "native" (compiled, see `native.NAMES`), "game", "text" (see `text.NAMES`), "mujoco" and "atari"
    (threads), "workers" (processes) and "loop" (Gymnasium's own, in this process). "auto" takes the first that fits;
    between the last two a measurement decides. Observations may be views of memory that the next step overwrites. With
    `history` the last so many are one.
    `wrappers` ("module:Wrapper", or classes) are put around each environment, the first innermost, which workers or the
    loop then step. Texts in Dict observations are left out. Of infos they pass on action masks, final observations and
    the success of episodes alone. A worker that is silent for `worker_timeout` seconds counts as hung.
    """
    if history < 1:
        raise UsageError(f"history must be at least 1 observation, not {history}")
    made = _made(env, num_envs, backend, render_mode, tuple(wrappers), worker_timeout, kwargs)
    return made if history == 1 else History(made, history)


def _made(
    env: EnvLike | VectorEnv,
    num_envs: int,
    backend: str,
    render_mode: str | None,
    wrappers: Sequence[EnvLike],
    worker_timeout: float,
    kwargs: dict[str, Any],
) -> VectorEnv:
    if backend not in BACKENDS:
        raise UsageError(f"unknown backend {backend!r}; known: {', '.join(BACKENDS)}.{nearest(backend, BACKENDS)}")
    if num_envs < 1:
        raise UsageError(f"num_envs must be at least 1, not {num_envs}")
    if isinstance(env, VectorEnv):
        return _ready(env, num_envs, backend, render_mode, kwargs | ({"wrappers": wrappers} if wrappers else {}))
    source = resolve(env)
    make_env = Wrapped(maker(source, render_mode, kwargs), wrappers)
    if wrappers and backend in ("native", "game", "text", "mujoco", "atari"):
        raise UsageError(f"backend {backend!r} takes no wrappers; use auto, workers or loop")
    if backend == "auto" and wrappers:
        backend = _plain(make_env, num_envs, render_mode)
    if backend == "auto":
        backend = _fastest(source, make_env, num_envs, render_mode, kwargs)
    match backend:
        case "native":
            return with_mask_observed(_native(source, num_envs, render_mode, kwargs))
        case "game":
            return _game(source, num_envs, render_mode, kwargs)
        case "text":
            return _text(source, num_envs, render_mode, kwargs)
        case "mujoco":
            return _mujoco(source, num_envs, render_mode, kwargs)
        case "atari":
            return _atari(source, num_envs, render_mode, kwargs)
        case "workers":
            return with_mask_observed(_workers(make_env, num_envs, worker_timeout))
    return with_mask_observed(_loop(make_env, num_envs, name_of(source)))


def to_learn(env: EnvLike | VectorEnv) -> tuple[str, ...]:
    """Names of arguments that an environment has for those who learn in it, and that evaluation leaves out."""
    return text.TO_LEARN if isinstance(env, str) and text.is_text(resolve(env)) else ()


def described(description: str) -> str:
    """The backend that `describe` described; "auto" for a vector environment of somebody's own."""
    name = description.partition(" ")[0]
    return name if name in BACKENDS else "auto"


def describe(env: VectorEnv) -> str:
    """The backend's name for displays: "native", "loop", ..."""
    inner = env.unwrapped
    if isinstance(inner, SyncVectorEnv):
        return "loop"
    if type(inner).__module__.startswith(f"{__name__}.native"):
        return "native"
    return getattr(inner, "backend", type(inner).__name__)


def _ready(env: VectorEnv, num_envs: int, backend: str, render_mode: str | None, kwargs: dict[str, Any]) -> VectorEnv:
    if num_envs not in (1, env.num_envs):
        raise UsageError(f"num_envs is {num_envs}, but the vector environment given has {env.num_envs}")
    if backend != "auto" or render_mode is not None or kwargs:
        raise UsageError("a ready vector environment takes no backend, render_mode or arguments; give a callable")
    return with_mask_observed(env)


def _fastest(source: Source, make_env: MakeEnv, num_envs: int, render_mode: str | None, kwargs: dict[str, Any]) -> str:
    """The quickest backend; for what is to be rendered, the quickest that renders it as Gymnasium does."""
    if _is_native(source) and (source.id in native.OURS or (not render_mode and native.takes(source.id, kwargs))):
        return "native"
    if _is_game(source):
        return "game"
    if text.is_text(source):
        return "text"
    if _is_atari(source):
        return "atari"
    if _is_mujoco(source) and not kwargs and not render_mode and os.name == "posix":  # Windows lacks its threads
        return "mujoco"
    return _plain(make_env, num_envs, render_mode)


def _plain(make_env: MakeEnv, num_envs: int, render_mode: str | None) -> str:
    """The quicker one of the two backends that take any environment."""
    if render_mode or num_envs == 1 or os.name != "posix":  # worker processes need what Windows lacks
        return "loop"
    from .probe import pays

    return "workers" if pays(make_env, num_envs) else "loop"


def _is_native(source: Source) -> TypeGuard[EnvSpec]:
    return isinstance(source, EnvSpec) and source.id in native.NAMES


def _native(source: Source, num_envs: int, render_mode: str | None, kwargs: dict[str, Any]) -> VectorEnv:
    if not _is_native(source):
        raise UsageError(f"backend 'native' makes {', '.join(native.NAMES)}, not {name_of(source)}")
    return native.make(source.id, num_envs, AutoresetMode.SAME_STEP, render_mode, copy=False, **kwargs)


def _is_game(source: Source) -> bool:
    return is_game(source) or (isinstance(source, EnvSpec) and source.id in games.NAMES)


def _game(source: Source, num_envs: int, render_mode: str | None, kwargs: dict[str, Any]) -> VectorEnv:
    from .games.vector import GameVectorEnv

    if is_game(source) and not kwargs:
        return GameVectorEnv(source, num_envs, render_mode)
    if isinstance(source, EnvSpec) and source.id in games.NAMES:
        return GameVectorEnv(games.load(source.id, **kwargs), num_envs, render_mode)
    what = "a ready game, which takes no arguments" if is_game(source) else name_of(source)
    raise UsageError(f"backend 'game' makes {', '.join(games.NAMES)} and games of one's own, not {what}")


def _text(source: Source, num_envs: int, render_mode: str | None, kwargs: dict[str, Any]) -> VectorEnv:
    if not (isinstance(source, EnvSpec) and text.is_text(source)):
        raise UsageError(f"backend 'text' makes {', '.join(text.NAMES)} and tasks of one's own, not {name_of(source)}")
    with explained(source):
        return text.make(source.id, num_envs, render_mode=render_mode, **kwargs)


def _is_atari(source: Source) -> TypeGuard[EnvSpec]:
    return isinstance(source, EnvSpec) and source.namespace == "ALE" and source.version == 5


def _atari(source: Source, num_envs: int, render_mode: str | None, kwargs: dict[str, Any]) -> VectorEnv:
    if not _is_atari(source):
        raise UsageError(f"backend 'atari' makes ALE/...-v5, not {name_of(source)}")
    with explained(source):
        from .atari import AtariGames

        return AtariGames(source.id, num_envs, render_mode=render_mode, **kwargs)


def _is_mujoco(source: Source) -> TypeGuard[EnvSpec]:
    if not (isinstance(source, EnvSpec) and str(source.entry_point).startswith("gymnasium.envs.mujoco.")):
        return False
    return source.id in _mujoco_tasks()


def _mujoco_tasks() -> tuple[str, ...]:
    """The tasks that run on threads; none where the package they need is missing."""
    try:
        from .mujoco import TASKS
    except ImportError:
        return ()
    return tuple(TASKS)


def _mujoco(source: Source, num_envs: int, render_mode: str | None, kwargs: dict[str, Any]) -> VectorEnv:
    if not _is_mujoco(source):
        tasks = ", ".join(_mujoco_tasks()) or "nothing without the package mujoco"
        raise UsageError(f"backend 'mujoco' makes {tasks}, not {name_of(source)}")
    if render_mode or kwargs:
        raise UsageError("backend 'mujoco' takes no arguments and renders nothing; use backend 'loop'")
    with explained(source):
        from .mujoco import MujocoVectorEnv

        return MujocoVectorEnv(source.id, num_envs)


def _workers(make_env: MakeEnv, num_envs: int, timeout: float) -> VectorEnv:
    if os.name != "posix":
        raise UsageError("backend 'workers' needs what only Linux and macOS have; use loop")
    from .workers import WorkerVectorEnv

    return WorkerVectorEnv(make_env, num_envs, timeout=timeout)


def _loop(make_env: MakeEnv, num_envs: int, name: str) -> VectorEnv:
    from .loop import Loop

    made: list[gym.Env] = []

    def kept() -> gym.Env:
        made.append(make_env())
        return made[-1]

    try:
        return Loop([kept] * num_envs, copy=False, autoreset_mode=AutoresetMode.SAME_STEP)
    except BaseException as problem:
        for env in made:  # which nobody else knows of, though there may be only so many
            close(env)
        if isinstance(problem, RuntimeError):
            raise UsageError(f"{name}: its copies differ in their spaces: {problem}") from problem
        raise
