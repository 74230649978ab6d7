"""Linear systems, inverses and pseudo-inverses."""

import builtins
import math
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from ..core.avals import dtype_of, real_dtype, shape_of
from ..ops import elementwise as ew
from ..ops.linalg.inverse import inv_p, lstsq_p, pinv_p, rcond_of, solve_p
from ..ops.linalg.matrices import as_matrices, as_square_matrices, eps, hermitian as hermitian_of
from ..ops.operand import operand, strong
from ..ops.reduce import count_p
from ..ops.structure import cast, expand_dims, reshape, transpose_p
from .decompositions import svdvals
from .dispatch import NO_VALUE, implements


@implements("linalg.inv")
def inv(a: Any) -> Any:
    """Inverse; see numpy.linalg.inv."""
    return inv_p(as_square_matrices(a))


@implements("linalg.solve")
def solve(a: Any, b: Any) -> Any:
    """Solution of ``a x = b``; ``b`` is a vector if it has one axis; see numpy.linalg.solve."""
    a, b = as_square_matrices(a), strong(operand(b))
    vector = len(shape_of(b)) == 1
    b = as_matrices(expand_dims(b, (1,)) if vector else b)
    if shape_of(a)[-1] != shape_of(b)[-2]:
        raise ValueError(
            f"solve: a and b must have equally many rows: got {shape_of(a)} and "
            f"{shape_of(b)[: -1 if vector else None]}"
        )
    x = solve_p(a, b)
    return x[..., 0] if vector else x


@implements("linalg.lstsq")
def lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, Any, Any]:
    """Least-squares solution, residuals, rank and singular values; see numpy.linalg.lstsq.

    Under ``jit`` and ``vmap`` the rank is unknown, and the residuals are those of full rank.
    Elsewhere they are empty for a smaller rank, as in NumPy.
    """
    a, b = as_matrices(a), strong(operand(b))
    vector = len(shape_of(b)) == 1
    b = as_matrices(expand_dims(b, (1,)) if vector else b)
    for x in (a, b):
        if len(shape_of(x)) != 2:
            raise LinAlgError(
                f"{len(shape_of(x))}-dimensional array given. Array must be two-dimensional"
            )
    m, n = shape_of(a)
    if shape_of(b)[0] != m:
        raise LinAlgError("Incompatible dimensions")
    x = lstsq_p(a, b, rcond=None if rcond is None else float(rcond))
    s = svdvals(cast(a, np.result_type(dtype_of(a), float)))  # NumPy's rank is of float64
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
    """Pseudo-inverse, differentiated at constant rank; see numpy.linalg.pinv."""
    a = as_matrices(a)
    if rcond is None:
        if rtol is NO_VALUE:
            rcond = 1e-15
        else:
            rcond = builtins.max(shape_of(a)[-2:]) * eps(a) if rtol is None else rtol
    elif rtol is not NO_VALUE:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    if hermitian and 0 not in shape_of(a)[-2:]:
        a = hermitian_of(as_square_matrices(a), "L")
    return pinv_p(a, operand(rcond), hermitian=bool(hermitian))


@implements("linalg.tensorsolve")
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """Solution of a linear system whose unknown is an array; see numpy.linalg.tensorsolve."""
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
    """Inverse of an array as a linear map of arrays; see numpy.linalg.tensorinv."""
    a = strong(operand(a))
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    shape = shape_of(a)
    n = math.prod(shape[ind:])
    return reshape(inv(reshape(a, (n, -1))), (*shape[ind:], *shape[:ind]))
