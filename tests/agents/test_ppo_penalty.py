"""PPO with the adaptive KL penalty in place of the clip."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stopping import states

from gymnast import PPO
from gymnast.agents import ppo
from gymnast.core.errors import UsageError
from gymnast.core.nets import ActorCritic
from probes import SEED, Match, Slide

OBS = spaces.Box(-1, 1, (3,), np.float32)


def test_the_penalised_loss_by_hand():
    cfg = ppo.Config(hidden=(4,), kl_penalty=3.0, normalize_advantage=False, value_coef=0.0)
    net = ActorCritic(OBS, spaces.Discrete(2), cfg)
    with torch.no_grad():
        net.policy_head.linear.weight.zero_()
        net.policy_head.linear.bias.copy_(torch.log(torch.tensor([0.25, 0.75])))
    ratio = np.array([0.25 / 0.5, 0.75 / 0.5])  # far outside any clip
    mb = {
        "obs": torch.zeros(2, 3),
        "action": torch.tensor([0, 1]),
        "logp": torch.log(torch.tensor([0.5, 0.5])),
        "value": torch.zeros(2),
        "adv": torch.tensor([2.0, 1.0]),
        "ret": torch.zeros(2),
    }
    total, logs = ppo.loss(net, mb, cfg)
    kl = (ratio - 1 - np.log(ratio)).mean()
    assert kl == pytest.approx(0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.75))  # both actions, as often as before
    assert total.item() == pytest.approx(-(ratio * [2, 1]).mean() + 3 * kl)
    assert logs["policy/kl"].item() == pytest.approx(kl)


def test_the_penalty_doubles_and_halves_as_in_the_paper():
    assert ppo.adapted(1.0, 0.016, 0.01) == 2
    assert ppo.adapted(1.0, 0.0149, 0.01) == 1
    assert ppo.adapted(1.0, 0.0067, 0.01) == 1
    assert ppo.adapted(1.0, 0.0066, 0.01) == 0.5
    assert ppo.adapted(1.5e-6, 0.0, 0.01) > 0


@pytest.mark.learns
def test_the_policy_moves_by_the_goal_whatever_penalty_it_begins_with():
    for start in (1e-2, 1e2):
        made = PPO("CartPole-v1", preset="none", num_envs=8, evals=0, seed=SEED,
                   agent={"kl_penalty": start, "kl_goal": 0.01, "horizon": 32, "epochs": 8, "lr": 3e-3})  # fmt: skip
        moved = []
        made.learn(256)
        update = made.agent.actor.moved
        made.agent.actor.moved = lambda data, update=update, moved=moved: moved.append(update(data)) or moved[-1]
        made.learn(256 * 60)
        late = np.median([row["policy/kl"] for row in moved[-30:]])
        assert 0.01 / 2 < late < 0.01 * 2, start  # penalties that stay as they are leave it at 0.1 and at 0


@pytest.mark.learns
@pytest.mark.parametrize("env", [Match, Slide])
def test_it_learns(env):
    agent = {"kl_penalty": 1.0, "horizon": 64, "hidden": (16,), "lr": 3e-3, "gamma": 0.5, "log_std_init": -1.0}
    made = PPO(env, preset="none", backend="loop", seed=SEED, evals=0, agent=agent).learn(12_000)
    assert made.evaluate(20).mean > (7.5 if env is Match else -0.1)


def test_the_clip_is_not_in_force_and_nothing_is_written_out():
    agent = ppo.Agent(OBS, spaces.Discrete(2), ppo.Config(kl_penalty=1.0))
    assert agent.paths["gradient"] == "autograd"


@pytest.mark.parametrize("config", [{"kl_penalty": 0.0}, {"kl_penalty": 1.0, "kl_goal": 0.0}])
def test_values_out_of_range_are_refused(config):
    with pytest.raises(UsageError, match="above 0"):
        ppo.Config(**config)


def test_a_resumed_run_goes_on_with_its_penalty(tmp_path):
    whole, resumed = states("ppo", {"kl_penalty": 1.0, "horizon": 32, "epochs": 2}, tmp_path)
    assert resumed["own"]["kl_penalty"] == whole["own"]["kl_penalty"] != 1.0
    for name, value in whole["net"].items():
        assert torch.equal(value, resumed["net"][name]), name
