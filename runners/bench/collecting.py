"""Rollouts of a 64 x 64 policy in CartPole, advantages included, beside SB3's `collect_rollouts`."""

from collections.abc import Callable, Iterator

from ... import envs
from ...agents import ppo
from ...core.rollout.engine import Rollout
from ...core.rollout.fused import FusedActor
from . import Row, alternate, peers, rate
from .products import product

_ENV, _COPIES = "CartPole-v1", 8


def measure(repeats: int, seconds: float, horizon: int = 256) -> Iterator[Row]:
    """Steps per second of collecting alone."""
    config = ppo.Config(horizon=horizon, minibatch=horizon * _COPIES)
    fused, by_torch, peer, flops = alternate(
        repeats,
        rate(_ours(config, fused=True), seconds),
        rate(_ours(config, fused=False), seconds),
        rate(peers.collector(peers.model(_ENV, _COPIES, config, seed=0)), seconds),
        rate(product(1024, 1024, 1024), seconds),
    )
    limits = {"the networks' FLOPs at the rate of a large matrix product": [f / _FLOPS_PER_STEP for f in flops]}
    what = f"collect {_ENV}, {_COPIES} copies, 64x64 policy"
    yield Row(f"{what}, fused", "steps/s", fused, peer, peers.NAME, limits=limits)
    yield Row(f"{what}, torch", "steps/s", by_torch, peer, peers.NAME, limits=limits)


def _ours(config: ppo.Config, fused: bool) -> Callable[[], int]:
    env = envs.make(_ENV, _COPIES)
    agent = ppo.Agent(env.single_observation_space, env.single_action_space, config)
    rollout = Rollout(env, config.horizon, 0, FusedActor(agent.net, _COPIES, 0) if fused else None)

    def work() -> int:
        batch = rollout.collect(agent.act)
        agent.actor.advantages(batch, batch.reward, batch.extras["value"], config.gamma, config.lam)
        return batch.steps

    return work


_FLOPS_PER_STEP = 2 * sum(4 * 64 + 64 * 64 + 64 * outputs for outputs in (2, 1))  # policy and value
