"""Tasks of the package reasoning-gym (Stojanovski et al. 2025, arXiv:2505.24760), which is an extra."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import UsageError
from ...core.tokens import Bytes
from .task import Questions, Scores, Split, counted, of_split, scores

_LOOKED_AT = 100  # questions, to see whether any is short enough


class ReasoningGym:
    """Questions of a data set, as bytes; a line feed ends the question.

    Only answers to which its verifier gives 1 are right: many of them pay less for answers that are wrong.

    Args:
        dataset: its name, as `reasoning_gym.create_dataset` takes it.
        prompt: most bytes of a question; longer ones are left out.
        response: most bytes of an answer.
        size: how many questions there are.
        seed: which ones.
        config: what else the data set takes.
    """

    def __init__(
        self, dataset: str = "", prompt: int = 256, response: int = 64, size: int = 1000, seed: int = 0, **config: Any
    ) -> None:
        if not dataset:
            raise UsageError("give dataset, the name of one of reasoning-gym's, such as chain_sum")
        self._name, self._size = dataset, counted("size", size, 1, 1 << 20)
        self.vocabulary = Bytes()
        self.longest = counted("prompt", prompt, 1, 1 << 16), counted("response", response, 1, 1 << 16) + 1
        self._data = _package().create_dataset(dataset, size=size, seed=seed, **config)
        self._entry = lru_cache(maxsize=None)(self._made)
        if not any(len(self._entry(i)[0]) for i in range(min(size, _LOOKED_AT))):
            raise UsageError(f"{dataset}: no question is as short as {prompt} bytes; set prompt to more")

    def ask(self, rng: np.random.Generator, count: int, split: Split) -> Questions:
        return of_split(self._draw, rng, count, split, self.vocabulary.pad)

    def score(self, questions: Questions, response: NDArray[np.int32], length: NDArray[np.int64]) -> Scores:
        """An answer that the data set's own verifier cannot read is wrong."""
        found, parsed = np.zeros((2, len(response)), np.bool_)
        for i, (tokens, size) in enumerate(zip(response, length.tolist(), strict=True)):
            if size > 0 and tokens[size - 1] == self.vocabulary.end:
                answer = self.vocabulary.decode(tokens[: size - 1])
                try:
                    value = self._data.score_answer(answer=answer, entry=self._entry(int(questions.hidden[i]))[1])
                except Exception:  # whatever it makes of what it did not expect
                    continue
                found[i], parsed[i] = value == 1, True
        return scores(found, parsed)

    def example(self, questions: Questions, rng: np.random.Generator) -> list[NDArray[np.int32]]:
        """The answers of the data set.

        Raises:
            UsageError: if it has none, or one that is too long.
        """
        out = []
        for index in questions.hidden.tolist():
            answer = self._entry(index)[1].get("answer")
            if not isinstance(answer, str):
                raise UsageError(f"{self._name} gives no answers to learn from")
            out.append(np.append(self.vocabulary.encode(answer), np.int32(self.vocabulary.end)))
            if len(out[-1]) > self.longest[1]:
                raise UsageError(f"{self._name}: an answer has {len(out[-1]) - 1} bytes; set response to more")
        return out

    def _made(self, index: int) -> tuple[NDArray[np.int32], Any]:
        """The prompt and the entry of a question; an empty prompt if it is too long."""
        entry = self._data[index]
        prompt = self.vocabulary.encode(f"{entry['question']}\n")
        return (prompt if len(prompt) <= self.longest[0] else prompt[:0]), entry

    def _draw(self, rng: np.random.Generator, count: int) -> Questions:
        """The number of the question is hidden."""
        some = [i for i in rng.integers(self._size, size=count).tolist() if len(self._entry(i)[0])]
        prompts = np.full((len(some), self.longest[0]), self.vocabulary.pad, np.int32)
        for row, index in zip(prompts, some, strict=True):
            prompt = self._entry(index)[0]
            row[: len(prompt)] = prompt
        return Questions(prompts, np.array(some, np.int64))


def _package() -> Any:
    try:
        import reasoning_gym
    except ImportError as missing:
        raise UsageError("these tasks need the package reasoning-gym: pip install 'gymnast[reasoning]'") from missing
    return reasoning_gym
