"""Calls of scipy.signal: windows, finite filters, resampling, waveforms, spectra, systems."""

import numpy as np

from .twins import IMAGE, WAVE, call
from .twins_of_filters import A3, DB, W1, W2, B, parts

AT = np.array([-2.3, 0.4, 1.9, 7.2])
HALF = np.array(0.43)


def windowed(name, *options, **keywords):
    """A window of both kinds and parities, times a number."""

    def values(m, *xs):
        f = getattr(m.windows, name)
        rows = [
            f(k, *xs, *options, sym=sym, **keywords) for k in (1, 6, 7) for sym in (True, False)
        ]
        return np.concatenate(rows)

    return values


for name in ("barthann", "bartlett", "blackman", "blackmanharris", "bohman", "boxcar", "cosine",
             "flattop", "hamming", "hann", "lanczos", "nuttall", "parzen", "triang"):  # fmt: skip
    call(f"signal.windows {name}", lambda m, x, name=name: windowed(name)(m) * x, DB)
for name, x in (("general_hamming", HALF), ("tukey", HALF), ("kaiser", DB), ("gaussian", DB),
                ("chebwin", 40 * DB)):  # fmt: skip
    call(f"signal.windows {name}", windowed(name), x)
call("signal.windows general_cosine", windowed("general_cosine"), B)
call("signal.windows general_gaussian", windowed("general_gaussian"), DB, 2 * DB)
call("signal.windows exponential", lambda m, t: m.windows.exponential(7, None, t), DB)
call("signal.windows exponential of a place",
     lambda m, c, t: m.windows.exponential(7, c, t, False), 4 * DB, DB)  # fmt: skip
call("signal.windows taylor", lambda m, s: m.windows.taylor(9, 4, 20 * s), DB)
call("signal.windows kaiser_bessel_derived",
     lambda m, b: m.windows.kaiser_bessel_derived(8, b), DB)  # fmt: skip
for norm in ("approximate", "subsample", 2):
    call(f"signal.windows dpss {norm}",
         lambda m, w, norm=norm: m.windows.dpss(8, w, norm=norm), DB, rough=1e-6)  # fmt: skip
call("signal.windows dpss of some",
     lambda m, w: parts(*m.windows.dpss(9, w, 3, return_ratios=True)), 2 * DB,
     rough=1e-6)  # fmt: skip
for window in ("hann", ("kaiser", 8.0), 3.0, ("tukey", 0.3), "hamming_symmetric", ("dpss", 2.0)):
    call(f"signal.get_window {window}",
         lambda m, x, window=window: m.get_window(window, 8) * x, DB)  # fmt: skip

# finite filters
for band in (True, "highpass", "bandpass", "bandstop"):
    call(f"signal.firwin {band}",
         lambda m, w, band=band: m.firwin(7, w, pass_zero=band),
         W2 if band in ("bandpass", "bandstop") else W1)  # fmt: skip
call("signal.firwin kaiser",
     lambda m, w, b: m.firwin(8, w, window=("kaiser", b), scale=False, fs=3.0), W1, DB)  # fmt: skip
call("signal.firwin width", lambda m, w: m.firwin(9, w, width=0.3), W1)
call("signal.firwin2", lambda m, f, g: m.firwin2(7, m.np.stack([0, f, 1]), g), np.array(0.3), B)
call("signal.firwin2 antisymmetric",
     lambda m, g: m.firwin2(7, [0, 0.4, 0.4, 1], m.np.concatenate([0 * g[:1], g, 0 * g[:1]]),
                            antisymmetric=True), B[:2])  # fmt: skip
call("signal.firls", lambda m, b, d, w: m.firls(7, b, d, weight=w),
     np.array([0.0, 0.3, 0.45, 1.0]), np.array([1.0, 0.9, 0.1, 0.0]), B[:2])  # fmt: skip
call("signal.kaiser_beta", lambda m, a: m.kaiser_beta(30 * a), DB)
call("signal.kaiser_atten", lambda m, w: m.kaiser_atten(31, w), W1)
call("signal.kaiserord", lambda m, x: m.kaiserord(40.0, 0.1)[0] * x, DB)
SYMMETRIC = np.array([0.1, 0.5, 0.7])
for method in ("homomorphic", "hilbert"):
    call(f"signal.minimum_phase {method}",
         lambda m, h, method=method: m.minimum_phase(m.np.concatenate([h, h[:2][::-1]]), method,
                                                     64), SYMMETRIC)  # fmt: skip
call("signal.minimum_phase of all",
     lambda m, h: m.minimum_phase(m.np.concatenate([h, h[:2][::-1]]), n_fft=63, half=False),
     SYMMETRIC)  # fmt: skip

# smoothing
call("signal.savgol_coeffs", lambda m, d: m.savgol_coeffs(7, 3, 1, d, 2), DB)
call("signal.savgol_coeffs of an even length",
     lambda m, d: m.savgol_coeffs(6, 3, 1, d, use="dot"), DB)  # fmt: skip
for mode in ("interp", "mirror", "constant", "nearest", "wrap"):
    call(f"signal.savgol_filter {mode}",
         lambda m, x, mode=mode: m.savgol_filter(x, 7, 3, 1, 0.5, mode=mode, cval=0.3),
         WAVE)  # fmt: skip
call("signal.savgol_filter of an axis", lambda m, x: m.savgol_filter(x, 4, 2, axis=0), IMAGE)
call("signal.medfilt", lambda m, x: m.medfilt(x, (3, 5)), IMAGE)
call("signal.medfilt2d", lambda m, x: m.medfilt2d(x), IMAGE)
call("signal.order_filter", lambda m, x: m.order_filter(x, np.eye(3), 2), IMAGE)
call("signal.wiener", lambda m, x: m.wiener(x, (3, 3)), IMAGE)
call("signal.wiener of noise", lambda m, x, n: m.wiener(x, 5, n), WAVE, DB)

# resampling
for up, down in ((1, 1), (3, 2), (2, 5)):
    call(f"signal.upfirdn {up} {down}",
         lambda m, h, x, up=up, down=down: m.upfirdn(h, x, up, down), WAVE[:5], IMAGE)  # fmt: skip
for mode in (
    "symmetric",
    "reflect",
    "edge",
    "wrap",
    "antisymmetric",
    "antireflect",
    "smooth",
    "line",
):
    call(f"signal.upfirdn {mode}",
         lambda m, h, x, mode=mode: m.upfirdn(h, x, 2, 3, 0, mode), WAVE[:7], IMAGE)  # fmt: skip
for pad in ("constant", "mean", "median", "minimum", "line", "edge"):
    call(f"signal.resample_poly {pad}",
         lambda m, x, pad=pad: m.resample_poly(x, 3, 2, axis=1, padtype=pad), IMAGE)  # fmt: skip
call("signal.resample_poly of a filter", lambda m, x, h: m.resample_poly(x, 2, 3, window=h), WAVE,
     WAVE[:5])  # fmt: skip
LONG = np.sin(np.arange(40.0) ** 1.2)
call("signal.decimate", lambda m, x: m.decimate(x, 3), LONG)
call("signal.decimate forward", lambda m, x: m.decimate(x, 3, 3, zero_phase=False), LONG)
call("signal.decimate finite", lambda m, x: m.decimate(x, 2, 6, "fir"), IMAGE)
call("signal.decimate finite forward", lambda m, x: m.decimate(x, 2, 6, "fir", 0, False), IMAGE)
for n in (6, 7):
    for num in (4, 5, 8, 11):
        call(f"signal.resample {n} {num}",
             lambda m, x, num=num: parts(m.resample(x, num), m.resample(x + 1j * x**2, num)),
             WAVE[:n])  # fmt: skip
call("signal.resample of a window", lambda m, x: parts(*m.resample(x, 8, x, 0, "hann")), WAVE[:7])
call("signal.czt", lambda m, x: parts(m.czt(x, axis=0), m.czt(x, 4)), IMAGE)
call("signal.czt of a spiral", lambda m, x, w: parts(m.czt(x, 5, w + 0.7j, w - 0.2j)), WAVE[:6], W1)
call("signal.czt_points", lambda m, w: parts(m.czt_points(4, w + 0.7j)), W1)
call("signal.zoom_fft", lambda m, x: parts(m.zoom_fft(x, [0.2, 0.6], 5, fs=3.0)), WAVE)
call("signal.zoom_fft to the end", lambda m, x: parts(m.zoom_fft(x, 0.6, 5, endpoint=True)), WAVE)
call("signal.CZT", lambda m, x: parts(m.CZT(6, 3)(x, axis=0)), IMAGE)
call("signal.ZoomFFT", lambda m, x: parts(m.ZoomFFT(5, 0.4)(x)), IMAGE)

# waveforms
call("signal.sawtooth", lambda m, t, w: m.sawtooth(t, w), AT, HALF)
call("signal.sawtooth rising", lambda m, t: m.sawtooth(t), AT)
call("signal.square", lambda m, t: m.square(t, 0.3), AT)
call("signal.gausspulse", lambda m, t, f: parts(*m.gausspulse(t, 1.0 * f, 0.7, retquad=True,
                                                             retenv=True)), AT / 9, DB)  # fmt: skip
call("signal.gausspulse cutoff", lambda m, f: m.gausspulse("cutoff", 1.0 * f), DB)
for kind in ("linear", "quadratic", "logarithmic", "hyperbolic"):
    call(f"signal.chirp {kind}",
         lambda m, t, f, g, kind=kind: m.chirp(t, f, 2.1, g, kind, 30), AT / 9, DB,
         2 * DB)  # fmt: skip
call("signal.chirp of a vertex",
     lambda m, t, f: parts(m.chirp(t, f, 2.1, 3.0, "q", vertex_zero=False, complex=True)), AT,
     DB)  # fmt: skip
call("signal.sweep_poly", lambda m, t, p: m.sweep_poly(t, p, 20), AT / 5, B)
call("signal.unit_impulse", lambda m, x: m.unit_impulse((3, 4), "mid") * x, DB)

# spectra
call("signal.coherence", lambda m, x, y: m.coherence(x, y, nperseg=8)[1], WAVE, WAVE[::-1] ** 2)
for mode in ("psd", "complex", "magnitude", "angle", "phase"):
    call(f"signal.spectrogram {mode}",
         lambda m, x, mode=mode: parts(*m.spectrogram(x, 2.0, nperseg=8, mode=mode)),
         WAVE)  # fmt: skip
TIMES = np.cumsum(np.abs(WAVE) + 0.1)
for norm in (False, True, "amplitude"):
    for floating in (False, True):
        call(f"signal.lombscargle {norm} {floating}",
             lambda m, x, y, w, norm=norm, floating=floating: parts(m.lombscargle(
                 x, y, w, normalize=norm, floating_mean=floating)), TIMES, WAVE, W2)  # fmt: skip
call("signal.lombscargle of weights",
     lambda m, x, y, w, v: m.lombscargle(x, y, w, weights=v), TIMES, WAVE, W2,
     TIMES / 9)  # fmt: skip
call("signal.vectorstrength", lambda m, t, p: parts(*m.vectorstrength(t, p)), TIMES, W2)
for band in ((1, None), (None, None), (2, 4), (-3, 3)):
    for rest in ("lowpass", "all", None):
        for n in (7, 8):
            call(f"signal.envelope {band} {rest} {n}",
                 lambda m, x, band=band, rest=rest: parts(
                     m.envelope(x, band, residual=rest, n_out=10),
                     m.envelope(x + 1j * x**2, band, residual=rest, squared=True)),
                 WAVE[:n])  # fmt: skip
call("signal.hilbert2", lambda m, x: parts(m.hilbert2(x), m.hilbert2(x, (5, 8))), IMAGE)
for mode in ("full", "same", "valid"):
    call(f"signal.correlation_lags {mode}",
         lambda m, x, mode=mode: np.concatenate([m.correlation_lags(a, b, mode)
                                                 for a, b in ((7, 4), (4, 7), (6, 6))]) * x,
         DB)  # fmt: skip
call("signal.oaconvolve", lambda m, x, h: m.oaconvolve(x, h, "same"), WAVE, B)
for window in ("hann", "hamming", ("tukey", 0.2)):
    for overlap in (4, 5, 6):
        call(f"signal.check_COLA {window} {overlap}",
             lambda m, x, w=window, o=overlap: x * m.check_COLA(w, 8, o) + m.check_NOLA(w, 8, o),
             DB)  # fmt: skip

# systems
SPACE = (IMAGE[:3, :3] / 3 - np.eye(3), IMAGE[:3, 3:], IMAGE[3:5, :3], IMAGE[3:5, 3:])
T = np.arange(6) * 0.3
for method in ("zoh", "foh", "bilinear", "euler", "backward_diff"):
    call(f"signal.cont2discrete {method}",
         lambda m, *s, method=method: parts(*m.cont2discrete(s, 0.3, method)), *SPACE)  # fmt: skip
call("signal.cont2discrete impulse",
     lambda m, a, b, c: parts(*m.cont2discrete((a, b, c, 0 * (c @ b)), 0.3, "impulse")),
     *SPACE[:3])  # fmt: skip
call("signal.cont2discrete of polynomials",
     lambda m, b, a: parts(*m.cont2discrete((b, a), 0.3)), B[:2], A3)  # fmt: skip
for interp in (True, False):
    call(f"signal.lsim {interp}",
         lambda m, a, b, c, d, u, x, interp=interp: parts(*m.lsim((a, b, c, d), u, T, x, interp)),
         *SPACE, np.outer(WAVE[:6], [1, 2]), B)  # fmt: skip
call("signal.impulse", lambda m, b, a: parts(*m.impulse((b, a), None, T)), B[:2], A3)
call("signal.step", lambda m, b, a: parts(*m.step((b, a), N=7)), B[:2], A3)
call("signal.dlsim", lambda m, a, b, c, d, u: parts(*m.dlsim((a, b, c, d, 0.5), u)), *SPACE,
     np.outer(WAVE[:6], [1, 2]))  # fmt: skip
call("signal.dlsim of times",
     lambda m, b, a, u: parts(*m.dlsim((b, a, 0.2), u, T)), B, A3, WAVE[:6])  # fmt: skip
call("signal.dimpulse", lambda m, *s: parts(*m.dimpulse((*s, 0.5), n=5)[1]), *SPACE)
call("signal.dstep", lambda m, b, a: parts(*m.dstep((b, a, 0.5), n=5)[1]), B, A3)
call("signal.freqresp", lambda m, b, a, w: parts(*m.freqresp((b, a), w)), B[:2], A3, W2)
call("signal.bode", lambda m, a, b, c, d, w: parts(*m.bode((a, b[:, :1], c[:1], d[:1, :1]), w)),
     *SPACE, W2)  # fmt: skip
call("signal.dfreqresp", lambda m, b, a, w: parts(*m.dfreqresp((b, a, 1.0), w)), B[:2], A3, W2)
call("signal.dbode", lambda m, z, p, k, w: parts(*m.dbode((z, p, k, 0.5), w)), B[:2], A3, DB, W2)
call("signal.TransferFunction",
     lambda m, b, a: parts(*m.lti(b, a).to_ss().to_discrete(0.2).step(n=4)[1]), B[:2],
     A3)  # fmt: skip
call("signal.ZerosPolesGain", lambda m, z, p, k: parts(m.lti(z, p, k).to_tf().num), B[:2], A3, DB)
call("signal.StateSpace", lambda m, *s: parts(m.StateSpace(*s).to_tf().den), *SPACE)

# peaks
HILLS = np.cumsum(np.concatenate([WAVE, WAVE[::-1]])) + np.arange(48) % 7
for name, options in {
    "height": {"height": (0.5, 9)}, "threshold": {"threshold": 0.2}, "distance": {"distance": 4},
    "prominence": {"prominence": 1, "wlen": 11}, "width": {"width": 0.1, "rel_height": 0.3},
    "all": {"height": 0, "threshold": 0, "distance": 2, "prominence": 0.1, "width": 0},
    "plateau": {"plateau_size": 1},
}.items():  # fmt: skip
    call(f"signal.find_peaks {name}",
         lambda m, x, options=options: parts(*(lambda p, d: (p, *d.values()))(
             *m.find_peaks(x, **options))), HILLS, eager=True)  # fmt: skip
call("signal.argrelextrema",
     lambda m, x: parts(*m.argrelextrema(np.asarray(x.value if hasattr(x, "value") else x),
                                         np.greater, order=2)) + 0 * np.sum(x), HILLS,
     eager=True)  # fmt: skip
