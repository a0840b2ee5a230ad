"""Returns by hand, by brute force, and by the identities that tie them together."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gymnast.core.learn import returns

GAMMA, LAM = 0.5, 0.5

# One environment, three steps: a step, a step, an end. V(obs) = 1, 2, 4.
REWARD = np.array([[1.0], [2.0], [3.0]], np.float32)
VALUE = np.array([[1.0], [2.0], [4.0]], np.float32)
DONE = np.array([[False], [False], [True]])
TERMINATED = np.array([[2.0], [4.0], [0.0]], np.float32)  # what follows: V(obs_1), V(obs_2), nothing
TRUNCATED = np.array([[2.0], [4.0], [8.0]], np.float32)  # ... and V(final observation) = 8


def column(x):
    return x[:, 0].tolist()


def test_rewards_to_go_add_up_to_the_end():
    # G_2 = 3, G_1 = 2 + 3/2 = 3.5, G_0 = 1 + 3.5/2 = 2.75
    assert column(returns.rewards_to_go(REWARD, TERMINATED, DONE, GAMMA)) == [2.75, 3.5, 3.0]


def test_truncation_bootstraps_and_termination_does_not():
    # G_2 = 3 + 8/2 = 7, G_1 = 2 + 7/2 = 5.5, G_0 = 1 + 5.5/2 = 3.75
    assert column(returns.rewards_to_go(REWARD, TRUNCATED, DONE, GAMMA)) == [3.75, 5.5, 7.0]


def test_an_unfinished_episode_bootstraps_behind_the_last_row():
    running = np.zeros_like(DONE)
    assert column(returns.rewards_to_go(REWARD, TRUNCATED, running, GAMMA)) == [3.75, 5.5, 7.0]


def test_gamma_minus_one_gives_each_player_its_own_outcome():
    # Four moves, the second player wins with the last: seen by the mover -1, 1, -1, 1.
    reward = np.array([[0], [0], [0], [1]], np.float32)
    done = reward > 0
    assert column(returns.rewards_to_go(reward, np.zeros_like(reward), done, -1.0)) == [-1, 1, -1, 1]


def test_gae_by_hand():
    # delta = 1 + 2/2 - 1, 2 + 4/2 - 2, 3 - 4 = 1, 2, -1;  gamma lam = 1/4
    # A_2 = -1, A_1 = 2 - 1/4 = 1.75, A_0 = 1 + 1.75/4 = 1.4375
    assert column(returns.gae(REWARD, VALUE, TERMINATED, DONE, GAMMA, LAM)) == [1.4375, 1.75, -1.0]


def test_gae_of_a_truncated_end_by_hand():
    # delta_2 = 3 + 8/2 - 4 = 3;  A_1 = 2 + 3/4 = 2.75, A_0 = 1 + 2.75/4 = 1.6875
    assert column(returns.gae(REWARD, VALUE, TRUNCATED, DONE, GAMMA, LAM)) == [1.6875, 2.75, 3.0]


def test_nothing_flows_across_an_end():
    done = np.array([[True], [False], [True]])
    # A_0 = delta_0 = 1 + 2/2 - 1, although A_1 = 2.75
    assert column(returns.gae(REWARD, VALUE, TRUNCATED, done, GAMMA, LAM)) == [1.0, 2.75, 3.0]


def test_n_step_takes_fewer_steps_near_the_end():
    # n = 2: G_0 = 1 + 2/2 + 4/4 = 3, G_1 = 2 + 3/2 + 8/4 = 5.5, G_2 = 3 + 8/2 = 7 (one step, gamma^1)
    assert column(returns.n_step(REWARD, TRUNCATED, DONE, GAMMA, 2)) == [3.0, 5.5, 7.0]


def test_vtrace_by_hand():
    ratio = np.array([[2.0], [0.5], [1.0]], np.float32)
    # rho = c = 1, 1/2, 1 (clipped at 1); delta = 1, 2, -1 as for GAE, each times rho: 1, 1, -1
    # vs_2 = 4 - 1 = 3,  vs_1 = 2 + 1 + 1/2 * 1/2 * (3 - 4) = 2.75,  vs_0 = 1 + 1 + 1/2 * (2.75 - 2) = 2.375
    # A_2 = 3 + 0 - 4,   A_1 = 1/2 * (2 + 3/2 - 2) = 0.75,           A_0 = 1 + 2.75/2 - 1 = 1.375
    target, advantage = returns.vtrace(np.log(ratio), REWARD, VALUE, TERMINATED, DONE, GAMMA)
    np.testing.assert_allclose(column(target), [2.375, 2.75, 3.0], rtol=1e-6)
    np.testing.assert_allclose(column(advantage), [1.375, 0.75, -1.0], rtol=1e-6)


def test_running_sums_start_afresh_after_an_end_and_carry_on_between_calls():
    # R_0 = 4/2 + 1 = 3, an end, R_1 = 0 + 2, R_2 = 2/2 + 3 = 4, kept for the next call
    carry = np.array([4.0], np.float32)
    done = np.array([[True], [False], [False]])
    assert column(returns.discounted_running(REWARD, done, carry, GAMMA)) == [3.0, 2.0, 4.0]
    assert carry.tolist() == [4.0]
    returns.discounted_running(REWARD, DONE, carry, GAMMA)
    assert carry.tolist() == [0.0]


@st.composite
def rollouts(draw):
    """Random episodes in T rows of N environments; V of what follows is consistent with V of the next row."""
    horizon, envs = draw(st.integers(1, 12)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    terminated = rng.random((horizon, envs)) < draw(st.sampled_from([0.0, 0.2, 1.0]))
    truncated = ~terminated & (rng.random((horizon, envs)) < draw(st.sampled_from([0.0, 0.2, 1.0])))
    value = rng.normal(size=(horizon + 1, envs)).astype(np.float32)
    following = np.where(truncated, rng.normal(size=(horizon, envs)), np.where(terminated, 0, value[1:]))
    return SimpleNamespace(
        reward=rng.normal(size=(horizon, envs)).astype(np.float32),
        value=value[:-1],
        next_value=following.astype(np.float32),
        done=terminated | truncated,
        log_ratio=rng.normal(size=(horizon, envs)).astype(np.float32),
    )


def look_ahead(x, i, t, n, gamma):
    """The n-step target of one step, summed forwards as the definition says."""
    total, k = 0.0, 0
    while True:
        total += gamma**k * x.reward[t + k, i]
        k += 1
        if k == n or x.done[t + k - 1, i] or t + k == len(x.reward):
            return total + gamma**k * x.next_value[t + k - 1, i]


def each_step(x, target):
    horizon, envs = x.reward.shape
    return np.array([[target(i, t) for i in range(envs)] for t in range(horizon)])


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


@settings(max_examples=100, deadline=None)
@given(rollouts(), st.sampled_from([0.0, 0.9, 1.0, -1.0]), st.integers(1, 6))
def test_n_step_and_rewards_to_go_equal_brute_force(x, gamma, n):
    close(
        returns.n_step(x.reward, x.next_value, x.done, gamma, n),
        each_step(x, lambda i, t: look_ahead(x, i, t, n, gamma)),
    )
    everything = each_step(x, lambda i, t: look_ahead(x, i, t, 99, gamma))
    close(returns.rewards_to_go(x.reward, x.next_value, x.done, gamma), everything)


@settings(max_examples=100, deadline=None)
@given(rollouts(), st.sampled_from([0.0, 0.9, 1.0]), st.sampled_from([0.0, 0.5, 0.95]))
def test_gae_is_the_weighted_mean_of_all_n_step_advantages(x, gamma, lam):
    def mixture(i, t):
        # (1 - lam) sum_n lam^(n-1) A^(n); beyond the cut all A^(n) are equal, so 400 terms are the whole series
        return sum((1 - lam) * lam**n * look_ahead(x, i, t, n + 1, gamma) for n in range(400)) - x.value[t, i]

    close(returns.gae(x.reward, x.value, x.next_value, x.done, gamma, lam), each_step(x, mixture))


@settings(max_examples=100, deadline=None)
@given(rollouts(), st.sampled_from([0.9, 1.0]), st.sampled_from([0.0, 0.7, 1.0]))
def test_identities_between_the_targets(x, gamma, lam):
    step = x.reward, x.next_value, x.done
    advantage = returns.gae(x.reward, x.value, x.next_value, x.done, gamma, lam)
    close(returns.td_lambda(*step, gamma, lam), advantage + x.value)
    delta = x.reward + gamma * x.next_value - x.value
    close(returns.gae(x.reward, x.value, x.next_value, x.done, gamma, 0.0), delta)
    everything = returns.rewards_to_go(*step, gamma)
    close(returns.gae(x.reward, x.value, x.next_value, x.done, gamma, 1.0), everything - x.value)
    close(returns.n_step(*step, gamma, len(x.reward)), everything)
    close(returns.n_step(*step, gamma, 1), delta + x.value)


@settings(max_examples=100, deadline=None)
@given(rollouts(), st.sampled_from([0.9, 1.0]), st.sampled_from([0.0, 0.7, 1.0]))
def test_vtrace_on_policy_is_td_lambda(x, gamma, lam):
    on_policy = np.zeros_like(x.reward)
    target, advantage = returns.vtrace(on_policy, x.reward, x.value, x.next_value, x.done, gamma, 1.0, 1.0, lam)
    close(target, returns.td_lambda(x.reward, x.next_value, x.done, gamma, lam))
    if lam == 1:
        close(advantage, target - x.value)


@settings(max_examples=100, deadline=None)
@given(rollouts(), st.sampled_from([0.5, 1.0, 3.0]), st.sampled_from([0.5, 1.0]))
def test_vtrace_equals_its_defining_sum(x, rho_bar, c_bar):
    gamma, ratio = 0.9, np.exp(x.log_ratio.astype(float))
    delta = np.minimum(rho_bar, ratio) * (x.reward + gamma * x.next_value - x.value)

    def target(i, t):
        total, weight = x.value[t, i], 1.0  # vs = V + sum_s gamma^s (prod c) delta_s, over the rest of the episode
        for s in range(t, len(x.reward)):
            total += weight * delta[s, i]
            weight *= gamma * min(c_bar, ratio[s, i])
            if x.done[s, i]:
                break
        return total

    got, _ = returns.vtrace(x.log_ratio, x.reward, x.value, x.next_value, x.done, gamma, rho_bar, c_bar)
    close(got, each_step(x, target))


ARGUMENTS = {
    "rewards_to_go": ("reward", "next_value", "done", GAMMA),
    "td_lambda": ("reward", "next_value", "done", GAMMA, LAM),
    "n_step": ("reward", "next_value", "done", GAMMA, 3),
    "gae": ("reward", "value", "next_value", "done", GAMMA, LAM),
    "vtrace": ("log_ratio", "reward", "value", "next_value", "done", GAMMA),
    "discounted_running": ("reward", "done", "carry", GAMMA),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_jitted_code_equals_the_python_it_was_made_from(name):
    rng = np.random.default_rng(0)
    x = {k: rng.normal(size=(9, 4)).astype(np.float32) for k in ("reward", "value", "next_value", "log_ratio")}
    x |= {"done": rng.random((9, 4)) < 0.3}
    kernel = getattr(returns, name)
    x["carry"] = np.zeros(4, np.float32)
    jitted = kernel(*(x.get(a, a) if isinstance(a, str) else a for a in ARGUMENTS[name]))
    x["carry"] = np.zeros(4, np.float32)
    python = kernel.py_func(*(x.get(a, a) if isinstance(a, str) else a for a in ARGUMENTS[name]))
    np.testing.assert_allclose(jitted, python, rtol=1e-5, atol=1e-6)
    assert np.asarray(jitted).dtype == np.asarray(python).dtype == np.float32
