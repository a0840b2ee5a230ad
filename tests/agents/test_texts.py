"""Agents that read and write texts: lm and grpo, and the policy gradients that were there before."""

from functools import partial

import numpy as np
import pytest
import torch
from gymnasium import spaces

from gymnast import agents
from gymnast.agents import grpo, lm, ppo
from gymnast.core import checkpoint
from gymnast.core.errors import UsageError
from gymnast.core.nets.texts import Texts
from gymnast.core.rollout.engine import Rollout
from gymnast.core.rollout.examples import first_steps, read
from gymnast.envs import text
from gymnast.runners.evaluation.evaluate import evaluate
from gymnast.runners.evaluation.likelihood import likelihood
from gymnast.runners.runs.load import eval_env
from gymnast.runners.runs.run import preset
from gymnast.runners.training.train import Training
from probes import SEED

TINY = {"width": 16, "layers": 1, "heads": 2, "hidden": ()}
PREFIXED = ("ppo", "a2c", "trpo", "reinforce")
copy = partial(text.make, "gymnast/Copy-v0")


def made(algo, env, seed=0, **config):
    module = agents.load(algo)
    options = module.Config(**{**TINY, **config})
    return module.Agent(env.single_observation_space, env.single_action_space, options, seed=seed)


def wrote(agent, env, collections=1, seed=0):
    """What the agent writes."""
    rollout = Rollout(env, min(agent.horizon, 16) if isinstance(agent.horizon, int) else agent.horizon, seed)
    acting = agent.acting(env.num_envs, "learn", seed)
    return [rollout.collect(acting) for _ in range(collections)][-1]


def test_examples_are_the_batch_of_someone_who_writes_them():
    env = copy(4)
    space = env.single_observation_space
    env.reset(seed=3)
    batch = read(env, space, 6)
    env.reset(seed=3)
    tokens, own = env.examples(6)
    for k in range(6):
        count = int(batch.valid[:, k].sum())
        assert batch.action[:count, k].tolist() == tokens[k, own[k]].tolist()
        for t, known in enumerate(np.flatnonzero(own[k])):
            assert batch.obs[t, k][:known].tolist() == tokens[k, :known].tolist()
            assert (batch.obs[t, k][known:] == space.vocabulary.pad).all()
        assert batch.terminated[count - 1, k]
    some = first_steps(batch, 5)
    assert some.steps == 5
    assert (some.valid <= batch.valid).all()


def test_the_loss_of_a_language_model_is_the_mean_over_tokens_that_are_not_given():
    env = copy(4)
    agent = made("lm", env)
    env.reset(seed=0)
    batch = read(env, env.single_observation_space, 8)
    by_hand = []
    for t, k in np.argwhere(batch.valid):
        pi = agent.net(torch.as_tensor(batch.obs[t, k][None]))
        by_hand.append(-pi.logp[0, batch.action[t, k]].item())
    metrics = agent.update(batch, 0.0)
    assert metrics["loss/text"] == pytest.approx(np.mean(by_hand), rel=1e-5)
    found = likelihood(made("lm", env), env, seed=0, texts=32)
    assert found["eval/loss"] == pytest.approx(np.mean(by_hand), rel=0.2)  # an untrained one, on other examples


@pytest.mark.parametrize("algo", ["grpo", *PREFIXED])
def test_log_probabilities_that_were_written_are_those_that_are_learned_from(algo):
    """Written with a cache, learned from in whole texts, and computed from the observations one by one."""
    env = copy(8, group=4) if algo == "grpo" else copy(8)
    agent = made(algo, env, **({"group": 4, "entropy_coef": 0.01} if algo == "grpo" else {}))
    with torch.no_grad():
        for parameter in agent.net.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    batch = wrote(agent, env, collections=3)
    action = torch.as_tensor(batch.action[batch.valid])
    policy = agent.net if algo == "grpo" else lambda obs: agent.net.policy(obs)[0]
    with torch.no_grad():
        plain = policy(torch.as_tensor(batch.obs[:-1][batch.valid])).log_prob(action)
        whole = batch_texts(agent, batch)
        assert whole.count <= batch.steps
        torch.testing.assert_close(policy(whole).log_prob(action), plain, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(torch.as_tensor(batch.extras["logp"][batch.valid]), plain, atol=1e-4, rtol=1e-4)


def batch_texts(agent, batch):
    if hasattr(agent, "actor"):
        seen = agent.actor.columns(batch, obs=batch.obs[:-1])["obs"]
    else:
        columns = agent._columns(batch, agent._rewards(batch), np.ones(batch.valid.shape[1]))
        seen = columns["obs"]
    assert isinstance(seen, Texts)
    return seen


@pytest.mark.parametrize("algo", PREFIXED)
def test_policy_gradients_learn_from_texts(algo):
    env = copy(8)
    agent = made(algo, env)
    before = torch.cat([p.detach().flatten() for p in agent.net.encoder.parameters()])
    agent.update(wrote(agent, env), 0.0)
    after = torch.cat([p.detach().flatten() for p in agent.net.encoder.parameters()])
    assert not torch.equal(before, after)


def test_ppos_gradient_is_that_of_observations_one_by_one():
    env = copy(8)
    agent = made("ppo", env)
    batch = wrote(agent, env, collections=2)
    data = agent.actor.columns(batch, obs=batch.obs[:-1], action=batch.action, **batch.extras)
    data |= agent.actor.columns(batch, adv=batch.reward + 1, ret=batch.reward)
    plain = data | {"obs": torch.as_tensor(batch.obs[:-1][batch.valid])}
    gradients = []
    for mb in (data, plain):
        total, _ = ppo.loss(agent.net, mb, agent.cfg)
        gradients.append(torch.autograd.grad(total, list(agent.net.parameters()), allow_unused=True))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


OPTIONS = {
    "lm": [{}, {"optimizer": "muon"}],
    "grpo": [
        {"group": 4, "kl_coef": 0.1, "minibatch": 8, "epochs": 2},
        {"group": 4, "kl_coef": 0.1, "kl_in": "loss", "scale": "group", "overlong": "mask", "optimizer": "muon"},
    ],
    "ppo": [{"horizon": 7, "epochs": 2, "minibatch": 16}],
}


@pytest.mark.parametrize(("algo", "options"), [(algo, o) for algo, many in OPTIONS.items() for o in many])
def test_a_run_goes_on_bit_for_bit_where_it_stopped(algo, options, tmp_path):
    if options.get("optimizer") == "muon" and not hasattr(torch.optim, "Muon"):
        pytest.skip("this torch has no Muon")
    env_args = {"group": 4} if algo == "grpo" else {}
    run = preset(algo, "gymnast/Copy-v0", "none", agent={**TINY, **options}, env_args=env_args, num_envs=8, steps=5000)
    ends = []
    with Training(run) as training:
        for k in range(6):
            training.iterate()
            if k == 2:
                checkpoint.save(tmp_path / "half.safetensors", training.state())
        checkpoint.save(tmp_path / "end.safetensors", training.state())
    with Training(run, None, checkpoint.load(tmp_path / "half.safetensors")) as training:
        for _ in range(3):
            training.iterate()
        checkpoint.save(tmp_path / "again.safetensors", training.state())
    for name in ("end", "again"):
        state = checkpoint.load(tmp_path / f"{name}.safetensors")
        ends.append({part: state[part] for part in ("steps", "agent", "acting", "source")})
    assert str(flat(ends[0])) == str(flat(ends[1]))


def flat(tree):
    """A tree with its arrays as bytes."""
    if isinstance(tree, dict):
        return {key: flat(part) for key, part in tree.items()}
    if isinstance(tree, list):
        return [flat(part) for part in tree]
    return tree.tobytes() if isinstance(tree, np.ndarray) else tree


def test_groups_that_the_environment_does_not_ask_in_are_refused():
    env = copy(8, waits=True)
    agent = made("grpo", env, group=4)
    with pytest.raises(UsageError, match="give --env"):
        agent.update(wrote(agent, env), 0.0)
    with pytest.raises(UsageError, match="at least 2"):
        grpo.Config(group=1)
    with pytest.raises(UsageError, match="at least 2"):
        grpo.Config(group=1, baseline="none", scale="group")
    assert grpo.Config(group=1, baseline="none").group == 1


def test_evaluation_asks_in_no_groups():
    run = preset("grpo", "gymnast/Copy-v0", "none", agent=TINY | {"group": 4}, env_args={"group": 4}, num_envs=8)
    env = eval_env(run, 3)
    assert (env.num_envs, env.group, env.waits) == (3, 1, False)


def test_only_environments_of_texts_give_examples():
    env = copy(2)
    with pytest.raises(UsageError, match="not texts"):
        lm.Agent(spaces.Box(-1, 1, (3,)), env.single_action_space, lm.Config())
    with pytest.raises(UsageError, match="not texts"):
        Training(preset("lm", "CartPole-v1", steps=100))


def test_answers_that_teach_nothing_are_left_out_and_counted():
    env = copy(8, group=4)
    agent = made("grpo", env, group=4)
    batch = wrote(agent, env)
    batch.reward[:] = 0
    before = torch.cat([p.detach().flatten() for p in agent.net.parameters()])
    metrics = agent.update(batch, 0.0)
    assert metrics["answer/informative"] == 0
    assert "loss/policy" not in metrics
    assert torch.equal(before, torch.cat([p.detach().flatten() for p in agent.net.parameters()]))


def test_the_first_ratio_is_one_and_rewarded_answers_become_likelier():
    env = copy(32, group=8)
    agent = made("grpo", env, lr=3e-3)
    batch = wrote(agent, env)
    batch.reward[:] = 0
    lucky = np.arange(32) % 8 == 0
    batch.reward[batch.valid.sum(0) - 1, np.arange(32)] = lucky
    metrics = agent.update(batch, 0.0)
    assert metrics["policy/ratio_error"] < 1e-4
    with torch.no_grad():
        logp = agent.net(torch.as_tensor(batch.obs[:-1][batch.valid])).log_prob(
            torch.as_tensor(batch.action[batch.valid])
        )
    change = np.zeros(batch.valid.shape)
    change[batch.valid] = logp.numpy() - batch.extras["logp"][batch.valid]
    assert change.sum(0)[lucky].mean() > 0 > change.sum(0)[~lucky].mean()


@pytest.mark.parametrize(
    ("rewards", "options"),
    [
        ((0, 0, 0, 0), {"entropy_coef": 0.1}),
        ((0, 0, 0, 0), {"kl_coef": 0.1}),
        ((1, 1, 1, 1), {"baseline": "none"}),
        ((1,), {"baseline": "none", "group": 1}),
        ((1,), {"baseline": "none", "group": 1, "scale": "batch"}),
    ],
)
def test_answers_that_earn_the_same_teach_where_they_have_a_gradient(rewards, options):
    options = {"group": 4, **options}
    env = copy(len(rewards), group=options["group"], waits=True)
    agent = made("grpo", env, **options)
    with torch.no_grad():  # away from where the penalty is least
        for parameter in agent.net.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    batch = wrote(agent, env)
    batch.reward[:] = 0
    batch.reward[batch.valid.sum(0) - 1, np.arange(len(rewards))] = rewards
    before = torch.cat([p.detach().flatten() for p in agent.net.parameters()])
    agent.update(batch, 0.0)
    after = torch.cat([p.detach().flatten() for p in agent.net.parameters()])
    assert after.isfinite().all()
    assert not torch.equal(before, after)


@pytest.mark.parametrize("scale", ["none", "group", "batch"])
def test_a_penalty_keeps_its_size_where_all_answers_earn_the_same(scale):
    env = copy(8, group=4)
    agent = made("grpo", env, group=4, kl_coef=1e-3, scale=scale)
    with torch.no_grad():
        for parameter in agent.net.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    batch = wrote(agent, env)
    columns = agent._columns(batch, np.ones((2, 4)), np.ones(8))
    divergence = (columns["logp"] - columns["reference"]).abs().sum()
    assert 0 < columns["adv"].abs().max() <= 2e-3 * divergence  # of any token's answer and the others' to its question


@pytest.mark.learns
def test_a_language_model_learns_to_copy():
    env = copy(8, length=1, symbols=4)
    agent = made("lm", env, SEED, batch=64, lr=5e-3, width=32)
    env.reset(seed=SEED)
    for k in range(150):
        agent.update(read(env, env.single_observation_space, 64), k / 150)
    assert likelihood(agent, env, SEED)["eval/loss"] < 0.1  # 1.8 where every token is as likely
    assert evaluate(agent, env, 100, SEED).mean > 0.9


@pytest.mark.learns
def test_rewards_alone_teach_to_copy():
    env = copy(64, group=8, length=1, symbols=2)
    agent = made("grpo", env, SEED, lr=1e-3, entropy_coef=0.05, width=32)
    rollout, acting = Rollout(env, agent.horizon, SEED), agent.acting(64, "learn", SEED)
    for _ in range(200):
        agent.update(rollout.collect(acting), 0.0)
    assert evaluate(agent, copy(64, length=1, symbols=2), 128, SEED, stochastic=True).mean > 0.9  # 1/16 at random
