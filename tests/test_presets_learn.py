"""Presets reach the returns that their sources report: minutes each."""

import pytest

from gymnast.core.learn.stats import iqm
from gymnast.runners.runs.run import preset
from gymnast.runners.training.train import train

CLAIMS = [
    ("ppo", "CartPole-v1", {}, 500),
    ("ppo", "Acrobot-v1", {}, -88),
    ("ppo", "MountainCarContinuous-v0", {}, 88),
    ("trpo", "CartPole-v1", {}, 490),
    ("a2c", "CartPole-v1", {"steps": 300_000}, 475),
    ("reinforce", "CartPole-v1", {}, 475),
]


@pytest.mark.slow
@pytest.mark.parametrize(("algo", "env", "changes", "claim"), CLAIMS)
def test_a_preset_reaches_what_is_claimed_for_it(algo, env, changes, claim):
    runs = (preset(algo, env, seed=seed, evals=1, eval_episodes=100, **changes) for seed in range(3))
    assert iqm([train(run).evaluation.mean for run in runs]) >= claim
