"""Experts: whoever is to be imitated. A run, a Stable-Baselines3 zip, a function of one's own."""

import inspect
import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from ...core.acting import Act, Acting, Mode, ask
from ...core.errors import UsageError
from ...core.names import Stored, distrusted
from ...core.spaces.actions import action_adapter
from ..runs import run as runs
from ..runs.functions import function
from ..runs.load import Misfit, trained
from ..runs.run import Run

_KINDS = "a run's folder, a Stable-Baselines3 .zip, or module:function"


def of_run(run: Run, env: VectorEnv, seed: int) -> Act:
    """The expert of a run, for an algorithm that asks one.

    Raises:
        UsageError: if the run names none, or one that cannot answer here.
    """
    if run.expert is None:
        raise UsageError(f"{run.algo} asks an expert; give --expert EXPERT: {_KINDS}")
    if run.expert == "human":
        raise UsageError("a person can demonstrate (gymnast collect human), but not answer thousands of questions")
    return load(run.expert, env, seed, trust=run.trust)


def load(expert: str, env: VectorEnv, seed: int = 0, stochastic: bool = False, trust: bool = False) -> Act:
    """The acting of `expert` in environments like `env`: its likeliest actions, or draws with `stochastic`.

    With `trust`, what the expert's files name is imported and called, wherever they come from.

    Raises:
        UsageError: if there is no such expert, or it is one for other observations or actions.
    """
    path = Path(expert)
    if (path / "run.json").exists():
        return Checked(expert, env, _run(path, env, stochastic, trust))
    if path.suffix == ".zip":
        if isinstance(expert, Stored):
            raise UsageError(distrusted(expert, "unpickle it, which runs whatever it holds"))
        return Checked(expert, env, _stable_baselines(path, env, stochastic, trust))
    if path.is_dir():
        raise UsageError(f"{expert} is not the folder of a run: it has no run.json")
    if ":" in expert and "/" not in expert:
        return Checked(expert, env, _function(expert, env, seed))
    raise UsageError(f"no expert {expert!r}: an expert is {_KINDS}{' (or human)' if expert != 'human' else ''}")


class Checked:
    """Another's actions, as the engine wants them: in the action space, of its type, Discrete ones counted from 0."""

    def __init__(self, name: str, env: VectorEnv, act: Act) -> None:
        self.name, self.space, self._act = name, env.single_action_space, act

    def __call__(self, obs: NDArray) -> dict[str, NDArray]:
        out = self._act(obs)
        return {**out, "action": self._checked(np.asarray(out["action"]), len(obs))}

    def _checked(self, action: NDArray, count: int) -> NDArray:
        space = self.space
        shape = (count, *(space.shape or ()))
        if action.shape != shape:
            raise UsageError(f"expert {self.name} gave actions of shape {action.shape}; {space} needs {shape} here")
        match space:
            case spaces.Box() if action.dtype.kind in "fiu" and np.isfinite(action).all():
                return np.clip(action, space.low, space.high).astype(np.float32)
            case spaces.Discrete() if action.dtype.kind in "iu":
                index = action.astype(np.int64) - space.start
                if ((index >= 0) & (index < space.n)).all():
                    return index
            case spaces.MultiDiscrete() if action.dtype.kind in "iu":
                index = action.astype(np.int64) - space.start
                if ((index >= 0) & (index < space.nvec)).all():
                    return index
            case spaces.MultiBinary() if ((action == 0) | (action == 1)).all():
                return action.astype(np.int8)
        wrong = next((a for a in action if not space.contains(np.asarray(a, space.dtype))), action[0])
        raise UsageError(f"expert {self.name} gave the action {wrong} ({action.dtype}), which is not in {space}")


def _run(path: Path, env: VectorEnv, stochastic: bool, trust: bool) -> Act:
    """A gymnast agent; with its probabilities of Discrete actions."""
    run = runs.load(path / "run.json", trust)
    try:
        agent, _ = trained(run, path, env)
    except Misfit as problem:
        spaces_here = f"{env.single_observation_space} and {env.single_action_space}"
        raise UsageError(
            f"expert {path} was trained on {run.env}; it does not fit {spaces_here} ({problem.why})"
        ) from problem
    to_env = action_adapter(env.single_action_space)
    probabilities = isinstance(env.single_action_space, spaces.Discrete)
    mode: Mode = "sample" if stochastic else "best"
    actings: dict[int, Acting] = {}  # by how many observations it is asked about

    def act(obs: NDArray) -> dict[str, NDArray]:
        if len(obs) not in actings:
            actings[len(obs)] = agent.acting(len(obs), mode, len(obs))
        acting = actings[len(obs)]
        out = {"action": to_env(ask(acting, obs)["action"])}
        thoughts = acting.thoughts() if probabilities else {}
        if "action probability" in thoughts:
            out["probability"] = thoughts["action probability"]
        return out

    return act


def _stable_baselines(path: Path, env: VectorEnv, stochastic: bool, trust: bool) -> Act:
    """An agent of Stable-Baselines3 or sb3-contrib. Its zip holds pickles: load none from somebody you do not trust."""
    moments = path.with_name("vecnormalize.pkl")
    if moments.exists() and not trust:  # nobody named that file
        raise UsageError(f"{moments} would be unpickled, which runs whatever it holds: if you trust it, say --trust")
    try:
        import sb3_contrib
        import stable_baselines3 as sb3
    except ImportError as problem:
        raise UsageError('Stable-Baselines3 is not installed; run: pip install "gymnast[bench]"') from problem
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    try:
        with zipfile.ZipFile(path) as content:
            data = json.loads(content.read("data"))
    except (zipfile.BadZipFile, KeyError, json.JSONDecodeError) as problem:
        raise UsageError(f"{path} is not a model that Stable-Baselines3 saved") from problem
    print(
        f"Stable-Baselines3 unpickles {path}, which runs whatever it holds: use those that you trust", file=sys.stderr
    )
    family = next((name for key, name in _FAMILIES.items() if key in data), "A2C")
    model: Any = getattr(sb3, family, None) or getattr(sb3_contrib, family)
    agent = model.load(path, device="cpu")
    for what, its, ours in (
        ("observations", agent.observation_space, env.single_observation_space),
        ("actions", agent.action_space, env.single_action_space),
    ):
        if its.shape != ours.shape or type(its) is not type(ours):
            raise UsageError(f"expert {path} is for the {what} {its}, not {ours}")
    normalize = _normalizer(moments) if moments.exists() else lambda obs: obs

    def act(obs: NDArray) -> dict[str, NDArray]:
        return {"action": agent.predict(normalize(obs), deterministic=not stochastic)[0]}

    return act


# A field that only the family's models have; what has none of them is A2C.
_FAMILIES = {
    "top_quantiles_to_drop_per_net": "TQC",
    "target_entropy": "SAC",
    "target_policy_noise": "TD3",
    "cg_max_steps": "TRPO",
    "clip_range": "PPO",
    "n_quantiles": "QRDQN",
    "exploration_fraction": "DQN",
}


def _normalizer(path: Path) -> Callable[[NDArray], NDArray]:
    """The function by which the VecNormalize saved beside a model normalises observations."""
    import pickle

    with path.open("rb") as file:
        saved = pickle.load(file)
    return saved.normalize_obs


def _function(expert: str, env: VectorEnv, seed: int) -> Act:
    """A function of observations (N, *obs) as stored; with a second parameter it also gets a random generator."""
    act = function(expert, "expert")
    draws = len(inspect.signature(act).parameters) > 1
    random = np.random.default_rng(seed)
    return lambda obs: {"action": act(obs, random) if draws else act(obs)}
