"""Implicit differentiation, by whatever solver; derived products, closures and flat trees."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.core.errors import (
    DtypeError,
    LeakedTracerError,
    MissingRuleError,
    ShapeError,
    TreeError,
    UnsupportedError,
)

from .support.programs import conjugate_gradients

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(3, 3)) + 4 * np.eye(3), RNG.normal(size=(4, 3))


def inverse(a):
    """Return the inverse by elimination, which any transform can follow."""
    m = np.concatenate([a, np.eye(3)], axis=1)
    for i in range(3):
        row = m[i] / m[i, i]
        m = np.stack([row if j == i else m[j] - m[j, i] * row for j in range(3)])
    return m[:, 3:]


def by_numpy(a, b):
    """Solve with a solver that cannot be traced; ``a`` may be a tracer, ``A`` is its value."""
    solve = lambda matvec, y: np.linalg.solve(A, y)
    back = lambda matvec, y: np.linalg.solve(A.T, y)
    return lax.custom_linear_solve(lambda v: a @ v, b, solve, back)


def by_gradients(a, b):
    return lax.custom_linear_solve(lambda v: a @ a.T @ v, b, conjugate_gradients, symmetric=True)


SYSTEMS = {
    "numpy": (by_numpy, lambda a, b: inverse(a) @ b),
    "conjugate gradients": (by_gradients, lambda a, b: inverse(a @ a.T) @ b),
}
TRANSFORMS = {
    "value": lambda f: f(A, B[0]),
    "grad by a": lambda f: fg.grad(lambda a: (f(a, B[0]) ** 2).sum())(A),
    "grad by b": lambda f: fg.grad(lambda b: (f(A, b) ** 2).sum())(B[0]),
    "jvp": lambda f: fg.jvp(f, (A, B[0]), (A**2, B[1]))[1],
    "linearize": lambda f: fg.linearize(f, A, B[0])[1](A**2, B[1]),
    "hessian": lambda f: fg.hessian(lambda a: (f(a, B[0]) ** 2).sum())(A),
    "jacrev of jacrev": lambda f: fg.jacrev(fg.jacrev(lambda b: (f(A, b) ** 3).sum()))(B[0]),
    "vmap by b": lambda f: fg.vmap(fg.grad(lambda b: (f(A, b) ** 2).sum()))(B),
    "grad of vmap": lambda f: fg.grad(lambda a: (fg.vmap(f, (None, 0))(a, B) ** 2).sum())(A),
    "transpose": lambda f: fg.linear_transpose(lambda b: f(A, b), B[0])(B[1])[0],
    "staged": lambda f: fg.make_jaxpr(fg.grad(lambda a: (f(a, B[0]) ** 2).sum()))(A)(A)[0],
}


# solvers that close over traced values: a start, a preconditioner, a number of steps


def warm(b, x0):
    """Solve by one correction of a start."""
    solve = lambda matvec, y: x0 + np.linalg.solve(A, y - matvec(x0))
    back = lambda matvec, y: x0 + np.linalg.solve(A.T, y - matvec(x0))
    return lax.custom_linear_solve(lambda v: A @ v, b, solve, back)


def preconditioned(b, x0):
    p = 1.0 / (1 + x0 * x0)
    solve = lambda matvec, y: np.linalg.solve(A * p[:, None], p * y)
    back = lambda matvec, y: np.linalg.solve(A.T * p[:, None], p * y)
    return lax.custom_linear_solve(lambda v: A @ v, b, solve, back)


def rooted(b, x0):
    """Find the root of A x = b from a start, by solvers that close over it."""
    solve = lambda f, _: x0 - np.linalg.solve(A, f(x0))
    slope = lambda g, y: np.linalg.solve(A + 0 * x0[0], y)
    return lax.custom_root(lambda x: A @ x - b, np.zeros(3), solve, slope)


STARTED = {"warm": warm, "preconditioned": preconditioned, "root": rooted}
STAGED = {  # of a function of b and x0
    "plain": lambda f: f,
    "jit": fg.jit,
    "jit of jit": lambda f: fg.jit(fg.jit(f)),
    "checkpoint": fg.checkpoint,
    "scan": lambda f: lambda b, x: lax.scan(lambda c, _: (c, f(b, c)), x, None, 1)[1][0],
    "while": lambda f: lambda b, x: lax.while_loop(
        lambda s: s[1] < 1, lambda s: (f(s[0], x + s[0]), s[1] + 1), (b, 0))[0],
    "cond": lambda f: lambda b, x: lax.cond(b[0] > 99.0, np.add, f, b, x),
    "vmap": lambda f: lambda b, x: fg.vmap(f)(np.stack([b, x]), np.stack([x, b]))[0],
}  # fmt: skip


@pytest.mark.parametrize("staged", STAGED)
@pytest.mark.parametrize("started", STARTED)
def test_a_solver_may_close_over_traced_values(started, staged):
    f = STAGED[staged](STARTED[started])
    loss = lambda b, x: (f(b, x) ** 2).sum()
    inv = np.linalg.inv(A)
    want, slope = inv @ B[0], 2 * inv.T @ inv @ B[0]
    close = lambda got, want: np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)

    close(f(B[0], B[1]), want)
    close(fg.jit(f)(B[0], B[1]), want)
    for g in (fg.grad(loss, (0, 1)), fg.jit(fg.grad(loss, (0, 1))), fg.grad(fg.jit(loss), (0, 1))):
        got, of_start = g(B[0], B[1])
        close(got, slope)
        close(of_start, np.zeros(3))
    close(fg.jvp(fg.jit(f), (B[0], B[1]), (B[2], B[3]))[1], inv @ B[2])
    if staged != "scan":  # whose step mixes examples and its carry, in a solver's closure
        close(fg.vmap(f)(B, B[::-1]), B @ inv.T)
        close(fg.jit(fg.vmap(fg.grad(loss)))(B, B[::-1]), 2 * B @ inv.T @ inv)


def test_a_solver_that_cannot_be_staged_runs_when_the_system_does():
    calls = []

    def solve(matvec, y):
        calls.append(y)
        return np.linalg.solve(A, np.array([float(v) for v in y]))

    f = fg.jit(lambda b: lax.custom_linear_solve(lambda v: A @ v, b, solve, symmetric=True))
    np.testing.assert_allclose(f(B[0]), np.linalg.solve(A, B[0]), rtol=1e-12)
    assert type(calls[-1]) is np.ndarray


@pytest.mark.parametrize("mode", ["value", "grad", "vmap", "vmap of grad"])
def test_a_compiled_program_holds_the_solver(mode):
    calls = []

    def solve(matvec, y):
        calls.append(y)
        return conjugate_gradients(matvec, y)

    def energy(a, b):
        x = lax.custom_linear_solve(lambda v: a @ a.T @ v + v, b, solve, symmetric=True)
        return np.sum(x * x)

    made = {"value": energy, "grad": fg.grad(energy, (0, 1))}
    made["vmap"] = fg.vmap(energy, (None, 0))
    made["vmap of grad"] = fg.vmap(made["grad"], (None, 0))
    b = B if "vmap" in mode else B[0]
    want = made[mode](A, b)
    step = fg.jit(made[mode])
    step(A, 2 * b)
    calls.clear()

    got = step(A, b)

    assert not calls and "primitive('linear_solve')" not in str(step.source(A, b))
    for x, y in zip(fg.tree.leaves(got), fg.tree.leaves(want), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-8, atol=1e-10)  # conjugate gradients stop there


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_linear_system_is_the_inverse_under_every_transform(system, transform):
    f, reference = SYSTEMS[system]
    if (system, transform) == ("numpy", "transpose"):
        want = np.linalg.solve(A.T, B[1])
    elif transform == "transpose":
        want = np.linalg.solve(A @ A.T, B[1])
    else:
        want = TRANSFORMS[transform](reference)

    np.testing.assert_allclose(TRANSFORMS[transform](f), want, rtol=1e-9, atol=1e-12)


def test_systems_of_many_matrices_are_solved_at_once():
    many = np.stack([A, A.T, A + np.eye(3)])
    loss = lambda f: lambda a, b: (f(a, b) ** 2).sum()
    want = [fg.grad(loss(SYSTEMS["conjugate gradients"][1]))(a, B[0]) for a in many]

    got = fg.vmap(fg.grad(loss(by_gradients)), (0, None))(many, B[0])

    np.testing.assert_allclose(got, np.stack(want), rtol=1e-9)


def test_trees_and_auxiliary_results():
    solve = lambda matvec, b: ({"x": b["x"] / 2, "y": b["y"] / 4}, "done")
    matvec = lambda v: {"x": 2 * v["x"], "y": 4 * v["y"]}

    def f(b):
        x, aux = lax.custom_linear_solve(matvec, b, solve, symmetric=True, has_aux=True)
        assert aux == "done"
        return x["x"].sum() * x["y"]

    grads = fg.grad(f)({"x": np.ones(2), "y": 8.0})

    assert grads["x"].tolist() == [1.0, 1.0] and grads["y"] == 0.25


def square_root(a):
    newton = lambda f, x: lax.while_loop(
        lambda x: np.abs(f(x)) > 1e-13, lambda x: x - f(x) / (2 * x), x
    )
    return lax.custom_root(lambda x: x * x - a, 1.5, newton, lambda g, y: y / g(1.0))


def test_a_tangent_solver_may_take_the_jacobian_of_its_map():
    """The Jacobian of a linear map does not depend on the point, though it is taken there."""
    b, matrix = np.arange(1.0, 4.0), 2 * np.eye(3) + np.eye(3, k=1)
    solve = lambda f, y: np.linalg.solve(matrix, b)
    tangent = lambda g, y: np.linalg.solve(fg.jacobian(g)(y), y)
    root = lambda a: lax.custom_root(lambda y: matrix @ y - a, 0 * b, solve, tangent)
    want = np.linalg.solve(matrix.T, np.ones(3))

    for transform in (fg.grad, lambda f: fg.jit(fg.grad(f))):
        np.testing.assert_allclose(transform(lambda a: np.sum(root(a)))(b), want, rtol=1e-14)


def test_a_root_has_the_implicit_derivative():
    a = np.array([2.0, 4.0, 9.0])

    assert fg.grad(square_root)(4.0) == pytest.approx(0.25, rel=1e-12)
    assert fg.grad(fg.grad(square_root))(4.0) == pytest.approx(-1 / 32, rel=1e-12)
    assert fg.jvp(square_root, (4.0,), (1.0,))[1] == pytest.approx(0.25, rel=1e-12)
    np.testing.assert_allclose(fg.vmap(fg.grad(square_root))(a), 0.5 / np.sqrt(a), rtol=1e-12)
    np.testing.assert_allclose(fg.make_jaxpr(fg.grad(square_root))(4.0)(9.0)[0], 1 / 6, rtol=1e-12)


def test_a_solver_may_be_plain_python():
    def bisect(f, _):
        low, high = 0.0, 10.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if f(middle) < 0 else (low, middle)
        return np.float64(middle), 60

    def f(a):
        x, steps = lax.custom_root(
            lambda x: x**3 - a, 1.0, bisect, lambda g, y: y / g(1.0), has_aux=True
        )
        assert steps == 60
        return x

    assert fg.grad(f)(8.0) == pytest.approx(1 / 12, rel=1e-12)


def test_a_fixed_point_keeps_no_steps():
    f = lambda x, a, w: 0.5 * np.tanh(w @ x) + a
    a, w = RNG.normal(size=3), RNG.normal(size=(3, 3)) / 2

    def unrolled(a, w):
        x = np.zeros(3)
        for _ in range(150):
            x = f(x, a, w)
        return (x**2).sum()

    implicit = lambda a, w: (lax.fixed_point(f, np.zeros(3), a, w, tol=1e-14) ** 2).sum()

    for k in (0, 1):
        np.testing.assert_allclose(
            fg.grad(implicit, k)(a, w), fg.grad(unrolled, k)(a, w), rtol=1e-9, atol=1e-12
        )
    np.testing.assert_allclose(
        fg.hessian(implicit)(a, w), fg.hessian(unrolled)(a, w), rtol=1e-8, atol=1e-10
    )


# derived products, closures and trees


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def test_the_hessian_of_rosenbrock_is_the_closed_form():
    x = RNG.normal(size=50)
    inner = 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    want = np.diag(np.append(inner, 0) + np.append(0, np.full(49, 200.0)))
    want += np.diag(-400 * x[:-1], 1) + np.diag(-400 * x[:-1], -1)

    np.testing.assert_allclose(fg.hessian(rosenbrock)(x), want, rtol=1e-12, atol=1e-10)


def test_per_example_gradients_of_a_network_are_those_of_a_loop():
    nn = fg.nn
    model = nn.Sequential(nn.Dense(4, 8, activation=nn.tanh), nn.Dense(8, 3)).init(fg.random.key(0))
    model = fg.tree.map(lambda p: p.astype(np.float64), model)
    x, y = RNG.normal(size=(6, 4)), np.array([0, 1, 2, 0, 1, 2])
    loss = lambda model, x, y: fg.losses.cross_entropy(model(x[None]), y[None])

    got = fg.vmap(fg.grad(loss), (None, 0, 0))(model, x, y)

    for i in range(6):
        want = fg.grad(loss)(model, x[i], y[i])
        for w, g in zip(fg.tree.leaves(want), fg.tree.leaves(got), strict=True):
            np.testing.assert_allclose(g[i], w, rtol=1e-12, atol=1e-15)


def test_the_gauss_newton_product_is_that_of_the_matrices():
    f, loss = lambda w: np.sin(A @ w) * w[0], lambda r: np.sum(r**4)
    w, v = B[0], B[1]
    jacobian = fg.jacfwd(f)(w)
    want = jacobian.T @ fg.hessian(loss)(f(w)) @ jacobian @ v

    np.testing.assert_allclose(fg.gnvp(f, loss, (w,), (v,)), want, rtol=1e-12)
    pair = fg.gnvp(lambda a, b: f(a * b), loss, (w, w), (v, v))
    assert isinstance(pair, tuple) and len(pair) == 2


def test_closure_convert_takes_the_tracers_out():
    def f(z):
        converted, hoisted = fg.closure_convert(
            lambda x: {"y": np.sin(x["x"]) * z + A[0, 0]}, {"x": 1.0}
        )
        assert len(hoisted) == 1 and isinstance(hoisted[0], type(z))
        return converted({"x": z}, *hoisted)["y"]

    assert fg.grad(f)(0.7) == pytest.approx(np.cos(0.7) * 0.7 + np.sin(0.7))
    converted, hoisted = fg.closure_convert(lambda x: x * A, A)
    assert hoisted == []
    with pytest.raises(TreeError, match="closure_convert: arguments must have"):
        converted((A, A))


def test_a_tree_is_ravelled_and_comes_back():
    value = {"b": np.ones((2, 2), np.float32), "a": (np.arange(3), None), "c": 2.5}
    flat, unravel = fg.ravel_pytree(value)
    back = unravel(flat)

    assert flat.tolist() == [0, 1, 2, 1, 1, 1, 1, 2.5] and flat.dtype == np.float64
    assert back["b"].dtype == np.float32 and back["a"][0].dtype == int
    got = fg.grad(lambda v: (unravel(v)["b"] ** 2).sum() * unravel(v)["c"])(flat)
    assert got.tolist() == [0, 0, 0, 5, 5, 5, 5, 4]
    got = fg.grad(lambda t: fg.ravel_pytree(t)[0] @ np.arange(3.0))({"u": 1.0, "v": np.ones(2)})
    assert got["u"] == 0 and got["v"].tolist() == [1, 2]
    assert fg.vmap(lambda x: fg.ravel_pytree([x, 2 * x])[0])(B).shape == (4, 6)
    with pytest.raises(ShapeError, match=r"unravel: the array must have shape \(8,\)"):
        unravel(flat[:3])


def with_aux(b):
    solve = lambda matvec, b: (b / 2, b * 1.0)
    return lax.custom_linear_solve(lambda v: 2 * v, b, solve, symmetric=True, has_aux=True)


def test_auxiliary_results_are_those_of_the_system_itself():
    (x, aux), (t, _) = fg.jvp(with_aux, (3.0,), (50.0,))

    assert (x, aux, t) == (1.5, 3.0, 25.0)


# fmt: off
ERRORS = [
    (lambda: fg.grad(lambda b: lax.custom_linear_solve(
        lambda v: 2 * v, b, lambda mv, b: b / 2).sum())(B[0]),
     MissingRuleError, "give transpose_solve, or symmetric=True"),
    (lambda: lax.custom_linear_solve(lambda v: v * v, B[0], lambda mv, b: b), MissingRuleError,
     "matvec is not linear"),
    (lambda: lax.custom_linear_solve(lambda v: v[:2], B[0], lambda mv, b: b), ShapeError,
     r"matvec must return the shape of b, f64\[3\]: got f64\[2\]"),
    (lambda: lax.custom_linear_solve(lambda v: v, B[0], lambda mv, b: (b, b)), TreeError,
     "custom_linear_solve: the solution"),
    (lambda: lax.custom_linear_solve(lambda v: v, B[0], lambda mv, b: b.sum()), ShapeError,
     r"the solution must have the shape of f64\[3\]: got f64\[\]"),
    (lambda: lax.custom_root(lambda x: x, B[0], lambda f, x: x[:1], lambda g, y: y), ShapeError,
     "custom_root: the solution must have the shape"),
    (lambda: lax.custom_root(lambda x: (x, x), 1.0, lambda f, x: x, lambda g, y: y), TreeError,
     "custom_root: the output of f"),
    (lambda: lax.custom_root(lambda x: x * x - 2.0, 1, lambda f, x: x + 0.4, lambda g, y: y),
     DtypeError, r"must fit the dtype of i64\[\]: got f64\[\]; start from floating values"),
    (lambda: lax.custom_linear_solve(lambda v: 2 * v, np.array([1, 2]), lambda mv, b: b / 2),
     DtypeError, "the solution must fit the dtype"),
    (lambda: lax.scan(lambda c, y: (c, with_aux(y)[1]), 0.0, np.ones(2)), UnsupportedError,
     "has_aux=True needs the solver to run"),
    (lambda: lax.fixed_point(lambda x: x / 2, 1.0, tol=0.0), ValueError, "must be positive"),
]
# fmt: on


@pytest.mark.parametrize(("call", "kind", "words"), ERRORS)
def test_errors_name_the_argument_and_the_cure(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_a_tracer_kept_from_a_body_is_dead():
    kept = []
    lax.scan(lambda c, x: (c, kept.append(x)), 0.0, np.ones(2))

    with pytest.raises(LeakedTracerError, match="scan of"):
        kept[0] + 1


@pytest.mark.parametrize(
    ("derivative", "most"),
    [(fg.grad, 1), (lambda f: fg.jit(fg.grad(f)), 2), (fg.hessian, 2)],
    ids=["grad", "jit of grad", "hessian"],
)
def test_a_rule_that_calls_its_own_function_is_not_staged_within_itself(derivative, most):
    count = []

    def root(a):
        def tangent_solve(g, t):
            count.append(1)
            return t / g(1.0)

        near = fg.stop_gradient(np.sqrt(a))
        return lax.custom_root(lambda y: y * y - a, 1.0, lambda f, y: near, tangent_solve)

    derivative(root)(2.0)
    assert len(count) <= most
