"""Calls of SciPy's names, each on a module of ours and on SciPy's, for test_scipy_twins.py."""

import numpy as np

RNG = np.random.default_rng(5)
X, Y = np.sort(RNG.uniform(0, 4, 7)), RNG.normal(size=7)
AT = np.array([X[0], 0.9, 1.7, 2.6, 3.1])
WAVE, IMAGE, SMALL = RNG.normal(size=24), RNG.normal(size=(6, 5)), RNG.normal(size=(3, 2))
GRID = (np.array([0.0, 1.0, 2.5, 3.0, 4.0, 5.0]), np.array([-1.0, 0.0, 0.5, 2.0, 2.5]))
PLACES = RNG.uniform([0.1, -0.9], [4.9, 2.4], (4, 2))
SPOTS = np.array([[0.3, 2.2, 4.9, 3.5], [1.7, 3.9, 0.2, 2.0]])
SOS = np.array([[0.3, 0.2, 0.1, 1.0, -0.4, 0.2], [1.0, 0.5, 0.0, 1.0, 0.3, 0.1]])

# name: the call of one module on arrays; arrays; the values compared with SciPy
CALLS = {}


def call(name, function, *args, **options):
    """Enter a call of a module on arrays.

    Options: ``smooth=False`` if it jumps, ``eager=True`` if it needs values, ``rough=`` the
    relative error that SciPy has, ``slow=True`` if its derivatives take seconds.
    """
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
