"""A clone visits other states than it learned from; under DAgger the two come together, round by round.

T-159: CartPole, shown by an expert whose actions are always carried out; those of the learner are lost to a random one
in three of ten steps (Huang, section 26.3). One learner gets more of the same demonstrations in every round, the other
as many labels on the states that it visits itself. How far the states visited are from those learned from is the
maximum mean discrepancy (Gretton et al. 2012) with a Gaussian kernel.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import envs
from ...agents import dagger
from ...core.acting import Act, Stateless, ask
from ...core.rollout.engine import Rollout
from . import Finding

SLIP = 0.3
ROUNDS, COPIES, HORIZON = 8, 20, 25
LEARNERS = 5
EPISODES, STEPS, SAMPLE = 50, ROUNDS * HORIZON, 1000


def experiment(seed: int) -> Finding:
    """Distances of both, round by round, and of the states of an expert that slips from themselves."""
    seeds = range(100 * seed, 100 * seed + LEARNERS)
    found = {name: np.array([_rounds(decay, s) for s in seeds]) for name, decay in _DECAY.items()}
    clone, told = (found[name].mean(0) for name in ("cloning", "DAgger"))
    error = found["DAgger"].std(0) / np.sqrt(LEARNERS)
    floor = float(np.mean([_floor(s) for s in seeds]))
    rows = [(k + 1, (k + 1) * COPIES * HORIZON, float(clone[k]), float(told[k])) for k in range(ROUNDS)]
    checks = {
        f"a clone visits other states than it learned from ({clone[0]:.2f}, sampling alone gives {floor:.2f})": clone[0]
        > 3 * floor,
        f"with {ROUNDS} times as many demonstrations it still does ({clone[-1]:.2f})": clone[-1] > 2 * floor,
        f"under DAgger the distance falls to less than twice what sampling gives ({told[-1]:.2f})": told[-1]
        < 2 * floor,
        "it falls in every round, as far as chance allows": bool(
            (np.diff(told) < 2 * np.hypot(error[1:], error[:-1])).all()
        ),
    }

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for name, x in found.items():
            axes.errorbar(
                range(1, ROUNDS + 1), x.mean(0), x.std(0) / np.sqrt(LEARNERS), fmt="o-", capsize=4, label=name
            )
        axes.axhline(floor, color="grey", linestyle=":", label="sampling alone")
        axes.set(xlabel="round", ylabel="distance of states visited from states learned from", ylim=(0, None))
        axes.legend()

    return Finding(("round", "labels", "cloning", "DAgger"), rows, checks, draw)


_DECAY = {"cloning": 1.0, "DAgger": 0.0}  # decay of the expert's share of the steps, from round to round


def expert(obs: NDArray) -> NDArray[np.int64]:
    """Pushes the cart under the pole, and both to the middle."""
    x, x_dot, angle, angle_dot = obs.T
    return (angle + 0.3 * angle_dot + 0.05 * x + 0.1 * x_dot > 0).astype(np.int64)


def _expert(obs: NDArray) -> dict[str, NDArray]:
    return {"action": expert(obs)}


def _rounds(decay: float, seed: int) -> list[float]:
    """After each round: how far the states that the learner visits are from those that it learned from."""
    shown, slippery = (Rollout(envs.make("CartPole-v1", COPIES), HORIZON, seed + k) for k in range(2))
    cfg = dagger.Config(
        hidden=(32,), lr=3e-3, minibatch=100, epochs=10, horizon=HORIZON, beta="exponential", beta_decay=decay
    )
    spaces = shown.env.single_observation_space, shown.env.single_action_space
    agent = dagger.Agent(*spaces, cfg, seed=seed)
    agent.expert = _expert
    found = []
    acting = agent.acting(COPIES, seed=seed)
    slipping = Stateless(partial(_slipping, partial(ask, acting), np.random.default_rng(seed)))
    for k in range(ROUNDS):
        demonstrated = k == 0 or decay == 1.0
        agent.update(shown.collect(acting) if demonstrated else slippery.collect(slipping), k / ROUNDS)
        best = partial(ask, agent.acting(EPISODES, "best"))
        found.append(discrepancy(_visited(best, seed), agent.data["obs"].numpy(), seed))
    return found


def _floor(seed: int) -> float:
    """The same distance between two samples of the states of an expert that slips."""
    rollout = Rollout(envs.make("CartPole-v1", COPIES), ROUNDS * HORIZON, seed)
    seen = rollout.collect(Stateless(partial(_slipping, _expert, np.random.default_rng(seed)))).obs[:-1].reshape(-1, 4)
    return discrepancy(_visited(_expert, seed), seen, seed)


def _visited(act: Act, seed: int) -> NDArray:
    """States (B, 4) that are visited in so many steps."""
    rollout = Rollout(envs.make("CartPole-v1", EPISODES), STEPS, seed + 50)
    slipping = Stateless(partial(_slipping, act, np.random.default_rng([seed, 1])))
    return rollout.collect(slipping).obs[:-1].reshape(-1, 4)


def _slipping(act: Act, random: np.random.Generator, obs: NDArray) -> dict[str, NDArray]:
    """The answers of `act`, with random actions in place of some."""
    out = act(obs)
    drawn = random.integers(0, 2, len(obs))
    return {**out, "action": np.where(random.random(len(obs)) < SLIP, drawn, out["action"])}


def discrepancy(a: NDArray, b: NDArray, seed: int) -> float:
    """MMD of two samples (N, D), (M, D), or of parts of them: sqrt(E k(a, a') + E k(b, b') - 2 E k(a, b)).

    The kernel is exp(-d^2 / m^2), with distances d in standard deviations of `a` and m their median within it.
    """
    random = np.random.default_rng(seed)
    scale = a.std(0)
    a, b = (x[random.choice(len(x), min(len(x), SAMPLE), replace=False)] / scale for x in (a, b))
    squares = [np.square(x[:, None] - y[None]).sum(-1) for x, y in ((a, a), (b, b), (a, b))]
    median = np.median(squares[0][np.triu_indices(len(a), 1)])
    within_a, within_b, across = (np.exp(-square / median).mean() for square in squares)
    return float(np.sqrt(max(within_a + within_b - 2 * across, 0.0)))
