"""Patterns of derivatives: supersets of what is not 0, and equal to it where the table says so."""

import sys

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core import index_sets
from funcgrad.core.companions import NO_PROGRAMS
from funcgrad.core.registry import primitives
from funcgrad.sparse import pattern
from funcgrad.sparse.pattern import Limits

BAND = np.diag([2.0] * 5) + np.diag([1.0] * 4, 1) + np.diag([-1.0] * 3, -2)
EDGES = np.array([[0, 1], [1, 2], [2, 3], [0, 3], [0, 2]])
PARENTS = np.array([0, 0, 1, 1, 2, 2])


def heat(u):
    n = np.pad(u, 1)
    for d in range(u.ndim):
        inner = [slice(1, -1)] * u.ndim
        low, high = list(inner), list(inner)
        low[d], high[d] = slice(None, -2), slice(2, None)
        u = u + (1 + u**2) * (n[tuple(low)] - 2 * n[tuple(inner)] + n[tuple(high)])
    return u


def springs(x):
    d = x[EDGES[:, 0]] - x[EDGES[:, 1]]
    return np.sum((np.sqrt(np.sum(d**2, 1)) - 1) ** 2)


def forces(x):
    d = x[EDGES[:, 0]] - x[EDGES[:, 1]]
    pull = d * (1 - 1 / np.sqrt(np.sum(d**2, 1, keepdims=True)))
    return fg.at(fg.at(np.zeros_like(x))[EDGES[:, 0]].add(-pull))[EDGES[:, 1]].add(pull)


def tree(x):
    up = fg.at(np.zeros(6))[PARENTS].add(x**2)
    return up + x[PARENTS]


def burgers(u):
    return u + 0.1 * (u * (u - np.roll(u, 1)) - (np.roll(u, -1) - 2 * u + np.roll(u, 1)))


def transcription(z):
    """Defects of a pendulum: angle, speed and torque at each of 5 nodes, by trapezoids."""
    z = z.reshape(5, 3)
    f = np.stack([z[:, 1], -np.sin(z[:, 0]) + z[:, 2]], 1)
    return (z[1:, :2] - z[:-1, :2] - 0.05 * (f[1:] + f[:-1])).ravel()


def effort(z):
    z = z.reshape(5, 3)
    return np.sum(z[:, 2] ** 2) + np.sum(transcription(z.ravel()) ** 4)


def mlp(x):
    w = np.sin(np.arange(12.0)).reshape(3, 4)
    return np.tanh(x @ w) @ np.cos(np.arange(8.0)).reshape(4, 2)


def recurrence(x):
    return fg.lax.scan(lambda c, v: (np.sin(c) * v, c + v**2), 1.0, x)[1]


def shift_register(x):
    step = lambda c, v: (np.concatenate([c[1:], v[None]]), np.prod(c))
    return fg.lax.scan(step, np.ones(2), x)[1]


def matrix_loop(x):
    """Two carries, constants that depend, rows of x, and rows of numbers."""

    def step(carry, row):
        a, b = carry
        v, n = row
        return (a[::-1] * v, b + a[0] * x[0, 1] * n), (a * v[0], b[1:])

    carry = np.ones(3), x[1]
    (_, b), (rows, others) = fg.lax.scan(step, carry, (x[2:].repeat(2, 0), np.arange(4.0)))
    return np.concatenate([b, rows.ravel(), others.ravel()])


def counted(x):
    step = lambda c, _: ((c[0] + 1, c[1] * x[c[0]]), c[1] + x[c[0] + 1])
    return fg.lax.scan(step, (0, 1.0), None, length=4)[1]


def branch(x):
    return fg.lax.cond(np.sum(x) > 0, lambda x: x[1:] ** 2, lambda x: x[:-1], x)


def count_down(x):
    step = lambda i, c: c * np.roll(c, 1)
    return fg.lax.fori_loop(0, 2, step, x)


def until(x):
    return fg.lax.while_loop(lambda c: np.sum(c**2) > 1, lambda c: 0.5 * c, x)


@fg.custom_jvp
def straight_through(x):
    return np.round(x)


straight_through.defjvp(lambda p, t: (np.round(p[0]), t[0]))


@fg.custom_vjp
def turned(x):
    return x


turned.defvjp(lambda x: (x, None), lambda _, ct: (ct[::-1],))


def convolved(x, kernel, stride):
    y = fg.lax.conv_general_dilated(
        x.reshape(1, -1, 1), kernel.reshape(-1, 1, 1), (stride,), "SAME",
        dimension_numbers=("NWC", "WIO", "NWC"),
    )  # fmt: skip
    return y.ravel()


# name -> function, shape of its argument
JACOBIANS = {
    "ring": (lambda x: x * np.roll(x, 1) - np.roll(x, -1) ** 2, (7,)),
    "burgers": (burgers, (8,)),
    "differences": (lambda x: np.diff(x, 2) ** 3, (7,)),
    "heat 1": (heat, (6,)),
    "heat 2": (heat, (4, 5)),
    "heat 3": (heat, (3, 2, 3)),
    "band": (lambda x: BAND @ np.sin(x), (5,)),
    "band from the right": (lambda x: np.sin(x) @ BAND, (3, 5)),
    "arrow": (lambda x: np.append(np.sum(x**2), x[1:] * x[0]), (6,)),
    "tree": (tree, (6,)),
    "sums": (lambda x: np.sum(x, 0) * np.mean(x, 1)[:3], (4, 3)),
    "cumsum": (lambda x: np.cumsum(x**2), (6,)),
    "cumprod from the end": (lambda x: np.cumprod(x[::-1]), (4,)),
    "product": (lambda x: x[:2] @ x[2:], (5, 3)),
    "vectors": (lambda x: x[0] @ x[1] + np.vecdot(x, x), (3, 4)),
    "einsum": (lambda x: np.einsum("ij,jk->ki", x, BAND[:3]), (2, 3)),
    "outer": (lambda x: np.outer(x[:2], x[2:]), (5,)),
    "known mask": (lambda x: np.where(np.arange(6) < 3, x, x[::-1] ** 2), (6,)),
    "mask": (lambda x: np.where(x > 0, x, x[0] ** 2), (4,)),
    "factor 0": (lambda x: np.array([0.0, 1.0, 2.0]) * x, (3,)),
    "gather": (lambda x: x[[3, 1, 1, 0]] * x[:4], (5,)),
    "gather of rows": (lambda x: x[[1, 0], :, None, [2, 2]] ** 2, (2, 3, 4)),
    "scatter": (lambda x: fg.at(np.zeros(4))[[0, 2, 2]].add(x), (3,)),
    "write": (lambda x: fg.at(x)[1:3].set(x[0] ** 2), (5,)),
    "sort": (lambda x: np.sort(x), (4,)),
    "extrema": (lambda x: np.max(x, 1) * np.clip(x[:, 0], -0.5, x[:, 1]), (3, 4)),
    "pad": (lambda x: np.pad(x, 2, mode="reflect") ** 2, (4,)),
    "forces": (forces, (4, 2)),
    "transcription": (transcription, (15,)),
    "triangle": (lambda x: np.tril(x[:3]) @ x[3], (4, 3)),
    "three factors": (lambda x: np.einsum("ij,jk,kl->il", x, BAND[:3], np.eye(5)), (2, 3)),
    "axis of a third": (lambda x: np.einsum("ij,jk,kl->il", x, x.T, BAND[:2]), (2, 3)),
    "mlp": (mlp, (3, 3)),
    "checkpointed scan": (
        lambda x: fg.lax.scan(lambda c, v: (c * v, c + v), 1.0, x, checkpoint=2)[1], (5,)
    ),
    "jit": (fg.jit(lambda x: x[1:] * x[:-1]), (5,)),
    "checkpoint": (fg.checkpoint(lambda x: x[1:] * x[:-1]), (5,)),
    "vmap": (fg.vmap(lambda x: np.sum(x**2)), (3, 4)),
    "vmap of scan": (fg.vmap(recurrence, 1, 1), (4, 2)),
    "scan": (recurrence, (6,)),
    "scan from the end": (lambda x: fg.lax.scan(lambda c, v: (c * v, c), 2.0, x, reverse=True)[1],
                          (5,)),
    "shift register": (shift_register, (6,)),
    "matrix loop": (matrix_loop, (4, 3)),
    "counter": (counted, (5,)),
    "map": (lambda x: fg.lax.map(lambda v: np.sum(v**2), x), (4, 2)),
    "cond": (branch, (5,)),
    "fori_loop": (count_down, (5,)),
    "while_loop": (until, (4,)),
    "custom_jvp": (lambda x: straight_through(x) * x[0], (4,)),
    "stop_gradient": (lambda x: fg.stop_gradient(x) * x[::-1], (4,)),
    "convolution": (lambda x: convolved(x, np.array([1.0, 0, 2]), 2), (6,)),
    "its kernel": (lambda x: convolved(x**2, x[:2], 1), (5,)),
    "mean of windows": (lambda x: fg.nn.avg_pool(x, (2, 3), (1, 2)), (1, 4, 5, 1)),
    "maximum of windows": (lambda x: fg.nn.max_pool(x, (2, 2), (2, 2)), (1, 4, 4, 1)),
    "solve": (lambda x: np.linalg.solve(x[:, :2], x[:, 2:]), (2, 5)),
    "fft": (lambda x: np.abs(np.fft.fft(x, axis=1)), (2, 4)),
    "integers": (lambda x: np.floor(x) + x[0], (3,)),
    "grad": (fg.grad(springs), (4, 2)),
    "complex": (lambda x: np.abs(x + 1j * np.roll(x, 1)), (4,)),
    "full sets": (lambda x: np.outer(np.sum(x) * x, x).sum(0) + np.percentile(x, 30), (3,)),
    "no axes": (lambda x: np.partition(np.ravel(np.einsum("i,i", x, x)), 0), (3,)),
    "nothing": (lambda x: np.zeros((2, 0)) * x[0], (3,)),
}  # fmt: skip
HESSIANS = {
    "rosenbrock": (lambda x: np.sum((x[1:] - x[:-1] ** 2) ** 2), (6,)),
    "springs": (springs, (4, 2)),
    "quadratic form": (lambda x: x @ (BAND @ x), (5,)),
    "linear": (lambda x: np.sum(np.arange(5.0) * x) + np.max(x) + np.sum(np.abs(x)), (5,)),
    "product": (lambda x: np.prod(x), (4,)),
    "norm": (lambda x: np.linalg.norm(x), (4,)),
    "one element": (lambda x: (x * np.sin(x))[1], (4,)),
    "energy": (lambda u: np.sum(heat(u) ** 2), (3, 4)),
    "effort": (effort, (15,)),
    "scan": (lambda x: fg.lax.scan(lambda c, v: (c + v**3, None), 0.0, x)[0], (5,)),
    "logarithm of a sum": (lambda x: fg.special.logsumexp(x[:3]) + x[3] ** 3, (5,)),
    "rows of a product": (lambda x: np.sum((np.sin(x) @ x.T)[0] ** 2), (3, 2)),
    "part of a convolution": (lambda x: np.sum(convolved(x, x[:2], 1)[[0, 2, 2]] ** 2), (6,)),
    "maximum of windows": (lambda x: np.sum(fg.nn.max_pool(x, (2, 2), (2, 2))), (1, 4, 4, 1)),
    "part of a scan": (
        lambda x: np.sum(fg.lax.scan(lambda c, v: (c + v**3, c * v), 0.0, x)[1][:3]),
        (5,),
    ),
    "checkpointed scan": (
        lambda x: np.sum(fg.lax.scan(lambda c, v: (c + v**3, c * v), 0.0, x, checkpoint=2)[1][:3]),
        (5,),
    ),
    "kink": (lambda x: np.sum(np.maximum(x, x[0]) * np.arange(4.0)), (4,)),
}
# supersets: an order that may be any, branches that depend on data, terms that cancel
LOOSE = {"sort", "fft", "cond", "while_loop", "kink", "maximum of windows"}


POINTS = {"mask": 5, "custom_jvp": 5, "extrema": 20}  # where only some have all elements


def truth(derivative, shape, points):
    rng = np.random.default_rng(0)
    found = [np.asarray(derivative(rng.normal(size=shape))) for _ in range(points)]
    return np.any([d.reshape(-1, int(np.prod(shape))) != 0 for d in found], 0)


def check(name, derivative, fun, shape, order, points):
    want = truth(derivative(fun), shape, points)
    got = pattern(fun, np.ones(shape), order=order).todense()

    assert not np.any(want & ~got)
    assert name in LOOSE or np.array_equal(want, got)


@pytest.mark.parametrize("name", JACOBIANS)
def test_a_pattern_has_all_elements_of_the_jacobian(name):
    check(name, fg.jacobian, *JACOBIANS[name], order=1, points=POINTS.get(name, 1))


@pytest.mark.parametrize("name", HESSIANS)
def test_a_pattern_has_all_elements_of_the_hessian(name):
    check(name, fg.hessian, *HESSIANS[name], order=2, points=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*JACOBIANS, *HESSIANS])
def test_a_pattern_has_all_elements_at_more_points(name):
    if name in JACOBIANS:
        check(name, fg.jacobian, *JACOBIANS[name], order=1, points=POINTS.get(name, 5))
    if name in HESSIANS:
        check(name, fg.hessian, *HESSIANS[name], order=2, points=5)


def test_a_rule_of_reverse_mode_decides_the_pattern():
    assert np.array_equal(np.eye(3)[::-1], pattern(turned, np.ones(3)).todense())


def test_a_rule_may_call_its_linear_function():
    @fg.custom_vjp
    def ring(x):
        return x + np.roll(x, 1) + np.roll(x, -1)

    ring.defvjp(lambda x: (ring(x), None), lambda _, ct: (ring(ct),))
    assert pattern(ring, np.ones(6)).nnz == 18


def test_an_index_that_is_data_may_be_any_and_is_named():
    found = pattern(lambda x, i: x[i] * x[0], np.ones(3), np.array([0, 2]))

    assert found.todense().all()
    assert [line.split()[0] for line in found.dense_by] == ["getitem"]


def test_a_write_at_an_index_that_is_data_may_be_anywhere():
    fun = lambda x, i: fg.at(x)[:, i].add(x[:, 0] ** 2)

    want = np.kron(np.eye(2), [[1, 0, 0], [1, 1, 0], [1, 0, 1]])
    assert np.array_equal(want, pattern(fun, np.ones((2, 3)), 1).todense())


def test_a_long_loop_has_the_sets_of_all_its_steps(monkeypatch):
    steps = {n: pattern(recurrence, np.ones(n)) for n in (4,)}
    monkeypatch.setattr(sys.modules["funcgrad.sparse.pattern"], "LIMITS", Limits(steps=8))
    late = pattern(recurrence, np.ones(6)).todense()

    assert np.array_equal(steps[4].todense(), np.tri(4))
    assert not np.any(np.tri(6, dtype=bool) & ~late)
    assert pattern(lambda x: fg.lax.map(lambda v: v**2, x), np.ones(9)).nnz == 9


LOOPS = ["scan", "scan from the end", "shift register", "vmap of scan", "matrix loop", "counter"]


@pytest.mark.parametrize("name", LOOPS)
def test_a_step_that_is_looked_at_once_has_the_same_pattern(name, monkeypatch):
    fun, shape = JACOBIANS[name]
    monkeypatch.setattr("funcgrad.control.loop_sets.LITTLE", -1)

    check(name, fg.jacobian, fun, shape, order=1, points=2)


def test_leaves_of_arguments_are_columns_one_after_another():
    fun = lambda p, n, q: {"a": p["w"] * q, "b": n * p["v"][0]}
    found = pattern(fun, {"w": np.ones(2), "v": np.ones(2)}, 3, 2.0, argnums=(0, 2))

    want = [[0, 0, 1, 0, 1], [0, 0, 0, 1, 1], [1, 0, 0, 0, 0]]
    assert np.array_equal(want, found.todense())


def test_a_primitive_without_a_rule_is_dense_and_named(monkeypatch):
    monkeypatch.setitem(primitives, "doubling", None)  # taken out again

    class Doubling(fg.extend.Primitive):
        def run(self, x):
            return (2 * x,)

        def infer(self, x):
            return (x,)

    doubling = Doubling("doubling")
    found = pattern(lambda x: doubling(x) + x, np.ones(2))
    assert found.todense().all() and found.dense_by[0].startswith("doubling at ")

    Doubling.decompose = lambda self, x: (x + x,)
    assert pattern(lambda x: doubling(x) + x, np.ones(2)).nnz == 2


def test_a_hessian_needs_a_scalar():
    with pytest.raises(fg.errors.NonScalarError, match=r"a Hessian needs .* got f64\[3\]"):
        pattern(lambda x: x**2, np.ones(3), order=2)


def test_a_matrix_that_is_too_large_is_refused_by_the_line(monkeypatch):
    monkeypatch.setattr(index_sets, "MOST", 10)
    with pytest.raises(fg.errors.MemoryLimitError, match=r"the result .* 10 .*: got 16; use"):
        pattern(lambda x: x / np.sum(x), np.ones(4))
    with pytest.raises(fg.errors.MemoryLimitError, match=r"sets of sum at .*test_sparse_pattern"):
        pattern(lambda x: np.sum(x**2), np.ones(40))


DENSE = {
    "linear_solve": "its solver is a function of the user",
    "psum": "named axes: vmap replaces them", "pmax": "see psum", "pmin": "see psum",
    "all_gather": "see psum", "psum_scatter": "see psum", "all_to_all": "see psum",
    "ppermute": "see psum", "constant": "it has no operands",
}  # fmt: skip


def test_every_primitive_has_a_rule_or_is_dense_for_a_reason():
    primitives.load()

    def is_known(prim):
        simpler = prim.decompose is not None and prim.holds is NO_PROGRAMS
        rules = prim.dependence.depend, prim.holds.depend_through
        return simpler or any(rules) or not prim.differentiable

    named = [p for p in primitives.values() if p.is_builtin]
    assert {p.name for p in named if not is_known(p)} == set(DENSE)
