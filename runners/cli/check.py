"""Checks that a user can run: this installation reproduces known numbers, an environment keeps its contract."""

import contextlib
import copy
import time
import warnings
from collections.abc import Callable

import gymnasium as gym
import numpy as np
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import VectorEnv
from rich.console import Console

from ... import envs
from ...core.acting import Acting, Stateless
from ...core.errors import TrainingError, UsageError
from ...core.heads import head
from ...core.learn.returns import gae
from ...core.rollout.engine import Rollout
from ...core.spaces.layout import MASK, Layout
from ...envs import snapshot
from ..runs import run as runs
from ..training.train import train

_STEPS = 256  # per copy, in the checks of an environment


def check(env: str) -> int:
    """Run the checks of the installation, or of `env`; 0 if all hold, else 1."""
    console = Console(highlight=False)
    failures = 0
    for name, test in (_environment(env) if env else _INSTALLATION).items():
        began = time.perf_counter()
        try:
            found = test()
        except AssertionError as problem:
            failures += 1
            console.print(f"[red]failed[/red]  {name}: {problem}", soft_wrap=True)
        else:
            console.print(
                f"[green]ok[/green]      {name}: {found} ({time.perf_counter() - began:.1f} s)", soft_wrap=True
            )
    return min(failures, 1)


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
        actions = np.random.default_rng(0).integers(2, size=(_STEPS, 4))
        for action in actions:
            assert np.array_equal(*seen), "native CartPole-v1 differs from Gymnasium's"
            seen = [env.step(action)[0].copy() for env in pair]
    return f"{_STEPS} steps bit-identical to Gymnasium's CartPole-v1"


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


def _environment(name: str) -> dict[str, Callable[[], str]]:
    """The checks of one environment; making it raises UsageError where it cannot be made."""
    return {
        "spaces": lambda: _spaces(name),
        "Gymnasium's own checker": lambda: _checker(name),
        "seeding": lambda: _seeding(name),
        "rewards and ends": lambda: _episodes(name),
        "exact resume": lambda: _resume(name),
    }


def _spaces(name: str) -> str:
    with contextlib.closing(envs.make(name)) as env:
        layout = Layout(env.single_observation_space)
        head(1, env.single_action_space)
        return f"{env.single_observation_space} -> {layout.shape} {layout.dtype}; actions {env.single_action_space}"


def _checker(name: str) -> str:
    with contextlib.closing(envs.make(name, backend="loop")) as env, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        single = getattr(env.unwrapped, "envs")[0].unwrapped  # noqa: B009 (the loop backend has it, the interface not)
        assert isinstance(single, gym.Env)
        try:
            check_env(single, skip_render_check=True)
        except Exception as problem:
            raise AssertionError(f"{type(problem).__name__}: {problem}") from problem
    return f"passed, with {len(caught)} remarks" + "".join(f"\n          {w.message}" for w in caught)


def _seeding(name: str) -> str:
    first, second = (_trajectory(name, 7) for _ in range(2))
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(first, second, strict=True)), (
        "the same seed and actions gave two different trajectories; draw randomness from self.np_random"
    )
    return f"{_STEPS} steps repeat exactly"


def _episodes(name: str) -> str:
    obs, reward, done = _trajectory(name, 7)
    assert np.isfinite(reward).all(), "a reward is not finite"
    assert obs.dtype.kind != "f" or np.isfinite(obs).all(), "an observation is not finite"
    return f"rewards {reward.min():.3g} to {reward.max():.3g}, {int(done.sum())} episodes ended"


def _resume(name: str) -> str:
    with contextlib.closing(envs.make(name, 2)) as env, contextlib.closing(envs.make(name, 2)) as other:
        rollout = Rollout(env, _STEPS, 7)
        rollout.collect(_at_random(env, 7))
        saved = snapshot.snapshot(env)
        if saved is None:
            return "cannot be restored: a resumed run starts new episodes, re-seeded"
        continued = Rollout(other, _STEPS, 0)
        snapshot.restore(other, saved)
        continued.load_state(rollout.state())
        first = rollout.collect(_at_random(env, 8)).obs
        second = continued.collect(_at_random(env, 8)).obs
        assert np.array_equal(first, second), (
            "a restored copy takes another course: some of its state is not in attributes"
        )
    return "its state is saved and restored bit for bit"


def _trajectory(name: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Observations, rewards and ends of random actions in two copies."""
    with contextlib.closing(envs.make(name, 2)) as env:
        try:
            batch = Rollout(env, _STEPS, seed).collect(_at_random(env, seed))
        except UsageError:
            raise
        except TrainingError as problem:
            raise AssertionError(str(problem)) from problem
        except Exception as problem:
            raise AssertionError(f"step raised {type(problem).__name__}: {problem}") from problem
        return batch.obs.copy(), batch.reward.copy(), batch.done


def _at_random(env: VectorEnv, seed: int) -> Acting:
    """Acts at random, among the available actions where observations tell which they are."""
    space, generator = copy.deepcopy(env.action_space), np.random.default_rng(seed)
    space.seed(seed)
    masks = [part for part in Layout(env.single_observation_space).parts if part.name == MASK]
    masked = masks[0] if masks and isinstance(env.single_action_space, gym.spaces.Discrete) else None

    def act(obs: np.ndarray) -> dict[str, np.ndarray]:
        if masked is None:
            return {"action": space.sample()}
        available = obs[:, masked.start : masked.start + masked.nbytes] != 0
        return {"action": (generator.random(available.shape) * available).argmax(1)}

    return Stateless(act)
