"""Jacobians of elementwise functions in one pass, symmetric Hessians, directional curvature."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.core.errors import DtypeError, ShapeError
from funcgrad.ops.elementwise import sin

RNG = np.random.default_rng(0)
A = RNG.normal(size=(8, 8))


def written(x):
    y = np.sin(x)
    y[0] = y[1] * 2
    y[1:] += x[:-1]
    return y * x


# fmt: off
FUNCTIONS = {  # of eight numbers
    "a chain": lambda x: np.sin(x) * np.exp(x) / (1 + x * x) + A[0],
    "selections": lambda x: np.where(x > 0, x**3, np.abs(x)) * np.maximum(x, 0.1),
    "a chain, compiled": fg.jit(lambda x: np.tanh(x) * 2),
    "reversed": lambda x: np.sin(x) * x[::-1],
    "mixed at the end": lambda x: np.tanh(np.sin(x) @ A) * x,
    "broadcast": lambda x: np.sin(x) * np.ones((1, 8)),
    "a norm": lambda x: x * np.linalg.norm(x),
    "several outputs": lambda x: (np.sin(x), x.sum(), {"a": x, "b": np.ones(2)}),
    "writes": written,
    "scan": lambda x: lax.scan(lambda c, a: (np.sin(c) * a, c), x, np.arange(3.0))[1],
}
JACOBIANS = {
    "jacfwd": fg.jacfwd,
    "jacrev": fg.jacrev,
    "jit of jacfwd": lambda f: fg.jit(fg.jacfwd(f)),
    "jit of jacrev": lambda f: fg.jit(fg.jacrev(f)),
    "vmap of jacfwd": lambda f: lambda x: fg.tree.map(
        lambda y: y[0], fg.vmap(fg.jacfwd(f))(x[None])),
}
# fmt: on


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_jacobian_holds_the_tangents_of_units(name):
    f, x = FUNCTIONS[name], RNG.normal(size=8)

    want = fg.tree.leaves(fg.vmap(lambda e: fg.jvp(f, (x,), (e,))[1], out_axes=-1)(np.eye(8)))

    for jacobian in JACOBIANS.values():
        for a, b in zip(want, fg.tree.leaves(jacobian(f)(x)), strict=True):
            np.testing.assert_allclose(b, a, 1e-13, 1e-14, err_msg=name)
            assert b.shape == a.shape and b.dtype == a.dtype


@pytest.mark.parametrize("transform", JACOBIANS)
def test_an_elementwise_function_takes_one_pass(transform):
    x = RNG.normal(size=1_000)
    f = lambda x: np.sin(x) * np.exp(x)  # by columns each operation has 1,000,000 elements

    got = JACOBIANS[transform](f)(x)

    np.testing.assert_allclose(np.diag(got), (np.cos(x) + np.sin(x)) * np.exp(x), 1e-12)
    assert np.count_nonzero(got) == 1_000


def test_elements_on_no_path_stay_0_in_diagonals():
    x = np.array([0.0, *RNG.uniform(1, 2, 7)])
    with np.errstate(all="ignore"):
        for jacobian in JACOBIANS.values():
            got = jacobian(lambda x: np.where(x > 0, np.log(x), 0))(x)
            np.testing.assert_array_equal(got, np.diag([0, *1 / x[1:]]))


def test_hessians_are_symmetric_to_the_last_bit():
    f = lambda p, y: np.tanh(A @ np.sin(p["w"] @ p["b"])).sum() * y**2
    p = {"w": RNG.normal(size=(8, 3)), "b": RNG.normal(size=3)}

    h = fg.hessian(f, (0, 1))(p, 2.0)

    w = h[0]["w"][0]["w"].reshape(24, 24)
    np.testing.assert_array_equal(w, w.T)
    np.testing.assert_array_equal(h[0]["w"][0]["b"], np.moveaxis(h[0]["b"][0]["w"], 0, -1))
    np.testing.assert_array_equal(h[0]["w"][1], h[1][0]["w"])
    dense = fg.jacfwd(fg.jacrev(f, (0, 1)), (0, 1))(p, 2.0)
    for a, b in zip(fg.tree.leaves(dense), fg.tree.leaves(h), strict=True):
        np.testing.assert_allclose(b, a, 1e-12, 1e-12)


def test_names_in_any_order_give_their_hessians():
    f = lambda x, y: (x * x).sum() * (y**2).sum()
    given = {"x": np.ones((2, 3)), "y": np.arange(2.0)}

    h = fg.hessian(f, argnames=("y", "x"))(**given)

    assert h["y"]["x"].shape == (2, 2, 3) and h["x"]["y"].shape == (2, 3, 2)
    np.testing.assert_array_equal(h["y"]["x"][1], np.full((2, 3), 4.0))


def test_curvature_is_the_second_derivative_along_a_direction():
    x, v = RNG.normal(size=(2, 8))
    f = lambda x: np.sum(np.tanh(A @ x) ** 2)

    want = v @ fg.hessian(f)(x) @ v

    np.testing.assert_allclose(fg.curvature(f, x, v), want, 1e-12)
    np.testing.assert_allclose(fg.jit(fg.curvature, static_argnums=0)(f, x, v), want, 1e-12)
    rows = fg.vmap(lambda v: fg.curvature(f, x, v))(np.eye(8))
    np.testing.assert_allclose(rows, np.diag(fg.hessian(f)(x)), 1e-11)
    np.testing.assert_allclose(
        fg.grad(lambda v: fg.curvature(f, x, v))(v), 2 * fg.hessian(f)(x) @ v, 1e-11
    )


def test_curvatures_of_trees_and_arrays():
    curved = fg.curvature(lambda p: {"y": p["a"] ** 2 * p["b"]}, {"a": 3.0, "b": np.ones(2)},
                          {"a": 1.0, "b": np.ones(2)})  # fmt: skip
    np.testing.assert_array_equal(curved["y"], [14, 14])
    both = fg.curvature(lambda x, y: (x * y, "aux"), (2.0, 3.0), (1.0, 5.0), has_aux=True)
    assert both == (10, "aux")
    with pytest.raises(ShapeError, match="must have the shape of its primal"):
        fg.curvature(np.sin, np.ones(3), np.ones(2))
    with pytest.raises(DtypeError, match=r"curvature: argument 0 .* must be real or complex"):
        fg.curvature(lambda x: x, np.arange(3), np.ones(3))


def test_the_transpose_of_linearize_is_the_pullback():
    f = lambda p, x: {"y": np.tanh(A @ x) * p["s"], "n": 3, "z": x.sum() * p["s"]}
    p, x = {"s": 2.0, "name": "a"}, RNG.normal(size=8)
    ct = {"y": RNG.normal(size=8), "n": 3, "z": 1.5}

    (got, by_x), (want, want_x) = (
        fg.linearize(f, p, x)[1].transpose(ct),
        fg.vjp(f, p, x)[1](ct),
    )

    np.testing.assert_allclose(by_x, want_x, 1e-13)
    np.testing.assert_allclose(got["s"], want["s"], 1e-13)
    assert got["name"] == "a"
    back = fg.jit(lambda x, c: fg.linearize(sin, x)[1].transpose(c)[0])
    np.testing.assert_allclose(back(x, ct["y"]), np.cos(x) * ct["y"], 1e-13)
    with fg.debug.nans():
        assert fg.linearize(sin, 0.0)[1].transpose(2.0) == (2.0,)
