"""The root of a search tree: where it comes from, its noise, and the policy that it gives."""

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..jitted.rng import normal, uniform
from .game import NONE, WIN, States
from .tree import UNKNOWN, Formula, Tree, reroot, write_answer, write_node, write_win


@njit(nogil=True, cache=True)
def find(tree: Tree, states: States, reuse: bool, scratch: NDArray[Any]) -> NDArray[np.bool_]:
    """Make the node of each position (N, S) the root: the root itself, a child or a grandchild of it. True where there
    is none."""
    fresh = np.ones(len(states), np.bool_)
    for i in range(len(states)):
        if not reuse:
            continue
        for node in range(tree.size[i]):
            up = tree.parent[i, node]
            if up > 0 and tree.parent[i, up] > 0:
                continue  # a third move or later
            if np.all(tree.state[i, node] == states[i]):
                if node > 0:
                    reroot(tree, i, node, scratch)
                    if tree.seen[i, 0] == 1:
                        tree.solved[i, 0] = UNKNOWN  # a win seen from here, but no move of it made yet
                fresh[i] = False
                break
    return fresh


@njit(nogil=True, cache=True)
def plant(
    tree: Tree,
    games: NDArray[Any],
    states: States,
    mask: NDArray[Any],
    won: NDArray[Any],
    logits: NDArray[Any],
    values: NDArray[Any],
) -> None:
    """New trees for `games` (F,) at their `states` (N, S): with an action that wins at once, where `won` (F,) is not
    NONE, or with the network's answers (F, A) and (F,)."""
    for row, i in enumerate(games):
        tree.size[i] = 1
        write_node(tree, i, 0, states[i], NONE, NONE)
        if won[row] != NONE:
            write_win(tree, i, 0, mask[row], won[row])
        else:
            write_answer(tree, i, 0, mask[row], logits[row], values[row])


@njit(nogil=True, cache=True)
def add_noise(tree: Tree, noisy: NDArray[Any], total: float, fraction: float, random: NDArray[Any]) -> None:
    """Mix Dirichlet noise into the priors of the chosen roots (N,).

    Half of the concentrations' sum is shared evenly among the legal moves, half by how far the logarithm of a move's
    prior lies above the mean, so that blind spots among plausible moves are found (KataGo's shaped noise).
    """
    actions = tree.prior.shape[2]
    shape, noise = np.zeros(actions), np.zeros(actions)
    for i in range(len(noisy)):
        if not noisy[i]:
            continue
        prior = tree.prior[i, 0]
        count, mean = 0, 0.0
        for a in range(actions):
            if prior[a] >= 0:
                shape[a] = math.log(min(prior[a], 0.01) + 1e-20)
                mean += shape[a]
                count += 1
        mean /= count
        above = 0.0
        for a in range(actions):
            shape[a] = max(shape[a] - mean, 0.0) if prior[a] >= 0 else 0.0
            above += shape[a]
        drawn = 0.0
        for a in range(actions):
            if prior[a] >= 0:
                share = 0.5 * shape[a] / above + 0.5 / count if above > 0 else 1.0 / count
                noise[a] = gamma_variate(total * share, random[i : i + 1])
                drawn += noise[a]
        for a in range(actions):
            if prior[a] >= 0:
                prior[a] = (1 - fraction) * prior[a] + fraction * noise[a] / drawn


@njit(nogil=True, cache=True)
def gamma_variate(shape: float, random: NDArray[Any]) -> float:
    """A Gamma(shape, 1) number (Marsaglia and Tsang 2000)."""
    boost = 1.0
    if shape < 1:
        boost = (1.0 - uniform(random)) ** (1.0 / shape)
        shape += 1
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        x = normal(random)
        v = (1.0 + c * x) ** 3
        if v > 0 and math.log(1.0 - uniform(random)) < 0.5 * x * x + d - d * v + d * math.log(v):
            return max(boost * d * v, 1e-30)


@njit(nogil=True, cache=True)
def move_value(tree: Tree, i: int, node: int, a: int) -> float:
    """Value of an edge for the player to move: exact where proven, nan where never tried."""
    child = tree.child[i, node, a]
    if child >= 0 and tree.solved[i, child] != UNKNOWN:
        return -float(tree.solved[i, child])
    visits = tree.visits[i, node, a]
    return float(tree.total[i, node, a]) / visits if visits > 0 else np.nan


@njit(nogil=True, cache=True)
def move_values(tree: Tree) -> NDArray[np.float32]:
    """Values (N, A) of the roots' edges; nan where never tried."""
    out = np.empty((len(tree.size), tree.prior.shape[2]), np.float32)
    for i in range(out.shape[0]):
        for a in range(out.shape[1]):
            out[i, a] = move_value(tree, i, 0, a)
    return out


@njit(nogil=True, cache=True)
def values(tree: Tree) -> NDArray[np.float32]:
    """Values (N,) of the roots: exact, or the mean of the network's and all simulations'."""
    out = np.empty(len(tree.size), np.float32)
    for i in range(len(out)):
        total, count = float(tree.value[i, 0]), 1
        for a in range(tree.prior.shape[2]):
            if tree.visits[i, 0, a] > 0:
                total += tree.visits[i, 0, a] * move_value(tree, i, 0, a)
                count += tree.visits[i, 0, a]
        out[i] = total / count if tree.solved[i, 0] == UNKNOWN else tree.solved[i, 0]
    return out


@njit(nogil=True, cache=True)
def sound(tree: Tree, i: int, node: int, a: int) -> bool:
    """Whether a legal move is not proven to be worse than another: not lost, or the best of a solved node."""
    if tree.prior[i, node, a] < 0:
        return False
    child = tree.child[i, node, a]
    known = child >= 0 and tree.solved[i, child] != UNKNOWN
    if tree.solved[i, node] == UNKNOWN:
        return not (known and tree.solved[i, child] == WIN)
    best: bool = known and tree.solved[i, child] == -tree.solved[i, node]
    return best


@njit(nogil=True, cache=True)
def favourite(tree: Tree, i: int, node: int) -> int:
    """The sound move with the most visits."""
    best = NONE
    for a in range(tree.prior.shape[2]):
        if sound(tree, i, node, a) and (best == NONE or tree.visits[i, node, a] > tree.visits[i, node, best]):
            best = a
    return best


@njit(nogil=True, cache=True)
def policies(tree: Tree, formula: Formula) -> NDArray[np.float32]:
    """Shares (N, A) of the visits of sound moves, without those that were forced; of the priors if there are none."""
    n, actions = len(tree.size), tree.prior.shape[2]
    out = np.zeros((n, actions), np.float32)
    for i in range(n):
        for a in range(actions):
            if sound(tree, i, 0, a):
                out[i, a] = tree.visits[i, 0, a]
        if formula.forced > 0 and tree.full[i] and tree.solved[i, 0] == UNKNOWN:
            _prune(tree, formula, i, out[i])
        total = out[i].sum()
        if total == 0:
            for a in range(actions):
                if sound(tree, i, 0, a):
                    out[i, a] = tree.prior[i, 0, a]
            total = out[i].sum()
        out[i] /= total
    return out


@njit(nogil=True, cache=True)
def _prune(tree: Tree, formula: Formula, i: int, weight: NDArray[Any]) -> None:
    """Take from all moves but the favourite the visits that only the rule of forced playouts gave them.

    As many of up to sqrt(forced P N) as leave the move less urgent than the favourite; a single visit left is dropped
    (arXiv:1902.10565, section 3.2).
    """
    seen = tree.seen[i, 0]
    c = formula.c_init + math.log((seen + formula.c_base + 1.0) / formula.c_base)
    explore = c * math.sqrt(seen)
    best = favourite(tree, i, 0)
    urgency = move_value(tree, i, 0, best) + explore * tree.prior[i, 0, best] / (1 + tree.visits[i, 0, best])
    for a in range(len(weight)):
        if a == best or weight[a] == 0:
            continue
        prior = tree.prior[i, 0, a]
        gap = urgency - move_value(tree, i, 0, a)
        needed = explore * prior / gap - 1 if gap > 0 else float(weight[a])  # visits at which it is as urgent
        forced = math.sqrt(formula.forced * prior * seen)
        weight[a] = max(min(np.ceil(needed), weight[a]), np.ceil(weight[a] - forced), 0.0)
        if weight[a] <= 1:
            weight[a] = 0.0


@njit(nogil=True, cache=True)
def draw(policy: NDArray[Any], temperature: NDArray[Any], random: NDArray[Any]) -> NDArray[np.int64]:
    """Moves (N,) drawn from `policy` (N, A) to the power 1/temperature (N,); the first of the best ones at 0."""
    out = np.empty(len(policy), np.int64)
    weight = np.empty(policy.shape[1])
    for i in range(len(policy)):
        if temperature[i] <= 0:
            out[i] = policy[i].argmax()
            continue
        top = policy[i].max()
        for a in range(len(weight)):
            weight[a] = (policy[i, a] / top) ** (1.0 / temperature[i])
        left = uniform(random[i : i + 1]) * weight.sum()
        chosen = policy[i].argmax()
        for a in range(len(weight)):
            left -= weight[a]
            if left < 0:
                chosen = a
                break
        out[i] = chosen
    return out


# Gumbel roots: Danihelka et al. 2022, "Policy improvement by planning with Gumbel", with the constants of its authors'
# library mctx: candidates are halved as visits grow, and the scale of values grows with them.
_VISIT_SCALE, _VALUE_SCALE = 50.0, 0.1


@njit(nogil=True, cache=True)
def draw_gumbel(gumbel: NDArray[Any], random: NDArray[Any]) -> None:
    """Fill (N, A) with standard Gumbel numbers."""
    for i in range(len(gumbel)):
        for a in range(gumbel.shape[1]):
            gumbel[i, a] = -math.log(-math.log((1.0 - uniform(random[i : i + 1])) * (1 - 1e-12)))


def halving_schedule(candidates: int, simulations: int) -> NDArray[np.int32]:
    """How many visits the next move to try has had, after t simulations (T,): sequential halving (Karnin et al. 2013).

    Each phase gives the candidates left as many visits as its equal share of the simulations allows, then halves them.
    """
    if candidates <= 1:
        return np.arange(simulations, dtype=np.int32)
    phases = math.ceil(math.log2(candidates))
    visits, sequence, left = [0] * candidates, list[int](), candidates
    while len(sequence) < simulations:
        for _ in range(max(1, simulations // (phases * left))):
            sequence += visits[:left]
            for k in range(left):
                visits[k] += 1
        left = max(2, left // 2)
    return np.array(sequence[:simulations], np.int32)


@njit(nogil=True, cache=True)
def halving_step(tree: Tree, gumbel: NDArray[Any], schedule: NDArray[Any], out: NDArray[Any]) -> None:
    """Write which move each root tries next into `out` (N,): of those with as many visits as row i of the `schedule`
    (N, T) says, the one of the highest score."""
    for i in range(len(out)):
        done = tree.seen[i, 0] - 1
        if done < schedule.shape[1] and tree.solved[i, 0] == UNKNOWN:
            out[i] = _best_of(tree, gumbel, i, schedule[i, done])


@njit(nogil=True, cache=True)
def gumbel_choice(tree: Tree, gumbel: NDArray[Any]) -> NDArray[np.int64]:
    """Moves (N,): of those with the most visits, the one of the highest score; the favourite of a solved root."""
    out = np.empty(len(tree.size), np.int64)
    for i in range(len(out)):
        solved = tree.solved[i, 0] != UNKNOWN
        out[i] = favourite(tree, i, 0) if solved else _best_of(tree, gumbel, i, tree.visits[i, 0].max())
    return out


@njit(nogil=True, cache=True)
def _best_of(tree: Tree, gumbel: NDArray[Any], i: int, visits: int) -> int:
    """The move of the highest gumbel + log P + sigma(Q) among those that are sound and have so many visits."""
    urgency = completed(tree, i)
    best, best_score = NONE, -np.inf
    for a in range(len(urgency)):
        if sound(tree, i, 0, a) and tree.visits[i, 0, a] == visits:
            score = gumbel[i, a] + math.log(max(tree.prior[i, 0, a], 1e-12)) + urgency[a]
            if score > best_score:
                best, best_score = a, score
    return best if best != NONE else favourite(tree, i, 0)


@njit(nogil=True, cache=True)
def completed(tree: Tree, i: int) -> NDArray[np.float64]:
    """sigma(Q) (A,) of the root's moves, brought to [0, 1]; one not tried counts as the mixed value of equation 33."""
    actions = tree.prior.shape[2]
    q = np.zeros(actions)
    mass, mean, count = 0.0, 0.0, 0
    for a in range(actions):
        q[a] = move_value(tree, i, 0, a)
        if tree.visits[i, 0, a] > 0:
            mass += tree.prior[i, 0, a]
            mean += tree.prior[i, 0, a] * q[a]
            count += tree.visits[i, 0, a]
    mixed = (tree.value[i, 0] + count * mean / mass) / (1 + count) if mass > 0 else tree.value[i, 0]
    low, high = np.inf, -np.inf
    for a in range(actions):
        if np.isnan(q[a]):
            q[a] = mixed
        if tree.prior[i, 0, a] >= 0:
            low, high = min(low, q[a]), max(high, q[a])
    scale = (_VISIT_SCALE + tree.visits[i, 0].max()) * _VALUE_SCALE / max(high - low, 1e-8)
    sigma: NDArray[np.float64] = scale * (q - low)
    return sigma


@njit(nogil=True, cache=True)
def completed_policies(tree: Tree) -> NDArray[np.float32]:
    """softmax(log P + sigma(Q)) (N, A) over the sound moves."""
    out = np.zeros((len(tree.size), tree.prior.shape[2]), np.float32)
    for i in range(len(out)):
        urgency = completed(tree, i)
        top = -np.inf
        for a in range(len(urgency)):
            if sound(tree, i, 0, a):
                urgency[a] += math.log(max(tree.prior[i, 0, a], 1e-12))
                top = max(top, urgency[a])
        for a in range(len(urgency)):
            if sound(tree, i, 0, a):
                out[i, a] = math.exp(urgency[a] - top)
        out[i] /= out[i].sum()
    return out
