"""Calls of scipy.interpolate: polynomials, splines as tuples, surfaces, scattered samples."""

import numpy as np

from .twins import AT, GRID, IMAGE, PLACES, WAVE, X, Y, call
from .twins_of_filters import parts

SPOTS = np.array([0.37, 1.2, 2.9])
for name in ("KroghInterpolator", "BarycentricInterpolator"):
    call(f"interpolate.{name}", lambda m, x, y, at, name=name: getattr(m, name)(x, y)(at), X[:5],
         Y[:5], SPOTS)  # fmt: skip
    call(f"interpolate.{name} of an axis",
         lambda m, y, at, name=name: getattr(m, name)(np.arange(5.0), y, 1)(at), IMAGE,
         SPOTS)  # fmt: skip
    call(f"interpolate.{name} derivatives",
         lambda m, x, y, at, name=name: m.np.concatenate([
             getattr(m, name)(x, y).derivatives(at, 4), getattr(m, name)(x, y).derivative(at, 2)[
                 None]]), X[:5], Y[:5], SPOTS)  # fmt: skip
call("interpolate.KroghInterpolator of slopes",
     lambda m, y, at: m.KroghInterpolator([0.0, 0.0, 1.0, 1.0, 1.0, 2.0], y)(at), WAVE[:6],
     SPOTS)  # fmt: skip
call("interpolate.BarycentricInterpolator at a sample",
     lambda m, x, y: m.BarycentricInterpolator(x, y)(X[1]), X[:5], Y[:5])  # fmt: skip
call("interpolate.krogh_interpolate",
     lambda m, x, y, at: m.krogh_interpolate(x, y, at, [1, 0]), X[:4], Y[:4], SPOTS)  # fmt: skip
call("interpolate.barycentric_interpolate",
     lambda m, x, y, at: m.barycentric_interpolate(x, y, at, der=1), X[:4], Y[:4],
     SPOTS)  # fmt: skip
coefficients = lambda p: p.coeffs if isinstance(p, np.poly1d) else p
call("interpolate.lagrange", lambda m, x, y: coefficients(m.lagrange(x, y)), X[:4], Y[:4])
call("interpolate.pade", lambda m, a: parts(*map(coefficients, m.pade(a, 2))), WAVE[:6])
call("interpolate.pade of degrees",
     lambda m, a: parts(*map(coefficients, m.pade(a, 2, 1))), WAVE[:6])  # fmt: skip
call("interpolate.approximate_taylor_polynomial",
     lambda m, x: coefficients(m.approximate_taylor_polynomial(
         lambda t: t**3 + t * x, x, 2, 1.0, 5)), np.array(0.4))  # fmt: skip

# splines as tuples
T = np.concatenate([[0.0] * 4, [1.0, 2.2, 3.0], [4.0] * 4])
C = np.cos(np.arange(7.0))
tck = lambda t, c: (t, np.concatenate([c, np.zeros(4)]), 3)
for ext in (0, 1, 3):
    for der in (0, 2):
        call(f"interpolate.splev {ext} {der}",
             lambda m, c, x, ext=ext, der=der: m.splev(x, (T, m.np.concatenate(
                 [c, np.zeros(4)]), 3), der, ext), C, np.append(SPOTS, [-0.3, 4.4]))  # fmt: skip
call("interpolate.splint", lambda m, a, b: m.splint(a, b, tck(T, C)) + 0.0, np.array(0.3),
     np.array(4.6))  # fmt: skip
for name, n in (("splder", 1), ("splder", 2), ("splantider", 1), ("splantider", 2)):
    call(f"interpolate.{name} {n}",
         lambda m, c, name=name, n=n: parts(*getattr(m, name)((T, m.np.concatenate(
             [c, np.zeros(4)]), 3), n)), C)  # fmt: skip
call("interpolate.spalde", lambda m, x: m.np.asarray(m.spalde(1.2, tck(T, C))) * x, np.array(2.0))
call("interpolate.insert",
     lambda m, c: parts(*m.insert(1.7, (T, m.np.concatenate([c, np.zeros(4)]), 3), 2)[:1],
                        m.splev(SPOTS, m.insert(1.7, (T, m.np.concatenate([c, np.zeros(4)]), 3),
                                                2))), C)  # fmt: skip
call("interpolate.sproot", lambda m, x: m.sproot(tck(T, np.array([-1.0, -2, 3, 2, -1, -2, 2]))) * x,
     np.array(2.0))  # fmt: skip
call("interpolate.splrep", lambda m, y: m.splrep(X, y)[1], Y)
call("interpolate.splrep of knots",
     lambda m, y: m.splev(AT, m.splrep(X, y, k=2, task=-1, t=np.array([2.0]))), Y)  # fmt: skip
XS = np.linspace(0, 4, 15)
for w in (None, 1 + np.arange(15.0) % 3):
    call(f"interpolate.make_lsq_spline {w is None}",
         lambda m, y, w=w: m.make_lsq_spline(XS, y, T, 3, w)(SPOTS), np.sin(XS * XS))  # fmt: skip
call("interpolate.make_lsq_spline of an axis",
     lambda m, y: m.make_lsq_spline(XS, y, T, axis=1)(SPOTS),
     np.outer([1, 2], np.sin(XS)))  # fmt: skip

# of several variables
for k in (1, 2, 3):
    call(f"interpolate.RectBivariateSpline {k}",
         lambda m, z, k=k: m.RectBivariateSpline(*GRID, z, kx=k, ky=min(k, 3))(
             [0.3, 2.2, 4.1], [-0.5, 0.7]), IMAGE)  # fmt: skip
call("interpolate.RectBivariateSpline ev",
     lambda m, z, x: m.RectBivariateSpline(*GRID, z).ev(x[:, 0], x[:, 1], 1, 1), IMAGE,
     PLACES)  # fmt: skip
call("interpolate.RectBivariateSpline integral",
     lambda m, z: m.RectBivariateSpline(*GRID, z).integral(0.3, 2.2, -0.4, 3.0) + 0.0,
     IMAGE)  # fmt: skip
call("interpolate.bisplev", lambda m, x: m.bisplev(x, 0.7, [T, T, np.outer(C, C).ravel(), 3, 3]),
     SPOTS)  # fmt: skip
call("interpolate.NdBSpline",
     lambda m, c, x: m.NdBSpline((T, T[1:-1]), c, k=(3, 2))(x), np.outer(C, C[:6] + 1),
     np.stack([SPOTS, SPOTS[::-1]], 1))  # fmt: skip
call("interpolate.NdBSpline slope",
     lambda m, x: m.NdBSpline((T, T), np.outer(C, C), k=3)(x, nu=(1, 0)),
     np.stack([SPOTS, SPOTS[::-1]], 1))  # fmt: skip
NDC = np.cos(np.arange(3 * 2 * 2 * 2.0)).reshape(3, 2, 2, 2)
for nu in (None, (1, 0)):
    call(f"interpolate.NdPPoly {nu}",
         lambda m, c, x, nu=nu: m.NdPPoly(c, ([0.0, 1.0, 3.0], [0.0, 1.5, 3.0]))(x, nu), NDC,
         np.stack([SPOTS, SPOTS[::-1]], 1))  # fmt: skip
for kernel in ("linear", "thin_plate_spline", "cubic", "quintic", "multiquadric",
               "inverse_multiquadric", "inverse_quadratic", "gaussian"):  # fmt: skip
    call(f"interpolate.RBFInterpolator {kernel}",
         lambda m, y, d, x, kernel=kernel: m.RBFInterpolator(y, d, kernel=kernel, epsilon=1.3)(x),
         np.sin(np.arange(22.0) ** 2).reshape(11, 2), WAVE[:11], PLACES[:3] / 4)  # fmt: skip
call("interpolate.RBFInterpolator of neighbours",
     lambda m, y, d, x: m.RBFInterpolator(y, d, 5, 0.1, "linear")(x),
     np.sin(np.arange(22.0) ** 2).reshape(11, 2), IMAGE.ravel()[:22].reshape(11, 2),
     PLACES[:3] / 4)  # fmt: skip
SCATTER = np.sin(np.arange(22.0) ** 2).reshape(11, 2)
INNER = np.array([[0.1, 0.2], [-0.3, 0.1], [0.0, -0.2], [5.0, 5.0]])
call("interpolate.LinearNDInterpolator",
     lambda m, v, x: m.LinearNDInterpolator(SCATTER, v, -1.0)(x), WAVE[:11], INNER,
     eager=True)  # fmt: skip
call("interpolate.NearestNDInterpolator",
     lambda m, v, x: m.NearestNDInterpolator(SCATTER, v)(x), WAVE[:11], INNER)  # fmt: skip
for method in ("linear", "nearest"):
    call(f"interpolate.griddata {method}",
         lambda m, v, method=method: m.griddata((SCATTER[:, 0], SCATTER[:, 1]), v, (
             INNER[:, 0], INNER[:, 1]), method, 7.0), WAVE[:11],
         eager=method == "linear")  # fmt: skip
for method in ("linear", "nearest", "cubic"):
    call(f"interpolate.griddata of one coordinate {method}",
         lambda m, v, method=method: m.griddata(X[:6], v, SPOTS, method), Y[:6])  # fmt: skip
