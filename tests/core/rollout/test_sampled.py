"""Draws from a part of another acting's policy."""

import numpy as np
import pytest

from gymnast.agents import grpo
from gymnast.core.acting import Stateless
from gymnast.core.errors import UsageError
from gymnast.core.heads.sampling import Sampling
from gymnast.core.rollout.sampled import Sampled
from gymnast.envs import text

BEGINS = np.ones(6, np.bool_)


@pytest.fixture(name="writer")
def _writer():
    """An agent, and six texts for it."""
    env = text.make("gymnast/Copy-v0", 6)
    config = grpo.Config(width=16, layers=1, heads=2)
    agent = grpo.Agent(env.single_observation_space, env.single_action_space, config)
    return agent, env.reset(seed=0)[0]


def drawn(writer, seed=0, **cuts):
    agent, obs = writer
    acting = Sampled(agent.acting(6, "best"), Sampling(**cuts), seed)
    return acting, acting(obs, BEGINS)


def test_without_temperature_the_likeliest_tokens_are_taken(writer):
    agent, obs = writer
    _, out = drawn(writer, temperature=0.0)
    assert np.array_equal(out["action"], agent.acting(6, "best")(obs, BEGINS)["action"])
    assert (out["logp"] == 0).all()


def test_log_probabilities_are_of_what_was_drawn_from(writer):
    acting, out = drawn(writer, top_k=2)
    shares = acting.thoughts()["action probability"]
    best = np.sort(shares, 1)[:, -2:]
    chosen = shares[np.arange(6), out["action"]]
    np.testing.assert_allclose(np.exp(out["logp"]), chosen / best.sum(1), rtol=1e-5)
    assert (chosen >= best[:, 0]).all()


def test_a_seed_gives_the_same_draws_and_another_one_others(writer):
    one, same, other = (drawn(writer, seed)[1]["action"].tolist() for seed in (1, 1, 2))
    assert one == same != other


def test_whoever_tells_no_probabilities_is_refused(writer):
    acting = Sampled(Stateless(lambda obs: {"action": np.zeros(len(obs), np.int64)}), Sampling(), 0)
    with pytest.raises(UsageError, match="tells no probabilities"):
        acting(writer[1], BEGINS)
