"""One question to write an answer to, and what its task says of the answer, without stepping an environment."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...core.tokens import Vocabulary
from .picture import Shown, remark
from .task import Questions, Task


class Asked:
    """A beginning that someone goes on from, and what the task makes of it, if it knows the question.

    Args:
        prompt: (L,) tokens of the beginning.
        question: the one question that it is to the task; None if it is none.
    """

    def __init__(self, task: Task, prompt: NDArray[np.int32], question: Questions | None) -> None:
        self._task, self._question, self.prompt = task, question, prompt
        self._calls = getattr(task, "calls", None)
        endless = getattr(task, "correct", None) is not None
        self.longest = None if endless else task.longest[1]
        """Most tokens of an answer; None for a text that goes on as long as anyone likes."""

    @property
    def vocabulary(self) -> Vocabulary:
        """That of prompt and answers."""
        return self._task.vocabulary

    def reply(self, response: Sequence[int]) -> list[int]:
        """Tokens that the task appends to a response because of its last token."""
        if self._question is None or self.longest is None or response[-1] != self._calls:
            return []
        said: NDArray[np.int32] = self._task.reply(*self._answer(response))[0]  # type: ignore[attr-defined]
        return said[said != self._task.vocabulary.pad][: self.longest - len(response)].tolist()

    def shown(self, response: Sequence[int]) -> Shown:
        """Question and answer as texts, with the verdict if there can be one."""
        decode = self._task.vocabulary.decode
        prompt, answer = decode(self.prompt), decode(response)
        if self._question is None or self.longest is None or not response:
            return Shown(prompt, answer)
        complete = response[-1] == self._task.vocabulary.end
        reward = float(self._task.score(*self._answer(response)).reward[0]) if complete else 0.0
        return Shown(prompt, answer, *remark(reward, complete, getattr(self._task, "graded", False)))

    def _answer(self, response: Sequence[int]) -> tuple[Questions, NDArray[np.int32], NDArray[np.int64]]:
        """The question, the response (1, R) and its length (1,), as tasks take them."""
        assert self._question is not None
        row = np.full((1, self._task.longest[1]), self._task.vocabulary.pad, np.int32)
        row[0, : len(response)] = response
        return self._question, row, np.array([len(response)])
