"""The names of ``numpy.linalg``: determinants, inverses and systems here, the others beside."""

import builtins
import functools
import math
import operator
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError as LinAlgError

from ..core.avals import dtype_of, shape_of
from ..ops import compare, elementwise as ew
from ..ops.linalg.determinant import det_p, slogdet_p
from ..ops.linalg.inverse import inv_p, inverse_if_any_p, lstsq_p, pinv_p, rcond_of, solve_p
from ..ops.linalg.matrices import eps, hermitian as hermitian_of, matrices, real_dtype, squares
from ..ops.operand import operand, strong
from ..ops.reduce import any_p, count_p
from ..ops.structure import cast, expand_dims, reshape, transpose_p
from .decompositions import (
    cholesky as cholesky,
    eig as eig,
    eigh as eigh,
    eigvals as eigvals,
    eigvalsh as eigvalsh,
    named,
    qr as qr,
    svd as svd,
    svdvals as svdvals,
)
from .dispatch import NO_DERIVATIVE, NO_VALUE, implements, no_out
from .indexing import linalg_diagonal as diagonal, linalg_trace as trace
from .namespace import fill
from .norms import matrix_norm as matrix_norm, norm as norm, vector_norm as vector_norm
from .products import (
    dot,
    linalg_cross as cross,
    linalg_matmul as matmul,
    linalg_outer as outer,
    tensordot as tensordot,
    vecdot as vecdot,
)
from .reductions import max as _max
from .shapes import matrix_transpose as matrix_transpose

__all__ = [
    "LinAlgError", "cholesky", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals",
    "eigvalsh", "inv", "lstsq", "matmul", "matrix_norm", "matrix_power", "matrix_rank",
    "matrix_transpose", "multi_dot", "norm", "outer", "pinv", "qr", "slogdet", "solve", "svd",
    "svdvals", "tensordot", "tensorinv", "tensorsolve", "trace", "vecdot", "vector_norm",
]  # fmt: skip


@implements("linalg.det")
def det(a: Any) -> Any:
    """Return the determinant; see numpy.linalg.det.

    Its derivatives are exact at singular matrices too.
    """
    return det_p(squares(a))


@implements("linalg.slogdet")
def slogdet(a: Any) -> Any:
    """Return sign and logarithm of the determinant; see numpy.linalg.slogdet.

    At a singular matrix the gradient, which is infinite, is nan.
    """
    return named(np.linalg.slogdet)(*slogdet_p.bind(squares(a)))


@implements("linalg.inv")
def inv(a: Any) -> Any:
    """Return the inverse; see numpy.linalg.inv."""
    return inv_p(squares(a))


@implements("linalg.solve")
def solve(a: Any, b: Any) -> Any:
    """Solve linear systems; ``b`` is a vector only if it has one axis; see numpy.linalg.solve."""
    a, b = squares(a), strong(operand(b))
    vector = len(shape_of(b)) == 1
    b = matrices(expand_dims(b, (1,)) if vector else b)
    if shape_of(a)[-1] != shape_of(b)[-2]:
        raise ValueError(
            f"solve: a and b must have as many rows: got {shape_of(a)} and "
            f"{shape_of(b)[: -1 if vector else None]}"
        )
    x = solve_p(a, b)
    return x[..., 0] if vector else x


@implements("linalg.lstsq")
def lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, Any, Any]:
    """Return solution, residuals, rank and singular values; see numpy.linalg.lstsq.

    Where the rank is not known, in a program or under vmap, the residuals are returned as if it
    were full; everywhere else they are empty for a smaller rank, as NumPy's are.
    """
    a, b = matrices(a), strong(operand(b))
    vector = len(shape_of(b)) == 1
    b = matrices(expand_dims(b, (1,)) if vector else b)
    for x in (a, b):
        if len(shape_of(x)) != 2:
            raise LinAlgError(
                f"{len(shape_of(x))}-dimensional array given. Array must be two-dimensional"
            )
    m, n = shape_of(a)
    if shape_of(b)[0] != m:
        raise LinAlgError("Incompatible dimensions")
    x = lstsq_p(a, b, rcond=None if rcond is None else float(rcond))
    s = svdvals(cast(a, np.result_type(dtype_of(a), float)))  # NumPy counts in double precision
    small = s[:1] * rcond_of(rcond, m, n)
    rank = cast(count_p(s > small, axes=(0,)), np.int32)
    s = cast(s, real_dtype(dtype_of(x)))
    known = isinstance(rank, (np.ndarray, np.generic))
    if m <= n or (known and rank != n):
        return x[:, 0] if vector else x, np.empty(0, dtype_of(s)), rank, s
    left = b - a @ x
    sizes = ew.real(left * ew.conj(left)) if ew.is_complex(left) else left * left
    return x[:, 0] if vector else x, sizes.sum(axis=0), rank, s


@implements("linalg.pinv")
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = NO_VALUE) -> Any:
    """Return the pseudo-inverse; see numpy.linalg.pinv. Its rank is taken as constant."""
    a = matrices(a)
    if rcond is None:
        if rtol is NO_VALUE:
            rcond = 1e-15
        else:
            rcond = builtins.max(shape_of(a)[-2:]) * eps(a) if rtol is None else rtol
    elif rtol is not NO_VALUE:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    if hermitian and 0 not in shape_of(a)[-2:]:
        a = hermitian_of(squares(a), "L")
    return pinv_p(a, operand(rcond), hermitian=bool(hermitian))


@implements("linalg.matrix_rank", status=NO_DERIVATIVE)
def matrix_rank(
    A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None  # noqa: N803
) -> Any:  # fmt: skip
    """Count the singular values that are not small; see numpy.linalg.matrix_rank."""
    if rtol is not None and tol is not None:
        raise ValueError("`tol` and `rtol` can't be both set.")
    x = strong(operand(A))
    rank = len(shape_of(x))
    if rank < 2:
        return cast(any_p(compare.ne(x, 0), axes=tuple(range(rank))), np.int64)
    s = svd(x, compute_uv=False, hermitian=hermitian)
    if tol is not None:
        tol = _last(tol)
    elif not shape_of(s)[-1]:
        tol = 0
    else:
        least = builtins.max(shape_of(x)[-2:]) * eps(s) if rtol is None else _last(rtol)
        tol = _max(s, -1, keepdims=True) * least
    large = s > tol  # of several tolerances for one matrix one count each
    return count_p(large, axes=(len(shape_of(large)) - 1,))


def _last(x: Any) -> Any:
    """Return tolerances, one a matrix, with an axis for singular values."""
    x = strong(operand(x))
    return expand_dims(x, (len(shape_of(x)),))


@implements("linalg.cond")
def cond(x: Any, p: Any = None) -> Any:
    """Return the condition number in any norm, infinite if singular; see numpy.linalg.cond."""
    x = strong(operand(x))
    if 0 in shape_of(x)[-2:]:
        raise LinAlgError("cond is not defined on empty arrays")
    if p is None or p in (2, -2):
        s = svdvals(x)
        large, small = (s[..., -1], s[..., 0]) if p == -2 else (s[..., 0], s[..., -1])
        zero = compare.eq(small, 0)
        r = ew.where(zero, math.inf, large / ew.where(zero, 1, small))
    else:
        x = squares(x)
        r = norm(x, p, (-2, -1)) * norm(inverse_if_any_p(x), p, (-2, -1))
        r = ew.where(compare.eq(slogdet(x)[1], -math.inf), math.inf, r)
    rank = len(shape_of(x))
    known = any_p(compare.isnan(x), axes=(rank - 2, rank - 1))  # of nan, nan is known
    return ew.where(compare.logical_and(compare.isnan(r), compare.logical_not(known)), math.inf, r)


@implements("linalg.tensorsolve")
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """Solve a system whose unknown is an array; see numpy.linalg.tensorsolve."""
    a, b = strong(operand(a)), strong(operand(b))
    rank = len(shape_of(a))
    if axes is not None:
        order = list(range(rank))
        for k in axes:
            order.remove(k)
            order.insert(rank, k)
        a = transpose_p(a, perm=tuple(order))
    shape = shape_of(a)[-(rank - len(shape_of(b))) :]
    n = math.prod(shape)
    if math.prod(shape_of(a)) != n**2:
        raise LinAlgError(
            "Input arrays must satisfy the requirement "
            "prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim])"
        )
    return reshape(solve(reshape(a, (n, n)), reshape(b, (math.prod(shape_of(b)),))), shape)


@implements("linalg.tensorinv")
def tensorinv(a: Any, ind: int = 2) -> Any:
    """Return the inverse of an array as a map of arrays; see numpy.linalg.tensorinv."""
    a = strong(operand(a))
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    shape = shape_of(a)
    n = math.prod(shape[ind:])
    return reshape(inv(reshape(a, (n, -1))), (*shape[ind:], *shape[:ind]))


fill(sys.modules[__name__], np.linalg)


@implements("linalg.matrix_power")
def matrix_power(a: Any, n: int) -> Any:
    """Multiply a matrix, or its inverse, n times with itself; see numpy.linalg.matrix_power."""
    a = strong(operand(a))
    if len(shape_of(a)) < 2:
        raise np.linalg.LinAlgError(
            f"{len(shape_of(a))}-dimensional array given. Array must be at least two-dimensional"
        )
    if shape_of(a)[-1] != shape_of(a)[-2]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    try:
        n = operator.index(n)
    except TypeError as err:
        raise TypeError("exponent must be an integer") from err
    if n < 0:
        a, n = inv_p(matrices(a)), -n
    if n == 0:
        eye = np.eye(shape_of(a)[-1], dtype=dtype_of(a))
        return np.broadcast_to(eye, shape_of(a)).copy()
    if n == 3:  # one product less than by squares
        return a @ a @ a
    square, result = a, None
    while True:
        n, odd = divmod(n, 2)
        if odd:
            result = square if result is None else result @ square
        if not n:
            return result
        square = square @ square


@implements("linalg.multi_dot")
def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    """Multiply matrices in the order that costs least; see numpy.linalg.multi_dot."""
    no_out("multi_dot", out)
    factors = [strong(operand(a)) for a in arrays]
    if len(factors) < 2:
        raise ValueError("Expecting at least two arrays.")
    if len(factors) == 2:
        return dot(*factors)
    row, column = len(shape_of(factors[0])) == 1, len(shape_of(factors[-1])) == 1
    factors[0] = factors[0][None, :] if row else factors[0]
    factors[-1] = factors[-1][:, None] if column else factors[-1]
    for a in factors:
        if len(shape_of(a)) != 2:
            raise np.linalg.LinAlgError(
                f"{len(shape_of(a))}-dimensional array given. Array must be two-dimensional"
            )
    lengths = [shape_of(factors[0])[0], *(shape_of(a)[1] for a in factors)]
    y = _product(factors, _cheapest(tuple(lengths)), 0, len(factors))
    return reshape(y, shape_of(y)[row : 2 - column]) if row or column else y


def _product(factors: Sequence[Any], splits: dict[Any, int], start: int, stop: int) -> Any:
    if stop - start == 1:
        return factors[start]
    k = splits[start, stop]
    return dot(_product(factors, splits, start, k), _product(factors, splits, k, stop))


@functools.lru_cache(256)
def _cheapest(lengths: tuple[int, ...]) -> dict[Any, int]:
    """Return where to split each chain of matrices so that its product costs least.

    Source: Cormen et al., Introduction to Algorithms, section 15.2, MATRIX-CHAIN-ORDER.
    """
    count = len(lengths) - 1
    cost = {(i, i + 1): 0 for i in range(count)}
    splits = {}
    for size in range(2, count + 1):
        for i in range(count - size + 1):
            j = i + size
            cost[i, j], splits[i, j] = builtins.min(
                (cost[i, k] + cost[k, j] + lengths[i] * lengths[k] * lengths[j], k)
                for k in range(i + 1, j)
            )
    return splits
