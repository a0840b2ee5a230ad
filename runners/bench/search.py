"""Tree search on Connect Four: simulations per second beside OpenSpiel's and beside a tree of Python objects."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pyspiel
from numpy.typing import NDArray
from open_spiel.python.algorithms import mcts

from ...core.games.game import GOES_ON, Game, States
from ...core.games.inference import Inference, inference
from ...core.games.match import openings
from ...core.games.net import PolicyValueNet
from ...core.games.search import Evaluate, Search, Settings, random_play
from ...core.games.tree import Formula
from ...core.nets.config import BoardConfig
from ...envs import games
from ..runs import run as runs
from ..training.train import Training
from . import Row, alternate, rate

_PYTHON, _CPP = "OpenSpiel's Python MCTS", "OpenSpiel's C++ MCTS"
_GAMES, _MOVE = 256, 100  # games at once, simulations of a move


def measure(repeats: int, seconds: float = 1.0) -> Iterator[Row]:
    """Simulations per second from the empty board, one core."""
    game = games.load("connect4")
    many, one, python, plain = alternate(
        repeats,
        rate(_searcher(game, free, _GAMES), seconds),
        rate(_searcher(game, free, 1), seconds),
        rate(_openspiel_python(), seconds),
        rate(_plain(game), seconds),
    )
    yield Row(f"free evaluator, {_GAMES} games", "simulations/s", many, python, _PYTHON)
    yield Row("free evaluator, 1 game", "simulations/s", one, python, _PYTHON)
    yield Row(f"free evaluator, {_GAMES} games", "simulations/s", many, plain, "a tree of Python objects")
    cost = [1e9 / speed for speed in many]
    yield Row("tree and rules, per simulation", "ns", cost, [1e9 / s for s in python], _PYTHON, higher_is_better=False)
    formula = Formula(c_init=1.4, uct=True)
    ours, theirs = alternate(
        repeats,
        rate(_searcher(game, random_play(game), _GAMES, formula), seconds),
        rate(_openspiel_cpp(), seconds),
    )
    yield Row(f"UCT with random games, {_GAMES} games", "simulations/s", ours, theirs, _CPP)
    under_way = _under_way(game, 2 * _GAMES)
    for name, blocks, channels, target in (("perceptron of 3 x 256", 0, 1, 200e3), ("tower of 3 x 32", 3, 32, 5e3)):
        answer = inference(PolicyValueNet(game.shape, game.actions, BoardConfig(blocks=blocks, channels=channels)))
        work = _searcher(game, partial(_ask, game, answer), 2 * _GAMES, states=under_way)
        ours, limit = alternate(repeats, rate(work, seconds), rate(_forward(answer, game.planes(under_way)), seconds))
        limits = {"the network alone": limit}
        yield Row(f"{name}, {2 * _GAMES} games", "simulations/s", ours, [target], "target", limits=limits)
    yield _self_play(repeats, seconds)
    gibibytes = Search(game, free, Settings(), 256, 600).nbytes / 2**30
    yield Row("memory of 256 trees of 600 simulations", "GiB", [gibibytes], [1.0], "target", higher_is_better=False)


def free(states: States, mask: NDArray[np.int8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Nothing known about any position."""
    return np.zeros(mask.shape, np.float32), np.zeros(len(states), np.float32)


def _searcher(
    game: Game, evaluate: Evaluate, count: int, formula: Formula | None = None, states: States | None = None
) -> Callable[[], float]:
    """Work for `rate`: one move in `count` games, from the first position or from `states`."""
    search = Search(game, evaluate, Settings(formula or Formula(), reuse=False), count, _MOVE)
    begin, simulations = game.begin(count) if states is None else states, np.full(count, _MOVE)

    def work() -> float:
        search.forget()
        before = search.simulated  # a position that is solved needs no more
        search.run(begin, simulations)
        return search.simulated - before

    return work


def _ask(
    game: Game, answer: Inference, states: States, mask: NDArray[np.int8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return answer(game.planes(states))


def _forward(answer: Inference, planes: NDArray[np.float32]) -> Callable[[], float]:
    return lambda: len(answer(planes)[1])


def _under_way(game: Game, count: int) -> States:
    """Games after 0 to 29 random moves, as many of each."""
    parts = [openings(game, -(-count // 30), plies, seed=0) for plies in range(30)]
    return np.concatenate(parts)[:count]


def _self_play(repeats: int, seconds: float) -> Row:
    """Connect Four as its preset plays it, without learning; the network's answers are forgotten after each rollout, as
    they are when it learns. Beside it, what share of the simulations asked the network."""
    run = runs.preset("alphazero", "connect4")
    with Training(run) as training:
        acting: Any = training.acting
        search = acting.search
        asked: list[float] = []

        def work() -> float:
            before = search.simulated, search.evaluated
            training.source.collect(acting)
            search.answers.clear()
            simulated = search.simulated - before[0]
            asked.append((search.evaluated - before[1]) / simulated)
            return simulated

        (ours,) = alternate(repeats, rate(work, seconds))
    note = f"{100 * np.mean(asked):.0f} % of the simulations ask the network"
    return Row(f"self-play of the preset, {run.num_envs} games", "simulations/s", ours, [200e3], "target", note=note)


class _Free(mcts.Evaluator):
    """OpenSpiel's interface of an evaluator that knows nothing."""

    def evaluate(self, state: Any) -> NDArray:
        return np.zeros(2)

    def prior(self, state: Any) -> list[tuple[int, float]]:
        legal = state.legal_actions()
        return [(action, 1.0 / len(legal)) for action in legal]


def _openspiel_python() -> Callable[[], float]:
    game = pyspiel.load_game("connect_four")
    choice = mcts.SearchNode.puct_value
    bot = mcts.MCTSBot(game, 1.5, _MOVE, _Free(), random_state=np.random.RandomState(0), child_selection_fn=choice)
    state = game.new_initial_state()

    def work() -> float:
        bot.step(state)
        return _MOVE

    return work


def _openspiel_cpp() -> Callable[[], float]:
    game = pyspiel.load_game("connect_four")
    evaluator = pyspiel.RandomRolloutEvaluator(1, 0)
    bot = pyspiel.MCTSBot(game, evaluator, 1.4, 10 * _MOVE, 100, True, 0, False)
    state = game.new_initial_state()

    def work() -> float:
        bot.step(state)
        return 10 * _MOVE

    return work


class _Node:
    """A position and its moves, as most code keeps them."""

    def __init__(self, prior: float) -> None:
        self.prior, self.visits, self.total = prior, 0, 0.0
        self.children: dict[int, _Node] = {}
        self.result: int | None = None


def _plain(game: Game) -> Callable[[], float]:
    """PUCT on Python objects, with this library's rules called one position at a time."""

    def simulate(root: _Node, state: States) -> None:
        node, path = root, [root]
        while node.children and node.result is None:
            scale = 1.5 * math.sqrt(node.visits + 1)
            action, node = max(node.children.items(), key=lambda item: _score(item[1], scale))
            outcome, mask = game.advance(state, np.array([action]))
            node.result = None if outcome[0] == GOES_ON else int(outcome[0])
            path.append(node)
        if node.result is None:
            legal = np.flatnonzero(mask[0] if len(path) > 1 else game.actions_of(state)[0]).tolist()
            node.children = {action: _Node(1.0 / len(legal)) for action in legal}
        value = float(node.result or 0)
        for node in reversed(path):
            node.visits, node.total, value = node.visits + 1, node.total + value, -value

    def work() -> float:
        root = _Node(1.0)
        for _ in range(_MOVE):
            simulate(root, game.begin(1))
        return _MOVE

    return work


def _score(node: _Node, scale: float) -> float:
    q = node.total / node.visits if node.visits else 0.0
    return q + scale * node.prior / (1 + node.visits)
