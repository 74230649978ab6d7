"""Each name of scipy.interpolate, ndimage, signal, fft, sparse.linalg and quad beside SciPy's.

One table of calls: value, dtype, gradient against central differences, jvp against vjp, vmap
against a loop, and jit.
"""

import importlib

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import ConcretizationError, ShapeError, UnsupportedError
from funcgrad.scipy import integrate, interpolate, ndimage, signal
from funcgrad.scipy.sparse import linalg

from .support import (  # noqa: F401, which enter their calls
    twins_of_filters,
    twins_of_functions,
    twins_of_images,
    twins_of_signals,
    twins_of_splines,
)
from .support.twins import AT, CALLS, GRID, IMAGE, SOS, SPOTS, WAVE, X, Y

RNG = np.random.default_rng(6)
A = RNG.normal(size=(6, 6)) / 3 + 3 * np.eye(6)


class Module:
    """A module, with NumPy for calls that need it."""

    def __init__(self, name):
        self.module, self.np = importlib.import_module(name), np

    def __getattr__(self, name):
        return getattr(self.module, name)


# by SciPy's solvers or its triangulation
BY_SCIPY = {
    "optimize.anderson", "optimize.broyden1", "optimize.broyden2", "optimize.newton_krylov",
    "optimize.fmin_cg", "optimize.fmin_ncg", "optimize.fmin_powell",
    "interpolate.LinearNDInterpolator", "interpolate.griddata linear",
}  # fmt: skip


def ours(name):
    if name in BY_SCIPY:
        pytest.importorskip("scipy", reason="SciPy is an optional extra")
    function, args, options = CALLS[name]
    module = Module("funcgrad.scipy." + name.partition(".")[0])
    return lambda *xs: function(module, *xs), args, options.get("smooth", True)


def central(f, args, directions, e=1e-4):
    along = lambda s: np.asarray(f(*(x + s * d for x, d in zip(args, directions, strict=True))))
    return (4 * (along(e) - along(-e)) / (2 * e) - (along(2 * e) - along(-2 * e)) / (4 * e)) / 3


@pytest.mark.parametrize("name", CALLS)
def test_a_call_has_the_value_of_scipy(name):
    pytest.importorskip("scipy")
    f, args, _ = ours(name)
    function = CALLS[name][0]
    with np.errstate(invalid="ignore"):  # SciPy divides by the counts of labels that do not occur
        want = function(Module("scipy." + name.partition(".")[0]), *args)
    got = f(*args)

    assert np.shape(got) == np.shape(want) and np.asarray(got).dtype == np.asarray(want).dtype
    # SciPy solves for tensor splines iteratively, and starts the filter of "reflect" by a short sum
    rough = {"interpolate.RegularGridInterpolator cubic", "ndimage.map_coordinates reflect"}
    rtol = 1e-3 if name in rough else CALLS[name][2].get("rough", 1e-7)
    np.testing.assert_allclose(got, want, rtol=rtol, atol=1e-9)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * ("slow" in CALLS[n][2])) for n in CALLS]
)
def test_a_call_has_derivatives_of_both_modes(name):
    f, args, smooth = ours(name)
    directions = [np.cos(3 * x + 1) for x in args]
    value, tangent = fg.jvp(f, args, directions)
    ct = np.cos(np.arange(float(np.size(value)))).reshape(np.shape(value))
    pulled = fg.vjp(f, *args)[1](ct)
    total = sum(np.sum(p * d) for p, d in zip(pulled, directions, strict=True))

    np.testing.assert_allclose(np.sum(ct * tangent), total, rtol=1e-9, atol=1e-11)
    if smooth:
        want = central(f, args, directions)
        np.testing.assert_allclose(tangent, want, rtol=1e-6, atol=1e-6)  # of the differences


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CALLS if "eager" not in CALLS[name][2]])
def test_a_call_compiles_and_batches(name):
    f, args, _ = ours(name)
    scale = np.array([1.0, 1.01])
    many = [np.multiply.outer(scale, x) for x in args]

    np.testing.assert_allclose(fg.jit(f)(*args), f(*args), rtol=1e-9, atol=1e-11)
    want = [f(*(x[i] for x in many)) for i in range(2)]
    np.testing.assert_allclose(fg.vmap(f)(*many), want, rtol=1e-9, atol=1e-11)


# sparse systems


def systems():
    matrix = fg.sparse.csr(np.where(np.abs(A) > 0.2, A, 0))
    matrix = fg.sparse.CSR(matrix.data, matrix.pattern)
    return matrix, RNG.normal(size=6)


@pytest.mark.parametrize("name", ["cg", "cgs", "tfqmr", "gmres", "bicgstab", "spsolve"])
@pytest.mark.parametrize("kind", ["csr", "dense", "function"])
def test_a_sparse_system_has_the_derivatives_of_the_dense_one(name, kind):
    matrix, b = systems()
    if name == "cg":
        dense = matrix.todense() @ matrix.todense().T
        matrix = fg.sparse.csr(dense)
    if (name, kind) == ("spsolve", "function"):
        pytest.skip("takes a matrix")
    tight = {} if name == "spsolve" else {"rtol": 1e-13}

    def solved(data, b):
        a = fg.sparse.CSR(data, matrix.pattern)
        given = {"csr": a, "dense": a.todense(), "function": lambda v: a @ v}[kind]
        found = getattr(linalg, name)(given, b, **tight)
        return found if name == "spsolve" else found[0]

    # of conjugate gradients a symmetric direction, which keeps the matrix symmetric
    push = np.cos(np.arange(matrix.nnz)) if name != "cg" else matrix.data
    exact = lambda data, b: np.linalg.solve(fg.sparse.CSR(data, matrix.pattern).todense(), b)
    args, tangents = (matrix.data, b), (push, np.cos(b))

    np.testing.assert_allclose(solved(*args), exact(*args), rtol=1e-9)
    np.testing.assert_allclose(
        fg.jvp(solved, args, tangents)[1], fg.jvp(exact, args, tangents)[1], rtol=1e-8
    )
    loss = lambda f: lambda b: np.sum(f(matrix.data, b) ** 2)
    np.testing.assert_allclose(fg.grad(loss(solved))(b), fg.grad(loss(exact))(b), rtol=1e-8)
    if name != "cg":
        slope = lambda f: fg.grad(lambda d: np.sum(f(d, b) ** 3))(matrix.data)
        np.testing.assert_allclose(slope(solved), slope(exact), rtol=1e-8)
    if kind == "csr":
        np.testing.assert_allclose(fg.jit(solved)(*args), solved(*args), rtol=1e-9)
        many = np.stack([b, 2 * b])
        np.testing.assert_allclose(
            fg.vmap(lambda b: solved(matrix.data, b))(many), [solved(matrix.data, x) for x in many]
        )


def test_solvers_take_preconditioners_and_say_when_they_stop():
    b = RNG.normal(size=6)
    near = np.diag(1 / np.diag(A))
    for name in ("gmres", "bicgstab", "cgs", "tfqmr"):
        x, info = getattr(linalg, name)(A, b, rtol=1e-12, M=near)
        _, stopped = getattr(linalg, name)(A, b, rtol=1e-14, maxiter=1, **(
            {"restart": 2} if name == "gmres" else {}))  # fmt: skip
        np.testing.assert_allclose(x, np.linalg.solve(A, b), rtol=1e-9)
        assert info == 0 and stopped == 1
    wave = A + 1j * np.diag(np.arange(6.0))
    np.testing.assert_allclose(
        linalg.gmres(wave, b, rtol=1e-12)[0], np.linalg.solve(wave, b), rtol=1e-9
    )
    with pytest.raises(ShapeError, match=r"cg: the matrix must be 6 by 6 for b f64\[6\]"):
        linalg.cg(np.eye(5), b)
    with pytest.raises(np.linalg.LinAlgError):
        linalg.spsolve(np.diag([1.0, 0.0]), np.ones(2))


# edges


def test_splines_are_trees_and_say_what_does_not_fit():
    curve = interpolate.CubicSpline(X, Y)
    doubled = fg.tree.map(lambda leaf: leaf, curve)
    assert doubled(1.5) == curve(1.5)
    assert np.isnan(interpolate.PPoly(curve.c, curve.x, False)(9.0))
    np.testing.assert_allclose(curve.derivative()(AT), curve(AT, 1))
    wide = interpolate.CubicSpline(X, np.stack([Y, 2 * Y]), axis=1)
    np.testing.assert_allclose(wide(AT), [curve(AT), 2 * curve(AT)], rtol=1e-12)
    long = np.linspace(0, 9, 150)
    np.testing.assert_allclose(interpolate.CubicSpline(long, long**3)(4.44), 4.44**3, rtol=1e-10)
    with pytest.raises(ValueError, match="x must be strictly ascending"):
        interpolate.CubicSpline(X[::-1], Y)
    with pytest.raises(ValueError, match="places must be inside of the grid"):
        interpolate.RegularGridInterpolator(GRID, IMAGE)(np.array([9.0, 0.0]))
    outside = interpolate.RegularGridInterpolator(GRID, IMAGE, bounds_error=False)
    assert np.isnan(outside(np.array([9.0, 0.0])))


def test_filters_keep_float32_and_refuse_what_they_do_not_have():
    single = IMAGE.astype("f4")
    for f in (
        lambda x: ndimage.gaussian_filter(x, 1.0), lambda x: ndimage.zoom(x, 2),
        lambda x: ndimage.map_coordinates(x, SPOTS),
        lambda x: signal.lfilter(np.ones(1, "f4"), np.ones(2, "f4"), x),
    ):  # fmt: skip
        assert f(single).dtype == np.float32
    sigma = fg.jvp(lambda s: ndimage.gaussian_filter(IMAGE, s, radius=4), (1.1,), (1.0,))[1]
    slope = lambda s: ndimage.gaussian_filter(IMAGE, s, radius=4)
    np.testing.assert_allclose(sigma, (slope(1.1001) - slope(1.0999)) / 2e-4, atol=1e-7)
    with pytest.raises(ValueError, match="map_coordinates: mode must be one of"):
        ndimage.map_coordinates(IMAGE, SPOTS, mode="x")
    with pytest.raises(UnsupportedError, match="multiply func by the weight"):
        integrate.quad(np.cos, 0.0, 1.0, weight="cos")
    jumping = lambda x: 1.0 if x > 0.3 else 0.0
    np.testing.assert_allclose(integrate.quad(jumping, 0.0, 1.0, points=[0.3])[0], 0.7)
    area = fg.jit(lambda b: integrate.quad(np.exp, 0.0, b)[0])
    np.testing.assert_allclose(area(1.0), np.e - 1, rtol=1e-12)


def test_quad_vec_names_what_it_does_not_take():
    f = lambda x: np.stack([x, x * x])
    with pytest.raises(ConcretizationError, match="quad_vec: the mesh depends on values"):
        fg.jit(lambda b: integrate.quad_vec(f, 0.0, b)[0])(1.0)
    with pytest.raises(UnsupportedError, match="quadrature None or 'gk21': got False and 'trapez"):
        integrate.quad_vec(f, 0.0, 1.0, quadrature="trapezoid")
    waves = integrate.quad_vec(lambda x: np.exp(1j * x * np.arange(3)), 0.0, 1.0)[0]
    np.testing.assert_allclose(waves[1:], np.expm1(1j * np.arange(1, 3)) / (1j * np.arange(1, 3)))


def test_interp1d_says_what_does_not_fit_and_is_a_tree():
    with pytest.raises(ValueError, match="interp1d: places must be between the samples"):
        interpolate.interp1d(X, Y)(9.0)
    with pytest.raises(ValueError, match="interp1d: kind must be a degree or one of slinear, "):
        interpolate.interp1d(X, Y, "best")
    with pytest.raises(ShapeError, match=r"x must be \[n\] and y have n elements along axis -1"):
        interpolate.interp1d(X, Y[:3])
    doubled = fg.tree.map(lambda leaf: leaf, interpolate.interp1d(X, Y, bounds_error=False))
    assert doubled(1.5) == np.interp(1.5, X, Y) and np.isnan(doubled(9.0))


def test_the_inverse_of_a_short_time_transform_inverts():
    for options in ({}, {"nperseg": 7}, {"nperseg": 8, "noverlap": 6, "window": "hamming"}):
        short = {"nperseg": 8, **options}
        _, _, z = signal.stft(WAVE, **short)
        found = signal.istft(z, input_onesided=True, **short)[1][: len(WAVE)]
        np.testing.assert_allclose(found, WAVE, rtol=1e-10, atol=1e-12)
    assert signal.stft(WAVE.astype("f4"), nperseg=8)[2].dtype == np.complex64
    with pytest.warns(UserWarning, match="leave times without weight"):
        signal.istft(z, nperseg=8, noverlap=0, boundary=False)
    with pytest.raises(ValueError, match="stft: boundary must be 'zeros', 'constant'"):
        signal.stft(WAVE, nperseg=8, boundary="wrap")


NEED_VALUES = {
    "find_peaks": lambda x: signal.find_peaks(x)[0],
    "argrelmax": lambda x: signal.argrelmax(x)[0],
    "buttord": lambda x: signal.buttord(x[0], x[1], 1.0, 40.0)[1],
    "residue": lambda x: signal.residue(x[:2], x[:4])[0],
    "zpk2sos": lambda x: signal.zpk2sos(x[:2], x[:3], 1.0, "minimal"),
    "label": lambda x: ndimage.label(x)[0],
    "median": lambda x: ndimage.median(x, x > 0, x[0]),
    "distance_transform_edt": ndimage.distance_transform_edt,
    "binary_erosion": lambda x: ndimage.binary_erosion(x, iterations=-1),
    "sproot": lambda x: interpolate.sproot((np.arange(11.0), x[:11], 3)),
}


@pytest.mark.parametrize("name", NEED_VALUES)
def test_a_function_that_needs_values_says_so_under_jit(name):
    with pytest.raises(ConcretizationError, match=f"^{name}: .*under jit"):
        fg.jit(NEED_VALUES[name])(WAVE)


SINGLE = {
    "savgol_filter": lambda x: signal.savgol_filter(x, 5, 2), "medfilt": signal.medfilt,
    "wiener": signal.wiener, "resample_poly": lambda x: signal.resample_poly(x, 3, 2),
    "resample": lambda x: signal.resample(x, 9), "envelope": signal.envelope,
    "upfirdn": lambda x: signal.upfirdn(x[:3], x, 2), "sosfiltfilt": lambda x: signal.sosfiltfilt(
        SOS.astype("f4"), x), "maximum_filter": lambda x: ndimage.maximum_filter(x, 3),
    "grey_opening": lambda x: ndimage.grey_opening(x, 3), "rotate": lambda x: ndimage.rotate(
        x.reshape(4, 6), 20.0), "gaussian_laplace": lambda x: ndimage.gaussian_laplace(x, 1.0),
    "KroghInterpolator": lambda x: interpolate.KroghInterpolator(np.arange(4, dtype="f4"), x[:4])(
        np.float32(1.5)), "cumulative_simpson": lambda x: integrate.cumulative_simpson(
        x, x=np.arange(24, dtype="f4")),
}  # fmt: skip


@pytest.mark.parametrize("name", SINGLE)
def test_a_function_of_float32_gives_float32(name):
    x = WAVE.astype("f4")

    assert np.asarray(SINGLE[name](x)).dtype == np.float32
    assert fg.grad(lambda x: SINGLE[name](x).sum())(x).dtype == np.float32
