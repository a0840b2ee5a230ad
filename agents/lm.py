"""Language models: the likelihood of texts, to pretrain a policy that writes or to fine-tune it on worked answers.

The loss is the mean of -log pi(token | what is before it) over all tokens of the batch that are not given (Kaplan
§5.4): those of a question are read and not learned. Pretraining and supervised fine-tuning differ in nothing but the
texts, which the environment gives: windows of a file, or questions with their answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from gymnasium import spaces
from torch import Tensor

from ..core.acting import Acting, Mode
from ..core.batch import Batch
from ..core.checkpoint import Attributes
from ..core.errors import check_ranges
from ..core.learn.muon import Optimizer, optimizer
from ..core.learn.optim import Schedule, scheduled, warmed_up
from ..core.learn.pieces import texts
from ..core.nets import TextConfig, TextPolicy
from ..core.nets.build import Build, PolicyLike, built
from ..core.nets.policy import adopt_policy
from ..core.rollout.alone import PolicyAlone
from ..core.rollout.examples import Examples


@dataclass(frozen=True)
class Config(TextConfig):
    """Hyper-parameters of language models."""

    batch: int = 32
    """Texts per gradient step."""
    optimizer: Optimizer = "adam"
    """adam, or muon for the matrices of the transformer's blocks and adam for the rest: steps that cost more and lead
    further. Muon needs torch 2.9."""
    lr: float = 3e-3
    """Step size."""
    lr_schedule: Schedule = "cosine"
    """linear, cosine: the step size falls to 0 at the end of the run."""
    warmup: float = 0.02
    """Share of the run in which the step size rises to `lr`."""
    weight_decay: float = 0.0
    """Share of the step size by which weights shrink in each step (AdamW)."""
    max_grad_norm: float = 1.0
    """Global gradient norm above which gradients are scaled down."""
    hidden: tuple[int, ...] = ()
    """Widths of hidden layers after the transformer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(
            self,
            positive=("batch", "lr", "max_grad_norm"),
            unit=("warmup",),
            at_least_0=("weight_decay",),
        )


def loss(net: TextPolicy, mb: dict[str, Any]) -> Tensor:
    """Scalar to minimise, in nats per token: the mean over the B tokens "action" (B,) that follow "obs"."""
    logp: Tensor = net(mb["obs"]).log_prob(mb["action"])
    return -logp.mean()


class Agent:
    """Writes what is likely, learns from one batch of texts at a time."""

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
        self.cfg, self.horizon, self.device = cfg, Examples(cfg.batch), torch.device(device)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.net = built(TextPolicy, PolicyLike, obs, action, cfg, net).to(self.device)
        self.optimizer = optimizer(cfg.optimizer, self.net, cfg.max_grad_norm, cfg.weight_decay)
        self.updates = 0

    @property
    def paths(self) -> dict[str, str]:
        """How the gradient comes about."""
        return {"gradient": "autograd"}

    def acting(self, envs: int, mode: Mode = "learn", seed: int = 0) -> Acting:
        return PolicyAlone(lambda: (self.net, self.updates), envs, mode, seed)

    def adopt(self, weights: Mapping[str, Any]) -> None:
        """Begin with the policy of another network's `weights`."""
        adopt_policy(self.net, weights)

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """One gradient step."""
        cfg = self.cfg
        lr = warmed_up(scheduled(cfg.lr, cfg.lr_schedule, progress), cfg.warmup, progress)
        total = loss(self.net, self._read(batch))
        norm = self.optimizer.step(total, lr)
        self.updates += 1
        return {"loss/text": total.item(), "loss/grad_norm": norm.item(), "policy/lr": lr}

    @torch.no_grad()
    def likelihood(self, batch: Batch) -> float:
        """Sum of -log pi over the tokens of texts, in nats."""
        return loss(self.net, self._read(batch)).item() * batch.steps

    def parts(self) -> dict[str, Any]:
        return {"net": self.net, "optimizer": self.optimizer, "own": Attributes(self, "updates")}

    def _read(self, batch: Batch) -> dict[str, Any]:
        action = torch.as_tensor(batch.action[batch.valid], device=self.device)
        return {"obs": texts(self.net.encoder, batch, self.device), "action": action}
