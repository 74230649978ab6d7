"""Spherical harmonics, orthogonal polynomials and spherical Bessel functions."""

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


def _orders(who: str, *values: Any) -> list[np.ndarray]:
    """Known nonnegative or negative integers as int64 arrays."""
    for v in values:
        if isinstance(v, Tracer):
            raise ConcretizationError(
                f"{who}: orders and degrees must be known: got a traced value; pass integers"
            )
        if not np.all(np.equal(np.asarray(v), np.rint(np.asarray(v)))):
            raise DtypeError(f"{who}: orders and degrees must be integers: got {shown(v)}")
    return [np.asarray(v).astype(np.int64) for v in values]


def _floating(x: Any) -> Any:
    x = operand(x)
    return cast(x, np.float64) if dtype_of(x).kind in "biu" else x


def _legendre(n: np.ndarray, m: np.ndarray, x: Any, s: Any) -> Any:
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
    n, m = _orders("sph_harm_y", n, m)
    theta, phi = promote_weak([_floating(theta), _floating(phi)])
    n, m = np.broadcast_arrays(n, m)
    y = _legendre(n, np.abs(m), np.cos(theta), np.sin(theta))
    kind = dtype_of(phi)
    sign = np.where((m < 0) & (m % 2 == 1), -1.0, 1.0).astype(kind)
    return sign * y * np.exp(1j * (m.astype(kind) * phi))


@half_in_single
def lpmv(m: Any, v: Any, x: Any) -> Any:
    """Associated Legendre functions of integer order m and degree v, for |x| <= 1.

    >>> print(lpmv(1, 2, 0.5).round(12))
    -1.299038105677
    """
    m, v = np.broadcast_arrays(*_orders("lpmv", m, v))
    v = np.where(v < 0, -v - 1, v)
    x, order = _floating(x), np.abs(m)
    pick = np.vectorize(lambda a, b: math.perm(int(a + b), int(min(2 * b, a + b))), otypes=[float])
    ratio = pick(v, order)  # (v + m)! / (v - m)!
    scale = np.sqrt(ratio * 4 * math.pi / (2 * v + 1))
    below = np.where(m < 0, (-1.0) ** order / ratio, 1.0)
    front = np.asarray(scale * below).astype(dtype_of(x))
    return front * _legendre(v, order, x, np.sqrt(1 - x * x))


def _by_recurrence(
    name: str, first: Callable[..., Any], step: Callable[..., tuple[Any, Any, Any]], doc: str
) -> Callable[..., Any]:
    """A polynomial of degree n by p(k+1) = (a x + b) p(k) - c p(k-1), from p(0) = 1 and p(1)."""

    def evaluate(n: Any, *args: Any) -> Any:
        (n,) = _orders(name, n)
        *parameters, x = (_floating(v) for v in args)
        before, now = 1.0 + 0.0 * x, first(x, *parameters)
        y = np.where(n == 0, before, now)
        for k in range(1, int(n.max(initial=0))):
            a, b, c = step(k, *parameters)
            before, now = now, (a * x + b) * now - c * before
            y = np.where(n == k + 1, now, y)
        return np.where(n < 0, np.nan, y)

    evaluate.__name__ = evaluate.__qualname__ = name
    evaluate.__doc__ = doc
    return half_in_single(evaluate)


def _of_jacobi(k: int, a: Any, b: Any) -> tuple[Any, Any, Any]:
    """DLMF 18.9.2."""
    s = 2 * k + a + b
    low = 2 * (k + 1) * (k + a + b + 1)
    first = (s + 1) * (s + 2) / low
    second = (a * a - b * b) * (s + 1) / (low * s)
    return first, second, 2 * (k + a) * (k + b) * (s + 2) / (low * s)


# fmt: off
eval_legendre = _by_recurrence("eval_legendre", lambda x: x,
    lambda k: ((2 * k + 1) / (k + 1), 0.0, k / (k + 1)), "Legendre polynomial P_n(x).")
eval_chebyt = _by_recurrence("eval_chebyt", lambda x: x,
    lambda k: (2.0, 0.0, 1.0), "Chebyshev polynomial of the first kind T_n(x).")
eval_chebyu = _by_recurrence("eval_chebyu", lambda x: 2 * x,
    lambda k: (2.0, 0.0, 1.0), "Chebyshev polynomial of the second kind U_n(x).")
eval_hermite = _by_recurrence("eval_hermite", lambda x: 2 * x,
    lambda k: (2.0, 0.0, 2.0 * k), "Physicist's Hermite polynomial H_n(x).")
eval_hermitenorm = _by_recurrence("eval_hermitenorm", lambda x: x,
    lambda k: (1.0, 0.0, float(k)), "Probabilist's Hermite polynomial He_n(x).")
eval_laguerre = _by_recurrence("eval_laguerre", lambda x: 1 - x,
    lambda k: (-1 / (k + 1), (2 * k + 1) / (k + 1), k / (k + 1)), "Laguerre polynomial L_n(x).")
eval_genlaguerre = _by_recurrence("eval_genlaguerre", lambda x, a: 1 + a - x,
    lambda k, a: (-1 / (k + 1), (2 * k + 1 + a) / (k + 1), (k + a) / (k + 1)),
    "Generalized Laguerre polynomial L_n^(alpha)(x), of the arguments n, alpha, x.")
eval_gegenbauer = _by_recurrence("eval_gegenbauer", lambda x, a: 2 * a * x,
    lambda k, a: (2 * (k + a) / (k + 1), 0.0, (k + 2 * a - 1) / (k + 1)),
    "Gegenbauer polynomial C_n^(alpha)(x), of the arguments n, alpha, x.")
eval_jacobi = _by_recurrence("eval_jacobi", lambda x, a, b: a + 1 + 0.5 * (a + b + 2) * (x - 1),
    _of_jacobi, "Jacobi polynomial P_n^(alpha, beta)(x), of the arguments n, alpha, beta, x.")
# fmt: on


@answering
def roots_legendre(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of Gauss-Legendre quadrature on [-1, 1].

    >>> print(roots_legendre(2)[1])
    [1. 1.]
    """
    return np.polynomial.legendre.leggauss(n)


@answering
def roots_hermite(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of Gauss-Hermite quadrature, of the weight exp(-x**2).

    >>> print(roots_hermite(1)[1].round(12))
    [1.77245385]
    """
    return np.polynomial.hermite.hermgauss(n)


@answering
def roots_hermitenorm(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of Gauss quadrature of the weight exp(-x**2 / 2).

    >>> print(roots_hermitenorm(1)[1].round(12))
    [2.50662827]
    """
    return np.polynomial.hermite_e.hermegauss(n)


@answering
def roots_laguerre(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of Gauss-Laguerre quadrature, of the weight exp(-x) for x > 0.

    >>> print(roots_laguerre(1)[0])
    [1.]
    """
    return np.polynomial.laguerre.laggauss(n)


@answering
def roots_chebyt(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of Gauss-Chebyshev quadrature, ascending.

    >>> print(roots_chebyt(2)[1].round(12))
    [1.57079633 1.57079633]
    """
    x, w = np.polynomial.chebyshev.chebgauss(n)
    return x[::-1], w


def _double_factorial(n: int) -> float:
    return float(math.prod(range(2 * n + 1, 0, -2)))


def _degree(who: str, n: Any) -> int:
    (degrees,) = _orders(who, n)
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
    n, z = _degree("spherical_jn", n), _floating(z)
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
    n, z = _degree("spherical_yn", n), _floating(z)
    if derivative:
        return _slope(spherical_yn, n, z, -1)
    return np.sqrt(0.5 * np.pi / z) * yv(n + 0.5, z)


@half_in_single
def spherical_in(n: int, z: Any, derivative: bool = False) -> Any:
    """Modified spherical Bessel function of the first kind.

    >>> print(spherical_in(1, 1.0).round(12))
    0.367879441171
    """
    n, z = _degree("spherical_in", n), _floating(z)
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
    n, z = _degree("spherical_kn", n), _floating(z)
    if derivative:
        return -_slope(spherical_kn, n, z, 1)
    return np.sqrt(0.5 * np.pi / z) * kve(n + 0.5, z) * np.exp(-z)
