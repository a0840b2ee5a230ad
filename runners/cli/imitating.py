"""The arguments of the commands that record what others do and learn from it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional, UseAppendAction

from ...core.errors import UsageError, check_ranges


@dataclass(frozen=True)
class Collect:
    """Record demonstrations of an expert: a run's folder, a Stable-Baselines3 zip, module:function, or human."""

    expert: Positional[str]
    """Expert that acts. A function takes observations (N, *obs), and a random generator if it has a second argument."""
    env: Positional[str]
    """Environment."""
    out: Path
    """Folder for the demonstrations."""
    episodes: int = 50
    """Number of whole episodes to record."""
    seed: int = 0
    """Seed of the environments and of the noise."""
    stochastic: bool = False
    """Sample the expert's actions instead of taking the most likely one."""
    noise: float = 0.0
    """Share of the steps on which a random action is executed while the expert's action is recorded."""
    wrap: UseAppendAction[tuple[str, ...]] = ()
    """Wrapper around the environment, module:Wrapper; again for more, the first one innermost."""
    append: bool = False
    """Add to the demonstrations in the folder."""
    quiet: bool = False
    """Print nothing but errors."""
    trust: bool = False
    """Import and call what the expert's files names (environment, network, expert), whoever wrote them."""

    def __post_init__(self) -> None:
        check_ranges(self, positive=("episodes",), unit=("noise",), at_least_0=("seed",))


@dataclass(frozen=True)
class Prefer:
    """Record which of several answers of a run that writes texts is better: for reward_model, dpo."""

    run: Positional[Path]
    """Folder of the run whose policy writes the answers."""
    out: Path
    """Folder for the comparisons."""
    pairs: int = 1000
    """Number of questions; a person may stop before."""
    judge: Literal["gold", "me"] = "gold"
    """gold prefers by the environment's rewards; me: you, in the terminal."""
    answers: int = 2
    """Answers to each question, of which a ranking is recorded."""
    temperature: float = 1.0
    """How differently rewarded answers must be for a gold judge to tell them apart; 0 for one who never errs."""
    error: float = 0.0
    """Share of the questions that a gold judge ranks the other way round."""
    seed: int = 0
    """Seed of questions, answers and judge."""
    append: bool = False
    """Add to the comparisons in the folder."""
    quiet: bool = False
    """Print nothing but errors."""
    trust: bool = False
    """Import and call what the run's file names, whoever wrote it."""

    def __post_init__(self) -> None:
        check_ranges(self, positive=("pairs", "answers"), unit=("error",), at_least_0=("temperature", "seed"))


@dataclass(frozen=True)
class Imitate:
    """Compare how close behaviour cloning and DAgger come to an expert, by the number of demonstrations."""

    expert: Positional[str]
    """Expert to imitate: a run's folder, a Stable-Baselines3 zip, or module:function."""
    env: Positional[str]
    """Environment."""
    out: Path
    """Folder for demonstrations and results. It may hold several environments; nothing in it is computed twice."""
    demonstrations: tuple[int, ...] = (1, 5, 10, 50)
    """Numbers of demonstrations to compare. DAgger gets as many labels as these hold."""
    seeds: int = 5
    """Runs for each number."""
    episodes: int = 50
    """Episodes on which each policy is evaluated."""
    json: bool = False
    """Print a JSON list with one object for each environment in the folder."""
    trust: bool = False
    """Import and call what the expert's files names (environment, network, expert), whoever wrote them."""

    def __post_init__(self) -> None:
        check_ranges(self, positive=("demonstrations", "seeds", "episodes"))


@dataclass(frozen=True)
class Demonstrations:
    """Check recorded demonstrations and describe them; exchange them with Minari."""

    folder: Positional[Path]
    """Folder of the demonstrations."""
    to_minari: str | None = None
    """Write them as a Minari dataset with this id (name-v0)."""
    from_minari: str | None = None
    """Make the folder from the Minari dataset with this id, which must be on this machine."""
    env: str | None = None
    """The environment of the Minari dataset: id or module:name. By default the one that it names, if it names one."""

    def __post_init__(self) -> None:
        if self.env and not self.from_minari:
            raise UsageError("--env belongs to --from-minari; a folder knows its environment")
