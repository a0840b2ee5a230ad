"""Small Markov decision processes whose policy gradients are known exactly."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Play(NamedTuple):
    """E episodes of T steps, time first: states, actions and rewards, all (T, E)."""

    state: NDArray[np.int64]
    action: NDArray[np.int64]
    reward: NDArray[np.float64]


@dataclass(frozen=True)
class Mdp:
    """S states, A actions, episodes of `horizon` steps from a state drawn evenly; policies are logits (S, A)."""

    following: NDArray[np.float64]
    """(S, A, S) probability of the next state."""
    reward: NDArray[np.float64]
    """(S, A)"""
    horizon: int

    def play(self, logits: NDArray, episodes: int, rng: np.random.Generator) -> Play:
        """`episodes` games of a policy."""
        chosen, moved = softmax(logits).cumsum(-1), self.following.cumsum(-1)
        state = np.empty((self.horizon, episodes), np.int64)
        action = np.empty_like(state)
        now = rng.integers(len(logits), size=episodes)
        for t in range(self.horizon):
            state[t] = now
            action[t] = _drawn(chosen[now], rng)
            now = _drawn(moved[now, action[t]], rng)
        return Play(state, action, self.reward[state, action])

    def action_values(self, logits: NDArray, gamma: float) -> NDArray[np.float64]:
        """Q_t(s, a), shape (T, S, A): rewards from step t to the end, discounted from t on."""
        q = np.empty((self.horizon, *self.reward.shape))
        q[-1] = self.reward
        for t in range(self.horizon - 2, -1, -1):
            q[t] = self.reward + gamma * self.following @ (softmax(logits) * q[t + 1]).sum(-1)
        return q

    def gradient(self, logits: NDArray, gamma: float) -> NDArray[np.float64]:
        """sum_t E[grad log pi(a_t|s_t) Q_t(s_t, a_t)], shape (S * A,): what estimators with rewards to go estimate."""
        q, pi = self.action_values(logits, gamma), softmax(logits)
        occupied, total = np.full(len(logits), 1 / len(logits)), np.zeros_like(logits)
        for t in range(self.horizon):
            joint = occupied[:, None] * pi
            total += joint * (q[t] - (pi * q[t]).sum(-1, keepdims=True))
            occupied = np.einsum("sa,sax->x", joint, self.following)
        return total.ravel()


def random_mdp(
    rng: np.random.Generator, states: int = 6, actions: int = 3, horizon: int = 20, mean_reward: float = 1.0
) -> Mdp:
    """One whose transitions and rewards are drawn at random, rewards around `mean_reward` with deviation 1."""
    following = rng.dirichlet(np.ones(states), (states, actions))
    return Mdp(following, rng.normal(mean_reward, 1.0, (states, actions)), horizon)


def softmax(logits: NDArray) -> NDArray[np.float64]:
    """Probabilities (S, A)."""
    p = np.exp(logits - logits.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True)


def score_sums(play: Play, weight: NDArray, logits: NDArray) -> NDArray[np.float64]:
    """sum_t weight_t grad log pi(a_t|s_t) of each episode, shape (E, S * A), for weights (T, E)."""
    states, actions = logits.shape
    episodes = play.state.shape[1]
    cell = np.arange(episodes) * states + play.state
    taken = np.bincount((cell * actions + play.action).ravel(), weight.ravel(), episodes * states * actions)
    seen = np.bincount(cell.ravel(), weight.ravel(), episodes * states).reshape(episodes, states, 1)
    return (taken.reshape(episodes, states, actions) - seen * softmax(logits)).reshape(episodes, -1)


def _drawn(sums: NDArray, rng: np.random.Generator) -> NDArray[np.int64]:
    """One index per row of running sums of probabilities."""
    return (rng.random((len(sums), 1)) >= sums[:, :-1]).sum(-1)
