"""Answers of a policy and value network for a search: nothing but the forward pass, as fast as the machine allows."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import nn

from ..mirror import Mirror
from ..written_out.structure import LAYERS, bare, perceptron, rectified
from .net import PolicyValueNet

Inference = Callable[[NDArray[np.float32]], tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Planes (B, C, H, W) to logits (B, A) and values (B,), new arrays at each call."""

_ROWS = 256  # positions at a time, whose activations stay in the cache
_MIRROR = Mirror(
    PolicyValueNet.__module__,
    {
        "PolicyValueNet.forward": "f8ca2247",
        "PolicyValueNet._features": "25758f39",
        "PolicyValueNet._answers": "e1cec230",
    },
    LAYERS,
)


def inference(net: PolicyValueNet, bfloat16: bool = False, twins: Literal["auto", "none"] = "auto") -> Inference:
    """Answers of `net` with its present weights, which must not change while this is in use."""
    device = next(net.parameters()).device
    known = layers(net) if twins == "auto" and not bfloat16 and _MIRROR.shows() else None
    if known is not None:
        return _Perceptron(known)
    frozen = net.frozen()

    @torch.inference_mode()
    def answer(planes: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            logits, value = frozen(torch.from_numpy(planes).to(device))
        return logits.cpu().numpy(), value.cpu().numpy()

    return answer


def layers(net: nn.Module) -> tuple[list[Any], list[Any]] | None:
    """The `perceptron`s of policy and value with their common hidden layers of ReLU, if `_Perceptron` knows `net`."""
    if type(net) is not PolicyValueNet or not bare(net):
        return None
    parts = net._modules
    pi, value = (perceptron(parts["trunk"], parts[head]) for head in ("policy_head", "value_head"))
    return (pi, value) if pi is not None and value is not None and rectified(pi) else None


class _Perceptron:
    """Hidden layers of a perceptron in buffers that are there already.

    A board is mostly empty, so the first layer adds up the rows of its weights that stones stand for. The heads are too
    narrow for a library of matrix products, which takes as long for eight columns as for sixty-four: both are one loop.
    """

    def __init__(self, layers: tuple[list[Any], list[Any]]) -> None:
        first, *rest = layers[0][:-1:2]
        self._first = first.weight.detach().t().contiguous().numpy(), first.bias.detach().numpy()
        self._rest = [(layer.bias.detach(), layer.weight.detach().t()) for layer in rest]
        heads = [modules[-1] for modules in layers]
        actions = heads[0].out_features
        weight = np.zeros((-(-(actions + 1) // 4) * 4, heads[0].in_features), np.float32)
        weight[: actions + 1] = torch.cat([head.weight.detach() for head in heads]).numpy()
        self._heads = weight, torch.cat([head.bias.detach() for head in heads]).numpy()
        widths = [first.out_features, *(layer.out_features for layer in rest)]
        self._hidden = [torch.empty(_ROWS, width) for width in widths]

    @torch.inference_mode()
    def __call__(self, planes: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        count, actions = len(planes), len(self._heads[1]) - 1
        flat = planes.reshape(count, -1)
        logits, values = np.empty((count, actions), np.float32), np.empty(count, np.float32)
        for start in range(0, count, _ROWS):
            part = slice(start, min(start + _ROWS, count))
            hidden = [x[: part.stop - start] for x in self._hidden]
            _add_rows(flat[part], *self._first, hidden[0].numpy())
            for (before, after), (bias, weight) in zip(pairwise(hidden), self._rest, strict=True):
                torch.addmm(bias, before.relu_(), weight, out=after)
            _answer(hidden[-1].numpy(), *self._heads, logits[part], values[part])
        return logits, np.tanh(values, out=values)


@njit(nogil=True, cache=True, error_model="numpy")
def _add_rows(x: NDArray[Any], weight: NDArray[Any], bias: NDArray[Any], out: NDArray[Any]) -> None:
    """bias + x @ weight for x (B, F) of which most is 0: four rows of `weight` (F, H) at a time."""
    features, width = weight.shape
    used = np.empty(features + 1, np.int64)
    for b in range(len(x)):
        count = 0
        for f in range(features):
            used[count] = f
            count += x[b, f] != 0
        row = out[b]
        for h in range(width):
            row[h] = bias[h]
        k = 0
        while k + 4 <= count:
            f, g, i, j = used[k], used[k + 1], used[k + 2], used[k + 3]
            p, q, r, s = x[b, f], x[b, g], x[b, i], x[b, j]
            for h in range(width):
                row[h] += (p * weight[f, h] + q * weight[g, h]) + (r * weight[i, h] + s * weight[j, h])
            k += 4
        for m in range(k, count):
            f = used[m]
            p = x[b, f]
            for h in range(width):
                row[h] += p * weight[f, h]


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz", "nnan"})
def _answer(
    hidden: NDArray[Any], weight: NDArray[Any], bias: NDArray[Any], logits: NDArray[Any], values: NDArray[Any]
) -> None:
    """Logits (B, A) and values before tanh (B,): bias + relu of `hidden` (B, H) times the rows of `weight`, which are
    A + 1 and zeros, four at a time."""
    outputs, zero = len(bias), np.float32(0)
    answer = np.empty(len(weight), np.float32)
    for b in range(len(hidden)):
        for a in range(0, len(weight), 4):
            p, q, r, s = zero, zero, zero, zero
            for h in range(hidden.shape[1]):
                x = max(hidden[b, h], zero)
                p += x * weight[a, h]
                q += x * weight[a + 1, h]
                r += x * weight[a + 2, h]
                s += x * weight[a + 3, h]
            answer[a], answer[a + 1], answer[a + 2], answer[a + 3] = p, q, r, s
        for a in range(outputs - 1):
            logits[b, a] = answer[a] + bias[a]
        values[b] = answer[outputs - 1] + bias[outputs - 1]
