"""Environments whose N copies one jitted call advances: Gymnasium's classics, bit for bit, and a few of our own.

Importing this package registers our own ids with Gymnasium and loads nothing heavy.

"Bit for bit" rests on NumPy, Python and Numba all taking float64 sines and powers from the same C library, as they do
on Linux; `tests/envs/native` tells whether it holds on a machine.
"""

import importlib
import inspect
from collections.abc import Callable
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import gymnasium
from gymnasium.vector import AutoresetMode

from ...core.errors import UsageError, nearest

if TYPE_CHECKING:
    from .kernel import Kernel
    from .vector import NativeVectorEnv

__all__ = ["NAMES", "OURS", "load", "make"]

NAMES = {
    "CartPole-v0": "cartpole:kernel",
    "CartPole-v1": "cartpole:kernel",
    "MountainCar-v0": "mountain_car:kernel",
    "MountainCarContinuous-v0": "mountain_car_continuous:kernel",
    "Acrobot-v1": "acrobot:kernel",
    "Pendulum-v1": "pendulum:kernel",
    "FrozenLake-v1": "tabular:frozen_lake",
    "FrozenLake8x8-v1": "tabular:frozen_lake",
    "CliffWalking-v1": "tabular:cliff_walking",
    "CliffWalkingSlippery-v1": "tabular:cliff_walking",
    "Taxi-v4": "taxi:kernel",
    "gymnast/GridWorld-v0": "gridworld:kernel",
    "gymnast/Bandit-v0": "bandit:kernel",
    "gymnast/Knapsack-v0": "knapsack:kernel",
    "gymnast/Fork-v0": "fork:kernel",
    "gymnast/Tightrope-v0": "tightrope:kernel",
    "gymnast/Pong-v0": "pong:kernel",
    "gymnast/MaskedCartPole-v0": "cartpole:masked",
    "gymnast/MaskedPendulum-v0": "pendulum:masked",
    "gymnast/BitFlip-v0": "bit_flip:kernel",
    "gymnast/GridGoals-v0": "grid_goals:kernel",
    "gymnast/PointMaze-v0": "point_maze:kernel",
    "gymnast/TMaze-v0": "t_maze:kernel",
    "gymnast/RepeatFirst-v0": "repeat:first",
    "gymnast/RepeatPrevious-v0": "repeat:previous",
}
"""Which module and function makes the kernel of an id. Default arguments and time limits are those registered."""

OURS = {
    "gymnast/GridWorld-v0": 100,
    "gymnast/Bandit-v0": None,
    "gymnast/Knapsack-v0": 100,
    "gymnast/Fork-v0": None,
    "gymnast/Tightrope-v0": None,
    "gymnast/Pong-v0": 2000,
    "gymnast/MaskedCartPole-v0": 500,
    "gymnast/MaskedPendulum-v0": 200,
    "gymnast/BitFlip-v0": None,
    "gymnast/GridGoals-v0": None,
    "gymnast/PointMaze-v0": None,
    "gymnast/TMaze-v0": None,
    "gymnast/RepeatFirst-v0": None,
    "gymnast/RepeatPrevious-v0": None,
}
"""The ids of our own and their time limits; with None, what the kernel says holds."""

GOALS = ("gymnast/BitFlip-v0", "gymnast/GridGoals-v0", "gymnast/PointMaze-v0")
"""Those with goals."""


def make(
    id: str,
    num_envs: int = 1,
    autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    render_mode: str | None = None,
    max_episode_steps: int | None = None,
    copy: bool = True,
    **kwargs: Any,
) -> "NativeVectorEnv":
    """`num_envs` copies of the environment `id`; `kwargs` are those of `gymnasium.make`.

    Without `max_episode_steps` the registered time limit holds; -1 means none. Without `copy` what `step` returns
    holds until the next step.
    """
    from .goals import GoalVectorEnv
    from .vector import NativeVectorEnv

    if num_envs < 1 or max_episode_steps == 0 or (max_episode_steps or 0) < -1:
        raise UsageError(f"{id}: cannot make {num_envs} copies with a time limit of {max_episode_steps} steps")
    kernel = load(id, **kwargs)
    spec = deepcopy(gymnasium.spec(id))
    spec.kwargs.update(kwargs)
    limit = kernel.limit if max_episode_steps is None else max_episode_steps
    if limit is not None:
        spec.max_episode_steps = None if limit == -1 else limit
    made = NativeVectorEnv if kernel.goal is None else GoalVectorEnv
    env = made(kernel, num_envs, autoreset_mode, spec.max_episode_steps, render_mode, copy)
    env.spec = spec
    return env


def takes(id: str, kwargs: dict[str, Any]) -> bool:
    """Whether the native environment `id` knows all of these keyword arguments; Gymnasium's own may know more."""
    return kwargs.keys() <= {"max_episode_steps", *inspect.signature(_build(id)).parameters}


def load(id: str, **kwargs: Any) -> "Kernel":
    """The kernel of one id, with the keyword arguments that `gymnasium.make` takes."""
    if id not in NAMES:
        raise UsageError(f"no native environment {id!r}.{nearest(id, NAMES)} Known: {', '.join(NAMES)}")
    build = _build(id)
    known = inspect.signature(build).parameters
    for name in kwargs.keys() - known.keys():
        raise UsageError(f"{id}: unknown argument {name!r}.{nearest(name, known)} Known: {', '.join(known) or 'none'}")
    registered = {name: value for name, value in gymnasium.spec(id).kwargs.items() if name in known}
    return build(**{**registered, **kwargs})


def _build(id: str) -> Callable[..., "Kernel"]:
    module, function = NAMES[id].split(":")
    return getattr(importlib.import_module(f".{module}", __name__), function)


for _id, _limit in OURS.items():
    if _id not in gymnasium.registry:
        gymnasium.register(
            id=_id,
            entry_point=f"{__name__}.single:{'GoalEnv' if _id in GOALS else 'NativeEnv'}",
            vector_entry_point=f"{__name__}.single:native_vector_env",
            max_episode_steps=_limit,
            kwargs={"env_id": _id},
        )
