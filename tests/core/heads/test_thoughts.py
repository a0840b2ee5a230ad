import pytest
import torch
from gymnasium import spaces

from gymnast.core import heads
from gymnast.core.heads.thoughts import thoughts_of

BOX = spaces.Box(-2, 2, (3,))
SEEN = {
    "discrete": (spaces.Discrete(4), "plain", {"action probability": (5, 4)}),
    "box": (BOX, "plain", {"mean action": (5, 3), "std": (5, 3)}),
    "squashed": (BOX, "squashed", {"mean action": (5, 3), "std": (5, 3)}),
    "mixture": (BOX, "mixture", {"mean action": (5, 3)}),
    "autoregressive": (BOX, "autoregressive", {"mean action": (5, 3)}),
    "several": (spaces.MultiDiscrete([2, 3]), "plain", {}),
}


@pytest.mark.parametrize("name", SEEN)
def test_every_head_has_thoughts_of_its_kind(name):
    space, kind, shapes = SEEN[name]
    pi = heads.head(8, space, kind=kind)(torch.randn(5, 8))
    assert {name: tuple(x.shape) for name, x in thoughts_of(pi).items()} == shapes
