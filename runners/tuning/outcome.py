"""What a search has found: its trials, its finalists on fresh seeds, and which setting is the best of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.errors import TrainingError
from .study import Final, Record, Study


@dataclass(frozen=True)
class Finalist:
    """A setting that was trained again, with seeds that the search has not seen."""

    record: Record
    """Its trial."""
    finals: tuple[Final, ...]

    @property
    def number(self) -> int:
        """The number of its trial; 0 is the setting that the search began from."""
        return self.record.number

    @property
    def mean(self) -> float | None:
        """Mean of the last evaluations over the fresh seeds; None if a run failed."""
        scores = [one.score for one in self.finals if one.score is not None]
        return float(np.mean(scores)) if len(scores) == len(self.finals) else None


@dataclass(frozen=True)
class Outcome:
    """All that a search that has ended has found."""

    records: Sequence[Record]
    finalists: Sequence[Finalist]
    """Best first."""
    importances: dict[str, float]
    """The share that each setting had in how good trials were, the most important first."""
    seed: int
    """The seed of the search's own runs."""

    @property
    def winner(self) -> Finalist:
        """The finalist that is the best over the fresh seeds."""
        return self.finalists[0]

    @property
    def before(self) -> Finalist | None:
        """The setting that the search began from; None if it could not be trained."""
        return next((one for one in self.finalists if one.number == 0), None)

    @property
    def seeds(self) -> list[int]:
        """The fresh seeds."""
        return [one.seed for one in self.winner.finals]

    @property
    def how(self) -> str:
        """How the winner was chosen, in a sentence."""
        seeds = ", ".join(map(str, self.seeds))
        return (
            f"the highest mean return of {len(self.finalists)} finalists over seeds {seeds}; "
            f"the search of {len(self.records)} trials saw seed {self.seed} alone"
        )


def outcome(study: Study) -> Outcome:
    """The outcome of a search, all of whose runs have ended.

    Raises:
        TrainingError: if it found nothing.
    """
    records, finals = study.records(), study.finals()
    found = [Finalist(one, tuple(f for f in finals if f.number == one.number)) for one in study.finalists()]
    finalists = sorted(found, key=_rank)
    if not finalists or finalists[0].mean is None:
        errors = [one.error for one in records if one.error] + [f.error for f in finals if f.error]
        said: Any = f": {max(errors, key=errors.count)}" if errors else ""
        raise TrainingError(f"none of {len(records)} trials could be trained to its end and once more{said}")
    return Outcome(records, finalists, study.importances(), study.run.seed)


def _rank(one: Finalist) -> tuple[float, int]:
    """A key that sorts the best first; of equals the one that the search began from, or an earlier one."""
    return (float("inf") if one.mean is None else -one.mean, one.number)
