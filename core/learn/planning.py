"""Planning where the model is known: value iteration and policy iteration, the optimum without a single step."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..errors import UsageError

_MOST_SWEEPS = 100_000


class Model(NamedTuple):
    """A known Markov decision process: K outcomes of each of A actions in each of S states."""

    probability: NDArray[np.float64]
    """(S, A, K), 0 where there are fewer outcomes; an action without any is not available."""
    following: NDArray[np.int64]
    """(S, A, K) the next state."""
    reward: NDArray[np.float64]
    """(S, A, K)"""
    terminated: NDArray[np.bool_]
    """(S, A, K) nothing follows."""


class Plan(NamedTuple):
    """Result of planning."""

    value: NDArray[np.float64]
    """V* (S,)."""
    policy: NDArray[np.int64]
    """(S,) a best action in each state."""
    history: list[NDArray[np.float64]]
    """V (S,) after every sweep or improvement, the last one included."""


def model(table: dict[int, dict[int, list[tuple[float, int, float, bool]]]]) -> Model:
    """The model in Gymnasium's `env.unwrapped.P`: state -> action -> [(probability, next state, reward, ended)]."""
    actions = 1 + max(max(by_action) for by_action in table.values())
    shape = len(table), actions, max(len(listed) for by_action in table.values() for listed in by_action.values())
    made = Model(np.zeros(shape), np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape, np.bool_))
    for state, by_action in table.items():
        for action, listed in by_action.items():
            for k, outcome in enumerate(listed):
                for column, what in zip(made, outcome, strict=True):
                    column[state, action, k] = what
    return made


@njit(nogil=True, cache=True)
def backup(model: Model, value: NDArray[Any], gamma: float) -> NDArray[Any]:
    """Q (S, A) = E[r + gamma V(s')], nothing following a termination; its maximum over A is the Bellman operator."""
    states, actions, outcomes = model.probability.shape
    q = np.zeros((states, actions))
    for s in range(states):
        for a in range(actions):
            for k in range(outcomes):
                worth = 0.0 if model.terminated[s, a, k] else gamma * value[model.following[s, a, k]]
                q[s, a] += model.probability[s, a, k] * (model.reward[s, a, k] + worth)
            if model.probability[s, a].sum() == 0.0:
                q[s, a] = -np.inf
    return q


def value_iteration(model: Model, gamma: float, tolerance: float = 1e-9) -> Plan:
    """V* by V <- max_a E[r + gamma V(s')], to within `tolerance`; every sweep shrinks the error by gamma or more.

    With gamma = 1 it stops when a sweep changes less than `tolerance`.

    Raises:
        UsageError: if gamma is 1 and values grow without end.
    """
    history, value = [], np.zeros(len(model.reward))
    enough = tolerance * (1 - gamma) / gamma if 0 < gamma < 1 else tolerance
    for _ in range(_MOST_SWEEPS):
        q = backup(model, value, gamma)
        change, value = np.abs(q.max(-1) - value).max(), q.max(-1)
        history.append(value)
        if change <= enough:
            return Plan(value, backup(model, value, gamma).argmax(-1), history)
    raise UsageError(f"values still change after {_MOST_SWEEPS:,} sweeps with gamma {gamma}; give a smaller gamma")


def policy_iteration(model: Model, gamma: float) -> Plan:
    """V* by evaluating a policy exactly and improving it greedily, until it stays; no step makes any state worse.

    Raises:
        UsageError: unless gamma is below 1: a policy that never ends has no value then.
    """
    if gamma >= 1:
        raise UsageError(f"gamma is {gamma}; policy iteration needs one below 1")
    states = np.arange(len(model.reward))
    policy, history = (model.probability.sum(-1) > 0).argmax(-1), []
    while True:
        value = evaluate(model, policy, gamma)
        history.append(value)
        q = backup(model, value, gamma)
        better = q.max(-1) > q[states, policy] + 1e-12 * (1 + np.abs(value))  # rounding is no improvement
        if not better.any():
            return Plan(value, policy, history)
        policy = np.where(better, q.argmax(-1), policy)


def evaluate(model: Model, policy: NDArray[np.int64], gamma: float) -> NDArray[np.float64]:
    """V (S,) of a policy (S,): the solution of V = E[r + gamma V(s')]."""
    states = np.arange(len(policy))
    probability, going_on = model.probability[states, policy], ~model.terminated[states, policy]
    system = np.eye(len(states))
    np.add.at(system, (states[:, None], model.following[states, policy]), -gamma * probability * going_on)
    return np.linalg.solve(system, (probability * model.reward[states, policy]).sum(-1))
