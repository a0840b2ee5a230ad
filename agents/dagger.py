"""DAgger: clone an expert on the states that the clone itself visits.

Ross, Gordon & Bagnell 2011, arXiv:1011.0686; Huang 26.4, but with the labels of the original: the expert's, never the
learner's own. A rollout is a round: in round i the expert acts with probability beta_i at every step, and says for
every state visited what it would do; the answers join all earlier ones, and the policy is cloned from them. With an
ensemble only those states are asked about where its members disagree (Menda et al. 2019, arXiv:1807.08364).
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from ..core.batch import Batch
from ..core.errors import UsageError, check_ranges
from ..core.rollout.engine import Act
from . import bc


@dataclass(frozen=True)
class Config(bc.Config):
    """Hyper-parameters of DAgger: those of behaviour cloning, and how states are visited and asked about."""

    horizon: int = 250
    """Steps per environment in each round."""
    epochs: int = 4
    """Passes over all labels after each round."""
    lr_schedule: Literal["constant", "linear"] = "constant"
    """linear: the step size falls to 0 at the end of the run."""
    validation: float = 0.0
    """Share of the episodes that is held out to measure the loss on."""
    beta: Literal["first", "linear", "exponential"] = "first"
    """When the expert acts: first is in the first round alone; linear falls to 0 over `beta_rounds`; exponential is
    multiplied by `beta_decay` every round."""
    beta_start: float = 1.0
    """Probability that the expert acts in the first round."""
    beta_rounds: int = 10
    """Rounds in which a linear beta falls to 0."""
    beta_decay: float = 0.7
    """Factor of an exponential beta; 1 keeps it constant."""
    retrain: Literal["warm", "scratch"] = "warm"
    """Whether each round learns on from the policy of the last, or begins with new weights."""
    queries: int | None = None
    """Labels that the expert may be asked for; the run ends when they are spent. None: one for every state."""
    ensemble: int = 1
    """Policies that learn from the same labels, each in its own order and from its own weights; the first one acts."""
    threshold: float | None = None
    """Ask only where the ensemble's likeliest actions differ by more: of Discrete actions, the share of members that do
    not choose the most chosen one; of Box actions, the standard deviation over members in half widths of the box, root
    mean square over its numbers. None: ask about every state."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(
            self,
            positive=("horizon", "epochs", "beta_rounds", "ensemble"),
            unit=("beta_start", "beta_decay"),
        )
        if self.threshold is not None and self.ensemble < 2:
            raise UsageError("threshold asks where an ensemble disagrees; give ensemble of 2 or more")
        if self.queries is not None and self.queries < 1:
            raise UsageError(f"queries is {self.queries}; it must be at least 1, or none for no limit")


def beta(cfg: Config, round: int) -> float:
    """Probability that the expert acts, in a round counted from 0."""
    match cfg.beta:
        case "first":
            return cfg.beta_start if round == 0 else 0.0
        case "linear":
            return cfg.beta_start * max(0.0, 1.0 - round / cfg.beta_rounds)
        case "exponential":
            return cfg.beta_start * cfg.beta_decay**round


class Agent:
    """Acts with a mixture of the expert and its own policy, learns from all that the expert has answered."""

    expert: Act | None = None
    """Whom to ask; set before training. Without one, as after loading, the policy acts alone."""

    def __init__(
        self, obs: spaces.Space, action: spaces.Space, cfg: Config, device: str = "cpu", seed: int = 0
    ) -> None:
        self.cfg, self.horizon, self.seed = cfg, cfg.horizon, seed
        self._spaces, self._device = (obs, action), device
        self.learners = [self._learner(k, 0) for k in range(cfg.ensemble)]
        self.net, self.convolutional = self.learners[0].net, self.learners[0].convolutional
        self.random = np.random.default_rng(seed)
        self.round, self.asked = 0, 0
        self.episode = np.zeros(0, np.int64)  # (B,) of each label
        self.data: dict[str, Tensor] = {}  # (B, ...) "obs", "action", perhaps "probability"

    @property
    def paths(self) -> dict[str, str]:
        """How the gradient comes about."""
        return self.learners[0].paths

    @property
    def finished(self) -> bool:
        """Whether the budget of labels is spent."""
        return self.cfg.queries is not None and self.asked >= self.cfg.queries

    def act(self, obs: NDArray, explore: bool = True) -> dict[str, NDArray]:
        """Actions (N, *act); while learning also "label", the expert's, where "asked" (N,) says that there is one."""
        if self.expert is None or not explore:
            return self.learners[0].act(obs, explore)
        # its likeliest actions, for they will be used: noise of its own leads to states from which nobody finds back
        return self._supervised(obs, self.learners[0].act(obs, explore=False)["action"], self.expert)

    def inspect(self, obs: NDArray) -> dict[str, NDArray]:
        return self.learners[0].inspect(obs)

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """Take in a round's labels and clone the expert from all of them."""
        added = self._aggregate(batch)
        if self.cfg.retrain == "scratch":
            self.learners = [self._learner(k, self.round + 1) for k in range(self.cfg.ensemble)]
            self.net, added = self.learners[0].net, self.data["obs"]
        metrics: dict[str, float] = {}
        if len(self.episode):
            apart = bc.held_out(self.episode, self.cfg.validation, self.seed)
            for learner in self.learners:
                if len(added):
                    learner.net.encoder.update(added)
                metrics = [learner.learn(self.data, apart, progress) for _ in range(self.cfg.epochs)][-1]
        metrics |= {"imitation/labels": float(len(self.episode)), "imitation/beta": beta(self.cfg, self.round)}
        metrics |= self._cost(batch)
        self.round += 1
        return metrics

    def state(self) -> dict[str, Any]:
        return {
            "learners": {str(k): learner.state() for k, learner in enumerate(self.learners)},
            "random": self.random.bit_generator.state,
            "generator": self.learners[0].generator.get_state(),
            "counts": [self.seed, self.round, self.asked],
            "episode": self.episode.copy(),
            "data": {name: x.clone() for name, x in self.data.items()},
        }

    def load_state(self, state: dict[str, Any]) -> None:
        for k, learner in enumerate(self.learners):
            learner.load_state(state["learners"][str(k)])
        self.random.bit_generator.state = state["random"]
        self.seed, self.round, self.asked = state["counts"]
        self.episode = np.array(state["episode"])
        device = self.learners[0].device
        self.data = {name: torch.tensor(x, device=device) for name, x in state["data"].items()}

    def _learner(self, member: int, round: int) -> bc.Agent:
        seed = int(np.random.SeedSequence([self.seed, member, round]).generate_state(1)[0])
        return bc.Agent(*self._spaces, replace(self.cfg, patience=None), self._device, seed)

    def _supervised(self, obs: NDArray, own: NDArray, expert: Act) -> dict[str, NDArray]:
        """The learner's `own` actions, the expert's in their place with probability beta, and the expert's labels."""
        asked = self._doubtful(obs)
        if self.cfg.queries is not None:
            asked &= asked.cumsum() <= self.cfg.queries - self.asked
        self.asked += int(asked.sum())
        label, action = own.copy(), own.copy()
        extras: dict[str, NDArray] = {}
        if asked.any():
            answer = dict(expert(obs[asked]))
            label[asked] = answer.pop("action")
            for name, x in answer.items():
                extras[name] = np.zeros((len(obs), *x.shape[1:]), x.dtype)
                extras[name][asked] = x
        helped = asked & (self.random.random(len(obs)) < beta(self.cfg, self.round))
        action[helped] = label[helped]
        return {"action": action, "label": label, "asked": asked, "own": own, **extras}

    def _doubtful(self, obs: NDArray) -> NDArray[np.bool_]:
        """Where the expert is worth asking (N,): everywhere, or after the first round where the ensemble disagrees."""
        if self.cfg.threshold is None or self.round == 0:
            return np.ones(len(obs), np.bool_)
        chosen = np.stack([learner.act(obs, explore=False)["action"] for learner in self.learners])
        return disagreement(chosen, self._spaces[1]) > self.cfg.threshold

    def _aggregate(self, batch: Batch) -> Tensor:
        """Add the labels of a round to those before; the observations (B, *obs) that are new."""
        wanted = (batch.valid & batch.extras["asked"]).ravel()
        first = int(self.episode.max()) + 1 if len(self.episode) else 0
        columns = {"obs": batch.obs[:-1], "action": batch.extras["label"]}
        if self.cfg.divergence != "forward_kl":
            columns["probability"] = bc.probability(batch)
        for name, x in columns.items():
            rows = torch.tensor(x.reshape(-1, *x.shape[2:])[wanted], device=self.learners[0].device)
            self.data[name] = torch.cat([self.data[name], rows]) if name in self.data else rows
        self.episode = np.concatenate([self.episode, first + bc.episodes(batch).ravel()[wanted]])
        return self.data["obs"][len(self.data["obs"]) - int(wanted.sum()) :]

    def _cost(self, batch: Batch) -> dict[str, float]:
        """How far the learner's own actions were from the expert's in the states of a round that were asked about."""
        wanted = batch.valid & batch.extras["asked"]
        own, label = batch.extras["own"][wanted], batch.extras["label"][wanted]
        numbers = tuple(range(1, own.ndim))
        if isinstance(self._spaces[1], spaces.Box):
            return {"imitation/squared_error": float(np.square(own - label).sum(numbers).mean()) if len(own) else 0.0}
        return {"imitation/disagreement": float((own != label).any(numbers).mean()) if len(own) else 0.0}


def disagreement(chosen: NDArray, space: spaces.Space) -> NDArray[np.float64]:
    """How much the actions (K, N, *act) of K members differ, (N,); see `Config.threshold`."""
    members, count = chosen.shape[:2]
    rows = chosen.reshape(members, count, -1)
    if isinstance(space, spaces.Box):
        half = np.where(np.isfinite(space.high - space.low), (space.high - space.low) / 2, 1.0).ravel()
        return np.sqrt(np.square(rows.std(0) / half).mean(-1))
    same = (rows[:, None] == rows[None]).all(-1).sum(0)  # (K, N) how many members choose as this one does
    return 1.0 - same.max(0) / members
