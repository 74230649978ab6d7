"""A branch, or a loop, computes what it closes over only where it runs, and raises only then."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.core.jaxpr import programs_in
from funcgrad.numpy import take, zeros

X = np.array([1.5, 2.0, 3.0])


def names(jaxpr: Any, inside: bool = False) -> list[str]:
    """The operations of a program outside of its branches, or within them."""
    found = []
    for eqn in jaxpr.eqns:
        if eqn.prim.name == "cond":
            branches = [b for b in eqn.params["branches"] if inside]
            found += [n for b in branches for n in [*names(b), *names(b, inside=True)]]
            continue
        found += [] if inside else [eqn.prim.name]
        found += [n for held in programs_in(eqn.params) for n in names(held, inside)]
    return found


# functions of a predicate and an array whose branches take no operands
# fmt: off
CLOSURES: dict[str, Callable[[Any, Any], Any]] = {
    "cond": lambda p, x: lax.cond(p, lambda: np.sin(x).sum(), lambda: np.tan(x).sum()),
    "switch": lambda p, x: lax.switch(
        p.astype(int), [lambda: np.tan(x).sum(), lambda: np.sin(x).sum()]),
    "nested": lambda p, x: lax.cond(
        p, lambda: lax.cond(x[0] > 0, lambda: np.sin(x).sum(), lambda: np.tan(x).sum()),
        lambda: np.tan(x).sum()),
    "in a scan": lambda p, x: lax.scan(
        lambda c, v: (lax.cond(p, lambda: c + np.sin(v), lambda: c + np.tan(v)), None), 0.0, x)[0],
    "gradient inside": lambda p, x: lax.cond(
        p, lambda: fg.grad(lambda y: np.sin(x * y).sum())(1.0), lambda: np.tan(x).sum()),
    "scan inside": lambda p, x: lax.cond(
        p, lambda: lax.scan(lambda c, v: (c + np.sin(v), None), 0.0, x)[0],
        lambda: np.tan(x).sum()),
    "jit inside": lambda p, x: lax.cond(
        p, lambda: fg.jit(lambda y: np.sin(y).sum())(x), lambda: fg.jit(lambda: np.tan(x).sum())()),
}
# fmt: on


@pytest.mark.parametrize("name", CLOSURES)
def test_operations_of_a_closure_are_part_of_its_branch(name: str) -> None:
    jaxpr = fg.make_jaxpr(CLOSURES[name])(np.True_, X).jaxpr

    assert not {"sin", "cos", "tan"} & set(names(jaxpr))
    assert "tan" in names(jaxpr, inside=True)


@pytest.mark.parametrize("name", CLOSURES)
@pytest.mark.parametrize("p", [True, False])
def test_closures_have_the_derivatives_of_the_branch_that_runs(name: str, p: bool) -> None:
    f, p = CLOSURES[name], np.bool_(p)
    of_x = lambda x: f(p, x)
    eager = fg.grad(of_x)(X)
    second = fg.jacfwd(fg.grad(of_x))(X)
    rows = np.stack([X, 2 * X])

    for got in [
        fg.jit(fg.grad(f, argnums=1))(p, X),
        fg.grad(fg.jit(f), argnums=1)(p, X),
        fg.jit(fg.jacfwd(f, argnums=1))(p, X),
        fg.jit(lambda p, x: fg.vjp(lambda x: f(p, x), x)[1](1.0)[0])(p, X),
        fg.jit(fg.vmap(fg.grad(f, argnums=1), (None, 0)))(p, rows)[0],
        fg.jit(fg.vmap(fg.grad(f, argnums=1)))(np.array([p, ~p]), rows)[0],
    ]:
        np.testing.assert_allclose(got, eager, rtol=1e-13)
    np.testing.assert_allclose(fg.jit(fg.hessian(f, argnums=1))(p, X), second, rtol=1e-12)


# functions of an array and of indices, or matrices, some of which NumPy refuses
GUARDED: dict[str, tuple[Callable[..., Any], Any]] = {
    "cond": (
        lambda x, i: lax.cond(i < 3, lambda: take(x, i) ** 2, lambda: 0.0 * x[0]),
        np.array([1, 7, 0, -9]),
    ),
    "switch": (
        lambda x, i: lax.switch(i, [lambda: take(x, i), lambda: take(x, i + 1), lambda: x[0]]),
        np.array([0, 1, 9, 2, -4]),
    ),
    "no example": (
        lambda x, i: lax.cond(i < 3, lambda: take(x, i), lambda: x[1]),
        np.array([7, 8]),
    ),
    "while": (
        lambda x, n: lax.while_loop(
            lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] * take(x, c[0])), (0, 1.0)
        )[1],
        np.array([1, 3, 2, 0]),
    ),
    "solve": (
        lambda x, a: lax.cond(
            a > 0, lambda: np.linalg.solve(a * np.diag(x), x).sum(), lambda: x.sum()
        ),
        np.array([1.0, 0.0, 2.0]),
    ),
    "power": (
        lambda x, i: lax.cond(i >= 0, lambda: x.sum() * 5**i, lambda: x.sum()),
        np.array([2, -3]),
    ),
    "entropy": (
        lambda x, i: lax.cond(
            i < 3, lambda: fg.losses.binary_cross_entropy(i / 9 + 0 * x, x / 9), lambda: x.sum()
        ),
        np.array([2, 12]),
    ),
    "written": (
        lambda x, i: lax.cond(i < 3, lambda: fg.at(x)[i].add(x[0]).sum(), lambda: x.sum()),
        np.array([2, 5]),
    ),
}


@pytest.mark.parametrize("name", GUARDED)
def test_examples_that_do_not_take_part_raise_nothing(name: str) -> None:
    f, rows = GUARDED[name]
    f = (lambda x, i, f=f: f(x, np.maximum(i, -3))) if rows.dtype.kind == "i" else f
    mapped = lambda x: fg.vmap(f, (None, 0))(x, rows)
    loop = lambda x: np.stack([fg.jit(f)(x, row) for row in rows])
    want = [loop(X), *[np.stack([fg.grad(f)(X, row) for row in rows])]]

    for way in (lambda g: g, fg.jit, lambda g: fg.jit(g, backend="auto")):
        np.testing.assert_allclose(way(mapped)(X), want[0], rtol=1e-13)
        np.testing.assert_allclose(way(fg.jacrev(mapped))(X), want[1], rtol=1e-13)
        np.testing.assert_allclose(way(fg.jacfwd(mapped))(X), want[1], rtol=1e-13)


@pytest.mark.parametrize("wrap", [lambda f: f, fg.vmap], ids=["one", "vmap"])
def test_an_index_out_of_range_raises_in_the_branch_that_runs(wrap: Callable[..., Any]) -> None:
    f = lambda i: lax.cond(i < 9, lambda: take(X, i), lambda: 0.0)
    i = np.array([1, 7]) if wrap is fg.vmap else np.array(7)

    with pytest.raises(IndexError):
        fg.jit(wrap(f))(i)


def test_traces_are_as_before_when_a_branch_raises() -> None:
    def f(p: Any, x: Any) -> Any:
        with pytest.raises(ZeroDivisionError):
            lax.cond(p, lambda: np.sin(x) / (1 // 0), lambda: x)
        return np.cos(x)

    assert fg.jit(f)(True, 0.0) == 1.0
    assert names(fg.make_jaxpr(f)(True, 0.0).jaxpr)[-1] == "cos"


def test_only_operands_that_may_be_refused_are_masked() -> None:
    f = lambda x, i: lax.cond(i < 3, lambda: take(x, i % 9) * x[0], lambda: x[0])
    x, i = np.ones((4, 3)), np.array([0, 5, 2, 7])
    masks = [e for e in fg.make_jaxpr(fg.vmap(f))(x, i).jaxpr.eqns if e.prim.name == "cond"]
    (branch,) = [b for e in masks for b in e.params["branches"] if "getitem" in names(b)]
    chosen = [e.outs[0].aval.shape for e in branch.eqns if e.prim.name in ("where", "select")]

    assert chosen == [(4,)]  # the indices, not the rows


def test_a_view_made_in_a_branch_may_be_written_outside_after_it() -> None:
    def f(x: Any) -> Any:
        y = 1.0 * x
        z = lax.cond(x[0] > 0, lambda: y.ravel(), lambda: y[::-1])
        y[0] = 5.0
        y[::-1].sort()
        return z, y

    for got, want in zip(fg.jit(f)(X), f(X), strict=True):
        np.testing.assert_array_equal(got, want)


# functions of an array and an index whose loops have no step; both are 1.5 in Python
# fmt: off
NO_STEPS: dict[str, Callable[[Any, Any], Any]] = {
    "scan": lambda x, i: lax.scan(lambda c, v: (c + take(x, i) * v, c), x[0], x[:0])[0],
    "map": lambda x, i: lax.map(lambda v: v * take(x, i), x[:0]).sum() + x[0],
    "fori_loop": lambda x, i: lax.fori_loop(0, 0, lambda k, c: c + take(x, i), x[0]),
    "traced bound": lambda x, i: lax.fori_loop(0, i - 9, lambda k, c: c + take(x, i), x[0]),
    "while_loop": lambda x, i: lax.while_loop(lambda c: c < 0, lambda c: c + take(x, i), x[0]),
    "checkpoint": lambda x, i: lax.while_loop(
        lambda c: c < 0, lambda c: c + take(x, i), x[0], checkpoint=2),
    "matrix": lambda x, i: lax.while_loop(
        lambda c: c < 0, lambda c: c + np.linalg.cholesky(-x[0] * np.eye(2))[0, 0], x[0]),
    "power": lambda x, i: lax.while_loop(lambda c: c < 0, lambda c: c + i ** (7 - i), x[0]),
    "entropy": lambda x, i: lax.while_loop(
        lambda c: c < 0, lambda c: c + fg.losses.binary_cross_entropy(i + x, x), x[0]),
    "position": lambda x, i: lax.while_loop(
        lambda c: c < 0, lambda c: c + np.nanargmax(x * np.nan), x[0]),
    "no elements": lambda x, i: lax.while_loop(lambda c: c < 0, lambda c: c + x[:0].max(), x[0]),
}
# fmt: on


@pytest.mark.parametrize("name", NO_STEPS)
def test_a_loop_of_no_steps_raises_nothing(name: str) -> None:
    f, i, slope = NO_STEPS[name], np.int64(9), [1.0, 0.0, 0.0]

    for way in (fg.jit, lambda g: fg.jit(fg.vmap(g, (0, None)))):
        x = X if way is fg.jit else np.stack([X, X])
        want = np.full(np.shape(x)[:-1], 1.5)
        np.testing.assert_array_equal(way(f)(x, i), want)
        np.testing.assert_array_equal(way(fg.grad(f))(x, i), np.broadcast_to(slope, np.shape(x)))
    np.testing.assert_array_equal(fg.grad(fg.jit(f))(X, i), slope)


def test_a_loop_computes_once_what_may_raise_and_each_example_for_itself() -> None:
    f = lambda x, i, n: lax.while_loop(
        lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] * take(x, i)), (0, 1.0)
    )[1]
    steps, places = np.array([2, 0, 3]), np.array([1, 9, 2])
    (cond,) = [e for e in fg.make_jaxpr(f)(X, 1, 2).jaxpr.eqns if e.prim.name == "cond"]
    for way in (lambda g: g, fg.jit):
        of_all = way(fg.vmap(f, (None, 0, 0)))(X, places, steps)
        slopes = way(fg.vmap(fg.grad(f), (None, 0, 0)))(X, places, steps)

        np.testing.assert_array_equal(of_all, [4.0, 1.0, 27.0])
        np.testing.assert_array_equal(slopes, [[0.0, 4.0, 0.0], [0.0] * 3, [0.0, 0.0, 27.0]])
    assert [e.prim.name for e in cond.params["branches"][1].eqns].count("getitem") == 1
    assert fg.jit(fg.hessian(f))(X, 1, 2)[1, 1] == fg.hessian(f)(X, 1, 2)[1, 1] == 2.0


def test_an_array_made_in_a_branch_takes_values_of_transforms_around() -> None:
    def f(w: Any, x: Any) -> Any:
        def taken() -> Any:
            y = zeros(3)
            y[:2] = w[:2] ** 2
            return y

        return fg.checkpoint(lambda x: lax.cond(x[0] > 0, taken, lambda: x))(x).sum()

    hessian = fg.jacfwd(lambda w: fg.grad(f)(w, X))

    for way in (hessian, fg.jit(hessian)):
        np.testing.assert_array_equal(way(X), np.diag([2.0, 2.0, 0.0]))


def test_a_short_loop_in_a_scan_of_no_steps_is_staged():
    def f(x):
        count = lambda y: y * lax.while_loop(lambda c: c < x, lambda c: c + 1.0, 0.0)
        return 2 * x + np.sum(lax.map(count, np.zeros(0)))

    assert fg.grad(f)(3.0) == 2.0
