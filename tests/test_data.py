"""Data: every row comes once, in an order that the key decides, and goes on where it was killed."""

import gc
import itertools
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import data, io, random, tree
from funcgrad.core.errors import DtypeError, ShapeError, TreeError
from funcgrad.data.datasets import ExhaustedError
from funcgrad.data.loader import MovedError
from funcgrad.data.prefetching import prefetched

from .support.compare import assert_same

KEY = random.key(0)
ROWS = {"x": np.arange(20.0).reshape(10, 2), "y": np.arange(10)}


def lists(batches):
    return [np.asarray(b).tolist() for b in batches]


def workers():
    return [t for t in threading.enumerate() if t.name == "funcgrad-prefetch"]


# batches


@pytest.mark.parametrize("size", [1, 3, 5, 10, 99])
@pytest.mark.parametrize("key", [None, KEY], ids=["in order", "shuffled"])
def test_every_row_comes_once_an_epoch(size, key):
    loader = data.Loader(ROWS, size, key=key)
    epochs = [list(loader) for _ in range(2)]

    for batches in epochs:
        y = np.concatenate([b["y"] for b in batches])
        assert len(batches) == len(loader) == -(-10 // size)
        assert sorted(y) == list(range(10)) and (key is not None or y.tolist() == sorted(y))
        np.testing.assert_array_equal(np.concatenate([b["x"] for b in batches]), ROWS["x"][y])


def test_epochs_have_orders_of_their_own_that_the_key_decides():
    one, two, other = (data.Loader(np.arange(50), 50, key=random.key(s)) for s in (0, 0, 1))
    first, second = one.batch(0, epoch=0), one.batch(0, epoch=1)

    assert not np.array_equal(first, second) and not np.array_equal(first, next(iter(other)))
    np.testing.assert_array_equal(first, next(iter(two)))


def test_drop_last_leaves_out_the_rest():
    loader = data.Loader(np.arange(10), 4, drop_last=True)

    assert len(loader) == 2 and lists(loader) == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_batches_keep_structure_and_dtypes_and_are_copies():
    arrays = (
        np.arange(4, dtype=np.uint8),
        {"a": np.ones((4, 2), np.float32), "k": random.split(KEY, 4)},
    )
    for key in (None, KEY):
        batch = next(iter(data.Loader(arrays, 2, key=key)))
        batch[0][:] = 99
        assert tree.structure(batch) == tree.structure(arrays)
        assert [x.dtype for x in tree.leaves(batch)] == [x.dtype for x in tree.leaves(arrays)]

    assert arrays[0].tolist() == [0, 1, 2, 3]


def test_memory_mapped_arrays_give_plain_ones(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(6))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")

    assert type(data.Loader(mapped, 2).batch(0)) is np.ndarray
    assert type(data.Loader(mapped, 2, key=KEY).batch(0)) is np.ndarray


def test_without_a_batch_size_examples_come_alone():
    assert lists(data.Loader(np.arange(3), None)) == [0, 1, 2]
    assert list(data.Loader(lambda: [1, 2], None)) == [1, 2]


def test_numbered_examples_are_stacked():
    class Squares:
        def __len__(self):
            return 5

        def __getitem__(self, i):
            return {"n": i, "square": float(i * i)}

    loader = data.Loader(Squares(), 2)
    shuffled = data.Loader(Squares(), 2, key=KEY)

    assert [b["square"].tolist() for b in loader] == [[0, 1], [4, 9], [16]]
    assert sorted(np.concatenate([b["n"] for b in shuffled])) == [0, 1, 2, 3, 4]


def test_a_function_makes_examples_anew_for_each_epoch():
    def examples():
        yield from range(5)

    loader = data.Loader(examples, 2)

    assert lists(loader) == lists(loader) == [[0, 1], [2, 3], [4]]
    with pytest.raises(TypeError, match="length of an iterable is unknown"):
        len(loader)


def test_a_function_gets_the_key_of_the_epoch():
    loader = data.Loader(lambda key: random.permutation(key, 4), None, key=KEY)
    first, second = list(loader), list(loader)

    assert sorted(first) == sorted(second) == [0, 1, 2, 3] and first != second


def test_an_iterator_serves_one_epoch():
    loader = data.Loader(iter(range(3)), 2)

    assert lists(loader) == [[0, 1], [2]]
    with pytest.raises(ExhaustedError, match="is exhausted"):
        list(loader)


def test_transforms_and_augmentation_see_batches():
    augment = lambda key, x: x + random.uniform(key, x.shape)
    make = lambda size=2: data.Loader(np.zeros(6), size, key=KEY, augment=augment)
    noise = np.concatenate(list(make()))

    assert len(set(noise)) == 6
    assert_same(list(make()), list(make()))
    assert lists(data.Loader(np.arange(3), 2, transform=lambda x: 10 * x)) == [[0, 10], [20]]


def test_a_batch_can_be_had_by_its_number():
    loader = data.Loader(np.arange(10), 3, key=KEY)
    want = [list(loader), list(loader)]

    for epoch, i in itertools.product(range(2), range(4)):
        np.testing.assert_array_equal(loader.batch(i, epoch), want[epoch][i])
    assert (loader.epoch, loader.done) == (2, 0)
    with pytest.raises(IndexError, match="no batch 4"):
        loader.batch(4)


# samplers


def test_weighted_sampling_is_in_proportion_to_the_weights():
    weights = np.array([0.0, 1.0, 3.0])
    drawn = data.weighted_sampler(weights, 20_000)(KEY)

    # 4 deviations of a binomial share
    np.testing.assert_allclose(
        np.bincount(drawn, minlength=3) / 20_000, [0, 1 / 4, 3 / 4], atol=0.013
    )


def test_buckets_hold_rows_of_like_length():
    lengths = np.arange(103) % 10
    loader = data.Loader(lengths, 10, key=KEY, sampler=data.bucket_sampler(lengths, 10))
    first, second = list(loader), list(loader)

    assert sorted(np.concatenate(first)) == sorted(lengths)
    assert max(np.ptp(b) for b in first) <= 1 and len(first[-1]) == 3
    with pytest.raises(AssertionError):
        assert_same(first, second)


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [([0.5], ValueError, "integers"), ([], ValueError, "integers"), ([3], IndexError, "0 to 2")],
)
def test_samplers_must_name_rows(rows, error, words):
    with pytest.raises(error, match=words):
        data.Loader(np.arange(3), 2, sampler=lambda key: np.array(rows))


# resuming


SOURCES = {
    "arrays": lambda: (np.arange(11), {}),
    "numbered": lambda: (range(11), {}),
    "function": lambda: (lambda key: iter(random.permutation(key, 11)), {}),
    "sampler": lambda: (np.arange(11), {"sampler": data.weighted_sampler(np.arange(11.0), 9)}),
    "dropped": lambda: (np.arange(11), {"drop_last": True}),
    "augmented": lambda: (np.arange(11), {"augment": lambda k, x: x + random.uniform(k, x.shape)}),
}


@pytest.mark.parametrize("prefetch", [0, 3])
@pytest.mark.parametrize("name", SOURCES)
def test_a_restored_loader_gives_exactly_the_batches_that_followed(tmp_path, name, prefetch):
    def make(seed):
        source, options = SOURCES[name]()
        return data.Loader(source, 4, key=random.key(seed), prefetch=prefetch, **options)

    want = list(make(7).stream(epochs=3))
    for done in range(len(want) + 1):
        loader = make(7)
        begun = list(itertools.islice(loader.stream(epochs=3), done))
        io.save(tmp_path / "at.safetensors", loader.state())
        again = make(8)  # the key comes back too
        again.restore(io.load(tmp_path / "at.safetensors", like=again.state()))
        assert_same(begun + list(again.stream(epochs=3)), want)


def test_an_epoch_that_was_left_goes_on():
    loader = data.Loader(np.arange(10), 2)
    first = next(iter(loader))

    assert lists([first]) + lists(loader) == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    assert (loader.epoch, loader.done) == (1, 0)


def test_the_end_of_an_epoch_comes_once_after_the_last_batch():
    loader = data.Loader(np.arange(4), 2)
    for _ in loader:
        last = loader.state()  # saved in the loop, before what is done after an epoch
    again = data.Loader(np.arange(4), 2)
    again.restore(last)

    assert last[:2] == (0, 2)
    assert list(again) == [] and again.epoch == 1


def test_a_position_fits_its_loader_alone():
    position = data.Loader(np.arange(10), 2).state()
    with pytest.raises(ValueError, match=r"batch_size must be .* 2: got 5"):
        data.Loader(np.arange(10), 5).restore(position)
    with pytest.raises(ValueError, match=r"rows must be .* 10: got 9"):
        data.Loader(np.arange(9), 2).restore(position)
    with pytest.raises(ValueError, match="has a key"):
        data.Loader(np.arange(10), 2, key=KEY).restore(position)
    with pytest.raises(ValueError, match="done must be at most 5"):
        data.Loader(np.arange(10), 2).restore(position._replace(done=6))


def test_two_loops_cannot_share_a_loader():
    loader = data.Loader(np.arange(10), 2)
    outer = iter(loader)
    next(outer)
    next(iter(loader))
    with pytest.raises(MovedError, match="use one loader for each loop"):
        next(outer)


SCRIPT = """
import sys
import numpy as np
import funcgrad as fg

folder, steps = sys.argv[1], 60
augment = lambda key, b: {**b, "x": b["x"] + fg.random.normal(key, b["x"].shape)}
rows = {"x": np.linspace(0, 1, 50).reshape(25, 2), "y": np.arange(25.0)}
loader = fg.data.Loader(rows, 4, key=fg.random.key(3), augment=augment, prefetch=2)
state = {"w": np.zeros(2), "n": 0, "at": loader.state()}
saved = fg.io.CheckpointManager(folder, keep=2)
if saved.latest() is not None:
    state = saved.restore(like=state)
    loader.restore(state["at"])
grad = fg.grad(lambda w, b: np.mean((b["x"] @ w - b["y"]) ** 2))
for batch in loader.stream():
    w = state["w"] - 0.01 * grad(state["w"], batch)
    state = {"w": w, "n": state["n"] + 1, "at": loader.state()}
    saved.save(state["n"], state)
    print(state["n"], flush=True)
    if state["n"] >= steps:
        break
print(state["w"].tobytes().hex())
"""


def start(folder):
    environ = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder)], stdout=subprocess.PIPE, text=True, env=environ
    )


def test_a_killed_training_ends_with_the_same_bits(tmp_path):
    want = start(tmp_path / "unbroken").communicate(timeout=60)[0].splitlines()[-1]
    for lines in (7, 23):  # in the first and in a later epoch, wherever in the step
        process = start(tmp_path / "killed")
        for _ in range(lines):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
    got = start(tmp_path / "killed").communicate(timeout=60)[0].splitlines()

    assert int(got[0]) > 23 and got[-1] == want


# prefetching


def test_prefetching_changes_no_batch():
    plain, ahead = (data.Loader(ROWS, 3, key=KEY, prefetch=n) for n in (0, 2))

    assert_same(list(plain.stream(epochs=4)), list(ahead.stream(epochs=4)))


def test_prefetching_is_bounded_and_the_state_is_the_consumers():
    made = []

    def note(x):
        made.append(x)
        return x

    loader = data.Loader(np.arange(100), 1, prefetch=3, transform=note)
    batches = iter(loader)
    for i in range(5):
        next(batches)
        time.sleep(0.01)
        assert loader.state()[:2] == (0, i + 1) and len(made) <= i + 1 + 3
    batches.close()

    assert not workers()


@pytest.mark.parametrize("good", [0, 1, 5])
def test_what_the_producer_raises_is_raised_in_its_place(good):
    def examples():
        yield from range(good)
        raise OSError("the disk is gone")

    loader, seen = data.Loader(examples, None, prefetch=2), []
    with pytest.raises(OSError, match="the disk is gone"):
        for x in loader:
            seen.append(x)

    assert seen == list(range(good)) and loader.done == good and not workers()


def test_the_thread_ends_when_the_consumer_stops():
    closed = []

    def examples():
        try:
            yield from itertools.count()
        finally:
            closed.append(True)

    loader = data.Loader(examples, 2, prefetch=2)
    for _ in loader:
        break
    gc.collect()
    assert not workers() and closed == [True]
    with pytest.raises(RuntimeError, match="mine"):
        for _ in loader:
            raise RuntimeError("mine")
    gc.collect()

    assert not workers()


def test_the_producer_works_in_the_context_of_the_consumer():
    items = (np.float64(1) / np.float64(x) for x in (1, 0))
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        list(prefetched(items, 1))


def test_an_iteration_left_open_does_not_hold_up_the_end_of_the_program():
    code = """
import time
import numpy as np
import funcgrad as fg
slow = lambda x: time.sleep(0.2) or x
batches = iter(fg.data.Loader(np.arange(9), 1, prefetch=2, transform=slow))
print(next(batches))
circle = [batches]
circle.append(circle)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)

    assert (done.returncode, done.stdout, done.stderr) == (0, "[0]\n", "")


def test_prefetching_overlaps_with_the_use():
    def slow(x):
        time.sleep(0.02)
        return x

    times = []
    for prefetch in (0, 2):
        start = time.perf_counter()
        for _ in data.Loader(np.arange(10), 1, prefetch=prefetch, transform=slow):
            time.sleep(0.02)
        times.append(time.perf_counter() - start)

    assert times[1] < 0.9 * times[0]  # half, on a machine with nothing else to do


# what is refused


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (
            lambda: data.Loader(ROWS, 0),
            ValueError,
            "batch_size must be an integer >= 1: got 0",
        ),
        (lambda: data.Loader(ROWS, 2.5), DtypeError, "batch_size must be an integer: got 2.5"),
        (lambda: data.Loader(ROWS, 2, prefetch=-1), ValueError, "prefetch .* got -1"),
        (lambda: data.Loader(ROWS, 11, drop_last=True), ValueError, "no batch of 11: .* 10 rows"),
        (lambda: data.Loader({}, 2), TreeError, "the tree has no arrays"),
        (lambda: data.Loader(np.ones((0, 3)), 2), ValueError, r"no rows: got f64\[0,3\]"),
        (lambda: data.Loader([1, 2, 3], 2), ShapeError, r"got 1 at \[0\]; for a list"),
        (
            lambda: data.Loader({"a": np.ones(3), "b": [np.ones((4, 2))]}, 2),
            ShapeError,
            r"f64\[3\] at \['a'\] and f64\[4,2\] at \['b'\]\[0\]",
        ),
        (lambda: data.Loader(ROWS, 2, key=0), TypeError, r"must be a key: got 0; write .*key\(0\)"),
        (lambda: data.Loader(iter([1]), 2, key=KEY), ValueError, "cannot be shuffled"),
        (lambda: data.Loader(ROWS, 2, augment=lambda k, x: x), ValueError, "augment needs a key"),
        (lambda: list(data.Loader(list, 2).stream()), ValueError, "gave no batch"),
        (lambda: data.Loader(ROWS, 2).restore((0, 1)), DtypeError, r"a Position: got \(0, 1\)"),
        (lambda: data.Loader([{"a": 1}], 2), ShapeError, r"\[0\]\['a'\].* data.stack\(examples\)"),
        (lambda: data.stack([]), ValueError, "the list of examples is empty"),
        (
            lambda: data.stack([{"a": np.ones(2)}, {"a": np.ones(3)}]),
            ShapeError,
            r"f64\[2\] and f64\[3\] at \['a'\]; pad them",
        ),
        (lambda: data.weighted_sampler([0.0, 0.0]), ValueError, "not all 0"),
        (lambda: data.weighted_sampler([1.0, -1.0]), ValueError, "not negative"),
        (lambda: data.weighted_sampler([1.0])(None), DtypeError, "the key must not be None"),
    ],
)
def test_the_loader_says_what_is_wrong(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_traced_arrays_are_refused():
    with pytest.raises(DtypeError, match="outside the traced function"):
        fg.grad(lambda x: next(iter(data.Loader(x, 1)))[0])(np.ones(3))


# splits


@pytest.mark.parametrize("key", [None, KEY], ids=["in order", "drawn"])
@pytest.mark.parametrize(("size", "tests"), [(0.3, 3), (4, 4), (0.05 * 2, 1), (9, 9)])
def test_a_split_is_a_partition(key, size, tests):
    train, test = data.train_test_split(ROWS, size, key=key)

    assert len(test["y"]) == tests and sorted([*train["y"], *test["y"]]) == list(range(10))
    for part in (train, test):
        np.testing.assert_array_equal(part["x"], ROWS["x"][part["y"]])
    if key is None:
        assert test["y"].tolist() == list(range(10 - tests, 10))


@pytest.mark.parametrize("seed", range(5))
def test_a_stratified_split_keeps_the_shares(seed):
    y = np.random.default_rng(seed).choice(4, 200, p=[0.5, 0.3, 0.15, 0.05])
    train, test = data.train_test_split(y, 0.25, key=random.key(seed), stratify=y)
    want = np.bincount(y, minlength=4) / 4

    assert len(test) == 50 and np.all(np.abs(np.bincount(test, minlength=4) - want) < 1)
    np.testing.assert_array_equal(
        np.bincount(train, minlength=4) + np.bincount(test, minlength=4), np.bincount(y)
    )


@pytest.mark.parametrize("stratify", [None, ROWS["y"] % 2], ids=["plain", "stratified"])
@pytest.mark.parametrize("folds", [2, 3, 10])
def test_every_row_validates_once(folds, stratify):
    parts = list(data.k_fold(ROWS, folds, key=KEY, stratify=stratify))

    assert len(parts) == folds
    assert sorted(np.concatenate([v["y"] for _, v in parts])) == list(range(10))
    for train, valid in parts:
        assert sorted([*train["y"], *valid["y"]]) == list(range(10))
        assert len(valid["y"]) - 10 // folds in (0, 1)
        odd = np.sum(valid["y"] % 2)
        assert stratify is None or abs(odd - 5 / folds) < 1


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: data.train_test_split(ROWS, 0.0, key=KEY), ValueError, "both parts: got 0.0"),
        (lambda: data.train_test_split(ROWS, 10, key=KEY), ValueError, "an integer from 1 to 9"),
        (lambda: data.train_test_split(ROWS, "2", key=KEY), TypeError, "a float or an integer"),
        (
            lambda: data.train_test_split(ROWS, key=KEY, stratify=np.ones(3)),
            ShapeError,
            r"stratify must have shape \[10\]: got f64\[3\]",
        ),
        (lambda: data.k_fold(ROWS, 11, key=KEY), ValueError, "at most the 10 rows: got 11"),
        (lambda: data.k_fold(ROWS, 1, key=KEY), ValueError, "folds must be .* >= 2: got 1"),
    ],
)
def test_splits_say_what_is_wrong(make, error, words):
    with pytest.raises(error, match=words):
        make()


# scaling


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
def test_standardized_features_have_mean_0_and_deviation_1(dtype):
    x = np.random.default_rng(0).uniform(0, 200, (1000, 3)).astype(dtype)
    x[:, 1] = 7
    scaler = data.standardizer(x)
    z = scaler(x)
    atol = 1e-12 if dtype == np.float64 else 1e-4  # sums of 1000 in float32

    assert z.dtype == (dtype if np.dtype(dtype).kind == "f" else np.float32)
    np.testing.assert_allclose(z.mean(axis=0), np.zeros(3), atol=atol)
    np.testing.assert_allclose(z.std(axis=0), [1, 0, 1], atol=atol)
    np.testing.assert_allclose(scaler.inverse(z), x, atol=atol)
    assert np.all(z[:, 1] == 0) and np.all(scaler(x + dtype(1))[:, 1] == 1)


@pytest.mark.parametrize("value", [0.1, 1e30, 1e-40, -3.3])
def test_a_constant_feature_becomes_0_whatever_the_rounding(value):
    x = np.full((999, 1), value)

    assert np.all(data.standardizer(x)(x) == 0)
    np.testing.assert_allclose(data.min_max_scaler(x, -1, 1)(x), -1)


def test_extremes_become_the_bounds():
    x = np.random.default_rng(0).normal(size=(50, 2))
    z = data.min_max_scaler(x, -1, 3)(x)

    np.testing.assert_allclose([z.min(axis=0), z.max(axis=0)], [[-1, -1], [3, 3]], atol=1e-12)
    with pytest.raises(ValueError, match="low must be less than high: got 1 and 0"):
        data.min_max_scaler(x, 1, 0)


def test_scalers_are_trees_that_are_saved_and_differentiated(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (20, 4, 4, 3)).astype(np.uint8)
    scaler = data.standardizer({"images": images, "age": np.arange(20)}, axis=(0,))
    colours = data.standardizer(images, axis=(0, 1, 2))
    io.save(tmp_path / "s.npz", scaler)
    again = io.load(tmp_path / "s.npz", like=scaler)

    assert colours.shift.shape == (3,) and scaler.scale["images"].shape == (4, 4, 3)
    assert_same(tree.leaves(again), tree.leaves(scaler))
    np.testing.assert_allclose(
        fg.grad(lambda x: colours(x).sum())(np.ones((2, 3), np.float32)), [1 / colours.scale] * 2
    )
    np.testing.assert_array_equal(fg.jit(colours)(images), colours(images))


# sequences


def test_padding_is_taken_off_by_the_mask():
    rng = np.random.default_rng(0)
    ragged = [rng.normal(size=(n, 2)).astype(np.float32) for n in (3, 0, 5, 1)]
    for side in ("right", "left"):
        array, mask = data.pad_sequences(ragged, side=side, value=np.nan, multiple=4)
        assert array.shape == (4, 8, 2) and array.dtype == np.float32
        assert np.all(np.isnan(array[~mask]))
        for row, m, want in zip(array, mask, ragged, strict=True):
            np.testing.assert_array_equal(row[m], want)


def test_what_is_longer_is_cut_only_when_asked():
    with pytest.raises(ValueError, match="length must be at least 3, the longest sequence: got 2"):
        data.pad_sequences([[1, 2, 3]], 2)

    assert data.pad_sequences([[1, 2, 3]], 2, truncate=True)[0].tolist() == [[1, 2]]
    left = data.pad_sequences([[1, 2, 3]], 2, truncate=True, side="left")
    assert left[0].tolist() == [[2, 3]]


def test_empty_lists_do_not_decide_the_dtype():
    assert data.pad_sequences([[], [1, 2]])[0].dtype == np.int64
    assert data.pad_sequences([[], []])[0].shape == (2, 0)
    assert np.isnan(data.pad_sequences([[], [1]], value=np.nan)[0][0, 0])


def test_ragged_examples_are_padded_as_they_are_batched():
    ragged = [np.arange(n) for n in (3, 1, 2)]
    (first, mask), (second, _) = data.Loader(lambda: ragged, 2, collate=data.pad_sequences)

    assert first.tolist() == [[0, 1, 2], [0, 0, 0]] and mask.sum() == 4
    assert second.tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: data.pad_sequences([]), ValueError, "the list of sequences is empty"),
        (lambda: data.pad_sequences([1, 2]), ShapeError, r"write pad_sequences\(\[x\]\)"),
        (lambda: data.pad_sequences([np.ones((2, 3)), np.ones((2, 4))]), ShapeError, "at 1"),
        (lambda: data.pad_sequences([[1]], side="top"), ValueError, "side must be"),
        (lambda: data.windows(np.ones(3), 3), ValueError, "= 4 steps: got 3"),
        (lambda: data.windows(np.ones(9), 0), ValueError, "length must be .* got 0"),
        (lambda: data.windows(1.0, 1), ShapeError, "time axis"),
    ],
)
def test_sequences_say_what_is_wrong(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize("shape", [(20,), (20, 3)])
@pytest.mark.parametrize(("horizon", "stride"), [(1, 1), (3, 2), (0, 5)])
def test_windows_are_slices_of_the_series(shape, horizon, stride):
    series = np.random.default_rng(0).normal(size=shape)
    x, y = data.windows(series, 4, horizon, stride)

    assert len(x) == len(y) == (20 - 4 - horizon) // stride + 1
    for i, (a, b) in enumerate(zip(x, y, strict=True)):
        np.testing.assert_array_equal(np.concatenate([a, b]), series[i * stride :][: 4 + horizon])
    assert next(iter(data.Loader((x, y), 2)))[0].flags.writeable


@pytest.mark.parametrize("scaler", [data.standardizer, data.min_max_scaler])
def test_scalers_refuse_missing_values(scaler):
    with pytest.raises(random.RangeError, match=r"1 nan or inf in f64\[2,1\]; fill"):
        scaler(np.array([[1.0], [np.nan]]))
