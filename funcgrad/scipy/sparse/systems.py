"""A linear system for an iterative solver: its map, its options, and parts that solvers share."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...control.loops import while_loop
from ...control.solve import custom_linear_solve
from ...core.avals import aval_of, dtype_of, is_arraylike, is_inexact, shape_of
from ...core.errors import ShapeError, shown
from ...ops import elementwise as ew
from ...ops.operand import operand, strong
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ...sparse.matrix import CSR, csr
from ...transforms.linear import linear_transpose
from .operators import LinearOperator, Map


class SparseSystem:
    """A linear system, with the options of its solver."""

    def __init__(
        self, who: str, a: Any, b: Any, x0: Any, rtol: float, atol: float, most: int | None,
        m: Any, callback: Any,
    ) -> None:  # fmt: skip
        if callback is not None:
            raise ValueError(f"{who}: callback must be None: got {shown(callback)}")
        b = strong(operand(b))
        b = b if is_inexact(dtype_of(b)) else cast(b, np.float64)
        self.apply = linear(who, a, b)
        dtype = np.result_type(dtype_of(b), dtype_of(shaped(self.apply, b)))
        self.b = cast(b, dtype)
        self.start = cast(b * 0 if x0 is None else stop_gradient(operand(x0)), dtype)
        if shape_of(self.start) != shape_of(b):
            raise ShapeError(
                f"{who}: x0 must have the shape of b: got {aval_of(self.start)} and {aval_of(b)}"
            )
        self.rtol, self.atol = rtol, atol
        self.most = 10 * max(aval_of(b).size, 1) if most is None else int(most)
        self.near = (lambda v: v) if m is None else linear(who, m, b)
        self.given = m is not None

    def bound(self, b: Any) -> Any:
        return np.maximum(self.rtol * length(b), self.atol)

    def solved(self, method: Callable[..., Any], symmetric: bool = False) -> tuple[Any, Any]:
        near = self.near

        def solve(matvec: Map, b: Any) -> Any:
            return method(matvec, b, self.start, near, self.bound(b), self.most)

        def back(matvec: Map, b: Any) -> Any:
            mirrored = near
            if self.given:
                transpose = linear_transpose(near, self.start)
                mirrored = lambda v: transpose(v)[0]
            return method(matvec, b, b * 0, mirrored, self.bound(b), self.most)

        if symmetric:
            x = custom_linear_solve(self.apply, self.b, solve, back, symmetric=True)
        else:
            x = custom_linear_solve(self.apply, self.b, solve, back)
        gap = length(stop_gradient(self.b - self.apply(x)))
        left = gap > 2 * self.bound(stop_gradient(self.b)) + 1e-300
        return x, np.where(left, self.most, 0)


def shaped(apply: Map, b: Any) -> Any:
    """The result of a map, which must have the shape of its argument."""
    y = operand(apply(b))
    if shape_of(y) != shape_of(b):
        raise ShapeError(f"A must be square: it maps {aval_of(b)} to {aval_of(y)}")
    return y


def linear(who: str, a: Any, b: Any) -> Map:
    """A matrix, an operator or a function as a function."""
    if isinstance(a, LinearOperator):
        a.check(who, aval_of(b).size)
        return a.matvec if len(shape_of(b)) == 1 else a.matmat
    if hasattr(a, "matvec") and not isinstance(a, CSR):
        raise TypeError(
            f"{who}: SciPy's operators take plain arrays: got {type(a).__name__}; give a function, "
            f"or that of funcgrad.scipy.sparse.linalg"
        )
    if callable(a) and not is_arraylike(a):
        return a
    a = a if isinstance(a, CSR) else csr(a) if hasattr(a, "tocsr") else operand(a)
    n = aval_of(b).size
    shape = a.shape if isinstance(a, CSR) else shape_of(a)
    if shape != (n, n) or len(shape_of(b)) > 2:
        raise ShapeError(f"{who}: the matrix must be {n} by {n} for b {aval_of(b)}: got {shape}")
    return lambda v: a @ v


def dot(x: Any, y: Any) -> Any:
    """The inner product of arrays, conjugate in the first."""
    x = ew.conj(x) if ew.is_complex(x) else x
    return np.sum(x * y)


def length(x: Any) -> Any:
    """The 2-norm of all elements."""
    return np.sqrt(ew.real(dot(x, x)) if ew.is_complex(x) else dot(x, x))


def over(x: Any, y: Any) -> Any:
    """x / y, or 0 where y is 0: the method has ended there."""
    return np.where(y == 0, 0.0, x / np.where(y == 0, 1.0, y))


def conjugate(apply: Map, b: Any, x: Any, near: Map, bound: Any, most: int) -> Any:
    """The solution by conjugate gradients from x on, with an approximate inverse."""
    r = b - apply(x)
    z = near(r)

    def go_on(s: Any) -> Any:
        return np.logical_and(length(s[1]) > bound, s[4] < most)

    def improve(s: Any) -> Any:
        x, r, p, rho, count = s
        q = apply(p)
        step = over(rho, dot(p, q))
        x, r = x + step * p, r - step * q
        z = near(r)
        new = dot(r, z)
        return x, r, z + over(new, rho) * p, new, count + 1

    return while_loop(go_on, improve, (x, r, z, dot(r, z), 0))[0]
