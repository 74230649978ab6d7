"""Files: trees come back as they were, damaged files are refused, and a kill loses nothing."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import io, nn, optim, random, tree
from funcgrad.core.errors import TreeError

from .support.compare import assert_same
from .support.processes import peak_of

ENDINGS = [".safetensors", ".npz"]


def raw(path, header, data=b"", length=None):
    """Write a safetensors file by hand."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    length = len(text) if length is None else length
    path.write_bytes(length.to_bytes(8, "little") + text + data)
    return path


# there and back


@pytest.mark.parametrize("ending", ENDINGS)
def test_all_dtypes_and_shapes_come_back(tmp_path, ending):
    dtypes = ["?", "b", "B", "h", "H", "i", "I", "q", "Q", "e", "f", "d", "F", "D"]
    value = {
        "dtypes": {c: np.arange(6).reshape(2, 3).astype(c) for c in dtypes},
        "shapes": [np.zeros(()), np.zeros(0), np.zeros((3, 0, 2)), np.ones((1, 1, 1))],
        "odd": (np.float32([np.nan, np.inf, -0.0]), np.arange(10)[::3], np.ones((2, 3)).T),
        "big-endian": np.arange(3).astype(">f8"),
        "spaces and ü": np.ones(1),
        "numbers": (3, 2.5, True, 1 + 2j, np.float32(1.5)),
    }
    io.save(tmp_path / f"a{ending}", value)
    like = tree.map(lambda x: x, value) | {"big-endian": np.arange(3.0)}
    got = io.load(tmp_path / f"a{ending}", like=like)

    assert_same(like, got)
    assert type(got["numbers"][1]) is float
    np.testing.assert_array_equal(np.signbit(got["odd"][0]), [False, False, True])


@pytest.mark.parametrize("ending", ENDINGS)
def test_models_optimizers_and_keys_come_back(tmp_path, ending):
    model = nn.Sequential(nn.Dense(3, 4, activation=nn.relu), nn.Dropout(0.5), nn.Dense(4, 1))
    model = model.init(random.key(0))
    state = {"model": model, "opt": optim.adamw(0.1).init(model), "key": random.key(3), "n": 7}
    io.save(tmp_path / f"a{ending}", state, metadata={"note": "ü\n2"})
    blank = {
        "model": model.init(random.key(1)),
        "opt": optim.adamw(0.1).init(model),
        "key": random.key(0),
        "n": 0,
    }
    got = io.load(tmp_path / f"a{ending}", like=blank)

    assert_same(state, got)
    assert io.load_metadata(tmp_path / f"a{ending}") == {"note": "ü\n2"}
    np.testing.assert_array_equal(got["model"](np.ones(3)), model(np.ones(3)))


def test_shapes_alone_say_what_is_wanted(tmp_path):
    io.save(tmp_path / "a.npz", {"w": np.ones((2, 3), np.float32)})
    like = {"w": fg.ShapeDtypeStruct((2, 3), np.float32)}

    assert_same({"w": np.ones((2, 3), np.float32)}, io.load(tmp_path / "a.npz", like=like))


def test_one_array_is_a_tree_too(tmp_path):
    io.save(tmp_path / "a.safetensors", np.arange(3))

    assert list(io.load(tmp_path / "a.safetensors")) == ["value"]
    np.testing.assert_array_equal(
        io.load(tmp_path / "a.safetensors", like=np.zeros(3, int)), [0, 1, 2]
    )


def test_an_empty_tree_is_a_tree_too(tmp_path):
    for ending in ENDINGS:
        io.save(tmp_path / f"a{ending}", {"none": None})

        assert io.load(tmp_path / f"a{ending}", like={"none": None}) == {"none": None}


def test_mapped_arrays_are_read_when_they_are_used(tmp_path):
    io.save(tmp_path / "a.safetensors", {"big": np.ones(1_000_000), "small": np.ones(3)})
    tracemalloc.start()
    mapped = io.load(tmp_path / "a.safetensors", mmap=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 1_000_000 and not mapped["big"].flags.writeable
    np.testing.assert_array_equal(mapped["small"], [1, 1, 1])
    io.load(tmp_path / "a.safetensors")["big"][0] = 2  # without mmap it is our own


def test_narrow_floats_of_other_libraries_are_read_as_float32(tmp_path):
    bf16, fp8 = (
        np.float32([1.5, -2.0, np.inf]).view(np.uint32) >> 16,
        bytes([0x38, 0xC0, 0x01, 0x7F]),
    )
    e5m2 = np.float16([1.5, -2.0, np.inf]).view(np.uint16) >> 8
    data = bf16.astype("<u2").tobytes() + fp8 + e5m2.astype("u1").tobytes()
    header = {
        "a": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]},
        "b": {"dtype": "F8_E4M3", "shape": [2, 2], "data_offsets": [6, 10]},
        "c": {"dtype": "F8_E5M2", "shape": [3], "data_offsets": [10, 13]},
    }
    got = io.load(raw(tmp_path / "a.safetensors", header, data))

    np.testing.assert_array_equal(got["a"], np.float32([1.5, -2.0, np.inf]))
    np.testing.assert_array_equal(got["b"], np.float32([[1.0, -2.0], [2.0**-9, np.nan]]))
    np.testing.assert_array_equal(got["c"], np.float32([1.5, -2.0, np.inf]))


def test_narrow_floats_have_the_values_of_their_standards(tmp_path):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    codes = np.arange(256, dtype=np.uint8)
    for name, theirs in {
        "F8_E4M3": "float8_e4m3fn",
        "F8_E5M2": "float8_e5m2",
        "F8_E8M0": "float8_e8m0fnu",
        "F8_E4M3FNUZ": "float8_e4m3fnuz",
        "F8_E5M2FNUZ": "float8_e5m2fnuz",
    }.items():
        want = codes.view(getattr(ml_dtypes, theirs)).astype(np.float32)
        header = {"x": {"dtype": name, "shape": [256], "data_offsets": [0, 256]}}
        got = io.load(raw(tmp_path / "a.safetensors", header, codes.tobytes()))["x"]
        np.testing.assert_array_equal(got, want, err_msg=name)
        np.testing.assert_array_equal(np.signbit(got), np.signbit(want), err_msg=name)


def test_floats_of_four_bits_lie_two_in_a_byte(tmp_path):
    data = bytes(range(0, 256, 0x11)) + bytes([0x21])  # 0x00, 0x11, ..., 0xFF: each code twice
    header = {"x": {"dtype": "F4", "shape": [17, 2], "data_offsets": [0, 17]}}
    path = raw(tmp_path / "a.safetensors", header, data)
    positive = np.float32([0, 0.5, 1, 1.5, 2, 3, 4, 6])  # E2M1
    want = np.repeat(np.concatenate([positive, -positive]), 2).reshape(16, 2)
    for mmap in (False, True):
        got = io.load(path, mmap=mmap)["x"]
        np.testing.assert_array_equal(got[:16], want)
        np.testing.assert_array_equal(got[16], [0.5, 1.0])  # the lower half first
    raw(path, {"x": {"dtype": "F4", "shape": [3], "data_offsets": [0, 1]}}, b"1")
    with pytest.raises(io.FileFormatError, match=r"takes 1\.5 bytes"):
        io.load(path)


@pytest.mark.parametrize(
    ("dtype", "words"), [("F6_E2M3", "does not define"), ("F12", "later version")]
)
def test_a_dtype_that_cannot_be_read_is_no_damage(tmp_path, dtype, words):
    header = {"x": {"dtype": dtype, "shape": [4], "data_offsets": [0, 3]}}
    path = raw(tmp_path / "a.safetensors", {"__metadata__": {"a": "b"}} | header, bytes(3))
    with pytest.raises(io.FileFormatError, match=words) as caught:
        io.load(path)

    assert not isinstance(caught.value, io.DamagedFileError)
    assert io.load_metadata(path) == {"a": "b"}


def test_arrays_may_lie_unaligned(tmp_path):
    header = {
        "a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
        "b": {"dtype": "F64", "shape": [2], "data_offsets": [1, 17]},
    }
    path = raw(tmp_path / "a.safetensors", header, b"\x01" + np.array([1.0, 2.0]).tobytes())
    for mmap in (False, True):
        np.testing.assert_array_equal(io.load(path, mmap=mmap)["b"], [1, 2])


@pytest.mark.peers
def test_the_format_is_that_of_safetensors(tmp_path):
    theirs = pytest.importorskip("safetensors.numpy")
    value = {"w": np.arange(6.0).reshape(2, 3), "b": np.float32([1, 2]), "n": np.array([True])}
    io.save(tmp_path / "a.safetensors", value)
    theirs.save_file(value, tmp_path / "b.safetensors")

    assert_same(value, theirs.load_file(tmp_path / "a.safetensors"))
    assert_same(value, io.load(tmp_path / "b.safetensors"))


# what does not fit


def test_every_difference_is_named(tmp_path):
    value = {"a": np.ones(2), "b": np.ones((2, 3)), "c": np.ones(1), "old": np.ones(1), "n": 1.5}
    io.save(tmp_path / "a.safetensors", value)
    like = {"a": np.ones(2), "b": np.ones((3, 2)), "c": np.ones(1, np.float32), "new": np.ones(1)}
    with pytest.raises(TreeError) as caught:
        io.load(tmp_path / "a.safetensors", like=like | {"n": 1})

    for part in (
        "'new' is missing",
        "'old' is not in like",
        "'b' is f64[2,3], not f64[3,2]",
        "'c' is f64[1], not f32[1]",
        "'n' is f64[], not one int",
    ):
        assert part in str(caught.value)


def test_dtypes_are_cast_where_asked_and_never_to_another_kind(tmp_path):
    io.save(tmp_path / "a.npz", {"w": np.ones(2)})
    got = io.load(tmp_path / "a.npz", like={"w": np.zeros(2, np.float32)}, dtype="cast")

    assert got["w"].dtype == np.float32
    with pytest.raises(TreeError, match=r"f64\[2\], which i64\[2\] cannot hold"):
        io.load(tmp_path / "a.npz", like={"w": np.zeros(2, int)}, dtype="cast")
    with pytest.raises(ValueError, match="dtype must be 'same' or 'cast'"):
        io.load(tmp_path / "a.npz", dtype="float32")


def test_numbers_that_leave_the_range_of_a_dtype_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    for x, dtype in [
        (np.array([2**40]), np.int32),
        (np.array([2**63], np.uint64), np.int64),
        (np.array([1e39]), np.float32),
        (np.array([7e4], np.float32), np.float16),
        (np.array([1e39 + 1j]), np.complex64),
    ]:
        io.save(path, {"x": x})
        with pytest.raises(TreeError, match="'x' has elements out of the range of"):
            io.load(path, like={"x": np.zeros(1, dtype)}, dtype="cast")
    io.save(path, {"x": np.array([np.inf, 0.1])})
    got = io.load(path, like={"x": np.zeros(2, np.float32)}, dtype="cast")
    np.testing.assert_array_equal(got["x"], np.float32([np.inf, 0.1]))


def test_the_byte_order_does_not_matter(tmp_path):
    value = {"x": np.arange(3).astype(">f8"), "c": np.arange(3).astype(">c16")}
    for ending in ENDINGS:
        io.save(tmp_path / f"a{ending}", value)
        got = io.load(tmp_path / f"a{ending}", like=value)
        for name, x in value.items():
            np.testing.assert_array_equal(got[name], x)


def test_a_leaf_of_like_that_is_no_array_is_named(tmp_path):
    io.save(tmp_path / "a.npz", {"f": 1.0})
    with pytest.raises(TypeError, match="the leaf 'f' of like must be an array"):
        io.load(tmp_path / "a.npz", like={"f": "text"})


def test_a_leaf_with_rules_of_its_own_is_refused(tmp_path):
    for x in (np.ma.array(np.ones(2), mask=[True, False]), np.ones((1, 2)).view(np.matrix)):
        for ending in ENDINGS:
            with pytest.raises(TypeError, match=rf"the leaf 'w': {type(x).__name__}"):
                io.save(tmp_path / f"a{ending}", {"w": x})

    assert list(tmp_path.iterdir()) == []


def test_names_and_strings_come_back_or_are_refused(tmp_path):
    names = ["a/b", "a\\b", "../a", "ü", "a\n", " ", "a.npy", "CON", "a" * 10_000, "a\0b", "\ud800"]
    texts = ["", "a\n\0b", "\0", "ü", "\ud800"]
    for ending in ENDINGS:
        path, refused = tmp_path / f"a{ending}", set()
        for value, metadata in [
            *(({name: np.ones(2)}, {}) for name in names),
            *(({}, {"note": text}) for text in texts),
            *(({}, {name: "text"}) for name in names),
        ]:
            try:
                io.save(path, value, metadata)
            except ValueError as error:
                refused |= {*value, *metadata.values()}
                assert str(error).startswith("save: ")
            else:
                assert list(io.load(path)) == list(value)
                assert io.load_metadata(path) == metadata
        assert refused <= {"a\0b", "\0", "\ud800", "text"}
    with pytest.raises(ValueError, match=r"name 'funcgrad\.complex128' is reserved"):
        io.save(path, {}, {"funcgrad.complex128": "w"})


def test_what_cannot_be_saved_is_refused_and_leaves_no_file(tmp_path):
    path = tmp_path / "a.safetensors"
    for value, error, words in [
        ({"f": print}, TypeError, "leaf 'f' must be a numeric array"),
        ({"s": np.array(["x"])}, TypeError, "leaf 's' must be a numeric array"),
        ({"o": np.array([None])}, TypeError, "leaf 'o' must be a numeric array"),
        ({"a.b": 1, "a": {"b": 2}}, ValueError, "two leaves have the name 'a.b'"),
        ({"__metadata__": 1}, ValueError, "the leaf name '__metadata__' is reserved"),
        ({"__metadata__/a": 1}, ValueError, "is reserved for metadata"),
    ]:
        with pytest.raises(error, match=words):
            io.save(path, value)
    with pytest.raises(TypeError, match="metadata must map strings to strings"):
        io.save(path, {}, metadata={"epoch": 3})
    with pytest.raises(ValueError, match=r"must end in .safetensors or .npz"):
        io.save(tmp_path / "a.pkl", {})
    with pytest.raises(TypeError, match="is traced"):
        fg.grad(lambda x: (io.save(path, {"x": x}), x)[1])(1.0)

    assert list(tmp_path.iterdir()) == []


# damaged files

F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
DAMAGED = {
    "empty": (b"", b"", 0),
    "header longer than the file": ({"a": F32}, bytes(8), 10**6),
    "header longer than memory": ({"a": F32}, bytes(8), 2**63),
    "no JSON": (b"{not json", b"", None),
    "no table": (b"[1, 2]", b"", None),
    "no UTF-8": (b'{"\xff": 1}', b"", None),
    "too deep": (b"[" * 100_000, b"", None),
    "a name twice": (
        b'{"a":%s,"a":%s}' % ((json.dumps(F32).encode(),) * 2),
        bytes(8),
        None,
    ),
    "overlap": ({"a": F32, "b": F32 | {"data_offsets": [4, 12]}}, bytes(12), None),
    "gap": ({"a": F32, "b": F32 | {"data_offsets": [12, 20]}}, bytes(20), None),
    "more promised than held": ({"a": F32}, bytes(7), None),
    "more held than promised": ({"a": F32}, bytes(9), None),
    "huge": ({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}, b"", None),
    "huge shape of nothing": (
        {"a": {"dtype": "F32", "shape": [2**62, 2**62, 0], "data_offsets": [0, 0]}},
        b"",
        None,
    ),
    "an integer of thousands of digits": (
        b'{"a":{"dtype":"F32","shape":[%s],"data_offsets":[0,0]}}' % (b"9" * 6000),
        b"",
        None,
    ),
    "huge shape": ({"a": F32 | {"shape": [2**62, 2**62]}}, bytes(8), None),
    "shape of another size": ({"a": F32 | {"shape": [3]}}, bytes(8), None),
    "negative": ({"a": F32 | {"shape": [-2]}}, bytes(8), None),
    "backwards": ({"a": F32 | {"data_offsets": [8, 0]}}, bytes(8), None),
    "true for a number": ({"a": F32 | {"shape": [True]}}, bytes(8), None),
    "unknown dtype": ({"a": F32 | {"dtype": "F128"}}, bytes(8), None),
    "dtype of another type": ({"a": F32 | {"dtype": ["F32"]}}, bytes(8), None),
    "a field missing": ({"a": {"dtype": "F32", "shape": [2]}}, bytes(8), None),
    "an entry of another type": ({"a": 3}, b"", None),
    "metadata of another type": ({"__metadata__": {"a": 1}}, b"", None),
    "many axes": ({"a": F32 | {"shape": [1] * 100 + [2]}}, bytes(8), None),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_refused_and_allocates_nothing_large(tmp_path, name):
    header, data, length = DAMAGED[name]
    path = raw(tmp_path / "a.safetensors", header, data, length)
    tracemalloc.start()
    with pytest.raises(io.FileFormatError, match=r"is damaged.* not a safetensors file"):
        io.load(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 20_000_000


def test_a_late_repetition_among_many_names_is_found_at_once(tmp_path):
    names = [*range(40_000), 39_999]
    header = b"{%s}" % b",".join(b'"a%d":1' % i for i in names)
    start = time.perf_counter()
    with pytest.raises(io.FileFormatError, match="has the name 'a39999' twice"):
        io.load(raw(tmp_path / "a.safetensors", header, b"", None))

    assert time.perf_counter() - start < 2  # comparing each with each takes ten seconds


def test_a_file_cut_anywhere_is_refused(tmp_path):
    for ending in ENDINGS:
        whole = tmp_path / f"a{ending}"
        io.save(whole, {"w": np.arange(20.0), "b": np.arange(3)})
        data = whole.read_bytes()
        for n in range(0, len(data), 7):
            (tmp_path / f"cut{ending}").write_bytes(data[:n])
            with pytest.raises(io.FileFormatError):
                io.load(tmp_path / f"cut{ending}")


def test_a_flipped_byte_in_an_archive_is_found(tmp_path):
    io.save(tmp_path / "a.npz", {"w": np.arange(100.0)})
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[400] ^= 255
    (tmp_path / "b.npz").write_bytes(data)
    with pytest.raises(io.FileFormatError, match="is damaged or not a npz file"):
        io.load(tmp_path / "b.npz")


@pytest.mark.parametrize("ending", ENDINGS)
def test_files_with_any_bytes_changed_give_arrays_or_are_refused(tmp_path, ending):
    io.save(tmp_path / f"a{ending}", {"w": np.arange(20.0), "b": np.ones((2, 3), np.float32)})
    data = (tmp_path / f"a{ending}").read_bytes()
    rng, path, refused = np.random.default_rng(0), tmp_path / f"b{ending}", 0
    for _ in range(400):
        changed = bytearray(data)
        for _ in range(rng.integers(1, 4)):
            changed[rng.integers(len(changed))] = rng.integers(256)
        path.write_bytes(changed)
        try:
            io.load(path)
        except io.FileFormatError:
            refused += 1

    assert refused > 100


def test_pickles_in_an_archive_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([print], dtype=object))
    with pytest.raises(io.FileFormatError, match="holds Python objects"):
        io.load(tmp_path / "a.npz")


def test_an_archive_that_promises_more_than_it_holds_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive, archive.open("x.npy", "w") as member:
        np.lib.format.write_array_header_1_0(
            member, {"shape": (10**12,), "fortran_order": False, "descr": "<f8"}
        )
    tracemalloc.start()
    with pytest.raises(io.FileFormatError, match="fewer elements than its shape"):
        io.load(tmp_path / "a.npz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 1_000_000


def test_archives_of_numpy_are_read(tmp_path):
    value = {"c": np.arange(6.0).reshape(2, 3), "f": np.asfortranarray(np.arange(6).reshape(2, 3))}
    np.savez_compressed(tmp_path / "a.npz", **value)

    assert_same(value, io.load(tmp_path / "a.npz"))


def test_a_file_that_is_not_there_is_an_os_error(tmp_path):
    for ending in ENDINGS:
        with pytest.raises(FileNotFoundError):
            io.load(tmp_path / f"none{ending}")


def test_an_archive_with_a_name_twice_is_refused(tmp_path):
    for names in (["x.npy", "x.npy"], ["x", "x.npy"]):
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # zipfile warns of the name
            for i, name in enumerate(names):
                with archive.open(name, "w") as member:
                    np.lib.format.write_array(member, np.full(2, float(i)))
        with pytest.raises(io.FileFormatError, match="has the name 'x' twice"):
            io.load(tmp_path / "a.npz")


def test_an_array_that_is_longer_than_its_shape_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive, archive.open("x.npy", "w") as member:
        np.lib.format.write_array(member, np.ones(3))
        member.write(bytes(8))
    with pytest.raises(io.FileFormatError, match="more elements than its shape"):
        io.load(tmp_path / "a.npz")


# one pass, and one file


@pytest.mark.parametrize("mmap", [False, True])
def test_a_file_that_takes_the_name_while_another_is_read_is_another(tmp_path, monkeypatch, mmap):
    old, new = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    io.save(old, {"a": np.full(3, 1.0), "b": np.full(5, 2.0)})
    io.save(new, {"a": np.full(5, 3.0), "b": np.full(3, 4.0)})
    loads = json.loads

    def replaced(*args, **kwargs):  # just after the header has been read
        if new.exists():
            os.replace(new, old)
        return loads(*args, **kwargs)

    monkeypatch.setattr(json, "loads", replaced)
    got = io.load(old, mmap=mmap)

    assert not new.exists()
    assert_same({"a": np.full(3, 1.0), "b": np.full(5, 2.0)}, got)


class Disk:
    """A file that calls a function before each read."""

    def __init__(self, path, before):
        self.file, self.before = io_open(path, "rb"), before

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.file.close()

    def __getattr__(self, name):
        if name.startswith("read"):
            self.before(self.file.tell())
        return getattr(self.file, name)


io_open = open


def on_disk(monkeypatch, before):
    """Let the library's files call a function before each read, with its place."""
    monkeypatch.setattr("builtins.open", lambda path, mode: Disk(path, before))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_that_is_written_to_while_it_is_read_is_refused(tmp_path, monkeypatch, ending):
    path = tmp_path / f"a{ending}"
    io.save(path, {"a": np.ones(3)})
    on_disk(monkeypatch, lambda place: os.utime(path, (0, 0)))
    with pytest.raises(io.FileFormatError, match="was written to while it was read"):
        io.load(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_fault_of_the_disk_is_no_damage(tmp_path, monkeypatch, ending):
    path, faults = tmp_path / f"a{ending}", []
    io.save(path, {"a": np.ones(30_000), "b": np.ones(3)})

    def fail(start):
        def before(place):
            if place >= start:
                faults.append(place)
                raise OSError(errno.EIO, os.strerror(errno.EIO))

        return before

    for start in range(0, path.stat().st_size, 40_000):
        on_disk(monkeypatch, fail(start))
        with pytest.raises(OSError, match="Input/output error"):
            io.load(path)
        monkeypatch.undo()
    assert len(faults) > 3


MEMORY = """
import os, resource, sys
import numpy as np
from funcgrad import io
path, room = sys.argv[1], float(sys.argv[2]) * 1e6
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (int(pages * resource.getpagesize() + room),) * 2)
try:
    print(io.load(path)["x"].nbytes)
except MemoryError:
    print("MemoryError")
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="asks Linux for its memory")
def test_what_fits_the_memory_is_read_and_a_lack_of_memory_is_no_damage(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros(5_000_000))
    command = [sys.executable, "-c", MEMORY, str(tmp_path / "a.npz")]
    got = [subprocess.check_output([*command, room], text=True).strip() for room in ("50", "20")]

    assert got == ["40000000", "MemoryError"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_read_but_what_was_asked_for(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    io.save(path, {"w": np.ones(1_000_000), "b": np.ones(1)}, metadata={"epoch": "3"})

    def refused():
        with pytest.raises(TreeError):
            io.load(path, like={"w": np.ones(3), "b": np.ones(1)})

    metadata, of_metadata = peak_of(io.load_metadata, path)
    _, of_error = peak_of(refused)

    assert metadata == {"epoch": "3"}
    assert of_metadata < 1_000_000 and of_error < 1_000_000


@pytest.mark.parametrize("kind", ["stored", "compressed", "fortran", "big-endian", "safetensors"])
def test_reading_takes_the_memory_of_the_arrays_and_little_more(tmp_path, kind):
    x = (np.arange(1_000_000.0) % 7).reshape(2, -1)
    x = np.asfortranarray(x) if kind == "fortran" else x
    x = x.astype(">f8") if kind == "big-endian" else x
    path = tmp_path / ("a.safetensors" if kind == "safetensors" else "a.npz")
    if kind == "safetensors":
        io.save(path, {"x": x})
    else:
        (np.savez_compressed if kind == "compressed" else np.savez)(path, x=x)
    like = {"x": fg.ShapeDtypeStruct(x.shape, np.float64)}
    got, peak = peak_of(lambda: io.load(path, like=like))

    np.testing.assert_array_equal(got["x"], x)
    assert peak < 1.2 * x.nbytes + 2_000_000  # a chunk is 1 MB


# weights of PyTorch


def test_weights_of_other_layouts_are_turned():
    model = nn.Sequential(nn.Conv(2, 4, (3, 5)), nn.BatchNorm(4), nn.Flatten(), nn.Dense(4, 3))
    model = model.init(random.key(0))
    weights = {
        "body.conv.weight": np.random.default_rng(0).normal(size=(4, 2, 3, 5)),
        "body.conv.bias": np.ones(4),
        "body.norm.weight": np.full(4, 2.0),
        "body.norm.bias": np.full(4, 3.0),
        "body.norm.running_mean": np.full(4, 4.0),
        "body.norm.running_var": np.full(4, 5.0),
        "body.norm.num_batches_tracked": np.array(3),
        "head.weight": np.arange(12.0).reshape(3, 4),
        "head.bias": np.zeros(3),
    }
    names = {"layers.0": "body.conv", "layers.1": "body.norm", "layers.3": "head"}
    got = io.load_torch(weights, model, names)

    w = weights["body.conv.weight"]
    np.testing.assert_array_equal(got.layers[0].kernel[1, 2, 1, 3], np.float32(w[3, 1, 1, 2]))
    np.testing.assert_array_equal(got.layers[1].var, np.full(4, 5, np.float32))
    np.testing.assert_array_equal(got.layers[3].kernel, weights["head.weight"].T)
    permuted = io.load_torch(
        weights, model, names | {"layers.3.kernel": ("head.weight", lambda x: x.T[::-1])}
    )
    np.testing.assert_array_equal(permuted.layers[3].kernel, weights["head.weight"].T[::-1])
    with pytest.raises(TreeError, match=r"'layers.3.bias' is missing; 'other' is not in like"):
        io.load_torch(
            {k: v for k, v in weights.items() if k != "head.bias"} | {"other": 1}, model, names
        )


@pytest.mark.peers
def test_a_network_of_pytorch_predicts_the_same_here(tmp_path):
    torch, files = pytest.importorskip("torch"), pytest.importorskip("safetensors.torch")
    net = torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.ConvTranspose2d(4, 3, 2, stride=2),
        torch.nn.GroupNorm(3, 3),
    )
    files.save_file(net.state_dict(), tmp_path / "a.safetensors")
    model = nn.Sequential(
        nn.Conv(2, 4, (3, 3), activation=nn.relu),
        nn.ConvTranspose(4, 3, (2, 2), stride=2),
        nn.GroupNorm(3, 3),
    ).init(random.key(0))
    names = {"layers.0": "0", "layers.1": "2", "layers.2": "3"}
    got = io.load_torch(tmp_path / "a.safetensors", model, names)
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 2)).astype(np.float32)
    want = net(torch.tensor(x.transpose(0, 3, 1, 2).copy())).detach().numpy()

    np.testing.assert_allclose(got(x), want.transpose(0, 2, 3, 1), rtol=1e-4, atol=1e-5)  # float32


@pytest.mark.peers
def test_weights_that_cannot_be_turned_are_named():
    model = nn.Conv(3, 2, 3).init(random.key(0))
    with pytest.raises(TreeError, match=r"'kernel' cannot be made .* got 'weight' f64\[3\]"):
        io.load_torch({"weight": np.ones(3), "bias": np.ones(2)}, model)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_recurrent_weights_of_pytorch_predict_the_same_here(name):
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn, name)(3, 4, 2, batch_first=True, bidirectional=True).double()
    ours = getattr(nn, name)(3, 4, 2, True).init(random.key(0))
    like = tree.map(lambda p: p.astype(float), ours)
    weights = {k: v.numpy() for k, v in theirs.state_dict().items()}
    got = io.load_torch(weights, like)
    x = np.sin(np.arange(30.0)).reshape(2, 5, 3)

    want = theirs(torch.tensor(x))[0].detach().numpy()
    np.testing.assert_allclose(got(x), want, rtol=1e-10, atol=1e-12)


def test_parameters_and_tensors_without_a_dtype_in_numpy_are_taken():
    torch = pytest.importorskip("torch")
    layer = torch.nn.Linear(3, 2)
    narrow = {k: v.to(torch.bfloat16) for k, v in layer.state_dict().items()}
    want = {"kernel": narrow["weight"].float().numpy().T, "bias": narrow["bias"].float().numpy()}
    model = nn.Dense(3, 2).init(random.key(0))

    got = io.load_torch(narrow, model)
    np.testing.assert_array_equal(got.kernel, want["kernel"])
    np.testing.assert_array_equal(got.bias, want["bias"])
    got = io.load_torch(dict(layer.named_parameters()), model)
    np.testing.assert_array_equal(got.kernel, layer.weight.detach().numpy().T)
    odd = {
        "weight": layer.weight.detach().to_sparse(),
        "bias": layer.bias.to(torch.float8_e4m3fn),
    }
    np.testing.assert_array_equal(io.load_torch(odd, model).kernel, got.kernel)
    assert io.load_torch(odd, model).bias.dtype == np.float32


def test_numbers_of_ml_dtypes_are_taken():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = np.float32([1.5, -2.0]).astype(ml_dtypes.bfloat16)
    got = io.load_torch({"w": x}, {"w": np.zeros(2, np.float32)})

    np.testing.assert_array_equal(got["w"], np.float32([1.5, -2.0]))


def test_a_model_does_not_follow_the_weights_it_was_made_of():
    weights = {"weight": np.ones((2, 3), np.float32), "bias": np.ones(2, np.float32)}
    model = io.load_torch(weights, nn.Dense(3, 2).init(random.key(0)))
    for x in weights.values():
        x[:] = 7  # as training in place does

    assert np.all(model.kernel == 1) and np.all(model.bias == 1)


def test_a_masked_weight_is_refused():
    masked = np.ma.array(np.ones(2), mask=[True, False])
    with pytest.raises(TypeError, match="MaskedArray"):
        io.load_torch({"w": masked}, {"w": np.zeros(2)})


@pytest.mark.peers
def test_attention_weights_of_pytorch_predict_the_same_here():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.MultiheadAttention(8, 2, batch_first=True).double()
    model = {"mixer": nn.MultiHeadAttention(8, 2).init(random.key(0))}
    like = tree.map(lambda p: p.astype(float), model)
    weights = {f"attn.{k}": v.numpy() for k, v in theirs.state_dict().items()}
    got = io.load_torch(weights, like, {"mixer": "attn"})["mixer"]
    x = torch.tensor(np.sin(np.arange(80.0)).reshape(2, 5, 8))

    want = theirs(x, x, x)[0].detach().numpy()
    np.testing.assert_allclose(got(x.numpy()), want, rtol=1e-10, atol=1e-12)


# checkpoints


def test_the_newest_checkpoints_and_the_milestones_are_kept(tmp_path):
    checkpoints = io.CheckpointManager(tmp_path / "new" / "folder", keep=2, keep_every=4)
    for step in range(8):
        checkpoints.save(step, {"step": step}, metadata={"loss": str(step / 2)})

    assert checkpoints.steps() == [0, 4, 6, 7] and checkpoints.latest() == 7
    assert checkpoints.restore(like={"step": 0}) == {"step": 7}
    assert checkpoints.restore(4, like={"step": 0}) == {"step": 4}
    assert checkpoints.metadata() == {"loss": "3.5"}
    with pytest.raises(FileNotFoundError, match=r"no checkpoint of step 5 .* there are \[0, 4"):
        checkpoints.restore(5)
    with pytest.raises(ValueError, match="keep must be at least 1"):
        io.CheckpointManager(tmp_path, keep=0)


def test_going_back_and_saving_an_older_step_keeps_it(tmp_path):
    checkpoints = io.CheckpointManager(tmp_path, keep=1)
    for step in (5, 3):
        checkpoints.save(step, {"step": step})

    assert 3 in checkpoints.steps()


def test_going_back_sets_the_later_steps_aside(tmp_path):
    def fill(name):
        checkpoints = io.CheckpointManager(tmp_path / name, keep=2)
        for step in (10, 20, 30):
            checkpoints.save(step, {"branch": 1, "step": step})
        checkpoints = io.CheckpointManager(tmp_path / name, keep=None)
        checkpoints.save(40, {"branch": 1, "step": 40})
        return io.CheckpointManager(tmp_path / name, keep=2)

    for steps in ([21, 22, 23], [35, 50]):  # the first before, and behind, what was there
        checkpoints = fill(str(steps))
        assert checkpoints.restore(20, like={"branch": 0, "step": 0})["step"] == 20
        assert checkpoints.steps() == [20, 30, 40]  # who only reads moves nothing
        for step in steps:
            checkpoints.save(step, {"branch": 2, "step": step})
            assert checkpoints.latest() == step

        assert checkpoints.steps() == steps[-2:]
        assert checkpoints.restore(like={"branch": 0, "step": 0}) == {
            "branch": 2,
            "step": steps[-1],
        }
        aside = sorted((tmp_path / str(steps)).glob("step_*.aside-*.safetensors"))
        assert [io.load(path)["step"] for path in aside] == [30, 40]

    checkpoints = fill("without restoring")
    checkpoints.save(21, {"branch": 2, "step": 21})
    assert checkpoints.steps() == [20, 21]
    checkpoints.save(5, {"branch": 3, "step": 5})
    assert checkpoints.steps() == [5]


def test_a_save_that_fails_sets_nothing_aside(tmp_path):
    checkpoints = io.CheckpointManager(tmp_path)
    checkpoints.save(2, {"w": 1.0})
    with pytest.raises(TypeError):
        checkpoints.save(1, {"w": print})

    assert checkpoints.steps() == [2]


def test_steps_that_another_process_saves_are_not_set_aside(tmp_path):
    slow, fast = io.CheckpointManager(tmp_path), io.CheckpointManager(tmp_path)
    slow.save(0, {})
    for step in range(1, 4):
        fast.save(step, {})
        slow.save(step - 1, {})

    assert slow.steps()[-1] == 3 and not list(tmp_path.glob("*aside*"))


def test_files_of_other_names_are_no_checkpoints(tmp_path):
    checkpoints = io.CheckpointManager(tmp_path, keep=1)
    names = ["step_7.safetensors", "step_000000009.safetensors", "step_\u0661.safetensors"]
    names += ["step_00000008_best.safetensors", "xstep_00000008.safetensors", "step_00000008.npz"]
    for name in names:
        (tmp_path / name).write_bytes(b"mine")
    (tmp_path / "step_00000099.safetensors").mkdir()
    (tmp_path / "step_00000098.safetensors").symlink_to(tmp_path / "nowhere")
    assert checkpoints.latest() is None
    for step in (1, 2):
        checkpoints.save(step, {"step": step})

    assert checkpoints.steps() == [2] and checkpoints.restore() == {"step": 2}
    assert all((tmp_path / name).read_bytes() == b"mine" for name in names)
    checkpoints.save(10**8, {"step": 3})  # nine digits
    assert checkpoints.steps() == [10**8] and checkpoints.restore()["step"] == 3


def test_an_older_checkpoint_stands_in_for_a_damaged_one(tmp_path):
    checkpoints = io.CheckpointManager(tmp_path, keep=None)
    for step in range(5):
        checkpoints.save(step, {"step": step}, {"step": str(step)})
    checkpoints.path(3).write_bytes(checkpoints.path(3).read_bytes()[:-1])
    checkpoints.path(4).write_bytes(b"")
    with pytest.warns(RuntimeWarning, match=r"step 2 is used instead of \[3, 4\]: .* damaged"):
        step, state, metadata = checkpoints.read(like={"step": 0})
    with pytest.warns(RuntimeWarning, match="step 2 is used") as warned:
        again = checkpoints.restore(like={"step": 0})
    with pytest.warns(RuntimeWarning, match="step 2 is used"):
        assert checkpoints.latest() == 2
    with pytest.warns(RuntimeWarning, match="step 2 is used"):
        assert checkpoints.metadata() == {"step": "2"}
    with pytest.raises(io.DamagedFileError):
        checkpoints.restore(4)

    assert (step, state, metadata) == (2, {"step": 2}, {"step": "2"}) and again == state
    assert warned[0].filename == __file__
    checkpoints.save(3, {"step": 33})
    assert checkpoints.steps() == [0, 1, 2, 3] and checkpoints.restore()["step"] == 33


def test_only_damage_makes_an_older_checkpoint_stand_in(tmp_path, monkeypatch):
    checkpoints = io.CheckpointManager(tmp_path)
    checkpoints.save(1, {"w": np.ones(3)})
    checkpoints.save(2, {"w": np.ones(4)})
    with pytest.raises(TreeError):
        checkpoints.restore(like={"w": np.ones(3)})
    header = {"w": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [0, 3]}}
    raw(checkpoints.path(2), header, bytes(3))
    with pytest.raises(io.FileFormatError, match="does not define"):
        checkpoints.restore()
    checkpoints.path(1).write_bytes(b"")
    checkpoints.path(2).write_bytes(b"")
    for call in (checkpoints.restore, checkpoints.latest, checkpoints.metadata):
        with pytest.raises(io.DamagedFileError, match="step_00000002"):
            call()


def test_a_step_that_vanishes_while_it_is_read_gives_way_to_a_newer_one(tmp_path, monkeypatch):
    reader, writer = io.CheckpointManager(tmp_path), io.CheckpointManager(tmp_path, keep=1)
    writer.save(1, {"step": 1}, {"step": "1"})
    steps, later = reader.steps, iter(range(2, 5))

    def saved_meanwhile():
        there = steps()
        if (step := next(later, None)) is not None:
            writer.save(step, {"step": step}, {"step": str(step)})
        return there

    monkeypatch.setattr(reader, "steps", saved_meanwhile)
    step, state, metadata = reader.read(like={"step": 0})

    assert step == state["step"] == int(metadata["step"]) == 4


def test_a_write_protected_checkpoint_is_kept(tmp_path):
    checkpoints = io.CheckpointManager(tmp_path, keep=1)
    for step in range(3):
        checkpoints.save(step, {"step": step})
        if step == 1:
            checkpoints.path(1).chmod(0o444)

    assert checkpoints.steps() == [1, 2]
    with pytest.raises(TypeError, match="keep must be an integer"):
        io.CheckpointManager(tmp_path, keep=1.5)


def test_an_empty_folder_has_no_checkpoint(tmp_path):
    checkpoints = io.CheckpointManager(tmp_path)

    assert checkpoints.latest() is None
    with pytest.raises(FileNotFoundError, match="there is none"):
        checkpoints.restore()


def test_a_step_is_an_integer(tmp_path):
    checkpoints = io.CheckpointManager(tmp_path)
    checkpoints.save(np.int64(5), {})

    assert checkpoints.steps() == [5]
    with pytest.raises(TypeError, match=r"a step must be an integer: got 5\.5"):
        checkpoints.save(5.5, {})


def test_a_save_leaves_alone_what_another_is_writing_and_deletes_what_was_left(tmp_path):
    present, left = tmp_path / ".step_1.a.tmp", tmp_path / ".step_2.b.tmp"
    for path in (present, left):
        path.write_bytes(b"1")
    os.utime(left, (0, 0))
    io.CheckpointManager(tmp_path).save(3, {})

    assert present.exists() and not left.exists()


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "a.safetensors", tmp_path / "link.safetensors"
    io.save(target, {"w": 1.0})
    link.symlink_to(target)
    io.save(link, {"w": 2.0})

    assert link.is_symlink() and io.load(target)["w"] == 2


def test_complex_arrays_may_have_any_names(tmp_path):
    want = {"a\nb": np.ones(2) * 1j, "a": np.ones(2), "b\\n": np.full(1, 2j), "b": np.ones((1, 2))}
    io.save(tmp_path / "a.safetensors", want)

    assert_same(want, io.load(tmp_path / "a.safetensors"))


def test_a_failing_write_leaves_what_was_there(tmp_path):
    resource = pytest.importorskip("resource")  # Unix
    checkpoints = io.CheckpointManager(tmp_path, keep=1)
    checkpoints.save(1, {"w": np.ones(3)})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))  # as a full disk
        with pytest.raises(OSError):
            checkpoints.save(2, {"w": np.ones(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)

    assert [path.name for path in tmp_path.iterdir()] == ["step_00000001.safetensors"]
    np.testing.assert_array_equal(checkpoints.restore()["w"], [1, 1, 1])
