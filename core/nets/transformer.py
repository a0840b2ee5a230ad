"""A decoder-only transformer, for texts of tokens.

Vaswani et al. 2017 (arXiv:1706.03762) as it is built today: normalised before each half and at both ends (RMSNorm,
Zhang & Sennrich 2019, arXiv:1910.07467, without weights), positions by rotation (RoPE, Su et al. 2021,
arXiv:2104.09864), queries and keys normalised (Henry et al. 2020, arXiv:2010.04245), several query heads to a head of
keys and values (Ainslie et al. 2023, arXiv:2305.13245), a feed-forward of squared ReLU (So et al. 2021,
arXiv:2109.08668) or SwiGLU (Shazeer 2020, arXiv:2002.05202), no biases, and outputs of both halves that begin at 0.

Texts are aligned on their left, so that a token's position is its column and nothing but later tokens is ever hidden.
"""

import math
from collections.abc import Iterator
from copy import copy
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import FeedForward, TextConfig

_TURNS = 10_000.0  # of the slowest rotation, in tokens per radian
# Greatest logit of attention, between a query and a key that point the same way: both are normalised, so that heads of
# few features could hardly choose if, as usual, it were the root of their number.
_SHARPEST = 12.0


class Decoder(nn.Module):
    """Features (B, L, `width`) of texts (B, L): those of a token depend on it and on what is before it."""

    def __init__(self, tokens: int, context: int, cfg: TextConfig) -> None:
        super().__init__()
        self.context, self.width = context, cfg.width
        self.embed = nn.Embedding(tokens, cfg.width)
        self.blocks = nn.ModuleList(Block(cfg) for _ in range(cfg.layers))
        cosine, sine = _rotations(context, cfg.width // cfg.heads)
        self.register_buffer("cosine", cosine, persistent=False)
        self.register_buffer("sine", sine, persistent=False)
        self.begin()

    cosine: Tensor
    sine: Tensor

    def begin(self) -> None:
        """Initial weights: normal, so that features keep their size, and 0 at the end of both halves of each block."""
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.normal_(std=1 / math.sqrt(parameter.shape[1]))
            for block in self._each():
                block.output.weight.zero_()
                block.down.weight.zero_()

    def forward(self, tokens: Tensor, kept: "Kept | None" = None, rows: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Features of all tokens of texts (B, L).

        Their keys and values are `kept` for N `rows`: the places there (N,), and which of the B texts each is (N,).
        """
        x = _normed(self.embed(tokens))
        turn = self.cosine[: tokens.shape[1], None], self.sine[: tokens.shape[1], None]
        later = torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool, device=tokens.device).triu(1)
        for number, block in enumerate(self._each()):
            query, key, value = block.project(x, *turn)
            if kept is not None and rows is not None:
                slots, which = rows
                kept.fill(number, slots, key[which], value[which])
            x = block.mix(x, _attended(query, key, value, later))
        return _normed(x)

    def next(self, tokens: Tensor, at: Tensor, kept: "Kept", slots: Tensor) -> Tensor:
        """Features (N, `width`) of one more token (N,) of the texts in `slots` (N,), at the places `at` (N,)."""
        x = _normed(self.embed(tokens))[:, None]
        turn = self.cosine[at, None, None], self.sine[at, None, None]
        hidden = kept.place(slots, at)
        for number, block in enumerate(self._each()):
            query, key, value = block.project(x, *turn)
            x = block.mix(x, _attended(query, *kept.add(number, key, value), hidden))
        return _normed(x)[:, 0]

    def _each(self) -> "Iterator[Block]":
        return cast("Iterator[Block]", iter(self.blocks))


class Block(nn.Module):
    """Attention, then a perceptron for each token."""

    def __init__(self, cfg: TextConfig) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.size = cfg.heads, cfg.kv_heads, cfg.width // cfg.heads
        inner = inner_width(cfg.width, cfg.feed_forward)
        self.inputs = nn.Linear(cfg.width, (cfg.heads + 2 * cfg.kv_heads) * self.size, bias=False)
        self.output = nn.Linear(cfg.width, cfg.width, bias=False)
        self.gated = cfg.feed_forward == "swiglu"
        self.up = nn.Linear(cfg.width, 2 * inner if self.gated else inner, bias=False)
        self.down = nn.Linear(inner, cfg.width, bias=False)

    def project(self, x: Tensor, cosine: Tensor, sine: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (B, heads, L, D), keys and values (B, kv_heads, L, D) of x (B, L, width) at places turned so far."""
        batch, length, _ = x.shape
        all_heads = self.inputs(_normed(x)).view(batch, length, -1, self.size)
        turned = _turned(_normed(all_heads[:, :, : self.heads + self.kv_heads]), cosine, sine)
        value = all_heads[:, :, self.heads + self.kv_heads :].transpose(1, 2)
        return turned[:, :, : self.heads].transpose(1, 2), turned[:, :, self.heads :].transpose(1, 2), value

    def mix(self, x: Tensor, seen: Tensor) -> Tensor:
        """x (B, L, width) after both halves, where attention has seen (B, heads, L, D)."""
        x = x + self.output(seen.transpose(1, 2).flatten(2))
        inner = self.up(_normed(x))
        if self.gated:
            gate, inner = inner.chunk(2, -1)
            inner = F.silu(gate) * inner
        else:
            inner = F.relu(inner).square()
        mixed: Tensor = x + self.down(inner)
        return mixed


class Kept:
    """Keys and values of the tokens of N texts, so that one more token of each costs one token's time."""

    def __init__(self, texts: int, length: int, cfg: TextConfig, device: torch.device) -> None:
        shape = (cfg.layers, texts, cfg.kv_heads, length, cfg.width // cfg.heads)
        self._key, self._value = torch.zeros(shape, device=device), torch.zeros(shape, device=device)
        self._column = torch.arange(length, device=device)
        self._all = False  # whether the tokens that were placed are of all texts, in order

    @property
    def texts(self) -> int:
        """N."""
        return self._key.shape[1]

    def fill(self, block: int, slots: Tensor, key: Tensor, value: Tensor) -> None:
        """Keep the first L tokens of the texts in `slots` (M,): keys and values (M, kv_heads, L, D)."""
        length = key.shape[2]
        self._key[block, slots, :, :length] = key
        self._value[block, slots, :, :length] = value

    def place(self, slots: Tensor, at: Tensor) -> Tensor:
        """Make room for a token of each of these texts (M,), at (M,); (M, 1, 1, L) which columns are behind it."""
        self._slots, self._at, self._longest = slots, at, int(at.max()) + 1
        self._all = len(slots) == self.texts and bool((slots == torch.arange(len(slots), device=slots.device)).all())
        return (self._column[: self._longest] > at[:, None])[:, None, None]

    def add(self, block: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Keep keys and values (M, kv_heads, 1, D) of the tokens placed; those (M, kv_heads, L, D) of their texts."""
        keys, values = self._key[block], self._value[block]
        keys[self._slots, :, self._at], values[self._slots, :, self._at] = key[:, :, 0], value[:, :, 0]
        keys, values = keys[:, :, : self._longest], values[:, :, : self._longest]
        return (keys, values) if self._all else (keys[self._slots], values[self._slots])

    def only(self, slots: Tensor) -> "Kept":
        """These texts (M,) alone, in this order."""
        part = copy(self)
        part._key, part._value = self._key[:, slots], self._value[:, slots]
        return part

    def take(self, slots: Tensor, other: "Kept", theirs: Tensor) -> None:
        """Keep in `slots` (M,) what the other one has in `theirs` (M,)."""
        self._key[:, slots], self._value[:, slots] = other._key[:, theirs], other._value[:, theirs]


def inner_width(width: int, feed_forward: FeedForward) -> int:
    """Width inside a feed-forward: four times as many numbers, or two thirds of that where half of them are gates."""
    return 4 * width if feed_forward == "relu2" else 8 * width // 3


def _normed(x: Tensor) -> Tensor:
    return F.rms_norm(x, x.shape[-1:])


def _rotations(context: int, size: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (context, size / 2) of the angles by which pairs of features are turned."""
    speed = _TURNS ** (-torch.arange(0, size, 2) / size)
    angle = torch.arange(context)[:, None] * speed
    return angle.cos(), angle.sin()


def _turned(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Features (..., D), the first half of each pair in the first D / 2 places, turned by their position."""
    first, second = x.chunk(2, -1)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], -1)


def _attended(query: Tensor, key: Tensor, value: Tensor, hidden: Tensor) -> Tensor:
    """(B, heads, M, D) what M tokens see of L places but the `hidden` ones, a mask over (B, heads, M, L).

    Written out, for torch's own attention has no second derivative, which the natural gradient needs.
    """
    batch, heads, count, size = query.shape
    grouped = query.reshape(batch, key.shape[1], -1, size)  # heads that share keys, one after another
    logits = (grouped @ key.transpose(-1, -2)).view(batch, heads, count, -1) * (_SHARPEST / size)
    weights = logits.masked_fill(hidden, -math.inf).softmax(-1)
    return (weights.view(batch, key.shape[1], -1, key.shape[2]) @ value).view(batch, heads, count, size)
