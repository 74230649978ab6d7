"""Writes in place into traced arrays: NumPy's result, and the derivative of funcgrad.at.

The probes "in place" of ``support/probes.py`` compare each function that writes with NumPy and with
central differences. Here are the laws: which names see a write, and what cannot be written.
"""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import DtypeError, MutationError

from .support.compare import assert_same
from .support.rows import split

X = np.array([0.4, -1.3, 0.9, 2.1])
V = np.array([-0.6, 0.8])
I = np.array([2, 0])  # noqa: E741
MASK = np.array([True, False, True, False])


def assign(x, index, v):
    x[index] = v


def divide_at_once(x, v):
    x[:2] /= v


# a write, and the same as a functional update
UPDATES = {
    "x[0] = v": (lambda x, v: assign(x, 0, v[0]), lambda x, v: fg.at(x)[0].set(v[0])),
    "x[1:3] = v": (lambda x, v: assign(x, slice(1, 3), v), lambda x, v: fg.at(x)[1:3].set(v)),
    "x[::2] = v": (lambda x, v: assign(x[::2], ..., v), lambda x, v: fg.at(x)[::2].set(v)),
    "x[i] = v": (lambda x, v: assign(x, I, v), lambda x, v: fg.at(x)[I].set(v)),
    "x[twice] = v": (lambda x, v: assign(x, [1, 1], v), lambda x, v: fg.at(x)[[1, 1]].set(v)),
    "x[mask] = v": (lambda x, v: assign(x, MASK, v), lambda x, v: fg.at(x)[MASK].set(v)),
    "x[x > 0] = v": (lambda x, v: assign(x, x > 0, v[1]), lambda x, v: np.where(x > 0, v[1], x)),
    "x[1] += v": (lambda x, v: x[1:2].__iadd__(v[0]), lambda x, v: fg.at(x)[1].add(v[0])),
    "x[:2] /= v": (divide_at_once, lambda x, v: fg.at(x)[:2].divide(v)),
    "add.at": (lambda x, v: np.add.at(x, [1, 1], v), lambda x, v: fg.at(x)[[1, 1]].add(v)),
    "multiply.at": (
        lambda x, v: np.multiply.at(x, [1, 1], v), lambda x, v: fg.at(x)[[1, 1]].multiply(v)),
    "negative.at": (lambda x, v: np.negative.at(x, I), lambda x, v: fg.at(x)[I].apply(np.negative)),
    "put": (lambda x, v: np.put(x, I, v), lambda x, v: fg.at(x)[I].set(v)),
    "out=": (lambda x, v: np.sin(v, out=x[2:]), lambda x, v: fg.at(x)[2:].set(np.sin(v))),
    "sort": (lambda x, v: x.sort(), lambda x, v: np.sort(x)),
}  # fmt: skip


@pytest.mark.parametrize("name", UPDATES)
def test_a_write_is_a_functional_update(name):
    write, update = UPDATES[name]

    def written(x, v):
        y = 1.0 * x
        write(y, v)
        return y

    changed = lambda x, v: 1.0 * update(x, v)
    ct = np.arange(1.0, 5.0)
    want, pull = fg.vjp(changed, X, V)
    tangents = np.cos(X), np.sin(V)
    batch = np.stack([X, X[::-1]]), np.stack([V, 2 * V])
    weighted = lambda f: lambda x, v: np.sum(np.sin(f(x, v)) * ct)

    assert_same(written(X, V), want)
    assert_same(pull(ct), fg.vjp(written, X, V)[1](ct))
    assert_same(fg.jvp(changed, (X, V), tangents), fg.jvp(written, (X, V), tangents))
    assert_same(want, fg.jit(written)(X, V))
    assert_same(fg.vmap(changed)(*batch), fg.vmap(written)(*batch))
    assert_same(
        fg.jit(fg.grad(weighted(changed), argnums=(0, 1)))(X, V),
        fg.jit(fg.grad(weighted(written), argnums=(0, 1)))(X, V),
    )
    assert_same(
        fg.hessian(weighted(changed))(X, V), fg.hessian(weighted(written))(X, V), 1e-14, 1e-15
    )  # the same terms, summed in another order


TRANSFORMS = {
    "NumPy alone": lambda f: f,
    "vjp": lambda f: lambda *xs: fg.vjp(f, *xs)[0],
    "jvp": lambda f: lambda *xs: fg.jvp(f, xs, xs)[0],
    "jit": fg.jit,
    "vmap": lambda f: lambda *xs: [y[0] for y in fg.vmap(f)(*(x[None] for x in xs))],
    "jit of vjp": lambda f: fg.jit(lambda *xs: fg.vjp(f, *xs)[0]),
}
under_every = pytest.mark.parametrize("transform", TRANSFORMS)


@under_every
def test_every_name_and_view_of_an_array_sees_a_write(transform):
    def aliases(x):
        y = x * 1.0
        name, part, turned, rows = y, y[1:], y.reshape(2, 2).T, list(y.reshape(2, 2))
        y += 1.0
        part[0] = 5.0
        rows[1][0] *= 3.0
        return [y, name, part, turned, rows[0], y.copy()]

    y = np.array([1.4, 5.0, 5.7, 3.1])
    want = [y, y, y[1:], y.reshape(2, 2).T, y[:2], y]

    assert_same(want, list(TRANSFORMS[transform](aliases)(X)), 1e-15)


@under_every
def test_a_copy_does_not_see_a_write(transform):
    def copies(x):
        y = x * 1.0
        found = [y.copy(), +y, y[[0, 1, 2, 3]], y.flatten(), y + 0]
        y[...] = 0.0
        return found

    assert_same([X] * 5, list(TRANSFORMS[transform](copies)(X)))


@under_every
def test_an_argument_is_the_callers_and_stays_as_it_was(transform):
    def overwrites(x):
        y = x
        x *= 2.0
        return [x, y]

    given = X.copy()
    got = TRANSFORMS[transform](overwrites)(given)

    assert_same([2 * X, 2 * X], list(got))
    assert (given == X).all() == (transform != "NumPy alone")


def test_an_array_that_a_function_closes_over_is_the_callers():
    given = X.copy()

    def overwrites(x):
        given[0] = 5.0
        return (x * given).sum()

    fg.grad(overwrites)(X)

    assert_same(np.array([5.0, *X[1:]]), given)


@under_every
def test_a_scalar_is_rebound(transform):
    def sums(x):
        s = x.sum()
        u, v = s, x[0]
        s += 1.0
        v *= 2.0
        return [x[0], s, u, v]

    assert_same([X[0], X.sum() + 1.0, X.sum(), 2 * X[0]], list(TRANSFORMS[transform](sums)(X)))


def real_and_imaginary_parts(x):
    z = x + 1j * x[::-1]
    z[0] = 1.0
    part = z.imag
    z[1] *= 2j
    z.imag[2:] -= z.real[0]
    return part[1:] * z.real[1:]


def a_row_of_a_column(x):
    y = np.reshape(1.0 * x, (2, 2))
    y[1] = y.T[1]
    return y.ravel()


def every_other_of_the_first(x):
    y = np.concatenate([x, x])
    y[::2] = y[:4]
    return y


def diagonal(x):
    y = np.reshape(1.0 * x, (2, 2))
    y[0] *= 2
    part = y.diagonal()
    y[1, 1] = y[0, 1] ** 2
    return part * x[:2]


def parts_in_a_loop(x):
    z = np.zeros(4, dtype=complex, like=x)
    for i in range(4):
        z.real[i] = x[i]
        z.imag[i] = z.real[i - 1] * x[i] + z.imag[i - 1]
    z.imag[[1, 1, 2]] = x[:3] * z.real[0]
    part = z.reshape(2, 2).T.imag[1]
    part += z.real[:2]
    return z.real * np.abs(z) ** 2 + z.imag


WRITERS = (
    real_and_imaginary_parts, a_row_of_a_column, every_other_of_the_first, diagonal, parts_in_a_loop
)  # fmt: skip


@pytest.mark.parametrize("f", WRITERS, ids=lambda f: f.__name__)
def test_derivatives_of_written_views_are_the_same_in_place_and_compiled(f):
    want = fg.jit(fg.jacrev(f))(X)

    assert_same(want, fg.jacrev(f)(X), 1e-15, 1e-15)
    assert_same(want, fg.jacfwd(f)(X), 1e-15, 1e-15)
    assert_same(want, fg.jacrev(fg.jit(f))(X), 1e-15, 1e-15)
    batch = np.stack([X, X[::-1]])
    assert_same(np.stack(list(map(fg.jit(f), batch))), fg.vmap(f)(batch), 1e-15, 1e-15)
    assert_same(want, fg.vmap(fg.jacrev(f))(batch)[0], 1e-15, 1e-15)


@pytest.mark.parametrize("transform", list(TRANSFORMS)[1:])
def test_a_value_that_overlaps_is_read_before_it_is_written(transform):
    # NumPy alone reads y[2] in y[::2] = y[:4] after it has written it
    y = np.concatenate([X, X])
    y[::2] = y[:4].copy()
    both = lambda x: [every_other_of_the_first(x), a_row_of_a_column(x)]

    assert_same([y, X[[0, 1, 1, 3]]], list(TRANSFORMS[transform](both)(X)))


def test_a_staged_write_takes_a_time_that_does_not_grow_with_the_program():
    class Walked(list):
        def __iter__(self):
            raise AssertionError("the equations are walked")

    def f(x):
        trace = x._trace
        trace.eqns = Walked()
        for _ in range(3):
            y = 2.0 * x
            y[0] = 1.0
        trace.eqns = list.copy(trace.eqns)
        return y

    fg.make_jaxpr(f)(X)


def squares_a_part_through_a_view(x):
    y = 1.0 * x
    view = y[:]
    view[0] = 2.0
    view[1] = view[1] * view[1]
    return y


def scales_rows(x):
    y = x * x
    for row in y.reshape(2, 2):
        row *= 1.0 + row.sum()
    return y


def eliminates(x):
    y = np.outer(x, x) + np.eye(4)
    for k in range(3):
        y[k + 1 :] -= np.outer(y[k + 1 :, k] / y[k, k], y[k])
    return y


@pytest.mark.parametrize("f", [squares_a_part_through_a_view, scales_rows, eliminates])
def test_second_derivatives_of_all_examples_are_those_of_each(f):
    weight = lambda x: np.sum(np.cos(f(x)) * np.arange(4.0))
    batch = np.stack([X, 0.9 * X, X[::-1]])
    directions = np.sin(batch)
    each = [fg.hessian(weight)(x) @ t for x, t in zip(batch, directions, strict=True)]
    total = lambda xs: fg.vmap(weight)(xs).sum()
    along = lambda xs: np.sum(fg.grad(total)(xs) * directions)
    step = 1e-5 * directions

    assert_same(np.stack(each), fg.grad(along)(batch), 1e-12, 1e-12)  # sums in other orders
    assert_same(np.stack(each), fg.jvp(fg.grad(total), (batch,), (directions,))[1], 1e-12, 1e-12)
    assert_same(np.stack(each), fg.jit(fg.grad(along))(batch), 1e-12, 1e-12)
    slopes = fg.grad(total)(batch + step) - fg.grad(total)(batch - step)
    np.testing.assert_allclose(slopes / 2e-5, np.stack(each), rtol=1e-6, atol=1e-6)


# what cannot be written


def test_an_array_of_an_outer_transform_cannot_hold_values_of_an_inner_one():
    def outer(w, write):
        def inner(x):
            y = write(w)
            y[0] = x
            return np.sum(y * w)

        return fg.grad(inner)(0.5) * w[1]

    with pytest.raises(MutationError, match=r"an array made before grad of 'inner'.* x\.copy\(\)"):
        fg.grad(lambda w: outer(w, lambda w: w))(X)
    for new in (lambda w: w.copy(), lambda w: 2 * w):
        gradient = fg.grad(lambda w, new=new: outer(w, new))(X)
        assert_same(np.array([X[1], X[0], 0.0, 0.0]), gradient)


# one run of a function that writes into y, which was made outside, stands for all, or for none
RUN_ONCE = {
    "scan": lambda f, y: fg.lax.scan(lambda c, row: (f(c), row), y, y),
    "while": lambda f, y: fg.lax.while_loop(lambda c: np.sum(c) < 9.0, f, y),
    "cond": lambda f, y: fg.lax.cond(y[0] > 9.0, f, lambda c: c, y),
    "vmap": lambda f, y: fg.vmap(f)(y),
    "checkpoint": lambda f, y: fg.checkpoint(f)(y),
    "jit": lambda f, y: fg.jit(f)(y),
}


@pytest.mark.parametrize("name", RUN_ONCE)
def test_an_array_made_outside_is_not_written_where_one_run_stands_for_all(name):
    def program(x):
        y = 1.0 * x

        def f(c):
            np.negative(y, out=y)
            made_inside = y + 1.0
            made_inside[0] = 2.0
            return c + made_inside[0]

        RUN_ONCE[name](f, y)
        return y

    with pytest.raises(
        MutationError, match=f"made before {name[:4]}.* (stands for all|outlive it): got f64.4.;"
    ):
        fg.jit(program)(X)


@pytest.mark.parametrize("name", ["grad", "jvp"])
def test_an_array_made_outside_is_written_where_a_function_runs_as_in_numpy(name):
    def program(x):
        y = 1.0 * x

        def f(c):
            y[:2] *= 3.0
            return np.sum(c * y)

        fg.grad(f)(x) if name == "grad" else fg.jvp(f, (x,), (x,))
        return y

    want = X * [3.0, 3.0, 1.0, 1.0]

    assert_same(want, fg.vjp(program, X)[0])
    assert_same(want, fg.jit(program)(X))


def test_an_array_of_integers_cannot_hold_what_has_a_derivative():
    def truncates(x):
        y = np.argsort(x)
        y[0] = x[0]
        return x[y]

    with pytest.raises(DtypeError, match=r"integers would lose the derivative.*astype\(float\)"):
        fg.make_jaxpr(truncates)(X)


# mistakes, of which the error is of NumPy's class, with NumPy's words where they are marked by !
MISTAKES = """
    !x[9] = 1.0  !x[0, 0] = 1.0  !x[:2] = v  x[mask] = v[:2]  x[mask[:2]] = 1.0  !x[[0, 9]] = 1.0
    !x[0] = v  !x[0] = 1j  !x[:] = m  !m[:, 0] = x  !m[0] = v  x.fill(v)  !x.sort(axis=3)
    !x.partition(9)  !x.put(9, 1.0)  !x.put([0], 1, mode='z')  x[0] += x  !x[9] += 1
    !np.put(x, [9], 1.0)  !np.place(x, mask[:2], v)  !np.place(x, mask, [])
    !np.putmask(x, mask[:2], v)  !np.copyto(x, v)  !np.copyto(x, m)  !np.copyto(x, x * 1j)
    !np.copyto(x, -x, where=mask[:2])  !np.fill_diagonal(x, 1.0)  !np.fill_diagonal(m[None], 1.0)
    !np.put_along_axis(m, np.array([0]), 1.0, 0)  !np.put_along_axis(m, np.array([[0]]), 1.0, 5)
    np.add.at(x, [9], 1.0)  np.add.at(x, [0, 1], v)  np.sin(v, out=x)  np.add(x, x, out=v)
    !np.add(x, m, out=x)  np.sum(m, axis=0, out=v)  np.sum(m, out=x)  np.cumsum(x, out=v)
    np.matmul(m, x, out=x)  np.concatenate([x, v], out=x)  np.take(x, [0, 1], out=x)
    np.max(m, axis=0, out=v)  np.add.reduce(m, out=v)  np.einsum('ij->j', m, out=v)
    !np.sin(x * 1j, out=x)  np.fft.fft(x, out=x)  np.argmax(x, out=x[:1])  !x += m  x += v
    !x *= 1j  x @= m  x &= 1  !x.imag = 1.0  !np.broadcast_to(x, (2, 4))[0] = 1.0
    !np.sin(m, out=np.broadcast_to(x, (3, 4)))  !np.diagonal(m)[:] = 1.0  !x.imag[0] = 1.0
    !np.copyto(np.broadcast_to(x, (3, 4)), m)  np.broadcast_to(x, (3, 4)).sort()
    np.add.at(np.broadcast_to(x, (3, 4)), 0, 1)  np.put(np.broadcast_to(x, (3, 4)), 0, 1)"""


@pytest.mark.parametrize("row", split(MISTAKES))
def test_a_mistake_raises_numpys_error(row):
    def f(x, v, m):
        names = {"np": np, "x": 1.0 * x, "v": 1.0 * v, "m": 1.0 * m, "mask": MASK | (X > 2)}
        exec(row.strip("!"), names)
        return [names[name] for name in "xvm"]

    given = X, np.array([0.3, -0.9, 1.4]), np.arange(12.0).reshape(3, 4)
    with pytest.raises(Exception) as wanted:
        f(*given)
    for transform in (lambda f, *xs: fg.vjp(f, *xs), lambda f, *xs: fg.jit(f)(*xs)):
        with pytest.raises(type(wanted.value)) as caught:
            transform(f, *given)
        assert not row.startswith("!") or str(wanted.value).strip() == str(caught.value)


def made_inside(w, transform):
    def g(t):
        a = 2 * w
        a[0] = t[0] * w[1]
        a += t
        part = a[1:]
        part *= t[:-1]
        return (a * w).sum() + np.sin(a).sum()

    return transform(g, 1.5 * w)


def made_outside(w, transform):
    a = 1.0 * w
    a[0] = 3 * w[1]

    def g(t):
        b, c, d = a * t, a.copy(), a[1:] * t[1:]
        c[1] = t[0]
        return (b * c).sum() + d.sum()

    return transform(g, 1.5 * w)


INNER = {
    "jvp": lambda g, t: fg.jvp(g, (t,), (0.5 * t,))[1],
    "grad": lambda g, t: (fg.grad(g)(t) * np.arange(1.0, 4.0)).sum(),
    "vmap": lambda g, t: fg.vmap(g)(np.stack([t, 2 * t])).sum(),
}


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("program", [made_inside, made_outside])
def test_a_written_array_of_an_outer_transform_keeps_its_derivative(program, inner):
    f, x = lambda w: program(w, INNER[inner]), np.array([0.3, 0.7, 1.1])
    value = fg.jit(f)  # whose writes are operations
    want = [(value(x + 1e-6 * e) - value(x - 1e-6 * e)) / 2e-6 for e in np.eye(3)]

    np.testing.assert_allclose(fg.grad(f)(x), want, rtol=1e-7)
    np.testing.assert_allclose(fg.jacfwd(f)(x), want, rtol=1e-7)
    np.testing.assert_allclose(
        fg.vmap(f)(np.stack([x, 2 * x])), [value(x), value(2 * x)], rtol=1e-13
    )
    columns = fg.vmap(lambda e: fg.jvp(f, (x,), (e,))[1])(np.eye(3))
    np.testing.assert_allclose(columns, want, rtol=1e-7)


def test_a_view_is_in_the_same_order_after_a_write_under_vmap():
    def f(x):
        view = x.T
        x += x
        y = view * view
        y.reshape(-1)[1] = 7.0  # a copy, because y is in the order of the view
        return y

    xs = np.arange(12.0).reshape(2, 2, 3)

    np.testing.assert_array_equal(fg.vmap(f)(xs), [f(x.copy()) for x in xs])


@under_every
def test_an_array_like_another_is_in_its_order_also_with_a_shape(transform):
    def f(x):
        y = np.zeros_like(np.stack([x, 2 * x]).T, shape=(2, 3))
        y.reshape(6)[0] = 3.0  # a copy, as y is in Fortran order
        return [y]

    assert_same([np.zeros((2, 3))], list(TRANSFORMS[transform](f)(X)))


@under_every
def test_a_view_of_a_copy_does_not_see_a_write_to_the_original(transform):
    def f(x):
        copy = np.tile(x, 1)
        view = copy[1:]
        x[:] = 7.0
        return [copy, view]

    assert_same([X, X[1:]], list(TRANSFORMS[transform](f)(X.copy())))


def test_an_inner_gradient_writes_values_of_an_outer_one_into_its_argument():
    def outer(p, x):
        def inner(q):
            q += p
            return (q * q * p).sum()

        return fg.grad(inner)(x).sum()  # of 2 (x + p) p

    for f in (fg.grad(outer), fg.jit(fg.grad(outer))):
        np.testing.assert_allclose(f(2 * X, X), 10 * X, rtol=1e-14)
    np.testing.assert_allclose(
        fg.grad(lambda x: fg.grad(outer)(2 * X, x).sum())(X), np.full_like(X, 2.0), rtol=1e-14
    )


def accumulates_in_another_order(x):
    y = x.T / 2.0
    y.T.reshape(-1)[6] = 1.0
    x[y < 0.2] = y.sum()
    np.cumsum(x.T, 0, out=y)
    return np.sum(y**2)


def weighs_a_transpose(x):
    y = +x.T
    z = y.mT
    y.reshape(-1, order="F")[0] = 2.0
    return np.sum(y**2 * WEIGHTS) + np.sum(z**3 * WEIGHTS.T)


WEIGHTS = np.arange(6.0).reshape(3, 2)
IN_ANOTHER_ORDER = [
    (
        accumulates_in_another_order,
        np.array([[[0.3, -0.8], [0.1, 2.1]], [[0.5, -0.5], [0.2, -1.1]]]),
    ),
    (weighs_a_transpose, np.array([[0.3, -0.8, 0.1], [2.1, 0.4, -0.5]])),
]


@pytest.mark.parametrize(("program", "x"), IN_ANOTHER_ORDER)
def test_a_sum_of_cotangents_in_another_order_is_that_of_the_array(program, x):
    gradient, t = fg.grad(program), np.cos(x)
    slope = (program(x + 1e-6 * t) - program(x - 1e-6 * t)) / 2e-6
    change = (gradient(x + 1e-6 * t) - gradient(x - 1e-6 * t)) / 2e-6

    assert_same(np.sum(gradient(x) * t), slope, 1e-8)  # of differences
    assert_same(fg.jit(gradient)(x), gradient(x), 1e-14)
    assert_same(fg.jvp(gradient, (x,), (t,))[1], change, 1e-8)
    assert_same(fg.vjp(gradient, x)[1](t)[0], change, 1e-8)


@under_every
def test_an_array_copied_to_itself_stays_without_a_look_at_the_mask(transform):
    def program(x):
        np.copyto(x[1:], x[1:], where=[])
        np.copyto(np.broadcast_to(x, (2, 4))[0], np.broadcast_to(x, (2, 4))[0])
        return [x]

    assert_same([X], list(TRANSFORMS[transform](program)(X)))


def test_a_power_of_a_scalar_is_rounded_as_numpys():
    x = np.arange(1.0, 200.0) / 97.0

    def program(x):
        y = np.zeros_like(x)
        for i in range(x.size):
            y[i] = x[i] ** 3 + x[i] ** x[1] + 1.1 ** x[i]
        return y

    np.testing.assert_array_equal(program(x), fg.vjp(program, x)[0])


def test_a_mask_puts_no_values_where_there_are_none():
    def program(x):
        np.putmask(x, [False, True], x[2:])
        return x

    x = np.array([1.0, 2.0])

    assert_same(fg.vjp(program, x)[0], x)
    assert_same(fg.jit(program)(x), x)
