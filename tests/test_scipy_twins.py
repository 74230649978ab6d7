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

RNG = np.random.default_rng(5)
X, Y = np.sort(RNG.uniform(0, 4, 7)), RNG.normal(size=7)
AT = np.array([X[0], 0.9, 1.7, 2.6, 3.1])
WAVE, IMAGE, SMALL = RNG.normal(size=24), RNG.normal(size=(6, 5)), RNG.normal(size=(3, 2))
GRID = (np.array([0.0, 1.0, 2.5, 3.0, 4.0, 5.0]), np.array([-1.0, 0.0, 0.5, 2.0, 2.5]))
PLACES = RNG.uniform([0.1, -0.9], [4.9, 2.4], (4, 2))
SPOTS = np.array([[0.3, 2.2, 4.9, 3.5], [1.7, 3.9, 0.2, 2.0]])
A = RNG.normal(size=(6, 6)) / 3 + 3 * np.eye(6)
SOS = np.array([[0.3, 0.2, 0.1, 1.0, -0.4, 0.2], [1.0, 0.5, 0.0, 1.0, 0.3, 0.1]])

# name: the call of one module on arrays; arrays; the values compared with SciPy
CALLS = {}


def call(name, function, *args, **options):
    CALLS[name] = function, args, options


def spline(name, **options):
    return lambda m, x, y, at: getattr(m, name)(x, y, **options)(at)


for kind in ("not-a-knot", "clamped", "natural", ((1, 0.3), (2, -0.7))):
    call(f"interpolate.CubicSpline {kind}", spline("CubicSpline", bc_type=kind), X, Y, AT)
periodic = lambda m, x, y, at: m.CubicSpline(x, m.np.concatenate([y, y[:1]]), 0, "periodic")(at)
call("interpolate.CubicSpline of 2", spline("CubicSpline"), X[:2], Y[:2], AT)
call("interpolate.CubicSpline of 3", spline("CubicSpline"), X[:3], Y[:3], AT)
call("interpolate.PchipInterpolator", spline("PchipInterpolator"), X, Y, AT)
call("interpolate.Akima1DInterpolator", spline("Akima1DInterpolator"), X, Y, AT)
call("interpolate.CubicSpline slope", lambda m, x, y, at: m.CubicSpline(x, y)(at, 1), X, Y, AT)
call("interpolate.CubicSpline integral",
     lambda m, x, y: m.CubicSpline(x, y).integrate(0.9, 3.3), X, Y)  # fmt: skip
call("interpolate.CubicHermiteSpline",
     lambda m, x, y, d, at: m.CubicHermiteSpline(x, y, d)(at), X, Y, np.cos(Y), AT)  # fmt: skip
for k in (0, 1, 2, 3, 5):
    call(f"interpolate.make_interp_spline {k}",
         lambda m, x, y, at, k=k: m.make_interp_spline(x, y, k)(at), X, Y, AT + 0.01,
         smooth=k > 0)  # fmt: skip
call("interpolate.make_interp_spline natural",
     lambda m, x, y, at: m.make_interp_spline(x, y, bc_type="natural")(at), X, Y, AT)  # fmt: skip
call("interpolate.BSpline slope",
     lambda m, t, c, at: m.BSpline(t, c, 3)(at, 1), np.linspace(-1, 5, 11), Y, AT)  # fmt: skip
call("interpolate.BSpline integral",
     lambda m, t, c: m.BSpline(t, c, 3).integrate(1.0, 3.0), np.linspace(-1, 5, 11), Y)  # fmt: skip
for kind in ("linear", "nearest", "slinear", "cubic", "pchip"):
    call(f"interpolate.RegularGridInterpolator {kind}",
         lambda m, v, at, kind=kind: m.RegularGridInterpolator(GRID, v, kind)(at), IMAGE, PLACES,
         smooth=kind != "nearest")  # fmt: skip
for mode in ("reflect", "constant", "nearest", "mirror", "wrap"):
    call(f"ndimage.correlate {mode}",
         lambda m, x, w, mode=mode: m.correlate(x, w, mode=mode, cval=0.5),
         IMAGE, SMALL)  # fmt: skip
    call(f"ndimage.convolve {mode}",
         lambda m, x, w, mode=mode: m.convolve(x, w, mode=mode, cval=0.5),
         IMAGE, SMALL)  # fmt: skip
call("ndimage.convolve1d", lambda m, x, w: m.convolve1d(x, w, 0), IMAGE, SMALL[:, 0])
call("ndimage.correlate1d", lambda m, x, w: m.correlate1d(x, w, 1, origin=-1), IMAGE, WAVE[:4])
for order in (0, 1, 2):
    call(f"ndimage.gaussian_filter {order}",
         lambda m, x, order=order: m.gaussian_filter(x, (0.8, 1.3), order), IMAGE)  # fmt: skip
call("ndimage.gaussian_filter1d", lambda m, x: m.gaussian_filter1d(x, 1.2, 0, mode="wrap"), IMAGE)
for name in ("laplace", "sobel", "prewitt", "uniform_filter"):
    call(f"ndimage.{name}", lambda m, x, name=name: getattr(m, name)(x), IMAGE)
for order in (0, 1, 2, 3, 5):
    call(f"ndimage.map_coordinates {order}",
         lambda m, x, at, order=order: m.map_coordinates(x, at, order=order), IMAGE,
         SPOTS * 0.9, smooth=order > 0)  # fmt: skip
for mode in ("reflect", "mirror", "nearest", "grid-wrap", "constant", "wrap"):
    call(f"ndimage.map_coordinates {mode}",
         lambda m, x, at, mode=mode: m.map_coordinates(x, at, order=3, mode=mode, cval=0.3), IMAGE,
         SPOTS - 1.3)  # fmt: skip
call("ndimage.zoom", lambda m, x: m.zoom(x, (1.7, 0.6)), IMAGE)
call("ndimage.zoom of cells", lambda m, x: m.zoom(x, 2, order=1, mode="reflect", grid_mode=True),
     IMAGE)  # fmt: skip
call("ndimage.shift", lambda m, x: m.shift(x, (0.3, -1.2), order=3, mode="nearest"), IMAGE)
call("ndimage.affine_transform",
     lambda m, x: m.affine_transform(x, np.array([[0.8, 0.1], [-0.2, 0.9]]), [0.3, 0.4]),
     IMAGE)  # fmt: skip
call("ndimage.spline_filter", lambda m, x: m.spline_filter(x, 3), IMAGE)
call("signal.lfilter", lambda m, b, a, x: m.lfilter(b, a, x), WAVE[:3], 1 + WAVE[3:5] / 9, WAVE)
call("signal.lfilter of state",
     lambda m, b, a, x: m.lfilter(b, a, x, 0, zi=m.np.zeros((2, 5)) + 1)[1], WAVE[:3],
     np.array([2.0, 0.3]), IMAGE)  # fmt: skip
call("signal.lfilter_zi", lambda m, b, a: m.lfilter_zi(b, a), WAVE[:3], np.array([2.0, 0.3, 0.1]))
call("signal.filtfilt", lambda m, x: m.filtfilt([0.2, 0.3], [1.0, -0.4], x), WAVE)
call("signal.sosfilt", lambda m, s, x: m.sosfilt(s, x), SOS, WAVE)
call("signal.welch", lambda m, x: m.welch(x, 2.0, nperseg=8)[1], WAVE)
call("signal.welch median", lambda m, x: m.welch(x, nperseg=8, noverlap=2, average="median")[1],
     WAVE)  # fmt: skip
call("signal.csd", lambda m, x, y: m.csd(x, y, nperseg=9, detrend="linear")[1].real, WAVE, WAVE**2)
call("signal.periodogram", lambda m, x: m.periodogram(x, scaling="spectrum")[1], WAVE)
call("signal.hilbert", lambda m, x: m.hilbert(x).imag, WAVE)
call("signal.stft", lambda m, x: m.stft(x, 2.0, nperseg=8)[2].real, WAVE)
for ends in ("even", "odd", "constant", None):
    call(f"signal.stft {ends}",
         lambda m, x, ends=ends: m.stft(x, nperseg=7, noverlap=5, nfft=9, detrend="constant",
                                        boundary=ends, axis=0, scaling="psd")[2].imag,
         np.stack([WAVE, WAVE**2], axis=1))  # fmt: skip
call("signal.stft times", lambda m, x: m.stft(x, 3.0, nperseg=6)[1] + 0 * x[0], WAVE)
call("signal.istft", lambda m, x, y: m.istft(x + 1j * y, 2.0)[1], IMAGE[:5], IMAGE[1:])
call("signal.istft of an odd length",
     lambda m, x: m.istft(x + 0j, nperseg=9, noverlap=6, boundary=False, scaling="psd",
                          window="hamming")[1], IMAGE[:5])  # fmt: skip
call("signal.istft of both sides", lambda m, x: m.istft(x + 1j, input_onesided=False)[1].imag,
     IMAGE)  # fmt: skip
for name in ("dct", "idct", "dst", "idst"):
    for kind in (1, 2, 3, 4):
        for norm in (None, "ortho"):
            call(f"fft.{name} {kind} {norm}",
                 lambda m, x, name=name, kind=kind, norm=norm: getattr(m, name)(
                     x, kind, axis=0, norm=norm), IMAGE)  # fmt: skip
call("fft.dctn", lambda m, x: m.dctn(x, 2, norm="forward"), IMAGE)
call("fft.fft", lambda m, x: m.fft(x, 8, 0).imag, IMAGE)
call("fft.irfftn", lambda m, x: m.irfftn(x), IMAGE)
call("integrate.quad", lambda m, k, a, b: m.quad(lambda x, k: m.np.exp(-k * x) * x, a, b, (k,))[0],
     np.array(0.7), np.array(0.2), np.array(3.0))  # fmt: skip
call("integrate.quad to infinity",
     lambda m, k, a: m.quad(lambda x: m.np.exp(-k * x * x), a, np.inf)[0], np.array(0.7),
     np.array(-0.4))  # fmt: skip
call("integrate.quad of all", lambda m, k: m.quad(lambda x: 1 / (k + x * x), -np.inf, np.inf)[0],
     np.array(0.7))  # fmt: skip
call("integrate.quad of a root", lambda m, k: m.quad(lambda x: x**k, 0.0, 1.0)[0], np.array(0.5))


for kind in ("linear", "slinear", "quadratic", "cubic", 5, "nearest", "nearest-up", "previous",
             "next", "zero"):  # fmt: skip
    call(f"interpolate.interp1d {kind}",
         lambda m, x, y, at, kind=kind: m.interp1d(x, y, kind)(at), X, Y, AT + 0.01,
         smooth=kind not in ("nearest", "nearest-up", "previous", "next", "zero"))  # fmt: skip
call("interpolate.interp1d outside",
     lambda m, x, y, at: m.interp1d(x, y, axis=0, bounds_error=False,
                                            fill_value=(-1.0, 2.0))(at),
     X[::-1], np.stack([Y, Y**2], 1), np.array([[-3.0, 0.5], [2.0, 9.0]]))  # fmt: skip
call("interpolate.interp1d beyond",
     lambda m, x, y, at: m.interp1d(x, y, "cubic", fill_value="extrapolate")(at), X, Y,
     np.array([X[0] - 0.1, 2.0, X[-1] + 0.2]))  # fmt: skip
of_vectors = lambda m, x, k: m.np.exp(-k * x) * m.np.arange(1.0, 4.0)
call("integrate.quad_vec",
     lambda m, k, a, b: m.quad_vec(lambda x: of_vectors(m, x, k), a, b)[0],
     np.array(0.7), np.array(0.2), np.array(3.0), eager=True)  # fmt: skip
call("integrate.quad_vec to infinity",
     lambda m, k, a: m.quad_vec(lambda x, k: of_vectors(m, x, k), a, np.inf, args=(k,))[0],
     np.array(0.7), np.array(0.2), eager=True)  # fmt: skip
call("integrate.quad_vec of a root",
     lambda m, k: m.quad_vec(lambda x: x**k * m.np.ones((2, 2)), 0.0, 1.0, norm="max",
                             points=[0.1])[0], np.array(0.5), eager=True)  # fmt: skip


class Module:
    """A module, with NumPy for calls that need it."""

    def __init__(self, name):
        self.module, self.np = importlib.import_module(name), np

    def __getattr__(self, name):
        return getattr(self.module, name)


def ours(name):
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
    want = function(Module("scipy." + name.partition(".")[0]), *args)
    got = f(*args)

    assert np.shape(got) == np.shape(want) and np.asarray(got).dtype == np.asarray(want).dtype
    # SciPy solves for tensor splines iteratively, and starts the filter of "reflect" by a short sum
    rough = {"interpolate.RegularGridInterpolator cubic", "ndimage.map_coordinates reflect"}
    np.testing.assert_allclose(got, want, rtol=1e-3 if name in rough else 1e-7, atol=1e-9)


@pytest.mark.parametrize("name", CALLS)
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


@pytest.mark.parametrize("name", ["cg", "gmres", "bicgstab", "spsolve"])
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
    for name in ("gmres", "bicgstab"):
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
