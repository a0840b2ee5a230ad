"""Twin delayed deep deterministic policy gradient (TD3), and what turns it back into DDPG.

Fujimoto et al. 2018 (arXiv:1802.09477), after Lillicrap et al. 2015 (arXiv:1509.02971): a deterministic policy climbs
Q(s, pi(s)); the critics regress on r + gamma min_i Q'_i(s', a') over a replay, where a' is the slow copy's action with
a little clipped noise, so that the critics are smooth, and the policy and the slow copies move only every second step.
Nothing is added after a termination; a truncated episode bootstraps from its final observation. The policy is the
middle of a squashed Gaussian, whose deviation nothing uses: so a clone with a squashed head can be what it begins with.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Generator, Tensor

from ..core.acting import Acting, Mode
from ..core.batch import Batch
from ..core.checkpoint import Attributes
from ..core.errors import check_ranges
from ..core.learn.ensembles import EnsembleConfig, pooled, regression
from ..core.learn.logs import averages
from ..core.learn.optim import Adam, Schedule, flatten, scheduled
from ..core.learn.rewards import Rewards
from ..core.nets import Critics, Policy
from ..core.nets.build import Build, PolicyLike, built
from ..core.nets.policy import adopt_policy
from ..core.replay.config import ReplayConfig, replay_of
from ..core.replay.pace import Pace
from ..core.rollout.exploring import Exploring


@dataclass(frozen=True)
class Config(EnsembleConfig, ReplayConfig):
    """Hyper-parameters of TD3. Those in units of the box are of actions scaled to [-1, 1]."""

    lr: float = 3e-4
    """Adam step size of the policy."""
    critic_lr: float = 3e-4
    """Adam step size of the critics."""
    lr_schedule: Schedule = "constant"
    """linear: the step sizes fall to 0 at the end of the run."""
    tau: float = 0.005
    """Share of the networks that their slow copies take over."""
    policy_delay: int = 2
    """Gradient steps of the critics for each one of the policy and the slow copies."""
    noise: float = 0.1
    """Standard deviation of the noise on actions that explore, in units of the box."""
    smoothing: float = 0.2
    """Standard deviation of the noise on the actions of targets, in units of the box; 0: none."""
    smoothing_clip: float = 0.5
    """Bound of that noise."""
    reduce: Literal["first", "min", "mean"] = "first"
    """What the policy makes of the critics: it climbs the first, the least of them, or their mean."""

    def __post_init__(self) -> None:
        EnsembleConfig.__post_init__(self)
        ReplayConfig.__post_init__(self)
        check_ranges(
            self,
            positive=("tau", "policy_delay"),
            unit=("tau",),
            at_least_0=("lr", "critic_lr", "noise", "smoothing", "smoothing_clip"),
        )


def targets(slow_net: Policy, slow: Critics, mb: dict[str, Tensor], cfg: Config, generator: Generator) -> Tensor:
    """Returns that the critics regress on, shape (B, K): one, or with quantiles all that are not dropped.

    `mb` must hold reward (B,), the n-step sum; discount (B,), 0 after a termination; next_obs (B, *obs).
    """
    with torch.no_grad():
        action = slow_net(mb["next_obs"]).mode()
        noise = torch.empty_like(action).normal_(generator=generator) * cfg.smoothing
        action = slow.clipped(action + slow.scale * noise.clamp(-cfg.smoothing_clip, cfg.smoothing_clip))
        following = slow(mb["next_obs"], action, generator)  # (C, B, M)
        return mb["reward"][:, None] + mb["discount"][:, None] * pooled(following, cfg.subset, cfg.drop, generator)


def critic_loss(
    critics: Critics, mb: dict[str, Tensor], target: Tensor, generator: Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Scalar to minimise, the mean of Q(s, a), and by how much each transition surprised, (B,), for targets (B, K)."""
    out = critics(mb["obs"], mb["action"], generator)  # (C, B, M)
    total, error = regression(out, target, mb["weights"])
    return total, out.detach().mean(), error


def policy_loss(net: Policy, critics: Critics, obs: Tensor, cfg: Config) -> Tensor:
    """Scalar to minimise: -Q(s, pi(s))."""
    values: Tensor = critics(obs, net(obs).mode()).mean(-1)  # (C, B)
    match cfg.reduce:
        case "first":
            values = values[0]
        case "min":
            values = values.amin(0)
    return -values.mean()


class Agent:
    """Acts by a deterministic policy in a box, learns from a replay of all that it saw."""

    policy = ("net",)

    def __init__(
        self,
        obs: spaces.Space[Any],
        action: spaces.Space[Any],
        cfg: Config,
        device: str = "cpu",
        seed: int = 0,
        net: Build | None = None,
    ) -> None:
        self.cfg, self.horizon, self.device = cfg, cfg.horizon, torch.device(device)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.critics = Critics(obs, action, cfg).to(self.device)
            self.net = built(Policy, PolicyLike, obs, action, cfg, net).to(self.device)
        self.slow, self.slow_net = deepcopy(self.critics), deepcopy(self.net)
        self._slow = [flatten(x.requires_grad_(False).parameters()).data for x in (self.slow, self.slow_net)]
        self.convolutional = bool(self.net.encoder.cnns)
        self.low, self.high = self.critics.low, self.critics.high
        self.optimizer, self.critic_optimizer = Adam(self.net.parameters()), Adam(self.critics.parameters())
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.replay = replay_of(cfg, seed)
        self.rewards = Rewards(sign=cfg.reward_sign)
        self.pace, self.adopted = Pace(cfg.replay_ratio, cfg.learning_starts), False

    @property
    def paths(self) -> dict[str, str]:
        """How the gradient comes about."""
        return {"gradient": "autograd"}

    @property
    def waits(self) -> bool:
        """Whether it still tries actions at random."""
        return self.pace.waits and not self.adopted  # at random it would not get to where an adopted policy is good

    def acting(self, envs: int, mode: Mode = "learn", seed: int = 0) -> Acting:
        return Exploring(self, mode, seed)

    def adopt(self, weights: Mapping[str, Any]) -> None:
        """Begin with the policy of another network's `weights`, which acts from the first step on.

        Raises:
            UsageError: if they are of another shape.
        """
        for net in (self.net, self.slow_net):
            adopt_policy(net, weights)
        self.adopted = True

    def explore(self, obs: Tensor, generator: Generator) -> Tensor:
        """The policy's actions (N, D) with noise."""
        action: Tensor = self.net(obs).mode()
        noise = torch.empty_like(action).normal_(generator=generator)
        return self.critics.clipped(action + self.critics.scale * self.cfg.noise * noise)

    def judge(self, obs: Tensor, action: Tensor) -> Tensor:
        """The least critic's Q(s, a), shape (N,)."""
        value: Tensor = self.critics(obs, action).mean(-1).amin(0)
        return value

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """Remember the batch, then take the gradient steps that are due."""
        cfg = self.cfg
        self.pace.refuse_debt(0 if len(self.replay) >= cfg.minibatch else 2 * cfg.minibatch * cfg.replay_ratio)
        if cfg.normalize_obs:
            seen = torch.as_tensor(batch.obs[:-1][batch.valid], device=self.device)
            for part in (self.net, self.slow_net, self.critics, self.slow):
                part.encoder.update(seen)
        self.replay.add(self.rewards.replaced(batch))
        self.pace.steps += batch.steps
        due = self.pace.owed() if len(self.replay) >= cfg.minibatch else 0
        beta, share = cfg.beta + progress * (1.0 - cfg.beta), scheduled(1.0, cfg.lr_schedule, progress)
        logs = [self._learn(self.replay.sample(cfg.minibatch, beta=beta), share) for _ in range(due)]
        metrics = averages(("loss/critic", "value/q", "loss/grad_norm", "loss/policy"), logs)
        return metrics | {"policy/random": float(self.waits)}

    def parts(self) -> dict[str, Any]:
        return {
            "net": self.net,
            "slow_net": self.slow_net,
            "critics": self.critics,
            "slow": self.slow,
            "optimizer": self.optimizer,
            "critic_optimizer": self.critic_optimizer,
            "generator": self.generator,
            "pace": self.pace,
            "own": Attributes(self, "adopted"),
            "replay": self.replay,
        }

    def _learn(self, drawn: dict[str, NDArray[Any]], share: float) -> Tensor:
        """One gradient step of the critics, and of the policy if it is due; what is logged, shape (4,)."""
        cfg = self.cfg
        needed = ("obs", "action", "reward", "next_obs", "discount", "weights")
        mb = {name: torch.as_tensor(drawn[name], device=self.device) for name in needed}
        target = targets(self.slow_net, self.slow, mb, cfg, self.generator)
        total, value, error = critic_loss(self.critics, mb, target, self.generator)
        norm = self.critic_optimizer.step(total, cfg.critic_lr * share)
        if cfg.priority:
            self.replay.update_priorities(drawn["indices"], error.cpu().numpy())
        self.pace.updates += 1
        climbed = torch.full_like(value, torch.nan)
        if self.pace.updates % cfg.policy_delay == 0:
            if self.pace.updates > cfg.value_warmup:
                climbed = self._climb(mb["obs"], share)
            for slow, fast in zip(self._slow, (self.critic_optimizer, self.optimizer), strict=True):
                slow.lerp_(fast.flat.data, cfg.tau)
        return torch.stack([total.detach(), value, norm, climbed])

    def _climb(self, obs: Tensor, share: float) -> Tensor:
        """One gradient step of the policy; its loss."""
        self.critics.requires_grad_(False)
        total = policy_loss(self.net, self.critics, obs, self.cfg)
        self.optimizer.step(total, self.cfg.lr * share)
        self.critics.requires_grad_(True)
        return total.detach()
