"""Convolutions, correlations and covariances."""

from typing import Any

import numpy as np

from ..core.avals import dtype_of, shape_of
from ..core.errors import shown
from ..core.frames import warn
from ..ops import elementwise as ew
from ..ops.conv_general_dilated import conv_general_dilated
from ..ops.operand import operand, strong
from ..ops.structure import cast
from .dispatch import implements
from .indexing import known
from .joining import concatenate
from .manipulation import flip
from .shapes import atleast_1d, atleast_2d, expand_dims, ravel, reshape, squeeze
from .statistics import average

_MODES = ("full", "same", "valid")
_MAX_PRODUCTS = 2**18  # products, above which no matrix of shifted rows is made


@implements("convolve")
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """Convolution of two vectors; see numpy.convolve."""
    a, v = atleast_1d(a), atleast_1d(v)
    for name, x in (("a", a), ("v", v)):
        if shape_of(x)[0] == 0:
            raise ValueError(f"{name} cannot be empty")
    if shape_of(v)[0] > shape_of(a)[0]:
        a, v = v, a
    return _convolve_shorter(a, v, mode)


@implements("correlate")
def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """Cross-correlation of two vectors, the second conjugated; see numpy.correlate."""
    a, v = strong(operand(a)), strong(operand(v))
    if 0 in (*shape_of(a), *shape_of(v)):
        raise ValueError("correlate: the sequences must not be empty")
    v = ew.conj(v) if ew.is_complex(v) else v
    if len(shape_of(a)) == len(shape_of(v)) == 1 and shape_of(v) > shape_of(a):
        return flip(_convolve_shorter(v, flip(a), mode))
    return _convolve_shorter(a, flip(v), mode)


def _convolve_shorter(a: Any, v: Any, mode: str) -> Any:
    """Convolution of ``a`` with a ``v`` of at most the same length."""
    if type(mode) is int and 0 <= mode < len(_MODES):
        mode = ("valid", "same", "full")[mode]  # NumPy's old numbers of the modes
    if mode not in _MODES:
        raise ValueError(f"mode must be one of 'valid', 'same', or 'full': got {shown(mode)}")
    if len(shape_of(a)) != 1 or len(shape_of(v)) != 1:
        raise ValueError(
            f"convolution: both operands must have one axis: got {shape_of(a)} and {shape_of(v)}"
        )
    (n,), (k,) = shape_of(a), shape_of(v)
    if n * k > _MAX_PRODUCTS and dtype_of(a) == dtype_of(v) and dtype_of(a).kind == "f":
        kernel = expand_dims(flip(v), (0, 1))
        full = conv_general_dilated(expand_dims(a, (0, 1)), kernel, (1,), [(k - 1, k - 1)])[0, 0]
    else:
        rows = _shift_matrix(expand_dims(v, (1,)) * a)
        kind = dtype_of(rows)  # NumPy sums in this dtype, np.sum in wider integers
        full = np.any(rows, axis=0) if kind.kind == "b" else np.sum(rows, axis=0, dtype=kind)
    if mode == "full":
        return full
    return full[(k - 1) // 2 :][:n] if mode == "same" else full[k - 1 : n]


def _shift_matrix(x: Any) -> Any:
    """Matrix whose row i is shifted right by i, padded with zeros.

    Padding each row with as many zeros as there are rows, and reshaping to rows shorter by one
    element, shifts them.
    """
    k, n = shape_of(x)
    longer = concatenate([x, np.zeros((k, k), dtype_of(x))], 1)
    return reshape(ravel(longer)[: k * (n + k - 1)], (k, n + k - 1))


@implements("cov")
def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: Any = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    """Covariance matrix of variables, optionally weighted; see numpy.cov."""
    if ddof is not None and ddof != int(ddof):
        raise ValueError("ddof must be integer")
    ddof = (0 if bias else 1) if ddof is None else ddof
    x = _variables(m, y, rowvar, dtype)
    if not shape_of(x)[0]:
        return np.zeros((0, 0))
    count = shape_of(x)[1]
    f = None if fweights is None else _weights("fweights", fweights, count)
    a = None if aweights is None else _weights("aweights", aweights, count)
    w = f if a is None else a if f is None else f * a
    mean, total = average(x, axis=1, weights=w, returned=True)
    free = count if w is None else total[0]
    free = free - (ddof if a is None or not ddof else ddof * np.sum(w * a) / free)
    number = known(free)
    if number is not None and number <= 0:
        warn("Degrees of freedom <= 0 for slice", RuntimeWarning)
        free = np.float64(0.0)
    x = x - mean[:, None]
    other = x if w is None else x * w
    other = ew.conj(other) if ew.is_complex(other) else other
    return squeeze(cast(np.matmul(x, other.T) * np.true_divide(1, free), dtype_of(x)))


def _variables(m: Any, y: Any, rowvar: bool, dtype: Any) -> Any:
    """Matrix with one variable per row."""
    m, y = operand(m), None if y is None else operand(y)
    for name, v in (("m", m), ("y", y)):
        if v is not None and len(shape_of(v)) > 2:
            raise ValueError(f"{name} has more than 2 dimensions")
    kinds = [dtype_of(v) for v in (m, y) if v is not None]
    dtype = np.result_type(*kinds, np.float64) if dtype is None else dtype
    x = cast(atleast_2d(m), dtype)
    x = x.T if not rowvar and len(shape_of(m)) != 1 else x
    if y is None or not shape_of(x)[0]:
        return x
    other = cast(atleast_2d(y), dtype)
    other = other.T if not rowvar and shape_of(other)[0] != 1 else other
    return concatenate([x, other])


def _weights(who: str, weights: Any, count: int) -> Any:
    """Weights of observations as floats, checked where they are known."""
    w = cast(strong(operand(weights)), np.float64)
    values = known(w)
    if who == "fweights" and values is not None and not np.all(values == np.around(values)):
        raise TypeError("fweights must be integer")
    if len(shape_of(w)) > 1:
        raise RuntimeError(f"cannot handle multidimensional {who}")
    if shape_of(w)[0] != count:
        raise RuntimeError(f"incompatible numbers of samples and {who}")
    if values is not None and np.any(values < 0):
        raise ValueError(f"{who} cannot be negative")
    return w


@implements("corrcoef")
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """Correlation matrix of variables; see numpy.corrcoef."""
    c = cov(x, y, rowvar, dtype=dtype)
    if not shape_of(c):
        return c / c
    deviation = np.sqrt(np.real(np.diag(c)))
    c = c / deviation[:, None] / deviation[None, :]
    if ew.is_complex(c):
        return np.clip(np.real(c), -1, 1) + 1j * np.clip(np.imag(c), -1, 1)
    return np.clip(c, -1, 1)
