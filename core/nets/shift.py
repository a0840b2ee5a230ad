"""Images moved by a few pixels at random, so that what is learned of them does not depend on the place of each."""

import torch
from torch import Generator, Tensor

from .encoder import Encoder


def shifted(encoder: Encoder, obs: Tensor, most: int, generator: Generator) -> Tensor:
    """Stored observations (B, *layout.shape), the images of each moved by up to `most` pixels in both directions.

    All channels of a sample's image move alike, frames of a stack too. At its border an image is continued by its last
    pixels (Kostrikov et al. 2020, arXiv:2004.13649, DrQ).
    """
    out = obs.clone()
    for image in encoder.images(out):
        image.copy_(_moved(image, most, generator))
    return out


def _moved(image: Tensor, most: int, generator: Generator) -> Tensor:
    """Images (B, C, H, W), each seen through a window at another place of the padded image."""
    size, channels, height, width = image.shape
    across = torch.randint(2 * most + 1, (2, size, 1), generator=generator, device=image.device) - most
    rows, columns = (
        (torch.arange(length, device=image.device) + by).clamp(0, length - 1)
        for length, by in zip((height, width), across, strict=True)
    )
    sample = torch.arange(size, device=image.device)[:, None, None, None]
    channel = torch.arange(channels, device=image.device)[:, None, None]
    return image[sample, channel, rows[:, None, :, None], columns[:, None, None, :]]
