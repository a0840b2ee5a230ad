"""Each twin against the readable functions that it stands in for, with the agent that chooses between them left out."""

import numpy as np
import torch
from gymnasium import spaces

from gymnast.agents import a2c, bc, dqn, ppo
from gymnast.core.acting import ask
from gymnast.core.games.inference import inference
from gymnast.core.games.net import PolicyValueNet
from gymnast.core.learn.actor import Actor
from gymnast.core.learn.optim import Adam, flatten
from gymnast.core.nets import ActionValue, ActionValueConfig, ActorCritic, BoardConfig, Policy
from gymnast.core.rollout.fused import FusedActor
from gymnast.core.rollout.policy import PolicyActing
from gymnast.core.written_out import regression
from gymnast.core.written_out.epochs import Terms
from gymnast.core.written_out.likelihood import Likelihood
from gymnast.core.written_out.surrogate import Surrogate

OBS = spaces.Box(-1, 1, (5,), np.float32)
LOW, HIGH = (np.array(bound, np.float32) for bound in ([[-1, 300], [0, -9]], [[1, 500], [1e-3, np.inf]]))
ACTIONS = {
    "discrete": spaces.Discrete(3),
    "box": spaces.Box(-1, 1, (2, 2), np.float32),
    "uneven box": spaces.Box(LOW, HIGH),
}
BOX = spaces.Box(np.array([-1.0, 0.0], np.float32), np.array([3.0, 0.5], np.float32))
OBSERVED = {"box": OBS, "discrete": spaces.Discrete(6)}
SMALL = {"hidden": (8, 6)}
LOGGED = ("loss/policy", "loss/value", "policy/entropy", "policy/kl", "policy/clipped")


def actor_critic(kind, cfg):
    """A network whose standardisation, if it has one, has seen something, and its optimiser."""
    torch.manual_seed(1)
    net = ActorCritic(OBS, ACTIONS[kind], cfg)
    net.encoder.update(3 * torch.randn(50, 5) + 1)
    return net, Adam(net.parameters())


def minibatch(net, size, seed=0):
    """Steps of a policy that has moved on since: ratios on both sides of the clip range, values near and far."""
    torch.manual_seed(seed)
    obs = torch.randn(size, 5)
    with torch.no_grad():
        pi, value = net(obs)
        action = pi.sample()
        logp = pi.log_prob(action) + 0.3 * torch.randn(size)
    old = value + 0.2 * torch.randn(size)
    return {"obs": obs, "action": action, "logp": logp, "value": old} | {
        "adv": torch.randn(size) + 0.5,
        "ret": value + torch.randn(size),
    }


def gradient(optimizer, total):
    """The gradient of a loss; what is left in its place must be written over, not added to."""
    flat = optimizer.flat
    flat.grad.zero_()
    total.backward()
    expected = flat.grad.clone()
    flat.grad.fill_(7.0)
    return expected


def clipped_surrogate_is_ppos_loss(kind="discrete", size=64, **config):
    cfg = ppo.Config(**{**SMALL, "policy_gain": 1.0} | config)
    net, optimizer = actor_critic(kind, cfg)
    mb = minibatch(net, size)
    total, logs = ppo.loss(net, mb, cfg)
    assert size == 1 or 0.1 < logs["policy/clipped"] < 0.9
    expected = gradient(optimizer, total)
    most = np.inf if cfg.value_clip is None else cfg.value_clip
    terms = Terms(cfg.value_coef, cfg.entropy_coef, cfg.normalize_advantage, True, cfg.clip, most)
    logged = Surrogate.of(net, optimizer).differentiate(mb, terms)
    torch.testing.assert_close(logged, torch.stack([logs[key].detach() for key in LOGGED]), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(optimizer.flat.grad, expected, rtol=1e-4, atol=1e-6)


def policy_gradient_is_a2cs_loss(kind="discrete", size=64, moved=False, **config):
    cfg = a2c.Config(**{**SMALL, "policy_gain": 1.0} | config)
    net, optimizer = actor_critic(kind, cfg)
    mb = minibatch(net, size)
    if not moved:
        mb["logp"] = net(mb["obs"])[0].log_prob(mb["action"]).detach()
    total, logs = a2c.loss(net, mb, cfg)
    expected = gradient(optimizer, total)
    terms = Terms(cfg.value_coef, cfg.entropy_coef, cfg.normalize_advantage, ratios=False)
    logged = Surrogate.of(net, optimizer).differentiate(mb, terms)[:3]
    torch.testing.assert_close(logged, torch.stack([logs[key].detach() for key in LOGGED[:3]]), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(optimizer.flat.grad, expected, rtol=1e-4, atol=1e-6)


def likelihood_is_bcs_loss(kind="discrete", **config):
    cfg = bc.Config(**{**SMALL, "normalize_obs": False} | config)
    torch.manual_seed(1)
    net = Policy(OBS, ACTIONS[kind], cfg)
    optimizer = Adam(net.parameters())
    net.encoder.update(3 * torch.randn(50, 5) + 1)
    if kind != "discrete":
        net.policy_head.log_std.data.copy_(0.5 * torch.randn(4))
    obs = torch.randn(64, 5)
    mb = {"obs": obs, "action": net(obs).sample().detach().view(64, *net.action_shape), "weight": 2 * torch.rand(64)}
    total, logs = bc.loss(net, mb, cfg)
    expected = gradient(optimizer, total)
    imitation = Likelihood.of(net, optimizer)(mb, cfg.entropy_coef)
    np.testing.assert_allclose(imitation, logs["loss/imitation"].item(), rtol=1e-5)
    torch.testing.assert_close(optimizer.flat.grad, expected, rtol=1e-4, atol=1e-6)


def drawn(space, k, size):
    """As a replay draws it: k minibatches, with errors on both sides of Huber's bend."""
    random = np.random.default_rng(1)

    def observations():
        if isinstance(space, spaces.Discrete):
            return random.integers(0, 6, (k, size))
        return random.standard_normal((k, size, 5), dtype=np.float32)

    return {"obs": observations(), "next_obs": observations(), "action": random.integers(0, 3, (k, size))} | {
        "reward": 2 * random.standard_normal((k, size), dtype=np.float32),
        "discount": np.where(random.random((k, size)) < 0.3, 0.0, 0.9).astype(np.float32),
        "weights": random.random((k, size), dtype=np.float32),
    }


def regression_is_dqns_steps(monkeypatch, obs="box", jitted=True, **config):
    cfg = dqn.Config(**{**SMALL, "max_grad_norm": 0.5, "twins": "none"} | config)
    agent, plain = (dqn.Agent(OBSERVED[obs], ACTIONS["discrete"], cfg, seed=1) for _ in range(2))
    for one in (agent, plain):  # or it would be the network itself
        one._target.mul_(0.5)
    given = drawn(OBSERVED[obs], 3, 33)
    monkeypatch.setattr(regression, "_SMALL", 1_000_000 if jitted else 0)
    twin = regression.Regression.of(agent.net, agent.target_net, agent.optimizer)
    logged, errors = twin.fit(given, 0.01, cfg.double, cfg.loss == "squared")
    expected, expected_errors = plain._fit(given, 0.01)
    np.testing.assert_allclose(errors, expected_errors, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(logged, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(agent.optimizer.flat.grad, plain.optimizer.flat.grad, rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(agent.optimizer.flat.data, plain.optimizer.flat.data, rtol=1e-3, atol=1e-5)
    for one, other in zip(*(each.optimizer.state().values() for each in (agent, plain)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)


def continuous(k, size):
    """k minibatches of actions in an uneven box, as a replay draws them."""
    random, width = np.random.default_rng(2), BOX.high - BOX.low
    data = {name: random.standard_normal((k, size, 5), dtype=np.float32) for name in ("obs", "next_obs")}
    data |= {"action": (BOX.low + random.random((k, size, 2)) * width).astype(np.float32)}
    data |= {"reward": random.standard_normal((k, size), dtype=np.float32)}
    data |= {"weights": random.random((k, size), dtype=np.float32)}
    data |= {"discount": np.where(random.random((k, size)) < 0.3, 0.0, 0.9).astype(np.float32)}
    return {name: torch.as_tensor(x) for name, x in data.items()}


def written_out_are_the_steps_of(module, **config):
    """Six gradient steps of SAC or TD3, with large step sizes so that the networks part from their slow copies."""
    config = {"hidden": (8, 6), "critic_hidden": (8, 6), "lr": 1e-2, "critic_lr": 1e-2, "tau": 0.1} | config
    logs, errors, agents = [], [], []
    for choice, path in (("auto", "written out"), ("none", "autograd")):
        agent = module.Agent(OBS, BOX, module.Config(**config, twins=choice), seed=1)
        assert agent.paths["gradient"] == path
        for encoder in agent.encoders():
            encoder.update(3 * torch.randn(50, 5, generator=torch.Generator().manual_seed(1)) + 1)
        log, error = agent._fit(continuous(6, 33), 0.5)
        logs.append(log)
        errors.append(error)
        agents.append(agent)
    torch.testing.assert_close(*logs, rtol=1e-4, atol=1e-5, equal_nan=True)
    torch.testing.assert_close(*errors, rtol=1e-4, atol=1e-5)
    for name in ("optimizer", "critic_optimizer"):
        one, other = (getattr(agent, name).flat for agent in agents)
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-3, atol=1e-5)
        torch.testing.assert_close(one.data, other.data, rtol=1e-3, atol=2e-4)
    torch.testing.assert_close(*(agent._slow for agent in agents), rtol=1e-3, atol=2e-4)


def jitted_actor_explores_as(module, **config):
    """Actions of a jitted loop have the distribution of the agent's own, in every corner of the box."""
    agent = module.Agent(OBS, BOX, module.Config(**{**SMALL, "critic_hidden": (4,), "learning_starts": 0} | config))
    with torch.no_grad():
        agent.net.policy_head.linear.weight.mul_(5.0)
    obs = np.repeat(np.random.default_rng(0).standard_normal((2, 5), dtype=np.float32), 50, 0)
    acting = agent.acting(len(obs), "learn", 0)
    drawn = ([ask(each, obs)["action"].reshape(2, 50, 2) for _ in range(200)] for each in (acting, acting.twin))
    pair = [np.concatenate(x, 1) for x in drawn]
    for one, other in zip(*pair, strict=True):
        for j in range(2):
            places = np.linspace(BOX.low[j], BOX.high[j], 11)[1:-1]
            below = [(x[:, j, None] < places).mean(0) for x in (one, other)]
            np.testing.assert_allclose(*below, atol=5 * np.sqrt(0.5 / len(one)))
    assert (pair[1] >= BOX.low).all()
    assert (pair[1] <= BOX.high).all()


def jitted_actor_is_the_networks_policy(kind="discrete", **config):
    """Log-probabilities and values are those of the network; actions are drawn as often as it says."""
    net, _ = actor_critic(kind, ppo.Config(**{**SMALL, "policy_gain": 1.0, "log_std_init": -0.3} | config))
    obs = np.repeat(np.random.default_rng(0).standard_normal((2, 5), dtype=np.float32), 20_000, 0)
    out = ask(FusedActor(net, len(obs), 0), obs)
    with torch.no_grad():
        pi, value = net(torch.as_tensor(obs))
        logp = pi.log_prob(torch.as_tensor(out["action"]))
    np.testing.assert_allclose(out["logp"], logp, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(out["value"], value, rtol=1e-4, atol=1e-5)
    for half, theirs in zip(np.split(out["action"].reshape(len(obs), -1), 2), (0, -1), strict=True):
        if kind == "discrete":
            share = pi.logp[theirs].exp().numpy()
            counted = np.bincount(half[:, 0], minlength=3) / len(half)
            assert (abs(counted - share) < 5 * np.sqrt(share * (1 - share) / len(half))).all()
        else:
            std = pi.log_std.detach().exp().numpy()
            assert (abs(half.mean(0) - pi.mean[theirs].numpy()) < 5 * std / np.sqrt(len(half))).all()
            np.testing.assert_allclose(half.std(0), std, rtol=5 / np.sqrt(2 * len(half)))


def jitted_actor_is_the_readable_acting(kind="discrete", **config):
    """It records the same columns, of the same types, and what it says of its actions is what the other would say."""
    cfg = ppo.Config(**{k: v for k, v in {**SMALL, "policy_gain": 1.0, **config}.items() if k != "entropy_coef"})
    actor = Actor(OBS, ACTIONS[kind], cfg, "cpu", 0)
    flatten(actor.net.parameters())
    acting = PolicyActing(actor, 64, "learn", 0)
    obs = np.random.default_rng(0).standard_normal((64, 5), dtype=np.float32)
    one, other = ask(acting, obs), ask(acting.twin, obs)
    assert {name: (x.shape, x.dtype) for name, x in one.items()} == {n: (x.shape, x.dtype) for n, x in other.items()}
    np.testing.assert_allclose(one["value"], other["value"], rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        said = actor.net.policy(torch.as_tensor(obs))[0].log_prob(torch.as_tensor(other["action"]))
    np.testing.assert_allclose(other["logp"], said, rtol=1e-4, atol=1e-5)


def jitted_actor_is_greedy_as_the_network():
    torch.manual_seed(1)
    net = ActionValue(OBS, ACTIONS["discrete"], ActionValueConfig(hidden=(8, 6)))
    flatten(net.parameters())
    obs = np.random.default_rng(0).standard_normal((500, 5), dtype=np.float32)
    actor = FusedActor(net, len(obs), 0)
    net.epsilon.fill_(0.0)
    with torch.no_grad():
        best = net.greedy(torch.as_tensor(obs), net(torch.as_tensor(obs)))
    np.testing.assert_array_equal(ask(actor, obs)["action"], best)
    net.epsilon.fill_(1.0)
    counts = np.bincount(ask(actor, np.repeat(obs[:1], 500, 0))["action"], minlength=3)
    assert (abs(counts / 500 - 1 / 3) < 5 * np.sqrt(2 / 9 / 500)).all()


def jitted_inference_is_the_networks_answer():
    torch.manual_seed(1)
    net = PolicyValueNet((2, 3, 3), 9, BoardConfig(hidden=(16, 8)))
    planes = (np.random.default_rng(0).random((20, 2, 3, 3)) < 0.3).astype(np.float32)
    with torch.no_grad():
        expected = net(torch.as_tensor(planes))
    answer = inference(net)
    assert type(answer).__name__ == "_Perceptron"
    for one, other in zip(answer(planes), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
