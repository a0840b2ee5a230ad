"""The contract of goals: what an environment says of them when it is asked, held against what its steps give.

Whoever learns in hindsight asks for the rewards of other goals, and where episodes end for them. A wrong answer raises
nothing; it teaches something else.
"""

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ...envs.goals import ACHIEVED, DESIRED
from ...envs.judged import Judged

_METHODS = ("compute_reward", "compute_terminated")


def has_goals(obs: gym.Space) -> bool:
    """Whether observations hold an achieved and a desired goal."""
    return isinstance(obs, spaces.Dict) and {ACHIEVED, DESIRED} <= obs.spaces.keys()


def agreement(env: Any, steps: int) -> tuple[bool, str]:
    """Whether hindsight works in one copy, and what was found in so many steps of random play.

    Raises:
        AssertionError: if the environment contradicts itself.
    """
    asked = [env.get_wrapper_attr(name) if env.has_wrapper_attr(name) else None for name in _METHODS]
    if asked[0] is None:
        return False, "there are goals and no compute_reward: hindsight cannot learn from others"
    achieved, desired, *given = (np.array(column) for column in zip(*_played(env, steps), strict=True))
    alone = [_alone(*named, achieved, desired) for named in zip(_METHODS, asked, strict=True)]
    together = Judged(env)(achieved, desired)
    for name, seen, one, rows in zip(_METHODS, given, alone, together, strict=True):
        if one is not None and rows is not None:
            _same(seen, one, f"a step gives {{}}, and {name} {{}} for the same goals{_ENDS.get(name, '')}")
            _same(one, rows, f"{name} gives {{}} for one pair of goals, and {{}} for it among others")
    ends = "" if asked[1] is None else ", compute_terminated their ends"
    return True, f"compute_reward gives the rewards of {steps} steps, one by one and together{ends}"


_ENDS = {"compute_terminated": ": an episode that ends for another reason goes on in hindsight"}


def _played(env: Any, steps: int) -> Iterator[tuple[Any, Any, float, bool]]:
    """Goals after steps in random play, achieved and desired, with rewards and terminations."""
    env.action_space.seed(7)
    over, seed = True, 7
    for _ in range(steps):
        if over:
            env.reset(seed=seed)
            seed += 1
        obs, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        yield np.array(obs[ACHIEVED]), np.array(obs[DESIRED]), float(reward), bool(terminated)
        over = terminated or truncated


def _alone(name: str, method: Any, achieved: NDArray[Any], desired: NDArray[Any]) -> NDArray[np.float64] | None:
    """A method's answers for each pair of goals (B, ...), asked one by one; None if there is no such method."""
    if method is None:
        return None
    answers = [method(a, d, {}) for a, d in zip(achieved, desired, strict=True)]
    for answer in answers:
        assert np.size(answer) == 1, f"{name} of one pair of goals gives {answer!r:.40}; it must be one number"
    return np.array([np.asarray(answer).item() for answer in answers], np.float64)


def _same(one: NDArray[Any], other: NDArray[Any], said: str) -> None:
    """Raise with what is `said` of the first two numbers that differ, beyond the rounding of float32."""
    pair = one.astype(np.float64), other.astype(np.float64)
    differ = np.flatnonzero(~np.isclose(*pair, rtol=1e-5, atol=1e-6))
    if len(differ):
        raise AssertionError(said.format(*(f"{x[differ[0]]:g}" for x in pair)))
