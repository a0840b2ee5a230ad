"""Formulas that kernels share, against torch."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gymnast.core.heads.distributions import Gaussian
from gymnast.core.jitted.formulas import exponentials, gaussian_logp, huber, log_softmax


def test_a_gaussians_log_density_is_that_of_the_distribution():
    for z, log_std in ((0.0, 0.0), (1.5, -0.7), (-2.0, 0.3)):
        pi = Gaussian(torch.tensor([[1.0]]), torch.tensor([[log_std]]))
        action = torch.tensor([[1.0 + z * np.exp(log_std)]])
        assert gaussian_logp(z, log_std) == pytest.approx(pi.log_prob(action).item(), rel=1e-5)


@pytest.mark.parametrize("logits", [[0.5, -1.0, 2.0], [1e4, 1e4 - 1.0], [3.0]], ids=str)
def test_log_probabilities_are_normalised_without_overflow(logits):
    x, logp = np.array(logits, np.float32), np.empty(len(logits))
    entropy = log_softmax(x, logp)
    expected = torch.tensor(logits, dtype=torch.float64).log_softmax(0)
    np.testing.assert_allclose(logp, expected, rtol=1e-5, atol=1e-6)
    assert entropy == pytest.approx(-(expected.exp() * expected).sum().item(), rel=1e-5, abs=1e-6)
    top, total = exponentials(x)
    assert top + np.log(total) == pytest.approx(np.logaddexp.reduce(np.array(logits)), rel=1e-6)


@pytest.mark.parametrize("error", [0.0, 0.3, -1.0, 1.0, 2.5, -7.0])
def test_hubers_loss_and_its_slope_are_torchs(error):
    x = torch.tensor(error, dtype=torch.float64, requires_grad=True)
    expected = F.huber_loss(x, torch.zeros((), dtype=torch.float64))
    expected.backward()
    assert huber(error) == pytest.approx((expected.item(), x.grad.item()))
