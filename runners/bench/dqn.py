"""Whole DQN training beside Stable-Baselines3 at the same settings: steps per second."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

import stable_baselines3 as sb3

from ...agents import dqn
from ..run import Run, preset
from ..train import Training
from . import Row, peers

_WARM = 512  # steps with which ours compiles what is to be compiled


@dataclass(frozen=True)
class Case:
    """One setting that both sides train with, in one environment."""

    name: str
    env: str
    steps: int
    config: dqn.Config


CASES = [
    Case("DQN CartPole-v1, SB3's defaults", "CartPole-v1", 10_000, dqn.Config()),
    Case("DQN CartPole-v1, RL Zoo's settings", "CartPole-v1", 10_000, preset("dqn", "CartPole-v1").agent),
    Case(
        "DQN LunarLander-v3, RL Zoo's settings",
        "LunarLander-v3",
        3_000,
        preset("dqn", "LunarLander-v3", agent={"double": False, "lr_schedule": "constant"}).agent,
    ),
]


def measure(repeats: int, cases: Sequence[Case] = CASES) -> Iterator[Row]:
    """Steps per second of each case, in turns."""
    for case in cases:
        _ours(case, seed=1000, steps=_WARM + case.config.learning_starts)
        ours, peer = [], []
        for seed in range(repeats):
            ours.append(case.steps / _ours(case, seed, case.steps))
            peer.append(case.steps / _peer(case, seed))
        yield Row(case.name, "steps/s", ours, peer, peers.NAME)


def _ours(case: Case, seed: int, steps: int) -> float:
    """Seconds of training."""
    with Training(Run("dqn", case.env, case.config, steps=steps, num_envs=1, seed=seed, evals=0)) as training:
        began = perf_counter()
        while training.steps < steps:
            training.iterate()
        return perf_counter() - began


def _peer(case: Case, seed: int) -> float:
    cfg = case.config
    model = sb3.DQN(
        "MlpPolicy",
        peers.vec_env(case.env, 1, seed),
        learning_rate=cfg.lr,
        buffer_size=cfg.capacity,
        learning_starts=cfg.learning_starts,
        batch_size=cfg.minibatch,
        tau=cfg.tau,
        gamma=cfg.gamma,
        train_freq=cfg.horizon,
        gradient_steps=round(cfg.horizon * cfg.replay_ratio),
        target_update_interval=round(cfg.target_interval / cfg.replay_ratio),
        exploration_fraction=cfg.epsilon_fraction,
        exploration_initial_eps=cfg.epsilon_start,
        exploration_final_eps=cfg.epsilon,
        max_grad_norm=cfg.max_grad_norm,
        policy_kwargs={"net_arch": list(cfg.hidden)},
        device="cpu",
        seed=seed,
    )
    began = perf_counter()
    model.learn(case.steps)
    passed = perf_counter() - began
    model.get_env().close()  # type: ignore[union-attr]
    return passed
