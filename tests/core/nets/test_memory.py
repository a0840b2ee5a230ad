"""Memories by themselves: one step after another, whole pieces, and gradients, all alike; episodes that are apart."""

import pytest
import torch
from torch import nn

from gymnast.core.nets import attention, memory
from gymnast.core.nets.attention import WindowAttention
from gymnast.core.nets.memory import Gated, Memory, MinGRU, compiled_recurrence, packed, recurrence

FEATURES, WIDTH = 5, 8
KINDS = {
    "mingru": lambda: MinGRU(FEATURES, WIDTH),
    "mingru, readable": lambda: MinGRU(FEATURES, WIDTH, twins=False),
    "gru": lambda: Gated(FEATURES, WIDTH, nn.GRU),
    "lstm": lambda: Gated(FEATURES, WIDTH, nn.LSTM),
    "attention": lambda: WindowAttention(FEATURES, WIDTH, window=4),
    "attention to the present": lambda: WindowAttention(FEATURES, WIDTH, window=1),
}
each = pytest.mark.parametrize("kind", KINDS)
shapes = pytest.mark.parametrize(("steps", "copies"), [(7, 3), (1, 4), (12, 1)])


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def one(kind):
    memory = KINDS[kind]()
    memory.begin()
    for weight in memory.parameters():
        nn.init.normal_(weight, std=0.5)
    return memory


def piece(memory, steps, copies, share=0.3):
    """x, what was remembered before, and which steps begin an episode."""
    x = torch.randn(steps, copies, FEATURES)
    _, state = memory.scan(
        torch.randn(6, copies, FEATURES), torch.zeros(copies, memory.size), torch.zeros(6, copies) > 0
    )
    return x.requires_grad_(), state.detach(), torch.rand(steps, copies) < share


def stepwise(memory, x, state, first):
    rows = []
    for t in range(len(x)):
        y, state = memory.step(x[t], state, first[t])
        rows.append(y)
    return torch.stack(rows), state


@each
@shapes
def test_a_scan_is_one_step_after_another_and_so_are_its_gradients(kind, steps, copies):
    memory = one(kind)
    x, state, first = piece(memory, steps, copies)
    state.requires_grad_()
    leaves = [x, state, *memory.parameters()]
    outcomes = [form(x, state, first) for form in (memory.scan, lambda *given: stepwise(memory, *given))]
    factors = [torch.randn_like(part) for part in outcomes[0]]
    for one_part, other in zip(*outcomes, strict=True):
        torch.testing.assert_close(one_part, other, rtol=0, atol=1e-12)
    grads = [
        torch.autograd.grad(sum((f * y).sum() for f, y in zip(factors, out, strict=True)), leaves, allow_unused=True)
        for out in outcomes
    ]
    for one_grad, other in zip(*grads, strict=True):
        assert (one_grad is None) == (other is None)
        if one_grad is not None:
            torch.testing.assert_close(one_grad, other, rtol=0, atol=1e-10)


@each
def test_gradients_are_finite_differences(kind):
    memory = one(kind)
    x, state, first = piece(memory, 4, 2)
    assert torch.autograd.gradcheck(lambda x: memory.scan(x, state, first)[0], (x,))


def test_second_derivatives_of_the_compiled_scan_are_those_of_the_readable_one():
    keep, new, state = (torch.rand(shape).requires_grad_() for shape in ((5, 2, 3), (5, 2, 3), (2, 3)))
    first = torch.rand(5, 2) < 0.3
    from_scan = [_second(form, keep, new, first, state) for form in (compiled_recurrence, recurrence)]
    for one_grad, other in zip(*from_scan, strict=True):
        torch.testing.assert_close(one_grad, other)


def test_an_edited_recurrence_is_the_one_that_runs(monkeypatch):
    given = torch.rand(4, 2, FEATURES), torch.zeros(2, WIDTH), torch.zeros(4, 2) > 0
    gated = one("mingru")
    before, _ = gated.scan(*given)
    monkeypatch.setattr(memory, "recurrence", lambda keep, new, first, state: new + 1)
    assert not torch.allclose(gated.scan(*given)[0], before)


def _second(form, keep, new, first, state):
    grads = torch.autograd.grad(form(keep, new, first, state).square().sum(), (keep, new, state), create_graph=True)
    return torch.autograd.grad(sum(grad.square().sum() for grad in grads), (keep, new, state))


@each
def test_a_piece_cut_in_two_that_goes_on_is_the_whole_piece(kind):
    memory = one(kind)
    x, state, first = piece(memory, 9, 3)
    whole, after = memory.scan(x, state, first)
    head, between = memory.scan(x[:4], state, first[:4])
    tail, end = memory.scan(x[4:], between, first[4:])
    torch.testing.assert_close(torch.cat([head, tail]), whole)
    torch.testing.assert_close(end, after)


@each
def test_what_was_before_an_episode_does_not_matter(kind):
    memory = one(kind)
    x, state, first = piece(memory, 6, 2)
    first[3] = True
    y, _ = memory.scan(x, state, first)
    other = x.detach().clone()
    other[:3] += 1.0
    changed, _ = memory.scan(other, state + (0 if kind.startswith("attention") else 1), first)
    torch.testing.assert_close(changed[3:], y[3:])
    assert not torch.allclose(changed[:3], y[:3])


@each
def test_environments_do_not_see_each_other(kind):
    memory = one(kind)
    x, state, first = piece(memory, 6, 4)
    order = torch.tensor([2, 0, 3, 1])
    y, after = memory.scan(x, state, first)
    moved, end = memory.scan(x[:, order], state[order], first[:, order])
    torch.testing.assert_close(moved, y[:, order])
    torch.testing.assert_close(end, after[order])


@each
def test_what_is_remembered_matters(kind):
    memory = one(kind)
    x, state, first = piece(memory, 3, 2, share=0)
    y, after = memory.scan(x, state, first)
    again, _ = memory.scan(x, torch.zeros_like(state), first)
    assert torch.allclose(y, again) == (kind == "attention to the present")
    assert after.shape == state.shape


def test_attention_forgets_what_is_beyond_its_window():
    memory = one("attention")
    x, state, first = piece(memory, 9, 1, share=0)
    y, _ = memory.scan(x, state, first)
    other = x.detach().clone()
    other[4] += 1.0
    changed, _ = memory.scan(other, state, first)
    differs = (changed != y).any(-1)[:, 0].tolist()
    assert differs == [False] * 4 + [True] * 4 + [False]


def test_attention_takes_long_pieces_block_by_block(monkeypatch):
    gated = one("attention")
    x, state, first = piece(gated, 11, 2)
    whole, end = gated.scan(x, state, first)
    monkeypatch.setattr(attention, "_BLOCK", 1)
    again, after = gated.scan(x, state, first)
    torch.testing.assert_close(again, whole)
    torch.testing.assert_close(after, end)


def test_parts_of_episodes_are_packed_the_longest_first():
    first = torch.tensor([[1, 0], [0, 0], [1, 0], [0, 1]], dtype=torch.bool)
    order, sizes, begin, last = packed(first)
    assert sizes.tolist() == [4, 3, 1]  # parts of 3, 2, 2 and 1 steps
    assert order.tolist() == [4, 0, 2, 7, 5, 1, 3, 6]
    assert begin.tolist() == [4, 0, 2, 7]
    assert last.tolist() == [2, 3]


def test_every_kind_is_a_memory():
    assert all(isinstance(make(), Memory) for make in KINDS.values())
