"""Metrics of several gradient steps."""

from collections.abc import Sequence

import torch
from torch import Tensor


def averages(names: Sequence[str], logs: Sequence[Tensor]) -> dict[str, float]:
    """Means of what k gradient steps logged, vectors (len(names),), where they are numbers; nan marks no step."""
    if not logs:
        return {}
    rows = torch.stack([*logs]).nanmean(0).tolist()  # the only device-to-host sync of the update
    return {name: value for name, value in zip(names, rows, strict=True) if value == value}
