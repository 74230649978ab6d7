"""NumPy's functions that are made of simpler ones: slopes, grids, quantiles, polynomials, norms.

Each row of ``support/composed.py`` is held against NumPy alone under vjp, jvp, make_jaxpr and vmap.
"""

import math
import re

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import tree
from funcgrad.core.errors import (
    ConcretizationError,
    FuncgradError,
    MutationError,
    UnsupportedError,
)
from funcgrad.core.jaxpr import check_jaxpr

from .support.compare import (
    arrays,
    assert_derivatives,
    assert_same,
    floats,
    outcome,
)
from .support.composed import CASES, METHODS
from .support.expressions import INPUTS, compiled
from .support.rows import narrowed, split
from .support.turns import in_turns

NARROWING = "dtype=np.float32"
FAMILIES = pytest.mark.parametrize("family, row", CASES, ids=[row for _, row in CASES])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's own, of both sides
@FAMILIES
class TestRow:
    def test_values_and_dtypes_are_those_of_numpy(self, family, row):
        function, inputs = compiled(row)
        # float32: the same arithmetic, in another order here and there
        for args, rtol in ((inputs, 1e-12), ([narrowed(x, "f") for x in inputs], 3e-5)):
            want = function(*args)
            tape, _ = fg.vjp(function, *args)
            forward, _ = fg.jvp(function, args, [np.ones_like(x) for x in args])

            assert_same(want, tape, rtol, rtol, kinds=True)
            assert_same(want, forward, rtol, rtol, kinds=True)

    def test_gradients_are_central_differences_in_both_modes(self, family, row):
        function, inputs = compiled(row)
        narrows = NARROWING in row

        assert_derivatives(function, inputs, smooth=not narrows, rtol=1e-6 if narrows else 1e-11)

    def test_second_derivatives_are_central_differences(self, family, row):
        function, inputs = compiled(row)
        inexact = lambda *args: floats(tree.leaves(function(*args)))
        if any(np.isnan(x).any() for x in inputs) or NARROWING in row:
            pytest.skip("beside nan, and after a cast to float32, a central difference is noise")

        fg.check_grads(inexact, inputs, order=2, rtol=2e-3, atol=2e-4)

    def test_the_program_is_well_typed_and_gives_the_value(self, family, row):
        function, inputs = compiled(row)
        for args, rtol in ((inputs, 1e-12), ([narrowed(x, "f") for x in inputs], 3e-5)):
            want = arrays(function(*args))
            closed = fg.make_jaxpr(function)(*args)
            check_jaxpr(closed.jaxpr)
            with np.errstate(all="ignore"):
                got = arrays(closed(*args))

            assert_same(want, got, rtol, rtol, kinds=True)
            assert [(y.shape, y.dtype) for y in want] == [
                (a.shape, a.dtype) for a in closed.out_avals
            ]

    def test_vmap_is_a_loop(self, family, row):
        function, inputs = compiled(row)
        rng = np.random.default_rng(2)
        # the same order of elements in each example would hide a mistake
        batch = [
            np.stack([x, x * 1.1, rng.permuted(x) if x.ndim else -x])
            for x in map(np.asarray, inputs)
        ]
        want = [arrays(function(*(x[b] for x in batch))) for b in range(3)]

        got = arrays(fg.vmap(function)(*batch))

        for part, *each in zip(got, *want, strict=True):
            assert part.dtype == each[0].dtype
            assert np.allclose(part, np.stack(each), rtol=1e-10, atol=1e-10, equal_nan=True)

    def test_one_tracer_among_arrays_is_enough(self, family, row):
        function, inputs = compiled(row)
        want = function(*inputs)
        for k, x in enumerate(inputs):
            one = lambda v, k=k: function(*inputs[:k], v, *inputs[k + 1 :])
            try:
                got = fg.vjp(one, x)[0]
            except (FuncgradError, ValueError):
                return  # NumPy does not dispatch on that argument; what matters is the refusal

            assert_same(want, got, 1e-12, 1e-12, kinds=True)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("row", [r for _, r in CASES if "s" in re.findall(r"\w+", r)])
def test_a_python_number_is_as_weak_as_for_numpy(row):
    function, inputs = compiled(row)
    args = [0.7 if x is INPUTS["s"] else narrowed(x, "f") for x in inputs]
    want = function(*args)
    closed = fg.make_jaxpr(function)(*args)

    assert_same(want, fg.vjp(function, *args)[0], 3e-5, 3e-5, kinds=True)  # float32
    assert [a.dtype for a in closed.out_avals] == [y.dtype for y in arrays(want)]


# edges


def test_roots_that_are_real_are_real_numbers():
    for p in ([1.0, -3, 2], [1.0, 0, 1], [2.0, -1, 0, 0], [0.0, 1, -1], [0.0, 0]):
        want, got = np.roots(p), fg.vjp(np.roots, np.array(p))[0]

        assert want.dtype == got.dtype
        assert np.allclose(want, got)


EDGES = {  # a derivative that differences do not see, and what it is
    "np.linalg.norm(0 * x)": [0, 0, 0, 0],
    "np.linalg.norm(0 * x, 3)": [0, 0, 0, 0],
    "np.linalg.norm(0 * x, np.inf)": [0, 0, 0, 0],
    "np.linalg.norm(0 * x[:, None], 'fro')": [0, 0, 0, 0],
    "np.linalg.norm(0 * x.reshape(2, 2), 1)": [0, 0, 0, 0],
    "np.linalg.matrix_norm(0 * x.reshape(2, 2))": [0, 0, 0, 0],
    "np.linalg.vector_norm(0 * x)": [0, 0, 0, 0],
    "np.interp(1 + 0 * x, [0, 1, 2], [0, 3, 5]) @ x": [3, 3, 3, 3],
    "np.vander(0 * x, 3)[:, 1].sum()": [0, 0, 0, 0],
    "np.median(np.ones(4) * x.sum())": [1, 1, 1, 1],
    "np.polymul(x - x, [1, 2]).sum()": [0, 0, 0, 0],
}


@pytest.mark.parametrize("row", EDGES)
def test_a_derivative_at_an_edge_is_the_one_promised(row):
    function, inputs = compiled(row)

    assert np.array_equal(EDGES[row], fg.grad(function)(*inputs))


def test_the_slope_at_a_sample_is_that_on_its_right():
    slopes = [fg.grad(np.interp)(at, [0.0, 1, 2], [0.0, 3, 5]) for at in (0.0, 1.0, 2.0, 2.5)]

    assert slopes == [3, 2, 2, 0]


def test_a_jump_between_samples_is_no_slope():
    xp, fp = np.array([0.0, 0, 1, 1, 2, 2]), np.array([9.0, 1, 2, 5, 7, 3])
    x = np.array([-1.0, 0, 0.5, 1, 1.5, 2, 3])
    value, pullback = fg.vjp(lambda x, fp: np.interp(x, xp, fp), x, fp)
    slopes, weights = pullback(np.ones(7))

    assert np.array_equal(np.interp(x, xp, fp), value)
    assert slopes.tolist() == [0, 1, 1, 2, 2, 0, 0]
    assert weights.tolist() == [1, 1.5, 0.5, 1.5, 0.5, 2]


def test_leading_zeros_of_a_traced_polynomial_have_a_derivative():
    p = np.array([0.0, 2.0])
    product = lambda p: np.polymul(p, [1.0, 3.0])

    assert fg.vjp(product, p)[0].tolist() == [0, 2, 6]
    assert fg.grad(lambda p: product(p).sum())(p).tolist() == [4, 4]


def test_interp_agrees_with_numpy_at_the_ends_and_beyond():
    x = np.array([-1.0, 0.0, 0.5, 1.0, 3.0, 3.5, np.nan])
    want = np.interp(x, [0, 1, 3], [2.0, 4.0, -1.0], left=7)
    got = fg.vjp(lambda x: np.interp(x, [0, 1, 3], [2.0, 4.0, -1.0], left=7), x)[0]

    assert np.array_equal(want, got, equal_nan=True)


def test_degrees_of_freedom_that_are_used_up_warn_as_in_numpy():
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match="Degrees of freedom"):
        fg.vjp(np.cov, np.ones((2, 1)))


REFUSED = """
    np.linalg.qr(m, 'raw')  np.polyadd(np.poly1d([1, 2]), x)  np.polyval(x, np.poly1d([1, 2]))"""


@pytest.mark.parametrize("row", split(REFUSED))
def test_what_is_not_supported_is_named(row):
    function, inputs = compiled(row)
    name = row.split("(")[0].split(".")[-1].replace("matrix_norm", "norm")
    for call in (lambda: fg.vjp(function, *inputs), lambda: fg.make_jaxpr(function)(*inputs)):
        with pytest.raises(UnsupportedError, match=rf"{name}: .*(not support|poly1d).*; "):
            call()


WRITES = """
    np.median(x, out=np.ones(()))  np.quantile(x, 0.5, out=np.ones(()))
    np.percentile(x, 5, out=np.ones(()))  np.nanmedian(x, out=np.ones(()))
    np.linalg.multi_dot([m, k, k.T], out=np.ones((3, 4)))"""


@pytest.mark.parametrize("row", split(WRITES))
def test_what_writes_into_an_array_is_refused(row):
    function, inputs = compiled(row)
    with pytest.raises(MutationError, match="out="):
        fg.vjp(function, *inputs)


MISTAKES = """
    np.diff(s)  np.diff(x, -1)  np.diff(x, axis=1)  np.diff(m, prepend=x)  np.gradient(s, 1.0, 2)
    np.gradient(x, 1.0, 2.0)  np.gradient(x[:1])  np.gradient(x, edge_order=3)
    np.gradient(x, [0, 1])  np.gradient(x, m)  np.gradient(x[:2], edge_order=2)
    np.gradient(m, axis=2)  np.trapezoid(x, v)  np.trapezoid(x, axis=1)  np.interp(x, p, v)
    np.interp(x, m, m)  np.interp(x, p, y, period=0)  np.interp(x, [], [])  np.convolve(x, [])
    np.convolve(m, x)  np.convolve(x, v, 'all')  np.correlate(x, m)  np.correlate(s, x)
    np.correlate(x, [])  np.unwrap(s)  np.cov(t)  np.cov(m, ddof=0.5)  np.cov(m, x[:2])
    np.cov(m, fweights=[1, 2])  np.cov(m, fweights=[0.5, 1, 1, 1])  np.cov(m, aweights=m)
    np.cov(m, fweights=[1, -1, 1, 1])  np.cov(m, aweights=[1, -1, 1, 1])  np.cov(m, t)
    np.linspace(s, 1, -1)  np.linspace(s, 1, 2.5)  np.linspace(x, v)  np.geomspace(s, 0)
    np.meshgrid(x, v, indexing='xx')  np.ix_(m)  np.vander(m)  np.median(x, axis=1)
    np.quantile(x, 1.5)  np.quantile(x, -0.1)  np.percentile(x, 101)  np.quantile(x, [[[0.5]]])
    np.quantile(x, 0.5, method='nothing')  np.quantile(z, 0.5)  np.histogram(x, 0)
    np.histogram(x, [3, 1])
    np.histogram(x, 2, (1, 0))  np.histogram(x, 2, (0, np.inf))  np.histogram(x, 2.5)
    np.histogram(x, 2, weights=v)  np.histogram2d(x, v)  np.digitize(x, [0, 2, 1])
    np.histogram(x, 'auto', weights=p)  np.histogram(x, 'nothing')  np.histogramdd(m.T, [2, 2])
    np.searchsorted(x, 1.0, 'middle')  np.packbits(x)  np.unpackbits(i)
    np.isin(x, x, kind='fast')
    np.quantile(x, 0.5, weights=p)
    np.quantile(x, 0.5, weights=[-1, 1, 1, 1], method='inverted_cdf')
    np.quantile(x, 0.5, weights=v, method='inverted_cdf')
    np.lib.stride_tricks.sliding_window_view(x, 5)
    np.lib.stride_tricks.sliding_window_view(m, 2)
    np.polyfit(m, x, 1)  np.polyfit(x, y, -1)  np.polyfit(x, v, 1)  np.roots(m)  np.poly(m)
    np.median(t, axis=(0, 0))
    np.polyder(x, -1)  np.polyint(x, -1)  np.polyint(x, 3, k=[s, 1])  np.polymul(m, x)
    np.linalg.norm(t, 1)  np.linalg.norm(x, 'fro')  np.linalg.norm(m, 3)  np.linalg.norm(x, 1, 1)
    np.linalg.norm(m, 'nothing')  np.linalg.norm(t, axis=(0, 0))  np.linalg.norm(x, axis='a')
    np.linalg.norm(t, axis=(0, 1, 2))  np.linalg.matrix_norm(x)  np.linalg.matrix_power(m, 2)
    np.linalg.matrix_power(x, 2)  np.linalg.matrix_power(sq, 1.5)  np.linalg.multi_dot([m])
    np.linalg.multi_dot([m, t, m])  np.linalg.multi_dot([m, m, m])  np.ediff1d(x, to_end=1j)
    np.apply_along_axis(np.sum, 2, m)  np.apply_along_axis(np.sum, 1, e)
    np.apply_over_axes(lambda y, d: y.sum(), m, [0, 1])"""


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("row", split(MISTAKES))
def test_a_mistake_raises_what_numpy_raises(row):
    function, inputs = compiled(row)
    with pytest.raises(Exception) as numpy_says:
        function(*inputs)
    kinds = (np.linalg.LinAlgError, ValueError, TypeError, IndexError, RuntimeError)
    want = next(kind for kind in kinds if isinstance(numpy_says.value, kind))

    for call in (lambda: fg.vjp(function, *inputs), lambda: fg.make_jaxpr(function)(*inputs)):
        with pytest.raises(want):
            call()


# r_ and c_, which work by brackets

V, W = np.arange(3.0) + 1, np.arange(6.0).reshape(2, 3)
JOINED = {
    "numbers and ranges": lambda r, c, v, w: r[v, 1:4, 5],
    "a range by count": lambda r, c, v, w: r[0:1:5j, v, 2:0:-1],
    "an axis": lambda r, c, v, w: r["-1", w, 2 * w],
    "rows": lambda r, c, v, w: r["0,2", v, w],
    "columns": lambda r, c, v, w: r["0,2,0", v, v],
    "columns side by side": lambda r, c, v, w: r["1,2,0", v, v],
    "three axes": lambda r, c, v, w: r["0,3,1", v, w[0]],
    "three axes from behind": lambda r, c, v, w: r["0,3,-2", v, v],
    "c_ of vectors": lambda r, c, v, w: c[v, v * 2, 1:4],
    "c_ of matrices": lambda r, c, v, w: c[w, w, w[:, :1]],
    "one": lambda r, c, v, w: c[v],
    "weak numbers": lambda r, c, v, w: r[v.astype("f"), 2.5],
    "promotion": lambda r, c, v, w: r[np.arange(2), v.astype("f")],
}


@pytest.mark.parametrize("name", JOINED)
def test_brackets_join_as_numpys_do(name):
    f = lambda v, w: JOINED[name](fg.numpy.r_, fg.numpy.c_, v, w)
    want = JOINED[name](np.r_, np.c_, V, W)
    for got in (f(V, W), fg.jvp(f, (V, W), (V, W))[0], fg.jit(f)(V, W)):
        assert got.dtype == want.dtype and np.array_equal(got, want)
    tangent = fg.jvp(f, (V, W), (V, W))[1]
    ct = np.arange(want.size).reshape(want.shape).astype(want.dtype)
    cts = fg.vjp(f, V, W)[1](ct)

    assert np.allclose(tangent, want - f(0 * V, 0 * W), rtol=1e-6)  # float32 in some
    assert np.isclose(
        sum(np.sum(c * x) for c, x in zip(cts, (V, W), strict=True)), (ct * tangent).sum()
    )


def test_brackets_that_cannot_join():
    r_ = fg.numpy.r_
    for key in ((0, "0,2"), ("x", 0), ("r", 0)):
        with pytest.raises((ValueError, TypeError)):
            fg.grad(lambda x, k=key: r_[tuple(x if e == 0 else e for e in k)].sum())(V)


def test_where_takes_its_arguments_by_name():
    assert fg.grad(lambda x: fg.numpy.where(condition=[True, False], x=x, y=0.0).sum())(2.0) == 1.0
    assert fg.numpy.where(condition=np.array([True, False]), x=1, y=2).tolist() == [1, 2]


def test_real_if_close_drops_what_is_tiny():
    z = np.array([1.0, 2.0]) + 1e-17j
    for x in (z, np.array([1.0]), z + 1j):
        y, t = fg.jvp(np.real_if_close, (x,), (x,))
        assert np.array_equal(y, np.real_if_close(x)) and y.dtype == t.dtype


DATA = np.array([3.0, 1.0, 2.0, 7.0])
ENDS = {
    "an int": (0, 1),
    "an integer of NumPy": (np.int64(0), np.int64(1)),
    "integers": ([0], [0, 1], np.array([1, 0])),
    "booleans": (False, True),
}


@in_turns("method, kind, function", METHODS, ENDS, ["quantile", "nanquantile"])
def test_a_whole_quantile_is_the_one_of_numpy(method, kind, function):
    function = getattr(np, function)
    for q in ENDS[kind]:
        for a in (DATA, DATA.astype(np.float32), np.stack([DATA, DATA + 1]), DATA.astype(int)):
            f = lambda a, q=q: function(a, q, method=method)
            want, results = f(a), [fg.jit(f)(a), fg.vmap(f)(a[None])[0]]
            if a.dtype.kind == "f":
                results += [fg.vjp(f, a)[0], fg.jvp(f, (a,), (a,))[0], fg.jvp(f, (a,), (a,))[1]]

            for got in results:  # of a linear function the tangent of a is its value
                assert got.dtype == want.dtype and np.array_equal(got, want), (q, a.dtype)


def test_an_unsigned_quantile_does_not_wrap_around():
    f = lambda a: np.quantile(a, np.uint8(0), method="weibull")  # NumPy raises OverflowError

    assert fg.jit(f)(DATA) == 1.0
    assert fg.grad(f)(DATA).tolist() == [0.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("axis", [(0, 1), (1, 0), (2, 0), (-1, -3), (1,), 2, (0, 1, 2), (2, 1, 0)])
def test_weights_stand_for_the_axes_in_the_order_given(axis):
    a = np.arange(24.0).reshape(2, 3, 4) ** 2
    shape = [a.shape[d] for d in (axis if isinstance(axis, tuple) else (axis,))]
    w = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    for f in (
        lambda a, w: np.average(a, axis=axis, weights=w),
        lambda a, w: np.average(a, axis=axis, weights=w, keepdims=True, returned=True)[1],
        lambda a, w: np.quantile(a, 0.4, axis=axis, weights=w, method="inverted_cdf"),
    ):
        want = f(a, w)
        for got in (fg.jit(f)(a, w), fg.vjp(f, a, w)[0], fg.vmap(f)(a[None], w[None])[0]):
            assert np.allclose(got, want, rtol=1e-14)  # sums in another order


def test_weights_that_sum_to_zero_are_refused_as_by_numpy():
    with pytest.raises(ZeroDivisionError, match="Weights sum to zero"):
        fg.grad(lambda w: np.average(DATA, weights=w))(np.array([1.0, -1.0, 0.0, 0.0]))


WHOLE = np.array([-0.0, 0.0, -1.0, -2.0, 3.0, -1.5, 0.5, -1e300])


@pytest.mark.parametrize("wrap", [lambda f: f, fg.jit], ids=["eager", "jit"])
def test_the_slope_of_a_fraction_is_one_also_where_it_is_zero(wrap):
    fraction = lambda x: np.modf(x)[0]
    ones = np.ones_like(WHOLE)
    loss = lambda x: np.sum(fraction(x) * fraction(x))
    (part, whole), (want, wanted) = wrap(np.modf)(WHOLE), np.modf(WHOLE)

    for got, right in ((part, want), (whole, wanted)):
        assert np.array_equal(got, right) and np.array_equal(np.signbit(got), np.signbit(right))
    assert np.array_equal(wrap(lambda x: fg.jvp(fraction, (x,), (ones,))[1])(WHOLE), ones)
    assert np.array_equal(wrap(fg.grad(lambda x: np.sum(fraction(x))))(WHOLE), ones)
    assert np.array_equal(wrap(fg.hessian(loss))(WHOLE), 2 * np.eye(len(WHOLE)))
    assert np.array_equal(wrap(fg.vmap(fg.grad(lambda x: np.modf(x)[1])))(WHOLE), 0 * ones)


class Description:
    """A shape and a dtype without numbers, of nobody's class."""

    shape, dtype = (3, 2), "float32"


class Stored(Description):
    """The same with numbers."""

    def __array__(self, dtype=None, copy=None):
        return np.ones(4, np.int8)


@pytest.mark.parametrize("like", [fg.ShapeDtypeStruct((3, 2), np.float32), Description()])
def test_an_array_is_made_like_a_description(like):
    np_ = fg.numpy
    want = np.full((3, 2), 7, np.float32)
    results = [
        np_.zeros_like(like) + 7, np_.ones_like(like) * 7, np_.full_like(like, 7),
        np_.full_like(like, [7, 7]), fg.jit(lambda x: np_.full_like(like, x))(7.0),
        fg.tree.map(np_.zeros_like, {"w": like})["w"] + 7,
    ]  # fmt: skip
    for got in results:
        assert got.dtype == want.dtype and np.array_equal(got, want)
    assert np_.empty_like(like).shape == (3, 2)
    assert np_.zeros_like(like, int, shape=4).dtype == int
    assert fg.grad(lambda x: np_.full_like(like, x).sum())(2.0) == 6.0
    assert np_.zeros_like(Stored()).dtype == np.int8  # what has numbers is an array


def test_a_description_is_no_array_to_numpy():
    like = fg.ShapeDtypeStruct((3, 2), np.float32)

    assert np.zeros_like(like).shape == (3, 2) and np.ones_like(like).dtype == np.float32
    assert (np.shape(like), np.ndim(like), np.size(like)) == ((3, 2), 2, 6)
    for use in (
        np.asarray,
        np.sum,
        lambda x: np.add(x, 1),
        lambda x: np.stack([x]),
        fg.numpy.array,
    ):
        with pytest.raises((FuncgradError, TypeError), match="has no elements"):
            use(like)


INF = np.inf
INFINITE = {
    "above": [0.0, 1.0, INF], "below": [-INF, 0.0, 1.0], "both": [-INF, 0.0, 1.0, INF],
    "alone": [-INF, INF], "twice above": [0.0, INF, INF], "twice below": [-INF, -INF, 0.0],
    "wide": [-1e308, 1e308], "a jump": [0.0, 0.0, 1.0],
}  # fmt: skip


@pytest.mark.parametrize("heights", ["rising", "infinite first", "infinite last", "equal", "level"])
@pytest.mark.parametrize("places", INFINITE)
def test_interp_is_numpys_where_samples_are_infinite(places, heights):
    xp = np.array(INFINITE[places])
    level = {"equal": INF, "level": 2.0}.get(heights)
    fp = np.arange(1.0, 1 + len(xp)) if level is None else np.full(len(xp), level)
    fp[{"infinite first": 0, "infinite last": -1}.get(heights, slice(0, 0))] = -INF
    x = np.array([-5.0, 0.0, 0.5, 1.0, 2.0, 1e300, INF, -INF, np.nan])
    f = lambda x: np.interp(x, xp, fp)
    want = f(x)
    with np.errstate(all="ignore"):
        for got in (fg.vjp(f, x)[0], fg.jit(f)(x), fg.vmap(f)(x)):
            assert np.array_equal(got, want, equal_nan=True)


def test_a_sample_at_infinity_leaves_the_other_slopes_alone():
    xp, fp, x = np.array([0.0, 1.0, INF]), np.array([1.0, 2.0, 4.0]), np.array([-1.0, 0.5, 1.5])

    for wrap in (lambda f: f, fg.jit):
        slope = wrap(fg.grad(lambda x: np.sum(np.interp(x, xp, fp))))(x)
        weights = wrap(fg.grad(lambda fp: np.sum(np.interp(x, xp, fp))))(fp)
        assert slope.tolist() == [0.0, 1.0, 0.0] and weights.tolist() == [1.5, 1.5, 0.0]


def test_a_number_has_no_zeros_to_trim():
    for x in (2.0, 0.0):
        assert fg.value_and_grad(lambda x: np.trim_zeros(x))(x) == (x, 1.0)
        assert fg.jit(np.trim_zeros)(x) == x


REDUCTIONS = """sum prod mean var std max min ptp any all argmax argmin median count_nonzero cumsum
    cumprod nansum nanprod nanmean nanvar nanstd nanmax nanmin nanmedian nanargmax nanargmin
    nancumsum nancumprod sort argsort linalg.norm linalg.vector_norm trapezoid diff flip
    logaddexp.reduce fmax.reduce hypot.reduce multiply.reduce logaddexp.accumulate
    add.accumulate maximum.accumulate gradient unwrap cumulative_sum"""
GIVEN = [
    "quantile(x, 0.3", "nanquantile(x, 0.3", "percentile(x, [20, 30]", "std(x, ddof=1",
    "max(x, initial=1.0", "sum(x, initial=2.0", "mean(x, keepdims=True", "mean(x, where=True",
    "linalg.norm(x, 1", "linalg.norm(x, np.inf", "linalg.norm(x, 0",
]  # fmt: skip


def agrees_when_empty(f, x):
    want, refusal = outcome(lambda: f(x))
    compiled, error = outcome(lambda: fg.jit(f)(x))
    for run in (lambda: fg.vjp(f, x)[0], lambda: fg.vmap(f)(x[None])):
        assert (outcome(run)[1] is None) == (error is None) == (refusal is None), (x.shape, refusal)
    if refusal is None:
        pull = lambda: fg.vjp(f, x)[1](tree.map(np.asarray, f(x)))
        assert_same(want, compiled, 1e-12, 1e-12, kinds=True)
        assert all(g.shape == x.shape for g in outcome(pull)[0] or ())


@pytest.mark.parametrize("start", [f"{name}(x" for name in re.split(r"\s+", REDUCTIONS)] + GIVEN)
def test_a_reduction_over_an_empty_axis_is_numpys(start):
    for x in (np.ones((2, 0)), np.ones((0, 3)), np.ones(0), np.ones((2, 0, 3), np.float32)):
        for axis in ("", ", axis=None", ", axis=0", ", axis=-1"):
            agrees_when_empty(eval(f"lambda x: np.{start}{axis})", {"np": np}), x)


@pytest.mark.parametrize("shape", [(0, 0, 3), (0, 3), (0,)])
@pytest.mark.parametrize("places", [[1, -2], [], 0])
def test_taking_from_an_empty_axis_with_clipped_positions_is_numpys(shape, places):
    x, places = np.zeros(shape), np.array(places, int)
    take = lambda x, i: np.take(x, i, axis=0, mode="clip")
    of_x = lambda x: take(x, places)
    ways = [fg.jit(take), lambda x, _: fg.jit(of_x)(x), lambda x, _: fg.vjp(of_x, x)[0],
            lambda x, _: fg.jvp(of_x, (x,), (x,))[0]]  # fmt: skip
    try:
        want = take(x, places)
    except IndexError:
        for way in ways:
            with pytest.raises(IndexError, match="cannot do a non-empty take"):
                way(x, places)
        return

    for way in ways:
        assert (way(x, places).shape, way(x, places).dtype) == (want.shape, want.dtype)


@pytest.mark.parametrize("places", [5, [1, 7], [-3]])
def test_positions_in_no_rows_are_not_read_as_in_numpy(places):
    take = lambda x: np.take(x, places, axis=1)
    for x in (np.zeros((0, 2)), np.zeros((0, 0))):
        for got in (fg.jit(take)(x), fg.vjp(take, x)[0], fg.vmap(take)(x[None])[0]):
            assert_same(take(x), got)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_exponentials_are_summed_over_an_empty_axis(name):
    for function in (getattr(fg.special, name), getattr(fg.nn, name)):
        for shape, axis in (((2, 0), -1), ((0,), 0), ((2, 0, 3), 1), ((0, 3), 1)):
            f = lambda x, axis=axis, function=function: function(x, axis=axis)
            want = np.full(np.sum(np.ones(shape), axis).shape, -np.inf)
            want = want if name == "logsumexp" else np.ones(shape)
            for wrap in (lambda f: f, fg.jit):
                assert np.array_equal(wrap(f)(np.ones(shape)), want)
                slope = wrap(fg.grad(lambda x, f=f: np.sum(f(x))))(np.ones(shape))
                assert slope.shape == shape


# results of a known length


@pytest.mark.parametrize("dtype", ["u1", "i2", "u4", "i8", "u8", "?"])
def test_bincount_takes_the_integers_that_numpy_takes(dtype):
    x, w = np.array([1, 0, 1], dtype), np.array([0.5, 1.0, 2.0])
    count = lambda x, w: np.bincount(x, w, 4)
    try:
        want = count(x, w)
    except TypeError:  # uint64, by the version of NumPy
        with pytest.raises(TypeError, match="vector of integers"):
            fg.jit(count)(x, w)
        return

    np.testing.assert_array_equal(fg.jit(count)(x, w), want)


def test_counts_of_a_given_number_need_no_numbers():
    x, w = np.array([0, 2, 2, 5]), np.array([0.1, 0.2, 0.3, 0.4])
    count = lambda x, w=None: np.bincount(x, w, minlength=7)

    assert np.array_equal(fg.jit(count)(x), count(x))
    assert fg.jit(count)(x).dtype == count(x).dtype
    assert np.array_equal(fg.jit(count)(x, w), count(x, w))
    assert np.array_equal(fg.vmap(count)(np.stack([x, x + 1])), [count(x), count(x + 1)])
    assert np.array_equal(
        fg.vmap(count)(np.stack([x, x]), np.stack([w, 2 * w]))[1], count(x, 2 * w)
    )
    slope = fg.jit(fg.grad(lambda w, x: count(x, w)[2]))(w, x)
    assert slope.tolist() == [0.0, 1.0, 1.0, 0.0]
    assert fg.grad(lambda w: np.bincount([True, False], w)[1])(w[:2]).tolist() == [1.0, 0.0]
    assert fg.grad(lambda w: np.bincount([], w).sum())(np.ones(0)).shape == (0,)


def test_counts_that_have_no_place_are_not_lost():
    x = np.array([0, 2, 5])
    short = lambda x: np.bincount(x, minlength=3)
    for run in (
        lambda: fg.jit(short)(x),
        lambda: fg.jit(short)(-x),
        lambda: fg.vmap(short)(x[None]),
    ):
        with pytest.raises(IndexError, match="out of bounds"):
            run()
    with pytest.raises(ConcretizationError, match="give minlength="):
        fg.jit(np.bincount)(x)
    with pytest.raises(TypeError, match="integers"):
        fg.jit(lambda x: np.bincount(x, minlength=3))(x * 1.0)


@pytest.mark.parametrize("shape", [(7,), (2, 3), (1,), (0,), (3, 0)])
@pytest.mark.parametrize("size", [0, 1, 3, 9])
@pytest.mark.parametrize("fill", [None, -1])
def test_the_first_positions_are_those_of_numpy(shape, size, fill):
    a = np.arange(math.prod(shape)).reshape(shape) % 3
    fills = 0 if fill is None else fill
    for name in ("nonzero", "flatnonzero", "argwhere"):
        f = lambda a, name=name: getattr(fg.numpy, name)(a, size=size, fill_value=fill)
        want = np.argwhere(a if name != "flatnonzero" else a.ravel())
        mapped = tree.map(lambda y: y[0], fg.vmap(f)(a[None]))
        for got in (f(a), fg.jit(f)(a), mapped):
            got = np.column_stack(got) if name == "nonzero" else got.reshape(size, want.shape[1])
            n = min(size, len(want))
            assert np.array_equal(got[:n], want[:n]) and np.all(got[n:] == fills)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 9])
@pytest.mark.parametrize("a", [
    np.array([3, 1, 3, 2]), np.array([[2.0, np.nan], [np.nan, 2.0]]), np.zeros(0), np.ones((2, 2)),
    np.array([True, False]),
])  # fmt: skip
def test_the_first_different_elements_are_those_of_numpy(size, a):
    f = lambda a: fg.numpy.unique(a, True, True, True, size=size)
    values, index, inverse, counts = np.unique(a, True, True, True)
    n = min(size, len(values))
    for got in (f(a), fg.jit(f)(a)):
        assert got[0].dtype == a.dtype and [len(got[k]) for k in (0, 1, 3)] == [size] * 3
        assert np.array_equal(got[0][:n], values[:n], equal_nan=a.dtype.kind == "f")
        assert np.array_equal(got[1][:n], index[:n]) and np.array_equal(got[3][:n], counts[:n])
        assert np.array_equal(got[2], inverse) and not got[3][n:].any()
        assert not a.size or np.all(got[0][n:] == values[0])


def test_different_elements_carry_their_derivative():
    x = np.array([3.0, 1.0, 3.0])

    for wrap in (lambda f: f, fg.jit):
        grad = wrap(fg.grad(lambda x: np.sum(fg.numpy.unique(x, size=3, fill_value=7.0) * x)))
        assert grad(x).tolist() == [1.0 + 1.0, 3.0 + 3.0, 7.0]
    assert fg.numpy.unique(x).tolist() == [1.0, 3.0]  # without a size NumPy's own
    assert fg.numpy.nonzero(x > 2)[0].tolist() == [0, 2]
