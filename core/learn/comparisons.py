"""Comparisons of answers to one question, out of recorded episodes."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..batch import Batch
from ..errors import UsageError
from .recorded import episodes, held_out

MOST = 64
"""Answers to a question: rankings of so many are thousands of pairs."""
QUESTION, RANK = "question", "rank"
"""Extras of recorded comparisons: the number of an answer's question, and how many answers to it are better."""


@dataclass(frozen=True)
class Comparisons:
    """P pairs of answers to the same questions, of which the first is the better one."""

    pair: Tensor
    """(P, 2) numbers of the answers."""
    question: Tensor
    """(P,) numbers of the questions."""
    weight: Tensor
    """(P,) one over the pairs of the question: a ranking of K answers counts as much as one of two."""

    def __len__(self) -> int:
        return len(self.pair)

    def at(self, which: Tensor) -> "Comparisons":
        """Those pairs that `which` (P,) marks, or of these numbers."""
        return Comparisons(self.pair[which], self.question[which], self.weight[which])

    def answers(self) -> tuple[Tensor, Tensor]:
        """Numbers (A,) of the answers that are compared, and the pairs (P, 2) as places among these."""
        which, place = torch.unique(self.pair, return_inverse=True)
        return which, place

    def mean(self, x: Tensor) -> Tensor:
        """Mean over questions of a number of each pair (P,)."""
        return (self.weight * x).sum() / self.weight.sum()

    def split(self, size: int, generator: torch.Generator, share: float = 1.0) -> Iterator["Comparisons"]:
        """Minibatches of whole questions in random order, of about `size` answers, until a `share` has been had.

        The pairs of a ranking share their answers, so that they stay together: apart, each answer would be learned
        from K - 1 times in a pass, and soon by heart (Ouyang et al. 2022, arXiv:2203.02155).
        """
        turn = torch.randperm(len(self.question.unique()), generator=generator, device=generator.device)
        yield from self._taken(turn[: math.ceil(share * len(turn))], size)

    def parts(self, size: int) -> Iterator["Comparisons"]:
        """All questions as they are, whole, in parts of about `size` answers."""
        yield from self._taken(torch.arange(len(self.question.unique())), size)

    def _taken(self, turn: Tensor, size: int) -> Iterator["Comparisons"]:
        """The questions of these numbers, counted from 0."""
        questions, place = torch.unique(self.question, return_inverse=True)
        answers = len(torch.unique(self.pair)) / max(len(questions), 1)
        for which in turn.to(place.device).split(max(1, int(size / max(answers, 1)))):
            yield self.at(torch.isin(place, which))


def comparisons(batch: Batch, device: torch.device) -> Comparisons:
    """All pairs of answers in a batch of recorded comparisons; those in equal ranks make none.

    Answers are numbered as `core.learn.recorded.episodes` does.

    Raises:
        UsageError: if it is of other demonstrations.
    """
    if not {QUESTION, RANK} <= batch.extras.keys():
        raise UsageError("these demonstrations compare no answers; record comparisons with gymnast prefer")
    number, ends = episodes(batch), tuple(batch.final_at.T)
    question, rank = (batch.extras[name][ends] for name in (QUESTION, RANK))
    if any(x.ndim != 1 or x.dtype.kind not in "iu" or x.dtype == np.uint64 for x in (question, rank)):
        raise UsageError("the comparisons are damaged: questions and ranks must be whole numbers, one for each step")
    if (most := int(np.unique(question, return_counts=True)[1].max(initial=0))) > MOST:
        raise UsageError(f"a question has {most:,} answers; at most {MOST} are compared")
    answer = number[ends]
    pairs: list[tuple[int, int]] = []
    asked: list[NDArray[Any]] = []
    weight: list[float] = []
    order = np.lexsort((rank, question))
    cuts = np.flatnonzero(np.diff(question[order])) + 1
    for group in np.split(order, cuts):
        found = [(answer[a], answer[b]) for a, b in combinations(group, 2) if rank[a] < rank[b]]
        pairs += found
        asked += [question[a] for a in group[:1]] * len(found)
        weight += [1 / len(found)] * len(found) if found else []
    if not pairs:
        raise UsageError("there is no pair of answers to one question of which one is better")
    return Comparisons(
        torch.tensor(np.array(pairs, np.int64), device=device),
        torch.tensor(np.array(asked, np.int64), device=device),
        torch.tensor(weight, device=device),
    )


def learned(batch: Batch) -> float:
    """The share of a pass that is learned from: the last one of a run may end before."""
    return batch.steps / batch.valid.size


def apart(every: Comparisons, share: float, seed: int) -> Tensor:
    """(P,) which pairs are held out: those of about a `share` of the questions, if there are two."""
    question = torch.unique(every.question, return_inverse=True)[1]
    return torch.as_tensor(held_out(question.cpu().numpy(), share, seed), device=every.pair.device)
