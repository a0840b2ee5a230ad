"""N texts written side by side, token by token, as a Gymnasium `VectorEnv`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.spaces import Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from ...core.errors import UsageError
from ...core.spaces.tokens import Tokens
from .asked import Asked
from .picture import Shown, letters, paint, remark
from .questions import BLOCK, Streams, asked, generator, packed, unpacked
from .task import SPLITS, Questions, Task, chosen, counted

RENDER_MODES = ("rgb_array", "ansi")
Ends = dict[str, NDArray[np.bool_]]


class TextVectorEnv(VectorEnv[NDArray, NDArray, NDArray]):
    """N answers to questions of a task: an observation (W,) is prompt and answer so far, an action is the next token.

    END ends the answer, whose score is the reward. An answer that reaches the task's limit without END ends too, as a
    termination with reward 0, or with its score in a graded task, where 0 need not be little: how much room is left is
    seen in the prefix, so it is a state like any other, and an agent that bootstrapped from it would not learn to come
    to an end. The last info of an answer, which is `final_info` in SAME_STEP mode, has `is_success`, `unfinished` (it
    reached the limit) and `unparsed` (N,).

    Rows g k to g k + g - 1 answer question k together, with a `group` of g. Row i of `reset(seed=s)` is asked what a
    single environment seeded s + i is asked, or in a group what its first row is.

    Args:
        split: "train", or "test" for the questions that are never asked in training.
        waits: a row whose answer has ended observes nothing but PAD, and does nothing, until the next `reset`, which
            all rows of a group need to begin together. Otherwise it is asked another question in the same step.

    Raises:
        UsageError: if the rows are no whole groups, or a group should not wait.
    """

    backend = "text"

    def __init__(
        self,
        task: Task,
        num_envs: int = 1,
        group: int = 1,
        split: str = "train",
        waits: bool = True,
        render_mode: str | None = None,
    ) -> None:
        self.group = counted("group", group, 1, 1 << 20)
        if num_envs % self.group:
            raise UsageError(f"{num_envs} environments are no whole groups of {group}; take a multiple of {group}")
        if self.group > 1 and not waits:
            raise UsageError("the rows of a group begin together, so they must wait for each other: leave out waits")
        self.task, self.num_envs, self.waits = task, num_envs, waits
        chosen("split", split, SPLITS)
        if render_mode is not None:
            chosen("render_mode", render_mode, RENDER_MODES)
        self.split = split
        self.render_mode = render_mode
        mode = AutoresetMode.NEXT_STEP if waits else AutoresetMode.SAME_STEP
        self.metadata = {"render_modes": list(RENDER_MODES), "render_fps": 4, "autoreset_mode": mode, "waits": waits}
        self._room = task.longest[1]
        self.single_observation_space = Tokens(task.vocabulary, sum(task.longest))
        self.single_action_space = Discrete(task.vocabulary.size)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._calls: int = getattr(task, "calls", -1)
        self._correct: Any = getattr(task, "correct", None)
        self._graded: bool = self._correct is not None or getattr(task, "graded", False)

        self._pad, self._end = task.vocabulary.pad, task.vocabulary.end
        self.tokens = np.full((num_envs, sum(task.longest)), self._pad, np.int32)
        """(N, W) prompts and answers."""
        self.start, self.length = np.zeros((2, num_envs), np.int64)
        """(N,) tokens of the prompt, and of all."""
        self.ended = np.zeros(num_envs, np.bool_)
        """(N,) which rows wait."""
        self._streams = Streams(task, num_envs // self.group, self.split)
        self._own = generator(None)
        self._finished: dict[int, Shown] = {}  # by row, the texts that ended in the last step

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray, dict[str, Any]]:
        """Asks every row, or group, its next question."""
        if options:
            raise UsageError("an environment of text takes no options in reset; all rows begin together")
        self._seed(seed)
        self.ended[:] = False
        self._finished.clear()
        self._ask(np.arange(self.num_envs))
        return self.tokens.copy(), {}

    def step(self, actions: ArrayLike) -> tuple[NDArray, NDArray, NDArray, NDArray, dict[str, Any]]:
        """Writes the tokens `actions` (N,); returns obs (N, W), reward, terminated, truncated (N,), and the info."""
        written = self._as_actions(actions)
        waiting = self.ended.copy()
        rows = np.flatnonzero(~waiting)
        if not len(rows):
            raise ResetNeeded("every answer has ended, and rows that wait need a reset before the next step")
        reward = np.zeros(self.num_envs)
        over = self._write(rows, written[rows], reward)
        terminated = np.zeros(self.num_envs, np.bool_)
        terminated[over] = True
        info: dict[str, Any] = self._judge(over, written, reward)
        if self.render_mode:
            self._remember(over, info, reward)
        if self.waits:
            self.ended[over] = True
            obs = self.tokens.copy()
            obs[waiting] = self._pad
        else:
            obs, info = self._begin_anew(over, terminated, info)
        return obs, reward, terminated, np.zeros(self.num_envs, np.bool_), info

    def render(self) -> Any:
        """N pictures (H, W, 3), or N texts in mode "ansi"; of a row that ended in the last step how it ended."""
        if self.render_mode is None:
            return None
        shown = [self._finished.get(row) or self._shown(row) for row in range(self.num_envs)]
        if self.render_mode == "ansi":
            return tuple(map(letters, shown))
        return tuple(paint(each, self.tokens.shape[1]) for each in shown)

    def examples(self, count: int) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Worked answers to `count` other questions of the split, for supervised learning.

        They are tokens (count, W) of prompt and answer, right-padded, and which of them (count, W) whoever answers
        writes: those of the answer, but not what a task replies.

        Raises:
            UsageError: if the task has no answers.
        """
        questions = asked(self.task, self._own, count, self.split)
        answers = self.task.example(questions, self._own)
        given = np.count_nonzero(questions.prompt != self._pad, 1)
        tokens = np.full((count, self.tokens.shape[1]), self._pad, np.int32)
        tokens[:, : questions.prompt.shape[1]] = questions.prompt
        own = np.zeros(tokens.shape, np.bool_)
        for row, mine, start, answer in zip(tokens, own, given, answers, strict=True):
            row[start : start + len(answer)], mine[start : start + len(answer)] = answer, True
        if self._calls >= 0:
            self._disown_replies(questions, tokens, own, given)
        return tokens, own

    def asked(self, row: int = 0) -> Asked:
        """The question of a row."""
        prompt = self.tokens[row, : self.start[row]].copy()
        return Asked(self.task, prompt, self._questions(np.array([row])))

    def pose(self, prompt: str) -> Asked:
        """A question of a person's own, which the task may know or not.

        Raises:
            UsageError: if the vocabulary lacks something in it, or it is longer than the task's questions are.
        """
        known, tokens = getattr(self.task, "pose", None), self.task.vocabulary.encode(prompt)
        asked = Asked(self.task, tokens, known(prompt) if known else None)
        if asked.longest is not None and len(tokens) > self.task.longest[0]:
            raise UsageError(
                f"this has {len(tokens)} tokens; questions of the task have at most {self.task.longest[0]}"
            )
        return asked

    def get_state(self) -> dict[str, NDArray]:
        """Copies of everything that changes; `set_state` continues from there bit for bit."""
        streams = self._streams
        arrays = {"tokens": self.tokens, "ended": self.ended, "rng": streams.rng, "used": streams.used}
        return {name: array.copy() for name, array in arrays.items()} | {"own": packed(self._own)}

    def set_state(self, saved: dict[str, NDArray]) -> None:
        """Takes over what `get_state` of an environment with as many rows returned."""
        for name, array in self.get_state().items():
            if saved[name].shape != array.shape or saved[name].dtype != array.dtype:
                raise UsageError(f"the saved {name!r} of an environment of text is not {array.dtype} {array.shape}")
        used, tokens = saved["used"], saved["tokens"]
        if (used < -1).any() or (used >= BLOCK).any() or ((used < 0) != (used[0] < 0)).any():
            raise UsageError("the saved questions of an environment of text are none")
        self._own = unpacked(saved["own"])
        self._streams.set_state(saved["rng"], used)
        start = length = np.zeros(self.num_envs, np.int64)
        if self._started:
            prompt = self._questions(np.arange(self.num_envs)).prompt
            start, length = ((rows != self._pad).sum(1) for rows in (prompt, tokens))
            there = np.arange(tokens.shape[1])
            within = there[: prompt.shape[1]] < start[:, None]
            gaps = (tokens == self._pad) != (there >= length[:, None])
            odd = (tokens[:, : prompt.shape[1]] != prompt) & within
            if odd.any() or gaps.any() or (tokens < 0).any() or (tokens > self._pad).any():
                raise UsageError("the saved texts are not answers to the saved questions; was it another task?")
            if (length - start > self._room).any() or ((length - start == self._room) & ~saved["ended"]).any():
                raise UsageError("the saved texts are longer than an answer may be")
        self._finished.clear()
        self.tokens[...], self.ended[...] = tokens, saved["ended"]
        self.start[...], self.length[...] = start, length

    @property
    def _started(self) -> bool:
        return bool(self._streams.used[0] >= 0)

    def _seed(self, seed: int | Sequence[int | None] | None) -> None:
        if seed is None or isinstance(seed, int | np.integer):
            seeds = [None if seed is None else int(seed) + i for i in range(self.num_envs)]
        else:
            seeds = list(seed)
        if len(seeds) != self.num_envs:
            raise UsageError(f"{len(seeds)} seeds for {self.num_envs} environments")
        for place, own in enumerate(seeds[:: self.group]):
            if own is not None:
                self._streams.seed(place, own)
        if seeds[0] is not None:
            self._own = generator(seeds[0], 1)

    def _ask(self, rows: NDArray[np.int64]) -> None:
        """The next questions to `rows` (K,), which are whole groups."""
        self._streams.deal(rows[:: self.group] // self.group)
        prompt = self._questions(rows).prompt
        self.tokens[rows] = self._pad
        self.tokens[rows, : prompt.shape[1]] = prompt
        self.start[rows] = self.length[rows] = np.count_nonzero(prompt != self._pad, 1)

    def _questions(self, rows: NDArray[np.int64]) -> Questions:
        assert self._streams.present is not None
        return self._streams.present.at(rows // self.group)

    def _answers(self, rows: NDArray[np.int64]) -> tuple[Questions, NDArray[np.int32], NDArray[np.int64]]:
        """Questions of `rows` (K,), their responses (K, R) and the lengths of these."""
        response = self.tokens[rows[:, None], self.start[rows, None] + np.arange(self._room)]
        return self._questions(rows), response, self.length[rows] - self.start[rows]

    def _write(self, rows: NDArray[np.int64], tokens: NDArray[np.int64], reward: NDArray[np.float64]) -> NDArray:
        """Write one token (K,) in each of `rows` (K,), and what the task adds to it; returns the rows that end."""
        self.tokens[rows, self.length[rows]] = tokens
        self.length[rows] += 1
        if self._correct is not None:
            true, reward[rows] = self._correct(*self._answers(rows))
            self.tokens[rows, self.length[rows] - 1] = true
            tokens = true
        has_room = self.length[rows] - self.start[rows] < self._room
        if len(calls := rows[(tokens == self._calls) & has_room]):
            self._reply(calls)
            has_room = self.length[rows] - self.start[rows] < self._room
        return rows[~has_room | (tokens == self._end)]

    def _reply(self, rows: NDArray[np.int64]) -> None:
        """Let the task answer what is written in `rows` (K,), as far as there is room."""
        reply = self.task.reply(*self._answers(rows))  # type: ignore[attr-defined]
        left = self._room - (self.length[rows] - self.start[rows])
        count = np.minimum(np.count_nonzero(reply != self._pad, 1), left)
        row, k = np.nonzero(np.arange(reply.shape[1]) < count[:, None])
        self.tokens[rows[row], self.length[rows[row]] + k] = reply[row, k]
        self.length[rows] += count

    def _disown_replies(
        self, questions: Questions, tokens: NDArray[np.int32], own: NDArray[np.bool_], given: NDArray[np.int64]
    ) -> None:
        """Take what the task would reply in worked answers out of `own` (Q, W)."""
        column = np.arange(tokens.shape[1])
        for t in range(tokens.shape[1]):
            rows = np.flatnonzero(own[:, t] & (tokens[:, t] == self._calls))
            if len(rows):
                until = np.where(column <= t, tokens[rows], self._pad)
                response = until[np.arange(len(rows))[:, None], given[rows, None] + np.arange(self._room)]
                reply = self.task.reply(questions.at(rows), response, t + 1 - given[rows])  # type: ignore[attr-defined]
                said = np.count_nonzero(reply != self._pad, 1)
                own[rows] &= (column <= t) | (column > t + said[:, None])

    def _judge(self, over: NDArray[np.int64], written: NDArray[np.int64], reward: NDArray[np.float64]) -> Ends:
        """Put the scores of the rows `over` (K,) into `reward`; what the last info says of them."""
        names = ("unfinished", "unparsed") if self._graded else ("is_success", "unfinished", "unparsed")
        ends = {name: np.zeros(self.num_envs, np.bool_) for name in names}
        if self._correct is not None or not len(over):
            return ends
        complete = written[over] == self._end
        ends["unfinished"][over] = ~complete
        if len(judged := over if self._graded else over[complete]):
            scores = self.task.score(*self._answers(judged))
            reward[judged], ends["unparsed"][judged] = scores.reward, scores.unparsed
        if not self._graded:
            ends["is_success"][over] = reward[over] == 1
        return ends

    def _begin_anew(self, over: NDArray[np.int64], done: NDArray[np.bool_], ends: Ends) -> tuple[NDArray, dict]:
        """The next questions where answers ended; the observations and the info in SAME_STEP mode."""
        if not len(over):
            return self.tokens.copy(), {}
        final = np.where(done[:, None], self.tokens, self._pad)
        self._ask(over)
        last: dict[str, Any] = ends | {f"_{name}": done for name in ends}
        info = {"final_obs": final, "_final_obs": done, "final_info": last, "_final_info": done}
        return self.tokens.copy(), info

    def _shown(self, row: int, verdict: str = "", good: bool = False) -> Shown:
        decode, start = self.task.vocabulary.decode, self.start[row]
        return Shown(decode(self.tokens[row, :start]), decode(self.tokens[row, start:]), verdict, good)

    def _remember(self, over: NDArray[np.int64], ends: Ends, reward: NDArray[np.float64]) -> None:
        """Keep the texts that ended in the last step for `render`: in their rows others may have begun."""
        if not self.waits:
            self._finished.clear()
        for row in over.tolist():
            verdict = remark(float(reward[row]), not ends["unfinished"][row], self._graded)
            self._finished[row] = self._shown(row, *verdict)

    def _as_actions(self, actions: ArrayLike) -> NDArray[np.int64]:
        """Actions (N,) that are tokens.

        Raises:
            UsageError: if they are not.
        """
        if not self._started:
            raise ResetNeeded("call reset before step")
        array = np.asarray(actions)
        if array.shape != (self.num_envs,) or array.dtype.kind not in "iu":
            raise UsageError(f"actions must be whole numbers ({self.num_envs},), not {array.dtype} {array.shape}")
        if array.min() < 0 or array.max() > self._end:
            raise UsageError(f"actions must be tokens from 0 to {self._end}, not {array.min()} to {array.max()}")
        return array.astype(np.int64)
