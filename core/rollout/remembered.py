"""What policies remember while they act."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..nets.encoder import Encoder
from ..nets.remembering import RememberingEncoder, Sequences


class Remembered:
    """What is remembered of the present episodes of N environments; nothing for encoders that remember nothing."""

    def __init__(self, envs: int) -> None:
        self._envs = envs
        self._state: Tensor | None = None

    def seen(self, encoder: Encoder, obs: Tensor, first: NDArray[np.bool_]) -> Any:
        """Observations (N, *obs) as the encoder takes them, where `first` (N,) begin an episode."""
        if not isinstance(encoder, RememberingEncoder):
            return obs
        if self._state is None:
            self._state = torch.zeros(self._envs, encoder.remembered, device=obs.device)
        return encoder.seen(obs, torch.as_tensor(first, device=obs.device), self._state)

    def turn(self, seen: Any) -> dict[str, NDArray[Any]]:
        """Remember what was `seen` too; as an extra of acting, "carry" (N, S), what was remembered before it."""
        if not isinstance(seen, Sequences):
            return {}
        self._state = seen.after
        return {"carry": seen.state.cpu().numpy()}

    def state(self) -> dict[str, Any]:
        """What is remembered."""
        return {"remembered": None if self._state is None else self._state.clone()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`.

        Raises:
            ValueError: if it is of other environments.
        """
        saved = state["remembered"]
        if saved is not None and (saved.ndim != 2 or len(saved) != self._envs or not np.isfinite(saved).all()):
            raise ValueError(f"what was remembered is not of {self._envs} environments")
        self._state = None if saved is None else torch.as_tensor(saved)
