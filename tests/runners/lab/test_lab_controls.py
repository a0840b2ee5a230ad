"""Negative controls: where a claim is sabotaged, the check that is about it fails."""

from dataclasses import replace

import numpy as np
import pytest

from gymnast.agents.reinforce import credit
from gymnast.core.learn.groups import weights
from gymnast.core.learn.returns import gae, n_step, td_lambda
from gymnast.runners.lab import bias, deceptive, importance, kl_forms, length_bias, overestimate, stale, variance
from gymnast.runners.lab._mdp import score_sums

SEED = 1


def verdict(module, words):
    """Whether the check whose sentence contains `words` is true."""
    (check,) = [true for sentence, true in module.experiment(SEED).checks.items() if words in sentence]
    return check


@pytest.mark.parametrize(
    ("reuse", "words"),
    [
        ("per_decision", "but are biased"),
        ("per_decision", "first-order weights vary least"),
        ("first_order", "are unbiased"),
        ("trajectory", "decisions vary less"),
    ],
)
def test_importance_weights_that_are_all_alike_fail_what_tells_them_apart(monkeypatch, reuse, words):
    monkeypatch.setattr(importance, "HORIZONS", (1, 2, 6, 8, 12))
    monkeypatch.setattr(importance, "EPISODES", 50_000)
    monkeypatch.setattr(importance, "credit", lambda log, reward, cfg: credit(log, reward, replace(cfg, reuse=reuse)))
    assert not verdict(importance, words)


def test_effective_samples_that_are_all_counted_fail_their_law(monkeypatch):
    monkeypatch.setattr(importance, "EPISODES", 1000)
    monkeypatch.setattr(importance, "effective_samples", lambda log_ratio: 1.0)
    assert not verdict(importance, "1.04^-T")


def stuck(function, at):
    """A return whose knob does not turn from `at` on."""
    return lambda reward, next_value, done, gamma, knob: function(reward, next_value, done, gamma, min(knob, at))


@pytest.mark.parametrize(
    ("name", "sabotaged", "words"),
    [
        ("n_step", stuck(n_step, 12), "the bias falls with n"),
        ("n_step", stuck(n_step, 12), "the variance rises with n"),
        ("td_lambda", stuck(td_lambda, 0.9), "the bias falls with lambda"),
        ("td_lambda", stuck(td_lambda, 0.9), "the variance rises with lambda"),
        ("td_lambda", stuck(td_lambda, 0.9), "lambda = 0 is one step"),
        ("gae", lambda *given: gae(*given[:-1], 0.71), "GAE's recursion"),
    ],
)
def test_returns_whose_neighbours_are_equal_fail_what_says_they_differ(monkeypatch, name, sabotaged, words):
    monkeypatch.setattr(bias, "EPISODES", 2000)
    monkeypatch.setattr(bias, name, sabotaged)
    assert not verdict(bias, words)


@pytest.mark.parametrize(
    ("name", "method", "words"),
    [
        ("plain", "double_q", "plain Q-learning overestimates"),
        ("double", "q", "double Q-learning does not"),
    ],
)
def test_q_learning_by_the_other_method_fails_what_is_said_of_it(monkeypatch, name, method, words):
    monkeypatch.setitem(overestimate.METHODS, name, method)
    monkeypatch.setattr(overestimate, "EPISODES", 800)
    assert not verdict(overestimate, words)


def test_a_copy_that_is_never_renewed_fails_what_is_said_of_copies(monkeypatch):
    monkeypatch.setattr(overestimate, "COPIED", 10**9)
    assert not verdict(overestimate, "a target copy overestimates")


def test_estimates_that_are_too_large_fail_the_check_of_the_mean(monkeypatch):
    monkeypatch.setattr(variance, "ESTIMATES", 500)
    monkeypatch.setattr(variance, "score_sums", lambda *given: 1.5 * score_sums(*given))
    assert not verdict(variance, "no mean is off")


@pytest.mark.parametrize(
    ("weights", "instead", "words"),
    [
        (stale.DECISION, stale.NONE, "single decisions keep it right"),
        (stale.CLIPPED, stale.NONE, "clipped weights of the action help, but less"),
        (stale.NONE, stale.DECISION, "clipped weights of the action help, but less"),
    ],
)
def test_old_episodes_with_other_weights_fail_what_tells_them_apart(monkeypatch, weights, instead, words):
    monkeypatch.setattr(stale, "EPISODES", 5000)
    monkeypatch.setitem(stale.REUSE, weights, stale.REUSE[instead])
    assert not verdict(stale, words)


@pytest.mark.parametrize(
    ("ages", "words"), [((0, 1), "more than half of the gradient"), ((0, 40, 20, 1), "error grows with age")]
)
def test_episodes_of_other_ages_fail_what_is_said_of_old_ones(monkeypatch, ages, words):
    monkeypatch.setattr(stale, "EPISODES", 5000)
    monkeypatch.setattr(stale, "AGES", ages)
    assert not verdict(stale, words)


def test_estimates_that_are_too_large_fail_what_is_said_of_fresh_episodes(monkeypatch):
    monkeypatch.setattr(stale, "EPISODES", 5000)
    monkeypatch.setattr(stale, "AGES", (0, 1))
    monkeypatch.setattr(stale, "score_sums", lambda *given: 1.5 * score_sums(*given))
    assert not verdict(stale, "fresh episodes is right")


@pytest.mark.parametrize(
    ("schedule", "instead", "words"),
    [
        ("greedy", (1.0, 0.0), "greedy never learns"),
        ("0.05 throughout", (1.0, 0.0), "a small fixed epsilon hardly"),
        ("1 to 0", (0.0, 0.0), "an annealed one does"),
        ("1 to 0", (0.0, 0.0), "takes the shortest way"),
    ],
)
def test_exploration_by_another_schedule_fails_what_is_said_of_it(monkeypatch, schedule, instead, words):
    monkeypatch.setattr(deceptive, "RUNS", 2)
    monkeypatch.setitem(deceptive.SCHEDULES, schedule, instead)
    assert not verdict(deceptive, words)


@pytest.mark.parametrize(
    ("name", "sabotaged", "words"),
    [
        ("_gain", lambda play, weight, gain=variance._gain: gain(play, "whole"), "rewards to go vary less"),
        ("_gain", lambda play, weight, gain=variance._gain: gain(play, "whole"), "where rewards cancel"),
        ("_baseline", lambda gain, baseline: 0.0, "a mean subtracted lowers"),
        ("_values", lambda mdp, logits: np.zeros((mdp.horizon, len(logits))), "V(s) lowers it further"),
        ("_best", lambda g, ret: ret.mean(), "the variance is least at b*"),
        ("BAD", 1, "a bad baseline"),
    ],
)
def test_estimators_that_are_all_alike_fail_what_tells_them_apart(monkeypatch, name, sabotaged, words):
    monkeypatch.setattr(variance, "ESTIMATES", 2000 if name == "_best" else 500)
    assert verdict(variance, words)
    monkeypatch.setattr(variance, name, sabotaged)
    assert not verdict(variance, words)


@pytest.mark.parametrize(
    ("form", "like", "words"),
    [
        ("k1 in the reward", "k2 in the loss", "k1 in the reward has"),
        ("k1 in the loss", "k2 in the loss", "k1 in the loss has none"),
        ("k2 in the loss", "k3 in the loss", "k2 in the loss has it"),
        ("k2 in the loss", "k1 in the reward", "but not for two"),
        ("k3 in the loss", "k2 in the loss", "the other way round"),
        ("k3 in the loss", "k2 in the loss", "further off"),
    ],
)
def test_a_penalty_with_the_gradient_of_another_fails_what_is_said_of_it(monkeypatch, form, like, words):
    true = kl_forms.gradient
    monkeypatch.setattr(kl_forms, "PAIRS", 4)
    monkeypatch.setattr(kl_forms, "gradient", lambda named, *given: true(like if named == form else named, *given))
    assert not verdict(kl_forms, words)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("constant", "pushes right answers to end"),
        ("constant", "as the closed form says"),
        ("constant", "the more, the longer"),
        ("constant", "change their mean length"),
        ("sequence", "no gradient by length"),
    ],
)
def test_weights_of_one_kind_fail_what_tells_two_apart(monkeypatch, kind, words):
    monkeypatch.setattr(length_bias, "weights", lambda lengths, _: weights(lengths, kind))
    assert not verdict(length_bias, words)


def test_answers_that_learn_their_end_fail_what_is_said_of_those_that_do_not(monkeypatch):
    true = length_bias.pushed
    monkeypatch.setattr(length_bias, "pushed", lambda stop, kind, end=True: true(stop, kind))
    assert not verdict(length_bias, "pushed to go on")
