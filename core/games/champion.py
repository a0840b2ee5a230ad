"""Champion: the network of self-play that plays, and the searches that it guides."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..acting import Memoryless, Mode, spawned
from ..nets.config import Twins
from .game import Game, States
from .inference import Inference, inference
from .match import Player, searcher
from .net import PolicyValueNet
from .opponents import Gate, Weights
from .search import Evaluate, Search, Settings
from .tree import Formula


class Champion:
    """The newest network, or with a gate the last one that it let in.

    Args:
        net: what learns; `renew` takes over its weights as they are then.
        formula: how searches choose edges.
        gate: how a gate begins, from the player of a network and the first weights; None: the newest plays.
    """

    def __init__(
        self,
        game: Game,
        net: PolicyValueNet,
        formula: Formula,
        bfloat16: bool,
        twins: Twins,
        gate: Callable[[Callable[[Weights, int], Player], Weights], Gate] | None = None,
    ) -> None:
        self.game, self.net, self.formula = game, net, formula
        self._how = bfloat16, twins
        self.gate = gate(self.player, net.state_dict()) if gate else None
        self.version = 0
        """How often the network that plays has changed: what was remembered of an older one is void."""
        self._answer: Inference
        self.renew()

    def weights(self) -> Weights:
        """Those of the network that plays."""
        return self.gate.weights if self.gate else self.net.state_dict()

    def renew(self) -> None:
        """Play with the newest weights, or with those that the gate let in last."""
        self._answer = inference(self._net_of(self.gate.weights) if self.gate else self.net, *self._how)
        self.version += 1

    def evaluate(self, states: States, mask: NDArray[np.int8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The logits (B, A) and values (B,) of positions (B, S)."""
        return self._answer(self.game.planes(states))

    def evaluator(self, weights: Weights) -> Evaluate:
        """Answers of the network with other weights: of a past self."""
        answer = inference(self._net_of(weights), *self._how)
        return lambda states, mask: answer(self.game.planes(states))

    def searcher(
        self, games: int, simulations: int, leaves: int = 1, reuse: bool = False, evaluate: Evaluate | None = None
    ) -> Search:
        """A search for play and analysis, without noise, forced playouts or Gumbel; `evaluate` replaces the network."""
        formula = self.formula._replace(loss=float(leaves > 1))
        return Search(
            self.game, evaluate or self.evaluate, Settings(formula, reuse=reuse, leaves=leaves), games, simulations
        )

    def player(self, weights: Weights, simulations: int) -> Player:
        """The player with a network of other weights."""
        return searcher(partial(self.searcher, evaluate=self.evaluator(weights)), simulations)

    def state(self) -> dict[str, Any]:
        """That of the gate."""
        return {"gate": self.gate.state() if self.gate else None}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`, once the network that learns has."""
        if self.gate:
            self.gate.load_state(state["gate"])
        self.renew()

    def _net_of(self, weights: Weights) -> PolicyValueNet:
        net = deepcopy(self.net)
        net.load_state_dict(weights)
        return net


class Playing(Memoryless):
    """Moves in N games by a search that begins anew at each: the likeliest moves, or drawn from the search's policy."""

    def __init__(
        self, champion: Champion, states_of: Callable[[NDArray[Any]], States], simulations: int, mode: Mode, seed: int
    ) -> None:
        self.champion, self.states_of, self.simulations, self.mode = champion, states_of, simulations, mode
        self.random = np.random.default_rng(spawned(seed, 1))
        self._thoughts: dict[str, NDArray[Any]] = {}

    def __call__(self, obs: NDArray[Any], first: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        states = self.states_of(obs)
        search = self.champion.searcher(len(states), self.simulations)
        search.run(states, np.full(len(states), self.simulations))
        policy = search.policies(len(states))
        self._thoughts = {"value": search.values(len(states)), "action probability": policy}
        if self.mode == "best":
            return {"action": policy.argmax(1)}
        return {
            "action": (policy.cumsum(1) > self.random.random((len(policy), 1)) * policy.sum(1, keepdims=True)).argmax(1)
        }

    def thoughts(self) -> dict[str, NDArray[Any]]:
        """The last search's values (N,) and policies (N, A)."""
        return self._thoughts

    def parts(self) -> dict[str, Any]:
        """The random numbers."""
        return {"random": self.random}
