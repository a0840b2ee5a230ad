"""Monte Carlo tree search over many games at once, with a network or with random play to judge positions.

Silver et al. 2018 (Science 362, AlphaZero), with what later systems found to matter: shaped root noise, forced playouts
and pruned targets (KataGo, arXiv:1902.10565), exact wins and losses (MCTS-solver), moves that win at once seen without
a visit (decisive moves), the part of the tree below the move made kept for the next one, and Gumbel roots (Danihelka et
al. 2022, "Policy improvement by planning with Gumbel").
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import root
from .cache import Answers
from .game import GOES_ON, NONE, Game, States
from .tree import UNKNOWN, Formula, Leaves, Tree, expand, gather, select, unfinished

Evaluate = Callable[[States, NDArray[np.int8]], tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Positions (B, S) and their open actions (B, A) to logits (B, A) and values (B,) for the player to move."""


@dataclass(frozen=True)
class Settings:
    """How to search."""

    formula: Formula = Formula()  # noqa: RUF009 (a NamedTuple never changes)
    """How edges are chosen."""
    noise_fraction: float = 0.0
    """Share of Dirichlet noise in the priors of the root, in full searches."""
    noise_total: float = 10.0
    """Sum of the noise's concentrations; half of it is shared evenly among the moves, half among likely ones."""
    reuse: bool = True
    """Keep the part of the tree that the moves made lead to; its visits count as simulations."""
    gumbel: int = 0
    """Candidates of a Gumbel root with sequential halving; 0: PUCT at the root too."""
    leaves: int = 1
    """Leaves of one tree in each call of the network, kept apart by `formula.loss`; for few games at a time."""
    cached: int = 0
    """Answers of the network to remember; 0: none."""


class Search:
    """Trees of up to `games` games that go on from move to move.

    Random numbers are a stream per game, so a game is searched alike alone and among others.
    """

    def __init__(
        self, game: Game, evaluate: Evaluate, settings: Settings, games: int, nodes: int, seed: int = 0
    ) -> None:
        assert not (settings.gumbel and settings.reuse), "a Gumbel root counts its visits from 0"
        self.game, self.evaluate, self.settings = game, evaluate, settings
        self.capacity = nodes + 1
        self.tree = Tree.empty(games, self.capacity, game.actions, game.state_size)
        self.random = np.random.SeedSequence(seed).generate_state(games, np.uint64)
        self.answers = Answers(settings.cached, game.state_size, game.actions) if settings.cached else None
        self.evaluated, self.simulated = 0, 0
        self._scratch = np.zeros(self.capacity, np.int32)
        self._gumbel = np.zeros((games, game.actions), np.float32)

    @property
    def nbytes(self) -> int:
        """Memory of the trees."""
        return len(self.tree.size) * (self.tree.state.strides[0] + self.tree.size.itemsize)

    def run(self, states: States, simulations: NDArray[np.int64], full: NDArray[np.bool_] | None = None) -> None:
        """Search from `states` (N, S), N at most the number of trees, until each root has `simulations` (N,) visits.

        `full` (N,) are the searches whose policies are learned: those with noise and forced playouts at the root. A
        solved root needs no more.
        """
        n = len(states)
        tree = self._of(n)
        assert simulations.max(initial=0) < self.capacity
        self._start(tree, states)
        tree.full[:] = False if full is None else full
        if self.settings.noise_fraction and full is not None:
            total, fraction = self.settings.noise_total, self.settings.noise_fraction
            root.add_noise(tree, full, total, fraction, self.random)
        schedule = self._schedule(tree, simulations) if self.settings.gumbel else None
        active, wanted = np.arange(n), np.zeros(n, np.int64)
        first_step = np.full(n, NONE, np.int64)
        leaves = Leaves.empty(n, self.settings.leaves)
        while len(active := active[: unfinished(tree, simulations, self.settings.leaves, active, wanted)]):
            if schedule is not None:
                root.halving_step(tree, self._gumbel, schedule, first_step)
            self.simulated += self._round(tree, active, wanted, first_step, leaves)

    def visits(self, n: int) -> NDArray[np.int32]:
        """Visits (N, A) of the moves at the roots."""
        return self.tree.visits[:n, 0].copy()

    def values(self, n: int) -> NDArray[np.float32]:
        """Values (N,) of the roots for the player to move: the mean of all simulations, or exact where proven."""
        return root.values(self._of(n))

    def move_values(self, n: int) -> NDArray[np.float32]:
        """Values (N, A) of the moves for the player to move, exact where proven; nan where a move was not tried."""
        return root.move_values(self._of(n))

    def policies(self, n: int) -> NDArray[np.float32]:
        """Improved policies (N, A), what a network should learn.

        Shares of the visits, without those that were forced, and without moves that are proven to be worse than
        another; with a Gumbel root the prior reweighted by completed values.
        """
        tree = self._of(n)
        if self.settings.gumbel:
            return root.completed_policies(tree)
        return root.policies(tree, self.settings.formula)

    def choose(self, policies: NDArray[np.float32], temperature: NDArray[np.float32]) -> NDArray[np.int64]:
        """Moves (N,): drawn from `policies` (N, A) to the power 1/temperature (N,), or the best where that is 0."""
        if self.settings.gumbel:
            return root.gumbel_choice(self._of(len(policies)), self._gumbel)
        return root.draw(policies, temperature, self.random)

    def principal_line(self, i: int = 0) -> list[int]:
        """The moves that game i would go on with, as far as the tree knows."""
        tree, node, line = self.tree, 0, []
        while node >= 0 and tree.visits[i, node].any():
            action = root.favourite(tree, i, node)
            line.append(int(action))
            node = tree.child[i, node, action]
        return line

    def forget(self) -> None:
        """Drop all trees and answers: the network has changed, or a new match begins."""
        self.tree.size[:] = 0
        if self.answers:
            self.answers.clear()

    def state(self) -> dict[str, Any]:
        """Trees, cut to the nodes in use, and random streams."""
        used = max(int(self.tree.size.max()), 1)
        arrays = {name: x[:, :used] if x.ndim > 1 else x for name, x in self.tree._asdict().items()}
        return {"tree": {name: x.copy() for name, x in arrays.items()}, "random": self.random.copy()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        refuse_impossible(Tree(**state["tree"]), self.tree)
        for name, x in self.tree._asdict().items():
            saved = state["tree"][name]
            x[(slice(None), slice(saved.shape[1])) if x.ndim > 1 else ...] = saved
        self.random[:] = state["random"]

    def _of(self, n: int) -> Tree:
        """The first n trees."""
        return self.tree if n == len(self.tree.size) else self.tree.first(n)

    def _schedule(self, tree: Tree, simulations: NDArray[np.int64]) -> NDArray[np.int32]:
        """New Gumbel numbers, and for each game the visits (N, T) by which its candidates are halved."""
        root.draw_gumbel(self._gumbel[: len(simulations)], self.random)
        legal = (tree.prior[:, 0] >= 0).sum(1)
        rows = np.zeros((len(simulations), max(int(simulations.max()), 1)), np.int32)
        for i, (moves, count) in enumerate(zip(legal.tolist(), simulations.tolist(), strict=True)):
            rows[i, :count] = root.halving_schedule(min(self.settings.gumbel, moves), count)
        return rows

    def _start(self, tree: Tree, states: States) -> None:
        """Make `states` the roots: found again below the last ones, or new."""
        fresh = root.find(tree, states, self.settings.reuse, self._scratch)
        if fresh.any():
            mask = self.game.actions_of(states[fresh])
            won = self.game.winning(states[fresh], mask)
            logits, values = self._ask(states[fresh], mask)
            root.plant(tree, np.flatnonzero(fresh), states, mask, won, logits, values)

    def _round(
        self, tree: Tree, active: NDArray[Any], wanted: NDArray[Any], first_step: NDArray[Any], leaves: Leaves
    ) -> int:
        """One simulation in each game of `active` (K,), or `wanted` (N,); returns how many."""
        formula, most = self.settings.formula, len(active) * self.settings.leaves
        select(tree, formula, active, wanted, first_step, leaves)
        states = np.empty((most, self.game.state_size), np.int64)
        actions, where = np.empty(most, np.int64), np.empty((most, 2), np.int64)
        b = gather(tree, active, leaves, states, actions, where)
        states, actions, where = states[:b], actions[:b], where[:b]
        outcome, mask = self.game.advance(states, actions)
        won = self.game.winning(states, mask)
        open_ = (outcome == GOES_ON) & (won == NONE)
        rows = np.cumsum(open_) - 1
        asked = (states, mask) if open_.all() else (states[open_], mask[open_])
        logits, values = self._ask(*asked)
        expand(tree, formula, active, leaves, where, states, outcome, mask, won, rows, logits, values)
        return int(leaves.found[active].sum())

    def _ask(self, states: States, mask: NDArray[np.int8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The network's answers, remembered or new."""
        if not len(states):
            return np.zeros((1, self.game.actions), np.float32), np.zeros(1, np.float32)
        if self.answers is None:
            self.evaluated += len(states)
            return self.evaluate(states, mask)
        logits, values, new = self.answers.look_up(states)
        if new.any():
            self.evaluated += int(new.sum())
            logits[new], values[new] = self.evaluate(states[new], mask[new])
            self.answers.keep(states[new], logits[new], values[new])
        return logits, values


def refuse_impossible(saved: Tree, own: Tree) -> None:
    """Raise ValueError unless the saved trees fit the memory of `own` and lead from node to node within it."""
    nodes = saved.value.shape[1] if saved.value.ndim == 2 else 0
    arrays: Iterator[tuple[str, Any, Any]] = zip(Tree._fields, saved, own, strict=True)
    for name, x, ours in arrays:
        room = ours[:, :nodes] if ours.ndim > 1 else ours
        if x.shape != room.shape or x.dtype != ours.dtype:
            raise ValueError(f"the saved trees have {name} of {x.dtype} {x.shape}, not {room.dtype} {room.shape}")
    used = np.arange(nodes) < saved.size[:, None]
    child, parent, later = saved.child[used], saved.parent[used], np.nonzero(used)[1]
    if not (
        saved.size.min(initial=0) >= 0
        and saved.size.max(initial=0) <= nodes
        and (child < np.broadcast_to(saved.size[:, None], used.shape)[used][:, None]).all()
        and ((child == NONE) | (child > later[:, None])).all()
        and ((parent < later) & (parent >= NONE)).all()
        and (saved.visits[used] >= 0).all()
        and ((saved.action[used] >= NONE) & (saved.action[used] < own.prior.shape[2])).all()
        and np.isin(saved.solved[used], (-1, 0, 1, UNKNOWN)).all()
        and np.isfinite(saved.prior[used]).all()
        and np.isfinite(saved.total[used]).all()
    ):
        raise ValueError("the saved trees are none")


def random_play(game: Game, seed: int = 0) -> Evaluate:
    """An evaluator without a network: one random game from each position. Priors are random, to break ties."""
    generator = np.random.default_rng(seed)

    def evaluate(states: States, mask: NDArray[np.int8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        streams = generator.integers(2**64, size=len(states), dtype=np.uint64)
        return generator.random(mask.shape, np.float32), game.playout(states, streams)

    return evaluate
