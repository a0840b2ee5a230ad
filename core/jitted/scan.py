"""A linear recurrence through time, and its derivatives backwards."""

from numba import njit


@njit(nogil=True, cache=True)
def forward(keep, new, first, state, h):  # type: ignore[no-untyped-def]
    """h[t] = keep[t] h[t-1] + new[t] for (L, n, H), from `state` (n, H), or from 0 where `first` (L, n)."""
    steps, copies, size = h.shape
    for t in range(steps):
        for i in range(copies):
            before = state[i] if t == 0 else h[t - 1, i]
            if first[t, i]:
                h[t, i] = new[t, i]
            else:
                for j in range(size):
                    h[t, i, j] = keep[t, i, j] * before[j] + new[t, i, j]


@njit(nogil=True, cache=True)
def backward(g, keep, first, state, h, by_keep, by_new, by_state):  # type: ignore[no-untyped-def]
    """Derivatives of sum(g * h) by what `forward` made `h` of; `by_state` (n, H) begins as zeros."""
    steps, copies, size = h.shape
    for t in range(steps - 1, -1, -1):
        for i in range(copies):
            before = state[i] if t == 0 else h[t - 1, i]
            for j in range(size):
                total = g[t, i, j] + by_state[i, j]
                by_new[t, i, j] = total
                by_keep[t, i, j] = 0.0 if first[t, i] else total * before[j]
                by_state[i, j] = 0.0 if first[t, i] else total * keep[t, i, j]
