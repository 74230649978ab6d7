"""Rules of the user's own: in both modes, under vmap, staged, closing over; and their errors."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.core.errors import (
    ConversionError,
    DtypeError,
    LeakedTracerError,
    MissingDerivativeError,
    MissingRuleError,
    ShapeError,
    TreeError,
)

X = np.array([0.3, -0.7, 1.2])


def doubled_sine():
    """Return the sine with twice its derivative, by which the rule is told from the function."""
    f = fg.custom_jvp(np.sin)
    f.defjvp(lambda xs, ts: (f(*xs), 2 * np.cos(xs[0]) * ts[0]))
    return f


def tripled():
    """Return x sin y with three times its derivative by x, and none by y."""

    @fg.custom_vjp
    def f(x, y):
        return {"out": x * np.sin(y)}

    def bwd(residuals, ct):
        return 3 * np.sin(residuals) * ct["out"], None

    f.defvjp(lambda x, y: (f(x, y), y), bwd)
    return f


def in_scan(f):
    return lambda x: lax.scan(lambda c, _: (f(c), None), x, None, 1)[0].sum()


WAYS = {
    "grad": lambda f: fg.grad(lambda x: f(x).sum())(X),
    "vmap of grad": lambda f: fg.vmap(fg.grad(f))(X),
    "grad of vmap": lambda f: fg.grad(lambda x: fg.vmap(f)(x).sum())(X),
    "staged": lambda f: fg.make_jaxpr(fg.grad(lambda x: f(x).sum()))(X)(X)[0],
    "of a program": lambda f: fg.grad(lambda x: fg.make_jaxpr(f)(x)(x)[0].sum())(X),
    "of a batched program": lambda f: fg.grad(
        lambda x: fg.make_jaxpr(fg.vmap(f))(x)(x)[0].sum())(X),
    "in scan": lambda f: fg.grad(in_scan(f))(X),
    "in map": lambda f: fg.grad(lambda x: lax.map(f, x).sum())(X),
    "in vmap of scan": lambda f: fg.vmap(fg.grad(in_scan(f)))(X),
    "checkpoint": lambda f: fg.grad(lambda x: fg.checkpoint(f)(x).sum())(X),
}  # fmt: skip
FORWARD = {
    "jvp": lambda f: fg.jvp(f, (X,), (np.ones(3),))[1],
    "linearize": lambda f: fg.linearize(f, X)[1](np.ones(3)),
    "jacfwd": lambda f: np.diag(fg.jacfwd(f)(X)),
    "vmap of jvp": lambda f: fg.vmap(lambda x: fg.jvp(f, (x,), (1.0,))[1])(X),
}


@pytest.mark.parametrize("way", [*WAYS, *FORWARD])
def test_the_rule_of_custom_jvp_is_used_everywhere(way):
    got = {**WAYS, **FORWARD}[way](doubled_sine())

    np.testing.assert_allclose(got, 2 * np.cos(X), rtol=1e-14)


@pytest.mark.parametrize("way", WAYS)
def test_the_rule_of_custom_vjp_is_used_everywhere(way):
    f = tripled()

    np.testing.assert_allclose(
        WAYS[way](lambda x: f(x, 0.5)["out"]), 3 * np.sin(0.5) * np.ones(3), rtol=1e-14
    )


@pytest.mark.parametrize("way", WAYS)
def test_the_rule_of_custom_gradient_is_used_everywhere(way):
    f = fg.custom_gradient(lambda x: (x * x, lambda ct: 10 * ct * np.cos(x)))

    np.testing.assert_allclose(WAYS[way](f), 10 * np.cos(X), rtol=1e-14)


def test_second_derivatives_go_through_the_rule():
    f, g = doubled_sine(), fg.custom_gradient(lambda x: (x * x, lambda ct: 10 * ct * x))

    assert fg.grad(fg.grad(f))(0.3) == pytest.approx(-2 * np.sin(0.3))
    assert fg.jvp(fg.grad(g), (3.0,), (1.0,))[1] == 10.0
    assert fg.grad(fg.grad(g))(3.0) == 10.0  # the derivative of 10 x


HELD = {
    "itself": lambda f: f,
    "while": lambda f: lambda x: lax.while_loop(
        lambda s: s[0] < 1, lambda s: (s[0] + 1, f(s[1])), (0, x))[1],
    "scan": lambda f: lambda x: lax.scan(lambda c, _: (f(c), None), x, None, 1)[0],
    "cond": lambda f: lambda x: fg.make_jaxpr(
        lambda p, x: lax.cond(p, f, np.cos, x))(True, x)(True, x)[0],
    "checkpoint": fg.checkpoint,
}  # fmt: skip
SECOND = [(a, b) for a in (fg.jacfwd, fg.jacrev) for b in (fg.jacfwd, fg.jacrev)]


@pytest.mark.parametrize("outer", HELD)
@pytest.mark.parametrize("inner", HELD)
def test_second_derivatives_of_a_rule_that_is_not_the_functions_own(outer, inner):
    """They are those of what the rule computes, wherever it is held, as in JAX."""
    f = fg.custom_jvp(lambda x: x * x)
    f.defjvp(lambda xs, ts: (xs[0] * xs[0], 10 * xs[0] * ts[0]))
    held = HELD[outer](HELD[inner](f))
    want = fg.grad(fg.grad(lambda x: np.tanh(f(x))))(0.7)

    for a, b in SECOND:
        got = a(b(lambda x: np.tanh(held(x))))(np.float64(0.7))
        assert got == pytest.approx(want, rel=1e-12), (a, b)
    program = fg.make_jaxpr(fg.grad(lambda x: np.tanh(held(x))))(0.7)
    assert fg.grad(lambda x: program(x)[0])(0.7) == pytest.approx(want, rel=1e-12)


LOOPED_RULES = {
    "scan": lambda c, n: lax.scan(lambda c, _: (_step(c), None), c, None, n)[0],
    "while": lambda c, n: lax.while_loop(
        lambda s: s[0] < n, lambda s: (s[0] + 1, _step(s[1])), (0, c))[1],
    "nested": lambda c, n: lax.fori_loop(0, n, lambda i, c: lax.while_loop(
        lambda s: s[0] < 1, lambda s: (s[0] + 1, _step(s[1])), (0, c))[1], c),
    "checkpoint": lambda c, n: fg.checkpoint(lambda c: _step(_step(c)))(c),
    "cond": lambda c, n: lax.cond(c[0] < 9, lambda c: _step(_step(c)), lambda c: c, c),
}  # fmt: skip


def _step(pair):
    return np.sin(pair[0]), np.cos(pair[0]) * pair[1]


@pytest.mark.parametrize("loop", LOOPED_RULES)
def test_a_rule_may_put_values_and_tangents_through_one_loop(loop):
    f = fg.custom_jvp(lambda x: np.sin(np.sin(x)))
    f.defjvp(lambda xs, ts: LOOPED_RULES[loop]((xs[0], ts[0]), 2))
    plain = lambda x: np.sin(np.sin(x))

    for transform in (
        lambda f: fg.grad(f)(0.7),
        lambda f: fg.linearize(f, 0.7)[1](1.0),
        lambda f: fg.grad(fg.grad(f))(0.7),
        lambda f: fg.jacfwd(fg.jacrev(f))(np.float64(0.7)),
        lambda f: fg.vmap(fg.grad(f))(X),
        lambda f: fg.grad(lambda x: lax.map(f, x).sum())(X),
        lambda f: fg.make_jaxpr(fg.grad(f))(0.7)(0.7)[0],
    ):
        np.testing.assert_allclose(transform(f), transform(plain), rtol=1e-12)


@pytest.mark.parametrize("loop", LOOPED_RULES)
def test_a_rule_may_differentiate_a_loop(loop):
    g = lambda x: LOOPED_RULES[loop]((x, 0.0 * x), 2)[0]
    f = fg.custom_jvp(g)
    f.defjvp(lambda xs, ts: fg.jvp(g, xs, ts))
    plain = lambda x: np.sin(np.sin(x))

    assert fg.grad(f)(0.7) == pytest.approx(fg.grad(plain)(0.7), rel=1e-12)
    assert fg.grad(fg.grad(f))(0.7) == pytest.approx(fg.grad(fg.grad(plain))(0.7), rel=1e-12)
    np.testing.assert_allclose(fg.vmap(fg.grad(f))(X), fg.vmap(fg.grad(plain))(X), rtol=1e-12)


def test_arguments_without_derivative_come_first():
    power = lambda x, n, kind="sine": x**n
    f = fg.custom_jvp(power, nondiff_argnums=(1,), nondiff_argnames="kind")
    seen = []

    @f.defjvp
    def rule(n, kind, primals, tangents):
        seen.append((n, kind))
        return f(*primals, n, kind), n * primals[0] ** (n - 1) * tangents[0]

    assert fg.grad(f)(2.0, 3) == 12.0
    assert fg.grad(lambda x: f(x, kind="cosine", n=2))(2.0) == 4.0
    assert seen == [(3, "sine"), (2, "cosine")]

    g = fg.custom_vjp(lambda h, x: h(x), nondiff_argnums=0)
    g.defvjp(lambda h, x: (h(x), x), lambda h, x, ct: (7 * ct * h(x),))
    assert fg.grad(lambda x: g(np.sin, x))(0.5) == 7 * np.sin(0.5)
    assert fg.vmap(fg.grad(lambda x: g(np.sin, x)))(X).shape == (3,)


def test_a_method_and_its_python_control_flow():
    class Model:
        @fg.custom_jvp
        def f(self, x):
            return np.sin(x) if x > 0 else x  # numbers are known where nothing is staged

        f.defjvp(lambda xs, ts: (np.sin(xs[1]), 5.0 * ts[1]))

    assert fg.grad(lambda x: Model().f(x))(0.5) == 5.0
    assert Model().f(-2.0) == -2.0


def test_one_shared_argument_under_vmap_gets_the_sum():
    f = tripled()
    grads = fg.grad(lambda x: fg.vmap(lambda y: f(x, y)["out"])(X).sum())(2.0)

    assert grads == pytest.approx(3 * np.sin(X).sum(), rel=1e-14)


CLOSING = {
    "custom_jvp": lambda z: _with_jvp(lambda x: np.sin(x) * z, lambda x, t: np.cos(x) * z * t)(z),
    "custom_vjp": lambda z: _with_vjp(lambda x: np.sin(x) * z, lambda x, ct: np.cos(x) * z * ct)(z),
    "custom_gradient": lambda z: fg.custom_gradient(
        lambda x: (np.sin(x) * z, lambda ct: ct * np.cos(x) * z))(z),
    "custom_batch": lambda z: fg.custom_batch(lambda x: np.sin(x) * z)(z),
}  # fmt: skip


def _with_jvp(fun, slope):
    f = fg.custom_jvp(fun)
    f.defjvp(lambda xs, ts: (fun(*xs), slope(xs[0], ts[0])))
    return f


def _with_vjp(fun, slope):
    f = fg.custom_vjp(fun)
    f.defvjp(lambda x: (fun(x), x), lambda x, ct: (slope(x, ct),))
    return f


@pytest.mark.parametrize("name", CLOSING)
def test_what_a_rule_closes_over_has_its_part_in_the_derivative(name):
    f, z = CLOSING[name], 0.7
    want = np.cos(z) * z + np.sin(z)

    assert fg.grad(f)(z) == pytest.approx(want, rel=1e-14)
    assert fg.make_jaxpr(fg.grad(f))(z)(z)[0] == pytest.approx(want, rel=1e-14)
    assert fg.vmap(fg.grad(f))(np.array([z]))[0] == pytest.approx(want, rel=1e-14)
    assert fg.grad(fg.grad(f))(z) == pytest.approx(2 * np.cos(z) - z * np.sin(z), rel=1e-14)


# a rule that is not the derivative, so that it shows who is differentiated
OFF = {
    "custom_jvp": lambda w: _with_jvp(lambda x: np.sin(x) * w, lambda x, t: 2 * np.cos(x) * w * t),
    "custom_vjp": lambda w: _with_vjp(lambda x: np.sin(x) * w, lambda x, c: 2 * np.cos(x) * w * c),
    "that calls itself": lambda w: _calling_itself(w),
}
INSIDE = {
    "scan": lambda f, x: lax.scan(lambda c, _: (f(c) + c, None), x, None, 3)[0],
    "while": lambda f, x: lax.while_loop(
        lambda s: s[1] < 3, lambda s: (f(s[0]) + s[0], s[1] + 1), (x, 0))[0],
    "jit": lambda f, x: fg.jit(lambda x: _thrice(f, x))(x),
    "jit of jit": lambda f, x: fg.jit(fg.jit(lambda x: _thrice(f, x)))(x),
    "checkpoint": lambda f, x: fg.checkpoint(lambda x: _thrice(f, x))(x),
    "jit of scan": lambda f, x: fg.jit(INSIDE["scan"], static_argnums=0)(f, x),
}  # fmt: skip


def _thrice(f, x):
    for _ in range(3):
        x = f(x) + x
    return x


def _calling_itself(w):
    f = fg.custom_jvp(lambda x: np.sin(x) * w)
    f.defjvp(lambda p, t: (f(*p), 2 * np.cos(p[0]) * w * t[0]))
    return f


@pytest.mark.parametrize("name", OFF)
@pytest.mark.parametrize("held", INSIDE)
def test_a_rule_in_a_program_may_close_over_what_is_differentiated(held, name):
    plain = lambda w: _thrice(OFF[name](w), 0.3 * w)
    f = lambda w: INSIDE[held](OFF[name](w), 0.3 * w)
    want, step = fg.grad(plain)(0.7), 1e-5

    assert fg.grad(f)(0.7) == pytest.approx(want, rel=1e-13)
    assert fg.jit(fg.grad(f))(0.7) == pytest.approx(want, rel=1e-13)
    assert fg.grad(fg.jit(f))(0.7) == pytest.approx(want, rel=1e-13)
    if name != "custom_vjp":
        assert fg.jvp(f, (0.7,), (1.0,))[1] == pytest.approx(want, rel=1e-13)
        many = fg.vmap(fg.grad(f))(np.array([0.7, 0.5]))
        np.testing.assert_allclose(many, [want, fg.grad(plain)(0.5)], rtol=1e-13)
    second = fg.grad(fg.grad(f))(0.7)
    assert second == pytest.approx(fg.grad(fg.grad(plain))(0.7), rel=1e-12)
    if name == "custom_jvp":  # it is that of what the rule computes
        slope = (fg.grad(plain)(0.7 + step) - fg.grad(plain)(0.7 - step)) / (2 * step)
        assert second == pytest.approx(slope, rel=1e-6)  # of differences


def test_a_rule_that_closes_over_a_derivative_within_keeps_its_rule():

    def inner(w, held):
        g = lambda z: held(lambda x: _calling_itself(z)(x))(w)
        return fg.grad(g)(1.5)

    for held in (lambda f: f, fg.jit, fg.checkpoint):
        f = lambda w, held=held: inner(w, held)
        assert f(0.7) == pytest.approx(np.sin(0.7))
        assert fg.jit(f)(0.7) == pytest.approx(np.sin(0.7))
        assert fg.vmap(f)(X) == pytest.approx(np.sin(X))


def test_a_rule_may_take_second_derivatives_at_a_residual_of_a_program():
    q = np.array([[4.0, 1.0], [1.0, 2.0]])
    slope = fg.grad(lambda x, c: 0.5 * x @ q @ x + c @ x)
    minimum = fg.custom_vjp(lambda c: np.linalg.solve(q, -c))

    def bwd(residuals, ct):
        x, c = residuals
        along = lambda u: fg.vjp(lambda x: slope(x, c), x)[1](u)[0]  # the Hessian times u
        u = lax.custom_linear_solve(along, ct, lambda _, b: np.linalg.solve(q, b), symmetric=True)
        return fg.vjp(lambda c: slope(x, c), c)[1](-u)

    minimum.defvjp(lambda c: ((x := minimum(c)), (x, c)), bwd)

    got = fg.jacrev(fg.jit(minimum))(np.ones(2))

    np.testing.assert_allclose(got, -np.linalg.inv(q), rtol=1e-12)  # the same 2 x 2 solves


def test_in_a_loop_a_rule_may_close_over_the_rest():
    def loss(x, w):
        f = _with_vjp(lambda x: np.sin(x) * w, lambda x, ct: 2 * np.cos(x) * w * ct)
        return lax.scan(lambda c, _: (f(c), None), x, None, 2)[0]

    want = 2 * np.cos(np.sin(0.3) * X) * X * 2 * np.cos(0.3) * X

    np.testing.assert_allclose(fg.vmap(fg.grad(loss), (None, 0))(0.3, X), want, rtol=1e-12)


def test_a_rule_that_closes_over_an_inner_transform_has_second_derivatives():
    def f(x):
        g = fg.custom_jvp(np.sin)
        g.defjvp(lambda xs, ts: (g(*xs), np.cos(xs[0]) * ts[0] * x))
        return g(g(x))

    x, y, slope = 0.7, np.sin(0.7), 0.7 * np.cos(0.7)  # of g at x, by its rule
    first = slope * x * np.cos(y)
    second = 2 * slope * np.cos(y) - x * slope * slope * np.sin(y) - x * x * np.cos(y) * np.sin(x)

    got = fg.jvp(lambda x: fg.jvp(f, (x,), (1.0,))[1], (x,), (1.0,))
    np.testing.assert_allclose(got, (first, second), rtol=1e-12)
    for g in (fg.jacfwd(fg.grad(f)), fg.grad(fg.jit(fg.grad(f))), fg.grad(fg.grad(fg.jit(f)))):
        assert g(x) == pytest.approx(second, rel=1e-12)


@pytest.mark.parametrize("held", ["scan", "while", "checkpoint"])
def test_a_rule_that_is_the_jvp_of_a_program_batches_inside_a_gradient(held):
    g = HELD[held](np.sin)
    f = fg.custom_jvp(g)
    f.defjvp(lambda xs, ts: fg.jvp(g, xs, ts))

    got = fg.grad(lambda x: fg.vmap(f)(x).sum())(X)

    np.testing.assert_allclose(got, np.cos(X), rtol=1e-14)


@pytest.mark.parametrize("around", [fg.jit, fg.checkpoint])
def test_a_rule_that_is_the_jvp_of_a_program_batches_where_one_operand_is_shared(around):
    def g(x, p):
        return np.sin(lax.cond(p < 0.5, lambda x: 2 * x, lambda x: x, x))

    f = fg.custom_jvp(g)
    f.defjvp(lambda xs, ts: fg.jvp(g, xs, ts))
    mapped = around(fg.vmap(f, (0, None)))

    np.testing.assert_allclose(
        fg.grad(lambda x, p: mapped(x, p).sum())(X, 0.3), 2 * np.cos(2 * X), rtol=1e-14
    )


def arcsine_by_rule(x):
    f = fg.custom_jvp(np.arcsin)
    f.defjvp(lambda xs, ts: fg.jvp(np.arcsin, xs, ts))
    return fg.jit(f)(x)


def eigenvalues_in_a_branch(x):
    a = np.outer(x, x) + np.eye(2)
    return lax.cond(np.sum(x) > 0, lambda: x.sum(), lambda: np.linalg.eigh(a)[0].sum())


def arcsine_by_rules_that_close_over_an_argument(x):
    @fg.jit
    def within(x, scale):
        f = fg.custom_jvp(lambda x: scale * np.arcsin(x))
        f.defjvp(lambda xs, ts: fg.jvp(lambda x: scale * np.arcsin(x), xs, ts))
        return f(x)

    return within(x, x.sum() / 2)


PROGRAMS = {  # whose jvp is a rule within jit
    "masks of tangents, where a derivative is infinite": (arcsine_by_rule, np.ones(2)),
    "a rule with operands": (arcsine_by_rules_that_close_over_an_argument, np.ones(2)),
    "tangents of examples that a branch spares": (eigenvalues_in_a_branch, X[:2, None] * [1, -2]),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_rule_that_is_the_jvp_of_a_program_is_linear_in_its_tangents(name):
    g, x = PROGRAMS[name]
    f = fg.custom_jvp(g)
    f.defjvp(lambda xs, ts: fg.jvp(g, xs, ts))

    loss = lambda x: fg.jit(fg.vmap(f))(x).sum()
    want = fg.grad(lambda x: fg.vmap(g)(x).sum())(x)

    for got in (fg.grad(loss)(x), fg.linearize(loss, x)[1].transpose(1.0)[0]):
        np.testing.assert_allclose(got, want, rtol=1e-12)


def test_a_rule_closes_over_a_value_whose_use_has_no_result():
    @fg.jit
    def within(x, w):
        def g(x):
            np.stack([w, w])  # its result is dropped
            return lax.cond(x[0] < 9, lambda: (np.stack([w, w]), np.sin(x))[1], lambda: x)

        f = fg.custom_jvp(g)
        f.defjvp(lambda xs, ts: fg.jvp(g, xs, ts))
        return f(x)

    np.testing.assert_array_equal(fg.grad(lambda x: within(x, 2.0).sum())(X), np.cos(X))


@pytest.mark.parametrize(
    "around", [lambda f: f, fg.jit, fg.checkpoint], ids=["", "jit", "checkpoint"]
)
def test_residuals_of_a_rule_may_be_the_function_that_vjp_gives(around):
    def within(x, w):
        g = lambda x: w[::-1] * np.sin(x)
        f = fg.custom_vjp(g)
        f.defvjp(lambda x: fg.vjp(g, x), lambda pull, ct: pull(ct))
        return lax.cond(x[0] < 9, f, lambda x: x, x)

    loss = lambda x, w: around(within)(x, w).sum()
    closed = lambda x, w: around(lambda x: within(x, w))(x).sum()
    want = np.cos(X) * X[::-1], np.sin(X)[::-1]

    for f in (loss, closed):
        for got in (fg.grad(f, (0, 1))(X, X), fg.jit(fg.grad(f, (0, 1)))(X, X)):
            np.testing.assert_allclose(got, want, rtol=1e-14)


@pytest.mark.parametrize("fwd", [
    lambda x: fg.vjp(np.sin, x), lambda x: (np.sin(x), lambda ct: (ct * np.cos(x),)),
], ids=["vjp", "closure"])  # fmt: skip
@pytest.mark.parametrize("around", [
    fg.vmap, lambda f: fg.jit(fg.vmap(f)), lambda f: fg.vmap(fg.checkpoint(f)),
    lambda f: lambda x: fg.vmap(fg.vmap(f))(x[None])[0],
    lambda f: fg.vmap(lambda x: lax.scan(lambda c, y: (c, f(y)), 0.0, x[None])[1][0]),
], ids=["vmap", "jit of vmap", "vmap of checkpoint", "vmap of vmap", "vmap of scan"])  # fmt: skip
def test_residuals_of_a_rule_under_vmap_may_be_a_function(fwd, around):
    f = fg.custom_vjp(np.sin)
    f.defvjp(fwd, lambda pull, ct: pull(ct))
    gradient = fg.grad(lambda x: around(f)(x).sum())

    np.testing.assert_array_equal(gradient(X), np.cos(X))
    np.testing.assert_array_equal(fg.jit(gradient)(X), np.cos(X))
    np.testing.assert_array_equal(fg.grad(lambda x: gradient(x).sum())(X), -np.sin(X))


def test_a_scan_in_a_rule_may_close_over_values_around():
    def f(x, w):
        inner = fg.custom_jvp(lambda x: w * x)
        inner.defjvp(lambda xs, ts: fg.jvp(lambda x: w * x, xs, ts))
        rows = lambda x: lax.scan(lambda c, _: (c, inner(x)), 0.0, None, length=2)[1][1]
        g = fg.custom_vjp(rows)
        g.defvjp(lambda x: fg.vjp(rows, x), lambda pull, ct: pull(ct))
        return g(x).sum()

    np.testing.assert_array_equal(fg.grad(f, (0, 1))(X, 2 * X), (2 * X, X))


def test_a_rule_that_is_the_jvp_of_nested_loops_has_second_derivatives():
    def loops(v):
        inner = lambda v: lax.while_loop(lambda q: q * q < 3.0, lambda q: q * 1.5 + v**2, v * 0.5)
        step = lambda s: (s[0] + 1, np.tanh(inner(s[1])))
        return lax.while_loop(lambda s: s[0] < 2, step, (0, v))[1]

    f = fg.custom_jvp(loops)
    f.defjvp(lambda xs, ts: fg.jvp(loops, xs, ts))

    x = np.array([0.7, 0.2])
    np.testing.assert_allclose(fg.vmap(fg.grad(f))(x), fg.vmap(fg.grad(loops))(x), rtol=1e-12)
    assert fg.grad(fg.grad(f))(0.7) == pytest.approx(fg.grad(fg.grad(loops))(0.7), rel=1e-10)


def test_a_way_to_run_under_vmap():
    f = fg.custom_batch(lambda x, y: np.dot(x, y))
    seen = []

    @f.def_vmap
    def rule(size, batched, x, y):
        seen.append((size, batched))
        return 100 + x @ y, True

    got = fg.vmap(f, (1, None))(np.ones((3, 4)), np.arange(3.0))

    np.testing.assert_array_equal(got, 103.0 * np.ones(4))
    assert seen == [(4, [True, False])]
    assert fg.grad(f)(X, X).tolist() == X.tolist()
    assert fg.vmap(fg.vmap(f, (0, None)), (0, None))(np.ones((2, 4, 3)), X).shape == (2, 4)


def test_a_primitive_of_ones_own_has_all_transforms():
    expit = fg.extend.Elementwise(
        "test_expit", lambda x: 1 / (1 + np.exp(-x)), lambda t, y, x: t * y * (1 - y)
    )
    fg.check_grads(expit, (X,), order=2)
    np.testing.assert_allclose(
        fg.vmap(fg.grad(expit))(X), fg.grad(lambda x: lax.map(expit, x).sum())(X), rtol=1e-14
    )


# errors, by their words


def bad_vjp(bwd):
    f = fg.custom_vjp(lambda x, y: x * y)
    f.defvjp(lambda x, y: (x * y, None), bwd)
    return lambda: fg.grad(lambda x: f(x, X).sum())(X)


def with_rule(rule):
    f = fg.custom_jvp(np.sin)
    f.defjvp(rule)
    return f


def bad_jvp(rule):
    f = with_rule(rule)
    return lambda: fg.grad(lambda x: f(x).sum())(X)


# fmt: off
ERRORS = [
    (lambda: fg.custom_jvp(np.sin)(X), MissingRuleError, "custom_jvp of 'sin': .* defjvp first"),
    (lambda: fg.custom_vjp(np.sin)(X), MissingRuleError, "custom_vjp of 'sin': .* defvjp first"),
    (lambda: fg.jvp(lambda x: tripled()(x, 1.0)["out"], (X,), (X,)), MissingDerivativeError,
     "custom_vjp: 'f' has no forward derivative, .* custom_jvp"),
    (bad_vjp(lambda r, ct: (ct,)), TreeError,
     "bwd must return a tuple with one entry per argument, 2: got 1 entries"),
    (bad_vjp(lambda r, ct: ct), TreeError, "bwd must return a tuple .* got ndarray"),
    (bad_vjp(lambda r, ct: (ct[:2], None)), ShapeError,
     r"the cotangent of bwd at \[0\] must have the shape of its primal"),
    (bad_vjp(lambda r, ct: ({"a": ct}, None)), TreeError, "the result of bwd"),
    (bad_vjp(lambda r, ct: (ct.astype("f4"), None)), DtypeError, "must have the dtype"),
    (bad_jvp(lambda xs, ts: np.sin(xs[0])), TypeError,
     r"custom_jvp of 'sin': the rule must return a pair \(output, tangent\)"),
    (bad_jvp(lambda xs, ts: (xs[0], {"a": ts[0]})), TreeError, "the rule's tangent"),
    (bad_jvp(lambda xs, ts: (xs[0], ts[0][:1])), ShapeError, "a tangent of the rule"),
    (bad_jvp(lambda xs, ts: (xs[0], ts[0] ** 2)), MissingRuleError,
     "custom_jvp: the rule of custom_jvp of 'sin' is not linear"),
    (lambda: fg.grad(lambda x: lax.map(with_rule(lambda p, t: (p[0].sum(), t[0].sum())), x).sum())(
        np.ones((2, 3))), ShapeError, "the rule's output must have the shapes and dtypes of the"),
    (lambda: fg.vmap(fg.custom_batch(np.sin))(X), MissingRuleError, "def_vmap first"),
    (lambda: fg.custom_jvp(np.sin, nondiff_argnames="q"), TypeError, "names 'q'"),
    (lambda: fg.custom_vjp(3), TypeError, "must be a function: got 3"),
    (lambda: fg.grad(lambda zs: fg.vmap(CLOSING["custom_vjp"])(zs).sum())(X), LeakedTracerError,
     "bwd of .* whose transform has returned; return it from fwd among the residuals"),
]
# fmt: on


@pytest.mark.parametrize(("call", "kind", "words"), ERRORS)
def test_errors_name_the_rule_and_the_cure(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_a_rule_that_needs_the_number_says_so():
    f = fg.custom_jvp(np.sin)
    f.defjvp(lambda xs, ts: (np.sin(xs[0]), ts[0] * float(xs[0])))

    assert fg.grad(f)(0.5) == 0.5
    with pytest.raises(ConversionError):
        fg.vmap(fg.grad(f))(X)


def test_a_primitive_cannot_take_the_name_of_one_of_the_librarys():
    with pytest.raises(ValueError, match="the library has a primitive 'add'"):
        fg.extend.Elementwise("add", np.add, lambda t, y, a, b: t, lambda t, y, a, b: t)
    for _ in range(2):  # as a cell of a notebook that is run again
        twice = fg.extend.Elementwise("twice_over", lambda x: 2 * x, lambda t, y, x: 2 * t)

    assert fg.grad(twice)(1.0) == 2.0 and fg.lax.add(1, 2) == 3


# a rule that applies functions with rules of their own to tangents


def scaled():
    """Return a function linear in each argument, whose rule applies it to tangents."""
    f = fg.custom_jvp(lambda a, x: a * x)
    f.defjvp(lambda p, t: (f(*p), f(p[0], t[1]) + f(t[0], p[1])))
    return f


# of a function of two numbers: its gradient at (2, 3), or what stands for it
OPENED = {
    "grad": lambda f: fg.grad(f, (0, 1))(2.0, 3.0),
    "vjp": lambda f: fg.vjp(f, 2.0, 3.0)[1](1.0),
    "linearize": lambda f: fg.linear_transpose(fg.linearize(f, 2.0, 3.0)[1], 2.0, 3.0)(1.0),
    "jit of grad": lambda f: fg.jit(fg.grad(f, (0, 1)))(2.0, 3.0),
    "grad of jit": lambda f: fg.grad(fg.jit(f), (0, 1))(2.0, 3.0),
    "checkpoint": lambda f: fg.grad(fg.checkpoint(f), (0, 1))(2.0, 3.0),
    "vmap": lambda f: fg.grad(lambda a, x: fg.vmap(f)(a * X**0, x * X**0)[0], (0, 1))(2.0, 3.0),
    "scan": lambda f: fg.grad(
        lambda a, x: lax.scan(lambda c, _: (f(a, c), None), x, None, 1)[0], (0, 1))(2.0, 3.0),
    "while": lambda f: fg.grad(lambda a, x: lax.while_loop(
        lambda s: s[1] < 1, lambda s: (f(a, s[0]), s[1] + 1), (x, 0))[0], (0, 1))(2.0, 3.0),
    "second": lambda f: fg.hessian(lambda z: f(z[0], z[1]))(X[:2])[0][::-1] * [3.0, 1.0] + [0, 2.0],
}  # fmt: skip


@pytest.mark.parametrize("name", OPENED)
def test_a_rule_may_apply_its_function_to_tangents(name):
    got = OPENED[name](scaled())

    np.testing.assert_allclose(got, (3.0, 2.0), rtol=1e-12)


@pytest.mark.parametrize("kind", ["custom_jvp", "custom_vjp", "custom_batch"])
def test_a_linear_function_with_rules_is_transposed(kind):
    matrix = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0]])
    back = lambda _, ct: (matrix.T @ ct,)
    f = {
        "custom_jvp": lambda g: _with(fg.custom_jvp(g), "defjvp", lambda p, t: (g(*p), g(*t))),
        "custom_vjp": lambda g: _with(fg.custom_vjp(g), "defvjp", lambda x: (g(x), None), back),
        "custom_batch": fg.custom_batch,
    }[kind](lambda x: matrix @ x)

    for g in (f, fg.jit(f), fg.checkpoint(f), lambda x: 2 * f(np.append(f(x), 0))):
        (got,) = fg.linear_transpose(g, X)(np.array([1.0, -1.0]))
        want = np.array([np.dot(g(e), [1.0, -1.0]) for e in np.eye(3)])
        np.testing.assert_allclose(got, want, rtol=1e-12)
    square = fg.custom_jvp(np.square)
    square.defjvp(lambda p, t: (p[0] ** 2, square(t[0])))
    with pytest.raises(MissingRuleError, match="the rule of custom_jvp of 'square' is not linear"):
        fg.grad(square)(1.0)


def _with(f, method, *rules):
    getattr(f, method)(*rules)
    return f


def test_a_function_with_rules_may_have_another_kind_of_rules():
    inner = fg.custom_jvp(lambda x: 1.0 * x)
    inner.defjvp(lambda primals, tangents: (inner(*primals), 5 * tangents[0]))
    batched = fg.custom_batch(inner)
    batched.def_vmap(lambda size, flags, x: (7 * x, True))
    outer = fg.custom_vjp(inner)
    outer.defvjp(lambda x: (inner(x), fg.grad(inner)(x)), lambda slope, ct: (slope * ct,))

    assert fg.grad(batched)(1.0) == 5
    assert fg.vmap(batched)(np.ones(2)).tolist() == [7, 7]
    assert fg.grad(outer)(1.0) == 5
    with pytest.raises(MissingRuleError, match="it has no rule yet"):
        fg.custom_jvp(inner)(1.0)


# primitives


@pytest.mark.parametrize("rule", ["run", "infer", "jvp"])
def test_a_rule_that_gives_no_tuple_raises(rule):
    results = {
        "run": lambda self, x: (np.sin(x),),
        "infer": lambda self, x: (x,),
        "jvp": lambda self, primals, tangents, outs: (tangents[0] * np.cos(primals[0]),),
    }
    alone = lambda *args: results[rule](*args)[0]
    alone.__name__ = rule
    bare = type("Bare", (fg.extend.Primitive,), results | {rule: alone})(f"bare_{rule}")
    with pytest.raises(TypeError, match=rf"Bare\.{rule}: the results must be a tuple: got"):
        fg.jit(fg.grad(lambda x: np.sum(bare(x))))(np.ones(3))
        bare(np.ones(3))


@pytest.mark.parametrize("backend", ["eager", "numpy"])
def test_tangents_that_are_known_while_staging_and_not_finite_do_not_stop_it(backend):
    constant = lambda x: fg.lax.cumlogsumexp(np.array([[0.0], [1.0]]), axis=1)
    fixed = fg.custom_jvp(constant)
    fixed.defjvp(lambda xs, ts: fg.jvp(constant, xs, ts))
    root = lambda x, y: np.cbrt(fixed(y))[:, 0]
    rule = fg.custom_jvp(root)
    rule.defjvp(lambda xs, ts: fg.jvp(root, xs, ts))
    f = lambda x: rule(x, np.nanprod(x))

    push = lambda x: fg.jvp(f, (x,), (1.0,))[1]
    pull = lambda x: fg.vjp(f, x)[1](np.ones(2))[0]
    push, pull = (push, pull) if backend == "eager" else map(fg.jit, (push, pull))

    np.testing.assert_array_equal(push(0.5), [np.nan, 0.0])  # 0 times an infinite derivative
    assert pull(0.5) == 0.0
