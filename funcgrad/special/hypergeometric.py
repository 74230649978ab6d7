"""Hypergeometric functions, elliptic integrals, Airy functions, Lambert's W and Owen's T."""

from typing import Any

import numpy as np

from ..core.errors import ConcretizationError
from ..core.lazy import answering
from ..core.trace import Tracer
from ..ops.operand import half_in_single, operand
from ..ops.transcendental import airy as airy_ops, elliptic, hypergeometric as ops, inverses


@half_in_single
def hyp0f1(v: Any, x: Any) -> Any:
    """Confluent hypergeometric limit function 0F1(; v; x), with derivatives in x.

    >>> print(hyp0f1(2.0, 1.0).round(12))
    1.590636854637
    """
    return ops.hyp0f1(operand(v), operand(x))


@half_in_single
def hyp1f1(a: Any, b: Any, x: Any) -> Any:
    """Kummer's function 1F1(a; b; x) of real arguments.

    It has derivatives of every order in x, and first derivatives in a and b.

    >>> print(hyp1f1(0.5, 1.5, 1.0).round(12))
    1.462651745907
    """
    return ops.hyp1f1(operand(a), operand(b), operand(x))


@half_in_single
def hyp2f1(a: Any, b: Any, c: Any, z: Any) -> Any:
    """Gauss's hypergeometric function 2F1(a, b; c; z) of real arguments; infinite for z > 1.

    It has derivatives of every order in z, and first derivatives in a, b and c.

    >>> print(hyp2f1(1.0, 1.0, 2.0, 0.5).round(12))
    1.38629436112
    """
    return ops.hyp2f1(operand(a), operand(b), operand(c), operand(z))


@half_in_single
def ellipk(m: Any) -> Any:
    """Complete elliptic integral of the first kind, of the parameter m = k**2; nan for m > 1.

    >>> print(ellipk(0.5).round(12))
    1.854074677301
    """
    return elliptic.ellipkm1(1 - operand(m))


@half_in_single
def ellipkm1(p: Any) -> Any:
    """ellipk(1 - p), accurate also where p is small.

    >>> print(ellipkm1(1e-30).round(12))
    35.925070756031
    """
    return elliptic.ellipkm1(operand(p))


@half_in_single
def ellipe(m: Any) -> Any:
    """Complete elliptic integral of the second kind; nan for m > 1.

    >>> print(ellipe(0.5).round(12))
    1.350643881048
    """
    return elliptic.ellipe(operand(m))


@half_in_single
def ellipkinc(phi: Any, m: Any) -> Any:
    """Incomplete elliptic integral of the first kind: of 1 / sqrt(1 - m sin(t)**2) up to phi.

    >>> print(ellipkinc(1.0, 0.5).round(12))
    1.083216772845
    """
    return elliptic.ellipkinc(operand(phi), operand(m))


@half_in_single
def ellipeinc(phi: Any, m: Any) -> Any:
    """Incomplete elliptic integral of the second kind: of sqrt(1 - m sin(t)**2) up to phi.

    >>> print(ellipeinc(1.0, 0.5).round(12))
    0.927329883624
    """
    return elliptic.ellipeinc(operand(phi), operand(m))


@half_in_single
def ellipj(u: Any, m: Any) -> tuple[Any, Any, Any, Any]:
    """Jacobi's elliptic functions and the amplitude, for 0 <= m <= 1.

    Returns:
        (sn, cn, dn, ph)

    >>> sn, cn, dn, ph = ellipj(1.0, 0.5)
    >>> print(sn.round(12), dn.round(12))
    0.803001824896 0.823161001632
    """
    u, m = operand(u), operand(m)
    ph = elliptic.amplitude(u, m)
    sn, cn = np.sin(ph), np.cos(ph)
    return sn, cn, np.sqrt(cn * cn + (1 - m) * (sn * sn)), ph


@half_in_single
def elliprf(x: Any, y: Any, z: Any) -> Any:
    """Carlson's symmetric elliptic integral R_F.

    >>> print(elliprf(1.0, 2.0, 3.0).round(12))
    0.726945935469
    """
    return elliptic.elliprf(operand(x), operand(y), operand(z))


@half_in_single
def elliprd(x: Any, y: Any, z: Any) -> Any:
    """Carlson's elliptic integral R_D; its derivatives are nan where x or y is equal to z.

    >>> print(elliprd(1.0, 2.0, 3.0).round(12))
    0.290460281029
    """
    return elliptic.elliprd(operand(x), operand(y), operand(z))


@half_in_single
def elliprc(x: Any, y: Any) -> Any:
    """Carlson's degenerate elliptic integral R_C, the principal value for y < 0.

    >>> print(elliprc(1.0, 2.0).round(12))
    0.785398163397
    """
    x, y = operand(x), operand(y)
    below = np.less(y, 0)  # DLMF 19.2.20
    span = x - np.where(below, y, 0.0)
    scale = np.where(below, np.sqrt(x / np.where(below, span, 1.0)), 1.0)
    end = np.equal(y, 0)
    size = np.where(end, 1.0, np.abs(y))
    return np.where(end, np.inf, scale * elliptic.elliprf(span, size, size))


@half_in_single
def elliprg(x: Any, y: Any, z: Any) -> Any:
    """Carlson's completely symmetric elliptic integral of the second kind R_G.

    >>> print(elliprg(1.0, 2.0, 3.0).round(12))
    1.401847099991
    """
    x, y, z = operand(x), operand(y), operand(z)
    low, high = np.minimum(np.minimum(x, y), z), np.maximum(np.maximum(x, y), z)
    mid = np.maximum(np.minimum(x, y), np.minimum(np.maximum(x, y), z))
    # DLMF 19.21.10, of which no term is negative
    none = np.equal(high, 0)
    a, b, c = low, np.where(none, 1.0, high), np.where(np.equal(mid, 0), 1.0, mid)
    first = c * elliptic.elliprf(a, b, c) + (c - a) * (b - c) / 3 * elliptic.elliprd(a, b, c)
    whole = 0.5 * (first + np.sqrt(a * b / c))
    return np.where(np.equal(mid, 0), 0.5 * np.sqrt(high), whole)


@half_in_single
def elliprj(x: Any, y: Any, z: Any, p: Any) -> Any:
    """Carlson's elliptic integral R_J, the principal value for p < 0.

    Its derivatives are nan where x, y or z is equal to p.

    >>> print(elliprj(1.0, 2.0, 3.0, 4.0).round(12))
    0.23984809975
    """
    return elliptic.elliprj(operand(x), operand(y), operand(z), operand(p))


@half_in_single
def agm(a: Any, b: Any) -> Any:
    """Arithmetic-geometric mean of positive numbers.

    >>> print(agm(1.0, 2.0).round(12))
    1.456791031047
    """
    a, b = operand(a), operand(b)
    return 0.5 * np.pi * a / ellipkm1((b / a) ** 2)


@half_in_single
def airy(x: Any) -> tuple[Any, Any, Any, Any]:
    """Airy functions of real x, and their derivatives.

    Returns:
        (ai, ai', bi, bi')

    >>> ai, _, bi, _ = airy(1.0)
    >>> print(ai.round(12), bi.round(12))
    0.135292416313 1.207423594953
    """
    x = operand(x)
    return tuple(airy_ops.airy(k, x) for k in range(4))  # type: ignore[return-value]


@half_in_single
def owens_t(h: Any, a: Any) -> Any:
    """Owen's T: integral of exp(-h**2 (1 + t**2) / 2) / (1 + t**2) / (2 pi) from 0 to a.

    >>> print(owens_t(1.0, 0.5).round(12))
    0.043064691121
    """
    return inverses.owens_t(operand(h), operand(a))


@answering
def lambertw(z: Any, k: Any = 0, tol: float = 1e-8) -> Any:
    """Branch k of Lambert's W, the inverse of w exp(w); complex, as in SciPy.

    Args:
        z: array, real or complex.
        k: int, the branch.
        tol: without effect; the result is accurate to a few units in the last place.

    Raises:
        ConcretizationError: if ``k`` is traced.

    >>> print(lambertw(1.0).real.round(12))
    0.56714329041
    """
    k = operand(k)
    if isinstance(k, Tracer):
        raise ConcretizationError("lambertw: k must be known: got a traced value; pass an int")
    z, branches = operand(z), np.unique(np.asarray(k))
    if len(branches) == 1:
        return inverses.lambertw(int(branches[0]), z)
    return np.select([k == b for b in branches], [inverses.lambertw(int(b), z) for b in branches])
