"""Memories of policies while they act."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..acting import Acting
from ..batch import CARRY
from ..errors import UsageError
from ..nets.encoder import Encoder
from ..nets.remembering import RememberingEncoder, Sequences
from ..nets.texts import TextEncoder, Writing, Written


class Remembered:
    """The memory of the present episodes of N environments; it stays empty for encoders that remember nothing."""

    def __init__(self, encoder: Encoder, envs: int) -> None:
        self._envs = envs
        self.size = encoder.remembered if isinstance(encoder, RememberingEncoder) else 0
        self._state: Tensor | None = None
        self._writing = Writing()

    def seen(self, encoder: Encoder, obs: Tensor, first: NDArray[np.bool_], version: int = 0) -> Any:
        """Observations (N, *obs) as the encoder takes them, where `first` (N,) begin an episode.

        The `version` of its weights tells whether what was read of a text before can be kept.
        """
        if isinstance(encoder, TextEncoder):
            return Written(obs, self._writing, version)
        if not isinstance(encoder, RememberingEncoder):
            return obs
        if self._state is None:
            self._state = torch.zeros(self._envs, self.size, device=obs.device)
        return encoder.seen(obs, torch.as_tensor(first, device=obs.device), self._state.to(obs.device))

    def turn(self, seen: Any, encoders: Iterable[RememberingEncoder] = ()) -> dict[str, NDArray[Any]]:
        """Remember what was `seen` too, also by `encoders`; as an extra, "carry" (N, S), what was remembered before."""
        if not isinstance(seen, Sequences):
            return {}
        for encoder in encoders:
            encoder(seen)
        self._state = seen.after
        return {CARRY: seen.state.cpu().numpy()}

    def told(self) -> dict[str, NDArray[Any]]:
        """The memory as it is now, "state" (N, S); nothing where nothing is remembered."""
        return {} if self._state is None else {"state": self._state.cpu().numpy().copy()}

    def recall(self, state: NDArray[Any] | None, single: bool = False) -> None:
        """Take `state` (N, S) for what is remembered, or (S,) of a `single` environment; None: nothing.

        Raises:
            UsageError: if it is of other environments.
        """
        if state is not None:
            state = np.asarray(state, np.float32)
            state = state[None] if single and state.ndim == 1 else state
            if state.shape != (self._envs, self.size) or not np.isfinite(state).all():
                raise UsageError(
                    f"state is of shape {state.shape}; it must be ({self._envs}, {self.size}) finite numbers"
                )
        self._state = None if state is None else torch.as_tensor(state)

    def part(self) -> dict[str, "Remembered"]:
        """This, as a part of an acting's state, where anything is remembered."""
        return {"remembered": self} if self.size else {}

    def state(self) -> dict[str, Any]:
        """The memory."""
        return {"remembered": None if self._state is None else self._state.clone()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`.

        Raises:
            ValueError: if it is of other environments.
        """
        saved = state["remembered"]
        if saved is not None:
            own = isinstance(saved, np.ndarray) and saved.dtype == np.float32 and saved.shape == (self._envs, self.size)
            if not own or not np.isfinite(saved).all():
                raise ValueError(f"what was remembered is not of {self._envs} environments")
        self._state = None if saved is None else torch.as_tensor(saved)


def remembered(acting: Acting) -> Remembered | None:
    """The memory of an acting, if it has one."""
    return next(_found(acting.parts()), None)


def _found(parts: Mapping[str, Any]) -> Iterator[Remembered]:
    for part in parts.values():
        if isinstance(part, Remembered) and part.size:
            yield part
        elif isinstance(part, Mapping):
            yield from _found(part)
