"""Calls of scipy.integrate, fft and optimize."""

import numpy as np

from .twins import IMAGE, WAVE, X, Y, call
from .twins_of_filters import parts

K = np.array(0.7)
for n in (2, 3, 4, 5, 7):
    call(f"integrate.cumulative_simpson {n}",
         lambda m, y, x: m.cumulative_simpson(y, x=x, initial=0.5), Y[:n], X[:n])  # fmt: skip
call("integrate.cumulative_simpson of an axis",
     lambda m, y: m.cumulative_simpson(y, dx=0.3, axis=0), IMAGE)  # fmt: skip
for n in (1, 2, 5):
    call(f"integrate.newton_cotes {n}",
         lambda m, x, n=n: parts(*map(np.atleast_1d, m.newton_cotes(n))) * x, K)  # fmt: skip
call("integrate.newton_cotes of places",
     lambda m, x: m.newton_cotes(m.np.stack([0.0, 1.1 * x, 2.0]))[0], K)  # fmt: skip
call("integrate.tplquad",
     lambda m, k, b: m.tplquad(lambda z, y, x: x + k * y * z * z, 0.0, b, 0.0, lambda x: x,
                               lambda x, y: y - 1.0, 1.0)[0], K, np.array(1.2),
     eager=True, slow=True)  # fmt: skip
call("integrate.nquad",
     lambda m, k: m.nquad(lambda x, y, c: m.np.exp(-c * x) * y, [lambda y, c: (0.0, y * c),
                                                                 (0.0, 1.0)], (k,))[0], K,
     eager=True)  # fmt: skip

for norm in (None, "ortho", "forward"):
    for name in ("hfftn", "ihfftn", "hfft2", "ihfft2"):
        call(f"fft.{name} {norm}",
             lambda m, x, name=name, norm=norm: parts(getattr(m, name)(
                 x + (1j * x**2 if name[0] == "h" else 0), norm=norm)), IMAGE)  # fmt: skip
call("fft.hfftn of lengths", lambda m, x: m.hfftn(x + 0.5j, (7,), (0,)), IMAGE)
call("fft.prev_fast_len",
     lambda m, x: np.array([m.prev_fast_len(n, r) for n in (13, 97, 1025) for r in (0, 1)]) * x,
     K)  # fmt: skip
for bias in (0.0, 0.3):
    for name in ("fht", "ifht"):
        for n in (15, 16):
            call(f"fft.{name} {bias} {n}",
                 lambda m, a, name=name, bias=bias, n=n: getattr(m, name)(a[:n], 0.2, 0.5, 0.1,
                                                                          bias), WAVE)  # fmt: skip
call("fft.fht of parameters",
     lambda m, d, mu, o, q: m.fht(WAVE, d.item(), mu.item(), o.item(), q.item())
     if m.module.__name__[0] == "s" else m.fht(WAVE, d, mu, o, q), np.array(0.2), np.array(0.6),
     np.array(0.1), np.array(0.2))  # fmt: skip
call("fft.fhtoffset", lambda m, mu: m.fhtoffset(0.1, 1.0 * mu, 0.5), K)

for name in ("rosen", "rosen_der", "rosen_hess"):
    call(f"optimize.{name}", lambda m, x, name=name: getattr(m, name)(x), WAVE[:5])
call("optimize.rosen_hess_prod", lambda m, x, p: m.rosen_hess_prod(x, p), WAVE[:5], WAVE[5:10])
for up in (True, False):
    call(f"optimize.isotonic_regression {up}",
         lambda m, y, w, up=up: m.isotonic_regression(y, weights=w, increasing=up).x, WAVE,
         1 + np.abs(WAVE))  # fmt: skip
call("optimize.fminbound", lambda m, a: m.fminbound(lambda x: (x - a) ** 4 + x * a, -2.0, 2.0,
                                                   xtol=1e-9), K, rough=1e-6)  # fmt: skip
for name in ("brent", "golden"):
    call(f"optimize.{name}",
         lambda m, a, name=name: getattr(m, name)(lambda x: (x - a) ** 4 + x * a), K,
         rough=1e-4, eager=True)  # fmt: skip
for name in ("anderson", "broyden1", "broyden2", "newton_krylov"):
    call(f"optimize.{name}",
         lambda m, a, name=name: getattr(m, name)(lambda x: x**3 + x - a * np.arange(1.0, 4.0),
                                                  np.ones(3), f_tol=1e-9), K, rough=1e-6,
         eager=True)  # fmt: skip
for name in ("fmin_cg", "fmin_ncg", "fmin_powell"):
    call(f"optimize.{name}",
         lambda m, a, name=name: getattr(m, name)(
             lambda x: m.np.sum((x - a * np.arange(1.0, 3.0)) ** 2),
             np.zeros(2), **({"fprime": lambda x: 2 * (x - a * np.arange(1.0, 3.0))}
                             if name == "fmin_ncg" and m.module.__name__[0] == "s" else {}),
             disp=0), K, rough=1e-4, eager=True, smooth=False)  # fmt: skip
