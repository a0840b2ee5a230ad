"""Floating-point operations per second of PPO's update."""

from collections.abc import Callable
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
    run = Run("ppo", case.env, case.config, num_envs=case.num_envs, evals=0)
    with Training(run) as training:
        batch = training.source.collect(training.acting)
        model = peers.model(case.env, case.num_envs, case.config, seed=0)
        peers.collector(model)()
        ours, peer, limit = alternate(
            repeats,
            rate(_counted(lambda: training.agent.update(batch, 0.0)), seconds),
            rate(_counted(model.train), seconds),
            rate(product(m, k, n), seconds),
        )
    giga = [[figure / 1e9 for figure in side] for side in (ours, peer, limit)]
    note = f"{median(ours) / median(limit):.0%} of the limit"
    limits = {f"product {m}x{k} by {k}x{n}": giga[2]}
    return Row(f"update of {case.name}", "GFLOP/s", giga[0], giga[1], peers.NAME, note=note, limits=limits)


def _counted(update: Callable[[], object]) -> Callable[[], float]:
    """Work for `rate`, in floating-point operations of one update."""
    with FlopCounterMode(display=False) as counter:
        update()
    flops = float(counter.get_total_flops())

    def work() -> float:
        update()
        return flops

    return work
