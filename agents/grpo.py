"""Group-relative policy optimisation, and every policy gradient on texts that needs no critic.

Several answers to each question are written; an answer's advantage is its reward less that of the others to the same
question, and a clipped surrogate raises the tokens of the better ones (Shao et al. 2024, arXiv:2402.03300). The
fields make of it RLOO (arXiv:2402.14740), Dr. GRPO (arXiv:2503.20783), DAPO (arXiv:2503.14476) and REINFORCE++
(arXiv:2501.03262), which differ in baseline, scale, normaliser and clip; the presets are these. What is written by
default is the exact gradient of the expected reward: the others' mean as the baseline, no division by deviations or by
lengths, and the token END, which is chosen like any other, in the gradient like any other.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from ..core.acting import Acting, Mode
from ..core.batch import Batch
from ..core.checkpoint import Attributes
from ..core.errors import UsageError, check_ranges
from ..core.learn.groups import Baseline, Normalise, Scale, baseline, informative, scale, weights
from ..core.learn.muon import Optimizer, optimizer
from ..core.learn.optim import Schedule, scheduled
from ..core.learn.pieces import in_pieces, texts
from ..core.nets import TextConfig, TextPolicy
from ..core.nets.build import Build, PolicyLike, built
from ..core.nets.policy import adopt_policy
from ..core.rollout.alone import PolicyAlone
from ..core.rollout.engine import Whole


@dataclass(frozen=True)
class Config(TextConfig):
    """Hyper-parameters of GRPO."""

    group: int = 8
    """Answers to each question; the environment must ask in such groups (--env.group)."""
    baseline: Baseline = "leave_one_out"
    """Subtracted from an answer's reward: the mean of the others to its question, that of all, or nothing."""
    scale: Scale = "none"
    """Advantages are divided by the rewards' standard deviation in the group or in the batch, or by nothing."""
    normalise: Normalise = "constant"
    """The sum over tokens is divided by the number of answers, by that of all tokens, or for each answer by its length
    (sequence), which favours short right answers and long wrong ones."""
    clip: float = 0.2
    """Largest fall of a token's probability ratio below 1 that still earns gradient."""
    clip_high: float = 0.28
    """Largest rise of it above 1 that does; more keeps rare tokens alive (DAPO)."""
    epochs: int = 1
    """Passes over the answers of an update."""
    minibatch: int | None = None
    """Tokens per gradient step, in whole answers; none: all."""
    kl_coef: float = 0.0
    """Penalty for each nat of divergence from the policy that the run began with."""
    kl_in: Literal["reward", "loss"] = "reward"
    """Whether a token's log ratio is taken off its reward, so that earlier tokens answer for it too, which is the exact
    gradient of the divergence; or half its square is added to the loss."""
    overlong: Literal["keep", "mask"] = "keep"
    """Answers that reach the limit without END: keep learns from them as from others, mask leaves them out."""
    entropy_coef: float = 0.0
    """Weight of the entropy bonus."""
    optimizer: Optimizer = "adam"
    """adam, or muon for the matrices of the transformer's blocks and adam for the rest. Muon needs torch 2.9."""
    lr: float = 1e-3
    """Step size; for millions of weights less."""
    lr_schedule: Schedule = "constant"
    """linear, cosine: the step size falls to 0 at the end of the run."""
    max_grad_norm: float = 1.0
    """Global gradient norm above which gradients are scaled down."""
    hidden: tuple[int, ...] = ()
    """Widths of hidden layers after the transformer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(
            self,
            positive=("group", "clip", "clip_high", "epochs", "minibatch", "lr", "max_grad_norm"),
            at_least_0=("kl_coef", "entropy_coef"),
        )
        if self.group < 2 and (self.baseline != "none" or self.scale == "group"):
            raise UsageError(
                f"group is {self.group}; to compare answers takes at least 2, or baseline none and scale none or batch"
            )


def loss(net: TextPolicy, mb: dict[str, Any], cfg: Config) -> tuple[Tensor, dict[str, Tensor]]:
    """Scalar to minimise and what to log, from B tokens of whole answers.

    | mb        | shape | meaning                                                      |
    |-----------|-------|--------------------------------------------------------------|
    | obs       | (B,)  | what was written before each, as `Texts`                     |
    | action    | (B,)  | the token                                                    |
    | logp      | (B,)  | log-probability under the policy that wrote                  |
    | adv       | (B,)  | advantage                                                    |
    | weight    | (B,)  | its weight in the sum                                        |
    | reference | (B,)  | log-probability under the policy that the run began with     |
    """
    pi: Any = net(mb["obs"])
    logp = pi.log_prob(mb["action"])
    ratio = (logp - mb["logp"]).exp()
    near = ratio.clamp(1 - cfg.clip, 1 + cfg.clip_high)
    total = -(mb["weight"] * torch.minimum(ratio * mb["adv"], near * mb["adv"])).sum()
    if cfg.kl_coef and cfg.kl_in == "loss":
        total = total + cfg.kl_coef * (mb["weight"] * 0.5 * (logp - mb["reference"]).square()).sum()
    entropy = pi.entropy()
    if cfg.entropy_coef:
        total = total - cfg.entropy_coef * (mb["weight"] * entropy).sum()
    with torch.no_grad():
        logs = {
            "loss/policy": total,
            "policy/entropy": entropy.mean(),
            "policy/kl": (ratio - 1 - (logp - mb["logp"])).mean(),
            "policy/clipped": (near != ratio).float().mean(),
            "policy/ratio_error": (ratio - 1).abs().max(),  # of the first step: rounding, or there is a fault
        }
    return total, logs


class Agent:
    """Writes answers, learns from those to a few questions at a time."""

    policy = ("net",)
    convolutional = False

    def __init__(
        self,
        obs: spaces.Space[Any],
        action: spaces.Space[Any],
        cfg: Config,
        device: str = "cpu",
        seed: int = 0,
        net: Build | None = None,
    ) -> None:
        self.cfg, self.horizon, self.device = cfg, Whole(1), torch.device(device)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.net = built(TextPolicy, PolicyLike, obs, action, cfg, net).to(self.device)
        self.end = int(action.n) - 1  # type: ignore[attr-defined]  # a text's, as `TextPolicy` makes sure
        self.reference = deepcopy(self.net) if cfg.kl_coef else None
        self.optimizer = optimizer(cfg.optimizer, self.net, cfg.max_grad_norm)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.updates = 0

    @property
    def paths(self) -> dict[str, str]:
        """How the gradient comes about."""
        return {"gradient": "autograd"}

    def acting(self, envs: int, mode: Mode = "learn", seed: int = 0) -> Acting:
        return PolicyAlone(lambda: (self.net, self.updates), envs, mode, seed)

    def adopt(self, weights: Mapping[str, Any]) -> None:
        """Begin with the policy of another network's `weights`, which is the one to stay near, too."""
        adopt_policy(self.net, weights)
        if self.reference is not None:
            self.reference.load_state_dict(self.net.state_dict())

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """One update: `epochs` passes over the answers that teach something."""
        cfg, reward, lengths = self.cfg, self._rewards(batch), batch.valid.sum(0)
        unfinished = batch.action[lengths - 1, np.arange(len(lengths))] != self.end
        useful = informative(reward, cfg.baseline)
        metrics = {
            "answer/reward": float(reward.mean()),
            "answer/length": float(lengths.mean()),
            "answer/unfinished": float(unfinished.mean()),
            "answer/informative": float(useful.any(1).mean()),
        }
        kept = np.ones_like(unfinished) if cfg.overlong == "keep" else ~unfinished
        if not (cfg.kl_coef or cfg.entropy_coef):
            kept &= useful.ravel()  # the others cost as much and have no gradient
        self.updates += 1
        if not kept.any():
            return metrics
        data = self._columns(replace(batch, valid=batch.valid & kept), reward, weights(lengths, cfg.normalise))
        if "reference" in data:
            metrics["policy/kl_reference"] = (data["logp"] - data["reference"]).sum().item() / int(kept.sum())
        return metrics | self._learn(data, scheduled(cfg.lr, cfg.lr_schedule, progress))

    def parts(self) -> dict[str, Any]:
        own = Attributes(self, "updates")
        nets = {"net": self.net, "reference": self.reference}
        return {**nets, "optimizer": self.optimizer, "generator": self.generator, "own": own}

    def _rewards(self, batch: Batch) -> NDArray[np.float64]:
        """(P, G) rewards of the answers to each question.

        Raises:
            UsageError: if those of a group answer different questions.
        """
        asked, group = batch.obs[0], self.cfg.group
        if len(asked) % group or (asked.reshape(-1, group, asked.shape[1]) != asked[::group, None]).any():
            raise UsageError(f"agent.group is {group}, but the environments ask otherwise; give --env.group {group}")
        total: NDArray[np.float64] = (batch.reward * batch.valid).sum(0, dtype=np.float64)
        return total.reshape(-1, group)

    def _columns(self, batch: Batch, reward: NDArray[np.float64], weight: NDArray[np.float64]) -> dict[str, Any]:
        """The tokens to learn from, for `loss`, from rewards (P, G) and the weights of each answer's tokens (R,)."""
        cfg, valid = self.cfg, batch.valid
        data: dict[str, Any] = {
            "obs": texts(self.net.encoder, batch, self.device),
            "action": self._tensor(batch.action[valid]),
            "logp": self._tensor(batch.extras["logp"][valid]),
        }
        penalty = np.zeros(valid.shape)
        if self.reference is not None:
            with torch.no_grad():
                data["reference"] = self.reference(data["obs"]).log_prob(data["action"])
            if cfg.kl_in == "reward":
                penalty[valid] = cfg.kl_coef * (data["logp"] - data["reference"]).cpu().numpy()
        total = reward - penalty.sum(0).reshape(reward.shape)
        better, ahead = reward - baseline(total, cfg.baseline), penalty[::-1].cumsum(0)[::-1]
        advantage = (better.ravel() - ahead) / scale(reward, cfg.scale).ravel()
        columns = {"adv": advantage, "weight": np.broadcast_to(weight, valid.shape)}
        return data | {name: self._tensor(x[valid].astype(np.float32)) for name, x in columns.items()}

    def _learn(self, data: dict[str, Any], lr: float) -> dict[str, float]:
        """Gradient steps; their mean metrics."""
        logs: list[dict[str, Tensor]] = []
        size, count = self.cfg.minibatch, data["obs"].count
        for _ in range(self.cfg.epochs):
            for mb in [data] if size is None else in_pieces(data, size, self.generator):
                # each gradient step counts its answers as if they were all
                mb["weight"] = mb["weight"] * (count / mb["obs"].count)
                total, log = loss(self.net, mb, self.cfg)
                logs.append(log | {"loss/grad_norm": self.optimizer.step(total, lr)})
        means = {name: torch.stack([log[name] for log in logs]).mean().item() for name in logs[0]}
        return means | {"policy/ratio_error": logs[0]["policy/ratio_error"].item(), "policy/lr": lr}

    def _tensor(self, x: NDArray[Any]) -> Tensor:
        return torch.as_tensor(x, device=self.device)
