import pytest
import torch

from gymnast.core.nets.batch_renorm import BatchRenorm, training

EPSILON = 1e-3


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def normalised(x):
    """(..., B, F) by the moments of the batch."""
    return (x - x.mean(-2, keepdim=True)) / (x.var(-2, correction=0, keepdim=True) + EPSILON).sqrt()


def warm(width, *count, mean=0.0, variance=1.0):
    """A layer that has seen enough batches to be corrected, with these running moments."""
    norm = BatchRenorm(width, *count)
    norm.passes.fill_(100_000)
    norm.mean.fill_(mean)
    norm.variance.fill_(variance)
    return norm


def test_it_begins_as_batch_normalisation():
    x, norm = 3 * random(2, 50, 4) + 1, BatchRenorm(4, 2)
    with training(norm):
        torch.testing.assert_close(norm(x), normalised(x))


def test_running_moments_take_over_a_hundredth_of_each_batch():
    x, norm = 3 * random(50, 4) + 1, BatchRenorm(4)
    with training(norm):
        norm(x)
        norm(x)
    share = 1 - 0.99**2
    torch.testing.assert_close(norm.mean[0], share * x.mean(0))
    torch.testing.assert_close(norm.variance[0], 1 - share + share * x.var(0, correction=0))
    assert norm.passes == 2


def test_later_rows_are_normalised_by_running_moments_alone():
    norm = warm(2, mean=0.5, variance=4.0)
    x = random(6, 2)
    torch.testing.assert_close(norm.eval()(x), (x - 0.5) / (4 + EPSILON) ** 0.5)
    torch.testing.assert_close(norm(x)[:1], norm(x[:1]))
    assert norm.passes == 100_000


def test_a_corrected_batch_is_normalised_by_running_moments_too():
    """That is what r and d are for, as long as they are not cut."""
    norm, x = warm(3, mean=0.3, variance=0.8), random(64, 3)
    expected = (x - 0.3) / (0.8 + EPSILON) ** 0.5
    with training(norm):
        torch.testing.assert_close(norm(x), expected)


def test_r_and_d_are_cut():
    norm = warm(2)
    x = torch.tensor([[0.0, 20.0], [20.0, 20.2]])  # means 10 and 20.1, deviations 10 and 0.1
    with training(norm):
        out = norm(x)
    torch.testing.assert_close(out, normalised(x) * torch.tensor([3.0, 1 / 3]) + 5.0)


def test_no_gradient_passes_through_r_and_d():
    """By hand: they are constants, while mean and deviation of the batch are not."""
    x = random(8, 3).double().requires_grad_()
    norm = warm(3, mean=0.3, variance=0.8).double()
    deviation = (x.detach().var(0, correction=0) + EPSILON).sqrt()
    r, d = deviation / (0.8 + EPSILON) ** 0.5, (x.detach().mean(0) - 0.3) / (0.8 + EPSILON) ** 0.5
    (expected,) = torch.autograd.grad((normalised(x) * r + d).pow(3).sum(), x)
    with training(norm):
        (found,) = torch.autograd.grad(norm(x).pow(3).sum(), x)
    torch.testing.assert_close(found, expected)
    assert found.sum(0).abs().max() < 1e-9  # moving all rows moves nothing, which with running moments it would


def test_layers_side_by_side_are_apart():
    both, x = BatchRenorm(3, 2), random(2, 9, 3)
    with torch.no_grad():
        both.weight.copy_(random(2, 1, 3, seed=1))
        both.bias.copy_(random(2, 1, 3, seed=2))
    for _ in range(2):
        with training(both):
            out = both(x)
        for k in range(2):
            alone = BatchRenorm(3)
            alone.weight.data, alone.bias.data = both.weight[k].detach(), both.bias[k].detach()
            with training(alone):
                torch.testing.assert_close(alone(x[k]), out[k])


def test_features_that_all_layers_see_are_of_one_batch():
    both, x = BatchRenorm(3, 2), random(9, 3)
    with training(both):
        torch.testing.assert_close(both(x), normalised(x).expand(2, -1, -1))
    torch.testing.assert_close(both.mean, 0.01 * x.mean(0).expand(2, 1, 3))


@pytest.mark.parametrize("passes", [0, 100_000])
def test_a_restored_layer_goes_on_bit_for_bit(passes):
    first, second = warm(4, 2, mean=0.1, variance=0.5), BatchRenorm(4, 2)
    first.passes.fill_(passes)
    with training(first):
        first(random(2, 7, 4))
    second.load_state_dict({name: value.clone() for name, value in first.state_dict().items()})
    with training(first), training(second):
        assert torch.equal(first(random(2, 7, 4, seed=1)), second(random(2, 7, 4, seed=1)))
    assert torch.equal(first.eval()(random(2, 7, 4)), second.eval()(random(2, 7, 4)))


def test_training_ends_with_the_batch_whatever_happens():
    norm = BatchRenorm(2).eval()
    with training(norm):
        assert norm.training
    assert not norm.training
    with pytest.raises(RuntimeError), training(norm):
        norm(torch.zeros(4, 3))  # of another width
    assert not norm.training
