"""SAC and TD3 that learn from rewards in units of the returns' deviation."""

import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.agents import sac, td3
from gymnast.core.rollout.engine import Rollout
from playing import collect
from probes import Slide

SMALL = {"hidden": (8,), "critic_hidden": (8,), "minibatch": 16, "learning_starts": 16, "horizon": 8, "twins": "none"}
both = pytest.mark.parametrize("module", [sac, td3])


def learned(module, monkeypatch, **options):
    """An agent, which learned nothing, the rewards that it was to learn from, and their units then."""
    env = SyncVectorEnv([Slide] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    space = env.single_observation_space, env.single_action_space
    agent, seen = module.Agent(*space, module.Config(**{**SMALL, **options}), seed=1), []

    def learn(mb, *_):
        seen.append((mb["reward"], agent.returns.unit if agent.returns else 1.0))
        return torch.zeros(len(agent.logged)), torch.zeros(16)

    monkeypatch.setattr(agent, "_learn", learn)
    rollout = Rollout(env, agent.horizon, 1)
    for _ in range(4):
        agent.update(collect(agent, rollout), 0.5)
    return agent, seen


@both
def test_rewards_are_stored_as_they_are_and_learned_from_in_units(module, monkeypatch):
    agent, scaled = learned(module, monkeypatch, normalize_return=True, n_step=2)
    plain, rewards = learned(module, monkeypatch, n_step=2)
    assert agent.returns.count == agent.pace.steps
    assert len({unit for _, unit in scaled}) == 3  # in each update that learns another one
    for (one, unit), (other, _) in zip(scaled, rewards, strict=True):
        torch.testing.assert_close(one * unit, other)
        assert not torch.equal(one, other)
    assert (agent.replay.sample(16)["reward"] == plain.replay.sample(16)["reward"]).all()


@both
def test_it_judges_in_the_environments_units(module, monkeypatch):
    agent, *_ = learned(module, monkeypatch, normalize_return=True)
    obs, action = torch.zeros(1, 1), torch.zeros(1, 1)
    expected = agent.critics(obs, action).mean(-1).amin(0) * agent.returns.unit
    torch.testing.assert_close(agent.judge(obs, action), expected)
