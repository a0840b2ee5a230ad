"""Demonstrations to and from Minari, Farama's format of recorded trajectories."""

import contextlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from numpy.typing import NDArray

from ...core.errors import UsageError
from ...core.names import Stored
from ...core.rollout.demos import Demos, Trajectory, Writer, flaw
from ...core.spaces.given import given
from ...core.spaces.layout import Layout
from ...envs.factory import is_spec, resolve
from ...envs.wrapped import without_texts

_NOT_ONE = "is not the id of a Minari dataset: (namespace/)name-v0"


def write(demos: Demos, name: str) -> None:
    """Keep demonstrations as the Minari dataset `name`, where Minari keeps its own.

    Raises:
        UsageError: if Minari is not installed or does not take the name.
    """
    minari = _minari()
    layout = Layout(demos.observation_space)
    actors = sorted({str(trajectory.about.get("actor", "unknown")) for trajectory in demos})
    buffers = [
        minari.data_collector.EpisodeBuffer(
            id=k,
            seed=trajectory.about.get("seed"),
            observations=given(layout, trajectory.obs),
            actions=trajectory.action,
            rewards=trajectory.reward,
            terminations=_last(len(trajectory.action), trajectory.terminated),
            truncations=_last(len(trajectory.action), not trajectory.terminated),
            infos={},
        )
        for k, trajectory in enumerate(demos)
    ]
    spaces_here = {"observation_space": demos.observation_space, "action_space": demos.action_space}
    with _explained(name):
        minari.create_dataset_from_buffers(
            name,
            buffers,
            env=_registration(demos),
            algorithm_name=", ".join(actors),
            jpeg_encoding=False,
            **spaces_here,
        )


def read(name: str, folder: Path, env: str | None = None) -> None:
    """Write the Minari dataset `name`, which must be on this machine, as demonstrations of `env` in `folder`.

    Without `env`, of the environment that the dataset names. Texts in Dict observations are left out.

    Raises:
        UsageError: if there is none, it is of no known environment, or what it holds cannot be recorded.
    """
    minari = _minari()
    if env is not None:
        resolve(env)  # says what is wrong with the name
    with _explained(name):
        dataset: Any = minari.load_dataset(name)
    if env is None and dataset.env_spec is None:
        raise UsageError(f"{name} does not say what environment it is of; give --env ENV")
    if not isinstance(dataset.action_space, _ACTIONS):
        raise UsageError(f"the actions in {name} are {dataset.action_space}, which nothing here learns")
    readable = without_texts(dataset.observation_space)
    space = readable if readable.left_out else dataset.observation_space
    layout, actor = Layout(space), dataset.storage.metadata.get("algorithm_name") or f"minari:{name}"

    def episodes() -> Iterator[Trajectory]:
        with _explained(name):
            for episode in dataset.iterate_episodes():
                about = {"actor": actor, "minari": name, "episode": int(episode.id)}
                yield _trajectory(episode, layout, dataset.action_space, about)

    for _ in episodes():
        pass  # all are good before the first one is written
    with Writer(folder, env or dataset.env_spec.id, space, dataset.action_space) as writer:
        for trajectory in episodes():
            writer.add(trajectory)


_ACTIONS = spaces.Box | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary


def _trajectory(episode: Any, layout: Layout, actions: spaces.Space, about: dict[str, Any]) -> Trajectory:
    """An episode, whose arrays may be anything.

    Raises:
        UsageError: for one that no environment with these spaces gives.
    """
    which = f"episode {about['episode']} of {about['minari']}"
    action, steps = np.asarray(episode.actions), len(episode.rewards)
    try:
        obs, _ = layout.batch(episode.observations)
    except (UsageError, LookupError, TypeError, ValueError) as problem:
        raise UsageError(f"{which}: {str(problem).splitlines()[0]}") from problem
    if steps == 0 or (len(obs), len(action)) != (steps + 1, steps):
        counts = f"{len(obs)} observations, {len(action)} actions and {steps} rewards"
        raise UsageError(f"{which} holds {counts}; an episode of L steps has L + 1, L and L")
    with np.errstate(over="ignore"):  # infinite then, which is a flaw
        reward = np.asarray(episode.rewards).astype(np.float32)
    if found := flaw(layout, actions, obs, action, reward):
        raise UsageError(f"{which} holds {found}")
    return Trajectory(obs, action.astype(actions.dtype), reward, bool(episode.terminations[-1]), about, {})


def _registration(demos: Demos) -> EnvSpec | None:
    """The registered environment that was recorded, if it is one and may be made for a file that names it."""
    with suppress(UsageError):
        source = resolve(Stored(demos.env, demos.folder / "demos.json"))
        return source if is_spec(source) else None
    return None


def _last(steps: int, ends: bool) -> NDArray[np.bool_]:
    """(L,) false but for the last, which is `ends`."""
    flags = np.zeros(steps, np.bool_)
    flags[-1] = ends
    return flags


def _minari() -> Any:
    try:
        import minari
        import minari.data_collector
    except ImportError as problem:
        raise UsageError('Minari is not installed; run: pip install "gymnast[minari]"') from problem
    return minari


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Minari's complaints in one line, and none of its chatter."""
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    except FileNotFoundError as problem:
        raise UsageError(f"there is no Minari dataset {name!r} on this machine (minari list local)") from problem
    except UsageError:
        raise
    except ValueError as problem:
        reason = str(problem).splitlines()[0]
        raise UsageError(
            f"{name!r} {_NOT_ONE}" if "dataset_id" in reason or "ill-formed" in reason else reason
        ) from problem
    except Exception as problem:  # of HDF5, of registrations that were changed since
        reason = " ".join(str(problem).split())
        raise UsageError(f"Minari fails on {name!r}: {type(problem).__name__}: {reason}") from problem
