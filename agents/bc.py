"""Behaviour cloning: maximum likelihood of an expert's recorded actions.

Pomerleau 1991, doi:10.1162/neco.1991.3.1.88. Maximising E[log pi(a*|s)] over demonstrations is minimising the forward
KL divergence of the policy from the expert up to a constant, so one Gaussian averages what an expert does one way or
another (heads `mixture` and `autoregressive` do not). Each update is one pass over the demonstrations, and a run's
steps count recorded steps learned from. Nothing determines how such a policy acts where no expert has been.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Generator, Tensor

from ..core.acting import Acting, Mode
from ..core.batch import Batch
from ..core.checkpoint import Attributes
from ..core.errors import UsageError, check_ranges
from ..core.learn.divergence import Divergence, divergence
from ..core.learn.optim import Adam, Schedule, scheduled
from ..core.learn.pieces import in_episodes
from ..core.learn.recorded import episodes, held_out, probability
from ..core.mirror import Mirror
from ..core.nets import Policy, PolicyConfig
from ..core.nets.build import Build, PolicyLike, built
from ..core.nets.remembering import RememberingEncoder
from ..core.rollout.alone import PolicyAlone
from ..core.rollout.recording import Recorded
from ..core.written_out.likelihood import Likelihood
from ..core.written_out.structure import POLICY, STEPS


@dataclass(frozen=True)
class Config(PolicyConfig):
    """Hyper-parameters of behaviour cloning."""

    minibatch: int = 128
    """Recorded steps per gradient step."""
    lr: float = 1e-3
    """Adam step size."""
    lr_schedule: Schedule = "linear"
    """linear, cosine: the step size falls to 0 at the end of the run."""
    l2: float = 0.0
    """Weight of half the sum of squared weights; larger keeps the policy smoother."""
    entropy_coef: float = 0.0
    """Weight of the entropy bonus; higher keeps the policy from being too sure."""
    noise: float = 0.0
    """Noise on observations while learning, in standard deviations of each number observed."""
    balance: bool = False
    """Weigh every Discrete action alike, however often the expert takes it."""
    divergence: Divergence = "forward_kl"
    """Divergence to minimise: forward_kl needs only the expert's actions (it is their likelihood); the others need the
    probabilities of all actions, which demonstrations by a policy over Discrete actions hold."""
    validation: float = 0.1
    """Share of the episodes that is held out to measure the loss on."""
    patience: int | None = None
    """Stop after so many passes without a lower validation loss, and act as at the lowest; none: never."""
    relabel: bool = False
    """Learn to reach what was reached: in Dict observations with achieved_goal and desired_goal, take for the goal of
    every step what the episode had achieved at its end (goal-conditioned cloning, Huang 26.4)."""
    normalize_obs: bool = True
    """Standardise observations by the moments of those demonstrated, clipped to +-10; of images only subtract the
    mean."""
    hidden: tuple[int, ...] = (128, 128)
    """Widths of the hidden layers."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(
            self,
            positive=("minibatch", "lr", "patience"),
            unit=("validation",),
            at_least_0=("l2", "entropy_coef", "noise"),
        )


def loss(net: Policy, mb: dict[str, Tensor], cfg: Config) -> tuple[Tensor, dict[str, Tensor]]:
    """Scalar to minimise and what to log, from a minibatch of B recorded steps.

    | mb          | shape       | meaning                                                          |
    |-------------|-------------|------------------------------------------------------------------|
    | obs         | (B, *obs)   | stored observations                                              |
    | action      | (B, *act)   | the expert's                                                     |
    | weight      | (B,)        | of each step, 1 on average                                       |
    | probability | (B, A)      | the expert's, of all actions; for divergences other than forward |
    """
    pi = net(mb["obs"])
    if cfg.divergence == "forward_kl":
        distance = -pi.log_prob(mb["action"])
    else:
        distance = divergence(cfg.divergence, mb["probability"], pi.logp)
    imitation = (mb["weight"] * distance).mean()
    total = imitation
    if cfg.entropy_coef:
        total = total - cfg.entropy_coef * pi.entropy().mean()
    if cfg.l2:
        total = total + 0.5 * cfg.l2 * torch.stack([p.square().sum() for p in net.parameters()]).sum()
    return total, {"loss/imitation": imitation}


class Agent:
    """Acts with pi, learns from one pass over demonstrations at a time."""

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
        self.cfg, self.horizon, self.device, self.seed = cfg, Recorded(), torch.device(device), seed
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.student = built(Policy, PolicyLike, obs, action, cfg, net).to(self.device)
        self.convolutional = bool(self.student.encoder.cnns)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.net = deepcopy(self.student) if cfg.patience else self.student  # the policy of the lowest validation loss
        self.optimizer = Adam(self.student.parameters())
        self._written_out = Likelihood.of(self.student, self.optimizer)
        self.action_space = action
        self.passes, self.since_best, self.lowest = 0, 0, np.inf
        self.finished = False
        """Whether the validation loss has not fallen for `patience` passes: there is nothing more to learn."""
        self.remembers = isinstance(self.student.encoder, RememberingEncoder)
        self._check(obs)

    @property
    def paths(self) -> dict[str, str]:
        """How the gradient comes about."""
        return {"gradient": "written out" if self._twin() else "autograd"}

    def acting(self, envs: int, mode: Mode = "learn", seed: int = 0) -> Acting:
        return PolicyAlone(self.present, envs, mode, seed)

    def present(self) -> tuple[Policy, int]:
        """The policy to act with, which is that of the lowest validation loss, and the version of its weights."""
        return self.net, self.passes

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """One pass over recorded episodes."""
        episode = episodes(batch)
        valid = batch.valid.ravel()
        columns = {"obs": self._goals(batch, episode), "action": batch.action}
        if self.cfg.divergence != "forward_kl":
            columns["probability"] = probability(batch)
        if self.remembers:  # which sees the steps, too, that it does not learn from
            columns |= {"episode": episode, "asked": batch.valid}
            valid = np.ones_like(valid)
        data = {name: self._tensor(x.reshape(-1, *x.shape[2:])[valid]) for name, x in columns.items()}
        whole = held_out(episode, self.cfg.validation, self.seed)
        if self.cfg.patience and not whole.any():
            raise UsageError("patience needs a second episode to hold out; give more demonstrations, or no patience")
        apart = whole.ravel()[valid]
        if self.passes == 0 and not apart.all():
            self.student.encoder.update(data["obs"][self._tensor(~apart)])
        return self.learn(data, apart, progress)

    def learn(self, data: dict[str, Tensor], apart: NDArray[np.bool_], progress: float) -> dict[str, float]:
        """One pass over columns (B, ...) but for the steps held `apart` (B,).

        These are "obs", "action" and, if need be, "probability"; with a memory also "episode", each one's steps in
        order, and perhaps "asked", the steps to learn from.
        """
        train, held = ({name: x[self._tensor(which)] for name, x in data.items()} for which in (~apart, apart))
        self.passes += 1
        if not len(train["obs"]):  # the steps of the run end within episodes that are held out
            return self._validate(held)
        train["weight"] = self._weights(train["action"], train.get("asked"))
        deviation = train["obs"].std(0, correction=0) if self.cfg.noise else None
        lr = scheduled(self.cfg.lr, self.cfg.lr_schedule, progress)
        logs: list[Tensor] = []
        twin = self._twin()
        for mb in self._minibatches(train, self.cfg.minibatch, self.generator):
            if deviation is not None:
                noise = torch.empty_like(mb["obs"]).normal_(generator=self.generator)
                mb["obs"] = mb["obs"] + self.cfg.noise * deviation * noise
            logs.append(self._descend(mb, lr, twin))
        if not logs:
            return self._validate(held)
        imitation, norm = torch.stack(logs).mean(0).tolist()  # the only device-to-host sync of the update
        metrics = {"loss/imitation": imitation, "loss/grad_norm": norm, "policy/lr": lr}
        metrics["policy/entropy"] = self._judge(train, self.cfg.minibatch)["entropy"]
        return metrics | self._validate(held)

    def parts(self) -> dict[str, Any]:
        # which episodes are held out must stay, so the seed is one of them
        own = Attributes(self, "seed", "passes", "since_best", "lowest", "finished")
        nets = {"net": self.net, "student": None if self.net is self.student else self.student}
        return {**nets, "generator": self.generator, "optimizer": self.optimizer, "own": own}

    def _minibatches(self, data: dict[str, Tensor], size: int, generator: Generator | None) -> Iterator[dict[str, Any]]:
        """The steps of `data`, `size` at a time, in random order or as they are; with a memory, whole episodes."""
        if isinstance(self.student.encoder, RememberingEncoder):
            yield from in_episodes(self.student.encoder, data, size, generator)
            return
        count = len(data["obs"])
        order = (
            torch.arange(count) if generator is None else torch.randperm(count, generator=generator, device=self.device)
        )
        for index in order.to(self.device).split(size):
            yield {name: x.index_select(0, index) for name, x in data.items()}

    def _descend(self, mb: dict[str, Tensor], lr: float, twin: Likelihood | None) -> Tensor:
        """One gradient step; loss and length of the gradient, shape (2,)."""
        if twin is None:
            total, log = loss(self.student, mb, self.cfg)
            norm = self.optimizer.step(total, lr)
            return torch.stack([log["loss/imitation"].detach(), norm])
        imitation = twin(mb, self.cfg.entropy_coef)
        flat = self.optimizer.flat
        if self.cfg.l2 and flat.grad is not None:
            flat.grad.add_(flat.data, alpha=self.cfg.l2)
        return torch.tensor([imitation, self.optimizer.descend(lr)])

    def _twin(self) -> Likelihood | None:
        """The fast path: what computes `loss` in its place (`core/written_out/likelihood.py`), while it is the same."""
        twin = self._written_out
        if self.cfg.twins == "none" or self.cfg.divergence != "forward_kl":
            return None
        return twin if twin and twin.fits(self.student, self.optimizer) and _MIRROR.shows() else None

    def _check(self, obs: spaces.Space[Any]) -> None:
        cfg = self.cfg
        discrete = isinstance(self.action_space, spaces.Discrete)
        if cfg.balance and not discrete:
            raise UsageError(f"balance needs Discrete actions, not {self.action_space}. Set balance to false.")
        if cfg.divergence != "forward_kl" and not discrete:
            raise UsageError(f"divergence {cfg.divergence} needs Discrete actions, not {self.action_space}.")
        if cfg.noise and self.student.encoder.layout.dtype != np.float32:
            raise UsageError(f"noise needs observations of real numbers, not {obs}. Set noise to 0.")
        if cfg.noise and self.remembers:
            raise UsageError("noise is added to single observations, which a memory does not see; set noise to 0")
        names = {part.name for part in self.student.encoder.layout.parts}
        if cfg.relabel and not {_ACHIEVED, _DESIRED} <= names:
            raise UsageError(f"relabel needs Dict observations with {_ACHIEVED} and {_DESIRED}, not {obs}.")

    def _goals(self, batch: Batch, episode: NDArray[np.int64]) -> NDArray[Any]:
        """Observations (T, N, *obs), with what each episode achieved at its end as the goal if so asked."""
        obs = batch.obs[:-1]
        if not self.cfg.relabel:
            return obs
        final = np.empty((episode.max() + 1, *obs.shape[2:]), obs.dtype)
        final[episode[-1]] = batch.obs[-1]
        final[episode[tuple(batch.final_at.T)]] = batch.final_obs
        flat = torch.as_tensor(obs.reshape(-1, *obs.shape[2:]).copy())
        layout = self.student.encoder.layout
        achieved = layout.view(torch.as_tensor(final[episode.ravel()]))[_ACHIEVED]
        layout.view(flat)[_DESIRED].copy_(achieved)
        return flat.numpy().reshape(obs.shape)

    def _weights(self, action: Tensor, asked: Tensor | None) -> Tensor:
        """(B,) of mean 1 where it was asked: all alike, or inversely proportional to how often the action occurs."""
        if not self.cfg.balance:
            return torch.ones(len(action), device=self.device)
        answers = action if asked is None else action[asked]
        count = torch.bincount(answers, minlength=int(self.action_space.n))  # type: ignore[attr-defined]
        return len(answers) / (count > 0).sum() / count.clamp(min=1)[action]

    @property
    def _error(self) -> str:
        """How the difference from the expert's actions is called."""
        return "squared_error" if isinstance(self.action_space, spaces.Box) else "disagreement"

    @torch.no_grad()
    def _judge(self, data: dict[str, Tensor], first: int | None = None) -> dict[str, float]:
        """Metrics on recorded steps: the loss, the entropy, and how far the policy's likeliest actions are off.

        With `first` on about the first of them alone.
        """
        sums, seen = torch.zeros(3, device=self.device), 0
        for mb in self._minibatches(data, first or 4096, None):
            count = len(mb["obs"])
            seen += count
            mb["weight"] = torch.ones(count, device=self.device)
            pi = self.student(mb["obs"])
            wanted, chosen = mb["action"].reshape(count, -1), pi.mode().reshape(count, -1)
            off = (wanted - chosen).square().sum(-1) if self._error == "squared_error" else (wanted != chosen).any(-1)
            imitation = loss(self.student, mb, self.cfg)[1]["loss/imitation"]
            sums += torch.stack([imitation * count, pi.entropy().sum(), off.sum()])
            if first:
                break
        return dict(zip(("loss", "entropy", "error"), (sums / max(seen, 1)).tolist(), strict=True))

    def _validate(self, held: dict[str, Tensor]) -> dict[str, float]:
        """Metrics of the steps that are held out, if there are any, after which the policy may be kept."""
        if not len(held["obs"]) or ("asked" in held and not held["asked"].any()):
            return {}
        judged = self._judge(held)
        self._look_back(judged["loss"])
        return {"validation/loss": judged["loss"], f"validation/{self._error}": judged["error"]}

    def _look_back(self, validation: float) -> None:
        """Keep the policy if its validation loss is the lowest; finish when that is too long ago."""
        if not self.cfg.patience:
            return
        self.since_best += 1
        if validation < self.lowest:
            self.lowest, self.since_best = validation, 0
            self.net.load_state_dict(self.student.state_dict())
        self.finished = self.since_best >= self.cfg.patience

    def _tensor(self, x: NDArray[Any]) -> Tensor:
        return torch.as_tensor(x, device=self.device)


_MIRROR = Mirror(__name__, {"loss": "65da48eb"}, POLICY, STEPS)
_ACHIEVED, _DESIRED = "achieved_goal", "desired_goal"  # as Gymnasium-Robotics calls them
