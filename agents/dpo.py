"""Direct preference optimisation: a policy that writes the answers that were judged better, without a reward model.

The policy that earns most of the rewards behind the judgements, without going far from the one it begins with, has
log ratios that are these rewards, so that these can be learned in their place (Rafailov et al. 2023,
arXiv:2305.18290). `kind` makes of it IPO (arXiv:2310.12036), SimPO (arXiv:2405.14734) and KTO (arXiv:2402.01306).
A pass over the comparisons is an update, whose steps are the tokens of the answers.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

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
from ..core.learn.pieces import texts
from ..core.learn.preference import Preference, per_pair
from ..core.learn.recorded import episodes
from ..core.nets import TextConfig, TextPolicy
from ..core.nets.build import Build, PolicyLike, built
from ..core.nets.policy import adopt_policy
from ..core.rollout.alone import PolicyAlone
from ..core.rollout.recording import Recorded

_AT_ONCE = 256  # answers that are read where nothing is learned


@dataclass(frozen=True)
class Config(TextConfig):
    """Hyper-parameters of DPO."""

    kind: Preference = "dpo"
    """dpo compares sums over tokens; ipo asks for a difference of their means and no more; simpo needs no reference;
    kto compares each answer with the mean of all."""
    beta: float = 0.1
    """Factor of the log ratios: the larger, the nearer the policy stays to the one it began with."""
    margin: float = 0.5
    """By how much simpo wants a better answer to be worth more than the worse one."""
    likelihood_coef: float = 0.0
    """Weight of the better answers' mean -log pi per token, for preferences alone mostly make both answers rarer."""
    minibatch: int = 64
    """Answers per gradient step, in whole questions."""
    optimizer: Optimizer = "adam"
    """adam, or muon for the matrices of the transformer's blocks and adam for the rest. Muon needs torch 2.9."""
    lr: float = 3e-4
    """Step size."""
    lr_schedule: Schedule = "linear"
    """linear, cosine: the step size falls to 0 at the end of the run."""
    max_grad_norm: float = 1.0
    """Global gradient norm above which gradients are scaled down."""
    validation: float = 0.1
    """Share of the questions whose comparisons are held out to measure accuracy on."""
    hidden: tuple[int, ...] = ()
    """Widths of hidden layers after the transformer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        positive, at_least_0 = ("beta", "minibatch", "lr", "max_grad_norm"), ("margin", "likelihood_coef")
        check_ranges(self, positive=positive, unit=("validation",), at_least_0=at_least_0)


def loss(net: TextPolicy, mb: dict[str, Any], cfg: Config) -> tuple[Tensor, dict[str, Tensor]]:
    """Scalar to minimise and what to log, from P pairs of A answers, of B tokens in all.

    | mb        | shape  | meaning                                                   |
    |-----------|--------|-----------------------------------------------------------|
    | obs       | (B,)   | what was written before each token, as `Texts`            |
    | action    | (B,)   | the token                                                 |
    | answer    | (B,)   | number of the answer that it is of                        |
    | reference | (A,)   | log-probabilities of answers under the policy begun with  |
    | pair      | (P, 2) | numbers of the better answer and of the worse one         |
    | weight    | (P,)   | one over the pairs of the question                        |
    """
    logp = net(mb["obs"]).log_prob(mb["action"])
    none = torch.zeros_like(mb["reference"])
    total, length = (none.index_add(0, mb["answer"], x) for x in (logp, torch.ones_like(logp)))
    gained = total if cfg.kind == "simpo" else total - mb["reference"]
    better, worse = mb["pair"].unbind(-1)
    each = per_pair(cfg.kind, gained[better], gained[worse], (length[better], length[worse]), cfg.beta, cfg.margin)
    share = mb["weight"] / mb["weight"].sum()
    preference = (share * each).sum()
    likely = -(share * total[better] / length[better]).sum()
    with torch.no_grad():
        logs = {
            "loss/preference": preference,
            "loss/text": likely,
            "preference/accuracy": (share * (0.5 + 0.5 * (gained[better] - gained[worse]).sign())).sum(),
            "preference/margin": cfg.beta * (share * (gained[better] - gained[worse])).sum(),
            "policy/gain_better": (share * (total - mb["reference"])[better]).sum(),
            "policy/gain_worse": (share * (total - mb["reference"])[worse]).sum(),
        }
    return preference + cfg.likelihood_coef * likely, logs


class Agent:
    """Writes, learns from one pass over comparisons at a time."""

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
        self.cfg, self.horizon, self.device, self.seed = cfg, Recorded(), torch.device(device), seed
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.net = built(TextPolicy, PolicyLike, obs, action, cfg, net).to(self.device)
        self.reference = deepcopy(self.net)
        self.optimizer = optimizer(cfg.optimizer, self.net, cfg.max_grad_norm)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.passes = 0

    @property
    def paths(self) -> dict[str, str]:
        """How the gradient comes about."""
        return {"gradient": "autograd"}

    def acting(self, envs: int, mode: Mode = "learn", seed: int = 0) -> Acting:
        return PolicyAlone(lambda: (self.net, self.passes), envs, mode, seed)

    def adopt(self, weights: Mapping[str, Any]) -> None:
        """Begin with the policy of another network's `weights`, which is the reference, too."""
        adopt_policy(self.net, weights)
        self.reference.load_state_dict(self.net.state_dict())

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """One pass over the comparisons."""
        cfg, every = self.cfg, comparisons(batch, self.device)
        held = apart(every, cfg.validation, self.seed)
        data = self._columns(batch)
        lr = scheduled(cfg.lr, cfg.lr_schedule, progress)
        logs = []
        for part in every.at(~held).split(cfg.minibatch, self.generator, learned(batch)):
            total, log = loss(self.net, _minibatch(data, part), cfg)
            logs.append(log | {"loss/grad_norm": self.optimizer.step(total, lr)})
        self.passes += 1
        means = {name: torch.stack([log[name] for log in logs]).mean().item() for name in logs[0]}
        return means | {"policy/lr": lr} | self._validate(data, every.at(held))

    def parts(self) -> dict[str, Any]:
        own = Attributes(self, "seed", "passes")  # which questions are held out must stay
        nets = {"net": self.net, "reference": self.reference}
        return {**nets, "optimizer": self.optimizer, "generator": self.generator, "own": own}

    @torch.no_grad()
    def _columns(self, batch: Batch) -> dict[str, Any]:
        """All tokens, and of each answer the log-probability under the reference."""
        seen = texts(self.net.encoder, batch, self.device, every=True)
        action = torch.as_tensor(batch.action.ravel(), device=self.device)
        answer = torch.as_tensor(episodes(batch).ravel(), device=self.device)
        logp = torch.zeros(len(action), device=self.device)
        for which in torch.arange(seen.count, device=self.device).split(_AT_ONCE):
            part, index = seen.pieces(which)
            logp[index] = self.reference(part).log_prob(action[index])
        reference = torch.zeros(seen.count, device=self.device).index_add(0, answer, logp)
        return {"obs": seen, "action": action, "answer": answer, "reference": reference}

    @torch.no_grad()
    def _validate(self, data: dict[str, Any], held: Comparisons) -> dict[str, float]:
        """Metrics of the comparisons that are held out, if there are any."""
        if not len(held):
            return {}
        names = {"loss/preference": "validation/loss", "preference/accuracy": "validation/accuracy"}
        sums, total = dict.fromkeys(names, 0.0), 0.0
        for part in held.parts(_AT_ONCE):
            log, weight = loss(self.net, _minibatch(data, part), self.cfg)[1], float(part.weight.sum())
            sums = {name: sums[name] + weight * log[name].item() for name in names}
            total += weight
        return {new: sums[name] / total for name, new in names.items()}


def _minibatch(data: dict[str, Any], part: Comparisons) -> dict[str, Any]:
    """The tokens of the answers that are compared."""
    which, pair = part.answers()
    seen, index = data["obs"].pieces(which)
    place = torch.zeros_like(data["reference"], dtype=torch.long)
    place[which] = torch.arange(len(which), device=which.device)
    tokens = {"obs": seen, "action": data["action"][index], "answer": place[data["answer"][index]]}
    return {**tokens, "reference": data["reference"][which], "pair": pair, "weight": part.weight}
