"""Derivatives at equal eigenvalues, equal or zero singular values, and singular matrices.

There a derivative is the true one, or nan with a warning that names the cure; never another number.
"""

import itertools

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import linalg, random, tree

from .support.compare import quiet
from .support.turns import in_turns

RNG = np.random.default_rng(11)
A, B, C = RNG.normal(size=(3, 4, 4))
TURN = np.linalg.qr(A)[0]
UNITARY = np.linalg.qr(A + 1j * B)[0]


def symmetric(a):
    return (a + np.conjugate(a.mT)) / 2


def rotated(*values, by=TURN):
    return symmetric(by @ np.diag(values) @ by.conj().T)


POINTS = {
    "identity": np.eye(4),
    "diagonal": np.diag([2.0, 2.0, 1.0, 1.0]),
    "rotated": rotated(2.0, 2.0, 2.0, 1.0),
    "gap 1e-15": rotated(2.0, 2 + 1e-15, 2.0, 1.0),
    "gap 1e-12": rotated(2.0, 2 + 1e-12, 2 + 3e-12, 1.0),
    "gap 1e-8": rotated(2.0, 2 + 1e-8, 2 + 3e-8, 1.0),
    "gap 1e-4": rotated(2.0, 2 + 1e-4, 2 + 3e-4, 1.0),
    "apart": rotated(2.0, 0.5, 3.0, 1.0),
    "complex": rotated(2.0, 2.0, 2.0, 1.0, by=UNITARY),
}
EQUAL = ["identity", "diagonal", "rotated", "complex"]
each_point = pytest.mark.parametrize("point", POINTS)


def close(want, got, rtol=1e-12):
    scale = np.abs(want).max()
    np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * (scale or 1))


# functions of Hermitian matrices


def square(w):
    return w * w + 3.0


TWINS = {  # the function by eigenvalues, and what needs none
    "identity": (lambda w: w * 1.0, symmetric),
    "polynomial": (square, lambda a: symmetric(a) @ symmetric(a) + 3 * np.eye(4)),
    "exp": (np.exp, lambda a: linalg.expm(symmetric(a))),
    "inverse": (lambda w: 1 / w, lambda a: np.linalg.inv(symmetric(a))),
    "unitary": (lambda w: np.exp(-1j * w), lambda a: linalg.expm(-1j * symmetric(a))),
}


@each_point
@pytest.mark.parametrize("name", TWINS)
def test_a_matrix_function_has_the_derivatives_of_what_needs_no_eigenvalues(name, point):
    f, twin = TWINS[name]
    x = POINTS[point]
    got = lambda a: np.sum(np.real(linalg.matrix_function(f, a) * C))
    want = lambda a: np.sum(np.real(twin(a) * C))
    direction = symmetric(B).astype(x.dtype)

    close(twin(x), linalg.matrix_function(f, x))
    gradient = fg.grad(want)(x)
    close(gradient, fg.grad(got)(x))
    close(gradient, fg.jit(fg.grad(got))(x))
    close(fg.jvp(want, (x,), (direction,))[1], fg.jvp(got, (x,), (direction,))[1], 1e-11)
    second = fg.jvp(fg.grad(want), (x,), (direction,))[1]
    along = lambda a: fg.jvp(got, (a,), (direction,))[1]
    for g in (
        lambda a: fg.jvp(fg.grad(got), (a,), (direction,))[1],
        fg.grad(along),
        fg.grad(lambda a: np.sum(np.real(fg.grad(got)(a) * np.conj(direction.mT).mT))),
    ):
        close(second, g(x), 1e-11)


@pytest.mark.parametrize("point", [p for p in POINTS if p != "complex"])
def test_third_derivatives_of_a_matrix_function(point):
    x, direction = POINTS[point], symmetric(B)

    def third(f):
        loss = lambda a: np.sum(f(a) * C)
        return fg.jvp(fg.hessian(loss), (x,), (direction,))[1]

    want = third(lambda a: linalg.expm(symmetric(a)))
    # gaps of 1e-4 leave 1e-16 / gap**2 of a second divided difference, where Taylor's series errs
    close(want, third(lambda a: linalg.matrix_function(np.exp, a)), 1e-9)
    want = third(lambda a: linalg.inv_sqrtm(a))
    close(want, third(lambda a: np.linalg.inv(linalg.sqrtm(a))), 1e-8)


def test_divided_differences_are_exact_to_rounding_at_every_gap():
    mpmath = pytest.importorskip("mpmath")
    for x, f, g in ((2.0, np.exp, mpmath.exp), (1e-3, np.sqrt, mpmath.sqrt),
                    (5.0, np.sin, mpmath.sin)):  # fmt: skip
        for gap in (0.0, *10.0 ** np.arange(-16, 0.5)):
            w = np.array([x, x * (1 + gap)])
            got = fg.jvp(lambda a, f=f: linalg.matrix_function(f, a), (np.diag(w),),
                         (np.ones((2, 2)),))[1][0, 1]  # fmt: skip
            with mpmath.workdps(60):
                p, q = map(mpmath.mpf, w.tolist())
                want = mpmath.diff(g, p) if p == q else (g(p) - g(q)) / (p - q)
            # the quotient and the series change over where both have lost a third of the digits
            assert got == pytest.approx(float(want), rel=2e-10)


def test_a_kink_of_the_function_is_seen_between_close_eigenvalues():
    hinge = lambda a: linalg.matrix_function(lambda w: np.maximum(w, 0.0), a)
    got = fg.jvp(hinge, (np.diag([-3e-5, 1e-5]),), (np.ones((2, 2)),))[1]

    close(np.array([[0.0, 0.25], [0.25, 1.0]]), got)


def test_matrix_functions_of_stacks_are_those_of_each_matrix():
    stack = np.stack([POINTS[p] for p in ("identity", "apart", "rotated")])
    loss = lambda a: np.sum(linalg.matrix_function(np.exp, a) ** 2 * C)
    want = np.stack([fg.grad(loss)(x) for x in stack])

    for f in (fg.grad(loss), fg.vmap(fg.grad(loss)), fg.jit(fg.vmap(fg.grad(loss)))):
        close(want, f(stack))
    close(np.stack([fg.hessian(loss)(x) for x in stack]), fg.vmap(fg.hessian(loss))(stack))


@pytest.mark.parametrize("kind", ["f4", "c8"])
def test_matrix_functions_stay_in_single_precision(kind):
    x = POINTS["rotated"].astype(kind)
    for f in (linalg.sqrtm, linalg.logm, linalg.inv_sqrtm, lambda a: linalg.polar(a)[1]):
        assert f(x).dtype == fg.jit(f)(x).dtype == kind
        assert fg.grad(lambda a, f=f: np.sum(np.real(f(a))))(x).dtype == kind


@each_point
def test_roots_and_logarithms_invert_squares_and_exponentials(point):
    x = POINTS[point]
    root, inverse, log = linalg.sqrtm(x), linalg.inv_sqrtm(x), linalg.logm(x)

    close(x, root @ root)
    close(np.eye(4), inverse @ x @ inverse, 1e-11)
    close(x, linalg.expm(log))
    t = symmetric(B).astype(x.dtype)
    for f in (
        lambda a: linalg.sqrtm(a) @ linalg.sqrtm(a),
        lambda a: linalg.expm(linalg.logm(a)),
        lambda a: np.linalg.inv(linalg.inv_sqrtm(a) @ linalg.inv_sqrtm(a)),
    ):
        along = lambda a, f=f: fg.jvp(f, (a,), (t,))[1]
        close(t, along(x), 1e-10)
        assert np.abs(fg.jvp(along, (x,), (t,))[1]).max() < 1e-9


def test_mistakes_in_matrix_functions_are_named():
    for f in (linalg.sqrtm, linalg.logm, lambda a: fg.jit(linalg.inv_sqrtm)(a)):
        with pytest.raises(np.linalg.LinAlgError, match="the matrix must be Hermitian"):
            f(A)
    with pytest.raises(ValueError, match="f must be elementwise: got"):
        linalg.matrix_function(np.sum, np.eye(3))
    with pytest.raises(TypeError, match="f depends on a traced value"):
        fg.grad(lambda p: np.sum(linalg.matrix_function(lambda w: w * p, np.eye(2))))(2.0)
    got, warned = quiet(fg.grad(lambda a: np.sum(linalg.sqrtm(a))), np.diag([0.0, 0.0, 1.0]))
    assert warned and np.isnan(got).any()


def test_a_jitted_matrix_function_finds_its_program_again():
    step = fg.jit(fg.grad(lambda a: np.sum(linalg.matrix_function(np.exp, a))))
    for x in (np.eye(3), 2 * np.eye(3)):
        step(x)

    assert step.cache_info().misses == 1


# functions of eigenvalues and eigenvectors together


def by_eigh(f):
    def function(a):
        w, v = np.linalg.eigh(a)
        return (v * f(w)[..., None, :]) @ np.conj(v.mT)

    return function


def by_svd(**options):
    def function(a):
        u, s, vh = np.linalg.svd(a, **options)
        return (u[..., : s.shape[-1]] * s[..., None, :]) @ vh[..., : s.shape[-1], :]

    return function


def by_eig(a):
    w, v = np.linalg.eig(a)
    return np.real((v * w[..., None, :]) @ np.linalg.inv(v))


MIXED = {
    "identity": (by_eigh(lambda w: w), symmetric),
    "exp": (by_eigh(np.exp), lambda a: linalg.expm(symmetric(a))),
    "log": (by_eigh(np.log), linalg.logm),
    "root": (by_eigh(np.sqrt), linalg.sqrtm),
    "inverse root": (by_eigh(lambda w: 1 / np.sqrt(w)), linalg.inv_sqrtm),
    "shifted": (by_eigh(lambda w: w - 1), symmetric),
    "svd": (by_svd(full_matrices=False), lambda a: a + 0),
    "full svd": (by_svd(), lambda a: a + 0),
    "hermitian svd": (by_svd(hermitian=True), symmetric),
    "eig": (by_eig, lambda a: a + 0),
}
MODES = {
    "grad": lambda f, c: fg.grad(lambda a: np.sum(np.real(f(a) * c))),
    "jit grad": lambda f, c: fg.jit(fg.grad(lambda a: np.sum(np.real(f(a) * c)))),
    "vmap grad": lambda f, c: (
        lambda x: fg.vmap(fg.grad(lambda a: np.sum(np.real(f(a) * c))))(
            np.stack([x, POINTS["apart"].astype(x.dtype)])
        )[0]
    ),
    "jvp": lambda f, c: lambda x: fg.jvp(f, (x,), (symmetric(c).astype(x.dtype),))[1],
    "jit jvp": lambda f, c: fg.jit(lambda x: fg.jvp(f, (x,), (symmetric(c).astype(x.dtype),))[1]),
    "jacrev": lambda f, c: fg.jacrev(lambda a: np.real(f(a))),
    "jacfwd": lambda f, c: fg.jacfwd(lambda a: np.real(f(symmetric(a)))),
}
triangle = lambda g: np.tril(g) + np.tril(np.conj(g.mT), -1)  # what eigh's gradient is added up to


@in_turns("name, mode, point", MIXED, MODES, ["identity", "diagonal", "rotated"])
def test_vectors_with_values_of_a_block_are_nan_with_a_warning(name, mode, point):
    f, twin = MIXED[name]
    x = POINTS[point]
    for c in (C, symmetric(C), np.diag([1.0, 1.0, 0.0, 0.0]), C * (1 - np.eye(4))):
        got, warned = quiet(MODES[mode](f, c), x)
        want = MODES[mode](twin, c)(x)
        if mode not in ("jvp", "jit jvp", "jacfwd"):
            got, want = (g + np.swapaxes(g, -1, -2) for g in (got, want))
        finite = np.isfinite(got)

        assert warned or finite.all()
        # what is finite is right: entries that the block has no part in
        np.testing.assert_allclose(got[finite], want[finite], atol=1e-9)
        assert mode == "jacrev" or not finite.all() or c is not C


def test_a_function_that_is_zero_on_the_block_is_no_exception():
    for f, x in ((lambda w: w, np.zeros((2, 2))), (np.log, np.eye(2)), (lambda w: w - 1, np.eye(2)),
                 (lambda w: w, np.diag([0.0, 0.0, 3.0]))):  # fmt: skip
        for jacobian in (fg.jacrev, fg.jacfwd):
            got, warned = quiet(jacobian(by_eigh(f)), x)
            assert warned and np.isnan(got[0, 1]).any()


def test_vectors_alone_are_nan_where_the_block_turns():
    for f in (lambda a: np.linalg.eigh(a)[1], lambda a: np.linalg.svd(a)[0]):
        for jacobian in (fg.jacrev, fg.jacfwd):
            got, warned = quiet(jacobian(f), np.diag([2.0, 2.0, 1.0]))
            assert warned and np.isnan(got[..., :2, :2, :, :]).any()


@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_no_wrong_digit_is_left_at_gaps_of_rounding(kind):
    eps = np.finfo(kind).eps
    for times in (0, 1, 4, 30, 1e3, 1e5):
        x = np.diag(np.array([1.0, 1 + times * eps, 2.0], kind))
        loss = lambda a: np.sum(by_eigh(np.exp)(a) * C[:3, :3].astype(kind))
        got, warned = quiet(fg.grad(loss), x)
        want = fg.grad(lambda a: np.sum(linalg.expm(symmetric(a)) * C[:3, :3]))(x.astype(float))
        if warned:
            assert np.isnan(got).any() and times < 1e3
        else:
            # eps / gap of the difference of cotangents, and 32 eps is the least gap
            np.testing.assert_allclose(symmetric(got), want, rtol=0.1 if times < 1e3 else 1e-2)


# what stays right: whole eigenspaces, and values alone


def projector(a, first, last):
    v = np.linalg.eigh(a)[1][..., first:last]
    return v @ np.conj(v.mT)


@pytest.mark.parametrize("by", [np.eye(4), TURN, UNITARY], ids=["eye", "turn", "unitary"])
def test_projections_on_whole_eigenspaces(by):
    x = rotated(1.0, 1.0, 2.0, 3.0, by=by)
    for first, last in ((0, 2), (2, 4), (0, 4), (3, 4), (0, 3)):
        step = lambda w, first=first, last=last: np.where(
            (w > (0, 0, 1.5, 2.5)[first]) & (w < (0, 0, 1.5, 2.5, 9.0)[last]), 1.0, 0.0
        )
        want = lambda a, f=step: np.sum(np.real(linalg.matrix_function(f, a) * C))
        got = lambda a, i=first, j=last: np.sum(np.real(projector(a, i, j) * C))
        for grad in (fg.grad, lambda f: fg.jit(fg.grad(f))):
            close(symmetric(fg.grad(want)(x)), symmetric(grad(got)(x)), 1e-11)


def test_vectors_of_simple_eigenvalues_beside_equal_ones():
    x = rotated(1.0, 1.0, 2.0, 3.0)
    move = lambda a: np.sum(a @ np.array([1.0, -2.0, 0.5, 3.0]))

    def loss(a):  # the two largest, as principal components have
        w, v = np.linalg.eigh(symmetric(a))
        return np.sum(w[-2:] ** 2 * (v[:, -2:] ** 2 * C[:, :2]).sum(0)) + np.sin(w[-1])

    got, warned = quiet(fg.grad(loss), x)
    assert not warned
    t, h = symmetric(B), 1e-5
    want = (loss(x + h * t) - loss(x - h * t)) / (2 * h)
    assert np.sum(got * t) == pytest.approx(want, rel=1e-8)
    pushed, _ = quiet(lambda: fg.jvp(loss, (x,), (t,))[1])  # the unread vectors are nan
    assert pushed == pytest.approx(want, rel=1e-8)
    assert np.isfinite(move(got)).all()


def test_the_polar_factor_by_svd_has_its_gradient():
    f = lambda x: (lambda u, s, vh: u @ vh)(*np.linalg.svd(x))
    got = fg.grad(lambda x: np.sum(f(x) * B))(TURN)
    want = fg.grad(lambda x: np.sum(linalg.polar(x)[0] * B))(TURN)

    close(want, got)
    inside = TURN.T @ B  # the derivative is Q (X - X^T) / 2, X = Q^T dA
    close(TURN @ (inside - inside.T) / 2, got)


def test_the_null_space_that_full_matrices_add_may_turn():
    x = RNG.normal(size=(5, 2))
    f = lambda a: (lambda rest: rest @ rest.T)(np.linalg.svd(a)[0][:, 2:])
    got = fg.grad(lambda a: np.sum(f(a) * RNG_WEIGHTS))(x)
    want = fg.grad(lambda a: np.sum((np.eye(5) - a @ np.linalg.pinv(a)) * RNG_WEIGHTS))(x)
    close(want, got, 1e-11)
    got, warned = quiet(fg.grad(lambda a: np.sum(np.linalg.svd(a)[0] ** 3)), x)
    assert warned and np.isnan(got).all()


RNG_WEIGHTS = RNG.normal(size=(5, 5))

SYMMETRIC = {  # symmetric functions of values alone, and what needs no values
    "trace": (np.linalg.eigvalsh, lambda w: np.sum(w), np.trace),
    "cube": (np.linalg.eigvalsh, lambda w: np.sum(w**3), lambda a: np.trace(a @ a @ a)),
    "product": (np.linalg.eigvalsh, lambda w: np.prod(w) + np.sum(w) ** 3,
                lambda a: np.linalg.det(a) + np.trace(a) ** 3),
    "eigh alone": (lambda a: np.linalg.eigh(a)[0], lambda w: np.sum(w**3),
                   lambda a: np.trace(a @ a @ a)),
}  # fmt: skip


@each_point
@pytest.mark.parametrize("name", SYMMETRIC)
def test_symmetric_functions_of_eigenvalues_have_first_and_second_derivatives(name, point):
    values, f, twin = SYMMETRIC[name]
    x, t = POINTS[point], symmetric(B).astype(POINTS[point].dtype)
    got = lambda a: f(values(symmetric(a)))
    want = lambda a: np.real(twin(symmetric(a)))

    close(fg.grad(want)(x), fg.grad(got)(x))
    close(fg.jvp(want, (x,), (t,))[1], quiet(lambda: fg.jvp(got, (x,), (t,))[1])[0])
    second = fg.jvp(fg.grad(want), (x,), (t,))[1]
    # a quotient of slopes by the gap keeps eps / gap, a few times over
    rtol = {"gap 1e-12": 2e-3, "gap 1e-8": 1e-6, "gap 1e-4": 1e-10}.get(point, 1e-11)
    forward_over_reverse = lambda a: fg.jvp(fg.grad(got), (a,), (t,))[1]
    for twice in (forward_over_reverse, fg.jit(forward_over_reverse)):
        if name == "eigh alone":
            close(second, quiet(twice, x)[0], rtol)
        else:
            close(second, twice(x), rtol)  # and it does not warn
    along = lambda a: fg.jvp(got, (a,), (t,))[1]
    for other in (
        fg.grad(along),
        fg.grad(lambda a: np.sum(np.real(fg.grad(got)(a) * np.conj(t.mT).mT))),
    ):
        result, warned = quiet(other, x)
        if warned:
            assert np.isnan(result).any()
        else:
            close(second, result, rtol)


def test_hessians_of_functions_of_eigenvalues():
    stack = np.stack([POINTS[p] for p in ("identity", "apart", "rotated", "diagonal")])
    got = lambda a: np.sum(np.linalg.eigvalsh(symmetric(a)) ** 3)
    want = lambda a: (lambda s: np.trace(s @ s @ s))(symmetric(a))
    hessians = np.stack([fg.hessian(want)(x) for x in stack])

    close(hessians, np.stack([fg.hessian(got)(x) for x in stack]))
    close(hessians, fg.vmap(fg.hessian(got))(stack))
    close(hessians, fg.jit(fg.vmap(fg.hessian(got)))(stack))


def low_rank(m, n, r):
    return RNG.normal(size=(m, r)) @ RNG.normal(size=(r, n))


MATRICES = {
    "identity": np.eye(3), "diagonal": np.diag([1.0, 1.0, 2.0]), "zero": np.zeros((3, 3)),
    "orthogonal": TURN, "tall": np.eye(4)[:, :2] * 3, "wide": np.eye(4)[:3], "zero tall":
    np.zeros((4, 2)), "zero wide": np.zeros((2, 4)), "rank 1": low_rank(3, 3, 1), "rank 1 tall":
    low_rank(4, 3, 1), "rank 2 wide": low_rank(3, 4, 2), "apart": RNG.normal(size=(4, 3)),
    "complex": UNITARY, "complex rank 1": low_rank(3, 3, 1) * (1 + 2j),
}  # fmt: skip


@pytest.mark.parametrize("point", MATRICES)
def test_even_functions_of_singular_values_have_first_and_second_derivatives(point):
    x = MATRICES[point]
    t = (RNG.normal(size=x.shape) * (1 + 1j if x.dtype.kind == "c" else 1)).astype(x.dtype)
    twin = lambda a: np.real((lambda g: np.trace(g @ g) + np.trace(g) ** 2)(np.conj(a.mT) @ a))
    got = lambda a: (lambda s: np.sum(s**4) + np.sum(s**2) ** 2)(np.linalg.svdvals(a))

    close(fg.grad(twin)(x), fg.grad(got)(x))
    second = fg.jvp(fg.grad(twin), (x,), (t,))[1]
    forward_over_reverse = lambda a: fg.jvp(fg.grad(got), (a,), (t,))[1]
    close(second, forward_over_reverse(x), 1e-11)
    close(second, fg.jit(forward_over_reverse)(x), 1e-11)
    along = lambda a: fg.jvp(got, (a,), (t,))[1]
    for other in (fg.grad(along), fg.grad(lambda a: np.sum(np.real(fg.grad(got)(a) * t)))):
        result, warned = quiet(other, x)
        if warned:
            assert np.isnan(result).any()
        else:
            close(second, result, 1e-9)


EVEN = lambda s: np.sum(s**4) + np.sum(s**2) ** 2
NESTED = {
    "eigvalsh": (lambda a: np.sum(np.linalg.eigvalsh(a) ** 3),
                 lambda a: (lambda s: np.trace(s @ s @ s))(symmetric(a))),
    "svdvals": (lambda a: EVEN(np.linalg.svdvals(a)),
                lambda a: (lambda g: np.trace(g @ g) + np.trace(g) ** 2)(a.T @ a)),
    "matrix_function": (lambda a: np.sum(linalg.matrix_function(square, a) * C[:3, :3]),
                        lambda a: np.sum((symmetric(a) @ symmetric(a) + 3) * C[:3, :3])),
}  # fmt: skip
AT = {"apart": A[:3, :3] @ A[:3, :3].T + np.eye(3), "identity": np.eye(3), "diagonal":
      np.diag([1.0, 1.0, 2.0]), "zero": np.zeros((3, 3)), "rotated":
      rotated(2.0, 2.0, 1.0, by=np.linalg.qr(A[:3, :3])[0])}  # fmt: skip


ALONG = {"three": lambda ts: ts, "one": lambda ts: ts[:1] * 3,
         "diagonal": lambda ts: [t * np.eye(3) for t in ts]}  # fmt: skip


@in_turns("name, point, along", NESTED, AT, ALONG)
def test_every_nesting_of_three_derivatives_is_right_or_nan(name, point, along):
    f, twin = NESTED[name]
    ts = ALONG[along]([symmetric(x) for x in RNG.normal(size=(3, 3, 3))])
    steps = {"forward": lambda f, t: lambda a: fg.jvp(f, (a,), (t,))[1],
             "reverse": lambda f, t: lambda a: np.sum(fg.grad(f)(a) * t)}  # fmt: skip

    def nested(f, modes, ts):
        for mode, t in zip(modes, ts, strict=False):
            f = steps[mode](f, t)
        return f(AT[point])

    for modes in (m for n in (1, 2, 3) for m in itertools.product(steps, repeat=n)):
        want = nested(twin, modes, ts)
        got, warned = quiet(nested, f, modes, ts)
        if point == "apart" or name == "matrix_function" or modes in (
            ("forward",), ("reverse",), ("reverse", "forward")
        ):  # fmt: skip
            assert not warned
        if not warned or np.isfinite(got):
            assert got == pytest.approx(want, rel=1e-9, abs=1e-9)


def test_linearized_decompositions_transpose():
    x, t = AT["apart"], symmetric(B[:3, :3])
    for f in (np.linalg.eigvalsh, np.linalg.svdvals, lambda a: np.linalg.svd(a)[0] ** 2,
              lambda a: np.linalg.eigh(a)[1] ** 2, lambda a: np.linalg.slogdet(a)[1],
              lambda a: np.abs(np.linalg.eig(a)[1]), linalg.sqrtm,
              fg.grad(lambda a: np.sum(np.linalg.eigvalsh(a) ** 3))):  # fmt: skip
        y, push = fg.linearize(f, x)
        weights = np.cos(np.arange(np.size(y))).reshape(np.shape(y))
        pull = fg.linear_transpose(push, x)
        assert np.sum(pull(weights)[0] * t) == pytest.approx(np.sum(push(t) * weights))


@pytest.mark.parametrize("point", ["identity", "diagonal", "orthogonal", "complex", "tall"])
def test_the_nuclear_norm_has_the_derivatives_of_the_trace_of_a_root(point):
    x = MATRICES[point]
    t = (RNG.normal(size=x.shape) * (1 + 1j if x.dtype.kind == "c" else 1)).astype(x.dtype)
    twin = lambda a: np.real(np.trace(linalg.sqrtm(np.conj(a.mT) @ a)))
    got = lambda a: np.linalg.norm(a, "nuc")

    close(fg.grad(twin)(x), fg.grad(got)(x))
    second = lambda f: fg.jvp(fg.grad(f), (x,), (t,))[1]
    close(second(twin), second(got), 1e-10)


def test_where_slopes_along_equal_values_differ_there_is_no_second_derivative():
    for f, x in (
        (lambda a: np.linalg.eigvalsh(a)[0] ** 2, np.eye(3)),
        (lambda a: np.linalg.norm(a, "nuc"), np.diag([1.0, 1e-30, 0.0])),
    ):
        got, warned = quiet(fg.hessian(f), x)
        assert warned and np.isnan(got).any()


def test_equal_values_part_as_the_values_of_their_block():
    for x in (np.eye(4), np.diag([1.0, 1.0, 1.0, 5.0]), rotated(2.0, 2.0, 2.0, 1.0)):
        t, h = symmetric(B), 1e-7
        for f in (np.linalg.eigvalsh, lambda a: np.sort(np.linalg.eigvals(a).real)):
            got = fg.jvp(f, (x,), (t,))[1]
            # one-sided, with an error of h
            np.testing.assert_allclose(np.sort(got[:3]), np.sort((f(x + h * t) - f(x))[:3] / h),
                                       atol=1e-5) if x[3, 3] == 5 else None  # fmt: skip
            assert got.sum() == pytest.approx(np.trace(t))
    for x in (np.zeros((4, 3)), np.eye(4), low_rank(4, 4, 2)):
        t, h = RNG.normal(size=x.shape), 1e-7
        got = fg.jvp(np.linalg.svdvals, (x,), (t,))[1]
        want = (np.linalg.svdvals(x + h * t) - np.linalg.svdvals(x)) / h
        np.testing.assert_allclose(got, want, atol=1e-5)


# polar factors, draws, factors of singular matrices


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("point", ["identity", "orthogonal", "tall", "wide", "apart", "complex"])
def test_polar_factors_have_the_derivatives_of_a_root(point, side):
    x = MATRICES[point]
    t = (RNG.normal(size=x.shape) * (1 + 1j if x.dtype.kind == "c" else 1)).astype(x.dtype)
    narrow = x.shape[0] >= x.shape[1]
    gram = (lambda a: np.conj(a.mT) @ a) if narrow else (lambda a: a @ np.conj(a.mT))

    def twin(a):
        root = linalg.sqrtm(gram(a))
        u = a @ np.linalg.inv(root) if narrow else np.linalg.inv(root) @ a
        if narrow != (side == "right"):
            root = u @ root @ np.conj(u.mT) if narrow else np.conj(u.mT) @ root @ u
        return u, root

    f = lambda a: linalg.polar(a, side)
    for i in (0, 1):
        shape = twin(x)[i].shape
        weights = RNG.normal(size=shape)
        loss = lambda h, i=i, c=weights: lambda a: np.sum(np.real(h(a)[i] * c))
        close(twin(x)[i], f(x)[i], 1e-11)
        close(fg.grad(loss(twin))(x), fg.grad(loss(f))(x), 1e-10)
        close(fg.jvp(twin, (x,), (t,))[1][i], fg.jvp(f, (x,), (t,))[1][i], 1e-10)
        second = lambda h, loss=loss: lambda a: fg.jvp(fg.grad(loss(h)), (a,), (t,))[1]
        close(second(twin)(x), second(f)(x), 1e-9)
        close(second(f)(x), fg.jit(second(f))(x), 1e-11)


def test_polar_factors_of_singular_matrices_have_no_derivative():
    for x in (np.zeros((2, 2)), np.diag([1.0, 0.0]), low_rank(4, 3, 1)):
        got, warned = quiet(
            fg.grad(lambda a: np.sum(linalg.polar(a)[0] * np.arange(a.shape[1]))), x
        )
        assert warned and np.isnan(got).any()


@pytest.mark.parametrize("method", ["eigh", "svd"])
def test_draws_at_equal_variances_move_with_the_covariance(method):
    def draw(cov):
        return random.multivariate_normal(random.key(3), np.zeros(3), cov, (5,), method=method)

    for cov in (np.eye(3), np.diag([2.0, 2.0, 1.0]), np.eye(3) + 0.3):
        t, h = symmetric(B[:3, :3]), 1e-6
        want = (draw(cov + h * t) - draw(cov - h * t)) / (2 * h)
        np.testing.assert_allclose(fg.jvp(draw, (cov,), (t,))[1], want, rtol=1e-7, atol=1e-8)
        loss = lambda cov: np.sum(np.sin(draw(cov)))
        slope = (loss(cov + h * t) - loss(cov - h * t)) / (2 * h)
        assert np.sum(fg.grad(loss)(cov) * t) == pytest.approx(slope, rel=1e-7)


def test_draws_of_a_singular_covariance_move_along_matrices_of_its_rank():
    half = RNG.normal(size=(4, 2))

    def loss(half):
        cov = half @ half.T
        return np.sum(np.sin(random.multivariate_normal(random.key(3), np.zeros(4), cov, (5,),
                                                        method="eigh")))  # fmt: skip

    t, h = RNG.normal(size=half.shape), 1e-6
    want = (loss(half + h * t) - loss(half - h * t)) / (2 * h)
    assert np.sum(fg.grad(loss)(half) * t) == pytest.approx(want, rel=1e-6)


def test_general_eigenvalues_that_are_equal():
    cube = lambda a: np.real(np.sum(np.linalg.eigvals(a) ** 3))
    twin = lambda a: np.trace(a @ a @ a)
    for x in (np.eye(3), np.diag([1.0, 1.0, 2.0]), A[:3, :3]):
        close(fg.grad(twin)(x), fg.grad(cube)(x), 1e-11)
        t = B[:3, :3]
        close(fg.jvp(twin, (x,), (t,))[1], fg.jvp(cube, (x,), (t,))[1], 1e-11)
        for second in (fg.hessian, lambda f: fg.jacrev(fg.grad(f))):
            got, warned = quiet(second(cube), x)
            if warned:
                assert np.isnan(got).all()
            else:
                close(fg.hessian(twin)(x), got, 1e-10)
    for defective in (np.array([[1.0, 1.0], [0.0, 1.0]]), np.diag([1.0, 1.0], 1)):
        got, warned = quiet(fg.grad(cube), defective)
        assert warned and np.isnan(got).all()


def test_dependent_columns_have_no_factors_to_differentiate():
    scaled = A * [1.0, 1e-12, 1e8, 1e-20]  # which are not dependent
    fg.check_grads(lambda a: np.linalg.qr(a * [1.0, 1e-12, 1e8, 1e-20])[0], (A,), order=1)
    assert np.isfinite(fg.grad(lambda a: np.sum(np.linalg.qr(a)[0]))(scaled)).all()
    for x in (np.zeros((3, 3)), low_rank(4, 3, 2), np.ones((2, 2))):
        for i in (0, 1):
            f = lambda a, i=i: np.sum(np.linalg.qr(a)[i] ** 2 * 1.5)
            along = lambda a, f=f: fg.jvp(f, (a,), (A[: a.shape[0], : a.shape[1]],))[1]
            for derivative in (fg.grad(f), along):
                got, warned = quiet(derivative, x)
                assert warned and np.isnan(got).any()


def test_the_logarithm_of_a_singular_determinant_has_no_gradient():
    for x in (np.zeros((2, 2)), np.ones((2, 2)), low_rank(3, 3, 1)):
        loss = lambda a: np.linalg.slogdet(a)[1]
        for f in (fg.grad(loss), fg.jit(fg.grad(loss))):
            got, warned = quiet(f, x)
            assert warned and np.isnan(got).all()
        chosen = lambda a: np.where(np.linalg.det(a) > 1e-9, np.linalg.slogdet(a)[1], np.sum(a))
        got, _ = quiet(fg.grad(chosen), x)
        close(np.ones_like(x), got)


def test_warnings_name_the_line_and_the_cure():
    with pytest.warns(RuntimeWarning, match="funcgrad.linalg.matrix_function") as seen:
        fg.grad(lambda a: np.sum(by_eigh(np.exp)(a) * C[:2, :2]))(np.eye(2))
    assert seen[0].filename == __file__
    with pytest.warns(RuntimeWarning, match="funcgrad.linalg.polar"):
        fg.grad(lambda a: np.sum(by_svd()(a) * C[:2, :2]))(np.eye(2))


@pytest.mark.parametrize("shape", [(0, 0), (2, 0, 0), (0, 3, 3), (0, 0, 0), (2, 0), (0, 2),
                                   (3, 2, 0), (3, 0, 2), (0, 2, 3)])  # fmt: skip
def test_empty_matrices_have_empty_derivatives(shape):
    x = np.broadcast_to(np.eye(shape[-2], shape[-1]), shape).copy()
    functions = [np.linalg.qr, np.linalg.svd, np.linalg.svdvals, linalg.polar,
                 lambda a: np.linalg.svd(a, full_matrices=False), np.linalg.pinv]  # fmt: skip
    if shape[-1] == shape[-2]:
        functions += [np.linalg.eigh, np.linalg.eigvalsh, np.linalg.eig, np.linalg.eigvals,
                      np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.cholesky,
                      lambda a: np.linalg.solve(a, a), linalg.sqrtm, linalg.logm, linalg.expm,
                      lambda a: np.linalg.svd(a, hermitian=True)]  # fmt: skip
    for f in functions:
        loss = lambda a, f=f: np.real(sum(np.sum(y) for y in tree.leaves(f(a))))
        second = fg.grad(lambda a, loss=loss: np.sum(fg.grad(loss)(a)))
        for g in (fg.grad(loss), fg.jit(fg.grad(loss)), second):
            assert g(x).shape == shape and np.isfinite(g(x)).all()
        fg.jvp(f, (x,), (x,))
