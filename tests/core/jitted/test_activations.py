"""Jitted activations and their derivatives beside torch's."""

import numpy as np
import pytest
import torch

from gymnast.core.jitted import activations

X = np.concatenate([np.linspace(-12, 12, 10_001), [0.0, 1e-8, -1e-4, 50.0, -1e30]]).astype(np.float32)


def test_tanh_is_that_of_torch():
    x = X.copy()
    activations.apply(x, False)
    np.testing.assert_allclose(x, torch.tanh(torch.from_numpy(X)).numpy(), rtol=5e-7, atol=1e-12)


def test_what_is_no_number_stays_none():
    for relu in (False, True):
        x = np.array([np.nan], np.float32)
        activations.apply(x, relu)
        assert np.isnan(x).all()


@pytest.mark.parametrize("relu", [False, True])
def test_the_way_back_is_torchs_gradient(relu):
    x, grad = torch.tensor(X, requires_grad=True), np.linspace(-1, 2, len(X), dtype=np.float32)
    y = torch.relu(x) if relu else torch.tanh(x)
    y.backward(torch.from_numpy(grad))
    activations.back(y.detach().numpy(), relu, grad)
    np.testing.assert_allclose(grad, x.grad.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("relu", [False, True])
def test_jitted_code_equals_the_python_it_was_made_from(relu):
    y, grad = np.tanh(X[::500]), X[::500] / 3
    expected = grad.copy()
    activations.back_through.py_func(y, len(y), relu, expected)
    activations.back(y, relu, grad)
    np.testing.assert_allclose(grad, expected, rtol=1e-5, atol=1e-6)
