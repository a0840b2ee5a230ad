"""Whole training beside the peer at the same settings: steps per second, and time to a return.

The peer learns in a process of its own, because what we set for a process (`runners/training/malloc.py`) would serve it
too.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback

from ..runs.run import Run
from ..training.train import Training
from . import Row, peers

SOLVED = 475.0  # CartPole-v1's threshold, as the mean of the last 100 training episodes


@dataclass(frozen=True)
class Case:
    """One setting that both sides train with."""

    name: str
    env: str
    steps: int
    num_envs: int
    config: Any
    """Config of the algorithm, which it names."""
    solved: float | None = None

    @property
    def algo(self) -> str:
        """The algorithm whose `Config` it is."""
        return type(self.config).__module__.rpartition(".")[2]


Side = Callable[[Case, int, int], tuple[float, float]]
"""Trains for a case, with a seed, so many steps: seconds that it took, and seconds until the threshold, or infinity."""


def measure(repeats: int, cases: Sequence[Case], others: Mapping[str, Side] = MappingProxyType({})) -> Iterator[Row]:
    """Steps per second of each case, and seconds to the threshold where it has one; `others` are more peers by name."""
    with process() as other:
        for case in cases:
            beside = {peers.name(case.config): lambda *given: other.submit(_peer, *given).result(), **others}
            yield from _measure(case, repeats, beside)


def _measure(case: Case, repeats: int, beside: Mapping[str, Side]) -> Iterator[Row]:
    first = getattr(case.config, "learning_starts", 0) + getattr(case.config, "minibatch", 0)
    first += case.num_envs * case.config.horizon
    sides: list[Side] = [_ours, *beside.values()]
    for side in sides:  # all once before it counts: compiles what is to be compiled
        side(case, 1000, first)
    figures = [[side(case, seed, case.steps) for side in sides] for seed in range(repeats)]
    ours, *theirs = zip(*figures, strict=True)
    for name, peer in zip(beside, theirs, strict=True):
        speed, peer_speed = ([case.steps / seconds for seconds, _ in side] for side in (ours, peer))
        yield Row(case.name, "steps/s", speed, peer_speed, name)
        if case.solved is not None:
            times, peer_times = ([solved for _, solved in side] for side in (ours, peer))
            missed = f"{np.isinf(times).sum()} and {np.isinf(peer_times).sum()} of {repeats} never reached it"
            what = f"the same, time to a mean return of {case.solved:g}"
            yield Row(what, "s", times, peer_times, name, higher_is_better=False, note=missed)


@contextmanager
def process() -> Iterator[ProcessPoolExecutor]:
    """Another process, with one torch thread as well."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, torch.set_num_threads, (1,)) as process:
        yield process


def _ours(case: Case, seed: int, steps: int) -> tuple[float, float]:
    """Seconds of training, and seconds until the mean of the last 100 episodes reached the threshold."""
    run = Run(case.algo, case.env, case.config, steps=steps, num_envs=case.num_envs, seed=seed, evals=0)
    solved = float("inf")
    with Training(run) as training:
        began = perf_counter()
        while training.steps < steps:
            training.iterate()
            if solved == float("inf") and _reached([r for r, _ in training.metrics.recent], case.solved):
                solved = perf_counter() - began
        return perf_counter() - began, solved


def _peer(case: Case, seed: int, steps: int) -> tuple[float, float]:
    model, clock = peers.model(case.env, case.num_envs, case.config, seed), _Clock(case.solved)
    began = perf_counter()
    model.learn(steps, callback=clock)
    passed = perf_counter() - began
    model.get_env().close()
    return passed, clock.solved - began


class _Clock(BaseCallback):
    """Notes when the mean of the last 100 episodes first reached the threshold."""

    def __init__(self, threshold: float | None) -> None:
        super().__init__()
        self.threshold, self.solved = threshold, float("inf")

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        assert self.model.ep_info_buffer is not None
        if self.solved == float("inf") and _reached([ep["r"] for ep in self.model.ep_info_buffer], self.threshold):
            self.solved = perf_counter()


def _reached(returns: list[float], threshold: float | None) -> bool:
    return threshold is not None and len(returns) == 100 and float(np.mean(returns)) >= threshold
