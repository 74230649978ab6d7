"""The derivatives at the edges: ties, zeros, bounds, where peers differ and we have decided.

README lists the decisions. Warnings are errors here as everywhere, so a derivative that divides by
zero on its way to the right number fails.
"""

import math

import numpy as np
import pytest

import funcgrad as fg

ZERO, ZEROS = np.zeros(()), np.zeros(3)
INF, NAN = math.inf, math.nan


def of(function, *xs):
    """Return an edge: a function of all of whose arguments the gradient is taken, and where."""
    return function, xs


# what is differentiated where, and its gradient
GRADIENTS = {
    "abs at 0": (of(np.abs, 0.0), [0]),
    "abs at complex 0": (of(np.abs, 0j), [0]),
    "fabs at 0": (of(np.fabs, 0.0), [0]),
    "sign at 0": (of(np.sign, 0.0), [0]),
    "sqrt at 0": (of(np.sqrt, 0.0), [INF]),
    "cbrt at 0": (of(np.cbrt, 0.0), [INF]),
    "arcsin at 1": (of(np.arcsin, 1.0), [INF]),
    "arccosh at 1": (of(np.arccosh, 1.0), [INF]),
    "maximum of a tie": (of(np.maximum, 0.0, 0.0), [0.5, 0.5]),
    "minimum of a tie": (of(np.minimum, 1.0, 1.0), [0.5, 0.5]),
    "fmax of a tie": (of(np.fmax, 1.0, 1.0), [0.5, 0.5]),
    "fmax beside nan": (of(np.fmax, NAN, 1.0), [0, 1]),
    "max of ties": (of(np.max, np.array([2.0, 1, 2, 2])), [[1 / 3, 0, 1 / 3, 1 / 3]]),
    "min of ties": (of(np.min, np.zeros((2, 2))), [np.full((2, 2), 0.25)]),
    "max of ties along an axis": (
        of(lambda x: np.max(x, axis=0).sum(), np.ones((2, 2))),
        [np.full((2, 2), 0.5)],
    ),
    "ptp of a constant": (of(np.ptp, ZEROS), [ZEROS]),
    "nanmax of ties": (of(np.nanmax, np.array([1, NAN, 1])), [[0.5, 0, 0.5]]),
    "median of an even number": (of(np.median, np.array([4.0, 1, 2, 3])), [[0, 0, 0.5, 0.5]]),
    "sort of ties": (of(lambda x: np.sort(x) @ np.arange(3.0), np.array([1.0, 1, 0])), [[1, 2, 0]]),
    "norm of 0": (of(np.linalg.norm, ZEROS), [ZEROS]),
    "norm of 0 along an axis": (
        of(lambda x: np.linalg.norm(x, axis=1).sum(), np.array([[0.0, 0], [3, 4]])),
        [[[0, 0], [0.6, 0.8]]],
    ),
    "norm of order 1 at 0": (of(lambda x: np.linalg.norm(x, 1), ZEROS), [ZEROS]),
    "norm of order 3 at 0": (of(lambda x: np.linalg.norm(x, 3), ZEROS), [ZEROS]),
    "norm of order inf at 0": (of(lambda x: np.linalg.norm(x, np.inf), ZEROS), [ZEROS]),
    "matrix norm of 0": (of(np.linalg.norm, np.zeros((2, 2))), [np.zeros((2, 2))]),
    "nanstd of a constant": (of(np.nanstd, np.array([1, NAN, 1])), [ZEROS]),
    "std of a constant": (of(np.std, np.ones(3)), [ZEROS]),
    "var of a constant": (of(np.var, np.ones(3)), [ZEROS]),
    "clip on the lower bound": (of(lambda x: np.clip(x, 0, 1), 0.0), [1]),
    "clip on the upper bound": (of(lambda x: np.clip(x, 0, 1), 1.0), [1]),
    "clip outside": (of(lambda x: np.clip(x, 0, 1), 1.5), [0]),
    "clip by bounds that cross": (of(np.clip, 0.5, 2.0, 1.0), [0, 0, 1]),
    "x**0.": (of(lambda x: x**0.0, 0.0), [0]),
    "x**0": (of(lambda x: x**0, 0.0), [0]),
    "x**1": (of(lambda x: x**1, 0.0), [1]),
    "x**1.": (of(lambda x: x**1.0, 0.0), [1]),
    "x**1.5": (of(lambda x: x**1.5, 0.0), [0]),
    "(-2)**3.": (of(lambda x: x**3.0, -2.0), [12]),
    "x**2": (of(lambda x: x**2, 0.0), [0]),
    "x**y at y = 0": (of(lambda x: (x ** np.array([0.0, 1, 2])).sum(), ZEROS), [[0, 1, 0]]),
    "0**y": (of(np.power, 0.0, 2.0), [0, 0]),
    "0.**0.": (of(np.power, 0.0, 0.0), [0, 0]),
    "prod with a zero": (of(np.prod, np.array([2.0, 0, 3])), [[0, 6, 0]]),
    "prod with two zeros": (of(np.prod, np.array([2.0, 0, 0])), [ZEROS]),
    "prod of zeros": (of(np.prod, ZEROS), [ZEROS]),
    "nanprod with a zero": (of(np.nanprod, np.array([0.0, NAN, 3])), [[3, 0, 0]]),
    "cumprod with zeros": (of(lambda x: np.cumprod(x).sum(), np.array([2.0, 0, 3])), [[1, 8, 0]]),
    "sinc at 0": (of(np.sinc, 0.0), [0]),
    "arctan2 at 0, 0": (of(np.arctan2, 0.0, 0.0), [0, 0]),
    "arctan2(0, x) at 0": (of(lambda x: np.arctan2(0.0, x), 0.0), [0]),
    "arctan2 far away": (of(np.arctan2, 0.0, 1e200), [1e-200, 0]),
    "arctan2 close by": (of(np.arctan2, 0.0, 1e-200), [1e200, 0]),
    "arctan2 at 0, 1": (of(np.arctan2, 0.0, 1.0), [1, 0]),
    "hypot at 0, 0": (of(np.hypot, 0.0, 0.0), [0, 0]),
    "hypot at 0, 1": (of(np.hypot, 0.0, 1.0), [0, 1]),
    "angle at 0": (of(np.angle, 0.0), [0]),
    "angle at complex 0": (of(np.angle, 0j), [0]),
    "logaddexp of equals": (of(np.logaddexp, 1.0, 1.0), [0.5, 0.5]),
    "logaddexp of two -inf": (of(np.logaddexp, -INF, -INF), [0.5, 0.5]),
    "logaddexp of inf": (of(np.logaddexp, INF, 1.0), [1, 0]),
    "logaddexp of huge equals": (of(np.logaddexp, 1e17, 1e17), [0.5, 0.5]),
    "logaddexp2 of two -inf": (of(np.logaddexp2, -INF, -INF), [0.5, 0.5]),
    "logaddexp of -inf": (of(np.logaddexp, -INF, 1.0), [0, 1]),
    "a repeated index": (of(lambda x: x[[0, 0, 2]].sum(), ZEROS), [[2, 0, 1]]),
    "a repeated assignment": (
        of(lambda x, v: fg.at(x)[[0, 0]].set(v).sum(), ZEROS, np.ones(2)),
        [[0, 1, 1], [0, 1]],
    ),
    "a repeated addition": (
        of(lambda x, v: fg.at(x)[[0, 0]].add(v).sum(), ZEROS, np.ones(2)),
        [[1, 1, 1], [1, 1]],
    ),
    "a sum of nothing": (of(np.sum, np.zeros(0)), [np.zeros(0)]),
    "a product of nothing": (of(np.prod, np.zeros(0)), [np.zeros(0)]),
    "floor on an integer": (of(lambda x: x - np.floor(x), 2.0), [1]),
    "heaviside at 0": (of(lambda x: np.heaviside(x, 0.5), 0.0), [0]),
    "copysign to -0": (of(lambda x: np.copysign(x, -0.0), 1.0), [-1]),
    "nan_to_num of nan": (of(np.nan_to_num, NAN), [0]),
    "interp on a knot": (of(lambda x: np.interp(x, [0.0, 1, 2], [0.0, 1, 4]), 1.0), [3]),
    "tanh far away": (of(np.tanh, 1000.0), [0]),
    "relu at 0": (of(fg.nn.relu, 0.0), [0]),
    "leaky_relu at 0": (of(fg.nn.leaky_relu, 0.0), [1]),
    "hard_tanh at 1": (of(fg.nn.hard_tanh, 1.0), [1]),
    "softplus far away": (of(fg.nn.softplus, 1000.0), [1]),
    "sigmoid far away": (of(fg.nn.sigmoid, -1000.0), [0]),
    "x log x by a double where": (
        of(lambda x: np.where(x == 0, 0.0, x * np.log(np.where(x == 0, 1.0, x))), 0.0),
        [0],
    ),
    "sqrt by a double where": (
        of(lambda x: np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0), 0.0),
        [0],
    ),
    "sqrt in a branch not taken": (of(lambda x: np.where(x > 0, np.sqrt(x), 0.0), 0.0), [0]),
    "sqrt of what is lost": (of(lambda x: np.sqrt(np.maximum(x, 0.0)), -1.0), [0]),
    "norm in a branch not taken": (
        of(lambda x: np.where(x.sum() > 0, np.sqrt((x**2).sum()), 0.0), ZEROS),
        [ZEROS],
    ),
}
# where NumPy itself warns of the value
WARNED = {
    "log in a branch not taken": (of(lambda x: np.where(x > 0, np.log(x), 0.0), 0.0), [0]),
    "1/x in a branch not taken": (of(lambda x: np.where(x > 0, 1 / x, 0.0), 0.0), [0]),
    "x**y in a branch not taken": (of(lambda x: np.where(x > 0, x**-0.5, 0.0), 0.0), [0]),
    "log at 0": (of(np.log, 0.0), [INF]),
    "arctanh at 1": (of(np.arctanh, 1.0), [INF]),
}
SECOND = {
    "sinc at 0": (np.sinc, 0.0, -(math.pi**2) / 3),
    "sinc near 0": (np.sinc, 1e-5, -(math.pi**2) / 3),
    "x**2 at 0": (lambda x: x**2, 0.0, 2.0),
    "x**2. at 0": (lambda x: x**2.0, 0.0, 2.0),
    "x**1 at 0": (lambda x: x**1, 0.0, 0.0),
    "a product with a zero": (lambda x: np.prod(np.stack([x, x, 3 + x])), 0.0, 6.0),
    "abs at 0": (np.abs, 0.0, 0.0),
    "arctan at 0": (np.arctan, 0.0, 0.0),
}


def gradients(function, xs):
    return fg.grad(lambda *xs: function(*xs), tuple(range(len(xs))))(*xs)


@pytest.mark.parametrize("edge", GRADIENTS)
def test_the_gradient_at_an_edge_is_the_one_decided(edge):
    (function, xs), want = GRADIENTS[edge]
    got = gradients(function, xs)

    for a, b in zip(want, got, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-15)  # thirds are rounded


@pytest.mark.parametrize("edge", WARNED)
def test_the_gradient_adds_no_nan_where_the_value_is_singular(edge):
    (function, xs), want = WARNED[edge]
    with np.errstate(divide="ignore", invalid="ignore"):
        got = gradients(function, xs)

    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("edge", {**GRADIENTS, **WARNED})
def test_forward_and_reverse_agree_at_an_edge(edge):
    (function, xs), want = {**GRADIENTS, **WARNED}[edge]
    for i, x in enumerate(xs):
        for k in range(np.size(x)):
            unit = np.eye(1, np.size(x), k, np.asarray(x).dtype).reshape(np.shape(x))
            ts = [unit if j == i else np.zeros_like(x) for j, x in enumerate(xs)]
            with np.errstate(divide="ignore", invalid="ignore"):
                pushed = fg.jvp(function, xs, ts)[1]

            np.testing.assert_allclose(pushed, np.sum(want[i] * unit), rtol=1e-15)


@pytest.mark.parametrize("edge", SECOND)
def test_the_second_derivative_at_an_edge_is_the_one_decided(edge):
    function, x, want = SECOND[edge]
    twice = fg.grad(fg.grad(function))(x)
    _, pushed = fg.jvp(fg.grad(function), (x,), (1.0,))

    np.testing.assert_allclose([twice, pushed], want, rtol=1e-9)  # 1e-5 is not 0


# the second derivative at the edges above, of all arguments together; it is 0 where none is listed
EYE = np.eye(3)
HESSIANS = {
    "var of a constant": 2 / 3 * (EYE - 1 / 3),
    "x**2": [[2]],
    "(-2)**3.": [[-12]],
    "x**y at y = 0": np.diag([0, 0, 2]),
    "0**y": [[2, 0], [0, 0]],
    "prod with a zero": [[0, 3, 0], [3, 0, 2], [0, 2, 0]],
    "prod with two zeros": [[0, 0, 0], [0, 0, 2], [0, 2, 0]],
    "nanprod with a zero": [[0, 0, 1], [0, 0, 0], [1, 0, 0]],
    "cumprod with zeros": [[0, 4, 0], [4, 0, 2], [0, 2, 0]],
    "sinc at 0": [[-(math.pi**2) / 3]],
    "norm of 0 along an axis": np.pad([[0.128, -0.096], [-0.096, 0.072]], ((2, 0), (2, 0))),
    "arctan2 at 0, 1": [[0, -1], [-1, 0]],
    "arctan2 far away": np.zeros((2, 2)),
    "hypot at 0, 1": [[1, 0], [0, 0]],
    **{
        f"logaddexp of {which}": [[0.25, -0.25], [-0.25, 0.25]]
        for which in ("equals", "huge equals", "two -inf")
    },
    "logaddexp2 of two -inf": math.log(2.0) * np.array([[0.25, -0.25], [-0.25, 0.25]]),
}
SINGULAR = {
    "sqrt at 0", "cbrt at 0", "arcsin at 1", "arccosh at 1", "x**1.5", "log at 0", "arctanh at 1",
    "arctan2 close by", "0.**0.",
}  # fmt: skip
EDGES = {k: v for k, v in {**GRADIENTS, **WARNED}.items() if not np.iscomplexobj(v[0][1][0])}


def flat(function, xs):
    """Return the function of one vector that holds all the arguments, and that vector."""
    sizes = np.cumsum([np.size(x) for x in xs])[:-1]
    shapes = [np.shape(x) for x in xs]

    def of_vector(z):
        parts = np.split(z, sizes)
        return function(*(p.reshape(s) for p, s in zip(parts, shapes, strict=True)))

    return of_vector, np.concatenate([np.ravel(x) for x in xs]).astype(float)


HOW_FIRST = {
    "grad": lambda f, z: fg.grad(f)(z),
    "jacfwd": lambda f, z: fg.jacfwd(f)(z),
    "jit of grad": lambda f, z: fg.jit(fg.grad(f))(z),
    "grad of jit": lambda f, z: fg.grad(fg.jit(f))(z),
    "vmap of grad": lambda f, z: fg.vmap(fg.grad(f))(np.stack([z, z]))[1],
    "jit of vmap of jvp": lambda f, z: fg.jit(fg.vmap(lambda t: fg.jvp(f, (z,), (t,))[1]))(
        np.eye(z.size)
    ),
}
HOW_SECOND = {
    "grad of grad": lambda f, z: fg.jacrev(fg.grad(f))(z),
    "jvp of grad": lambda f, z: fg.jacfwd(fg.grad(f))(z),
    "jvp of jvp": lambda f, z: fg.jacfwd(fg.jacfwd(f))(z),
    "jit": lambda f, z: fg.jit(fg.hessian(f))(z),
    "vmap": lambda f, z: fg.vmap(fg.hessian(f))(np.stack([z, z]))[1],
}


@pytest.mark.parametrize("how", HOW_FIRST)
@pytest.mark.parametrize("edge", EDGES)
def test_every_transform_gives_the_gradient_decided_at_an_edge(edge, how):
    f, z = flat(*EDGES[edge][0])
    with np.errstate(all="ignore" if edge in WARNED else "raise", under="ignore"):
        got = HOW_FIRST[how](f, z)

    want = np.concatenate([np.ravel(w) for w in EDGES[edge][1]])
    np.testing.assert_allclose(got, want, rtol=1e-15)  # thirds are rounded


@pytest.mark.parametrize("how", HOW_SECOND)
@pytest.mark.parametrize("edge", [e for e in EDGES if e not in SINGULAR])
def test_every_transform_gives_the_second_derivative_decided_at_an_edge(edge, how):
    f, z = flat(*EDGES[edge][0])
    want = HESSIANS.get(edge, np.zeros((z.size, z.size)))
    with np.errstate(all="ignore" if edge in WARNED else "raise", under="ignore"):
        got = HOW_SECOND[how](f, z)

    np.testing.assert_allclose(got, want, rtol=1e-14, atol=1e-16)  # sums in another order


def pushed_forward(function):
    return lambda x: fg.jvp(function, (x,), (x,))


def staged(function):
    return lambda x: fg.make_jaxpr(function)(x)(x)


@pytest.mark.parametrize("transform", [fg.grad, pushed_forward, staged])
@pytest.mark.parametrize("index", [10, -4, [0, 10], (slice(None), 0)], ids=str)
def test_an_index_out_of_range_raises(transform, index):
    with pytest.raises(IndexError, match=r"index -?\d+ is out of bounds|too many indices"):
        transform(lambda x: np.sum(x[index]))(np.ones(3))
