import json

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.core.errors import UsageError
from gymnast.core.rollout import demos
from gymnast.core.spaces.as_json import from_json, to_json
from gymnast.core.spaces.layout import Layout
from probes import SEED, Anything, clocks, demonstrated

SPACES = [
    spaces.Box(-1, 1, (2, 3), np.float32),
    spaces.Box(np.array([-np.inf, 0.0]), np.array([2.0, np.inf]), dtype=np.float64),
    spaces.Box(0, 255, (8, 8, 3), np.uint8),
    spaces.Discrete(4, start=-1),
    spaces.MultiDiscrete([2, 3], start=[1, 0]),
    spaces.MultiBinary([2, 2]),
    spaces.Dict(a=spaces.Discrete(2), b=spaces.Tuple((spaces.MultiBinary(3), spaces.Box(-1, 1, (1,))))),
    spaces.Tuple((spaces.Dict([(10, spaces.Discrete(2)), (9, spaces.Discrete(3)), ("9", spaces.MultiBinary(2))]),)),
    spaces.Discrete(3, dtype=np.int32),
    spaces.MultiDiscrete([2, 3], np.uint8),
    spaces.Box(-(2**63), 2**63 - 1, (2,), np.int64),
]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_a_space_comes_back_from_strict_json(space):
    text = json.dumps(to_json(space), allow_nan=False)
    assert from_json(json.loads(text)) == space


BACKWARDS = spaces.Dict([("z", spaces.Discrete(3)), ("a", spaces.Box(-1, 1, (2,)))])


def test_demonstrations_are_of_any_order_of_the_same_keys(tmp_path):
    forwards = spaces.Dict(a=BACKWARDS["a"], z=BACKWARDS["z"])
    env = SyncVectorEnv([lambda: Anything(BACKWARDS, spaces.Discrete(2))], autoreset_mode=AutoresetMode.SAME_STEP)
    demonstrated(tmp_path / "demos", env, lambda obs: {"action": np.zeros(1, np.int64)}, 2)
    found = demos.load(tmp_path / "demos")
    demos.check(found, "probe", forwards, spaces.Discrete(2))
    BACKWARDS.seed(SEED)
    first = BACKWARDS.sample()
    np.testing.assert_array_equal(next(iter(found)).obs[0], Layout(forwards).batch(first)[0][0])


def test_recordings_whose_parts_were_mixed_up_are_refused():
    old = {"kind": "Dict", "spaces": {"z": {"kind": "MultiBinary", "shape": [1]}, "a": to_json(spaces.Discrete(2))}}
    with pytest.raises(UsageError, match=r"mixed them up. Record anew"):
        from_json(old)
    assert from_json({**old, "spaces": dict(sorted(old["spaces"].items()))})["a"] == spaces.Discrete(2)


def test_a_space_without_a_size_is_refused():
    with pytest.raises(UsageError, match="no fixed size"):
        to_json(spaces.Text(3))


def written(folder, scripts=("3| 2~", "4|"), episodes=4, **kwargs):
    return demonstrated(folder, clocks(*scripts), lambda obs: {"action": np.arange(len(obs))}, episodes, **kwargs)


def assert_same(one, two):
    for a, b in zip(one[:3], two[:3], strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype
    assert one[3:5] == two[3:5]


def test_trajectories_come_back_as_they_were(tmp_path):
    whole = written(tmp_path / "demos")
    found = demos.load(tmp_path / "demos")
    assert (found.env, found.episodes) == ("probe", 4)
    assert found.steps == sum(len(trajectory.action) for trajectory in whole)
    for one, two in zip(whole, found, strict=True):
        assert_same(one, two)


def test_a_trajectory_ends_with_the_observation_that_an_autoreset_hides(tmp_path):
    written(tmp_path / "demos")
    for trajectory in demos.load(tmp_path / "demos"):
        assert trajectory.obs[:, 2].tolist() == list(range(len(trajectory.action) + 1))
        assert trajectory.terminated == (len(trajectory.action) != 2)


def test_structured_observations_and_extras_come_back(tmp_path):
    space = spaces.Dict(place=spaces.Box(-1, 1, (3,)), kind=spaces.Discrete(3))
    env = SyncVectorEnv([lambda: Anything(space, spaces.Discrete(2))] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    probability = np.array([[0.25, 0.75], [0.5, 0.5]])
    act = lambda obs: {"action": np.zeros(2, np.int64), "probability": probability}  # noqa: E731
    whole = demonstrated(tmp_path / "demos", env, act, 4, extras=("probability",))
    found = demos.load(tmp_path / "demos")
    assert found.observation_space == space
    for one, two in zip(whole, found, strict=True):
        assert_same(one, two)
        np.testing.assert_array_equal(one.extras["probability"], two.extras["probability"])


def test_appending_keeps_what_is_there(tmp_path):
    before = written(tmp_path / "demos")
    after = written(tmp_path / "demos", append=True, seed=5)
    found = list(demos.load(tmp_path / "demos"))
    assert [t.about["seed"] for t in found] == [t.about["seed"] for t in (*before, *after)]


def test_a_part_is_on_the_disk_as_soon_as_it_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr(demos, "_PART_BYTES", 60)
    whole = written(tmp_path / "demos")
    writer = demos.Writer(tmp_path / "more", "probe", spaces.Box(-1, 1e6, (3,), np.float32), spaces.Discrete(2))
    for trajectory in whole[:3]:
        writer.add(trajectory)  # and the process dies before the last part is written
    found = demos.load(tmp_path / "more")
    assert 0 < found.episodes <= 3
    for one, two in zip(whole, found, strict=False):
        assert_same(one, two)
    assert len(demos.load(tmp_path / "demos").parts) > 1


def test_a_folder_with_demonstrations_is_not_overwritten(tmp_path):
    written(tmp_path / "demos")
    with pytest.raises(UsageError, match="already holds demonstrations; add to them with --append"):
        written(tmp_path / "demos")


def test_a_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(UsageError, match="holds something else"):
        written(tmp_path)


def test_demonstrations_of_other_spaces_are_not_mixed(tmp_path):
    written(tmp_path / "demos")
    env = clocks("3|", action_space=spaces.Discrete(5))
    with pytest.raises(UsageError, match=r"actions recorded in .* are Discrete\(2\); probe has Discrete\(5\)"):
        demonstrated(tmp_path / "demos", env, lambda obs: {"action": np.zeros(1, np.int64)}, append=True)


def test_an_empty_folder_holds_no_demonstrations(tmp_path):
    with pytest.raises(UsageError, match="holds no demonstrations"):
        demos.load(tmp_path)


@pytest.mark.parametrize("damage", ["cut", "flipped", "missing", "swapped"])
def test_damaged_parts_are_refused_in_one_line(tmp_path, damage):
    written(tmp_path / "demos")
    part = tmp_path / "demos" / "part-00000.safetensors"
    content = part.read_bytes()
    if damage == "missing":
        part.unlink()
    elif damage == "swapped":
        written(tmp_path / "other", episodes=2)
        part.write_bytes((tmp_path / "other" / part.name).read_bytes())
    else:
        part.write_bytes(
            content[:-20] if damage == "cut" else content[:-20] + bytes([content[-20] ^ 1]) + content[-19:]
        )
    with pytest.raises(UsageError, match="not whole") as problem:
        list(demos.load(tmp_path / "demos"))
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 1}', '{"format": "x"}'])
def test_a_damaged_index_is_refused(tmp_path, text):
    written(tmp_path / "demos")
    (tmp_path / "demos" / "demos.json").write_text(text)
    with pytest.raises(UsageError, match="damaged"):
        demos.load(tmp_path / "demos")


def test_a_newer_format_is_refused(tmp_path):
    written(tmp_path / "demos")
    index = tmp_path / "demos" / "demos.json"
    index.write_text(index.read_text().replace('"format": 2', '"format": 9'))
    with pytest.raises(UsageError, match="newer gymnast"):
        demos.load(tmp_path / "demos")


def test_an_index_of_a_few_bytes_takes_no_memory(tmp_path):
    index = {"format": 1, "env": "x", "action_space": {"kind": "Discrete", "n": 2, "start": 0}, "parts": []}
    for kind in ("Box", "MultiBinary"):
        space = {"kind": kind, "shape": [10**9], "dtype": "float64", "low": 0, "high": 1}
        (tmp_path / "demos.json").write_text(json.dumps(index | {"observation_space": space}))
        with pytest.raises(UsageError, match=r"demos.json is damaged: .*is not the shape of a space"):
            demos.load(tmp_path)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ({"shape": [-1, -1]}, "not the shape of a space"),
        ({"shape": [2.0]}, "not the shape of a space"),
        ({"shape": [True]}, "not the shape of a space"),
        ({"dtype": "object"}, "not the type of numbers"),
        ({"dtype": "complex64"}, "not the type of numbers"),
        ({"dtype": "U9"}, "not the type of numbers"),
    ],
)
def test_a_box_that_is_none_is_refused(damage, said):
    for space in (spaces.Box(-1, 1, (2,)), *([spaces.MultiBinary(2)] if "shape" in damage else [])):
        with pytest.raises(ValueError, match=said):
            from_json({**to_json(space), **damage})


def test_a_type_that_is_none_is_refused(tmp_path):
    written(tmp_path / "demos")
    path = tmp_path / "demos" / "demos.json"
    index = json.loads(path.read_text())
    for name in ("9" * 5000, "f4,", "object", 7):
        path.write_text(json.dumps(index | {"action_space": {"kind": "Discrete", "n": 2, "start": 0, "dtype": name}}))
        with pytest.raises(UsageError, match=r"demos.json is damaged"):
            demos.load(tmp_path / "demos")
