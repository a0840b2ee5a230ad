"""Statistics of returns and of learning."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def iqm(values: ArrayLike) -> float:
    """Interquartile mean: the mean of the middle half, a quarter cut on each side with fractional weights.

    Agarwal et al. 2021, arXiv:2108.13264: as robust as the median, as efficient as the mean.
    """
    ordered = np.sort(np.asarray(values, np.float64).ravel())
    edges = np.arange(len(ordered) + 1) / len(ordered)
    weight = np.clip(edges[1:], 0.25, 0.75) - np.clip(edges[:-1], 0.25, 0.75)
    return float(weight @ ordered / weight.sum())


def bootstrap_interval(values: ArrayLike, seed: int = 0, resamples: int = 2000) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean."""
    values = np.asarray(values, np.float64).ravel()
    draws = np.random.default_rng(seed).integers(len(values), size=(resamples, len(values)))
    low, high = np.percentile(values[draws].mean(1), [2.5, 97.5])
    return float(low), float(high)


def explained_variance(value: NDArray, target: NDArray) -> float:
    """1 - Var(target - value) / Var(target): 1 is perfect, 0 is no better than a constant; 0 if the target is one."""
    variance = target.var(dtype=np.float64)
    return float(1 - (target - value).var(dtype=np.float64) / variance) if variance > 0 else 0.0
