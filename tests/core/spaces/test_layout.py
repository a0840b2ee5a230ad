import numpy as np
import pytest
import torch
from gymnasium import spaces

from gymnast.core.errors import UsageError
from gymnast.core.spaces.layout import Layout, add_axis, take

VECTOR = spaces.Box(-1, 1, (3,), np.float32)
IMAGE = spaces.Box(0, 255, (2, 3, 1), np.uint8)


@pytest.mark.parametrize(
    ("space", "shape", "dtype"),
    [
        (VECTOR, (3,), np.float32),
        (spaces.Box(-1, 1, (2, 2), np.float64), (2, 2), np.float32),
        (spaces.Box(0, 9, (2,), np.int64), (2,), np.float32),
        (IMAGE, (2, 3, 1), np.uint8),
        (spaces.Discrete(5), (), np.int64),
        (spaces.MultiDiscrete([2, 3]), (2,), np.int64),
        (spaces.MultiBinary(4), (4,), np.int8),
    ],
)
def test_a_plain_space_is_stored_as_it_is(space, shape, dtype):
    layout = Layout(space)
    assert (layout.shape, layout.dtype) == (shape, dtype)
    assert layout.empty(4, 2).shape == (4, 2, *shape)


def test_a_structured_space_is_a_row_of_bytes_with_parts_aligned_to_eight():
    layout = Layout(spaces.Dict(bits=spaces.MultiBinary(3), goal=spaces.Discrete(2), place=VECTOR))
    # 3 bytes padded to 8, 8 of an int64, 3 x 4 padded to 16
    assert [(p.name, p.start) for p in layout.parts] == [("bits", 0), ("goal", 8), ("place", 16)]
    assert (layout.shape, layout.dtype) == ((32,), np.uint8)


NESTED = {
    "dict": spaces.Dict(image=IMAGE, place=VECTOR),
    "tuple": spaces.Tuple((spaces.Discrete(9, start=3), spaces.MultiDiscrete([4, 4]))),
    "nested": spaces.Dict(a=spaces.Tuple((VECTOR, spaces.Dict(b=spaces.MultiBinary((2, 2))))), c=spaces.Discrete(3)),
    "keys with slashes": spaces.Dict({"camera/left": IMAGE, "camera/right": IMAGE}),
    "keys that are numbers": spaces.Dict({1: VECTOR, 2: spaces.Discrete(7)}),
}


def leaves(obs):
    if isinstance(obs, dict | tuple):
        return [leaf for part in (obs.values() if isinstance(obs, dict) else obs) for leaf in leaves(part)]
    return [np.asarray(obs)]


@pytest.mark.parametrize("name", NESTED)
def test_what_is_written_is_viewed_back_with_its_own_dtype(name):
    space = NESTED[name]
    space.seed(0)
    layout = Layout(space)
    stored = layout.empty(5)
    samples = [space.sample() for _ in range(5)]
    for i, sample in enumerate(samples):
        layout.write(stored[i : i + 1], add_axis(sample))
    views = layout.view(torch.from_numpy(stored))
    assert list(views) == [part.name for part in layout.parts]
    for i, sample in enumerate(samples):
        for view, leaf in zip(views.values(), leaves(sample), strict=True):
            np.testing.assert_array_equal(view[i].numpy(), leaf)


def test_views_share_memory_with_what_is_stored():
    layout = Layout(NESTED["dict"])
    stored = torch.from_numpy(layout.empty(2))
    layout.view(stored)["place"][1] = torch.tensor([1.0, 2.0, 3.0])
    assert layout.view(stored)["place"].tolist() == [[0, 0, 0], [1, 2, 3]]
    assert stored[1].any()


@pytest.mark.parametrize(
    "space", [spaces.Text(5), spaces.Sequence(VECTOR), spaces.Graph(VECTOR, None), spaces.OneOf((VECTOR, IMAGE))]
)
def test_spaces_without_a_fixed_size_are_refused(space):
    with pytest.raises(UsageError, match="no fixed size"):
        Layout(space)


def test_the_part_that_is_refused_is_named():
    with pytest.raises(UsageError, match="part 'words/0'"):
        Layout(spaces.Dict(words=spaces.Tuple((spaces.Text(5),))))


@pytest.mark.parametrize("space", [VECTOR, IMAGE, spaces.Discrete(4), *NESTED.values()])
def test_one_observation_becomes_a_batch_of_one(space):
    space.seed(0)
    layout = Layout(space)
    stored, single = layout.batch(space.sample())
    assert stored.shape == (1, *layout.shape)
    assert single


def test_a_batch_stays_a_batch():
    stored, single = Layout(VECTOR).batch(np.ones((4, 3), np.float32))
    assert stored.tolist() == np.ones((4, 3)).tolist()
    assert not single


def test_a_structured_batch_stays_a_batch():
    layout = Layout(NESTED["dict"])
    stored, single = layout.batch({"image": np.ones((4, 2, 3, 1), np.uint8), "place": np.ones((4, 3), np.float32)})
    assert stored.shape == (4, *layout.shape)
    assert not single


@pytest.mark.parametrize("shape", [(), (2,), (4, 2), (1, 4, 3)])
def test_an_observation_of_another_shape_is_refused(shape):
    with pytest.raises(UsageError, match="does not fit"):
        Layout(VECTOR).batch(np.zeros(shape))


def test_take_undoes_add_axis():
    obs = {"a": (np.arange(3), 5), "b": np.float32(2)}
    again = take(add_axis(obs), 0)
    assert again["a"][0].tolist() == [0, 1, 2]
    assert (again["a"][1], again["b"]) == (5, 2)


def test_parts_lie_by_name_in_whatever_order_a_space_lists_them():
    parts = [("z", VECTOR), ("a", spaces.Discrete(5)), (10, VECTOR), (9, spaces.Tuple((VECTOR, spaces.Discrete(2))))]
    one, other = spaces.Dict(parts), spaces.Dict(parts[::-1])
    one.seed(0)
    obs = add_axis(one.sample())
    stored = Layout(one).batch(obs)[0], Layout(other).batch(obs)[0]
    np.testing.assert_array_equal(*stored)
    assert [part.path for part in Layout(one).parts] == [("a",), ("z",), (9, 0), (9, 1), (10,)]


def test_names_that_look_alike_stay_apart():
    space = spaces.Dict(
        {"a/b": VECTOR, "a": spaces.Dict(b=VECTOR), "a.b": VECTOR, "a_b": VECTOR, 1: VECTOR, "1": VECTOR}
    )
    layout = Layout(space)
    space.seed(0)
    obs = space.sample()
    views = layout.view(torch.from_numpy(layout.batch(obs)[0]))
    assert len({part.name for part in layout.parts}) == len(views) == 6
    for part in layout.parts:
        wanted = obs["a"]["b"] if part.path == ("a", "b") else obs[part.path[0]]
        assert views[part.name][0].tolist() == wanted.tolist()


@pytest.mark.parametrize(
    ("dtype", "values", "lost"),
    [
        (np.float64, [1e7 + 0.25, 1.0], "as large as 1e+07, where float32 goes in steps of 1 "),
        (np.int64, [2**40 + 1, 0], "as large as 1.1e+12, where float32 goes in steps of 1.31e+05 "),
        (np.float64, [1e7, 0.1], ""),  # whole: float32 holds it
        (np.float64, [999_999.9, np.inf], ""),
        (np.float32, [1e7 + 0.25, 1.0], ""),  # it came without them
    ],
)
def test_it_says_what_float32_loses(dtype, values, lost):
    bound = 10**15 if dtype is np.int64 else np.inf
    space = spaces.Dict(place=spaces.Discrete(3), clock=spaces.Box(-bound, bound, (2,), dtype))
    obs = {"place": np.array([0, 1]), "clock": np.array([[0, 0], values], dtype)}
    said = Layout(space).coarse(obs)
    assert lost in said
    assert bool(said) is bool(lost)
    assert not said or said.startswith("observations in 'clock'")
