"""Advantage actor-critic: one gradient step on each short rollout of parallel environments.

Mnih et al. 2016, arXiv:1602.01783, with synchronous environments in place of asynchronous workers (A2C). A `horizon` of
1 is online actor-critic (Huang, section 29.2). Time-limit truncations bootstrap from V(final_obs). With whole
`episodes` and `lam` 1 the critic is only a baseline of Monte Carlo returns and adds no bias (Huang, section 29.4).

Two variants learn Q(s, a) beside V. As a control variate (Gu et al. 2016, "Q-Prop", arXiv:1611.02247) it replaces what
it says of the action drawn by its mean over actions. With a `replay` the actor-critic is off-policy (Huang, section
29.3, where V would belong to the policies of the past): of remembered states it asks Q about the actions that it would
take now.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Generator, Tensor

from ..core.acting import Acting, Mode
from ..core.batch import Batch
from ..core.checkpoint import Attributes
from ..core.errors import UsageError, check_ranges
from ..core.learn.actor import Actor
from ..core.learn.optim import Adam, RMSprop, Schedule, scheduled
from ..core.learn.returns import n_step
from ..core.learn.rewards import RewardConfig, Rewards
from ..core.learn.stats import explained_variance, standardized
from ..core.mirror import Mirror
from ..core.nets import ActorCritic, Critic, SharedConfig
from ..core.nets.build import Build
from ..core.ranges import DISCOUNTS, ENTROPIES, LAMBDAS, Choice, Log, powers
from ..core.replay.replay import Replay
from ..core.rollout.engine import Whole
from ..core.rollout.policy import PolicyActing
from ..core.written_out.epochs import Terms
from ..core.written_out.structure import ACTOR_CRITIC, STEPS
from ..core.written_out.surrogate import Surrogate


@dataclass(frozen=True)
class Config(SharedConfig, RewardConfig):
    """Hyper-parameters of A2C."""

    horizon: Annotated[int, powers(4, 256)] = 5
    """Steps per environment between updates; 1 learns from every step."""
    episodes: int | None = None
    """Whole episodes per environment between updates, in place of `horizon` steps."""
    optimizer: Literal["rmsprop", "adam"] = "rmsprop"
    """rmsprop: TensorFlow's, as in the published results."""
    lr: Annotated[float, Log(1e-5, 1e-2)] = 7e-4
    """Step size of the optimiser."""
    lr_schedule: Schedule = "constant"
    """linear, cosine: the step size falls to 0 at the end of the run."""
    optimizer_eps: float = 1e-5
    """The optimiser's epsilon; larger damps steps where gradients are tiny."""
    max_grad_norm: float = 0.5
    """Global gradient norm above which gradients are scaled down."""
    gamma: Annotated[float, DISCOUNTS] = 0.99
    """Discount per step."""
    lam: Annotated[float, LAMBDAS] = 1.0
    """GAE lambda: 0 is one-step TD, 1 bootstraps at the rollout's end alone; higher means less bias, more variance."""
    n_step: int | None = None
    """Rewards to add up before V takes over, the same for every step, in place of `lam`."""
    control_variate: bool = False
    """Replace what a learned Q(s, a) says of the action drawn by its mean over actions: less variance, no bias."""
    replay: int = 0
    """Transitions to remember; above 0 it learns from them alone, off-policy and one step at a time."""
    replay_batch: int = 256
    """Transitions drawn for each gradient step."""
    replay_steps: int = 1
    """Gradient steps on remembered transitions per rollout; more learn more from each and lean more on Q."""
    critic_lr: float = 1e-3
    """Adam step size of Q(s, a)."""
    value_coef: float = 0.5
    """Weight of the mean squared value error."""
    entropy_coef: Annotated[float, ENTROPIES] = 0.0
    """Weight of the entropy bonus; higher keeps the policy exploring."""
    normalize_advantage: Annotated[bool, Choice(False, True)] = False
    """Bring advantages to mean 0 and standard deviation 1 in each update."""
    value_warmup: int = 0
    """Updates at the start in which only the value function learns: for a policy that is good already (init_from)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        positive = ("horizon", "episodes", "n_step", "lr", "optimizer_eps", "max_grad_norm")
        check_ranges(
            self,
            positive=(*positive, "replay_batch", "replay_steps", "critic_lr"),
            unit=("gamma", "lam"),
            at_least_0=("replay", "value_warmup", "value_coef", "entropy_coef"),
        )
        if self.replay and self.value_warmup:
            raise UsageError("value_warmup is for learning from rollouts and does not go with a replay; choose one")
        if self.replay and self.control_variate:
            raise UsageError("control_variate is for the on-policy gradient and does not go with a replay; choose one")
        if self.replay and self.memory != "none":
            raise UsageError(
                "the replay remembers single steps, without what was before them; leave memory or replay out"
            )
        if (self.replay or self.control_variate) and self.head == "autoregressive":
            raise UsageError("Q(s, a) is followed through the action, which has no gradient in bins; use another head")
        if 0 < self.replay < self.replay_batch:
            raise UsageError(f"replay is {self.replay}; it must hold at least one replay_batch ({self.replay_batch})")


def loss(
    net: ActorCritic,
    mb: dict[str, Tensor],
    cfg: Config,
    critic: Critic | None = None,
    generator: Generator | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Scalar to minimise and what to log, from the B flat steps of a rollout; `critic` is the control variate.

    | mb      | shape       | meaning                             |
    |---------|-------------|-------------------------------------|
    | obs     | (B, *obs)   | stored observations                 |
    | action  | (B, *act)   | as chosen, not clipped              |
    | adv     | (B,)        | advantage, a constant to the policy |
    | ret     | (B,)        | value target, a constant            |
    """
    pi, value = net(mb["obs"])
    adv, scale = mb["adv"], torch.ones(())
    if cfg.normalize_advantage and len(adv) > 1:
        adv, scale = standardized(adv), 1 / (adv.std() + 1e-8)
    policy = torch.zeros(())
    if critic is not None:
        features = net.encoder(mb["obs"]).detach()
        adv = adv - scale * critic.centred(features, mb["action"], pi).detach()
        policy = -scale * critic.mean(features, pi, generator).mean()
    policy = policy - (pi.log_prob(mb["action"]) * adv).mean()
    return _total(policy, (value - mb["ret"]).square().mean(), pi.entropy().mean(), cfg)


def off_policy_loss(
    net: ActorCritic, critic: Critic, mb: dict[str, Tensor], cfg: Config, generator: Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """Scalar to minimise and what to log, from B remembered states: pi climbs Q, V follows its mean over actions."""
    pi, value = net(mb["obs"])
    mean = critic.mean(net.encoder(mb["obs"]).detach(), pi, generator)
    return _total(-mean.mean(), (value - mean.detach()).square().mean(), pi.entropy().mean(), cfg)


def critic_loss(net: ActorCritic, critic: Critic, mb: dict[str, Tensor]) -> Tensor:
    """Mean squared error of Q(s, a) against the targets "ret" (B,)."""
    with torch.no_grad():
        features = net.encoder(mb["obs"])
    q: Tensor = critic(features, mb["action"])
    return (q - mb["ret"]).square().mean()


def _total(policy: Tensor, value_error: Tensor, entropy: Tensor, cfg: Config) -> tuple[Tensor, dict[str, Tensor]]:
    total = policy + cfg.value_coef * value_error
    if cfg.entropy_coef:
        total = total - cfg.entropy_coef * entropy
    return total, {"loss/policy": policy, "loss/value": value_error, "policy/entropy": entropy}


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
        self.cfg = cfg
        self.horizon = cfg.horizon if cfg.episodes is None else Whole(cfg.episodes)
        self.actor = Actor(obs, action, cfg, device, seed, net, Rewards.of(cfg, cfg.gamma))
        self.net, self.convolutional = self.actor.net, self.actor.convolutional
        optimizer = {"rmsprop": RMSprop, "adam": Adam}[cfg.optimizer]
        self.optimizer = optimizer(self.net.parameters(), cfg.optimizer_eps, cfg.max_grad_norm)
        self.updates = 0
        self.critic: Critic | None = None
        if cfg.control_variate or cfg.replay:
            with torch.random.fork_rng():
                torch.manual_seed(seed + 1)
                self.critic = Critic(self.net.encoder.size, action, cfg).to(self.actor.device)
            self.critic_optimizer = Adam(self.critic.parameters())
        self.replay = Replay(cfg.replay, gamma=cfg.gamma, seed=seed) if cfg.replay else None
        self._written_out = Surrogate.of(self.net, self.optimizer)

    @property
    def paths(self) -> dict[str, str]:
        """How the gradient comes about."""
        return {"gradient": "written out" if self._twin() else "autograd"}

    def acting(self, envs: int, mode: Mode = "learn", seed: int = 0) -> Acting:
        return PolicyActing(self.actor, envs, mode, seed)  # its fast path: core/rollout/fused.py

    def adopt(self, weights: Mapping[str, Any]) -> None:
        """Begin with the policy of another network's `weights`."""
        self.actor.adopt(weights)

    def update(self, batch: Batch, progress: float) -> dict[str, float]:
        """One gradient step on the whole rollout, or `replay_steps` on remembered transitions."""
        lr = scheduled(self.cfg.lr, self.cfg.lr_schedule, progress)
        if self.replay is not None:
            metrics = self._remember_and_learn(batch, lr)
        else:
            metrics = self._learn(batch, lr, self.actor.noise.due(progress))
        self.updates += 1
        self.actor.end_rollout(batch)
        metrics["policy/lr"] = lr
        return metrics

    def parts(self) -> dict[str, Any]:
        q = {} if self.critic is None else {"critic": self.critic, "critic_optimizer": self.critic_optimizer}
        own = {"optimizer": self.optimizer, "own": Attributes(self, "updates"), "replay": self.replay}
        return {**self.actor.parts(), **q, **own}

    def _learn(self, batch: Batch, lr: float, look: bool) -> dict[str, float]:
        """One gradient step on the rollout; with `look`, the diagnosis of that step too."""
        cfg, actor = self.cfg, self.actor
        adv, ret = self._advantages(batch)
        data = actor.columns(batch, obs=batch.obs[:-1], action=batch.action, **batch.extras, adv=adv, ret=ret)
        noise = actor.gradient_noise(data, data["adv"]) if look else {}
        twin = self._twin()
        if twin:
            terms = Terms(cfg.value_coef, cfg.entropy_coef, cfg.normalize_advantage, ratios=False)
            logged = twin.differentiate(data, terms)[:3]
            norm = self.optimizer.descend(lr)
        else:
            total, log = loss(self.net, data, cfg, self.critic, actor.generator)
            if self.updates < cfg.value_warmup:
                total = cfg.value_coef * log["loss/value"]
            norm = self.optimizer.step(total, lr)
            logged = torch.stack([x.detach() for x in log.values()])
        metrics = dict(zip(_LOGGED, torch.cat([logged, norm[None]]).tolist(), strict=True)) | noise
        if self.critic is not None:  # only now: fitted to these returns before, Q would know the actions' luck
            error = critic_loss(self.net, self.critic, data)
            self.critic_optimizer.step(error, cfg.critic_lr)
            metrics["loss/critic"] = float(error.detach())
        metrics["value/explained_variance"] = explained_variance(data["value"].cpu().numpy(), data["ret"].cpu().numpy())
        return metrics | (actor.moved(data) if look else {})

    def _remember_and_learn(self, batch: Batch, lr: float) -> dict[str, float]:
        """Gradient steps on remembered transitions, once there are enough of them."""
        cfg, actor, replay, critic = self.cfg, self.actor, self.replay, self.critic
        assert replay is not None
        assert critic is not None
        replay.add(actor.rewards.replaced(batch))
        if len(replay) < cfg.replay_batch:
            return {}
        logs = []
        for _ in range(cfg.replay_steps):
            drawn = replay.sample(cfg.replay_batch)
            mb = {name: torch.as_tensor(x, device=actor.device) for name, x in drawn.items()}
            with torch.no_grad():
                mb["ret"] = mb["reward"] + mb["discount"] * self.net.value(mb["next_obs"])
            error = critic_loss(self.net, critic, mb)
            self.critic_optimizer.step(error, cfg.critic_lr)
            total, log = off_policy_loss(self.net, critic, mb, cfg, actor.generator)
            norm = self.optimizer.step(total, lr)
            logs.append(torch.stack([*(x.detach() for x in log.values()), norm, error.detach()]))
        return dict(zip((*_LOGGED, "loss/critic"), torch.stack(logs).mean(0).tolist(), strict=True))

    def _advantages(self, batch: Batch) -> tuple[NDArray[Any], NDArray[Any]]:
        """Advantages and value targets, both (T, N)."""
        reward, value, cfg = self.actor.rewards(batch), batch.extras["value"], self.cfg
        if cfg.n_step is None:
            return self.actor.advantages(batch, reward, value, cfg.gamma, cfg.lam)
        edge_value = self.actor.edge_values(batch)
        ret = n_step(reward, batch.next_value(value, edge_value), batch.done, cfg.gamma, cfg.n_step)
        return ret - value, ret

    def _twin(self) -> Surrogate | None:
        """The fast path: what computes `loss` in its place (`core/written_out/surrogate.py`), while it is the same."""
        cfg, twin = self.cfg, self._written_out
        if cfg.twins == "none" or self.critic is not None or self.updates < cfg.value_warmup:
            return None
        return twin if twin and twin.fits(self.net, self.optimizer) and _MIRROR.shows() else None


_MIRROR = Mirror(__name__, {"loss": "d951fbd5", "_total": "c477f426", "standardized": "b593e94b"}, ACTOR_CRITIC, STEPS)
_LOGGED = ("loss/policy", "loss/value", "policy/entropy", "loss/grad_norm")
