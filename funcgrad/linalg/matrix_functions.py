"""Matrix functions: exponential, logarithm, square root, polar decomposition."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..control.loops import fori_loop
from ..core.avals import dtype_of, real_dtype, shape_of
from ..core.errors import shown
from ..core.lazy import answering
from ..core.trace import is_concrete
from ..ops import elementwise as ew
from ..ops.linalg.expm import squarings_p
from ..ops.linalg.inverse import solve_p
from ..ops.linalg.matrices import adjoint, as_matrices, as_square_matrices
from ..ops.linalg.matrix_function import hermitian_part_p, matrix_function_p
from ..ops.linalg.root import polar_p, sqrtm_p
from ..ops.operand import common_dtype, strong
from ..ops.reduce import max_p
from ..ops.structure import cast, expand_dims
from ..transforms.forward import jvp


@answering
def expm(a: Any) -> Any:
    """Exponential of matrices of shape (..., n, n).

    Source: Al-Mohy & Higham 2009 (order 13); Higham 2005 (order 7, in single precision).

    >>> print(expm(np.array([[0.0, 1.0], [0.0, 0.0]])))
    [[1. 1.]
     [0. 1.]]
    """
    a = as_square_matrices(a)
    shape = shape_of(a)
    if not math.prod(shape):
        return a
    kind = real_dtype(dtype_of(a))
    order = 7 if kind == np.float32 else 13
    count = squarings_p(a, order=order)
    y = _pade(a * _per_matrix(ew.ldexp(np.ones((), kind), -count)), order)
    square = lambda i, y: ew.where(_per_matrix(i < count), y @ y, y)
    most = max_p(count, axes=tuple(range(len(shape) - 2)))
    if not is_concrete(most):
        return fori_loop(0, most, square, y)
    for i in range(int(most)):
        y = square(i, y) if len(shape) > 2 else y @ y
    return y


def _per_matrix(x: Any) -> Any:
    """One scalar per matrix, with two more axes of length 1."""
    rank = len(shape_of(x))
    return expand_dims(strong(x), (rank, rank + 1))


def _pade(a: Any, order: int) -> Any:
    """Diagonal Padé approximant of the exponential, of order 7 or 13."""
    ways = [
        math.comb(order, j) * math.factorial(2 * order - j) / math.factorial(2 * order)
        for j in range(order + 1)
    ]
    eye = np.eye(shape_of(a)[-1], dtype=real_dtype(dtype_of(a)))
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a2 @ a4
    powers = [eye, a2, a4, a6]
    odd, even = (sum(ways[2 * i + k] * powers[i] for i in range(4)) for k in (1, 0))
    if order == 13:
        high = [sum(ways[2 * i + 6 + k] * powers[i] for i in (1, 2, 3)) for k in (1, 0)]
        odd, even = odd + a6 @ high[0], even + a6 @ high[1]
    odd = a @ odd
    return solve_p(even - odd, even + odd)


@answering
def expm_frechet(a: Any, e: Any, compute_expm: bool = True) -> Any:
    """Exponential of a matrix, and its derivative in direction ``e``.

    >>> _, derivative = expm_frechet(np.zeros((2, 2)), np.eye(2))
    >>> print(derivative)
    [[1. 0.]
     [0. 1.]]
    """
    a, e = as_square_matrices(a), as_square_matrices(e)
    kind = common_dtype([a, e])
    y, derivative = jvp(expm, (cast(a, kind),), (cast(e, kind),))
    return (y, derivative) if compute_expm else derivative


@answering
def polar(a: Any, side: str = "right") -> tuple[Any, Any]:
    """Polar decomposition ``a = u @ p`` with u unitary and p positive semidefinite.

    Args:
        a: matrices of shape (..., m, n).
        side: ``"right"``, or ``"left"`` for ``a = p @ u``.

    >>> u, p = polar(np.array([[0.0, -2.0], [2.0, 0.0]]))
    >>> print(p)
    [[2. 0.]
     [0. 2.]]
    """
    if side not in ("right", "left"):
        raise ValueError(f"polar: side must be 'right' or 'left': got {shown(side)}")
    a = as_matrices(a)
    m, n = shape_of(a)[-2:]
    u, p = polar_p.bind(a if m >= n else adjoint(a))
    if (m >= n) != (side == "right"):
        p = u @ p @ adjoint(u)
    return (u if m >= n else adjoint(u)), p


@dataclass(frozen=True)
class _Derivatives:
    """An elementwise function and all its derivatives."""

    f: Callable[[Any], Any]
    df: Callable[[Any], Any] | None

    def __call__(self, x: np.ndarray, order: int) -> Any:
        g, done = (self.f, 0) if order == 0 or self.df is None else (self.df, 1)
        for _ in range(order - done):
            g = _differentiated(g)
        return g(x)


def _differentiated(g: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: jvp(g, (x,), (np.ones_like(x),))[1]


@answering
def matrix_function(f: Callable[[Any], Any], a: Any, df: Callable[[Any], Any] | None = None) -> Any:
    """Function of Hermitian matrices, applied to their eigenvalues.

    Args:
        f: elementwise function of real arrays with a real or complex result. It may not close
            over values that are differentiated. A new lambda at each call makes ``jit`` compile
            again; a function of a module does not.
        a: shape [..., N, N], Hermitian up to rounding. Its Hermitian part is used, so that the
            gradient is Hermitian.
        df: derivative of ``f``; by default found by ``jvp``.

    Raises:
        LinAlgError: if a matrix is not Hermitian.

    Derivatives of all orders are exact at equal eigenvalues, where those of ``eigh`` are nan.

    >>> print(matrix_function(np.exp, np.zeros((2, 2))))
    [[1. 0.]
     [0. 1.]]
    """
    a = hermitian_part_p(as_square_matrices(a), who="matrix_function")
    return matrix_function_p(a, function=_Derivatives(f, df))


@answering
def sqrtm(a: Any) -> Any:
    """Square root of positive semidefinite matrices, nan if an eigenvalue is negative.

    Args:
        a: shape [..., N, N], Hermitian up to rounding; its Hermitian part is used. For other
            matrices see :func:`funcgrad.scipy.linalg.sqrtm`.

    Raises:
        LinAlgError: if a matrix is not Hermitian.

    At a singular matrix the derivative does not exist, and is nan.

    >>> print(sqrtm(np.array([[4.0, 0.0], [0.0, 9.0]])))
    [[2. 0.]
     [0. 3.]]
    """
    return sqrtm_p(
        hermitian_part_p(as_square_matrices(a), who="sqrtm"), who="sqrtm", fixed_rank=False
    )


@answering
def inv_sqrtm(a: Any) -> Any:
    """Inverse square root of positive definite matrices, which whitens a covariance.

    Args:
        a: shape [..., N, N], Hermitian up to rounding; its Hermitian part is used.

    Raises:
        LinAlgError: if a matrix is not Hermitian.

    >>> print(inv_sqrtm(np.array([[4.0, 0.0], [0.0, 16.0]])))
    [[0.5  0.  ]
     [0.   0.25]]
    """
    a = hermitian_part_p(as_square_matrices(a), who="inv_sqrtm")
    return matrix_function_p(a, function=_Derivatives(_inverse_root, None))


def _inverse_root(w: Any) -> Any:
    return 1 / np.sqrt(w)


@answering
def logm(a: Any) -> Any:
    """Logarithm of positive definite matrices, the inverse of ``expm``.

    Args:
        a: shape [..., N, N], Hermitian up to rounding; its Hermitian part is used.

    Raises:
        LinAlgError: if a matrix is not Hermitian.

    >>> print(logm(np.eye(2)))
    [[0. 0.]
     [0. 0.]]
    """
    a = hermitian_part_p(as_square_matrices(a), who="logm")
    return matrix_function_p(a, function=_Derivatives(np.log, None))
