"""Structured matrices and their systems: Toeplitz, circulant, Hankel, ..."""

import math
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import ShapeError, shown
from ..core.lazy import answering
from ..linalg import toeplitz
from ..numpy.joining import concatenate
from ..ops.operand import operand, strong


def vector(who: str, c: Any) -> Any:
    c = strong(operand(c))
    if len(shape_of(c)) != 1:
        raise ShapeError(f"{who}: expected a vector: got {aval_of(c)}; reshape it to one axis")
    return c


@answering
def circulant(c: Any) -> Any:
    """Circulant matrix with first column ``c``: element (i, j) is c[i - j].

    >>> circulant(np.array([1, 2, 3]))
    array([[1, 3, 2],
           [2, 1, 3],
           [3, 2, 1]])
    """
    c = vector("circulant", c)
    i = np.arange(shape_of(c)[0])
    return c[i[:, None] - i]


@answering
def hankel(c: Any, r: Any = None) -> Any:
    """Hankel matrix, constant along each antidiagonal, with first column ``c`` and last row ``r``.

    >>> hankel(np.array([1, 2]), np.array([2, 3]))
    array([[1, 2],
           [2, 3]])
    """
    c = vector("hankel", c)
    r = 0 * c if r is None else vector("hankel", r)
    m, n = shape_of(c)[0], shape_of(r)[0]
    whole = concatenate([c, r[1:]])
    return whole[np.arange(m)[:, None] + np.arange(n)]


@answering
def companion(a: Any) -> Any:
    """Companion matrix of the polynomial with coefficients ``a``, the highest power first.

    >>> companion(np.array([1.0, -3.0, 2.0]))
    array([[ 3., -2.],
           [ 1.,  0.]])
    """
    a = vector("companion", a)
    if shape_of(a)[0] < 2:
        raise ShapeError(f"companion: expected two or more coefficients: got {aval_of(a)}")
    row = -a[1:] / a[0]
    n = shape_of(row)[0]
    return concatenate([row[None], np.eye(n - 1, n, dtype=dtype_of(row))])


@answering
def leslie(f: Any, s: Any) -> Any:
    """Leslie matrix: fecundities in the first row, survival rates below the diagonal.

    >>> leslie(np.array([0.5, 2.0]), np.array([0.25]))
    array([[0.5 , 2.  ],
           [0.25, 0.  ]])
    """
    f, s = vector("leslie", f), vector("leslie", s)
    if shape_of(s)[0] != shape_of(f)[0] - 1:
        raise ShapeError(f"leslie: s must have one element less than f: got {aval_of(s)}")
    below = np.eye(shape_of(s)[0], shape_of(f)[0]) * s[:, None]
    return concatenate([f[None] + 0 * below[:1], below]) if shape_of(s)[0] else f[None]


@answering
def fiedler(a: Any) -> Any:
    """Fiedler matrix abs(a[i] - a[j]).

    >>> fiedler(np.array([1, 4]))
    array([[0, 3],
           [3, 0]])
    """
    a = vector("fiedler", a)
    return np.abs(a[:, None] - a)


@answering
def fiedler_companion(a: Any) -> Any:
    """Pentadiagonal companion matrix of a polynomial: its eigenvalues are the roots.

    Args:
        a: coefficients, the highest power first, shape [N + 1]; the first must not be 0.

    Source: Fiedler 2003, "A note on companion matrices" (Linear Algebra Appl. 372).

    >>> fiedler_companion(np.array([1.0, -3.0, 2.0]))
    array([[ 3., -2.],
           [ 1.,  0.]])
    """
    a = vector("fiedler_companion", a)
    if shape_of(a)[0] < 2:
        raise ShapeError(f"fiedler_companion: expected two or more coefficients: got {aval_of(a)}")
    row = -a[1:] / a[0]
    n = shape_of(row)[0]
    i, j = np.arange(n)[:, None], np.arange(n)
    even = i % 2 == 0
    ones = np.where(even, j == i + 2, (j == i - 2) | ((i == 1) & (j == 0)))
    # row i of an even number holds the coefficients i + 1 and i + 2 beside the diagonal
    place = np.where(j < i, i, i + 1) * (i + j > 0)
    held = (even & (abs(i - j) == 1)) | (i + j == 0)
    return np.where(held, row[np.where(held, place, 0)], ones.astype(dtype_of(row)))


@answering
def convolution_matrix(a: Any, n: int, mode: str = "full") -> Any:
    """Matrix whose product with a vector of length ``n`` is its convolution with ``a``.

    >>> convolution_matrix(np.array([1, 2]), 2)
    array([[1, 0],
           [2, 1],
           [0, 2]])
    """
    a = vector("convolution_matrix", a)
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"convolution_matrix: mode must be full, same or valid: got {shown(mode)}")
    m = shape_of(a)[0]
    place = np.arange(m + n - 1)[:, None] - np.arange(n)
    whole = np.where((place >= 0) & (place < m), a[np.clip(place, 0, m - 1)], 0)
    if mode == "full":
        return whole
    count = max(m, n) if mode == "same" else max(m, n) - min(m, n) + 1
    first = (m + n - 1 - count) // 2 if mode == "same" else min(m, n) - 1
    return whole[first : first + count]


@answering
def hilbert(n: int) -> np.ndarray:
    """Hilbert matrix 1 / (i + j + 1).

    >>> hilbert(2)
    array([[1.        , 0.5       ],
           [0.5       , 0.33333333]])
    """
    i = np.arange(n)
    return 1 / (i[:, None] + i + 1.0)


@answering
def invhilbert(n: int) -> np.ndarray:
    """Inverse of the Hilbert matrix, of integers.

    >>> invhilbert(2)
    array([[ 4., -6.],
           [-6., 12.]])
    """
    c = math.comb
    return np.array([[float((-1) ** (i + j) * (i + j + 1) * c(n + i, n - j - 1)
                      * c(n + j, n - i - 1) * c(i + j, i) ** 2)
                      for j in range(n)] for i in range(n)]).reshape(n, n)  # fmt: skip


@answering
def pascal(n: int, kind: str = "symmetric") -> np.ndarray:
    """Pascal matrix of binomial coefficients: ``"symmetric"``, ``"lower"`` or ``"upper"``.

    >>> pascal(3)
    array([[1, 1, 1],
           [1, 2, 3],
           [1, 3, 6]])
    """
    lower = np.array([[math.comb(i, j) for j in range(n)] for i in range(n)]).reshape(n, n)
    kinds = {"lower": lower, "upper": lower.T, "symmetric": lower @ lower.T}
    if kind not in kinds:
        raise ValueError(f"pascal: kind must be symmetric, lower or upper: got {shown(kind)}")
    return kinds[kind]


@answering
def invpascal(n: int, kind: str = "symmetric") -> np.ndarray:
    """Inverse of the Pascal matrix, of integers.

    >>> invpascal(2)
    array([[ 2, -1],
           [-1,  1]])
    """
    i = np.arange(n)
    lower = pascal(n, "lower") * (-1) ** np.abs(i[:, None] - i)
    return {"lower": lower, "upper": lower.T, "symmetric": lower.T @ lower}[kind]


@answering
def hadamard(n: int) -> np.ndarray:
    """Hadamard matrix of order ``n``, a power of 2.

    >>> hadamard(2)
    array([[ 1,  1],
           [ 1, -1]])
    """
    if n < 1 or n & (n - 1):
        raise ValueError(f"hadamard: n must be a power of 2: got {shown(n)}")
    y = np.array([[1]])
    while len(y) < n:
        y = np.block([[y, y], [y, -y]])
    return y


@answering
def helmert(n: int, full: bool = False) -> np.ndarray:
    """Helmert matrix: orthonormal contrasts, with the constant row if ``full``.

    >>> helmert(2).round(6)
    array([[ 0.707107, -0.707107]])
    """
    i = np.arange(n)
    y = np.tril(np.ones((n, n)), -1) - np.diag(i)
    y[0] = 1
    y = y / np.sqrt(np.where(i == 0, n, i * (i + 1)))[:, None]
    return y if full else y[1:]


@answering
def dft(n: int, scale: str | None = None) -> np.ndarray:
    """Matrix of the discrete Fourier transform; ``scale`` is None, ``"sqrtn"`` or ``"n"``.

    >>> dft(2).real.round(6)
    array([[ 1.,  1.],
           [ 1., -1.]])
    """
    if scale not in (None, "sqrtn", "n"):
        raise ValueError(f"dft: scale must be None, 'sqrtn' or 'n': got {shown(scale)}")
    i = np.arange(n)
    y = np.exp(-2j * np.pi / n * (i[:, None] * i % n))
    return y / {None: 1, "sqrtn": math.sqrt(n), "n": n}[scale]


# systems


def _columns_of(c_or_cr: Any) -> tuple[Any, Any]:
    if isinstance(c_or_cr, tuple):
        c, r = (vector("toeplitz", v) for v in c_or_cr)
        return c, r
    c = vector("toeplitz", c_or_cr)
    return c, np.conjugate(c)


@answering
def solve_toeplitz(c_or_cr: Any, b: Any) -> Any:
    """Solution of a Toeplitz system, as a dense one.

    Args:
        c_or_cr: first column, shape [N], or a tuple of first column and first row.
        b: shape [N] or [N, K].

    >>> solve_toeplitz(np.array([2.0, 1.0]), np.array([3.0, 3.0]))
    array([1., 1.])
    """
    return np.linalg.solve(toeplitz(*_columns_of(c_or_cr)), operand(b))


@answering
def matmul_toeplitz(c_or_cr: Any, x: Any) -> Any:
    """Product of a Toeplitz matrix and ``x``, by Fourier transforms.

    >>> matmul_toeplitz(np.array([2.0, 1.0]), np.array([1.0, 1.0])).round(6)
    array([3., 3.])
    """
    c, r = _columns_of(c_or_cr)
    x = operand(x)
    m, n = shape_of(c)[0], shape_of(r)[0]
    whole = concatenate([c, r[:0:-1]])
    flat = len(shape_of(x)) == 1
    columns = x[:, None] if flat else x
    size = m + n - 1
    if any(dtype_of(v).kind == "c" for v in (c, r, x)):
        y: Any = np.fft.ifft(np.fft.fft(whole)[:, None] * np.fft.fft(columns, size, axis=0), axis=0)
    else:
        product = np.fft.rfft(whole)[:, None] * np.fft.rfft(columns, size, axis=0)
        y = np.fft.irfft(product, size, axis=0)
    return y[:m, 0] if flat else y[:m]


@answering
def solve_circulant(c: Any, b: Any) -> Any:
    """Solution of a circulant system with first column ``c``, by Fourier transforms.

    >>> solve_circulant(np.array([2.0, 1.0]), np.array([3.0, 3.0])).round(6)
    array([1., 1.])
    """
    c, b = vector("solve_circulant", c), operand(b)
    values = np.fft.fft(c)
    columns = values if len(shape_of(b)) == 1 else values[:, None]
    y = np.fft.ifft(np.fft.fft(b, axis=0) / columns, axis=0)
    return y if any(dtype_of(v).kind == "c" for v in (c, b)) else np.real(y)
