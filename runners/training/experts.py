"""Experts: whoever is to be imitated. A run, a Stable-Baselines3 zip, a function of one's own."""

import inspect
import json
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from ...core.acting import Act, Acting, Expert, Following, Memoryless, Mode
from ...core.checkpoint import Attributes
from ...core.errors import UsageError
from ...core.names import Stored, distrusted
from ...core.spaces.actions import action_adapter
from ...core.spaces.given import given
from ...core.spaces.keys import MASK
from ...core.spaces.layout import Layout
from ..runs import run as runs
from ..runs.functions import function
from ..runs.load import Misfit, trained
from ..runs.run import Run

Seen = Callable[[NDArray], tuple[Any, dict[str, Any]]]
"""Stored observations as a model of Stable-Baselines3 takes them, and what else it is told."""
_KINDS = "a run's folder, a Stable-Baselines3 .zip, or module:function"


def of_run(run: Run, env: VectorEnv, seed: int) -> Expert:
    """The expert of a run, for an algorithm that asks one.

    Raises:
        UsageError: if the run names none, or one that cannot answer here.
    """
    if run.expert is None:
        raise UsageError(f"{run.algo} asks an expert; give --expert EXPERT: {_KINDS}")
    if run.expert == "human":
        raise UsageError("a person can demonstrate (gymnast collect human), but not answer thousands of questions")
    return load(run.expert, env, seed, trust=run.trust)


def load(expert: str, env: VectorEnv, seed: int = 0, stochastic: bool = False, trust: bool = False) -> Expert:
    """The acting of `expert` in environments like `env`: its likeliest actions, or draws with `stochastic`.

    With `trust`, what the expert's files name is imported and called, wherever they come from.

    Raises:
        UsageError: if there is no such expert, or it is one for other observations or actions.
    """
    path = Path(expert)
    if (path / "run.json").exists():
        return _run(path, env, stochastic, trust)
    if path.suffix == ".zip":
        if isinstance(expert, Stored):
            raise UsageError(distrusted(expert, "unpickle it, which runs whatever it holds"))
        return _stable_baselines(path, env, stochastic, trust)
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


def _run(path: Path, env: VectorEnv, stochastic: bool, trust: bool) -> Following:
    """A gymnast agent; with its probabilities of Discrete actions."""
    run = runs.load(path / "run.json", trust)
    try:
        agent, _ = trained(run, path, env)
    except Misfit as problem:
        spaces_here = f"{env.single_observation_space} and {env.single_action_space}"
        raise UsageError(
            f"expert {path} was trained on {run.env}; it does not fit {spaces_here} ({problem.why})"
        ) from problem
    mode: Mode = "sample" if stochastic else "best"
    return Following(lambda envs: Demonstrating(agent.acting(envs, mode, envs), str(path), env))


class Demonstrating(Memoryless):
    """The actions of an agent as the environments take them, with "probability" of all that are Discrete."""

    def __init__(self, acting: Acting, name: str, env: VectorEnv) -> None:
        self._acting, self._space = acting, env.single_action_space
        self._checked = Checked(name, env, self._answer)
        self._to_env = action_adapter(self._space)
        self._first = np.zeros(0, np.bool_)

    def __call__(self, obs: NDArray, first: NDArray) -> dict[str, NDArray]:
        self._first = first
        return self._checked(obs)

    def _answer(self, obs: NDArray) -> dict[str, NDArray]:
        out = {"action": self._to_env(self._acting(obs, self._first)["action"])}
        thoughts = self._acting.thoughts() if isinstance(self._space, spaces.Discrete) else {}
        if "action probability" in thoughts:
            out["probability"] = thoughts["action probability"]
        return out

    def parts(self) -> dict[str, Any]:
        return self._acting.parts()


def _stable_baselines(path: Path, env: VectorEnv, stochastic: bool, trust: bool) -> Expert:
    """An agent of Stable-Baselines3 or sb3-contrib. Its zip holds pickles: load none from somebody you do not trust."""
    moments = moments_beside(path)
    if moments and not trust:  # nobody named that file
        raise UsageError(f"{moments} would be unpickled, which runs whatever it holds: if you trust it, say --trust")
    family, agent = stable_baselines(path)
    layout, ours = Layout(env.single_observation_space), env.single_observation_space
    masked = isinstance(ours, spaces.Dict) and MASK in ours.spaces
    bare = masked and not isinstance(agent.observation_space, spaces.Dict)  # it never saw the mask beside the rest
    if not fits(agent.observation_space, ours["observation"] if bare else ours):  # type: ignore[index]
        raise UsageError(f"expert {path} is for the observations {agent.observation_space}, not {ours}")
    if not fits(agent.action_space, env.single_action_space):
        raise UsageError(f"expert {path} is for the actions {agent.action_space}, not {env.single_action_space}")
    if family == "MaskablePPO" and not masked:
        raise UsageError(f"expert {path} chooses among legal actions; the observations here hold no {MASK}")
    normalize = unpickled(moments).normalize_obs if moments else lambda obs: obs

    def seen(obs: NDArray) -> tuple[Any, dict[str, Any]]:
        parts = given(layout, obs)
        legal = {"action_masks": parts[MASK]} if family == "MaskablePPO" else {}
        return normalize(parts["observation"] if bare else parts), legal

    def act(obs: NDArray) -> dict[str, NDArray]:
        its, legal = seen(obs)
        return {"action": agent.predict(its, deterministic=not stochastic, **legal)[0]}

    if family == "RecurrentPPO":
        return Following(lambda envs: _Recurrent(agent, envs, env, str(path), seen, stochastic))
    return Checked(str(path), env, act)


class _Recurrent(Memoryless):
    """A model of sb3-contrib that remembers, in N environments."""

    def __init__(self, agent: Any, envs: int, env: VectorEnv, name: str, seen: Seen, stochastic: bool) -> None:
        self._agent, self._seen, self._deterministic = agent, seen, not stochastic
        self._checked = Checked(name, env, self._answer)
        layers, _, width = agent.policy.lstm_hidden_state_shape
        self.remembered = np.zeros((2, layers, envs, width), np.float32)
        self._first = np.zeros(envs, np.bool_)

    def __call__(self, obs: NDArray, first: NDArray) -> dict[str, NDArray]:
        self._first = first
        return self._checked(obs)

    def _answer(self, obs: NDArray) -> dict[str, NDArray]:
        its, _ = self._seen(obs)
        told = {"state": tuple(self.remembered), "episode_start": self._first, "deterministic": self._deterministic}
        action, state = self._agent.predict(its, **told)
        self.remembered = np.stack(state)
        return {"action": action}

    def parts(self) -> dict[str, Any]:
        return {"remembered": Attributes(self, "remembered")}


def stable_baselines(path: Path) -> tuple[str, Any]:
    """The class and the model that Stable-Baselines3 or sb3-contrib saved as a zip. It is unpickled.

    Raises:
        UsageError: if there is none, or no Stable-Baselines3.
    """
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
    family = _family(data)
    model: Any = getattr(sb3, family, None) or getattr(sb3_contrib, family)
    return family, model.load(path, device="cpu")


# A field that only the family's models have; what has none of them is A2C.
_FAMILIES = {
    "n_delta": "ARS",
    "top_quantiles_to_drop_per_net": "TQC",
    "target_entropy": "SAC",
    "target_policy_noise": "TD3",
    "cg_max_steps": "TRPO",
    "clip_range": "PPO",
    "n_quantiles": "QRDQN",
    "exploration_fraction": "DQN",
}
# Models with the fields of another family are told apart by where their policies are from.
_POLICIES = {
    "sb3_contrib.common.maskable": "MaskablePPO",
    "sb3_contrib.common.recurrent": "RecurrentPPO",
    "sb3_contrib.crossq": "CrossQ",
}


def _family(data: dict[str, Any]) -> str:
    """The class of a saved model, from the fields that its zip holds."""
    policy = str(data["policy_class"].get("__module__", "")) if isinstance(data.get("policy_class"), dict) else ""
    known = next((name for module, name in _POLICIES.items() if policy.startswith(module)), None)
    return known or next((name for key, name in _FAMILIES.items() if key in data), "A2C")


def fits(its: spaces.Space, ours: spaces.Space) -> bool:
    """Whether a model for the space `its` understands `ours`; pictures it takes channels first or last."""
    match its, ours:
        case spaces.Dict(), spaces.Dict():
            return its.keys() == ours.keys() and all(fits(its[key], ours[key]) for key in its)
        case spaces.Box(), spaces.Box():
            return its.shape == ours.shape or (
                ours.dtype == np.uint8 and its.shape == (*ours.shape[2:], *ours.shape[:2])
            )
    return its == ours


def moments_beside(path: Path) -> Path | None:
    """The moments that VecNormalize saved with a model: beside it, or one folder down as in the zoo.

    Raises:
        UsageError: if there are several, none of which is the model's own by its name.
    """
    names = ("vecnormalize.pkl", "vec_normalize.pkl")
    for folder in (path.parent, path.with_suffix("")):
        for name in names:
            if (folder / name).exists():
                return folder / name
    found = [file for name in names for file in sorted(path.parent.glob(f"*/{name}"))]
    if len(found) > 1:
        raise UsageError(f"several files could normalise what {path} sees: {', '.join(map(str, found))}; keep one")
    return found[0] if found else None


def unpickled(path: Path) -> Any:
    """The VecNormalize that was saved beside a model."""
    with path.open("rb") as file:
        return pickle.load(file)


def _function(expert: str, env: VectorEnv, seed: int) -> Act:
    """A function of observations (N, *obs) as stored; with a second parameter it also gets a random generator."""
    act = function(expert, "expert")
    draws = len(inspect.signature(act).parameters) > 1
    random = np.random.default_rng(seed)
    return lambda obs: {"action": act(obs, random) if draws else act(obs)}
