"""Each function of funcgrad.scipy.linalg, from one table: values, dtypes, derivatives, transforms.

A row gives arguments, of which arrays are differentiated, and what of the result is determined:
factors are compared by their products.
"""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import UnsupportedError
from funcgrad.ops.linalg import banded
from funcgrad.scipy import linalg

scipy = pytest.importorskip("scipy.linalg")

RNG = np.random.default_rng(0)
A = RNG.normal(size=(3, 3)) + 3 * np.eye(3)
B = RNG.normal(size=(3, 3)) + 2 * np.eye(3)
W = RNG.normal(size=(3, 2))
S = A @ A.T
C, R, V = np.array([4.0, 1.0, 0.5]), np.array([4.0, -0.3, 0.2]), np.array([1.0, -2.0, 0.5])
BANDS = np.array([[0.0, 0.5, -0.3], [3.0, 2.0, 4.0], [0.2, 0.7, 0.0]])
HALF = np.array([[0.0, 0.5, -0.3], [3.0, 2.0, 4.0]])
INDEFINITE = np.array([[0.1, 2.0, 0.3], [2.0, -0.2, 0.7], [0.3, 0.7, 1.5]])  # of one and two pivots
TURNING = np.array([[0.3, 2.0, 0.1], [-1.0, 0.4, 0.2], [0.3, -0.2, 1.5]])  # of complex eigenvalues
QR = tuple(np.linalg.qr(A))
one = lambda y: y[0]
product = lambda y: y[0] @ y[1]


def both(y):
    return y


# name -> arguments, and the values compared
# fmt: off
ROWS = {
    "cholesky": ((S,), both), "solve": ((A, W), both), "eigvalsh": ((S,), both),
    "det": ((A,), both), "inv": ((A,), both), "pinv": ((W,), both), "pinvh": ((S,), both),
    "lstsq": ((A, V), one), "norm": ((A,), both), "svdvals": ((W,), both),
    "solve_triangular": ((A, V), both), "expm": ((A / 3,), both),
    "expm_frechet": ((A / 3, B), both), "sqrtm": ((A,), both), "logm": ((A,), both),
    "cosm": ((A,), both), "sinm": ((A,), both), "tanm": ((A / 5,), both),
    "coshm": ((A,), both), "sinhm": ((A,), both), "tanhm": ((A,), both), "signm": ((B,), both),
    "fractional_matrix_power": ((A, 0.3), both), "funm": ((A, np.exp), both),
    "solve_sylvester": ((A, B, RNG.normal(size=(3, 3))), both),
    "solve_continuous_lyapunov": ((A, S), both), "solve_discrete_lyapunov": ((A / 9, S), both),
    "solve_continuous_are": ((A, W, S, S[:2, :2]), both),
    "solve_discrete_are": ((A / 3, W, S, S[:2, :2]), both),
    "polar": ((A,), both), "block_diag": ((A, W), both), "toeplitz": ((C, R), both),
    "circulant": ((C,), both), "hankel": ((C, R), both), "companion": ((C,), both),
    "leslie": ((C, V[:2] + 3), both), "fiedler": ((C,), both),
    "convolution_matrix": ((C, 4), both), "solve_toeplitz": (((C, R), V), both),
    "matmul_toeplitz": (((C, R), W), both), "solve_circulant": ((C, V), both),
    "solve_banded": (((1, 1), BANDS, V), both), "solveh_banded": ((HALF, W), both),
    "cholesky_banded": ((HALF,), both), "cho_solve_banded": (((HALF, False), V), both),
    "eigvals_banded": ((HALF,), both), "eigvalsh_tridiagonal": ((C, V[:2]), both),
    "eig_banded": ((HALF,), one), "eigh_tridiagonal": ((C, V[:2]), one), "eigh": ((S,), one),
    "khatri_rao": ((A, B), both), "orthogonal_procrustes": ((A, B), both),
    "subspace_angles": ((W[:, :1], B[:, :1]), both), "diagsvd": ((C, 3, 4), both),
    "qr": ((A,), product), "rq": ((A,), product), "lu": ((A,), lambda y: y[1] @ y[2]),
    "lu_factor": ((A,), one), "cho_factor": ((S,), lambda y: np.triu(y[0])),
    "svd": ((A,), lambda y: y[1]), "eigvals": ((S,), lambda y: np.sort(np.real(y))),
    "eig": ((S,), lambda y: np.sort(np.real(y[0]))),
    "orth": ((W,), lambda y: y @ y.T), "null_space": ((W.T,), lambda y: y @ y.T),
    "qr_multiply": ((A, B), lambda y: y[0] @ y[1]),
    "hessenberg": ((A, True), lambda y: y[1] @ y[0] @ y[1].T),
    "schur": ((A,), lambda y: y[1] @ y[0] @ y[1].T),
    "rsf2csf": (linalg.schur(TURNING), lambda y: y[1] @ y[0] @ np.conj(y[1].T)),
    "ldl": ((INDEFINITE,), both), "qr_update": ((*QR, V, C), product),
    "qr_insert": ((*QR, W, 1, "col"), product), "qr_delete": ((*QR, 1, 1, "row"), product),
    "cdf2rdf": (np.linalg.eig(TURNING), both), "expm_cond": ((A / 3,), both),
    "fiedler_companion": ((np.append(C, V),), both),
}
CONSTANT = {
    "hilbert": (4,), "invhilbert": (4,), "pascal": (4,), "invpascal": (4,), "hadamard": (4,),
    "helmert": (4,), "dft": (5,), "issymmetric": (S,), "ishermitian": (S,), "bandwidth": (A,),
}
# a derivative, or one that is determined
WITHOUT = {"null_space", "hessenberg", "schur", "rsf2csf", "orth"}
NOT_CALLED = {  # solvers that take factors
    "LinAlgError", "cho_solve", "lu_solve", "solve_lyapunov",
}
FAST = {"sqrtm", "logm", "funm", "solve_sylvester", "qr", "cholesky_banded", "matmul_toeplitz",
        "fractional_matrix_power", "solve_toeplitz", "pinvh", "solve_continuous_are"}
# fmt: on


def test_each_function_has_a_row():
    assert set(linalg.__all__) - ROWS.keys() - CONSTANT.keys() - NOT_CALLED == set()


def leaves(y):
    return [np.asarray(v) for v in (y if isinstance(y, tuple) else (y,))]


def close(want, got, rtol=1e-10):
    for a, b in zip(leaves(want), leaves(got), strict=True):
        np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("name", [*ROWS, *CONSTANT])
def test_values_and_dtypes_are_those_of_scipy(name):
    args, seen = ROWS.get(name, (CONSTANT.get(name), both))
    want, got = (f(*args) for f in (getattr(scipy, name), getattr(linalg, name)))
    close(seen(want), seen(got))
    if name not in ("hadamard", "pascal", "invpascal", "eig", "eigvals"):  # integers; complex
        kinds = [[y.dtype for y in leaves(seen(v))] for v in (want, got)]
        assert kinds[0] == kinds[1]


def placed(name):
    """The function of its floating arrays, and these."""
    args, seen = ROWS[name]
    free = [i for i, a in enumerate(args) if isinstance(a, np.ndarray)]
    pair = isinstance(args[0], tuple) and isinstance(args[0][0], np.ndarray)

    def f(*xs):
        rest = list(args)
        if pair:
            rest[0] = (xs[0], *args[0][1:])
            xs = xs[1:]
        for i, x in zip(free, xs, strict=True):
            rest[i] = x
        return seen(getattr(linalg, name)(*rest))

    return f, [*([args[0][0]] if pair else []), *[args[i] for i in free]]


named = pytest.mark.parametrize(
    "name",
    [n if n in FAST else pytest.param(n, marks=pytest.mark.slow)
     for n in ROWS if n not in WITHOUT],
)  # fmt: skip


@named
def test_derivatives_are_those_of_central_differences_in_both_modes(name):
    f, xs = placed(name)
    ts = [np.random.default_rng(i).normal(size=x.shape) for i, x in enumerate(xs)]
    if name in ("eigvalsh", "cholesky", "pinvh", "cho_factor", "eigh", "eig", "eigvals"):
        ts = [t + t.T for t in ts]  # one triangle is read, or the matrix must be symmetric
    ts = [t.astype(x.dtype) for x, t in zip(xs, ts, strict=True)]
    h = 1e-6
    out, moved = fg.jvp(f, tuple(xs), tuple(ts))
    ends = [f(*[x + s * h * t for x, t in zip(xs, ts, strict=True)]) for s in (1, -1)]
    want = tuple((p - m) / (2 * h) for p, m in zip(*map(leaves, ends), strict=True))

    close(want, moved, 1e-6)
    _, pull = fg.vjp(f, *xs)
    cts = [np.random.default_rng(9).normal(size=y.shape).astype(y.dtype) for y in leaves(out)]
    back = pull(tuple(cts) if isinstance(out, tuple) else cts[0])
    pushed = sum(np.sum(c * y) for c, y in zip(cts, leaves(moved), strict=True))
    pulled = sum(np.sum(b * t) for b, t in zip(back, ts, strict=True))
    np.testing.assert_allclose(np.real(pulled), pushed, rtol=1e-8)


@named
def test_vmap_is_a_loop_and_jit_changes_nothing(name):
    f, xs = placed(name)
    want = f(*xs)

    close(want, fg.jit(f)(*xs)) if name not in ("orth", "subspace_angles") else None
    if name in ("orth", "subspace_angles"):  # the rank must be known
        return
    got = fg.vmap(f)(*[np.stack([x, 1.1 * x]) for x in xs])
    close(want, tuple(y[0] for y in leaves(got)))
    close(f(*[1.1 * x for x in xs]), tuple(y[1] for y in leaves(got)))


# functions of matrices at equal eigenvalues


JORDAN = 2 * np.eye(3) + np.eye(3, k=1)
POINTS = {
    "a Jordan block": JORDAN, "nearly one": JORDAN + 1e-9 * A, "the identity": np.eye(3),
    "equal pairs": np.kron(np.eye(2), A[:2, :2]) + np.kron(np.eye(2, k=1), B[:2, :2]),
}  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
def test_functions_of_matrices_are_right_at_equal_eigenvalues(point):
    a = POINTS[point]
    e = np.random.default_rng(1).normal(size=a.shape)

    close(a, linalg.sqrtm(a) @ linalg.sqrtm(a), 1e-12)
    close(a, linalg.expm(linalg.logm(a)), 1e-12)
    close(linalg.expm(a), linalg.funm(a, np.exp), 1e-12)
    close(linalg.sqrtm(a), linalg.funm(a, np.sqrt), 1e-12)
    want = linalg.expm_frechet(a, e, compute_expm=False)
    close(want, fg.jvp(lambda x: linalg.funm(x, np.exp), (a,), (e,))[1], 1e-10)
    x = linalg.sqrtm(a)
    moved = fg.jvp(linalg.sqrtm, (a,), (e,))[1]
    close(e, x @ moved + moved @ x, 1e-10)
    log = fg.jvp(linalg.logm, (a,), (e,))[1]
    close(e, linalg.expm_frechet(linalg.logm(a), log, compute_expm=False), 1e-10)


def test_second_derivatives_of_functions_of_matrices():
    f = lambda t: np.sum(linalg.funm(A + t * B, np.exp) * S)
    g = lambda t: np.sum(linalg.expm(A + t * B) * S)

    want = fg.grad(fg.grad(g))(0.1)
    assert fg.grad(fg.grad(f))(0.1) == pytest.approx(want, rel=1e-10)
    assert fg.jvp(fg.grad(f), (0.1,), (1.0,))[1] == pytest.approx(want, rel=1e-10)
    log = lambda t: np.sum(linalg.logm(A + t * B))
    slope = fg.grad(log)
    got = fg.grad(slope)(0.1)
    assert got == pytest.approx((slope(0.1 + 1e-5) - slope(0.1 - 1e-5)) / 2e-5, rel=1e-7)


def test_functions_of_complex_matrices_stacks_and_single_precision():
    z = A + 1j * B
    stack = np.stack([A, S])

    close(scipy.logm(z), linalg.logm(z))
    close([scipy.sqrtm(a) for a in stack], [*linalg.sqrtm(stack)])
    assert linalg.sqrtm(A.astype(np.float32)).dtype == np.float32
    assert linalg.logm(np.zeros((0, 0))).shape == (0, 0)
    slope = fg.jvp(linalg.sqrtm, (z,), (B * 1j,))[1]
    want = (linalg.sqrtm(z + 1e-6j * B) - linalg.sqrtm(z - 1e-6j * B)) / 2e-6
    close(want, slope, 1e-7)
    with pytest.warns(RuntimeWarning, match="logm: of this real matrix it is complex"):
        assert np.isnan(linalg.logm(-np.eye(2))).all()
    with pytest.warns(RuntimeWarning, match="sqrtm: the matrix is singular"):
        assert np.isnan(linalg.sqrtm(np.eye(2, k=1))).any()


def test_pivots_of_qr_are_those_of_scipy():
    a = RNG.normal(size=(4, 6))
    for mode in ("full", "economic", "r"):
        *factors, p = linalg.qr(a, mode, pivoting=True)
        *_, want = scipy.qr(a, mode=mode, pivoting=True)
        np.testing.assert_array_equal(p, want)
        r = factors[-1]
        np.testing.assert_allclose(r.T @ r, a[:, p].T @ a[:, p], atol=1e-12)
    f = lambda a: np.sum(np.abs(linalg.qr(a, "r", pivoting=True)[0]))
    fg.check_grads(f, (a,), 1)


def test_what_has_no_derivative_is_refused():
    with pytest.raises(UnsupportedError, match="schur: its derivative is not implemented"):
        fg.jvp(lambda a: linalg.schur(a, "complex"), (A,), (B,))


def test_the_real_schur_form_is_as_lapacks():
    rng = np.random.default_rng(3)
    for n in range(1, 9):
        x = rng.normal(size=(n, n))
        for a in (
            x, x - x.T, x + x.T, np.round(x), np.linalg.qr(x)[0], np.zeros((n, n)), np.eye(n, k=-1),
            np.roll(np.eye(n), 1, 0), np.eye(n) + np.eye(n, k=1), x * 10.0 ** rng.uniform(-8, 8, n),
        ):  # fmt: skip
            t, z = linalg.schur(a)
            np.testing.assert_allclose(z @ t @ z.T, a, atol=1e-13 * max(1, np.abs(a).max()))
            np.testing.assert_allclose(z @ z.T, np.eye(n), atol=1e-13)
            below = np.diagonal(t, -1)
            pairs = np.flatnonzero(below)
            assert not np.tril(t, -2).any() and not np.any(below[1:] * below[:-1])
            assert np.array_equal(t[pairs, pairs], t[pairs + 1, pairs + 1])
            assert np.all(t[pairs, pairs + 1] * below[pairs] < 0)
    turned, unitary = linalg.rsf2csf(t, z)
    np.testing.assert_allclose(
        unitary @ turned @ np.conj(unitary.T), a, atol=1e-13 * np.abs(a).max()
    )


# Riccati equations


each_riccati = pytest.mark.parametrize("name", ["solve_continuous_are", "solve_discrete_are"])


@each_riccati
def test_riccati_equations_take_all_terms_of_scipy_complex_numbers_and_stacks(name):
    ours, theirs = (getattr(module, name) for module in (linalg, scipy))
    terms = {"e": np.eye(3) + A / 9, "s": W / 9}
    turned = A / 3 + 1j * B / 9
    stack = np.stack([A / 3, B / 3])

    close(theirs(A / 3, W, S, np.eye(2), **terms), ours(A / 3, W, S, np.eye(2), **terms))
    close(theirs(turned, W, S, np.eye(2)), ours(turned, W + 0j, S, np.eye(2)))
    close(np.stack([theirs(a, W, S, np.eye(2)) for a in stack]), ours(stack, W, S, np.eye(2)))


@each_riccati
def test_riccati_equations_have_derivatives_of_high_order(name):
    f = lambda t: getattr(linalg, name)(A / 3 + t * B / 9, W, S, np.eye(2) * (1 + t))[0, 1]
    second = fg.grad(fg.grad(f))
    h = 1e-4
    want = (second(h) - second(-h)) / (2 * h)

    np.testing.assert_allclose(fg.grad(second)(0.0), want, rtol=1e-6)  # the differences' error


@each_riccati
def test_a_riccati_equation_without_a_stabilizing_solution_is_refused(name):
    solve = getattr(linalg, name)
    with pytest.raises(np.linalg.LinAlgError, match=f"{name}: .* no finite stabilizing solution"):
        solve(np.diag([1.5, 2.0, 3.0]), np.zeros((3, 2)), S, np.eye(2))
    with pytest.raises(fg.errors.ShapeError, match=f"{name}: b of 3 rows and 2 columns needs"):
        solve(A, W, S, np.eye(3))


# banded systems, of more unknowns than a dense one


def long_band(below, above, n=90, scale=1.0):
    band = RNG.normal(size=(below + above + 1, n))
    band[above] += scale * 2 * (below + above + 1)
    return band


@pytest.mark.parametrize("by", ["lapack", "blocks"])
@pytest.mark.parametrize(("below", "above"), [(1, 1), (3, 0), (0, 2), (12, 25)])
def test_long_banded_systems_are_those_of_scipy(below, above, by, monkeypatch):
    if by == "blocks":
        monkeypatch.setattr(banded, "routine", lambda name, char: None)
    needs_pivots = long_band(below, above, scale=0.1 if below and above else 1.0)
    for band in (needs_pivots, long_band(below, above) * (1 + 2j)):
        b = RNG.normal(size=(90, 2))
        want = scipy.solve_banded((below, above), band, b)

        close(want, linalg.solve_banded((below, above), band, b), rtol=1e-9)


@pytest.mark.parametrize("lower", [False, True])
def test_long_banded_factors_are_those_of_scipy(lower):
    band = long_band(2, 0) if lower else long_band(0, 2)
    band = band + 0.5j * RNG.normal(size=band.shape) * (np.arange(3) != 2 - 2 * lower)[:, None]

    want, got = (m.cholesky_banded(band, lower=lower) for m in (scipy, linalg))
    dense_factor = lambda x: banded.dense(x, *((2, 0) if lower else (0, 2)))

    close(dense_factor(want), dense_factor(got), rtol=1e-12)
    b = RNG.normal(size=90)
    close(scipy.solveh_banded(band, b, lower=lower), linalg.solveh_banded(band, b, lower))
    close(scipy.cho_solve_banded((want, lower), b), linalg.cho_solve_banded((got, lower), b))


def test_derivatives_of_long_banded_systems_are_those_of_dense_ones():
    band, b = long_band(2, 1), RNG.normal(size=90)
    half, weights = band[1:], RNG.normal(size=(3, 90))
    whole = lambda h: (lambda a: a + a.T - np.diag(np.diag(a)))(banded.dense(h, 2, 0))
    below = lambda a: np.stack([np.diag(a, -k)[:85] for k in range(3)])
    pairs = [
        (lambda p, b: linalg.solve_banded((2, 1), p, b),
         lambda p, b: np.linalg.solve(banded.dense(p, 2, 1), b), (band, b)),
        (lambda h: linalg.cholesky_banded(h, True)[:, :85] * weights[:, :85],
         lambda h: below(np.linalg.cholesky(whole(h))) * weights[:, :85], (half,)),
    ]  # fmt: skip
    for ours, dense, args in pairs:
        f, g = (lambda *x, f=f: np.sum(np.sin(f(*x))) for f in (ours, dense))
        every = tuple(range(len(args)))

        close(fg.grad(g, every)(*args), fg.jit(fg.grad(f, every))(*args), rtol=1e-8)
        tangents = tuple(np.cos(x) for x in args)
        close(fg.jvp(g, args, tangents)[1], fg.jvp(f, args, tangents)[1], rtol=1e-8)


@pytest.mark.parametrize("lower", [False, True])
def test_a_long_banded_factor_has_the_same_rules_by_blocks_and_by_lapack(lower, monkeypatch):
    band = long_band(3, 0) if lower else long_band(0, 3)
    band, t = band * (1 + 0j), RNG.normal(size=band.shape)
    want = linalg.cholesky_banded(band, lower)
    moved = fg.jvp(lambda x: linalg.cholesky_banded(x, lower), (band,), (t + 0j,))[1]
    of_dense = lambda x: banded.cholesky_banded_p(x, lower=lower)

    close(fg.jvp(of_dense, (band,), (t + 0j,))[1], moved, rtol=1e-12)
    monkeypatch.setattr(banded, "routine", lambda name, char: None)
    close(want, linalg.cholesky_banded(band, lower), rtol=1e-12)
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        linalg.cholesky_banded(-band, lower)


@pytest.mark.parametrize("hermitian", [False, True])
@pytest.mark.parametrize("lower", [False, True])
def test_indefinite_factors_are_those_of_scipy(lower, hermitian):
    z = RNG.normal(size=(9, 9)) + 1j * RNG.normal(size=(9, 9))
    z = z + (z.conj().T if hermitian else z.T)

    close(scipy.ldl(z, lower, hermitian), linalg.ldl(z, lower, hermitian), rtol=1e-12)
    lu, d, perm = linalg.ldl(np.zeros((2, 2)))
    assert (lu == np.eye(2)).all() and (d == 0).all() and (perm == [0, 1]).all()


def test_a_singular_band_is_refused():
    band = long_band(1, 1)
    band[:, 40:43] = 0

    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        linalg.solve_banded((1, 1), band, np.ones(90))
    with pytest.raises(fg.errors.ShapeError, match=r"b must have the shape \[90\] or \[90, K\]"):
        linalg.solve_banded((1, 1), band, np.ones(89))
