"""Whatever ``x[...]`` takes: random indices, read and written, against NumPy and every law."""

import collections
import enum
import math

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import ConcretizationError

from .support.compare import assert_same

UFUNCS = {
    "set": None, "add": np.add, "subtract": np.subtract, "multiply": np.multiply,
    "divide": np.divide, "power": np.power, "min": np.minimum, "max": np.maximum,
}  # fmt: skip
TRUTHS = [True, False, np.True_, np.array(True)]


def random_slice(rng, n):
    start, stop = (None if rng.random() < 0.4 else int(rng.integers(-n - 2, n + 3)) for _ in "ab")
    return slice(
        start, stop, None if rng.random() < 0.4 else int(rng.choice([-3, -2, -1, 1, 2, 3]))
    )


def random_array(rng, n, common):
    shape = tuple(1 if rng.random() < 0.2 else d for d in common[rng.integers(len(common) + 1) :])
    if n == 0 and 0 not in shape:
        return slice(None)
    dtype = rng.choice([np.int64, np.int8, np.uint8])
    low = 0 if dtype is np.uint8 else -n
    array = rng.integers(low, max(n, 1), size=shape).astype(dtype)
    return array.tolist() if array.ndim and rng.random() < 0.3 else array


def random_index(rng, shape):
    """Return an index of anything that NumPy takes; a few are out of range or too long."""
    entries, axis, used = [], 0, rng.integers(0, len(shape) + 1)
    common = tuple(rng.integers(0 if rng.random() < 0.1 else 1, 4, size=rng.integers(0, 3)))
    while axis < used:
        n, kind = shape[axis], rng.integers(12)
        if kind < 3:
            entries.append(random_slice(rng, n))
        elif kind < 5 and n:
            number = rng.integers(0, n) - n * (kind == 4)
            entries.append(int(number) if rng.random() < 0.5 else np.int8(number))
        elif kind < 8:
            entries.append(random_array(rng, n, common))
        elif kind == 8:
            entries.append(rng.random(n) < 0.5)
        elif kind == 9 and axis + 1 < used:
            entries.append(rng.random(shape[axis : axis + 2]) < 0.5)
            axis += 1
        else:
            entries.append(slice(None))
        axis += 1
    for _ in range(rng.integers(0, 3)):
        entry = None if rng.random() < 0.7 else TRUTHS[rng.integers(4)]
        entries.insert(rng.integers(0, len(entries) + 1), entry)
    if rng.random() < 0.4:
        entries.insert(rng.integers(0, len(entries) + 1), ...)
    return entries[0] if len(entries) == 1 and rng.random() < 0.6 else tuple(entries)


def case(seed):
    """Return a generator, an array, an index, and what NumPy reads there, or its error."""
    rng = np.random.default_rng(seed)
    shape = tuple(map(int, rng.integers(0 if rng.random() < 0.1 else 1, 5, rng.integers(0, 5))))
    x, index = rng.uniform(0.5, 2.0, shape), random_index(rng, shape)
    try:
        return rng, x, index, np.asarray(x[index])
    except IndexError as err:
        return rng, x, index, err


CASES = range(300)


@pytest.mark.parametrize("seed", CASES)
def test_a_random_index_reads_what_numpy_reads(seed):
    rng, x, index, want = case(seed)
    f = lambda x: x[index]
    stack = rng.normal(size=(3, *x.shape))
    if isinstance(want, IndexError):
        for read in (lambda: fg.vjp(f, x), lambda: fg.jit(f)(x), lambda: fg.vmap(f)(stack)):
            with pytest.raises(IndexError):
                read()
        return
    t, ct = rng.normal(size=x.shape), rng.normal(size=want.shape)
    y, pull = fg.vjp(f, x)
    pushed = fg.jvp(f, (x,), (t,))[1]
    mapped = fg.vmap(f)(stack)
    g = fg.jit(fg.vmap(fg.grad(lambda x: np.sum(x[index] * ct))))(stack)

    for got in (y, fg.jit(f)(x)):
        assert np.shape(got) == want.shape and np.array_equal(got, want)
    assert np.array_equal(pushed, t[index])
    assert math.isclose(np.sum(pushed * ct), np.sum(pull(ct)[0] * t), rel_tol=1e-12, abs_tol=1e-12)
    assert mapped.shape == (3, *want.shape)
    assert all(np.array_equal(a, b[index]) for a, b in zip(mapped, stack, strict=True))
    assert np.allclose(g, pull(ct)[0], rtol=1e-13)


@pytest.mark.parametrize("seed", CASES)
def test_a_random_index_is_written_as_numpy_writes(seed):
    rng, x, index, slot = case(seed)
    op = list(UFUNCS)[seed % len(UFUNCS)]
    f = lambda x, v: getattr(fg.at(x)[index], op)(v)
    if isinstance(slot, IndexError):
        for write in (lambda: f(x, 1.0), lambda: fg.jit(f)(x, 1.0), lambda: fg.vjp(f, x, 1.0)):
            with pytest.raises(IndexError):
                write()
        return
    lengths = slot.shape[rng.integers(slot.ndim + 1) :] if rng.random() < 0.4 else slot.shape
    v = rng.uniform(0.6, 1.5, tuple(1 if rng.random() < 0.1 else n for n in lengths))
    want = x.copy()
    if op == "set":
        want[index] = v
    else:
        UFUNCS[op].at(want, index, np.broadcast_to(v, slot.shape))
    tangents = rng.normal(size=x.shape), rng.normal(size=v.shape)
    ct = rng.normal(size=x.shape)
    (y, pushed), pulled = fg.jvp(f, (x, v), tangents), fg.vjp(f, x, v)[1](ct)
    step = [1e-6 * t for t in tangents]
    change = f(x + step[0], v + step[1]) - f(x - step[0], v - step[1])
    inner = sum(np.sum(c * t) for c, t in zip(pulled, tangents, strict=True))
    xs, vs = rng.uniform(0.5, 2.0, (2, *x.shape)), rng.uniform(0.6, 1.5, (2, *v.shape))

    for got in (f(x, v), y, fg.jit(f)(x, v)):
        assert got.shape == x.shape and np.allclose(got, want, rtol=1e-13)
    assert math.isclose(np.sum(pushed * ct), inner, rel_tol=1e-11, abs_tol=1e-11)
    assert np.allclose(change / 2e-6, pushed, rtol=1e-5, atol=1e-6)
    for axes, given in {(0, 0): (xs, vs), (None, 0): (x, vs), (0, None): (xs, v)}.items():
        one = [[a if d is None else a[k] for a, d in zip(given, axes, strict=True)] for k in (0, 1)]
        assert np.allclose(fg.vmap(f, axes)(*given), [f(*a) for a in one], rtol=1e-13)


def test_an_ellipsis_for_no_axis_keeps_index_arrays_apart():
    x = np.arange(6.0).reshape(2, 3)
    f = lambda x: x[:, None][:, [0], ..., -1]

    assert f(x).shape == (1, 2)
    for transform in (fg.jit, lambda f: lambda x: fg.jvp(f, (x,), (x,))[0]):
        assert np.array_equal(transform(f)(x), f(x))


@pytest.mark.parametrize("index", [1.0, "a", np.ones(2), (0, 0), (..., ...), [0.5], None.__class__])
def test_what_is_no_index_raises_under_every_transform(index):
    for transform in (fg.grad, fg.jit, lambda f: lambda x: fg.vmap(f)(x[None])):
        with pytest.raises(IndexError):
            transform(lambda x: np.sum(x[index]))(np.ones(3))


# what NumPy converts


class Wrapped:
    """An array to NumPy, and to nobody else."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)


class Whole:
    """An integer to NumPy, and no number."""

    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


Day = enum.IntEnum("Day", {"ZERO": 0, "ONE": 1, "TWO": 2, "THREE": 3, "LAST": -1})
SEQUENCES = {
    "list": list,
    "tuple": tuple,
    "array": np.array,
    "int8": lambda v: np.array(v, np.int8),
    "wrapped": Wrapped,
    "deque": collections.deque,
    "range": lambda v: range(v[0], v[-1] + 1),
    "pandas.Series": lambda v: pytest.importorskip("pandas").Series(v),
    "pandas.Index": lambda v: pytest.importorskip("pandas").Index(v),
}
INTEGERS = {"an enum": Day, "an object": Whole, "int64": np.int64, "0-d": np.array}
M, T = np.arange(12.0).reshape(3, 4) / 7, np.arange(24.0).reshape(2, 3, 4) / 5

TAKE_SEQUENCES = {  # q makes what stands for a sequence; NumPy itself refuses some
    "an index": lambda m, q: (m[q([1, 2])], m[:, q([0, 1])], m[q([0, 1]), q([1, 2])]),
    "a mask": lambda m, q: m[q([True, False, True])] if q is not SEQUENCES["range"] else m,
    "take": lambda m, q: np.take(m, q([1, 2]), axis=1),
    "take truth": lambda m, q: np.take(m[0], q([1, 0])) + np.take(m[0], [True, False]),
    "a shape": lambda m, q: (np.reshape(m, q([3, 4])), m.reshape(q([3, 4]))),
    "a size": lambda m, q: np.resize(m, q([2, 3])),
    "axes": lambda m, q: np.transpose(m[None], q([0, 1, 2])),
    "places of axes": lambda m, q: np.moveaxis(m, q([0, 1]), q([0, 1])),
    "axes of a sum": lambda m, q: np.sum(m, axis=q([0, 1])),
    "flipped axes": lambda m, q: (np.flip(m, q([0, 1])), np.roll(m, q([1, 2]), q([0, 1]))),
    "repeats": lambda m, q: (np.repeat(m, q([1, 2, 3]), 0), np.tile(m, q([2, 3]))),
    "sections": lambda m, q: (np.split(m, q([1, 2])), np.array_split(m, q([1, 2]), axis=1)),
    "hsplit": lambda m, q: (np.hsplit(m, q([1, 2])), np.vsplit(m, q([1, 2]))),
    "weights": lambda m, q: np.average(m, axis=0, weights=q([1, 2, 3])),
    "bins": lambda m, q: (np.histogram(m, q([0, 1, 2])), np.digitize(m, q([0, 1, 2]))),
    "places": lambda m, q: (np.partition(m[0], q([1, 2])), np.delete(m, q([1, 2]), 1)),
    "inserted": lambda m, q: np.insert(m[0], q([1, 2]), 5.0),
    "ends": lambda m, q: (np.pad(m, q([1, 2])), np.quantile(m, q([0, 1]))),
    "contracted": lambda m, q: np.tensordot(m, m, axes=(q([0, 1]), q([0, 1]))),
    "shifted": lambda m, q: np.fft.fftshift(m, q([0, 1])).real,
    "gradient": lambda m, q: np.gradient(m, axis=q([0, 1])),
    "values": lambda m, q: (np.dot(q([1, 2, 3]), m), np.append(m, q([1, 2]))),
    "conditions": lambda m, q: np.where(q([0, 1, 2]), 1, m.T),
}  # fmt: skip
TAKE_INTEGERS = {
    "an index": lambda m, c: (m[c(1)], m[c(-1), c(2)], m[c(0) : c(2)]),
    "an axis": lambda m, c: (np.sum(m, axis=c(1)), np.sort(m, c(0)), np.stack([m, m], c(1))),
    "a length": lambda m, c: (np.reshape(m, (c(2), c(-1))), np.repeat(m, c(2)), m.take(c(3))),
    "a count": lambda m, c: (np.array_split(m, c(2)), np.diff(m, c(2)), np.std(m, ddof=c(1))),
    "an offset": lambda m, c: (np.trace(m, c(1)), np.triu(m, c(1)), np.rot90(m, c(3))),
    "decimals": lambda m, c: (np.round(m, c(1)), np.linspace(m[0], 1, c(3)), np.roll(m, c(1))),
    "contracted": lambda m, c: np.tensordot(m, m, c(2)),
}


def agrees(function):
    """Raise unless traced code gives what NumPy gives of ``M``, or fails where it fails."""
    try:
        want = function(M)
    except Exception:
        return  # lists of numbers are asked for by some of NumPy's functions
    found = [fg.vjp(function, M)[0], fg.jit(function)(M), fg.jvp(function, (M,), (M,))[0]]
    for got in found:
        assert_same(want, got, 1e-14, 1e-14)


@pytest.mark.parametrize("kind", SEQUENCES)
@pytest.mark.parametrize("argument", TAKE_SEQUENCES)
def test_a_sequence_is_taken_in_every_form_that_numpy_takes(argument, kind):
    agrees(lambda m: TAKE_SEQUENCES[argument](m, SEQUENCES[kind]))


@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("argument", TAKE_INTEGERS)
def test_an_integer_is_taken_in_every_form_that_numpy_takes(argument, kind):
    agrees(lambda m: TAKE_INTEGERS[argument](m, INTEGERS[kind]))


@pytest.mark.parametrize("index", [range(2), Wrapped([0, 1]), Day.ONE, Whole(1)])
def test_an_update_takes_every_index_that_reading_takes(index):
    want = M.copy()
    want[index] = 5.0
    for wrap in (lambda f: f, fg.jit):
        assert np.array_equal(wrap(lambda m: fg.at(m)[index].set(5.0))(M), want)
        slope = wrap(fg.grad(lambda m: np.sum(fg.at(m)[index].multiply(2.0))))(M)
        assert np.array_equal(slope, np.where(want == 5.0, 2.0, 1.0))


@pytest.mark.parametrize("rank", [33, 64])
def test_arrays_have_as_many_axes_as_numpy_allows(rank):
    x = np.arange(2.0).reshape((1,) * (rank - 1) + (2,))
    for index in ((slice(None),) * rank, (0,) * rank, (..., np.array([0, 1])), ()):
        want = x.copy()
        want[index] = 5.0
        f = lambda x, index=index: fg.at(x)[index].set(5.0)
        for got in (f(x), fg.jit(f)(x), fg.vjp(f, x)[0]):
            assert np.array_equal(got, want)
        for update in ("add", "max", "multiply"):
            g = lambda x, u=update, index=index: np.sum(getattr(fg.at(x + 1)[index], u)(x[index]))
            assert np.array_equal(fg.jit(fg.grad(g))(x), fg.grad(g)(x))


# elements under a mask that is known only when the compiled program runs


def scaled(x, y):
    z = x * y
    z[z > 0] *= 0.5
    return z


def selected(x, y):
    z = x.copy()
    m = (x > 0) & (y < 1)
    z[m] = y[m] * 2 + 1
    z[~m] -= y[0]
    z[z < 0] = np.exp(z[z < 0])
    return z


def of_rows(x, y):
    z = np.reshape(1.0 * x, (3, 2))
    m = y[:3] > 0
    z[m,] *= y[:2]
    part = z[m]
    part += part**2
    z[m] = -part
    return z


def summed(x, y):
    m = x > 0
    return np.stack([np.sum(x[m]), x[m].mean(), np.mean(y[m] ** 2), (x[m] * y[m]).sum()])


def earlier(x, y):
    z = 1.0 * x
    m = z > 0
    part = z[m]
    z[:] = 2 * y
    z[m] += part
    return z


def rewritten(x, y):
    z, m = 1.0 * x, x > 0
    n = m.copy()
    n[0] = False
    z[n] = z[n] + y[n]
    z[m] *= y[m]
    return z


@pytest.mark.parametrize(
    "f", [scaled, selected, of_rows, summed, earlier, rewritten], ids=lambda f: f.__name__
)
def test_elements_under_an_unknown_mask_are_those_of_numpy(f):
    x, y = np.array([[0.4, -1.3, 0.9, 2.1, -0.2, 0.7], [1.2, 0.3, -0.8, 0.6, -1.5, 0.1]])
    batch = np.stack([x, -x]), np.stack([y, y + 0.1])
    want = f(x.copy(), y)

    np.testing.assert_allclose(fg.jit(f)(x, y), want, rtol=1e-15)
    for k, got in enumerate(fg.vmap(f)(*batch)):
        np.testing.assert_allclose(got, f(batch[0][k].copy(), batch[1][k]), rtol=1e-15)
    for d in (fg.jacrev, fg.jacfwd):
        want = d(f, (0, 1))(x, y)
        np.testing.assert_allclose(fg.jit(d(f, (0, 1)))(x, y), want, rtol=1e-14)
        np.testing.assert_allclose(d(fg.jit(f), (0, 1))(x, y), want, rtol=1e-14)


def test_masks_that_may_differ_are_refused():
    def mixes(x):
        x[x > 0] = x[x > 0.1]
        return x

    with pytest.raises(ConcretizationError, match=r"x\[mask\] with y\[other\]: .*; give the mask"):
        fg.jit(mixes)(np.ones(3))


@pytest.mark.parametrize(
    "use",
    [
        len,
        np.max,
        list,
        lambda v: v[0],
        lambda v: v.__setitem__(0, 1.0),
        lambda v: v + np.ones(2),
        lambda v: v,
        np.asarray,
    ],
)
def test_elements_under_an_unknown_mask_have_no_known_number(use):
    with pytest.raises(ConcretizationError, match=r"a boolean index: .*write numpy\.where"):
        fg.jit(lambda x: use(x[x > 0]))(np.ones(3))
