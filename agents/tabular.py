"""Learning on a table of action values: Q-learning, double Q-learning, SARSA, Monte Carlo control; and planning.

For any environment with finitely many observations and actions. Q-learning: Watkins 1989; double: van Hasselt 2010;
SARSA: Rummery & Niranjan 1994; first-visit Monte Carlo control: Sutton & Barto, section 5.4. The backup of Q* takes the
maximum inside the expectation (Kaplan §8.3, where one note has it outside). Where the model is known, `value_iteration`
and `policy_iteration` find the optimum without a single step.
"""

from dataclasses import dataclass
from math import prod
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numba import njit
from numpy.typing import NDArray
from torch import nn

from ..core.acting import Acting, Memoryless, Mode, spawned
from ..core.batch import Batch
from ..core.checkpoint import Places
from ..core.errors import UsageError, check_ranges
from ..core.jitted.greedy import choose, choose_all
from ..core.jitted.instantiate import kernel
from ..core.jitted.rng import stream, uniform
from ..core.learn.planning import Model, Plan, backup, evaluate, model, policy_iteration, value_iteration
from ..core.nets.build import Build
from ..core.ranges import DISCOUNTS, Linear, Log
from ..core.rollout.engine import Whole
from ..core.spaces.layout import Layout

__all__ = [
    "Agent",
    "Config",
    "Model",
    "Plan",
    "Table",
    "backup",
    "evaluate",
    "model",
    "policy_iteration",
    "value_iteration",
]

NAME = "Tabular"
_LARGEST = 100_000_000  # entries of a table
_METHODS = ("q", "double_q", "sarsa", "monte_carlo")
_, _DOUBLE_Q, _SARSA, _MONTE_CARLO = range(4)


@dataclass(frozen=True)
class Config:
    """Hyper-parameters of learning on a table."""

    method: Literal["q", "double_q", "sarsa", "monte_carlo"] = "q"
    """q learns the best policy while exploring; double_q without its bias; sarsa and monte_carlo the one that acts."""
    horizon: int = 16
    """Steps per environment between updates, which are made one by one; monte_carlo: whole episodes of each."""
    lr: Annotated[float, Log(0.05, 1.0)] = 1.0
    """Step size at the first visit of a state and action: the share of each surprise that is believed."""
    lr_decay: Annotated[float, Linear(0.0, 1.0)] = 0.7
    """It falls with the visits to this power: 0 keeps it, 1 averages over all (Even-Dar & Mansour 2003: 0.5 to 1)."""
    gamma: Annotated[float, DISCOUNTS] = 0.99
    """Discount per step."""
    epsilon_start: float = 1.0
    """Probability of a random action at first."""
    epsilon: Annotated[float, Linear(0.01, 0.2)] = 0.05
    """Probability of a random action in the end."""
    epsilon_fraction: Annotated[float, Linear(0.1, 0.9)] = 0.5
    """Share of the run over which the first falls to the second, linearly."""
    initial: float = 0.0
    """Value of everything at first; higher than anything real makes the agent try it all."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            positive=("horizon", "lr"),
            unit=("gamma", "lr_decay", "epsilon_start", "epsilon", "epsilon_fraction"),
        )


class Table(nn.Module):
    """Q (S, A); twice for double Q-learning. Rows are numbered as `states` numbers stored observations.

    Raises:
        UsageError: if observations or actions are not finitely many.
    """

    def __init__(self, obs: spaces.Space[Any], action: spaces.Space[Any], tables: int, initial: float) -> None:
        super().__init__()
        if not isinstance(action, spaces.Discrete):
            raise UsageError(f"a table has one column per action and needs a Discrete action space, not {action}")
        self.layout = Layout(obs)
        self._parts = [part for part in self.layout.parts if part is not self.layout.mask]
        sizes, starts = zip(*(_counts(part.space, obs) for part in self._parts), strict=True)
        self._sizes, self._starts = np.concatenate(sizes), np.concatenate(starts)
        if prod(self._sizes.tolist()) * int(action.n) > _LARGEST:
            raise UsageError(f"a table for {prod(self._sizes.tolist()):,} states is too large; learn with dqn")
        shape = tables, prod(self._sizes.tolist()), int(action.n)
        self.q = nn.Parameter(torch.full(shape, initial, dtype=torch.float64), requires_grad=False)
        self.epsilon: torch.Tensor
        self.register_buffer("epsilon", torch.ones(1, dtype=torch.float64))

    def states(self, obs: NDArray[Any]) -> NDArray[np.int64]:
        """Numbers (N,) of stored observations (N, *layout.shape)."""
        if isinstance(self.layout.space, spaces.Discrete):
            values: NDArray[np.int64] = obs - self._starts[0]
            return values
        parts = self.layout.view(torch.as_tensor(obs))
        digits = np.concatenate([parts[part.name].numpy().reshape(len(obs), -1) for part in self._parts], 1)
        indices = tuple((digits - self._starts).T.astype(np.int64))
        states: NDArray[np.int64] = np.ravel_multi_index(indices, self._sizes.tolist())
        return states

    def masks(self, obs: NDArray[Any]) -> NDArray[np.int8]:
        """Which actions are available, (N, A), or (N, 0) where all always are."""
        mask = self.layout.mask
        if mask is None:
            return np.zeros((len(obs), 0), np.int8)
        return self.layout.view(torch.as_tensor(obs))[mask.name].numpy()


class _Tables(NamedTuple):
    """The tables that are learned."""

    q: NDArray[np.float64]
    """(1 or 2, S, A)"""
    visits: NDArray[np.int64]
    """(S, A)"""
    waiting: NDArray[np.float64]
    """(N, 3) of SARSA: state, action and reward whose next action is unknown; a state of -1 for none."""


class _Seen(NamedTuple):
    """The steps of a batch: (T, N), states as their numbers."""

    state: NDArray[np.int64]
    """(T + 1, N)"""
    action: NDArray[np.int64]
    reward: NDArray[np.float32]
    over: NDArray[np.bool_]
    done: NDArray[np.bool_]
    valid: NDArray[np.bool_]
    following: NDArray[np.int64]
    """States after the steps."""
    following_mask: NDArray[np.int8]
    """(T, N, A) which actions are available in them, or (T, N, 0)."""


class _Rates(NamedTuple):
    """How it is learned."""

    gamma: float
    lr: float
    decay: float
    epsilon: float


class Agent:
    """Acts epsilon-greedily on the table, learns in the order in which things happened."""

    convolutional = False

    policy = ("net",)

    def __init__(
        self,
        obs: spaces.Space[Any],
        action: spaces.Space[Any],
        cfg: Config,
        device: str = "cpu",
        seed: int = 0,
        net: Build | None = None,
    ) -> None:
        if net is not None:
            raise UsageError("tabular learns on a table and has no network to build; leave out --net")
        self.cfg = cfg
        self.horizon: int | Whole = Whole(cfg.horizon) if cfg.method == "monte_carlo" else cfg.horizon
        self.net = Table(obs, action, 2 if cfg.method == "double_q" else 1, cfg.initial)
        self.q: NDArray[np.float64] = self.net.q.numpy()
        self.visits = np.zeros(self.q.shape[1:], np.int64)
        self.random = stream(seed)
        # for SARSA, per environment: state, action and reward whose next action is unknown
        self.waiting = np.zeros((0, 3))

    @property
    def paths(self) -> dict[str, str]:
        """How the gradient comes about: a table needs none."""
        return {}

    def acting(self, envs: int, mode: Mode = "learn", seed: int = 0) -> Acting:
        return EpsilonGreedy(self, mode, seed)

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """Learn from every step of the batch."""
        cfg, shape = self.cfg, batch.reward.shape
        state = self.net.states(batch.obs.reshape(-1, *batch.obs.shape[2:])).reshape(len(batch.obs), -1)
        ahead = batch.next_obs().reshape(-1, *batch.obs.shape[2:])
        following, following_mask = self.net.states(ahead).reshape(shape), self.net.masks(ahead).reshape(*shape, -1)
        if not len(self.waiting):
            self.waiting = np.full((shape[1], 3), -1.0)
        if len(self.waiting) != shape[1]:
            raise UsageError(f"steps of {len(self.waiting)} environments wait, not of {shape[1]}")
        epsilon = self.net.epsilon.item()
        steps = (batch.action, batch.reward, batch.over, batch.done, batch.valid)
        surprise = _learn(
            _Tables(self.q, self.visits, self.waiting),
            _Seen(state, *steps, following, following_mask),
            _Rates(cfg.gamma, cfg.lr, cfg.lr_decay, epsilon),
            _METHODS.index(cfg.method),
            self.random,
        )
        share = min(progress / cfg.epsilon_fraction, 1.0) if cfg.epsilon_fraction else 1.0
        self.net.epsilon.fill_(cfg.epsilon_start + share * (cfg.epsilon - cfg.epsilon_start))
        return {"loss/surprise": surprise, "policy/epsilon": epsilon, "value/seen": float((self.visits > 0).mean())}

    def parts(self) -> dict[str, Any]:
        own = {"visits": self.visits, "random": self.random, "waiting": Places(self, "waiting", self.visits.shape)}
        return {"net": self.net, **own}


class EpsilonGreedy(Memoryless):
    """Takes the best actions of the table, or with probability epsilon any; `mode` best always the best."""

    def __init__(self, agent: Agent, mode: Mode, seed: int) -> None:
        self.net, self.explores, self.random = agent.net, mode != "best", stream(spawned(seed, 1))
        self._values, self._masks = np.zeros((0, 1)), np.zeros((0, 0), np.int8)

    def __call__(self, obs: NDArray[Any], first: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        q, state = self.net.q.numpy(), self.net.states(obs)
        self._values, self._masks = q.mean(0)[state] if len(q) > 1 else q[0, state], self.net.masks(obs)
        epsilon = self.net.epsilon.item() if self.explores else 0.0
        return {"action": choose_all(self._values, self._masks, epsilon, self.random)}

    def thoughts(self) -> dict[str, NDArray[Any]]:
        """Q (N, A) of the last observations, and the best action's as the state's value."""
        best = choose_all(self._values, self._masks, 0.0, self.random)
        return {"value": self._values[np.arange(len(best)), best], "action value": self._values}

    def parts(self) -> dict[str, Any]:
        return {"random": self.random}


def _counts(space: spaces.Space[Any], whole: spaces.Space[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """How many values each number of an observation takes, and the least of them."""
    match space:
        case spaces.Discrete():
            return np.array([space.n]), np.array([space.start])
        case spaces.MultiDiscrete():
            return space.nvec.ravel(), space.start.ravel()
        case spaces.MultiBinary():
            size = prod(space.shape)
            return np.full(size, 2), np.zeros(size, np.int64)
    raise UsageError(f"a table has one row per observation and needs Discrete ones, not {whole}; learn with dqn")


@njit(nogil=True, cache=True)
def _believe(q, visits, s, a, target, rates):  # type: ignore[no-untyped-def]
    """Move Q(s, a) towards the target; by how much it was off."""
    visits[s, a] += 1
    surprise = target - q[s, a]
    q[s, a] += (rates.lr / visits[s, a] ** rates.decay if rates.decay > 0 else rates.lr) * surprise
    return surprise


@njit(nogil=True, cache=True)
def _value(values, mask, epsilon):  # type: ignore[no-untyped-def]
    """Expectation of action values (A,) under an epsilon-greedy policy."""
    best, total, count = -np.inf, 0.0, 0
    for a in range(len(values)):
        if len(mask) == 0 or mask[a] != 0:
            best = max(best, values[a])
            total += values[a]
            count += 1
    return (1.0 - epsilon) * best + epsilon * total / count if count else 0.0


@njit(nogil=True, cache=True)
def _mark_first_visits(state, action, done, first):  # type: ignore[no-untyped-def]
    """`first` (T,) becomes True where a state and action occur for the first time in their episode."""
    seen = set()
    seen.add((np.int64(-1), np.int64(-1)))
    for t in range(len(state) - 1):
        pair = (state[t], action[t])
        first[t] = pair not in seen
        seen.add(pair)
        if done[t]:
            seen.clear()
            seen.add((np.int64(-1), np.int64(-1)))


@njit(nogil=True, cache=True)
def _learn_from_returns(tables, seen, rates):  # type: ignore[no-untyped-def]
    """First-visit Monte Carlo: every first visit of an episode learns what came after it."""
    steps, n = seen.reward.shape
    total, count = 0.0, 0
    for i in range(n):
        ret, first = 0.0, np.zeros(steps, np.bool_)
        _mark_first_visits(seen.state[:, i], seen.action[:, i], seen.done[:, i], first)
        for t in range(steps - 1, -1, -1):
            if not seen.valid[t, i]:
                continue
            if seen.done[t, i]:
                beyond = _value(tables.q[0, seen.following[t, i]], seen.following_mask[t, i], 0.0)
                ret = 0.0 if seen.over[t, i] else beyond
            ret = seen.reward[t, i] + rates.gamma * ret
            if first[t]:
                s, a = seen.state[t, i], seen.action[t, i]
                total += abs(_believe(tables.q[0], tables.visits, s, a, ret, rates))
                count += 1
    return total / max(count, 1)


@kernel
def _learn(tables, seen, rates, method, random):  # type: ignore[no-untyped-def]
    """Learn from (T, N) steps in their order; the mean absolute surprise."""
    if method == _MONTE_CARLO:
        return _learn_from_returns(tables, seen, rates)
    q, visits, waiting = tables
    steps, n = seen.reward.shape
    total, count = 0.0, 0
    for t in range(steps):
        for i in range(n):
            if method == _SARSA and waiting[i, 0] >= 0:  # now the next action is known
                s, a = int(waiting[i, 0]), int(waiting[i, 1])
                target = waiting[i, 2] + rates.gamma * q[0, seen.state[t, i], seen.action[t, i]]
                total += abs(_believe(q[0], visits, s, a, target, rates))
                count += 1
                waiting[i, 0] = -1
            if not seen.valid[t, i]:
                continue
            s, a, target = seen.state[t, i], seen.action[t, i], np.float64(seen.reward[t, i])
            after, mask, which = seen.following[t, i], seen.following_mask[t, i], 0
            if method == _SARSA and not seen.done[t, i]:
                waiting[i, 0], waiting[i, 1], waiting[i, 2] = s, a, target
                continue
            if method == _DOUBLE_Q:
                which = int(uniform(random) < 0.5)
                if not seen.over[t, i]:
                    best = choose(q[which, after], mask, q.shape[2], 0.0, random)
                    target += rates.gamma * q[1 - which, after, best]
            elif not seen.over[t, i]:
                target += rates.gamma * _value(q[0, after], mask, rates.epsilon if method == _SARSA else 0.0)
            total += abs(_believe(q[which], visits, s, a, target, rates))
            count += 1
    return total / max(count, 1)
