"""Sparse matrices: elements, which are differentiated, and their places, which are static."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import aval_of, dtype_of, is_arraylike, shape_of
from ..core.errors import ConversionError, ShapeError
from ..core.lazy import answering
from ..core.nodes import GetAttrKey, register_node
from ..core.trace import Tracer
from ..ops.index import ARRAY, Index, scatter_add_p
from ..ops.operand import operand
from ..ops.structure import expand_dims, reshape, transpose_p
from .bilinear import product_p
from .structure import Pattern


class CSR:
    """A sparse matrix in compressed rows: a tree whose leaf is ``data``, with a static pattern.

    Args:
        data: [..., nnz], the elements row by row; leading axes make a stack of matrices.
        pattern: their places.

    ``A @ x``, ``x @ A``, ``A.T``, ``A + B``, ``A - B`` and ``A * s`` are differentiated by the
    elements and by the arrays, and run under every transform.

    >>> A = csr(np.array([[2.0, 0.0], [1.0, 3.0]]))
    >>> A @ np.array([1.0, 10.0])
    array([ 2., 31.])
    """

    __array_ufunc__ = None  # NumPy's arrays leave operators to this class
    __slots__ = ("data", "pattern")

    def __init__(self, data: Any, pattern: Pattern) -> None:
        self.data, self.pattern = data, pattern
        if is_arraylike(data) and shape_of(data)[-1:] != (pattern.nnz,):
            raise ShapeError(
                f"CSR: data must have an element for each place, on its last axis: got "
                f"{aval_of(data)} for {pattern.nnz} places"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        return (*shape_of(self.data)[:-1], *self.pattern.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype:
        return dtype_of(self.data)

    @property
    def nnz(self) -> int:
        return self.pattern.nnz

    @property
    def indptr(self) -> np.ndarray:
        return self.pattern.indptr

    @property
    def indices(self) -> np.ndarray:
        return self.pattern.indices

    @property
    def T(self) -> "CSR":  # noqa: N802
        """The transpose."""
        return CSR(_operand(self.data)[..., self.pattern.order], self.pattern.T)

    def todense(self) -> Any:
        """The matrix as an array, with zeros where no element is stored."""
        return _scattered(self.data, self.pattern.flat, self.pattern.shape)

    def diagonal(self) -> Any:
        """The elements (i, i), 0 where none is stored."""
        pattern = self.pattern
        places = np.flatnonzero(pattern.rows == pattern.indices)
        count = min(pattern.shape)
        found = _operand(self.data)[..., places]
        return found if len(places) == count else _scattered(found, pattern.rows[places], (count,))

    def to_scipy(self) -> Any:
        """The matrix as a scipy.sparse.csr_array; its arrays are copies.

        Raises:
            ConversionError: if the elements are traced.
        """
        data = np.array(self.data)
        if data.ndim != 1:
            raise ShapeError(
                f"to_scipy: a stack of matrices has no form in SciPy: got {self.shape}"
                "; convert each one"
            )
        try:
            from scipy.sparse import csr_array
        except ImportError:
            raise ImportError(
                "to_scipy: SciPy is not installed; pip install 'funcgrad[scipy]'"
            ) from None
        kind = np.int32 if max(*self.pattern.shape, self.nnz) < 2**31 else np.int64
        arrays = data, self.indices.astype(kind), self.indptr.astype(kind)
        return csr_array(arrays, shape=self.pattern.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.todense(), dtype)

    def _with(self, data: Any) -> "CSR":
        return CSR(data, self.pattern)

    def __matmul__(self, x: Any) -> Any:
        if (x := _vectors(x, self.pattern.shape[1], -2)) is NotImplemented:
            return x
        if len(shape_of(x)) == 1:
            return product_p(self.data, x, pattern=self.pattern, transposed=False)
        y = product_p(self._stacked(), _swapped(x), pattern=self.pattern, transposed=False)
        return _swapped(y)

    def __rmatmul__(self, x: Any) -> Any:
        if (x := _vectors(x, self.pattern.shape[0], -1)) is NotImplemented:
            return x
        data = self.data if len(shape_of(x)) == 1 else self._stacked()
        return product_p(data, x, pattern=self.pattern, transposed=True)

    def _stacked(self) -> Any:
        """The elements, with an axis for the vectors that each matrix of a stack multiplies."""
        rank = len(shape_of(self.data))
        return self.data if rank == 1 else expand_dims(self.data, (rank - 1,))

    def __neg__(self) -> "CSR":
        return self._with(-self.data)

    def __mul__(self, x: Any) -> Any:
        return self._scaled(operator.mul, x)

    __rmul__ = __mul__

    def __truediv__(self, x: Any) -> Any:
        return self._scaled(operator.truediv, x)

    def _scaled(self, function: Callable[[Any, Any], Any], x: Any) -> Any:
        """Each element with a scalar, with that of its row or column, or of an equal structure."""
        if isinstance(x, CSR):
            if x.pattern != self.pattern:
                raise ShapeError(
                    f"CSR: elements are multiplied where both structures are equal: got "
                    f"{self.pattern} and {x.pattern}; use todense()"
                )
            return self._with(function(self.data, x.data))
        if (x := _as_operand(x)) is NotImplemented or not shape_of(x):
            return x if x is NotImplemented else self._with(function(self.data, x))
        rows, columns = self.pattern.shape
        shape = shape_of(x)
        if shape == (rows, 1):
            return self._with(function(self.data, reshape(x, (rows,))[self.pattern.rows]))
        if shape in {(columns,), (1, columns)}:
            return self._with(function(self.data, reshape(x, (columns,))[self.pattern.indices]))
        raise ShapeError(
            f"CSR: the other factor must be a scalar, a row or a column of a {rows} by {columns} "
            f"matrix: got {aval_of(x)}; use todense()"
        )

    def __add__(self, x: Any) -> Any:
        return self._sum(operator.add, x)

    def __sub__(self, x: Any) -> Any:
        return self._sum(operator.sub, x)

    def _sum(self, function: Callable[[Any, Any], Any], x: Any) -> Any:
        if not isinstance(x, CSR):
            if not is_arraylike(x):
                return NotImplemented
            if type(x) is int and x == 0:  # where the built-in sum begins
                return self
            raise ConversionError(
                f"CSR: the sum with an array is not sparse: got {aval_of(x)}; use todense()"
            )
        if x.pattern == self.pattern:
            return self._with(function(self.data, x.data))
        if x.pattern.shape != self.pattern.shape:
            raise ShapeError(
                f"CSR: the shapes of a sum must be equal: got {self.pattern.shape} and "
                f"{x.pattern.shape}"
            )
        pair = self.pattern.flat, x.pattern.flat
        flat = np.sort(np.concatenate(pair))
        flat = flat[np.diff(flat, prepend=-1) > 0]
        columns = max(1, self.pattern.shape[1])
        union = Pattern.from_coo(self.pattern.shape, flat // columns, flat % columns)
        places = [np.searchsorted(flat, each) for each in pair]
        terms = zip((self.data, x.data), places, strict=True)
        return CSR(function(*[_scattered(d, at, (len(flat),)) for d, at in terms]), union)

    __radd__ = __add__

    def __bool__(self) -> bool:
        raise TypeError("the truth of a CSR matrix is ambiguous; use its data")

    @override
    def __repr__(self) -> str:
        used = vars(self.pattern).get("_used")
        passes = "" if used is None else f", {used.passes} colour{'' if used.passes == 1 else 's'}"
        stack = f"{shape_of(self.data)[:-1]} matrices " if self.ndim > 2 else ""
        head = str(self.pattern).replace("Pattern of ", f"CSR of {stack}")
        return "\n".join([f"{head}, {self.dtype}{passes}", *self.pattern.picture()])


@answering
def csr(matrix: Any, pattern: Any = None) -> CSR:
    """Make a sparse matrix of an array, or of a sparse matrix of SciPy's.

    Args:
        matrix: [rows, columns], whose elements that are not 0 are stored; or sparse, where all
            stored elements are.
        pattern: the places to store, needed for an array that is traced.

    Raises:
        ConversionError: if the array is traced and no pattern is given.

    >>> csr(np.eye(2)) @ np.ones(2)
    array([1., 1.])
    """
    if isinstance(matrix, CSR):
        return matrix
    if pattern is None and isinstance(matrix, Tracer):
        raise ConversionError(
            f"csr: which elements of a traced array are 0 is not known: got {matrix.aval}; give "
            f"a pattern"
        )
    if pattern is None and hasattr(matrix, "tocsr"):
        pattern = Pattern.of(matrix := matrix.tocsr())
        if np.array_equal(pattern.indices, matrix.indices):
            return CSR(np.array(matrix.data), pattern)
        coo = matrix.tocoo()  # in other order, or with duplicates, which are added
        at = np.searchsorted(pattern.flat, coo.row * np.intp(matrix.shape[1]) + coo.col)
        return CSR(_scattered(coo.data, at, (pattern.nnz,)), pattern)
    if hasattr(matrix, "toarray"):
        matrix = matrix.toarray()
    pattern = Pattern.of(matrix if pattern is None else pattern)
    matrix = _operand(matrix)
    if shape_of(matrix)[-2:] != pattern.shape:
        raise ShapeError(
            f"csr: the array must have shape {pattern.shape}: got {aval_of(matrix)}"
            "; give one of that shape"
        )
    return CSR(matrix[..., pattern.rows, pattern.indices], pattern)


def _operand(x: Any) -> Any:
    return x if isinstance(x, Tracer) else np.asarray(x)


def _as_operand(x: Any) -> Any:
    """An operand of an operator as an array or a scalar; NotImplemented for another class."""
    return operand(x) if is_arraylike(x) or isinstance(x, (list, tuple)) else NotImplemented


def _vectors(x: Any, length: int, axis: int) -> Any:
    """The vectors of a product, which must have this length along an axis."""
    if isinstance(x, CSR):
        raise ConversionError(
            f"matmul: the pattern of a product of two sparse matrices is not known: got one of "
            f"shape {x.shape}; multiply by x.todense()"
        )
    x = _as_operand(x)
    if x is NotImplemented:
        return x
    shape = shape_of(x)
    if not shape:
        raise ShapeError(f"matmul: both operands must have at least one axis: got {x}; use *")
    if shape[-1 if len(shape) == 1 else axis] != length:
        raise ShapeError(
            f"matmul: the array must have length {length} along the axis that is summed: got "
            f"{aval_of(x)}"
            "; transpose it"
        )
    return x


def _swapped(x: Any) -> Any:
    """``x`` with its last two axes exchanged."""
    rank = len(shape_of(x))
    return transpose_p(x, perm=(*range(rank - 2), rank - 1, rank - 2))


def _scattered(data: Any, places: np.ndarray, shape: Sequence[int]) -> Any:
    """The last axis of ``data`` put at flat places of zeros of a shape."""
    lead = shape_of(data)[:-1]
    index = Index((*[slice(None)] * len(lead), ARRAY))
    flat = scatter_add_p(data, places, shape=(*lead, int(np.prod(shape))), index=index)
    return reshape(flat, (*lead, *shape))


register_node(
    CSR,
    lambda a: ((a.data,), a.pattern),
    lambda pattern, children: _rebuilt(pattern, children[0]),
    lambda a: (((GetAttrKey("data"), a.data),), a.pattern),
)


def _rebuilt(pattern: Pattern, data: Any) -> CSR:
    """A node with any child, which need not be an array."""
    made = CSR.__new__(CSR)
    made.data, made.pattern = data, pattern
    return made
