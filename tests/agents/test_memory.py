"""Agents with a memory: what they learn from is what they acted on, and only memory solves what needs one."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from memories import KINDS, MODES, Noise, Nothing, Recall
from torch import nn

import gymnast
from gymnast.agents import a2c, bc, dagger, ppo, reinforce
from gymnast.core.acting import Following, Memoryless
from gymnast.core.errors import UsageError
from gymnast.core.learn.pieces import in_pieces
from gymnast.core.learn.recorded import episodes, held_out
from gymnast.core.rollout.engine import Rollout
from gymnast.core.rollout.recording import Recording
from probes import SEED

each = pytest.mark.parametrize("kind", KINDS)


def made(algo, kind, **config):
    cfg = algo.Config(memory=kind, memory_size=8, window=3, hidden=(8,), horizon=12, normalize_obs=True, **config)
    agent = algo.Agent(Noise.observation_space, Noise.action_space, cfg, seed=1)
    agent.net.encoder.update(torch.randn(100, 3))
    return agent


def rolled(agent, mode, limit=None, batches=2):
    """The last of some rollouts of three environments, so that episodes go on into it."""
    env = SyncVectorEnv([Noise] * 3, autoreset_mode=mode)
    rollout, acting = Rollout(env, agent.horizon, seed=3), agent.acting(3, "learn", 5)
    for k in range(batches):
        batch = rollout.collect(acting, limit if k == batches - 1 else None)
    return batch


def remembering(agent, obs, first):
    """What a second network-side walk through one environment's observations (T, *obs) says: V and the state after."""
    net = agent.net
    state, values = torch.zeros(1, net.encoder.remembered), []
    for o, f in zip(obs, first, strict=True):
        seen = net.encoder.seen(torch.as_tensor(o)[None], torch.as_tensor([f]), state)
        values.append(net.value(seen).item())
        state = seen.after
    return values, state


@each
@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("config", [{}, {"chunk": 4}, {"chunk": 5}, {"shared_memory": True}], ids=str)
def test_before_it_learns_the_ratio_is_1(kind, mode, config):
    agent = made(ppo, kind, **config)
    batch = rolled(agent, mode, limit=23)
    data = agent.actor.columns(batch, obs=batch.obs[:-1], action=batch.action, **batch.extras)
    assert len(data["obs"]) == len(data["action"]) == 23
    pi, value = agent.net(data["obs"])
    torch.testing.assert_close(pi.log_prob(data["action"]), data["logp"], rtol=0, atol=1e-5)
    torch.testing.assert_close(value, data["value"], rtol=0, atol=1e-5)
    for mb in agent.actor.minibatches(data, 8):
        pi, value = agent.net(mb["obs"])
        torch.testing.assert_close(pi.log_prob(mb["action"]), mb["logp"], rtol=0, atol=1e-5)
        torch.testing.assert_close(value, mb["value"], rtol=0, atol=1e-5)


@each
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_final_observations_are_judged_with_what_was_remembered_before_the_reset(kind, mode):
    agent = made(ppo, kind)
    batch = rolled(agent, mode, batches=1)
    assert len(batch.final_at) > 3
    told = agent.actor.edge_values(batch)
    for i in range(3):
        values, _ = remembering(agent, batch.obs[:, i], batch.first[:, i])
        np.testing.assert_allclose(told[i], values[-1], atol=1e-5)
    for k, (t, i) in enumerate(batch.final_at):
        begin = np.flatnonzero(batch.first[: t + 1, i])[-1]
        episode = np.concatenate([batch.obs[begin : t + 1, i], batch.final_obs[k : k + 1]])
        values, _ = remembering(agent, episode, np.arange(len(episode)) == 0)
        np.testing.assert_allclose(told[3 + k], values[-1], atol=1e-5)


@each
def test_values_can_be_looked_at_again(kind):
    agent = made(ppo, kind, recompute_advantage=True)
    batch = rolled(agent, AutoresetMode.SAME_STEP)
    np.testing.assert_allclose(agent.actor.values(batch), batch.extras["value"], atol=1e-5)


def test_minibatches_are_whole_pieces_in_the_order_of_time_each_step_once():
    agent = made(ppo, "mingru", chunk=4)
    batch = rolled(agent, AutoresetMode.NEXT_STEP, limit=23)
    data = agent.actor.columns(batch, obs=batch.obs[:-1])
    data["number"] = torch.arange(23)
    flat = torch.as_tensor(batch.obs[:-1]).flatten(0, 1)[torch.as_tensor(batch.valid.ravel())]
    found = []
    for mb in in_pieces(data, 8, torch.Generator().manual_seed(0)):
        assert mb["obs"].first.shape == (4, 2) or mb["obs"].first.shape == (4, 1)
        assert torch.equal(mb["obs"].asked(mb["obs"].obs), flat[mb["number"]])
        found += mb["number"].tolist()
    assert sorted(found) == list(range(23))


@each
@pytest.mark.parametrize("shared", [True, False])
def test_the_policy_of_a_clone_with_a_memory_is_adopted(kind, shared):
    config = {"memory": kind, "memory_size": 8, "hidden": (8,), "window": 3}
    clone = bc.Agent(Noise.observation_space, Noise.action_space, bc.Config(normalize_obs=False, **config), seed=2)
    agent = ppo.Agent(Noise.observation_space, Noise.action_space, ppo.Config(shared_memory=shared, **config), seed=1)
    agent.adopt(clone.net.state_dict())
    obs = np.random.default_rng(0).normal(size=(6, 3, 3)).astype(np.float32)
    one, other = agent.acting(3, "best"), clone.acting(3, "best")
    for k, o in enumerate(obs):
        first = np.full(3, k == 0)
        one(o, first), other(o, first)
        told = [acting.thoughts()["action probability"] for acting in (one, other)]
        np.testing.assert_allclose(*told, atol=1e-6)


def test_pieces_without_a_step_to_learn_from_make_no_minibatch():
    agent = made(ppo, "mingru", chunk=4, minibatch=4)
    metrics = agent.update(rolled(agent, AutoresetMode.SAME_STEP, limit=13), 0.0)
    assert np.isfinite(list(metrics.values())).all()


def test_what_nobody_was_asked_about_is_no_validation(tmp_path):
    cfg = bc.Config(memory="gru", memory_size=4, hidden=(4,), validation=0.3, patience=3)
    agent = bc.Agent(Recall.observation_space, Recall.action_space, cfg, seed=SEED)
    demos = gymnast.collect(Following(Recalling), Recall, tmp_path / "demos", episodes=20)
    batch = Recording(demos).collect(agent.acting(1))
    apart = held_out(episodes(batch), cfg.validation, SEED)
    metrics = agent.update(replace(batch, valid=batch.valid & ~apart), 0.0)
    assert "validation/loss" not in metrics
    assert agent.lowest == np.inf


@pytest.mark.parametrize(
    "wrong", [np.zeros((3, 8), np.int64), np.zeros((2, 8), np.float32), np.full((3, 8), np.nan, "f4")]
)
def test_a_saved_memory_that_was_made_up_is_refused(wrong):
    acting = made(ppo, "gru", shared_memory=True).acting(3)
    with pytest.raises(ValueError, match="3 environments"):
        acting.parts()["remembered"].load_state({"remembered": wrong})


def test_a_memory_of_nothing_learns_what_a_network_without_one_does():
    options = {"hidden": (8,), "horizon": 12, "minibatch": 64, "epochs": 3}
    plain = ppo.Agent(Noise.observation_space, Noise.action_space, ppo.Config(twins="none", **options), seed=1)
    cfg = ppo.Config(memory="mingru", memory_size=3, shared_memory=True, twins="none", **options)
    other = ppo.Agent(Noise.observation_space, Noise.action_space, cfg, seed=1)
    encoder = other.net.encoder
    encoder.embed[0], encoder.memories[0] = nn.Identity(), Nothing()
    weights = {name: x for name, x in plain.net.state_dict().items() if not name.startswith("encoder")}
    assert not other.net.load_state_dict(weights, strict=False).unexpected_keys
    other.optimizer = ppo.Adam(other.net.parameters(), cfg.adam_eps, cfg.max_grad_norm)
    for agent in (plain, other):
        agent.update(rolled(agent, AutoresetMode.NEXT_STEP), 0.0)
    learned = other.net.state_dict()
    for name, weight in plain.net.state_dict().items():
        torch.testing.assert_close(learned[name], weight, rtol=0, atol=1e-5)


def test_a_policy_with_memory_does_not_answer_observations_without_their_past():
    with pytest.raises(TypeError, match="Sequences"):
        made(ppo, "gru").net(torch.zeros(2, 3))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (partial(ppo.Config, memory="attention", memory_size=6), "multiple"),
        (partial(ppo.Config, memory="gru", chunk=0), "chunk"),
        (partial(a2c.Config, memory="gru", replay=1000), "single steps"),
        (partial(ppo.Config, memory="gru", compile=True), "compile"),
        (partial(reinforce.Config, memory="gru", baseline="optimal"), "optimal"),
        (partial(reinforce.Config, memory="gru", chunk=8), "whole episodes"),
        (partial(bc.Config, memory="grue"), "memory"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(config, said):
    with pytest.raises(UsageError, match=said):
        config()


@pytest.mark.parametrize(
    ("algo", "kind"), [*(("PPO", kind) for kind in KINDS), ("A2C", "lstm"), ("TRPO", "mingru"), ("REINFORCE", "gru")]
)
@pytest.mark.learns
def test_what_needs_a_memory_is_learned_with_one(algo, kind):
    assert recalled(algo, kind) > 0.9


@pytest.mark.parametrize("algo", ["PPO", "A2C"])
def test_what_needs_a_memory_is_a_coin_toss_without_one(algo):
    assert recalled(algo, "none") < 0.75


SETTINGS = {
    "PPO": {"horizon": 16, "minibatch": 256, "epochs": 8, "lr": 3e-3},
    "A2C": {"horizon": 8, "lr": 1e-2, "optimizer": "adam"},
    "TRPO": {"horizon": 16},
    "REINFORCE": {"episodes": 2, "lr": 1e-2},
}


STEPS = {"A2C": 20_000}


def recalled(algo, kind):
    """The share of cues that is recalled after learning."""
    config = SETTINGS[algo] | {"memory": kind, "memory_size": 16, "hidden": (16,), "gamma": 0.9, "window": 8}
    learner = getattr(gymnast, algo)(
        Recall, preset="none", backend="loop", num_envs=32, seed=SEED, evals=0, agent=config
    )
    return learner.learn(STEPS.get(algo, 8_000)).evaluate(100).mean


class Recalling(Memoryless):
    """An expert that remembers the cue of each environment."""

    def __init__(self, envs):
        self.cue = np.zeros(envs, np.int64)

    def __call__(self, obs, first):
        self.cue[first] = obs[first, 0] > 0
        return {"action": self.cue.copy()}


@each
@pytest.mark.learns
def test_a_clone_with_a_memory_recalls_what_its_expert_did(kind, tmp_path):
    demos = gymnast.collect(Following(Recalling), Recall, tmp_path / "demos", episodes=40)
    assert cloned(demos, kind) == 1.0


def test_a_clone_without_one_cannot(tmp_path):
    demos = gymnast.collect(Following(Recalling), Recall, tmp_path / "demos", episodes=40)
    assert cloned(demos, "none") < 0.75


def cloned(demos, kind):
    """The share of cues that a clone recalls."""
    cfg = bc.Config(memory=kind, memory_size=16, hidden=(16,), lr=1e-2, minibatch=16, window=8)
    agent = bc.Agent(Recall.observation_space, Recall.action_space, cfg, seed=SEED)
    recording = Recording(demos)
    for k in range(20):
        agent.update(recording.collect(agent.acting(1)), k / 20)
    return recall_of(agent)


def recall_of(agent):
    """The share of cues that it recalls, as it acts."""
    rollout = Rollout(SyncVectorEnv([Recall] * 16, autoreset_mode=AutoresetMode.SAME_STEP), Recall.steps * 5, SEED)
    return rollout.collect(agent.acting(16, "best")).episodes.returns.mean()


@pytest.mark.parametrize("config", [{"threshold": 0.1, "ensemble": 2}, {"queries": 500}], ids=str)
@pytest.mark.learns
def test_dagger_with_a_memory_learns_from_an_expert_with_one(config):
    cfg = dagger.Config(memory="gru", memory_size=16, hidden=(16,), lr=1e-2, minibatch=64, horizon=10, **config)
    agent = dagger.Agent(Recall.observation_space, Recall.action_space, cfg, seed=SEED)
    agent.expert = Following(Recalling)
    env = SyncVectorEnv([Recall] * 16, autoreset_mode=AutoresetMode.NEXT_STEP)
    rollout, acting = Rollout(env, cfg.horizon, SEED), agent.acting(16)
    for k in range(8):
        agent.update(rollout.collect(acting), k / 8)
    assert recall_of(agent) == 1.0
    assert agent.asked == cfg.queries if cfg.queries else agent.asked > 100


@pytest.mark.parametrize(
    ("mode", "horizon", "lengths"),
    [
        (AutoresetMode.SAME_STEP, 3, [1, 1, 4, 4, 4, 4]),
        (AutoresetMode.NEXT_STEP, 4, [2, 2, 4, 4, 4, 4]),  # a round ends where the episodes do
    ],
)
def test_daggers_episodes_go_on_from_round_to_round(mode, horizon, lengths):
    cfg = dagger.Config(memory="mingru", memory_size=4, hidden=(4,), horizon=horizon, epochs=1)
    agent = dagger.Agent(Recall.observation_space, Recall.action_space, cfg, seed=SEED)
    agent.expert = Following(Recalling)
    env = SyncVectorEnv([Recall] * 2, autoreset_mode=mode)
    rollout, acting = Rollout(env, cfg.horizon, SEED), agent.acting(2)
    for _ in range(3):
        agent.update(rollout.collect(acting), 0.0)
    order = np.argsort(agent.episode, kind="stable")
    begins = (agent.data["obs"][order][:, 0] != 0).numpy()  # only a cue is no zero
    assert (begins == np.diff(agent.episode[order], prepend=-1).astype(bool)).all()
    assert sorted(np.unique(agent.episode, return_counts=True)[1]) == lengths


def walk(env, steps):
    """Observations of some steps, and which begin an episode."""
    obs, first = [env.reset(seed=3)[0]], [True]
    while len(obs) < steps:
        o, _, terminated, truncated, _ = env.step(0)
        first.append(terminated or truncated)
        obs.append(env.reset()[0] if first[-1] else o)
    return np.stack(obs), np.array(first)


@pytest.mark.parametrize("algo", ["PPO", "A2C"])
def test_predicting_hands_on_what_is_remembered(algo):
    config = {"memory": "gru", "memory_size": 8, "hidden": (8,)}
    learner = getattr(gymnast, algo)(Noise, preset="none", backend="loop", seed=SEED, agent=config)
    obs, first = walk(Noise(), 12)
    acting = learner.agent.acting(1, "best")
    wanted = [acting(o[None], np.array([f]))["action"][0] for o, f in zip(obs, first, strict=True)]
    found, state = [], None
    for o, f in zip(obs, first, strict=True):
        action, thoughts = learner.predict(o, state=state, first=f)
        learner.predict(obs[0])  # somebody else's question
        state = thoughts["state"]
        found.append(action)
    assert found == wanted
    rows = [learner.predict(obs[:4], state=np.stack([state] * 4))[1]["action probability"] for _ in range(2)]
    np.testing.assert_array_equal(*rows)
    forgotten = learner.predict(obs[:4])[1]["action probability"]
    assert not np.allclose(rows[0], forgotten)
    np.testing.assert_array_equal(
        learner.predict(obs[:4], state=np.stack([state] * 4), first=True)[1]["action probability"], forgotten
    )


def test_what_is_remembered_must_fit_the_observations():
    learner = gymnast.PPO(Noise, preset="none", backend="loop", agent={"memory": "gru", "hidden": (8,)})
    with pytest.raises(UsageError, match=r"\(2, 128\)"):
        learner.predict(np.zeros((2, 3), np.float32), state=np.zeros((3, 64), np.float32))
    plain = gymnast.PPO(Noise, preset="none", backend="loop")
    with pytest.raises(UsageError, match="remembers nothing"):
        plain.predict(np.zeros((2, 3), np.float32), state=np.zeros((2, 64), np.float32))


def test_what_acts_without_a_memory_is_not_made_of_one(tmp_path):
    learner = gymnast.PPO(Noise, preset="none", backend="loop", agent={"memory": "gru", "hidden": (8,)})
    with pytest.raises(UsageError, match="memory"):
        learner.export(tmp_path / "policy.pt")
    with pytest.raises(UsageError, match="memory"):
        gymnast.to_sb3(learner)
