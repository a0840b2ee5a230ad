"""REINFORCE: the Monte Carlo policy gradient, from whole episodes.

Williams 1992, doi:10.1007/BF00992696; its refinements after Huang, sections 28 and 29.2. An episode's gradient is

    sum_t grad log pi(a_t|s_t) * (gain_t - factor_t * baseline_t)

where `credit` gives gain and factor. An episode's return ends where the episode ends: what a time limit cuts off is
worth 0, or V(final_obs) where V is learned from rewards to go.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from ..core.acting import Acting, Mode
from ..core.batch import Batch
from ..core.checkpoint import Attributes
from ..core.errors import UsageError, check_ranges
from ..core.learn.actor import Actor
from ..core.learn.episodes import Past, Played, episodes, joined, placed
from ..core.learn.optim import Adam, Schedule, flatten, scheduled, split
from ..core.learn.optimal import optimal_baseline
from ..core.learn.returns import rewards_to_go
from ..core.learn.stats import effective_samples, explained_variance, ridge, sampled_kl
from ..core.nets import ActorCritic, ActorCriticConfig
from ..core.nets.build import Build
from ..core.nets.normalize import Standardize
from ..core.nets.remembering import RememberingEncoder
from ..core.ranges import DISCOUNTS, ENTROPIES, Log, powers
from ..core.rollout.engine import Whole
from ..core.rollout.policy import PolicyActing


@dataclass(frozen=True)
class Config(ActorCriticConfig):
    """Hyper-parameters of REINFORCE."""

    episodes: Annotated[int, powers(1, 16)] = 1
    """Whole episodes per environment between updates."""
    weight: Literal["whole", "to_go", "discounted_to_go"] = "to_go"
    """Credit of an action: the episode's whole discounted return; the rewards from then on, discounted from
    then on; or these times gamma^t, the exact gradient of the discounted return, in which late actions hardly count."""
    baseline: Literal["none", "mean", "time", "leave_one_out", "optimal", "linear", "value"] = "value"
    """Baseline subtracted to lower the variance: none; the mean of the batch; its mean at the same time step; that of
    the other episodes; the constant of least variance for each weight of the network, from the others too; a regression
    on observations and time; a value network. Only `mean` and `time` are biased: they shrink the gradient of whole
    returns by 1 - 1/N and turn that of rewards to go, and a step that one episode alone reaches gets none of `time`."""
    epochs: int = 1
    """Gradient steps per update; from the second on the episodes are those of an older policy, see `reuse`."""
    past_updates: int = 0
    """Earlier updates whose episodes are learned from once more in every update, see `reuse`."""
    reuse: Literal["trajectory", "per_decision", "first_order"] = "first_order"
    """Importance weights for an older policy's episodes: the ratio of whole trajectories (unbiased, wild); of each
    reward's past (unbiased, less so); of the action alone (biased, steady)."""
    clip: float | None = 0.2
    """Largest deviation from 1 of the ratios of `first_order`; none: no limit."""
    lr: Annotated[float, Log(1e-4, 0.03)] = 1e-3
    """Adam step size of the policy."""
    lr_schedule: Schedule = "constant"
    """linear, cosine: both step sizes fall to 0 at the end of the run."""
    max_grad_norm: float | None = None
    """Gradient norm of the policy above which gradients are scaled down; none: no limit."""
    value_lr: Annotated[float, Log(1e-4, 0.03)] = 1e-3
    """Adam step size of the value network."""
    value_epochs: int = 20
    """Gradient steps of the value network per update."""
    gamma: Annotated[float, DISCOUNTS] = 0.99
    """Discount per step."""
    entropy_coef: Annotated[float, ENTROPIES] = 0.0
    """Reward for each nat of entropy in each step; higher keeps the policy exploring."""
    standardize_return: bool = False
    """Standardise returns by the running moments of earlier ones; their mean is a baseline by itself."""

    def __post_init__(self) -> None:
        super().__post_init__()
        positive = ("episodes", "epochs", "clip", "lr", "max_grad_norm", "value_lr", "value_epochs")
        if self.chunk is not None:
            raise UsageError("reinforce learns from whole episodes, each of them in one piece; leave chunk out")
        if self.baseline == "optimal" and self.memory != "none":
            raise UsageError(
                "baseline optimal differentiates every episode by itself, which memories do not; use another"
            )
        check_ranges(self, positive=positive, unit=("gamma",), at_least_0=("past_updates", "entropy_coef"))


def loss(net: ActorCritic, mb: dict[str, Tensor], cfg: Config) -> tuple[Tensor, dict[str, Tensor]]:
    """Scalar whose gradient is the policy gradient, and what to log, from the B steps of E episodes.

    Its value means nothing: that it falls is no progress (Kaplan, section 8.2).

    | mb      | shape       | meaning                                               |
    |---------|-------------|-------------------------------------------------------|
    | obs     | (B, *obs)   | stored observations                                   |
    | action  | (B, *act)   | as chosen, not clipped                                |
    | weight  | (B,)        | gain - factor * baseline, a constant                  |
    | factor  | (B,)        | what multiplies a baseline in this step, a constant   |
    | episode | (B,)        | number of the step's episode                          |
    | count   | ()          | E                                                     |
    """
    pi, _ = net.policy(mb["obs"])
    logp = pi.log_prob(mb["action"])
    policy = -(mb["weight"] * logp).sum() / mb["count"]
    total = policy
    if cfg.baseline == "optimal":
        total = total + optimal_baseline(net, mb, logp)
    entropy = pi.entropy()
    if cfg.entropy_coef:
        total = total - cfg.entropy_coef * entropy.sum() / mb["count"]
    return total, {"loss/policy": policy, "policy/entropy": entropy.mean()}


def credit(log_ratio: NDArray[Any], reward: NDArray[Any], cfg: Config) -> tuple[NDArray[Any], NDArray[Any]]:
    """Gain and factor of each step of E episodes, both (L, E), time first and zero beyond an episode's end.

    log_ratio = log pi(a|s) - log mu(a|s) of the policy that learns and the one that acted. Subtracting factor * b from
    the gain adds no bias for any b that does not depend on the action.

    Whole trajectories: factor = prod_t ratio_t, gain = factor * return. Per decision: factor_t = prod_{k<=t} ratio_k,
    gain_t = sum_{k>=t} gamma^(k-t) factor_k r_k, and rewards of the past are weighted with factor_t. First order:
    factor = ratio, clipped. Huang, section 28.3; Precup et al. 2000, "Eligibility traces for off-policy policy
    evaluation".
    """
    per_decision = cfg.reuse == "per_decision"
    match cfg.reuse:
        case "trajectory":
            factor = np.exp(np.broadcast_to(log_ratio.sum(0), log_ratio.shape))
        case "per_decision":
            factor = np.exp(log_ratio.cumsum(0))
        case "first_order":
            factor = np.exp(log_ratio)
            factor = factor if cfg.clip is None else factor.clip(1 - cfg.clip, 1 + cfg.clip)
    zero, never = np.zeros_like(reward), np.zeros(reward.shape, np.bool_)
    if per_decision:
        gain = rewards_to_go(factor * reward, zero, never, cfg.gamma)
    else:
        gain = factor * rewards_to_go(reward, zero, never, cfg.gamma)
    discount = cfg.gamma ** np.arange(len(reward), dtype=reward.dtype)[:, None]
    if cfg.weight == "whole":
        earned = discount * reward
        gain = factor * (earned.cumsum(0) - earned) + discount * gain
    elif cfg.weight == "discounted_to_go":
        gain, factor = discount * gain, discount * factor
    return gain, factor


def mean_baseline(ret: NDArray[Any], alive: NDArray[np.bool_], cfg: Config) -> NDArray[Any]:
    """The baselines (L, E) that are means of the batch's own returns (L, E), where `alive`; 0 for the others."""
    total, count = np.where(alive, ret, 0.0).sum(1, keepdims=True), alive.sum(1, keepdims=True)
    match cfg.baseline:
        case "mean":
            return np.full_like(ret, total.sum() / count.sum())
        case "time":
            return np.broadcast_to(total / count.clip(1), ret.shape)
        case "leave_one_out":
            return np.where(count > 1, (total - ret) / (count - 1).clip(1), 0.0)
    return np.zeros_like(ret)


class Agent:
    """Acts with pi, learns from whole episodes, each collection of them at a time."""

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
        self.cfg, self.horizon = cfg, Whole(cfg.episodes)
        self.actor = Actor(obs, action, cfg, device, seed, net)
        self.net, self.convolutional = self.actor.net, self.actor.convolutional
        value = [*self.net.value_trunk.parameters(), *self.net.value_head.parameters()]
        policy = [p for p in self.net.parameters() if all(p is not v for v in value)]
        sizes = [sum(p.numel() for p in group) for group in (policy, value)]
        policy_vector, value_vector = split(flatten([*policy, *value]), sizes)
        self.optimizer = Adam(policy_vector, max_grad_norm=cfg.max_grad_norm)
        self.value_optimizer = Adam(value_vector)
        self.returns = Standardize(())
        self.past = Past(maxlen=cfg.past_updates)
        # coefficients of the linear baseline
        self.linear = np.zeros(2 * self.net.encoder.size + 4) if cfg.baseline == "linear" else None

    @property
    def paths(self) -> dict[str, str]:
        """How the gradient comes about."""
        return {"gradient": "autograd"}

    def acting(self, envs: int, mode: Mode = "learn", seed: int = 0) -> Acting:
        return PolicyActing(self.actor, envs, mode, seed)  # its fast path: core/rollout/fused.py

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """Gradient steps on the whole episodes of the batch, and remembered ones; steps of others are ignored."""
        cfg, decay = self.cfg, scheduled(1.0, self.cfg.lr_schedule, progress)
        whole, step, episode = episodes(batch)
        columns = {"obs": batch.obs[:-1], "action": batch.action, "logp": batch.extras["logp"]}
        columns |= {"reward": self._reward(batch)}
        fresh = Played(**{name: x[whole] for name, x in columns.items()}, step=step, episode=episode)
        played = joined([*self.past, fresh]) if self.past else fresh
        new = slice(-len(fresh.step), None)
        shape = played.step.max() + 1, played.episode.max() + 1
        place = played.step, played.episode
        reward = placed(played.reward, *place, shape)
        mean, std = float(self.returns.shift), 1 / float(self.returns.scale)
        # credit of the actions if this policy had been the one that acted: a baseline predicts it
        on_policy = replace(cfg, weight="whole" if cfg.weight == "whole" else "to_go")
        ret = credit(np.zeros_like(reward), reward, on_policy)[0]
        target = (ret - mean) / std
        data = self._tensors(obs=played.obs, action=played.action, episode=played.episode, count=shape[1])
        if isinstance(self.net.encoder, RememberingEncoder):
            data["obs"] = self.net.encoder.in_turn(data["obs"], data["episode"])  # type: ignore[assignment]
        baseline = self._baseline(batch.extras["value"][whole], data["obs"], target, *place)
        target = target[place]
        log_ratio = np.zeros(len(played.step))
        if self.past:
            log_ratio[: -len(step)] = (self._logp(data) - played.logp)[: -len(step)]
        looked, logs = {}, []
        for epoch in range(cfg.epochs):
            gain, factor = (x[place] for x in credit(placed(log_ratio, *place, shape), reward, cfg))
            weight = (gain - factor * mean) / std - factor * baseline
            data |= self._tensors(weight=weight.astype(np.float32), factor=factor.astype(np.float32))
            if epoch == 0:
                looked["policy/effective_samples"] = self._effective(log_ratio, played)
                if self.actor.noise.due(progress):
                    looked |= self._gradient_noise(data)
            total, log = loss(self.net, data, cfg)
            norm = self.optimizer.step(total, cfg.lr * decay)
            logs.append(torch.stack([*(x.detach() for x in log.values()), norm]))
            log_ratio = self._logp(data) - played.logp
        metrics = dict(zip((*log, "loss/grad_norm"), torch.stack(logs).mean(0).tolist(), strict=True)) | looked
        metrics["policy/kl"] = sampled_kl(log_ratio[new])
        metrics["value/explained_variance"] = explained_variance(baseline[new], target[new])
        metrics["policy/lr"] = cfg.lr * decay
        if cfg.baseline == "value":
            metrics["loss/value"] = self._fit_value(data["obs"][new], target[new], cfg.value_lr * decay)
        if cfg.baseline == "linear":
            self.linear = ridge(self._features(data["obs"][new], step), target[new])
        if cfg.standardize_return:
            self.returns.update(torch.as_tensor(ret[place][new]))
        self.past.append(fresh)
        self.actor.end_rollout(batch)
        return metrics

    def parts(self) -> dict[str, Any]:
        return {
            **self.actor.parts(),
            "optimizer": self.optimizer,
            "value_optimizer": self.value_optimizer,
            "returns": self.returns,
            "linear": Attributes(self, "linear"),
            "past": self.past,
        }

    def _reward(self, batch: Batch) -> NDArray[np.float64]:
        """Rewards (T, N); if V predicts rewards to go, the last one before a time limit includes what it cut off."""
        reward = batch.reward.astype(np.float64)
        if self.cfg.baseline != "value" or self.cfg.weight == "whole":
            return reward
        edge_value = self.actor.edge_values(batch)
        beyond = batch.next_value(batch.extras["value"], edge_value) / float(self.returns.scale)
        beyond += float(self.returns.shift)
        return reward + np.where(batch.done, batch.discount(self.cfg.gamma) * beyond, 0.0)

    def _baseline(
        self, value: NDArray[Any], obs: Tensor, target: NDArray[Any], step: NDArray[Any], episode: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Baseline of each step (B,), in the units of `target` (L, E); `value` is V of the last steps, as they acted.

        The value network and the regression have not seen this batch yet: fitted to it, they would know the actions.
        """
        if self.cfg.baseline == "value":
            with torch.no_grad():
                past = len(obs) - len(value)
                earlier = self.net.value(obs[:past]).cpu().numpy() if past else value[:0]
            return np.concatenate([earlier, value])
        if self.linear is not None:
            return self._features(obs, step) @ self.linear
        alive = placed(np.ones(len(step)), step, episode, target.shape) > 0
        means = mean_baseline(target, alive | (self.cfg.weight == "whole"), self.cfg)
        baseline: NDArray[np.float64] = means[step, episode]
        return baseline

    def _effective(self, log_ratio: NDArray[Any], played: Played) -> float:
        """Share of the samples that importance weights leave: of steps, or where whole trajectories count, of these."""
        if self.cfg.reuse == "first_order":
            return effective_samples(log_ratio)
        return effective_samples(np.bincount(played.episode, log_ratio))

    def _gradient_noise(self, data: dict[str, Tensor]) -> dict[str, float]:
        """Metrics of how noisy the gradient is that is made of so many episodes."""

        def loss(index: Tensor) -> Tensor:
            steps = torch.isin(data["episode"], index)
            pi, _ = self.net.policy(data["obs"][steps])
            return -(data["weight"][steps] * pi.log_prob(data["action"][steps])).sum() / len(index)

        return self.actor.noise.look(loss, int(data["count"]), self.actor.device)

    @torch.no_grad()
    def _features(self, obs: Tensor, step: NDArray[Any]) -> NDArray[np.float64]:
        """Observations, their squares and a cubic in time, (B, F): Duan et al. 2016, arXiv:1604.06778."""
        seen = self.net.encoder(obs).clamp(-10, 10).cpu().numpy().astype(np.float64)
        time = step[:, None] / 100
        return np.concatenate([seen, seen**2, time, time**2, time**3, np.ones_like(time)], 1)

    @torch.no_grad()
    def _logp(self, data: dict[str, Tensor]) -> NDArray[np.float64]:
        """log pi(a|s) (B,) by the policy as it is now."""
        return self.net.policy(data["obs"])[0].log_prob(data["action"]).cpu().numpy().astype(np.float64)

    def _fit_value(self, obs: Tensor, target: NDArray[Any], lr: float) -> float:
        """Least squares of V on the targets (B,); the mean squared error before the first step."""
        with torch.no_grad():
            features = self.net.encoder(obs)
        ret = torch.as_tensor(target, dtype=torch.float32, device=self.actor.device)
        errors = []
        for _ in range(self.cfg.value_epochs):
            error = (self.net.value_head(self.net.value_trunk(features)).squeeze(-1) - ret).square().mean()
            errors.append(error.detach())
            self.value_optimizer.step(error, lr)
        return float(errors[0])

    def _tensors(self, **columns: Any) -> dict[str, Tensor]:
        return {name: torch.as_tensor(x, device=self.actor.device) for name, x in columns.items()}
