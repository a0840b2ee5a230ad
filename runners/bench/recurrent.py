"""PPO with a memory beside RecurrentPPO, which has LSTMs alone, at the same settings and widths: steps per second."""

from collections.abc import Iterator, Sequence

from ...agents import ppo
from ...core.nets.config import Remembers
from . import Row, whole
from .whole import Case

_KINDS: tuple[Remembers, ...] = ("mingru", "gru", "lstm")

CASES = [
    Case(
        f"PPO {kind} 64, MaskedCartPole, {copies} x {horizon}, minibatch 256, {epochs} epochs",
        "gymnast/MaskedCartPole-v0",
        5_000,
        copies,
        ppo.Config(
            memory=kind, shared_memory=True, horizon=horizon, minibatch=256, epochs=epochs, gamma=0.98, lam=0.8, lr=1e-3
        ),
    )
    for copies, horizon, epochs in ((8, 32, 20), (8, 128, 10))
    for kind in _KINDS
]


def measure(repeats: int, cases: Sequence[Case] = CASES) -> Iterator[Row]:
    """Steps per second of each case, the compiling left out."""
    yield from whole.measure(repeats, cases)
