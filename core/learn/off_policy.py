"""The common part of agents that learn a policy, and critics of its actions, from a replay."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from math import prod
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

import torch
from gymnasium import spaces
from torch import Tensor, nn

from ..batch import Batch
from ..checkpoint import Attributes
from ..errors import UsageError, check_ranges
from ..nets import ActionCritics, Critics, Policy
from ..nets.build import Build
from ..nets.encoder import Encoder
from ..nets.policy import adopt_policy
from ..nets.remembering import side_by_side
from ..nets.shift import shifted
from ..ranges import Ladder, Log
from ..replay.config import SequenceConfig, at_once, sequences_of
from ..replay.pace import Pace
from .ensembles import EnsembleConfig
from .logs import averages
from .optim import Adam, Schedule, flatten, scheduled
from .pieces import in_sequence, surprise
from .rewards import ReturnUnit, Rewards

N = TypeVar("N", bound=nn.Module)
C = TypeVar("C", bound=Critics | ActionCritics)
P = TypeVar("P", bound=Policy)


@dataclass(frozen=True)
class OffPolicyConfig(EnsembleConfig, SequenceConfig):
    """Fields that describe how a policy and its critics are learned."""

    lr: Annotated[float, Log(3e-5, 3e-3)] = 3e-4
    """Adam step size of the policy."""
    critic_lr: Annotated[float, Log(3e-5, 3e-3)] = 3e-4
    """Adam step size of the critics."""
    lr_schedule: Schedule = "constant"
    """linear, cosine: the step sizes fall to 0 at the end of the run."""
    adam_beta1: float = 0.9
    """Share of Adam's mean of the gradients, of policy and critics, that stays at each step."""
    weight_decay: float = 0.0
    """Share of the step size by which the weights of policy and critics shrink at each step (AdamW)."""
    target: Literal["slow", "none"] = "slow"
    """Networks that targets are made with: slow copies, or none but those that learn (CrossQ)."""
    tau: Annotated[float, Ladder(0.001, 0.005, 0.01, 0.02, 0.05)] = 0.005
    """Share of the networks that their slow copies take over."""
    policy_delay: int = 1
    """Gradient steps of the critics for each one of the policy."""
    shift: int = 0
    """Pixels by which images are moved at random, at most, where they are learned from (DrQ); 0: not at all."""
    normalize_return: bool = False
    """Learn from rewards in units of the running deviation of the discounted return; the replay keeps them as they
    are."""
    reset_interval: int = 0
    """Gradient steps after which networks and optimisers begin anew, while the replay stays; 0: never."""

    def __post_init__(self) -> None:
        EnsembleConfig.__post_init__(self)
        SequenceConfig.__post_init__(self)
        positive, unit = ("tau", "policy_delay"), ("tau", "adam_beta1")
        at_least_0 = ("lr", "critic_lr", "weight_decay", "reset_interval", "shift")
        check_ranges(self, positive=positive, unit=unit, at_least_0=at_least_0)
        if self.adam_beta1 == 1:
            raise UsageError("adam_beta1 is 1.0, with which nothing is learned; it must be below 1")
        if "batch" in (self.norm, self.critic_norm) and self.target == "slow":
            raise UsageError(
                "slow copies have no moments of batches of their own: norm batch needs --agent.target none"
            )
        if self.memory != "none" and (self.target == "none" or self.shift):
            raise UsageError("a memory learns with slow copies, from images as they are: target slow, and shift 0")


class OffPolicy(ABC, Generic[C, P]):
    """A policy, critics with slow copies, their optimisers and a replay.

    A subclass makes the networks, takes the gradient steps, and says how it explores.
    """

    policy = ("net",)
    cfg: OffPolicyConfig
    logged: ClassVar[tuple[str, ...]]
    """Names of what a gradient step logs."""

    def __init__(
        self,
        obs: spaces.Space[Any],
        action: spaces.Space[Any],
        cfg: OffPolicyConfig,
        device: str = "cpu",
        seed: int = 0,
        net: Build | None = None,
    ) -> None:
        self.cfg, self.horizon, self.device = cfg, cfg.horizon, torch.device(device)
        self._described = obs, action, net
        self.critics, self.net = self._begun(seed)
        self.memories = side_by_side(self.net.encoder, self.critics.encoder)
        self.optimizer, self.critic_optimizer = (
            Adam(net.parameters(), beta1=cfg.adam_beta1, weight_decay=cfg.weight_decay)
            for net in (self.net, self.critics)
        )
        self.slow, self._slow = self._followed(self.critics, self.critic_optimizer)
        if cfg.shift and not self.critics.encoder.cnns:
            raise UsageError("shift moves images, of which these observations hold none: --agent.shift 0")
        self.convolutional = bool(self.net.encoder.cnns)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        remembered = self.memories[0].remembered if self.memories else None
        self.replay = sequences_of(cfg, remembered, seed)
        self.rewards = Rewards(sign=cfg.reward_sign)
        self.returns = ReturnUnit(cfg.gamma) if cfg.normalize_return else None
        self.pace, self.adopted = Pace(cfg.replay_ratio, cfg.learning_starts), False
        layout = self.net.encoder.layout
        self._at_once = at_once(cfg, prod(layout.shape) * layout.dtype.itemsize, remembered)

    @property
    def paths(self) -> dict[str, str]:
        """How the gradient comes about."""
        return {"gradient": "written out" if self._twin() else "autograd"}

    @property
    def waits(self) -> bool:
        """Whether it still tries actions at random."""
        return self.pace.waits and not self.adopted  # at random it would not get to where an adopted policy is good

    def encoders(self) -> tuple[Encoder, ...]:
        """One of each network."""
        return tuple(dict.fromkeys(net.encoder for net in self._networks()))

    def adopt(self, weights: Mapping[str, Any]) -> None:
        """Begin with the policy of another network's `weights`, which acts from the first step on.

        Raises:
            UsageError: if they are of another shape.
        """
        adopt_policy(self.net, weights)
        self.adopted = True

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """Remember the batch, then take the gradient steps that are due."""
        cfg = self.cfg
        whole, held = len(self.replay) >= cfg.minibatch, max(cfg.minibatch, self.replay.count)
        self.pace.refuse_debt(0 if whole else 2 * held * cfg.replay_ratio)
        if cfg.normalize_obs:
            seen = torch.as_tensor(self.replay.shown(batch), device=self.device)
            for encoder in self.encoders():
                encoder.update(seen)
        batch = self.rewards.replaced(batch)
        self.replay.add(batch)
        if self.returns:
            self.returns.see(batch.reward, batch.done, batch.valid)
        self.pace.steps += batch.steps
        share = scheduled(1.0, cfg.lr_schedule, progress)
        beta = cfg.beta + progress * (1.0 - cfg.beta)
        logs: list[Tensor] = []
        while len(self.replay) >= cfg.minibatch and (due := self.pace.owed()) > 0:
            if cfg.reset_interval and self.pace.updates and self.pace.updates % cfg.reset_interval == 0:
                self._reset()  # before a step, not after one: the last one of a run leaves what has learned
            # several minibatches are drawn in one call, unless each changes the priorities
            count = 1 if cfg.priority else min(due, self._at_once, self._until_reset())
            drawn = self.replay.sample(cfg.minibatch, count, beta)
            log, errors = self._fit(self._given(drawn), share)
            logs += log
            self.pace.updates += count
            if cfg.priority:
                self.replay.update_priorities(drawn["indices"], errors.cpu().numpy())
        return averages(self.logged, logs)

    def _given(self, drawn: Mapping[str, Any]) -> dict[str, Tensor]:
        """The columns to learn from, of minibatches (k, B, ...) that the replay drew."""
        data = {name: torch.as_tensor(x, device=self.device) for name, x in drawn.items() if name != "indices"}
        if self.returns:
            data["reward"] = data["reward"] / self.returns.unit
        for name in ("obs", "next_obs") if self.cfg.shift else ():
            moved = shifted(self.critics.encoder, data[name].flatten(0, 1), self.cfg.shift, self.generator)
            data[name] = moved.view_as(data[name])
        return data

    def _fit(self, data: dict[str, Tensor], share: float) -> tuple[Tensor, Tensor]:
        """One gradient step on each of k minibatches (k, B, ...); what is logged (k, n), and the errors (k, B)."""
        numbers = enumerate(self._next(len(data["reward"])))
        steps = [self._taken({name: x[k] for name, x in data.items()}, share, step) for k, step in numbers]
        return torch.stack([log for log, _ in steps]), torch.stack([error for _, error in steps])

    def _taken(self, mb: dict[str, Tensor], share: float, step: int) -> tuple[Tensor, Tensor]:
        """The outcome of `_learn`; with a memory, of the transitions in a minibatch of pieces, and an error of each."""
        if not self.memories:
            return self._learn(mb, share, step)
        log, error = self._learn(in_sequence(self.memories, mb, self.cfg.burn_in), share, step)
        return log, surprise(error, mb["learned"])

    @abstractmethod
    def _learn(self, mb: dict[str, Tensor], share: float, step: int) -> tuple[Tensor, Tensor]:
        """Gradient step number `step`, at a `share` of the step sizes.

        Returns what is `logged`, nan where nothing was done, and by how much each transition surprised (B,).
        """

    def _next(self, count: int) -> range:
        """Numbers of the next gradient steps, from 1 on."""
        return range(self.pace.updates + 1, self.pace.updates + count + 1)

    def _improves(self, step: int) -> bool:
        """Whether the policy is improved in that gradient step."""
        return step % self.cfg.policy_delay == 0 and step > self.cfg.value_warmup

    def _twin(self) -> object | None:
        """The fast path, if there is one: what computes the gradient steps in the place of `_learn`."""
        return None

    def _reads_as(self, kind: type, *methods: str) -> bool:
        """Whether it is exactly a `kind`, with these methods of its class."""
        return type(self) is kind and vars(self).keys().isdisjoint(methods)

    def parts(self) -> dict[str, Any]:
        return {
            "net": self.net,
            "critics": self.critics,
            "slow": None if self.slow is self.critics else self.slow,
            "optimizer": self.optimizer,
            "critic_optimizer": self.critic_optimizer,
            "generator": self.generator,
            "pace": self.pace,
            "own": Attributes(self, "adopted"),
            "returns": self.returns,
            "replay": self.replay,
        }

    @abstractmethod
    def _made(self, obs: spaces.Space[Any], action: spaces.Space[Any], net: Build | None) -> tuple[C, P]:
        """Critics, and the policy or what `net` makes in its place."""

    def _begun(self, seed: int) -> tuple[C, P]:
        """Critics and a policy that know nothing."""
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            critics, policy = self._made(*self._described)
        for net in (critics, policy):
            net.to(self.device).eval()  # they train where a batch is learned from, see `training`
        return critics, policy

    def _reset(self) -> None:
        """Let networks and optimisers begin anew; the replay and the moments of observations stay.

        Nikishin et al. 2022, arXiv:2205.07802: what a network learned from its first experience no longer hinders it.
        """
        seed = int(torch.randint(1 << 31, (1,), generator=self.generator, device=self.device))
        critics, policy = self._begun(seed)
        _begin_as(self.critics, critics)
        _begin_as(self.net, policy)
        self.slow.load_state_dict(self.critics.state_dict())
        self.optimizer.restart()
        self.critic_optimizer.restart()

    def _until_reset(self) -> int:
        """Gradient steps before the next reset."""
        interval = self.cfg.reset_interval
        return interval - self.pace.updates % interval if interval else self._at_once

    def _networks(self) -> tuple[C | P, ...]:
        """All of them, some perhaps twice."""
        return self.net, self.critics, self.slow

    def _followed(self, net: N, optimizer: Adam) -> tuple[N, Tensor]:
        """The network that makes targets in place of `net`, a slow copy or itself, and its weights as one vector."""
        if self.cfg.target == "none":
            return net, optimizer.flat.data
        slow = deepcopy(net)
        return slow, flatten(slow.parameters()).data


def _begin_as(net: C | P, begun: C | P) -> None:
    """Give `net` the weights of another one, but let it keep the moments of observations."""
    begun.encoder.standardizers.load_state_dict(net.encoder.standardizers.state_dict())
    net.load_state_dict(begun.state_dict())
