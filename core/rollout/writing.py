"""Acting by writing texts, token by token."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..acting import Memoryless, Mode, spawned
from ..heads import Categorical
from ..heads.thoughts import thoughts_of
from ..nets.policy import TextPolicy
from .remembered import Remembered

Version = Callable[[], int]
"""Of the weights: another number after each update."""


class TextActing(Memoryless):
    """Draws the next tokens of N texts, or takes the likeliest ones; learning, it also records "logp" (N,).

    To learn from, texts are drawn from the policy itself: where few tokens are left to choose from, or likely ones are
    made likelier, the policy that is learned is not the one that wrote.
    """

    def __init__(self, net: TextPolicy, envs: int, mode: Mode, seed: int, version: Version) -> None:
        self.net, self.mode, self.version = net, mode, version
        self.device = net.policy_head.linear.weight.device
        self.generator = torch.Generator(self.device).manual_seed(spawned(seed, 1))
        self._remembered = Remembered(net.encoder, envs)
        self._pi: Categorical | None = None

    @torch.inference_mode()
    def __call__(self, obs: NDArray[Any], first: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        x = torch.as_tensor(obs, device=self.device)
        pi: Any = self.net(self._remembered.seen(self.net.encoder, x, first, self.version()))
        self._pi = pi
        if self.mode == "best":
            return {"action": pi.mode().cpu().numpy()}
        action, logp = pi.draw(self.generator)
        return {"action": action.cpu().numpy(), "logp": logp.cpu().numpy()}

    def thoughts(self) -> dict[str, NDArray[Any]]:
        """The probabilities of the tokens."""
        return {} if self._pi is None else {name: x.cpu().numpy() for name, x in thoughts_of(self._pi).items()}

    def parts(self) -> dict[str, Any]:
        """The generator."""
        return {"generator": self.generator}
