"""Networks of SAC and TD3 that begin anew while the replay stays."""

import pytest
import torch
import twins
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.agents import sac, td3
from gymnast.core.rollout.engine import Rollout
from playing import collect
from probes import Slide

SMALL = {"hidden": (8,), "critic_hidden": (8,), "minibatch": 8, "learning_starts": 8, "normalize_obs": True}
both = pytest.mark.parametrize("module", [sac, td3])


def learned(module, steps, **options):
    """An agent after as many gradient steps, one for each step of its environment."""
    env = SyncVectorEnv([Slide], autoreset_mode=AutoresetMode.SAME_STEP)
    cfg = module.Config(**{**SMALL, "lr": 0.01, "critic_lr": 0.01, "policy_delay": 1, **options})
    agent = module.Agent(env.single_observation_space, env.single_action_space, cfg, seed=1)
    rollout = Rollout(env, agent.horizon, 1)
    while agent.pace.updates < steps:
        agent.update(collect(agent, rollout), 0.5)
    return agent, rollout


def vectors(agent):
    return agent.optimizer.flat.detach(), agent.critic_optimizer.flat.detach()


@pytest.mark.parametrize("options", [{}, {"target": "none", "critic_norm": "batch"}], ids=str)
@both
def test_all_that_was_learned_is_forgotten_and_nothing_that_was_seen(module, options):
    agent, _ = learned(module, 10, **options)
    seed = torch.Generator()
    seed.set_state(agent.generator.get_state())
    known = len(agent.replay), agent.net.encoder.standardizers["obs"].mean.clone()
    agent._reset()
    other, _ = learned(module, 0, **options)
    begun = other._begun(int(torch.randint(1 << 31, (1,), generator=seed)))
    for net, fresh in zip((agent.critics, agent.net), begun, strict=True):
        for name, value in fresh.state_dict().items():
            assert torch.equal(net.state_dict()[name], value) or "standardizers" in name, name
    for slow, fast in zip(agent._networks()[2:], (agent.critics, agent.net), strict=False):
        assert all(torch.equal(a, b) for a, b in zip(slow.parameters(), fast.parameters(), strict=True))
    assert agent.optimizer.steps == agent.critic_optimizer.steps == 0
    assert (len(agent.replay), agent.net.encoder.standardizers["obs"].mean) == known


def test_the_temperature_begins_anew_too():
    agent, _ = learned(sac, 10, alpha_init=0.3)
    assert agent._alpha().item() != pytest.approx(0.3)
    agent._reset()
    assert agent._alpha().item() == pytest.approx(0.3)
    assert agent.temperature.steps == 0


@both
def test_it_happens_before_the_step_that_follows_so_many(module):
    """So the last step of a run, however many these are, leaves what has learned."""
    agent, rollout = learned(module, 6, reset_interval=3)
    assert agent.critic_optimizer.steps == 3
    agent.update(collect(agent, rollout), 0.5)
    assert agent.critic_optimizer.steps == 1


@both
def test_steps_that_are_due_together_are_taken_around_it(module):
    agent, _ = learned(module, 20, reset_interval=3, horizon=5)
    assert agent.pace.updates == 22
    assert agent.critic_optimizer.steps == 1


@both
def test_a_run_is_the_same_each_time_and_every_reset_another(module):
    one, two = (vectors(learned(module, 8, reset_interval=3)[0]) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    agent, _ = learned(module, 4)
    drawn = []
    for _ in range(2):
        agent._reset()
        drawn.append(vectors(agent)[0].clone())
    assert not torch.equal(*drawn)


@both
def test_written_out_gradients_go_on_after_it(module):
    agents = [module.Agent(twins.OBS, twins.BOX, module.Config(**SMALL, twins=choice)) for choice in ("auto", "none")]
    for agent in agents:
        agent._fit(twins.continuous(3, 33), 1.0)
        agent._reset()
        agent._fit(twins.continuous(3, 33), 1.0)
    assert [agent.paths["gradient"] for agent in agents] == ["written out", "autograd"]
    for one, other in zip(*map(vectors, agents), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=2e-4)
