"""Trust region policy optimisation, and the natural policy gradient it grew from.

Schulman et al. 2015, arXiv:1502.05477: from the surrogate's gradient g, a step along F^-1 g (Kakade 2001, "A natural
policy gradient") as long as the KL divergence from the old policy allows, then a line search that holds it to that.
Without the search (`line_search_steps` 0) it is the truncated natural policy gradient (Duan et al. 2016,
arXiv:1604.06778). Advantages are GAE(lambda); time-limit truncations bootstrap from V(final_obs).

Policy and value have hidden layers of their own. The encoder of images is the policy's: it moves within the trust
region only, and the critic learns on top of it as it is.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Annotated, Any, cast

import torch
from gymnasium import spaces
from torch import Tensor

from ..core.acting import Acting, Mode
from ..core.batch import Batch
from ..core.errors import UsageError, check_ranges
from ..core.heads import Natural
from ..core.learn.actor import Actor
from ..core.learn.natural import conjugate_gradient, fisher, gradient, line_search
from ..core.learn.optim import Adam, Schedule, flatten, scheduled, split
from ..core.learn.rewards import RewardConfig, Rewards
from ..core.learn.stats import explained_variance, standardized
from ..core.nets import ActorCritic, ActorCriticConfig
from ..core.nets.build import Build
from ..core.ranges import DISCOUNTS, LAMBDAS, Ladder, Log, powers
from ..core.rollout.policy import PolicyActing


@dataclass(frozen=True)
class Config(ActorCriticConfig, RewardConfig):
    """Hyper-parameters of TRPO."""

    horizon: Annotated[int, powers(64, 2048)] = 256
    """Steps per environment between updates."""
    gamma: Annotated[float, DISCOUNTS] = 0.99
    """Discount per step."""
    lam: Annotated[float, LAMBDAS] = 0.95
    """GAE lambda: 0 is one-step TD, 1 is Monte Carlo; higher means less bias, more variance."""
    delta: Annotated[float, Ladder(0.001, 0.003, 0.01, 0.03, 0.1)] = 0.01
    """Radius of the trust region: largest mean KL divergence KL(old || new) of an update, in nats."""
    cg_iterations: int = 15
    """Iterations of conjugate gradients; more come closer to the natural gradient."""
    damping: float = 0.1
    """Added to the Fisher matrix's diagonal; higher steadies the solution and leans towards the plain gradient."""
    fisher_fraction: float = 1.0
    """Share of the rollout's states, drawn at random, that the Fisher matrix is estimated from; less is faster."""
    line_search_steps: int = 10
    """Steps tried, each shorter, before an update is given up; 0 takes the first unseen."""
    backtrack: float = 0.8
    """Factor from one tried step to the next."""
    critic_epochs: Annotated[int, Ladder(5, 10, 20, 30)] = 10
    """Passes of the critic over each rollout."""
    critic_minibatch: int = 128
    """Steps per gradient step of the critic."""
    critic_lr: Annotated[float, Log(1e-4, 1e-2)] = 1e-3
    """Adam step size of the critic."""
    critic_lr_schedule: Schedule = "constant"
    """linear, cosine: the critic's step size falls to 0 at the end of the run."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(
            self,
            positive=(
                "horizon",
                "delta",
                "cg_iterations",
                "fisher_fraction",
                "backtrack",
                "critic_epochs",
                "critic_minibatch",
                "critic_lr",
            ),
            unit=("gamma", "lam", "fisher_fraction", "backtrack"),
            at_least_0=("damping", "line_search_steps"),
        )


def loss(net: ActorCritic, data: dict[str, Tensor], old: Natural) -> tuple[Tensor, dict[str, Tensor]]:
    """Minus the surrogate E[pi(a|s) / old(a|s) A], and what to log, from a rollout of B flat steps.

    | data    | shape       | meaning                                            |
    |---------|-------------|----------------------------------------------------|
    | obs     | (B, *obs)   | stored observations                                |
    | action  | (B, *act)   | as chosen, not clipped                             |
    | adv     | (B,)        | advantage, standardised                            |
    """
    pi = _policy(net, data["obs"])
    ratio = (pi.log_prob(data["action"]) - old.log_prob(data["action"])).exp()
    total = -(ratio * data["adv"]).mean()
    return total, {"loss/policy": total, "policy/kl": old.kl(pi).mean(), "policy/entropy": pi.entropy().mean()}


def value_loss(net: ActorCritic, features: Tensor, ret: Tensor) -> Tensor:
    """Mean squared error of the values of encoded observations (B, F) against their targets (B,)."""
    value: Tensor = net.value_head(net.value_trunk(features)).squeeze(-1)
    return (value - ret).square().mean()


class Agent:
    """Acts with pi, learns from one rollout at a time."""

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
        self.cfg, self.horizon = cfg, cfg.horizon
        self.actor = Actor(obs, action, cfg, device, seed, net, Rewards.of(cfg, cfg.gamma))
        self.net, self.convolutional = self.actor.net, self.actor.convolutional
        _refuse_unnatural(self.net, self.actor.device)
        critic = [*self.net.value_trunk.parameters(), *self.net.value_head.parameters()]
        self._policy = [p for p in self.net.parameters() if all(p is not v for v in critic)]
        sizes = [sum(p.numel() for p in group) for group in (self._policy, critic)]
        self._policy_vector, critic_vector = split(flatten([*self._policy, *critic]), sizes)
        self.optimizer = Adam(critic_vector, eps=1e-5)

    @property
    def paths(self) -> dict[str, str]:
        """How the gradient comes about."""
        return {"gradient": "autograd"}

    def acting(self, envs: int, mode: Mode = "learn", seed: int = 0) -> Acting:
        return PolicyActing(self.actor, envs, mode, seed)  # its fast path: core/rollout/fused.py

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """One natural step of the policy, then epochs of minibatches for the critic."""
        value = batch.extras["value"]
        adv, ret = self.actor.advantages(batch, self.actor.rewards(batch), value, self.cfg.gamma, self.cfg.lam)
        columns = {"obs": batch.obs[:-1], "action": batch.action, **batch.extras, "adv": adv, "ret": ret}
        data = self.actor.columns(batch, **columns)
        look = self.actor.noise.due(progress)
        noise = self.actor.gradient_noise(data, standardized(data["adv"], correction=0)) if look else {}
        metrics = self._improve(data) | noise
        if look:
            moved = self.actor.moved(data)
            metrics["policy/sampled_kl"] = moved["policy/kl"]
            metrics["policy/effective_samples"] = moved["policy/effective_samples"]
        metrics |= self._fit(data, progress)
        self.actor.end_rollout(batch)
        metrics["value/explained_variance"] = explained_variance(data["value"].cpu().numpy(), data["ret"].cpu().numpy())
        return metrics

    def parts(self) -> dict[str, Any]:
        return {**self.actor.parts(), "optimizer": self.optimizer}

    def _improve(self, data: dict[str, Tensor]) -> dict[str, float]:
        """Move the policy as far as the trust region allows."""
        cfg, net = self.cfg, self.net
        data = data | {"adv": standardized(data["adv"], correction=0)}
        with torch.no_grad():
            old = deepcopy(_policy(net, data["obs"]))  # its log_std can be the parameter itself, which will move
        total, _ = loss(net, data, old)
        g, before = -gradient(total, self._policy), total.detach()
        self.optimizer.reduce(g)
        step = self._natural_step(g, data["obs"])

        def accept() -> bool:
            trial, logs = loss(net, data, old)
            return bool((logs["policy/kl"] <= cfg.delta) & (trial < before))

        shrunk: int | None = 0
        if cfg.line_search_steps:
            shrunk = line_search(self._policy_vector.data, step, accept, cfg.backtrack, cfg.line_search_steps)
        else:
            self._policy_vector.data += step
        with torch.no_grad():
            after, logs = loss(net, data, old)
        logs |= {"loss/policy": after - before, "loss/grad_norm": torch.linalg.vector_norm(g)}
        metrics = dict(zip(logs, torch.stack(list(logs.values())).tolist(), strict=True))
        metrics["policy/step_accepted"] = float(shrunk is not None)
        metrics["policy/backtracks"] = float(cfg.line_search_steps if shrunk is None else shrunk)
        return metrics

    def _natural_step(self, g: Tensor, obs: Tensor) -> Tensor:
        """The step (P,) along F^-1 g whose KL divergence is delta by its quadratic model, damping and all."""
        cfg = self.cfg
        if cfg.fisher_fraction < 1:
            generator = self.actor.generator
            order = torch.randperm(len(obs), generator=generator, device=generator.device)
            obs = obs[order[: max(1, round(cfg.fisher_fraction * len(obs)))]]
        pi = _policy(self.net, obs)
        x, curvature = conjugate_gradient(fisher(pi, self._policy, cfg.damping), g, cfg.cg_iterations)
        return (2 * cfg.delta / curvature.clamp(min=torch.finfo(g.dtype).tiny)).sqrt() * x  # g = 0 makes no step

    def _fit(self, data: dict[str, Tensor], progress: float) -> dict[str, float]:
        """Fit the critic to its targets."""
        cfg = self.cfg
        lr = scheduled(cfg.critic_lr, cfg.critic_lr_schedule, progress)
        with torch.no_grad():
            data = {"features": self.net.encoder(data["obs"]), "ret": data["ret"]}
        errors = []
        for _ in range(cfg.critic_epochs):
            for mb in self.actor.minibatches(data, cfg.critic_minibatch):
                error = value_loss(self.net, mb["features"], mb["ret"])
                self.optimizer.step(error, lr)
                errors.append(error.detach())
        return {"loss/value": float(torch.stack(errors).mean()), "value/lr": lr}


def _policy(net: ActorCritic, obs: Tensor) -> Natural:
    """The policy at stored observations, of the kind that `_refuse_unnatural` has seen."""
    return cast(Natural, net.policy(obs)[0])


def _refuse_unnatural(net: ActorCritic, device: torch.device) -> None:
    """Raise a UsageError if the policy's head gives distributions without closed forms for their distance."""
    pi = net.policy_head(net.policy_trunk(torch.zeros(1, net.encoder.size, device=device)))
    if not isinstance(pi, Natural):
        raise UsageError(
            f"trpo bounds the KL divergence between policies, which has no closed form for a {type(pi).__name__}. "
            "Use head plain or squashed."
        )
