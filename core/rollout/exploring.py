"""Acting of agents that learn from a replay: at random until they learn, then with the noise of their policy."""

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..acting import Memoryless, Mode, spawned
from ..nets import Policy


class Explorer(Protocol):
    """An agent that explores in a box."""

    device: torch.device
    low: Tensor
    """(D,) least actions."""
    high: Tensor
    """(D,) largest actions."""

    @property
    def net(self) -> Policy: ...
    @property
    def waits(self) -> bool: ...  # whether it knows nothing yet, and tries actions at random
    def explore(self, obs: Tensor, generator: torch.Generator) -> Tensor: ...  # (N, D) to learn from
    def judge(self, obs: Tensor, action: Tensor) -> Tensor: ...  # (N,) estimates of Q(s, a)


class Exploring(Memoryless):
    """Actions of an `Explorer`: uniform ones in its box while it waits, then its own; `mode` best takes the middle."""

    def __init__(self, agent: Explorer, mode: Mode, seed: int) -> None:
        self.agent, self.mode = agent, mode
        self.generator = torch.Generator(agent.device).manual_seed(spawned(seed, 1))
        self._obs: NDArray[Any] | None = None

    @torch.inference_mode()
    def __call__(self, obs: NDArray[Any], first: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        agent, self._obs = self.agent, obs
        seen = torch.as_tensor(obs, device=agent.device)
        if self.mode == "learn" and agent.waits:
            share = torch.rand(len(obs), len(agent.low), generator=self.generator, device=agent.device)
            action = agent.low + share * (agent.high - agent.low)
        elif self.mode == "best":
            action = agent.net.forward(seen).mode()
        else:
            action = agent.explore(seen, self.generator)
        return {"action": action.view(len(obs), *agent.net.action_shape).cpu().numpy()}

    @torch.inference_mode()
    def thoughts(self) -> dict[str, NDArray[Any]]:
        """The middle of the policy at the last observations, and its estimated value."""
        if self._obs is None:
            return {}
        seen = torch.as_tensor(self._obs, device=self.agent.device)
        action = self.agent.net.forward(seen).mode()
        return {"value": self.agent.judge(seen, action).cpu().numpy(), "mean action": action.cpu().numpy()}

    def parts(self) -> dict[str, Any]:
        """The generator of the noise."""
        return {"generator": self.generator}
