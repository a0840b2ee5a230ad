"""Proximal policy optimisation with a clipped surrogate.

Schulman et al. 2017, arXiv:1707.06347, with the details that its published results depend on (Huang et al. 2022,
"The 37 implementation details of PPO"). Advantages are GAE(lambda); time-limit truncations bootstrap from V(final_obs).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from ..core.batch import Batch
from ..core.checkpoint import tensors
from ..core.heads import Categorical, Gaussian, StateDependentNoiseHead
from ..core.nets import ActorCritic
from ..core.nets.encoder import Cnn
from ..core.nets.mlp import Activation
from ..core.normalize import ReturnScale
from ..core.optim import Adam, Schedule, scheduled
from ..core.returns import gae
from ..core.stats import explained_variance


@dataclass(frozen=True)
class Config:
    """Hyper-parameters of PPO."""

    horizon: int = 256
    """Steps per environment between updates."""
    epochs: int = 10
    """Passes over each rollout; more squeeze out more and drift further from the policy that acted."""
    minibatch: int = 256
    """Steps per gradient step."""
    lr: float = 3e-4
    """Adam step size."""
    lr_schedule: Schedule = "constant"
    """linear: the step size falls to 0 at the end of the run."""
    adam_eps: float = 1e-5
    """Adam's epsilon; larger than usual damps steps where gradients are tiny."""
    max_grad_norm: float = 0.5
    """Global gradient norm above which gradients are scaled down."""
    gamma: float = 0.99
    """Discount per step."""
    lam: float = 0.95
    """GAE lambda: 0 is one-step TD, 1 is Monte Carlo; higher means less bias, more variance."""
    clip: float = 0.2
    """Largest change of the probability ratio that still earns gradient."""
    clip_schedule: Schedule = "constant"
    """linear: the clip range falls to 0 at the end of the run."""
    value_clip: float | None = None
    """Largest change of a value prediction that earns gradient (the larger of both losses counts); none: no limit."""
    target_kl: float | None = None
    """Stop the update's epochs once the policy has moved 1.5 times this KL divergence, in nats."""
    value_coef: float = 0.5
    """Weight of the mean squared value error."""
    entropy_coef: float = 0.0
    """Weight of the entropy bonus; higher keeps the policy exploring."""
    normalize_advantage: bool = True
    """Bring advantages to mean 0 and standard deviation 1 in each minibatch."""
    recompute_advantage: bool = False
    """Recompute values and advantages before every epoch after the first, with the network as it is by then."""
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
    """One set of hidden layers for policy and value."""
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
    adv = mb["adv"]
    if cfg.normalize_advantage and len(adv) > 1:
        adv = (adv - adv.mean()) / (adv.std() + 1e-8)
    log_ratio = pi.log_prob(mb["action"]) - mb["logp"]
    ratio = log_ratio.exp()
    surrogate = torch.minimum(ratio * adv, ratio.clamp(1 - cfg.clip, 1 + cfg.clip) * adv).mean()
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
            "policy/kl": (ratio - 1 - log_ratio).mean(),  # low-variance estimator, joschu.net/blog/kl-approx.html
            "policy/clipped": ((ratio - 1).abs() > cfg.clip).float().mean(),
        }
    return total, logs


class Agent:
    """Acts with pi, learns from one rollout at a time."""

    def __init__(
        self, obs: spaces.Space, action: spaces.Space, cfg: Config, device: str = "cpu", seed: int = 0
    ) -> None:
        self.cfg, self.device, self.horizon = cfg, torch.device(device), cfg.horizon
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.net = ActorCritic(
                obs,
                action,
                cfg.hidden,
                activation=cfg.activation,
                shared=cfg.shared,
                cnn=cfg.cnn,
                standardize=cfg.normalize_obs,
                orthogonal_init=cfg.orthogonal_init,
                policy_gain=cfg.policy_gain,
                log_std_init=cfg.log_std_init,
                sde=cfg.sde,
            ).to(self.device)
        self.convolutional = bool(self.net.encoder.cnns)
        self.optimizer = Adam(self.net.parameters(), cfg.adam_eps, cfg.max_grad_norm)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.return_scale = ReturnScale(cfg.gamma) if cfg.normalize_return else None
        self._noise: Tensor | None = None  # (N, F, D) exploration matrices of sde, and how often they were used
        self._noise_age = 0

    @torch.inference_mode()
    def act(self, obs: NDArray, explore: bool = True) -> dict[str, NDArray]:
        tensor = torch.as_tensor(obs, device=self.device)
        if not explore:
            return {"action": self._to_numpy(self.net.policy(tensor)[0].mode())}
        if self.cfg.sde:
            pi, features = self.net.policy(tensor)
            value = self.net.value(tensor)
            action = pi.mode() + self._sde_noise(features)
        else:
            pi, value = self.net(tensor)
            action = pi.sample(self.generator)
        logp = pi.log_prob(action)
        return {"action": self._to_numpy(action), "logp": logp.cpu().numpy(), "value": value.cpu().numpy()}

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """One PPO update: epochs of minibatches over the rollout."""
        cfg = replace(
            self.cfg,
            lr=scheduled(self.cfg.lr, self.cfg.lr_schedule, progress),
            clip=scheduled(self.cfg.clip, self.cfg.clip_schedule, progress),
        )
        reward = self._reward(batch)
        data = self._tensors(batch)
        logs: list[Tensor] = []
        for epoch in range(cfg.epochs):
            if epoch == 0 or cfg.recompute_advantage:
                data |= self._targets(batch, reward, fresh_values=epoch > 0)
            if not self._epoch(data, cfg, logs):
                break
        names = (*_LOGGED, "loss/grad_norm")
        means = dict(zip(names, torch.stack(logs).mean(0).tolist(), strict=True))  # the only sync of the update
        ret, valid = data["ret"].cpu().numpy(), batch.valid.ravel()
        means["value/explained_variance"] = explained_variance(batch.extras["value"].ravel()[valid], ret)
        means["policy/lr"] = cfg.lr
        self.net.encoder.update(torch.as_tensor(batch.obs[:-1], device=self.device).flatten(0, 1)[self._index(batch)])
        self._noise = None
        return means

    @torch.inference_mode()
    def inspect(self, obs: NDArray) -> dict[str, NDArray]:
        pi, value = self.net(torch.as_tensor(obs, device=self.device))
        thoughts = {"value": value.cpu().numpy()}
        if isinstance(pi, Categorical):
            thoughts["action probability"] = pi.logp.exp().cpu().numpy()
        elif isinstance(pi, Gaussian):
            thoughts["mean action"] = pi.mean.cpu().numpy()
            thoughts["std"] = pi.log_std.exp().expand_as(pi.mean).cpu().numpy()
        return thoughts

    def state(self) -> dict[str, Any]:
        return {
            "net": {name: value.clone() for name, value in self.net.state_dict().items()},
            "optimizer": self.optimizer.state(),
            "generator": self.generator.get_state(),
            "return_scale": self.return_scale.state() if self.return_scale else None,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.net.load_state_dict(tensors(state["net"]))
        self.optimizer.load_state(tensors(state["optimizer"]))
        self.generator.set_state(torch.as_tensor(state["generator"]))
        if self.return_scale:
            self.return_scale.load_state(state["return_scale"])

    def _epoch(self, data: dict[str, Tensor], cfg: Config, logs: list[Tensor]) -> bool:
        """One pass over the rollout; False if the policy has moved far enough."""
        for mb in self._minibatches(data, cfg.minibatch):
            total, log = loss(self.net, mb, cfg)
            if cfg.target_kl is not None and log["policy/kl"] > 1.5 * cfg.target_kl:
                return False
            norm = self.optimizer.step(total, cfg.lr)
            logs.append(torch.stack([*(log[name].detach() for name in _LOGGED), norm]))
        return True

    def _minibatches(self, data: dict[str, Tensor], size: int) -> Iterator[dict[str, Tensor]]:
        count = len(data["adv"])
        if count <= size:  # one minibatch holds everything: its order does not matter
            yield data
            return
        for index in torch.randperm(count, generator=self.generator, device=self.device).split(size):
            yield {name: x[index] for name, x in data.items()}

    def _tensors(self, batch: Batch) -> dict[str, Tensor]:
        """The valid steps of the rollout, flat (B, ...)."""
        columns = {"obs": batch.obs[:-1], "action": batch.action, **batch.extras}
        return {name: self._flat(x, batch) for name, x in columns.items()}

    def _flat(self, x: NDArray, batch: Batch) -> Tensor:
        flat = torch.as_tensor(x, device=self.device).flatten(0, 1)
        return flat if batch.valid.all() else flat[self._index(batch)]

    def _index(self, batch: Batch) -> Tensor:
        return torch.as_tensor(np.flatnonzero(batch.valid), device=self.device)

    @torch.no_grad()
    def _targets(self, batch: Batch, reward: NDArray, fresh_values: bool) -> dict[str, Tensor]:
        """Advantages and value targets, flat (B,); from the values that `act` gave, or from values of now."""
        value = batch.extras["value"]
        if fresh_values:
            obs = torch.as_tensor(batch.obs[:-1], device=self.device)
            value = self.net.value(obs.flatten(0, 1)).view(value.shape).cpu().numpy()
        edge_value = self.net.value(torch.as_tensor(batch.edge_obs, device=self.device)).cpu().numpy()
        adv = gae(reward, value, batch.next_value(value, edge_value), batch.done, self.cfg.gamma, self.cfg.lam)
        return {"adv": self._flat(adv, batch), "ret": self._flat(adv + value, batch)}

    def _reward(self, batch: Batch) -> NDArray[np.float32]:
        reward = np.sign(batch.reward) if self.cfg.reward_sign else batch.reward
        return self.return_scale(reward, batch.done, batch.valid) if self.return_scale else reward

    def _sde_noise(self, features: Tensor) -> Tensor:
        """(N, D) exploration of this step; the matrices live for `sde_freq` steps and never longer than a rollout."""
        head = self.net.policy_head
        assert isinstance(head, StateDependentNoiseHead)
        if self._noise is None or len(self._noise) != len(features) or self._noise_age == self.cfg.sde_freq:
            self._noise, self._noise_age = head.draw(len(features), self.generator), 0
        self._noise_age += 1
        return head.explore(features, self._noise)

    def _to_numpy(self, action: Tensor) -> NDArray:
        return action.view(len(action), *self.net.action_shape).cpu().numpy()


_LOGGED = ("loss/policy", "loss/value", "policy/entropy", "policy/kl", "policy/clipped")
