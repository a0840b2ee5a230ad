"""Deep Q-learning, with each of its well-tested improvements as a field.

Mnih et al. 2015 (doi:10.1038/nature14236): Q(s, a) is regressed on r + gamma max_a' Q'(s', a') over a replay of past
steps, where Q' is a slower copy and the maximum is inside the expectation. Nothing is added after a termination; a
truncated episode bootstraps from its final observation. The parts: double (1509.06461), dueling (1511.06581),
prioritised replay (1511.05952), n-step targets, noisy layers (1706.10295), categorical (1707.06887) and quantile
(1710.10044) distributions of the return; together they are Rainbow (1710.02298). With a memory it is R2D2 (Kapturowski
et al. 2019, ICLR): it learns from sequences, whose first steps only bring up to date what was remembered when it acted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Annotated, Any, Literal

import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from ..core.acting import Acting, Mode
from ..core.batch import Batch
from ..core.checkpoint import Attributes
from ..core.errors import UsageError, check_ranges
from ..core.learn.distributional import cross_entropy, projected, quantile_huber
from ..core.learn.optim import Adam, Schedule, flatten, scheduled
from ..core.learn.pieces import in_sequence, surprise
from ..core.learn.rewards import Rewards
from ..core.mirror import Mirror
from ..core.nets import ActionValue, ActionValueConfig
from ..core.nets.build import ActionValueLike, Build, built
from ..core.nets.remembering import side_by_side
from ..core.ranges import Ladder, Linear, Log, powers
from ..core.replay.config import SequenceConfig, at_once, sequences_of
from ..core.replay.pace import Pace
from ..core.rollout.policy import EpsilonGreedy
from ..core.written_out.regression import VALUES, Regression
from ..core.written_out.structure import DESCENT


@dataclass(frozen=True)
class Config(ActionValueConfig, SequenceConfig):
    """Hyper-parameters of DQN."""

    horizon: int = 4
    """Steps per environment between updates."""
    replay_ratio: Annotated[float, Ladder(0.125, 0.25, 0.5, 1.0)] = 0.25
    """Gradient steps per environment step, over all copies together; more learn more from each step, up to a point."""
    minibatch: Annotated[int, powers(32, 256)] = 32
    """Transitions per gradient step."""
    learning_starts: int = 100
    """Steps, with random actions, before the first gradient step."""
    lr: Annotated[float, Log(1e-5, 1e-2)] = 1e-4
    """Adam step size."""
    lr_schedule: Schedule = "constant"
    """linear, cosine: the step size falls to 0 at the end of the run."""
    adam_eps: float = 1e-8
    """Adam's epsilon; larger than usual damps steps where gradients are tiny."""
    max_grad_norm: float = 10.0
    """Global gradient norm above which gradients are scaled down."""
    target_interval: Annotated[int, Ladder(50, 100, 250, 500, 1000, 2500, 5000)] = 2500
    """Gradient steps between updates of the target network."""
    tau: float = 1.0
    """Share of the network that each of them takes over: 1 copies it; a small one, every step, follows smoothly."""
    loss: Literal["huber", "squared"] = "huber"
    """Loss of the TD error; Huber's is linear beyond 1 and bears outliers. Distributions have losses of their own."""
    epsilon_start: float = 1.0
    """Probability of a random action at first."""
    epsilon: Annotated[float, Linear(0.01, 0.2)] = 0.05
    """Probability of a random action in the end."""
    epsilon_fraction: Annotated[float, Linear(0.05, 0.5)] = 0.1
    """Share of the run over which the first falls to the second, linearly."""
    double: bool = False
    """Let the network choose the best next action and the target network judge it: no bias towards lucky values."""
    frames: int = 1
    """Frames per observation, oldest first; above 1 the replay stores each frame once."""

    def __post_init__(self) -> None:
        ActionValueConfig.__post_init__(self)
        SequenceConfig.__post_init__(self)
        check_ranges(
            self,
            positive=("adam_eps", "max_grad_norm", "target_interval", "tau", "frames"),
            unit=("tau", "epsilon_start", "epsilon", "epsilon_fraction"),
            at_least_0=("lr",),
        )
        if self.value_warmup and not self.dueling:
            raise UsageError(
                "value_warmup needs a network in which the state has a value of its own: set dueling to true"
            )


@torch.no_grad()
def targets(net: ActionValue, target_net: ActionValue, mb: dict[str, Tensor], cfg: Config) -> Tensor:
    """Targets of the regression: values (B,), probabilities (B, K), or returns (B, K), as `cfg.distribution` has it.

    `mb` must hold reward (B,), the n-step sum; discount (B,), 0 after a termination; next_obs (B, *obs).
    """
    following: Tensor = target_net(mb["next_obs"])
    best = net.greedy(mb["next_obs"], net(mb["next_obs"]) if cfg.double else following)
    chosen = following[torch.arange(len(best), device=best.device), best]  # (B, K)
    match cfg.distribution:
        case "categorical":
            return projected(chosen.softmax(-1), mb["reward"], mb["discount"], net.returns)
        case "quantile":
            return mb["reward"][:, None] + mb["discount"][:, None] * chosen
    return mb["reward"] + mb["discount"] * chosen.squeeze(-1)


def loss(net: ActionValue, mb: dict[str, Tensor], cfg: Config) -> tuple[Tensor, dict[str, Tensor]]:
    """Scalar to minimise and what to log, from a minibatch of B transitions.

    | mb      | shape           | meaning                                                          |
    |---------|-----------------|------------------------------------------------------------------|
    | obs     | (B, *obs)       | stored observations                                              |
    | action  | (B,)            | as taken                                                         |
    | target  | (B,) or (B, K)  | what `targets` gave                                              |
    | weights | (B,)            | importance weights of the replay                                 |

    "error" (B,) among the logs is by how much each transition surprised: its priority.
    """
    out = net(mb["obs"])
    rows = torch.arange(len(out), device=out.device)
    chosen = out[rows, mb["action"]]  # (B, K)
    if cfg.distribution == "categorical":
        losses = error = cross_entropy(chosen, mb["target"])
    elif cfg.distribution == "quantile":
        losses = error = quantile_huber(chosen, mb["target"])
    else:
        error = chosen.squeeze(-1) - mb["target"]
        size = error.abs()
        losses = error.square() if cfg.loss == "squared" else torch.where(size <= 1, 0.5 * error.square(), size - 0.5)
    total = (mb["weights"] * losses).mean()
    with torch.no_grad():
        value = net.values(out)[rows, mb["action"]].mean()
    return total, {"loss/td": total, "value/q": value, "error": error}


class Agent:
    """Acts epsilon-greedily on Q, learns from a replay of all that it saw."""

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
        self.cfg, self.horizon, self.device = cfg, cfg.horizon, torch.device(device)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            nets = (built(ActionValue, ActionValueLike, obs, action, cfg, net) for _ in range(2))
            self.net, self.target_net = (x.to(self.device) for x in nets)
        self.convolutional = bool(self.net.encoder.cnns)
        self.optimizer = Adam(self.net.parameters(), cfg.adam_eps, cfg.max_grad_norm)
        self._target = flatten(self.target_net.parameters()).data
        self.target_net.load_state_dict(self.net.state_dict())
        self._written_out = Regression.of(self.net, self.target_net, self.optimizer)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        assert isinstance(action, spaces.Discrete)  # others have no values to compare, as the network says
        layout, self._memories = self.net.encoder.layout, side_by_side(self.net.encoder)
        remembered = self._memories[0].remembered if self._memories else None
        self.replay = sequences_of(cfg, remembered, seed, cfg.frames, int(action.n))
        self._at_once = at_once(cfg, prod(layout.shape) * layout.dtype.itemsize, remembered)
        self.rewards = Rewards(sign=cfg.reward_sign)
        self.pace, self.adopted = Pace(cfg.replay_ratio, cfg.learning_starts), False
        self._explore(0.0)

    @property
    def paths(self) -> dict[str, str]:
        """How the gradient comes about."""
        return {"gradient": "written out" if self._twin() else "autograd"}

    def acting(self, envs: int, mode: Mode = "learn", seed: int = 0) -> Acting:
        twins = self.cfg.twins == "auto"  # the fast path: core/rollout/fused.py
        return EpsilonGreedy(self.net, envs, mode, seed, twins)

    def adopt(self, weights: Mapping[str, Any]) -> None:
        """Begin with the policy of another network's `weights`, and explore no more than in the end.

        Raises:
            UsageError: if they are of another shape, or Q is not a dueling network of plain values.
        """
        self.net.adopt(weights)
        self.target_net.load_state_dict(self.net.state_dict())
        self.adopted = True
        self._explore(0.0)

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """Remember the batch, then take the gradient steps that are due."""
        whole = len(self.replay) >= self.cfg.minibatch
        held = max(self.cfg.minibatch, self.replay.count)  # more, while there are steps but no whole sequences of them
        self.pace.refuse_debt(0 if whole else 2 * held * self.cfg.replay_ratio)
        if self.cfg.normalize_obs:
            seen = torch.as_tensor(self.replay.shown(batch), device=self.device)
            for net in (self.net, self.target_net):
                net.encoder.update(seen)
        self.replay.add(self.rewards.replaced(batch))
        self.pace.steps += batch.steps
        logs: list[Tensor] = []
        while len(self.replay) >= self.cfg.minibatch and (due := self.pace.owed()) > 0:
            logs.append(self._learn(due, progress))
        metrics = {"policy/epsilon": self._explore(progress)}
        if logs:
            rows = torch.cat(logs).tolist()  # the only device-to-host sync of the update
            means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
            metrics |= dict(zip((*_LOGGED, "loss/grad_norm"), means, strict=True))
        return metrics

    def parts(self) -> dict[str, Any]:
        return {
            "net": self.net,
            "target_net": self.target_net,
            "optimizer": self.optimizer,
            "generator": self.generator,
            "pace": self.pace,
            "own": Attributes(self, "adopted"),
            "replay": self.replay,
        }

    def _explore(self, progress: float) -> float:
        """Set epsilon for the next steps; returns it."""
        cfg = self.cfg
        share = min(progress / cfg.epsilon_fraction, 1.0) if cfg.epsilon_fraction else 1.0
        annealed = cfg.epsilon_start + share * (cfg.epsilon - cfg.epsilon_start)
        if self.adopted:  # at random it would not get to the states that its policy is good for
            annealed = cfg.epsilon
        elif self.pace.waits:
            annealed = 1.0
        self.net.epsilon.fill_(annealed)
        return annealed

    def _learn(self, due: int, progress: float) -> Tensor:
        """Take gradient steps on minibatches drawn in one call: up to `due`, and as long as the target stands still.

        Returns what is logged of each of the k steps, shape (k, 3).
        """
        cfg = self.cfg
        count = min(due, cfg.target_interval - self.pace.updates % cfg.target_interval, self._at_once)
        if cfg.value_warmup:
            warming = self.pace.updates < cfg.value_warmup
            count = min(count, cfg.value_warmup - self.pace.updates) if warming else count
            for name, parameter in self.net.named_parameters():
                parameter.requires_grad_(not warming or name.startswith("state_value."))
        lr = scheduled(cfg.lr, cfg.lr_schedule, progress)
        drawn = self.replay.sample(cfg.minibatch, count, cfg.beta + progress * (1.0 - cfg.beta))
        logged, errors = self._fit(drawn, lr)
        if cfg.priority:
            self.replay.update_priorities(drawn["indices"], errors)
        self.pace.updates += count
        if self.pace.updates % cfg.target_interval == 0:
            self._target.lerp_(self.optimizer.flat.data, cfg.tau)
        return logged

    def _fit(self, drawn: dict[str, NDArray[Any]], lr: float) -> tuple[Tensor, NDArray[Any]]:
        """One gradient step on each of k minibatches (k, B, ...); what is logged (k, 3), and the errors (k, B)."""
        if twin := self._twin():
            return twin.fit(drawn, lr, self.cfg.double, self.cfg.loss == "squared")
        data = {name: torch.as_tensor(x, device=self.device) for name, x in drawn.items()}
        logged, errors = [], []
        self.net.train()
        for k in range(len(drawn["reward"])):
            mb = {name: x[k] for name, x in data.items()}
            learned = mb.get("learned")
            if self._memories:
                mb = in_sequence(self._memories, mb, self.cfg.burn_in)
            for net in (self.net, self.target_net):
                net.resample(self.generator)
            mb["target"] = targets(self.net, self.target_net, mb, self.cfg)
            total, log = loss(self.net, mb, self.cfg)
            norm = self.optimizer.step(total, lr)
            logged.append(torch.stack([*(log[name].detach() for name in _LOGGED), norm]))
            error = log["error"].detach()
            errors.append(error if learned is None else surprise(error, learned))
        return torch.stack(logged), torch.stack(errors).cpu().numpy()

    def _twin(self) -> Regression | None:
        """The fast path: what computes `targets`, `loss` and the steps in their place, while it is the same.

        See `core/written_out/regression.py`.
        """
        twin = self._written_out
        if self.cfg.twins == "none" or twin is None:
            return None
        return twin if twin.fits(self.net, self.target_net, self.optimizer) and _MIRROR.shows() else None


_MIRROR = Mirror(__name__, {"targets": "11656974", "loss": "ca842c49"}, VALUES, DESCENT)
_LOGGED = ("loss/td", "value/q")
