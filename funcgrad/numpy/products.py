"""Products of arrays: dot, tensordot, einsum, matrix_power and their relatives."""

import builtins
import functools
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import ShapeError
from ..ops import elementwise as ew
from ..ops.contract import matmul
from ..ops.linalg.inverse import inv_p
from ..ops.linalg.matrices import as_matrices
from ..ops.operand import operand, strong
from ..ops.reduce import axis_of
from ..ops.structure import cast, expand_dims, reshape, strip_weak_type, transpose_p
from .aliasing import as_array, as_scalar, gives
from .dispatch import implements, no_out
from .reductions import sum as _sum
from .shapes import integer_tuple, moveaxis, ravel


@implements("linalg.matmul")
def linalg_matmul(x1: Any, x2: Any, /) -> Any:
    """Multiply matrices, or a matrix and a vector; see numpy.linalg.matmul."""
    return matmul(operand(x1), operand(x2))


@implements("vecdot", "linalg.vecdot")
def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Dot product along one axis, the first operand conjugated; see numpy.vecdot."""
    a, b = operand(x1), operand(x2)
    a = moveaxis(ew.conj(a) if ew.is_complex(a) else a, axis, -1)
    b = moveaxis(b, axis, -1)
    if shape_of(a)[-1] != shape_of(b)[-1]:
        raise ShapeError(f"vecdot: the axes differ in length: got {aval_of(a)} and {aval_of(b)}")
    product = ew.mul(a, b)
    return cast(_sum(product, -1), dtype_of(product))


@implements("matvec")
def matvec(x1: Any, x2: Any, /) -> Any:
    """Multiply stacks of matrices and vectors; see numpy.matvec."""
    x1, x2 = operand(x1), operand(x2)
    _check_axes("matvec", (x1, 2), (x2, 1))
    y = matmul(x1, expand_dims(x2, (len(shape_of(x2)),)))
    return reshape(y, shape_of(y)[:-1])


@implements("vecmat")
def vecmat(x1: Any, x2: Any, /) -> Any:
    """Multiply stacks of vectors, conjugated, and matrices; see numpy.vecmat."""
    a, b = operand(x1), operand(x2)
    _check_axes("vecmat", (a, 1), (b, 2))
    a = ew.conj(a) if ew.is_complex(a) else a
    y = matmul(expand_dims(a, (len(shape_of(a)) - 1,)), b)
    return reshape(y, shape_of(y)[:-2] + shape_of(y)[-1:])


def _check_axes(who: str, *operands: tuple[Any, int]) -> None:
    """Raise if an operand has too few axes."""
    for i, (x, least) in enumerate(operands):
        if len(shape_of(x)) < least:
            raise ShapeError(
                f"{who}: operand {i} needs at least {least} ax{'i' if least == 1 else 'e'}s: got "
                f"{aval_of(x)}"
            )


@implements("dot")
def dot(a: Any, b: Any, out: Any = None) -> Any:
    """Sum of products over the last axis of a and the second-to-last axis of b; see numpy.dot."""
    no_out("dot", out)
    a, b = strip_weak_type(operand(a)), strip_weak_type(operand(b))
    rows, columns = len(shape_of(a)), len(shape_of(b))
    if not rows or not columns:
        return ew.mul(a, b)
    if rows <= 2 and columns <= 2:
        return matmul(a, b)
    return as_scalar(tensordot(a, b, ((-1,), (-2 if columns > 1 else -1,))))


@implements("vdot")
def vdot(a: Any, b: Any, /) -> Any:
    """Sum of products of all elements, the first operand conjugated; see numpy.vdot."""
    a, b = ravel(a), ravel(b)
    return dot(ew.conj(a) if ew.is_complex(a) else a, b)


@implements("inner")
@gives(as_scalar)
def inner(a: Any, b: Any, /) -> Any:
    """Sum of products over the last axes; see numpy.inner."""
    a, b = strip_weak_type(operand(a)), strip_weak_type(operand(b))
    if not shape_of(a) or not shape_of(b):
        return ew.mul(a, b)
    return tensordot(a, b, ((-1,), (-1,)))


@implements("outer")
def outer(a: Any, b: Any, out: Any = None) -> Any:
    """Products of all pairs of elements; see numpy.outer."""
    no_out("outer", out)
    return ew.mul(expand_dims(ravel(a), (1,)), ravel(b))


@implements("linalg.outer")
def linalg_outer(x1: Any, x2: Any, /) -> Any:
    """Outer product of two vectors; see numpy.linalg.outer."""
    if len(shape_of(operand(x1))) != 1 or len(shape_of(operand(x2))) != 1:
        raise ValueError("Input arrays must be one-dimensional")
    return outer(x1, x2)


@implements("tensordot", "linalg.tensordot")
@gives(as_array)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Sum of products over given axes of two arrays; see numpy.tensordot."""
    a, b = operand(a), operand(b)
    a_shape, b_shape = shape_of(a), shape_of(b)
    try:
        count = operator.index(axes)
    except TypeError:
        a_axes, b_axes = map(integer_tuple, axes)
    else:
        rank = len(a_shape)
        a_axes, b_axes = tuple(range(rank - count, rank)), tuple(range(count))
    a_sum = [axis_of(d, len(a_shape)) for d in a_axes]
    b_sum = [axis_of(d, len(b_shape)) for d in b_axes]
    if [a_shape[d] for d in a_sum] != [b_shape[d] for d in b_sum]:
        raise ShapeError(
            f"tensordot: the contracted axes differ in length: got {aval_of(a)} at {a_sum} and "
            f"{aval_of(b)} at {b_sum}"
        )
    a_kept = [d for d in range(len(a_shape)) if d not in a_sum]
    b_kept = [d for d in range(len(b_shape)) if d not in b_sum]
    length = math.prod(a_shape[d] for d in a_sum)
    left = reshape(
        transpose_p(a, perm=(*a_kept, *a_sum)), (math.prod(a_shape[d] for d in a_kept), length)
    )
    right = reshape(
        transpose_p(b, perm=(*b_sum, *b_kept)), (length, math.prod(b_shape[d] for d in b_kept))
    )
    shape = tuple(a_shape[d] for d in a_kept) + tuple(b_shape[d] for d in b_kept)
    return reshape(matmul(left, right), shape)


@implements("kron")
def kron(a: Any, b: Any) -> Any:
    """Kronecker product; see numpy.kron."""
    a, b = strong(operand(a)), strong(operand(b))
    rank = max(len(shape_of(a)), len(shape_of(b)))
    a = reshape(a, (1,) * (rank - len(shape_of(a))) + shape_of(a))
    b = reshape(b, (1,) * (rank - len(shape_of(b))) + shape_of(b))
    pairs = list(zip(shape_of(a), shape_of(b), strict=True))
    a = reshape(a, tuple(k for n, _ in pairs for k in (n, 1)))
    b = reshape(b, tuple(k for _, n in pairs for k in (1, n)))
    return reshape(ew.mul(a, b), tuple(m * n for m, n in pairs))


@implements("cross")
def cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None
) -> Any:
    """Cross product of vectors of length 3 (or 2); see numpy.cross."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = moveaxis(operand(a), axisa, -1), moveaxis(operand(b), axisb, -1)
    if not {shape_of(a)[-1], shape_of(b)[-1]} <= {2, 3}:
        raise ValueError("incompatible dimensions for cross product\n(dimension must be 2 or 3)")
    (ax, ay, az), (bx, by, bz) = _components(a), _components(b)
    z = ew.sub(ew.mul(ax, by), ew.mul(ay, bx))
    if az is None and bz is None:
        return z
    az, bz = 0 if az is None else az, 0 if bz is None else bz
    x = ew.sub(ew.mul(ay, bz), ew.mul(az, by))
    y = ew.sub(ew.mul(az, bx), ew.mul(ax, bz))
    from_last = np.stack([x, y, z], -1)
    return moveaxis(from_last, -1, axisc)


@implements("linalg.cross")
def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Cross product of vectors of length 3; see numpy.linalg.cross."""
    a, b = operand(x1), operand(x2)
    if shape_of(a)[axis] != 3 or shape_of(b)[axis] != 3:
        raise ValueError(
            "Both input arrays must be (arrays of) 3-dimensional vectors, "
            f"but they are {shape_of(a)[axis]} and {shape_of(b)[axis]} dimensional instead."
        )
    return cross(a, b, axis=axis)


def _components(a: Any) -> list[Any]:
    parts = [a[..., i] for i in range(shape_of(a)[-1])]
    return parts if len(parts) == 3 else [*parts, None]


# einsum


@implements("linalg.matrix_power")
def matrix_power(a: Any, n: int) -> Any:
    """Integer power of a matrix, or of its inverse; see numpy.linalg.matrix_power."""
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
        a, n = inv_p(as_matrices(a)), -n
    if n == 0:
        eye = np.eye(shape_of(a)[-1], dtype=dtype_of(a))
        return np.broadcast_to(eye, shape_of(a)).copy()
    if n == 3:  # one product less than by squaring
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
    """Product of several matrices in the cheapest order; see numpy.linalg.multi_dot."""
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
    y = _chain_product(factors, _cheapest_splits(tuple(lengths)), 0, len(factors))
    return reshape(y, shape_of(y)[row : 2 - column]) if row or column else y


def _chain_product(factors: Sequence[Any], splits: dict[Any, int], start: int, stop: int) -> Any:
    if stop - start == 1:
        return factors[start]
    k = splits[start, stop]
    return dot(_chain_product(factors, splits, start, k), _chain_product(factors, splits, k, stop))


@functools.lru_cache(256)
def _cheapest_splits(lengths: tuple[int, ...]) -> dict[Any, int]:
    """Split of each chain of matrices at which its product is cheapest.

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
