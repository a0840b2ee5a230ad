"""Run: everything that determines a training run; presets and overrides make one, JSON keeps it."""

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ... import agents
from ...core.errors import UsageError, check_ranges, check_types, fitted, type_hints
from ...core.files import read_json, write_whole
from ...core.names import Stored, distrusted
from .arguments import decoded, encoded, named
from .elsewhere import meant
from .presets import patterns as patterns
from .presets import presets as presets
from .presets import table_of, with_nothing
from .presets import tables as tables

_VERSION = r"-v\d+$"

_ARGS = ("env_args", "eval_args")
_GIVEN = ("algo", "env", "agent", "preset")  # fields of Run that `preset` has names of its own for

# Fields of a Config that say what its policy is.
_NETWORK = (
    "hidden",
    "activation",
    "norm",
    "cnn",
    "normalize_obs",
    "head",
    "components",
    "bins",
    "scale_actions",
    "layers",
    "width",
    "heads",
    "kv_heads",
    "feed_forward",
    "tied",
)


@dataclass(frozen=True)
class Run:
    """Everything that determines a training run. Two equal runs on one machine learn the same, bit for bit."""

    algo: str
    """Algorithm: the name of a file in agents/."""
    env: Any
    """Environment, as `envs.make` takes it: an id, module:id, module:Class, a class, a callable, or a VectorEnv."""
    agent: Any
    """The algorithm's Config."""
    steps: int = 1_000_000
    """Exact number of steps to learn from: those of all copies of the environment, or recorded ones over all passes."""
    num_envs: int = 8
    """Copies of the environment."""
    seed: int = 0
    """Seed of everything random: environments, weights, exploration, minibatches, evaluation."""
    device: str = "auto"
    """Device: cpu, cuda, or auto, which takes a GPU for images if there is one and the CPU otherwise."""
    backend: str = "auto"
    """Way to step the copies: auto picks the fastest. It never changes the trajectories."""
    env_args: dict[str, Any] = field(default_factory=dict)
    """Arguments of the environment's constructor."""
    eval_args: dict[str, Any] = field(default_factory=dict)
    """Arguments that differ for evaluation."""
    wrappers: tuple[Any, ...] = ()
    """Gymnasium's wrappers, or your own, around each environment, the first innermost: module:Wrapper, or classes."""
    history: int = 1
    """Number of latest observations that the agent sees as one."""
    demos: str | None = None
    """Folder of demonstrations, for an algorithm that learns from recorded steps."""
    demo_episodes: int | None = None
    """Number of demonstrations to learn from, drawn by the seed; none: all."""
    expert: str | None = None
    """Expert that an algorithm may ask for actions: a run's folder, a Stable-Baselines3 zip, or module:function."""
    net: str | Callable[..., Any] | None = None
    """A function of your own that builds the network from the spaces and the Config: module:function."""
    init_from: str | None = None
    """Folder of a run to begin with: its policy, its network and its normalisation of observations are taken over."""
    reward: str | None = None
    """Folder of a run of reward_model, whose scores of whole texts are the rewards to learn from; evaluations keep the
    environment's own."""
    evals: int = 10
    """Evaluations during training, evenly spread; 0 for none. All play from the same starts, and the best checkpoint is
    chosen by them, so that its own figure flatters: `gymnast evaluate` plays from others."""
    eval_episodes: int = 10
    """Episodes of each evaluation."""
    eval_steps: int = 100_000
    """Most steps of an episode of evaluation; one that has not ended by then counts as far as it came."""
    eval_copies: int = 32
    """Most copies of the environment that an evaluation plays on at a time, beside those that train."""
    worker_timeout: float = 60.0
    """Seconds that worker processes may take for a step, a reset or making their copies before they count as hung."""
    preset: str = "none"
    """Table of configs/<algo>.toml, or preset file, that this run started from."""
    trust: bool = False
    """Import and call what the files of other runs name (--expert, --init-from, --reward), whoever wrote them."""

    def __post_init__(self) -> None:
        counts = ("steps", "num_envs", "history", "demo_episodes", "eval_episodes", "eval_steps", "eval_copies")
        check_ranges(self, positive=(*counts, "worker_timeout"), at_least_0=("seed", "evals"))
        check_types(self.agent)
        if not (self.net is None or isinstance(self.net, str) or callable(self.net)):
            raise UsageError(f"net is {self.net!r}; it must be a function, or its name module:function")
        for name in _ARGS:
            object.__setattr__(self, name, named(getattr(self, name), name))


def preset(algo: str, env: Any, name: str = "auto", *, agent: Mapping[str, Any] | None = None, **given: Any) -> Run:
    """The run of `algo` on `env` from its preset, with the `settings` that are `given` replaced.

    `name` is a table of the preset file, "none", or "auto": the table for this environment where there is one; or
    another preset file, as `gymnast tune` writes one: FILE.toml. `agent` holds fields of the Config too, also those
    that a field of Run hides.

    Raises:
        UsageError: for an unknown algorithm, preset or key, or a value of the wrong type.
    """
    module = agents.load(algo)
    env = _with_version(env)
    label, chosen, where = table_of(algo, plain_id(env), name)
    config = configure(module.Config, with_nothing(chosen.pop("agent", {}), type_hints(module.Config)), where)
    run = _replaced(Run(algo, env, config, preset=label), chosen, where)
    own, overrides = _parted(run, given)
    if twice := own.keys() & (agent or {}).keys():
        raise UsageError(f"{min(twice)} is given twice: by itself and in agent")
    own = {**(agent or {}), **own}
    run = replace(run, agent=configure(type(config), own, f"agent of {algo}", config))
    return like_source(_replaced(run, overrides, "the run"), own)


def settings(algo: str) -> dict[str, Any]:
    """Names and types of all that `preset` may replace: fields of the algorithm's Config and, hiding those, of Run."""
    of_run = {name: hint for name, hint in type_hints(Run).items() if name not in _GIVEN}
    return type_hints(agents.load(algo).Config) | of_run


def _parted(run: Run, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Splits what is given into fields of the algorithm's Config and of Run.

    Raises:
        UsageError: if it is of neither.
    """
    known = settings(run.algo)
    for key in given:
        if key not in known:
            raise UsageError(f"{run.algo} has no setting {key!r}.{meant(key, known)} Known: {', '.join(known)}.")
    of_run = {key: value for key, value in given.items() if key in type_hints(Run)}
    return {key: value for key, value in given.items() if key not in of_run}, of_run


def like_source(run: Run, given: Mapping[str, Any]) -> Run:
    """`run` with the network of the run that it begins from, but for the fields `given`."""
    if run.init_from is None:
        return run
    source = load(Path(run.init_from) / "run.json").agent
    shared = {name: there for name, (_, there) in networks(run.agent, source).items() if name not in given}
    return replace(run, agent=replace(run.agent, **shared))


def networks(one: Any, other: Any) -> dict[str, tuple[Any, Any]]:
    """The fields that describe networks in two algorithms' Configs: their values in both."""
    known, theirs = ({f.name for f in fields(config)} for config in (one, other))
    return {name: (getattr(one, name), getattr(other, name)) for name in _NETWORK if name in known & theirs}


def configure(config: type, values: Mapping[str, Any], where: str, base: Any = None) -> Any:
    """An instance of the dataclass `config` with `values` over its defaults or over `base`, each checked.

    Raises:
        UsageError: names the file or place, the key and the known ones.
    """
    if not isinstance(values, Mapping):
        raise UsageError(f"{where} is {values!r}; it must be a table of names and values")
    hints = type_hints(config)
    known = [f.name for f in fields(config)]
    checked = {}
    for key, value in values.items():
        if key not in known:
            raise UsageError(f"{where}: unknown key {key!r}.{meant(key, known)} Known: {', '.join(known)}.")
        checked[key] = fitted(value, hints[key], f"{where}: {key}")
    try:
        return config(**checked) if base is None else replace(base, **checked)
    except UsageError as problem:  # a range, which does not know where it was given
        raise UsageError(f"{where}: {problem}") from problem


def save(run: Run, path: Path, **about: Any) -> None:
    """Write the run as JSON, with whatever else is worth knowing `about` it."""
    write_whole(path, json.dumps({"run": content(run), **about}, indent=2) + "\n")


def content(run: Run) -> dict[str, Any]:
    """The run as JSON holds it."""
    content = {**{f.name: getattr(run, f.name) for f in fields(run)}, "agent": asdict(run.agent)}
    content["env"], content["wrappers"] = lasting_name(run.env), [lasting_name(wrapper) for wrapper in run.wrappers]
    content["net"] = run.net and lasting_name(run.net)
    content |= {name: encoded(content[name]) for name in _ARGS}
    del content["trust"]  # no file says of itself that it is to be trusted
    return content


def load(path: Path, trust: bool = False) -> Run:
    """The run that `save` wrote; with `trust`, what it names is imported and called wherever it comes from.

    Raises:
        UsageError: if the folder holds none, or one that cannot be read.
    """
    if not path.is_file():
        raise UsageError(f"{path.parent} is not the folder of a run: it has no {path.name}")
    return read(read_json(path), path, trust)


def read(whole: dict[str, Any], path: Path, trust: bool = False) -> Run:
    """The run in `whole`, which was read from the file `path`, as `load` gives it."""
    try:
        content, version = whole["run"], str(whole.get("versions", {}).get("gymnast", ""))
        config = agents.load(content["algo"]).Config
    except (AttributeError, KeyError, TypeError) as problem:
        raise UsageError(f"{path} is damaged: {type(problem).__name__} {problem}") from problem
    if version.startswith("0.1."):
        raise UsageError(
            f"{path.parent} is a run of gymnast {version}, and only version 0.1 reads it: "
            'pip install "gymnast==0.1.*", or train anew.'
        )
    if missing := {"env", "agent"} - content.keys():
        raise UsageError(f"{path} is damaged: it lacks {' and '.join(sorted(missing))}")
    try:
        content |= {name: decoded(content[name]) for name in _ARGS if name in content}
    except (TypeError, ValueError) as problem:
        raise UsageError(f"{path} is damaged: {problem}") from problem
    # a run that says nothing about it is older than the field, and scaled no actions
    older = {"scale_actions": False} if "scale_actions" in (f.name for f in fields(config)) else {}
    agent = configure(config, content["agent"], f"{path}: agent", config(**older))
    content |= {"agent": agent, "trust": trust}
    return _suspected(configure(Run, content, str(path)), path)


def _suspected(run: Run, path: Path) -> Run:
    """`run` with the names that may make Python import something marked as those of a file, unless it is trusted."""
    if not isinstance(run.env, str):
        raise UsageError(f"{path}: env is {run.env!r}; it must be a name")
    if run.trust:
        return run
    expert, net = (name and Stored(str(name), path) for name in (run.expert, run.net))
    wrappers = tuple(Stored(str(name), path) for name in run.wrappers)
    folders = {name: Stored(folder, path) for name, folder in _folders(run.agent).items()}
    agent = replace(run.agent, **folders)
    return replace(run, env=Stored(run.env, path), agent=agent, expert=expert, net=net, wrappers=wrappers)


def refuse_elsewhere(run: Run) -> None:
    """Raise UsageError where a run keeps files in a folder that a file names, which may be somebody else's."""
    for name, folder in _folders(run.agent).items():
        if isinstance(folder, Stored):
            raise UsageError(distrusted(folder, f"write files there ({name})"))


def names_folders(run: Run) -> bool:
    """Whether a run keeps files in a folder of another name than its own."""
    return bool(_folders(run.agent))


def _folders(agent: Any) -> dict[str, str]:
    """The fields of a Config that name folders to write to, as far as they are given."""
    return {f.name: value for f in fields(agent) if f.name.endswith("_dir") and (value := getattr(agent, f.name))}


def env_name(env: Any) -> str:
    """A name for any environment: its id, or the module:name of a class or callable."""
    if isinstance(env, str):
        return env
    if name := getattr(env, "__qualname__", None):
        return f"{env.__module__}:{name}"
    spec = getattr(env, "spec", None)
    return spec.id if spec else type(env).__name__


def lasting_name(env: Any) -> str:
    """The name by which another program finds `env`; <what it is> where there is none, as for a lambda."""
    name = env_name(env)
    module, _, attribute = name.partition(":")
    if isinstance(env, str) or getattr(sys.modules.get(module), attribute, None) is env:
        return name
    kind = type(env).__name__
    return f"<{kind}>" if kind == name else f"<{kind} {name}>"


def _with_version(env: Any) -> Any:
    """The newest version of an id without one, as Gymnasium understands it; anything else as it is."""
    if not isinstance(env, str) or re.search(_VERSION, env):
        return env
    from ...envs.factory import is_spec, name_of, resolve  # imports Gymnasium, which a list of presets does not need

    source = resolve(env)
    if ":" in env:
        return f"{env.partition(':')[0]}:{source.id}" if is_spec(source) else env
    return name_of(source)


def plain_id(env: Any) -> str:
    """The name of an environment; its id without the module that registers it."""
    name = env_name(env)
    return name.rpartition(":")[2] if re.search(_VERSION, name) else name


def _replaced(run: Run, values: Mapping[str, Any], where: str) -> Run:
    return configure(Run, {k: v for k, v in values.items() if v is not None}, where, run)
