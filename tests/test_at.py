"""``at(x)[index].op(v)``: assignment as an expression, on arrays and tracers."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import ConcretizationError, DtypeError, ShapeError
from funcgrad.core.jaxpr import check_jaxpr

RNG = np.random.default_rng(0)
X = RNG.uniform(0.5, 2.0, size=5)
M = RNG.uniform(0.5, 2.0, size=(3, 4))
T = RNG.uniform(0.5, 2.0, size=(2, 3, 4))

# name: (array, index)
INDICES = {
    "int": (X, 2),
    "negative int": (X, -1),
    "numpy int": (X, np.int64(3)),
    "slice": (X, slice(1, 4)),
    "strided": (X, slice(None, None, 2)),
    "reversed": (X, slice(3, 0, -1)),
    "empty slice": (X, slice(2, 2)),
    "all": (X, slice(None)),
    "ellipsis": (X, ...),
    "new axis": (X, None),
    "row": (M, 1),
    "element": (M, (1, -2)),
    "column": (M, (slice(None), 2)),
    "block": (M, (slice(1, None), slice(0, 3, 2))),
    "ellipsis last": (T, (..., 1)),
    "new axis between": (M, (slice(None), None, 1)),
    "list": (X, [0, 3]),
    "array": (X, np.array([4, 1])),
    "negative array": (X, np.array([-1, 0])),
    "matrix of indices": (X, np.array([[0, 1], [3, 4]])),
    "rows": (M, np.array([2, 0])),
    "pairs": (M, ([0, 2], [1, 3])),
    "grid": (M, np.ix_([0, 2], [1, 3])),
    "array and slice": (T, (slice(None), [0, 2], slice(1, 3))),
    "arrays apart": (T, ([0, 1], slice(None), [2, 3])),
    "mask": (X, np.array([True, False, True, True, False])),
    "empty mask": (X, np.zeros(5, bool)),
    "mask of a matrix": (M, M > 1.2),
    "mask of rows": (M, np.array([True, False, True])),
    "number": (np.array(3.0), ()),
    "empty array": (X, np.array([], int)),
}
DUPLICATES = {
    "list": (X, [1, 3, 1, 1]),
    "rows": (M, [0, 2, 0]),
    "pairs": (M, ([0, 1, 0], [2, 2, 2])),
    "negative": (X, [0, -5, 4, -1]),
}

# name: how NumPy does it in place
OPS = {
    "set": lambda x, i, v: x.__setitem__(i, v),
    "add": lambda x, i, v: np.add.at(x, i, v),
    "subtract": lambda x, i, v: np.subtract.at(x, i, v),
    "multiply": lambda x, i, v: np.multiply.at(x, i, v),
    "divide": lambda x, i, v: np.divide.at(x, i, v),
    "power": lambda x, i, v: np.power.at(x, i, v),
    "min": lambda x, i, v: np.minimum.at(x, i, v),
    "max": lambda x, i, v: np.maximum.at(x, i, v),
}


def by_numpy(op, x, i, v):
    y = np.array(x)
    OPS[op](y, i, v)
    return y


def update(op, i):
    return lambda x, v: getattr(fg.at(x)[i], op)(v)


def values(x, i):
    return RNG.uniform(0.6, 1.9, size=np.shape(x[i]))


@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("op", OPS)
def test_each_update_is_numpys(op, index):
    x, i = INDICES[index]
    kept = np.array(x)
    f = update(op, i)
    for v in (values(x, i), 1.3, np.float64(0.7)):
        want = by_numpy(op, x, i, v)
        got = f(x, v)
        closed = fg.make_jaxpr(f)(x, v)
        check_jaxpr(closed.jaxpr)

        assert type(got) is np.ndarray and got.dtype == x.dtype
        assert np.allclose(got, want, rtol=1e-14)
        assert got is not x and not np.shares_memory(got, x)
        assert np.allclose(closed(x, v)[0], want, rtol=1e-14)
        assert np.allclose(fg.jvp(f, (x, v), (x, v))[0], want, rtol=1e-14)
    assert np.array_equal(x, kept)


@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("op", OPS)
def test_each_update_has_its_derivatives(op, index):
    x, i = INDICES[index]
    f = update(op, i)
    v = values(x, i)

    fg.check_grads(f, (x, v), order=2)
    fg.check_grads(f, (x, 1.234), order=1)
    fg.check_grads(lambda v: f(x, v), (v,), order=1)
    fg.check_grads(lambda x: f(x, v), (x,), order=1)


@pytest.mark.parametrize("index", DUPLICATES)
@pytest.mark.parametrize("op", OPS)
def test_of_duplicates_each_counts(op, index):
    x, i = DUPLICATES[index]
    v = values(x, i)
    f = update(op, i)

    assert np.allclose(f(x, v), by_numpy(op, x, i, v), rtol=1e-14)
    fg.check_grads(f, (x, v), order=2)


@pytest.mark.parametrize("index", INDICES)
def test_get_reads(index):
    x, i = INDICES[index]

    assert np.array_equal(fg.at(x)[i].get(), x[i])
    fg.check_grads(lambda x: fg.at(x)[i].get(), (x,), order=1)


@pytest.mark.parametrize("index", INDICES)
def test_apply_maps_the_elements(index):
    x, i = INDICES[index]
    want = np.array(x)
    want[i] = np.sin(want[i])

    assert np.allclose(fg.at(x)[i].apply(np.sin), want, rtol=1e-14)
    fg.check_grads(lambda x: fg.at(x)[i].apply(np.sin), (x,), order=2)


def test_apply_to_duplicates_is_done_as_often():
    got = fg.at(X)[[1, 1, 2]].apply(np.square)

    assert np.allclose(got, [X[0], X[1] ** 4, X[2] ** 2, X[3], X[4]])


def test_a_tracer_goes_where_an_array_is():
    f = lambda v: (fg.at(np.zeros(4))[1:3].set(v) * np.arange(4)).sum()

    assert np.array_equal(fg.grad(f)(np.ones(2)), [1.0, 2.0])
    for i in (np.array([1, 1]), slice(2), [0, 1]):
        assert fg.grad(lambda v, i=i: fg.at(np.zeros(4))[i].add([v, 2 * v]).sum())(1.0) == 3.0
    g = lambda v: fg.at([0.0, v, 2.0])[0].add(v).sum()
    assert fg.grad(g)(3.0) == 2.0


def test_a_loop_of_updates_under_nested_transforms():
    def f(x):
        y = np.zeros(5)
        for k in range(5):
            y = fg.at(y)[k].set(x[k] * y.sum() + x[k])
        return y.sum()

    fg.check_grads(f, (X,), order=3, rtol=1e-2)  # three differences of differences
    assert np.allclose(fg.hessian(f)(X), fg.hessian(f)(X).T)


# modes


OUT = {
    "array": (X, np.array([1, 7, -1, -9])),
    "int": (X, 5),
    "low int": (X, -6),
    "pairs": (M, ([0, 5, -7], [1, 1, 9])),
    "row": (M, np.array([3, 1])),
    "with slices": (T, (slice(None, None, -1), [0, 4], slice(1, None))),
}


@pytest.mark.parametrize("index", OUT)
@pytest.mark.parametrize("op", [*OPS, "get"])
def test_out_of_range_raises_by_default(op, index):
    x, i = OUT[index]
    for mode in (None, "promise_in_bounds"):
        args = () if op == "get" else (1.0,)
        with pytest.raises(IndexError):
            getattr(fg.at(x)[i], op)(*args, mode=mode)
        with pytest.raises(IndexError):
            fg.grad(lambda x, m=mode, a=args: getattr(fg.at(x)[i], op)(*a, mode=m).sum())(x)


def moved(x, i, mode):
    """Return the places an index names after a mode has moved them, None where dropped."""
    entries = i if isinstance(i, tuple) else (i,)
    table = np.arange(x.size).reshape(x.shape)
    parts, keep = [], True
    for n, e in zip(x.shape, entries, strict=False):
        if isinstance(e, slice):
            parts.append(e)
            continue
        e = np.asarray(e)
        keep = keep & (-n <= e) & (e < n) if mode in ("drop", "fill") else keep
        # clip and wrap take the number as it is, as numpy.take does
        parts.append(e % n if mode in ("wrap", "drop", "fill") else np.clip(e, 0, n - 1))
    places = table[tuple(parts)]
    if 0 < np.ndim(keep) < places.ndim:
        keep = keep[:, None]
    return places, np.broadcast_to(keep, places.shape)


@pytest.mark.parametrize("mode", ["drop", "fill", "clip", "wrap"])
@pytest.mark.parametrize("index", OUT)
@pytest.mark.parametrize("op", OPS)
def test_modes(op, index, mode):
    x, i = OUT[index]
    places, keep = moved(x, i, mode)
    v = RNG.uniform(0.6, 1.9, size=places.shape)
    flat = x.ravel().copy()
    OPS[op](flat, places[keep], v[keep])
    f = lambda x, v: getattr(fg.at(x)[i], op)(v, mode=mode)

    assert np.allclose(f(x, v), flat.reshape(x.shape), rtol=1e-14)
    fg.check_grads(f, (x, v), order=2)


def test_get_fills_what_is_out_of_range():
    i = np.array([0, 9, -1, -7])

    assert np.array_equal(
        fg.at(X)[i].get(mode="fill"), [X[0], np.nan, X[4], np.nan], equal_nan=True
    )
    assert np.array_equal(fg.at(X)[i].get(mode="fill", fill_value=-1.0), [X[0], -1, X[4], -1])
    assert np.array_equal(fg.at(X)[i].get(mode="clip"), X[[0, 4, 0, 0]])
    assert np.array_equal(fg.at(X)[i].get(mode="wrap"), X[[0, 4, 4, 3]])
    assert np.array_equal(fg.at(np.arange(5))[i].get(mode="fill"), [0, 0, 4, 0])
    f = lambda x: fg.at(x)[i].get(mode="fill", fill_value=0.0)
    fg.check_grads(f, (X,), order=2)


def test_an_unknown_mode_raises():
    with pytest.raises(ValueError, match=r"mode must be 'drop', 'fill', 'clip' or 'wrap': got 'a"):
        fg.at(X)[0].set(1.0, mode="anything")


# dtypes


@pytest.mark.parametrize("op", OPS)
def test_the_result_has_the_dtype_of_the_array(op):
    x = X.astype("f")

    for v in (1.5, 2, np.float32(1.5), np.float64(1.5), np.ones(2), True, np.int64(1)):
        got = getattr(fg.at(x)[:2], op)(v)
        assert got.dtype == np.float32
    assert fg.grad(lambda v: getattr(fg.at(x)[:2], op)(v).sum())(np.ones(2)).dtype == np.float64
    assert fg.eval_shape(lambda x: getattr(fg.at(x)[0], op)(1.0), x).dtype == np.float32


def test_integers_take_integers_and_refuse_floats():
    n = np.arange(4)

    assert np.array_equal(fg.at(n)[1].set(7), [0, 7, 2, 3]) and fg.at(n)[1].set(7).dtype == n.dtype
    assert np.array_equal(fg.at(n)[[1, 1]].add(2), [0, 5, 2, 3])
    assert fg.at(np.arange(4, dtype=np.int8))[0].set(3).dtype == np.int8
    for v in (1.5, np.ones(4), 1j):
        with pytest.raises(DtypeError, match=r"at\[\]\.set: values of dtype .*astype"):
            fg.at(n)[0:4].set(v)
    with pytest.raises(DtypeError, match=r"complex128 do not fit an array of dtype float64"):
        fg.at(X)[0].add(1j)
    assert fg.at(np.zeros(2, complex))[0].set(1.5 + 1j)[0] == 1.5 + 1j
    assert fg.at(np.zeros(2, bool))[0].set(True).dtype == bool


def test_lists_and_numbers_are_arrays():
    assert np.array_equal(fg.at([1.0, 2.0])[0].set(5.0), [5.0, 2.0])
    assert fg.at(3.0)[()].set(4.0) == 4.0
    assert np.array_equal(fg.at(np.zeros(2))[:].set([1, 2]), [1.0, 2.0])


# errors


def test_values_that_do_not_fit():
    for op in OPS:
        with pytest.raises(
            ShapeError, match=rf"at\[\]\.(add|{op}): .*got f64\[3\] for elements of"
        ):
            getattr(fg.at(X)[:2], op)(np.ones(3))
        with pytest.raises(ValueError):
            fg.grad(lambda v, op=op: getattr(fg.at(X)[:2], op)(v).sum())(np.ones((2, 2)))


@pytest.mark.parametrize("index", ["a", 1.0, (0, 0), np.ones(2), np.ones(3, bool), (..., ...)])
def test_what_is_no_index(index):
    with pytest.raises(IndexError):
        fg.at(X)[index].set(1.0)
    with pytest.raises(IndexError):
        fg.at(X)[index].get()


def test_a_mask_of_shapes_alone_names_the_cure():
    with pytest.raises(ConcretizationError, match=r"boolean index: .*numpy\.where"):
        fg.make_jaxpr(lambda x: fg.at(x)[x > 0].set(0.0))(X)


# indices that are traced too


PLACES = {
    "some": (X, np.array([2, 0, 4])),
    "duplicates": (X, np.array([1, 3, 1, 1])),
    "negative": (X, np.array([-1, -5])),
    "matrix": (X, np.array([[0, 1], [1, 4]])),
    "one": (X, np.array(3)),
    "rows": (M, np.array([2, 0, 2])),
    "bytes": (M, np.array([2, 0, 1], np.uint8)),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("op", OPS)
def test_indices_of_shapes_alone(op, place):
    x, i = PLACES[place]
    v = values(x, i)
    f = lambda x, i, v: getattr(fg.at(x)[i], op)(v)
    g = lambda x, i, v: fg.grad(lambda x, v: np.sum(np.sin(f(x, i, v))), (0, 1))(x, v)
    stack = lambda a: np.stack([a, a[::-1] if np.ndim(a) else a])

    assert np.allclose(fg.jit(f)(x, i, v), by_numpy(op, x, i, v), rtol=1e-14)
    for want, got in zip(g(x, i, v), fg.jit(g)(x, i, v), strict=True):
        assert np.allclose(got, want, rtol=1e-13)
    over_indices = fg.vmap(f, (None, 0, None))(x, stack(i), v)
    assert np.allclose(over_indices[1], by_numpy(op, x, stack(i)[1], v), rtol=1e-14)
    whole = fg.jit(fg.vmap(f))(stack(x), stack(i), stack(v))
    assert np.allclose(whole[1], by_numpy(op, stack(x)[1], stack(i)[1], stack(v)[1]), rtol=1e-14)


@pytest.mark.parametrize("mode", ["drop", "fill", "clip", "wrap"])
@pytest.mark.parametrize("op", [*OPS, "get"])
def test_modes_with_indices_of_shapes_alone(op, mode):
    i = np.array([1, 7, -1, -9])
    given = () if op == "get" else (np.array([0.7, 1.1, 1.3, 0.9]),)
    f = lambda x, i: getattr(fg.at(x)[i], op)(*given, mode=mode)

    np.testing.assert_allclose(fg.jit(f)(X, i), f(X, i), rtol=1e-14)
    np.testing.assert_allclose(
        fg.vmap(f, (None, 0))(X, np.stack([i, i[::-1]]))[1], f(X, i[::-1]), rtol=1e-14
    )


def test_an_index_out_of_range_raises_in_compiled_code():
    for op in OPS:
        f = fg.jit(lambda x, i, op=op: getattr(fg.at(x)[i], op)(1.5))
        f(X, np.array([0, 4]))
        with pytest.raises(IndexError, match="index 5 is out of bounds for axis 0 with size 5"):
            f(X, np.array([0, 5]))


def test_unique_indices_need_no_loop():
    i, v = np.array([3, 1]), np.array([0.5, 2.0])
    f = lambda x, i: fg.at(x)[i].multiply(v, unique_indices=True, indices_are_sorted=False)

    assert np.array_equal(fg.jit(f)(X, i), by_numpy("multiply", X, i, v))
    assert "for " not in fg.jit(f).source(X, i)
    assert np.array_equal(fg.at(X)[i].get(unique_indices=True), X[i])


def test_equal_extrema_share_the_gradient():
    x, i = np.array([1.0, 3.0, 0.0]), np.array([0, 0, 1, 2])
    v = np.array([1.0, 1.0, 3.0, 2.0])
    for transform in (fg.grad, lambda f, n: fg.jit(fg.grad(f, n))):
        dx, dv = transform(lambda x, v: fg.at(x)[i].max(v).sum(), (0, 1))(x, v)

        assert np.allclose(dx, [1 / 3, 1 / 2, 0]) and np.allclose(dv, [1 / 3, 1 / 3, 1 / 2, 1])
    twice = fg.hessian(lambda v: (fg.at(x)[i].max(v) ** 2).sum())(v)
    assert np.isfinite(twice).all()


def test_apply_with_indices_of_shapes_alone():
    f = fg.jit(lambda x, i: fg.at(x)[i].apply(np.square))

    assert np.allclose(f(X, np.array([1, 1, 2])), fg.at(X)[[1, 1, 2]].apply(np.square))


def test_leading_axes_of_one_are_dropped_from_values():
    assert np.array_equal(fg.at(np.zeros(3))[:2].set(np.ones((1, 1, 2))), [1, 1, 0])
    assert np.array_equal(
        fg.jit(lambda v: fg.at(np.zeros(3))[:2].add(v))(np.ones((1, 2))), [1, 1, 0]
    )


def test_rows_are_added_as_one_flat_index():
    x, i = RNG.normal(size=(50, 4, 8)), RNG.integers(-50, 50, size=(6, 5))
    v = RNG.normal(size=(6, 5, 4, 8))
    f = lambda x, v: fg.at(x)[i].add(v)
    for a in (x, np.asfortranarray(x), x[:, ::-1]):
        want = by_numpy("add", a, i, v)
        assert np.allclose(f(a, v), want) and np.allclose(fg.jit(f)(a, v), want)
    want = by_numpy("add", 0 * x, i, np.cos(x[i]))
    g = fg.grad(lambda x: np.sin(x[i]).sum())
    assert np.allclose(g(x), want) and np.allclose(fg.jit(g)(x), want)
    with pytest.raises(IndexError, match=r"index \d+ is out of bounds for axis 0 with size 50"):
        fg.jit(lambda x, i: fg.at(x)[i].add(v))(x, i + 51)


def test_slices_are_told_apart_by_what_they_read():
    x = RNG.normal(size=40)
    pairs = [(slice(0, 5), slice(5, 9)), (slice(0, 40, 2), slice(1, 40, 2)), (slice(8, 2, -1), 1)]
    meet = [(slice(0, 6), slice(5, 9)), (slice(0, 40, 2), slice(2, 40, 3)), (slice(8, 1, -1), 2)]
    for a, b in pairs + meet:
        f = lambda x, a=a, b=b: np.sum(x[a] ** 2) + np.sum(x[b] ** 3)
        want = by_numpy("add", by_numpy("add", 0 * x, a, 2 * x[a]), b, 3 * x[b] ** 2)

        assert np.allclose(fg.jit(fg.grad(f))(x), want)
        assert np.allclose(fg.grad(f)(x), want)


def test_a_vector_is_added_along_a_matrix_of_indices():
    i, v = np.array([[0, 1, 2], [0, 0, 0]]), np.array([1.0, 2.0, 3.0])
    f = lambda x, v: fg.at(x)[i].add(v)

    assert np.array_equal(f(np.zeros(3), v), [7, 2, 3])
    assert np.array_equal(fg.jit(f)(np.zeros(3), v), [7, 2, 3])
    assert np.array_equal(fg.jit(fg.vmap(f, (0, None)))(np.zeros((2, 3)), v), [[7, 2, 3]] * 2)


def test_it_shows_what_it_waits_for():
    assert repr(fg.at(np.zeros(2))) == "at(array([0., 0.]))"
    assert repr(fg.at(np.zeros(2))[0]) == "at(array([0., 0.]))[0]"


# in loops, whose counters are Python numbers when they run


COUNTED = {  # of the counter i: an index of X, M, T
    "element": (X, lambda i: i),
    "from the end": (X, lambda i: (..., -i - 1)),
    "computed": (X, lambda i: i * np.array([1, 0])),
    "row": (M, lambda i: i),
    "diagonal": (M, lambda i: (i, i)),
    "column": (M, lambda i: (slice(None), i)),
    "beside a slice": (M, lambda i: (i, slice(1, 3))),
    "beside an array": (M, lambda i: (i, np.array([0, 0]))),
    "apart": (T, lambda i: (i, slice(None), i)),
}
LOOPS = {
    "plain": lambda step, x, v: step(1, step(0, x, v), v),
    "fori": lambda step, x, v: fg.lax.fori_loop(0, 2, lambda i, x: step(i, x, v), x),
    "traced bound": lambda step, x, v: fg.lax.fori_loop(
        0, 2 + np.floor(0 * v).astype(int), lambda i, x: step(i, x, v), x),
    "while": lambda step, x, v: fg.lax.while_loop(
        lambda s: s[0] < 2, lambda s: (s[0] + 1, step(*s, v)), (0, x))[1],
    "scan": lambda step, x, v: fg.lax.scan(
        lambda s, _: ((s[0] + 1, step(*s, v)), None), (0, x), None, 2)[0][1],
}  # fmt: skip
MODES = {
    "value": lambda f, x: f(x, 1.7),
    "jvp": lambda f, x: fg.jvp(f, (x, 1.7), (np.cos(x), 0.4))[1],
    "vjp": lambda f, x: fg.vjp(f, x, 1.7)[1](np.sin(x)),
    "vmap": lambda f, x: fg.vmap(f)(np.stack([x, x + 1]), np.array([1.7, 1.9])),
    "jit": lambda f, x: fg.jit(f)(x, 1.7),
}


@pytest.mark.parametrize("index", COUNTED)
@pytest.mark.parametrize("op", [op for op in OPS if op not in ("subtract", "divide")])
def test_an_update_in_a_loop_is_that_of_its_steps(op, index):
    x, place = COUNTED[index]
    step = lambda i, x, v: getattr(fg.at(x)[place(i)], op)(v)
    for mode in MODES.values():
        want, *others = (
            fg.tree.leaves(mode(lambda x, v, loop=loop: loop(step, x, v), x))
            for loop in LOOPS.values()
        )
        for got in others:
            for w, g in zip(want, got, strict=True):
                assert np.allclose(g, w, rtol=1e-13)
