"""Muon beside Adam, saved and taken up again."""

import numpy as np
import pytest
import torch
from torch import nn

from gymnast.core.learn.muon import MuonAdam

pytestmark = pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this torch has no Muon")


def made(device="cpu"):
    matrix, other = nn.Parameter(torch.ones(8, 4, device=device)), nn.Parameter(torch.ones(5, device=device))
    return matrix, other, MuonAdam([matrix], [other], 1.0)


def saved():
    """What a checkpoint gives: arrays, after one step."""
    matrix, other, optimizer = made()
    optimizer.step(matrix.sum().square() + other.sum(), 1e-2)
    state = optimizer.state()
    return {"adam": state["adam"], "momentum": [momentum.numpy() for momentum in state["momentum"]]}


def test_what_was_saved_goes_to_the_device_of_the_weights():
    matrix, _, optimizer = made("meta")  # which stands for any that is not the CPU
    optimizer.load_state(saved())
    assert optimizer.muon.state[matrix]["momentum_buffer"].device == matrix.device


def test_what_was_saved_is_copied():
    state = saved()
    matrix, _, optimizer = made()
    optimizer.load_state(state)
    expected = state["momentum"][0].copy()
    state["momentum"][0][:] = 0
    assert np.array_equal(optimizer.muon.state[matrix]["momentum_buffer"].numpy(), expected)
    assert expected.any()


@pytest.mark.parametrize(
    "momentum",
    [
        [np.zeros((8, 4))],
        [np.zeros((8, 4), np.int64)],
        [np.zeros((4, 8), np.float32)],
        [],
        [np.zeros((8, 4), "f4")] * 2,
    ],
)
def test_what_was_saved_of_other_matrices_is_refused(momentum):
    with pytest.raises(ValueError, match=r"momentum of|argument"):
        made()[2].load_state(saved() | {"momentum": momentum})
