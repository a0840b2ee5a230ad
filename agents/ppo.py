"""Proximal policy optimisation with a clipped surrogate, or with an adaptive KL penalty.

Schulman et al. 2017, arXiv:1707.06347, with the details that its published results depend on (Huang et al. 2022,
"The 37 implementation details of PPO"). Advantages are GAE(lambda); time-limit truncations bootstrap from V(final_obs).
"""

import math
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import torch
from gymnasium import spaces
from torch import Tensor

from ..core.acting import Acting, Mode
from ..core.batch import Batch
from ..core.checkpoint import Attributes
from ..core.errors import UsageError, check_ranges
from ..core.learn.actor import Actor
from ..core.learn.optim import Adam, Schedule, scheduled
from ..core.learn.rewards import RewardConfig, Rewards
from ..core.learn.stats import explained_variance, standardized
from ..core.mirror import Mirror
from ..core.nets import ActorCritic, SharedConfig
from ..core.nets.build import Build
from ..core.ranges import DISCOUNTS, ENTROPIES, LAMBDAS, Ladder, Log, powers
from ..core.rollout.policy import PolicyActing
from ..core.written_out.epochs import Terms
from ..core.written_out.structure import ACTOR_CRITIC, DESCENT, MINIBATCHES
from ..core.written_out.surrogate import Surrogate


@dataclass(frozen=True)
class Config(SharedConfig, RewardConfig):
    """Hyper-parameters of PPO."""

    horizon: Annotated[int, powers(32, 1024)] = 256
    """Steps per environment between updates."""
    epochs: Annotated[int, Ladder(3, 5, 10, 20)] = 10
    """Passes over each rollout; more squeeze out more and drift further from the policy that acted."""
    minibatch: Annotated[int, powers(32, 1024)] = 256
    """Steps per gradient step."""
    lr: Annotated[float, Log(1e-5, 1e-2)] = 3e-4
    """Adam step size."""
    lr_schedule: Schedule = "constant"
    """linear, cosine: the step size falls to 0 at the end of the run."""
    adam_eps: float = 1e-5
    """Adam's epsilon; larger than usual damps steps where gradients are tiny."""
    max_grad_norm: float = 0.5
    """Global gradient norm above which gradients are scaled down."""
    gamma: Annotated[float, DISCOUNTS] = 0.99
    """Discount per step."""
    lam: Annotated[float, LAMBDAS] = 0.95
    """GAE lambda: 0 is one-step TD, 1 is Monte Carlo; higher means less bias, more variance."""
    clip: Annotated[float, Ladder(0.1, 0.2, 0.3, 0.4)] = 0.2
    """Largest change of the probability ratio that still earns gradient."""
    clip_schedule: Schedule = "constant"
    """linear, cosine: the clip range falls to 0 at the end of the run."""
    kl_penalty: float | None = None
    """Penalty for each nat of KL(old || new) in place of the clip. It doubles or halves after each update so that the
    policy moves by about `kl_goal`; this is its first value. None: the clip."""
    kl_goal: float = 0.01
    """KL divergence of an update that the penalty is adapted to, in nats."""
    value_clip: float | None = None
    """Largest change of a value prediction that earns gradient (the larger of both losses counts); none: no limit."""
    target_kl: float | None = None
    """Stop the update's epochs once the policy has moved 1.5 times this KL divergence, in nats."""
    value_coef: float = 0.5
    """Weight of the mean squared value error."""
    entropy_coef: Annotated[float, ENTROPIES] = 0.0
    """Weight of the entropy bonus; higher keeps the policy exploring."""
    normalize_advantage: bool = True
    """Bring advantages to mean 0 and standard deviation 1 in each minibatch."""
    recompute_advantage: bool = False
    """Recompute values and advantages with the current network before every epoch after the first."""
    compile: bool = False
    """Compile the loss (torch.compile): faster gradient steps after a minute of compiling; needs a C++ compiler."""
    value_warmup: int = 0
    """Updates at the start in which only the value function learns: for a policy that is good already (init_from)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.compile and self.memory != "none":
            raise UsageError("compile is for losses of single observations; leave memory or compile out")
        positive = ("horizon", "epochs", "minibatch", "adam_eps", "max_grad_norm", "clip", "kl_penalty", "kl_goal")
        check_ranges(
            self,
            positive=(*positive, "value_clip", "target_kl"),
            unit=("gamma", "lam"),
            at_least_0=("lr", "value_warmup", "value_coef", "entropy_coef"),
        )


def loss(net: ActorCritic, mb: dict[str, Tensor], cfg: Config) -> tuple[Tensor, dict[str, Tensor]]:
    """Scalar to minimise and what to log, from a minibatch of B flat steps.

    | mb      | shape       | meaning                                            |
    |---------|-------------|----------------------------------------------------|
    | obs     | (B, *obs)   | stored observations                                |
    | action  | (B, *act)   | as chosen, not clipped                             |
    | logp    | (B,)        | log-probability under the policy that acted        |
    | value   | (B,)        | V(obs) when it acted                               |
    | adv     | (B,)        | advantage                                          |
    | ret     | (B,)        | value target                                       |
    """
    pi, value = net(mb["obs"])
    adv = _scaled(mb["adv"], cfg)
    log_ratio = pi.log_prob(mb["action"]) - mb["logp"]
    ratio = log_ratio.exp()
    # KL(old || new) from the old policy's actions: unbiased, its gradient too; joschu.net/blog/kl-approx.html
    kl = (ratio - 1 - log_ratio).mean()
    if cfg.kl_penalty is None:
        surrogate = torch.minimum(ratio * adv, ratio.clamp(1 - cfg.clip, 1 + cfg.clip) * adv).mean()
    else:
        surrogate = (ratio * adv).mean() - cfg.kl_penalty * kl
    error = (value - mb["ret"]).square()
    if cfg.value_clip is not None:
        near = mb["value"] + (value - mb["value"]).clamp(-cfg.value_clip, cfg.value_clip)
        error = torch.maximum(error, (near - mb["ret"]).square())
    value_error = error.mean()
    entropy = pi.entropy().mean()
    total = cfg.value_coef * value_error - surrogate
    if cfg.entropy_coef:
        total = total - cfg.entropy_coef * entropy
    with torch.no_grad():
        logs = {
            "loss/policy": -surrogate,
            "loss/value": value_error,
            "policy/entropy": entropy,
            "policy/kl": kl,
            "policy/clipped": ((ratio - 1).abs() > cfg.clip).float().mean(),
        }
    return total, logs


def _scaled(adv: Tensor, cfg: Config) -> Tensor:
    """Advantages as they enter the surrogate."""
    return standardized(adv) if cfg.normalize_advantage and len(adv) > 1 else adv


def adapted(penalty: float, kl: float, goal: float) -> float:
    """The KL penalty of the next update after one that moved the policy by `kl` (section 4 of the paper)."""
    if kl > 1.5 * goal:
        penalty *= 2
    elif kl < goal / 1.5:
        penalty /= 2
    return min(max(penalty, _LEAST), _MOST)


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
        self.optimizer = Adam(self.net.parameters(), cfg.adam_eps, cfg.max_grad_norm)
        self.updates = 0
        self.kl_penalty = cfg.kl_penalty
        self._written_out = Surrogate.of(self.net, self.optimizer)

    @property
    def paths(self) -> dict[str, str]:
        """How the gradient comes about."""
        return {"gradient": "written out" if self._twin() else "compiled" if self.cfg.compile else "autograd"}

    def acting(self, envs: int, mode: Mode = "learn", seed: int = 0) -> Acting:
        return PolicyActing(self.actor, envs, mode, seed)  # its fast path: core/rollout/fused.py

    def adopt(self, weights: Mapping[str, Any]) -> None:
        """Begin with the policy of another network's `weights`."""
        self.actor.adopt(weights)

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """One PPO update: epochs of minibatches over the rollout."""
        cfg = copy(self.cfg)
        vars(cfg).update(  # `replace` would check all fields again
            lr=scheduled(cfg.lr, cfg.lr_schedule, progress),
            clip=scheduled(cfg.clip, cfg.clip_schedule, progress),
            kl_penalty=self.kl_penalty,
        )
        look = self.actor.noise.due(progress)
        noise: dict[str, float] = {}
        reward = self.actor.rewards(batch)
        data = self.actor.columns(batch, obs=batch.obs[:-1], action=batch.action, **batch.extras)
        logs = list[Tensor]()
        together = 1 if cfg.recompute_advantage or cfg.target_kl is not None else cfg.epochs
        for epoch in range(0, cfg.epochs, together):
            if epoch == 0 or cfg.recompute_advantage:
                value = batch.extras["value"] if epoch == 0 else self.actor.values(batch)
                adv, ret = self.actor.advantages(batch, reward, value, cfg.gamma, cfg.lam)
                data |= self.actor.columns(batch, adv=adv, ret=ret)
            if epoch == 0 and look:
                noise = self.actor.gradient_noise(data, _scaled(data["adv"], cfg))
            if not self._learn(data, cfg, together, logs):
                break
        means = torch.cat(logs).mean(0).tolist()  # the only device-to-host sync of most updates
        metrics = dict(zip((*_LOGGED, "loss/grad_norm"), means, strict=True)) | noise
        if look or cfg.kl_penalty is not None:
            moved = self.actor.moved(data)
            metrics["policy/effective_samples"] = moved["policy/effective_samples"]
        if cfg.kl_penalty is not None:
            metrics["policy/kl_penalty"] = cfg.kl_penalty
            self.kl_penalty = adapted(cfg.kl_penalty, moved["policy/kl"], cfg.kl_goal)
        self.updates += 1
        self.actor.end_rollout(batch)
        metrics["value/explained_variance"] = explained_variance(data["value"].cpu().numpy(), data["ret"].cpu().numpy())
        metrics["policy/lr"] = cfg.lr
        return metrics

    def parts(self) -> dict[str, Any]:
        own = Attributes(self, "kl_penalty", "updates")
        return {**self.actor.parts(), "optimizer": self.optimizer, "own": own}

    def _learn(self, data: dict[str, Tensor], cfg: Config, epochs: int, logs: list[Tensor]) -> bool:
        """So many passes over the rollout; False if the policy has moved far enough."""
        twin = self._twin()
        if not twin:
            return all(self._epoch(data, cfg, logs) for _ in range(epochs))
        most = math.inf if cfg.value_clip is None else cfg.value_clip
        terms = Terms(cfg.value_coef, cfg.entropy_coef, cfg.normalize_advantage, True, cfg.clip, most)
        most_kl = math.inf if cfg.target_kl is None else 1.5 * cfg.target_kl
        orders = self.actor.orders(len(data["adv"]), cfg.minibatch, epochs)
        logs.append(twin.fit(data, orders, cfg.minibatch, terms, cfg.lr, most_kl))
        return len(logs[-1]) == epochs * -(-orders.shape[1] // cfg.minibatch)

    def _epoch(self, data: dict[str, Tensor], cfg: Config, logs: list[Tensor]) -> bool:
        """One pass over the rollout; False if the policy has moved far enough."""
        for mb in self.actor.minibatches(data, cfg.minibatch):
            total, log = (_compiled(loss) if cfg.compile else loss)(self.net, mb, cfg)
            if self.updates < cfg.value_warmup:
                total = cfg.value_coef * log["loss/value"]
            logged = torch.stack([log[name].detach() for name in _LOGGED])
            if cfg.target_kl is not None and log["policy/kl"] > 1.5 * cfg.target_kl:
                return False
            norm = self.optimizer.step(total, cfg.lr)
            logs.append(torch.cat([logged, norm[None]])[None])
        return True

    def _twin(self) -> Surrogate | None:
        """The fast path: what computes `loss` in its place (`core/written_out/surrogate.py`), while it is the same."""
        cfg, twin = self.cfg, self._written_out
        if cfg.twins == "none" or cfg.compile or cfg.kl_penalty is not None or self.updates < cfg.value_warmup:
            return None
        if twin is None or type(self)._epoch is not Agent._epoch:
            return None
        if type(self.actor) is not Actor or "minibatches" in vars(self.actor):
            return None
        return twin if twin.fits(self.net, self.optimizer) and _MIRROR.shows() else None


_compiled = cache(torch.compile)
_MIRROR = Mirror(
    __name__,
    {"loss": "545bc670", "_scaled": "f3d87e9d", "standardized": "b593e94b", "Agent._epoch": "d19c502c"},
    ACTOR_CRITIC,
    DESCENT,
    MINIBATCHES,
)
# Bounds of the penalty, so that a policy that cannot move does not take it out of the range of numbers.
_LEAST, _MOST = 1e-6, 1e6
_LOGGED = ("loss/policy", "loss/value", "policy/entropy", "policy/kl", "policy/clipped")
