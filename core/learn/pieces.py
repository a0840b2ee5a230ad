"""What a network with memory learns from, in pieces of time, which are never shuffled in themselves.

Pieces are of a rollout, whole episodes, or sequences out of a replay.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..batch import CARRY, Batch
from ..errors import UsageError
from ..nets.remembering import RememberingEncoder, Sequences
from ..nets.texts import TextEncoder, Texts
from ..spaces.tokens import Beginnings

_ETA = 0.9


def pieces(batch: Batch, chunk: int | None, device: torch.device, every: bool = False) -> Sequences:
    """The observations that were acted on, in pieces of `chunk` steps of one environment, or of all steps.

    Asked about are the valid steps, or `every` one, in the order of time, then environment. Each piece goes on from
    what the policy that acted remembered before it.
    """
    steps, copies = batch.reward.shape
    length = min(chunk or steps, steps)
    count = -(-steps // length)
    valid = np.ones_like(batch.valid) if every else batch.valid
    time, env = np.nonzero(valid)
    rows = (time // length * copies + env) * length + time % length
    obs, first = (_cut(x, count, length) for x in (batch.obs[:-1], batch.first[:-1]))
    state = batch.extras[CARRY][::length].reshape(count * copies, -1)
    return Sequences(*(torch.as_tensor(x, device=device) for x in (obs, first, state, rows)))


def texts(encoder: TextEncoder, batch: Batch, device: torch.device, every: bool = False) -> Texts:
    """The texts that were acted on, each once.

    Asked about are the valid steps, or `every` one, in the order of time, then environment.

    Raises:
        UsageError: if a valid step answers to an empty text, which has no last token to be read from.
    """
    time, env = np.nonzero(np.ones_like(batch.valid) if every else batch.valid)
    whole, which, length = _beginnings(batch, encoder.pad, time, env)
    if (length[batch.valid[time, env]] == 0).any():
        raise UsageError("a text of no tokens was answered; the environment must begin each with one at least")
    longest, last = int(length.max(initial=1)), np.maximum(length, 1) - 1
    tokens = np.ascontiguousarray(whole[:, :longest])
    return Texts(*(torch.as_tensor(x, device=device) for x in (tokens, which * longest + last)))


def _beginnings(
    batch: Batch, pad: int, time: NDArray[np.int64], env: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Texts (R, W); which of these (B,), and how many tokens of it (B,), was seen in the steps asked about."""
    obs: Any = batch.obs
    if isinstance(obs, Beginnings):
        used, which = np.unique(env, return_inverse=True)
        return obs.tokens[used], which, obs.known[time, env]
    obs = obs[:-1]
    goes_on = ((obs[1:] == obs[:-1]) | (obs[:-1] == pad)).all(-1) & ~batch.first[1:-1]
    begins = np.concatenate([np.ones_like(batch.first[:1]), ~goes_on])
    number = begins.T.ravel().cumsum().reshape(obs.shape[1::-1]).T
    used, which = np.unique(number[time, env], return_inverse=True)
    last, column = np.zeros((2, len(used)), np.int64)
    np.maximum.at(last, which, time)
    column[which] = env
    return obs[last, column], which, (obs[time, env] != pad).sum(-1)


def edges(encoder: RememberingEncoder, batch: Batch, device: torch.device) -> Sequences:
    """`batch.edge_obs` as the next steps after those that were remembered, which they leave as they are."""
    carry = batch.extras[CARRY]
    last = encoder.seen(
        torch.as_tensor(batch.obs[-2], device=device),
        torch.as_tensor(batch.first[-2], device=device),
        torch.as_tensor(carry[-1], device=device),
    )
    encoder(last)
    assert last.after is not None
    time, env = batch.final_at.T
    after = torch.as_tensor(carry[np.minimum(time + 1, len(carry) - 1), env], device=device)
    at_last = torch.as_tensor(time + 1 == len(carry), device=device)
    after[at_last] = last.after[torch.as_tensor(env, device=device)[at_last]]
    first = np.concatenate([batch.first[-1], np.zeros(len(batch.final_at), np.bool_)])
    state = torch.cat([last.after, after])
    return encoder.seen(torch.as_tensor(batch.edge_obs, device=device), torch.as_tensor(first, device=device), state)


def in_pieces(data: dict[str, Any], size: int, generator: torch.Generator) -> Iterator[dict[str, Any]]:
    """Minibatches of whole pieces in random order, of about `size` steps."""
    seen: Sequences | Texts = data["obs"]
    order = torch.randperm(seen.count, generator=generator, device=generator.device)
    for which in order.split(max(1, size // seen.length)):
        part, index = seen.pieces(which)
        if len(index):  # or all of its steps are beyond the run, or dead
            yield {name: part if name == "obs" else x.index_select(0, index) for name, x in data.items()}


def _cut(x: NDArray[Any], count: int, length: int) -> NDArray[Any]:
    """(T, N, ...) as (length, count N, ...): piece after piece of all environments, the last one filled up."""
    short = count * length - len(x)
    if short:
        x = np.concatenate([x, np.repeat(x[-1:], short, 0)])
    return np.moveaxis(x.reshape(count, length, *x.shape[1:]), 1, 0).reshape(length, -1, *x.shape[2:])


def in_episodes(
    encoder: RememberingEncoder, data: dict[str, Tensor], size: int, generator: torch.Generator | None
) -> Iterator[dict[str, Any]]:
    """Minibatches of whole episodes, in random order or as they are, of `size` steps or a little more.

    "episode" (B,) says which steps of `data` belong together, in the order in which they are; where there is "asked"
    (B,), the steps that are not are seen and no more.
    """
    order = data["episode"].argsort(stable=True)
    lengths = torch.unique_consecutive(data["episode"][order], return_counts=True)[1]
    parts = order.split(lengths.tolist())
    count = len(parts)
    turn = (
        range(count) if generator is None else torch.randperm(count, generator=generator, device=order.device).tolist()
    )
    chosen: list[Tensor] = []
    for k, which in enumerate(turn):
        chosen.append(parts[which])
        if sum(map(len, chosen)) < size and k < count - 1:
            continue
        index, chosen = torch.cat(chosen), []
        mb: dict[str, Any] = {name: x.index_select(0, index) for name, x in data.items()}
        mb["obs"] = encoder.in_turn(mb["obs"], mb.pop("episode"))
        asked = mb.pop("asked", None)
        if asked is None or asked.all():
            yield mb
        elif asked.any():
            yield {name: x[asked] for name, x in mb.items()}


def in_sequence(encoders: Iterable[RememberingEncoder], drawn: dict[str, Tensor], burn_in: int) -> dict[str, Any]:
    """Transitions (M,) out of the B pieces that a `SequenceReplay` drew, as a minibatch without memory has them.

    "obs" goes on from what `encoders` remember after the steps that warm them up, through which no gradient flows.
    "next_obs" begins with these, for whatever network looks at it: each one warms up by itself.
    """
    obs, first, state, learned = (drawn[name] for name in ("obs", "first", "state", "learned"))
    positions, piece = len(obs), torch.arange(len(state), device=obs.device)[:, None]
    warm = state
    if burn_in:
        before = Sequences(obs[:burn_in], first[:burn_in], state, piece[:0, 0])
        with torch.no_grad():
            for encoder in encoders:
                encoder(before)
        assert before.after is not None
        warm = before.after
    now, then = drawn["now"] - burn_in + piece * (positions - burn_in), drawn["then"] + piece * positions
    return {
        "obs": Sequences(obs[burn_in:], first[burn_in:], warm, now[learned]),
        "next_obs": Sequences(obs, first, state, then[learned]),
        "weights": drawn["weights"][:, None].expand_as(learned)[learned],
        **{name: drawn[name][learned] for name in ("action", "reward", "discount")},
    }


def surprise(error: Tensor, learned: Tensor) -> Tensor:
    """Priorities (B,) of pieces, from the errors (M,) of those of their steps (B, L) that were learned from.

    The largest counts for a share eta of it, their mean for the rest (R2D2), so that one step stands out.
    """
    size = torch.zeros(learned.shape, dtype=error.dtype, device=error.device)
    size[learned] = error.abs()
    return _ETA * size.amax(-1) + (1 - _ETA) * size.sum(-1) / learned.sum(-1)
