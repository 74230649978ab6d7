"""Norms, determinants, rank and condition number."""

import builtins
import math
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from ..core.avals import dtype_of, is_inexact, shape_of
from ..ops import compare, elementwise as ew
from ..ops.linalg.determinant import det_p, slogdet_p
from ..ops.linalg.inverse import inverse_if_any_p
from ..ops.linalg.matrices import as_matrices, as_square_matrices, eps
from ..ops.linalg.svd import svdvals_p
from ..ops.operand import operand, strong
from ..ops.reduce import any_p, axes_of, axis_of, count_p, norm_p, power_of_two
from ..ops.structure import cast, drop_axes, expand_dims, reshape, upcast
from .aliasing import as_scalar, gives
from .decompositions import named_result, svd, svdvals
from .dispatch import NO_DERIVATIVE, implements
from .reductions import max, min, sum
from .shapes import moveaxis


def _inexact(x: Any) -> Any:
    x = strong(operand(x))
    return x if is_inexact(dtype_of(x)) else cast(x, np.float64)


@implements("linalg.norm")
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Norm of vectors or matrices, with derivative 0 at 0; see numpy.linalg.norm."""
    x = _inexact(x)
    rank = len(shape_of(x))
    if axis is None:
        if ord is None or (rank, ord) in ((2, "f"), (2, "fro"), (1, 2)):
            return _vector(x, tuple(range(rank)), 2, keepdims)
        axis = tuple(range(rank))
    elif not isinstance(axis, tuple):
        try:
            axis = (int(axis),)
        except Exception as err:
            raise TypeError("'axis' must be None, an integer or a tuple of integers") from err
    if len(axis) == 1:
        return _vector(x, axes_of(axis, rank), 2 if ord is None else ord, keepdims)
    if len(axis) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    rows, columns = (axis_of(d, rank) for d in axis)
    if rows == columns:
        raise ValueError("Duplicate axes given.")
    y = _matrix(moveaxis(x, (rows, columns), (-2, -1)), ord)
    return expand_dims(y, tuple(sorted((rows, columns)))) if keepdims else y


@implements("linalg.vector_norm")
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """Norm of the elements along any axes; see numpy.linalg.vector_norm."""
    x = _inexact(x)
    axes = axes_of(axis, len(shape_of(x)))
    return _vector(x, axes, 2 if ord is None else ord, keepdims)


@implements("linalg.matrix_norm")
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """Norm of the matrices in the last two axes; see numpy.linalg.matrix_norm."""
    return norm(x, ord, (-2, -1), keepdims)


def _vector(x: Any, axes: tuple[int, ...], ord: Any, keepdims: Any) -> Any:
    """Vector norm of order ``ord`` along ``axes``."""
    keepdims = bool(keepdims)
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    size = ew.abs(x) if ew.is_complex(x) or ord != 2 else x
    kind = dtype_of(size)
    size = upcast(size)
    y = _of_sizes(size, axes, ord, keepdims)
    return cast(y, kind)


def _of_sizes(size: Any, axes: tuple[int, ...], ord: Any, keepdims: Any) -> Any:
    kind = dtype_of(size)
    if ord == 2:
        y = norm_p(size, axes=axes, dtype=kind)
        return expand_dims(y, axes) if keepdims is True else y
    if ord == np.inf:
        return _largest(size, axes, keepdims)
    if ord == -np.inf:
        return min(size, axes, keepdims=keepdims)
    if ord == 0:
        return sum(cast(compare.ne(size, 0), kind), axes, keepdims=keepdims)
    if ord == 1:
        return sum(size, axes, keepdims=keepdims)
    scale = _scale(size, axes, ord)
    size = ew.div(size, scale)
    scale = scale if keepdims else reshape(scale, drop_axes(shape_of(scale), axes))
    total = sum(cast(ew.pow(size, ord), kind), axes, keepdims=keepdims)
    if ord < 0:
        return ew.mul(scale, cast(ew.pow(total, 1 / ord), kind))
    zero = compare.eq(total, 0)  # the derivative of the root at 0 is defined as 0
    root = cast(ew.pow(ew.where(zero, 1, total), 1 / ord), kind)
    return ew.mul(scale, ew.where(zero, 0, root))


def _scale(size: Any, axes: tuple[int, ...], ord: Any) -> Any:
    """Power of two near the dominant elements, by which they are divided to avoid overflow.

    The division is exact, and leaves the derivative of the norm unchanged.
    """
    if not all(shape_of(size)):
        return np.ones([1 if d in axes else n for d, n in enumerate(shape_of(size))])
    peak = (min if ord < 0 else max)(size, axes, keepdims=True)
    return power_of_two(peak)


def _largest(x: Any, axes: Any, keepdims: bool = False) -> Any:
    """Maximum of nonnegative numbers, 0 if there are none."""
    return max(x, axes, keepdims=keepdims, initial=None if all(shape_of(x)) else 0)


def _matrix(x: Any, ord: Any) -> Any:
    """Norm of the matrices in the last two axes."""
    rank = len(shape_of(x))
    if ord is None or ord in ("f", "fro"):
        return _vector(x, (rank - 2, rank - 1), 2, False)
    if ord in (2, -2, "nuc"):
        # abs changes no value, and makes the derivative at the zero matrix 0
        s = ew.abs(svdvals_p(as_matrices(x)))
        if ord == "nuc":
            return sum(s, -1)
        return _largest(s, rank - 2) if ord == 2 else min(s, rank - 2)
    if ord not in (1, -1, np.inf, -np.inf):
        raise ValueError("Invalid norm order for matrices.")
    sums = sum(upcast(ew.abs(x)), rank - 2 if abs(ord) == 1 else rank - 1)
    y = _largest(sums, rank - 2) if ord > 0 else min(sums, rank - 2)
    return cast(y, dtype_of(ew.abs(x)))


@implements("linalg.det")
def det(a: Any) -> Any:
    """Determinant; see numpy.linalg.det.

    Its derivatives are exact at singular matrices too.
    """
    return det_p(as_square_matrices(a))


@implements("linalg.slogdet")
def slogdet(a: Any) -> Any:
    """Sign and logarithm of the determinant; see numpy.linalg.slogdet.

    At a singular matrix the gradient, which is infinite, is nan.
    """
    return named_result(np.linalg.slogdet)(*slogdet_p.bind(as_square_matrices(a)))


@implements("linalg.matrix_rank", status=NO_DERIVATIVE)
def matrix_rank(
    A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None  # noqa: N803
) -> Any:  # fmt: skip
    """Number of singular values above a tolerance; see numpy.linalg.matrix_rank."""
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
        tol = max(s, -1, keepdims=True) * least
    large = s > tol  # one count per tolerance
    return count_p(large, axes=(len(shape_of(large)) - 1,))


def _last(x: Any) -> Any:
    """Tolerances, one per matrix, with an axis of length 1 for singular values."""
    x = strong(operand(x))
    return expand_dims(x, (len(shape_of(x)),))


@implements("linalg.cond")
@gives(as_scalar)
def cond(x: Any, p: Any = None) -> Any:
    """Condition number in any norm, infinite if singular; see numpy.linalg.cond."""
    x = strong(operand(x))
    if 0 in shape_of(x)[-2:]:
        raise LinAlgError("cond is not defined on empty arrays")
    if p is None or p in (2, -2):
        s = svdvals(x)
        large, small = (s[..., -1], s[..., 0]) if p == -2 else (s[..., 0], s[..., -1])
        zero = compare.eq(small, 0)
        r = ew.where(zero, math.inf, large / ew.where(zero, 1, small))
    else:
        x = as_square_matrices(x)
        r = norm(x, p, (-2, -1)) * norm(inverse_if_any_p(x), p, (-2, -1))
        r = ew.where(compare.eq(slogdet(x)[1], -math.inf), math.inf, r)
    rank = len(shape_of(x))
    known = any_p(compare.isnan(x), axes=(rank - 2, rank - 1))  # nan in the matrix stays nan
    return ew.where(compare.logical_and(compare.isnan(r), compare.logical_not(known)), math.inf, r)
