"""Bessel functions of real order, and modified ones, of real arguments.

All have derivatives of every order in x; in the order v there is none, and one is refused. SciPy's
values are followed at the edges of the domain, and the limit 0 at infinity.
"""

import math
from typing import Any

import numpy as np

from ..core.avals import dtype_of
from ..core.errors import shown
from ..core.lazy import answering
from ..ops import bessel
from ..ops.operand import half_in_single, operand
from ..ops.structure import cast
from ..ops.transcendental import bessel_orders


@half_in_single
def i0(x: Any) -> Any:
    """Modified Bessel function of order 0.

    >>> print(i0(1.0))
    1.26606587775200...
    """
    return bessel.i0(operand(x))


@half_in_single
def i0e(x: Any) -> Any:
    """exp(-|x|) i0(x), without overflow; the derivative at 0 is defined as 0.

    >>> print(i0e(1000.0))
    0.0126172...
    """
    return bessel.i0e(operand(x))


@half_in_single
def i1(x: Any) -> Any:
    """Modified Bessel function of order 1.

    >>> print(i1(1.0))
    0.565159103992485...
    """
    return bessel.i1(operand(x))


@half_in_single
def i1e(x: Any) -> Any:
    """exp(-|x|) i1(x), without overflow.

    >>> print(i1e(1000.0))
    0.0126109...
    """
    return bessel.i1e(operand(x))


@half_in_single
def jv(v: Any, x: Any) -> Any:
    """Bessel function of the first kind J of real order v, nan for x < 0 unless v is an integer.

    >>> print(jv(2.5, 1.0).round(12))
    0.049496810228
    """
    return bessel_orders.jv(operand(v), operand(x))


jn = jve = jv  # of real arguments, exp(-abs(imag(x))) is 1


@half_in_single
def j0(x: Any) -> Any:
    """Bessel function of the first kind of order 0.

    >>> print(j0(1.0).round(12))
    0.765197686558
    """
    return jv(0, x)


@half_in_single
def j1(x: Any) -> Any:
    """Bessel function of the first kind of order 1.

    >>> print(j1(1.0).round(12))
    0.440050585745
    """
    return jv(1, x)


@half_in_single
def yv(v: Any, x: Any) -> Any:
    """Bessel function of the second kind Y of real order v; nan for x < 0.

    >>> print(yv(0.5, 1.0).round(12))
    -0.431098868018
    """
    return bessel_orders.yv(operand(v), operand(x))


yn = yve = yv


@half_in_single
def y0(x: Any) -> Any:
    """Bessel function of the second kind of order 0.

    >>> print(y0(1.0).round(12))
    0.088256964216
    """
    return yv(0, x)


@half_in_single
def y1(x: Any) -> Any:
    """Bessel function of the second kind of order 1.

    >>> print(y1(1.0).round(12))
    -0.7812128213
    """
    return yv(1, x)


@half_in_single
def ive(v: Any, x: Any) -> Any:
    """exp(-|x|) iv(v, x), without overflow.

    >>> print(ive(2.5, 1000.0).round(12))
    0.012577853469
    """
    return bessel_orders.ive(operand(v), operand(x))


@half_in_single
def iv(v: Any, x: Any) -> Any:
    """Modified Bessel function of the first kind I of real order v.

    >>> print(iv(2.5, 1.0).round(12))
    0.057098909203
    """
    x = operand(x)
    half = np.exp(0.5 * np.abs(x))  # half of the exponential, which would overflow
    return half * ive(v, x) * half


@half_in_single
def kve(v: Any, x: Any) -> Any:
    """exp(x) kv(v, x), without underflow; nan for x < 0.

    >>> print(kve(2.5, 1000.0).round(12))
    0.039752291695
    """
    return bessel_orders.kve(operand(v), operand(x))


@half_in_single
def kv(v: Any, x: Any) -> Any:
    """Modified Bessel function of the second kind K of real order v; nan for x < 0.

    >>> print(kv(2.5, 1.0).round(12))
    3.227479531135
    """
    x = operand(x)
    return kve(v, x) * np.exp(-x)


kn = kv


@half_in_single
def k0(x: Any) -> Any:
    """Modified Bessel function of the second kind of order 0.

    >>> print(k0(1.0).round(12))
    0.421024438241
    """
    return kv(0, x)


@half_in_single
def k1(x: Any) -> Any:
    """Modified Bessel function of the second kind of order 1.

    >>> print(k1(1.0).round(12))
    0.601907230197
    """
    return kv(1, x)


@half_in_single
def k0e(x: Any) -> Any:
    """exp(x) k0(x), without underflow.

    >>> print(k0e(1000.0).round(12))
    0.039628321601
    """
    return kve(0, x)


@half_in_single
def k1e(x: Any) -> Any:
    """exp(x) k1(x), without underflow.

    >>> print(k1e(1000.0).round(12))
    0.039648130813
    """
    return kve(1, x)


@answering
def bessel_jn(z: Any, *, v: int, n_iter: int = 50) -> Any:
    """Bessel functions of the first kind of the orders 0, 1, ..., v, as in jax.scipy.special.

    Args:
        z: array of floats.
        v: int, the highest order.
        n_iter: without effect.

    Returns:
        Array of shape (v + 1, *z.shape).

    >>> print(bessel_jn(np.array([1.0]), v=2).round(6))
    [[0.765198]
     [0.440051]
     [0.114903]]
    """
    if not isinstance(v, int | np.integer) or v < 0:
        raise TypeError(f"bessel_jn: v must be an int >= 0: got {shown(v)}")
    z = operand(z)
    return np.stack([jv(k, z) for k in range(int(v) + 1)])


def _nth_derivative(f: Any, signs: tuple[float, float], v: Any, z: Any, n: int) -> Any:
    """The n-th derivative of a Bessel function: a sum over orders (DLMF 10.6.7, 10.29.5)."""
    low, high = signs
    total: Any = 0
    for k in range(n + 1):
        total = total + math.comb(n, k) * low ** (n - k) * high**k * f(v - n + 2 * k, z)
    return total / 2**n


@answering
def jvp(v: Any, z: Any, n: int = 1) -> Any:
    """The n-th derivative of jv in its argument.

    >>> print(jvp(0, 1.0).round(12))
    -0.440050585745
    """
    return _nth_derivative(jv, (1, -1), operand(v), operand(z), n)


@answering
def yvp(v: Any, z: Any, n: int = 1) -> Any:
    """The n-th derivative of yv in its argument.

    >>> print(yvp(0, 1.0).round(12))
    0.7812128213
    """
    return _nth_derivative(yv, (1, -1), operand(v), operand(z), n)


@answering
def ivp(v: Any, z: Any, n: int = 1) -> Any:
    """The n-th derivative of iv in its argument.

    >>> print(ivp(0, 1.0).round(12))
    0.565159103992
    """
    return _nth_derivative(iv, (1, 1), operand(v), operand(z), n)


@answering
def kvp(v: Any, z: Any, n: int = 1) -> Any:
    """The n-th derivative of kv in its argument.

    >>> print(kvp(0, 1.0).round(12))
    -0.601907230197
    """
    return _nth_derivative(kv, (-1, -1), operand(v), operand(z), n)


def _hankel(v: Any, x: Any) -> tuple[Any, Any, Any]:
    """J + i Y and J - i Y at |x|, and where x < 0."""
    x = operand(x)
    size = np.abs(x)
    j, y = jv(v, size), yv(v, size)
    return j + 1j * y, j - 1j * y, np.less(x, 0)


@half_in_single
def hankel1(v: Any, x: Any) -> Any:
    """Hankel function of the first kind, J + i Y, of real order v and real x; complex.

    >>> print(hankel1(1.0, 2.0).round(6))
    (0.576725-0.107032j)
    """
    one, other, below = _hankel(v, x)
    turn = np.exp(-1j * np.pi * operand(v))  # DLMF 10.11.5
    return np.where(below, cast(-turn, dtype_of(one)) * other, one)


@half_in_single
def hankel2(v: Any, x: Any) -> Any:
    """Hankel function of the second kind, J - i Y, of real order v and real x; complex.

    >>> print(hankel2(1.0, 2.0).round(6))
    (0.576725+0.107032j)
    """
    one, other, below = _hankel(v, x)
    turn = np.exp(1j * np.pi * operand(v))  # DLMF 10.11.4
    turned = cast(turn, dtype_of(one)) * one + cast(2 * np.real(turn), dtype_of(one)) * other
    return np.where(below, turned, other)


@half_in_single
def hankel1e(v: Any, x: Any) -> Any:
    """hankel1(v, x) exp(-i x).

    >>> print(hankel1e(1.0, 2.0).round(6))
    (-0.337327-0.479873j)
    """
    return hankel1(v, x) * np.exp(-1j * operand(x))


@half_in_single
def hankel2e(v: Any, x: Any) -> Any:
    """hankel2(v, x) exp(i x).

    >>> print(hankel2e(1.0, 2.0).round(6))
    (-0.337327+0.479873j)
    """
    return hankel2(v, x) * np.exp(1j * operand(x))


@answering
def h1vp(v: Any, z: Any, n: int = 1) -> Any:
    """The n-th derivative of hankel1 in its argument.

    >>> print(h1vp(0, 1.0).round(6))
    (-0.440051+0.781213j)
    """
    return _nth_derivative(hankel1, (1, -1), operand(v), operand(z), n)


@answering
def h2vp(v: Any, z: Any, n: int = 1) -> Any:
    """The n-th derivative of hankel2 in its argument.

    >>> print(h2vp(0, 1.0).round(6))
    (-0.440051-0.781213j)
    """
    return _nth_derivative(hankel2, (1, -1), operand(v), operand(z), n)
