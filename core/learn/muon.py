"""Muon, for matrices inside a network, beside Adam for everything else."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..errors import UsageError
from ..nets.policy import TextPolicy
from ..nets.scorer import Scorer
from .optim import Adam, Reduce, _backward, _clipped, alone, flatten, split

Optimizer = Literal["adam", "muon"]


def optimizer(
    kind: Optimizer, net: TextPolicy | Scorer, max_grad_norm: float, weight_decay: float = 0.0
) -> "Adam | MuonAdam":
    """The optimiser of who reads texts: `muon` for the matrices of the transformer's blocks, or Adam alone."""
    if kind == "adam":
        return Adam(net.parameters(), max_grad_norm=max_grad_norm, weight_decay=weight_decay)
    inside = list(net.encoder.decoder.blocks.parameters())
    known = set(map(id, inside))
    return MuonAdam(inside, [p for p in net.parameters() if id(p) not in known], max_grad_norm, weight_decay)


class MuonAdam:
    """Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon) of torch, and Adam, at one step size.

    Muon's steps are orthogonalised; scaled to the size that Adam's have (Liu et al. 2025, arXiv:2502.16982), they take
    the same step size. Embeddings, heads and vectors are Adam's.

    Raises:
        UsageError: if this torch has no Muon.
    """

    def __init__(
        self,
        matrices: Sequence[nn.Parameter],
        others: Sequence[nn.Parameter],
        max_grad_norm: float | None = None,
        weight_decay: float = 0.0,
    ) -> None:
        if not hasattr(torch.optim, "Muon"):
            raise UsageError(f"torch {torch.__version__} has no Muon: pip install 'torch>=2.9', or take adam")
        self.flat, self.max_grad_norm = flatten([*matrices, *others]), max_grad_norm
        _, rest = split(self.flat, [sum(p.numel() for p in part) for part in (matrices, others)])
        self.adam = Adam(rest, weight_decay=weight_decay)
        self.muon = torch.optim.Muon(matrices, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
        self.reduce: Reduce = alone
        """The funnel that every gradient passes, see `Adam`."""
        self._matrices = matrices

    def step(self, loss: Tensor, lr: float) -> Tensor:
        """Descend on `loss`; returns the gradient's norm before clipping."""
        _backward(self.flat, loss)
        assert self.flat.grad is not None
        self.reduce(self.flat.grad)
        _, norm = _clipped(self.flat, self.max_grad_norm)
        for group in self.muon.param_groups:
            group["lr"] = lr
        self.muon.step()
        self.adam.descend(lr)
        return norm

    def state(self) -> dict[str, Any]:
        """Adam's moments and Muon's momentum of each matrix."""
        kept = [self.muon.state[p].get("momentum_buffer", torch.zeros_like(p)).clone() for p in self._matrices]
        return {"adam": self.adam.state(), "momentum": kept}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`.

        Raises:
            ValueError: if it is of other matrices.
        """
        self.adam.load_state(state["adam"])
        for parameter, momentum in zip(self._matrices, map(torch.as_tensor, state["momentum"]), strict=True):
            if momentum.shape != parameter.shape or momentum.dtype != parameter.dtype:
                found, right = (f"{x.dtype} {tuple(x.shape)}" for x in (momentum, parameter))
                raise ValueError(f"momentum of {found} for a matrix of {right}")
            self.muon.state[parameter]["momentum_buffer"] = torch.empty_like(parameter.data).copy_(momentum)
