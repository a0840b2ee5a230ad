"""Demonstrations: recorded trajectories in a folder, whoever acted.

    demos.json                  environment, spaces, and what each part holds
    part-00000.safetensors      whole episodes, one after the other

A part is written in one step when it is full and only then listed, so a recording that is cut off loses the part under
way and nothing else; adding to a folder appends parts. Reading checks everything and never executes code. Observations
lie as `core.spaces.Layout` stores them, actions as the environment takes them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from .. import checkpoint
from ..errors import UsageError
from ..files import read_json, write_whole
from ..spaces.actions import outside
from ..spaces.as_json import from_json, to_json
from ..spaces.layout import Layout

FORMAT = 2
"""Raised when folders written from then on can no longer be read by older versions."""

_PART_BYTES = 32 << 20  # size of the observations in one part
_INDEX = "demos.json"
_COUNTS = ("episodes", "steps")  # of a part
_UNLIKELY = (
    KeyError,
    TypeError,
    ValueError,
    AssertionError,
    AttributeError,
    OverflowError,
    RecursionError,
    SyntaxError,
)
"""What comes of an index that no recording wrote; NumPy parses the names of types."""


class Trajectory(NamedTuple):
    """One whole episode of L steps."""

    obs: NDArray[Any]
    """(L+1, *obs) stored observations: what each action answered to, and the final one."""
    action: NDArray[Any]
    """(L, *act) as the environment takes them: the expert's, whatever was executed."""
    reward: NDArray[np.float32]
    """(L,)"""
    terminated: bool
    """Whether the environment ended it; if not, a time limit did."""
    about: dict[str, Any]
    """Its "actor", the "seed" of the environment and how many episodes that had "played" since it was seeded."""
    extras: dict[str, NDArray[Any]]
    """(L, ...) whatever else is known of each step, such as the expert's "probability" of every action."""


@dataclass(frozen=True)
class Demos:
    """A folder of demonstrations; its parts are read when they are needed."""

    folder: Path
    env: str
    """Id of the environment."""
    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]
    parts: list[dict[str, Any]] = field(repr=False)
    """File name, number of episodes and of steps of each part."""

    @property
    def episodes(self) -> int:
        """Number of episodes."""
        return sum(part["episodes"] for part in self.parts)

    @property
    def steps(self) -> int:
        """Number of steps in all episodes."""
        return sum(part["steps"] for part in self.parts)

    def __iter__(self) -> Iterator[Trajectory]:
        """Episodes in the order of recording, one part in memory at a time.

        Raises:
            UsageError: if a part is missing, cut short or damaged.
        """
        for part in self.parts:
            yield from self._read(part)

    def _read(self, part: dict[str, Any]) -> Iterator[Trajectory]:
        path = self.folder / part["file"]
        wrong = f"the demonstrations in {self.folder} are not whole: {path.name}"
        if not path.is_file():
            raise UsageError(f"{wrong} is missing. Copy the whole folder, or record anew with gymnast collect.")
        try:
            tree = checkpoint.load(path, oldest=1)  # recordings have not changed since
        except UsageError as problem:
            raise UsageError(f"{wrong} is cut short or damaged. Record anew with gymnast collect.") from problem
        if not self._fits(tree, part):
            raise UsageError(f"{wrong} is not the file that {_INDEX} describes. Record anew with gymnast collect.")
        if found := flaw(
            Layout(self.observation_space), self.action_space, tree["obs"], tree["action"], tree["reward"]
        ):
            raise UsageError(f"{wrong} holds {found}. Record anew with gymnast collect.")
        lengths = np.array([episode["length"] for episode in tree["episodes"]], np.int64)
        steps = np.concatenate([[0], lengths.cumsum()])
        for k, about in enumerate(tree["episodes"]):
            at = slice(steps[k], steps[k + 1])
            about = {key: value for key, value in about.items() if key not in ("length", "terminated")}
            yield Trajectory(
                tree["obs"][steps[k] + k : steps[k + 1] + k + 1],
                tree["action"][at],
                tree["reward"][at],
                tree["episodes"][k]["terminated"],
                about,
                {name: x[at] for name, x in tree["extras"].items()},
            )

    def _fits(self, tree: dict[str, Any], part: dict[str, Any]) -> bool:
        """Whether a part holds what the index says, in arrays of the spaces' shapes."""
        layout, count, steps = Layout(self.observation_space), part["episodes"], part["steps"]
        match tree:
            case {
                "obs": np.ndarray() as obs,
                "action": np.ndarray() as action,
                "reward": np.ndarray() as reward,
                "extras": dict() as extras,
                "episodes": list() as episodes,
            }:
                lengths = [
                    x["length"] for x in episodes if isinstance(x, dict) and {"length", "terminated"} <= x.keys()
                ]
                return (
                    all(type(length) is int and length > 0 for length in lengths)
                    and (len(episodes), len(lengths), sum(lengths)) == (count, count, steps)
                    and (obs.shape, obs.dtype) == ((steps + count, *layout.shape), layout.dtype)
                    and action.shape == (steps, *(self.action_space.shape or ()))
                    and (action.dtype.kind in "biuf", reward.dtype.kind, reward.shape) == (True, "f", (steps,))
                    and all(isinstance(x, np.ndarray) and x.shape[:1] == (steps,) for x in extras.values())
                )
        return False


def load(folder: Path) -> Demos:
    """The demonstrations in a folder.

    Raises:
        UsageError: if there are none, they are damaged, or a newer gymnast wrote them.
    """
    path = folder / _INDEX
    if not path.is_file():
        raise UsageError(f"{folder} holds no demonstrations (no {_INDEX}); gymnast collect records some")
    content = read_json(path)
    try:
        if content["format"] > FORMAT:
            raise UsageError(
                f"{folder} is of format {content['format']}, from a newer gymnast; this one reads {FORMAT}"
            )
        obs, action = from_json(content["observation_space"]), from_json(content["action_space"])
        demos = Demos(folder, str(content["env"]), obs, action, [_part(part) for part in content["parts"]])
        Layout(obs)
    except _UNLIKELY as problem:
        if isinstance(problem, UsageError) and "newer" in str(problem):
            raise
        raise UsageError(f"{path} is damaged: {type(problem).__name__} {problem}") from problem
    if demos.steps == 0:
        raise UsageError(f"{folder} holds no whole episode yet; record some with gymnast collect")
    return demos


def _part(part: dict[str, Any]) -> dict[str, Any]:
    """The index's entry of a part, if it can be true."""
    if Path(part["file"]).name != part["file"] or not all(type(part[k]) is int and part[k] >= 0 for k in _COUNTS):
        raise ValueError(f"{part} is no part")
    return part


class Writer:
    """Appends trajectories to a folder; a context manager that writes the last part on leaving.

    Raises:
        UsageError: if the folder holds demonstrations and `append` is not set, or those of another environment.
    """

    def __init__(
        self,
        folder: Path,
        env: str,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        append: bool = False,
    ) -> None:
        self.folder = folder
        self.parts: list[dict[str, Any]] = []
        self._index = {"format": FORMAT, "env": env, "observation_space": to_json(observation_space)}
        self._index["action_space"] = to_json(action_space)
        self._waiting: list[Trajectory] = []
        self._bytes = 0
        if (folder / _INDEX).exists():
            if not append:
                raise UsageError(
                    f"{folder} already holds demonstrations; add to them with --append, or give another --out"
                )
            there = load(folder)
            check(there, env, observation_space, action_space)
            self.parts = list(there.parts)
        elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"{folder} exists and holds something else; give another --out")

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()

    @property
    def episodes(self) -> int:
        """Number of episodes so far, those before included."""
        written: int = sum(part["episodes"] for part in self.parts)
        return written + len(self._waiting)

    def add(self, trajectory: Trajectory) -> None:
        """Take in one whole episode; it is on the disk once its part is full, or after `flush`."""
        steps = len(trajectory.action)
        assert len(trajectory.obs) == steps + 1 > 1
        assert len(trajectory.reward) == steps
        self._waiting.append(trajectory)
        self._bytes += trajectory.obs.nbytes
        if self._bytes >= _PART_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting as a part."""
        if not self._waiting:
            return
        names = set(self._waiting[0].extras).intersection(*(t.extras for t in self._waiting))
        tree: checkpoint.Tree = {
            "obs": np.concatenate([t.obs for t in self._waiting]),
            "action": np.concatenate([t.action for t in self._waiting]),
            "reward": np.concatenate([t.reward for t in self._waiting]),
            "extras": {name: np.concatenate([t.extras[name] for t in self._waiting]) for name in sorted(names)},
            "episodes": [{"length": len(t.action), "terminated": t.terminated, **t.about} for t in self._waiting],
        }
        name = f"part-{len(self.parts):05}.safetensors"
        checkpoint.save(self.folder / name, tree)
        self.parts.append({"file": name, "episodes": len(self._waiting), "steps": len(tree["action"])})
        self._waiting, self._bytes = [], 0
        write_whole(self.folder / _INDEX, json.dumps({**self._index, "parts": self.parts}, indent=1) + "\n")


def flaw(
    layout: Layout, actions: spaces.Space[Any], obs: NDArray[Any], action: NDArray[Any], reward: NDArray[Any]
) -> str | None:
    """What in observations (N, *obs), actions (B, *act) and rewards (B,) nobody can have recorded, if anything."""
    if found := layout.outside(obs):
        return f"an observation of {found[1]}"
    if action.shape[1:] != actions.shape:
        return f"actions of shape {action.shape[1:]}; {actions} has {actions.shape}"
    wrong = outside(actions, action)
    if wrong.any():
        return f"the action {action[wrong.argmax()]}, which is not in {actions}"
    if not np.isfinite(reward).all():
        return f"the reward {reward[~np.isfinite(reward)][0]}"
    return None


def check(demos: Demos, env: str, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]) -> None:
    """Raise UsageError unless the demonstrations are of an environment with this id and these spaces."""
    if demos.env != env and not _same_id(demos.env, env):
        raise UsageError(f"the demonstrations in {demos.folder} are of {demos.env}, not of {env}")
    pairs = (
        ("observations", demos.observation_space, observation_space),
        ("actions", demos.action_space, action_space),
    )
    for what, recorded, wanted in pairs:
        if to_json(recorded) != to_json(wanted):
            raise UsageError(f"the {what} recorded in {demos.folder} are {recorded}; {env} has {wanted}")


def _same_id(a: str, b: str) -> bool:
    """Whether two names are of one registered environment: one of them may name the module that registers it."""
    bare, full = sorted((a, b), key=lambda name: ":" in name)
    return ":" not in bare and full.endswith(f":{bare}")
