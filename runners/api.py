"""Agents as objects for a program of one's own: thin faces over `Run` and the registry."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from functools import cache, partial
from inspect import Parameter, Signature, signature
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from gymnasium.spaces import Dict, Space
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from torch import nn

from .. import agents, envs
from ..agents import Agent, champion
from ..core import checkpoint
from ..core.acting import Acting, Mode
from ..core.errors import UsageError
from ..core.heads.sampling import Sampling
from ..core.rollout.remembered import remembered
from ..core.spaces.actions import action_adapter
from ..core.spaces.keys import MASK
from ..core.spaces.layout import Layout
from ..core.spaces.pair import Spaces
from .evaluation.answers import Answers, answers
from .evaluation.evaluate import Evaluation, evaluate
from .evaluation.strength import Strength, measure
from .evaluation.writing import TOKENS, sampled, text_space, write
from .export import Format, Names, export
from .runs import folder
from .runs import run as runs
from .runs.elsewhere import meant
from .runs.load import Left, eval_env, left, moved, refuse_others, threads_for
from .runs.run import Run
from .training import train as training


class Learner:
    """An algorithm on an environment: `learn`, `predict`, `evaluate`, `save`.

    Uses the same presets as the command line, and learns the same for the same seed.

    Args:
        env: any id, a class or callable that makes an environment, or a VectorEnv.
        preset: a table of the algorithm's preset file, "auto", "none", or a preset file of your own (FILE.toml).
        agent: fields of the algorithm's Config that differ from the preset, also such as a field of `Run` hides.
        **settings: fields of the Config or of `Run` that differ from the preset: lr, hidden, seed, num_envs, ...
    """

    algo = ""

    def __init__(
        self, env: Any, *others: Any, preset: str = "auto", agent: Mapping[str, Any] | None = None, **settings: Any
    ) -> None:
        if others:
            name = runs.env_name(next((one for one in (*others, env) if not str(one).endswith("Policy")), env))
            raise UsageError(f"{type(self).__name__} takes the environment alone: {type(self).__name__}({name!r})")
        if isinstance(env, VectorEnv):
            settings.setdefault("num_envs", env.num_envs)
        else:
            envs.resolve(env)
        self._begin(runs.preset(self.algo, env, preset, agent=agent, **settings))

    def _begin(self, run: Run, left: Left | None = None) -> None:
        self.run, self._left = run, left
        self._training: training.Training | None = None
        self._actings: dict[tuple[int, Mode], Acting] = {}

    @property
    def agent(self) -> Agent:
        """The algorithm's `Agent`."""
        return self._known().agent

    @property
    def spaces(self) -> Spaces:
        """The spaces of what it observes and does."""
        return self._known().spaces

    @property
    def policy(self) -> nn.Module:
        """The network that acts, for stored observations."""
        return self._known().agent.net

    @property
    def steps(self) -> int:
        """Environment steps learned from so far."""
        return self._known().steps

    def __repr__(self) -> str:
        known = self._training or self._left
        steps = known.steps if known else 0
        return f"<{type(self).__name__} on {runs.env_name(self.run.env)}, seed {self.run.seed}, {steps:,} steps>"

    def learn(
        self,
        steps: int | None = None,
        out: str | Path | None = None,
        progress: bool = False,
        callback: "Callback | Sequence[Callback]" = (),
        **unknown: Any,
    ) -> Self:
        """Learn from `steps` more environment steps, in the folder `out` (a run like the command line's) or in memory.

        Schedules run over all steps asked for so far: the first call's end at its end. With `progress` a panel shows
        how far it is. Each `callback` is given a `Progress` after every row of metrics, of which there are about 200;
        one that returns False ends this call, and a later one may go on.
        """
        if unknown or steps is None:
            raise UsageError(_how_to_learn(unknown))
        current = self._started()
        if out is not None and current.steps > 0 and Path(out) != current.out:
            raise UsageError("this agent has begun to learn elsewhere; `out` belongs to the first call of learn")
        if out is not None and current.steps == 0:
            folder.refuse_taken(Path(out))
            current.out = Path(out)
        with folder.held(current.out) if current.out else nullcontext():
            if current.out and current.steps == 0:
                folder.claim(current.out, replace(self.run, steps=steps), current.paths)
            current.run = self.run = replace(self.run, steps=current.steps + steps)
            current.advance(not progress, partial(self._told, [callback] if callable(callback) else callback))
        return self

    def predict(
        self, obs: Any, deterministic: bool = True, mask: Any = None, state: NDArray | None = None, first: Any = False
    ) -> tuple[Any, dict[str, NDArray]]:
        """The action for one observation or a batch of them, as the environment takes it, and the agent's thoughts.

        `mask` is the environment's `info["action_mask"]`, if it gives one there. What a policy with memory remembers is
        thoughts["state"], which the next call takes as `state`; none: nothing. `first` marks the observations that
        begin an episode, for which it is forgotten.
        """
        spaces = self._known().spaces
        stored, single = Layout(spaces.observation, spaces.action).batch(_with_mask(obs, mask, spaces.observation))
        acting = self._predicting(len(stored), deterministic)
        memory = remembered(acting)
        if memory:
            memory.recall(state, single)
        elif state is not None:
            raise UsageError("this agent remembers nothing; leave out state")
        begins = np.broadcast_to(np.asarray(first, np.bool_), len(stored)).copy()
        action = action_adapter(spaces.action)(acting(stored, begins)["action"])
        thoughts = acting.thoughts() | (memory.told() if memory else {})
        if single:
            return action[0], {name: value[0] for name, value in thoughts.items()}
        return action, thoughts

    def write(
        self,
        prompt: str,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        min_p: float = 0.0,
        tokens: int = TOKENS,
        seed: int = 0,
    ) -> str:
        """How a text goes on after `prompt`, up to END or so many `tokens`, by an agent that learned to write.

        Tokens are drawn from the policy: at a `temperature`, 0 for the likeliest alone; from the `top_k` likeliest,
        from the fewest that have the probability `top_p` together, and from those that have at least the share `min_p`
        of the likeliest one's. No environment takes part, so there is no tool that replies.
        """
        space = text_space(self._known().spaces.observation)
        acting = sampled(self.agent, Sampling(temperature, top_k, top_p, min_p), seed)
        with threads_for(self.agent.convolutional):
            return "".join(piece.text for piece in write(acting, space, space.vocabulary.encode(prompt), tokens))

    def evaluate(
        self, episodes: int = 100, seed: int = 1_000_000, stochastic: bool = False, env: VectorEnv | None = None
    ) -> Evaluation:
        """Returns of whole episodes on environments of its own, or on `env`."""
        if env is not None:
            return self._evaluated(envs.make(env, env.num_envs), episodes, seed, stochastic)
        if isinstance(self.run.env, VectorEnv):
            raise UsageError(
                "this agent was given a ready VectorEnv; give another one to evaluate on: evaluate(env=...)"
            )
        with closing(eval_env(self.run, episodes)) as fresh:
            return self._evaluated(fresh, episodes, seed, stochastic)

    def answers(
        self, questions: int = 100, samples: int = 16, temperature: float = 1.0, seed: int = 1_000_000
    ) -> Answers:
        """In an environment of text: exact match, pass@k by `samples` draws for each question, and some answers."""
        with closing(eval_env(self.run, questions)) as env:
            text_space(env.single_observation_space)
            refuse_others(self.run, self._known().spaces, Spaces.of(env))
            return answers(
                self.agent, env, questions, seed, steps=self.run.eval_steps, samples=samples, temperature=temperature
            )

    def strength(self, simulations: int = 600, games: int = 100, seed: int = 1_000_000) -> Strength:
        """In a game for two: ratings in a tournament with baselines, and moves on solved positions."""
        return measure(champion(self.agent), simulations, games, seed)

    def save(self, path: str | Path) -> None:
        """Write the agent and its run to the folder `path`, which `gymnast.load` and the command line read."""
        path = Path(path)
        folder.refuse_symlinks(path)
        path.mkdir(parents=True, exist_ok=True)
        known = self._known()
        folder.describe(self.run, path, known.paths)
        checkpoint.save(folder.last(path), known.state())

    def export(self, path: str | Path, format: Format | None = None) -> Names:
        """Write the likeliest actions as a file that acts without gymnast: .onnx (ONNX) or .pt (TorchScript)."""
        known = self._known()
        return export(known.agent, known.spaces, Path(path), format)

    def _told(self, callbacks: "Sequence[Callback]", _: Run, steps: int, row: dict[str, float]) -> bool:
        """Whether all of the callbacks, each of which is asked, want to go on after a row of metrics."""
        at = Progress(steps, MappingProxyType(row), self._started().evaluation, self)
        answers = [callback(at) for callback in callbacks]
        return all(answer is not False for answer in answers)

    def _evaluated(self, env: VectorEnv, episodes: int, seed: int, stochastic: bool) -> Evaluation:
        refuse_others(self.run, self._known().spaces, Spaces.of(env))
        return evaluate(self.agent, env, episodes, seed, stochastic, self.run.eval_steps)

    def _predicting(self, count: int, deterministic: bool) -> Acting:
        """The `Acting` for `count` environments, the same one from call to call."""
        mode: Mode = "best" if deterministic else "sample"
        if (count, mode) not in self._actings:
            self._actings[count, mode] = self.agent.acting(count, mode, self.run.seed)
        return self._actings[count, mode]

    def _known(self) -> training.Training | Left:
        """What knows the agent; environments are made only for an agent that comes from no checkpoint."""
        return self._training or self._left or self._started()

    def _started(self) -> training.Training:
        """The training, which makes the environments when it is first needed."""
        if self._training is None:
            state, agent = (self._left.rest, self._left.agent) if self._left else (None, None)
            self._training, self._left = training.Training(self.run, None, state, agent), None
        return self._training


@dataclass(frozen=True)
class Progress:
    """How far learning is, for a callback."""

    steps: int
    """Environment steps learned from so far."""
    metrics: Mapping[str, float]
    """The row of metrics that has just been written, by the names of metrics.csv."""
    evaluation: Evaluation | None
    """The latest one; None before the first."""
    learner: Learner
    """The learner. To predict, evaluate or save with it changes nothing about what it learns."""


Callback = Callable[[Progress], bool | None]
"""Sees the `Progress`; learning stops if it returns False."""


def _with_mask(obs: Any, mask: Any, space: Space[Any]) -> Any:
    """An observation with the mask that an environment gave beside it, as agents see both."""
    together = isinstance(space, Dict) and space.keys() == {"observation", MASK}
    if mask is None and together and not isinstance(obs, Mapping):
        raise UsageError("this agent learned with masks: predict(obs, mask=info['action_mask'])")
    if mask is not None and not together:
        raise UsageError("this agent learned without masks in its environment's infos: predict(obs)")
    return obs if mask is None else {"observation": obs, MASK: mask}


def _how_to_learn(unknown: Mapping[str, Any]) -> str:
    """The error of a call of `learn` with arguments that it does not have, or without steps."""
    known = ("steps", "out", "progress", "callback")
    for name in unknown:
        return f"learn has no argument {name!r}.{meant(name, known)} Known: {', '.join(known)}."
    return "learn how many steps? For example: learn(100_000)"


@cache
def learner(title: str) -> type[Learner]:
    """The `Learner` of the algorithm that people call `title`: PPO, DQN, ...

    Raises:
        KeyError: if there is none.
    """
    algo = agents.titles()[title]
    about = {"__doc__": agents.summary(algo), "__module__": "gymnast", "__signature__": _signature(algo)}
    return type(title, (Learner,), {"algo": algo, **about})


def _signature(algo: str) -> Signature:
    """The constructor's, with a keyword for each setting: what notebooks complete, and `tests/stubs.py` writes down."""
    env, _, *keywords, _ = list(signature(Learner).parameters.values())
    of_algo = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=..., annotation=hint)
        for name, hint in runs.settings(algo).items()
    ]
    return Signature([env, *keywords, *of_algo])


def load(
    path: str | Path,
    which: str = "last",
    trust: bool = False,
    env: Any = None,
    env_args: Mapping[str, Any] | None = None,
    wrappers: Sequence[Any] = (),
    net: Callable[..., Any] | None = None,
) -> Learner:
    """The agent that `save` or the command line left in the folder `path`; it predicts without any environment.

    To learn and to be evaluated it takes the environment that it learned in; or `env`, with the same spaces, in which
    it begins new episodes: whatever the constructor takes, with arguments and wrappers of its own. `net` is what built
    its network, if that has no name.

    Nothing that the folder's files name is imported or called, but for environments that are installed or that the
    program has imported already; with `trust`, everything is.

    Raises:
        UsageError: if there is none, or it is damaged, or a newer gymnast wrote it; or if `env` does not fit.
    """
    path = Path(path)
    run = runs.load(path / "run.json", trust)
    if env is None and (env_args or wrappers):
        raise UsageError("env_args and wrappers belong to another environment: load(path, env=..., env_args=...)")
    if env is not None:
        run = moved(run, env, env_args or {}, wrappers)
    if net is not None:
        run = replace(run, net=net)
    title = next(title for title, algo in agents.titles().items() if algo == run.algo)
    loaded = Learner.__new__(learner(title))
    loaded._begin(run, left(run, path, which, elsewhere=env is not None))
    if env is not None:
        loaded._started()
    return loaded
