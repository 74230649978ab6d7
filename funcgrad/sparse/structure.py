"""Patterns: which elements of a sparse matrix are stored."""

from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np
from typing_extensions import override

from ..core.cache import lazy
from ..core.errors import MutationError, ShapeError
from .picture import picture


class Pattern:
    """Places of the stored elements of a matrix, row by row. It is immutable and hashable.

    Args:
        shape: the numbers of rows and columns.
        indptr: int[rows + 1]; row ``i`` has the elements from ``indptr[i]`` to ``indptr[i + 1]``.
        indices: int[nnz], the column of each element; sorted, and different, in each row.

    >>> Pattern.from_dense([[1, 0, 0], [1, 1, 0]])
    Pattern of 2 by 3 with 3 elements (50 %)
    ●··
    ●●·
    """

    shape: tuple[int, int]
    indptr: np.ndarray
    indices: np.ndarray
    # of a pattern found from a program: operations that may depend on less, each with its line
    dense_by: tuple[str, ...] = ()

    def __init__(self, shape: tuple[int, int], indptr: Any, indices: Any) -> None:
        rows, columns = shape = int(shape[0]), int(shape[1])
        indptr, indices = _frozen(indptr), _frozen(indices)
        _check(shape, indptr, indices)
        own = vars(self)
        own["shape"], own["indptr"], own["indices"] = (rows, columns), indptr, indices

    @classmethod
    def from_coo(cls, shape: tuple[int, int], rows: Any, columns: Any) -> "Pattern":
        """The pattern of elements in any order; one that is given twice is stored once."""
        rows, columns = np.asarray(rows, np.intp).ravel(), np.asarray(columns, np.intp).ravel()
        _check_range("row", rows, shape[0])
        _check_range("column", columns, shape[1])
        keys = rows * int(shape[1]) + columns
        if not np.all(keys[1:] > keys[:-1]):
            keys = np.sort(keys)  # much faster than numpy.unique
            keys = keys[np.diff(keys, prepend=-1) > 0]
            rows = keys // shape[1]
            columns = keys - rows * int(shape[1])
        return cls(shape, _starts(rows, shape[0]), columns)

    @classmethod
    def from_csr(cls, shape: tuple[int, int], indptr: Any, indices: Any) -> "Pattern":
        """The pattern of rows whose columns may be in any order, also more than once."""
        indptr, indices = np.asarray(indptr, np.intp), np.asarray(indices, np.intp)
        _check_starts(shape, indptr, indices)
        rows = np.repeat(np.arange(shape[0]), np.diff(indptr))
        return cls.from_coo(shape, rows, indices)

    @classmethod
    def from_dense(cls, matrix: Any) -> "Pattern":
        """The pattern of the elements that are not 0."""
        matrix = np.asarray(matrix)
        if matrix.ndim != 2:
            raise ShapeError(
                f"Pattern.from_dense: a matrix has two axes: got {matrix.ndim}; reshape it"
            )
        return cls.from_coo(matrix.shape, *np.nonzero(matrix))

    @classmethod
    def of(cls, matrix: Any) -> "Pattern":
        """The pattern of a sparse matrix, of SciPy's too, or of an array; a pattern is its own."""
        if isinstance(matrix, cls):
            return matrix
        if isinstance(own := getattr(matrix, "pattern", None), cls):
            return own
        if hasattr(matrix, "tocsr"):  # SciPy's; its stored elements count, whether 0 or not
            matrix = matrix.tocsr()
            return cls.from_csr(matrix.shape, matrix.indptr, matrix.indices)
        return cls.from_dense(matrix)

    @property
    def nnz(self) -> int:
        """The number of stored elements."""
        return len(self.indices)

    @lazy
    def rows(self) -> np.ndarray:
        """int[nnz], the row of each element."""
        return _frozen(np.repeat(np.arange(self.shape[0]), np.diff(self.indptr)))

    @lazy
    def flat(self) -> np.ndarray:
        """int[nnz], the places in the matrix as a flat array."""
        return _frozen(self.rows * self.shape[1] + self.indices)

    @lazy
    def segments(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Where the rows with elements start, and which these are, None for all."""
        lengths = np.diff(self.indptr)
        rows = np.flatnonzero(lengths)
        return self.indptr[rows], None if len(rows) == len(lengths) else rows

    @lazy
    def order(self) -> np.ndarray:
        """int[nnz], the elements column by column: elements of the transpose, by their numbers."""
        return _frozen(np.argsort(self.indices, kind="stable"))

    @lazy
    def T(self) -> "Pattern":  # noqa: N802
        """The pattern of the transpose."""
        rows, columns = self.shape
        starts = _starts(self.indices, columns)
        return Pattern((columns, rows), starts, self.rows[self.order])

    def todense(self) -> np.ndarray:
        """bool[rows, columns], True where an element is stored."""
        dense = np.zeros(self.shape, bool)
        dense[self.rows, self.indices] = True
        return dense

    @lazy
    def _hash(self) -> int:
        return hash((self.shape, self.indptr.tobytes(), self.indices.tobytes()))

    @override
    def __hash__(self) -> int:
        return self._hash

    @override
    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Pattern):
            return NotImplemented
        if self.shape != other.shape or self.nnz != other.nnz or hash(self) != hash(other):
            return False
        same = np.array_equal
        return same(self.indptr, other.indptr) and same(self.indices, other.indices)

    def __iter__(self) -> Iterator[Any]:
        raise TypeError("a Pattern is not iterable; use its rows and indices")

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise MutationError(f"Pattern: it is immutable: got {name} = ...; make a new one")

    @override
    def __reduce__(self) -> Any:
        return Pattern, (self.shape, self.indptr, self.indices)

    @override
    def __str__(self) -> str:
        rows, columns = self.shape
        share = f" ({100 * self.nnz / (rows * columns):.3g} %)" if rows * columns else ""
        return f"Pattern of {rows} by {columns} with {self.nnz} elements{share}"

    @override
    def __repr__(self) -> str:
        return "\n".join([str(self), *self.picture()])

    def picture(self) -> list[str]:
        """Lines that show where the elements are."""
        return picture(self.shape, self.rows, self.indices)


def _frozen(x: Any) -> np.ndarray:
    """Indices as a read-only array that shares no memory with an array that may be written."""
    array = np.asarray(x, np.intp)
    if array.flags.writeable or array.base is not None:
        array = array.copy()
        array.flags.writeable = False
    return array


def _starts(rows: np.ndarray, count: int) -> np.ndarray:
    """Where each row starts, of elements in the order of their rows or in any other."""
    starts = np.zeros(count + 1, np.intp)
    np.cumsum(np.bincount(rows, minlength=count), out=starts[1:])
    return starts


def _check_range(name: str, numbers: np.ndarray, count: int) -> None:
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < count:
        raise ShapeError(
            f"Pattern: a {name} lies outside the matrix: got {numbers.min()} to {numbers.max()} "
            f"for {count}; enlarge the shape"
        )


def _check_starts(shape: tuple[int, int], indptr: np.ndarray, indices: np.ndarray) -> None:
    good = indptr.shape == (shape[0] + 1,) and indices.ndim == 1 and not indptr[0]
    if not good or indptr[-1] != len(indices) or np.any(indptr[1:] < indptr[:-1]):
        raise ShapeError(
            f"Pattern: indptr must grow from 0 to the number of elements, {indices.size}, in "
            f"{shape[0]} steps: got shape {indptr.shape}; use Pattern.from_coo"
        )


def _check(shape: tuple[int, int], indptr: np.ndarray, indices: np.ndarray) -> None:
    _check_starts(shape, indptr, indices)
    _check_range("column", indices, shape[1])
    starts = np.zeros(len(indices) + 1, bool)
    starts[indptr] = True
    if not np.all((indices[1:] > indices[:-1]) | starts[1:-1]):
        raise ShapeError(
            "Pattern: the columns of a row must be sorted and different: got others; use "
            "Pattern.from_csr"
        )
