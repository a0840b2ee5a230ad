"""SAC and TD3 beside Stable-Baselines3, and beside SBX, which is the same on JAX, at the same settings."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ...agents import sac, td3
from . import Row, peers, whole
from .other_python import asking
from .whole import Case

PYTHON = "GYMNAST_SBX"
"""Environment variable: the Python that has SBX; without it the rows beside SBX are left out."""
_SAC, _TD3 = sac.Config(learning_starts=100), td3.Config(learning_starts=100)
_NARROW: dict[str, Any] = {"hidden": (64, 64), "critic_hidden": (64, 64)}

CASES = [
    Case("SAC Pendulum-v1, 64 x 64", "Pendulum-v1", 2_000, 1, replace(_SAC, **_NARROW)),
    Case("TD3 Pendulum-v1, 64 x 64", "Pendulum-v1", 2_000, 1, replace(_TD3, **_NARROW)),
    Case("SAC HalfCheetah-v5, 256 x 256", "HalfCheetah-v5", 700, 1, _SAC),
    Case("TD3 HalfCheetah-v5, 256 x 256", "HalfCheetah-v5", 700, 1, _TD3),
]


def measure(repeats: int, cases: Sequence[Case] = CASES) -> Iterator[Row]:
    """Steps per second of each case, the compiling left out."""
    if not os.environ.get(PYTHON):
        yield from whole.measure(repeats, cases)
        return
    with asking(PYTHON, "sbx-rl", "sbx_peer.py") as ask:

        def sbx(case: Case, seed: int, steps: int) -> tuple[float, float]:
            said = {"algo": case.algo.upper(), "env": case.env, "copies": case.num_envs, "seed": seed, "steps": steps}
            return ask(json.dumps(said | {"settings": peers.settings(case.config)})), float("inf")

        yield from whole.measure(repeats, cases, {"SBX": sbx})
