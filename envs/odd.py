"""What environments give that no batch takes: said once it has failed, for to look at every step would take long."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from ..core.errors import TrainingError, UsageError
from ..core.spaces.layout import Layout


def refuse_odd(space: spaces.Space, observations: Sequence[Any], rewards: Sequence[Any], first: int = 0) -> None:
    """Raise TrainingError for the first reward that is not one number, or observation of another shape than `space`'s.

    Environments are counted from `first`.
    """
    for i, reward in enumerate(rewards, first):
        if isinstance(reward, dict | list | tuple | str | None) or np.ndim(reward):
            raise TrainingError(f"environment {i} gave the reward {_short(reward)}, which is not one number")
    layout = Layout(space)
    for i, obs in enumerate(observations, first):
        try:
            _, single = layout.batch(obs)
        except UsageError as problem:
            raise TrainingError(f"environment {i}: {problem}") from problem
        if not single:
            raise TrainingError(f"environment {i} gave the observation {_short(obs)}, of one axis more than {space}")


def _short(value: Any) -> str:
    return f"{' '.join(repr(value).split()):.80}"
