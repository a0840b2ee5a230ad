"""Fields of algorithms that learn from a replay, and the replay that they describe."""

from dataclasses import dataclass
from typing import Annotated, Literal

from ..errors import UsageError, check_ranges
from ..ranges import DISCOUNTS, Ladder, powers
from .hindsight import Hindsight
from .replay import Replay
from .sequences import SequenceReplay

_AT_ONCE = 1 << 25  # bytes


@dataclass(frozen=True)
class ReplayConfig:
    """How much is remembered, and how often it is learned from."""

    horizon: int = 1
    """Steps per environment between updates."""
    replay_ratio: Annotated[float, Ladder(0.25, 0.5, 1.0, 2.0)] = 1.0
    """Gradient steps per environment step, over all copies together; more learn more from each step, up to a point."""
    minibatch: Annotated[int, powers(64, 512)] = 256
    """Transitions per gradient step."""
    capacity: int = 1_000_000
    """Transitions that the replay holds; the oldest are forgotten."""
    learning_starts: int = 5_000
    """Steps, with random actions, before the first gradient step."""
    gamma: Annotated[float, DISCOUNTS] = 0.99
    """Discount per step."""
    n_step: int = 1
    """Rewards that are summed before bootstrapping; more spread rewards faster, off-policy ones less exactly."""
    priority: float = 0.0
    """Exponent of |TD error| in the probability of being replayed: 0 draws uniformly."""
    beta: float = 0.4
    """Exponent of the importance weights at the start; rises linearly to 1 at the end of the run."""
    reward_sign: bool = False
    """Learn from the sign of the reward alone (Atari); logged returns stay the environment's."""
    replay_dir: str | None = None
    """Folder for a replay larger than the memory; none: in memory, saved with the run."""
    hindsight: Literal["none", "future", "final", "episode"] = "none"
    """Learn as if a goal that the episode achieved, later, last or at any time, had been the desired one."""
    relabelled: float = 0.8
    """Share of the transitions drawn that get such a goal: k of them for each one that keeps its own is k / (k + 1)."""
    value_warmup: int = 0
    """Gradient steps at the start in which only values learn: for a policy that is good already (init_from)."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            positive=("horizon", "replay_ratio", "minibatch", "capacity", "n_step"),
            unit=("gamma", "beta", "relabelled"),
            at_least_0=("learning_starts", "priority", "value_warmup"),
        )
        if self.hindsight != "none" and self.reward_sign:
            raise UsageError(
                "hindsight asks the environment for rewards, not for their signs: set reward_sign to false"
            )


@dataclass(frozen=True)
class SequenceConfig(ReplayConfig):
    """What an algorithm that may have a memory replays."""

    sequence: int = 80
    """Steps of a piece of experience that is learned from at once, where there is a memory: how far back gradients
    flow. Pieces overlap by half; `minibatch` is rounded to whole ones, at least one."""
    burn_in: int = 40
    """Steps before each of these pieces that bring what is remembered up to date, and of which nothing is learned."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, positive=("sequence",), at_least_0=("burn_in",))


def replay_of(cfg: ReplayConfig, seed: int, stack: int = 1, choices: int | None = None) -> Replay:
    """The replay that a Config describes; `stack` and `choices` as `Replay` explains them."""
    hindsight = None
    if cfg.hindsight != "none":
        hindsight = Hindsight(cfg.hindsight, cfg.relabelled, cfg.n_step, cfg.gamma)
    return Replay(
        cfg.capacity,
        n=cfg.n_step,
        gamma=cfg.gamma,
        stack=stack,
        alpha=cfg.priority or None,
        path=cfg.replay_dir,
        choices=choices,
        hindsight=hindsight,
        seed=seed,
    )


def sequences_of(
    cfg: SequenceConfig, remembered: int | None, seed: int, stack: int = 1, choices: int | None = None
) -> Replay:
    """The replay for a network that remembers so many numbers, or none.

    Raises:
        UsageError: if the Config asks for what sequences do not have.
    """
    if remembered is None:
        return replay_of(cfg, seed, stack, choices)
    if cfg.hindsight != "none" or cfg.replay_dir is not None:
        raise UsageError("a memory learns from sequences, which know no hindsight and no replay_dir; leave these out")
    return SequenceReplay(
        cfg.capacity,
        remembered,
        sequence=cfg.sequence,
        burn_in=cfg.burn_in,
        n=cfg.n_step,
        gamma=cfg.gamma,
        stack=stack,
        alpha=cfg.priority or None,
        choices=choices,
        seed=seed,
    )


def at_once(cfg: SequenceConfig, obs: int, remembered: int | None) -> int:
    """How many minibatches to draw in one call, not to fill the memory, of observations of so many bytes."""
    states = 0 if remembered is None else 4 * remembered * max(1, cfg.minibatch // cfg.sequence)
    return max(1, _AT_ONCE // (2 * cfg.minibatch * obs + states))
