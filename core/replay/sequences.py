"""Sequences out of a replay, for networks that remember: R2D2 (Kapturowski et al. 2019, ICLR).

A piece is a number of rows of one environment: first `burn_in` rows that only warm up what is remembered, then
`sequence` rows to learn from. Pieces begin every `sequence` / 2 rows of the run, whatever episodes do meanwhile: where
one begins inside a piece, its row says so, and what was remembered is forgotten there. What was remembered before the
first row of a piece is stored with it. A piece never reaches beyond the newest row, nor back before the oldest one.

The observations of a piece are laid out in the order of time, with those after an episode's end, which a reset hides,
between that end and the next beginning; and with the n rows after the piece, of which only the values are wanted.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..batch import CARRY, Batch
from ..errors import UsageError
from . import sampling, sumtree
from .replay import Replay
from .sampling import CUT, ENDED, FIRST, SMALLEST_ERROR, VALID
from .saved import refuse_impossible_pieces
from .storage import as_bytes


class SequenceReplay(Replay):
    """The last `capacity` transitions, drawn in pieces, uniformly or by their priority."""

    def __init__(
        self,
        capacity: int,
        remembered: int,
        *,
        sequence: int,
        burn_in: int,
        n: int = 1,
        gamma: float = 0.99,
        stack: int = 1,
        alpha: float | None = None,
        choices: int | None = None,
        seed: int = 0,
    ) -> None:
        """`remembered`: S, numbers of what is remembered. `alpha`: of the pieces' priorities. The rest as `Replay`."""
        super().__init__(capacity, n=n, gamma=gamma, stack=stack, choices=choices, seed=seed)
        self.remembered, self.sequence, self.burn_in, self.exponent = remembered, sequence, burn_in, alpha
        self.every = max(1, sequence // 2)
        self.carry = np.zeros((0, 0, remembered), np.float32)  # of the last pieces that began, round and round
        self.pieces = sumtree.build(np.zeros(0))  # the weights of these pieces
        self.whole = 0  # pieces that may be drawn

    def __len__(self) -> int:
        return self.whole * self.sequence

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return super().nbytes + self.carry.nbytes + self.pieces.nbytes

    def add(self, batch: Batch) -> None:
        """Copies in the T rows of a batch, whose columns go on where those of the last batch stopped."""
        before = self._numbers() if self.fields else range(0)
        super().add(batch)
        time = np.arange(self.written[0] - len(batch.reward), self.written[0])
        begins = time % self.every == 0
        self.carry[time[begins] // self.every % len(self.carry)] = batch.extras[CARRY][begins]
        now = self._numbers()
        self._weigh_pieces(range(before.start, min(before.stop, now.start)), 0.0)
        self._weigh_pieces(range(max(before.stop, now.start), now.stop), self.top_weight)
        self.whole = int(np.count_nonzero(sumtree.weights(self.pieces)))

    def sample(self, size: int, batches: int | None = None, beta: float = 0.4) -> dict[str, NDArray[Any]]:
        """Pieces with `size` steps to learn from in all, but at least one piece; or `batches` such draws.

        B pieces of L steps at P positions in the order of time, each array after an axis (batches,) if so asked:

        | key             | shape      | meaning                                                              |
        |-----------------|------------|----------------------------------------------------------------------|
        | obs             | (P, B, *obs) | `burn_in` rows, and then all that was seen                         |
        | first           | (P, B)     | where an episode begins                                              |
        | state           | (B, S)     | what was remembered before                                           |
        | now, then       | (B, L)     | positions of the steps, and of what they bootstrap from              |
        | learned         | (B, L)     | which of the steps are to be learned from: those that are valid      |
        | action          | (B, L, *act) | as taken                                                           |
        | reward, discount | (B, L)    | as `Replay` gives them                                               |
        | weights, indices | (B,)      | importance weights, and numbers for `update_priorities`              |
        """
        if not self.whole:
            raise UsageError("cannot sample sequences from a replay that holds no whole one yet: collect more first")
        draws, count = 1 if batches is None else batches, max(1, size // self.sequence)
        leaves, weights = sampling.draw_by_weight(self.random, self.pieces, count, draws, beta)
        newest = self._numbers().stop - 1
        number = newest - (newest - leaves // self.envs) % len(self.carry)
        starts = number * self.every % self.rows * self.envs + leaves % self.envs
        slots = self._steps(starts)
        flags, last = self._flat["flags"], (self.cursor - 1) % self.rows * self.envs
        reward, discount, following = sampling.look_ahead(
            slots.ravel(), flags, self._flat["reward"], self.ends.of, self.envs, last, self.n, self.gamma
        )
        source, first, now, then = lay_out(
            starts, flags, self.ends.of, self.envs, last, self.burn_in, self.n, following.reshape(slots.shape)
        )
        obs = self._observations(source.ravel())
        sampling.fill_in(source.ravel(), self.ends.bytes, as_bytes(obs))
        action = self._take("action", slots.ravel())
        by_piece = {
            "state": self.carry[leaves // self.envs, leaves % self.envs],
            "now": now,
            "then": then,
            "learned": flags[slots] & VALID != 0,
            "action": action.reshape(*slots.shape, *action.shape[1:]),
            "reward": reward.reshape(slots.shape),
            "discount": discount.reshape(slots.shape),
            "weights": weights,
            "indices": leaves,
        }
        in_time = {"obs": obs.reshape(*source.shape, *obs.shape[1:]), "first": first}
        out = {name: x.reshape(draws, count, *x.shape[1:]) for name, x in by_piece.items()}
        out |= {name: np.moveaxis(x.reshape(len(x), draws, count, *x.shape[2:]), 1, 0) for name, x in in_time.items()}
        return {name: x[0] for name, x in out.items()} if batches is None else out

    def update_priorities(self, indices: NDArray[np.int64], td_error: NDArray[Any]) -> None:
        """Makes sampled pieces as likely as (|error| + tiny)^alpha; both arrays (B,) or (batches, B)."""
        if self.exponent is None:
            raise UsageError("this replay draws uniformly and has no priorities: make it with alpha=0.6, say")
        leaves = indices.ravel()
        weights = (np.abs(td_error.ravel().astype(np.float64)) + SMALLEST_ERROR) ** self.exponent
        self.top_weight = max(self.top_weight, float(weights.max()))
        alive = sumtree.weights(self.pieces)[leaves] > 0
        sumtree.assign(self.pieces, leaves[alive], weights[alive])

    def state(self) -> dict[str, Any]:
        """All that decides future samples; see `Replay.state`."""
        state = super().state()
        return state | ({"carry": self.carry, "pieces": sumtree.weights(self.pieces)} if self.fields else {})

    def load_state(self, state: dict[str, Any]) -> None:
        """Goes on exactly as the replay of that state would have; only n and gamma may be others here."""
        super().load_state(state)
        self.whole = 0
        if not self.fields:
            return
        may = np.zeros(self.carry.shape[:2], np.bool_)
        numbers = self._numbers()
        may[np.arange(numbers.start, numbers.stop) % len(may)] = self._learnable(numbers)
        refuse_impossible_pieces(state, may.ravel(), len(sumtree.weights(self.pieces)), self.carry.shape)
        self.carry[:] = state["carry"]
        self.pieces = sumtree.build(state["pieces"])
        self.whole = int(np.count_nonzero(may))

    def _made(self) -> dict[str, Any]:
        own = {"sequence": self.sequence, "burn_in": self.burn_in, "remembered": self.remembered}
        return super()._made() | own | {"alpha": self.exponent}

    def _columns(self, batch: Batch) -> dict[str, NDArray[Any]]:
        columns = super()._columns(batch)
        return columns | {"flags": columns["flags"] | (FIRST * batch.first[:-1]).astype(np.uint8)}

    def _allocate(self, layout: dict[str, tuple[tuple[int, ...], str]], envs: int, reopen: bool = False) -> None:
        super()._allocate(layout, envs, reopen)
        if self.rows < self.burn_in + self.sequence + self.every + self.stack - 2:
            raise UsageError(
                f"a replay of {self.capacity} transitions holds {self.rows} steps of each of {envs} environments, too "
                f"few for sequences of {self.burn_in} + {self.sequence} steps: enlarge agent.capacity"
            )
        begun = self.rows // self.every + 1
        self.carry = np.zeros((begun, envs, self.remembered), np.float32)
        self.pieces = sumtree.build(np.zeros(begun * envs))

    def _numbers(self) -> range:
        """The pieces of which everything is there; piece k begins `every` k rows after the run did."""
        written = int(self.written[0])
        oldest = written - self.filled + (self.stack - 1 if self.filled == self.rows else 0)
        low, high = -(-oldest // self.every), (written - self.burn_in - self.sequence) // self.every + 1
        return range(low, max(low, high))

    def _weigh_pieces(self, numbers: range, weight: float) -> None:
        """Give pieces a weight, those without any step to learn from none."""
        if numbers:
            leaves = np.arange(numbers.start, numbers.stop)[:, None] % len(self.carry) * self.envs
            weights = weight * self._learnable(numbers)
            sumtree.assign(self.pieces, (leaves + np.arange(self.envs)).ravel(), weights.ravel())

    def _learnable(self, numbers: range) -> NDArray[np.bool_]:
        """Which pieces (K, N) have any step to learn from."""
        row = np.arange(numbers.start, numbers.stop)[:, None] * self.every % self.rows
        slots = self._steps((row * self.envs + np.arange(self.envs)).ravel())
        found: NDArray[np.bool_] = (self._flat["flags"][slots] & VALID != 0).any(1).reshape(-1, self.envs)
        return found

    def _steps(self, starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """The slots (B, L) to learn from of pieces that begin in slots (B,)."""
        rows = np.arange(self.burn_in, self.burn_in + self.sequence)
        return (starts[:, None] + rows * self.envs) % (self.rows * self.envs)


@njit(nogil=True, cache=True)
def lay_out(
    starts: NDArray[Any],
    flags: NDArray[Any],
    end_of: NDArray[Any],
    envs: int,
    newest: int,
    burn_in: int,
    n: int,
    following: NDArray[Any],
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """How B pieces that begin in slots (B,) lie in time, and where what their L steps bootstrap from comes in it.

    `following (B, L)`, like the sources that are returned: a slot, or -(row + 1) of the ends, as `look_ahead` has it.

    Returns:
        Sources (P, B) and which of them begin an episode; positions (B, L) of the steps, and of what follows. What is
        beyond a piece's last position repeats that.
    """
    count, steps = following.shape
    most = burn_in + 2 * (steps + n)
    source, first = np.empty((most, count), np.int64), np.zeros((most, count), np.bool_)
    now, then = np.empty((count, steps), np.int64), np.empty((count, steps), np.int64)
    longest = 0
    for b in range(count):
        slot, p, cut, last = starts[b], 0, False, False
        for j in range(burn_in + steps + n):
            source[p, b], first[p, b] = slot, cut or flags[slot] & FIRST != 0
            if burn_in <= j < burn_in + steps:
                now[b, j - burn_in] = p
            p += 1
            cut, last = flags[slot] & CUT != 0, newest <= slot < newest + envs
            if j >= burn_in and flags[slot] & (ENDED | CUT) and end_of[slot] >= 0:
                source[p, b] = -1 - end_of[slot]
                p += 1
            elif last:
                source[p, b] = -1 - (slot - newest)
                p += 1
            if last:
                break
            slot = (slot + envs) % flags.size
        source[p:, b] = source[p - 1, b]
        for j in range(steps):
            then[b, j] = now[b, j] + 1
            while then[b, j] < p - 1 and source[then[b, j], b] != following[b, j]:
                then[b, j] += 1
        longest = max(longest, p)
    return source[:longest], first[:longest], now, then
