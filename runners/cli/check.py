"""Checks that a user can run: this installation reproduces known numbers, an environment keeps its contract."""

import contextlib
import re
import time
from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.text import Text

from ... import envs
from ...core.learn.returns import gae
from ..runs import run as runs
from ..training.train import train
from .contract import STEPS, Remark, contract

_COLORS = {"ok": "green", "remark": "yellow", "failed": "red"}


def check(env: str) -> int:
    """Run the checks of the installation, or of `env`; 0 if all hold, else 1."""
    console = Console(highlight=False)
    checks = contract(env) if env else _INSTALLATION
    verdicts = [_told(console, name, test) for name, test in checks.items()]
    return int("failed" in verdicts)


def _told(console: Console, name: str, test: Callable[[], str]) -> str:
    """Print what a check found, whatever it raises, in one line without escape codes; the verdict."""
    began = time.perf_counter()
    try:
        found = test()
        verdict = "remark" if isinstance(found, Remark) else "ok"
        found += f" ({time.perf_counter() - began:.1f} s)"
    except (Exception, SystemExit) as problem:
        verdict = "failed"
        plain = isinstance(problem, AssertionError) or hasattr(problem, "exit_code")
        found = " ".join((str(problem) if plain else f"{type(problem).__name__}: {problem}").split())
    said = re.sub(r"\x1b\[[0-9;]*m", "", f"{name}: {found}")  # Gymnasium colours its warnings
    console.print(Text.assemble((f"{verdict:7} ", _COLORS[verdict]), said), soft_wrap=True)
    return verdict


def _advantages() -> str:
    """Three steps, of which the second ends by truncation; gamma = lambda = 1/2, worked by hand."""
    reward, value = np.array([[1], [2], [4]], np.float32), np.zeros((3, 1), np.float32)
    after = np.array([[0], [8], [2]], np.float32)  # V of what follows: ordinary, of the final observation, of the last
    done = np.array([[False], [True], [False]])
    # A2 = 4 + 2/2 = 5;  A1 = 2 + 8/2 = 6, nothing flows back from A2;  A0 = 1 + 0/2 + 6/4 = 2.5
    found = gae(reward, value, after, done, 0.5, 0.5).ravel().tolist()
    assert found == [2.5, 6.0, 5.0], f"expected [2.5, 6, 5], got {found}"
    return "2.5, 6, 5 as worked by hand"


def _native() -> str:
    """A native environment against Gymnasium's own."""
    with contextlib.ExitStack() as stack:
        pair = [envs.make("CartPole-v1", 4, backend=backend) for backend in ("native", "loop")]
        for env in pair:
            stack.callback(env.close)
        seen = [env.reset(seed=5)[0].copy() for env in pair]
        actions = np.random.default_rng(0).integers(2, size=(STEPS, 4))
        for action in actions:
            assert np.array_equal(*seen), "native CartPole-v1 differs from Gymnasium's"
            seen = [env.step(action)[0].copy() for env in pair]
    return f"{STEPS} steps bit-identical to Gymnasium's CartPole-v1"


def _twice() -> str:
    """The same short run twice."""
    run = runs.preset("ppo", "CartPole-v1", steps=2048, evals=0)
    first, second = (train(run).agent.net.state_dict() for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first), "one seed gave two different networks"
    return "two runs with one seed end in the same weights"


def _learns() -> str:
    """PPO on CartPole, a third of its usual budget."""
    result = train(runs.preset("ppo", "CartPole-v1", steps=40_000, evals=1, eval_episodes=20))
    assert result.evaluation is not None
    assert result.evaluation.mean >= 195, f"return {result.evaluation.mean:.0f} after 40k steps; 195 or more is normal"
    return f"return {result.evaluation.mean:.0f} after 40k steps"


_INSTALLATION: dict[str, Callable[[], str]] = {
    "advantages": _advantages,
    "native environments": _native,
    "determinism": _twice,
    "learning": _learns,
}
