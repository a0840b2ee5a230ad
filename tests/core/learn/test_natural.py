"""Fisher products against the explicit matrix, conjugate gradients against a dense solve, the line search by hand."""

from itertools import product

import numpy as np
import pytest
import torch
from gymnasium import spaces

from gymnast.core.learn.natural import conjugate_gradient, fisher, gradient, line_search
from gymnast.core.nets import ActorCritic, ActorCriticConfig

SEEN = spaces.Box(-2, 2, (3,), np.float32)
BOX = spaces.Box(-1, 1, (2,), np.float32)
COUNTABLE = {
    "discrete": (SEEN, spaces.Discrete(3)),
    "multidiscrete": (SEEN, spaces.MultiDiscrete([3, 2])),
    "multibinary": (SEEN, spaces.MultiBinary(3)),
    "masked": (spaces.Dict(action_mask=spaces.MultiBinary(3), seen=SEEN), spaces.Discrete(3)),
    "masks": (spaces.Dict(action_mask=spaces.MultiBinary(5), seen=SEEN), spaces.MultiDiscrete([3, 2])),
}
MASKS = torch.tensor([[1, 0, 1, 1, 1], [0, 1, 1, 0, 1], [1, 1, 1, 1, 1], [0, 1, 0, 1, 0]])


def policy(obs, action, sde=False):
    """A distribution for four states, and the parameters behind it."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = ActorCritic(obs, action, ActorCriticConfig(hidden=(4,), policy_gain=1.0, sde=sde))
        seen = torch.randn(4, *net.encoder.layout.shape).numpy()
    if isinstance(obs, spaces.Dict):
        width = obs["action_mask"].n
        rows = [
            {"action_mask": m[:width].numpy().astype(np.int8), "seen": s[-3:]} for m, s in zip(MASKS, seen, strict=True)
        ]
        seen = np.stack([net.encoder.layout.batch(row)[0][0] for row in rows])
    pi, _ = net.policy(torch.as_tensor(seen))
    parameters = [*net.policy_trunk.parameters(), *net.policy_head.parameters()]
    return pi, parameters


def matrix(pi, parameters, damping=0.0):
    """F, column by column."""
    times = fisher(pi, parameters, damping)
    return torch.stack([times(column) for column in torch.eye(sum(p.numel() for p in parameters))], 1)


def actions(space):
    """All of them."""
    match space:
        case spaces.Discrete():
            return torch.arange(int(space.n))
        case spaces.MultiDiscrete():
            return torch.tensor(list(product(*map(range, space.nvec))))
        case _:
            return torch.tensor(list(product([0, 1], repeat=space.n)))


@pytest.mark.parametrize("kind", COUNTABLE)
def test_fisher_is_the_mean_of_the_squared_score_over_all_actions(kind):
    obs, action = COUNTABLE[kind]
    pi, parameters = policy(obs, action)
    assert ("mask" in kind) == any(torch.isinf(x).any() for x in pi.parameters())
    expected = 0.0
    for a in actions(action):
        logp = pi.log_prob(a.expand(4, *a.shape))
        for b in torch.isfinite(logp).nonzero().ravel():
            score = gradient(logp[b], parameters, keep=True)
            expected = expected + logp[b].exp().detach() * torch.outer(score, score) / 4
    torch.testing.assert_close(matrix(pi, parameters), expected, rtol=1e-4, atol=1e-6)


def derivative(x, parameters):
    parts = torch.autograd.grad(x, parameters, retain_graph=True, materialize_grads=True)
    return torch.cat([part.flatten() for part in parts])


@pytest.mark.parametrize("sde", [False, True])
def test_fisher_of_a_gaussian_is_that_of_its_mean_and_deviation(sde):
    pi, parameters = policy(SEEN, BOX, sde)
    mean, log_std = pi.parameters()
    expected = 0.0
    for b in range(4):
        for d in range(2):
            # of N(m, s^2): 1 / s^2 in m and 2 in log s
            by_mean, by_log_std = (derivative(x[b, d], parameters) for x in (mean, log_std))
            variance = (2 * log_std[b, d]).exp().detach()
            expected = expected + torch.outer(by_mean, by_mean) / variance + 2 * torch.outer(by_log_std, by_log_std)
    torch.testing.assert_close(matrix(pi, parameters), expected / 4, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [*COUNTABLE, "box", "sde"])
def test_fisher_is_the_curvature_of_the_kl_divergence(kind):
    obs, action = COUNTABLE.get(kind, (SEEN, BOX))
    pi, parameters = policy(obs, action, kind == "sde")
    frozen, _ = policy(obs, action, kind == "sde")
    slope = torch.autograd.grad(detached(frozen).kl(pi).mean(), parameters, create_graph=True)
    slope = torch.cat([x.flatten() for x in slope])
    hessian = torch.stack([gradient(x, parameters, keep=True) for x in slope])
    torch.testing.assert_close(matrix(pi, parameters), hessian, rtol=1e-4, atol=1e-5)


def detached(pi):
    if hasattr(pi, "parts"):
        return type(pi)(tuple(map(detached, pi.parts)))
    return type(pi)(*(x.detach() for x in pi))


def test_damping_adds_to_the_diagonal():
    pi, parameters = policy(SEEN, BOX)
    plain, damped = matrix(pi, parameters), matrix(pi, parameters, 0.5)
    torch.testing.assert_close(damped - plain, 0.5 * torch.eye(len(plain)), rtol=1e-5, atol=1e-5)


def test_conjugate_gradients_solve_what_a_dense_solver_does():
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(8, 8, dtype=torch.float64, generator=generator)
    a, b = root @ root.T + torch.eye(8), torch.randn(8, dtype=torch.float64, generator=generator)
    x, curvature = conjugate_gradient(lambda v: a @ v, b, 20)
    torch.testing.assert_close(x, torch.linalg.solve(a, b), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(curvature, x @ a @ x, rtol=1e-4, atol=1e-5)


def test_conjugate_gradients_need_one_product_per_eigenvalue():
    calls = []

    def times(v):
        calls.append(v)
        return torch.tensor([1.0, 1.0, 5.0, 5.0]) * v

    x, _ = conjugate_gradient(times, torch.ones(4), 20)
    torch.testing.assert_close(x, torch.tensor([1.0, 1.0, 0.2, 0.2]))
    assert len(calls) == 2


def test_a_truncated_solution_has_its_own_curvature():
    a, b = torch.diag(torch.tensor([1.0, 2.0, 3.0])), torch.tensor([1.0, 1.0, 1.0])
    x, curvature = conjugate_gradient(lambda v: a @ v, b, 1)
    # one step along b of length b.b / b.Ab = 3 / 6, whose x.Ax is 6 / 4
    torch.testing.assert_close(x, b / 2)
    torch.testing.assert_close(curvature, torch.tensor(1.5))


def test_nothing_solves_for_nothing():
    x, curvature = conjugate_gradient(lambda v: v, torch.zeros(3), 5)
    assert not x.any()
    assert curvature == 0


def test_a_line_search_takes_the_first_step_that_is_accepted():
    vector = torch.tensor([1.0])
    # 1 + 4, 1 + 2 and 1 + 1 are tried
    assert line_search(vector, torch.tensor([4.0]), lambda: vector.item() <= 2, 0.5, 10) == 2
    assert vector.item() == 2


def test_a_failed_line_search_changes_no_bit():
    vector = torch.rand(100)
    before = vector.clone()
    assert line_search(vector, torch.rand(100), lambda: False, 0.8, 10) is None
    assert torch.equal(vector, before)
