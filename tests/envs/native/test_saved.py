"""A saved state that was made up: each check of it has to be the one that refuses, for the loops have no bounds."""

import numpy as np
import pytest

from gymnast.envs import native


def put(*place):
    """Damage that writes a value into the first copy, at a place of its row if there is one."""

    def damage(value):
        def changed(array):
            array[(0, *place)] = value
            return array

        return changed

    return damage


SHAPE = [lambda x: x[:-1], lambda x: x[None], lambda x: x.astype(np.float32)]
GENERATORS, TIMES, BOUNDS, FINITE, PLACE = (
    "the saved generators are none",
    "the saved times are negative",
    "the saved state is out of bounds",
    "the saved state is not finite",
    "the saved state .* is not in Discrete",
)
# Which environment, which array, how it is damaged, and what the error then says.
DAMAGE = [
    *(("CartPole-v1", name, damage, f"saved '{name}' is") for name in ("state", "elapsed", "rng") for damage in SHAPE),
    *(("CartPole-v1", "ended", damage, "saved 'ended' is") for damage in SHAPE),
    ("CartPole-v1", "rng", put(3)(2), GENERATORS),  # an even increment
    ("CartPole-v1", "rng", put(4)(2), GENERATORS),  # neither with a spare number nor without
    ("CartPole-v1", "rng", put(5)(1 << 32), GENERATORS),  # a spare number of 33 bits
    ("CartPole-v1", "elapsed", put()(-1), TIMES),
    *(("FrozenLake-v1", "state", put(0)(x), PLACE) for x in (16, -1, 1e9, -(2.0**31))),
    *(("FrozenLake-v1", "state", put(0)(x), FINITE) for x in (np.nan, np.inf)),
    ("Taxi-v4", "state", put(1)(np.nan), FINITE),
    ("gymnast/Tightrope-v0", "state", put(1)(1e6), PLACE),
    *(("gymnast/GridGoals-v0", "state", put(k)(x), BOUNDS) for k in range(4) for x in (0.0, 1e6, np.nan)),
    *(("gymnast/PointMaze-v0", "state", put(k)(x), BOUNDS) for k in range(6) for x in (-1e6, 1e6, np.nan)),
    *(("gymnast/RepeatFirst-v0", "state", put(k)(x), BOUNDS) for k in range(8) for x in (-2.0, 1e6, np.nan)),
    # from which no number of whole turns leads back
    *(("Acrobot-v1", "state", put(k)(x), BOUNDS) for k in range(4) for x in (-1e300, 1e300, np.inf, np.nan)),
]


@pytest.mark.parametrize(("name", "part", "damage", "said"), DAMAGE)
def test_a_state_that_no_environment_has_saved_is_refused_and_touches_nothing(name, part, damage, said):
    env = native.make(name, 2)
    env.reset(seed=0)
    before = env.get_state()
    env.set_state(before)
    with pytest.raises(ValueError, match=said):
        env.set_state({**before, part: damage(before[part].copy())})
    for array, old in zip(env.get_state().values(), before.values(), strict=True):
        np.testing.assert_array_equal(array, old)


def test_states_of_long_play_are_sound():
    for name in ("Acrobot-v1", "gymnast/PointMaze-v0", "gymnast/GridGoals-v0", "Taxi-v4", "gymnast/RepeatPrevious-v0"):
        env = native.make(name, 8)
        env.reset(seed=0)
        env.action_space.seed(0)
        for _ in range(200):
            env.step(env.action_space.sample())
            env.set_state(env.get_state())
