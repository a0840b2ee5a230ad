"""Soft actor-critic, with the ensembles, quantiles and regularised critics that were built on it.

Haarnoja et al. 2018 (arXiv:1801.01290, arXiv:1812.05905): the policy maximises Q(s, a) - alpha log pi(a|s), through
actions that it draws by reparametrisation; the critics regress on r + gamma (min_i Q'_i(s', a') - alpha log pi(a'|s'))
over a replay, where Q' follow them slowly; alpha is learned so that the entropy stays at a target. Nothing is added
after a termination; a truncated episode bootstraps from its final observation. The parts: more critics and a random
`subset` of them (REDQ, 2101.05982), quantiles of which the largest are dropped (TQC, 2005.04269), dropout and layer
normalisation in the critics (DroQ, 2110.02034).
"""

import math
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

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
    """Hyper-parameters of SAC."""

    lr: float = 3e-4
    """Adam step size of the policy and the temperature."""
    critic_lr: float = 3e-4
    """Adam step size of the critics."""
    lr_schedule: Schedule = "constant"
    """linear: the step sizes fall to 0 at the end of the run."""
    tau: float = 0.005
    """Share of the critics that their slow copies take over after each gradient step."""
    policy_delay: int = 1
    """Gradient steps of the critics for each one of the policy and the temperature."""
    reduce: Literal["min", "mean"] = "min"
    """What the policy makes of the critics: it maximises the least of them, or their mean."""
    alpha: float | None = None
    """Temperature, the worth of a nat of entropy; none: learned, so that the entropy stays at the target."""
    alpha_init: float = 1.0
    """Temperature that learning starts from."""
    target_entropy: float | None = None
    """Entropy in nats, of actions in the box [-1, 1]; none: -1 for each of their dimensions."""

    def __post_init__(self) -> None:
        EnsembleConfig.__post_init__(self)
        ReplayConfig.__post_init__(self)
        check_ranges(
            self,
            positive=("tau", "policy_delay", "alpha_init"),
            unit=("tau",),
            at_least_0=("lr", "critic_lr", "alpha"),
        )


def targets(
    net: Policy, slow: Critics, mb: dict[str, Tensor], cfg: Config, alpha: Tensor, generator: Generator
) -> Tensor:
    """Returns that the critics regress on, shape (B, K): one, or with quantiles all that are not dropped.

    `mb` must hold reward (B,), the n-step sum; discount (B,), 0 after a termination; next_obs (B, *obs).
    """
    with torch.no_grad():
        action, logp = _drawn(net, slow, mb["next_obs"], generator)
        following = slow(mb["next_obs"], action, generator)  # (C, B, M)
        kept = pooled(following, cfg.subset, cfg.drop, generator)
        soft = kept - alpha * logp[:, None]
        return mb["reward"][:, None] + mb["discount"][:, None] * soft


def critic_loss(
    critics: Critics, mb: dict[str, Tensor], target: Tensor, generator: Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Scalar to minimise, the mean of Q(s, a), and by how much each transition surprised, (B,), for targets (B, K)."""
    out = critics(mb["obs"], mb["action"], generator)  # (C, B, M)
    total, error = regression(out, target, mb["weights"])
    return total, out.detach().mean(), error


def policy_loss(
    net: Policy, critics: Critics, obs: Tensor, cfg: Config, alpha: Tensor, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Scalar to minimise, and the log-probabilities (B,) of the actions that were drawn."""
    action, logp = _drawn(net, critics, obs, generator)
    values = critics(obs, action).mean(-1)  # (C, B)
    value = values.amin(0) if cfg.reduce == "min" else values.mean(0)
    return (alpha * logp - value).mean(), logp.detach()


def _drawn(net: Policy, critics: Critics, obs: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Actions (B, D), through which gradients pass, and their log-densities (B,) in the box [-1, 1]."""
    action, logp = net(obs).draw(generator)
    return action, logp + critics.scale.log().sum()


class Agent:
    """Draws from a policy in a box, learns from a replay of all that it saw."""

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
        self.slow = deepcopy(self.critics).requires_grad_(False)
        self._slow = flatten(self.slow.parameters()).data
        self.convolutional = bool(self.net.encoder.cnns)
        self.low, self.high = self.critics.low, self.critics.high
        start = cfg.alpha_init if cfg.alpha is None else cfg.alpha
        begin = torch.full((1,), math.log(start) if start else -math.inf, device=self.device)
        self._alphas = nn.ParameterList([begin])  # of one: a module, which a checkpoint takes from any device
        self.log_alpha: nn.Parameter = self._alphas[0]
        self.target_entropy = -len(self.low) if cfg.target_entropy is None else cfg.target_entropy
        self.optimizer, self.critic_optimizer = Adam(self.net.parameters()), Adam(self.critics.parameters())
        self.temperature = Adam([self.log_alpha])
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
        adopt_policy(self.net, weights)
        self.adopted = True

    def explore(self, obs: Tensor, generator: Generator) -> Tensor:
        """Actions (N, D) drawn from the policy."""
        action: Tensor = self.net(obs).sample(generator)
        return action

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
            for part in (self.net, self.critics, self.slow):
                part.encoder.update(seen)
        self.replay.add(self.rewards.replaced(batch))
        self.pace.steps += batch.steps
        due = self.pace.owed() if len(self.replay) >= cfg.minibatch else 0
        beta, share = cfg.beta + progress * (1.0 - cfg.beta), scheduled(1.0, cfg.lr_schedule, progress)
        logs = [self._learn(self.replay.sample(cfg.minibatch, beta=beta), share) for _ in range(due)]
        metrics = averages(("loss/critic", "value/q", "loss/grad_norm", "loss/policy", "policy/entropy"), logs)
        return metrics | {"policy/alpha": self._alpha().item()}

    def parts(self) -> dict[str, Any]:
        return {
            "net": self.net,
            "critics": self.critics,
            "slow": self.slow,
            "optimizer": self.optimizer,
            "critic_optimizer": self.critic_optimizer,
            "log_alpha": self._alphas,
            "temperature": self.temperature,
            "generator": self.generator,
            "pace": self.pace,
            "own": Attributes(self, "adopted"),
            "replay": self.replay,
        }

    def _alpha(self) -> Tensor:
        return self.log_alpha.detach().exp()

    def _learn(self, drawn: dict[str, NDArray[Any]], share: float) -> Tensor:
        """One gradient step of the critics, and of the policy if it is due; what is logged, shape (5,)."""
        cfg, alpha = self.cfg, self._alpha()
        needed = ("obs", "action", "reward", "next_obs", "discount", "weights")
        mb = {name: torch.as_tensor(drawn[name], device=self.device) for name in needed}
        target = targets(self.net, self.slow, mb, cfg, alpha, self.generator)
        total, value, error = critic_loss(self.critics, mb, target, self.generator)
        norm = self.critic_optimizer.step(total, cfg.critic_lr * share)
        if cfg.priority:
            self.replay.update_priorities(drawn["indices"], error.cpu().numpy())
        self.pace.updates += 1
        log = [total.detach(), value, norm]
        if self.pace.updates % cfg.policy_delay == 0 and self.pace.updates > cfg.value_warmup:
            log += self._improve(mb["obs"], alpha, share)
        else:
            log += [torch.full_like(value, torch.nan)] * 2
        self._slow.lerp_(self.critic_optimizer.flat.data, cfg.tau)
        return torch.stack(log)

    def _improve(self, obs: Tensor, alpha: Tensor, share: float) -> list[Tensor]:
        """One gradient step of the policy, and of the temperature; the loss and the entropy."""
        self.critics.requires_grad_(False)
        total, logp = policy_loss(self.net, self.critics, obs, self.cfg, alpha, self.generator)
        self.optimizer.step(total, self.cfg.lr * share)
        self.critics.requires_grad_(True)
        if self.cfg.alpha is None:
            self.temperature.step(-(self.log_alpha * (logp + self.target_entropy).mean()).sum(), self.cfg.lr * share)
        return [total.detach(), -logp.mean()]
