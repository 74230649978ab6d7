"""Calls of scipy.signal: filters, their design and responses."""

import numpy as np

from .twins import IMAGE, SOS, WAVE, call


def parts(*values):
    """Real and imaginary parts of all values, as a vector."""
    flat = [np.ravel(x) for x in values]
    return np.concatenate(
        [y for x in flat for y in ((x.real, x.imag) if x.dtype.kind == "c" else (x,))]
    )


W1, W2, DB = np.array(0.37), np.array([0.21, 0.63]), np.array(1.3)
B, A3 = np.array([0.3, 0.7, 0.2]), np.array([1.2, -0.5, 0.3])
PAIR = np.array([0.3, 0.4])  # the real and the imaginary part of a pair of roots


def roots(x):
    return np.stack([x[0] + 1j * x[1], x[0] - 1j * x[1]])


call("signal.sosfilt_zi", lambda m, s: m.sosfilt_zi(s), SOS)
call("signal.sosfiltfilt", lambda m, s, x: m.sosfiltfilt(s, x), SOS, WAVE)
call("signal.sosfiltfilt even",
     lambda m, s, x: m.sosfiltfilt(s, x, 0, "even", 3), SOS, IMAGE)  # fmt: skip
for ends in ("even", "constant", None):
    call(f"signal.filtfilt {ends}",
         lambda m, b, a, x, ends=ends: m.filtfilt(b, a, x, padtype=ends), B, A3, WAVE)  # fmt: skip
for k in (1, 3):
    call(f"signal.lfilter finite {k}",
         lambda m, b, x, k=k: parts(*m.lfilter(b[:k], [2.0], x, 0, zi=np.ones((k - 1, 5)))), B,
         IMAGE)  # fmt: skip
call("signal.lfilter finite and short", lambda m, b, x: m.lfilter(b, 1.0, x), B, WAVE[:2])
call("signal.lfilter finite and complex",
     lambda m, b, x: parts(m.lfilter(b + 1j, [1.0], x)), B, WAVE)  # fmt: skip
call("signal.lfiltic", lambda m, b, a, y, x: m.lfiltic(b, a, y, x), B, A3, WAVE[:2], WAVE[2:4])
call("signal.lfiltic of outputs", lambda m, b, a, y: m.lfiltic(b, a, y), B[:1], A3, WAVE[:2])
call("signal.deconvolve", lambda m, s, d: parts(*m.deconvolve(s, d)), WAVE[:7], B)

# design
for kind in ("lowpass", "highpass", "bandpass", "bandstop"):
    w = W2 if kind.startswith("band") else W1
    for n in (3, 4):
        call(f"signal.butter {kind} {n}",
             lambda m, w, n=n, kind=kind: parts(*m.butter(n, w, kind)), w)  # fmt: skip
        call(f"signal.butter {kind} {n} sos",
             lambda m, w, n=n, kind=kind: m.butter(n, w, kind, output="sos"), w)  # fmt: skip
    call(f"signal.cheby1 {kind}",
         lambda m, w, r, kind=kind: parts(*m.cheby1(4, r, w, kind, output="zpk")), w,
         DB)  # fmt: skip
    call(f"signal.cheby2 {kind}",
         lambda m, w, r, kind=kind: parts(*m.cheby2(3, 20 * r, w, kind)), w, DB)  # fmt: skip
    call(f"signal.ellip {kind}",
         lambda m, w, r, kind=kind: m.ellip(4, r, 30 * r, w, kind, output="sos"), w,
         DB)  # fmt: skip
call("signal.ellip odd", lambda m, w, r: parts(*m.ellip(5, r, 30 * r, w)), W1, DB)
call("signal.ellip steep", lambda m, w, r: parts(*m.ellip(7, r / 9, 70 * r, w)), W1, DB)
call("signal.ellip 1", lambda m, w, r: parts(*m.ellip(1, r, 30 * r, w)), W1, DB)
call("signal.cheby1 analog", lambda m, w, r: parts(*m.cheby1(3, r, w, analog=True)), W1 * 9, DB)
for norm in ("phase", "delay", "mag"):
    call(f"signal.bessel {norm}",
         lambda m, w, norm=norm: parts(*m.bessel(5, w, norm=norm)), W1)  # fmt: skip
call("signal.bessel analog", lambda m, w: parts(*m.bessel(4, w, analog=True)), W1)
call("signal.iirfilter", lambda m, w: parts(*m.iirfilter(2, w, fs=3.0)), W2)
call("signal.iirfilter elliptic",
     lambda m, w, r: parts(*m.iirfilter(2, w, r, 30 * r, "high", ftype="ellip")), W1,
     DB)  # fmt: skip
call("signal.iirnotch", lambda m, w, q: parts(*m.iirnotch(w, q, 3.0)), W1, DB)
call("signal.iirpeak", lambda m, w, q: parts(*m.iirpeak(w, q)), W1, DB)
for kind in ("notch", "peak"):
    for zero in (False, True):
        call(f"signal.iircomb {kind} {zero}",
             lambda m, q, kind=kind, zero=zero: parts(*m.iircomb(20.0, q, kind, 200.0,
                                                                 pass_zero=zero)), DB)  # fmt: skip
for n in (0, 1, 2, 5, 6):
    call(f"signal.buttap {n}", lambda m, x, n=n: parts(*m.buttap(n), x), DB)
    call(f"signal.cheb1ap {n}", lambda m, r, n=n: parts(*m.cheb1ap(n, r)), DB)
    call(f"signal.cheb2ap {n}", lambda m, r, n=n: parts(*m.cheb2ap(n, 20 * r), r), DB)
    call(f"signal.ellipap {n}", lambda m, r, n=n: parts(*m.ellipap(n, r, 30 * r)), DB)
    call(f"signal.besselap {n}",
         lambda m, x, n=n: parts(*m.besselap(n, "mag"), *m.besselap(n + 9), x), DB)  # fmt: skip
for name in ("lp2lp", "lp2hp"):
    call(f"signal.{name}", lambda m, b, a, w, name=name: parts(*getattr(m, name)(b, a, w)),
         B[:2], A3, DB)  # fmt: skip
    call(f"signal.{name}_zpk",
         lambda m, z, p, k, name=name: parts(*getattr(m, f"{name}_zpk")(z, roots(p), k, k)),
         PAIR[:1], PAIR, DB)  # fmt: skip
for name in ("lp2bp", "lp2bs"):
    call(f"signal.{name}", lambda m, b, a, w, name=name: parts(*getattr(m, name)(b, a, w, w / 2)),
         B[:2], A3, DB)  # fmt: skip
    call(f"signal.{name}_zpk",
         lambda m, z, p, k, name=name: parts(*getattr(m, f"{name}_zpk")(z, roots(p), k, k, k / 3)),
         PAIR[:1], PAIR, DB)  # fmt: skip
call("signal.bilinear", lambda m, b, a, w: parts(*m.bilinear(b, a, 1.0 * w)), B[:2], A3, DB)
call("signal.bilinear_zpk",
     lambda m, z, p, k: parts(*m.bilinear_zpk(z, roots(p), k, 2 * k)), PAIR[:1], PAIR,
     DB)  # fmt: skip

# representations
call("signal.normalize", lambda m, b, a: parts(*m.normalize(b, a)), B, A3)
call("signal.tf2zpk", lambda m, b, a: parts(*(x + 0j for x in m.tf2zpk(b, a))), B, A3)
call("signal.zpk2tf of reals", lambda m, z, p, k: parts(*m.zpk2tf(z, p, k)), B, A3, DB)
call("signal.tf2sos", lambda m, b, a: m.tf2sos(b, a), np.append(B, 0.4), np.append(A3, 0.1))
call("signal.sos2tf", lambda m, s: parts(*m.sos2tf(s)), SOS)
call("signal.sos2zpk", lambda m, s: parts(*m.sos2zpk(s)), SOS + 0.05)
for pairing in ("nearest", "keep_odd", "minimal"):
    call(f"signal.zpk2sos {pairing}",
         lambda m, z, p, k, pairing=pairing: m.zpk2sos(
             z, np.concatenate([roots(p), roots(2 * p), p[:1]]), k, pairing), B, PAIR, DB,
         eager=pairing != "nearest")  # fmt: skip
call("signal.zpk2sos analog",
     lambda m, z, p, k: m.zpk2sos(z, np.concatenate([roots(-p), -p[:1]]), k, analog=True), B[:1],
     PAIR, DB, eager=True)  # fmt: skip
call("signal.tf2ss", lambda m, b, a: parts(*m.tf2ss(b, a)), B[:2], A3)
call("signal.ss2tf", lambda m, a, b, d: parts(*m.ss2tf(a, b, b.T, d)), IMAGE[:3, :3], IMAGE[:3, :1],
     DB)  # fmt: skip
call("signal.ss2zpk", lambda m, a, b, d: parts(*m.ss2zpk(a, b, b.T, d)), IMAGE[:3, :3],
     IMAGE[:3, :1], DB)  # fmt: skip
call("signal.zpk2ss", lambda m, z, p, k: parts(*m.zpk2ss(z, p, k)), B[:2], A3, DB)
call("signal.abcd_normalize", lambda m, a, b, c: parts(*m.abcd_normalize(a, b, c)), IMAGE[:3, :3],
     IMAGE[:3], IMAGE[:2, :3])  # fmt: skip

# responses
F = np.array([0.1, 0.7, 2.2])
call("signal.freqz", lambda m, b, a, w: parts(*m.freqz(b, a, w)), B, A3, F)
call("signal.freqz of all", lambda m, b, a: parts(*m.freqz(b, a, 9, True, fs=3.0)), B, A3)
call("signal.freqz of the half",
     lambda m, b: parts(*m.freqz(b, 1, 9, include_nyquist=True)), B)  # fmt: skip
call("signal.freqz of many",
     lambda m, b, w: parts(m.freqz(b.T[..., None], 1, w)[1]), IMAGE, F)  # fmt: skip
call("signal.freqz_zpk", lambda m, z, p, k, w: parts(*m.freqz_zpk(z, roots(p), k, w)), B, PAIR, DB,
     F)  # fmt: skip
call("signal.freqz_sos", lambda m, s, w: parts(*m.freqz_sos(s, w)), SOS, F)
call("signal.sosfreqz", lambda m, s: parts(*m.sosfreqz(s, 7)), SOS)
call("signal.group_delay", lambda m, b, a, w: parts(*m.group_delay((b, a), w)), B, A3, F)
call("signal.freqs", lambda m, b, a, w: parts(*m.freqs(b, a, w)), B, A3, F)
call("signal.freqs of the range", lambda m, b, a: parts(*m.freqs(b, a, 8)), B, A3, eager=True)
call("signal.freqs_zpk", lambda m, z, p, k, w: parts(*m.freqs_zpk(z, roots(p), k, w)), B, PAIR, DB,
     F)  # fmt: skip

# orders, and partial fractions
BANDS = {"low": ([0.2], [0.3]), "high": ([0.3], [0.2]), "pass": ([0.2, 0.5], [0.1, 0.6])}
for name in ("buttord", "cheb1ord", "cheb2ord", "ellipord"):
    for band, (wp, ws) in BANDS.items():
        call(f"signal.{name} {band}",
             lambda m, wp, ws, name=name: parts(*getattr(m, name)(wp, ws, 1.0, 40.0)),
             np.array(wp), np.array(ws), eager=True)  # fmt: skip
    call(f"signal.{name} stop",
         lambda m, x, name=name: parts(*getattr(m, name)([0.1, 0.6], [0.2, 0.5], 1.0, 40.0)) * x,
         DB, rough=1e-4)  # fmt: skip
    call(f"signal.{name} of a rate",
         lambda m, w, name=name: parts(*getattr(m, name)(w, 2 * w, 1.0, 30.0, fs=5.0)), W1,
         eager=True)  # fmt: skip
for kind in ("butter", "cheby1", "cheby2", "ellip"):
    call(f"signal.iirdesign {kind}",
         lambda m, w, kind=kind: m.iirdesign(w, 2 * w, 1.0, 30.0, ftype=kind, output="sos"), W1,
         eager=True)  # fmt: skip
call("signal.residue", lambda m, b, a: parts(*m.residue(b, a)), np.append(B, [0.4, 1.0]),
     np.array([1.0, 3.2, 2.1, 0.3]), eager=True)  # fmt: skip
call("signal.residue of a repeated pole",
     lambda m, b: parts(*m.residue(b, np.poly([-1.0, -1.0, 2.0]))), B, eager=True)  # fmt: skip
call("signal.residuez", lambda m, b, a: parts(*m.residuez(b, a)), np.append(B, [0.4, 1.0]),
     np.array([1.0, 3.2, 2.1, 0.3]), eager=True)  # fmt: skip
for name in ("invres", "invresz"):
    call(f"signal.{name}",
         lambda m, r, p, name=name: parts(*getattr(m, name)(r, p, [0.3, 0.2])), B, A3,
         eager=True)  # fmt: skip
    call(f"signal.{name} of a repeated pole",
         lambda m, r, name=name: parts(*getattr(m, name)(r, np.array([2.0, 2.0, 0.5]), [])), B,
         eager=True)  # fmt: skip
call("signal.unique_roots", lambda m, p: parts(*m.unique_roots(p, 0.01, "avg")),
     np.array([1.0, 2.0, 1.005]), eager=True)  # fmt: skip
