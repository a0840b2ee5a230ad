"""Soft actor-critic over discrete actions: expectations over all of them take the place of samples.

Christodoulou 2019 (arXiv:1910.07207), after Haarnoja et al. 2018 (arXiv:1812.05905): critics give Q(s, .) of all
actions at once, and regress on r + gamma V'(s'), V'(s) = sum_a pi(a|s) (min_i Q'_i(s, a) - alpha log pi(a|s)), where
Q' follow them slowly; the policy maximises the same sum over the critics themselves. Nothing is added after a
termination; a truncated episode bootstraps from its final observation. The parts are those of SAC that need no box.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from gymnasium import spaces
from torch import Generator, Tensor, nn

from ..core.acting import Acting, Mode
from ..core.batch import Batch
from ..core.errors import check_ranges
from ..core.heads import Categorical
from ..core.learn.ensembles import pooled, regression
from ..core.learn.off_policy import OffPolicy, OffPolicyConfig
from ..core.learn.optim import Adam
from ..core.nets import ActionCritics, DiscretePolicy
from ..core.nets.batch_renorm import training
from ..core.nets.build import Build, PolicyLike, built
from ..core.ranges import Log
from ..core.rollout.exploring import Exploring

NAME = "DiscreteSAC"


@dataclass(frozen=True)
class Config(OffPolicyConfig):
    """Hyper-parameters of SAC for discrete actions."""

    lr: Annotated[float, Log(3e-5, 3e-3)] = 3e-4
    """Adam step size of the policy and the temperature."""
    reduce: Literal["min", "mean"] = "min"
    """How the policy weighs the critics: it maximises the least of them, or their mean."""
    alpha: float | None = None
    """Temperature, the worth of a nat of entropy; none: learned, so that the entropy stays at the target."""
    alpha_init: float = 1.0
    """Temperature that learning starts from."""
    target_entropy: float = 0.3
    """Entropy as a share of the largest, that of choosing evenly among the available actions. With the paper's 0.98 a
    policy that knows what is best chooses nearly evenly all the same (Xu et al. 2021, arXiv:2112.02852)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, positive=("alpha_init",), unit=("target_entropy",), at_least_0=("alpha",))


def expected(pi: Categorical, values: Tensor, alpha: Tensor) -> Tensor:
    """V(s) (B,): the mean over actions of values (B, A), and what the entropy is worth."""
    return (pi.logp.exp() * values).sum(-1) + alpha * pi.entropy()


def backed_up(
    following: Tensor, pi: Categorical, mb: dict[str, Tensor], cfg: Config, alpha: Tensor, generator: Generator
) -> Tensor:
    """Returns (B, 1) that the critics regress on, of what critics (C, B, A) and the policy say of what follows.

    `mb` must hold reward (B,), the n-step sum; discount (B,), 0 after a termination; next_obs (B, *obs).
    """
    least = pooled(following.flatten(1).unsqueeze(-1), cfg.subset, 0, generator).view_as(following[0])
    return (mb["reward"] + mb["discount"] * expected(pi, least, alpha)).unsqueeze(-1)


def critic_loss(
    net: DiscretePolicy,
    critics: ActionCritics,
    slow: ActionCritics,
    mb: dict[str, Tensor],
    cfg: Config,
    alpha: Tensor,
    generator: Generator,
) -> tuple[Tensor, Tensor, Tensor]:
    """Scalar to minimise, the mean of Q(s, a), and by how much each transition surprised, (B,).

    Without slow critics, one pass through the others gives both sides of the regression (CrossQ).
    """
    if slow is critics:
        out, following = critics.together(mb, generator)
    else:
        out, following = critics(mb["obs"], generator), slow(mb["next_obs"], generator).detach()
    action = mb["action"].view(1, -1, 1).expand(len(out), -1, -1)
    chosen = out.gather(-1, action)  # (C, B, 1)
    with torch.no_grad():
        target = backed_up(following, net(mb["next_obs"]), mb, cfg, alpha, generator)
    total, error = regression(chosen, target, mb["weights"])
    return total, chosen.detach().mean(), error


def policy_loss(
    net: DiscretePolicy, critics: ActionCritics, obs: Tensor, cfg: Config, alpha: Tensor
) -> tuple[Tensor, Categorical]:
    """Scalar to minimise: -V(s), and the policy."""
    pi: Categorical = net(obs)
    values = critics(obs)  # (C, B, A)
    value = values.amin(0) if cfg.reduce == "min" else values.mean(0)
    return -expected(pi, value, alpha).mean(), pi


class Agent(OffPolicy[ActionCritics, DiscretePolicy]):
    """Draws from a policy over discrete actions, learns from a replay of all that it saw."""

    cfg: Config
    logged = ("loss/critic", "value/q", "loss/grad_norm", "loss/policy", "policy/entropy")
    explores_as_read = False  # no jitted loop draws its actions

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
        self._alphas = nn.ParameterList([torch.full((1,), self._log_start, device=self.device)])
        self.temperature = Adam(self._alphas)

    def acting(self, envs: int, mode: Mode = "learn", seed: int = 0) -> Acting:
        return Exploring(self, envs, mode, seed, twins=False)

    def uniform(self, obs: Tensor, generator: Generator) -> Tensor:
        """Available actions (N,), all as likely."""
        logp = self.net(obs).logp
        return Categorical(torch.where(logp.isfinite(), 0.0, logp).log_softmax(-1)).sample(generator)

    def explore(self, obs: Tensor, generator: Generator) -> Tensor:
        """Actions (N,) drawn from the policy."""
        action: Tensor = self.net(obs).sample(generator)
        return action

    def thoughts(self, obs: Tensor) -> dict[str, Tensor]:
        """Probabilities (N, A) and the least critics' values of the actions, and their mean (N,) without entropy."""
        unit, pi = self.returns.unit if self.returns else 1.0, self.net(obs)
        values = self.critics(obs).amin(0) * unit
        value = expected(pi, values, torch.zeros(1, device=self.device))
        return {"value": value, "action value": values, "action probability": pi.logp.exp()}

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """Remember the batch, then take the gradient steps that are due."""
        return super().update(batch, progress) | {"policy/alpha": self._alpha().item()}

    def parts(self) -> dict[str, Any]:
        return super().parts() | {"log_alpha": self._alphas, "temperature": self.temperature}

    def _made(
        self, obs: spaces.Space[Any], action: spaces.Space[Any], net: Build | None
    ) -> tuple[ActionCritics, DiscretePolicy]:
        critics = ActionCritics(obs, action, self.cfg)
        return critics, built(DiscretePolicy, PolicyLike, obs, action, self.cfg, net)

    def _reset(self) -> None:
        super()._reset()
        self._alphas[0].data.fill_(self._log_start)
        self.temperature.restart()

    def _alpha(self) -> Tensor:
        alpha: Tensor = self._alphas[0].detach().exp()
        return alpha

    def _learn(self, mb: dict[str, Tensor], share: float, step: int) -> tuple[Tensor, Tensor]:
        """A gradient step of the critics, and of the policy and the temperature if it is due."""
        cfg, alpha = self.cfg, self._alpha()
        total, value, error = critic_loss(self.net, self.critics, self.slow, mb, cfg, alpha, self.generator)
        norm = self.critic_optimizer.step(total, cfg.critic_lr * share)
        nothing = [torch.full_like(value, torch.nan)] * 2
        improved = self._improve(mb["obs"], alpha, share) if self._improves(step) else nothing
        self._slow.lerp_(self.critic_optimizer.flat.data, cfg.tau)
        return torch.stack([total.detach(), value, norm, *improved]), error

    def _improve(self, obs: Tensor, alpha: Tensor, share: float) -> list[Tensor]:
        """A gradient step of the policy, and of the temperature; the loss and the entropy."""
        cfg = self.cfg
        self.critics.requires_grad_(False)
        with training(self.net):
            total, pi = policy_loss(self.net, self.critics, obs, cfg, alpha)
        self.optimizer.step(total, cfg.lr * share)
        self.critics.requires_grad_(True)
        entropy = pi.entropy().detach()
        if cfg.alpha is None:
            most = pi.logp.isfinite().sum(-1).log()  # the entropy of choosing evenly among what is available
            excess = (entropy - cfg.target_entropy * most).mean()
            self.temperature.step((self._alphas[0] * excess).sum(), cfg.lr * share)
        return [total.detach(), entropy.mean()]
