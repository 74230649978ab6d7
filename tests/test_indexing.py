"""Whatever ``x[...]`` takes: random indices, read and written, against NumPy and every law."""

import math

import numpy as np
import pytest

import funcgrad as fg

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
