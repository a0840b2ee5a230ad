"""Greedy agents are trapped by a deceptive reward; annealing epsilon from 1 to 0 frees them, a small fixed one not.

T-019, T-136: a maze whose wall is a U around the agent, open away from the goal. Coming nearer to the goal is worth 1,
going away from it costs 1, so the way out begins with losses (the grimoire's §28.3). Q-learning on a table that starts
at 0, 1000 episodes of up to 500 steps, over 10 seeds. Gamma is 0.99: at 0.95 staying in the trap is optimal here.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...core.jitted.greedy import choose
from ...core.jitted.rng import Stream, stream
from . import Finding

MAZE = (
    "..........",
    ".#######..",
    ".......#..",
    "..S....#.G",
    ".......#..",
    ".#######..",
    "..........",
)
EPISODES, LIMIT, RUNS, GAMMA, LR = 1000, 500, 10, 0.99, 0.5
SCHEDULES = {"greedy": (0.0, 0.0), "0.05 throughout": (0.05, 0.05), "1 to 0": (1.0, 0.0)}
_MOVES = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])
_WALLS = np.array([[cell == "#" for cell in row] for row in MAZE])
_START, _GOAL = (np.argwhere([[cell == mark for cell in row] for row in MAZE])[0] for mark in "SG")


def experiment(seed: int) -> Finding:
    """How often the final greedy policy arrives, how long its way is, and when it first arrived."""
    shortest = _shortest()
    curves, rows, share, length = {}, [], {}, {}
    for name, (first, last) in SCHEDULES.items():
        runs = [_run(first, last, _WALLS, _START, _GOAL, stream(seed * RUNS + r)) for r in range(RUNS)]
        arrived = np.array([x for x, _, _ in runs])
        ways = np.array([way for _, way, _ in runs])
        share[name] = (ways > 0).mean()
        length[name] = ways[ways > 0].mean() if (ways > 0).any() else np.nan
        begun = [int(x.argmax()) for x in arrived if x.any()]
        curves[name] = arrived.mean(0)
        rows.append((name, share[name], length[name], shortest, np.median(begun) if begun else np.nan))
    checks = {
        f"greedy never learns to back out ({share['greedy']:.0%} arrive)": share["greedy"] == 0,
        f"a small fixed epsilon hardly does ({share['0.05 throughout']:.0%})": share["0.05 throughout"] <= 0.2,
        f"an annealed one does ({share['1 to 0']:.0%})": share["1 to 0"] >= 0.9,
        f"and takes the shortest way ({length['1 to 0']:.1f} of {shortest} steps)": length["1 to 0"] <= shortest + 0.5,
    }

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for name, curve in curves.items():
            axes.plot(np.convolve(curve, np.ones(20) / 20, "valid"), label=name)
        axes.set(xlabel="episodes", ylabel="share of runs that arrive (mean of 20)", ylim=(-0.02, 1.02))
        axes.legend()

    columns = ("epsilon", "final policy arrives", "steps it takes", "shortest", "first arrival, episode")
    return Finding(columns, rows, checks, draw)


def _shortest() -> int:
    """Steps of the shortest way, by breadth-first search."""
    reached, border, steps = {tuple(_START)}, {tuple(_START)}, 0
    while tuple(_GOAL) not in reached:
        border = {tuple(_moved(np.array(cell), m, _WALLS)) for cell in border for m in range(4)} - reached
        reached |= border
        steps += 1
    return steps


@njit(nogil=True, cache=True)
def _moved(cell: NDArray, move: int, walls: NDArray) -> NDArray:
    to = cell + _MOVES[move]
    inside = 0 <= to[0] < walls.shape[0] and 0 <= to[1] < walls.shape[1]
    return to if inside and not walls[to[0], to[1]] else cell


@njit(nogil=True, cache=True)
def _run(
    first: float, last: float, walls: NDArray, start: NDArray, goal: NDArray, random: Stream
) -> tuple[NDArray, int, NDArray]:
    """Which episodes arrived, the steps of the final greedy policy (0: it never does), and Q."""
    q = np.zeros((walls.size, 4))
    arrived = np.zeros(EPISODES, np.bool_)
    all_available = np.zeros(0, np.int8)
    for k in range(EPISODES + 1):
        epsilon = max(first + (last - first) * k / (0.8 * EPISODES), min(first, last)) if k < EPISODES else 0.0
        cell = start
        for t in range(LIMIT):
            s = cell[0] * walls.shape[1] + cell[1]
            a = choose(q[s], all_available, 4, epsilon, random)
            to = _moved(cell, a, walls)
            reward = np.abs(goal - cell).sum() - np.abs(goal - to).sum()
            there = to[0] == goal[0] and to[1] == goal[1]
            if k == EPISODES and there:
                return arrived, t + 1, q
            if k < EPISODES:
                worth = 0.0 if there else GAMMA * q[to[0] * walls.shape[1] + to[1]].max()
                q[s, a] += LR * (reward + worth - q[s, a])
                arrived[k] |= there
            cell = to
            if there:
                break
    return arrived, 0, q
