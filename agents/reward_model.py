"""Reward models: what an answer is worth, learned from which of two was judged better.

A transformer reads a whole answer and gives a score; judges are taken to prefer one answer to another with the
probability sigmoid(difference of scores) (Bradley & Terry 1952; Christiano et al. 2017, arXiv:1706.03741; for texts
Ouyang et al. 2022, arXiv:2203.02155). A ranking of K answers is its K (K - 1) / 2 pairs. Scores are then measured in
deviations from the mean of the answers that were judged, so that a reward of 0 is what the policy that wrote them
earns. That policy is the one that the run begins with (`--init-from`), and the one that acts: it learns nothing.

A pass over the comparisons is an update, whose steps are the tokens of the answers. `--reward RUN` trains on scores.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ..core.acting import Acting, Mode
from ..core.batch import Batch
from ..core.checkpoint import Attributes
from ..core.errors import check_ranges
from ..core.learn.comparisons import Comparisons, apart, comparisons, learned
from ..core.learn.muon import Optimizer, optimizer
from ..core.learn.optim import Schedule, scheduled
from ..core.learn.preference import bradley_terry
from ..core.nets import Scorer, TextConfig, TextPolicy
from ..core.nets.build import Build, PolicyLike, built
from ..core.nets.policy import adopt_policy
from ..core.rollout.alone import PolicyAlone
from ..core.rollout.recording import Recorded

NAME = "RewardModel"


@dataclass(frozen=True)
class Config(TextConfig):
    """Hyper-parameters of reward models."""

    minibatch: int = 64
    """Answers per gradient step, in whole questions."""
    optimizer: Optimizer = "adam"
    """adam, or muon for the matrices of the transformer's blocks and adam for the rest. Muon needs torch 2.9."""
    lr: float = 5e-4
    """Step size."""
    lr_schedule: Schedule = "linear"
    """linear, cosine: the step size falls to 0 at the end of the run."""
    weight_decay: float = 0.0
    """Share of the step size by which weights shrink in each step (AdamW)."""
    max_grad_norm: float = 1.0
    """Global gradient norm above which gradients are scaled down."""
    error: float = 0.0
    """Share of the judgements that are taken to be wrong by chance, so that scores of the rest do not grow for ever."""
    validation: float = 0.1
    """Share of the questions whose comparisons are held out to measure accuracy on."""
    hidden: tuple[int, ...] = ()
    """Widths of hidden layers after the transformer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        positive, unit = ("minibatch", "lr", "max_grad_norm"), ("error", "validation")
        check_ranges(self, positive=positive, unit=unit, at_least_0=("weight_decay",))


def loss(net: Scorer, mb: dict[str, Any], cfg: Config) -> Tensor:
    """Scalar to minimise: the mean over questions of -log P(judgement), from P pairs of answers.

    | mb     | shape        | meaning                                                 |
    |--------|--------------|---------------------------------------------------------|
    | obs    | (B, context) | the answers, whole                                      |
    | pair   | (P, 2)       | numbers of the better one and of the worse one in `obs` |
    | weight | (P,)         | one over the pairs of the question                      |
    """
    better, worse = net.raw(mb["obs"])[mb["pair"]].unbind(-1)
    judged: Tensor = mb["weight"] * bradley_terry(better - worse, cfg.error)
    total: Tensor = judged.sum() / mb["weight"].sum()
    return total


class Agent:
    """Learns from one pass over comparisons at a time; acts as the policy that wrote the answers."""

    policy = ("net", "scorer")
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
        self.cfg, self.horizon, self.device, self.seed = cfg, Recorded(), torch.device(device), seed
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.net = built(TextPolicy, PolicyLike, obs, action, cfg, net).to(self.device)
            self.scorer = Scorer(obs, action, cfg).to(self.device)
        self.optimizer = optimizer(cfg.optimizer, self.scorer, cfg.max_grad_norm, cfg.weight_decay)
        self.generator = torch.Generator(self.device).manual_seed(seed)

    @property
    def paths(self) -> dict[str, str]:
        """How the gradient comes about."""
        return {"gradient": "autograd"}

    def acting(self, envs: int, mode: Mode = "learn", seed: int = 0) -> Acting:
        return PolicyAlone(lambda: (self.net, 0), envs, mode, seed)

    def adopt(self, weights: Mapping[str, Any]) -> None:
        """Act as the policy of another network's `weights`, and begin to read as it does."""
        adopt_policy(self.net, weights)
        self.scorer.adopt(weights)

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """One pass over the comparisons."""
        cfg, every = self.cfg, comparisons(batch, self.device)
        held = apart(every, cfg.validation, self.seed)
        train, judged = every.at(~held), every.at(held)
        answers = torch.as_tensor(batch.final_obs, device=self.device)
        lr = scheduled(cfg.lr, cfg.lr_schedule, progress)
        logs = []
        for part in train.split(cfg.minibatch, self.generator, learned(batch)):
            which, pair = part.answers()
            total = loss(self.scorer, {"obs": answers[which], "pair": pair, "weight": part.weight}, cfg)
            norm = self.optimizer.step(total, lr)
            logs.append(torch.stack([total.detach(), norm]))
        preference, norm = torch.stack(logs).mean(0).tolist()
        raw = self._scores(answers)
        unseen = torch.unique(judged.pair if len(judged) else every.pair)
        self.scorer.measure(raw[unseen])  # answers that were learned from are further apart than others
        metrics = {"loss/preference": preference, "loss/grad_norm": norm, "policy/lr": lr}
        return metrics | _judged(raw, train, "preference") | _judged(raw, judged, "validation")

    @torch.no_grad()
    def _scores(self, answers: Tensor) -> Tensor:
        return torch.cat([self.scorer.raw(part) for part in answers.split(1024)])

    def score(self, obs: np.ndarray) -> np.ndarray:
        """Scores (N,) of whole texts (N, context), in deviations from the mean of the answers that were judged."""
        with torch.inference_mode():
            scores: np.ndarray = self.scorer(torch.as_tensor(obs, device=self.device)).cpu().numpy()
        return scores

    def parts(self) -> dict[str, Any]:
        own = Attributes(self, "seed")  # which questions are held out must stay
        nets = {"net": self.net, "scorer": self.scorer}
        return {**nets, "optimizer": self.optimizer, "generator": self.generator, "own": own}


def _judged(raw: Tensor, pairs: Comparisons, name: str) -> dict[str, float]:
    """The share of comparisons, if there are any, that scores (B,) agree with, and how far these are apart."""
    if not len(pairs):
        return {}
    margin = raw[pairs.pair[:, 0]] - raw[pairs.pair[:, 1]]
    right = (margin > 0).float() + 0.5 * (margin == 0).float()
    return {f"{name}/accuracy": pairs.mean(right).item(), f"{name}/margin": pairs.mean(margin).item()}
