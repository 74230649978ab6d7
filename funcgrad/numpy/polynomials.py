"""Polynomials as vectors of coefficients, the highest power first.

numpy.poly1d cannot hold traced values, and is not supported.
"""

import operator
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, is_inexact, shape_of
from ..core.frames import warn
from ..ops import elementwise as ew
from ..ops.operand import common_dtype, operand, strong
from ..ops.structure import cast
from .aliasing import in_c_order
from .correlation import convolve
from .cumulative import cumprod
from .dispatch import implements, unsupported
from .indexing import known
from .joining import concatenate
from .shapes import atleast_1d, broadcast_to


def _coefficients(who: str, p: Any) -> Any:
    if isinstance(p, np.poly1d):
        raise unsupported(who, "a poly1d", "pass p.coeffs")
    return strong(operand(p))


@implements("polyval")
def polyval(p: Any, x: Any) -> Any:
    """Value of a polynomial, by Horner's rule; see numpy.polyval."""
    p, x = operand(p), _coefficients("polyval", x)
    y = np.zeros(() if shape_of(p)[0] else shape_of(x), dtype_of(x))  # so that x gives the order
    for c in p:
        y = y * x + c
    return y


def _same_length(who: str, a1: Any, a2: Any) -> tuple[Any, Any]:
    """Two coefficient vectors, the shorter one padded with leading zeros."""
    a, b = (atleast_1d(_coefficients(who, p)) for p in (a1, a2))
    more = shape_of(a)[0] - shape_of(b)[0]
    if more < 0:
        a = concatenate([np.zeros(-more, dtype_of(a)), a])
    elif more > 0:
        b = concatenate([np.zeros(more, dtype_of(b)), b])
    return a, b


@implements("polyadd")
def polyadd(a1: Any, a2: Any) -> Any:
    """Add two polynomials; see numpy.polyadd."""
    a, b = _same_length("polyadd", a1, a2)
    return a + b


@implements("polysub")
def polysub(a1: Any, a2: Any) -> Any:
    """Subtract two polynomials; see numpy.polysub."""
    a, b = _same_length("polysub", a1, a2)
    return a - b


@implements("polymul")
def polymul(a1: Any, a2: Any) -> Any:
    """Multiply two polynomials; see numpy.polymul.

    NumPy drops leading zeros of the factors. Leading zeros of a traced factor are kept, because the
    derivative with respect to them is not 0.
    """
    return convolve(*(_trimmed(_coefficients("polymul", p)) for p in (a1, a2)))


def _trimmed(p: Any) -> Any:
    return np.poly1d(p).coeffs if isinstance(p, np.ndarray) else atleast_1d(p)


@implements("polyder")
def polyder(p: Any, m: Any = 1) -> Any:
    """Derivative of a polynomial; see numpy.polyder."""
    m = int(m)
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    p = _coefficients("polyder", p)
    for _ in range(m):
        p = p[:-1] * np.arange(shape_of(p)[0] - 1, 0, -1)
    return p


@implements("polyint")
def polyint(p: Any, m: Any = 1, k: Any = None) -> Any:
    """Antiderivative of a polynomial; see numpy.polyint."""
    m = int(m)
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    p = _coefficients("polyint", p)
    k = atleast_1d(np.zeros(m) if k is None else k)
    if shape_of(k) == (1,) and m > 1:
        k = k[0] * np.ones(m)
    if shape_of(k)[0] < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    for i in range(m):
        p = concatenate([p / np.arange(shape_of(p)[0], 0, -1), k[i : i + 1]])
    return p


@implements("polydiv")
def polydiv(u: Any, v: Any) -> tuple[Any, Any]:
    """Divide two polynomials; see numpy.polydiv.

    Leading zeros of the remainder are dropped where values are known; under ``jit`` it has the
    maximal number of coefficients.
    """
    u = atleast_1d(_coefficients("polydiv", u)) + 0.0
    v = atleast_1d(_coefficients("polydiv", v)) + 0.0
    rest, n = cast(u, common_dtype([u, v])), shape_of(v)[0]
    scale, factors = 1.0 / v[0], []
    for k in range(shape_of(u)[0] - n + 1):
        factors.append(scale * rest[k])
        rest = concatenate([rest[:k], rest[k : k + n] - factors[k] * v, rest[k + n :]])
    quotient = np.stack(factors) if factors else np.zeros(1, dtype_of(rest))
    values = known(rest)
    if values is None:
        return quotient, rest[max(min(len(factors), shape_of(rest)[0] - 1), 0) :]
    while len(values) > 1 and np.allclose(values[0], 0, rtol=1e-14):
        rest, values = rest[1:], values[1:]
    return quotient, rest


@implements("roots")
def roots(p: Any) -> Any:
    """Roots, as eigenvalues of the companion matrix; see numpy.roots.

    Leading zeros are dropped where values are known; under ``jit`` there must be none. The roots
    are real if they are known to be, else complex.
    """
    p = atleast_1d(_coefficients("roots", p))
    if len(shape_of(p)) != 1:
        raise ValueError("Input must be a rank-1 array.")
    values, zeros = known(p), 0
    if values is not None:
        filled = np.flatnonzero(values)
        if not len(filled):
            return np.array([])
        zeros = len(values) - 1 - filled[-1]  # roots at 0 do not depend on the coefficients
        p = p[filled[0] : filled[-1] + 1]
    p = p if is_inexact(dtype_of(p)) else cast(p, np.float64)
    n = shape_of(p)[0] - 1
    if n < 1:
        return np.zeros(zeros)
    companion = concatenate([(-p[1:] / p[0])[None, :], np.eye(n - 1, n, dtype=dtype_of(p))])
    found = np.linalg.eigvals(companion)
    return np.concatenate([found, np.zeros(zeros, dtype_of(found))]) if zeros else found


@implements("poly")
def poly(seq_of_zeros: Any) -> Any:
    """Polynomial with given roots, or the characteristic polynomial of a matrix; see numpy.poly."""
    x = atleast_1d(_coefficients("poly", seq_of_zeros))
    shape, real = shape_of(x), not ew.is_complex(x)
    if len(shape) == 2 and shape[0] == shape[1] and shape[0]:
        x = np.linalg.eigvals(x)
    elif len(shape) == 1:
        x = cast(x, np.mintypecode(dtype_of(x).char))
    else:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    if not shape_of(x)[0]:
        return 1.0
    a = np.ones(1, dtype_of(x))
    for root in x:
        a = convolve(a, np.stack([np.ones((), dtype_of(x)), -root]))
    return ew.real(a) if ew.is_complex(x) and (real or _are_conjugate_pairs(x)) else a


def _are_conjugate_pairs(x: Any) -> bool:
    """Whether complex roots are known to be conjugate pairs, so that the polynomial is real."""
    values = known(x)
    return values is not None and bool(np.all(np.sort(values) == np.sort(values.conj())))


@implements("polyfit")
def polyfit(
    x: Any,
    y: Any,
    deg: Any,
    rcond: Any = None,
    full: bool = False,
    w: Any = None,
    cov: Any = False,
) -> Any:
    """Fit a polynomial by least squares; see numpy.polyfit."""
    x, y, count = strong(operand(x)) + 0.0, strong(operand(y)) + 0.0, int(deg) + 1
    _check_fit(x, y, w, deg)
    rcond = shape_of(x)[0] * np.finfo(dtype_of(x)).eps if rcond is None else rcond
    left, right = np.vander(x, count), y
    if w is not None:
        w = strong(operand(w)) + 0.0
        if not np.can_cast(dtype_of(w), dtype_of(x), "same_kind"):
            raise TypeError(f"polyfit: w must be real, as x is: got {aval_of(w)}")
        left, right = left * w[:, None], (right.T * w).T
    scale = np.sqrt(np.sum(left * left, axis=0))
    left = left / scale
    c, residuals, rank, singular = np.linalg.lstsq(left, right, rcond)
    c = (c.T / scale).T
    if full:
        return c, residuals, rank, singular, rcond
    found = known(rank)
    if found is not None and found != count:
        message = "Polyfit may be poorly conditioned"
        warn(message, np.exceptions.RankWarning)
    if not cov:
        return c
    spread = np.linalg.inv(left.T @ left) / np.outer(scale, scale)
    factor: Any = 1
    if not (isinstance(cov, str) and cov == "unscaled"):
        if shape_of(x)[0] <= count:
            raise ValueError(
                "the number of data points must exceed order to scale the covariance matrix"
            )
        factor = residuals / (shape_of(x)[0] - count)
    return c, (spread if len(shape_of(y)) == 1 else spread[:, :, None]) * factor


def _check_fit(x: Any, y: Any, w: Any, deg: Any) -> None:
    if deg < 0:
        raise ValueError("expected deg >= 0")
    if len(shape_of(x)) != 1:
        raise TypeError("expected 1D vector for x")
    if not shape_of(x)[0]:
        raise TypeError("expected non-empty vector for x")
    if len(shape_of(y)) not in (1, 2):
        raise TypeError("expected 1D or 2D array for y")
    if shape_of(x)[0] != shape_of(y)[0]:
        raise TypeError("expected x and y to have same length")
    if w is not None and len(shape_of(strong(operand(w)))) != 1:
        raise TypeError("expected a 1-d array for weights")
    if w is not None and shape_of(operand(w))[0] != shape_of(y)[0]:
        raise TypeError("expected w and y to have the same length")


@implements("vander")
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:  # noqa: N803
    """Vandermonde matrix: the powers of the elements as columns; see numpy.vander."""
    x = operand(x)
    if len(shape_of(x)) != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    (n,) = shape_of(x)
    count = n if N is None else operator.index(N)
    kind = np.promote_types(dtype_of(x), int)
    columns = [np.ones((n, min(count, 1)), kind)]
    if count > 1:
        columns.append(cumprod(broadcast_to(cast(x, kind)[:, None], (n, count - 1)), 1))
    powers = concatenate(columns, 1)
    return in_c_order(powers if increasing else np.flip(powers, 1))
