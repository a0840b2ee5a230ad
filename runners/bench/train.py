"""Whole PPO training at SB3's own settings, and the update's arithmetic beside matrix products of the same shape."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...agents import ppo
from . import Row, updates, whole
from .ppo import CASES as LEARNING
from .whole import Case

CARTPOLE = replace(LEARNING[0], solved=None)
CHEETAH = Case(
    "PPO HalfCheetah-v5, 1 x 2048, minibatch 64, 10 epochs",
    "HalfCheetah-v5",
    10_240,
    1,
    ppo.Config(horizon=2048, minibatch=64, epochs=10),
)
PONG = Case(
    "PPO Pong, 8 x 128, minibatch 256, 4 epochs",
    "ALE/Pong-v5",
    2_048,
    8,
    ppo.Config(
        horizon=128,
        minibatch=256,
        epochs=4,
        lr=2.5e-4,
        clip=0.1,
        entropy_coef=0.01,
        reward_sign=True,
        hidden=(),
        shared=True,
    ),
)
COARSE_PONG = replace(PONG, name=f"{PONG.name}, bfloat16", config=replace(PONG.config, bfloat16=True))
CASES = (CARTPOLE, CHEETAH, PONG, COARSE_PONG)


def measure(repeats: int, seconds: float = 0.5, cases: Sequence[Case] = CASES) -> Iterator[Row]:
    """Steps per second of whole training; floating-point operations per second of the update alone."""
    yield from whole.measure(repeats, cases)
    yield updates.measure(CARTPOLE, (256, 64, 64), repeats, seconds)
    one_epoch = replace(PONG, config=replace(PONG.config, epochs=1))
    yield updates.measure(one_epoch, (256, 3136, 512), repeats, seconds)
