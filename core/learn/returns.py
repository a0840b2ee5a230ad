"""The worth of each step: returns, value targets and advantages over (T, N) arrays, time first.

Every function takes `reward (T, N)` with `next_value (T, N)`, the value of what follows each step: 0 where the episode
terminated, V(final observation) where it was truncated, V(obs_{t+1}) elsewhere. `done (T, N)` marks both kinds of end
and nothing flows across one. So the last row and the ends bootstrap alike, and truncation needs no case of its own.
Results have the shape and the dtype of `reward`. The recursions walk back in time, one row of N environments at once.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(nogil=True, cache=True)
def rewards_to_go(reward: NDArray[Any], next_value: NDArray[Any], done: NDArray[Any], gamma: float) -> NDArray[Any]:
    """Discounted returns, shape (T, N), bootstrapped only where they are cut: at ends and behind the last row.

    G_t = r_t + gamma * (next_value_t if done_t or t = T-1 else G_{t+1})
    """
    return td_lambda(reward, next_value, done, gamma, 1.0)


@njit(nogil=True, cache=True)
def td_lambda(
    reward: NDArray[Any], next_value: NDArray[Any], done: NDArray[Any], gamma: float, lam: float
) -> NDArray[Any]:
    """Value targets TD(lambda), shape (T, N): lam = 0 looks one step ahead, lam = 1 is `rewards_to_go`.

    G_t = r_t + gamma * ((1 - lam) * next_value_t + lam * G_{t+1}), with G_{t+1} = next_value_t where the return is cut.
    Sutton and Barto 2018, section 12.1.
    """
    out = np.empty_like(reward)
    tail = next_value[-1]
    for t in range(len(reward) - 1, -1, -1):
        _backup(reward[t], next_value[t], done[t], tail, gamma, lam, out[t])
        tail = out[t]
    return out


@njit(nogil=True, cache=True)
def n_step(reward: NDArray[Any], next_value: NDArray[Any], done: NDArray[Any], gamma: float, n: int) -> NDArray[Any]:
    """Value targets that look n steps ahead, fewer at an end or at the last row, shape (T, N).

    G_t = sum_{k<m} gamma^k r_{t+k} + gamma^m next_value_{t+m-1}, with m <= n the steps really taken.
    Sutton and Barto 2018, section 7.1.
    """
    out = np.empty_like(reward)
    for t in range(len(reward)):
        last = min(t + n, len(reward)) - 1
        out[t] = next_value[last]
        for s in range(last, t - 1, -1):  # Horner's scheme: an end at s forgets all that came after it
            _backup(reward[s], next_value[s], done[s], out[t], gamma, 1.0, out[t])
    return out


@njit(nogil=True, cache=True)
def gae(
    reward: NDArray[Any], value: NDArray[Any], next_value: NDArray[Any], done: NDArray[Any], gamma: float, lam: float
) -> NDArray[Any]:
    """Generalised advantage estimates, shape (T, N); `value (T, N)` is V(obs_t).

    delta_t = r_t + gamma * next_value_t - value_t
    A_t = delta_t + gamma * lam * (1 - done_t) * A_{t+1}
    Schulman et al. 2016, arXiv:1506.02438.
    """
    out = np.empty_like(reward)
    tail = np.zeros_like(reward[0])
    for t in range(len(reward) - 1, -1, -1):
        _gae_row(reward[t], value[t], next_value[t], done[t], tail, gamma, lam, out[t])
        tail = out[t]
    return out


@njit(nogil=True, cache=True)
def vtrace(
    log_ratio: NDArray[Any],
    reward: NDArray[Any],
    value: NDArray[Any],
    next_value: NDArray[Any],
    done: NDArray[Any],
    gamma: float,
    rho_bar: float = 1.0,
    c_bar: float = 1.0,
    lam: float = 1.0,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Off-policy value targets and policy-gradient advantages, both (T, N), from log_ratio = log pi(a|s) - log mu(a|s).

    rho_t = min(rho_bar, ratio_t),  c_t = lam * min(c_bar, ratio_t)
    vs_t = V_t + rho_t * (r_t + gamma * V_{t+1} - V_t) + gamma * c_t * (1 - done_t) * (vs_{t+1} - V_{t+1})
    A_t = rho_t * (r_t + gamma * vs_{t+1} - V_t), with vs_{t+1} = next_value_t where the return is cut.
    Espeholt et al. 2018, arXiv:1802.01561, equation 1, remark 2 and section 4.2.
    """
    horizon, envs = reward.shape
    gamma_, lam_ = reward.dtype.type(gamma), reward.dtype.type(lam)
    rho_most, c_most = reward.dtype.type(rho_bar), reward.dtype.type(c_bar)
    target, advantage = np.empty_like(reward), np.empty_like(reward)
    tail = next_value[-1]
    for t in range(horizon - 1, -1, -1):
        for i in range(envs):
            ratio = np.exp(log_ratio[t, i])
            rho, c = min(rho_most, ratio), lam_ * min(c_most, ratio)
            beyond = next_value[t, i] if done[t, i] else tail[i]
            delta = rho * (reward[t, i] + gamma_ * next_value[t, i] - value[t, i])
            target[t, i] = value[t, i] + delta + gamma_ * c * (beyond - next_value[t, i])
            advantage[t, i] = rho * (reward[t, i] + gamma_ * beyond - value[t, i])
        tail = target[t]
    return target, advantage


@njit(nogil=True, cache=True)
def discounted_running(reward: NDArray[Any], done: NDArray[Any], carry: NDArray[Any], gamma: float) -> NDArray[Any]:
    """Forward discounted sums of each episode so far, shape (T, N); what reward scaling measures the spread of.

    R_t = gamma * R_{t-1} + r_t, starting afresh after an end. `carry (N,)` is R before the first row and is updated in
    place, so that calls continue one another.
    """
    horizon, envs = reward.shape
    zero, gamma_ = reward.dtype.type(0), reward.dtype.type(gamma)
    out = np.empty_like(reward)
    for t in range(horizon):
        for i in range(envs):
            out[t, i] = gamma_ * carry[i] + reward[t, i]
            carry[i] = zero if done[t, i] else out[t, i]
    return out


# One row each, as functions of their own: LLVM then checks once per row that the arrays do not overlap and vectorises.
# In one nested loop it hoists that check out of a loop that runs backwards, where it fails (128 x 1024: 3x slower).


@njit(nogil=True, cache=True)
def _backup(
    reward: NDArray[Any],
    next_value: NDArray[Any],
    done: NDArray[Any],
    tail: NDArray[Any],
    gamma: float,
    lam: float,
    out: NDArray[Any],
) -> None:
    """Writes r + gamma * ((1 - lam) * next_value + lam * tail), where an end replaces the tail; all arrays (N,)."""
    gamma_, lam_, rest = reward.dtype.type(gamma), reward.dtype.type(lam), reward.dtype.type(1 - lam)
    for i in range(reward.size):
        beyond = rest * next_value[i] + lam_ * tail[i]
        out[i] = reward[i] + gamma_ * (next_value[i] if done[i] else beyond)


@njit(nogil=True, cache=True)
def _gae_row(
    reward: NDArray[Any],
    value: NDArray[Any],
    next_value: NDArray[Any],
    done: NDArray[Any],
    tail: NDArray[Any],
    gamma: float,
    lam: float,
    out: NDArray[Any],
) -> None:
    """Writes delta + gamma * lam * tail, where an end drops the tail; all arrays (N,)."""
    zero, gamma_, decay = reward.dtype.type(0), reward.dtype.type(gamma), reward.dtype.type(gamma * lam)
    for i in range(reward.size):
        flow = decay * tail[i]
        out[i] = reward[i] + gamma_ * next_value[i] - value[i] + (zero if done[i] else flow)
