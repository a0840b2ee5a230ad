"""A2C with Q(s, a): the control variate against exact gradients, and the off-policy variant on the probes."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stopping import states

from gymnast import A2C
from gymnast.agents import a2c
from gymnast.core.errors import UsageError
from gymnast.core.nets import ActorCritic, Critic, PolicyConfig
from gymnast.runners.runs.run import preset
from gymnast.runners.training.train import Training
from playing import thoughts
from probes import SEED, Anything, Doors, Endless, Later, Match, Opposite, Slide


def bandit(action, seed=SEED, **config):
    """A policy of one state, any Q, and the gradient of the loss by the policy's last layer."""
    torch.manual_seed(seed)
    cfg = a2c.Config(hidden=(), policy_gain=1.0, control_variate=True, **config)
    net = ActorCritic(spaces.Discrete(1), action, cfg)
    return cfg, net, Critic(1, action, PolicyConfig(hidden=(4,)))


def gradient(net, cfg, critic, action, adv, generator=None):
    count = len(action)
    mb = {"obs": torch.zeros(count, dtype=torch.int64), "action": action, "adv": adv, "ret": torch.zeros(count)}
    total, _ = a2c.loss(net, mb, cfg, critic, generator)
    net.zero_grad()
    total.backward()
    return net.policy_head.linear.bias.grad.clone()


def test_the_control_variate_adds_no_bias_whatever_q_is():
    cfg, net, critic = bandit(spaces.Discrete(3))
    reward = torch.tensor([1.0, -2.0, 0.5])
    p = net.policy(torch.zeros(1, dtype=torch.int64))[0].logp.exp()[0].detach()
    actions = torch.arange(3)
    # the expectation over the action drawn, one action at a time
    expected = [sum(p[a] * gradient(net, cfg, q, actions[a : a + 1], reward[a : a + 1]) for a in range(3))
                for q in (None, critic)]  # fmt: skip
    torch.testing.assert_close(expected[1], expected[0])


@pytest.mark.learns
def test_a_q_that_is_right_leaves_no_variance():
    cfg, net, _ = bandit(spaces.Discrete(3))
    reward = torch.tensor([1.0, -2.0, 0.5])
    critic = Critic(1, spaces.Discrete(3), cfg)
    with torch.no_grad():
        critic.head.weight.zero_()
        critic.head.bias.copy_(reward)
    each = [gradient(net, cfg, critic, torch.tensor([a]), reward[a : a + 1] - 0.2) for a in range(3)]
    plain = [gradient(net, cfg, None, torch.tensor([a]), reward[a : a + 1] - 0.2) for a in range(3)]
    value = (net.policy(torch.zeros(1, dtype=torch.int64))[0].logp.exp()[0].detach() * reward).sum()
    assert torch.stack(plain).var(0).sum() > 0.1
    # what is left of the advantage is the error of the baseline 0.2, which is the same for all actions
    scores = [gradient(net, cfg, None, torch.tensor([a]), (value - 0.2)[None]) for a in range(3)]
    residual = torch.stack(each) - torch.stack(scores)
    torch.testing.assert_close(residual, residual[:1].expand(3, -1))


@pytest.mark.learns
def test_the_control_variate_of_a_gaussian_is_unbiased_and_lowers_the_variance():
    cfg, net, _ = bandit(spaces.Box(-9, 9, (1,), np.float32), log_std_init=-0.5, scale_actions=False)
    critic = Critic(1, spaces.Box(-9, 9, (1,), np.float32), cfg)
    with torch.no_grad():
        critic.head.weight.copy_(torch.tensor([[0.0, 2.0]]))  # Q = 2 a, and the return is 2 a + noise
    generator = torch.Generator().manual_seed(SEED)
    pi, _ = net.policy(torch.zeros(1, dtype=torch.int64))
    found = {}
    for name, q in (("plain", None), ("variate", critic)):
        samples = []
        for _ in range(500):
            action = pi.sample(generator).detach()
            adv = 2 * (action - pi.mean).detach()[:, 0] + 0.3 * torch.randn(1, generator=generator)
            samples.append(gradient(net, cfg, q, action, adv, generator).item())
        found[name] = np.mean(samples), np.std(samples)
    for mean, std in found.values():
        assert abs(mean + 2) < 4 * std / np.sqrt(500)  # minus the derivative of E[2 a] by the mean
    assert found["variate"][1] < 0.5 * found["plain"][1]


def test_normalised_advantages_scale_both_parts_alike():
    cfg, net, critic = bandit(spaces.Discrete(3), normalize_advantage=True)
    action, adv = torch.tensor([0, 1, 2, 1]), torch.tensor([1.0, 3.0, -2.0, 0.5])
    with_scale = gradient(net, cfg, critic, action, adv)
    cfg = a2c.Config(hidden=(), control_variate=True)
    torch.testing.assert_close(with_scale * adv.std(), gradient(net, cfg, critic, action, adv - adv.mean()))


def learner(env, steps, **config):
    agent = {"lr": 0.01, "hidden": (16,), **config}
    return A2C(env, preset="none", backend="loop", num_envs=32, seed=SEED, evals=0, agent=agent).learn(steps)


REPLAY = {"replay": 10_000, "replay_batch": 64, "replay_steps": 8, "optimizer": "adam", "critic_lr": 0.01}
VARIATE = {"control_variate": True, "optimizer": "adam", "lr": 0.02, "critic_lr": 0.01, "hidden": (32,)}


@pytest.mark.learns
@pytest.mark.parametrize("config", [VARIATE, REPLAY], ids=["control variate", "replay"])
@pytest.mark.parametrize("kind", ["discrete", "box"])
def test_it_learns_to_match_what_it_sees(config, kind):
    made = learner(lambda: Match(kind), 12_000, gamma=0.0, log_std_init=-1.0, **config)
    assert made.evaluate(20).mean > 8 * 0.85


@pytest.mark.parametrize("config", [{"control_variate": True}, REPLAY], ids=["control variate", "replay"])
def test_actions_that_are_single_numbers_are_learned_from(config):
    number = spaces.Box(-1, 1, (), np.float32)
    made = learner(lambda: Anything(number, number), 200, **config)
    assert made.agent.optimizer.flat.isfinite().all()


@pytest.mark.learns
def test_remembered_values_flow_back_in_time():
    made = learner(Later, 6_000, gamma=0.5, **REPLAY)
    values = [thoughts(made.agent, np.array([[t]], np.float32))["value"][0] for t in (0, 1)]
    assert values == pytest.approx([0.5, 1.0], abs=0.1)


@pytest.mark.learns
def test_what_a_time_limit_cuts_off_is_worth_v_in_memory_too():
    made = learner(Endless, 8_000, gamma=0.5, **REPLAY)
    assert thoughts(made.agent, np.zeros((1, 1), np.float32))["value"] == pytest.approx(2, abs=0.1)


@pytest.mark.learns
@pytest.mark.parametrize("env", [Opposite, lambda: Doors(observed=True)])
def test_remembered_actions_are_judged_anew(env):
    made = learner(env, 8_000, gamma=0.0, **REPLAY)
    assert made.evaluate(20).mean > (0.9 if env is Opposite else 4.5)


@pytest.mark.learns
def test_it_learns_to_push_back_against_a_slide_from_memory():
    made = learner(Slide, 8_000, gamma=0.5, log_std_init=-1.7, **{**REPLAY, "lr": 3e-4, "replay_steps": 8})
    assert made.evaluate(20).mean > -0.1


def test_nothing_is_learned_before_there_is_a_minibatch():
    run = preset("a2c", "CartPole-v1", "none", agent=REPLAY, steps=100, num_envs=2, evals=0)
    with Training(run) as training:
        before = training.agent.optimizer.flat.detach().clone()
        while len(training.agent.replay) + 10 < 64:
            training.iterate()
        assert torch.equal(before, training.agent.optimizer.flat)
        training.iterate()
        assert not torch.equal(before, training.agent.optimizer.flat)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"replay": 100}, "at least one replay_batch"),
        ({"replay": 1000, "control_variate": True}, "choose one"),
        ({"replay": -1}, "at least 0"),
        ({"critic_lr": 0.0}, "above 0"),
        ({"control_variate": True, "head": "autoregressive"}, "no gradient"),
    ],
)
def test_what_does_not_fit_is_refused(config, told):
    with pytest.raises(UsageError, match=told):
        a2c.Config(**config)


@pytest.mark.parametrize("config", [{"control_variate": True}, {**REPLAY, "normalize_return": True}])
def test_a_resumed_run_ends_where_an_uninterrupted_one_does(tmp_path, config):
    whole, resumed = states("a2c", config, tmp_path)
    for part in ("net", "critic"):
        for name, value in whole[part].items():
            assert torch.equal(value, resumed[part][name]), name
