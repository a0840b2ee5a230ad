"""Negative controls of what takes minutes: where the numbers of its runs contradict a claim, its check fails.

The runs are too long to be sabotaged themselves: DQN, TRPO and clones have to learn before there is anything to
compare. So their numbers are made up, and the checks judge these.
"""

from importlib import import_module

import pytest

from gymnast.runners.lab import collapse, fork, horizon, labels, noise, offpolicy, polyak, shift, stability
from gymnast.runners.lab._learning import Watched


def verdicts(module):
    return module.experiment(0).checks


def verdict(module, words):
    (check,) = [true for sentence, true in verdicts(module).items() if words in sentence]
    return check


def watched(level, peak=1.0, steps=100, seconds=1.0):
    return Watched([steps] * 40, [level] * 40, peak, seconds)


LEVELS = {"replay and target": (100, 1), "replay alone": (90, 9), "target alone": (30, 1), "neither": (20, 9)}
SLOW = {0.0: (50, 9), 0.9: (60, 5), 0.99: (70, 2), 0.999: (20, 1)}
FAST = {"dqn": (10, 10), "ppo": (40, 4), "a2c": (50, 5)}  # steps and seconds
MISTAKES = {0.0: 40, 0.05: 35, 0.1: 30, 0.2: 28, 0.4: 30, 0.6: 40, 0.8: 60, 1.0: 100}
APART = {"cloning": [0.5] * 8, "DAgger": [0.5, 0.4, 0.3, 0.25, 0.2, 0.16, 0.14, 0.12]}
LABELS = {"expert": [(23, 0.6), (2, 0.05)], "own": [(23, 0.6), (23, 0.05)]}  # cost and distance, by round
COURSES = {"reinforce 0.3": (10, 9), "trpo 1": (10, 9), "trpo 0.01 0": (90, 0.02), "trpo 0.01": (100, 0.005)}
CRASHES = {
    ("1", "plain"): (1, 1),
    ("1", "squashed"): (1, 1),
    ("1", "mixture 2"): (0, 0),
    ("1", "autoregressive"): (0, 0),
    ("3", "mixture 2"): (1, 1),
    ("3", "mixture 4"): (1, 1),
    ("3", "mixture 16"): (0.3, 0),
    ("3", "autoregressive"): (0.1, 0),
    ("3 paired", "independent bins"): (0.8, 0.8),
    ("3 paired", "autoregressive"): (0.1, 0.1),
}


def clone_cost(length):
    return sum(horizon.SLIP * (1 - horizon.SLIP) ** k * (length - k) for k in range(length))


def told_cost(length):
    return horizon.SLIP * length


def stage(patch, name, made_up):
    """Put numbers in the place of an experiment's runs; `made_up` is like the table above for that experiment."""
    if name == "stability":
        patch.setattr(stability, "_dqn", lambda parts, seed: watched(*made_up[_named(parts)]))
    if name == "polyak":
        patch.setattr(polyak, "_dqn", lambda kappa, seed: watched(*made_up[kappa]))
    if name == "offpolicy":
        patch.setattr(offpolicy, "_run", lambda algo, seed: watched(-90, 1.0, *made_up[algo]))
    if name == "noise":
        patch.setattr(noise, "CLONES", 3)
        patch.setattr(noise, "_cloned", lambda expert, share, seed, number: share)
        patch.setattr(noise, "_cost", lambda who, seed, slip=noise.SLIP: _steps(made_up, who, seed, slip))
    if name == "shift":
        decays = {decay: key for key, decay in shift._DECAY.items()}
        patch.setattr(shift, "_rounds", lambda decay, seed: made_up[decays[decay]])
        patch.setattr(shift, "_floor", lambda seed: 0.1)
    if name == "fork":
        patch.setattr(fork, "_rows", lambda seed: ((*key, 1, *shares) for key, shares in made_up.items()))
    if name == "labels":
        patch.setattr(labels, "_rounds", lambda labels_of, seed: made_up[labels_of])
    if name == "horizon":
        patch.setattr(horizon, "_learned", lambda length, slip, rounds, seed: rounds > 1)
        patch.setattr(horizon, "cost", lambda told, length, seed: made_up[bool(told)](length))
    if name == "collapse":
        patch.setattr(collapse, "_run", lambda algo, agent, seed: _course(made_up, algo, agent))


def _named(parts):
    return next(name for name, own in stability.PARTS.items() if own == parts)


def _steps(made_up, who, seed, slip):
    if slip == 0:
        return made_up.get("surely", 20) if isinstance(who, float) else 20
    return made_up[who] + 0.1 * (seed % 3) if isinstance(who, float) else 25


def _course(made_up, algo, agent):
    step = agent["lr"] if algo == "reinforce" else agent["delta"]
    key = f"{algo} {step:g}{' 0' if agent.get('line_search_steps') == 0 and step == 0.01 else ''}"
    last, kl = made_up.get(key, (90, 0.005))
    return [100.0, float(last)], [kl, kl]


GOOD = {
    "stability": LEVELS,
    "polyak": SLOW,
    "offpolicy": FAST,
    "noise": MISTAKES,
    "shift": APART,
    "fork": CRASHES,
    "labels": LABELS,
    "horizon": {False: clone_cost, True: told_cost},
    "collapse": COURSES,
}
MODULES = {name: import_module(f"gymnast.runners.lab.{name}") for name in GOOD}


@pytest.mark.parametrize("name", GOOD)
def test_numbers_as_the_claim_has_them_pass(monkeypatch, name):
    stage(monkeypatch, name, GOOD[name])
    checks = verdicts(MODULES[name])
    assert all(checks.values()), checks


WRONG = [
    ("stability", {"neither": (90, 9)}, "earns more than with neither"),
    ("stability", {"target alone": (120, 1)}, "more than without replay"),
    ("stability", {"replay alone": (90, 1)}, "its largest |Q| is below"),
    ("polyak", {0.99: (70, 9)}, "|Q| is lower with 0.99"),
    ("polyak", {0.999: (80, 1)}, "0.999 is slower"),
    ("offpolicy", {"ppo": (9, 4)}, "fewer steps than PPO"),
    ("offpolicy", {"a2c": (9, 4)}, "fewer steps than A2C"),
    ("offpolicy", {"dqn": (10, 0.1)}, "a step of DQN costs more time"),
    ("noise", {0.0: 20}, "lies in between"),
    ("noise", {0.0: 28.1}, "better than none"),
    ("noise", {1.0: 28.1}, "nothing but noise"),
    ("noise", {"surely": 21}, "never slips takes the shortest way"),
    ("shift", {"cloning": [0.2] * 8}, "a clone visits other states"),
    ("shift", {"cloning": [0.5] * 7 + [0.15]}, "it still does"),
    ("shift", {"DAgger": [*APART["DAgger"][:7], 0.3]}, "falls to less than twice"),
    ("shift", {"DAgger": [*APART["DAgger"][:7], 0.15]}, "falls in every round"),
    ("fork", {("1", "plain"): (1, 0.5)}, "one Gaussian hits"),
    ("fork", {("1", "squashed"): (1, 0.5)}, "Gaussian within the bounds"),
    ("fork", {("1", "mixture 2"): (0.1, 0)}, "a mixture of 2 crashes"),
    ("fork", {("1", "autoregressive"): (0.1, 0)}, "as do autoregressive"),
    ("fork", {("3", "mixture 4"): (1, 0.1)}, "a mixture of 2 or 4 hits"),
    ("fork", {("3", "mixture 16"): (0.3, 0.2)}, "a mixture of 16 does not"),
    ("fork", {("3", "autoregressive"): (0.4, 0)}, "drawn from the bins crash less"),
    ("fork", {("3 paired", "independent bins"): (0.3, 0.3)}, "independent bins fail"),
    ("fork", {("3 paired", "autoregressive"): (0.5, 0.5)}, "less than half as often"),
    ("horizon", {False: lambda length: 1.5 * clone_cost(length)}, "the predicted one"),
    ("horizon", {False: told_cost}, "log-log is about 2"),
    ("horizon", {True: clone_cost}, "DAgger's is about 1"),
    ("labels", {"expert": [(23, 0.6), (23, 0.05)]}, "falls to the slips alone"),
    ("labels", {"own": [(23, 0.6), (2, 0.05)]}, "it stays where cloning left it"),
    ("labels", {"expert": [(23, 0.1), (2, 0.05)]}, "a clone visits other states"),
    ("labels", {"expert": [(23, 0.6), (2, 0.3)]}, "comes to visit"),
    ("collapse", {"reinforce 0.3": (90, 9)}, "most runs of REINFORCE"),
    ("collapse", {"trpo 1": (90, 9)}, "and of the natural gradient"),
    ("collapse", {"trpo 0.01": (10, 0.005)}, "no run of TRPO"),
    ("collapse", {"trpo 0.01": (100, 0.02)}, "no update of TRPO"),
    ("collapse", {"trpo 0.01 0": (90, 0.005)}, "where nobody checks"),
    ("collapse", {"reinforce 0.3": (100, 9)}, "TRPO ends above"),
]


@pytest.mark.parametrize(("name", "changed", "words"), WRONG, ids=[f"{name}-{words}" for name, _, words in WRONG])
def test_numbers_against_the_claim_fail_its_check(monkeypatch, name, changed, words):
    stage(monkeypatch, name, GOOD[name] | changed)
    assert not verdict(MODULES[name], words)


@pytest.mark.parametrize(
    ("target", "as_if", "words"),
    [("none", (10, 1.0), "without a target the chain"), ("copy every 10", (1, 1.0), "any of the three")],
)
def test_a_chain_with_another_target_fails_what_is_said_of_it(monkeypatch, target, as_if, words):
    stage(monkeypatch, "stability", LEVELS)
    monkeypatch.setitem(stability.TARGETS, target, as_if)
    assert not verdict(stability, words)


def test_a_half_life_that_is_too_long_fails_its_check(monkeypatch):
    stage(monkeypatch, "polyak", SLOW)
    monkeypatch.setattr(polyak, "_half_life", lambda kappa: int(2 / (1 - kappa)) if kappa else 0)
    assert not verdict(polyak, "half-life is")
