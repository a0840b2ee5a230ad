"""Replay: a ring of past transitions, L rows of N slots, from which minibatches are drawn.

Lin 1992; Mnih et al. 2013, arXiv:1312.5602; prioritised as in Schaul et al. 2015, arXiv:1511.05952. An observation is
stored once: what follows a slot is the observation one row further on in its column, except after an episode's end and
after the newest row; those few are kept whole on the side. Only the newest of stacked frames is stored. The fields of
one slot lie side by side in a record, because drawing waits for memory and for little else.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..batch import Batch
from ..errors import UsageError
from ..jitted.rng import stream
from . import sampling, sumtree
from .hindsight import Hindsight, Ring
from .sampling import CUT, ENDED, FIRST, TERMINATED, VALID
from .saved import refuse_impossible
from .storage import Kept, as_bytes, field, in_memory, mapped, places, refuse_misfits, spans


class Replay:
    """The last `capacity` transitions of all environments together, drawn uniformly or by priority.

    Transitions are n-step: target = reward + discount * V(next_obs), where discount is gamma^k for the k <= n steps
    really taken, and 0 after a termination.
    """

    def __init__(
        self,
        capacity: int,
        *,
        n: int = 1,
        gamma: float = 0.99,
        stack: int = 1,
        extras: Iterable[str] = (),
        alpha: float | None = None,
        path: str | Path | None = None,
        choices: int | None = None,
        hindsight: Hindsight | None = None,
        seed: int = 0,
    ) -> None:
        """The first `add` allocates everything, from the shapes of its batch: capacity // N rows.

        `stack` > 1: observations are (stack, ...) frames, oldest first. `extras`: which of `Batch.extras` to store.
        `alpha`: exponent of the priorities; None draws uniformly. `path`: a folder for arrays larger than the memory,
        begun afresh by the first `add`. `choices`: actions are indices below it, which a saved state is held to.
        `hindsight`: gives transitions other goals as they are drawn.
        """
        self.capacity, self.n, self.gamma, self.stack, self.alpha = capacity, n, gamma, stack, alpha
        self.extras, self.choices, self.hindsight = tuple(extras), choices, hindsight
        self.path = None if path is None else Path(path)
        self.random = stream(seed)
        self.fields: dict[str, NDArray[Any]] = {}  # name -> (L, N, ...), views into the records
        self.cursor = 0  # the row to be written next, the oldest one once the ring is full
        self.filled = 0  # rows
        self.count = 0  # slots that may be drawn
        self.top_weight = 1.0

    def __len__(self) -> int:
        return self.count

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, in memory and in files."""
        kept = [x for store in (self.ends, self.starts) for x in (store.of, store.block)]
        return sum(x.nbytes for x in [self.records, *kept, self.age, self.tree])

    def add(self, batch: Batch) -> None:
        """Copies in the T rows of a batch, whose columns go on where those of the last batch stopped."""
        columns = self._columns(batch)
        if not self.fields:
            self._allocate({name: (x.shape[2:], x.dtype.str) for name, x in columns.items()}, batch.reward.shape[1])
        refuse_misfits(columns, self.fields, self.rows, self.capacity)
        steps = len(batch.reward)
        slots = self._slots(self.cursor, steps)
        goes_on = self._goes_on(batch.obs[0])
        self.written[0] += steps  # before the rows themselves: `load_state` distrusts rows that were about to change
        self._retire(slots)
        for there, here in spans(self.cursor, steps, self.rows):
            for name, column in columns.items():
                self.fields[name][there] = column[here]
        self._keep_ends(batch, slots)
        if self.stack > 1:
            self._keep_starts(batch.obs, slots, goes_on)
        self.ends.block[: self.envs] = batch.obs[-1]
        self.cursor, self.filled = (self.cursor + steps) % self.rows, min(self.filled + steps, self.rows)
        valid = slots[batch.valid.ravel()]
        self.count += len(valid)
        self._weigh(valid, self.top_weight)
        if self.filled == self.rows:
            self._bury(self.cursor, self.rows)
        if self.hindsight:
            self.hindsight.note(self._ring(), steps)

    def shown(self, batch: Batch) -> NDArray[Any]:
        """Observations (M, *obs) of a batch as networks come to see them, to be normalised by; with hindsight, more."""
        obs = batch.obs[:-1][batch.valid]
        return self.hindsight.shown(obs) if self.hindsight else obs

    def sample(self, size: int, batches: int | None = None, beta: float = 0.4) -> dict[str, NDArray[Any]]:
        """`size` transitions with replacement, as arrays (size, ...), or `batches` such draws, (batches, size, ...).

        Keys: obs, action, reward (the discounted n-step sum), next_obs, discount, indices (for `update_priorities`),
        weights (importance weights with exponent `beta`, relative to the largest of the minibatch), and the extras.
        """
        if self.count < size:
            raise UsageError(
                f"cannot sample {size} transitions from a replay that holds {self.count}: collect more first"
            )
        indices, weights = self._draw(size, 1 if batches is None else batches, beta)
        reward, discount, next_obs = self._look_ahead(indices, self.n)
        out = {
            "obs": self._observations(indices),
            "action": self._take("action", indices),
            "reward": reward,
            "next_obs": next_obs,
            "discount": discount,
            "indices": indices,
            "weights": weights,
            **{name: self._take(name, indices) for name in self.extras},
        }
        if self.hindsight:
            self.hindsight.relabel(out, self.random, self._ring(), lambda slots: self._look_ahead(slots, 1)[2])
        return out if batches is None else {k: x.reshape(batches, size, *x.shape[1:]) for k, x in out.items()}

    def update_priorities(self, indices: NDArray[np.int64], td_error: NDArray[Any]) -> None:
        """Makes sampled slots as likely as (|td_error| + tiny)^alpha; both arrays (B,) or (batches, B)."""
        if self.alpha is None:
            raise UsageError("this replay draws uniformly and has no priorities: make it with alpha=0.6, say")
        flags = self._flat["flags"]
        top = sampling.weigh_anew(indices.reshape(-1), td_error.reshape(-1), self.alpha, flags, self.tree)
        self.top_weight = max(self.top_weight, top)

    def state(self) -> dict[str, Any]:
        """All that decides future samples: JSON values, and arrays, views that must be written out before the next add.

        Memory-mapped records stay in their file, flushed; the state only counts the rows that were ever written.
        """
        state = {name: getattr(self, name) for name in ("cursor", "filled", "count", "top_weight")}
        state |= {"made": self._made(), "random": self.random, "written": int(self.written[0]) if self.fields else 0}
        if not self.fields:
            return state
        state["envs"] = self.envs
        state["layout"] = {name: [list(x.shape[2:]), x.dtype.str] for name, x in self.fields.items()}
        if self.path is None:
            state["records"] = self.records[: self.filled * self.envs]
        for file in self.files:
            file.flush()
        for name, kept in (("ends", self.ends), ("starts", self.starts)):
            state |= {f"{name}/of": kept.of, f"{name}/block": kept.block, f"{name}/free": kept.free}
        return state | {"age": self.age, "next_age": self.next_age, "weights": sumtree.weights(self.tree)}

    def load_state(self, state: dict[str, Any]) -> None:
        """Goes on exactly as the replay of that state would have; only n, gamma and hindsight may be others here."""
        if state["made"] != self._made():
            raise UsageError(f"the saved replay was made with {state['made']}, this one with {self._made()}")
        refuse_impossible(state, self.capacity, self.stack, self.alpha is not None, self.choices)
        for name in ("cursor", "filled", "count", "top_weight"):
            setattr(self, name, state[name])
        self.fields = {}
        self.random[:] = state["random"]
        if not state["written"]:
            return
        layout = {name: (tuple(shape), dtype) for name, (shape, dtype) in state["layout"].items()}
        self._allocate(layout, state["envs"], reopen=True)
        for name, kept in (("ends", self.ends), ("starts", self.starts)):
            kept.load(state[f"{name}/of"], state[f"{name}/block"], state[f"{name}/free"])
        self.age[:], self.next_age[:] = state["age"], state["next_age"]
        self.tree = sumtree.build(state["weights"])
        if self.path is None:
            self.records[: self.filled * self.envs] = state["records"]
            self.written[0] = state["written"]
        else:
            self._forget_rows_written_since(state["written"])
        if self.hindsight:
            self.hindsight.note(self._ring(), self.filled)

    def _made(self) -> dict[str, Any]:
        """The arguments that decide what is stored."""
        where = "memory" if self.path is None else "files"
        made = {"capacity": self.capacity, "stack": self.stack, "extras": list(self.extras)}
        return made | {"alpha": self.alpha, "stored in": where}

    def _columns(self, batch: Batch) -> dict[str, NDArray[Any]]:
        """The stored part of each step, arrays (T, N, ...)."""
        if self.stack > 1 and batch.obs.shape[2:3] != (self.stack,):
            raise UsageError(f"observations of shape {batch.obs.shape[2:]} are no stacks of {self.stack} frames")
        if missing := set(self.extras) - set(batch.extras):
            raise UsageError(f"the batch has no extras {sorted(missing)}, only {sorted(batch.extras)}")
        flags = VALID * batch.valid + TERMINATED * batch.over + ENDED * batch.done
        columns = {
            "obs": batch.obs[:-1] if self.stack == 1 else batch.obs[:-1, :, -1],
            "action": batch.action,
            "reward": batch.reward.astype(np.float32, copy=False),
            "flags": flags.astype(np.uint8),
        }
        return columns | {name: batch.extras[name] for name in self.extras}

    def _allocate(self, layout: dict[str, tuple[tuple[int, ...], str]], envs: int, reopen: bool = False) -> None:
        self.rows, self.envs = self.capacity // envs, envs
        if not self.rows:
            raise UsageError(f"a replay of {self.capacity} transitions cannot hold one step of {envs} environments")
        slots = self.rows * envs
        self._offsets, width = places(layout)
        if self.path is None:
            self.files, self.written = [], np.zeros(1, np.int64)
            self.records = in_memory(slots, width, self.capacity)
        else:
            records = mapped(self.path, "records", (slots, width), "|u1", reopen)
            self.files = [records, mapped(self.path, "written", (1,), "<i8", reopen)]
            self.records, self.written = map(np.asarray, self.files)
        self._flat = {name: field(self.records, self._offsets[name], *layout[name]) for name in layout}
        self.fields = {name: x.reshape(self.rows, envs, *x.shape[1:]) for name, x in self._flat.items()}
        frame, dtype = self._flat["obs"].shape[1:], self._flat["obs"].dtype
        self.obs_shape = frame if self.stack == 1 else (self.stack, *frame)
        # Frames are copied and compared as rows of words, whatever they hold; eight bytes long where that fits.
        self._word = np.uint64 if self._flat["obs"][0].nbytes % 8 == 0 else np.uint8
        self.ends = Kept(slots, self.obs_shape, dtype, reserved=envs)  # block[:N] is what follows the newest row
        stacked = slots if self.stack > 1 else 1
        self.starts = Kept(stacked, (max(self.stack - 1, 1), *frame), dtype)  # frames before an episode's first, if any
        self.age = np.zeros(stacked, np.uint8)  # how many older frames of the stack lie in the ring
        self.next_age = np.zeros(envs, np.uint8)  # the same of what follows the newest row
        self.tree = sumtree.build(np.zeros(slots if self.alpha is not None else 1))

    def _slots(self, row: int, rows: int) -> NDArray[np.int64]:
        """Slots of so many rows from this one on, round the ring."""
        if 0 <= row <= self.rows - rows:
            return np.arange(row * self.envs, (row + rows) * self.envs)
        return ((row + np.arange(rows))[:, None] % self.rows * self.envs + np.arange(self.envs)).ravel()

    def _goes_on(self, first_obs: NDArray[Any]) -> NDArray[np.bool_]:
        """Which columns (N,) begin with what followed the newest row; the others are cut there."""
        if not self.filled:
            return np.zeros(self.envs, np.bool_)
        following = self.ends.block[: self.envs]
        goes_on: NDArray[np.bool_] = (first_obs == following).reshape(self.envs, -1).all(axis=1)
        if goes_on.all():
            return goes_on
        newest = self._slots(self.cursor - 1, 1)
        broken = ~goes_on & (self._flat["flags"][newest] & ~np.uint8(FIRST) == VALID)
        self._flat["flags"][newest[broken]] |= CUT
        self.ends.put(newest[broken], following[broken])
        return goes_on

    def _retire(self, slots: NDArray[np.int64]) -> None:
        """Slots about to be overwritten: never drawn again, nothing kept for them."""
        flags = self._flat["flags"]
        self.count -= int(np.count_nonzero(flags[slots] & VALID))
        flags[slots] = 0
        self.ends.drop(slots)
        if self.stack > 1:
            self.starts.drop(slots)
        self._weigh(slots, 0.0)

    def _bury(self, oldest: int, rows: int) -> None:
        """Slots whose older frames have been overwritten can no longer be drawn; `rows` are left, this one first."""
        depth = min(self.stack - 1, rows)
        if depth == 0:
            return
        slots = self._slots(oldest, depth)
        slots = slots[self.age[slots] > np.repeat(np.arange(depth), self.envs)]
        flags = self._flat["flags"]
        self.count -= int(np.count_nonzero(flags[slots] & VALID))
        flags[slots] &= ~np.uint8(VALID)
        self._weigh(slots, 0.0)

    def _weigh(self, slots: NDArray[np.int64], weight: float) -> None:
        if self.alpha is not None:
            sumtree.assign(self.tree, slots, np.full(len(slots), weight))

    def _keep_ends(self, batch: Batch, slots: NDArray[np.int64]) -> None:
        """Keep the observations after episodes' ends, which an autoreset hides."""
        if not len(batch.final_at):
            return
        t, i = batch.final_at.T
        real = batch.valid[t, i]
        self.ends.put(slots.reshape(-1, self.envs)[t[real], i[real]], batch.final_obs[real])
        ended = batch.done & batch.valid
        assert (self.ends.of[slots[ended.ravel()]] >= 0).all(), "every end has its final observation"

    def _keep_starts(self, obs: NDArray[Any], slots: NDArray[np.int64], goes_on: NDArray[np.bool_]) -> None:
        """Where a stack is not the one before it shifted, an episode starts; older frames, if not blank, are kept."""
        steps, envs = len(obs) - 1, self.envs
        first = np.where(goes_on, self.next_age, 0).astype(np.uint8)
        stacks = np.ascontiguousarray(obs).reshape(-1, *self.obs_shape)
        age = sampling.ages(as_bytes(stacks).view(self._word), first, self.stack)
        self.age[slots], self.next_age[:] = age[: steps * envs], age[steps * envs :]
        start = np.flatnonzero(age[: steps * envs] == 0)
        older = stacks[start, :-1]
        filled = older.any(axis=tuple(range(1, older.ndim)))
        self.starts.put(slots[start[filled]], older[filled])

    def _forget_rows_written_since(self, written: int) -> None:
        """Files may have gone on after the state was taken: rows that were overwritten since are lost to it."""
        since = int(min(self.written[0] - written, self.rows))
        if since < 0:
            raise UsageError(
                f"the files in {self.path} are older than the saved state: they are not the ones it was saved with"
            )
        self.fields["flags"][self.filled :] = 0
        self.fields["flags"][self.cursor - 1] &= ~np.uint8(CUT)
        self._retire(self._slots(self.cursor, since))
        self.count = int(np.count_nonzero(self._flat["flags"] & VALID))
        if since:
            self._bury((self.cursor + since) % self.rows, self.rows - since)
            self.next_age[self.next_age > self.rows - since] = 0  # its older frames are lost: a new start
        self.written[0] = written

    def _draw(self, size: int, batches: int, beta: float) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Slots (batches * size,) and their importance weights."""
        if self.alpha is None:
            indices = sampling.draw_uniformly(self.random, self._flat["flags"], self.filled * self.envs, batches * size)
            return indices, np.ones(batches * size, np.float32)
        return sampling.draw_by_weight(self.random, self.tree, size, batches, beta)

    def _ring(self) -> Ring:
        return Ring(self._flat["flags"], self.envs, (self.cursor - 1) % self.rows, self.filled)

    def _look_ahead(self, slots: NDArray[np.int64], n: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Discounted sums of up to n rewards and discounts (B,), and the observations (B, *obs) to bootstrap from."""
        newest = (self.cursor - 1) % self.rows * self.envs
        reward, discount, following = sampling.look_ahead(
            slots, self._flat["flags"], self._flat["reward"], self.ends.of, self.envs, newest, n, self.gamma
        )
        next_obs = self._observations(following)
        sampling.fill_in(following, self.ends.bytes, as_bytes(next_obs))
        return reward, discount, next_obs

    def _observations(self, slots: NDArray[np.int64]) -> NDArray[Any]:
        """Observations (B, *obs) of slots; rows for numbers below 0 hold nothing of use."""
        if self.stack == 1:
            return self._take("obs", slots)
        out = np.empty((len(slots), *self.obs_shape), self.ends.block.dtype)
        frames = self.records.view(self._word)  # the frame is what a record begins with
        starts, stacks = (as_bytes(x).view(self._word) for x in (self.starts.block, out))
        sampling.stack(slots, frames, self.age, self.starts.of, starts, self.envs, self.stack, stacks)
        return out

    def _take(self, name: str, slots: NDArray[np.int64]) -> NDArray[Any]:
        """A field (B, ...) of slots; rows for numbers below 0 hold nothing of use."""
        field = self._flat[name]
        out = np.empty((len(slots), *field.shape[1:]), field.dtype)
        sampling.take(slots, self.records, self._offsets[name], out.view(np.uint8).reshape(-1))
        return out
