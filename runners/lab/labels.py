"""DAgger needs the expert's labels: with the learner's own nothing is corrected, and the cost stays that of a clone.

T-158: a tightrope that slips in one of 20 steps, learned in rounds that begin with demonstrations by who never
slips. One learner is told what the expert would do where it has been, another (as the method is sometimes printed)
takes down what it did itself. How far the states visited are from those learned from is their total variation.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import envs
from ...agents import dagger
from ...core.acting import Stateless, ask
from ...core.rollout.engine import Rollout
from ...envs.native import tightrope
from . import Finding
from .horizon import cost

LENGTH, PLACES, SLIP = 40, 20, 0.05
ROUNDS, COPIES = 8, 20


def experiment(seed: int) -> Finding:
    """Costs and distances of both, round by round."""
    told, own = (_rounds(labels_of, seed) for labels_of in ("expert", "own"))
    rows = [(k, *a, *b) for k, (a, b) in enumerate(zip(told, own, strict=True))]
    slips = SLIP * LENGTH
    checks = {
        f"told by the expert, the cost falls to the slips alone ({told[-1][0]:.2f}, slips {slips:.2f})": told[-1][0]
        < 1.15 * slips,
        f"with its own labels it stays where cloning left it ({own[0][0]:.1f}, then {own[-1][0]:.1f})": own[-1][0]
        > 0.9 * own[0][0],
        f"a clone visits other states than it learned from (distance {told[0][1]:.2f})": told[0][1] > 0.3,
        f"told by the expert it comes to visit what it learned from ({told[-1][1]:.2f})": told[-1][1] < 0.15,
    }

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        for name, found in (("the expert's labels", told), ("its own labels", own)):
            left.plot([a for a, _ in found], "o-", label=name)
            right.plot([b for _, b in found], "o-", label=name)
        left.axhline(slips, color="grey", linestyle=":", label="slips alone")
        left.set(xlabel="round", ylabel="mistakes per episode")
        right.set(xlabel="round", ylabel="distance of states visited from states learned from", ylim=(0, 1))
        left.legend()

    columns = ("round", "cost, expert's", "distance", "cost, own", "distance, own")
    return Finding(columns, rows, checks, draw)


def _rounds(labels_of: str, seed: int) -> list[tuple[float, float]]:
    """After each round: the cost, and how far the states that the learner visits are from those it learned from."""
    demonstrated, slippery, elsewhere = (
        envs.make("gymnast/Tightrope-v0", COPIES, length=LENGTH, places=PLACES, slip=slip) for slip in (0.0, SLIP, SLIP)
    )
    cfg = dagger.Config(hidden=(), lr=0.05, minibatch=200, epochs=10, horizon=LENGTH)
    agent = dagger.Agent(slippery.single_observation_space, slippery.single_action_space, cfg, seed=seed)
    places = np.arange(1 + PLACES)
    found = []
    rollouts = [Rollout(env, LENGTH, seed) for env in (demonstrated, slippery)]
    acting = agent.acting(COPIES, seed=seed)
    for k in range(ROUNDS):
        if k == 0 or labels_of == "expert":
            agent.expert = lambda obs: {"action": tightrope.expert(obs)}
        else:
            agent.expert = lambda obs: {"action": ask(agent.acting(len(obs), "best"), obs)["action"]}
        agent.update(rollouts[min(k, 1)].collect(acting), k / ROUNDS)
        actions = ask(agent.acting(len(places), "best"), places)["action"]
        visited = Rollout(elsewhere, LENGTH, seed + k).collect(Stateless(partial(_take, actions)))
        distance = _distance(visited.obs[:-1].ravel(), agent.data["obs"].numpy())
        found.append((cost(actions, LENGTH, seed, SLIP, 1000), distance))
    return found


def _take(actions: NDArray[np.int64], obs: NDArray) -> dict[str, NDArray]:
    return {"action": actions[obs]}


def _distance(visited: NDArray, learned: NDArray) -> float:
    """Total variation between the shares of places."""
    shares = [np.bincount(x, minlength=1 + PLACES) / len(x) for x in (visited, learned)]
    return 0.5 * float(np.abs(shares[0] - shares[1]).sum())
