"""The base class of linear algebra: stacks of matrices in the last two axes; and their parts.

Rules are written in operators and elementwise primitives, which take arrays and tracers.
Cotangents are transposed, not conjugated: JAX's convention.
"""

from typing import Any, ClassVar

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, Shape, aval_of, broadcast_shapes, dtype_of, real_dtype, shape_of
from ...core.companions import Codegen
from ...core.errors import DtypeError
from ...core.trace import Primitive
from .. import elementwise as ew
from ..dependences import InStacks
from ..index import ARRAY, Index, getitem_p
from ..operand import operand, strong
from ..reduce import max_p
from ..structure import Batched, axis_to_front, cast, expand_dims, sum_p

_KINDS = frozenset(map(np.dtype, ("f4", "f8", "c8", "c16")))  # the dtypes of LAPACK


class MatrixPrimitive(Primitive, Codegen, InStacks):
    """An operation on each matrix of a stack; stacks broadcast.

    ``core_ndims``: operand -> the number of its core dimensions (its last axes), if it is not 2.
    """

    is_new = True
    core_ndims: ClassVar[dict[int, int]] = {}

    @override
    def batch(self, args: Any, axes: Any, size: int, /, **params: Any) -> Batched:
        return self.bind(*self.aligned(args, axes), **params), (0,) * self.count(**params)

    def count(self, **params: Any) -> int:
        """The number of outputs."""
        return 1

    def aligned(self, args: Any, axes: Any) -> list[Any]:
        """The operands with their batch axes first, and stacks of equal rank after them."""
        stacks = [
            len(shape_of(x)) - self.core_ndims.get(i, 2) - (d is not None)
            for i, (x, d) in enumerate(zip(args, axes, strict=True))
        ]
        return [
            x
            if d is None
            else expand_dims(axis_to_front(x, d), tuple(range(1, 1 + max(stacks) - stack)))
            for x, d, stack in zip(args, axes, stacks, strict=True)
        ]


def result_dtype(*operands: Any) -> np.dtype:
    """The dtype of the results of NumPy's linear algebra.

    Raises:
        DtypeError: if an operand is half or extended precision, which LAPACK lacks.
    """
    dtypes = [np.dtype(float) if dtype_of(x).kind in "iub" else dtype_of(x) for x in operands]
    for dtype in dtypes:
        if dtype not in _KINDS:
            raise DtypeError(
                f"linalg: array type {dtype.name} is unsupported in linalg; cast it to float64"
            )
    return np.result_type(*dtypes)


def as_matrices(x: Any) -> Any:
    """An argument as matrices: floating, and with at least two axes.

    Raises:
        numpy.linalg.LinAlgError: if there are fewer axes.
        DtypeError: if the dtype is half or extended precision.
    """
    x = strong(operand(x))
    if len(shape_of(x)) < 2:
        raise np.linalg.LinAlgError(
            f"{len(shape_of(x))}-dimensional array given. Array must be at least two-dimensional"
        )
    return x if dtype_of(x) in _KINDS else cast(x, result_dtype(x))


def as_square_matrices(x: Any) -> Any:
    """An argument as square matrices; see ``as_matrices``."""
    x = as_matrices(x)
    if shape_of(x)[-1] != shape_of(x)[-2]:
        raise np.linalg.LinAlgError(
            f"Last 2 dimensions of the array must be square: got {aval_of(x)}; for other shapes "
            f"there are lstsq and pinv"
        )
    return x


def stacked_shape(a: Aval, b: Aval, rows: int, columns: int) -> Shape:
    """The shape of the result of two stacks of matrices, which broadcast."""
    return (*broadcast_shapes(a.shape[:-2], b.shape[:-2]), rows, columns)


# parts of matrices


def permute_rows(x: Any, rows: Any) -> Any:
    """Permute the rows of each matrix of a stack."""
    stack = shape_of(x)[:-2]
    grid = [
        np.arange(n).reshape([-1 if e == d else 1 for e in range(len(stack) + 1)])
        for d, n in enumerate(stack)
    ]
    return getitem_p(x, *grid, rows, index=Index([ARRAY] * (len(stack) + 1)))


def conj(x: Any) -> Any:
    """The complex conjugate; real arrays unchanged."""
    return ew.conj(x) if ew.is_complex(x) else x


def real(x: Any) -> Any:
    """The real part; real arrays unchanged."""
    return ew.real(x) if ew.is_complex(x) else x


def adjoint(x: Any) -> Any:
    """The conjugate transposes."""
    return conj(x.mT)


def eps(x: Any) -> float:
    """The machine epsilon of the dtype of an array."""
    return float(np.finfo(dtype_of(x)).eps)


def _mask(x: Any, k: int) -> np.ndarray:
    m, n = shape_of(x)[-2:]
    return np.tri(m, n, k, bool)


def lower(x: Any, k: int = 0) -> Any:
    """The elements on and below a diagonal, zeros above."""
    return ew.where(_mask(x, k), x, 0)


def upper(x: Any, k: int = 0) -> Any:
    """The elements on and above a diagonal, zeros below."""
    return ew.where(_mask(x, k - 1), 0, x)


def diagonal(x: Any) -> Any:
    """The diagonals of square matrices."""
    n = shape_of(x)[-1]
    return sum_p(ew.where(np.eye(n, dtype=bool), x, 0), axes=(len(shape_of(x)) - 1,))


def hermitian(x: Any, uplo: str) -> Any:
    """The Hermitian matrices with this triangle, ``"L"`` or ``"U"``, as LAPACK reads them."""
    half = lower(x, -1) if uplo == "L" else upper(x, 1)
    middle = ew.where(np.eye(shape_of(x)[-1], dtype=bool), real(x), 0)
    return half + adjoint(half) + middle


def triangle_ct(ct: Any, uplo: str) -> Any:
    """The cotangent of the triangle that ``hermitian`` reads, given that of the matrices."""
    both = ct + adjoint(ct)
    half = lower(both, -1) if uplo == "L" else upper(both, 1)
    return half + ew.where(np.eye(shape_of(ct)[-1], dtype=bool), real(ct), 0)


def sum_along(x: Any, axis: int) -> Any:
    """The sum along one negative axis."""
    return sum_p(x, axes=(len(shape_of(x)) + axis,))


def largest(x: Any, axes: tuple[int, ...]) -> Any:
    """The largest absolute value along negative axes, which keep length 1; 0 if empty."""
    rank = len(shape_of(x))
    if any(shape_of(x)[d] == 0 for d in axes):
        kept = tuple(1 if d - rank in axes else n for d, n in enumerate(shape_of(x)))
        return np.zeros(kept, real_dtype(dtype_of(x)))
    axes = tuple(sorted(rank + d for d in axes))
    return expand_dims(max_p(ew.abs(x), axes=axes), axes)
