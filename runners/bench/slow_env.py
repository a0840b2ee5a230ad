"""An environment that is slow in Python; in a module of its own because worker processes import it."""

from time import perf_counter
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray


class Slow(gym.Env[NDArray, Any]):
    """Every step counts to `count`; episodes last 200 steps."""

    observation_space = spaces.Box(-1.0, 1.0, (4,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, count: int) -> None:
        self.count, self.elapsed = count, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[NDArray, dict]:
        super().reset(seed=seed)
        self.elapsed = 0
        return np.zeros(4, np.float32), {}

    def step(self, action: Any) -> tuple[NDArray, float, bool, bool, dict[str, Any]]:
        count_to(self.count)
        self.elapsed += 1
        return np.zeros(4, np.float32), 1.0, False, self.elapsed == 200, {}


def count_to(count: int) -> None:
    """Pure Python: the same work on whatever core it runs."""
    i = 0
    while i < count:
        i += 1


def count_in(seconds: float) -> int:
    """How far an idle core counts in `seconds`."""
    trial = 20_000

    def passed() -> float:
        began = perf_counter()
        count_to(trial)
        return perf_counter() - began

    return round(trial * seconds / min(passed() for _ in range(20)))
