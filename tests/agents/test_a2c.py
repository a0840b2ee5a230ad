"""A2C: its loss, its targets, its gradient, what it learns."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stopping import states

from gymnast import A2C
from gymnast.agents import a2c
from gymnast.core.errors import UsageError
from gymnast.core.rollout.engine import Rollout, Whole
from playing import collect, thoughts
from probes import SEED, Doors, Endless, Later, Match, One, Opposite, Seen, Slide, clocks

BOX = spaces.Box(-1e6, 1e6, (3,), np.float32)


def agent(**config):
    return a2c.Agent(BOX, spaces.Discrete(2), a2c.Config(**config))


def collected(made, *scripts):
    return collect(made, Rollout(clocks(*scripts), made.horizon))


def targets(made, batch):
    return made._advantages(batch)


def test_loss_by_hand():
    made = agent(value_coef=0.5, entropy_coef=0.1)
    with torch.no_grad():
        for parameter in made.net.parameters():
            parameter.zero_()
        made.net.value_head.bias.fill_(2.0)
        made.net.policy_head.linear.bias.copy_(torch.tensor([0.0, np.log(3.0)]))  # pi = (1/4, 3/4)
    mb = {
        "obs": torch.zeros(2, 3),
        "action": torch.tensor([0, 1]),
        "adv": torch.tensor([2.0, -1.0]),
        "ret": torch.tensor([5.0, 1.0]),
    }
    total, log = a2c.loss(made.net, mb, made.cfg)
    policy = -(2 * np.log(0.25) - np.log(0.75)) / 2
    value = (3**2 + 1**2) / 2
    entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    assert log["loss/policy"].item() == pytest.approx(policy)
    assert log["loss/value"].item() == value
    assert log["policy/entropy"].item() == pytest.approx(entropy)
    assert total.item() == pytest.approx(policy + 0.5 * value - 0.1 * entropy)


def test_advantages_are_constants_to_the_value_network():
    made = agent(value_coef=0.0)
    batch = collected(made, "3|", "2~")
    adv, ret = targets(made, batch)
    columns = {"obs": batch.obs[:-1], "action": batch.action, "adv": adv, "ret": ret}
    total, _ = a2c.loss(made.net, {name: made.actor.flat(x, batch) for name, x in columns.items()}, made.cfg)
    total.backward()
    assert not made.net.value_head.weight.grad.any()


def test_normalised_advantages_do_not_depend_on_scale_and_offset():
    made = agent(normalize_advantage=True)
    batch = collected(made, "3|", "2~")
    mb = {name: made.actor.flat(x, batch) for name, x in {"obs": batch.obs[:-1], "action": batch.action}.items()}
    adv = torch.randn(10)
    losses = [a2c.loss(made.net, mb | {"adv": x, "ret": x}, made.cfg)[1] for x in (adv, 7 * adv + 3)]
    assert losses[0]["loss/policy"].item() == pytest.approx(losses[1]["loss/policy"].item(), abs=1e-5)


def test_one_step_targets_are_r_plus_gamma_v():
    made = agent(horizon=1, gamma=0.5)
    batch = collected(made, "1|", "1~", "2|")
    _, ret = targets(made, batch)
    final, following = made.actor.edge_values(batch)[[4, 2]]
    np.testing.assert_allclose(ret[0], [1, 1 + 0.5 * final, 1 + 0.5 * following], rtol=1e-5)


def test_lambda_1_bootstraps_at_the_end_of_the_rollout_alone():
    made = agent(horizon=3, gamma=0.5)
    batch = collected(made, "9|")
    adv, ret = targets(made, batch)
    last = made.actor.edge_values(batch)[0]
    expected = [1 + 0.5 * 2 + 0.25 * 3 + 0.125 * last, 2 + 0.5 * 3 + 0.25 * last, 3 + 0.5 * last]
    np.testing.assert_allclose(ret[:, 0], expected, rtol=1e-5)
    np.testing.assert_allclose(adv, ret - batch.extras["value"], rtol=1e-5)


def test_n_step_targets_look_n_steps_ahead():
    made = agent(horizon=3, gamma=0.5, n_step=2)
    batch = collected(made, "9|")
    _, ret = targets(made, batch)
    value, last = batch.extras["value"][:, 0], made.actor.edge_values(batch)[0]
    expected = [1 + 0.5 * 2 + 0.25 * value[2], 2 + 0.5 * 3 + 0.25 * last, 3 + 0.5 * last]
    np.testing.assert_allclose(ret[:, 0], expected, rtol=1e-5)


def test_whole_episodes_make_the_critic_a_mere_baseline_of_monte_carlo_returns():
    made = agent(episodes=2, gamma=0.5)
    assert made.horizon == Whole(2)
    batch = collected(made, "2|", "3|")
    adv, ret = targets(made, batch)
    returns = np.array([[2, 2.75], [2, 3.5], [2, 3], [2, 2.75], [0, 3.5], [0, 3]])
    np.testing.assert_allclose(ret[batch.valid], returns[batch.valid], rtol=1e-5)
    np.testing.assert_allclose((adv + batch.extras["value"])[batch.valid], returns[batch.valid], rtol=1e-5)


@pytest.mark.parametrize("config", [{"horizon": 0}, {"gamma": 1.5}, {"n_step": 0}, {"episodes": 0}])
def test_values_out_of_range_are_refused(config):
    with pytest.raises(UsageError):
        a2c.Config(**config)


def learner(env, steps, **config):
    agent = {"hidden": (16,), **config}
    return A2C(env, preset="none", backend="loop", num_envs=32, seed=SEED, evals=0, agent=agent).learn(steps)


@pytest.mark.learns
@pytest.mark.parametrize(
    ("optimizer", "lr", "shared"), [("rmsprop", 0.05, False), ("adam", 0.03, False), ("adam", 0.03, True)]
)
def test_learns_what_is_seen(optimizer, lr, shared):
    made = learner(Seen, 24_000, lr=lr, lr_schedule="linear", optimizer=optimizer, shared=shared)
    for seen in (-1.0, 1.0):
        assert thoughts(made.agent, np.array([[seen]], np.float32))["value"] == pytest.approx(seen, abs=0.1)


@pytest.mark.learns
@pytest.mark.parametrize("config", [{"horizon": 1}, {"lam": 0.5}, {"n_step": 3}, {"episodes": 1}])
def test_values_flow_back_in_time(config):
    steps = 10_000 if "horizon" in config else 24_000  # which learns from each of them
    made = learner(Later, steps, lr=0.05, lr_schedule="linear", gamma=0.5, **config)
    values = [thoughts(made.agent, np.array([[t]], np.float32))["value"][0] for t in (0, 1)]
    assert values == pytest.approx([0.5, 1.0], abs=0.1)


@pytest.mark.learns
@pytest.mark.parametrize("kind", Match.SPACES)
def test_learns_to_match_what_it_sees(kind):
    made = learner(lambda: Match(kind), 12_000, optimizer="adam", lr=0.02, gamma=0.0, log_std_init=-1.0, hidden=(32,))
    assert made.evaluate(20).mean > 8 * 0.85


@pytest.mark.learns
def test_a_single_step_is_worth_its_reward():
    made = learner(One, 12_000, optimizer="adam", lr=0.05, lr_schedule="linear")
    assert thoughts(made.agent, np.zeros((1, 1), np.float32))["value"] == pytest.approx(1, abs=0.05)


@pytest.mark.learns
def test_what_a_time_limit_cuts_off_is_worth_v():
    made = learner(Endless, 12_000, optimizer="adam", lr=0.02, gamma=0.5)
    assert thoughts(made.agent, np.zeros((1, 1), np.float32))["value"] == pytest.approx(2, abs=0.1)


@pytest.mark.learns
def test_learns_to_do_the_opposite():
    assert learner(Opposite, 6_000, lr=0.01).evaluate(50).mean == 1


@pytest.mark.learns
def test_learns_behind_a_mask():
    made = learner(lambda: Doors(observed=True), 12_000, lr=0.02, gamma=0.0)
    assert made.evaluate(20).mean > 4.5


@pytest.mark.learns
def test_learns_to_push_back_against_a_slide():
    assert learner(Slide, 16_000, lr=0.02, gamma=0.5, log_std_init=-1.0).evaluate(20).mean > -0.1


@pytest.mark.parametrize("config", [{}, {"episodes": 1, "optimizer": "adam", "normalize_return": True}])
def test_a_resumed_run_ends_where_an_uninterrupted_one_does(tmp_path, config):
    whole, resumed = states("a2c", config, tmp_path)
    for name, value in whole["net"].items():
        assert torch.equal(value, resumed["net"][name]), name
    assert resumed["generator"].equal(whole["generator"])
