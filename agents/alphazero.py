"""Self-play with a tree search that a network guides and that the network learns from.

Silver et al. 2018 ("A general reinforcement learning algorithm that masters chess, shogi, and Go through self-play",
Science 362, 1140), with playout caps, forced playouts and a growing window (Wu 2019, arXiv:1902.10565), exact wins and
losses from the search, and Gumbel roots as an alternative (Danihelka et al. 2022). Trained continuously: the newest
network plays, unless a gate or past opponents are asked for. The result of a game, for each of its positions, is the
reward-to-go with gamma = -1.
"""

from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from ..core.batch import Batch
from ..core.checkpoint import tensors
from ..core.errors import UsageError, check_ranges
from ..core.games.game import RESIGN, Positions, States
from ..core.games.inference import Inference, inference
from ..core.games.match import Player, searcher
from ..core.games.net import PolicyValueNet
from ..core.games.opponents import Gate, PastSelves, Weights
from ..core.games.resignation import Resignation
from ..core.games.search import Evaluate, Search, Settings
from ..core.games.selfplay import Clock, Openings, Unfinished, Window, falling, turn
from ..core.games.tree import Formula
from ..core.learn.optim import Adam, Schedule, scheduled
from ..core.spaces.layout import STATE, Layout

SELF_PLAY = True
"""Plays both sides of a game."""


@dataclass(frozen=True)
class Config:
    """Hyper-parameters of self-play."""

    horizon: int = 8
    """Moves of each game between updates."""
    simulations: int = 100
    """Simulations of a full search, whose policy is learned; more make better targets and fewer of them."""
    full_share: float = 0.3
    """Share of the moves that get a full search (playout caps); the policy of the others' fast one is not learned."""
    fast_simulations: int = 20
    """Simulations of a fast search."""
    fast_values: bool = False
    """Learn the values of the moves played fast too, which costs no search; `passes` then counts these positions."""
    c_init: float = 1.5
    """Weight of exploration in PUCT."""
    c_base: float = 19652.0
    """Visits of a node after which exploration begins to grow."""
    fpu: float = 0.2
    """How much worse than its parent a move counts that was not tried yet, times the root of the prior tried."""
    forced: float = 2.0
    """Forced playouts: noise that pays off is followed; the policy learned is freed of them. 0: none."""
    noise_fraction: float = 0.25
    """Share of Dirichlet noise in the root's priors of full searches."""
    noise_total: float = 10.0
    """Sum of the noise's concentrations; larger is more even."""
    gumbel: int = 0
    """Candidates of Gumbel roots with sequential halving instead of noise; 0: PUCT."""
    temperature: float = 1.0
    """Of the moves played at the start of a game."""
    temperature_final: float = 0.2
    """Of the moves late in a game."""
    temperature_halflife: float = 10.0
    """Plies in which the distance between the two halves."""
    random_plies: int = 0
    """Each game begins with up to so many random moves, which are not learned from: the network then knows positions
    that good play never reaches. 0: all games begin at the first position."""
    reuse: bool = True
    """Keep what the search knows about the move made; its visits count as simulations."""
    cached: int = 0
    """Answers of the network to remember until it changes; 0: none."""
    resign: float = 0.0
    """Give games up that the search thinks lost, so readily that at most this share of them would not be; 0: none."""
    resign_watched: float = 0.1
    """Share of the games that are played to the end all the same, to measure how often giving up would be wrong."""
    past_share: float = 0.0
    """Share of the games in which a past network plays one side, whose moves are not learned. 0: none."""
    past_most: int = 10
    """Past networks to choose from, one per generation."""
    gate: float = 0.0
    """A new network plays only once it wins this share of a match against the one that plays; 0: the newest plays."""
    gate_games: int = 40
    """Of a match at the gate, with `simulations` a move."""
    generation: int = 500
    """Gradient steps between matches at the gate, and between networks that join the past ones."""
    passes: float = 3.0
    """How often each position is learned, on average."""
    minibatch: int = 512
    """Positions per gradient step."""
    window: int = 50_000
    """Latest positions to learn from at first; the window grows slower than the data."""
    window_most: int = 1_000_000
    """Positions kept at most."""
    lr: float = 1e-3
    """Adam step size."""
    lr_schedule: Schedule = "linear"
    """linear: the step size falls to 0 at the end of the run."""
    l2: float = 1e-5
    """Weight of the sum of squared weights."""
    max_grad_norm: float = 5.0
    """Global gradient norm above which gradients are scaled down."""
    value_coef: float = 1.0
    """Weight of the squared value error."""
    search_value: float = 0.5
    """Share of the search's value in the value target; the rest is the game's result."""
    reply_coef: float = 0.0
    """Weight of learning what the other will answer, an auxiliary target that shapes the network; 0: none."""
    augment: bool = True
    """Learn from a random symmetry of each position."""
    blocks: int = 0
    """Residual blocks; 0: a perceptron."""
    channels: int = 32
    """Channels of the blocks."""
    hidden: tuple[int, ...] = (256, 256, 256)
    """Widths of a perceptron's hidden layers."""
    bfloat16: bool = False
    """Compute the network in bfloat16: faster on processors made for it."""
    twins: Literal["auto", "none"] = "auto"
    """auto: ask small networks by a jitted twin of them; none: as the code reads."""

    def __post_init__(self) -> None:
        positive = ("horizon", "simulations", "fast_simulations", "passes", "minibatch", "window", "max_grad_norm")
        temperatures = ("temperature", "temperature_final")
        check_ranges(
            self,
            positive=(*positive, "past_most", "gate_games", "generation", "temperature_halflife"),
            unit=("full_share", "noise_fraction", "search_value", "resign", "resign_watched", "past_share", "gate"),
            at_least_0=("forced", "gumbel", "cached", "blocks", "l2", "reply_coef", "random_plies", *temperatures),
        )
        if self.full_share == 0:
            raise UsageError("full_share is 0; nothing would be learned")
        if self.gumbel and self.reuse:
            raise UsageError("gumbel counts visits from 0 at each move: set reuse to false")


def loss(net: PolicyValueNet, mb: dict[str, Tensor], cfg: Config) -> tuple[Tensor, dict[str, Tensor]]:
    """Scalar to minimise and what to log, from a minibatch of B positions.

    | mb      | shape        | meaning                                         |
    |---------|--------------|-------------------------------------------------|
    | planes  | (B, C, H, W) | the board, seen from the player to move         |
    | mask    | (B, A)       | nonzero where a move is legal                   |
    | policy  | (B, A)       | the search's policy                             |
    | value   | (B,)         | value target                                    |
    | full    | (B,)         | with fast_values: whether to learn the policy   |
    | reply   | (B, A)       | the next position's policy, 0 if there was none |
    """
    reply_error = None
    with torch.autocast(mb["planes"].device.type, torch.bfloat16, enabled=cfg.bfloat16):
        if cfg.reply_coef:
            logits, value, reply = net.with_reply(mb["planes"])
            reply_error = -(mb["reply"] * F.log_softmax(reply, -1)).sum(-1).mean()
        else:
            logits, value = net(mb["planes"])
    logp = F.log_softmax(logits.masked_fill(mb["mask"] == 0, -1e9), -1)
    searched = mb["full"] if cfg.fast_values else torch.ones_like(mb["value"], dtype=torch.bool)
    rows = max(int(searched.sum()), 1)
    cross_entropy = -(mb["policy"] * logp)[searched].sum() / rows
    value_error = (value - mb["value"]).square().mean()
    with torch.no_grad():
        entropy = -(mb["policy"] * mb["policy"].clamp(min=1e-9).log())[searched].sum() / rows
    logs = {
        "loss/policy": cross_entropy,
        "loss/value": value_error,
        "policy/target_entropy": entropy,
        "policy/kl": cross_entropy - entropy,
    }
    total = cross_entropy + cfg.value_coef * value_error
    if reply_error is not None:
        total = total + cfg.reply_coef * reply_error
        logs["loss/reply"] = reply_error
    return total, logs


class Agent:
    """Plays both sides with a search, and learns what the search found."""

    def __init__(
        self, obs: spaces.Space, action: spaces.Space, cfg: Config, device: str = "cpu", seed: int = 0
    ) -> None:
        if not isinstance(obs, Positions):
            raise UsageError(
                "alphazero plays games for two, such as connect4, tictactoe, othello6 or gomoku9, or a game of your own"
            )
        self.cfg, self.horizon, self.game, self.seed = cfg, cfg.horizon, obs.game, seed
        self.device = torch.device(device)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            shape, actions = self.game.shape, self.game.actions
            reply = cfg.reply_coef > 0
            self.net = PolicyValueNet(shape, actions, cfg.blocks, cfg.channels, cfg.hidden, reply).to(self.device)
        self.convolutional = self.net.convolutional
        self.optimizer = Adam(self.net.parameters(), 1e-8, cfg.max_grad_norm)
        self.random = np.random.default_rng(seed)
        self.openings = Openings(cfg.random_plies, self.random)
        self.unfinished = Unfinished()
        self.window = Window(cfg.window, cfg.window_most, self.random)
        self.resignation = Resignation(cfg.resign, cfg.resign_watched, self.random) if cfg.resign else None
        self.past = (
            PastSelves(self._past_search, cfg.past_share, cfg.past_most, self.random) if cfg.past_share else None
        )
        gate = cfg.gate, cfg.gate_games
        self.gate = Gate(self.game, self._player, *gate, self.net.state_dict()) if cfg.gate else None
        options = {"resignation": self.resignation, "past": self.past, "gate": self.gate}
        self._options = {name: part for name, part in options.items() if part}
        self._answer: Inference  # of the network that plays
        self._owed = 0.0  # gradient steps that are due
        self._logged: tuple[str, ...] = ()  # names of what a gradient step logs
        self.search: Search | None = None  # of self-play; it goes on from move to move
        self._images = self.game.images()
        self._state_part = next(part for part in Layout(obs).parts if part.name == STATE)
        self._clock = Clock()
        self._renew()

    @property
    def paths(self) -> dict[str, str]:
        """How the gradient comes about."""
        return {"gradient": "autograd"}

    def act(self, obs: NDArray, explore: bool = True) -> dict[str, NDArray]:
        """Moves (N,); when exploring also the search's "policy" (N, A), "search_value" (N,), whether it was "full" (N,)
        and whether the move is the network's "own" (N,): not an opening's, nor a past network's."""
        if not explore:
            return {"action": self.inspect(obs)["action probability"].argmax(1)}
        states, cfg = self.states_of(obs), self.cfg
        n, ply = len(states), states[:, -1]
        if self.search is None or len(self.search.tree.size) != n:
            self.search = self._self_play(n)
        search, opening = self.search, self.openings.under_way(ply)
        theirs = self.past.to_move(ply) & ~opening if self.past else np.zeros(n, np.bool_)
        own = ~(opening | theirs)
        full = (self.random.random(n) < cfg.full_share) & own
        simulations = np.where(full, cfg.simulations, cfg.fast_simulations)
        before = search.simulated, search.evaluated
        search.run(states, np.where(own, simulations, 0), full)
        self._clock.count(search.simulated - before[0], search.evaluated - before[1])
        policy, value = search.policies(n), search.values(n)
        temperature = falling(ply, cfg.temperature, cfg.temperature_final, cfg.temperature_halflife)
        action = search.choose(policy, temperature)
        out: dict[str, NDArray] = {"action": action, "policy": policy, "search_value": value, "full": full, "own": own}
        if opening.any():
            action[opening] = self.openings.moves(self.game.actions_of(states[opening]))
        if self.past:
            out["past_side"] = self.past.side
            if theirs.any():
                action[theirs] = self.past.moves(states[theirs], temperature[theirs])
        if self.resignation:
            given_up, out["watched"] = self.resignation.decide(ply, value, own)
            action[given_up] = RESIGN
        return out

    def inspect(self, obs: NDArray) -> dict[str, NDArray]:
        """The search's policies (N, A) and values (N,)."""
        states = self.states_of(obs)
        search = self.searcher(len(states), self.cfg.simulations)
        search.run(states, np.full(len(states), self.cfg.simulations))
        return {"value": search.values(len(states)), "action probability": search.policies(len(states))}

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """Take in the games that ended, and learn from the window as often as `passes` says."""
        states = self.states_of(batch.obs[:-1].reshape(-1, batch.obs.shape[-1])).reshape(*batch.reward.shape, -1)
        learned = batch.extras["own" if self.cfg.fast_values else "full"]
        settled = self.unfinished.settle(batch, states, learned & batch.valid)
        mixed = self.cfg.search_value * settled["search_value"] + (1 - self.cfg.search_value) * settled["result"]
        columns = {"state": settled["state"], "policy": settled["policy"], "value": mixed}
        if self.cfg.fast_values:
            columns["full"] = settled["full"]
        if self.cfg.reply_coef:
            columns["reply"] = settled["reply"]
        self.window.add(columns)
        metrics: dict[str, float] = {}
        if self.resignation:
            metrics |= self.resignation.learn(batch, states[..., -1])
        if self.past:
            metrics |= self.past.score(batch, states[..., -1])
        self._owed += self.cfg.passes * len(mixed) / self.cfg.minibatch
        logs, before = [], self.optimizer.steps
        if self.window.added >= self.cfg.minibatch:
            lr = scheduled(self.cfg.lr, self.cfg.lr_schedule, progress)
            while self._owed >= 1:
                logs.append(self._step(lr))
                self._owed -= 1
        if not logs:
            return metrics
        generation_ends = before // self.cfg.generation < self.optimizer.steps // self.cfg.generation
        if generation_ends:
            metrics |= self._end_generation()
        if generation_ends or not self.gate:
            self._renew()
        metrics |= dict(zip(self._logged, torch.stack(logs).mean(0).tolist(), strict=True))
        metrics |= {"policy/lr": lr, "search/window": self.window.size, "search/positions": self.window.added}
        return metrics | self._clock.rates(int(batch.done.sum()))

    def states_of(self, obs: NDArray) -> States:
        """The exact positions (N, S) that stored observations (N, row) hold."""
        part = self._state_part
        return np.ascontiguousarray(obs[:, part.start : part.start + part.nbytes]).view(np.int64)

    def searcher(
        self, games: int, simulations: int, leaves: int = 1, reuse: bool = False, evaluate: Evaluate | None = None
    ) -> Search:
        """A search for play and analysis, without noise, forced playouts or Gumbel; `evaluate` replaces the network."""
        cfg = self.cfg
        formula = Formula(cfg.c_init, cfg.c_base, cfg.fpu, loss=float(leaves > 1))
        settings = Settings(formula, reuse=reuse, leaves=leaves)
        return Search(self.game, evaluate or self.evaluate, settings, games, simulations)

    def evaluate(self, states: States, mask: NDArray[np.int8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The logits (B, A) and values (B,) of positions (B, S), of the network that plays."""
        return self._answer(self.game.planes(states))

    def evaluator(self, weights: Weights) -> Evaluate:
        """What a network of other weights says: a past self."""
        answer = inference(self._net_of(weights), self.cfg.bfloat16, self.cfg.twins)
        return lambda states, mask: answer(self.game.planes(states))

    def weights(self) -> Weights:
        """Of the network that plays: the newest, or the last one that the gate let in."""
        return self.gate.weights if self.gate else self.net.state_dict()

    def state(self) -> dict[str, Any]:
        search = self.search
        return {
            "net": {name: value.clone() for name, value in self.net.state_dict().items()},
            "optimizer": self.optimizer.state(),
            "random": self.random.bit_generator.state,
            "owed": self._owed,
            "random_until": self.openings.until.copy(),
            "unfinished": self.unfinished.state(),
            "window": self.window.state(),
            "search": search.state() if search else None,
            "options": {name: part.state() for name, part in self._options.items()},
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.net.load_state_dict(tensors(state["net"]))
        self.optimizer.load_state(tensors(state["optimizer"]))
        self.random.bit_generator.state = state["random"]
        self._owed, self.openings.until = state["owed"], state["random_until"].copy()
        self.unfinished.load_state(state["unfinished"])
        self.window.load_state(state["window"])
        for name, part in self._options.items():
            part.load_state(state["options"][name])
        self._renew()
        self.search = None
        if state["search"] is not None:
            self.search = self._self_play(len(state["search"]["random"]))
            self.search.load_state(state["search"])

    def _self_play(self, games: int) -> Search:
        cfg = self.cfg
        formula = Formula(cfg.c_init, cfg.c_base, cfg.fpu, cfg.forced if not cfg.gumbel else 0.0)
        noise = 0.0 if cfg.gumbel else cfg.noise_fraction
        settings = Settings(formula, noise, cfg.noise_total, cfg.reuse, cfg.gumbel, cached=cfg.cached)
        most = max(cfg.simulations, cfg.fast_simulations)
        return Search(self.game, self.evaluate, settings, games, most, self.seed)

    def _past_search(self, games: int, weights: Weights) -> Search:
        return self.searcher(games, self.cfg.fast_simulations, evaluate=self.evaluator(weights))

    def _player(self, weights: Weights) -> Player:
        """A network at the gate."""
        return searcher(partial(self.searcher, evaluate=self.evaluator(weights)), self.cfg.simulations)

    def _net_of(self, weights: Weights) -> PolicyValueNet:
        net = deepcopy(self.net)
        net.load_state_dict(weights)
        return net

    def _step(self, lr: float) -> Tensor:
        """One gradient step; what it logs."""
        mb = self._minibatch()
        self.net.train()
        total, log = loss(self.net, mb, self.cfg)
        total = total + self.cfg.l2 * self.optimizer.flat.square().sum()
        norm = self.optimizer.step(total, lr)
        self._logged = (*log, "loss/grad_norm")
        return torch.stack([*(value.detach() for value in log.values()), norm])

    def _minibatch(self) -> dict[str, Tensor]:
        rows = self.window.sample(self.cfg.minibatch)
        mb: dict[str, NDArray] = {
            "planes": self.game.planes(rows["state"]),
            "mask": self.game.actions_of(rows.pop("state")),
            **rows,
        }
        if self.cfg.augment:
            turn(mb, self._images, self.random)
        return {name: torch.from_numpy(x).to(self.device) for name, x in mb.items()}

    def _end_generation(self) -> dict[str, float]:
        """Let the newest network try the gate, and keep the one that plays as a past one; what to log."""
        metrics = {"gate/score": self.gate.challenge(self.net.state_dict())} if self.gate else {}
        if self.past:
            self.past.join(self.weights())
        return metrics

    def _renew(self) -> None:
        """Play with the newest weights, or with those that the gate let in last."""
        net = self._net_of(self.gate.weights) if self.gate else self.net
        self._answer = inference(net, self.cfg.bfloat16, self.cfg.twins)  # jitted if it can be
        if self.search and self.search.answers:
            self.search.answers.clear()
