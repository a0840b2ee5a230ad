"""A2C beside Stable-Baselines3 and TRPO beside sb3-contrib at the same settings."""

from collections.abc import Iterator, Sequence

from ...agents import a2c, trpo
from . import Row, whole
from .whole import Case

CASES = [
    Case("A2C CartPole-v1, 8 x 5", "CartPole-v1", 100_000, 8, a2c.Config()),
    Case(
        "TRPO CartPole-v1, 2 x 512, 20 critic epochs of 512",
        "CartPole-v1",
        50_000,
        2,
        trpo.Config(horizon=512, lam=0.98, damping=1e-3, critic_epochs=20, critic_minibatch=512),
    ),
]


def measure(repeats: int, cases: Sequence[Case] = CASES) -> Iterator[Row]:
    """Steps per second of each case."""
    yield from whole.measure(repeats, cases)
