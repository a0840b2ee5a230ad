"""DAgger: whose labels, on whose states, how many, and that it ends up where the expert is."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.agents import dagger
from gymnast.core import checkpoint
from gymnast.core.errors import UsageError
from gymnast.core.rollout.engine import Rollout
from playing import act, collect, go_on, saved, thoughts
from probes import SEED, Match, Slide, recorded

DISCRETE = spaces.Discrete(4)


def vector(make_env=Match, copies=4):
    return SyncVectorEnv([make_env] * copies, autoreset_mode=AutoresetMode.SAME_STEP)


class Expert:
    """Solves `Match`, and remembers what it was asked about."""

    def __init__(self, shift=0):
        self.shift, self.asked = shift, []

    def __call__(self, obs):
        self.asked.append(obs.copy())
        return {"action": (obs + self.shift) % 4}


def made(expert=None, seed=SEED, **config):
    agent = dagger.Agent(DISCRETE, DISCRETE, dagger.Config(**{"horizon": 16, "minibatch": 32, **config}), seed=seed)
    agent.expert = expert or Expert()
    return agent


def rounds(agent, count, seed=SEED, env=None):
    rollout = Rollout(env or vector(), 16, seed)
    for k in range(count):
        batch = collect(agent, rollout)
        metrics = agent.update(batch, k / count)
    return batch, metrics


@pytest.mark.learns
def test_labels_are_the_experts_on_the_states_that_the_learner_visits():
    agent = made(Expert(shift=1), beta_start=0.0)
    batch = collect(agent, Rollout(vector(), 16, SEED))
    np.testing.assert_array_equal(batch.extras["label"], (batch.obs[:-1] + 1) % 4)
    assert (batch.action != batch.extras["label"]).any(), "the learner acts"
    np.testing.assert_array_equal(batch.action, batch.extras["own"])
    agent.update(batch, 0.0)
    np.testing.assert_array_equal(agent.data["action"], batch.extras["label"].ravel())
    np.testing.assert_array_equal(agent.data["obs"], batch.obs[:-1].ravel())


def test_with_beta_1_the_data_are_those_of_behaviour_cloning():
    agent = made(beta="exponential", beta_decay=1.0)
    rounds(agent, 2, seed=3)
    demonstrated = recorded(vector(), Expert(), 16, seed=3).collect(None)  # the same environments and seed

    def pairs(obs, action):
        return sorted(zip(np.ravel(obs).tolist(), np.ravel(action).tolist(), strict=True))

    assert pairs(agent.data["obs"], agent.data["action"]) == pairs(demonstrated.obs[:-1], demonstrated.action)


def test_with_beta_0_the_states_are_the_learners():
    agent = made(beta_start=0.0)
    alone = deepcopy(agent.learners[0])
    batch = collect(agent, Rollout(vector(), 16, 5))
    own = collect(alone, Rollout(vector(), 16, 5), "best")
    np.testing.assert_array_equal(batch.action, own.action)
    np.testing.assert_array_equal(batch.obs, own.obs)


BETAS = {
    "first": ({"beta": "first"}, [1, 0, 0, 0]),
    "linear": ({"beta": "linear", "beta_rounds": 2}, [1, 0.5, 0, 0]),
    "exponential": ({"beta": "exponential", "beta_decay": 0.5, "beta_start": 0.8}, [0.8, 0.4, 0.2, 0.1]),
}


@pytest.mark.parametrize("name", BETAS)
def test_beta_follows_its_schedule(name):
    config, expected = BETAS[name]
    assert [dagger.beta(dagger.Config(**config), k) for k in range(4)] == pytest.approx(expected)


@pytest.mark.learns
def test_the_expert_acts_on_a_share_beta_of_the_steps():
    agent = made(Expert(shift=2), beta_start=0.3)
    batch = collect(agent, Rollout(vector(copies=50), 40, SEED))
    differs = batch.extras["own"] != batch.extras["label"]
    helped = (batch.action == batch.extras["label"])[differs]
    assert helped.mean() == pytest.approx(0.3, abs=0.05)


def test_labels_are_aggregated_over_rounds():
    agent = made()
    for k in range(1, 4):
        _, metrics = rounds(agent, 1, seed=k)
        assert metrics["imitation/labels"] == k * 64 == len(agent.data["obs"]) == len(agent.episode)
    assert len(np.unique(agent.episode)) == 3 * 8  # two episodes of each of four copies in every round


@pytest.mark.learns
def test_it_learns_what_the_expert_does():
    agent = made(lr=0.01)
    _, metrics = rounds(agent, 10)
    assert metrics["imitation/disagreement"] < 0.3  # of actions that are drawn
    assert act(agent, np.arange(4), "best")["action"].tolist() == [0, 1, 2, 3]


@pytest.mark.learns
def test_it_follows_an_expert_with_continuous_actions():
    cfg = dagger.Config(horizon=20, lr=3e-3, epochs=10, minibatch=64)
    agent = dagger.Agent(Slide.observation_space, Slide.action_space, cfg, seed=SEED)
    agent.expert = lambda obs: {"action": np.clip(-2 * obs, -2, 2)}
    rollout = Rollout(vector(Slide, 8), 20, SEED)
    for k in range(10):
        agent.update(collect(agent, rollout), k / 10)
    batch = collect(agent, Rollout(vector(Slide, 8), 10, 9), "best")
    assert batch.reward[1:].mean() > -0.005


def test_the_budget_of_queries_is_exact_and_ends_the_run():
    expert = Expert()
    agent = made(expert, queries=100)
    rollout = Rollout(vector(), 16, SEED)
    assert not agent.finished
    agent.update(collect(agent, rollout), 0.0)
    assert not agent.finished
    agent.update(collect(agent, rollout), 0.0)
    assert agent.finished
    assert sum(map(len, expert.asked)) == len(agent.episode) == 100
    collect(agent, rollout)
    assert sum(map(len, expert.asked)) == 100, "who has spent it asks no more"


def test_what_was_asked_in_a_round_counts_after_a_stop_within_it():
    half, whole = made(queries=20), made(Expert(), queries=20)
    collect(half, Rollout(vector(), 16, SEED))
    assert sum(map(len, half.expert.asked)) == 20
    go_on(whole, 4, saved(half, 4))
    collect(whole, Rollout(vector(), 16, SEED))
    assert not whole.expert.asked


def test_disagreement_is_the_share_that_does_not_follow_the_majority():
    chosen = np.array([[0, 1, 2], [0, 1, 1], [0, 2, 0]])
    assert dagger.disagreement(chosen, DISCRETE).tolist() == pytest.approx([0, 1 / 3, 2 / 3])


def test_disagreement_of_continuous_actions_is_in_half_widths():
    space = spaces.Box(np.array([-2.0, 0.0]), np.array([2.0, 1.0]), dtype=np.float64)
    chosen = np.array([[[1.0, 0.5]], [[-1.0, 0.5]]])  # standard deviations 1 and 0, half widths 2 and 0.5
    assert dagger.disagreement(chosen, space).tolist() == pytest.approx([np.sqrt(0.25 / 2)])


@pytest.mark.learns
def test_an_ensemble_asks_only_where_it_disagrees():
    expert = Expert()
    agent = made(expert, ensemble=3, threshold=0.1, lr=0.01, epochs=20)
    rollout = Rollout(vector(), 16, SEED)
    first = agent.update(collect(agent, rollout), 0.0)
    assert first["imitation/labels"] == 64, "the first round is all about what one does not know"
    expert.asked.clear()
    before = [act(agent.learners[k], np.arange(4), "best")["action"] for k in range(3)]
    doubtful = np.flatnonzero(dagger.disagreement(np.stack(before), DISCRETE) > 0.1)
    collect(agent, rollout)
    assert {int(s) for obs in expert.asked for s in obs} <= set(doubtful.tolist())
    assert sum(map(len, expert.asked)) < 64


@pytest.mark.parametrize("ensemble", [1, 2])
def test_retraining_from_scratch_begins_with_other_weights(ensemble):
    agent = made(retrain="scratch", ensemble=ensemble, epochs=1)
    first = agent.learners[0]
    rounds(agent, 1)
    assert agent.learners[0] is not first
    assert agent.net is agent.learners[0].net
    assert agent.learners[0].passes == 1


@pytest.mark.parametrize(
    "config",
    [{}, {"retrain": "scratch", "validation": 0.2}, {"ensemble": 2, "threshold": 0.1, "queries": 150}],
    ids=str,
)
def test_a_run_stopped_in_the_middle_goes_on_bit_for_bit(tmp_path, config):
    whole, half = made(**config), made(**config)
    rollouts = [Rollout(vector(), 16, 7) for _ in range(2)]
    for k in range(4):
        if k == 2:  # the second one is put away and taken up again by an agent of another seed
            checkpoint.save(tmp_path / "agent.safetensors", saved(half, 4))
            half = made(seed=99, **config)
            go_on(half, 4, checkpoint.load(tmp_path / "agent.safetensors"))
        batches = [collect(agent, rollout) for rollout, agent in zip(rollouts, (whole, half), strict=True)]
        np.testing.assert_array_equal(batches[0].action, batches[1].action)
        assert whole.update(batches[0], k / 4) == half.update(batches[1], k / 4)
    for a, b in zip(whole.net.parameters(), half.net.parameters(), strict=True):
        assert torch.equal(a, b)


def test_without_an_expert_the_policy_acts_alone():
    agent = made()
    agent.expert = None
    assert act(agent, np.arange(4)).keys() == {"action"}


@pytest.mark.learns
def test_probabilities_of_the_expert_serve_other_divergences():
    agent = made(divergence="reverse_kl", lr=0.01, epochs=40)
    agent.expert = lambda obs: {"action": obs, "probability": np.eye(4, dtype=np.float32)[obs] * 0.6 + 0.1}
    rounds(agent, 4)
    expected = np.eye(4) * 0.6 + 0.1
    np.testing.assert_allclose(thoughts(agent, np.arange(4))["action probability"], expected, atol=0.05)


WRONG = [
    ({"threshold": 0.1}, "ensemble of 2"),
    ({"queries": 0}, "queries is 0"),
    ({"beta_start": 2}, "beta_start is 2"),
    ({"patience": 3}, "leave them out"),
    ({"relabel": True}, "leave them out"),
]


@pytest.mark.parametrize(("config", "said"), WRONG)
def test_settings_that_make_no_sense_are_refused(config, said):
    with pytest.raises(UsageError, match=said):
        dagger.Config(**config)
