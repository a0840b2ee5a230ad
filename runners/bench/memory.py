"""Resident memory of the process while it trains: what grows with the steps is a leak."""

import os
from collections.abc import Iterator
from pathlib import Path

from ...agents import ppo
from ...core.errors import UsageError
from ..runs.run import Run
from ..training.train import Training
from . import Row

_SHARES = (0.1, 0.5, 1.0)


def measure(repeats: int, steps: int = 2_000_000) -> Iterator[Row]:
    """Mebibytes after half of the run and after all of it, beside those after a tenth."""
    runs = [_sizes(steps, seed) for seed in range(repeats)]
    early, *later = map(list, zip(*runs, strict=True))
    for share, sizes in zip(_SHARES[1:], later, strict=True):
        what = f"memory after {share:.0%} of {steps:,} steps of PPO CartPole-v1"
        yield Row(what, "MiB", sizes, early, f"after {_SHARES[0]:.0%}", higher_is_better=False)


def _sizes(steps: int, seed: int) -> list[float]:
    """MiB of one run after each share of its steps."""
    config = ppo.Config(horizon=128, minibatch=2048, epochs=4)
    run = Run("ppo", "CartPole-v1", config, steps=steps, num_envs=64, seed=seed, evals=0)
    sizes: list[float] = []
    with Training(run) as training:
        for share in _SHARES:
            while training.steps < share * steps:
                training.iterate()
            sizes.append(_resident())
    return sizes


def _resident() -> float:
    """MiB of this process that are in memory now."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError as problem:
        raise UsageError(f"suite memory reads /proc/self/statm, which only Linux has ({problem.strerror})") from problem
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
