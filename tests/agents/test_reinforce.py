"""REINFORCE: every estimator against the exact gradient of a small MDP."""

from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from maze import (
    ACTIONS,
    LIKELIHOOD,
    OLD,
    POLICY,
    REWARD,
    SCORES,
    STATES,
    WEIGHTS,
    Maze,
    columns,
    config,
    estimate,
    exact,
    moments,
    trajectories,
)

from gymnast.agents import reinforce
from gymnast.agents.reinforce import Config, credit, mean_baseline
from gymnast.core.errors import UsageError
from gymnast.core.nets import ActorCritic
from gymnast.core.rollout.engine import Rollout
from playing import collect
from probes import SEED


@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_mean_of_each_weight_is_its_exact_gradient(weight):
    mean, _ = moments(config(weight=weight))
    np.testing.assert_allclose(mean, exact(discounted=weight != "to_go"), atol=1e-12)


def test_the_two_ways_to_discount_differ():
    one, two = exact(discounted=True), exact(discounted=False)
    assert one @ two / np.linalg.norm(one) / np.linalg.norm(two) < 0.9999  # not even the same direction
    np.testing.assert_allclose(exact(True, gamma=1.0), exact(False, gamma=1.0))


@pytest.mark.parametrize("weight", WEIGHTS)
def test_a_constant_baseline_adds_no_bias(weight):
    mean, _ = moments(config(weight=weight), constant=3.0)
    np.testing.assert_allclose(mean, exact(discounted=weight != "to_go"), atol=1e-12)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_leave_one_out_is_unbiased(weight):
    mean, _ = moments(config(weight=weight, baseline="leave_one_out"), count=2, horizon=2)
    np.testing.assert_allclose(mean, exact(discounted=weight != "to_go", horizon=2), atol=1e-12)


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("baseline", ["mean", "time"])
def test_the_batch_mean_shrinks_the_gradient_of_whole_returns_by_1_minus_1_over_n(count, baseline):
    mean, _ = moments(config(weight="whole", baseline=baseline), count=count, horizon=2)
    np.testing.assert_allclose(mean, (1 - 1 / count) * exact(True, horizon=2), atol=1e-12)


def test_in_episodes_of_unequal_length_only_the_means_of_others_keep_the_direction_of_rewards_to_go():
    truth = exact(discounted=False, horizon=2)
    for baseline, kept in (("mean", False), ("time", False), ("leave_one_out", True)):
        mean, _ = moments(config(weight="to_go", baseline=baseline), count=2, horizon=2)
        assert (np.ptp(mean / truth) < 1e-9) == kept, baseline
    alone, _ = moments(config(weight="to_go", baseline="time"), horizon=2)
    np.testing.assert_allclose(alone, 0.0, atol=1e-12)  # each step is reached by one episode


def test_the_mean_at_each_time_step_is_over_those_that_have_not_ended():
    ret, alive = np.array([[1.0, 3.0], [5.0, 0.0]]), np.array([[True, True], [True, False]])
    assert mean_baseline(ret, alive, config(baseline="time")).tolist() == [[2, 2], [5, 5]]
    assert mean_baseline(ret, alive, config(baseline="leave_one_out"))[alive].tolist() == [3, 1, 0]
    assert mean_baseline(ret, alive, config(baseline="mean")).tolist() == [[3, 3], [3, 3]]


def test_rewards_to_go_vary_less_than_whole_returns():
    variance = {weight: moments(config(weight=weight, gamma=1.0))[1] for weight in ("whole", "to_go")}
    assert variance["to_go"] < variance["whole"]


def test_leave_one_out_varies_less_than_no_baseline_where_rewards_have_an_offset():
    none, others = (
        moments(config(baseline=baseline, weight="whole"), count=2, horizon=2, offset=5.0)[1]
        for baseline in ("none", "leave_one_out")
    )
    assert others < 0.5 * none


@pytest.mark.parametrize("reuse", ["trajectory", "per_decision"])
@pytest.mark.parametrize("weight", WEIGHTS)
def test_importance_weights_make_an_older_policys_episodes_unbiased(reuse, weight):
    for constant in (0.0, 2.0):
        mean, _ = moments(config(weight=weight, reuse=reuse), acted=OLD, constant=constant)
        np.testing.assert_allclose(mean, exact(discounted=weight != "to_go"), atol=1e-12)


def test_without_importance_weights_they_are_biased():
    cfg, wrong = config(weight="to_go", clip=1e-9), 0.0
    for probability, path in trajectories(OLD):
        wrong = wrong + probability * estimate([path], cfg, OLD)
    assert np.abs(wrong - exact(False)).max() > 0.01


def test_first_order_weights_are_less_biased_than_none_and_exact_for_equal_policies():
    right = exact(False)
    bias = {clip: np.abs(moments(config(clip=clip), acted=OLD)[0] - right).max() for clip in (None, 1e-9)}
    assert bias[None] < bias[1e-9]
    plain = moments(config(reuse="trajectory"))[0]
    np.testing.assert_allclose(moments(config(clip=0.1))[0], plain, atol=1e-12)


def test_per_decision_weights_vary_less_than_whole_trajectories():
    trajectory, decision = (moments(config(reuse=reuse), acted=OLD)[1] for reuse in ("trajectory", "per_decision"))
    assert decision < trajectory


def test_credit_by_hand():
    log_ratio, reward = np.log([[2.0], [0.5], [3.0]]), np.array([[1.0], [10.0], [100.0]])
    cfg = partial(config, gamma=0.1)
    gain, factor = credit(log_ratio, reward, cfg(reuse="trajectory"))
    np.testing.assert_allclose([gain[:, 0], factor[:, 0]], [[9, 60, 300], [3, 3, 3]])
    gain, factor = credit(log_ratio, reward, cfg(reuse="per_decision"))
    # factors 2, 1, 3: gains 2 + 0.1 (10 + 0.1 x 300), 10 + 0.1 x 300, 300
    np.testing.assert_allclose([gain[:, 0], factor[:, 0]], [[6, 40, 300], [2, 1, 3]])
    gain, factor = credit(log_ratio, reward, cfg(reuse="per_decision", weight="discounted_to_go"))
    np.testing.assert_allclose([gain[:, 0], factor[:, 0]], [[6, 4, 3], [2, 0.1, 0.03]])
    gain, factor = credit(log_ratio, reward, cfg(reuse="per_decision", weight="whole"))
    # 1, 0.1 x 10 and 0.01 x 100, each 1, weighted with the later one of both factors
    np.testing.assert_allclose([gain[:, 0], factor[:, 0]], [[2 + 1 + 3, 1 + 1 + 3, 3 + 3 + 3], [2, 1, 3]])
    gain, factor = credit(log_ratio, reward, cfg(reuse="first_order", clip=0.5))
    np.testing.assert_allclose([gain[:, 0], factor[:, 0]], [[1.5 * 3, 0.5 * 20, 1.5 * 100], [1.5, 0.5, 1.5]])


def tabular(logits=POLICY):
    """A network whose policy is a table, and whose values are 0."""
    net = ActorCritic(spaces.Discrete(STATES), spaces.Discrete(ACTIONS), Config(hidden=()))
    with torch.no_grad():
        net.policy_head.linear.weight.copy_(torch.as_tensor(logits.T))
        net.policy_head.linear.bias.zero_()
        net.value_head.weight.zero_()
    return net


def minibatch(paths, cfg, offset=0.0):
    step, episode, s, a = columns(paths)
    reward = np.zeros((step.max() + 1, len(paths)))
    reward[step, episode] = REWARD[s, a] + offset
    gain, factor = (x[step, episode] for x in credit(np.zeros_like(reward), reward, cfg))
    arrays = {"obs": s, "action": a, "episode": episode, "count": len(paths)}
    floats = {"weight": gain, "factor": factor}
    return {k: torch.as_tensor(x) for k, x in arrays.items()} | {
        k: torch.as_tensor(x).float() for k, x in floats.items()
    }


def autograd(paths, cfg, **kwargs):
    """Minus the gradient of the loss by the logits."""
    net = tabular()
    reinforce.loss(net, minibatch(paths, cfg, **kwargs), cfg)[0].backward()
    return -net.policy_head.linear.weight.grad.numpy().T.ravel()


@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_losss_gradient_is_the_estimate(weight):
    cfg = config(weight=weight)
    paths = [path for _, path in trajectories(POLICY)][5:30:4]
    np.testing.assert_allclose(autograd(paths, cfg), estimate(paths, cfg), atol=1e-6)


def test_rewards_of_1_give_the_gradient_of_behaviour_cloning():
    paths = [path for _, path in trajectories(POLICY)][::7]
    net = tabular()
    mb = minibatch(paths, config())
    mb["weight"] = torch.ones_like(mb["weight"])
    reinforce.loss(net, mb, config())[0].backward()
    weighted = net.policy_head.linear.weight.grad.clone()
    net.zero_grad()
    likelihood = net.policy(mb["obs"])[0].log_prob(mb["action"]).sum() / len(paths)
    (-likelihood).backward()
    torch.testing.assert_close(weighted, net.policy_head.linear.weight.grad)


def test_the_entropy_bonus_by_hand():
    mb = minibatch([[(0, 0), (1, 1)], [(0, 1)]], config())
    without, log = reinforce.loss(tabular(), mb, config())
    total, _ = reinforce.loss(tabular(), mb, config(entropy_coef=0.1))
    entropy = -(LIKELIHOOD * np.log(LIKELIHOOD)).sum(1)
    assert log["policy/entropy"].item() == pytest.approx((2 * entropy[0] + entropy[1]) / 3)
    assert (without - total).item() == pytest.approx(0.1 * (2 * entropy[0] + entropy[1]) / 2, rel=1e-4)


def test_the_optimal_baseline_by_hand():
    # Three one-step episodes: g is the score, h = g R. An episode's b is sum g h / sum g^2 over the other two.
    paths, cfg = [[(0, 0)], [(0, 1)], [(1, 0)]], config(baseline="optimal", weight="whole")
    g = np.array([SCORES[path[0]] for path in paths])
    h = g * np.array([[REWARD[path[0]]] for path in paths])
    others = np.array([np.delete(np.arange(3), e) for e in range(3)])
    with np.errstate(invalid="ignore"):
        b = np.nan_to_num((g * h)[others].sum(1) / (g * g)[others].sum(1))
    np.testing.assert_allclose(autograd(paths, cfg), (h - b * g).mean(0), atol=1e-6)


def test_the_optimal_baseline_is_unbiased():
    mean = 0.0
    for batch in product(trajectories(POLICY, 1), repeat=3):
        cfg = config(weight="whole", baseline="optimal")
        mean = mean + np.prod([p for p, _ in batch]) * autograd([path for _, path in batch], cfg)
    np.testing.assert_allclose(mean, exact(True, horizon=1), atol=1e-5)


def test_the_optimal_baseline_varies_least_among_constants():
    # Per component, b* = E[g^2 R] / E[g^2]: the variance of g (R - b) is a parabola in b with its minimum there.
    cfg = config(weight="whole")
    everything = trajectories(POLICY)
    p = np.array([p for p, _ in everything])
    h = np.array([estimate([path], cfg) for _, path in everything])
    g = h - np.array([estimate([path], cfg, constant=1.0) for _, path in everything])
    best = p @ (g * h) / (p @ (g * g))

    def variance(b):
        return p @ (h - b * g) ** 2 - (p @ (h - b * g)) ** 2

    for step in (-1.0, -0.01, 0.01, 1.0):
        assert (variance(best) < variance(best + step)).all()
    # from a large batch, the agent's estimate of b* is as good
    paths = [path for _, path in everything for _ in range(2)]
    others = autograd(paths, config(weight="whole", baseline="optimal"))
    plain, scored = h.repeat(2, 0), g.repeat(2, 0)
    b = ((scored * plain).sum(0) - scored * plain) / ((scored**2).sum(0) - scored**2)
    np.testing.assert_allclose(others, (plain - b * scored).mean(0), atol=1e-5)


def playing(cfg, copies=16, offset=0.0, seed=SEED):
    """An agent with the policy, and its rollout of the MDP."""
    env = SyncVectorEnv([partial(Maze, offset)] * copies, autoreset_mode=AutoresetMode.SAME_STEP)
    agent = reinforce.Agent(env.single_observation_space, env.single_action_space, cfg, seed=seed)
    agent.net.load_state_dict(tabular().state_dict())
    return agent, Rollout(env, agent.horizon, seed)


@pytest.mark.learns
@pytest.mark.parametrize(
    "kwargs",
    [
        {"baseline": "none"},
        {"baseline": "leave_one_out", "weight": "whole"},
        {"baseline": "leave_one_out"},
        {"baseline": "optimal", "weight": "discounted_to_go"},
        {"baseline": "linear"},
        {"baseline": "value", "value_lr": 0.01},
        {"baseline": "none", "episodes": 3},
    ],
    ids=str,
)
def test_updates_follow_the_exact_gradient(kwargs):
    agent, rollout = playing(config(lr=1e-30, hidden=(), **kwargs))
    weight = agent.net.policy_head.linear.weight
    gradients = []
    for _ in range(150):
        agent.update(collect(agent, rollout), 0.0)
        gradients.append(-weight.grad.numpy().T.ravel().copy())
    mean, error = np.mean(gradients, 0), np.std(gradients, 0) / np.sqrt(len(gradients))
    assert (np.abs(mean - exact(kwargs.get("weight", "to_go") != "to_go")) < 4 * error).all()


def spread(updates=80, **kwargs):
    """Total variance of the gradients of updates, with rewards that have an offset."""
    agent, rollout = playing(config(lr=1e-30, hidden=(), **kwargs), offset=5.0)
    gradients = []
    for _ in range(updates):
        agent.update(collect(agent, rollout), 0.0)
        gradients.append(agent.net.policy_head.linear.weight.grad.numpy().ravel().copy())
    return np.var(gradients[20:], 0).sum()


@pytest.mark.learns
def test_every_baseline_lowers_the_variance():
    none = spread(baseline="none")
    for baseline in ("mean", "time", "leave_one_out", "optimal", "linear", "value"):
        assert spread(baseline=baseline, value_lr=0.05) < 0.7 * none, baseline


@pytest.mark.learns
def test_standardised_returns_are_a_baseline_too():
    assert spread(baseline="none", standardize_return=True) < 0.7 * spread(baseline="none")


def test_returns_are_standardised_by_those_of_earlier_updates():
    agent, rollout = playing(config(standardize_return=True, lr=1e-30, hidden=()), copies=64)
    agent.update(collect(agent, rollout), 0.0)
    mean, std = float(agent.returns.mean), 1 / float(agent.returns.scale)
    batch = collect(agent, rollout)
    agent.update(batch, 0.0)
    standardised = agent.net.policy_head.linear.weight.grad.clone()
    other, _ = playing(config(lr=1e-30, hidden=()))
    other.update(batch, 0.0)
    plain = other.net.policy_head.linear.weight.grad
    ones, _ = playing(config(lr=1e-30, hidden=(), gamma=0.0))
    ones.update(replace(batch, reward=np.ones_like(batch.reward)), 0.0)  # gains of 1: the mean of the scores
    torch.testing.assert_close(standardised, (plain - mean * ones.net.policy_head.linear.weight.grad) / std)


@pytest.mark.parametrize("wrong", [{"episodes": 0}, {"gamma": -0.1}, {"clip": 0.0}, {"max_grad_norm": 0.0}])
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError):
        Config(**wrong)
