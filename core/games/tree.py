"""Search trees of many games in arrays, and the three jitted verbs of Monte Carlo tree search on them.

All games go in lockstep: `select` walks from each root to a leaf, the caller moves there and asks a network about all
leaves in one call, `expand` adds them, and carries their values back to the roots (`backup`). A node is an index into a
game's rows, the root is 0, and children come after their parents. Values are those of the player to move, in [-1, 1]:
the sign changes at each ply (Silver et al. 2018, "A general reinforcement learning algorithm ...", Science 362).
"""

import math
from typing import Any, NamedTuple, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..jitted.records import side_by_side
from .game import GOES_ON, LOSS, NONE, WIN, States

UNKNOWN = 2
"""`solved` of a node whose exact value is not known."""
PENDING = -2
"""`child` of an edge that leads to a node that is being evaluated; NONE of one that leads to no node yet."""
ILLEGAL = np.float32(-1.0)
"""`prior` of an action that there is not."""


class Tree(NamedTuple):
    """Trees of N games with room for M nodes of A edges each."""

    state: NDArray[np.int64]
    """(N, M, S) positions."""
    prior: NDArray[np.float32]
    """(N, M, A) P(s, a), or ILLEGAL."""
    visits: NDArray[np.int32]
    """(N, M, A) how many simulations went through an edge."""
    total: NDArray[np.float32]
    """(N, M, A) sum of their values for the player to move at the node, the edge's owner."""
    child: NDArray[np.int32]
    """(N, M, A) the node that an edge leads to, or NONE, or PENDING."""
    value: NDArray[np.float32]
    """(N, M) what the network says."""
    seen: NDArray[np.int32]
    """(N, M) 1 for the network's visit, and one for each simulation that went on from here."""
    solved: NDArray[np.int8]
    """(N, M) the exact value of a node, as far as the tree proves it, or UNKNOWN."""
    parent: NDArray[np.int32]
    """(N, M) NONE for the root."""
    action: NDArray[np.int16]
    """(N, M) that led here from the parent."""
    size: NDArray[np.int32]
    """(N,) nodes in use."""
    full: NDArray[np.bool_]
    """(N,) whether this search's policy is learned: playouts are forced at the root."""

    @classmethod
    def empty(cls, games: int, nodes: int, actions: int, state_size: int) -> Self:
        """Room for `games` trees of up to `nodes` nodes."""
        fields: dict[str, Any] = {
            "state": (np.int64, (state_size,)),
            "prior": (np.float32, (actions,)),
            "visits": (np.int32, (actions,)),
            "total": (np.float32, (actions,)),
            "child": (np.int32, (actions,)),
            "value": (np.float32, ()),
            "seen": (np.int32, ()),
            "solved": (np.int8, ()),
            "parent": (np.int32, ()),
            "action": (np.int16, ()),
        }
        return cls(**side_by_side((games, nodes), fields), size=np.zeros(games, np.int32), full=np.zeros(games, bool))

    def first(self, games: int) -> "Tree":
        """The first trees, in the same memory."""
        return Tree._make(x[:games] for x in self)


class Formula(NamedTuple):
    """How an edge is chosen: Q + U, the larger the sooner.

    PUCT: U = c P sqrt(N) / (1 + n), c = c_init + ln((N + c_base + 1) / c_base), N visits of the node (its first, by the
    network, included, so that priors count from the start), n of the edge. UCT: U = c_init sqrt(ln N / n).
    """

    c_init: float = 1.5
    """Weight of exploration."""
    c_base: float = 19652.0
    """Visits after which exploration begins to grow."""
    fpu: float = 0.2
    """First-play urgency: an edge not tried counts as the node's mean value less this times the root of the prior tried
    so far."""
    forced: float = 0.0
    """A tried edge of the root is tried at least sqrt(forced P N) times in full searches (arXiv:1902.10565, 3.2)."""
    uct: bool = False
    """UCB1 instead of PUCT: every edge once, then by Kocsis and Szepesvari 2006."""
    loss: float = 0.0
    """Virtual loss, which a simulation under way counts as, so that others of the same tree go elsewhere."""


class Leaves(NamedTuple):
    """Where simulations of one round ended, K per game; the first `found` (N,) of each game are filled."""

    node: NDArray[np.int32]
    """(N, K) the last node: of a position that is over or solved, or the parent of a new one."""
    action: NDArray[np.int16]
    """(N, K) from there to the new one; NONE if there is nothing to evaluate."""
    found: NDArray[np.int32]
    """(N,)"""

    @classmethod
    def empty(cls, games: int, leaves: int) -> Self:
        """Room for `leaves` of each game."""
        both = (games, leaves)
        return cls(np.zeros(both, np.int32), np.zeros(both, np.int16), np.zeros(games, np.int32))


@njit(nogil=True, cache=True)
def unfinished(tree: Tree, simulations: NDArray[Any], most: int, active: NDArray[Any], wanted: NDArray[Any]) -> int:
    """Write into `wanted` (N,) how many of its `simulations` (N,) each game of `active` (K,) lacks, `most` at a time,
    and move those that lack any to the front of `active`; returns how many they are. A solved root needs no more."""
    kept = 0
    for i in active:
        left = min(simulations[i] - (tree.seen[i, 0] - 1), most, tree.seen.shape[1] - tree.size[i])
        if left > 0 and tree.solved[i, 0] == UNKNOWN:
            wanted[i] = left
            active[kept] = i
            kept += 1
    return kept


@njit(nogil=True, cache=True)
def select(
    tree: Tree, formula: Formula, active: NDArray[Any], wanted: NDArray[Any], root_action: NDArray[Any], leaves: Leaves
) -> None:
    """Walk `wanted` (N,) times from the root of each game of `active` (K,) to a leaf; `root_action` (N,), if not NONE,
    is the first step.

    Visits count on the way down, with a virtual loss. A walk to where another one already waits is undone and ends the
    round of its game: it would learn nothing.
    """
    for i in active:
        leaves.found[i] = 0
        for k in range(wanted[i]):
            node = 0
            action = NONE
            collided = False
            while tree.solved[i, node] == UNKNOWN:
                action = root_action[i] if node == 0 else NONE
                if action == NONE:
                    action = best_edge(tree, formula, i, node)
                tree.visits[i, node, action] += 1
                tree.total[i, node, action] -= formula.loss
                tree.seen[i, node] += 1
                child = tree.child[i, node, action]
                if child == NONE:
                    tree.child[i, node, action] = PENDING
                    break
                if child == PENDING:
                    collided = True
                    break
                node, action = child, NONE
            if collided:
                _undo(tree, formula, i, node, action)
                break
            leaves.node[i, k], leaves.action[i, k] = node, action
            leaves.found[i] += 1


@njit(nogil=True, cache=True)
def best_edge(tree: Tree, formula: Formula, i: int, node: int) -> int:
    """The edge to follow from a node that is not solved; edges that lose for certain are left out.

    Edges not tried differ in their priors alone, so that only the likeliest of them is compared.
    """
    prior, visits, total, child = tree.prior[i, node], tree.visits[i, node], tree.total[i, node], tree.child[i, node]
    seen = tree.seen[i, node]
    c = formula.c_init + math.log((seen + formula.c_base + 1.0) / formula.c_base)
    explore = np.float32(c * math.sqrt(seen))
    forced = formula.forced * seen if node == 0 and tree.full[i] else 0.0
    best, best_score = 0, np.float32(-np.inf)
    fresh, fresh_prior = NONE, ILLEGAL
    mass, sum_ = np.float32(0.0), tree.value[i, node]
    for a in range(len(prior)):
        p, n = prior[a], visits[a]
        if p < 0:
            continue
        if n == 0:
            if p > fresh_prior:
                fresh, fresh_prior = a, p
            continue
        mass += p
        sum_ += total[a]
        q = total[a] / np.float32(n)
        if child[a] >= 0:
            known = tree.solved[i, child[a]]
            if known == WIN:
                continue
            if known != UNKNOWN:
                q = np.float32(-known)
        if n * n < forced * p:
            return a
        if formula.uct:
            score = q + np.float32(formula.c_init * math.sqrt(math.log(seen) / n))
        else:
            score = q + explore * p / np.float32(1 + n)
        if score > best_score:
            best, best_score = a, score
    if fresh != NONE:
        urgency = np.float32(np.inf)  # for UCT, which tries every edge once
        if not formula.uct:
            urgency = np.float32(sum_ / seen - formula.fpu * math.sqrt(mass)) + explore * fresh_prior
        if urgency > best_score:
            best = fresh
    return best


@njit(nogil=True, cache=True)
def _undo(tree: Tree, formula: Formula, i: int, node: int, action: int) -> None:
    """Take back the visits of a walk that ended with `action` at `node`."""
    while node != NONE:
        tree.visits[i, node, action] -= 1
        tree.total[i, node, action] += formula.loss
        tree.seen[i, node] -= 1
        node, action = tree.parent[i, node], tree.action[i, node]


@njit(nogil=True, cache=True)
def gather(
    tree: Tree, active: NDArray[Any], leaves: Leaves, states: States, actions: NDArray[Any], where: NDArray[Any]
) -> int:
    """Write the positions before the new leaves into `states` (B, S), the moves that lead there into `actions` (B,) and
    the game and leaf of each into `where` (B, 2); returns B, how many there are."""
    b = 0
    for i in active:
        for k in range(leaves.found[i]):
            if leaves.action[i, k] != NONE:
                for s in range(states.shape[1]):
                    states[b, s] = tree.state[i, leaves.node[i, k], s]
                actions[b] = leaves.action[i, k]
                where[b, 0], where[b, 1] = i, k
                b += 1
    return b


@njit(nogil=True, cache=True)
def expand(
    tree: Tree,
    formula: Formula,
    active: NDArray[Any],
    leaves: Leaves,
    where: NDArray[Any],
    states: States,
    outcome: NDArray[Any],
    mask: NDArray[Any],
    won: NDArray[Any],
    rows: NDArray[Any],
    logits: NDArray[Any],
    values: NDArray[Any],
) -> None:
    """Add the B new leaves that `gather` found, and carry all values of the games `active` (K,) back.

    `states` (B, S) are their positions, `outcome` (B,) of the moves there, `mask` (B, A) the actions open then,
    `won` (B,) one of them that wins at once, or NONE. Row `rows[b]` of `logits` (R, A) and `values` (R,) is the
    network's answer; a game that is over or won needs none.
    """
    for b in range(len(where)):
        i, k = where[b]
        parent, action = leaves.node[i, k], leaves.action[i, k]
        node = tree.size[i]
        tree.size[i] += 1
        tree.child[i, parent, action] = node
        write_node(tree, i, node, states[b], parent, action)
        if outcome[b] != GOES_ON:
            tree.solved[i, node] = -outcome[b]
            tree.value[i, node] = -outcome[b]
        elif won[b] != NONE:
            write_win(tree, i, node, mask[b], won[b])
            tree.solved[i, node] = WIN
        else:
            write_answer(tree, i, node, mask[b], logits[rows[b]], values[rows[b]])
        backup(tree, formula, i, node, tree.value[i, node])
        if tree.solved[i, node] != UNKNOWN:
            prove(tree, i, node)
    for i in active:
        for k in range(leaves.found[i]):
            if leaves.action[i, k] == NONE:
                node = leaves.node[i, k]
                backup(tree, formula, i, node, float(tree.solved[i, node]))


@njit(nogil=True, cache=True)
def write_node(tree: Tree, i: int, node: int, state: NDArray[Any], parent: int, action: int) -> None:
    """A node without any visit."""
    for s in range(len(state)):
        tree.state[i, node, s] = state[s]
    for a in range(tree.prior.shape[2]):
        tree.visits[i, node, a], tree.total[i, node, a] = 0, 0.0
        tree.child[i, node, a], tree.prior[i, node, a] = NONE, ILLEGAL
    tree.seen[i, node], tree.solved[i, node] = 1, UNKNOWN
    tree.parent[i, node], tree.action[i, node] = parent, action


@njit(nogil=True, cache=True)
def write_answer(tree: Tree, i: int, node: int, mask: NDArray[Any], logits: NDArray[Any], value: float) -> None:
    """Write the network's answer: softmax of the logits over the open actions, and the value."""
    top = np.float32(-np.inf)
    for a in range(len(mask)):
        if mask[a]:
            top = max(top, logits[a])
    total = np.float32(0.0)
    for a in range(len(mask)):
        if mask[a]:
            tree.prior[i, node, a] = math.exp(logits[a] - top)
            total += tree.prior[i, node, a]
    for a in range(len(mask)):
        if mask[a]:
            tree.prior[i, node, a] /= total
    tree.value[i, node] = value


@njit(nogil=True, cache=True)
def write_win(tree: Tree, i: int, node: int, mask: NDArray[Any], action: int) -> None:
    """In place of the network: an action that wins at once is all that counts."""
    for a in range(len(mask)):
        if mask[a]:
            tree.prior[i, node, a] = a == action
    tree.value[i, node] = WIN


@njit(nogil=True, cache=True)
def backup(tree: Tree, formula: Formula, i: int, node: int, value: float) -> None:
    """Carry the value of `node` to the root, and take back the virtual losses."""
    while tree.parent[i, node] != NONE:
        action, node = tree.action[i, node], tree.parent[i, node]
        value = -value
        tree.total[i, node, action] += value + formula.loss


@njit(nogil=True, cache=True)
def prove(tree: Tree, i: int, node: int) -> None:
    """From a node that is solved on, solve its ancestors: a move to a lost position wins, and where all moves are
    solved the best of them counts (Winands, Bjornsson and Saito 2008, "Monte-Carlo tree search solver")."""
    while tree.parent[i, node] != NONE:
        lost = tree.solved[i, node] == LOSS
        node = tree.parent[i, node]
        if tree.solved[i, node] != UNKNOWN:
            return
        best = WIN
        if not lost:
            best = LOSS
            for a in range(tree.prior.shape[2]):
                if tree.prior[i, node, a] >= 0:
                    child = tree.child[i, node, a]
                    if child < 0 or tree.solved[i, child] == UNKNOWN:
                        return
                    best = max(best, -tree.solved[i, child])
        tree.solved[i, node] = best


@njit(nogil=True, cache=True)
def reroot(tree: Tree, i: int, root: int, moved: NDArray[Any]) -> None:
    """Make `root` the root of tree i and drop all that does not follow from it; `moved` (M,) is scratch.

    Children come after their parents, so nodes only move forward and each is overwritten after it was moved itself.
    """
    kept = 0
    for node in range(root, tree.size[i]):
        parent = tree.parent[i, node]
        if node == root or (parent >= root and moved[parent] >= 0):
            moved[node] = kept
            kept += 1
        else:
            moved[node] = NONE
    for node in range(root, tree.size[i]):
        to = moved[node]
        if to < 0:
            continue
        tree.state[i, to], tree.prior[i, to] = tree.state[i, node], tree.prior[i, node]
        tree.visits[i, to], tree.total[i, to] = tree.visits[i, node], tree.total[i, node]
        for a in range(tree.child.shape[2]):
            child = tree.child[i, node, a]
            tree.child[i, to, a] = moved[child] if child >= 0 else child
        tree.value[i, to], tree.seen[i, to] = tree.value[i, node], tree.seen[i, node]
        tree.solved[i, to], tree.action[i, to] = tree.solved[i, node], tree.action[i, node]
        tree.parent[i, to] = NONE if node == root else moved[tree.parent[i, node]]
    tree.size[i] = kept
