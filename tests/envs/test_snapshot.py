import json
import math
from collections import deque
from contextlib import closing

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import RecordEpisodeStatistics, TimeAwareObservation

from gymnast.core.errors import UsageError
from gymnast.envs import make
from gymnast.envs.snapshot import restore, snapshot


def through_a_file(tree):
    """What a checkpoint does: arrays apart, everything else through JSON."""
    arrays = []

    def out(node):
        if isinstance(node, np.ndarray):
            assert node.dtype.kind in "biuf"
            arrays.append(node)
            return {"__array__": len(arrays) - 1}
        if isinstance(node, dict):
            return {key: out(value) for key, value in node.items()}
        return [out(item) for item in node] if isinstance(node, list) else node

    def back(node):
        if isinstance(node, dict):
            return arrays[node["__array__"]] if "__array__" in node else {k: back(v) for k, v in node.items()}
        return [back(item) for item in node] if isinstance(node, list) else node

    return back(json.loads(json.dumps(out(tree), allow_nan=False)))


def play(env, steps, rng):
    record = []
    for _ in range(steps):
        low = env.single_action_space
        if isinstance(low, gym.spaces.Discrete):
            action = rng.integers(low.n, size=env.num_envs)
        else:
            action = rng.uniform(low.low, low.high, (env.num_envs, *low.shape)).astype(np.float32)
        obs, *rest = env.step(action)
        parts = obs if isinstance(obs, tuple) else obs.values() if isinstance(obs, dict) else [obs]
        record += [np.array(x, np.float64).tobytes() for x in [*parts, *rest[:3]]]
    return record


@pytest.mark.parametrize(
    "env_id",
    ["CartPole-v1", "MountainCar-v0", "Acrobot-v1", "Pendulum-v1", "FrozenLake-v1", "Taxi", "Blackjack-v1"],
)
def test_a_fresh_environment_goes_on_bit_for_bit(env_id):
    first, fresh = make(env_id, 2, backend="loop"), make(env_id, 2, backend="loop")
    first.reset(seed=3)
    play(first, 150, np.random.default_rng(0))
    restore(fresh, through_a_file(snapshot(first)))
    assert play(fresh, 300, np.random.default_rng(1)) == play(first, 300, np.random.default_rng(1))


class Bag(gym.Env):
    """Keeps whatever it is given."""

    action_space = gym.spaces.Discrete(2)
    observation_space = gym.spaces.Discrete(2)

    def __init__(self, **things):
        vars(self).update(things)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return 0, {}


def carried(**things):
    """The attributes of a fresh Bag that a snapshot of a Bag of `things` was restored into."""
    snap = through_a_file(snapshot(SyncVectorEnv([lambda: Bag(**things)])))
    fresh = SyncVectorEnv([lambda: Bag(left_over=1)])
    restore(fresh, snap)
    return vars(fresh.envs[0])


def test_values_keep_their_exact_types():
    things = {
        "none": None, "flag": True, "count": 10**30, "name": "x", "tuple": (1, [2.5, (3,)]), "set": {1, 2},
        "frozen": frozenset({"a"}), "deque": deque([1, 2], maxlen=5), "map": {(0, 1): {"k": 2}}, "f32": np.float32(0.1),
        "i64": np.int64(3), "bool_": np.bool_(True), "array": np.arange(6, dtype=np.int16).reshape(2, 3),
        "letters": np.array([[b"S", b"F"]]), "empty": [],
    }  # fmt: skip
    after = carried(**things)
    assert "left_over" not in after
    for name, value in things.items():
        assert type(after[name]) is type(value), name
        if isinstance(value, np.ndarray | np.generic):
            assert after[name].dtype == value.dtype
            assert np.array_equal(after[name], value)
        else:
            assert repr(after[name]) == repr(value)
    assert after["deque"].maxlen == 5


def test_floats_keep_their_bits():
    after = carried(values=[0.1, -0.0, math.inf, -math.inf, math.nan, 5e-324])["values"]
    assert repr(after) == "[0.1, -0.0, inf, -inf, nan, 5e-324]"


def test_shared_objects_stay_shared():
    rng = np.random.default_rng(3)
    shared = [1]
    after = carried(rng=rng, same_rng=rng, one=shared, two={"there": shared})
    assert after["rng"] is after["same_rng"]
    assert after["one"] is after["two"]["there"]
    assert after["rng"].random() == np.random.default_rng(3).random()


def test_wrappers_are_kept_too():
    def make_env():
        return RecordEpisodeStatistics(gym.make("CartPole-v1", max_episode_steps=11))

    first, fresh = make(make_env), make(make_env)
    first.reset(seed=0)
    play(first, 5, np.random.default_rng(0))
    restore(fresh, snapshot(first))
    assert play(fresh, 40, np.random.default_rng(1)) == play(first, 40, np.random.default_rng(1))
    assert fresh.envs[0].episode_returns == first.envs[0].episode_returns


def test_next_step_autoreset_remembers_who_has_ended():
    def make_envs():
        return SyncVectorEnv([lambda: gym.make("CartPole-v1")] * 2, autoreset_mode=AutoresetMode.NEXT_STEP)

    first, fresh = make_envs(), make_envs()
    first.reset(seed=0)
    while not first._autoreset_envs.any():
        first.step(np.zeros(2, np.int64))
    restore(fresh, snapshot(first))
    assert play(fresh, 40, np.random.default_rng(1)) == play(first, 40, np.random.default_rng(1))


class Climber(gym.Env):
    """Climbs to a height of its own, and counts all steps of all copies together."""

    action_space = gym.spaces.Discrete(2)
    observation_space = gym.spaces.Box(-9, 99, (2,), np.float32)
    counter = [0]

    def __init__(self):
        self.together = self.counter

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.height, self.top = 0, self.np_random.integers(3, 9)
        return np.array([self.height, self.top], np.float32), {}

    def step(self, action):
        self.height += action
        self.together[0] += 1
        return np.array([self.height, self.top], np.float32), 1.0, bool(self.height >= self.top), False, {}


@pytest.mark.parametrize(("saved_by", "read_by"), [("loop", "workers"), ("workers", "loop")])
def test_loop_and_workers_read_each_others_state(saved_by, read_by):
    with closing(make(Climber, 4, backend=saved_by)) as first, closing(make(Climber, 4, backend=read_by)) as other:
        first.reset(seed=3)
        play(first, 20, np.random.default_rng(0))
        assert restore(other, through_a_file(snapshot(first)))
        assert play(other, 60, np.random.default_rng(1)) == play(first, 60, np.random.default_rng(1))


def test_what_copies_share_stays_shared_among_those_of_one_process(monkeypatch):
    monkeypatch.setattr(Climber, "counter", [0])
    with closing(make(Climber, 4, backend="workers")) as first, closing(make(Climber, 4, backend="loop")) as other:
        first.reset(seed=3)
        play(first, 5, np.random.default_rng(0))
        assert restore(other, through_a_file(snapshot(first)))
        counters = [env.together for env in other.unwrapped.envs]
        for worker in first.unwrapped.workers:
            mine = counters[worker.low : worker.high]
            assert all(counter is mine[0] and counter == [5 * len(mine)] for counter in mine)


@pytest.mark.parametrize("other", [{"backend": "native"}, {"mode": AutoresetMode.NEXT_STEP}])
def test_a_state_of_another_kind_is_declined_and_nothing_happens(other):
    snap = snapshot(make("CartPole-v1", 2, backend="loop"))
    mode = other.get("mode")
    env = SyncVectorEnv([lambda: gym.make("CartPole-v1")] * 2, autoreset_mode=mode) if mode else make("CartPole-v1", 2)
    assert not restore(env, snap)


class Opaque:
    def __call__(self):
        return 0


BOARD = np.zeros((2, 2))


@pytest.mark.parametrize(
    "thing",
    [Opaque(), Opaque().__call__, [Opaque()], np.array([None]), (BOARD, BOARD[0])],
    ids=["object", "method", "list of objects", "array of objects", "view of another array"],
)
def test_what_is_not_plain_data_has_no_snapshot(thing):
    assert snapshot(SyncVectorEnv([lambda: Bag(thing=thing)])) is None


def test_a_box2d_world_has_no_snapshot():
    with closing(make("LunarLander-v3")) as envs:
        envs.reset(seed=0)
        assert snapshot(envs) is None


@pytest.mark.parametrize("backend", ["loop", "workers"])
def test_a_state_of_other_layers_is_declined_and_nothing_happens(backend):
    snap = snapshot(make("CartPole-v1", 2, backend="loop"))
    with closing(make(lambda: TimeAwareObservation(gym.make("CartPole-v1")), 2, backend=backend)) as env:
        env.reset(seed=0)
        assert not restore(env, snap)
        play(env, 1, np.random.default_rng(0))


def test_a_snapshot_of_another_number_of_environments_is_refused():
    snap = snapshot(make("CartPole-v1", 2, backend="loop"))
    with pytest.raises(UsageError, match="does not fit"):
        restore(make("CartPole-v1", 3, backend="loop"), snap)
