"""The directions in which a Laplacian is taken, and their weights.

Without weights, or with one for each input, the directions are the unit vectors: each input begins
with one row, as it depends on itself alone. A matrix W has those of its eigenvectors q, as
sum_ij W_ij d^2 f / dx_i dx_j = sum_k w_k d^2 f / dq_k^2. If W is traced, its derivative at equal
eigenvalues should not depend on the choice of eigenvectors: there the directions are u_i + v_i and
u_i - v_i of u_i = s e_i and v_i = W e_i / s, with weights 1/4 and -1/4.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core import tree
from ...core.avals import aval_of, dtype_of, is_arraylike, real_dtype, shape_of
from ...core.errors import DtypeError, ShapeError
from ...core.trace import Tracer
from ...ops.index import Index, concatenate_p, getitem_p
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import broadcast_to, cast, reshape, transpose_p
from ..arguments import carries_derivative, flatten_like
from .rows import Rows, of_input, placed, spread


@dataclass(frozen=True)
class Seeds:
    """The rows of each input, the weight of each direction, and the way back to derivatives.

    ``back`` takes the derivatives of a value in all directions to those by all inputs.
    """

    rows: list[Rows]
    weights: Any
    back: Callable[[Any], Any] | None

    @classmethod
    def of(
        cls, who: str, weights: Any, argument: Any, inputs: Sequence[Any], whole: bool
    ) -> "Seeds":
        """The seeds of the inputs; ``whole``, if the Jacobian is wanted too."""
        sizes = [math.prod(shape_of(x)) for x in inputs]
        n, firsts = sum(sizes), np.cumsum([0, *sizes])
        matrix = None
        if weights is not None:
            weights, matrix = _weights_of(who, weights, argument, inputs, n)
        if matrix is None:
            rows = [
                Rows(np.ones((1, *shape_of(x)), dtype_of(x)), of_input(x, int(first)))
                for x, first in zip(inputs, firsts, strict=False)
            ]
            return cls(rows, weights, None)
        directions, weights, back = (_polarized if isinstance(matrix, Tracer) else _spectral)(
            matrix, whole
        )
        count = shape_of(directions)[0]
        rows = []
        for x, start, size in zip(inputs, firsts, sizes, strict=False):
            data = getitem_p(directions, index=Index((slice(None), slice(start, start + size))))
            data = cast(reshape(data, (count, *shape_of(x))), dtype_of(x))
            rows.append(Rows(data, np.arange(count).reshape(-1, *[1] * len(shape_of(x)))))
        return cls(rows, weights, back)

    def by_input(self, y: Any, rows: Rows | None) -> list[Any]:
        """The derivatives of a value by each input, whose elements are in the last axis."""
        inputs = [shape_of(r.data)[1:] for r in self.rows]
        sizes = list(map(math.prod, inputs))
        shape = shape_of(y)
        if rows is None:
            return [np.zeros((*shape, size), dtype_of(y)) for size in sizes]
        count = sum(sizes) if self.back is None else len(self.rows[0].columns)
        data = placed(spread(rows, rows.varied), np.arange(count).reshape(-1, *[1] * len(shape)))
        data = data if self.back is None else self.back(data)
        data = transpose_p(cast(data, dtype_of(y)), perm=(*range(1, len(shape) + 1), 0))
        starts = np.cumsum([0, *sizes])
        part = lambda i, n: getitem_p(data, index=Index((..., slice(i, i + n))))
        return [part(int(i), n) for i, n in zip(starts, sizes, strict=False)]


def _weights_of(
    who: str, weights: Any, argument: Any, inputs: Sequence[Any], n: int
) -> tuple[Any, Any]:
    """One weight for each input, or a matrix."""
    if is_arraylike(weights):
        weights = weights if isinstance(weights, Tracer) else np.asarray(weights)
        shape = weights.shape
        _check_dtype(who, weights)
        single = shape_of(inputs[0]) if len(inputs) == 1 else None
        if shape and not _fits(shape, single):
            if shape not in ((n, n), single and single * 2):
                raise ShapeError(
                    f"{who}: weights must have the shape of the argument, or be a matrix of shape "
                    f"{(n, n)}: got {aval_of(weights)}; give one weight for each element"
                )
            return _diagonal(reshape(weights, (n, n)))
        given: Any = [weights] * len(inputs)
    else:
        leaves, treedef = tree.flatten(argument)
        given = flatten_like(who, "weights", treedef, weights)
        used = map(_is_input, leaves)
        given = [w for w, u in zip(given, used, strict=True) if u]
    flat = []
    for w, x in zip(given, inputs, strict=True):
        _check_dtype(who, w)
        if not _fits(shape_of(w), shape_of(x)):
            raise ShapeError(
                f"{who}: weights must broadcast to the shape of their argument, {aval_of(x)}: got "
                f"{aval_of(w)}; give one weight for each element"
            )
        w = w if isinstance(w, Tracer) else np.asarray(w)
        flat.append(reshape(broadcast_to(w, shape_of(x)), (math.prod(shape_of(x)),)))
    return (concatenate_p(*flat, axis=0) if flat else None), None


def _is_input(x: Any) -> bool:
    return carries_derivative(x) and math.prod(shape_of(x)) > 0


def _fits(shape: tuple[int, ...], wanted: tuple[int, ...] | None) -> bool:
    if wanted is None:
        return not shape
    lead = len(wanted) - len(shape)
    return lead >= 0 and all(n in (1, m) for n, m in zip(shape, wanted[lead:], strict=True))


def _check_dtype(who: str, w: Any) -> None:
    if not is_arraylike(w) or aval_of(w).dtype.kind not in "fiu":
        got = aval_of(w) if is_arraylike(w) else type(w).__name__
        raise DtypeError(f"{who}: weights must be real: got {got}; take their real part")


def _diagonal(matrix: Any) -> tuple[Any, Any]:
    """The weights of a diagonal matrix, or the matrix."""
    if isinstance(matrix, Tracer) or np.any(matrix - np.diag(np.diag(matrix))):
        return None, matrix
    return np.diag(matrix).copy(), None


def _spectral(matrix: np.ndarray, whole: bool) -> tuple[Any, Any, Any]:
    """The eigenvectors of a matrix, as rows, and its eigenvalues."""
    matrix = matrix.astype(float)
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    if not whole:
        kept = np.abs(values) > 1e-15 * np.abs(values).max()
        values, vectors = values[kept], vectors[:, kept]
    back = lambda data: np.tensordot(cast(vectors, real_dtype(dtype_of(data))), data, 1)
    return vectors.T.copy(), values, back


def _polarized(matrix: Any, whole: bool) -> tuple[Any, Any, Any]:
    """Pairs of directions, and their weights."""
    n = shape_of(matrix)[0]
    matrix = (matrix + matrix.T) / 2
    scale = np.sqrt(np.maximum(np.abs(stop_gradient(matrix)).max(), 1e-100))
    units, images = scale * np.eye(n), matrix / scale
    directions = concatenate_p(units + images, units - images, axis=0)
    weights = np.repeat([0.25, -0.25], n)
    back = lambda data: (data[:n] + data[n:]) / (2 * scale)
    return directions, weights, back
