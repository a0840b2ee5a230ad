"""How much of the machine an environment may use."""

import os

_share: int | None = None


def cores() -> int:
    """Cores this process may run on, or its share of them."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return there if _share is None else min(there, _share)


def share(cores: int) -> None:
    """Leave all but so many cores to the processes beside this one."""
    global _share
    _share = cores
