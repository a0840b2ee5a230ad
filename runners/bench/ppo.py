"""Whole PPO training beside Stable-Baselines3 at the same settings: steps per second, and time to a return."""

from collections.abc import Iterator, Sequence

from ...agents import ppo
from . import Row, whole
from .whole import SOLVED, Case

CASES = [
    Case(
        "PPO CartPole-v1, 8 x 32, minibatch 256, 20 epochs",
        "CartPole-v1",
        100_000,
        8,
        ppo.Config(
            horizon=32,
            minibatch=256,
            epochs=20,
            gamma=0.98,
            lam=0.8,
            lr=1e-3,
            lr_schedule="linear",
            clip_schedule="linear",
        ),
        SOLVED,
    ),
    Case(
        "PPO CartPole-v1, 64 x 128, minibatch 2048, 4 epochs",
        "CartPole-v1",
        1_000_000,
        64,
        ppo.Config(horizon=128, minibatch=2048, epochs=4, gamma=0.98, lam=0.8, lr=1e-3),
        SOLVED,
    ),
    Case(
        "PPO LunarLander-v3, 16 x 1024, minibatch 64, 4 epochs",
        "LunarLander-v3",
        65_536,
        16,
        ppo.Config(horizon=1024, minibatch=64, epochs=4, gamma=0.999, lam=0.98, entropy_coef=0.01),
    ),
]


def measure(repeats: int, cases: Sequence[Case] = CASES) -> Iterator[Row]:
    """Steps per second of each case, and seconds to the threshold where it has one."""
    yield from whole.measure(repeats, cases)
