"""From whatever names an environment (id, module:name, class, callable) to a function that makes one."""

import importlib
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeGuard, Union

import gymnasium as gym
from gymnasium import error
from gymnasium.envs.registration import EnvSpec, find_highest_version, get_env_id, parse_env_id

from ..core.errors import UsageError, nearest
from ..core.names import Stored, called, distrusted, imported

if TYPE_CHECKING:  # compiled, and only needed where there is a game
    from ..core.games.game import Game

Source = Union[EnvSpec, Callable[..., gym.Env], "Game"]
MakeEnv = Callable[[], gym.Env]
EnvLike = Union[str, type[gym.Env], Callable[..., gym.Env], "Game"]


def resolve(env: EnvLike) -> Source:
    """What `env` names: a registered environment's spec, or the class or function that makes one."""
    if not isinstance(env, str):
        if not callable(env) and not is_game(env):
            raise UsageError(f"an environment is an id, a class or a callable that makes one, not {_made(env)}")
        return env
    if env.startswith("<"):
        raise UsageError(f"{env} was an object of the program that trained there, which no name leads to. {_AGAIN}")
    if ":" not in env:
        return _registered(env, env)
    module_name, name = env.split(":", 1)
    module = imported(env)
    if name in gym.registry:
        return _registered(name, env)
    if is_game(found := getattr(module, name, None)):
        return found
    if callable(found):
        return called(found, env, "environment", gym.Env)
    with suppress(error.Error):
        namespace, stem, _ = parse_env_id(name)
        if find_highest_version(namespace, stem) is not None:
            return _registered(name, env)  # the newest version, or the error that names it
    near = nearest(name, [*(key for key, value in vars(module).items() if callable(value)), *gym.registry])
    again = f" {_AGAIN}" if module_name == "__main__" else ""
    raise UsageError(
        f"{env!r}: module {module_name!r} has no class or function {name!r}, nor registers that id.{near}{again}"
    )


_AGAIN = "Give what makes the environment: gymnast.load(path, env=...)"


def _made(env: Any) -> str:
    """What was given instead of an environment's name or maker, and what to give."""
    if not isinstance(env, gym.Env):
        return repr(env)
    instead = (
        repr(env.spec.id)
        if env.spec
        else f"{type(env.unwrapped).__name__}, or lambda: {type(env.unwrapped).__name__}(...)"
    )
    return f"one that is made already, of which there can be no copies: give {instead}"


def is_spec(source: Any) -> TypeGuard[EnvSpec]:
    """Whether `source` is a registered environment."""
    return isinstance(source, EnvSpec)


def is_game(source: Any) -> TypeGuard["Game"]:
    """Whether `source` is a game for two: there is none before its module was imported."""
    module = sys.modules.get(f"{__package__.rpartition('.')[0]}.core.games.game")
    return module is not None and isinstance(source, module.Game)


def maker(source: Source, render_mode: str | None, kwargs: dict[str, Any]) -> MakeEnv:
    """A function that makes one environment, and says in one line why when it cannot."""
    if render_mode is not None:
        kwargs = {**kwargs, "render_mode": render_mode}
    return EnvMaker(source, kwargs)


class EnvMaker:
    """Makes one environment; a class and not a closure, so that it can be sent to another process."""

    def __init__(self, source: Source, kwargs: dict[str, Any]) -> None:
        self.source = source
        self.kwargs = kwargs

    def __call__(self) -> gym.Env:
        if is_game(self.source):
            raise UsageError(f"{name_of(self.source)} is a game for two, which backend 'game' plays")
        with explained(self.source):
            env = self._drawn() if "render_mode" in self.kwargs else self._made(self.kwargs)
        if not isinstance(env, gym.Env):
            raise UsageError(f"{name_of(self.source)} made a {type(env).__name__}, which is not a gymnasium.Env")
        return env

    def _made(self, kwargs: dict[str, Any]) -> Any:
        if isinstance(self.source, EnvSpec):
            return gym.make(self.source, disable_env_checker=True, **kwargs)
        make: Any = self.source
        return make(**kwargs)

    def _drawn(self) -> Any:
        """One that draws: many draw without being told how; of others this says what modes they have."""
        try:
            return self._made(self.kwargs)
        except Exception as problem:
            mode = self.kwargs["render_mode"]
            env = self._made({name: value for name, value in self.kwargs.items() if name != "render_mode"})
            if "unexpected keyword argument 'render_mode'" in str(problem):
                return env
            modes = env.metadata.get("render_modes") or []
            close(env)
            if mode in modes:
                raise
            listed = ", ".join(map(str, modes)) or "none"
            raise UsageError(f"{name_of(self.source)} draws no {mode!r}; its render modes: {listed}") from problem


def close(env: gym.Env) -> None:
    """Close `env`, which does not end the command: many call sys.exit there, for they were scripts that it ends."""
    with suppress(SystemExit):
        env.close()


@contextmanager
def explained(source: Source) -> Iterator[None]:
    """Says in one line why an environment could not be made."""
    try:
        # Old ids and SWIG warn on every construction, which the user can do nothing about.
        with warnings.catch_warnings(), _quiet_mujoco(source):
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    except UsageError:
        raise
    except SystemExit as left:
        raise UsageError(f"{name_of(source)}: its constructor called sys.exit({left.code!r})") from left
    except Exception as problem:
        raise UsageError(f"{name_of(source)}: {_reason(problem, source)}") from problem


@contextmanager
def _quiet_mujoco(source: Source) -> Iterator[None]:
    """Gymnasium's own models make MuJoCo warn, on the terminal and in a file MUJOCO_LOG.TXT where the user stands."""
    if not (isinstance(source, EnvSpec) and str(source.entry_point).startswith("gymnasium.envs.mujoco.")):
        yield
        return
    import mujoco

    mujoco.set_mju_user_warning(lambda message: None)
    try:
        yield
    finally:
        mujoco.set_mju_user_warning(None)


def name_of(source: Source) -> str:
    """How messages and displays call an environment."""
    if is_game(source):
        return source.name
    return source.id if isinstance(source, EnvSpec) else getattr(source, "__qualname__", repr(source))


def _registered(env_id: str, reference: str) -> EnvSpec:
    if isinstance(reference, Stored) and env_id.startswith("GymV2"):  # Shimmy's, which import what they are told to
        raise UsageError(distrusted(reference, "make the environment that its arguments name"))
    return _spec(env_id)


def _spec(env_id: str) -> EnvSpec:
    if env_id not in gym.registry:
        importlib.import_module("ale_py")  # registers the Atari ids
    if env_id in gym.registry:
        return gym.spec(env_id)
    try:
        namespace, name, version = parse_env_id(env_id)
    except error.Error:
        raise UsageError(f"{env_id!r} is not an environment id of the form Name-v0 or namespace/Name-v0") from None
    highest = find_highest_version(namespace, name)
    if highest is None:
        raise UsageError(f"unknown environment {env_id!r}.{nearest(env_id, gym.registry)}")
    newest = get_env_id(namespace, name, highest)
    if version is None:
        return gym.spec(newest)
    fate = "is retired" if version < highest else "does not exist"
    raise UsageError(f"{env_id!r} {fate}; the newest version is {newest!r}")


def _reason(problem: Exception, source: Source) -> str:
    spec = source if isinstance(source, EnvSpec) else None
    if isinstance(problem, error.DependencyNotInstalled | ImportError):
        if spec and "box2d" in str(spec.entry_point):
            return 'Box2D is not installed; run: pip install "gymnast[box2d]"'
        return f"{_line(problem)}{_newest(spec)}"
    if unknown := re.search(r"unexpected keyword argument '(\w+)'", str(problem)):
        return f"unknown argument {unknown[1]!r} for this environment"
    return f"its constructor raised {_named(problem)}{_newest(spec)}"


def _newest(spec: EnvSpec | None) -> str:
    highest = find_highest_version(spec.namespace, spec.name) if spec else None
    if spec is None or highest is None or highest == spec.version:
        return ""
    return f" (the newest version is {get_env_id(spec.namespace, spec.name, highest)!r})"


def _named(problem: BaseException) -> str:
    return f"{type(problem).__name__}: {_line(problem)}"


def _line(problem: BaseException) -> str:
    text = str(problem).strip()
    return text.splitlines()[0] if text else type(problem).__name__
