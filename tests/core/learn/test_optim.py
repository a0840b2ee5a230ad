import pytest
import torch
from torch import nn

from gymnast.core.learn.optim import Adam, RMSprop, flatten, scheduled


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def batches(count):
    return torch.randn(count, 8, 3, generator=torch.Generator().manual_seed(1)) * 10


def test_a_limit_on_gradients_that_is_changed_holds_from_then_on():
    module = net()
    optimizer = Adam(module.parameters(), max_grad_norm=None)
    optimizer.max_grad_norm = 0.5
    optimizer.flat.grad.fill_(1.0)
    optimizer.descend(0.01)
    first = optimizer.state()["exp_avg"]
    torch.testing.assert_close(first.norm(), torch.tensor(0.1 * 0.5), rtol=1e-4, atol=0)  # a tenth of what was cut


def test_schedules_by_hand():
    assert [scheduled(8.0, "constant", p) for p in (0, 0.5, 1)] == [8, 8, 8]
    assert [scheduled(8.0, "linear", p) for p in (0, 0.25, 1)] == [8, 6, 0]


def test_flattening_changes_no_weight():
    plain, flat = net(), net()
    flatten(flat.parameters())
    for a, b in zip(plain.parameters(), flat.parameters(), strict=True):
        assert torch.equal(a, b)


def test_parameters_are_views_of_the_vector_both_ways():
    module = net()
    flat = flatten(module.parameters())
    with torch.no_grad():
        flat[0] = 7.0
        module[2].bias[-1] = 9.0
    assert module[0].weight[0, 0] == 7
    assert flat[-1] == 9


def test_gradients_are_views_of_the_vectors_gradient():
    module = net()
    flat = flatten(module.parameters())
    module(batches(1)[0]).square().sum().backward()
    expected = torch.cat([p.grad.flatten() for p in module.parameters()])
    assert torch.equal(flat.grad, expected)
    assert flat.grad.any()


@pytest.mark.parametrize("max_grad_norm", [None, 0.5, 1e6])
def test_it_equals_torch_adam_after_clip_grad_norm_step_by_step(max_grad_norm):
    ours, theirs = net(), net()
    optimizer = Adam(ours.parameters(), eps=1e-5, max_grad_norm=max_grad_norm)
    reference = torch.optim.Adam(theirs.parameters(), eps=1e-5)
    for k, x in enumerate(batches(30)):
        lr = 0.01 / (k + 1)
        norm = optimizer.step(ours(x).square().mean(), lr)
        reference.zero_grad()
        theirs(x).square().mean().backward()
        limit = torch.inf if max_grad_norm is None else max_grad_norm
        expected = nn.utils.clip_grad_norm_(theirs.parameters(), limit)
        reference.param_groups[0]["lr"] = lr
        reference.step()
        torch.testing.assert_close(norm, expected)
        for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_it_equals_torchs_adamw_with_another_memory_of_gradients_and_weights_that_shrink():
    ours, theirs = net(), net()
    optimizer = Adam(ours.parameters(), beta1=0.5, weight_decay=0.1)
    reference = torch.optim.AdamW(theirs.parameters(), lr=0.02, betas=(0.5, 0.999), weight_decay=0.1)
    for x in batches(20):
        optimizer.step(ours(x).square().mean(), 0.02)
        reference.zero_grad()
        theirs(x).square().mean().backward()
        reference.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_gradients_do_not_add_up_over_steps():
    module = net()
    optimizer = Adam(module.parameters())
    x = batches(1)[0]
    norms = [optimizer.step(module(x).square().mean(), lr=0.0).item() for _ in range(3)]
    assert norms[0] == norms[1] == norms[2]


@pytest.mark.parametrize("before", [0, 5])
def test_a_restored_optimiser_continues_exactly(before):
    first, second = net(), net()
    one, two = Adam(first.parameters()), Adam(second.parameters())
    xs = batches(10)
    for x in xs[:before]:
        one.step(first(x).square().mean(), 0.01)
    second.load_state_dict(first.state_dict())
    two.load_state({name: value.numpy() for name, value in one.state().items()})
    for x in xs[before:]:
        one.step(first(x).square().mean(), 0.01)
        two.step(second(x).square().mean(), 0.01)
    assert torch.equal(one.flat, two.flat)


def test_a_state_does_not_change_when_the_optimiser_goes_on():
    module = net()
    optimizer = Adam(module.parameters())
    x = batches(1)[0]
    optimizer.step(module(x).square().mean(), 0.01)
    state = optimizer.state()
    before = {name: value.clone() for name, value in state.items()}
    optimizer.step(module(x).square().mean(), 0.01)
    assert all(torch.equal(state[name], before[name]) for name in before)


def test_rmsprop_by_hand():
    weight = nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = RMSprop([weight], eps=0.1, decay=0.9)
    first = optimizer.step((weight * torch.tensor([3.0, 4.0])).sum(), lr=0.5)
    assert first.item() == 5
    # the running mean starts at 1: m = 0.9 + 0.1 * (9, 16) = (1.8, 2.5)
    expected = torch.tensor([1 - 0.5 * 3 / 1.9**0.5, -2 - 0.5 * 4 / 2.6**0.5])
    torch.testing.assert_close(weight.detach(), expected)
    optimizer.step((weight * torch.tensor([1.0, 0.0])).sum(), lr=0.5)
    # m = 0.9 * 1.8 + 0.1 * 1 = 1.72
    torch.testing.assert_close(weight.detach(), expected - torch.tensor([0.5 / 1.82**0.5, 0.0]))


def test_rmsprop_clips_the_norm_first():
    weight = nn.Parameter(torch.zeros(2))
    norm = RMSprop([weight], eps=0.0, max_grad_norm=1.0, decay=0.0).step((weight * torch.tensor([3.0, 4.0])).sum(), 0.1)
    assert norm.item() == 5
    torch.testing.assert_close(weight.detach(), torch.tensor([-0.1, -0.1]))  # decay 0: the sign of the gradient


def test_rmsprop_goes_on_from_a_state():
    one, other = net(), net()
    optimizers = RMSprop(one.parameters()), RMSprop(other.parameters())
    first, second = batches(2)
    optimizers[0].step(one(first).square().mean(), 1e-2)
    other.load_state_dict(one.state_dict())
    optimizers[1].load_state(optimizers[0].state())
    for module, optimizer in zip((one, other), optimizers, strict=True):
        optimizer.step(module(second).square().mean(), 1e-2)
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("kind", [Adam, RMSprop])
def test_every_gradient_passes_one_funnel_on_its_way_to_a_step(kind):
    """Two machines that share gradients 2 and 4 step along 3, as one that had it."""
    ends = []
    for mine, reduce in ((3.0, None), (2.0, lambda gradient: gradient.add_(4.0).div_(2.0))):
        weight = torch.nn.Parameter(torch.zeros(1))
        optimizer = kind([weight])
        if reduce:
            optimizer.reduce = reduce
        optimizer.step(mine * weight.sum(), 0.1)
        ends.append(weight.item())
    assert ends[0] == ends[1] != 0
