"""Advantage actor-critic: one gradient step on each short rollout of parallel environments.

Mnih et al. 2016, arXiv:1602.01783, with synchronous environments in place of asynchronous workers (A2C). A `horizon` of
1 is online actor-critic (Huang, section 29.2). Time-limit truncations bootstrap from V(final_obs). With whole
`episodes` and `lam` 1 the critic is only a baseline of Monte Carlo returns and adds no bias (Huang, section 29.4).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from ..core.actor import Actor
from ..core.batch import Batch
from ..core.checkpoint import tensors
from ..core.errors import check_ranges
from ..core.nets import ActorCritic
from ..core.nets.encoder import Cnn
from ..core.nets.mlp import Activation
from ..core.optim import Adam, RMSprop, Schedule, scheduled
from ..core.returns import n_step
from ..core.rollout import Whole
from ..core.stats import explained_variance


@dataclass(frozen=True)
class Config:
    """Hyper-parameters of A2C."""

    horizon: int = 5
    """Steps per environment between updates; 1 learns from every step."""
    episodes: int | None = None
    """Whole episodes per environment between updates, in place of `horizon` steps."""
    optimizer: Literal["rmsprop", "adam"] = "rmsprop"
    """rmsprop: TensorFlow's, as in the published results."""
    lr: float = 7e-4
    """Step size of the optimiser."""
    lr_schedule: Schedule = "constant"
    """linear: the step size falls to 0 at the end of the run."""
    optimizer_eps: float = 1e-5
    """The optimiser's epsilon; larger damps steps where gradients are tiny."""
    max_grad_norm: float = 0.5
    """Global gradient norm above which gradients are scaled down."""
    gamma: float = 0.99
    """Discount per step."""
    lam: float = 1.0
    """GAE lambda: 0 is one-step TD, 1 bootstraps at the rollout's end alone; higher means less bias, more variance."""
    n_step: int | None = None
    """Rewards to add up before V takes over, the same for every step, in place of `lam`."""
    value_coef: float = 0.5
    """Weight of the mean squared value error."""
    entropy_coef: float = 0.0
    """Weight of the entropy bonus; higher keeps the policy exploring."""
    normalize_advantage: bool = False
    """Bring advantages to mean 0 and standard deviation 1 in each update."""
    normalize_obs: bool = False
    """Standardise observations by their running moments, clipped to +-10."""
    normalize_return: bool = False
    """Divide rewards by the running standard deviation of the discounted return, clipped to +-10."""
    reward_sign: bool = False
    """Learn from the sign of the reward alone (Atari); logged returns stay the environment's."""
    hidden: tuple[int, ...] = (64, 64)
    """Widths of the hidden layers."""
    activation: Activation = "tanh"
    """Non-linearity of the hidden layers."""
    shared: bool = False
    """One set of hidden layers for policy and value; their gradients then need balancing by `value_coef`."""
    cnn: Cnn = "nature"
    """Encoder of images."""
    orthogonal_init: bool = True
    """Orthogonal initial weights; false: torch's default."""
    policy_gain: float = 0.01
    """Scale of the policy's last layer at the start (with orthogonal_init); small starts near-uniform."""
    log_std_init: float = 0.0
    """Initial logarithm of the standard deviation of continuous actions."""
    sde: bool = False
    """State-dependent exploration of continuous actions (arXiv:2005.05719) instead of independent noise."""
    sde_freq: int | None = None
    """Steps after which state-dependent noise is drawn anew; none: once per rollout."""
    value_warmup: int = 0
    """Updates at the start in which only the value function learns: for a policy that is good already (init_from)."""

    def __post_init__(self) -> None:
        given = [name for name in ("episodes", "n_step", "sde_freq") if getattr(self, name) is not None]
        check_ranges(self, positive=("horizon", "lr", "optimizer_eps", "max_grad_norm", *given), unit=("gamma", "lam"))
        check_ranges(self, at_least_0=("value_warmup",))


def loss(net: ActorCritic, mb: dict[str, Tensor], cfg: Config) -> tuple[Tensor, dict[str, Tensor]]:
    """Scalar to minimise and what to log, from the B flat steps of a rollout.

    | mb      | shape       | meaning                             |
    |---------|-------------|-------------------------------------|
    | obs     | (B, *obs)   | stored observations                 |
    | action  | (B, *act)   | as chosen, not clipped              |
    | adv     | (B,)        | advantage, a constant to the policy |
    | ret     | (B,)        | value target, a constant            |
    """
    pi, value = net(mb["obs"])
    adv = mb["adv"]
    if cfg.normalize_advantage and len(adv) > 1:
        adv = (adv - adv.mean()) / (adv.std() + 1e-8)
    policy = -(pi.log_prob(mb["action"]) * adv).mean()
    value_error = (value - mb["ret"]).square().mean()
    entropy = pi.entropy().mean()
    total = policy + cfg.value_coef * value_error
    if cfg.entropy_coef:
        total = total - cfg.entropy_coef * entropy
    return total, {"loss/policy": policy, "loss/value": value_error, "policy/entropy": entropy}


class Agent:
    """Acts with pi, learns from one rollout at a time."""

    def __init__(
        self, obs: spaces.Space, action: spaces.Space, cfg: Config, device: str = "cpu", seed: int = 0
    ) -> None:
        self.cfg = cfg
        self.horizon = cfg.horizon if cfg.episodes is None else Whole(cfg.episodes)
        self.actor = Actor(obs, action, cfg, device, seed)
        self.net, self.convolutional = self.actor.net, self.actor.convolutional
        self.updates = 0
        optimizer = {"rmsprop": RMSprop, "adam": Adam}[cfg.optimizer]
        self.optimizer = optimizer(self.net.parameters(), cfg.optimizer_eps, cfg.max_grad_norm)

    def act(self, obs: NDArray, explore: bool = True) -> dict[str, NDArray]:
        return self.actor.act(obs, explore)

    def inspect(self, obs: NDArray) -> dict[str, NDArray]:
        return self.actor.inspect(obs)

    def adopt(self, weights: Mapping[str, Any]) -> None:
        """Begin with the policy of another network's `weights`."""
        self.actor.adopt(weights)

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """One gradient step on the whole rollout."""
        lr = scheduled(self.cfg.lr, self.cfg.lr_schedule, progress)
        adv, ret = self._advantages(batch)
        columns = {"obs": batch.obs[:-1], "action": batch.action, "adv": adv, "ret": ret}
        total, log = loss(self.net, {name: self.actor.flat(x, batch) for name, x in columns.items()}, self.cfg)
        if self.updates < self.cfg.value_warmup:
            total = self.cfg.value_coef * log["loss/value"]
        norm = self.optimizer.step(total, lr)
        self.updates += 1
        self.actor.end_rollout(batch)
        logged = torch.stack([*(x.detach() for x in log.values()), norm]).tolist()
        metrics = dict(zip((*log, "loss/grad_norm"), logged, strict=True))
        value = batch.extras["value"][batch.valid]
        metrics["value/explained_variance"] = explained_variance(value, ret[batch.valid])
        metrics["policy/lr"] = lr
        return metrics

    def state(self) -> dict[str, Any]:
        return {**self.actor.state(), "optimizer": self.optimizer.state(), "updates": self.updates}

    def load_state(self, state: dict[str, Any]) -> None:
        self.actor.load_state(state)
        self.optimizer.load_state(tensors(state["optimizer"]))
        self.updates = state.get("updates", 0)  # which checkpoints did not always hold

    def _advantages(self, batch: Batch) -> tuple[NDArray, NDArray]:
        """Advantages and value targets, both (T, N)."""
        reward, value, cfg = self.actor.reward(batch), batch.extras["value"], self.cfg
        if cfg.n_step is None:
            return self.actor.advantages(batch, reward, value, cfg.gamma, cfg.lam)
        edge_value = self.actor.values(batch.edge_obs[None])[0]
        ret = n_step(reward, batch.next_value(value, edge_value), batch.done, cfg.gamma, cfg.n_step)
        return ret - value, ret
