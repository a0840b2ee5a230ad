"""The heads of continuous actions in every algorithm with an actor and a critic."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

import gymnast
from gymnast import agents
from gymnast.core.errors import UsageError
from gymnast.runners.runs.run import preset
from gymnast.runners.training.train import Training
from playing import act
from probes import Match

HEADS = ("squashed", "mixture", "autoregressive")
SEEN = spaces.Box(-1, 1, (3,), np.float32)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("algo", ["ppo", "a2c", "reinforce", "trpo"])
def test_a_head_learns_or_is_refused_in_one_line(algo, head):
    run = preset(algo, "Pendulum-v1", "none", agent={"head": head}, steps=4000, num_envs=2, evals=0)
    if algo == "trpo" and head != "squashed":
        with pytest.raises(UsageError, match="Use head plain or squashed"):
            Training(run)
        return
    with Training(run) as training:
        before = training.agent.net.policy_head.state_dict()
        before = {name: x.clone() for name, x in before.items()}
        metrics = training.iterate()
        after = training.agent.net.policy_head.state_dict()
        assert all(not torch.equal(x, after[name]) for name, x in before.items())
        assert np.isfinite(list(metrics.values())).all()


@pytest.mark.parametrize("head", ["squashed", "autoregressive"])
def test_actions_never_leave_the_box(head):
    space = spaces.Box(-0.5, 2.0, (2,), np.float32)
    agent = agents.load("ppo").Agent(SEEN, space, agents.load("ppo").Config(head=head))
    out = act(agent, np.zeros((500, 3), np.float32))
    assert all(space.contains(action) for action in out["action"])


def test_a_squashed_policy_learns_to_match_what_it_sees():
    made = gymnast.PPO(
        lambda: Match("box"),
        preset="none",
        backend="loop",
        evals=0,
        agent={"head": "squashed", "gamma": 0.0, "lr": 3e-3},
    )
    assert made.learn(20_000).evaluate(20).mean > 8 * 0.85


@pytest.mark.parametrize("config", [{"control_variate": True}, {"replay": 1000, "replay_batch": 32}])
@pytest.mark.parametrize("head", ["squashed", "mixture"])
def test_q_is_followed_through_the_draws_of_every_density(head, config):
    run = preset("a2c", "Pendulum-v1", "none", agent={"head": head, **config}, steps=400, num_envs=8, evals=0)
    with Training(run) as training:
        before = training.agent.net.policy_head.linear.weight.detach().clone()
        for _ in range(3):
            training.iterate()
        assert not torch.equal(before, training.agent.net.policy_head.linear.weight)
