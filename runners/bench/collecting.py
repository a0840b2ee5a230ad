"""Rollouts of a 64 x 64 policy in CartPole, advantages included, beside SB3's `collect_rollouts`."""

from collections.abc import Callable, Iterator

import stable_baselines3 as sb3
import torch
from stable_baselines3.common.env_util import make_vec_env

from ... import envs
from ...agents import ppo
from ...core.batch import Batch
from ...core.fused import FusedLoop
from ...core.returns import gae
from ...core.rollout import Rollout
from . import Row, alternate, rate
from .products import product

_ENV, _COPIES = "CartPole-v1", 8


def measure(repeats: int, seconds: float, horizon: int = 256) -> Iterator[Row]:
    """Steps per second of collecting alone."""
    fused, by_torch, peer, flops = alternate(
        repeats,
        rate(_ours(horizon, fused=True), seconds),
        rate(_ours(horizon, fused=False), seconds),
        rate(_peer(horizon), seconds),
        rate(product(1024, 1024, 1024), seconds),
    )
    limits = {"the networks' FLOPs at the rate of a large matrix product": [f / _FLOPS_PER_STEP for f in flops]}
    what, name = f"collect {_ENV}, {_COPIES} copies, 64x64 policy", f"Stable-Baselines3 {sb3.__version__}"
    yield Row(f"{what}, fused", "steps/s", fused, peer, name, limits=limits)
    yield Row(f"{what}, torch", "steps/s", by_torch, peer, name, limits=limits)


def _ours(horizon: int, fused: bool) -> Callable[[], int]:
    env = envs.make(_ENV, _COPIES)
    config = ppo.Config(horizon=horizon)
    agent = ppo.Agent(env.single_observation_space, env.single_action_space, config)
    rollout = Rollout(env, horizon, 0, FusedLoop(env, agent.net, 0) if fused else None)

    def work() -> int:
        batch = rollout.collect(agent.act)
        _advantages(agent, batch)
        return batch.steps

    return work


@torch.inference_mode()
def _advantages(agent: ppo.Agent, batch: Batch) -> None:
    """What `collect_rollouts` also computes."""
    value, cfg = batch.extras["value"], agent.cfg
    edge_value = agent.net.value(torch.as_tensor(batch.edge_obs)).numpy()
    advantage = gae(batch.reward, value, batch.next_value(value, edge_value), batch.done, cfg.gamma, cfg.lam)
    _ = advantage + value


def _peer(horizon: int) -> Callable[[], int]:
    model = sb3.PPO("MlpPolicy", make_vec_env(_ENV, _COPIES, seed=0), n_steps=horizon, device="cpu", seed=0)
    _, callback = model._setup_learn(horizon)
    env = model.get_env()
    assert env is not None

    def work() -> int:
        model.collect_rollouts(env, callback, model.rollout_buffer, horizon)
        return horizon * _COPIES

    return work


_FLOPS_PER_STEP = 2 * sum(4 * 64 + 64 * 64 + 64 * outputs for outputs in (2, 1))  # policy and value
