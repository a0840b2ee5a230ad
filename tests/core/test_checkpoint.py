import json
import os
import pickle

import numpy as np
import pytest
import torch

from gymnast.core import checkpoint
from gymnast.core.errors import TrainingError, UsageError

DTYPES = [
    "bool",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float16",
    "float32",
    "float64",
]


def equal(a, b):
    """Whether two trees are the same, with the dtypes and shapes of their arrays; nan equals nan."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, np.ndarray):
        same = isinstance(b, np.ndarray) and (a.dtype, a.shape) == (b.dtype, b.shape)
        return same and a.tobytes() == b.tobytes()
    return type(a) is type(b) and (a == b or (a != a and b != b))


def round_trip(tmp_path, tree):
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, tree)
    return checkpoint.load(path)


@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_of_every_dtype_come_back(tmp_path, dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    tree = {"array": array, "scalar": np.array(1, dtype), "empty": np.zeros((0, 3), dtype)}
    assert equal(round_trip(tmp_path, tree), tree)


PLAIN = {
    "none": None,
    "yes": True,
    "int": 3,
    "large": 2**127 + 1,
    "float": 0.1,
    "nan": float("nan"),
    "infinite": [float("inf"), float("-inf")],
    "text": "μ/ünï \n",
    "empty": {"dict": {}, "list": [], "text": ""},
    "nested": [1, [2, {"three": [np.array([np.nan, np.inf, -0.0])]}]],
}


def test_nested_trees_of_plain_values_come_back(tmp_path):
    assert equal(round_trip(tmp_path, PLAIN), PLAIN)


def test_a_tree_without_arrays_comes_back(tmp_path):
    assert round_trip(tmp_path, {"steps": 3}) == {"steps": 3}


def test_tensors_come_back_as_arrays_and_become_tensors_again(tmp_path):
    tree = {"net": {"weight": torch.arange(6.0).reshape(2, 3).T.requires_grad_(), "count": torch.tensor(7)}}
    loaded = round_trip(tmp_path, tree)
    assert equal(loaded["net"]["weight"], np.array([[0, 3], [1, 4], [2, 5]], np.float32))
    again = checkpoint.tensors(loaded)
    assert torch.equal(again["net"]["weight"], tree["net"]["weight"])
    assert again["net"]["count"].shape == ()


def test_numpy_numbers_come_back_as_plain_ones(tmp_path):
    loaded = round_trip(tmp_path, {"a": np.float64(0.5), "b": np.int64(3), "c": np.bool_(True)})
    assert equal(loaded, {"a": 0.5, "b": 3, "c": True})


def test_views_of_one_array_are_saved_each_on_its_own(tmp_path):
    base = np.arange(10.0)
    loaded = round_trip(tmp_path, {"a": base[:5], "b": base[3:], "c": base[::2], "d": base})
    assert equal(loaded, {"a": base[:5].copy(), "b": base[3:].copy(), "c": base[::2].copy(), "d": base})


def test_names_with_slashes_do_not_collide(tmp_path):
    tree = {"a": {"b": np.zeros(2)}, "a/b": np.ones(3), "a/b/": {"": np.full(1, 5.0)}}
    assert equal(round_trip(tmp_path, tree), tree)


def test_loading_gives_arrays_that_may_be_written(tmp_path):
    loaded = round_trip(tmp_path, {"a": np.zeros(3)})
    loaded["a"][0] = 1
    assert loaded["a"].tolist() == [1, 0, 0]


TREE = {"steps": 12, "net": {"weight": np.arange(6, dtype=np.float32).reshape(2, 3), "mask": np.array([True, False])}}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "last.safetensors"
    checkpoint.save(path, TREE)
    return path


def loads_as_before(path):
    """Whether a file loads as what was saved; otherwise it must be refused as users are told things."""
    try:
        return equal(checkpoint.load(path), TREE)
    except UsageError:
        return None


def test_a_file_cut_anywhere_is_refused(path):
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert loads_as_before(path) is None, length


@pytest.mark.parametrize("bit", range(8))
def test_a_flipped_bit_anywhere_is_refused_or_harmless(path, bit):
    content = path.read_bytes()
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :])
        assert loads_as_before(path) is not False, at


def test_a_flipped_bit_in_the_data_is_refused(path):
    content = path.read_bytes()
    for at in range(len(content) - 26, len(content)):  # 6 floats and 2 bools
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert loads_as_before(path) is None, at


def test_appended_bytes_are_refused(path):
    path.write_bytes(path.read_bytes() + b"\0")
    assert loads_as_before(path) is None


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 100, b"\x02\0\0\0\0\0\0\0{}"])
def test_other_files_are_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"last\.safetensors"):
        checkpoint.load(path)


def rewritten(path, old, new):
    content = path.read_bytes()
    assert content.count(old) == 1
    assert len(old) == len(new)
    path.write_bytes(content.replace(old, new))


def test_a_newer_format_is_refused_with_advice(path):
    rewritten(path, b'"format":"2"', b'"format":"9"')
    with pytest.raises(UsageError, match=r"newer gymnast.*Upgrade"):
        checkpoint.load(path)


def test_a_checkpoint_of_the_first_version_is_refused_with_the_version_that_reads_it(path):
    rewritten(path, b'"format":"2"', b'"format":"1"')
    with pytest.raises(UsageError, match=r"written by gymnast 0\.1.*pip install"):
        checkpoint.load(path)
    assert checkpoint.load(path, oldest=1).keys() == TREE.keys()  # demonstrations have not changed


class Counter:
    def __init__(self):
        self.count, self.rows = 0, np.zeros(2)

    def parts(self):
        return {"own": checkpoint.Attributes(self, "count"), "rows": self.rows}


def every_kind(seed):
    """A part of every kind."""
    torch.manual_seed(seed)
    return {
        "module": torch.nn.Linear(2, 1),
        "torch": torch.Generator().manual_seed(seed),
        "numpy": np.random.default_rng(seed),
        "array": np.full(3, seed),
        "inner": Counter().parts(),
        "nothing": None,
    }


def test_parts_of_every_kind_are_saved_and_restored(tmp_path):
    one, two = every_kind(1), every_kind(2)
    one["torch"].get_state(), one["numpy"].random(5)
    checkpoint.save(tmp_path / "parts", checkpoint.state(one))
    checkpoint.restore(two, checkpoint.load(tmp_path / "parts"))
    assert torch.equal(one["module"].weight, two["module"].weight)
    assert torch.rand(3, generator=one["torch"]).equal(torch.rand(3, generator=two["torch"]))
    assert one["numpy"].random() == two["numpy"].random()
    assert two["array"].tolist() == [1, 1, 1]


def test_attributes_are_copies():
    counter = Counter()
    tree = checkpoint.state(counter.parts())
    counter.count, counter.rows[:] = 3, 5
    assert tree["own"] == {"count": 0}
    assert tree["rows"].tolist() == [0, 0]
    checkpoint.restore(counter.parts(), tree)
    assert (counter.count, counter.rows.tolist()) == (0, [0, 0])


def test_what_keeps_no_state_is_no_part():
    with pytest.raises(TypeError, match="object is no part"):
        checkpoint.state({"it": object()})


def test_an_array_of_another_shape_is_not_taken_back():
    with pytest.raises(ValueError, match="shape"):
        checkpoint.restore({"rows": np.zeros(3)}, {"rows": np.zeros(2)})


def test_an_exchanged_shape_is_refused(path):
    rewritten(path, b"[2,3]", b"[3,2]")
    with pytest.raises(UsageError, match="not a whole checkpoint"):
        checkpoint.load(path)


def test_an_exchanged_name_is_refused(path):
    rewritten(path, b'"net/weight":', b'"net/weighs":')
    with pytest.raises(UsageError, match="not a whole checkpoint"):
        checkpoint.load(path)


def test_a_missing_file_is_refused_with_advice(tmp_path):
    with pytest.raises(UsageError, match=r"no checkpoint at .*Give the folder of a run"):
        checkpoint.load(tmp_path / "none.safetensors")
    with pytest.raises(UsageError, match="no checkpoint"):
        checkpoint.load(tmp_path)


class Exploit:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (self.mark,)


def test_loading_never_unpickles(tmp_path):
    mark = str(tmp_path / "mark")
    exploit = pickle.dumps(Exploit(mark))
    path = tmp_path / "a.safetensors"
    header = json.dumps({"__metadata__": {"format": "1", "tree": "{}", "crc": exploit.hex()}}).encode()
    for content in (exploit, len(header).to_bytes(8, "little") + header + exploit):
        path.write_bytes(content)
        with pytest.raises(UsageError):
            checkpoint.load(path)
    torch.save({"a": Exploit(mark)}, path)
    with pytest.raises(UsageError):
        checkpoint.load(path)
    assert not os.path.exists(mark)


def fail(*_):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_failing_write_leaves_the_old_file_and_nothing_else(path, monkeypatch, where):
    if where == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(type(path), "replace", fail)
    with pytest.raises(TrainingError, match="No space left on device"):
        checkpoint.save(path, {"steps": 13})
    assert equal(checkpoint.load(path), TREE)
    assert os.listdir(path.parent) == [path.name]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(path, monkeypatch):
    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, content):
            self.file.write(content[: len(content) // 2])
            fail()

    opened = type(path).open
    monkeypatch.setattr(type(path), "open", lambda self, *args: Full(opened(self, *args)))
    with pytest.raises(TrainingError, match="The older one is intact"):
        checkpoint.save(path, {"steps": 13})
    assert equal(checkpoint.load(path), TREE)
    assert os.listdir(path.parent) == [path.name]


def test_a_failing_first_write_speaks_of_no_older_file(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(TrainingError, match=r"No space left on device\.$"):
        checkpoint.save(tmp_path / "first.safetensors", {"steps": 13})


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(path, {"steps": 13})
    assert equal(checkpoint.load(path), TREE)
    assert os.listdir(path.parent) == [path.name]


def test_a_folder_that_cannot_be_made_is_a_training_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="cannot write the checkpoint"):
        checkpoint.save(tmp_path / "file" / "last.safetensors", TREE)


def test_folders_are_made_and_files_replaced(tmp_path):
    path = tmp_path / "a" / "b" / "last.safetensors"
    for steps in (1, 2):
        checkpoint.save(path, {"steps": steps})
    assert checkpoint.load(path) == {"steps": 2}
    assert os.listdir(path.parent) == [path.name]


def test_the_plain_values_of_a_checkpoint_are_read_without_its_arrays(tmp_path):
    path = tmp_path / "c.safetensors"
    checkpoint.save(path, {"steps": 7, "inner": [{"w": np.zeros(3)}, 1.5]})
    assert checkpoint.plain(path) == {"steps": 7, "inner": [{"w": None}, 1.5]}
    path.write_bytes(b"x")
    with pytest.raises(UsageError, match="not a whole checkpoint"):
        checkpoint.plain(path)
