"""Linear operators: matrices by their products, whose transposes are derived."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.avals import aval_of, dtype_of, shape_of
from ...core.errors import ShapeError
from ...core.lazy import answering
from ...ops.linalg.matrices import conj
from ...ops.operand import operand
from ...sparse.matrix import CSR, csr
from ...transforms.batching import vmap
from ...transforms.linear import linear_transpose

Map = Callable[[Any], Any]


@answering
class LinearOperator:
    """A matrix [m, n] by its product with vectors, which may close over traced values.

    Args:
        shape: (m, n).
        matvec: linear function of vectors [n].
        rmatvec: product with the conjugate transpose; by default it is derived from ``matvec``.
        matmat, rmatmat: the same for matrices [n, k]; by default by ``vmap``.
        dtype: of the elements, float64 by default.

    >>> A = LinearOperator((2, 3), lambda v: v[1:] - v[:-1])
    >>> print(A @ np.array([1.0, 4.0, 9.0]), A.T @ np.array([1.0, 0.0]))
    [3. 5.] [-1.  1.  0.]
    """

    __array_ufunc__ = None  # NumPy's arrays leave operators to this class

    def __init__(
        self, shape: tuple[int, int], matvec: Map, rmatvec: Map | None = None,
        matmat: Map | None = None, dtype: Any = None, rmatmat: Map | None = None,
    ) -> None:  # fmt: skip
        if len(shape) != 2:
            raise ShapeError(f"LinearOperator: shape must be (m, n): got {shape}")
        self.shape = int(shape[0]), int(shape[1])
        self.dtype = np.dtype(np.float64 if dtype is None else dtype)
        self._matvec, self._rmatvec, self._matmat = matvec, rmatvec, matmat
        self._rmatmat = rmatmat
        self.ndim = 2

    def __repr__(self) -> str:
        m, n = self.shape
        return f"<{m}x{n} LinearOperator with dtype={self.dtype}>"

    def check(self, who: str, n: int) -> None:
        """Raise unless the matrix is n by n."""
        if self.shape != (n, n):
            raise ShapeError(f"{who}: the matrix must be {n} by {n}: got {self.shape}")

    def _vector(self, x: Any, n: int) -> Any:
        x = operand(x)
        if shape_of(x) not in ((n,), (n, 1)):
            raise ShapeError(f"LinearOperator: a vector of {n} elements is needed: got "
                             f"{aval_of(x)}")  # fmt: skip
        return np.reshape(x, (n,))

    def matvec(self, x: Any) -> Any:
        """Product with a vector [n]."""
        return np.reshape(self._matvec(self._vector(x, self.shape[1])), (self.shape[0],))

    def rmatvec(self, x: Any) -> Any:
        """Product of the conjugate transpose with a vector [m]."""
        x = self._vector(x, self.shape[0])
        if self._rmatvec is not None:
            return np.reshape(self._rmatvec(x), (self.shape[1],))
        like = np.zeros(self.shape[1], np.result_type(self.dtype, dtype_of(x)))
        return conj(linear_transpose(self.matvec, like)(conj(x))[0])

    def matmat(self, x: Any) -> Any:
        """Product with a matrix [n, k]."""
        if self._matmat is not None:
            return self._matmat(operand(x))
        return vmap(self.matvec, in_axes=1, out_axes=1)(operand(x))

    def rmatmat(self, x: Any) -> Any:
        """Product of the conjugate transpose with a matrix [m, k]."""
        if self._rmatmat is not None:
            return self._rmatmat(operand(x))
        return vmap(self.rmatvec, in_axes=1, out_axes=1)(operand(x))

    def adjoint(self) -> "LinearOperator":
        """The conjugate transpose."""
        return LinearOperator(
            (self.shape[1], self.shape[0]),
            self.rmatvec,
            self.matvec,
            self._rmatmat,
            self.dtype,
            self._matmat,
        )

    def transpose(self) -> "LinearOperator":
        """The transpose."""
        through = lambda f: lambda x: conj(f(conj(x)))
        return LinearOperator(
            (self.shape[1], self.shape[0]),
            through(self.rmatvec),
            through(self.matvec),
            None,
            self.dtype,
        )

    @property
    def H(self) -> "LinearOperator":  # noqa: N802
        """The conjugate transpose."""
        return self.adjoint()

    @property
    def T(self) -> "LinearOperator":  # noqa: N802
        """The transpose."""
        return self.transpose()

    def dot(self, x: Any) -> Any:
        """Product with a vector, a matrix, a scalar or an operator."""
        if isinstance(x, LinearOperator):
            if self.shape[1] != x.shape[0]:
                raise ShapeError(f"LinearOperator: shapes do not fit: got {self.shape} and "
                                 f"{x.shape}")  # fmt: skip
            return LinearOperator(
                (self.shape[0], x.shape[1]), lambda v: self.matvec(x.matvec(v)),
                lambda v: x.rmatvec(self.rmatvec(v)), dtype=np.result_type(self.dtype, x.dtype),
            )  # fmt: skip
        x = operand(x)
        rank = len(shape_of(x))
        if rank == 0:
            return LinearOperator(
                self.shape, lambda v: x * self.matvec(v), lambda v: conj(x) * self.rmatvec(v),
                dtype=np.result_type(self.dtype, dtype_of(x)),
            )  # fmt: skip
        return self.matvec(x) if rank == 1 else self.matmat(x)

    __call__ = __mul__ = __matmul__ = dot

    def __rmul__(self, x: Any) -> Any:
        return self.dot(x) if not shape_of(operand(x)) else NotImplemented

    def __neg__(self) -> "LinearOperator":
        return self.dot(-1.0)  # type: ignore[no-any-return]

    def __add__(self, other: Any) -> "LinearOperator":
        other = aslinearoperator(other)
        if self.shape != other.shape:
            raise ShapeError(f"LinearOperator: shapes must be equal: got {self.shape} and "
                             f"{other.shape}")  # fmt: skip
        return LinearOperator(
            self.shape, lambda v: self.matvec(v) + other.matvec(v),
            lambda v: self.rmatvec(v) + other.rmatvec(v),
            dtype=np.result_type(self.dtype, other.dtype),
        )  # fmt: skip

    def __sub__(self, other: Any) -> "LinearOperator":
        return self + (-aslinearoperator(other))


@answering
def aslinearoperator(A: Any) -> LinearOperator:  # noqa: N803
    """A matrix as an operator: an array, a CSR, a sparse matrix of SciPy's, or an operator.

    >>> print(aslinearoperator(np.eye(2)).matvec(np.array([1.0, 2.0])))
    [1. 2.]
    """
    if isinstance(A, LinearOperator):
        return A
    a: Any = A if isinstance(A, CSR) else csr(A) if hasattr(A, "tocsr") else operand(A)
    if len(a.shape) != 2:
        raise ShapeError(f"aslinearoperator: expected a matrix: got {a.shape}")
    product = lambda v: a @ v
    back = lambda v: conj(a.T @ conj(v))
    return LinearOperator(a.shape, product, back, product, a.dtype, back)
