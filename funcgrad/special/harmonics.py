"""Spherical harmonics, associated Legendre functions and spherical Bessel functions."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import dtype_of
from ..core.errors import ConcretizationError, DtypeError, shown
from ..core.lazy import answering
from ..core.trace import Tracer
from ..ops.operand import half_in_single, operand, promote_weak
from ..ops.structure import cast
from .bessel import ive, jv, kve, yv
from .hypergeometric import hyp0f1


def known_orders(who: str, *values: Any) -> list[np.ndarray]:
    """Known nonnegative or negative integers as int64 arrays."""
    for v in values:
        if isinstance(v, Tracer):
            raise ConcretizationError(
                f"{who}: orders and degrees must be known: got a traced value; pass integers"
            )
        if not np.all(np.equal(np.asarray(v), np.rint(np.asarray(v)))):
            raise DtypeError(f"{who}: orders and degrees must be integers: got {shown(v)}")
    return [np.asarray(v).astype(np.int64) for v in values]


def floating(x: Any) -> Any:
    x = operand(x)
    return cast(x, np.float64) if dtype_of(x).kind in "biu" else x


def legendre_on_sphere(n: np.ndarray, m: np.ndarray, x: Any, s: Any) -> Any:
    """Associated Legendre functions of degree n and order m >= 0, over the sphere normalized.

    The recurrence in the degree is stable. Source: Holmes & Featherstone 2002, "A unified approach
    to the Clenshaw summation", J. Geodesy 76, equations 11 to 13; x is the cosine and s the sine.
    """
    kind = dtype_of(x)
    front, y = np.full(m.shape, math.sqrt(1 / (4 * math.pi))), 1.0 + 0.0 * x
    for k in range(1, int(m.max(initial=0)) + 1):
        more = k <= m
        front = front * np.where(more, -math.sqrt((2 * k + 1) / (2 * k)), 1)
        y = y * np.where(more, s, 1.0)
    y, before = front.astype(kind) * y, 0.0 * y
    for j in range(1, int((n - m).max(initial=0)) + 1):
        degree = m + j
        a = np.sqrt((4 * degree**2 - 1) / (degree**2 - m * m))
        b = np.sqrt(((degree - 1) ** 2 - m * m) / np.maximum(4 * (degree - 1) ** 2 - 1, 1))
        new = a.astype(kind) * (x * y - b.astype(kind) * before)
        more = degree <= n
        y, before = np.where(more, new, y), np.where(more, y, before)
    return np.where(m > n, 0.0, y)


@half_in_single
def sph_harm_y(
    n: Any, m: Any, theta: Any, phi: Any, *, diff_n: int = 0, n_max: int | None = None
) -> Any:
    """Spherical harmonics, orthonormal, with the Condon-Shortley phase; complex.

    Args:
        n: degrees, nonnegative integers.
        m: orders, integers with |m| <= n; elsewhere the result is 0.
        theta: polar angles, from 0 to pi.
        phi: azimuths.
        diff_n: without effect but for 0, as derivatives are those of ``grad``.
        n_max: without effect; for jax.scipy.special.

    Raises:
        ConcretizationError: if degrees or orders are traced.

    >>> print(sph_harm_y(1, 0, 0.0, 0.0).real.round(12))
    0.488602511903
    """
    if diff_n:
        raise TypeError(f"sph_harm_y: diff_n must be 0: got {shown(diff_n)}; differentiate by jvp")
    n, m = known_orders("sph_harm_y", n, m)
    theta, phi = promote_weak([floating(theta), floating(phi)])
    n, m = np.broadcast_arrays(n, m)
    y = legendre_on_sphere(n, np.abs(m), np.cos(theta), np.sin(theta))
    kind = dtype_of(phi)
    sign = np.where((m < 0) & (m % 2 == 1), -1.0, 1.0).astype(kind)
    return sign * y * np.exp(1j * (m.astype(kind) * phi))


@half_in_single
def lpmv(m: Any, v: Any, x: Any) -> Any:
    """Associated Legendre functions of integer order m and degree v, for |x| <= 1.

    >>> print(lpmv(1, 2, 0.5).round(12))
    -1.299038105677
    """
    m, v = np.broadcast_arrays(*known_orders("lpmv", m, v))
    v = np.where(v < 0, -v - 1, v)
    x, order = floating(x), np.abs(m)
    pick = np.vectorize(lambda a, b: math.perm(int(a + b), int(min(2 * b, a + b))), otypes=[float])
    ratio = pick(v, order)  # (v + m)! / (v - m)!
    scale = np.sqrt(ratio * 4 * math.pi / (2 * v + 1))
    below = np.where(m < 0, (-1.0) ** order / ratio, 1.0)
    front = np.asarray(scale * below).astype(dtype_of(x))
    return front * legendre_on_sphere(v, order, x, np.sqrt(1 - x * x))


def _double_factorial(n: int) -> float:
    return float(math.prod(range(2 * n + 1, 0, -2)))


def _degree(who: str, n: Any) -> int:
    (degrees,) = known_orders(who, n)
    if degrees.shape or degrees < 0:
        raise DtypeError(f"{who}: n must be one int >= 0: got {shown(n)}; use a loop or vmap")
    return int(degrees)


def _small(n: int, z: Any, sign: float) -> Any:
    """z**n / (2n + 1)!! 0F1(n + 3/2, sign z**2 / 4), which has no singularity."""
    return z**n / _double_factorial(n) * hyp0f1(n + 1.5, sign * 0.25 * z * z)


def _slope(function: Callable[[int, Any], Any], n: int, z: Any, sign: int) -> Any:
    """The derivative, (n f_{n-1} + sign (n + 1) f_{n+1}) / (2n + 1): DLMF 10.51.1 and 10.51.4."""
    high = sign * function(n + 1, z)
    return high if n == 0 else (n * function(n - 1, z) + (n + 1) * high) / (2 * n + 1)


@half_in_single
def spherical_jn(n: int, z: Any, derivative: bool = False) -> Any:
    """Spherical Bessel function of the first kind of degree n, or its derivative.

    >>> print(spherical_jn(1, 1.0).round(12))
    0.30116867894
    """
    n, z = _degree("spherical_jn", n), floating(z)
    if derivative:
        return _slope(spherical_jn, n, z, -1)
    near = np.less(np.abs(z), n + 1)
    size = np.where(near, 1.0, np.abs(z))
    sign = 1.0 if n % 2 == 0 else np.sign(z)
    far = sign * np.sqrt(0.5 * np.pi / size) * jv(n + 0.5, size)
    return np.where(near, _small(n, np.where(near, z, 0.0), -1), far)


@half_in_single
def spherical_yn(n: int, z: Any, derivative: bool = False) -> Any:
    """Spherical Bessel function of the second kind, for z > 0.

    >>> print(spherical_yn(1, 1.0).round(12))
    -1.381773290676
    """
    n, z = _degree("spherical_yn", n), floating(z)
    if derivative:
        return _slope(spherical_yn, n, z, -1)
    return np.sqrt(0.5 * np.pi / z) * yv(n + 0.5, z)


@half_in_single
def spherical_in(n: int, z: Any, derivative: bool = False) -> Any:
    """Modified spherical Bessel function of the first kind.

    >>> print(spherical_in(1, 1.0).round(12))
    0.367879441171
    """
    n, z = _degree("spherical_in", n), floating(z)
    if derivative:
        return _slope(spherical_in, n, z, 1)
    near = np.less(np.abs(z), 8)
    size = np.where(near, 8.0, np.abs(z))
    sign = 1.0 if n % 2 == 0 else np.sign(z)
    far = sign * np.sqrt(0.5 * np.pi / size) * ive(n + 0.5, size) * np.exp(size)
    return np.where(near, _small(n, np.where(near, z, 0.0), 1), far)


@half_in_single
def spherical_kn(n: int, z: Any, derivative: bool = False) -> Any:
    """Modified spherical Bessel function of the second kind, for z > 0.

    >>> print(spherical_kn(1, 1.0).round(12))
    1.155727349791
    """
    n, z = _degree("spherical_kn", n), floating(z)
    if derivative:
        return -_slope(spherical_kn, n, z, 1)
    return np.sqrt(0.5 * np.pi / z) * kve(n + 0.5, z) * np.exp(-z)


@answering
def riccati_jn(n: int, x: Any) -> tuple[Any, Any]:
    """Riccati-Bessel functions x j_k(x) of the degrees 0, ..., n, and their derivatives.

    >>> print(riccati_jn(1, 1.0)[0].round(6))
    [0.841471 0.301169]
    """
    return _riccati("riccati_jn", spherical_jn, n, x)


@answering
def riccati_yn(n: int, x: Any) -> tuple[Any, Any]:
    """Riccati-Bessel functions x y_k(x) of the degrees 0, ..., n, and their derivatives.

    >>> print(riccati_yn(1, 1.0)[0].round(6))
    [-0.540302 -1.381773]
    """
    return _riccati("riccati_yn", spherical_yn, n, x)


def _riccati(who: str, function: Callable[..., Any], n: int, x: Any) -> tuple[Any, Any]:
    x, count = floating(x), _degree(who, n) + 1
    values, slopes = (
        np.stack([function(k, x, derivative) for k in range(count)]) for derivative in (False, True)
    )
    return x * values, values + x * slopes


@answering
def lmbda(v: float, x: Any) -> tuple[Any, Any]:
    """Gamma(v + 1) J_v(x) / (x / 2)^v for v - int(v), ..., v, and its derivatives in x.

    >>> print(lmbda(1.0, 0.7)[0].round(6))
    [0.881201 0.939988]
    """
    x, orders = floating(x), v - int(v) + np.arange(int(v) + 1.0)
    square = -0.25 * x * x
    values = np.stack([hyp0f1(k + 1, square) for k in orders])
    return values, np.stack([-0.5 * x / (k + 1) * hyp0f1(k + 2, square) for k in orders])
