"""Acting of agents that learn from a replay: at random until they learn, then with the noise of their policy."""

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..acting import Acting, Memoryless, Mode, spawned
from ..mirror import Mirror
from ..nets import Policy
from ..nets.remembering import RememberingEncoder
from .fused import INSIDE, fused
from .noise import Noise
from .remembered import Remembered


class Explorer(Protocol):
    """An agent that explores, for stored observations (N, *obs), or these with their past."""

    device: torch.device
    memories: tuple[RememberingEncoder, ...]  # whatever of it remembers what is seen

    @property
    def net(self) -> Policy: ...
    @property
    def explores_as_read(self) -> bool: ...  # whether `explore` is what its twin was made from
    @property
    def waits(self) -> bool: ...  # whether it knows nothing yet, and tries actions at random
    def uniform(self, obs: Tensor, generator: torch.Generator) -> Tensor: ...  # (N, ...) actions at random
    def explore(self, obs: Tensor, generator: torch.Generator) -> Tensor: ...  # (N, ...) actions to learn from
    def thoughts(self, obs: Tensor) -> dict[str, Tensor]: ...  # (N, ...) each: what it makes of them


class Wandering(Explorer, Protocol):
    """One whose noise is given to it."""

    def explored(self, obs: Tensor, noise: Tensor) -> Tensor: ...  # (N, ...) actions, by standard normal numbers


class Exploring(Memoryless):
    """Actions of an `Explorer`: any of them while it waits, then its own; `mode` best takes the likeliest.

    Its twin is a jitted loop (`fused.py`) for networks that one knows: `noise` as there.
    """

    def __init__(
        self, agent: Explorer, envs: int, mode: Mode, seed: int, twins: bool, noise: float | None = None
    ) -> None:
        self.agent, self.mode = agent, mode
        self.generator = torch.Generator(agent.device).manual_seed(spawned(seed, 1))
        self._fused = fused(agent.net, envs, seed, noise) if twins and mode == "learn" else None
        self._remembered = Remembered(agent.net.encoder, envs)
        self._seen: Any = None

    @property
    def twin(self) -> Acting | None:
        """The jitted loop, as long as it computes exactly this."""
        twin, agent = self._fused, self.agent
        if twin is None or agent.waits or type(self) is not Exploring:
            return None
        return twin if agent.explores_as_read and twin.holds() and _INSIDE.shows() else None

    @torch.inference_mode()
    def __call__(self, obs: NDArray[Any], first: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        agent = self.agent
        seen = self._remembered.seen(agent.net.encoder, torch.as_tensor(obs, device=agent.device), first)
        self._seen = seen
        if self.mode == "learn" and agent.waits:
            action = agent.uniform(seen, self.generator)
        elif self.mode == "best":
            action = agent.net.forward(seen).mode()
        else:
            action = self._explored(seen, first)
        before = self._remembered.turn(seen, agent.memories)
        return {"action": action.view(len(obs), *agent.net.action_shape).cpu().numpy(), **before}

    def _explored(self, seen: Tensor, first: NDArray[np.bool_]) -> Tensor:
        """Actions to learn from."""
        return self.agent.explore(seen, self.generator)

    @torch.inference_mode()
    def thoughts(self) -> dict[str, NDArray[Any]]:
        """Estimates of the agent for the last observations."""
        if self._seen is None:
            return {}
        return {name: value.cpu().numpy() for name, value in self.agent.thoughts(self._seen).items()}

    def parts(self) -> dict[str, Any]:
        """The generator of the noise, what is remembered, and the twin's random numbers."""
        twin = None if self._fused is None else self._fused.parts()
        return {"generator": self.generator, **self._remembered.part(), "twin": twin}


class Correlated(Exploring):
    """`Exploring` by `noise` that goes on from step to step, which no jitted loop computes."""

    def __init__(self, agent: Wandering, envs: int, mode: Mode, seed: int, noise: Noise) -> None:
        super().__init__(agent, envs, mode, seed, twins=False)
        self._wanders, self.noise = agent, noise

    def _explored(self, seen: Tensor, first: NDArray[np.bool_]) -> Tensor:
        return self._wanders.explored(seen, self.noise.step(first, self.generator))

    def parts(self) -> dict[str, Any]:
        """Also the noise under way."""
        return super().parts() | {"noise": self.noise}


_INSIDE = Mirror(__name__, {"Exploring.__call__": "924ea745", "Exploring._explored": "cd2b9c3f"}, INSIDE)
