"""Soft actor-critic, with the ensembles, quantiles and regularised critics that were built on it.

Haarnoja et al. 2018 (arXiv:1801.01290, arXiv:1812.05905): the policy maximises Q(s, a) - alpha log pi(a|s), through
actions that it draws by reparametrisation; the critics regress on r + gamma (min_i Q'_i(s', a') - alpha log pi(a'|s'))
over a replay, where Q' follow them slowly; alpha is learned so that the entropy stays at a target. Nothing is added
after a termination; a truncated episode bootstraps from its final observation. The parts: more critics and a random
`subset` of them (REDQ, 2101.05982), quantiles of which the largest are dropped (TQC, 2005.04269), dropout and layer
normalisation in the critics (DroQ, 2110.02034), batch normalisation in place of slow copies (CrossQ, 1902.05605).
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from gymnasium import spaces
from torch import Generator, Tensor, nn

from ..core.acting import Acting, Mode
from ..core.batch import Batch
from ..core.errors import UsageError, check_ranges
from ..core.heads.thoughts import thoughts_of
from ..core.learn.ensembles import pooled, regression
from ..core.learn.in_box import InBox, InBoxConfig
from ..core.learn.optim import Adam
from ..core.mirror import Mirror
from ..core.nets import BoxPolicy, Critics, StateNoisePolicy
from ..core.nets.batch_renorm import training
from ..core.nets.build import Build
from ..core.ranges import Log
from ..core.rollout.exploring import Correlated, Exploring
from ..core.rollout.noise import Coloured, Held
from ..core.written_out.actor_critics import SQUASHED, SoftActorCritic, steps
from ..core.written_out.structure import DESCENT


@dataclass(frozen=True)
class Config(InBoxConfig):
    """Hyper-parameters of SAC."""

    lr: Annotated[float, Log(3e-5, 3e-3)] = 3e-4
    """Adam step size of the policy and the temperature."""
    policy_delay: int = 1
    """Gradient steps of the critics for each one of the policy and the temperature."""
    reduce: Literal["min", "mean"] = "min"
    """How the policy weighs the critics: it maximises the least of them, or their mean."""
    alpha: float | None = None
    """Temperature, the worth of a nat of entropy; none: learned, so that the entropy stays at the target."""
    alpha_init: float = 1.0
    """Temperature that learning starts from."""
    target_entropy: float | None = None
    """Entropy in nats, of actions in the box [-1, 1]; none: -1 for each of their dimensions."""
    sde: bool = False
    """State-dependent exploration (arXiv:2005.05719): noise that is a function of the state, for several steps."""
    sde_freq: int | None = 64
    """Steps after which such a function is drawn anew, as it is for every episode; none: for these alone."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, positive=("alpha_init", "sde_freq"), at_least_0=("alpha",))
        if self.sde and self.noise_color != "white":
            raise UsageError("state-dependent noise (sde) is no other noise too: leave noise_color at white")


def targets(
    net: BoxPolicy, slow: Critics, mb: dict[str, Tensor], cfg: Config, alpha: Tensor, generator: Generator
) -> Tensor:
    """Returns that the critics regress on, shape (B, K): one, or with quantiles all that are not dropped.

    `mb` must hold reward (B,), the n-step sum; discount (B,), 0 after a termination; next_obs (B, *obs).
    """
    with torch.no_grad():
        action, logp = _drawn(net, slow, mb["next_obs"], generator)
        return backed_up(slow(mb["next_obs"], action, generator), logp, mb, cfg, alpha, generator)


def backed_up(
    following: Tensor, logp: Tensor, mb: dict[str, Tensor], cfg: Config, alpha: Tensor, generator: Generator
) -> Tensor:
    """Returns (B, K) that make `targets`, of what critics say of the actions that follow, (C, B, M)."""
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


def joint_loss(
    net: BoxPolicy, critics: Critics, mb: dict[str, Tensor], cfg: Config, alpha: Tensor, generator: Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """The outcome of `critic_loss` for targets of the critics themselves, in one pass through them (CrossQ)."""
    with torch.no_grad():
        action, logp = _drawn(net, critics, mb["next_obs"], generator)
    out, following = critics.together(mb, action, generator)
    total, error = regression(out, backed_up(following, logp, mb, cfg, alpha, generator), mb["weights"])
    return total, out.detach().mean(), error


def policy_loss(
    net: BoxPolicy, critics: Critics, obs: Tensor, cfg: Config, alpha: Tensor, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Scalar to minimise, and the log-probabilities (B,) of the actions that were drawn."""
    action, logp = _drawn(net, critics, obs, generator)
    values = critics(obs, action).mean(-1)  # (C, B)
    value = values.amin(0) if cfg.reduce == "min" else values.mean(0)
    return (alpha * logp - value).mean(), logp.detach()


def _drawn(net: BoxPolicy, critics: Critics, obs: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Actions (B, D), through which gradients pass, and their log-densities (B,) in the box [-1, 1]."""
    action, logp = net(obs).draw(generator)
    return action, logp + critics.scale.log().sum()


class Agent(InBox):
    """Draws from a policy in a box, learns from a replay of all that it saw."""

    cfg: Config
    logged = ("loss/critic", "value/q", "loss/grad_norm", "loss/policy", "policy/entropy")

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
        start = cfg.alpha_init if cfg.alpha is None else cfg.alpha
        self._log_start = math.log(start) if start else -math.inf
        begin = torch.full((1,), self._log_start, device=self.device)
        self._alphas = nn.ParameterList([begin])  # of one: a module, which a checkpoint takes from any device
        self.log_alpha: nn.Parameter = self._alphas[0]
        self.target_entropy = -len(self.critics.low) if cfg.target_entropy is None else cfg.target_entropy
        self.temperature = Adam([self.log_alpha])
        self._written_out = None if cfg.target == "none" else SoftActorCritic.of(*self._learned())

    def acting(self, envs: int, mode: Mode = "learn", seed: int = 0) -> Acting:
        cfg, device = self.cfg, self.device
        if isinstance(self.net, StateNoisePolicy):
            return Correlated(self, envs, mode, seed, Held(cfg.sde_freq, envs, self.net.noise_shape, device))
        if cfg.noise_color != "white":
            return Correlated(self, envs, mode, seed, Coloured(cfg.noise_color, envs, len(self.critics.low), device))
        return Exploring(self, envs, mode, seed, cfg.twins == "auto")

    def explore(self, obs: Tensor, generator: Generator) -> Tensor:
        """Actions (N, D) drawn from the policy."""
        action: Tensor = self.net(obs).sample(generator)
        return action

    def explored(self, obs: Tensor, noise: Tensor) -> Tensor:
        """Actions (N, D) of the policy by standard normal noise (N, D), of state-dependent noise (N, F, D)."""
        net: Any = self.net
        action: Tensor = net.explored(obs, noise) if self.cfg.sde else net(obs).at(noise)
        return action

    def thoughts(self, obs: Tensor) -> dict[str, Tensor]:
        """Also the policy's deviation (N, D)."""
        return super().thoughts(obs) | thoughts_of(self.net(obs))

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """Remember the batch, then take the gradient steps that are due."""
        return super().update(batch, progress) | {"policy/alpha": self._alpha().item()}

    def parts(self) -> dict[str, Any]:
        return super().parts() | {"log_alpha": self._alphas, "temperature": self.temperature}

    @property
    def explores_as_read(self) -> bool:
        """Whether `explore` is what the jitted loop computes, see `core/rollout/policies.py`."""
        return self._reads_as(Agent, "explore") and _EXPLORED.shows()

    def _kind(self) -> type[BoxPolicy]:
        return StateNoisePolicy if self.cfg.sde else BoxPolicy

    def _learned(self) -> tuple[object, ...]:
        return self.net, self.critics, self.slow, self.optimizer, self.critic_optimizer, self.temperature

    def _reset(self) -> None:
        super()._reset()
        self.log_alpha.data.fill_(self._log_start)
        self.temperature.restart()

    def _alpha(self) -> Tensor:
        return self.log_alpha.detach().exp()

    def _fit(self, data: dict[str, Tensor], share: float) -> tuple[Tensor, Tensor]:
        """One gradient step on each of k minibatches (k, B, ...); what is logged (k, 5), and the errors (k, B)."""
        twin, cfg = self._twin(), self.cfg
        if twin is None:
            return super()._fit(data, share)
        rules = steps(cfg, cfg.reduce, share, [self._improves(step) for step in self._next(len(data["reward"]))])
        target = self.target_entropy if cfg.alpha is None else None
        return twin.fit(data, rules, cfg.subset, target, self.generator)

    def _learn(self, mb: dict[str, Tensor], share: float, step: int) -> tuple[Tensor, Tensor]:
        """A gradient step of the critics, and of the policy and the temperature if it is due."""
        cfg, alpha = self.cfg, self._alpha()
        total, value, error = self._regress(mb, alpha)
        norm = self.critic_optimizer.step(total, cfg.critic_lr * share)
        log = [total.detach(), value, norm]
        log += (
            self._improve(mb["obs"], alpha, share) if self._improves(step) else [torch.full_like(value, torch.nan)] * 2
        )
        self._slow.lerp_(self.critic_optimizer.flat.data, cfg.tau)
        return torch.stack(log), error

    def _regress(self, mb: dict[str, Tensor], alpha: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The critics' loss, see `critic_loss`."""
        cfg = self.cfg
        if cfg.target == "none":
            return joint_loss(self.net, self.critics, mb, cfg, alpha, self.generator)
        target = targets(self.net, self.slow, mb, cfg, alpha, self.generator)
        return critic_loss(self.critics, mb, target, self.generator)

    def _improve(self, obs: Tensor, alpha: Tensor, share: float) -> list[Tensor]:
        """A gradient step of the policy, and of the temperature; the loss and the entropy."""
        self.critics.requires_grad_(False)
        with training(self.net):
            total, logp = policy_loss(self.net, self.critics, obs, self.cfg, alpha, self.generator)
        self.optimizer.step(total, self.cfg.lr * share)
        self.critics.requires_grad_(True)
        if self.cfg.alpha is None:
            self.temperature.step(-(self.log_alpha * (logp + self.target_entropy).mean()).sum(), self.cfg.lr * share)
        return [total.detach(), -logp.mean()]

    def _twin(self) -> SoftActorCritic | None:
        """The fast path: what computes the losses' gradients in their place, while they are the same.

        See `core/written_out/actor_critics.py`.
        """
        twin = self._written_out
        if self.cfg.twins == "none" or twin is None or not self._reads_as(Agent, *_STEP):
            return None
        return twin if twin.fits(*self._learned()) and _MIRROR.shows() else None


_STEP = ("_learn", "_regress", "_improve", "_alpha")  # methods that the twin stands in for, beside the losses
_MIRROR = Mirror(
    __name__,
    {
        "targets": "ad5032d3",
        "backed_up": "497462b5",
        "critic_loss": "3b79761b",
        "policy_loss": "8b28fb1e",
        "_drawn": "b02108f9",
        "Agent._learn": "5d17cfa8",
        "Agent._regress": "54654635",
        "Agent._improve": "11a2d9d1",
        "Agent._alpha": "25d15bd2",
        "pooled": "35fb1760",
        "regression": "970bac9b",
    },
    SQUASHED,
    DESCENT,
)
_EXPLORED = Mirror(__name__, {"Agent.explore": "662e6ba8"})
