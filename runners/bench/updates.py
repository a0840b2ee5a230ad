"""Floating-point operations per second of PPO's update."""

from collections.abc import Callable
from dataclasses import replace
from statistics import median

from torch.utils.flop_counter import FlopCounterMode

from ..runs.run import Run
from ..training.train import Training
from . import Row, alternate, peers, rate
from .products import product
from .whole import Case


def measure(case: Case, shape: tuple[int, int, int], repeats: int, seconds: float) -> Row:
    """One rollout learned from again and again; the limit is a matrix product like the update's largest."""
    m, k, n = shape
    with _training(case) as training:
        batch = training.source.collect(training.acting)
        model = peers.model(case.env, case.num_envs, case.config, seed=0)
        peers.collector(model)()
        ours, peer, limit = alternate(
            repeats,
            rate(_worth(operations(case), lambda: training.agent.update(batch, 0.0)), seconds),
            rate(_worth(_flops(model.train), model.train), seconds),
            rate(product(m, k, n), seconds),
        )
    giga = [[figure / 1e9 for figure in side] for side in (ours, peer, limit)]
    note = f"{median(ours) / median(limit):.0%} of the limit"
    limits = {f"product {m}x{k} by {k}x{n}": giga[2]}
    return Row(f"update of {case.name}", "GFLOP/s", giga[0], giga[1], peers.NAME, note=note, limits=limits)


def operations(case: Case) -> float:
    """Floating-point operations of one update of ours."""
    plain = replace(case, config=replace(case.config, twins="none"))  # torch counts the products that it makes itself
    with _training(plain) as training:
        batch = training.source.collect(training.acting)
        return _flops(lambda: training.agent.update(batch, 0.0))


def _training(case: Case) -> Training:
    return Training(Run("ppo", case.env, case.config, num_envs=case.num_envs, evals=0))


def _flops(update: Callable[[], object]) -> float:
    """Floating-point operations of one update."""
    with FlopCounterMode(display=False) as counter:
        update()
    return float(counter.get_total_flops())


def _worth(flops: float, update: Callable[[], object]) -> Callable[[], float]:
    """Work for `rate`: an update, which is worth so many operations."""

    def work() -> float:
        update()
        return flops

    return work
