"""Functions of vectors at equal values: the derivative of the function, or nan with a warning.

What a program does with vectors decides, not what its cotangents happen to be at one point: a
function of whole spaces is finite and right by central differences along generic directions, and
any other is nan, also where a cotangent is 0 or Hermitian by chance.
"""

import itertools

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import linalg

from .support.compare import quiet

RNG = np.random.default_rng(5)
C = RNG.normal(size=(3, 3))
TURN = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
eigh, eigvalsh, svd = np.linalg.eigh, np.linalg.eigvalsh, np.linalg.svd

POINTS = {
    "identity": np.eye(3),
    "first two": np.diag([1.0, 1.0, 2.0]),
    "turned": (TURN * [1.0, 1.0, 2.0]) @ TURN.T,
    "last two": np.diag([1.0, 2.0, 2.0]),
    "zero": np.zeros((3, 3)),
}
v_of = lambda a: eigh(a)[1]
dot = lambda y, c=C: np.sum(y * c)
# the function, and the spaces that it needs whole: of the first k columns, or of all after them
WHOLE = {
    "projection": (lambda a: dot((lambda v: v[:, :2] @ v[:, :2].T)(v_of(a))), 2),
    "conjugated": (lambda a: dot((lambda v: -v[:, :2] @ np.conj(v[:, :2]).T * 2)(v_of(a))), 2),
    "last": (lambda a: dot((lambda v: v[:, 1:] @ v[:, 1:].T)(v_of(a))), 1),
    "reversed": (lambda a: dot((lambda v: v[:, ::-1][:, 1:] @ v[:, ::-1][:, 1:].T)(v_of(a))), 2),
    "by numbers": (lambda a: dot((lambda v: v[:, [1, 0]] @ v[:, [1, 0]].T)(v_of(a))), 2),
    "einsum": (lambda a: dot(np.einsum("ik,jk->ij", v_of(a)[:, :2], eigh(a * 1)[1][:, :2])), None),
    "one einsum": (lambda a: dot((lambda v: np.einsum("ik,jk->ij", v, v))(v_of(a)[:, :2])), 2),
    "times the matrix": (lambda a: dot((lambda v: v[:, :2] @ v[:, :2].T)(v_of(a)) @ a), 2),
    "from the right": (lambda a: dot((lambda v: v[:, :2] @ (v[:, :2].T @ a))(v_of(a))), 2),
    "with values": (
        lambda a: (lambda w, v: dot(v[:, :2] @ v[:, :2].T) * np.sum(w**2))(*eigh(a)), 2),
    "weights": (lambda a: dot((lambda v: (v * np.array([3.0, 3.0, 1.0])) @ v.T)(v_of(a))), 2),
    "mask": (lambda a: dot((lambda v: v @ np.diag([1.0, 1.0, 0.0]) @ v.T)(v_of(a))), 2),
    "rows": (lambda a: dot((lambda v: (v * np.array([[1.0], [2.0], [3.0]])) @ v.T)(v_of(a))), 0),
    "lengths": (lambda a: dot(np.sum(v_of(a)[:, :2] ** 2, axis=1) * np.diag(a), C[0]), 2),
    "checkpoint": (
        lambda a: dot(fg.checkpoint(lambda a: (lambda v: v[:, :2] @ v[:, :2].T)(v_of(a)))(a)), 2),
}  # fmt: skip
OPENED = {
    "values of another call": lambda a: dot((v_of(a) * eigvalsh(a)) @ v_of(a).T),
    "values of another call, one basis": lambda a: dot(
        (lambda v: (v * eigvalsh(a)) @ v.T)(v_of(a))),
    "the diagonal": lambda a: dot((lambda v: (v * np.diag(a)) @ v.T)(v_of(a))),
    "weights of zero": lambda a: dot((lambda w, v: (v * (w - 1)) @ v.T)(*eigh(a))),
    "trace": lambda a: np.trace(v_of(a)),
    "unequal weights": lambda a: dot(
        (lambda v: (v * np.array([1.0, 2.0, 3.0])) @ v.T)(v_of(a)), np.diag([1.0, 2.0, 3.0])),
    "vectors of a jitted function": lambda a: dot(
        (lambda v: v @ v.T)(fg.jit(lambda a: eigh(a)[1])(a))),
    "an aligned basis": lambda a: dot(v_of(a).T @ a @ v_of(a)),
    "two orders": lambda a: dot((lambda v: v[:, [1, 0]] @ v[:, [0, 1]].T)(v_of(a))),
}  # fmt: skip


def central(f, x, t, h=1e-5):
    return (f(x + h * t) - f(x - h * t)) / (2 * h)


MODES = {
    "grad": fg.grad,
    "jit": lambda f: fg.jit(fg.grad(f)),
    "vmap": lambda f: lambda x: fg.vmap(fg.grad(f))(x[None])[0],
}
each_mode = pytest.mark.parametrize("mode", MODES)


@each_mode
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("name", WHOLE)
def test_a_function_of_whole_spaces_is_right_and_any_other_nan(name, point, mode):
    (f, k), x = WHOLE[name], POINTS[point]
    w = np.linalg.eigvalsh(x)
    whole = k is not None and (k == 0 or w[k] - w[k - 1] > 0.5)
    got, warned = quiet(MODES[mode](f), x)
    if not whole:
        assert warned and np.isnan(got).any()
        return
    assert not warned
    for _ in range(3):
        t = RNG.normal(size=(3, 3))
        t = t + t.T
        # the error of central differences is of the order of their step squared
        assert np.sum(got * t) == pytest.approx(central(f, x, t), rel=1e-6, abs=1e-7)


@each_mode
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("name", OPENED)
def test_vectors_that_are_told_apart_are_nan_whatever_their_cotangents(name, point, mode):
    got, warned = quiet(MODES[mode](OPENED[name]), POINTS[point])
    assert warned and np.isnan(got).any()


def test_elements_that_no_selection_takes_are_on_no_path():
    x = POINTS["first two"]
    chosen = lambda a: np.where(np.trace(a) > 0, np.sum(a**2), np.sum(v_of(a) ** 3))
    simple = lambda a: dot(np.where(np.arange(3) > 1, v_of(a), 0) ** 2)
    np.testing.assert_array_equal(2 * x, quiet(fg.grad(chosen), x)[0])
    assert np.isfinite(quiet(fg.grad(simple), x)[0]).all()
    rows = quiet(fg.jacrev(v_of), x)[0]
    assert np.isfinite(rows[:, 2]).all() and np.isnan(rows[:, 0]).any()


def test_directions_that_part_equal_values_leave_no_vectors():
    # along a diagonal the vectors are columns of a permutation, another one on either side
    for x, t in (
        (np.eye(3), np.diag([2.0, 1.0, 0.0])),
        (np.diag([1.0, 1, 2]), np.diag([2.0, 1, 0])),
    ):
        for f in (v_of, lambda a: svd(a)[0], lambda a: np.linalg.eig(a)[1]):
            got, warned = quiet(fg.jvp, f, (x,), (t,))
            got = got[1]
            assert warned and np.isnan(got).any()


# singular vectors


def parts(f):
    return lambda a: dot(f(*svd(a)), C)


SINGULAR = {
    "polar": (parts(lambda u, s, vh: u @ vh), ("equal", "identity")),
    "left": (parts(lambda u, s, vh: u[:, :2] @ u[:, :2].T), ("rank 2", "low")),
    "right": (parts(lambda u, s, vh: vh[1:].T @ vh[1:]), ("equal", "rank 1", "rank 2", "low")),
    "pairs": (parts(lambda u, s, vh: u[:, :2] @ vh[:2]), ("rank 2", "low")),
    "simple": (
        parts(lambda u, s, vh: (u[:, :1] * s[:1]) @ vh[:1]), ("equal", "rank 1", "rank 2", "low"),
    ),
    "whole": (parts(lambda u, s, vh: (u * s) @ vh), ("rank 2", "low")),
    "values of another call": (
        lambda a: dot((lambda u, s, vh: (u * np.linalg.svdvals(a)) @ vh)(*svd(a))),
        ("rank 2", "low")),
    "weights of zero": (parts(lambda u, s, vh: (u * (s - 1)) @ vh), ()),
    "polar along itself": (lambda a: dot((lambda u, s, vh: u @ vh)(*svd(a)), np.eye(3)),
                           ("equal", "identity")),
}  # fmt: skip
MATRICES = {
    "identity": np.eye(3),
    "equal": np.diag([1.0, 1.0, 2.0]),
    "zero": np.zeros((3, 3)),
    "rank 1": np.diag([1.0, 0.0, 0.0]),
    "rank 2": np.diag([2.0, 1.0, 0.0]),
    "low": RNG.normal(size=(3, 2)) @ RNG.normal(size=(2, 3)),
}


@each_mode
@pytest.mark.parametrize("point", MATRICES)
@pytest.mark.parametrize("name", SINGULAR)
def test_singular_vectors_likewise(name, point, mode):
    (f, right), x = SINGULAR[name], MATRICES[point]
    got, warned = quiet(MODES[mode](f), x)
    if point not in right:
        assert warned and np.isnan(got).any()
        return
    assert not warned
    t = RNG.normal(size=(3, 3))
    assert np.sum(got * t) == pytest.approx(central(f, x, t), rel=1e-6, abs=1e-7)


def test_columns_that_full_matrices_add():
    weights = RNG.normal(size=(4, 4))
    space = lambda k: lambda a: dot((lambda u: u[:, k:] @ u[:, k:].T)(svd(a)[0]), weights)
    one = RNG.normal(size=(4, 1)) @ RNG.normal(size=(1, 2))
    two = RNG.normal(size=(4, 2))
    same = np.eye(4)[:, :2]
    for x, k, right in ((two, 2, True), (two, 1, True), (two, 3, False), (one, 2, False),
                        (one, 1, True), (same, 2, True), (same, 1, False)):  # fmt: skip
        got, warned = quiet(fg.grad(space(k)), x)
        t = RNG.normal(size=x.shape)
        if right:
            assert np.sum(got * t) == pytest.approx(central(space(k), x, t), rel=1e-6, abs=1e-7)
        else:
            assert warned and np.isnan(got).any()


# general matrices


def test_eigenspaces_of_general_matrices():
    s = RNG.normal(size=(3, 3))
    x = (s * [1.0, 1.0, 2.0]) @ np.linalg.inv(s)
    space = lambda w, v: (v * np.where(np.real(w) > 1.5, 1.0, 0.0)) @ np.linalg.inv(v)
    f = fg.jit(lambda a: dot(np.real(space(*np.linalg.eig(a)))))
    t = RNG.normal(size=(3, 3))
    assert np.sum(fg.grad(f)(x) * t) == pytest.approx(central(f, x, t), rel=1e-6)
    for g in (
        lambda a: np.real(np.trace(np.linalg.eig(a)[1])),
        lambda a: dot(np.real((lambda v: (v * np.linalg.eigvals(a)) @ np.linalg.inv(v))(
            np.linalg.eig(a)[1]))),
        lambda a: np.abs(np.linalg.eig(a)[1][0, 0] * np.linalg.eig(a)[1][0, 1]) ** 2,
    ):  # fmt: skip
        for point in (np.eye(3), x):
            got, warned = quiet(fg.grad(g), point)
            if point is not x:
                assert warned and np.isnan(got).any()


# nearly equal values


@pytest.mark.parametrize("gap", 10.0 ** np.arange(-16, 0.0))
def test_a_second_derivative_at_close_values_has_digits_or_is_nan(gap):
    """An error of eps in a gap is one of eps / gap**2 in what the vectors make of it."""
    turn = np.linalg.qr(RNG.normal(size=(4, 4)))[0]
    x = (turn * [1.0, 1 + gap, 2.0, 3.0]) @ turn.T
    x, t = (x + x.T) / 2, RNG.normal(size=(4, 4))
    c = RNG.normal(size=(4, 4))
    sym = lambda a: (a + a.T) / 2
    by = lambda a: dot((lambda w, v: (v * np.exp(w)) @ v.T)(*eigh(sym(a))), c)
    want = fg.jvp(fg.grad(lambda a: dot(linalg.expm(sym(a)), c)), (x,), (t,))[1]
    for second in (lambda a: fg.jvp(fg.grad(by), (a,), (t,))[1],
                   fg.grad(lambda a: fg.jvp(by, (a,), (t,))[1])):  # fmt: skip
        got, warned = quiet(second, x)
        if gap < 3e-7:  # times the largest value of 3
            assert warned and np.isnan(got).any()
        else:
            assert not warned
            assert np.abs(got - want).max() < max(1e-15 / gap**2, 1e-12) * 100
    by = lambda a: dot((lambda u, s, vh: (u * s) @ vh)(*svd(a)), c)
    for y in (x, (turn * [1.0, gap, 2.0, 3.0]) @ turn, (turn * [1.0, gap, 2 * gap, 3.0]) @ turn):
        got, warned = quiet(lambda a: fg.jvp(fg.grad(by), (a,), (t,))[1], y)
        assert warned or np.abs(got).max() < 0.1


# phases


@pytest.mark.parametrize("uplo", ["L", "U"])
def test_complex_eigenvectors_keep_the_phase_that_lapack_gives(uplo):
    _check_phases([lambda a: eigh(a, uplo)[1]], hermitian=True, shape=(3, 3))


@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (3, 4)])
def test_complex_singular_vectors_keep_the_phase_that_lapack_gives(shape):
    thin = [lambda a, i=i: svd(a, full_matrices=False)[i] for i in (0, 2)]
    _check_phases(thin, hermitian=False, shape=shape)


def _check_phases(functions, hermitian, shape):
    complex_ = lambda: RNG.normal(size=shape) + 1j * RNG.normal(size=shape)
    x, t, t2 = complex_(), complex_(), complex_()
    if hermitian:
        x, t, t2 = (y + y.conj().T for y in (x, t, t2))
    for f, order in itertools.product(functions, (1, 2)):
        c = RNG.normal(size=f(x).shape) + 1j * RNG.normal(size=f(x).shape)
        loss = lambda a, f=f, c=c: np.sum(np.real(f(a) * c))
        if order == 2:
            loss = lambda a, g=loss: fg.jvp(g, (a,), (t2,))[1]
        want = central(loss, x, t, 1e-6)
        assert fg.jvp(loss, (x,), (t,))[1] == pytest.approx(want, rel=1e-5, abs=1e-5)
        assert np.real(np.sum(fg.grad(loss)(x) * t)) == pytest.approx(want, rel=1e-5, abs=1e-5)
