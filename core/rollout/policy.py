"""Acting with a policy, or greedily on action values."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..acting import Acting, Memoryless, Mode, spawned
from ..heads import StateDependentNoiseHead
from ..jitted.greedy import choose_all
from ..jitted.rng import stream
from ..learn.actor import Actor
from ..mirror import Mirror
from ..nets import ActionValue
from .fused import GREEDY, SAMPLED, FusedActor, fused
from .remembered import Remembered


class PolicyActing(Memoryless):
    """Draws the actions of N environments from pi, or takes its likeliest ones; state-dependent noise is its own.

    Learning, it also records "logp" and "value" (N,), and its twin is a jitted loop (`fused.py`) for networks that one
    knows.
    """

    def __init__(self, actor: Actor, envs: int, mode: Mode, seed: int) -> None:
        self.actor, self.mode = actor, mode
        self.generator = torch.Generator(actor.device).manual_seed(spawned(seed, 1))
        self._fused: FusedActor | None = fused(actor.net, envs, seed) if mode == "learn" and actor.twins else None
        self._noise, self._remembered = _Noise(envs), Remembered(actor.net.encoder, envs)
        self._seen: Any = None

    @property
    def twin(self) -> Acting | None:
        """The jitted loop, as long as it computes exactly this."""
        twin = self._fused
        if twin is None or type(self) is not PolicyActing:
            return None
        return twin if twin.holds() and _SAMPLED.shows() else None

    @torch.inference_mode()
    def __call__(self, obs: NDArray[Any], first: NDArray[Any]) -> dict[str, NDArray[Any]]:
        actor, net = self.actor, self.actor.net
        x = torch.as_tensor(obs, device=actor.device)
        seen = self._remembered.seen(net.encoder, x, first, actor.rollouts)
        self._seen = seen
        if self.mode == "best":
            action = net.policy(seen)[0].mode()
            self._remembered.turn(seen)
            return {"action": self._to_numpy(action)}
        if isinstance(net.policy_head, StateDependentNoiseHead):
            pi, features = net.policy(seen)
            value = net.value(seen)
            matrices = self._noise.matrices(net.policy_head, actor, self.generator)
            action = pi.mode() + net.policy_head.explore(features, matrices)
        else:
            pi, value = net(seen)
            action = pi.sample(self.generator)
        before, logp = self._remembered.turn(seen), pi.log_prob(action)
        return {"action": self._to_numpy(action), "logp": logp.cpu().numpy(), "value": value.cpu().numpy(), **before}

    def thoughts(self) -> dict[str, NDArray[Any]]:
        """The values of the last observations, and the probabilities or the mean and deviation of the actions."""
        return {} if self._seen is None else self.actor.thoughts(self._seen)

    def parts(self) -> dict[str, Any]:
        """The generator, the noise that lives on, and the twin's random numbers."""
        return {
            "generator": self.generator,
            "noise": self._noise,
            **self._remembered.part(),
            "twin": None if self._fused is None else self._fused.parts(),
        }

    def _to_numpy(self, action: Tensor) -> NDArray[Any]:
        return action.view(len(action), *self.actor.net.action_shape).cpu().numpy()


class EpsilonGreedy(Memoryless):
    """Takes the best actions of N environments, or any with probability epsilon; noisy layers draw noise of their own.

    `mode` best explores neither way.
    """

    def __init__(self, net: ActionValue, envs: int, mode: Mode, seed: int, twins: bool) -> None:
        self.net, self.explores, self.device = net, mode != "best", net.epsilon.device
        self.random = stream(seed)
        self.generator = torch.Generator(self.device).manual_seed(spawned(seed, 1))
        self._fused: FusedActor | None = fused(net, envs, seed) if twins and mode == "learn" else None
        self._remembered = Remembered(net.encoder, envs)
        self._seen: Any = None

    @property
    def twin(self) -> Acting | None:
        """The jitted loop, as long as it computes exactly this."""
        twin = self._fused
        if twin is None or type(self) is not EpsilonGreedy:
            return None
        return twin if twin.holds() and _GREEDY.shows() else None

    @torch.inference_mode()
    def __call__(self, obs: NDArray[Any], first: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        net = self.net
        seen = self._remembered.seen(net.encoder, torch.as_tensor(obs, device=self.device), first)
        self._seen = seen
        net.train(self.explores)
        if self.explores:
            net.resample(self.generator)
        values = net.values(net(seen)).cpu().numpy()
        mask = net.encoder.mask(seen) if net.masked else None
        masks = np.zeros((len(values), 0), np.int8) if mask is None else mask.cpu().numpy()
        epsilon = net.epsilon.item() if self.explores else 0.0
        return {"action": choose_all(values, masks, epsilon, self.random), **self._remembered.turn(seen)}

    @torch.inference_mode()
    def thoughts(self) -> dict[str, NDArray[Any]]:
        """Q (N, A) of the last observations, and the best action's as the state's value."""
        if self._seen is None:
            return {}
        net = self.net.eval()
        out = net(self._seen)
        values, best = net.values(out), net.greedy(self._seen, out)
        return {"value": values.gather(-1, best[:, None])[:, 0].cpu().numpy(), "action value": values.cpu().numpy()}

    def parts(self) -> dict[str, Any]:
        """The coins, the noise, what is remembered, and the twin's random numbers."""
        twin = None if self._fused is None else self._fused.parts()
        return {"random": self.random, "generator": self.generator, **self._remembered.part(), "twin": twin}


class _Noise:
    """Exploration matrices (N, F, D) of state-dependent noise.

    They live for `sde_freq` steps and never longer than a rollout: a new policy explores anew.
    """

    def __init__(self, envs: int) -> None:
        self._envs = envs
        self._drawn: Tensor | None = None
        self._age, self._rollout = 0, -1  # how often they were used, and for which rollout they were drawn

    def matrices(self, head: StateDependentNoiseHead, actor: Actor, generator: torch.Generator) -> Tensor:
        """Those of the next step."""
        if self._drawn is None or self._rollout != actor.rollouts or self._age == actor.sde_freq:
            self._drawn, self._age, self._rollout = head.draw(self._envs, generator), 0, actor.rollouts
        self._age += 1
        return self._drawn

    def state(self) -> dict[str, Any]:
        """The matrices, their age and their rollout."""
        drawn = None if self._drawn is None else self._drawn.clone()
        return {"drawn": drawn, "age": self._age, "rollout": self._rollout}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`.

        Raises:
            ValueError: if it is of other environments.
        """
        drawn = state["drawn"]
        if drawn is not None and (drawn.ndim != 3 or len(drawn) != self._envs or not np.isfinite(drawn).all()):
            raise ValueError(f"the saved noise is not of {self._envs} environments")
        self._drawn = None if drawn is None else torch.as_tensor(drawn)
        self._age, self._rollout = state["age"], state["rollout"]


_SAMPLED = Mirror(__name__, {"PolicyActing.__call__": "1457fe89", "PolicyActing._to_numpy": "6fa544f7"}, SAMPLED)
_GREEDY = Mirror(__name__, {"EpsilonGreedy.__call__": "93d3ef86"}, GREEDY)
