"""Mistakes with their correction in the demonstrations make better clones, until they keep them from the goal.

T-160: the way through a winding corridor, on which the clone slips in one of ten steps. On a share of the steps of a
demonstration a random action is executed, and what the expert wanted is recorded all the same (Huang, section 26.4;
Laskey et al. 2017, 1703.09327; `gymnast collect --noise`). Every clone learns from the same number of steps. Without
mistakes nothing shows the way back, and with nothing but mistakes nothing shows the rest of the way. A clone that never
slips has nothing to gain.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import envs
from ...agents import bc
from ...core.acting import Stateless, ask
from ...core.rollout.engine import Rollout
from . import Finding

SIZE = 11
WALLS = [(row, column) for row, gap in ((3, SIZE - 1), (7, 0)) for column in range(SIZE) if column != gap]
NOISE = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
LABELS, PASSES = 400, 60
SLIP, LIMIT = 0.1, 200
CLONES, COPIES = 15, 50


def experiment(seed: int) -> Finding:
    """How long clones take to the goal, by the noise in their demonstrations."""
    env = envs.make("gymnast/GridWorld-v0", COPIES, size=SIZE, walls=WALLS)
    expert = shortest(env.unwrapped.kernel.table())  # type: ignore[attr-defined]
    clones = {noise: [_cloned(expert, noise, seed, k) for k in range(CLONES)] for noise in NOISE}
    costs = {noise: [_cost(clone, seed + k) for k, clone in enumerate(found)] for noise, found in clones.items()}
    surely = {noise: float(np.mean([_cost(clone, seed, 0.0) for clone in found])) for noise, found in clones.items()}
    means = {noise: float(np.mean(found)) for noise, found in costs.items()}
    errors = {noise: float(np.std(found) / np.sqrt(CLONES)) for noise, found in costs.items()}
    own, way = _cost(expert, seed), _cost(expert, seed, 0.0)
    rows = [(noise, means[noise], errors[noise], max(costs[noise]), surely[noise]) for noise in NOISE]
    best = min(means, key=lambda noise: means[noise])

    def below(other: float) -> bool:
        return means[other] - means[best] > 3 * np.hypot(errors[best], errors[other])

    checks = {
        f"the best noise ({best:g}) lies in between": 0 < best < 1,
        f"it is better than none by three standard errors ({means[best]:.0f} steps against {means[0.0]:.0f})": below(0),
        f"and than nothing but noise ({means[1.0]:.0f})": below(1.0),
        f"a clone that never slips takes the shortest way ({way:.0f} steps) without such mistakes": surely[0.0] == way,
    }

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        axes.errorbar(NOISE, list(means.values()), list(errors.values()), fmt="o-", capsize=4, label="clone")
        axes.axhline(own, color="grey", linestyle=":", label="expert that slips as often")
        axes.set(xlabel="share of random actions in the demonstrations", ylabel=f"steps to the goal, {LIMIT} at most")
        axes.legend()

    return Finding(
        ("noise", "steps to the goal", "standard error", "worst clone", "never slipping"), rows, checks, draw
    )


def shortest(table: dict[int, dict[int, list[tuple[float, int, float, bool]]]]) -> NDArray[np.int64]:
    """(S,) the first action of a shortest way to the goal from every cell."""
    after = np.array([[table[cell][action][0][1] for action in range(4)] for cell in range(len(table))])
    distance = np.full(len(table), np.inf)
    distance[-1] = 0.0
    for _ in table:
        distance = np.minimum(distance, 1.0 + distance[after].min(1))
    return distance[after].argmin(1)


def _cloned(expert: NDArray[np.int64], noise: float, seed: int, number: int) -> NDArray[np.int64]:
    """(S,) the actions of a clone of noisy demonstrations with clean labels."""
    env = envs.make("gymnast/GridWorld-v0", 1, size=SIZE, walls=WALLS)
    rollout = Rollout(env, LABELS, seed)
    batch = rollout.collect(Stateless(partial(_slipping, expert, noise, np.random.default_rng([seed, number]))))
    batch.action[:] = batch.extras["label"]
    cfg = bc.Config(validation=0.0, minibatch=LABELS, lr=0.05, hidden=())
    agent = bc.Agent(env.single_observation_space, env.single_action_space, cfg, seed=1000 * seed + number)
    for k in range(PASSES):
        agent.update(batch, k / PASSES)
    return ask(agent.acting(SIZE * SIZE, "best"), np.arange(SIZE * SIZE))["action"]


def _cost(actions: NDArray[np.int64], seed: int, slip: float = SLIP) -> float:
    """Mean number of steps to the goal, with slips on the way."""
    env = envs.make("gymnast/GridWorld-v0", COPIES, size=SIZE, walls=WALLS)
    act = partial(_slipping, actions, slip, np.random.default_rng([seed, 0, 1]))
    batch = Rollout(env, LIMIT, seed).collect(Stateless(act))
    arrived = batch.terminated.any(0)
    return float(np.where(arrived, 1 + batch.terminated.argmax(0), LIMIT).mean())


def _slipping(
    actions: NDArray[np.int64], share: float, random: np.random.Generator, obs: NDArray
) -> dict[str, NDArray]:
    """Random actions on a share of the steps, and as "label" what it was to be."""
    label = actions[obs]
    drawn = random.integers(0, 4, len(obs))
    return {"action": np.where(random.random(len(obs)) < share, drawn, label), "label": label}
