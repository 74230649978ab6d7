"""Polynomials as vectors of coefficients, the highest power first.

numpy.poly1d holds numbers only, so none is taken or returned here.
"""

from typing import Any

import numpy as np

from ..core.avals import dtype_of, shape_of
from ..ops.operand import operand, strong
from .correlation import convolve
from .shapes import atleast_1d, concatenate
from .table import implements, unsupported


def _coefficients(who: str, p: Any) -> Any:
    if isinstance(p, np.poly1d):
        raise unsupported(who, "a poly1d", "give its coefficients, p.coeffs")
    return strong(operand(p))


@implements("polyval")
def polyval(p: Any, x: Any) -> Any:
    """Evaluate a polynomial by Horner's rule; see numpy.polyval."""
    p, x = operand(p), _coefficients("polyval", x)
    y = np.zeros(shape_of(x), dtype_of(x))
    for c in p:
        y = y * x + c
    return y


def _same_length(who: str, a1: Any, a2: Any) -> tuple[Any, Any]:
    """Return two polynomials as vectors, zeros in front of the shorter."""
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

    NumPy drops leading zeros of the factors. Those of a traced factor stay: its coefficients
    are variables that happen to be 0, and the derivative by them is not.
    """
    return convolve(*(_trimmed(_coefficients("polymul", p)) for p in (a1, a2)))


def _trimmed(p: Any) -> Any:
    return np.poly1d(p).coeffs if isinstance(p, np.ndarray) else atleast_1d(p)


@implements("polyder")
def polyder(p: Any, m: Any = 1) -> Any:
    """Return the derivative of a polynomial; see numpy.polyder."""
    m = int(m)
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    p = _coefficients("polyder", p)
    for _ in range(m):
        p = p[:-1] * np.arange(shape_of(p)[0] - 1, 0, -1)
    return p


@implements("polyint")
def polyint(p: Any, m: Any = 1, k: Any = None) -> Any:
    """Return an antiderivative of a polynomial; see numpy.polyint."""
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
