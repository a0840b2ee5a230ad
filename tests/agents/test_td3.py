import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.agents import ddpg, td3
from gymnast.core.checkpoint import restore, state
from gymnast.core.rollout.engine import Rollout
from playing import act, acting, collect, gradient_step
from probes import SEED, Slide

OBS = spaces.Box(-1, 1, (3,), np.float32)
UNEVEN = spaces.Box(np.array([-1.0, 0.0], np.float32), np.array([3.0, 0.5], np.float32))
SMALL = {"hidden": (16,), "critic_hidden": (16,), "minibatch": 32, "learning_starts": 64}


def made(module=td3, **options):
    agent = module.Agent(OBS, UNEVEN, module.Config(**{**SMALL, **options}), seed=SEED)
    torch.nn.init.normal_(agent.slow_net.policy_head.linear.weight, generator=torch.Generator().manual_seed(0))
    return agent


def minibatch(size=6):
    random = torch.Generator().manual_seed(1)
    low, high = torch.as_tensor(UNEVEN.low), torch.as_tensor(UNEVEN.high)
    return {
        "obs": torch.randn(size, 3, generator=random),
        "next_obs": torch.randn(size, 3, generator=random),
        "action": low + torch.rand(size, 2, generator=random) * (high - low),
        "reward": torch.randn(size, generator=random),
        "discount": torch.tensor([0.99, 0.0, 0.99**3, 0.99, 0.0, 0.99])[:size],
        "weights": torch.ones(size),
    }


def test_targets_by_hand():
    """r + gamma^k min Q at the slow policy's action with clipped noise, which stays in the box."""
    agent, mb = made(smoothing=1.0, smoothing_clip=0.5), minibatch()
    found = td3.targets(agent.slow_net, agent.slow, mb, agent.cfg, torch.Generator().manual_seed(5))
    noise = torch.empty(6, 2).normal_(generator=torch.Generator().manual_seed(5)).clamp(-0.5, 0.5)
    assert (noise.abs() == 0.5).any()
    with torch.no_grad():
        action = agent.slow_net(mb["next_obs"]).mode().numpy() + noise.numpy() * (UNEVEN.high - UNEVEN.low) / 2
        clipped = np.clip(action, UNEVEN.low, UNEVEN.high)
        assert (clipped != action).any()
        q = agent.slow(mb["next_obs"], torch.as_tensor(clipped)).squeeze(-1).amin(0)
    torch.testing.assert_close(found.squeeze(-1), mb["reward"] + mb["discount"] * q)


def test_ddpg_has_one_critic_that_judges_the_slow_policy_itself():
    agent, mb = made(ddpg), minibatch()
    found = td3.targets(agent.slow_net, agent.slow, mb, agent.cfg, torch.Generator())
    with torch.no_grad():
        (q,) = agent.slow(mb["next_obs"], agent.slow_net(mb["next_obs"]).mode()).squeeze(-1)
    torch.testing.assert_close(found.squeeze(-1), mb["reward"] + mb["discount"] * q)
    assert agent.cfg.policy_delay == 1


@pytest.mark.parametrize("reduce", ["first", "min", "mean"])
def test_the_policys_gradient_is_that_of_finite_differences(reduce):
    agent = made(reduce=reduce)
    net, critics, obs = agent.net.double(), agent.critics.double(), minibatch()["obs"].double()
    net.zero_grad()
    td3.policy_loss(net, critics, obs, agent.cfg).backward()
    for parameter in net.parameters():
        flat, slope = parameter.data.view(-1), parameter.grad.view(-1)
        for i in (0, len(flat) // 2, len(flat) - 1):
            before, step, ends = flat[i].item(), 1e-6, []
            for sign in (1, -1):
                flat[i] = before + sign * step
                ends.append(td3.policy_loss(net, critics, obs, agent.cfg).item())
            flat[i] = before
            assert slope[i].item() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4, abs=1e-7)


def test_it_climbs_the_first_critic_the_least_or_their_mean():
    obs = minibatch()["obs"]
    with torch.no_grad():
        q = made().critics(obs, made().net(obs).mode()).squeeze(-1)
        found = [
            td3.policy_loss(agent.net, agent.critics, obs, agent.cfg)
            for agent in map(reducing, ("first", "min", "mean"))
        ]
    torch.testing.assert_close(torch.stack(found), -torch.stack([q[0].mean(), q.amin(0).mean(), q.mean()]))


def reducing(kind):
    return made(reduce=kind)


def trained(steps, module=td3, **options):
    env = SyncVectorEnv([Slide] * 4, autoreset_mode=AutoresetMode.SAME_STEP)
    space = env.single_observation_space, env.single_action_space
    agent = module.Agent(*space, module.Config(**{**SMALL, "horizon": 2, **options}), seed=SEED)
    rollout, taken = Rollout(env, agent.horizon, SEED), 0
    while taken < steps:
        batch = collect(agent, rollout)
        agent.update(batch, taken / steps)
        taken += batch.steps
    return agent


def test_the_policy_and_the_slow_copies_move_every_second_gradient_step():
    agent = trained(64)
    for _ in range(4):
        fast, slow = agent.optimizer.flat.detach().clone(), [x.clone() for x in (agent._slow, agent._slow_policy)]
        gradient_step(agent)
        due = agent.pace.updates % 2 == 0
        assert torch.equal(fast, agent.optimizer.flat.detach()) != due
        for before, after, online in zip(
            slow, (agent._slow, agent._slow_policy), (agent.critic_optimizer, agent.optimizer), strict=True
        ):
            share = 0.005 if due else 0.0
            torch.testing.assert_close(after, before + share * (online.flat.detach() - before))


def test_it_explores_by_noise_in_units_of_the_box_and_stays_inside():
    agent = made(noise=0.1, learning_starts=0)
    obs = np.zeros((4000, 3), np.float32)
    drawn, best = act(agent, obs)["action"], act(agent, obs, "best")["action"]
    np.testing.assert_allclose((drawn - best).std(0), 0.1 * (UNEVEN.high - UNEVEN.low) / 2, rtol=0.05)
    wild = act(made(noise=5.0, learning_starts=0), obs)["action"]
    assert wild.min(0).tolist() == UNEVEN.low.tolist()
    assert wild.max(0).tolist() == UNEVEN.high.tolist()


@pytest.mark.parametrize("module", [td3, ddpg])
def test_ornstein_uhlenbeck_noise_has_the_same_deviation_and_goes_on(module):
    agent, obs = made(module, noise=0.1, noise_color="red", learning_starts=0), np.zeros((20_000, 3), np.float32)
    best = act(agent, obs[:1], "best")["action"]
    one, two = ((act(agent, obs)["action"] - best) / (UNEVEN.high - UNEVEN.low) * 2 for _ in range(2))
    np.testing.assert_allclose(one.std(0), 0.1, rtol=0.03)
    np.testing.assert_allclose((one * two).mean(0) / 0.01, 0.85, atol=0.04)
    assert acting(agent, len(obs)).twin is None


def test_a_clone_is_the_slow_policy_too():
    agent, other = made(), made()
    torch.nn.init.normal_(other.net.policy_head.linear.weight)
    agent.adopt(other.net.state_dict())
    for name, value in agent.slow_net.state_dict().items():
        assert torch.equal(value, other.net.state_dict()[name])
    assert torch.equal(torch.cat([p.flatten() for p in agent.slow_net.parameters()]), agent._slow_policy)
    assert not agent.waits


def test_what_began_with_a_clone_goes_on_without_random_actions():
    agent, again = made(), made()
    agent.adopt(agent.net.state_dict())
    restore({"own": again.parts()["own"]}, state({"own": agent.parts()["own"]}))
    assert again.pace.waits
    assert not again.waits


@pytest.mark.learns
@pytest.mark.parametrize("module", [td3, ddpg])
def test_it_pushes_a_mass_to_the_origin(module):
    """The best action at x is -2x; episodes end by truncation alone, which must bootstrap."""
    sizes = {"hidden": (32,), "critic_hidden": (32,)}
    agent = trained(3000, module, lr=3e-3, critic_lr=3e-3, replay_ratio=0.5, gamma=0.8, noise=0.3, **sizes)
    x = np.linspace(-0.9, 0.9, 19, dtype=np.float32)[:, None]
    assert np.abs(x + act(agent, x, "best")["action"] / 2).mean() < 0.15  # 0.47 if it stays where it is
