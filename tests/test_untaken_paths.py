"""A derivative is the sum over the paths of a program of the products of local derivatives.

An element that a selection did not take lies on no path: its derivative is 0, whatever stands
there. A zero that arithmetic made is a number: 0 times infinity is nan. Both modes, eager and
compiled, batched or not, are non-finite at the same entries.
"""

import itertools
import random
import warnings

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import contents, lax, nn, special
from funcgrad.core.registry import primitives
from funcgrad.ops.families import Elementwise

POINTS = np.array(
    [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 800.0, -800.0, 0.5, -0.5, 2.0, 1e-300]
)
N = len(POINTS)
EVEN = np.arange(N) % 2 == 0
ODD, TAKEN = np.flatnonzero(~EVEN), np.flatnonzero(EVEN)


# the functions: every elementwise primitive, by each operand that has a derivative

_INNER = frozenset(
    {"gate", "hide", "wins", "where", "clip", "bessel_moment", "bessel_ratio", "betainc_slope"}
    | {"binary_cross_entropy"}  # whose operands are of one shape
)
_WITHOUT = frozenset({"polygamma.0", "zeta.0", "gammainc_slope.0", "erfcx_integral.0"})
# whose first operands are orders, bound by the rules of others alone
_OF_RULES = frozenset(
    {"power_slope", "power_log", "sinc_derivative", "polygamma_difference", "beta_slope", "cosine"}
    | {"hazard_in_tail"}
)
# of one make: one of them is tested here, and two of complex results
_ALIKE = {
    name
    for home, names in contents.PRIMITIVES.items()
    if home.startswith("ops.transcendental")
    for name in names.split()
} - {"rgamma", "expi", "spence"}
# what stands in the place of the other operand
_OTHERS = {
    "pow": (0.5, -1.0, 2.0, 0.0), "float_power": (0.5, -2.0), "div": (0.0, 2.0),
    "mul": (2.0, np.inf), "ldexp": (2,), "gammainc_slope": (1,), "erfcx_integral": (1,),
    "polygamma": (1,), "zeta": (3.0,), "quotient": (0.0, 2.0), "hypot": (0.0, 2.0),
    "arctan2": (0.0, np.inf), "logaddexp": (0.0, -np.inf),
}  # fmt: skip


def _of_one(prim, place, other):
    return lambda x: prim(*[x if i == place else other for i in range(len(prim.rules))])


FUNCTIONS = {
    f"{name}, {place}, {other}": _of_one(prim, place, other)
    for name, prim in sorted(primitives.items())
    if name not in _OF_RULES | _ALIKE
    and isinstance(prim, Elementwise)
    and prim.differentiable
    and name not in _INNER
    for place, rule in enumerate(prim.rules)
    if rule is not None and f"{name}.{place}" not in _WITHOUT
    for other in _OTHERS.get(name, (2.0,) if len(prim.rules) > 1 else (None,))
}


# what may stand between: linear maps of each element by itself


def _scan(y):
    return lax.scan(lambda c, v: (c, v * 2.0), 0.0, y)[1]


def _while(y):
    return lax.while_loop(lambda c: c[0] < 2, lambda c: (c[0] + 1, c[1] * 2.0), (0, y))[1]


def _lanes(y):
    """Leave a loop after one step or none, an example at a time."""
    step = lambda c: (c[0] + 1, c[1] * 2.0)
    one = lambda i, v: lax.while_loop(lambda c: c[0] < 1, step, (i, v))[1]
    return fg.vmap(one)(EVEN.astype(int), y)


@fg.custom_jvp
def _with_jvp(y):
    return 2.0 * y


@_with_jvp.defjvp
def _with_jvp_rule(primals, tangents):
    return 2.0 * primals[0], 2.0 * tangents[0]


@fg.custom_vjp
def _with_vjp(y):
    return 2.0 * y


_with_vjp.defvjp(lambda y: (2.0 * y, None), lambda _, ct: (2.0 * ct,))

_ROW = np.array([1.0, 2.0, 3.0, 4.0])
_MATRIX = np.array([[4.0, 1.0], [1.0, 3.0]])
_KERNEL = np.ones((1, 1, 2))


def _rows(y):
    return y[:, None] * _ROW


def _conv(y):
    z = lax.conv_general_dilated(_rows(y)[:, None], _KERNEL, (1,), "VALID")
    return np.sum(z, axis=(1, 2))


def _cond_of_each(y):
    one = lambda c, v: lax.cond(c, lambda v: v * 2.0, lambda v: v * 3.0, v)
    return fg.vmap(one)(EVEN, y)


BETWEEN = {
    "nothing": lambda y: y,
    "scan": _scan,
    "while": _while,
    "finished lanes": _lanes,
    "fori": lambda y: lax.fori_loop(0, 2, lambda i, c: c * 2.0, y),
    "cond": lambda y: lax.cond(True, lambda v: v * 2.0, lambda v: v, y),
    "cond of each": _cond_of_each,
    "checkpoint": fg.checkpoint(lambda y: y * 2.0),
    "jit": fg.jit(lambda y: y * 2.0),
    "custom_jvp": _with_jvp,
    "custom_vjp": _with_vjp,
    "matmul": lambda y: _rows(y) @ _ROW,
    "einsum": lambda y: np.einsum("ij,j->i", _rows(y), _ROW),
    "conv": _conv,
    "fft": lambda y: np.real(np.fft.fft(_rows(y)))[:, 0],
    "solve": lambda y: np.linalg.solve(_MATRIX, _rows(y)[:, :2, None])[:, 0, 0],
    "reshape": lambda y: np.stack([y, y]).T.reshape(N, 2)[:, 1],
    "map": lambda y: lax.map(lambda v: v * 2.0, y),
    "vmap": fg.vmap(lambda v: v * 2.0),
    "cumsum": lambda y: np.cumsum(_rows(y), axis=1)[:, 2],
}


# the selections, and the weights with which they take each element, nan where they do not


def _taken(z):
    return np.where(EVEN, 1.0, np.nan)


def _numbers(z):
    return np.where(np.isnan(z), np.nan, 1.0)


def _until(count):
    return lambda z: np.where(np.arange(N) < count, 1.0, np.nan)


def _where(condition):
    return lambda z: np.where(condition(z), 1.0, np.nan)


def _extremum(function):
    def weights(z):
        won = z == function(z)
        return np.where(won, 1.0 / max(won.sum(), 1), np.nan)

    return weights


def _side(sign):
    return lambda z: np.where(sign * z > sign / 4, 1.0, np.where(z == 0.25, 0.5, np.nan))


def _cond(z):
    return fg.vmap(lambda i, v: lax.cond(i, lambda v: v, np.ones_like, v))(EVEN, z)


def _switch(z):
    branches = [np.zeros_like, lambda v: v, np.ones_like]
    return fg.vmap(lambda i, v: lax.switch(i, branches, v))(EVEN * 1, z)


def _stopped(z):
    step = lambda c: (c[0] + 1, 1.0)
    one = lambda i, v: lax.while_loop(lambda c: c[0] < 1, step, (i, v))[1]
    return fg.vmap(one)(EVEN * 1, z)


def _least(z):
    """Take the first three in order."""
    return np.where(np.isin(np.arange(N), np.argsort(z, kind="stable")[:3]), 1.0, np.nan)


def _masked_max(z):
    return np.max(z, where=np.isfinite(z), initial=-1e9)


# fmt: off
SELECTIONS = {
    "where": (lambda z: np.where(EVEN, z, 0.0), _taken),
    "where, the other way": (lambda z: np.where(~EVEN, 1.0, z), _taken),
    "select": (lambda z: np.select([EVEN], [z], 0.0), _taken),
    "choose": (lambda z: np.choose(EVEN * 1, [np.zeros(N), z]), _taken),
    "lax.select": (lambda z: lax.select(EVEN, z, np.zeros(N)), _taken),
    "piecewise": (lambda z: np.piecewise(z, [EVEN], [lambda v: v, 0.0]), _taken),
    "clip": (lambda z: np.clip(z, -1.5, 1.5), _where(lambda z: (z >= -1.5) & (z <= 1.5))),
    "maximum": (lambda z: np.maximum(z, 0.25), _side(1)),
    "minimum": (lambda z: np.minimum(z, 0.25), _side(-1)),
    "fmax": (lambda z: np.fmax(z, 0.25), _side(1)),
    "fmin": (lambda z: np.fmin(z, 0.25), _side(-1)),
    "max": (_masked_max, _extremum(_masked_max)),
    "nanmax": (np.nanmax, _extremum(np.nanmax)),
    "nanmin": (np.nanmin, _extremum(np.nanmin)),
    "sort": (lambda z: np.sort(z)[:3], _least),
    "index of booleans": (lambda z: z[EVEN], _taken),
    "index of integers": (lambda z: z[TAKEN], _taken),
    "steps": (lambda z: z[::2], _taken),
    "slice": (lambda z: z[:4], _until(4)),
    "dynamic_slice": (lambda z: lax.dynamic_slice(z, (0,), (4,)), _until(4)),
    "take": (lambda z: np.take(z, TAKEN), _taken),
    "compress": (lambda z: np.compress(EVEN, z), _taken),
    "extract": (lambda z: np.extract(EVEN, z), _taken),
    "delete": (lambda z: np.delete(z, ODD), _taken),
    "tril": (lambda z: np.tril(np.broadcast_to(z, (N, N)))[3], _until(4)),
    "at.set": (lambda z: fg.at(z)[ODD].set(0.0), _taken),
    "at.set of booleans": (lambda z: fg.at(z)[~EVEN].set(1.0), _taken),
    "at.add": (lambda z: fg.at(np.zeros(20))[TAKEN].add(z[TAKEN]), _taken),
    "nansum": (np.nansum, _numbers),
    "nanmean": (np.nanmean, lambda z: _numbers(z) / max(np.sum(~np.isnan(z)), 1)),
    "sum of some": (lambda z: np.sum(z, where=EVEN), _taken),
    "mean of some": (lambda z: np.mean(z, where=EVEN), lambda z: _taken(z) / EVEN.sum()),
    "nan_to_num": (np.nan_to_num, _where(np.isfinite)),
    "relu": (nn.relu, _where(lambda z: z > 0)),
    "relu6": (nn.relu6, lambda z: np.where(z == 6, 0.5, np.where((z > 0) & (z < 6), 1, np.nan))),
    "split": (lambda z: np.split(z, [4])[0], _until(4)),
    "roll": (lambda z: np.roll(z, 1)[1:5], _until(4)),
    "cond of each": (_cond, _taken),
    "switch of each": (_switch, _taken),
    "finished lanes": (_stopped, _taken),
}
# fmt: on


# the modes in which the gradient of a sum is taken


def _columns(push):
    return np.array([push(e) for e in np.eye(N)])


def _each(transform):
    """Take the derivative for a batch of two equal examples."""
    return lambda fun, x: fg.vmap(transform(fun))(np.stack([x, x]))[1]


def _pushed(fun, x):
    return _columns(lambda e: fg.jvp(fun, (x,), (e,))[1])


def _pushed_compiled(fun, x):
    push = fg.jit(lambda x, e: fg.jvp(fun, (x,), (e,))[1])
    return _columns(lambda e: push(x, e))


FORWARD = frozenset(
    {"jvp", "jacfwd", "linearize", "jit of jvp", "jit of jacfwd", "vmap of jacfwd", "jvp of jit"}
)

MODES = {
    "grad": lambda fun, x: fg.grad(fun)(x),
    "jvp": _pushed,
    "jacrev": lambda fun, x: fg.jacrev(fun)(x),
    "jacfwd": lambda fun, x: fg.jacfwd(fun)(x),
    "linearize": lambda fun, x: _columns(fg.linearize(fun, x)[1]),
    "jit of grad": lambda fun, x: fg.jit(fg.grad(fun))(x),
    "jit of jvp": _pushed_compiled,
    "jit of jacrev": lambda fun, x: fg.jit(fg.jacrev(fun))(x),
    "jit of jacfwd": lambda fun, x: fg.jit(fg.jacfwd(fun))(x),
    "vmap of grad": _each(fg.grad),
    "vmap of jacfwd": _each(fg.jacfwd),
    "jit of vmap of grad": lambda fun, x: fg.jit(_each(fg.grad), static_argnums=0)(fun, x),
    "grad of jit": lambda fun, x: fg.grad(fg.jit(fun))(x),
    "grad of vmap": lambda fun, x: fg.grad(lambda x: fg.vmap(fun)(np.stack([x, x]))[0])(x),
    "jvp of jit": lambda fun, x: _pushed(fg.jit(fun), x),
}


def wanted(function, between, selection, x):
    """Return the gradient by the law, of local derivatives that are taken one by one."""
    f, g, (_, weights) = FUNCTIONS[function], BETWEEN[between], SELECTIONS[selection]
    w = weights(np.asarray(g(f(x))))
    slopes = np.array([fg.jvp(f, (v,), (1.0,))[1] for v in x])
    return np.where(np.isnan(w), 0.0, w * g(np.ones(N)) * slopes)


def check(function, between, selection, mode, x=POINTS):
    f, g, (s, _) = FUNCTIONS[function], BETWEEN[between], SELECTIONS[selection]
    with np.errstate(all="ignore"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nanmax of nothing but nan
            want = wanted(function, between, selection, x)
        got = MODES[mode](lambda x: np.sum(s(g(f(x)))), x)

    finite = np.isfinite(want)
    np.testing.assert_array_equal(np.isfinite(got), finite, f"got {got}, want {want}")
    np.testing.assert_allclose(got[finite], want[finite], 1e-9, 1e-300)


def _sampled(count, seed):
    """Return cases in which each function, selection and mode occurs about equally often."""
    rng = random.Random(seed)
    tables = FUNCTIONS, BETWEEN, SELECTIONS, MODES
    columns = [[*t] * (count // len(t) + 1) for t in tables]
    for column in columns:
        rng.shuffle(column)
    rows = zip(*(column[:count] for column in columns), strict=True)
    return [row for row in rows if row[1] != "custom_vjp" or row[3] not in FORWARD]


@pytest.mark.parametrize("case", _sampled(120, 1), ids=", ".join)
def test_what_a_selection_does_not_take_contributes_nothing(case):
    check(*case)


@pytest.mark.slow
@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_a_selection_does_not_take_contributes_nothing_in_any_mode(function):
    for selection in SELECTIONS:
        for mode in MODES:
            check(function, "nothing", selection, mode)
    for case in _sampled(1000, function):
        check(function, *case[1:])


# derivatives within derivatives

X = np.array([0.0, 1.0, 4.0])
ROOTS = np.array([0.0, 0.5, 0.25])  # of the sum of sqrt(x) where x > 0
BENDS = np.array([0.0, -0.25, -0.03125])


def guarded(x):
    return np.sum(np.where(X > 0, np.sqrt(x), 0.0))


TWICE = {
    "hessian": fg.hessian,
    "jacfwd of grad": lambda f: fg.jacfwd(fg.grad(f)),
    "jacrev of grad": lambda f: fg.jacrev(fg.grad(f)),
    "jacrev of jacfwd": lambda f: fg.jacrev(fg.jacfwd(f)),
    "jit of hessian": lambda f: fg.jit(fg.hessian(f)),
    "jit of jacrev of grad": lambda f: fg.jit(fg.jacrev(fg.grad(f))),
    "jacrev of jit of grad": lambda f: fg.jacrev(fg.jit(fg.grad(f))),
    "hessian of jit": lambda f: fg.hessian(fg.jit(f)),
    "jit of grad of jvp": lambda f: fg.jit(
        lambda x: fg.vmap(lambda e: fg.grad(lambda x: fg.jvp(f, (x,), (e,))[1])(x))(np.eye(3))
    ),
}
HELD = {
    "nothing": lambda y: y,
    "jit": fg.jit(lambda y: y * 1.0),
    "checkpoint": fg.checkpoint(lambda y: y * 1.0),
    "scan": lambda y: lax.scan(lambda c, v: (c, v * 1.0), 0.0, y)[1],
    "cond": lambda y: lax.cond(True, lambda v: v * 1.0, lambda v: v, y),
    "while": lambda y: lax.while_loop(lambda c: c[0] < 2, lambda c: (c[0] + 1, c[1]), (0, y))[1],
}


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("twice", TWICE)
def test_second_derivatives_are_zero_where_a_selection_takes_nothing(twice, held):
    f = lambda x: np.sum(np.where(X > 0, HELD[held](np.sqrt(x)), 0.0))

    with np.errstate(all="ignore"):
        np.testing.assert_allclose(TWICE[twice](f)(X), np.diag(BENDS), 1e-12)


@pytest.mark.parametrize("pushed", ["alone", "beside"])
def test_a_seed_of_zero_has_a_derivative(pushed):
    if pushed == "alone":
        push = lambda t: fg.jvp(np.sin, (0.5,), (t,))[1]
    else:  # a singularity elsewhere makes the program with masks run
        both = lambda a, x: np.sin(a) + guarded(x)
        push = lambda t: fg.vjp(both, 0.5, X)[1](t)[0] + np.sum(fg.vjp(both, 0.5, X)[1](1.0)[1]) * 0

    for transform in (
        fg.grad,
        fg.jacfwd,
        lambda f: fg.jit(fg.grad(f)),
        lambda f: fg.jit(fg.jacfwd(f)),
        lambda f: fg.grad(fg.jit(f)),
        lambda f: lambda t: fg.vmap(fg.grad(f))(np.array([t, t]))[1],
    ):
        np.testing.assert_allclose(transform(push)(0.0), np.cos(0.5), 1e-12)


WHOLE = {
    "grad": fg.grad,
    "jit of grad": lambda f: fg.jit(fg.grad(f)),
    "jacfwd": fg.jacfwd,
    "jit of jacfwd": lambda f: fg.jit(fg.jacfwd(f)),
    "jacrev": fg.jacrev,
    "grad of jit": lambda f: fg.grad(fg.jit(f)),
    "vmap of grad": lambda f: lambda x: fg.vmap(fg.grad(f))(np.stack([x, x]))[1],
}


@pytest.mark.parametrize("mode", WHOLE)
@pytest.mark.parametrize(
    "f, x",
    [
        (lambda x: np.sqrt(x) ** 2, 0.0),
        (lambda x: np.zeros(2) @ np.sqrt(x * np.ones(2)), 0.0),
        (lambda x: 1 / (1 + np.exp(-x)), -800.0),
        (lambda x: special.logsumexp(x * np.ones(2)), np.inf),
    ],
    ids=["sqrt(x)**2", "0 sqrt(x)", "1 / (1 + exp(-x))", "logsumexp"],
)
def test_a_zero_of_arithmetic_is_a_number(f, x, mode):
    with np.errstate(all="ignore"):
        assert np.isnan(WHOLE[mode](f)(np.float64(x)))


# programs that are run by another, or once more

_GRAD = fg.grad(guarded)
AGAIN = {
    "jit of jit": lambda: fg.jit(fg.jit(_GRAD))(X),
    "vmap of jit": lambda: fg.vmap(fg.jit(_GRAD))(np.stack([X, X]))[1],
    "jit of vmap of jit": lambda: fg.jit(fg.vmap(fg.jit(_GRAD)))(np.stack([X, X]))[1],
    "scan": lambda: fg.jit(lambda x: lax.scan(lambda c, v: (c, _GRAD(v)), 0, x[None])[1][0])(X),
    "cond": lambda: fg.jit(lambda x: lax.cond(x[1] > 0, _GRAD, lambda v: v, x))(X),
    "fori": lambda: fg.jit(lambda x: lax.fori_loop(0, 1, lambda i, c: c + _GRAD(x), 0 * X))(X),
    "checkpoint": lambda: fg.jit(fg.checkpoint(_GRAD))(X),
    "linearize": lambda: fg.jit(fg.vmap(fg.linearize(guarded, X)[1]))(np.eye(3)),
    "linear_transpose": lambda: fg.linear_transpose(fg.linearize(guarded, X)[1], X)(1.0)[0],
    "pullback": lambda: fg.jit(fg.vjp(guarded, X)[1])(1.0)[0],
    "threads": lambda: fg.jit(_GRAD, threads=2)(X),
    "donated": lambda: fg.jit(lambda x: _GRAD(x), donate_argnums=0)(X.copy()),
}


@pytest.mark.parametrize("again", AGAIN)
def test_programs_within_programs_look_at_their_derivatives(again):
    np.testing.assert_allclose(AGAIN[again](), ROOTS, 1e-12)


@pytest.mark.parametrize("transform", [fg.grad, fg.jacfwd, fg.jacrev])
def test_the_program_of_a_derivative_can_be_transformed_again(transform):
    closed = fg.make_jaxpr(transform(guarded))(X)
    again = lambda x: closed(x)[0]

    assert "settle" in str(fg.make_jaxpr(fg.grad(guarded))(X))
    with np.errstate(all="ignore"):
        for f in (again, fg.jit(again), lambda x: fg.vmap(again)(np.stack([x, x]))[1]):
            np.testing.assert_allclose(f(X), ROOTS, 1e-12)
        for f in (fg.jacfwd(again), fg.jacrev(again), fg.jit(fg.jacrev(again))):
            np.testing.assert_allclose(f(X), np.diag(BENDS), 1e-12)


@pytest.mark.parametrize("f", [lambda x: x @ x, lambda x: np.sum(np.tanh(x)), lambda x: x[0] * 2])
def test_a_derivative_without_risk_has_no_marks(f):
    text = str(fg.make_jaxpr(fg.grad(f))(X))

    assert not any(mark in text for mark in ("start", "seed", "settle"))


INNER = {
    "jit": lambda x: np.sum(fg.jit(_GRAD)(x)),
    "vmap": lambda x: np.sum(fg.vmap(_GRAD)(x[None])),
    "jit of vmap": lambda x: np.sum(fg.jit(fg.vmap(_GRAD))(x[None])),
    "checkpoint": lambda x: np.sum(fg.checkpoint(_GRAD)(x)),
    "jit of checkpoint": lambda x: np.sum(fg.jit(fg.checkpoint(_GRAD))(x)),
}


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("mode", WHOLE)
def test_derivatives_of_derivatives_that_programs_hold(mode, inner):
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(WHOLE[mode](INNER[inner])(X), BENDS, 1e-12)


# rules of the user's own


def _identity(bwd):
    f = fg.custom_vjp(lambda x: x)
    f.defvjp(lambda x: (x, None), lambda _, ct: (bwd(ct),))
    return f


@pytest.mark.parametrize("mode", ["grad", "jit of grad", "vmap of grad"])
@pytest.mark.parametrize(
    "bwd", [lambda ct: np.clip(ct, -1, 1), lambda ct: ct / np.linalg.norm(ct)], ids=["clip", "norm"]
)
def test_rules_that_bound_gradients_keep_what_is_absent_absent(bwd, mode):
    f = lambda x: np.sum(np.where(X > 0, _identity(bwd)(np.sqrt(x)) * 10, 0.0))
    want = bwd(np.array([0.0, 10.0, 10.0])) * ROOTS

    with np.errstate(all="ignore"):
        np.testing.assert_allclose(WHOLE[mode](f)(X), want, 1e-12)


def test_a_rule_may_decide_by_numbers_of_a_cotangent():
    f = _identity(lambda ct: ct / max(float(np.linalg.norm(ct)), 1.0))

    got = fg.grad(lambda x: np.sum(np.where(X > 0, f(np.sqrt(x)), 0.0)))(X)
    np.testing.assert_allclose(got, ROOTS / np.sqrt(2), 1e-12)


@pytest.mark.parametrize("mode", WHOLE)
def test_an_operand_without_tangent_lies_on_no_path_of_a_custom_rule(mode):
    f = fg.custom_jvp(lambda x, y: x + y)
    f.defjvp(lambda xs, ts: (xs[0] + xs[1], ts[0] + ts[1] * np.inf))

    with np.errstate(all="ignore"):
        np.testing.assert_allclose(WHOLE[mode](lambda x: np.sum(f(x, X)))(X), np.ones(3))


SILENT = {
    "grad": fg.grad,
    "jit of grad": lambda f: fg.jit(fg.grad(f)),
    "jit of value_and_grad": lambda f: fg.jit(fg.value_and_grad(f)),
    "grad of jit": lambda f: fg.grad(fg.jit(f)),
    "jit of a step": lambda f: fg.jit(lambda x: x - 0.1 * fg.grad(f)(x)),
    "standalone": lambda f: _standalone(fg.jit(fg.grad(f))),
}


def _standalone(f):
    def run(x):
        scope = {}
        exec(f.source(x, standalone=True), scope)
        return next(g for name, g in scope.items() if name.startswith("lambda"))(x)

    return run


@pytest.mark.parametrize("mode", SILENT)
@pytest.mark.parametrize("function", [np.exp, np.sinh, lambda x: np.exp(x) * np.exp(x)])
def test_numpy_warns_of_the_function_and_not_of_its_derivative(function, mode):
    f = lambda x: np.sum(np.where(x < 1, function(x), 0.0))
    x = np.array([0.5, 800.0])

    def told(run):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            run(x)
        return {str(w.message) for w in found}

    assert told(SILENT[mode](f)) <= told(f)


def test_eager_gradients_call_the_function_once():
    calls = []
    f = lambda x: (calls.append(0), guarded(x))[1]

    fg.grad(f)(X), fg.jacrev(f)(X), fg.jvp(f, (X,), (np.ones(3),)), fg.hessian(f)(X)
    assert len(calls) == 4


_OF_WHOLE = {"power_slope", "sinc_derivative", "ldexp"}  # an operand is an order, or an exponent
SMOOTH = [
    p for p in primitives.values()
    if isinstance(p, Elementwise) and p.is_smooth and any(p.rules) and p.name not in _OF_WHOLE
]  # fmt: skip
OPERANDS = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e300, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("prim", SMOOTH, ids=lambda p: p.name)
def test_a_smooth_primitive_passes_each_element_of_a_cotangent_on(prim):
    rows = np.array(list(itertools.product(OPERANDS, repeat=len(prim.rules)))).T
    with np.errstate(all="ignore"):
        outs = prim.run(*rows)
        (y,) = outs
        cts = (np.full_like(y, np.nan),)
        found = prim.vjp(cts, range(len(rows)), outs, tuple(rows))

    for ct, rule in zip(found, prim.rules, strict=True):
        assert rule is None or np.isnan(ct).all(), prim


def test_a_gradient_of_multiplications_runs_its_function_and_its_walk_once():
    runs = []

    def f(x):
        runs.append(x)
        return np.sum(np.sqrt(x) ** 2 / x)

    with np.errstate(all="ignore"):
        assert np.isnan(fg.grad(f)(np.array([0.0, 1.0]))).tolist() == [True, False]
    assert len(runs) == 1
