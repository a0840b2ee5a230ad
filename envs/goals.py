"""Goals of an environment, for those who learn in hindsight."""

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.vector import SyncVectorEnv, VectorEnv
from numpy.typing import NDArray

from ..core.errors import UsageError
from ..core.replay.hindsight import Goals
from ..core.spaces.layout import Layout, Part
from .judged import Judged

ACHIEVED, DESIRED = "achieved_goal", "desired_goal"


def goals(env: VectorEnv) -> Goals:
    """Where the goals lie in the stored observations of `env`, and what its `compute_reward` makes of them.

    Observations hold an achieved and a desired goal, under the names that Gymnasium-Robotics gives them. The first of
    the copies is asked, as it stands inside its wrappers: it is a function of goals alone.

    Raises:
        UsageError: if the observations hold no goals of one kind, or the environment has no `compute_reward`.
    """
    achieved, desired = (_part(env, name) for name in (ACHIEVED, DESIRED))
    if (achieved.shape, achieved.dtype) != (desired.shape, desired.dtype):
        raise UsageError(f"{ACHIEVED} {achieved.space} and {DESIRED} {desired.space} must be of one shape and type")
    ask = _asked(env.unwrapped)

    def judge(*goals: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
        rows = (
            np.ascontiguousarray(x).view(part.dtype).reshape(len(x), *part.shape).astype(part.space.dtype)
            for x, part in zip(goals, (achieved, desired), strict=True)
        )
        reward, terminated = ask(*rows)
        assert reward is not None  # seen below
        return reward, terminated

    nothing = (np.zeros((1, *part.shape), part.space.dtype) for part in (achieved, desired))
    if ask(*nothing)[0] is None:
        raise UsageError(
            "hindsight asks the environment for compute_reward(achieved_goal, desired_goal, info), which this one has "
            "not; set agent.hindsight to none"
        )
    return Goals(_bytes(achieved), _bytes(desired), judge)


def _part(env: VectorEnv, name: str) -> Part:
    """The one part of the observations that has this name, at whatever depth."""
    parts = [part for part in Layout(env.single_observation_space).parts if part.path[-1:] == (name,)]
    if len(parts) != 1:
        raise UsageError(
            f"hindsight needs observations that are a Dict with one {ACHIEVED} and one {DESIRED}, not "
            f"{env.single_observation_space}; set agent.hindsight to none"
        )
    return parts[0]


def _bytes(part: Part) -> slice:
    return slice(part.start, part.start + part.nbytes)


def _asked(env: VectorEnv) -> Callable[..., tuple[Any, Any]]:
    """The judge of goals: a copy, in a worker where there are workers, or the vector environment itself."""
    judged = getattr(env, "judged", None)  # of workers
    return judged or Judged(env.envs[0] if isinstance(env, SyncVectorEnv) else env)
