"""SAC and TD3 without slow copies, whose critics see what is and what follows as one batch (CrossQ)."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from gymnast.agents import sac, td3
from gymnast.core.errors import UsageError
from gymnast.core.learn.ensembles import pooled, regression
from playing import act, saved

OBS = spaces.Box(-1, 1, (3,), np.float32)
BOX = spaces.Box(np.array([-1.0, 0.0], np.float32), np.array([3.0, 0.5], np.float32))
CROSSQ = {"critic_norm": "batch", "norm": "batch", "target": "none", "hidden": (8,), "critic_hidden": (8,)}
both = pytest.mark.parametrize("module", [sac, td3])


def made(module, **options):
    return module.Agent(OBS, BOX, module.Config(**{**CROSSQ, **options}), seed=1)


def minibatch(seed=1, size=16):
    random = np.random.default_rng(seed)
    numbers = {name: random.normal(size=(size, 3)) for name in ("obs", "next_obs")}
    numbers |= {"action": random.uniform(BOX.low, BOX.high, (size, 2)), "reward": random.normal(size=size)}
    numbers |= {"discount": 0.9 * (random.random(size) < 0.7), "weights": np.ones(size)}
    return {name: torch.as_tensor(x, dtype=torch.float32) for name, x in numbers.items()}


def moments(net):
    return {name: value.clone() for name, value in net.named_buffers() if "passes" in name or "mean" in name}


def unchanged(net, before):
    return all(torch.equal(value, before[name]) for name, value in moments(net).items())


def test_the_loss_is_that_of_targets_from_the_same_pass():
    """r + gamma (min Q(s', a') - alpha log pi), where Q(s, a) and Q(s', a') come from one pass through the critics."""
    agent, other, mb, alpha = made(sac), made(sac), minibatch(), torch.tensor([0.3])
    found, value, error = sac.joint_loss(agent.net, agent.critics, mb, agent.cfg, alpha, seeded())
    action, logp = (x.detach() for x in other.net(mb["next_obs"]).draw(seeded()))
    out, following = other.critics.together(mb, action, seeded())
    least = following.squeeze(-1).amin(0) - 0.3 * (logp + other.critics.scale.log().sum())
    expected, surprise = regression(out, (mb["reward"] + mb["discount"] * least)[:, None], mb["weights"])
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(error, surprise)
    assert value.item() == pytest.approx(out.mean().item())


def test_td3s_loss_is_that_of_targets_from_the_same_pass():
    agent, other, mb = made(td3, smoothing=0.0), made(td3), minibatch()
    found, *_ = td3.joint_loss(agent.net, agent.critics, mb, agent.cfg, seeded())
    out, following = other.critics.together(mb, other.net(mb["next_obs"]).mode().detach(), seeded())
    target = mb["reward"][:, None] + mb["discount"][:, None] * pooled(following, 0, 0, seeded())
    torch.testing.assert_close(found, regression(out, target, mb["weights"])[0])


def seeded():
    return torch.Generator().manual_seed(5)


@both
def test_moments_are_taken_where_a_batch_is_learned_from_and_nowhere_else(module):
    """The critics' in their own loss, the policy's in its; acting and each other's losses leave them alone."""
    agent = made(module, policy_delay=2)
    start = moments(agent.net), moments(agent.critics)
    act(agent, minibatch()["obs"].numpy())
    agent.judge(minibatch()["obs"], minibatch()["action"])
    assert unchanged(agent.net, start[0])
    assert unchanged(agent.critics, start[1])
    agent._learn(minibatch(), 1.0, 1)
    assert unchanged(agent.net, start[0])
    assert [int(x.passes) for x in agent.critics.modules() if hasattr(x, "passes")] == [1, 1]
    agent._learn(minibatch(2), 1.0, 2)
    assert [int(x.passes) for x in agent.critics.modules() if hasattr(x, "passes")] == [2, 2]
    assert [int(x.passes) for x in agent.net.modules() if hasattr(x, "passes")] == [1, 1]
    assert not any(module.training for net in (agent.net, agent.critics) for module in net.modules())


@both
def test_an_action_does_not_depend_on_what_else_is_asked(module):
    agent, obs = made(module), minibatch()["obs"].numpy()
    for step in range(1, 4):
        agent._learn(minibatch(), 1.0, step)
    together, alone = act(agent, obs, "best")["action"], act(agent, obs[:1], "best")["action"]
    np.testing.assert_allclose(together[:1], alone, rtol=1e-5, atol=1e-6)


@both
def test_there_are_no_slow_copies_then(module):
    agent = made(module)
    assert agent.slow is agent.critics
    assert saved(agent, 2)["agent"]["slow"] is None
    assert len(agent.encoders()) == 2


@both
def test_without_batch_norm_the_gradient_is_that_of_two_passes(module):
    plain = {"norm": "none", "critic_norm": "none", "twins": "none"}
    agent, mb = made(module, **plain), minibatch()
    agent._learn(mb, 1.0, 1)
    other = made(module, **plain)
    alpha = (torch.ones(1),) if module is sac else ()
    target = module.targets(other.net, other.critics, mb, other.cfg, *alpha, other.generator)
    other.critic_optimizer.step(module.critic_loss(other.critics, mb, target, other.generator)[0], 3e-4)
    torch.testing.assert_close(agent.critic_optimizer.flat, other.critic_optimizer.flat)


@pytest.mark.parametrize("options", [{"norm": "batch"}, {"critic_norm": "batch"}], ids=str)
@both
def test_slow_copies_of_batch_norms_are_refused(module, options):
    with pytest.raises(UsageError, match="norm batch needs"):
        module.Config(**options)


def test_a_memory_of_all_gradients_is_refused():
    with pytest.raises(UsageError, match="below 1"):
        sac.Config(adam_beta1=1.0)
