"""Self-play with a tree search that a network guides and that the network learns from.

Silver et al. 2018 ("A general reinforcement learning algorithm that masters chess, shogi, and Go through self-play",
Science 362, 1140), with playout caps, forced playouts and a growing window (Wu 2019, arXiv:1902.10565), exact wins and
losses from the search, and Gumbel roots as an alternative (Danihelka et al. 2022). Trained continuously: the newest
network plays, unless a gate or past opponents are asked for. The result of a game, for each of its positions, is the
reward-to-go with gamma = -1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from ..core.acting import Acting, Memoryless, Mode, spawned
from ..core.batch import Batch
from ..core.checkpoint import Attributes
from ..core.errors import UsageError, check_ranges
from ..core.games.champion import Champion, Playing
from ..core.games.game import RESIGN, Positions, States
from ..core.games.match import Player
from ..core.games.net import PolicyValueNet
from ..core.games.opponents import Gate, PastSelves, Sides, Weights
from ..core.games.resignation import GivingUp, Resignation
from ..core.games.search import Search, Settings
from ..core.games.selfplay import Clock, Openings, Unfinished, Window, falling, turn
from ..core.games.tree import Formula
from ..core.learn.optim import Adam, Schedule, scheduled
from ..core.nets.build import Build, PolicyValueLike, own
from ..core.nets.config import BoardConfig
from ..core.spaces.keys import STATE
from ..core.spaces.layout import Layout

NAME = "AlphaZero"


@dataclass(frozen=True)
class Config(BoardConfig):
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
    """Forced playouts in full searches: noise that pays off is followed; the policy learned has none of it. 0: none."""
    noise_fraction: float = 0.25
    """Share of Dirichlet noise in the root's priors of full searches."""
    noise_total: float = 10.0
    """Sum of the noise's concentrations; larger is more even."""
    gumbel: int = 0
    """Candidates of Gumbel roots with sequential halving instead of noise; 0: PUCT."""
    temperature: float = 1.0
    """Temperature of the moves played at the start of a game."""
    temperature_final: float = 0.2
    """Temperature of the moves late in a game."""
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
    """Games of a match at the gate, with `simulations` a move."""
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
    """linear, cosine: the step size falls to 0 at the end of the run."""
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

    def __post_init__(self) -> None:
        super().__post_init__()
        positive = ("horizon", "simulations", "fast_simulations", "passes", "minibatch", "window", "window_most", "lr")
        search = ("c_init", "c_base", "noise_total", "max_grad_norm", "past_most", "gate_games", "generation")
        weights = ("fpu", "forced", "l2", "value_coef", "reply_coef", "temperature", "temperature_final")
        check_ranges(
            self,
            positive=(*positive, *search, "temperature_halflife"),
            unit=("full_share", "noise_fraction", "search_value", "resign", "resign_watched", "past_share", "gate"),
            at_least_0=("gumbel", "cached", "random_plies", *weights),
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

    policy = ("net", "champion")

    def __init__(
        self,
        obs: spaces.Space[Any],
        action: spaces.Space[Any],
        cfg: Config,
        device: str = "cpu",
        seed: int = 0,
        net: Build | None = None,
    ) -> None:
        if not isinstance(obs, Positions):
            raise UsageError(
                "alphazero plays games for two, such as connect4, tictactoe, othello6 or gomoku9, or a game of your own"
            )
        self.cfg, self.horizon, self.game, self.seed = cfg, cfg.horizon, obs.game, seed
        self.device = torch.device(device)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.net = (
                PolicyValueNet(self.game.shape, self.game.actions, cfg, reply=cfg.reply_coef > 0)
                if net is None
                else own(PolicyValueNet, PolicyValueLike, obs, action, cfg, net)
            ).to(self.device)
        self.convolutional = self.net.convolutional
        self.optimizer = Adam(self.net.parameters(), 1e-8, cfg.max_grad_norm)
        self.random = np.random.default_rng(seed)
        self.unfinished = Unfinished()
        self.window = Window(obs.game, cfg.window, cfg.window_most, self.random)
        self.resignation = Resignation(cfg.resign) if cfg.resign else None
        self.past = PastSelves(cfg.past_most, self.random, self.net.state_dict()) if cfg.past_share else None
        formula = Formula(cfg.c_init, cfg.c_base, cfg.fpu)
        self._champion = Champion(
            self.game, self.net, formula, cfg.bfloat16, cfg.twins, self._gate if cfg.gate else None
        )
        self._owed = 0.0  # gradient steps that are due
        self._logged: tuple[str, ...] = ()  # names of what a gradient step logs
        self._images = self.game.images()
        self._state_part = next(part for part in Layout(obs).parts if part.name == STATE)
        self.clock = Clock()

    @property
    def paths(self) -> dict[str, str]:
        """How the gradient comes about."""
        return {"gradient": "autograd"}

    def acting(self, envs: int, mode: Mode = "learn", seed: int = 0) -> Acting:
        if mode == "learn":
            return SelfPlay(self, envs, seed)
        return Playing(self._champion, self.states_of, self.cfg.simulations, mode, seed)

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
        if self._owed > self.cfg.passes + 1:
            raise UsageError(f"the checkpoint owes {self._owed:,} gradient steps: it is damaged")
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
        if generation_ends or not self._champion.gate:
            self._champion.renew()
        metrics |= dict(zip(self._logged, torch.stack(logs).mean(0).tolist(), strict=True))
        metrics |= {"policy/lr": lr, "search/window": self.window.size, "search/positions": self.window.added}
        return metrics | self.clock.rates(int(batch.done.sum()))

    def states_of(self, obs: NDArray[Any]) -> States:
        """The exact positions (N, S) that stored observations (N, row) hold."""
        part = self._state_part
        return np.ascontiguousarray(obs[:, part.start : part.start + part.nbytes]).view(np.int64)

    def champion(self) -> Champion:
        """The network that plays."""
        return self._champion

    def parts(self) -> dict[str, Any]:
        return {
            "net": self.net,
            "champion": self._champion,
            "optimizer": self.optimizer,
            "random": self.random,
            "owed": Attributes(self, "_owed"),
            "unfinished": self.unfinished,
            "window": self.window,
            "resignation": self.resignation,
            "past": self.past,
        }

    def _gate(self, player: Callable[[Weights, int], Player], weights: Weights) -> Gate:
        cfg = self.cfg
        return Gate(self.game, lambda w: player(w, cfg.simulations), cfg.gate, cfg.gate_games, weights)

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
        mb: dict[str, NDArray[Any]] = {
            "planes": self.game.planes(rows["state"]),
            "mask": self.game.actions_of(rows.pop("state")),
            **rows,
        }
        if self.cfg.augment:
            turn(mb, self._images, self.random)
        return {name: torch.from_numpy(x).to(self.device) for name, x in mb.items()}

    def _end_generation(self) -> dict[str, float]:
        """Let the newest network try the gate, and keep the one that plays as a past one; what to log."""
        gate = self._champion.gate
        metrics = {"gate/score": gate.challenge(self.net.state_dict())} if gate else {}
        if self.past:
            self.past.join(self._champion.weights())
        return metrics


class SelfPlay(Memoryless):
    """Plays both sides of N games with a search that goes on from move to move.

    Beside the moves it gives the search's "policy" (N, A) and "search_value" (N,), whether the search was "full" (N,)
    and whether the move is the network's "own" (N,): not an opening's, nor a past network's.
    """

    def __init__(self, agent: Agent, games: int, seed: int) -> None:
        cfg, champion = agent.cfg, agent.champion()
        self.agent, self.champion = agent, champion
        self.random = np.random.default_rng(spawned(seed, 1))
        noise, forced = (0.0, 0.0) if cfg.gumbel else (cfg.noise_fraction, cfg.forced)
        formula = Formula(cfg.c_init, cfg.c_base, cfg.fpu, forced)
        settings = Settings(formula, noise, cfg.noise_total, cfg.reuse, cfg.gumbel, cached=cfg.cached)
        most = max(cfg.simulations, cfg.fast_simulations)
        self.search = Search(agent.game, champion.evaluate, settings, games, most, seed)
        self.openings = Openings(games, cfg.random_plies, self.random)
        self.giving_up = GivingUp(games, cfg.resign_watched, self.random) if agent.resignation else None
        self.sides = Sides(games, agent.past, self._past, cfg.past_share, self.random) if agent.past else None
        self._version = champion.version
        self._thoughts: dict[str, NDArray[Any]] = {}

    def __call__(self, obs: NDArray[Any], first: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        agent, cfg, search = self.agent, self.agent.cfg, self.search
        states = agent.states_of(obs)
        n, ply = len(states), states[:, -1]
        if self._version != self.champion.version and search.answers:
            search.answers.clear()
        self._version = self.champion.version
        opening = self.openings.under_way(ply, first)
        theirs = self.sides.to_move(ply, first) & ~opening if self.sides else np.zeros(n, np.bool_)
        own = ~(opening | theirs)
        full = (self.random.random(n) < cfg.full_share) & own
        simulations = np.where(full, cfg.simulations, cfg.fast_simulations)
        before = search.simulated, search.evaluated
        search.run(states, np.where(own, simulations, 0), full)
        agent.clock.count(search.simulated - before[0], search.evaluated - before[1])
        policy, value = search.policies(n), search.values(n)
        temperature = falling(ply, cfg.temperature, cfg.temperature_final, cfg.temperature_halflife)
        action = search.choose(policy, temperature)
        out: dict[str, NDArray[Any]] = dict(action=action, policy=policy, search_value=value, full=full, own=own)
        if opening.any():
            action[opening] = self.openings.moves(agent.game.actions_of(states[opening]))
        if self.sides:
            out["past_side"] = self.sides.side
            if theirs.any():
                action[theirs] = self.sides.moves(states[theirs], temperature[theirs])
        if self.giving_up and agent.resignation:
            given_up, out["watched"] = self.giving_up.decide(first, value, own, agent.resignation.threshold)
            action[given_up] = RESIGN
        self._thoughts = {"value": value, "action probability": policy}
        return out

    def thoughts(self) -> dict[str, NDArray[Any]]:
        """The last search's values (N,) and policies (N, A)."""
        return self._thoughts

    def parts(self) -> dict[str, Any]:
        never = {"never": self.giving_up.never} if self.giving_up else None
        until = self.openings.until
        return {"random": self.random, "search": self.search, "until": until, "never": never, "sides": self.sides}

    def _past(self, games: int, weights: Weights) -> Search:
        """The search of a past network."""
        return self.champion.searcher(games, self.agent.cfg.fast_simulations, evaluate=self.champion.evaluator(weights))
