import numpy as np
import pytest
import torch

from gymnast.core.learn.divergence import divergence

F = {
    "forward_kl": lambda x: x * np.log(x),
    "reverse_kl": lambda x: -np.log(x),
    "jensen_shannon": lambda x: 0.5 * (x * np.log(x) - (1 + x) * np.log((1 + x) / 2)),
    "total_variation": lambda x: 0.5 * np.abs(x - 1),
}


@pytest.mark.parametrize("kind", F)
def test_each_is_the_mean_of_f_of_the_ratio_under_q(kind):
    random = np.random.default_rng(0)
    p, q = random.dirichlet(np.ones(4), (2, 5))
    found = divergence(kind, torch.tensor(p), torch.tensor(q).log())
    np.testing.assert_allclose(found, (q * F[kind](p / q)).sum(-1), rtol=1e-9)


@pytest.mark.parametrize("kind", F)
def test_it_is_0_for_equals_and_finite_with_a_finite_gradient_where_one_is_impossible(kind):
    p = torch.tensor([[1.0, 0.0], [0.3, 0.7]])
    logits = torch.tensor([[0.0, 50.0], [0.0, 0.0]], requires_grad=True)
    distance = divergence(kind, p, logits.log_softmax(-1))
    distance.sum().backward()
    assert torch.isfinite(distance).all()
    assert torch.isfinite(logits.grad).all()
    assert divergence(kind, p[1:], p[1:].log()).item() == pytest.approx(0, abs=1e-6)
