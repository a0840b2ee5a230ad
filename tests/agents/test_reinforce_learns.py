"""What REINFORCE learns: values and policies of small environments, with every option; and runs that go on."""

import numpy as np
import pytest
import torch
from stopping import states

from gymnast import REINFORCE
from playing import thoughts
from probes import SEED, Doors, Endless, Later, Match, One, Opposite, Seen, Slide

SMALL = {"hidden": (16,), "value_epochs": 4}
VALUES = {"value_epochs": 20}  # where they are what is asked for


def learner(env, steps, **config):
    made = REINFORCE(env, preset="none", backend="loop", num_envs=32, seed=SEED, evals=0, agent=SMALL | config)
    return made.learn(steps)


def value(made, seen):
    return thoughts(made.agent, np.array([[seen]], np.float32))["value"][0]


@pytest.mark.learns
def test_learns_what_is_seen():
    made = learner(Seen, 800, **VALUES)
    assert [value(made, seen) for seen in (-1.0, 1.0)] == pytest.approx([-1, 1], abs=0.05)


@pytest.mark.learns
def test_values_flow_back_in_time():
    made = learner(Later, 3_000, gamma=0.5, **VALUES)
    assert [value(made, time) for time in (0, 1)] == pytest.approx([0.5, 1.0], abs=0.1)


@pytest.mark.learns
def test_what_a_time_limit_cuts_off_is_worth_v():
    assert value(learner(Endless, 12_000, gamma=0.5, value_lr=0.01, **VALUES), 0.0) == pytest.approx(2.0, abs=0.1)


@pytest.mark.learns
def test_whole_returns_are_of_the_time_within_the_limit():
    # V predicts the whole return, 1 + 0.5 + ... + 0.5^4: not what is still to come, which is what a limit cuts off
    made = learner(Endless, 6_000, gamma=0.5, value_lr=0.01, weight="whole", **VALUES)
    assert value(made, 0.0) == pytest.approx(1.9375, abs=0.03)


@pytest.mark.learns
def test_a_single_step_is_worth_its_reward():
    assert value(learner(One, 1_200, **VALUES), 0.0) == pytest.approx(1, abs=0.05)


@pytest.mark.learns
def test_learns_to_do_the_opposite():
    assert learner(Opposite, 3_000, lr=0.03).evaluate(50).mean == 1


@pytest.mark.learns
def test_learns_behind_a_mask():
    assert learner(lambda: Doors(observed=True), 10_000, lr=0.03, gamma=0.0).evaluate(20).mean > 4.5


@pytest.mark.learns
def test_learns_to_push_back_against_a_slide():
    assert learner(Slide, 20_000, lr=0.03, gamma=0.5, log_std_init=-1.0).evaluate(20).mean > -0.1


@pytest.mark.learns
@pytest.mark.parametrize("kind", Match.SPACES)
def test_learns_to_match_what_it_sees(kind):
    made = learner(lambda: Match(kind), 16_000 if kind == "box" else 10_000, lr=0.03, gamma=0.0, log_std_init=-1.0)
    assert made.evaluate(20).mean > 8 * 0.85


@pytest.mark.learns
@pytest.mark.parametrize(
    "config",
    [
        {"baseline": "none", "standardize_return": True, "normalize_obs": True},
        {"baseline": "linear", "weight": "discounted_to_go"},
        {"baseline": "optimal", "episodes": 2},
        {"baseline": "value", "epochs": 3, "entropy_coef": 0.01, "lr_schedule": "linear"},
        {"baseline": "value", "epochs": 2, "reuse": "per_decision", "standardize_return": True},
    ],
    ids=str,
)
def test_learns_whatever_the_options(config):
    assert learner(Match, 10_000, lr=0.03, gamma=0.0, **config).evaluate(20).mean > 7


@pytest.mark.parametrize("config", [{}, {"baseline": "linear", "standardize_return": True, "episodes": 2}])
def test_a_resumed_run_ends_where_an_uninterrupted_one_does(tmp_path, config):
    whole, resumed = states("reinforce", config, tmp_path)
    for name, weights in whole["net"].items():
        assert torch.equal(weights, resumed["net"][name]), name
    assert resumed["generator"].equal(whole["generator"])
    np.testing.assert_array_equal(resumed["linear"]["linear"], whole["linear"]["linear"])
