"""Images as numbers, beside the same in torch's words."""

import pytest
import torch

from gymnast.core.nets import pixels


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("innermost", [False, True])
def test_the_jitted_pass_is_torchs_bit_for_bit(channels, innermost):
    generator = torch.Generator().manual_seed(0)
    shape = (5, 6, 7, channels) if innermost else (5, channels, 6, 7)
    x = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    x = x.movedim(-1, 1) if innermost else x
    shift = torch.rand((6, 7, channels), generator=generator)
    for out, less in ((pixels.scaled(x), torch.zeros(())), (pixels.scaled(x, shift), shift.permute(2, 0, 1))):
        assert torch.equal(out, x.float() * (1 / 255) - less)
        assert out.is_contiguous(memory_format=torch.channels_last)


def test_a_part_of_a_larger_array_is_read_where_it_is():
    x = torch.randint(0, 256, (2, 4, 6, 6), dtype=torch.uint8)[:, :, 1:5, 2:6]
    assert torch.equal(pixels.scaled(x), x.float() * (1 / 255))


def test_jitted_code_equals_the_python_it_was_made_from(monkeypatch):
    x = torch.arange(2 * 4 * 3 * 3, dtype=torch.uint8).view(2, 4, 3, 3)
    shift = torch.rand(3, 3, 4, generator=torch.Generator().manual_seed(0))

    def results():
        return [pixels.scaled(x, shift), pixels.scaled(x[:, :3].contiguous()), pixels.scaled(x.movedim(-1, 1))]

    expected = results()
    for name in ("_scale", "_interleave"):
        monkeypatch.setattr(pixels, name, getattr(pixels, name).py_func)
    assert all(map(torch.equal, results(), expected))
