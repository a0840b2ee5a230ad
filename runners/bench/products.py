"""Matrix products: how fast this machine multiplies and adds when it does nothing else."""

from collections.abc import Callable

import torch


def product(m: int, k: int, n: int) -> Callable[[], float]:
    """Work for `rate`: multiplies (m, k) by (k, n) in float32; returns the floating-point operations of that."""
    a, b, out = torch.randn(m, k), torch.randn(k, n), torch.empty(m, n)

    def multiply() -> float:
        torch.mm(a, b, out=out)
        return 2.0 * m * k * n

    return multiply
