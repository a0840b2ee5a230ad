"""Monte Carlo tree search as the papers describe it, one node at a time, with nothing done for speed."""

from math import log, sqrt

import numpy as np

from gymnast.core.games.game import GOES_ON, LOSS, WIN


class Node:
    """A position with what the search knows about its moves."""

    def __init__(self, state, prior, value, solved=None):
        self.state, self.prior, self.value, self.solved = state, prior, value, solved
        self.visits = dict.fromkeys(prior, 0)
        self.total = dict.fromkeys(prior, 0.0)
        self.children = {}

    @property
    def count(self):
        return 1 + sum(self.visits.values())


class SlowSearch:
    """One tree."""

    def __init__(self, game, evaluate, formula):
        self.game, self.evaluate, self.formula = game, evaluate, formula

    def node(self, state, is_root=False):
        mask = self.game.actions_of(state[None])
        win = next((a for a in np.flatnonzero(mask[0]).tolist() if self.outcome(state, a)[0] == WIN), None)
        if self.game.sudden and win is not None:
            prior = {a: float(a == win) for a in np.flatnonzero(mask[0]).tolist()}
            return Node(state, prior, float(WIN), solved=None if is_root else WIN)
        logits, values = self.evaluate(state[None], mask)
        legal = np.flatnonzero(mask[0]).tolist()
        weight = {a: np.exp(logits[0, a] - max(logits[0, b] for b in legal)) for a in legal}
        return Node(state, {a: w / sum(weight.values()) for a, w in weight.items()}, float(values[0]))

    def run(self, state, simulations):
        root = self.node(state, is_root=True)
        while root.count - 1 < simulations and root.solved is None:
            self.simulate(root, is_root=True)
        return root

    def simulate(self, node, is_root=False):
        """One walk below `node`; returns what it is worth for the player to move there."""
        if node.solved is not None:
            return node.solved
        action = self.best(node, is_root)
        if action in node.children:
            value = -self.simulate(node.children[action])
        else:
            node.children[action] = self.expanded(node, action)
            value = -node.children[action].value
        node.visits[action] += 1
        node.total[action] += value
        self.prove(node)
        return value

    def expanded(self, node, action):
        outcome, state = self.outcome(node.state, action)
        if outcome == GOES_ON:
            return self.node(state)
        return Node(state, {}, float(-outcome), solved=-outcome)

    def outcome(self, state, action):
        state = state[None].copy()
        return int(self.game.advance(state, np.array([action]))[0][0]), state[0]

    def prove(self, node):
        known = {a: c.solved for a, c in node.children.items()}
        if LOSS in known.values():
            node.solved = WIN
        elif len(known) == len(node.prior) and None not in known.values():
            node.solved = max(-v for v in known.values())

    def best(self, node, is_root):
        f = self.formula
        c = f.c_init + log((node.count + f.c_base + 1) / f.c_base)
        tried = [a for a in node.prior if node.visits[a]]
        mean = (node.value + sum(node.total[a] for a in tried)) / node.count
        first = mean - f.fpu * sqrt(sum(node.prior[a] for a in tried))
        scores = {}
        for a, p in node.prior.items():
            n = node.visits[a]
            q = node.total[a] / n if n else first
            child = node.children.get(a)
            if child is not None and child.solved is not None:
                if child.solved == WIN:
                    continue
                q = -child.solved
            if is_root and 0 < n < sqrt(f.forced * p * node.count):
                return a
            if not f.uct:
                scores[a] = q + c * p * sqrt(node.count) / (1 + n)
            else:
                scores[a] = 1e9 + float(p) if n == 0 else q + f.c_init * sqrt(log(node.count) / n)
        return max(scores, key=scores.get)


def hashed(game, scale=1.0):
    """A network that is a hash of the position: arbitrary, and the same alone and in a batch."""

    def evaluate(states, mask):
        keys = states.astype(np.uint64) * np.arange(1, 2 * states.shape[1], 2, dtype=np.uint64)
        h = np.bitwise_xor.reduce(keys, 1) * np.uint64(0x9E3779B97F4A7C15)
        bits = (h[:, None] >> np.arange(40, dtype=np.uint64)) % np.uint64(1021)
        wave = (bits.astype(np.float32) / 1021) * 2 - 1
        logits = np.stack([wave[:, a % 39] for a in range(game.actions)], 1) * np.float32(2)
        return logits, wave[:, 39] * np.float32(scale)

    return evaluate


def middles(game, count, seed=0):
    """Positions of random games that are not over."""
    random, states = np.random.default_rng(seed), []
    while len(states) < count:
        state = game.begin(1)
        for _ in range(random.integers(0, 10)):
            action = random.choice(np.flatnonzero(game.actions_of(state)[0]))
            if game.advance(state, np.array([action]))[0][0] != GOES_ON:
                state = game.begin(1)
        states.append(state[0])
    return np.array(states)
