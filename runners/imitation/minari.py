"""Demonstrations to and from Minari, Farama's format of recorded trajectories."""

import contextlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import UsageError
from ...core.rollout.demos import Demos, Trajectory, Writer
from ...core.spaces.given import given
from ...core.spaces.layout import Layout

_NOT_ONE = "is not the id of a Minari dataset: (namespace/)name-v0"


def write(demos: Demos, name: str) -> None:
    """Keep demonstrations as the Minari dataset `name`, where Minari keeps its own.

    Raises:
        UsageError: if Minari is not installed or does not take the name.
    """
    import gymnasium as gym

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
    env = demos.env if demos.env in gym.registry else None
    with _explained(name):
        minari.create_dataset_from_buffers(
            name, buffers, env=env, algorithm_name=", ".join(actors), jpeg_encoding=False, **spaces_here
        )


def read(name: str, folder: Path) -> None:
    """Write the Minari dataset `name`, which must be on this machine, as demonstrations in `folder`.

    Raises:
        UsageError: if there is none, or its spaces cannot be recorded.
    """
    minari = _minari()
    with _explained(name):
        dataset: Any = minari.load_dataset(name)
    layout = Layout(dataset.observation_space)
    env = dataset.env_spec.id if dataset.env_spec else "unknown"
    actor = dataset.storage.metadata.get("algorithm_name") or f"minari:{name}"
    with Writer(folder, env, dataset.observation_space, dataset.action_space) as writer:
        for episode in dataset.iterate_episodes():
            obs, _ = layout.batch(episode.observations)
            about = {"actor": actor, "minari": name, "episode": int(episode.id)}
            reward = np.asarray(episode.rewards, np.float32)
            writer.add(Trajectory(obs, np.asarray(episode.actions), reward, bool(episode.terminations[-1]), about, {}))


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
    except ValueError as problem:
        reason = str(problem).splitlines()[0]
        raise UsageError(
            f"{name!r} {_NOT_ONE}" if "dataset_id" in reason or "ill-formed" in reason else reason
        ) from problem
