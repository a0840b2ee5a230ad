"""Acting by draws from a part of a policy, for people who use a language model; nothing is learned from them."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..acting import Acting, Memoryless, spawned
from ..errors import UsageError
from ..heads.distributions import Categorical
from ..heads.sampling import Sampling


class Sampled(Memoryless):
    """Draws as `sampling` says from the probabilities of another acting, whose own choices count for nothing.

    Its "logp" (N,) is of the distribution that was drawn from.
    """

    def __init__(self, acting: Acting, sampling: Sampling, seed: int) -> None:
        self._acting, self._sampling = acting, sampling
        self._generator = torch.Generator().manual_seed(spawned(seed, 1))

    @torch.inference_mode()
    def __call__(self, obs: NDArray[Any], first: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        self._acting(obs, first)
        thoughts = self._acting.thoughts()
        if "action probability" not in thoughts:
            raise UsageError("this agent tells no probabilities of its actions, so nothing can be drawn from them")
        pi = self._sampling(Categorical(torch.as_tensor(thoughts["action probability"]).log()))
        action, logp = pi.draw(self._generator)
        return {"action": action.numpy(), "logp": logp.numpy()}

    def thoughts(self) -> dict[str, NDArray[Any]]:
        """Those of the other acting: of the whole policy."""
        return self._acting.thoughts()

    def parts(self) -> dict[str, Any]:
        """The generator, and the other acting's parts."""
        return {"generator": self._generator, "acting": self._acting.parts()}
