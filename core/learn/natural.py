"""Natural gradients: products with the Fisher matrix, conjugate gradients, a backtracking line search.

The Fisher matrix F = E[score score^T] is also the Hessian of the KL divergence from a policy to its neighbours (Kakade
2001, "A natural policy gradient"). It is never formed: F x = g is solved with a dozen products.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..heads import Natural

_TOLERANCE = 1e-10  # for the squared residual, relative to the right-hand side's


def gradient(
    outputs: Tensor | Sequence[Tensor],
    parameters: Sequence[Tensor],
    cotangents: Sequence[Tensor] | None = None,
    keep: bool = False,
) -> Tensor:
    """Gradient (P,) in all entries of the `parameters`, of a scalar or of `outputs` weighted by `cotangents`.

    `keep` keeps the graph for another one.
    """
    parts = torch.autograd.grad(outputs, parameters, cotangents, retain_graph=keep)
    return torch.cat([x.flatten() for x in parts])


def fisher(pi: Natural, parameters: Sequence[Tensor], damping: float = 0.0) -> Callable[[Tensor], Tensor]:
    """The product v (P,) -> (F + damping I) v, with F the mean over the B states of `pi`.

    Exact over actions: F = mean of J^T M J, with J the derivatives of the distribution's parameters and M their metric
    in closed form. J v is the derivative of u -> J^T u; that being linear, its graph is made once, and a product costs
    two backward passes: two thirds of a product with the Hessian of the KL.
    """
    outputs = pi.parameters()
    cotangents = [torch.zeros_like(x, requires_grad=True) for x in outputs]  # u, whose value does not matter
    pulled = torch.autograd.grad(outputs, parameters, cotangents, create_graph=True)
    sizes, count = [p.numel() for p in parameters], len(outputs[0])

    @torch.no_grad()
    def product(v: Tensor) -> Tensor:
        parts = [x.view_as(p) for x, p in zip(v.split(sizes), parameters, strict=True)]
        tangents = torch.autograd.grad(pulled, cotangents, parts, retain_graph=True)
        return gradient(outputs, parameters, pi.fisher(tangents), keep=True) / count + damping * v

    return product


def conjugate_gradient(product: Callable[[Tensor], Tensor], b: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
    """x (P,) with A x = b nearly, A symmetric and positive definite, and its x^T A x; at most `iterations` products.

    Hestenes & Stiefel 1952, from x = 0: every iterate is a descent direction of -b^T x.
    """
    x, residual, direction = torch.zeros_like(b), b, b
    squared = limit = b @ b
    for _ in range(iterations):
        if squared <= _TOLERANCE * limit:
            break
        image = product(direction)
        step = squared / (direction @ image)
        x, residual = x + step * direction, residual - step * image
        before, squared = squared, residual @ residual
        direction = residual + squared / before * direction
    return x, x @ (b - residual)


@torch.no_grad()
def line_search(vector: Tensor, step: Tensor, accept: Callable[[], bool], shrink: float, tries: int) -> int | None:
    """Move `vector` in place by the first of step, shrink step, shrink^2 step, ... that `accept` agrees to.

    Returns how often the step was shrunk; None if none of the `tries` will do, and `vector` is as it was.
    """
    start = vector.clone()
    for i in range(tries):
        vector.copy_(start + shrink**i * step)
        if accept():
            return i
    vector.copy_(start)
    return None
