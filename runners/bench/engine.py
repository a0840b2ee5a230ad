"""Stepping and collecting: native environments, fused rollouts, workers, MuJoCo and Atari on threads."""

from collections.abc import Iterator

from . import Row, collecting, processes, simulators, stepping


def measure(repeats: int, seconds: float = 0.5) -> Iterator[Row]:
    """Environment steps per second; each figure takes about `seconds`."""
    yield from stepping.measure(repeats, seconds)
    yield from collecting.measure(repeats, seconds)
    yield from processes.measure(repeats, seconds)
    yield from simulators.measure(repeats, seconds)
