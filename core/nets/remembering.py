"""An encoder that remembers, and what it sees: observations in the order of time."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import torch
from gymnasium import spaces
from torch import Tensor, nn

from ..errors import UsageError
from ..spaces.tokens import Tokens
from .attention import WindowAttention
from .config import HiddenConfig, MemoryConfig, NetConfig, TextConfig
from .encoder import Encoder
from .memory import Gated, Memory, MinGRU
from .mlp import ACTIVATIONS, Linear, Mlp
from .texts import TextEncoder


@dataclass
class Sequences:
    """Observations in n pieces of L steps, B of which are asked about: they index and count as B observations would."""

    obs: Tensor
    """(L, n, *obs)"""
    first: Tensor
    """(L, n) which of them begin an episode: what was before is forgotten."""
    state: Tensor
    """(n, S) what was remembered before the first step of each piece, by all encoders that share it."""
    rows: Tensor
    """(B,) steps that are asked about, counted piece after piece from 0."""
    after: Tensor | None = None
    """(n, S) what is remembered after the last step of each piece; each encoder writes its part."""

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> "Sequences":
        """The same pieces, asked about fewer steps."""
        return Sequences(self.obs, self.first, self.state, self.rows[index])

    def remember(self, part: slice, after: Tensor) -> None:
        """Take what an encoder remembers after the last step for its part of the state."""
        if after.shape != self.state.shape:
            own, after = after, (self.state if self.after is None else self.after).clone()  # others may have taken it
            after[:, part] = own
        self.after = after

    def asked(self, x: Tensor) -> Tensor:
        """The B steps (B, ...) of something (L, n, ...)."""
        steps, copies = x.shape[:2]
        if steps == 1 and len(self.rows) == copies:
            return x[0].index_select(0, self.rows)
        return x.transpose(0, 1).flatten(0, 1).index_select(0, self.rows)

    @property
    def count(self) -> int:
        """n."""
        return self.first.shape[1]

    @property
    def length(self) -> int:
        """L."""
        return self.first.shape[0]

    def pieces(self, which: Tensor) -> tuple["Sequences", Tensor]:
        """The pieces of these numbers alone; and which (B',) of the steps asked about are in them."""
        steps, copies = self.first.shape
        rank = torch.full((copies,), -1, device=which.device)
        rank[which] = torch.arange(len(which), device=which.device)
        at = rank[self.rows.div(steps, rounding_mode="floor")]
        index = (at >= 0).nonzero()[:, 0]
        rows = at[index] * steps + self.rows[index] % steps
        return Sequences(self.obs[:, which], self.first[:, which], self.state[which], rows), index


class RememberingEncoder(Encoder):
    """Features (B, `size`) of `Sequences`: encoded one by one, then through one or more memories side by side."""

    def __init__(self, space: spaces.Space[Any], cfg: MemoryConfig, memories: int = 1) -> None:
        super().__init__(space, cfg.cnn, cfg.normalize_obs, cfg.bfloat16)
        width = cfg.memory_size
        self.embed = nn.ModuleList(
            Mlp(Linear(self.size, width), ACTIVATIONS[cfg.activation]()) for _ in range(memories)
        )
        self.memories = nn.ModuleList(_memory(width, cfg) for _ in range(memories))
        self.identity, self.width, self.size = False, width, memories * width
        self.before, self.beyond = 0, 0
        """Numbers of the state that are other networks', before its own and after."""

    @property
    def remembered(self) -> int:
        """S, numbers of the state."""
        return self.before + sum(self._sizes()) + self.beyond

    def forward(self, obs: Tensor | Sequences) -> Tensor:
        """Features of the steps that are asked about.

        Raises:
            TypeError: for observations without their past.
        """
        if not isinstance(obs, Sequences):
            raise TypeError("a network with memory takes Sequences (core/nets/remembering.py), not observations alone")
        steps, copies = obs.first.shape
        features = super().forward(obs.obs.flatten(0, 1)).view(steps, copies, -1)
        sizes = self._sizes()
        part = slice(self.before, self.before + sum(sizes))
        states, after, out = obs.state[:, part].split(sizes, -1), [], []
        for embed, memory, state in zip(self.embed, self.memories, states, strict=True):
            x = embed(features)
            if steps == 1:
                y, state = cast(Memory, memory).step(x[0], state, obs.first[0])
                y = y[None]
            else:
                y, state = cast(Memory, memory).scan(x, state, obs.first)
            out.append(x + y)  # so that the present need not be remembered to be seen
            after.append(state)
        obs.remember(part, torch.cat(after, -1))
        return obs.asked(torch.cat(out, -1))

    def mask(self, obs: Tensor | Sequences) -> Tensor | None:
        return super().mask(obs.asked(obs.obs) if isinstance(obs, Sequences) else obs)

    def begin(self) -> None:
        """Initial weights of the memories."""
        for memory in self.memories:
            cast(Memory, memory).begin()

    def seen(self, obs: Tensor, first: Tensor, state: Tensor) -> Sequences:
        """One step of N environments."""
        return Sequences(obs[None], first[None], state, torch.arange(len(obs), device=obs.device))

    def in_turn(self, obs: Tensor, episode: Tensor) -> Sequences:
        """Whole episodes, one after another: steps (B, *obs), those of each in order, and which (B,) they belong to."""
        order = episode.argsort(stable=True)
        number = episode[order]
        first = torch.ones_like(number, dtype=torch.bool)
        first[1:] = number[1:] != number[:-1]
        state = torch.zeros(1, self.remembered, device=obs.device)
        return Sequences(obs[order][:, None], first[:, None], state, order.argsort())

    def _sizes(self) -> list[int]:
        return [cast(Memory, memory).size for memory in self.memories]


def side_by_side(*encoders: Encoder) -> tuple[RememberingEncoder, ...]:
    """Those of several networks' encoders that remember, each with its part of one state from now on."""
    found = tuple(encoder for encoder in encoders if isinstance(encoder, RememberingEncoder))
    sizes = [encoder.remembered for encoder in found]
    for k, encoder in enumerate(found):
        encoder.before, encoder.beyond = sum(sizes[:k]), sum(sizes[k + 1 :])
    return found


class After(Mlp):
    """Hidden layers after one of several memories: they see its features (B, W) of all, (B, k W)."""

    def __init__(self, width: int, which: int, layers: Iterable[nn.Module]) -> None:
        super().__init__(*layers)
        self.begin, self.end = which * width, (which + 1) * width

    def forward(self, x: Tensor) -> Tensor:
        """Features of the last layer."""
        return super().forward(x[..., self.begin : self.end])


def encoder(space: spaces.Space[Any], cfg: HiddenConfig, memories: int = 1) -> Encoder:
    """The encoder that a network's description asks for.

    Raises:
        UsageError: if it cannot read texts, is to read them with a memory, or reads nothing else.
    """
    remembers = isinstance(cfg, MemoryConfig) and cfg.memory != "none"
    if isinstance(space, Tokens) and isinstance(cfg, TextConfig):
        if remembers:
            raise UsageError("a text is its own memory; leave memory at none")
        return TextEncoder(space, cfg)
    if not isinstance(cfg, NetConfig):
        raise UsageError(f"observations are {space}, not texts; choose an environment of texts (docs/text.md)")
    if not isinstance(cfg, MemoryConfig) or not remembers:
        return Encoder(space, cfg.cnn, cfg.normalize_obs, cfg.bfloat16)
    return RememberingEncoder(space, cfg, memories)


def begin(encoder: Encoder, head: nn.Module, cfg: HiddenConfig) -> None:
    """Initial weights of what an encoder remembers or reads with, after those of the layers around it.

    Raises:
        UsageError: if the `head` is to be tied to tokens, and there are none or layers between.
    """
    if isinstance(encoder, RememberingEncoder | TextEncoder):
        encoder.begin()
    if isinstance(cfg, TextConfig) and cfg.tied:
        if not isinstance(encoder, TextEncoder) or cfg.hidden:
            raise UsageError("tied is for texts, read by a transformer without hidden layers after it; leave it out")
        linear: Any = head
        linear.linear.weight = encoder.decoder.embed.weight


def _memory(width: int, cfg: MemoryConfig) -> Memory:
    match cfg.memory:
        case "mingru":
            return MinGRU(width, width, cfg.twins == "auto")
        case "attention":
            return WindowAttention(width, width, cfg.window)
        case "gru":
            return Gated(width, width, nn.GRU)
    return Gated(width, width, nn.LSTM)
