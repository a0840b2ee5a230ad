from itertools import pairwise

import numpy as np
import pytest
import torch

from gymnast.agents import dagger
from gymnast.core.rollout import policy
from gymnast.core.rollout.noise import Coloured, Held

CPU = torch.device("cpu")
CORRELATION = {
    "red": lambda t: 0.85**t,
    "pink": lambda t: np.mean([np.exp(-t / memory) for memory in (0.5, 2, 8, 32, 128, 512)]),
}


def nothing(envs):
    return np.zeros(envs, np.bool_)


def steps(noise, envs, count):
    """Numbers (count, envs, ...) of successive steps of one episode."""
    random = torch.Generator().manual_seed(0)
    return torch.stack([noise.step(nothing(envs), random) for _ in range(count)]).numpy()


@pytest.mark.parametrize("color", CORRELATION)
def test_coloured_noise_is_stationary_with_the_autocorrelation_that_is_known(color):
    drawn = steps(Coloured(color, 20_000, 1, CPU), 20_000, 30)[..., 0]
    # correlations of 20 000 pairs have a standard error of at most 0.007, variances of 0.01
    np.testing.assert_allclose(drawn[[0, 1, 29]].var(1), 1.0, atol=0.05)
    for begin, t in ((0, 1), (0, 4), (0, 29), (12, 1), (12, 9)):
        assert (drawn[begin] * drawn[begin + t]).mean() == pytest.approx(CORRELATION[color](t), abs=0.04)


def test_components_and_environments_are_independent():
    drawn = steps(Coloured("pink", 20_000, 2, CPU), 20_000, 2)[-1]
    assert (drawn[:, 0] * drawn[:, 1]).mean() == pytest.approx(0, abs=0.04)
    assert (drawn[1:, 0] * drawn[:-1, 0]).mean() == pytest.approx(0, abs=0.04)


def test_the_power_of_pink_noise_is_one_over_the_frequency():
    """By the spectrum of what is added up, between periods of 3 and 1000 steps."""
    frequency = np.geomspace(1 / 1000, 1 / 3, 100)
    kept = Coloured("pink", 1, 1, CPU)._kept.numpy().reshape(-1, 1)
    power = ((1 - kept**2) / (1 + kept**2 - 2 * kept * np.cos(2 * np.pi * frequency))).sum(0)
    slope, level = np.polyfit(np.log(frequency), np.log(power), 1)
    assert slope == pytest.approx(-1, abs=0.05)
    np.testing.assert_allclose(np.log(power), slope * np.log(frequency) + level, atol=0.2)


def test_an_episode_knows_nothing_of_the_noise_before_it():
    noise, random, envs = Coloured("red", 20_000, 1, CPU), torch.Generator().manual_seed(0), 20_000
    before = noise.step(nothing(envs), random)
    first = np.arange(envs) % 2 == 0
    products = (before * noise.step(first, random)).numpy()[:, 0]
    assert products[first].mean() == pytest.approx(0, abs=0.04)
    assert products[~first].mean() == pytest.approx(0.85, abs=0.05)


def test_matrices_are_held_for_so_many_steps_and_no_longer_than_an_episode():
    noise, random = Held(3, 2, (4, 1), CPU), torch.Generator().manual_seed(0)
    ends = {4: np.array([True, False])}
    drawn = [noise.step(ends.get(t, nothing(2)), random)[:, 0, 0].tolist() for t in range(9)]
    one, other = ([a == b for a, b in pairwise(numbers)] for numbers in zip(*drawn, strict=True))
    assert one == [True, True, False, False, True, True, False, True]
    assert other == [True, True, False, True, True, False, True, True]


def test_matrices_can_last_as_long_as_the_episode():
    drawn = steps(Held(None, 2, (4, 1), CPU), 2, 100)
    assert (drawn == drawn[0]).all()
    assert (drawn[0, 0] != drawn[0, 1]).all()


@pytest.mark.parametrize("make", [lambda: Coloured("pink", 3, 2, CPU), lambda: Held(5, 3, (4, 2), CPU)])
def test_noise_goes_on_from_its_state_bit_for_bit(make):
    one, other, random = make(), make(), torch.Generator().manual_seed(0)
    for _ in range(3):
        one.step(nothing(3), random)
    other.load_state(one.state())
    again = torch.Generator()
    again.set_state(random.get_state())
    for _ in range(4):
        assert torch.equal(one.step(nothing(3), random), other.step(nothing(3), again))


@pytest.mark.parametrize("noise", [Coloured("pink", 2, 3, CPU), Held(4, 2, (5, 3), CPU)], ids=["coloured", "held"])
def test_a_state_of_other_environments_is_refused(noise):
    noise.step(nothing(2), torch.Generator().manual_seed(0))
    state = noise.state()
    noise.load_state(state)
    for name, value in state.items():
        with pytest.raises(ValueError, match=rf"noise/{name} is of shape"):
            noise.load_state({**state, name: value[:1]})


@pytest.mark.parametrize("drawn", [np.zeros((3, 5, 2)), np.zeros((2, 5)), np.full((2, 5, 2), np.nan)])
def test_saved_matrices_of_other_environments_are_refused(drawn):
    with pytest.raises(ValueError, match="not of 2 environments"):
        policy._Noise(2).load_state({"drawn": drawn.astype(np.float32), "age": 1, "rollout": 0})


@pytest.mark.parametrize("left", [("obs",), ("obs", "action")])
def test_saved_labels_that_are_no_columns_are_refused(left):
    columns = {"obs": np.zeros((4, 3)), "action": np.zeros(3)}
    with pytest.raises(ValueError, match="no columns of one length"):
        dagger.Labels(CPU).load_state({name: columns[name] for name in left})
