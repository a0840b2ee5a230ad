"""The passes through a perceptron and back in jitted code, a block of steps at a time.

A block is as many steps as fit into the caches with all that the layers make of them, so a minibatch of any size costs
per step what a small one costs. Features lie in rows and steps in columns: then the numbers of many steps fill vector
registers even where a layer has only one or two outputs.
"""

import numpy as np
from numba import njit

from ..jitted.activations import REORDER, activate, back_through
from ..jitted.instantiate import PART
from ..jitted.instructions import ahead, at
from ..jitted.products import add_dots, add_to_columns

BLOCK = 256  # steps
STRIDE = np.int64(BLOCK + 16)  # of rows; those a power of two apart would take one another's places in the cache
_NEXT = np.int64(1)  # for a plain 1 Numba would compile the products once more


def whole(count: int) -> int:
    """So many columns, counted in sixteens, as the products take them."""
    return (count + 15) // 16 * 16


whole_columns = njit(**PART)(whole)


@njit(**PART)
def pass_block_on(theta, layers, relu, seen, count):  # type: ignore[no-untyped-def]
    """Fill `seen` (L + 1, W, STRIDE), what each layer sees and the last one gives, from seen[0]; `count` is `whole`."""
    width = seen.shape[1]
    for k in range(len(layers)):
        w, bias, inputs, outputs = layers[k, 0], layers[k, 1], layers[k, 2], layers[k, 3]
        here, there = at(seen, k * width * STRIDE), at(seen, (k + 1) * width * STRIDE)
        for o in range(outputs):
            for i in range(count):
                there[o * STRIDE + i] = theta[bias + o]
        add_to_columns(at(theta, w), inputs, _NEXT, here, STRIDE, there, STRIDE, outputs, inputs, count)
        if k < len(layers) - 1:
            for o in range(outputs):
                activate(ahead(there, o * STRIDE), count, relu)


@njit(**PART)
def pass_block_back(theta, layers, relu, seen, slopes, count, grad):  # type: ignore[no-untyped-def]
    """Add the gradient by all weights to `grad`, from the one by the outputs in the first of `slopes` (2, W, STRIDE).

    `count` is `whole`, and columns without a step have slopes of 0. Slopes serve as scratch.
    """
    width = seen.shape[1]
    for k in range(len(layers) - 1, -1, -1):
        w, bias, inputs, outputs = layers[k, 0], layers[k, 1], layers[k, 2], layers[k, 3]
        turn = (len(layers) - 1 - k) % 2
        here, slope = at(seen, k * width * STRIDE), at(slopes, turn * width * STRIDE)
        add_dots(slope, STRIDE, here, STRIDE, at(grad, w), inputs, outputs, count, inputs)
        for o in range(outputs):
            grad[bias + o] += _sum(ahead(slope, o * STRIDE), count)
        if k > 0:
            before = at(slopes, (1 - turn) * width * STRIDE)
            for j in range(inputs):
                for i in range(count):
                    before[j * STRIDE + i] = 0.0
            add_to_columns(at(theta, w), _NEXT, inputs, slope, STRIDE, before, STRIDE, inputs, outputs, count)
            for j in range(inputs):
                back_through(ahead(here, j * STRIDE), count, relu, ahead(before, j * STRIDE))


@njit(**PART, fastmath=REORDER)
def _sum(x, count):  # type: ignore[no-untyped-def]
    total = np.float32(0.0)
    for i in range(count):
        total += x[i]
    return total
