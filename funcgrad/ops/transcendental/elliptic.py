"""Elliptic integrals and the Jacobi amplitude, with derivatives.

Complete integrals by the arithmetic-geometric mean (DLMF 19.8.5, 19.8.6), incomplete ones by
Carlson's symmetric integrals R_F and R_D (Carlson 1995, "Numerical computation of real or complex
elliptic integrals", Numer. Algorithms 10), the amplitude by DLMF 22.20.3. Derivatives in the
parameter m are hypergeometric functions or R_D, which do not cancel at m = 0.
"""

import functools
import math
from typing import Any

import numpy as np

from ..elementwise import add, cos, div, mul, neg, sin, sqrt, square, sub
from ..families import Elementwise
from ..kernels import by_blocks, masked_update, repeated
from .hypergeometric import hyp2f1

LANDEN = 10  # steps until the means of 1 and sqrt(1 - m) >= 1e-8 are equal


def _means(p: Any) -> tuple[Any, Any]:
    """The mean of 1 and sqrt(p), and the sum of 2**n c_n**2 over n >= 1."""

    def step(k: Any, a: Any, g: Any, c: Any, total: Any) -> Any:
        a, g = 0.5 * (a + g), np.sqrt(a * g)
        c = c * c / (4 * a)  # half of the last a - g, which cancels
        return a, g, c, total + 2.0**k * c * c

    root = np.sqrt(p)
    c = 0.5 * (1 - root)
    going = lambda a, g, c, total: np.abs(c) > 1e-9 * a
    a, g, _, total = repeated(step, (0.5 * (1 + root), np.sqrt(root), c, c * c), 1, 40, going=going)
    return 0.5 * (a + g), total


def _ellipkm1(p: Any) -> Any:
    inside = (p >= 0) & (p < np.inf)
    y = 0.5 * math.pi / _means(np.where(inside, p, 1))[0]
    return np.where(p == 0, np.inf, np.where(p == np.inf, 0, np.where(inside, y, np.nan)))


def _ellipe(m: Any) -> Any:
    inside = (m < 1) & (m > -np.inf)
    v = np.where(inside, m, 0)
    # E = sqrt(1 - m) E(m / (m - 1)) makes m positive
    low = v < 0
    scale = np.where(low, np.sqrt(1 - v), 1)
    v = np.where(low, v / (v - 1), v)
    p = np.where(low, 1 / (1 - np.where(inside, m, 0)), 1 - v)
    mean, total = _means(p)
    y = scale * (0.5 * math.pi / mean) * (0.5 * (1 + p) - total)

    def near_one(p: Any, scale: Any) -> Any:  # DLMF 19.25.1
        zero, one = np.zeros_like(p), np.ones_like(p)
        return scale * p / 3 * (_elliprd(zero, p, one) + _elliprd(zero, one, p))

    y = masked_update(y, p < 0.5, near_one, p, scale)
    end = np.where(m == 1, 1, np.where(m == -np.inf, np.inf, np.nan))
    return np.where(inside, y, end)


def _converge(point: list[Any], weights: tuple[int, int, int]) -> tuple[Any, Any, Any, Any, Any]:
    """Carlson's duplication: differences over the mean, the mean, the sum, and the last power."""
    x, y, z = point
    mean = sum(w * v for w, v in zip(weights, point, strict=True)) / sum(weights)
    apart = [mean - v for v in point]
    most = 500 * np.maximum(np.maximum(np.abs(apart[0]), np.abs(apart[1])), np.abs(apart[2]))

    def step(k: Any, x: Any, y: Any, z: Any, mean: Any, total: Any, power: Any) -> Any:
        roots = np.sqrt(x), np.sqrt(y), np.sqrt(z)
        shift = roots[0] * roots[1] + roots[0] * roots[2] + roots[1] * roots[2]
        total = total + power / (roots[2] * (z + shift))
        x, y, z, mean = ((v + shift) / 4 for v in (x, y, z, mean))
        return x, y, z, mean, total, power * 0.25

    going = lambda x, y, z, mean, total, power: most * power > np.abs(mean)
    start = (x, y, z, mean, np.zeros_like(mean), 1.0)
    *_, mean, total, power = repeated(step, start, 0, 600, going=going)
    return apart[0] * power / mean, apart[1] * power / mean, mean, total, power


def _guarded(good: Any, *xs: Any) -> list[Any]:
    return [np.where(good, v, 1.0) for v in xs]


def _elliprf(x: Any, y: Any, z: Any) -> Any:
    good = (x >= 0) & (y >= 0) & (z >= 0) & (x + y > 0) & (x + z > 0) & (y + z > 0)
    good = good & np.isfinite(x + y + z)
    a, b, mean, _, _ = _converge(_guarded(good, x, y, z), (1, 1, 1))
    c = -a - b
    e2, e3 = a * b - c * c, a * b * c
    s = 1 - e2 / 10 + e3 / 14 + e2 * e2 / 24 - 3 * e2 * e3 / 44
    s = s - 5 * e2**3 / 208 + 3 * e3 * e3 / 104 + e2 * e2 * e3 / 16
    return np.where(good, s / np.sqrt(mean), np.nan)


def _series_of_rd(e2: Any, e3: Any, e4: Any, e5: Any) -> Any:
    s = 1 - 3 * e2 / 14 + e3 / 6 + 9 * e2 * e2 / 88 - 3 * e4 / 22 - 9 * e2 * e3 / 52
    s = s + 3 * e5 / 26 - e2**3 / 16 + 3 * e3 * e3 / 40 + 3 * e2 * e4 / 20
    return s + 45 * e2 * e2 * e3 / 272 - 9 * (e3 * e4 + e2 * e5) / 68


def _elliprd(x: Any, y: Any, z: Any) -> Any:
    good = (x >= 0) & (y >= 0) & (z > 0) & (x + y > 0) & np.isfinite(x + y + z)
    a, b, mean, total, power = _converge(_guarded(good, x, y, z), (1, 1, 3))
    c = -(a + b) / 3
    e2, e3 = a * b - 6 * c * c, (3 * a * b - 8 * c * c) * c
    e4, e5 = 3 * (a * b - c * c) * c * c, a * b * c**3
    s = _series_of_rd(e2, e3, e4, e5)
    return np.where(good, power * s / (mean * np.sqrt(mean)) + 3 * total, np.nan)


def _elliprj(x: Any, y: Any, z: Any, p: Any) -> Any:
    good = (x >= 0) & (y >= 0) & (z >= 0) & (x + y > 0) & (x + z > 0) & (y + z > 0)
    good = good & (p != 0) & np.isfinite(x + y + z + p)
    x, y, z = np.sort(np.stack(_guarded(good, x, y, z)), axis=0)
    p = np.where(good, p, 1.0)

    def principal(x: Any, y: Any, z: Any, q: Any) -> Any:  # DLMF 19.20.14
        p = (z * (x + y + q) - x * y) / (z + q)
        rest = np.sqrt(x * y * z / (x * y + p * q))
        last = rest * _elliprc(x * y + p * q, p * q)
        first = (p - z) * _positive_rj(x, y, z, p) - 3 * _elliprf(x, y, z)
        return (first + 3 * last) / (z + q)

    y_ = masked_update(np.full_like(x, np.nan), good & (p > 0), _positive_rj, x, y, z, p, idle=1)
    return masked_update(y_, good & (p < 0), principal, x, y, z, -p, idle=1)


def _elliprc(x: Any, y: Any) -> Any:
    return _elliprf(x, y, y)


def _positive_rj(x: Any, y: Any, z: Any, p: Any) -> Any:
    """Carlson 1995, algorithm 4."""
    mean = (x + y + z + 2 * p) / 5
    apart = [mean - v for v in (x, y, z)]
    product = (p - x) * (p - y) * (p - z)
    most = 500 * functools.reduce(np.maximum, map(np.abs, [*apart, mean - p]))

    def step(_: Any, x: Any, y: Any, z: Any, p: Any, mean: Any, total: Any, power: Any) -> Any:
        a, b, c, d = np.sqrt(x), np.sqrt(y), np.sqrt(z), np.sqrt(p)
        scale = (d + a) * (d + b) * (d + c)
        e = power**3 * product / (scale * scale)
        root = np.sqrt(np.abs(e))
        near = np.where(e > 0, np.arctan(root), np.arctanh(np.minimum(root, 1 - 1e-16)))
        total = total + power * np.where(root == 0, 1, near / np.where(root == 0, 1, root)) / scale
        shift = a * b + a * c + b * c
        return *((v + shift) / 4 for v in (x, y, z, p, mean)), total, power * 0.25

    going = lambda x, y, z, p, mean, total, power: most * power > np.abs(mean)
    start = (x, y, z, p, mean, np.zeros_like(mean), 1.0)
    *_, mean, total, power = repeated(step, start, 0, 600, going=going)
    u, v, w = (v * power / mean for v in apart)
    q = -(u + v + w) / 2
    e2, e3 = u * v + u * w + v * w - 3 * q * q, u * v * w
    e3, e4, e5 = e3 + 2 * e2 * q + 4 * q**3, (2 * e3 + e2 * q + 3 * q**3) * q, e3 * q * q
    s = _series_of_rd(e2, e3, e4, e5)
    return power * s / (mean * np.sqrt(mean)) + 6 * total


def _parts(phi: Any, m: Any) -> tuple[Any, Any, Any, Any]:
    """sin r, cos² r, 1 - m sin² r and n, where phi is r + pi n and |r| <= pi/2."""
    n = np.rint(phi / math.pi)
    s, c = np.sin(phi), np.cos(phi)
    s = np.where(np.mod(n, 2) == 1, -s, s)
    return s, c * c, c * c + (1 - m) * s * s, n


def _ellipkinc(phi: Any, m: Any) -> Any:
    s, c2, d2, n = _parts(phi, m)
    y = s * _elliprf(c2, np.where(d2 > 0, d2, 1), np.ones_like(s))
    turns = np.where(n == 0, 0, 2 * n * _ellipkm1(1 - np.where(n == 0, 0, m)))
    return np.where((d2 < 0) | (m > 1), np.nan, np.where(d2 == 0, np.inf * s, y + turns))


def _ellipeinc(phi: Any, m: Any) -> Any:
    s, c2, d2, n = _parts(phi, m)
    d, one = np.where(d2 > 0, d2, 1), np.ones_like(s)
    y = s * _elliprf(c2, d, one) - m / 3 * s**3 * _elliprd(c2, d, one)

    def near_one(s: Any, c2: Any, d: Any, m: Any) -> Any:  # DLMF 19.25.10
        one = np.ones_like(s)
        rest = s * _elliprf(c2, d, one) + m / 3 * s**3 * _elliprd(c2, one, d)
        return (1 - m) * rest + m * s * np.sqrt(c2 / d)

    y = masked_update(y, (m > 0.5) & (m < 1) & (d2 > 0), near_one, s, c2, d, m)
    turns = np.where(n == 0, 0, 2 * n * _ellipe(np.where(n == 0, 0, m)))
    return np.where((d2 < 0) | (m > 1), np.nan, np.where(d2 == 0, s, y) + turns)


def _amplitude(u: Any, m: Any) -> Any:
    """am(u, m) by descending Landen transformations."""
    good = (m >= 0) & (m < 1)
    a, g = np.ones_like(u + m), np.sqrt(1 - np.where(good, m, 0))
    ratios: list[Any] = []
    for _ in range(LANDEN):
        c = 0.5 * (a - g)
        a, g = 0.5 * (a + g), np.sqrt(a * g)
        ratios.append(c / a)
        if type(c) is np.ndarray and not np.any(c > 1e-17 * a):
            break
    phi = 2.0 ** len(ratios) * a * u
    for ratio in reversed(ratios):
        phi = 0.5 * (phi + np.arcsin(ratio * np.sin(phi)))
    phi = np.where(m == 1, 2 * np.arctan(np.tanh(0.5 * u)), phi)
    return np.where(good | (m == 1), phi, np.nan)


def _turns(phi: Any) -> tuple[Any, Any, Any]:
    """sin r, cos² r and n, as ``_parts``."""
    n = np.rint(phi / math.pi)
    s = mul(sin(phi), np.where(np.mod(n, 2) == 1, -1.0, 1.0))
    return s, square(cos(phi)), n


def _slope_of_kinc(phi: Any, m: Any) -> Any:
    """The derivative of F(phi, m) in m: s³/6 R_D(c², 1, 1 - m s²), and that of 2 n K(m)."""
    s, c2, n = _turns(phi)
    d2 = add(c2, mul(sub(1, m), square(s)))
    y = div(mul(mul(square(s), s), elliprd(c2, 1.0, d2)), 6)
    return add(y, mul(n * (math.pi / 4), hyp2f1(1.5, 1.5, 2.0, np.where(n == 0, 0.0, m))))


def _slope_of_einc(phi: Any, m: Any) -> Any:
    """The derivative of E(phi, m) in m: -s³/6 R_D(c², 1 - m s², 1), and that of 2 n E(m)."""
    s, c2, n = _turns(phi)
    d2 = add(c2, mul(sub(1, m), square(s)))
    y = neg(div(mul(mul(square(s), s), elliprd(c2, d2, 1.0)), 6))
    return sub(y, mul(n * (math.pi / 4), hyp2f1(0.5, 1.5, 2.0, np.where(n == 0, 0.0, m))))


def _delta(phi: Any, m: Any) -> Any:
    """sqrt(1 - m sin² phi), also where both cos phi and 1 - m are small."""
    return sqrt(add(square(cos(phi)), mul(sub(1, m), square(sin(phi)))))


def _mixed(one: Any, two: Any, a: Any, b: Any) -> Any:
    """(one - two) / (2 (a - b)), which is undefined where a = b."""
    return div(sub(one, two), mul(2, sub(a, b)))


def _rd_in_x(x: Any, y: Any, z: Any) -> Any:
    return _mixed(elliprd(y, z, x), elliprd(x, y, z), x, z)


def _rj_in_x(f: Any, x: Any, y: Any, z: Any, p: Any) -> Any:
    """(R_D(y, z, x) - R_J) / (2 (x - p)), which is undefined where x = p."""
    return _mixed(elliprd(y, z, x), f, x, p)


def _rj_in_p(f: Any, x: Any, y: Any, z: Any, p: Any) -> Any:
    """x dR/dx + y dR/dy + z dR/dz + p dR/dp = -3/2 R."""
    others = [mul(x, _rj_in_x(f, x, y, z, p)), mul(y, _rj_in_x(f, y, x, z, p))]
    total = add(add(*others), add(mul(z, _rj_in_x(f, z, x, y, p)), mul(1.5, f)))
    return neg(div(total, p))


# the rules above use these names
elliprd: Elementwise
elliprj: Elementwise

# fmt: off
ellipkm1 = Elementwise("ellipkm1", by_blocks(_ellipkm1),
    lambda t, y, p: neg(mul(t, mul(math.pi / 8, hyp2f1(1.5, 1.5, 2.0, sub(1, p))))))
ellipe = Elementwise("ellipe", by_blocks(_ellipe),
    lambda t, y, m: neg(mul(t, mul(math.pi / 8, hyp2f1(0.5, 1.5, 2.0, m)))))
elliprf = Elementwise("elliprf", by_blocks(_elliprf),
    lambda t, f, x, y, z: neg(mul(t, div(elliprd(y, z, x), 6))),
    lambda t, f, x, y, z: neg(mul(t, div(elliprd(x, z, y), 6))),
    lambda t, f, x, y, z: neg(mul(t, div(elliprd(x, y, z), 6))))
# x dR/dx + y dR/dy + z dR/dz = -3/2 R
elliprd = Elementwise("elliprd", by_blocks(_elliprd),
    lambda t, f, x, y, z: mul(t, _rd_in_x(x, y, z)),
    lambda t, f, x, y, z: mul(t, _rd_in_x(y, x, z)),
    lambda t, f, x, y, z: neg(mul(t, div(add(mul(1.5, f), add(
        mul(x, _rd_in_x(x, y, z)), mul(y, _rd_in_x(y, x, z)))), z))))
elliprj = Elementwise("elliprj", by_blocks(_elliprj),
    lambda t, f, x, y, z, p: mul(t, _rj_in_x(f, x, y, z, p)),
    lambda t, f, x, y, z, p: mul(t, _rj_in_x(f, y, x, z, p)),
    lambda t, f, x, y, z, p: mul(t, _rj_in_x(f, z, x, y, p)),
    lambda t, f, x, y, z, p: mul(t, _rj_in_p(f, x, y, z, p)))
ellipkinc = Elementwise("ellipkinc", by_blocks(_ellipkinc),
    lambda t, y, phi, m: div(t, _delta(phi, m)),
    lambda t, y, phi, m: mul(t, _slope_of_kinc(phi, m)))
ellipeinc = Elementwise("ellipeinc", by_blocks(_ellipeinc),
    lambda t, y, phi, m: mul(t, _delta(phi, m)),
    lambda t, y, phi, m: mul(t, _slope_of_einc(phi, m)))
amplitude = Elementwise("amplitude", by_blocks(_amplitude),
    lambda t, y, u, m: mul(t, _delta(y, m)),
    lambda t, y, u, m: neg(mul(t, mul(_delta(y, m), _slope_of_kinc(y, m)))))
# fmt: on
