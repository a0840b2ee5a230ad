import numpy as np
import pytest
import torch

from gymnast.core.nets.normalize import Centre, Standardize

DATA = np.random.default_rng(0).normal([3.0, -100.0], [2.0, 0.5], (1000, 2)).astype(np.float32)


@pytest.mark.parametrize("chunk", [1, 7, 250, 1000])
def test_moments_are_those_of_all_data_in_any_chunking(chunk):
    module = Standardize((2,))
    for start in range(0, 1000, chunk):
        module.update(torch.from_numpy(DATA[start : start + chunk]))
    data = DATA.astype(np.float64)
    np.testing.assert_allclose(module.mean, data.mean(0), rtol=1e-12)
    np.testing.assert_allclose(module.m2 / module.count, data.var(0), rtol=1e-9)
    expected = (data - data.mean(0)) / data.std(0)
    np.testing.assert_allclose(module(torch.from_numpy(DATA)), expected, atol=2e-4)


def test_moments_survive_a_large_offset():
    # in float32, 1e6 + x keeps a sixteenth of x; a naive sum of squares would keep nothing
    data = torch.tensor([1e6 - 1, 1e6 + 1], dtype=torch.float32).repeat(500)[:, None]
    module = Standardize((1,))
    for part in data.split(100):
        module.update(part)
    assert module.scale.item() == pytest.approx(1.0, rel=1e-6)


def test_standardised_values_are_clipped_at_ten():
    module = Standardize((1,))
    module.update(torch.tensor([[-1.0], [1.0]]))
    assert module(torch.tensor([[100.0], [-100.0], [2.0]])).flatten().tolist() == pytest.approx([10, -10, 2])


def test_a_constant_is_standardised_to_zero():
    module = Standardize((1,))
    module.update(torch.full((9, 1), 5.0))
    assert module(torch.tensor([[5.0]])).item() == 0


def test_it_is_the_identity_before_any_data():
    x = torch.tensor([[-3.0, 7.0]])
    assert torch.equal(Standardize((2,))(x), x)


def test_its_state_is_part_of_the_module():
    first, second = Standardize((2,)), Standardize((2,))
    first.update(torch.from_numpy(DATA[:500]))
    second.load_state_dict(first.state_dict())
    for module in (first, second):
        module.update(torch.from_numpy(DATA[500:]))
    assert torch.equal(first.scale, second.scale)
    assert second.count == 1000


@pytest.mark.parametrize("chunk", [1, 7, 150])
def test_the_centre_is_the_mean_image_in_any_chunking(chunk):
    images = np.random.default_rng(0).integers(0, 256, (150, 2, 3, 5), np.uint8)  # two channels of 3 x 5 pixels
    centre, unit = Centre(3, 5, 2), torch.from_numpy(images / np.float32(255))
    assert torch.equal(centre(unit), unit)
    for start in range(0, 150, chunk):
        centre.update(torch.from_numpy(images[start : start + chunk]))
    mean = images.astype(np.float64).mean(0) / 255
    np.testing.assert_allclose(centre.mean, mean.transpose(1, 2, 0), rtol=1e-12)
    np.testing.assert_allclose(centre(unit), images / 255 - mean, atol=1e-6)
