"""Formulas that several kernels compute, each in one place, for jitted code."""

import math

import numpy as np
from numba import njit

_HALF_LOG_TAU = 0.5 * math.log(2.0 * math.pi)


@njit(nogil=True, error_model="numpy")
def gaussian_logp(z, log_std):  # type: ignore[no-untyped-def]
    """Log-density of one component of an action that is `z` standard deviations from the mean."""
    return -(0.5 * z * z + log_std + _HALF_LOG_TAU)


@njit(nogil=True, error_model="numpy")
def exponentials(logits):  # type: ignore[no-untyped-def]
    """The largest of logits (A,), and the sum of exp(logits - largest): log-probabilities without overflow."""
    top, total = logits.max(), 0.0
    for j in range(len(logits)):
        total += math.exp(logits[j] - top)
    return top, total


@njit(nogil=True, error_model="numpy")
def log_softmax(logits, logp):  # type: ignore[no-untyped-def]
    """Write the logarithms of the probabilities of logits (A,) into `logp`; the entropy."""
    top, total = exponentials(logits)
    shift, entropy = top + math.log(total), 0.0
    for j in range(len(logits)):
        logp[j] = logits[j] - shift
        entropy -= math.exp(logp[j]) * logp[j]
    return entropy


@njit(nogil=True, error_model="numpy")
def huber(error):  # type: ignore[no-untyped-def]
    """Huber's loss of an error, a half square up to 1 and linear beyond, and its derivative."""
    size = abs(error)
    if size <= 1.0:
        return 0.5 * error * error, error
    return size - 0.5, np.sign(error)
