"""From an observation of any supported space to one vector of features."""

from collections.abc import Callable
from math import prod
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from gymnasium import spaces
from torch import Tensor, nn

from ..errors import UsageError
from ..spaces.layout import Layout, Part
from ..spaces.tokens import Tokens
from .cnn import impala_cnn, nature_cnn, small_cnn
from .config import Cnn
from .normalize import Centre, Standardize
from .pixels import scaled

_CNNS: dict[str, Callable[[int, int, int], nn.Module]] = {
    "nature": nature_cnn,
    "small": small_cnn,
    "impala": impala_cnn,
}
_CNN_FEATURES = {"nature": 512, "small": 256, "impala": 256}
_SMALLEST = {"nature": 36, "small": 20, "impala": 1}  # pixels: below it the last convolution has nothing to see


class Encoder(nn.Module):
    """Features (B, `size`) of stored observations (B, *layout.shape).

    Images (uint8 Box of rank 3) go through a CNN, in bfloat16 if so asked; other Boxes are flattened, Discrete and
    MultiDiscrete become one-hot, and the parts of a Dict or Tuple are concatenated. With `standardize`, Boxes are
    standardised by what `update` has seen, and images lose its mean. A Dict's `action_mask` is not a feature: `mask`
    returns it.
    """

    def __init__(
        self, space: spaces.Space[Any], cnn: Cnn = "nature", standardize: bool = False, bfloat16: bool = False
    ) -> None:
        super().__init__()
        self._autocast = bfloat16
        self.layout = Layout(space)
        if isinstance(space, Tokens) and type(self) is Encoder:
            raise UsageError("only algorithms that learn policies read texts: lm, grpo, ppo, a2c, reinforce, trpo, bc")
        self._features = [part for part in self.layout.parts if part is not self.layout.mask]
        if not self._features:
            raise UsageError("the observation consists of an action mask alone; a policy needs something to see")
        self.cnns, self.standardizers = nn.ModuleDict(), nn.ModuleDict()
        self.size = 0
        for part in self._features:
            key = _key(part)
            if _is_image(part):
                height, width, channels = _pixels(part)
                self.cnns[key], size = _cnn(height, width, channels, cnn)
                self.size += size
                if standardize:
                    self.standardizers[key] = Centre(height, width, channels)
                continue
            if standardize and isinstance(part.space, spaces.Box):
                self.standardizers[key] = Standardize(part.shape)
            self.size += _width(part)

        plain = isinstance(self.layout.space, spaces.Box) and not self.cnns and not self.standardizers
        self.identity = plain and self.layout.dtype == np.float32
        """Whether the features are the observation's numbers as they are."""

    def forward(self, obs: Tensor) -> Tensor:
        if self.identity:
            return obs if obs.ndim == 2 else obs.reshape(obs.shape[0], -1)
        parts = self.layout.view(obs)
        features = [self._encode(part, parts[part.name]) for part in self._features]
        return features[0] if len(features) == 1 else torch.cat(features, -1)

    def mask(self, obs: Tensor) -> Tensor | None:
        """(B, A) nonzero where an action is available; None if the environment gives no mask."""
        part = self.layout.mask
        return None if part is None else self.layout.view(obs)[part.name]

    def images(self, obs: Tensor) -> list[Tensor]:
        """The images (B, C, H, W) in stored observations, as views of these."""
        parts = self.layout.view(obs)
        return [_planes(part, parts[part.name]) for part in self._features if _is_image(part)]

    def update(self, obs: Tensor) -> None:
        """Take stored observations (B, *layout.shape) into the running standardisation."""
        if self.standardizers:
            parts = self.layout.view(obs)
            for part in self._features:
                if _key(part) in self.standardizers:
                    x = parts[part.name]
                    cast(Standardize | Centre, self.standardizers[_key(part)]).update(_planes(part, x))

    def _encode(self, part: Part, x: Tensor) -> Tensor:
        key = _key(part)
        if key in self.cnns:
            x = scaled(_planes(part, x))
            if key in self.standardizers:
                x = self.standardizers[key](x)
            with torch.autocast(x.device.type, torch.bfloat16, enabled=self._autocast):
                features: Tensor = self.cnns[key](x)
                return features.float()
        match part.space:
            case spaces.Discrete():
                return F.one_hot(x - int(part.space.start), int(part.space.n)).float()
            case spaces.MultiDiscrete():
                nvec, start = part.space.nvec.flatten(), part.space.start.flatten()
                columns = zip((x.flatten(1)).unbind(-1), nvec, start, strict=True)
                return torch.cat([F.one_hot(c - int(s), int(n)) for c, n, s in columns], -1).float()
        if key in self.standardizers:
            x = self.standardizers[key](x.float())
        return x.float().reshape(x.shape[0], -1)


def _key(part: Part) -> str:
    """Name of a part's module, and none that modules use themselves."""
    return f"obs/{part.name}" if part.path else "obs"


def _is_image(part: Part) -> bool:
    return isinstance(part.space, spaces.Box) and part.dtype == "uint8" and len(part.shape) == 3


def _channels_last(part: Part) -> bool:
    return part.shape[-1] <= part.shape[0]


def _pixels(part: Part) -> tuple[int, int, int]:
    """Height, width and channels of an image."""
    first, second, third = part.shape
    return (first, second, third) if _channels_last(part) else (second, third, first)


def _planes(part: Part, x: Tensor) -> Tensor:
    """Images (B, C, H, W) of an image's part; another part as it is."""
    return x.movedim(3, 1) if _is_image(part) and _channels_last(part) else x


def _cnn(height: int, width: int, channels: int, cnn: Cnn) -> tuple[nn.Module, int]:
    """The encoder of an image, and how many features it gives."""
    if min(height, width) < _SMALLEST[cnn]:
        cnn = "impala"  # the only one that takes images of any size
    return _CNNS[cnn](channels, height, width), _CNN_FEATURES[cnn]


def _width(part: Part) -> int:
    match part.space:
        case spaces.Discrete():
            return int(part.space.n)
        case spaces.MultiDiscrete():
            return int(part.space.nvec.sum())
    return prod(part.shape)
