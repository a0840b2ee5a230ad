"""The saved state of a rollout that was made up: each array is held to its own shape and type before loops go on."""

import numpy as np
import pytest
from gymnasium import spaces

from gymnast.core.errors import UsageError
from gymnast.core.rollout.engine import Rollout
from probes import clocks

ARRAYS = ("obs", "first", "return_so_far", "length_so_far", "dead")
DAMAGE = {
    "fewer": lambda x: x[:-1],
    "more": lambda x: np.concatenate([x, x]),
    "another axis": lambda x: x[..., None],
    "one for all": lambda x: x[:1],
    "another type": lambda x: x.astype(np.float64 if x.dtype != np.float64 else np.float32),
    "a list": lambda x: x.tolist(),
    "nothing": lambda x: None,
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_of_another_shape_or_type_is_refused(name, damage):
    rollout = Rollout(clocks("3|", "5|"), 4)
    state = rollout.state()
    rollout.load_state(state)
    with pytest.raises(ValueError, match=f"^{name} of the saved rollout is"):
        rollout.load_state(state | {name: DAMAGE[damage](state[name])})


@pytest.mark.parametrize("wrong", [2, -1, 2**40])
def test_an_observation_in_no_space_is_refused(wrong):
    rollout = Rollout(clocks("3|", "5|", action_space=spaces.Discrete(2)), 4)
    state = rollout.state()
    with pytest.raises(UsageError, match=r"^the saved state of environment 1 is (nan|inf)"):
        rollout.load_state(state | {"obs": np.stack([state["obs"][0], np.full_like(state["obs"][1], np.nan)])})
