"""Attention to the last steps of an episode, as a memory."""

import math

import torch
from torch import Tensor, nn

from .config import HEADS
from .memory import Memory

_BLOCK = 64  # steps at a time, at least


class WindowAttention(Memory):
    """One transformer block (Vaswani et al. 2017, arXiv:1706.03762), normalised before each half, over a window.

    A step attends to itself and to the `window` - 1 steps before it that are of its episode; how far back they are
    counts through a learned bias for each head (Raffel et al. 2020, arXiv:1910.10683). The state is what acting would
    otherwise compute again: keys and values of these steps, the oldest first, and how many of them there are.
    """

    def __init__(self, features: int, width: int, window: int, heads: int = HEADS) -> None:
        super().__init__()
        self.window, self.heads = window, heads
        self.size = (window - 1) * 2 * width + 1
        self.norm, self.mixed = nn.LayerNorm(width), nn.LayerNorm(width)
        self.inputs = nn.Linear(features, width)
        self.project, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.distance = nn.Parameter(torch.zeros(heads, window))
        self.layers = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def scan(self, x: Tensor, state: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        parts, block = [], max(self.window, _BLOCK)  # or long episodes would take the square of their length
        for steps, begins in zip(x.split(block), first.split(block), strict=True):
            y, state = self._attend(steps, state, begins)
            parts.append(y)
        return torch.cat(parts), state

    def _attend(self, x: Tensor, state: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """A scan of a few steps."""
        x = self.inputs(x)
        (steps, copies), width, past = first.shape, x.shape[-1], self.window - 1
        query, present = self.project(self.norm(x)).split((width, 2 * width), -1)
        cache = torch.cat([state[:, :-1].view(copies, past, 2 * width).transpose(0, 1), present])  # (past + L, n, 2W)
        age = self._age(state[:, -1], first)
        weights = self._weights(query, cache[..., :width], age)  # (n, heads, L, past + L)
        value = cache[..., width:].view(past + steps, copies, self.heads, -1).permute(1, 2, 0, 3)
        seen = (weights @ value).permute(2, 0, 1, 3).flatten(2)
        y = x + self.output(seen)
        y = y + self.layers(self.mixed(y))
        kept = cache[steps:].transpose(0, 1).flatten(1)
        return y, torch.cat([kept, (age[-1, :, None] + 1).clamp(max=past)], -1)

    def _age(self, count: Tensor, first: Tensor) -> Tensor:
        """(L, n) how many earlier steps of its episode each step may attend to, after `count` (n,) before all."""
        steps = len(first)
        time = torch.arange(steps, device=first.device)[:, None]
        begun = torch.where(first, time, -1).cummax(0)[0]
        return torch.where(begun < 0, count + time, (time - begun).to(count.dtype)).clamp(0, self.window - 1)

    def _weights(self, query: Tensor, key: Tensor, age: Tensor) -> Tensor:
        """How much each step (L) attends to the steps before the pieces and in them, (n, heads, L, past + L)."""
        steps, copies = age.shape
        q = query.view(steps, copies, self.heads, -1).permute(1, 2, 0, 3)
        k = key.view(len(key), copies, self.heads, -1).permute(1, 2, 3, 0)
        time = torch.arange(len(key), device=key.device)
        distance = time[:steps, None] + self.window - 1 - time  # (L, past + L)
        seen = (distance >= 0) & (distance <= age.t()[:, :, None])  # (n, L, past + L)
        scores = q @ k / math.sqrt(q.shape[-1]) + self.distance[:, distance.clamp(0, self.window - 1)]
        return scores.masked_fill(~seen[:, None], -math.inf).softmax(-1)
