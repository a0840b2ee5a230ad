"""Behaviour cloning: its objective, its options, and that it imitates."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.agents import bc
from gymnast.core.acting import Stateless
from gymnast.core.batch import Batch, Episodes
from gymnast.core.errors import UsageError
from gymnast.core.learn.divergence import divergence
from gymnast.core.learn.recorded import episodes, held_out
from gymnast.core.nets import Policy, PolicyConfig
from gymnast.core.rollout.engine import Rollout
from playing import act, acting, collect, thoughts
from probes import SEED, Match, Slide, clocks, recorded

BOX = spaces.Box(-1, 1, (2,), np.float32)


def vector(make_env, copies=4):
    return SyncVectorEnv([make_env] * copies, autoreset_mode=AutoresetMode.SAME_STEP)


def batch_of(obs, action, done=None, **extras):
    """A recording (T, 1) of observations (T, *obs) and actions; one episode, unless `done` (T,) says otherwise."""
    steps = len(action)
    done = np.eye(1, steps, steps - 1, dtype=bool)[0] if done is None else np.asarray(done)
    at = np.flatnonzero(done)
    return Batch(
        obs=np.concatenate([obs, obs[-1:]])[:, None],
        action=np.asarray(action)[:, None],
        reward=np.zeros((steps, 1), np.float32),
        terminated=done[:, None],
        truncated=np.zeros((steps, 1), bool),
        valid=np.ones((steps, 1), bool),
        first=np.concatenate([[True], done])[:, None],
        final_at=np.stack([at, 0 * at], 1),
        final_obs=obs[at],
        episodes=Episodes(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64)),
        extras={name: x[:, None] for name, x in extras.items()},
    )


def gradient(net, total):
    net.zero_grad()
    total.backward()
    return torch.cat([p.grad.flatten().clone() for p in net.parameters()])


def test_the_objective_is_the_forward_divergence_from_the_expert_up_to_a_constant():
    torch.manual_seed(SEED)
    net = Policy(spaces.Discrete(5), spaces.Discrete(3), PolicyConfig())
    expert = torch.tensor(np.random.default_rng(SEED).dirichlet(np.ones(3), 5).astype(np.float32))
    states, actions = torch.arange(5), torch.arange(3)
    # the expected loss: every action of every state, weighed by how often the expert takes it
    mb = {"obs": states.repeat_interleave(3), "action": actions.repeat(5), "weight": expert.flatten() * 3}
    cloning = gradient(net, bc.loss(net, mb, bc.Config())[0])
    distance = divergence("forward_kl", expert, net(states).logp).mean()
    torch.testing.assert_close(cloning, gradient(net, distance))


@pytest.mark.learns
@pytest.mark.parametrize("kind", ["reverse_kl", "jensen_shannon", "total_variation"])
def test_other_divergences_are_minimised_where_the_expert_tells_its_probabilities(kind):
    cfg = bc.Config(divergence=kind, validation=0, lr=0.01)
    expert = np.random.default_rng(SEED).dirichlet(np.ones(3), 5).astype(np.float32)
    obs = np.tile(np.arange(5), 40)
    batch = batch_of(obs, np.zeros(200, np.int64), probability=expert[obs])
    agent = bc.Agent(spaces.Discrete(5), spaces.Discrete(3), cfg, seed=SEED)
    for k in range(200):
        agent.update(batch, k / 200)
    np.testing.assert_allclose(thoughts(agent, np.arange(5))["action probability"], expert, atol=0.03)


def test_other_divergences_need_the_experts_probabilities():
    agent = bc.Agent(spaces.Discrete(5), spaces.Discrete(3), bc.Config(divergence="reverse_kl"))
    with pytest.raises(UsageError, match="must be forward_kl"):
        agent.update(batch_of(np.arange(5), np.zeros(5, np.int64)), 0.0)


def learned(cfg, batch, passes=60, obs=BOX, action=BOX, seed=SEED):
    agent = bc.Agent(obs, action, cfg, seed=seed)
    for k in range(passes):
        agent.update(batch, k / passes)
    return agent


def begun(batch, steps):
    """A pass of which only the first steps are within the run's budget."""
    return replace(batch, valid=np.arange(len(batch.valid))[:, None] < steps)


@pytest.mark.parametrize("held", [True, False])
def test_a_last_pass_that_ends_within_its_first_episode_only_measures_or_only_learns(held):
    batch = batch_of(np.zeros((4, 2), np.float32), np.zeros((4, 2), np.float32), done=[0, 1, 0, 1])
    episode = np.array([[0], [0], [1], [1]])
    seed = next(s for s in range(99) if held_out(episode, 0.1, s)[0, 0] == held)
    agent = bc.Agent(BOX, BOX, bc.Config(patience=9), seed=seed)
    agent.update(batch, 0.0)
    before = agent.optimizer.flat.clone()
    metrics = agent.update(begun(batch, 1), 0.5)
    assert ("validation/loss" in metrics, "loss/imitation" in metrics) == (held, not held)
    assert torch.equal(agent.optimizer.flat, before) == held
    assert np.isfinite(list(metrics.values())).all()


def test_a_run_of_held_out_steps_alone_learns_nothing():
    batch = batch_of(np.zeros((4, 2), np.float32), np.zeros((4, 2), np.float32), done=[0, 1, 0, 1])
    seed = next(s for s in range(99) if held_out(np.array([[0], [0], [1], [1]]), 0.1, s)[0, 0])
    agent = bc.Agent(BOX, BOX, bc.Config(), seed=seed)
    assert np.isfinite(agent.update(begun(batch, 1), 1.0)["validation/loss"])


@pytest.mark.learns
@pytest.mark.parametrize("head", ["plain", "squashed", "mixture", "autoregressive"])
def test_every_head_imitates_a_continuous_expert(head):
    env = vector(lambda: Match("box"))
    batch = recorded(env, lambda obs: {"action": obs}, 64).collect(None)
    agent = learned(bc.Config(head=head, lr=3e-3, hidden=(64, 64)), batch)
    obs = np.random.default_rng(1).uniform(-0.9, 0.9, (64, 2)).astype(np.float32)
    error = np.abs(act(agent, obs, "best")["action"] - obs)
    assert error.mean() < (0.06 if head == "autoregressive" else 0.04)  # half a bin is 0.05


@pytest.mark.learns
def test_it_imitates_an_expert_on_states_that_the_expert_visits():
    env = vector(Slide)
    recording = recorded(env, lambda obs: {"action": np.clip(-2 * obs, -2, 2)}, 32)
    agent = learned(bc.Config(lr=3e-3), recording.collect(None), obs=Slide.observation_space, action=Slide.action_space)
    batch = collect(agent, Rollout(vector(Slide), 10, seed=9), "best")
    assert batch.reward[1:].mean() > -0.005  # after one step the mass is where it belongs


@pytest.mark.learns
def test_entropy_bonus_keeps_the_policy_from_being_sure():
    obs, action = np.zeros(64, np.int64), np.zeros(64, np.int64)
    sure, unsure = (
        learned(
            bc.Config(entropy_coef=c, validation=0), batch_of(obs, action), 200, spaces.Discrete(2), spaces.Discrete(2)
        )
        for c in (0.0, 1.0)
    )
    p = [thoughts(agent, obs[:1])["action probability"][0, 0] for agent in (sure, unsure)]
    assert p[0] > 0.95
    # d/dp (-log p - H(p)) = 0 where log(p / (1 - p)) = 1 / p
    assert p[1] == pytest.approx(0.782, abs=0.01)


@pytest.mark.learns
def test_l2_keeps_weights_small():
    obs = np.random.default_rng(SEED).normal(size=(64, 2)).astype(np.float32)
    norms = []
    for l2 in (0.0, 1.0):
        agent = learned(bc.Config(l2=l2, validation=0, lr=0.01), batch_of(obs, obs), 100)
        norms.append(sum(float(p.detach().square().sum()) for p in agent.net.parameters()))
    assert norms[1] < 0.5 * norms[0]


@pytest.mark.learns
def test_balance_weighs_rare_actions_as_much_as_common_ones():
    action = np.array([0] * 90 + [1] * 10)
    batch = batch_of(np.zeros(100, np.int64), action)
    for balance, expected in ((False, 0.1), (True, 0.5)):
        cfg = bc.Config(balance=balance, validation=0, lr=0.01, minibatch=100)
        agent = learned(cfg, batch, 200, spaces.Discrete(1), spaces.Discrete(3))
        assert thoughts(agent, np.zeros(1, np.int64))["action probability"][0, 1] == pytest.approx(expected, abs=0.02)


@pytest.mark.learns
def test_noise_on_observations_is_ridge_regression():
    # For a linear policy noise of standard deviation s shrinks the slope to 1 / (1 + s^2) (Bishop 1995).
    obs = np.random.default_rng(SEED).normal(size=(2048, 1)).astype(np.float32)
    space = spaces.Box(-50, 50, (1,), np.float32)
    cfg = bc.Config(noise=1.0, hidden=(), validation=0, lr=0.02, minibatch=512)
    agent = learned(cfg, batch_of(obs, obs), 150, space, space)
    slope = float(np.diff(act(agent, np.array([[-1.0], [1.0]], np.float32), "best")["action"], axis=0)[0, 0]) / 2
    assert slope == pytest.approx(0.5, abs=0.08)


def test_validation_holds_out_whole_episodes_and_keeps_them_when_more_come():
    episode = np.repeat(np.arange(40), 3)
    apart = held_out(episode, 0.25, seed=3)
    by_episode = apart.reshape(40, 3)
    assert (by_episode.all(1) == by_episode.any(1)).all()
    assert 4 <= by_episode[:, 0].sum() <= 18
    assert (held_out(np.repeat(np.arange(80), 3), 0.25, seed=3)[:120] == apart).all()
    assert not held_out(np.zeros(5, np.int64), 0.25, seed=3).any(), "a single episode is learned from"
    assert not held_out(episode, 0.0, seed=3).any()


def test_episodes_are_numbered_whichever_environment_they_are_from():
    env = clocks("2|", "3|")
    batch = Rollout(env, 5).collect(Stateless(lambda obs: {"action": np.zeros(len(obs), np.int64)}))
    number = episodes(batch)
    seen = batch.obs[:-1, :, :2].reshape(-1, 2)  # copy, episode
    for k in range(number.max() + 1):
        assert len(np.unique(seen[number.ravel() == k], axis=0)) == 1


@pytest.mark.learns
def test_early_stopping_finishes_and_acts_as_at_the_lowest_validation_loss():
    random = np.random.default_rng(SEED)
    obs = random.normal(size=(60, 2)).astype(np.float32)
    action = random.normal(size=(60, 2)).astype(np.float32)  # nothing to learn but noise: validation soon gets worse
    batch = batch_of(obs, action, done=np.arange(60) % 6 == 5)
    agent = bc.Agent(BOX, BOX, bc.Config(patience=5, validation=0.3, lr=0.01))
    losses, actions = [], []
    while not agent.finished:
        losses.append(agent.update(batch, 0.0)["validation/loss"])
        actions.append(agent.net(torch.as_tensor(obs)).mode().detach().numpy())
        assert len(losses) < 500
    best = int(np.argmin(losses))
    assert len(losses) == best + 6
    np.testing.assert_array_equal(act(agent, obs, "best")["action"], actions[best])


def test_patience_needs_something_to_hold_out():
    agent = bc.Agent(BOX, BOX, bc.Config(patience=5))
    with pytest.raises(UsageError, match="second episode"):
        agent.update(batch_of(np.zeros((4, 2), np.float32), np.zeros((4, 2), np.float32)), 0.0)


class Reach(gym.Env):
    """Walk on a line by -1, 0 or 1 to a goal that one is told; six steps."""

    PLACE = spaces.Box(-6, 6, (1,), np.float32)
    observation_space = spaces.Dict(observation=PLACE, achieved_goal=PLACE, desired_goal=PLACE)
    action_space = spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place, self.time = 0, 0
        self.goal = int(self.np_random.integers(-3, 4))
        return self._obs(), {}

    def step(self, action):
        self.place += int(action) - 1
        self.time += 1
        return self._obs(), -float(self.place != self.goal), False, self.time == 6, {}

    def _obs(self):
        place, goal = np.array([self.place], np.float32), np.array([self.goal], np.float32)
        return {"observation": place, "achieved_goal": place, "desired_goal": goal}


def test_relabelled_goals_are_what_each_episode_achieved():
    env = vector(Reach)
    random = np.random.default_rng(SEED)
    batch = recorded(env, lambda obs: {"action": random.integers(0, 3, len(obs))}, 8).collect(None)
    agent = bc.Agent(Reach.observation_space, Reach.action_space, bc.Config(relabel=True))
    obs = agent._goals(batch, episodes(batch))
    view = agent.net.encoder.layout.view
    goal = view(torch.as_tensor(obs[:, 0]))["desired_goal"].numpy().reshape(8, 6)
    reached = view(torch.as_tensor(batch.final_obs))["achieved_goal"].numpy()
    np.testing.assert_array_equal(goal, np.repeat(reached, 6, axis=1))
    before = view(torch.as_tensor(batch.obs[:-1, 0].copy()))
    np.testing.assert_array_equal(view(torch.as_tensor(obs[:, 0]))["observation"], before["observation"])


@pytest.mark.learns
def test_goal_conditioned_cloning_learns_to_reach_from_one_who_wandered():
    env = vector(Reach)
    random = np.random.default_rng(SEED)

    def wander(obs):  # each copy goes one way for an episode, without regard to its goal
        if not hasattr(wander, "way") or int(obs[0].view(np.float32)[0]) == 0:
            wander.way = random.integers(0, 3, len(obs))
        stay = random.random(len(obs)) < 0.4
        return {"action": np.where(stay, 1, wander.way)}

    batch = recorded(env, wander, 400).collect(None)
    cfg = bc.Config(relabel=True, lr=3e-3, minibatch=256)
    agent = learned(cfg, batch, 40, Reach.observation_space, Reach.action_space)
    blind = learned(replace(cfg, relabel=False), batch, 40, Reach.observation_space, Reach.action_space)
    returns = []
    for clone in (agent, blind):
        lived = Rollout(vector(Reach, 16), 48, seed=77).collect(acting(clone, 16, "sample"))
        last = lived.reward[5::6]
        returns.append(float((last == 0).mean()))
    assert returns[0] > 0.6
    assert returns[1] < 0.4


WRONG = [
    (bc.Config(balance=True), BOX, "balance needs Discrete actions"),
    (bc.Config(divergence="reverse_kl"), BOX, "needs Discrete actions"),
    (bc.Config(relabel=True), spaces.Discrete(2), "relabel needs Dict observations"),
]


@pytest.mark.parametrize(("cfg", "action", "said"), WRONG)
def test_options_that_do_not_fit_the_spaces_are_refused(cfg, action, said):
    with pytest.raises(UsageError, match=said):
        bc.Agent(BOX, action, cfg)


def test_noise_on_what_is_no_number_is_refused():
    with pytest.raises(UsageError, match="real numbers"):
        bc.Agent(spaces.Discrete(3), spaces.Discrete(2), bc.Config(noise=0.1))
    with pytest.raises(UsageError, match="patience is 0"):
        bc.Config(patience=0)
