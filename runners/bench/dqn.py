"""DQN beside Stable-Baselines3 at the same settings."""

from collections.abc import Iterator, Sequence

from ...agents import dqn
from ..runs.run import preset
from . import Row, whole
from .whole import Case

CASES = [
    Case("DQN CartPole-v1, SB3's defaults", "CartPole-v1", 10_000, 1, dqn.Config()),
    Case(
        "DQN CartPole-v1, RL Zoo's settings",
        "CartPole-v1",
        10_000,
        1,
        preset("dqn", "CartPole-v1", agent={"lr_schedule": "constant"}).agent,
    ),
    Case(
        "DQN LunarLander-v3, RL Zoo's settings",
        "LunarLander-v3",
        3_000,
        1,
        preset("dqn", "LunarLander-v3", agent={"double": False, "lr_schedule": "constant"}).agent,
    ),
]


def measure(repeats: int, cases: Sequence[Case] = CASES) -> Iterator[Row]:
    """Steps per second of each case."""
    yield from whole.measure(repeats, cases)
