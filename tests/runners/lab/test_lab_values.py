"""What the lab says of learning values."""

from importlib import import_module

import numpy as np
import pytest

from gymnast.runners.lab import deceptive, polyak, stability
from probes import SEED


def held(name):
    finding = import_module(f"gymnast.runners.lab.{name}").experiment(SEED)
    assert finding.held, finding.checks


@pytest.mark.learns
@pytest.mark.parametrize("name", ["overestimate", "deceptive", "kl_forms", "length_bias"])
def test_it_holds(name):
    held(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stability", "polyak", "offpolicy"])
def test_it_holds_where_networks_learn(name):
    held(name)


def test_the_way_round_the_trap_is_the_shortest():
    # 2 back out, 3 up, 9 across, 3 down
    assert deceptive._shortest() == 2 + 3 + 9 - 2 + 2 + 3


def test_the_chain_without_a_target_diverges_when_arithmetic_says_so():
    # |1 - 1.2 * 1.99|^n > 10^6 from n = ln 10^6 / ln 1.388 = 42.1 on
    assert stability._chain(1, 1.0) == 43
    assert stability._chain(10, 1.0) == np.inf


def test_half_lives_are_whole_steps():
    # 0.9^6 = 0.53, 0.9^7 = 0.478
    assert polyak._half_life(0.9) == 7
    assert polyak._half_life(0.0) == 0
