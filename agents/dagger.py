"""DAgger: clone an expert on the states that the clone itself visits.

Ross, Gordon & Bagnell 2011, arXiv:1011.0686; Huang 26.4, but with the labels of the original: the expert's, never the
learner's own. A rollout is a round: in round i the expert acts with probability beta_i at every step, and says for
every state visited what it would do; the answers join all earlier ones, and the policy is cloned from them. With an
ensemble only those states are asked about where its members disagree (Menda et al. 2019, arXiv:1807.08364).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor, nn

from ..core.acting import Acting, Expert, Following, Memoryless, Mode, spawned
from ..core.batch import Batch
from ..core.checkpoint import Attributes
from ..core.errors import UsageError, check_ranges
from ..core.learn.optim import Schedule
from ..core.learn.recorded import episodes, held_out, probability
from ..core.nets.build import Build
from ..core.rollout.alone import PolicyAlone
from . import bc

NAME = "DAgger"


@dataclass(frozen=True)
class Config(bc.Config):
    """Hyper-parameters of DAgger: those of behaviour cloning, and how states are visited and asked about."""

    horizon: int = 250
    """Steps per environment in each round."""
    epochs: int = 4
    """Passes over all labels after each round."""
    lr_schedule: Schedule = "constant"
    """linear, cosine: the step size falls to 0 at the end of the run."""
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
            positive=("horizon", "epochs", "beta_rounds", "queries", "ensemble"),
            unit=("beta_start", "beta_decay"),
            at_least_0=("threshold",),
        )
        if self.threshold is not None and self.ensemble < 2:
            raise UsageError("threshold asks where an ensemble disagrees; give ensemble of 2 or more")
        if self.patience is not None or self.relabel:
            raise UsageError("patience and relabel are for demonstrations, which dagger has none of; leave them out")


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

    expert: Expert | None = None
    """Whom to ask; set before training. Without one, as after loading, the policy acts alone."""

    policy = ("learners",)

    def __init__(
        self,
        obs: spaces.Space[Any],
        action: spaces.Space[Any],
        cfg: Config,
        device: str = "cpu",
        seed: int = 0,
        net: Build | None = None,
    ) -> None:
        self.cfg, self.horizon, self.seed = cfg, cfg.horizon, seed
        self._spaces, self._device, self._build = (obs, action), device, net
        self.action_space = action
        self.learners = [self._learner(k, 0) for k in range(cfg.ensemble)]
        self.net, self.convolutional = self.learners[0].net, self.learners[0].convolutional
        self.round, self.asked = 0, 0
        self.episode = np.zeros(0, np.int64)  # (B,) of each label
        self.running = np.zeros(0, np.int64)  # (N,) episodes that go on after a round, where that matters
        self.data = Labels(self.learners[0].device, self.learners[0].remembers)

    @property
    def paths(self) -> dict[str, str]:
        """How the gradient comes about."""
        return self.learners[0].paths

    @property
    def finished(self) -> bool:
        """Whether the budget of labels is spent."""
        return self.cfg.queries is not None and self.asked >= self.cfg.queries

    def acting(self, envs: int, mode: Mode = "learn", seed: int = 0) -> Acting:
        return Mixture(self, envs, mode, seed)

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """Take in a round's labels and clone the expert from all of them."""
        added = self._aggregate(batch)
        if self.cfg.retrain == "scratch":
            self.learners = [self._learner(k, self.round + 1) for k in range(self.cfg.ensemble)]
            self.net, added = self.learners[0].net, self.data["obs"]
        metrics: dict[str, float] = {}
        if len(self.episode):
            apart = held_out(self.episode, self.cfg.validation, self.seed)
            for learner in self.learners:
                if len(added):
                    learner.net.encoder.update(added)
                metrics = [learner.learn(self.data, apart, progress) for _ in range(self.cfg.epochs)][-1]
        labels = float(self.data["asked"].sum()) if "asked" in self.data else float(len(self.episode))
        metrics |= {"imitation/labels": labels, "imitation/beta": beta(self.cfg, self.round)}
        metrics |= self._cost(batch)
        self.round += 1
        return metrics

    def parts(self) -> dict[str, Any]:
        learners = {str(k): learner.parts() for k, learner in enumerate(self.learners)}
        own = Attributes(self, "seed", "round", "asked", "episode", "running")
        return {"learners": learners, "own": own, "data": self.data}

    def _learner(self, member: int, round: int) -> bc.Agent:
        seed = int(np.random.SeedSequence([self.seed, member, round]).generate_state(1)[0])
        return bc.Agent(*self._spaces, self.cfg, self._device, seed, self._build)

    def _aggregate(self, batch: Batch) -> Tensor:
        """Add the labels of a round to those before; the observations (B, *obs) that are new."""
        self.asked += int(batch.extras["asked"].sum())
        asked, number = batch.extras["asked"], episodes(batch)
        number += int(self.episode.max()) + 1 if len(self.episode) else 0
        columns = {"obs": batch.obs[:-1], "action": batch.extras["label"]}
        if self.learners[0].remembers:  # what was before matters too: steps without a label, and rounds before this one
            self._join(batch, number)
            columns |= {"asked": asked, "episode": number}
        wanted = (batch.valid if self.learners[0].remembers else batch.valid & asked).ravel()
        if self.cfg.divergence != "forward_kl":
            columns["probability"] = probability(batch)
        for name, x in columns.items():
            rows = torch.tensor(x.reshape(-1, *x.shape[2:])[wanted], device=self.learners[0].device)
            self.data[name] = torch.cat([self.data[name], rows]) if name in self.data else rows
        self.episode = np.concatenate([self.episode, number.ravel()[wanted]])
        return self.data["obs"][len(self.data["obs"]) - int(wanted.sum()) :]

    def _join(self, batch: Batch, number: NDArray[np.int64]) -> None:
        """Give episodes that go on from the round before the `number` (T, N) that they had there."""
        if len(self.running) not in (0, batch.reward.shape[1]):
            raise UsageError("the checkpoint is of episodes in other environments: it is damaged")
        going_on = ~batch.first[0] & (self.running >= 0) if len(self.running) else ()
        for i in np.flatnonzero(going_on):
            number[number[:, i] == number[0, i], i] = self.running[i]
        self.running = np.where(batch.first[-1] | batch.done[-1], -1, number[-1])

    def _cost(self, batch: Batch) -> dict[str, float]:
        """How far the learner's own actions were from the expert's in the states of a round that were asked about."""
        wanted = batch.valid & batch.extras["asked"]
        own, label = batch.extras["own"][wanted], batch.extras["label"][wanted]
        numbers = tuple(range(1, own.ndim))
        if isinstance(self.action_space, spaces.Box):
            return {"imitation/squared_error": float(np.square(own - label).sum(numbers).mean()) if len(own) else 0.0}
        return {"imitation/disagreement": float((own != label).any(numbers).mean()) if len(own) else 0.0}


class Labels(dict[str, Tensor]):
    """All labels so far, columns (B, ...): "obs", "action", perhaps "probability".

    With a memory they are all steps, of which those that were "asked" (B,) have labels, and know their "episode" (B,).
    """

    def __init__(self, device: torch.device, remembers: bool = False) -> None:
        super().__init__()
        self._device = device
        self._needed: dict[str, Any] = {"obs": None, "action": None}
        self._needed |= {"asked": np.dtype(np.bool_), "episode": np.dtype(np.int64)} if remembers else {}

    def state(self) -> dict[str, Tensor]:
        """Copies of the columns."""
        return {name: x.clone() for name, x in self.items()}

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from `state()`.

        Raises:
            ValueError: if these are no columns of labels.
        """
        wrong = [
            name for name, kind in self._needed.items() if name not in state or kind not in (None, state[name].dtype)
        ]
        if state and (wrong or len({len(x) for x in state.values()}) != 1):
            raise ValueError("the saved labels are no columns of one length")
        self.clear()
        self.update({name: torch.tensor(x, device=self._device) for name, x in state.items()})


class Mixture(Memoryless):
    """The learner, and while learning the expert in its place with probability beta; "label" is what the expert says.

    "asked" (N,) marks where there is a label. Without an expert, as after loading, and in evaluations the policy acts
    alone.
    """

    def __init__(self, agent: Agent, envs: int, mode: Mode, seed: int) -> None:
        self.agent, self.mode = agent, mode
        self.random = np.random.default_rng(spawned(seed, 2))
        present = [partial(self._present, k) for k in range(len(agent.learners))]  # a round may begin with a new one
        own: Mode = "sample" if mode == "learn" else mode
        self._own, self._likeliest = (PolicyAlone(present[0], envs, m, seed) for m in (own, "best"))
        self._members = [PolicyAlone(policy, envs, "best", 0) for policy in present]
        self._envs = envs
        self._expert: tuple[Following, Acting] | None = None
        self._round, self._asked = 0, 0  # labels that were asked for in this round

    def __call__(self, obs: NDArray[Any], first: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        if self.agent.expert is None or self.mode != "learn":
            return self._own(obs, first)
        # its likeliest actions, for they will be used: noise of its own leads to states from which nobody finds back
        doubtful = self._doubtful(obs, first)
        followed = self._followed
        wants = None if followed is None else followed(obs, first)
        own = self._likeliest(obs, first)["action"]
        return self._supervised(obs, own, doubtful, self.agent.expert, wants)

    def thoughts(self) -> dict[str, NDArray[Any]]:
        """Those of the learner."""
        return self._own.thoughts() or self._likeliest.thoughts()

    def parts(self) -> dict[str, Any]:
        own = Attributes(self, "_round", "_asked")
        followed = None if self._followed is None else self._followed.parts()
        members = {str(k): member.parts() for k, member in enumerate(self._members)}
        learner = {
            "learner": self._own.parts(),
            "likeliest": self._likeliest.parts(),
            "members": members,
            "expert": followed,
        }
        return {"random": self.random, "own": own, **learner}

    def _present(self, member: int) -> tuple[nn.Module, int]:
        """The policy of a member of the ensemble, and the version of its weights."""
        return self.agent.learners[member].net, self.agent.round

    @property
    def _followed(self) -> Acting | None:
        """The expert in these environments, if it follows them."""
        expert = self.agent.expert
        if not isinstance(expert, Following):
            return None
        if self._expert is None or self._expert[0] is not expert:
            self._expert = expert, expert.acting(self._envs)
        return self._expert[1]

    def _supervised(
        self,
        obs: NDArray[Any],
        own: NDArray[Any],
        asked: NDArray[np.bool_],
        expert: Expert,
        wants: dict[str, NDArray[Any]] | None,
    ) -> dict[str, NDArray[Any]]:
        """The learner's `own` actions, the expert's in their place with probability beta, and the expert's labels.

        As far as the budget goes, it says what it would do where it is `asked` (N,); one that follows all environments
        has made up its mind what it `wants`.
        """
        cfg = self.agent.cfg
        if self._round != self.agent.round:
            self._round, self._asked = self.agent.round, 0
        if cfg.queries is not None:
            asked &= asked.cumsum() <= cfg.queries - self.agent.asked - self._asked
        self._asked += int(asked.sum())
        label, action = own.copy(), own.copy()
        extras: dict[str, NDArray[Any]] = {}
        if asked.any():
            answer = dict(_answer(expert, obs, asked, wants))
            label[asked] = answer.pop("action")
            for name, x in answer.items():
                extras[name] = np.zeros((len(obs), *x.shape[1:]), x.dtype)
                extras[name][asked] = x
        helped = asked & (self.random.random(len(obs)) < beta(cfg, self.agent.round))
        action[helped] = label[helped]
        return {"action": action, "label": label, "asked": asked, "own": own, **extras}

    def _doubtful(self, obs: NDArray[Any], first: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Where the expert is worth asking (N,): everywhere, or after the first round where the ensemble disagrees."""
        agent = self.agent
        if agent.cfg.threshold is None or (agent.round == 0 and not agent.learners[0].remembers):
            return np.ones(len(obs), np.bool_)
        chosen = np.stack([member(obs, first)["action"] for member in self._members])
        if agent.round == 0:
            return np.ones(len(obs), np.bool_)
        return disagreement(chosen, agent.action_space) > agent.cfg.threshold


def _answer(
    expert: Expert, obs: NDArray[Any], asked: NDArray[np.bool_], wants: dict[str, NDArray[Any]] | None
) -> Mapping[str, NDArray[Any]]:
    """Answers of the expert where it is `asked`, rows (A, ...)."""
    if isinstance(expert, Following):
        assert wants is not None
        return {name: x[asked] for name, x in wants.items()}
    return expert(obs[asked])


def disagreement(chosen: NDArray[Any], space: spaces.Space[Any]) -> NDArray[np.float64]:
    """How much the actions (K, N, *act) of K members differ, (N,); see `Config.threshold`."""
    members, count = chosen.shape[:2]
    rows = chosen.reshape(members, count, -1)
    if isinstance(space, spaces.Box):
        half = np.where(np.isfinite(space.high - space.low), (space.high - space.low) / 2, 1.0).ravel()
        distance: NDArray[np.float64] = np.sqrt(np.square(rows.std(0) / half).mean(-1))
        return distance
    same = (rows[:, None] == rows[None]).all(-1).sum(0)  # (K, N) how many members choose as this one does
    agreement: NDArray[np.float64] = same.max(0) / members
    return 1.0 - agreement
