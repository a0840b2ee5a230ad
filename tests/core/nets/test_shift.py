import numpy as np
import pytest
import torch
from gymnasium import spaces

from gymnast.core.nets import Encoder
from gymnast.core.nets.shift import shifted

LAST = spaces.Box(0, 255, (9, 7, 2), np.uint8)  # channels
FIRST = spaces.Box(0, 255, (2, 9, 7), np.uint8)
MOST = 2


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def stored(space, size=64):
    encoder = Encoder(space, "impala")
    space.seed(0)
    rows = [encoder.layout.batch(space.sample())[0] for _ in range(size)]
    return encoder, torch.as_tensor(np.concatenate(rows))


def crops(image):
    """Every window (H, W) of a padded image (H, W, C), by the pixels that it is moved."""
    padded = np.pad(image, ((MOST, MOST), (MOST, MOST), (0, 0)), mode="edge")
    height, width, _ = image.shape
    places = range(2 * MOST + 1)
    return {(y, x): padded[y : y + height, x : x + width] for y in places for x in places}


@pytest.mark.parametrize("space", [LAST, FIRST], ids=["last", "first"])
def test_a_moved_image_is_a_window_of_the_padded_one(space):
    """Found by trying all of them, of which each is taken by some sample."""
    encoder, obs = stored(space, 400)
    before, axis, found = obs.clone(), -1 if space is LAST else 1, []
    moved = shifted(encoder, obs, MOST, seeded())
    for one, other in zip(np.moveaxis(obs.numpy(), axis, -1), np.moveaxis(moved.numpy(), axis, -1), strict=True):
        found.append([place for place, crop in crops(one).items() if np.array_equal(crop, other)])
    assert all(len(places) == 1 for places in found)
    assert len({places[0] for places in found}) == (2 * MOST + 1) ** 2
    assert torch.equal(obs, before)


def test_the_generator_decides_and_goes_on():
    encoder, obs = stored(LAST)
    one = seeded()
    first, second = (shifted(encoder, obs, MOST, one) for _ in range(2))
    assert torch.equal(first, shifted(encoder, obs, MOST, seeded()))
    assert not torch.equal(first, second)


def test_what_is_no_image_stays():
    space = spaces.Dict(eye=LAST, place=spaces.Box(-1, 1, (3,), np.float32))
    encoder, obs = stored(space)
    before, after = encoder.layout.view(obs), encoder.layout.view(shifted(encoder, obs, MOST, seeded()))
    place, eye = (part.name for part in sorted(encoder.layout.parts, key=lambda part: len(part.shape)))
    assert torch.equal(before[place], after[place])
    assert not torch.equal(before[eye], after[eye])
