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
    out = pixels.scaled(x)
    assert torch.equal(out, x.float() * (1 / 255))
    assert out.is_contiguous(memory_format=torch.channels_last)


def test_a_part_of_a_larger_array_is_read_where_it_is():
    x = torch.randint(0, 256, (2, 4, 6, 6), dtype=torch.uint8)[:, :, 1:5, 2:6]
    assert torch.equal(pixels.scaled(x), x.float() * (1 / 255))


def test_jitted_code_equals_the_python_it_was_made_from(monkeypatch):
    x = torch.arange(2 * 4 * 3 * 3, dtype=torch.uint8).view(2, 4, 3, 3)
    expected = [pixels.scaled(x), pixels.scaled(x[:, :3].contiguous()), pixels.scaled(x.movedim(-1, 1))]
    for name in ("_scale", "_interleave"):
        monkeypatch.setattr(pixels, name, getattr(pixels, name).py_func)
    out = [pixels.scaled(x), pixels.scaled(x[:, :3].contiguous()), pixels.scaled(x.movedim(-1, 1))]
    assert all(map(torch.equal, out, expected))
