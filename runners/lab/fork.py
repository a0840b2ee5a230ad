"""A clone with one Gaussian drives into the tree between two ways; mixtures and autoregressive bins take one of them.

T-005, T-006, T-007: an expert passes each tree on either side with probability 1/2, in d directions at once. Maximum
likelihood puts the mean of one Gaussian in the middle (Huang, section 26.4). A mixture needs a component for each of
2^d ways; bins chosen one direction after the other need d times as many outputs as one direction does, and unlike bins
that are independent they also learn ways that hold together (`paired`: an even number of directions to the left).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ... import envs
from ...agents import bc
from ...core.acting import Mode, Stateless
from ...core.rollout.engine import Rollout
from ...envs.native import fork
from . import Finding

DEMONSTRATIONS = 400
PASSES = 60
COPIES = 200
TREES = 5


def experiment(seed: int) -> Finding:
    """Crashes of every head at every fork."""
    rows = list(_rows(seed))
    crash = {(d, kind): drawn for d, kind, _, drawn, _ in rows}
    likeliest = {(d, kind): greedy for d, kind, _, _, greedy in rows}
    checks = {
        "the likeliest action of one Gaussian hits the tree nearly always": likeliest["1", "plain"] > 0.95,
        "and so does that of one Gaussian within the bounds": likeliest["1", "squashed"] > 0.95,
        "a mixture of 2 crashes in less than 5% of the episodes": crash["1", "mixture 2"] < 0.05,
        "as do autoregressive bins": crash["1", "autoregressive"] < 0.05,
        "in 3 directions the likeliest action of a mixture of 2 or 4 hits a tree": min(
            likeliest["3", "mixture 2"], likeliest["3", "mixture 4"]
        )
        > 0.5,
        "that of a mixture of 16 does not, nor that of autoregressive bins": max(
            likeliest["3", "mixture 16"], likeliest["3", "autoregressive"]
        )
        < 0.05,
        "actions drawn from the bins crash less than those from the mixture of 16": crash["3", "autoregressive"]
        < crash["3", "mixture 16"],
        "independent bins fail where directions hold together": crash["3 paired", "independent bins"] > 0.5,
        "autoregressive ones fail less than half as often": crash["3 paired", "autoregressive"]
        < 0.5 * crash["3 paired", "independent bins"],
    }

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        names = [f"{d}: {kind}" for d, kind, *_ in rows]
        place = np.arange(len(rows))
        axes.barh(place - 0.2, [row[3] for row in rows], 0.4, label="drawn actions")
        axes.barh(place + 0.2, [row[4] for row in rows], 0.4, label="likeliest actions")
        axes.set_yticks(place, names)
        axes.invert_yaxis()
        axes.set(xlabel=f"share of episodes ({TREES} trees) that end in a crash")
        axes.legend()

    columns = ("directions", "head", "parameters", "crashes (drawn)", "crashes (likeliest)")
    return Finding(columns, rows, checks, draw)


def _rows(seed: int) -> Iterator[tuple[str, str, int, float, float]]:
    heads: dict[str, dict[str, Any]] = {f"mixture {k}": {"head": "mixture", "components": k} for k in (2, 4, 16)}
    heads = {"plain": {}, "squashed": {"head": "squashed"}, **heads}
    heads |= {"autoregressive": {"head": "autoregressive"}, "independent bins": {"head": "autoregressive"}}
    for name, dims, chosen in (("1", 1, ("plain", "squashed", "mixture 2", "autoregressive")),
                               ("3", 3, ("plain", "mixture 2", "mixture 4", "mixture 16", "autoregressive")),
                               ("3 paired", 3, ("mixture 16", "autoregressive", "independent bins"))):  # fmt: skip
        for kind in chosen:
            yield name, kind, *_cloned(dims, "paired" in name, heads[kind], kind.startswith("independent"), seed)


def _cloned(dims: int, paired: bool, config: dict[str, Any], independent: bool, seed: int) -> tuple[int, float, float]:
    """Parameters of a clone, and the shares of its episodes that end in a crash, with drawn and likeliest actions."""
    rng = np.random.default_rng(seed)
    env = envs.make("gymnast/Fork-v0", DEMONSTRATIONS, dims=dims, paired=paired, trees=TREES)
    expert = fork.paired_expert if paired else fork.expert
    batch = Rollout(env, TREES, seed).collect(Stateless(lambda obs: {"action": expert(obs, rng)}))
    if independent:  # the same choices in every direction, but no longer made together
        batch.action[:] = rng.permuted(batch.action, axis=1)
    cfg = bc.Config(**config, validation=0.0, minibatch=250, lr=3e-3, hidden=(64,))
    agent = bc.Agent(env.single_observation_space, env.single_action_space, cfg, seed=seed)
    for k in range(PASSES):
        agent.update(batch, k / PASSES)
    crashes = [_crashes(agent, dims, paired, mode, seed) for mode in _MODES]
    return sum(p.numel() for p in agent.net.parameters()), *crashes  # type: ignore[return-value]


_MODES: tuple[Mode, Mode] = ("sample", "best")


def _crashes(agent: bc.Agent, dims: int, paired: bool, mode: Mode, seed: int) -> float:
    env = envs.make("gymnast/Fork-v0", COPIES, dims=dims, paired=paired, trees=TREES)

    ended = Rollout(env, 4 * TREES, seed + 1).collect(agent.acting(COPIES, mode, seed)).episodes
    first = np.unique(ended.env, return_index=True)[1]  # one episode of each: crashes make room for more of them
    return float((ended.returns[first] < TREES).mean())
