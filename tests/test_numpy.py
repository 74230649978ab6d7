"""Plain NumPy code under every transform: one row, one expression.

Each row of ``support/expressions.py`` is evaluated by NumPy alone, and then held against that under
vjp, jvp and make_jaxpr, in float64 and float32.
"""

import re
import tracemalloc

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import tree
from funcgrad.core.errors import (
    ConcretizationError,
    ConversionError,
    MutationError,
)
from funcgrad.core.jaxpr import check_jaxpr

from .support.compare import assert_derivatives, assert_same, floats
from .support.expressions import (
    CASES,
    CONSTANTS,
    INPUTS,
    NARROWING,
    NO_DIFFERENCES,
    UNTIL_NUMBERS,
    compiled,
)
from .support.rows import narrowed, split


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's own, of both sides
@pytest.mark.parametrize("family, row", CASES, ids=[row for _, row in CASES])
class TestRow:
    def test_values_and_dtypes_are_those_of_numpy(self, family, row):
        function, inputs = compiled(row)
        for dtype in (None, "f", "e"):
            # float32: the same arithmetic, in another order here and there; float16: likewise
            args = [x if dtype is None else narrowed(x, dtype) for x in inputs]
            rtol = {None: 1e-12, "f": 2e-5, "e": 3e-2}[dtype]
            if dtype == "e" and any(np.iscomplexobj(x) for x in inputs):
                continue
            want = function(*args)
            tape, _ = fg.vjp(function, *args)
            forward, _ = fg.jvp(function, args, [np.ones_like(x) for x in args])

            assert_same(want, tape, rtol, rtol, kinds=True, note=dtype)
            assert_same(want, forward, rtol, rtol, kinds=True, note=dtype)

    def test_gradients_are_central_differences(self, family, row):
        function, inputs = compiled(row)
        narrows = row in NARROWING

        assert_derivatives(
            function,
            inputs,
            smooth=not row.startswith(NO_DIFFERENCES),
            rtol=1e-6 if narrows else 1e-11,
        )

    def test_second_derivatives_are_central_differences(self, family, row):
        function, inputs = compiled(row)
        if any(np.isnan(x).any() for x in inputs) or row.startswith(NO_DIFFERENCES):
            return  # nan has no differences
        inexact = lambda *args: floats(tree.leaves(function(*args)))
        if not inexact(*inputs):
            return

        fg.check_grads(inexact, inputs, order=2, rtol=2e-3, atol=2e-4)

    def test_the_program_is_well_typed_and_gives_the_value(self, family, row):
        function, inputs = compiled(row)
        for args in (inputs, [narrowed(x, "f") for x in inputs]):
            want = function(*args)
            closed, shape = fg.make_jaxpr(function, return_shape=True)(*args)
            check_jaxpr(closed.jaxpr)
            with np.errstate(all="ignore"):
                got = closed(*args)
            rtol = 1e-12 if args is inputs else 2e-5

            assert tree.structure(shape) == tree.structure(want)
            numbers = [np.asarray(y) for y in tree.leaves(want)]
            assert_same(numbers, [np.asarray(y) for y in got], rtol, rtol, kinds=True)
            for y, struct in zip(tree.leaves(want), tree.leaves(shape), strict=True):
                assert (np.shape(y), np.asarray(y).dtype) == (struct.shape, struct.dtype)

    def test_one_tracer_among_arrays_is_enough(self, family, row):
        function, inputs = compiled(row)
        want = function(*inputs)
        full = fg.jvp(function, inputs, inputs)[1]
        parts = []
        for k, x in enumerate(inputs):
            one = lambda v, k=k: function(*inputs[:k], v, *inputs[k + 1 :])
            try:
                got, tangent = fg.jvp(one, (x,), (x,))
            except (ConversionError, MutationError, ValueError):
                return  # NumPy does not dispatch on that argument; what matters is the refusal
            parts.append([np.asarray(t) for t in tree.leaves(tangent)])

            assert_same(want, got, 1e-12, 1e-12, kinds=True)
            assert_same(want, fg.vjp(one, x)[0], 1e-12, 1e-12, kinds=True)

        for total, *terms in zip(tree.leaves(full), *parts, strict=True):
            if np.asarray(total).dtype.kind in "fc":
                # a derivative is the sum of its parts
                assert np.allclose(total, sum(terms), rtol=1e-9, atol=1e-9, equal_nan=True)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("row", UNTIL_NUMBERS)
class TestRowOfNumbers:
    def test_numbers_are_there_under_grad_and_jvp(self, row):
        function, inputs = compiled(row)
        want = function(*inputs)
        tape, _ = fg.vjp(function, *inputs)
        forward, _ = fg.jvp(function, inputs, [np.ones_like(x) for x in inputs])

        assert_same(want, tape, 1e-12, 1e-12, kinds=True)
        assert_same(want, forward, 1e-12, 1e-12, kinds=True)
        assert_derivatives(function, inputs)

    def test_shapes_alone_are_refused(self, row):
        function, inputs = compiled(row)
        with pytest.raises(ConcretizationError, match=r"rows.py|known"):
            fg.make_jaxpr(function)(*inputs)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "row", [r for _, r in CASES if "s" in re.findall(r"\w+", r) and "round" not in r]
)
def test_a_python_number_is_as_weak_as_for_numpy(row):
    function, inputs = compiled(row)
    args = [0.7 if x is INPUTS["s"] else narrowed(x, "f") for x in inputs]
    try:
        want = function(*args)
    except (AttributeError, TypeError, IndexError):  # a float has no methods
        return
    tape, _ = fg.vjp(function, *args)
    forward, _ = fg.jvp(function, args, [np.ones_like(x)[()] for x in args])
    closed = fg.make_jaxpr(function)(*args)

    assert_same(want, tape, 2e-5, 2e-5, kinds=True)  # float32
    assert_same(want, forward, 2e-5, 2e-5, kinds=True)
    assert [a.dtype for a in closed.out_avals] == [np.asarray(y).dtype for y in tree.leaves(want)]


OF_PYTHON_NUMBERS = """abs(s)  -s  +s  s * 2  np.abs(s)  np.negative(s)  np.positive(s)
       np.reshape(s, ())  np.squeeze(s)  np.transpose(s)  np.copy(s)  np.broadcast_to(s, ())
       np.moveaxis(s, (), ())
       np.broadcast_arrays(s, s)[0]  np.kron(s, s)  np.permute_dims(s, ())  np.real(s)  np.imag(s)
       np.flip(s)  np.pad(s, 0)  np.conj(s)  np.square(s)  np.add(s, s)  np.sum(s)  np.ravel(s)
       np.round(s)  np.nan_to_num(s)  np.real_if_close(s)  np.frexp(s)[0]"""


@pytest.mark.parametrize("row", re.split(r"\s{2,}", OF_PYTHON_NUMBERS))
def test_a_result_of_a_python_number_promotes_as_that_of_numpy(row):
    function = eval(f"lambda s: {row}", {"np": np})
    single = lambda s: np.multiply(function(s), np.ones(2, "f4"))
    want = single(0.5)

    assert want.dtype == fg.vjp(single, 0.5)[0].dtype
    assert want.dtype == fg.jit(single)(0.5).dtype
    assert single(2).dtype == fg.jit(single)(2).dtype
    np.testing.assert_array_equal(want, fg.jit(single)(0.5))


def test_a_python_number_among_choices_takes_their_dtype():
    x = np.ones(2, np.float32)
    chosen = lambda s: np.choose([0, 1], [x, s])

    assert chosen(0.5).dtype == fg.vjp(chosen, 0.5)[0].dtype == fg.jit(chosen)(0.5).dtype


def test_a_nan_stays_in_the_terms_that_it_is_part_of():
    x = np.array([np.nan, 1.0])
    full = lambda x: np.convolve(x, x)
    column = lambda x: np.matmul(x[:, None], x[1:] - 1)  # NumPy's dot would skip the 0

    for function in (full, column):
        np.testing.assert_array_equal(fg.vjp(function, x)[0], function(x))
        np.testing.assert_array_equal(fg.jit(function)(x), function(x))


def test_piecewise_takes_a_mask_of_rows_under_jit():
    x = np.array([[0.5, -2.0], [3.0, 4.0]])
    pieces = lambda x, rows: np.piecewise(x, [x[:, 0] > rows], [np.sin, np.cos])

    np.testing.assert_allclose(fg.jit(pieces)(x, 1.0), pieces(x, 1.0), rtol=1e-14)
    with pytest.raises(IndexError, match=r"the mask has shape \(1, 2\), the axes \(2, 2\)"):
        fg.jit(lambda x: np.piecewise(x, [x[:1] > 0], [np.sin]))(x)


def test_piecewise_takes_no_elements_under_jit():
    pieces = lambda x: np.piecewise(x, [x > 0], [np.sin, np.cos])

    assert fg.jit(pieces)(np.zeros((0, 2))).shape == (0, 2)


# what would write traced values into an ndarray

WRITES = """
    np.put(a.copy(), [0], x)  np.place(a.copy(), mask, x)
    np.putmask(a.copy(), mask, x)  np.copyto(a.copy(), x)  np.full_like(a, s)
    np.put_along_axis(A.copy(), i[:, None], s, 1)
    np.add(x, y, out=a.copy())  np.sum(m, axis=0, out=a.copy())
    np.add.at(a.copy(), i, v)  np.add.reduce(m, out=a.copy())  np.clip(x, 0, 1, out=a.copy())
    np.cumsum(x, out=a.copy())  np.dot(m, x, out=np.ones(3))  np.matmul(m, x, out=np.ones(3))
    np.einsum('i->i', x, out=a.copy())  np.concatenate([x, y], out=np.ones(8))
    np.take(x, i, out=a[:3])
    np.mean(x, out=np.ones(()))  np.max(x, out=np.ones(()))  np.var(x, out=np.ones(()))
    np.multiply.accumulate(x, out=a.copy())  np.subtract.outer(x, y, out=np.ones((4, 4)))
    np.stack([x, y], out=np.ones((2, 4)))  np.round(x, out=a.copy())
    np.argmax(x, out=np.array(0))  np.isposinf(x, a > 0)  np.isneginf(x, out=a > 0)
    np.choose([0, 1, 1, 0], [x, y], out=a.copy())
    a.__iadd__(x)  a.__imul__(x)  a.__imatmul__(x)  a.__itruediv__(x)"""


@pytest.mark.parametrize("row", split(WRITES))
def test_what_writes_into_an_ndarray_is_refused(row):
    function, inputs = compiled(row)
    before = {name: np.copy(CONSTANTS[name]) for name in ("a", "A")}
    for call in (
        lambda: fg.vjp(function, *inputs),
        lambda: fg.jvp(function, inputs, inputs),
        lambda: fg.make_jaxpr(function)(*inputs),
    ):
        with pytest.raises(MutationError, match=r"ndarray|out="):
            call()

    assert all(np.array_equal(v, CONSTANTS[name]) for name, v in before.items())


# mistakes that NumPy refuses, and the class of its error
MISTAKES = """
    x[4]  x[-5]  m[3]  m[0, 4]  m[:, -5]  x[[0, 4]]  x[i + 5]  m[[0], [9]]  t[0, 0, 0, 0]  s[0]
    x[1.0]
    x['a']  x[..., ...]  m[rows, rows, rows]  x[rows]  m[mask]  x[None, 4]  x[i, i]  x[a]
    m[[0, 1], [0, 1, 2]]
    np.take(x, 9)  np.take(m, 3, axis=0)  np.take(x, [-5])  np.choose([0, 2, 0, 0], [x, y])
    np.choose([0, -1, 0, 0], [x, y])  np.take_along_axis(m, i, 1)  np.insert(x, 9, 1.0)
    np.delete(x, 7)
    x + v  np.sum(m, axis=2)  np.sum(m, axis=(0, 0))  np.sum(m, axis=-3)  np.sum(m, axis=0.5)
    m @ m  x @ v  s @ x  x @ 2.0
    np.dot(m, v)  np.inner(x, v)  np.tensordot(m, n, 1)  np.einsum('ij,jk', m, m)
    np.einsum('ij', x)
    np.einsum('ij->ik', m)  np.einsum('i,j', x)  np.cross(x, y)  np.outer(x)
    np.reshape(m, (5, -1))
    m.reshape(7)  m.reshape(-1, -1)  np.transpose(m, (0, 0))  np.transpose(m, (0,))
    np.swapaxes(m, 0, 2)
    np.expand_dims(x, 3)  np.squeeze(m, 0)  np.broadcast_to(m, (2, 4))  np.broadcast_to(x, 3)
    np.broadcast_arrays(x, v)  np.concatenate([x, m])  np.concatenate([m, n], axis=2)
    np.concatenate([s, s])
    np.concatenate([m, sq])  np.stack([x, v])  np.stack([x, y], axis=3)  np.vstack([x, v])
    np.hstack([m, x])
    np.split(x, 3)  np.pad(x, -1)  np.pad(x, 1, 'nothing')  np.pad(x, 1, 'edge', stat_length=3)
    np.pad(x, 1, 'maximum', stat_length=0)  np.pad(e, 1, 'mean')  np.pad(e, 1, 'linear_ramp')
    np.logaddexp.reduce(x, initial=None, where=mask)
    np.pad(x, (1, 2, 3))
    np.repeat(x, [1, 2])  np.repeat(x, -1)  np.roll(x, 1, axis=1)  np.flip(x, 1)  np.rot90(x)
    np.rot90(m, axes=(0, 0))  np.diag(t)  np.diagonal(x)  np.trace(x)  np.where(mask, x)
    np.select([mask], [x, y])
    np.select([], [])  np.sort(x, axis=1)  np.partition(x, 9)  np.max(e)  np.argmax(e)
    np.max(m, where=mask2)
    np.sum(one, where=mask2)  np.mean(m, axis=5)  np.average(m, weights=x)
    np.append(m, x, axis=0)
    np.compress(mask2, m)  np.moveaxis(m, 0, 5)  np.moveaxis(m, [0, 1], [0])  np.sum(x, foo=1)
    x < v  x ** v  np.hypot(x, v)  np.add.outer(x)  len(s)  list(s)  x.foo
    x.astype('nothing')  np.cumulative_sum(m)  np.matmul(x, s)  np.vecdot(x, v)
    np.take(x, 1, axis=2)
    np.subtract.reduce(m, axis=(0, 1))  np.subtract.reduce(m, where=mask2)
    np.add.reduceat(x, [4])  np.add.reduceat(x, [-1])  np.sin.reduce(x)  np.divmod.reduce(x)
    np.maximum.reduce(e)  np.subtract.reduce(e)  np.logaddexp.reduce(x, initial=None, where=mask)
    x + None  x + 'a'  x * object()  np.sin('a', x)  np.add(x)  x & y  x << 2  ~x  x @ None
    None - x
    np.sort(x, order='f')  np.einsum('i->', x, dtype=np.float32)  np.einsum('i->', x, foo=1)
    np.dsplit(m, 2)  np.hsplit(s, 1)  np.vsplit(x, 2)  np.resize(x, -1)
    np.bincount(i, weights=x)"""


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("row", split(MISTAKES))
def test_a_mistake_raises_what_numpy_raises(row):
    function, inputs = compiled(row)
    with pytest.raises(Exception) as numpy_says:
        function(*inputs)
    kinds = (ValueError, TypeError, IndexError, AttributeError)
    want = next(kind for kind in kinds if isinstance(numpy_says.value, kind))

    for call in (
        lambda: fg.vjp(function, *inputs),
        lambda: fg.jvp(function, inputs, inputs),
        lambda: fg.make_jaxpr(function)(*inputs)(*inputs),  # indices are read when it runs
    ):
        with pytest.raises(want):
            call()


def test_the_table_is_large():
    print(f"{len(CASES) + len(UNTIL_NUMBERS)} rows of NumPy, each under vjp, jvp and make_jaxpr")

    assert len(CASES) > 1000


def test_equal_arrays_may_hold_nan_where_that_is_asked():
    gap, other = np.array([1, np.nan, 3]), np.array([1, np.nan, 2])
    for a, b, equal_nan in ((gap, gap, True), (gap, gap, False), (gap, other, True)):
        want = np.array_equal(a, b, equal_nan)
        assert fg.jit(lambda x, b=b, e=equal_nan: np.array_equal(x, b, e))(a) == want


def test_an_array_made_like_a_traced_one_has_as_many_axes_as_asked():
    make = lambda x: np.array([x[0], 2], None, copy=True, order="C", ndmin=3, like=x)

    assert np.array_equal(fg.jit(make)(np.ones(2)), [[[1.0, 2.0]]])
    assert fg.grad(lambda x: make(x).sum())(np.ones(2)).tolist() == [1, 0]


@pytest.mark.parametrize("ufunc", [np.logaddexp, np.logaddexp2, np.hypot], ids=str)
def test_an_associative_ufunc_is_folded_in_few_lines(ufunc):
    x = np.linspace(0.5, 2, 1001)
    for fold in (ufunc.reduce, ufunc.accumulate):
        compiled = fg.jit(lambda x, fold=fold: fold(x))
        assert np.allclose(fold(x), compiled(x), rtol=1e-13)
        assert len(compiled.source(x).splitlines()) < 220


@pytest.mark.parametrize("name", ["zeros_like", "ones_like", "empty_like", "full_like", "astype"])
def test_an_array_on_another_device_is_refused(name):
    more = {"full_like": (1.0,), "astype": (float,)}.get(name, ())
    with pytest.raises(ValueError, match=r"[Dd]evice"):
        fg.jit(lambda x: getattr(fg.numpy, name)(x, *more, device="gpu"))(np.ones(2))


def test_long_convolutions_agree_with_numpy_and_take_little_memory():
    rng = np.random.default_rng(0)
    a, v = rng.normal(size=20_000), rng.normal(size=300)
    for mode in ("full", "same", "valid"):
        for function in (np.convolve, np.correlate):
            want = function(a, v, mode)
            got, pullback = fg.vjp(lambda a, v, f=function, m=mode: f(a, v, m), a, v)
            assert np.allclose(got, want, rtol=1e-10, atol=1e-10)
            for ct, x in zip(pullback(want), (a, v), strict=True):  # linear in each
                assert np.isclose((ct * x).sum(), (want * want).sum())

    gradient = fg.jit(fg.grad(lambda a, v: (np.convolve(a, v) ** 2).sum(), (0, 1)))
    gradient(a, v)
    tracemalloc.start()
    gradient(a, v)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 8 * a.size * v.size / 2


def test_methods_of_ufuncs_take_lists_of_traced_values():
    def f(x):
        best = fg.numpy.logaddexp.reduce([x[0], 2 * x[1], x[2]])
        return best + fg.numpy.multiply.accumulate([x[0], x[1]])[1]

    x = np.array([0.3, -0.4, 1.2])
    weights = np.exp(x * [1, 2, 1] - np.logaddexp.reduce(x * [1, 2, 1]))

    np.testing.assert_allclose(
        fg.grad(f)(x), weights * [1, 2, 1] + [x[1], x[0], 0], rtol=1e-14
    )  # other order of operations


@pytest.mark.parametrize("subscripts", ["i...->i", "...->", "i...,...->i"])
def test_einsum_refuses_a_result_without_the_axes_of_an_ellipsis(subscripts):
    operands = [np.ones((2, 3)), np.ones(3)][: subscripts.count(",") + 1]

    with pytest.raises(ValueError, match=r"no '\.\.\.' ellipsis provided"):
        np.einsum(subscripts, *operands)
    with pytest.raises(ValueError, match=r"einsum: the result must have the axes of an ellipsis"):
        fg.eval_shape(lambda *xs: np.einsum(subscripts, *xs), *operands)
