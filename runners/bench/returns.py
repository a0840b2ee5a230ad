"""LunarLander-v3 after equal steps: A2C and TRPO with our presets beside the peers with RL Zoo's settings for it.

Zoo publishes one agent each, on LunarLander-v2. Returns are of the policy at the end of training, over 100 episodes.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing

import numpy as np
from stable_baselines3.common.evaluation import evaluate_policy

from ...agents import a2c, trpo
from ..evaluation.evaluate import evaluate
from ..runs.load import eval_env
from ..runs.run import preset
from ..training.train import Training
from . import Row, peers
from .whole import Case, process

EVALUATION_SEED = 1_000_000

CASES = [
    Case(
        "A2C LunarLander-v3, 200k steps",
        "LunarLander-v3",
        200_000,
        8,
        a2c.Config(gamma=0.995, lr=8.3e-4, lr_schedule="linear", entropy_coef=1e-5),
    ),
    Case(
        "TRPO LunarLander-v3, 200k steps",
        "LunarLander-v3",
        200_000,
        2,
        trpo.Config(horizon=512, damping=0.01, lam=0.98, critic_lr=1e-3, critic_epochs=15),
    ),
]
"""Settings of the peer (RL Baselines3 Zoo, hyperparams/a2c.yml and trpo.yml)."""


def measure(repeats: int, cases: Sequence[Case] = CASES, episodes: int = 100) -> Iterator[Row]:
    """Return of each case, one seed per repeat; means over `episodes`."""
    with process() as other:
        for case in cases:
            ours = [_ours(case, seed, episodes) for seed in range(repeats)]
            peer = [other.submit(_peer, case, seed, episodes).result() for seed in range(repeats)]
            yield Row(case.name, "return", ours, peer, peers.name(case.config), signed=True)


def _ours(case: Case, seed: int, episodes: int) -> float:
    run = preset(case.algo, case.env, steps=case.steps, seed=seed, evals=0)
    with Training(run) as training:
        while training.steps < run.steps:
            training.iterate()
        with closing(eval_env(run, episodes)) as env:
            return evaluate(training.agent, env, episodes, EVALUATION_SEED).mean


def _peer(case: Case, seed: int, episodes: int) -> float:
    model = peers.model(case.env, case.num_envs, case.config, seed)
    model.learn(case.steps)
    with closing(peers.vec_env(case.env, 1, EVALUATION_SEED + seed)) as env:
        mean, _ = evaluate_policy(model, env, episodes)
        return float(np.mean(mean))
