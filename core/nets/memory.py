"""Memories of the present episode, between the encoder and the hidden layers.

Every kind has two forms that agree: `step` for one step of N environments, as they act, and `scan` for whole pieces of
time, as they are learned from. Both begin anew where an episode does. Gated recurrent units: Cho et al. 2014
(arXiv:1406.1078); long short-term memory: Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000;
minimal gated units: Feng et al. 2024 (arXiv:2410.01201).
"""

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ..jitted import scan
from ..mirror import Mirror

_WIDE = 4.0  # times the weights of gates that a sign opens


class Memory(nn.Module, ABC):
    """From features (L, n, F) and a state (n, S) to features (L, n, W) and the state after them.

    Args:
        features: F.
        width: W.
    """

    size: int
    """S, numbers of a state; all zeros where nothing is remembered."""

    def step(self, x: Tensor, state: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """Features (n, W) and the state after one step: x (n, F), state (n, S), first (n,)."""
        y, state = self.scan(x[None], state, first[None])
        return y[0], state

    @abstractmethod
    def scan(self, x: Tensor, state: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """Features (L, n, W) and the state after the last: x (L, n, F), state (n, S), first (L, n)."""

    def begin(self) -> None:
        """Draw the initial weights."""


class MinGRU(Memory):
    """h = (1 - z) h + z c, where gate and candidate see the present alone: in time it is a product and a sum."""

    def __init__(self, features: int, width: int, twins: bool = True) -> None:
        super().__init__()
        self.size, self.twins = width, twins
        self.gate, self.candidate = nn.Linear(features, width), nn.Linear(features, width)

    @torch.no_grad()
    def begin(self) -> None:
        """Short memories, and ones that a sign opens: lengths as Tallec & Ollivier 2018 (arXiv:1804.11188) have them.

        In the second half wide gates let what is seen decide what is kept, for longer. With usual gates and memories of
        up to 100 steps a sign leaves too faint a trace in a T-maze of length 100: one seed learned nothing of it in
        650k steps, and all of it in 400k with wide gates and up to 1,000 steps.
        """
        for layer in (self.gate, self.candidate):
            nn.init.orthogonal_(layer.weight, math.sqrt(2))
            layer.bias.zero_()
        half = self.size // 2
        self.gate.weight[half:] *= _WIDE
        self.gate.bias.copy_(-torch.cat([_lengths(half, 1, 30), _lengths(self.size - half, 30, 1000)]))

    def step(self, x: Tensor, state: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        z = self.gate(x).sigmoid()
        h = (1 - z) * state.masked_fill(first[:, None], 0.0) + z * self.candidate(x)
        return h, h

    def scan(self, x: Tensor, state: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        z = self.gate(x).sigmoid()
        keep, new = 1 - z, z * self.candidate(x)
        linear = compiled_recurrence if self.twins and x.is_cpu and _MIRROR.shows() else recurrence
        h: Tensor = linear(keep, new, first, state)
        return h, h[-1]


def recurrence(keep: Tensor, new: Tensor, first: Tensor, state: Tensor) -> Tensor:
    """h[t] = keep[t] h[t-1] + new[t], (L, n, H), from `state` (n, H), or from 0 where `first` (L, n)."""
    rows = []
    for t in range(len(keep)):
        state = keep[t] * state.masked_fill(first[t][:, None], 0.0) + new[t]
        rows.append(state)
    return torch.stack(rows)


class _Scan(torch.autograd.Function):
    """`recurrence`, compiled (core/jitted/scan.py), with its derivatives."""

    @staticmethod
    def forward(ctx: Any, keep: Tensor, new: Tensor, first: Tensor, state: Tensor) -> Tensor:
        h = torch.empty_like(new)
        scan.forward(*(x.detach().numpy() for x in (keep, new, first, state, h)))
        ctx.save_for_backward(keep, new, first, state, h)
        return h

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        keep, new, first, state, h = ctx.saved_tensors
        if torch.is_grad_enabled():  # the derivatives of these are wanted too, as for products with a Fisher matrix
            again = recurrence(keep, new, first, state)
            wanted = [x for x in (keep, new, state) if x.requires_grad]
            found = iter(torch.autograd.grad(again, wanted, grads, create_graph=True))
            by = [next(found) if x.requires_grad else None for x in (keep, new, state)]
            return by[0], by[1], None, by[2]
        by_keep, by_new, by_state = torch.empty_like(keep), torch.empty_like(new), torch.zeros_like(state)
        given = grads[0].contiguous(), keep, first, state, h, by_keep, by_new, by_state
        scan.backward(*(x.detach().numpy() for x in given))
        return by_keep, by_new, None, by_state


def compiled_recurrence(keep: Tensor, new: Tensor, first: Tensor, state: Tensor) -> Tensor:
    """The outcome of `recurrence`, and its derivatives, compiled."""
    h: Tensor = _Scan.apply(  # type: ignore[no-untyped-call]
        keep.contiguous(), new.contiguous(), first, state.contiguous()
    )
    return h


_MIRROR = Mirror(__name__, {"recurrence": "5a89f793"})


class Gated(Memory):
    """torch's GRU or LSTM; pieces of episodes are packed side by side, so that nothing is computed for padding."""

    def __init__(self, features: int, width: int, kind: type[nn.GRU] | type[nn.LSTM]) -> None:
        super().__init__()
        self.cell = kind(features, width)
        self.states = 2 if kind is nn.LSTM else 1
        self.size = self.states * width

    @torch.no_grad()
    def begin(self) -> None:
        """Orthogonal weights without biases, but memories of very different lengths (arXiv:1804.11188)."""
        seen, remembered, bias, other = self._weights()
        for weight in (seen, remembered):
            nn.init.orthogonal_(weight)
        other.zero_()
        bias.zero_()
        first, second = bias.view(-1, self.cell.hidden_size)[:2]  # GRU: reset, keep; LSTM: input, keep
        second.copy_(_lengths(len(second), 1, 100))
        if self.states == 2:
            first.copy_(-second)

    def step(self, x: Tensor, state: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        state = state.masked_fill(first[:, None], 0.0)
        if self.states == 1:
            h = torch.gru_cell(x, state, *self._weights())
            return h, h
        h, cell = torch.lstm_cell(x, state.chunk(2, -1), *self._weights())
        return h, torch.cat([h, cell], -1)

    def scan(self, x: Tensor, state: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        steps, copies = first.shape
        order, sizes, begin, last = packed(first)
        rows = x.transpose(0, 1).flatten(0, 1).index_select(0, order)
        piece = begin.div(steps, rounding_mode="floor")
        state = state.index_select(0, piece).masked_fill(first.t().flatten()[begin][:, None], 0.0)[None]
        h: Any = state if self.states == 1 else tuple(part.contiguous() for part in state.chunk(2, -1))
        out, h = self.cell(PackedSequence(rows, sizes), h)
        y = torch.empty_like(out.data).index_copy(0, order, out.data).view(copies, steps, -1).transpose(0, 1)
        after = h if self.states == 1 else torch.cat(h, -1)
        return y, after[0].index_select(0, last)

    def _weights(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """For what is seen and what is remembered, weights and biases."""
        seen, remembered, bias, other = self.cell.parameters()
        return seen, remembered, bias, other


def packed(first: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """How parts of episodes in n pieces of L steps lie side by side, the longest first, for a `PackedSequence`.

    Returns, with B = L n and piece after piece counted from 0: which of the B steps comes where (B,); how many parts
    are at least so long (longest,), on the CPU as torch wants it; the step that each part begins with (E,); and the
    last part of each piece (n,).
    """
    steps, copies = first.shape
    begins = first.clone()
    begins[0] = True
    flat = begins.t().flatten()
    part = flat.cumsum(0) - 1
    begin = flat.nonzero()[:, 0]
    place = torch.arange(steps * copies, device=first.device) - begin[part]
    length = torch.bincount(part)
    longest = length.argsort(descending=True, stable=True)
    rank = torch.empty_like(longest)
    rank[longest] = torch.arange(len(longest), device=first.device)
    order = (place * len(longest) + rank[part]).argsort()
    return order, torch.bincount(place).cpu(), begin[longest], rank[part[steps - 1 :: steps]]


def _lengths(width: int, shortest: float, longest: float) -> Tensor:
    """Logits (width,) of keeping a memory at each step, for lengths of all orders from the shortest to the longest."""
    return math.log(shortest) + torch.rand(width) * math.log(longest / shortest)
