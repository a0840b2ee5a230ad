"""Actor: an actor-critic network that learns, the common part of PPO, TRPO and the policy-gradient agents."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from ..batch import CARRY, Batch
from ..checkpoint import Attributes
from ..heads.thoughts import thoughts_of
from ..nets import ActorCritic, ActorCriticConfig
from ..nets.build import ActorCriticLike, Build, built
from ..nets.policy import adopt_policy
from ..nets.remembering import RememberingEncoder, Sequences
from ..nets.texts import TextEncoder, Texts
from .noise_scale import GradientNoise
from .pieces import edges, in_pieces, pieces, texts
from .returns import gae
from .rewards import Rewards
from .stats import effective_samples, sampled_kl


class Actor:
    """A network and what learning from its rollouts takes; a generator of its own draws minibatches.

    Args:
        cfg: an algorithm's Config; `sde_freq` is the number of steps after which state-dependent noise is drawn anew
            (none: per rollout), the rest describes the network.
        net: builds the network in place of `ActorCritic`.
        rewards: makes of a batch's rewards those to learn from; none: it leaves them as they are.
    """

    def __init__(
        self,
        obs: spaces.Space[Any],
        action: spaces.Space[Any],
        cfg: ActorCriticConfig,
        device: str,
        seed: int,
        net: Build | None = None,
        rewards: Rewards | None = None,
    ) -> None:
        self.device = torch.device(device)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.net = built(ActorCritic, ActorCriticLike, obs, action, cfg, net).to(self.device)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.convolutional = bool(self.net.encoder.cnns)
        self.rewards = rewards or Rewards()
        self.noise = GradientNoise(self.net)
        self.sde_freq, self.chunk = cfg.sde_freq, cfg.chunk
        self.sequential = isinstance(self.net.encoder, RememberingEncoder | TextEncoder)
        self.twins = cfg.twins == "auto"
        self.rollouts = 0
        """How many were learned from: state-dependent exploration draws its noise anew for each."""

    @torch.inference_mode()
    def thoughts(self, seen: Any) -> dict[str, NDArray[Any]]:
        """The value of what is seen (N, ...), and the probabilities or the mean and deviation of the actions."""
        pi, value = self.net(seen)
        return {name: x.cpu().numpy() for name, x in ({"value": value} | thoughts_of(pi)).items()}

    def flat(self, x: NDArray[Any], batch: Batch) -> Tensor:
        """The valid steps of an array (T, N, ...) of a rollout, as a tensor (B, ...)."""
        return self.columns(batch, x=x)["x"]

    def columns(self, batch: Batch, **arrays: NDArray[Any]) -> dict[str, Tensor]:
        """The valid steps of arrays (T, N, ...) of a rollout, as tensors (B, ...); "obs" as `Sequences` or `Texts`."""
        arrays.pop(CARRY, None)
        flat = {name: torch.as_tensor(x, device=self.device).flatten(0, 1) for name, x in arrays.items()}
        if not batch.valid.all():
            valid = torch.as_tensor(batch.valid.ravel(), device=self.device)
            flat = {name: x[valid] for name, x in flat.items()}
        if self.sequential and "obs" in arrays:
            flat["obs"] = self._in_order(batch, self.chunk)
        return flat

    @torch.no_grad()
    def values(self, batch: Batch) -> NDArray[Any]:
        """V (T, N) of the observations that were acted on, by the network as it is now."""
        seen: Any = torch.as_tensor(batch.obs[:-1], device=self.device).flatten(0, 1)
        if self.sequential:
            seen = self._in_order(batch, every=True)
        return self.net.value(seen).view(batch.reward.shape).cpu().numpy()

    @torch.no_grad()
    def edge_values(self, batch: Batch) -> NDArray[Any]:
        """V (N+K,) of `batch.edge_obs`, by the network as it is now."""
        encoder = self.net.encoder
        seen: Any = torch.as_tensor(batch.edge_obs, device=self.device)
        if isinstance(encoder, RememberingEncoder):
            seen = edges(encoder, batch, self.device)
        return self.net.value(seen).cpu().numpy()

    def advantages(
        self, batch: Batch, reward: NDArray[Any], value: NDArray[Any], gamma: float, lam: float
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """GAE(lambda) advantages and value targets, both (T, N), for rewards and V(obs[:-1]) (T, N)."""
        edge_value = self.edge_values(batch)
        adv = gae(reward, value, batch.next_value(value, edge_value), batch.done, gamma, lam)
        return adv, adv + value

    def minibatches(self, data: dict[str, Tensor], size: int) -> Iterator[dict[str, Tensor]]:
        """The B steps of `data` in random order, `size` at a time; where their order counts, whole pieces of it."""
        if isinstance(data.get("obs"), Sequences | Texts):
            yield from in_pieces(data, size, self.generator)
            return
        count = len(next(iter(data.values())))
        if count <= size:  # one minibatch holds everything: its order does not matter
            yield data
            return
        for index in torch.randperm(count, generator=self.generator, device=self.device).split(size):
            yield {name: x.index_select(0, index) for name, x in data.items()}

    def orders(self, count: int, size: int, passes: int) -> Tensor:
        """The orders (E, B) that `minibatches` would take B steps in, in E passes, where their order does not count."""
        if count <= size:
            return torch.arange(count).repeat(passes, 1)
        return torch.stack([torch.randperm(count, generator=self.generator) for _ in range(passes)])

    def gradient_noise(self, data: dict[str, Tensor], adv: Tensor) -> dict[str, float]:
        """Metrics of how noisy the gradient of mean(adv * log pi(a|s)) is, from B steps; see `GradientNoise`."""

        def loss(index: Tensor) -> Tensor:
            pi, _ = self.net.policy(data["obs"][index])
            return -(pi.log_prob(data["action"][index]) * adv[index]).mean()

        return self.noise.look(loss, len(adv), self.device)

    def moved(self, data: dict[str, Tensor]) -> dict[str, float]:
        """Metrics of how far the policy is from the one whose actions and "logp" are in `data`."""
        with torch.no_grad():
            log_ratio = self.net.policy(data["obs"])[0].log_prob(data["action"]) - data["logp"]
        ratios = log_ratio.cpu().numpy()
        return {"policy/kl": sampled_kl(ratios), "policy/effective_samples": effective_samples(ratios)}

    def end_rollout(self, batch: Batch) -> None:
        """After learning from `batch`: standardise by its observations too from now on."""
        if self.net.encoder.standardizers:
            self.net.encoder.update(self.flat(batch.obs[:-1], batch))
        self.rollouts += 1

    def adopt(self, weights: Mapping[str, Any]) -> None:
        """Take the policy out of another network's `weights`: encoder, hidden layers and head.

        How widely Box actions are explored stays this network's own: a clone is as sure as its expert was.

        Raises:
            UsageError: if they are of another shape.
        """
        adopt_policy(self.net, weights)

    def _in_order(self, batch: Batch, chunk: int | None = None, every: bool = False) -> Any:
        """The observations as a memory or a transformer learns from them; they index as observations do."""
        encoder = self.net.encoder
        if isinstance(encoder, TextEncoder):
            return texts(encoder, batch, self.device, every)
        return pieces(batch, chunk, self.device, every)

    def parts(self) -> dict[str, Any]:
        """Weights, normalisers and the generator."""
        return {
            "net": self.net,
            "generator": self.generator,
            "rewards": self.rewards,
            "noise": self.noise,
            "rollouts": Attributes(self, "rollouts"),
        }
