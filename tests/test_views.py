"""Memory of results: they share it with an operand exactly where NumPy's do."""

import tracemalloc
from unittest.mock import patch

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.core.errors import ConversionError
from funcgrad.core.memory import View, owner_of
from funcgrad.core.trace import Primitive, Tracer
from funcgrad.numpy.aliasing import is_scalar
from funcgrad.ops import strides

from .support.compare import assert_same
from .support.probes import AREAS, CONSTANTS, EAGER, INPUTS
from .support.rows import function_of, known_to_numpy, split

ONE = {"o": np.array([0.7]), "e": np.zeros(0), "z0": np.array(0.3), "row": np.array([[0.5, 0.1]])}
INPUTS = INPUTS | ONE

# options and shapes with which a result might be the operand itself, where NumPy copies it
EDGES = """
    np.roll(x, 0)  np.roll(o, 1)  np.roll(e, 1)  np.tile(x, 1)  np.repeat(x, 1)
    np.clip(x, None, None)  np.round(x, 3)  x.round(20)  x.astype(float)
    x.astype(float, copy=False)  np.astype(x, float)  np.astype(x, float, copy=False)
    np.sum(x, axis=())  np.sum(o, axis=())  np.prod(x, axis=())  np.max(x, axis=())
    np.mean(x, axis=())  np.concatenate([x])  np.stack([x])  np.hstack([x])  np.vstack([row])
    np.dstack([t])  np.column_stack([m])  np.block([x])  np.block([[m]])  np.flip(x, ())
    np.flip(o)  np.delete(x, [])  np.insert(x, [], [])  np.append(x, [])  np.pad(x, 0)
    np.diff(x, n=0)  np.resize(x, 4)  np.take(x, [0, 1, 2, 3])  np.cumsum(o)  np.cumprod(o)
    np.sort(o)  np.sort(e)  np.partition(o, 0)  np.real(x)  np.imag(x)  np.real(z)
    np.real_if_close(x)  np.real_if_close(z)  x.real  z.real  z.imag  np.squeeze(x)  np.squeeze(o)
    np.array_split(x, 1)  np.split(x, 1)  np.split(m, 3)  np.vsplit(m, 3)  np.hsplit(m, 2)
    np.triu(m, -5)  np.tril(m, 5)  np.einsum("ij", m)  np.einsum("ij->ji", m)
    np.einsum("ii->i", sq)  np.einsum("...i->i...", m)  np.einsum("ijj->ij", w)
    np.einsum("ij->i", m)  np.einsum("i,i->i", x, y)  np.linalg.matrix_power(sq, 1)
    np.linalg.matrix_power(sq, 2)  np.rot90(m, 0)  np.rot90(m, 4)  np.rot90(m, 2)  np.unwrap(x)
    np.ediff1d(x)  np.positive(x)  +x  x.conj()  x.conjugate()  np.conj(x)  z.conj()
    np.nan_to_num(x)  np.trim_zeros(x)  np.atleast_1d(x)  np.atleast_2d(x)  np.atleast_3d(x)
    np.atleast_3d(t)  np.expand_dims(x, 0)  x[...]  x[:]  x[()]  x[None]  x[0, ...]  m[0]  m[:, 0]
    m[0, 1, ...]  x[[0, 1, 2, 3]]  x[np.ones(4, bool)]  z0[...]  z0[()]  z0[None]  x.ravel()
    m.ravel()  m.T.ravel()  m.T.ravel("F")  m.ravel("F")  x[::2].ravel()  x[::-1].ravel()
    x[::2].reshape(-1)  x[::-1].reshape(2, 2)  m.T.reshape(-1)  m.T.reshape(2, 2, 3)
    m.reshape(3, 4)  m[:, :2].reshape(-1)  m[:2].reshape(-1)  t[:, 0].reshape(-1)
    t[:, :1].reshape(2, 4)  t.transpose(1, 0, 2).reshape(3, 8)  t.transpose(0, 2, 1).reshape(8, 3)
    m.reshape(-1, order="F")  m.T.reshape(-1, order="F")  np.sin(m.T).ravel()
    m.ravel("K")  m.T.ravel("K")  m.T.ravel("A")  m[::-1].ravel("K")  m.T[:, :2].ravel("K")
    t.transpose(1, 0, 2).ravel("K")  t.transpose(2, 0, 1).ravel("A")  np.ravel(sq.T * 1, "K")
    np.broadcast_to(x, (2, 4)).ravel("K")  m.T.reshape(2, -1, order="A")  m.T.flatten("K")
    x.view()  m.T.view()  z.view()  z0.view()  x.view(x.dtype)  x.view(np.ndarray)
    np.sin(m.T).T.ravel()  np.sin(m.T).T.reshape(-1)  (m.T + n.T).T.ravel()  (m.T + 1.0).ravel()
    m.T.copy().ravel()  np.copy(m.T).T.ravel()  m.T.copy().T.ravel()  np.copy(m.T).ravel()
    np.copy(m.T, order="C").ravel()  m.astype(float).ravel()  m.T.astype(float).T.ravel()
    np.where(m.T > 0, m.T, 0.0).T.ravel()  np.cumsum(m.T, 0).T.ravel()  np.sort(m.T, 0).T.ravel()
    np.sort(m.T, 1).T.ravel()  np.clip(m.T, -1, 1).T.ravel()  np.tril(sq.T).T.ravel()
    np.flip(m.T, 0).ravel()  np.roll(m.T, 1).T.ravel()  (m.T @ n).T.ravel()
    np.sum(t.T, 0).T.ravel()  np.sum(t.transpose(0, 2, 1), 0).T.ravel()  np.mean(t.T, 1).T.ravel()
    np.max(t.T, 2).T.ravel()  np.stack([m.T, n.T]).reshape(-1)
    np.concatenate([m.T, n.T]).T.ravel()  np.diff(m.T).T.ravel()  np.take(m.T, [0, 1], 0).T.ravel()
    m.T[[0, 1]].T.ravel()  m.T[:, [0, 1]].T.ravel()  np.zeros_like(m.T).T.ravel()
    np.outer(x, y).T.ravel()  np.diagonal(sq)  np.diagonal(w, 0, 1, 2)  np.diagonal(w, 1, 0, 2)
    np.diag(sq)  np.diag(x)  np.diagonal(sq).ravel()  np.diagonal(sq)[::2]
    np.broadcast_to(x, (2, 4))  np.broadcast_to(x, (4,))  np.broadcast_to(x, (2, 4))[0]
    windows(x, 2)  windows(m, 2, 1)  windows(x, 2)[0]  np.moveaxis(t, 0, -1)  np.rollaxis(t, 2)
    np.swapaxes(t, 0, 1)  t.mT  np.permute_dims(t, (2, 0, 1))  np.linalg.diagonal(w)
    np.matrix_transpose(m)  np.unstack(m)  list(m)  list(m.T)  np.ix_(x, y)  np.meshgrid(x, y)
    np.meshgrid(x, y, copy=False)  np.meshgrid(x, y, sparse=True, copy=False)
    np.meshgrid(x, y, sparse=True)  np.compress([1, 1, 1, 1], x)  np.extract(np.ones(4), x)
    np.choose([0, 0, 0, 0], [x, y])  np.select([x > -9], [x])  np.interp(x, [-9, 9], [-9, 9])
    np.apply_along_axis(lambda r: r, 0, x)  np.apply_over_axes(np.sum, m, [])  np.vander(x, 1)
    x.swapaxes(0, 0)  x.transpose()  x.T  o.T  row.T.ravel()  row.squeeze()  x.flatten()
    m.T.flatten()  np.maximum(x, -np.inf)  np.minimum.reduce(row)  np.add.reduce(row)
    np.add.accumulate(o)  np.add.reduceat(x, [0, 1, 2, 3])  np.logaddexp.reduce(row)
    np.hypot.reduce(row)  np.multiply.accumulate(e)  np.hypot.accumulate(e)  np.hypot.accumulate(o)
    np.gradient(x)  np.nanmax(row, 0)  np.nansum(row, 0)  np.nancumsum(o)  np.median(row, 0)
    np.quantile(row, 0.5, 0)  np.average(row, 0)  np.cov(x)  np.dot(row, sq[:2])  np.kron(x, [1.0])
    np.convolve(x, [1.0])  np.fft.fftshift(o)  np.fft.ifftshift(e)  np.fft.fft(o)
    np.polyval([1.0, 0.0], x)  np.trapezoid(row, axis=0)  np.zeros_like(x)  x.copy()  x.__copy__()
    x.__deepcopy__({})  np.heaviside(x, x)
"""
# NumPy's results may be written into, with a warning, although their elements share memory
READ_ONLY = {"np.broadcast_arrays(x, m)", "np.meshgrid(x, y, copy=False)"}
ROWS = sorted(
    {
        row
        for rows in (*AREAS.values(), EAGER, EDGES)
        for row in split(rows)
        if known_to_numpy(row, INPUTS, CONSTANTS) and row not in READ_ONLY
    }
)


def traced_by_vjp(function, args):
    fg.vjp(function, *args)


def traced_by_jvp(function, args):
    fg.jvp(function, tuple(args), tuple(map(np.ones_like, args)))


def staged(function, args):
    fg.make_jaxpr(function)(*args)


def batched(function, args):
    fg.vmap(function)(*(np.stack([x, x, x]) for x in args))


def batched_and_staged(function, args):
    staged(fg.vmap(function), [np.stack([x, x, x]) for x in args])


def differentiated_in_a_batch(function, args):
    batched(lambda *xs: fg.vjp(function, *xs)[0], args)


def sharing(row, trace):
    """Which results share memory with which operands, and may be written: ours, and NumPy's."""
    function, args = function_of(row, INPUTS, CONSTANTS)
    args = [x.copy() for x in args]
    found = []

    def traced(*xs):
        try:
            ys = function(*xs)
        except ConversionError:
            pytest.skip("it asks for the values")
        for y in listed(ys):
            if isinstance(y, Tracer):
                shared = [owner_of(y) is owner_of(x) for x in xs]
                writeable = type(y._memory) is not View or y._memory.writeable
                found.append((shared, not any(shared) or writeable))
            else:
                found.append(([False] * len(xs), True))
        return sum(np.sum(np.real(x)) for x in xs)

    trace(traced, args)
    want = []
    for y in listed(function(*args)):
        shared = [np.shares_memory(y, x) for x in args]
        want.append((shared, not any(shared) or y.flags.writeable))
    return found, want


def listed(ys):
    return [x for y in ys for x in listed(y)] if isinstance(ys, (list, tuple)) else [ys]


TRACES = [traced_by_jvp, batched, batched_and_staged, differentiated_in_a_batch]
SCALARS = ("z0[...]", "z0[None]")  # an element of a vector is no array of no axis


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", ROWS)
def test_a_result_shares_memory_where_numpys_does(row):
    found, want = sharing(row, traced_by_vjp)

    assert found == want


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", [row for row in split(EDGES) if row in ROWS])
def test_a_result_shares_memory_where_numpys_does_in_a_program(row):
    found, want = sharing(row, staged)

    assert found == want


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("trace", TRACES)
@pytest.mark.parametrize("row", ROWS)
def test_a_result_shares_memory_in_every_trace(row, trace):
    if row in SCALARS and trace in (batched, batched_and_staged, differentiated_in_a_batch):
        pytest.skip("the elements are scalars")
    found, want = sharing(row, trace)

    assert found == want


def read_after(write, take):
    """A program that takes part of an array, writes, and returns both."""

    def program(x):
        part = take(x)
        write(x, part)
        return x, part

    return program


VIEWS = {
    "real": (lambda z: z.real, lambda z, part: part.fill(2.0)),
    "imag": (lambda z: np.imag(z), lambda z, part: part.__iadd__(1.0)),
    "the real part is set": (lambda z: z.imag, lambda z, part: setattr(z, "real", part)),
    "read through a diagonal": (lambda z: np.diagonal(z), lambda z, part: z.fill(3.0)),
    "einsum": (lambda z: np.einsum("ii->i", z), lambda z, part: part.fill(1.0)),
    "einsum that permutes": (lambda z: np.einsum("ij->ji", z), lambda z, part: part[0].fill(1.0)),
    "broadcast": (lambda z: np.broadcast_to(z, (2, 3, 3)), lambda z, part: z.fill(1.0)),
    "windows": (lambda z: CONSTANTS["windows"](z, 2, 0), lambda z, part: z.__imul__(2.0)),
    "the same shape, read-only": (
        lambda z: np.broadcast_to(z, (3, 3)),
        lambda z, part: z.fill(1.0),
    ),
    "conj of reals": (lambda z: z.real.conj(), lambda z, part: part.fill(1.0)),
    "ravel of a transpose": (lambda z: z.T.ravel(), lambda z, part: part.fill(1.0)),
    "ravel in the other order": (lambda z: z.T.ravel("F"), lambda z, part: part.fill(1.0)),
    "ravel of a step": (lambda z: z[0, ::2].ravel(), lambda z, part: part.fill(1.0)),
    "reshape of a step": (lambda z: z[0, ::2].reshape(-1), lambda z, part: part.fill(1.0)),
    "ravel of what a transpose made": (
        lambda z: np.sin(z.T),
        lambda z, part: part.T.ravel().fill(1.0),
    ),
    "grid": (lambda z: np.ix_(z[0], z[1])[0], lambda z, part: part.fill(1.0)),
    "roll by nothing": (lambda z: np.roll(z, 0), lambda z, part: part.fill(1.0)),
    "astype": (lambda z: z.astype(complex), lambda z, part: part.fill(1.0)),
    "astype without a copy": (
        lambda z: z.astype(complex, copy=False),
        lambda z, part: part.fill(1.0),
    ),
}
Z = np.random.default_rng(0).normal(size=(2, 3, 3)).T[..., 0] + 1j * np.arange(9.0).reshape(3, 3)
Z = np.ascontiguousarray(Z)


@pytest.mark.parametrize("name", VIEWS)
def test_a_write_reaches_views_and_no_copies(name):
    program = read_after(*reversed(VIEWS[name]))
    want = program(Z.copy())

    for got in (fg.vjp(program, Z)[0], fg.jit(program)(Z), fg.vmap(program)(Z[None])):
        for x, y in zip(got, want, strict=True):
            assert_same(x.reshape(y.shape), y)


@pytest.mark.parametrize("view", [np.diagonal, np.diag, lambda z: np.broadcast_to(z, (3, 3))])
def test_a_read_only_view_is_read_only(view):
    def program(z):
        view(z)[0] = 1.0
        return z

    for run in (lambda f: f(Z), lambda f: fg.vjp(f, Z), lambda f: fg.jit(f)(Z)):
        with pytest.raises(ValueError, match="assignment destination is read-only"):
            run(program)


def test_operands_of_a_branch_are_copies():
    def program(x):
        y = fg.lax.cond(True, lambda a: fill(a), np.sin, x)
        z = fg.lax.switch(0, [lambda a: a], x)
        z += 1.0
        return x, y

    def fill(a):
        a[:] = 2.0
        return a

    x = np.array([0.3, 0.4])
    for got in (fg.vjp(program, x)[0], fg.jit(program)(x)):
        assert_same(got[0], x)
        assert_same(got[1], np.array([2.0, 2.0]))


def test_results_of_vmap_are_no_views_of_its_operands():
    def program(x):
        y = fg.vmap(lambda row: row)(x)
        y += 1.0
        return x

    assert_same(fg.vjp(program, Z)[0], Z)


def test_a_result_of_vmap_in_a_loop_is_written_although_it_has_the_elements_of_an_older_array():
    def program(x):
        def body(_, carry):
            y = fg.vmap(lambda row: row)(x)
            y *= 2.0
            return carry + y

        return fg.lax.fori_loop(0, 2, body, x)

    x = np.ones((2, 3))

    assert_same(5.0 * x, program(x))
    assert_same(5.0 * x, fg.vjp(program, x)[0])


def test_an_out_by_position_is_written_by_functions_of_funcgrad_numpy():
    def program(x):
        fg.numpy.add(x, 1.0, x)
        return x

    assert_same(fg.vjp(program, Z)[0], Z + 1.0)


@pytest.mark.parametrize("transform", [fg.jit, lambda f: lambda x: fg.vjp(f, x)[0]])
def test_an_array_of_no_axis_is_written_and_a_scalar_is_bound_anew(transform):
    def program(x):
        y = x
        x += 1.0
        return x, y

    run = transform(program)
    for _ in range(2):
        assert tuple(map(float, run(np.array(0.5)))) == (1.5, 1.5)
        assert tuple(map(float, run(np.float64(0.5)))) == (1.5, 0.5)
        assert tuple(map(float, run(0.5))) == (1.5, 0.5)


def test_a_program_that_writes_into_no_scalar_is_compiled_once_for_both():
    f = fg.jit(lambda x: np.sin(x))
    f(np.array(0.5))
    f(np.float64(0.5))

    assert f.cache_info().misses == 1


def test_what_vmap_makes_is_in_c_order():
    def program(x):
        x.T[x > 0.1] = 0.0
        y = fg.vmap(lambda row: row)(x)
        y.reshape(-1)[0] = 5.0
        return y

    x = np.array([[1.3, 0.6], [-0.3, 0.1]])
    want = np.array([[5.0, 0.6], [0.0, 0.1]])
    for got in (fg.vjp(program, x)[0], fg.jit(program)(x)):
        assert_same(got, want)


@pytest.mark.parametrize("written", [False, True])
def test_views_that_are_gone_are_not_counted_and_others_not_often(written):
    def f(x):
        y = x * 1.0
        if written:
            y[0] = 2.0
        for _ in range(500):
            y[1:]
        memory = y._memory
        lost = len(memory.views) + len(memory.lent)
        views = [y[i:] for i in range(500)]
        return y.sum(), (lost, len(memory.views), memory.limit, len(views))

    for run in (
        lambda: fg.grad(f, has_aux=True)(np.ones(500))[1],
        lambda: fg.jvp(f, (np.ones(500),), (np.ones(500),), has_aux=True)[2],
    ):
        lost, views, limit, n = run()

        assert lost <= 64
        assert views >= n
        assert limit >= n  # it is looked for views that are gone when their number has doubled


def add_one(x):
    x += 1.0


# programs that write into an array again after it was read in some way
AGAIN = {
    "a diagonal of what was written": lambda x: (add_one(x), np.diagonal(x)[1] * x[0, 0])[1],
    "a broadcast": lambda x: (np.broadcast_to(x, (2, 3, 3)), add_one(x))[0],
    "a step of a diagonal": lambda x: (add_one(x), np.diagonal(x)[::1])[1],
    "the elements of a transpose": lambda x: (setattr(x.mT, "flat", 0.5), x)[1],
    "one element of a transpose": lambda x: (x.mT.flat.__setitem__(5, 0.5), x)[1],
    "a copy by tile": lambda x: (add_one(x), np.tile(x, 1), add_one(x))[1],
    "a copy that is written": lambda x: (add_one(x), add_one(np.tile(x, 1)), x)[2],
    "a copy of a copy": lambda x: (add_one(x), np.tile(np.tile(x, 1), 1), add_one(x))[1],
    "a view of another order": lambda x: (x.ravel(), np.fill_diagonal(x.T, 2.0), add_one(x))[0],
    "an assignment to itself": lambda x: (x.ravel(), x.T.__setitem__(0, 2.0), add_one(x[:2]))[0],
}
NO_AXIS = {
    "itself": lambda x: (x.__iadd__(x[...]), x)[1],
    "a scalar of it": lambda x: (x.__imul__(x[()]), x)[1],
    "a view of it": lambda x: (x[...].__iadd__(x), x.__imul__(x), x)[2],
    "fill": lambda x: (x.fill(x[()] + x), x)[1],
}


@pytest.mark.parametrize("name", AGAIN)
def test_a_write_after_a_read_is_numpys(name):
    check_derivatives(AGAIN[name], np.random.default_rng(3).normal(size=(3, 3)))


@pytest.mark.parametrize("name", NO_AXIS)
def test_a_write_into_an_array_of_no_axis_is_numpys(name):
    check_derivatives(NO_AXIS[name], np.array(0.7))


def check_derivatives(program, x):
    want, t = program(x.copy()), np.ones_like(x)
    slope = (program(np.asarray(x + 1e-6 * t)) - program(np.asarray(x - 1e-6 * t))) / 2e-6
    y, pull = fg.vjp(program, x)
    z, tangent = fg.jvp(program, (x,), (t,))

    for value in (y, z, fg.jit(program)(x)):
        assert_same(value, want)
    np.testing.assert_allclose(tangent, slope, rtol=1e-7, atol=1e-8)  # of differences
    np.testing.assert_allclose(np.sum(pull(np.ones_like(want))[0]), np.sum(slope), rtol=1e-7)


def test_an_element_with_an_ellipsis_is_an_array_also_of_a_scalar():
    def program(x):
        y = x[...]
        y.reshape(1)[0] = 2.0 * x
        return y

    assert_same(fg.vmap(program)(np.array([0.1, 0.2])), np.array([0.2, 0.4]))


def test_copies_are_in_their_order():
    def program(x):
        y, z = x.T.copy(), np.copy(x.T)
        y.reshape(-1)[0] = 5.0
        z.T.reshape(-1)[0] = 6.0
        return y, z

    x = np.arange(6.0).reshape(2, 3)
    want = program(x)
    for got in (fg.vjp(program, x)[0], fg.jit(program)(x)):
        for a, b in zip(got, want, strict=True):
            assert_same(a, b)


def test_a_second_derivative_of_writes_into_an_array_of_no_axis():
    def program(x):
        y = x
        x *= y
        x *= y
        return np.sum(x)  # x**4

    slope, bend = fg.jvp(fg.grad(program), (np.array(0.5),), (np.array(1.0),))

    np.testing.assert_allclose([slope, bend], [4 * 0.5**3, 12 * 0.5**2])


def test_a_view_of_another_order_is_written_under_vjp_in_vmap():
    def program(x):
        y = np.copy(x.T).T.ravel()
        y[...] = 2.0 * y
        return y

    x, ct = np.arange(6.0).reshape(2, 3), np.arange(6.0)
    pull = lambda x: fg.vjp(program, x)[1](ct)[0]

    assert_same(fg.vmap(pull)(x[None])[0], pull(x))


def test_windows_by_numpys_own_path_see_writes():
    def f(x):
        y = 1.0 * x
        windows = fg.numpy.lib.stride_tricks.sliding_window_view(y, 2)
        y[1] *= 3.0
        return windows.sum(axis=1)

    x = np.array([0.4, -1.3, 0.9])

    np.testing.assert_array_equal(f(x), fg.jit(f)(x))
    np.testing.assert_array_equal(np.array([[1.0, 3.0, 0.0], [0.0, 3.0, 1.0]]), fg.jacrev(f)(x))


def test_a_write_through_a_transpose_keeps_the_order_of_what_is_made_of_the_array():
    def program(x):
        np.fill_diagonal(x.T, 1.0)
        y = x + x
        y.ravel()[:] = 3.0
        return y

    x = np.arange(4.0).reshape(2, 2)
    for got in (fg.vjp(program, x)[0], fg.jvp(program, (x,), (x,))[0], fg.jit(program)(x)):
        assert_same(got, np.full((2, 2), 3.0))


def test_a_buffer_of_another_order_takes_a_traced_value_by_flat():
    def program(x):
        y = np.ones_like(x)
        y.T.flat[1] = 2.0 * x[0, 0]
        return y

    x = np.array([[0.5, 0.1], [0.2, 0.3]])

    assert_same(fg.vjp(program, 3.0 * x)[0], np.array([[1.0, 1.0], [3.0, 1.0]]))


def test_vmap_of_the_gradient_of_a_part_of_a_written_array():
    def program(z):
        z *= 2.0
        return np.sum(z.imag[0] ** 2)

    z = np.array([[0.5 + 1j, 0.1], [0.2, 0.3 - 2j]])
    want = fg.grad(program)(z)

    assert_same(fg.vmap(fg.grad(program))(z[None])[0], want)


def test_a_view_of_no_axis_is_written_into_a_buffer():
    def program(x):
        y = np.ones_like(x[...])
        y[...] = x[...]
        return np.sum(y * x)

    assert fg.jvp(fg.grad(program), (np.array(0.5),), (np.array(1.0),)) == (1.0, 2.0)


# of a scalar s and a vector v, with what NumPy gives as a scalar of no axis or as an array
ZERO_AXES = """
    np.copy(s)  s.copy()  np.copy(s).copy()  np.copy(s).T  np.copy(s).astype('f4')  s.astype('f4')
    s.imag  np.imag(np.copy(s))  np.where(True, s, s)  np.select([s > 0], [s])  np.flip(s)
    np.piecewise(s, [s > 0], [lambda t: 2 * t])  np.tensordot(s, s, 0)  np.tensordot(v, v, 1)
    np.inner(v, v)  np.dot(v, v)  np.einsum('->', s)  np.einsum('i->', v)  np.expand_dims(s, ())
    np.broadcast_arrays(s, s)[0]  np.i0(s)  np.real_if_close(s)  np.tile(s, ())  np.roll(s, 1)
    np.resize(s, ())  np.block(s)  np.apply_along_axis(np.sum, 0, v)  np.nan_to_num(s)
    np.nan_to_num(np.copy(s))  np.median(s)  np.median(v)  np.quantile(v, 0.5)  np.nanmax(s)
    np.interp(s, [0.0, 1.0], [2.0, 3.0])  np.linalg.cond(s[None, None])  np.sin(np.copy(s))
    np.squeeze(s)  np.reshape(s, ())  np.clip(np.copy(s), 0, 1)  s[...]  s[()]  v[0]  v[0, ...]
"""


@pytest.mark.parametrize("row", split(ZERO_AXES))
def test_a_result_of_no_axis_is_a_scalar_where_numpys_is(row):
    function = eval(f"lambda s, v: {row}", {"np": np})
    scalars = []

    def program(s, v):
        y = function(s, v)
        scalars.append(is_scalar(y) if isinstance(y, Tracer) else not isinstance(y, np.ndarray))
        return np.sum(y)

    s, v = np.float64(0.7), np.array([0.3, 0.8])
    want = not isinstance(function(s, v), np.ndarray)
    several = np.array([0.7, 0.2]), np.stack([v, v])
    fg.vjp(program, s, v)
    fg.jvp(program, (s, v), (s, v))
    fg.jit(program)(s, v)
    fg.vmap(program)(*several)
    fg.vmap(lambda s, v: fg.vjp(program, s, v)[0])(*several)

    assert scalars == [want] * len(scalars)


@pytest.mark.parametrize("transform", [fg.jit, lambda f: lambda x: fg.vjp(f, x)[0]])
def test_a_write_through_a_diagonal_keeps_the_order_of_the_array(transform):
    def program(x):
        y = x.swapaxes(0, 1)
        np.subtract.at(np.einsum("ii->i", y), 1, 1.0)
        y.reshape(-1, order="F")[:2] = 0.5
        z = x + 0.0
        z.ravel()[2:] = 3.0
        return [y, z]

    x = np.array([[2.5, 0.6], [-1.9, -0.9]])

    assert_same(program(x.copy()), list(transform(program)(x)))


def halves(x):
    x.reshape(-1)[:2] /= 2.0  # a view of x in C order, else a copy
    return x


# operands and results of bodies are in C order, those of jit and of derivatives in their own
OF_BODIES = {
    "scan": lambda x: fg.lax.scan(lambda c, row: (halves(c), row), x, x)[0],
    "fori_loop": lambda x: fg.lax.fori_loop(0, 2, lambda i, c: halves(c), x),
    "while_loop": lambda x: fg.lax.while_loop(lambda c: c[0, 0] > 0.9, halves, x),
    "map": lambda x: fg.lax.map(halves, x[None])[0],
    "vmap": lambda x: fg.vmap(halves)(x[None])[0],
    "cond": lambda x: fg.lax.cond(x[0, 0] > -9.0, halves, lambda c: c, x),
    "switch": lambda x: fg.lax.switch(0, [halves, lambda c: c], x),
    "checkpoint": lambda x: fg.checkpoint(halves)(x),
    "jit": lambda x: fg.jit(halves)(x),
    "vjp": lambda x: fg.vjp(halves, x)[0],
}
INSIDE = {
    "vjp": lambda f: lambda x: fg.vjp(f, x)[0],
    "jvp": lambda f: lambda x: fg.jvp(f, (x,), (x,))[0],
    "jit": fg.jit,
    "vmap": lambda f: lambda x: fg.vmap(f)(x[None])[0],
    "vmap of vjp": lambda f: lambda x: fg.vmap(lambda x: fg.vjp(f, x)[0])(x[None])[0],
    "jit of vmap": lambda f: lambda x: fg.jit(fg.vmap(f))(x[None])[0],
}


@pytest.mark.parametrize("transform", INSIDE)
@pytest.mark.parametrize("name", OF_BODIES)
def test_bodies_take_and_give_arrays_in_the_same_order_in_every_mode(name, transform):
    body = OF_BODIES[name]

    def program(x):
        y = body(x.T)
        if name not in ("jit", "vjp"):
            y.reshape(-1)[-2:] *= 3.0
        return 1.0 * y

    x = np.arange(1.0, 7.0).reshape(2, 3)
    turns = {"fori_loop": 4, "scan": 8, "jit": 1, "vjp": 1}.get(name, 2)
    want = x.T.copy()
    want.reshape(-1)[:2] /= turns
    if name not in ("jit", "vjp"):
        want.reshape(-1)[-2:] *= 3.0

    assert_same(want, INSIDE[transform](program)(x))


@pytest.mark.parametrize("transform", INSIDE)
def test_what_is_made_of_a_copy_in_another_order_is_in_its_order(transform):
    def program(x):
        y = x.copy("F") * 1.0
        y.reshape(-1)[0] = 5.0  # of a copy
        z = y.copy()
        z.ravel()[2] = 9.0
        (z + 0.0).T.reshape(-1)[1] = 7.0  # of a copy
        return y + z

    x = np.arange(1.0, 7.0).reshape(2, 3)

    assert_same(program(x), INSIDE[transform](program)(x))


def test_a_result_without_derivative_is_written_into_a_buffer():
    def program(x):
        y, n = np.zeros_like(x), np.zeros_like(x, dtype=int)
        np.frexp(2.0 * x, y, n)
        np.floor(x[:1], out=y[:1])
        return y * x + n

    x = np.array([0.3, 1.7, -2.2])

    assert_same(program(x), fg.vjp(program, x)[0])
    assert_same(program(x), fg.jit(program)(x))


@pytest.mark.parametrize("transform", INSIDE)
def test_what_is_made_of_a_result_of_vmap_is_in_numpys_order(transform):
    def program(x):
        y = x.transpose(2, 0, 1)
        z = y * fg.vmap(lambda row: 2.0 * row)(y)
        z.reshape(-1)[0] = 5.0  # a copy of an array in an order between those of both operands
        return z

    x = np.arange(1.0, 7.0).reshape(2, 1, 3)
    y = x.transpose(2, 0, 1)
    want = y * (2.0 * y).copy()
    want.reshape(-1)[0] = 5.0

    assert_same(want, INSIDE[transform](program)(x))


@pytest.mark.parametrize("transform", INSIDE)
@pytest.mark.parametrize("made", [np.tile, lambda y, _: y.copy(), lambda y, _: y.ravel()])
def test_a_copy_of_a_reversed_array_is_contiguous(made, transform):
    def program(x):
        y, z = made(x[::-1], 1), made(x[0, ::-1], 1)
        y.ravel()[2] = 5.0
        z.ravel()[0] = z.reshape(-1)[1] = 7.0
        return y.reshape(2, 3) + z

    x = np.arange(1.0, 7.0).reshape(2, 3)

    assert_same(program(x), INSIDE[transform](program)(x))


@pytest.mark.parametrize("transform", [*INSIDE, "NumPy"])
def test_a_scalar_that_is_broadcast_is_read_only(transform):
    def program(x):
        y = np.broadcast_to(x[0], 2)
        with pytest.raises(ValueError, match="read-only"):
            y += 1.0
        return y

    x = np.array([0.5, 0.1])
    run = INSIDE.get(transform, lambda f: f)(program)

    assert_same(np.array([0.5, 0.5]), run(x))


@pytest.mark.parametrize("transform", INSIDE)
@pytest.mark.parametrize("view", [lambda x: x[::-1], np.diagonal, lambda x: x[:, 0]])
def test_an_argument_of_a_gradient_has_the_strides_of_the_view_that_it_is(view, transform):
    def part(y):
        y.ravel()[0] = 5.0  # of a copy
        return np.sum(y**2)

    def program(x):
        x[1] += 1.0
        return fg.grad(part)(view(x))

    x = np.arange(1.0, 10.0).reshape(3, 3)

    assert_same(2.0 * view(x + [[0.0], [1.0], [0.0]]), INSIDE[transform](program)(x))


@pytest.mark.parametrize("transform", INSIDE)
def test_a_reversed_argument_of_a_gradient_has_views_where_numpys_has(transform):
    def part(y):
        y.reshape(-1)[None] += 5.0  # of a copy
        y[:, ::-1].reshape(-1)[1:] *= 3.0  # of a view
        return np.sum(y**2)

    def program(x):
        return fg.grad(part)(np.fliplr(x))

    x = np.arange(1.0, 7.0).reshape(3, 2)
    want = np.fliplr(18.0 * x - [[16.0, 0.0], [0.0, 0.0], [0.0, 0.0]])

    assert_same(want, program(x))
    assert_same(want, INSIDE[transform](program)(x))


def stacks(x):
    y = np.stack([np.stack([x, x, x])] * 2)
    return y.transpose(1, 0, 2, 3), y.transpose(1, 0, 3, 2)


TURNS = np.array([[0, 1, 2], [2, 1, 0]])
IN_NUMPYS_ORDER = {
    "concatenate": lambda x: np.concatenate([x.T, x.T]),
    "stack": lambda x: np.stack([x.T, x.T], -1)[0],
    "products of stacks": lambda x: np.matmul(*stacks(x)),
    "an index array": lambda x: x[:, [0, 1]],
    "an index array of a transpose": lambda x: x.T[:, [0, 1]],
    "index arrays in another order": lambda x: x[TURNS.T, TURNS.T % 2],
    "a weighted mean": lambda x: np.average(np.stack([x, x]).T, 1, np.arange(1.0, 4.0)),
    "a median": lambda x: np.median(np.stack([x, x]).T, 1),
    "a rolled stack": lambda x: np.roll(np.stack([x, x]).swapaxes(0, 2), 1, 0),
    "a sum": lambda x: np.sum(np.stack([x, x]).T, 1),
    "a variance": lambda x: np.var(np.stack([x, x]).T, 1),
    "a cumulative sum": lambda x: np.cumsum(x.T, 0),
    "a product of einsum": lambda x: np.einsum("ij,ij->ji", x, x),
    "one of others": lambda x: np.sin(np.roll(np.concatenate([x.T, x.T]), 1, 0)) + 1.0,
    "a function by pieces": lambda x: np.piecewise(x.T, [x.T > 3.0], [np.sin, 0.5]),
    "a selection": lambda x: np.select([x.T > 0.0], [x.T], 0.2),
    "a cast": lambda x: x.astype(float, order="F"),
    "a cast in C order": lambda x: x.T.astype(float, order="C"),
    "a polynomial": lambda x: np.polyval([1.0, 2.0], x.T),
    "a function of several operations": lambda x: fg.special.erf(x.T),
    "zeros": lambda x: 0.5 + np.zeros_like(np.concatenate([x.T, x.T])),
}
NESTED = {
    "vjp": INSIDE["vjp"],
    "jvp": INSIDE["jvp"],
    "jit": INSIDE["jit"],
    "vmap": INSIDE["vmap"],
    "jit of vmap": INSIDE["jit of vmap"],
    "vmap of vjp": INSIDE["vmap of vjp"],
    "vmap of jvp": lambda f: lambda x: fg.vmap(INSIDE["jvp"](f))(x[None])[0],
    "vmap of vmap": lambda f: lambda x: fg.vmap(fg.vmap(f))(x[None, None])[0, 0],
    "scan": lambda f: lambda x: fg.lax.scan(lambda c, x: (c, f(x)), 0.0, x[None])[1][0],
}


@pytest.mark.parametrize("transform", NESTED)
def test_a_result_is_reshaped_in_the_order_that_numpy_gives_it(transform):
    def program(x):
        results = [made(1.0 * x) for made in IN_NUMPYS_ORDER.values()]
        for y in results:
            y.reshape(-1)[1] = 7.0  # of a copy, where NumPy's is not in C order
            y.T.reshape(-1)[2] = 9.0
        return results

    x = np.arange(1.0, 7.0).reshape(3, 2)
    f = lambda x: np.concatenate([np.ravel(y) for y in program(x)])

    assert_same(f(x), NESTED[transform](f)(x), 1e-12)


def test_strides_are_not_found_before_they_are_asked():
    with patch.object(strides, "strides_made", side_effect=AssertionError):
        y = fg.vmap(lambda x: np.concatenate([x.T, x.T]) @ x)(np.ones((2, 3, 3)))

    assert y.shape == (2, 6, 3)


def test_strides_of_an_operation_whose_parameter_has_no_hash_are_found():
    class Scaled(Primitive):
        def run(self, x, by):
            return (x * by[0],)

        def infer(self, x, by):
            return (x,)

        def batch(self, args, axes, size, /, by):
            return self.bind(*args, by=by), axes

    scaled = Scaled("test_scaled_by_a_list")

    def program(x):
        y = scaled.bind(x.T, by=[2.0])[0]
        y.reshape(-1)[0] = 0.0  # of a copy
        return y

    assert_same(np.full((1, 3, 2), 2.0), fg.vmap(program)(np.ones((1, 2, 3))))


def test_strides_of_a_long_chain_are_found_without_recursion():
    def program(x):
        y = x.T
        for _ in range(2000):
            y = y + 1.0
        y.reshape(-1)[0] = 0.0  # of a copy
        return y

    assert fg.vmap(program)(np.ones((1, 2, 3))).min() == 2001.0


def test_a_column_that_is_written_takes_no_memory_of_its_matrix():
    matrix = np.ones((4000, 500))

    def program(x):
        x[0] = 3.0
        return np.sum(x**2)

    fg.grad(program)(matrix[:, 0])
    tracemalloc.start()
    fg.grad(program)(matrix[:, 0])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < matrix.nbytes / 10


def test_truths_of_a_transposed_array_are_given_in_c_order_by_vmap():
    x = np.ones((3, 4, 5))
    got = fg.vmap(lambda x: np.isinf(x.T))(x)

    assert got.dtype == bool and got.shape == (3, 5, 4) and not got.any()
    stacked = fg.vmap(lambda x: (np.isinf(x), x), in_axes=1)(x)[0]
    assert stacked.shape == (4, 3, 5)


@pytest.mark.parametrize("unroll", [1, 2])
@pytest.mark.parametrize("transform", INSIDE)
def test_a_row_that_a_loop_returns_is_no_view_of_its_operand(transform, unroll):
    def program(x):
        last, _ = fg.lax.scan(lambda c, row: (row, c + 1.0), np.mean(x, 0), x, unroll=unroll)
        x += 1.0
        last[0] = 7.0
        return x, last

    x = np.arange(1.0, 7.0).reshape(2, 3)

    assert_same((x + 1.0, np.array([7.0, 5.0, 6.0])), INSIDE["vjp"](program)(x))
    assert_same(INSIDE["vjp"](program)(x)[1], INSIDE[transform](lambda x: program(x)[1])(x))


FORMS = {
    f.__name__: f
    for f in (np.real, np.imag, np.squeeze, np.transpose, np.flip, np.copy, np.atleast_1d, np.abs)
} | {
    "x.real.T": lambda x: x.real.T,
    "reshape": lambda x: x.reshape(()),
    "[...]": lambda x: x[...],
    "[()]": lambda x: x[()],
    "[None]": lambda x: x[None],
    "[...].real": lambda x: x[...].real,
    "copy": lambda x: x.copy(),
    "astype": lambda x: x.astype(x.dtype, copy=False),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_of_a_scalar_is_rebound_or_written_as_in_numpy(form):
    def program(x):
        outs = []
        for source in (x.sum(), x[0], x[0, ...]):
            y = z = FORMS[form](source)
            z *= 2
            outs += [y, z]
        return tuple(outs)

    real = [] if form == "imag" else [np.array([0.5, 2.0])]  # the imaginary part is read-only
    for x in (*real, np.array([0.5 + 1j, 2.0])):
        want = program(x.copy())
        runs = (fg.jit(program), lambda x: fg.vjp(program, x)[0],
                lambda x: fg.jvp(program, (x,), (x,))[0],
                lambda x: tuple(y[0] for y in fg.vmap(program)(x[None])))  # fmt: skip
        for run in runs:
            np.testing.assert_allclose(np.hstack(run(x.copy())), np.hstack(want), 1e-15)


def test_an_element_of_a_workspace_array_is_read_before_its_memory_is_used_again():
    def program(x):
        element, view = x[0], x[0, ...]
        once = np.atleast_1d(element)
        once *= 2
        both = np.atleast_1d(view)
        both *= 2
        return both, once

    x = np.array([0.5, 2.0])

    assert_same(fg.jit(program)(x), program(x.copy()))


def test_a_traced_value_is_a_scalar_where_that_of_numpy_is() -> None:
    def of(x):
        zero, whole = x.sum().reshape(()), x.sum() + np.zeros(())
        return [fnp.isscalar(y) for y in (x, x.sum(), x[0], x[..., 0], zero, whole, 1.0)]

    found = []
    want, x = of(np.ones(3)), np.ones(3)
    fg.jit(lambda x: found.append(of(x)) or x)(x)
    fg.grad(lambda x: found.append(of(x)) or x.sum())(x)
    fg.vmap(lambda x: found.append(of(x)) or x)(np.ones((2, 3)))

    assert found == [want] * 3


NEEDS = [None, "C", ["F"], ["O"], ["F", "W"], ["F_CONTIGUOUS", "OWNDATA"]]


@pytest.mark.parametrize("needs", NEEDS)
@pytest.mark.parametrize("name", ["require", "asfortranarray"])
def test_requirements_on_memory_are_those_of_numpy(name, needs) -> None:
    def f(x, make):
        found = []
        for y in (x.reshape(2, 3), x.reshape(3, 2).T, x.reshape(2, 3)[:, ::2]):
            z = make(y, None, needs) if name == "require" else make(y)
            z[0, 0] = 7.0
            found += [z.ravel("K"), y * 1.0]
        return found

    x = np.arange(6.0)
    g = lambda x: f(x * 1.0, getattr(fnp, name))

    for got in (fg.jit(g)(x), fg.jvp(g, (x,), (x,))[0]):
        for a, b in zip(f(x.copy(), getattr(np, name)), got, strict=True):
            np.testing.assert_array_equal(a, b)


def test_requirements_that_numpy_refuses_are_refused() -> None:
    with pytest.raises(ValueError, match="both"):
        fg.jit(lambda x: fnp.require(x, None, ["C", "F"]))(np.ones(2))
    with pytest.raises(KeyError):
        fg.jit(lambda x: fnp.require(x, None, ["Z"]))(np.ones(2))
    with pytest.raises(ConversionError, match=r"asarray_chkfinite: .*; call it outside the traced"):
        fg.jit(lambda x: np.asarray_chkfinite(x))(np.ones(2))
