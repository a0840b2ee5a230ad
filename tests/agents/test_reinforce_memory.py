"""REINFORCE that learns again from the episodes of earlier updates, by importance weights."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from stopping import states

from gymnast import REINFORCE
from gymnast.agents import reinforce
from gymnast.core.errors import UsageError
from gymnast.core.learn.episodes import Past, Played, joined
from gymnast.core.rollout.engine import Rollout
from gymnast.runners.lab import _mdp
from playing import collect, thoughts
from probes import SEED, Later, Match

GAMMA = 0.8
MDP = _mdp.random_mdp(np.random.default_rng(3), states=3, actions=2, horizon=3)
UP_TO = MDP.following.cumsum(-1)
NOW = np.array([[0.4, -0.2], [-0.3, 0.3], [0.1, 0.5]])
THEN = NOW + np.array([[0.5, -0.3], [0.4, -0.4], [-0.6, 0.2]])


class Game(gym.Env):
    """The MDP, played."""

    observation_space, action_space = spaces.Discrete(3), spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state, self.time = int(self.np_random.integers(3)), 0
        return self.state, {}

    def step(self, action):
        reward = MDP.reward[self.state, action]
        self.state = int(np.searchsorted(UP_TO[self.state, action], self.np_random.random(), side="right"))
        self.time += 1
        return self.state, float(reward), self.time == MDP.horizon, False, {}


def place(agent, logits):
    """Make the policy that of a table."""
    with torch.no_grad():
        agent.net.policy_head.linear.weight.copy_(torch.as_tensor(logits.T))
        agent.net.policy_head.linear.bias.zero_()


def gradients(updates, copies=32, **config):
    """Gradients of a policy that remembers the episodes of another one."""
    cfg = reinforce.Config(
        **{"hidden": (), "gamma": GAMMA, "lr": 1e-30, "past_updates": 1, "baseline": "none", **config}
    )
    env = SyncVectorEnv([Game] * copies, autoreset_mode=AutoresetMode.SAME_STEP)
    agent = reinforce.Agent(env.single_observation_space, env.single_action_space, cfg, seed=SEED)
    rollout, out = Rollout(env, agent.horizon, SEED), []
    for _ in range(updates):
        place(agent, THEN)
        agent.update(collect(agent, rollout), 0.0)
        place(agent, NOW)
        agent.update(collect(agent, rollout), 0.0)
        out.append(-agent.net.policy_head.linear.weight.grad.numpy().T.ravel().copy())
    return np.array(out)


@pytest.mark.learns
@pytest.mark.parametrize(
    "config",
    [
        {"reuse": "trajectory"},
        {"reuse": "per_decision"},
        {"reuse": "per_decision", "baseline": "value", "value_lr": 0.05},
        {"reuse": "per_decision", "baseline": "linear"},
    ],
    ids=str,
)
def test_the_gradient_of_remembered_episodes_is_unbiased(config):
    found = gradients(80, **config)
    mean, error = found.mean(0), found.std(0) / np.sqrt(len(found))
    assert (np.abs(mean - MDP.gradient(NOW, GAMMA)) < 4.5 * error).all()


@pytest.mark.learns
def test_without_weights_they_pull_it_away():
    found = gradients(80, reuse="first_order", clip=1e-9)
    error = found.std(0) / np.sqrt(len(found))
    assert (np.abs(found.mean(0) - MDP.gradient(NOW, GAMMA)) > 4.5 * error).any()


@pytest.mark.learns
def test_memory_lowers_the_variance():
    assert gradients(240, reuse="per_decision").var(0).sum() < 0.8 * gradients(240, past_updates=0).var(0).sum()


def every_game(logits):
    """Probability, states, actions and rewards of all that can happen."""
    pi, shape = _mdp.softmax(logits), (3, 2) * 3
    for cell in np.ndindex(shape):
        s, a = np.array(cell[::2]), np.array(cell[1::2])
        yield pi[s, a].prod() * MDP.following[s[:-1], a[:-1], s[1:]].prod() / 3, s, a


def test_importance_weights_turn_the_expectations_of_either_policy_into_the_others():
    def expected(acted, meant):
        ratio = _mdp.softmax(meant) / _mdp.softmax(acted)
        return sum(p * ratio[s, a].prod() * MDP.reward[s, a].sum() for p, s, a in every_game(acted))

    assert expected(THEN, NOW) == pytest.approx(expected(NOW, NOW), abs=1e-12)
    assert expected(NOW, THEN) == pytest.approx(expected(THEN, THEN), abs=1e-12)
    ratio = _mdp.softmax(NOW) / _mdp.softmax(THEN)
    assert sum(p * ratio[s, a].prod() for p, s, a in every_game(THEN)) == pytest.approx(1)


def test_the_exact_gradient_is_the_finite_difference_of_the_return():
    def value(logits):  # discounted from the start: the gradient whose later terms are discounted too
        return sum(p * (GAMMA ** np.arange(3) @ MDP.reward[s, a]) for p, s, a in every_game(logits))

    step = 1e-5
    slopes = [(value(NOW + step * e) - value(NOW - step * e)) / (2 * step) for e in np.eye(6).reshape(6, 3, 2)]
    cfg = reinforce.Config(weight="discounted_to_go", gamma=GAMMA)
    total = 0.0
    for p, s, a in every_game(NOW):
        play = _mdp.Play(s[:, None], a[:, None], MDP.reward[s, a][:, None])
        gain, _ = reinforce.credit(np.zeros((3, 1)), play.reward, cfg)
        total = total + p * _mdp.score_sums(play, gain, NOW)[0]
    np.testing.assert_allclose(total, slopes, atol=1e-9)


def test_episodes_are_numbered_through():
    def played(*lengths):
        step = np.concatenate([np.arange(n) for n in lengths])
        rest = [np.zeros(len(step))] * 4
        return Played(*rest, step=step, episode=np.repeat(np.arange(len(lengths)), lengths))

    assert joined([played(2, 1), played(3)]).episode.tolist() == [0, 0, 1, 2, 2, 2]
    assert joined([played(2, 1), played(3)]).step.tolist() == [0, 1, 0, 0, 1, 2]


def test_the_oldest_episodes_are_forgotten():
    made = REINFORCE(Match, preset="none", backend="loop", seed=SEED, evals=0, agent={"past_updates": 3})
    made.learn(64 * 5)
    assert len(made.agent.past) == 3


@pytest.mark.learns
def test_it_learns_with_a_memory():
    made = REINFORCE(
        Match, preset="none", backend="loop", seed=SEED, evals=0, agent={"past_updates": 4, "lr": 0.01, "gamma": 0.0}
    )
    assert made.learn(6_000).evaluate(20).mean > 7
    later = REINFORCE(Later, preset="none", backend="loop", seed=SEED, evals=0, agent={"past_updates": 2, "gamma": 0.5})
    later.learn(2_500)
    values = [thoughts(later.agent, np.array([[t]], np.float32))["value"][0] for t in (0, 1)]
    assert values == pytest.approx([0.5, 1.0], abs=0.1)


def test_a_negative_memory_is_refused():
    with pytest.raises(UsageError, match="at least 0"):
        reinforce.Config(past_updates=-1)


def test_a_resumed_run_remembers(tmp_path):
    whole, resumed = states("reinforce", {"past_updates": 2, "reuse": "per_decision"}, tmp_path)
    for name, value in whole["net"].items():
        assert torch.equal(value, resumed["net"][name]), name


def remembered(**damage):
    """A memory restored from a saved one whose columns are damaged so."""
    three = np.arange(3)
    part = Played(np.zeros((3, 4), np.float32), three, np.zeros(3, np.float32), np.zeros(3), three, 0 * three)._asdict()
    memory = Past(maxlen=2)
    memory.load_state([part | damage])
    return memory


@pytest.mark.parametrize(
    ("name", "column", "said"),
    [
        ("reward", np.zeros(2), "differ in length"),
        ("obs", np.zeros((4, 4), np.float32), "differ in length"),
        *((name, column, "at no place") for name in ("step", "episode") for column in (
            np.array([0, 1, -1]), np.array([0, 1, 3]), np.array([0, 1, 2**40]), np.zeros(3), np.zeros((3, 1), np.int64)
        )),
    ],
)  # fmt: skip
def test_a_memory_that_was_made_up_is_refused(name, column, said):
    assert len(remembered()) == 1
    with pytest.raises(ValueError, match=said):
        remembered(**{name: column})


def test_a_memory_of_another_environment_is_refused():
    with pytest.raises(UsageError, match="of another environment"):
        joined([*remembered(), *remembered(obs=np.zeros((3, 5), np.float32))])
    with pytest.raises(UsageError, match="of another environment"):
        joined([*remembered(), *remembered(action=np.zeros(3))])
