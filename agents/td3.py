"""Twin delayed deep deterministic policy gradient (TD3), and what turns it back into DDPG.

Fujimoto et al. 2018 (arXiv:1802.09477), after Lillicrap et al. 2015 (arXiv:1509.02971): a deterministic policy climbs
Q(s, pi(s)); the critics regress on r + gamma min_i Q'_i(s', a') over a replay, where a' is the slow copy's action with
a little clipped noise, so that the critics are smooth, and the policy and the slow copies move only every second step.
Nothing is added after a termination; a truncated episode bootstraps from its final observation. The policy is the
middle of a squashed Gaussian, whose deviation nothing uses: so a clone with a squashed head can be what it begins with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from gymnasium import spaces
from torch import Generator, Tensor

from ..core.acting import Acting, Mode
from ..core.batch import Batch
from ..core.errors import check_ranges
from ..core.learn.ensembles import pooled, regression
from ..core.learn.in_box import InBox, InBoxConfig
from ..core.mirror import Mirror
from ..core.nets import BoxPolicy, Critics
from ..core.nets.batch_renorm import training
from ..core.nets.build import Build
from ..core.nets.policy import adopt_policy
from ..core.ranges import Linear
from ..core.rollout.exploring import Correlated, Exploring
from ..core.rollout.noise import Coloured
from ..core.written_out.actor_critics import CRITICS, SQUASHED, Deterministic, steps
from ..core.written_out.structure import DESCENT


@dataclass(frozen=True)
class Config(InBoxConfig):
    """Hyper-parameters of TD3. Those in units of the box are of actions scaled to [-1, 1]."""

    policy_delay: int = 2
    """Gradient steps of the critics for each one of the policy and the slow copies."""
    noise: Annotated[float, Linear(0.02, 0.4)] = 0.1
    """Standard deviation of the noise on actions that explore, in units of the box."""
    smoothing: float = 0.2
    """Standard deviation of the noise on the actions of targets, in units of the box; 0: none."""
    smoothing_clip: float = 0.5
    """Bound of that noise."""
    reduce: Literal["first", "min", "mean"] = "first"
    """How the policy weighs the critics: it climbs the first, the least of them, or their mean."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, at_least_0=("noise", "smoothing", "smoothing_clip"))


def targets(slow_net: BoxPolicy, slow: Critics, mb: dict[str, Tensor], cfg: Config, generator: Generator) -> Tensor:
    """Returns that the critics regress on, shape (B, K): one, or with quantiles all that are not dropped.

    `mb` must hold reward (B,), the n-step sum; discount (B,), 0 after a termination; next_obs (B, *obs).
    """
    with torch.no_grad():
        action = _smoothed(slow_net, slow, mb["next_obs"], cfg, generator)
        return backed_up(slow(mb["next_obs"], action, generator), mb, cfg, generator)


def backed_up(following: Tensor, mb: dict[str, Tensor], cfg: Config, generator: Generator) -> Tensor:
    """Returns (B, K) that make `targets`, of what critics say of the actions that follow, (C, B, M)."""
    return mb["reward"][:, None] + mb["discount"][:, None] * pooled(following, cfg.subset, cfg.drop, generator)


def _smoothed(net: BoxPolicy, critics: Critics, obs: Tensor, cfg: Config, generator: Generator) -> Tensor:
    """The policy's actions (B, D) with clipped noise."""
    action = net(obs).mode()
    noise = torch.empty_like(action).normal_(generator=generator) * cfg.smoothing
    return critics.clipped(action + critics.scale * noise.clamp(-cfg.smoothing_clip, cfg.smoothing_clip))


def critic_loss(
    critics: Critics, mb: dict[str, Tensor], target: Tensor, generator: Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Scalar to minimise, the mean of Q(s, a), and by how much each transition surprised, (B,), for targets (B, K)."""
    out = critics(mb["obs"], mb["action"], generator)  # (C, B, M)
    total, error = regression(out, target, mb["weights"])
    return total, out.detach().mean(), error


def joint_loss(
    net: BoxPolicy, critics: Critics, mb: dict[str, Tensor], cfg: Config, generator: Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """The outcome of `critic_loss` for targets of policy and critics themselves, in one pass (CrossQ)."""
    with torch.no_grad():
        action = _smoothed(net, critics, mb["next_obs"], cfg, generator)
    out, following = critics.together(mb, action, generator)
    total, error = regression(out, backed_up(following, mb, cfg, generator), mb["weights"])
    return total, out.detach().mean(), error


def policy_loss(net: BoxPolicy, critics: Critics, obs: Tensor, cfg: Config) -> Tensor:
    """Scalar to minimise: -Q(s, pi(s))."""
    values: Tensor = critics(obs, net(obs).mode()).mean(-1)  # (C, B)
    match cfg.reduce:
        case "first":
            values = values[0]
        case "min":
            values = values.amin(0)
    return -values.mean()


class Agent(InBox):
    """Acts by a deterministic policy in a box, learns from a replay of all that it saw."""

    cfg: Config
    logged = ("loss/critic", "value/q", "loss/grad_norm", "loss/policy")

    def __init__(
        self,
        obs: spaces.Space[Any],
        action: spaces.Space[Any],
        cfg: Config,
        device: str = "cpu",
        seed: int = 0,
        net: Build | None = None,
    ) -> None:
        super().__init__(obs, action, cfg, device, seed, net)
        self.slow_net, self._slow_policy = self._followed(self.net, self.optimizer)
        self._written_out = None if cfg.target == "none" else Deterministic.of(*self._learned())

    def acting(self, envs: int, mode: Mode = "learn", seed: int = 0) -> Acting:
        color, twins = self.cfg.noise_color, self.cfg.twins == "auto"
        if color == "white":
            return Exploring(self, envs, mode, seed, twins, self.cfg.noise)
        return Correlated(self, envs, mode, seed, Coloured(color, envs, len(self.critics.low), self.device))

    def adopt(self, weights: Mapping[str, Any]) -> None:
        super().adopt(weights)
        adopt_policy(self.slow_net, weights)

    def explore(self, obs: Tensor, generator: Generator) -> Tensor:
        """The policy's actions (N, D) with independent noise."""
        noise = torch.empty(len(obs), len(self.critics.low), device=self.device)
        return self.explored(obs, noise.normal_(generator=generator))

    def explored(self, obs: Tensor, noise: Tensor) -> Tensor:
        """The policy's actions (N, D) with standard normal `noise` (N, D)."""
        action: Tensor = self.net(obs).mode()
        return self.critics.clipped(action + self.critics.scale * self.cfg.noise * noise)

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """Remember the batch, then take the gradient steps that are due."""
        return super().update(batch, progress) | {"policy/random": float(self.waits)}

    def parts(self) -> dict[str, Any]:
        return super().parts() | {"slow_net": None if self.slow_net is self.net else self.slow_net}

    @property
    def explores_as_read(self) -> bool:
        """Whether `explore` is what the jitted loop computes, see `core/rollout/policies.py`."""
        return self._reads_as(Agent, "explore", "explored") and _EXPLORED.shows()

    def _reset(self) -> None:
        super()._reset()
        self.slow_net.load_state_dict(self.net.state_dict())

    def _networks(self) -> tuple[BoxPolicy | Critics, ...]:
        return *super()._networks(), self.slow_net

    def _learned(self) -> tuple[object, ...]:
        return self.net, self.critics, self.slow, self.slow_net, self.optimizer, self.critic_optimizer

    def _fit(self, data: dict[str, Tensor], share: float) -> tuple[Tensor, Tensor]:
        """One gradient step on each of k minibatches (k, B, ...); what is logged (k, 4), and the errors (k, B)."""
        twin, cfg = self._twin(), self.cfg
        if twin is None:
            return super()._fit(data, share)
        numbers = self._next(len(data["reward"]))
        improve, follow = [self._improves(n) for n in numbers], [n % cfg.policy_delay == 0 for n in numbers]
        rules = steps(cfg, cfg.reduce, share, improve, follow)
        return twin.fit(data, rules, cfg.subset, cfg.smoothing, cfg.smoothing_clip, self.generator)

    def _learn(self, mb: dict[str, Tensor], share: float, step: int) -> tuple[Tensor, Tensor]:
        """A gradient step of the critics, and of the policy and the slow copies if it is due."""
        cfg = self.cfg
        total, value, error = self._regress(mb)
        norm = self.critic_optimizer.step(total, cfg.critic_lr * share)
        climbed = self._climb(mb["obs"], share) if self._improves(step) else torch.full_like(value, torch.nan)
        if step % cfg.policy_delay == 0:
            self._slow.lerp_(self.critic_optimizer.flat.data, cfg.tau)
            self._slow_policy.lerp_(self.optimizer.flat.data, cfg.tau)
        return torch.stack([total.detach(), value, norm, climbed]), error

    def _regress(self, mb: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """The critics' loss, see `critic_loss`."""
        if self.cfg.target == "none":
            return joint_loss(self.net, self.critics, mb, self.cfg, self.generator)
        target = targets(self.slow_net, self.slow, mb, self.cfg, self.generator)
        return critic_loss(self.critics, mb, target, self.generator)

    def _climb(self, obs: Tensor, share: float) -> Tensor:
        """A gradient step of the policy; its loss."""
        self.critics.requires_grad_(False)
        with training(self.net):
            total = policy_loss(self.net, self.critics, obs, self.cfg)
        self.optimizer.step(total, self.cfg.lr * share)
        self.critics.requires_grad_(True)
        return total.detach()

    def _twin(self) -> Deterministic | None:
        """The fast path: what computes the losses' gradients in their place, while they are the same.

        See `core/written_out/actor_critics.py`.
        """
        twin = self._written_out
        if self.cfg.twins == "none" or twin is None or not self._reads_as(Agent, *_STEP):
            return None
        return twin if twin.fits(*self._learned()) and _MIRROR.shows() else None


_STEP = ("_learn", "_regress", "_climb")  # methods that the twin stands in for, beside the losses
_MIRROR = Mirror(
    __name__,
    {
        "targets": "6a7cde5a",
        "backed_up": "0d0c80d9",
        "_smoothed": "85b8164c",
        "Agent._learn": "a88c4bb8",
        "Agent._regress": "d30d7198",
        "Agent._climb": "3c231b30",
        "critic_loss": "3b79761b",
        "policy_loss": "337b2802",
        "pooled": "35fb1760",
        "regression": "970bac9b",
    },
    SQUASHED,
    DESCENT,
)
_EXPLORED = Mirror(__name__, {"Agent.explore": "3d15853a", "Agent.explored": "f81a85a1"}, CRITICS)
