"""The contract of an environment: what it gives, held against what it declares and what training relies on.

Gymnasium's own checker looks at the first step; these look at many, at several copies, and at what is said in words.
"""

import contextlib
import copy
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from ... import envs
from ...core.acting import Acting, Stateless
from ...core.heads import head
from ...core.rollout.engine import Rollout
from ...core.spaces.keys import MASK, MASKS
from ...core.spaces.layout import Layout
from ...envs import snapshot
from ...envs.factory import close, is_game, maker, resolve
from ...envs.wrapped import Wrapped
from .goal_contract import agreement, has_goals

STEPS = 256  # per copy
_LONG = 2048  # per copy, in which an episode should end
_LARGEST = float(np.finfo(np.float32).max)


class Remark(str):
    """A finding that is no failure, and yet worth a thought."""


def contract(name: str) -> dict[str, Callable[[], str]]:
    """The checks of one environment, each of which says what it found or raises.

    Raises:
        UsageError: if it cannot be made, or nothing can learn in its spaces.
    """
    source = resolve(name)
    alone = {} if is_game(source) else _alone(name)
    with contextlib.ExitStack() as stack:
        env: Any = envs.make(name) if is_game(source) else Wrapped(maker(source, None, {}), ())()
        stack.callback(close, env)
        obs = getattr(env, "single_observation_space", env.observation_space)
        action = getattr(env, "single_action_space", env.action_space)
        layout = Layout(obs)
        head(1, action)
        texts = "".join(f"; left out is {text}, a text" for text in getattr(obs, "left_out", ()))
        said = f"{obs} -> {layout.shape} {layout.dtype}{texts}; actions {action}"
    return {
        "spaces": lambda: _spaces(obs, action, said),
        **alone,
        "rewards and ends": lambda: _ends(name),
        "seeding": lambda: _seeding(name),
        "exact resume": lambda: _resume(name),
        **({"goals": lambda: _goals(name)} if has_goals(obs) else {}),
    }


def _alone(name: str) -> dict[str, Callable[[], str]]:
    """The checks of single copies, which a ready game for two has none of."""
    return {
        "Gymnasium's own checker": lambda: _checker(name),
        "values": lambda: _values(name),
        "copies": lambda: _copies(name),
    }


def _spaces(obs: gym.Space, action: gym.Space, said: str) -> str:
    for where, box in [*_boxes(obs, "observation"), *_boxes(action, "action")]:
        bounds = np.concatenate([box.low.ravel(), box.high.ravel()])
        beyond = bounds[np.isfinite(bounds) & (np.abs(bounds.astype(np.float64)) > _LARGEST)]
        assert not beyond.size, f"a bound of the {where}, {beyond[0]:g}, is beyond float32; use infinity"
    return said


def _boxes(space: gym.Space, where: str) -> Iterator[tuple[str, spaces.Box]]:
    """Every Box of real numbers in a space, with its name."""
    if isinstance(space, spaces.Box) and space.dtype.kind == "f":
        yield where, space
    elif isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            yield from _boxes(part, f"{where}[{key!r}]")
    elif isinstance(space, spaces.Tuple):
        for i, part in enumerate(space.spaces):
            yield from _boxes(part, f"{where}[{i}]")


def _checker(name: str) -> str:
    with _singles(name, 1) as (env,), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_env(env.unwrapped, skip_render_check=True)
    return f"passed, with {len(caught)} remarks" + "".join(f"\n          {w.message}" for w in caught)


@contextlib.contextmanager
def _singles(name: str, copies: int) -> Iterator[list[gym.Env]]:
    """So many copies of an environment, each by itself."""
    make = Wrapped(maker(resolve(name), None, {}), ())
    with contextlib.ExitStack() as stack:
        made: list[gym.Env] = []
        for _ in range(copies):
            made.append(make())
            stack.callback(close, made[-1])
        yield made


def _values(name: str) -> str:
    """Everything that reset and step give, of one copy in random play."""
    with _singles(name, 1) as (wrapped,):
        env: Any = wrapped.unwrapped
        space, generator = env.observation_space, _seeded(env.action_space)
        over = True
        for t in range(STEPS):
            if over:
                obs, info = _reset(env)
                _belongs(obs, space, f"after a reset (step {t})", "observation")
            obs, reward, terminated, truncated, info = _step(env, _drawn(env, generator, obs, info, t), t)
            _belongs(obs, space, f"at step {t}", "observation")
            assert np.ndim(reward) == 0, f"a reward has shape {np.shape(reward)} at step {t}; it must be one number"
            assert np.isfinite(reward), f"a reward is not finite ({reward}) at step {t}"
            assert abs(reward) <= _LARGEST, f"a reward, {reward:g} at step {t}, is beyond float32"
            for what, value in (("terminated", terminated), ("truncated", truncated)):
                assert isinstance(value, bool | np.bool_), (
                    f"{what} is {value!r} ({type(value).__name__}) at step {t}; it must be True or False"
                )
            assert isinstance(info, dict), f"info is {info!r} at step {t}; it must be a dict"
            over = terminated or truncated
    return f"{STEPS} steps give what is declared"


def _reset(env: Any) -> tuple[Any, dict[str, Any]]:
    given = env.reset(seed=7)
    assert isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], dict), (  # noqa: PT018 (one fault)
        f"reset gave {_described(given)}, and not (observation, info): this is the interface of the old gym"
    )
    return given


def _step(env: Any, action: Any, t: int) -> tuple[Any, Any, Any, Any, Any]:
    given = env.step(action)
    assert isinstance(given, tuple) and len(given) == 5, (  # noqa: PT018
        f"step gave {_described(given)} at step {t}, and not (observation, reward, terminated, truncated, info)"
        f"{': this is the interface of the old gym' if isinstance(given, tuple) and len(given) == 4 else ''}"
    )
    return given


def _described(given: Any) -> str:
    return f"{len(given)} values" if isinstance(given, tuple) else f"one {type(given).__name__}"


def _belongs(obs: Any, space: gym.Space, when: str, where: str) -> None:
    """An observation, or a part of one, is of the shape, the kind and in the bounds that are declared."""
    if isinstance(space, spaces.Dict):
        assert isinstance(obs, dict), f"the {where} is a {type(obs).__name__} {when}; declared is a Dict"
        keys, declared = sorted(map(str, obs)), sorted(map(str, space.spaces))
        assert keys == declared, f"the {where} has the keys {keys} {when}; declared are {declared}"
        for key, part in space.spaces.items():
            _belongs(obs[key], part, when, f"{where}[{key!r}]")
    elif isinstance(space, spaces.Tuple):
        assert len(obs) == len(space.spaces), f"the {where} has {len(obs)} parts {when}; declared are {len(space)}"
        for i, part in enumerate(space.spaces):
            _belongs(obs[i], part, when, f"{where}[{i}]")
    elif isinstance(space, spaces.Box):
        _in_box(np.asarray(obs), space, when, where)
    else:
        assert space.contains(obs), f"the {where} is {obs!r} {when}, which is not in {space}"


def _in_box(obs: NDArray[Any], box: spaces.Box, when: str, where: str) -> None:
    assert obs.shape == box.shape, f"the {where} has shape {obs.shape} {when}; declared is {box.shape}"
    assert np.can_cast(obs.dtype, box.dtype, "same_kind"), f"the {where} is {obs.dtype} {when}; declared is {box.dtype}"
    assert obs.dtype.kind != "f" or not np.isnan(obs).any(), f"the {where} is not finite (nan) {when}"
    with np.errstate(over="ignore"):
        stored = obs.astype(box.dtype)
    outside = np.argwhere((stored < box.low) | (stored > box.high))
    if len(outside):
        at = tuple(outside[0].tolist())
        low, high = box.low[at], box.high[at]
        raise AssertionError(
            f"the {where}{list(at) if at else ''} is {obs[at]:g} {when}, outside of [{low:g}, {high:g}]"
        )


def _ends(name: str) -> str:
    """Random play in two copies until an episode ends."""
    with contextlib.closing(envs.make(name, 2)) as env:
        rollout, acting = Rollout(env, STEPS, 7), _at_random(env, 7)
        least, most, ended, steps = np.inf, -np.inf, 0, 0
        while not ended and steps < _LONG:
            batch = rollout.collect(acting)
            least, most = min(least, float(batch.reward.min())), max(most, float(batch.reward.max()))
            ended, steps = int(batch.done.sum()), steps + STEPS
    said = f"rewards {least:.3g} to {most:.3g}"
    if rollout.coarse:
        return Remark(rollout.coarse)
    if ended:
        return f"{said}, {ended} episodes ended in {steps:,} steps of two copies"
    return Remark(
        f"{said}, and no episode ended in {steps:,} steps of two copies; if none ever does, an evaluation has no end: "
        "set max_episode_steps"
    )


def _goals(name: str) -> str:
    with _singles(name, 1) as (env,):
        works, said = agreement(env, STEPS)
    return said if works else Remark(said)


def _seeding(name: str) -> str:
    first, second = (_trajectory(name, 7) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True)), (
        "the same seed and actions gave two different trajectories; draw randomness from self.np_random"
    )
    return f"{STEPS} steps repeat exactly"


def _copies(name: str) -> str:
    """One copy takes the same course whether another is stepped beside it or not."""
    courses = []
    for beside in (False, True):
        with _singles(name, 2) as (one, other):
            assert one.unwrapped is not other.unwrapped, (
                "two copies are one and the same object; make a new environment with every call"
            )
            courses.append(_course(one, other if beside else None))
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(*courses, strict=True)), (
        "a copy takes another course when a second one is stepped beside it: they share something that changes"
    )
    return "two of them share nothing"


def _course(env: Any, beside: Any) -> list[NDArray[Any]]:
    """Observations and rewards of one copy, with steps of another in between."""
    layout, generator = Layout(env.observation_space), _seeded(env.action_space)
    other = None if beside is None else _seeded(beside.action_space, 8)
    stored, course, over, over_there = layout.empty(1), [], True, True
    for t in range(STEPS):
        if over:
            obs, info = env.reset(seed=7)
        if other is not None and over_there:
            there, info_there = beside.reset(seed=8)
        if other is not None:
            there, _, *ends, info_there = beside.step(_drawn(beside, other, there, info_there, t))
            over_there = any(ends)
        obs, reward, terminated, truncated, info = env.step(_drawn(env, generator, obs, info, t))
        over = terminated or truncated
        layout.write(stored, _batched(obs, env.observation_space))
        course += [stored.copy(), np.array(reward)]
    return course


def _batched(obs: Any, space: gym.Space) -> Any:
    """One observation as a batch of one."""
    empty: Any = gym.vector.utils.create_empty_array(space, 1)
    return gym.vector.utils.concatenate(space, [obs], empty)


def _resume(name: str) -> str:
    with contextlib.closing(envs.make(name, 2)) as env, contextlib.closing(envs.make(name, 2)) as other:
        rollout = Rollout(env, STEPS, 7)
        rollout.collect(_at_random(env, 7))
        saved = snapshot.snapshot(env)
        if saved is None:
            return "cannot be restored: a resumed run starts new episodes, re-seeded"
        continued = Rollout(other, STEPS, 0)
        snapshot.restore(other, saved)
        continued.load_state(rollout.state())
        first = rollout.collect(_at_random(env, 8)).obs
        second = continued.collect(_at_random(env, 8)).obs
        assert np.array_equal(first, second), (
            "a restored copy takes another course: some of its state is not in attributes"
        )
    return "its state is saved and restored bit for bit"


def _trajectory(name: str, seed: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Observations, rewards and ends of random actions in two copies."""
    with contextlib.closing(envs.make(name, 2)) as env:
        batch = Rollout(env, STEPS, seed).collect(_at_random(env, seed))
        return batch.obs.copy(), batch.reward.copy(), batch.done


def _seeded(space: gym.Space, seed: int = 7) -> gym.Space:
    """A copy of an action space that draws from a seed."""
    drawing = copy.deepcopy(space)
    drawing.seed(seed)
    return drawing


def _drawn(env: Any, space: gym.Space, obs: Any, info: dict[str, Any], t: int) -> Any:
    """A random action of one copy, one that its mask allows where it has one."""
    mask = _observed_mask(obs)
    mask = next((info[name] for name in MASKS if name in info), None) if mask is None else mask
    mask = env.action_masks() if mask is None and hasattr(env, "action_masks") else mask
    if mask is None or not isinstance(space, spaces.Discrete):
        return space.sample()
    assert np.isin(mask, (0, 1)).all(), f"the {MASK} holds other numbers than 0 and 1 at step {t}: {mask}"
    allowed = np.asarray(mask).astype(np.int8)
    assert allowed.shape == (space.n,), f"the {MASK} has shape {allowed.shape} at step {t}; there are {space.n} actions"
    assert allowed.any(), f"the {MASK} allows none of the {space.n} actions at step {t}"
    return space.sample(allowed)


def _observed_mask(obs: Any) -> Any:
    """The action mask in an observation, at any depth of a Dict or Tuple."""
    if isinstance(obs, dict) and MASK in obs:
        return obs[MASK]
    parts = obs.values() if isinstance(obs, dict) else obs if isinstance(obs, tuple) else ()
    return next((mask for part in parts if (mask := _observed_mask(part)) is not None), None)


def _at_random(env: VectorEnv, seed: int) -> Acting:
    """Acts at random, among the available actions where observations tell which they are."""
    space, generator = _seeded(env.action_space, seed), np.random.default_rng(seed)
    layout = Layout(env.single_observation_space)
    mask = layout.mask if isinstance(env.single_action_space, spaces.Discrete) else None

    def act(obs: np.ndarray) -> dict[str, np.ndarray]:
        if mask is None:
            return {"action": space.sample()}
        available = layout.view(torch.as_tensor(obs))[mask.name].numpy() != 0
        return {"action": (generator.random(available.shape) * available).argmax(1)}

    return Stateless(act)
