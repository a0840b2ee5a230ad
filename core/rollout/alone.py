"""Acting with a policy that has no value function beside it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..acting import Memoryless, Mode, spawned
from ..heads.thoughts import thoughts_of
from .remembered import Remembered

Present = Callable[[], tuple[nn.Module, int]]
"""The policy as it is now, a `PolicyLike`, and the version of its weights: another number after each update."""


class PolicyAlone(Memoryless):
    """Draws the actions of N environments, or takes the likeliest ones; learning, it also records "logp" (N,).

    To learn from, actions are drawn from the policy itself: where some are left out, or likely ones are made likelier,
    the policy that is learned is not the one that acted.
    """

    def __init__(self, present: Present, envs: int, mode: Mode, seed: int) -> None:
        self.present, self.mode = present, mode
        net: Any = present()[0]
        self.device = next(net.parameters()).device
        self.generator = torch.Generator(self.device).manual_seed(spawned(seed, 1))
        self._remembered = Remembered(net.encoder, envs)
        self._seen: Any = None

    @torch.inference_mode()
    def __call__(self, obs: NDArray[Any], first: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        net: Any
        net, version = self.present()
        x = torch.as_tensor(obs, device=self.device)
        self._seen = self._remembered.seen(net.encoder, x, first, version)
        pi = net(self._seen)
        self._remembered.turn(self._seen)
        action = pi.mode() if self.mode == "best" else pi.sample(self.generator)
        acted = {"action": action.view(len(action), *net.action_shape).cpu().numpy()}
        return acted if self.mode != "learn" else acted | {"logp": pi.log_prob(action).cpu().numpy()}

    @torch.inference_mode()
    def thoughts(self) -> dict[str, NDArray[Any]]:
        """The probabilities of Discrete actions, or the likeliest Box action and its deviation."""
        if self._seen is None:
            return {}
        pi = self.present()[0](self._seen)
        return {name: x.cpu().numpy() for name, x in thoughts_of(pi).items()}

    def parts(self) -> dict[str, Any]:
        """The generator, and what is remembered."""
        return {"generator": self.generator, **self._remembered.part()}
