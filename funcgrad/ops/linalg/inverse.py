"""Inverses, and solutions of linear systems, exact and by least squares."""

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, broadcast_shapes, dtype_of, shape_of
from ...core.companions import Masking, Series
from ...core.registry import primitives
from ...core.series import solved
from .. import compare, elementwise as ew
from ..dependences import Solving
from ..families import broadcast_like, unbroadcast
from ..paths import Masked, any_along, any_mask
from ..reduce import all_p, any_p
from ..structure import (
    Batched,
    axis_to_front,
    broadcast_to,
    cast,
    expand_dims,
    reshape,
    transpose_p,
)
from .lapack import TURNS, solution
from .matrices import (
    MatrixPrimitive,
    adjoint,
    diagonal,
    largest,
    permute_rows,
    result_dtype,
    stacked_shape,
)


class Inverse(MatrixPrimitive):
    """The inverse; d(A^-1) = -A^-1 dA A^-1."""

    def __init__(
        self, name: str, function: Callable[..., Any], checked: Callable[..., Any] | None = None
    ) -> None:
        super().__init__(name)
        self.function = function
        self.checked = checked  # (a, inverse) -> inverse, with another value for singular a
        if checked is None:
            self.in_c = lambda w, a: w.inv(a, w.out.dtype)

    @override
    def run(self, a: Any) -> tuple[Any, ...]:
        return (self.function(a),)

    def decompose(self, a: Any) -> Any:
        a = cast(a, result_dtype(a))
        eye = np.eye(shape_of(a)[-1], dtype=dtype_of(a))
        if self.checked is None:
            return solve_p.bind(a, eye)
        return (self.checked(a, *solve_p.decompose(a, eye)),)  # nan for singular matrices

    @override
    def infer(self, a: Aval) -> tuple[Aval, ...]:
        return (Aval(a.shape, result_dtype(a)),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        (y,) = outs
        return (-(y @ tangents[0] @ y),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        y_t = outs[0].mT
        return (unbroadcast(-(y_t @ cts[0] @ y_t), ins[0]),)


def _inverse_if_any(a: Any) -> Any:
    """The inverse, or the pseudo-inverse of a singular matrix."""
    try:
        return np.linalg.inv(a)
    except np.linalg.LinAlgError:
        if a.ndim == 2:
            return np.linalg.pinv(a)
        return np.stack([_inverse_if_any(one) for one in a])


def _pinv_unless_finite(a: Any, y: Any) -> Any:
    rank = len(shape_of(y))
    finite = all_p(compare.isfinite(y), axes=(rank - 2, rank - 1))
    return ew.where(expand_dims(finite, (rank - 2, rank - 1)), y, pinv_p(a, 1e-15, hermitian=False))


class Solver(Solving, MatrixPrimitive, Masking, Series):
    """The solution X of A X = B, linear in B."""

    def solve_transpose(self, a: Any, b: Any, **params: Any) -> Any:
        """The solution of A.T X = B."""
        return self(a.mT, b, **params)

    def part(self, a: Any, **params: Any) -> Any:
        """The part of A that is read."""
        return a

    def product(self, a: Any, x: Any, **params: Any) -> Any:
        """A X."""
        return self.part(a, **params) @ x

    def outer(self, ct: Any, x: Any, **params: Any) -> Any:
        """The cotangent of A in A X, from that of the product."""
        return self.part(ct @ x.mT, **params)

    @override
    def infer(self, a: Aval, b: Aval, **params: Any) -> tuple[Aval, ...]:
        return (Aval(stacked_shape(a, b, *b.shape[-2:]), result_dtype(a, b)),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, **params: Any) -> Sequence[Any]:
        (a, _), (a_t, b_t), (x,) = primals, tangents, outs
        right = b_t
        if a_t is not None:
            product = self.product(a_t, x, **params)
            right = -product if b_t is None else b_t - product
        return (broadcast_like(self(a, right, **params), x),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, **params: Any) -> Sequence[Any]:
        a, b = ins
        ct = self.solve_transpose(a, cts[0], **params)
        b_ct = None if needs[1] is None else unbroadcast(ct, b)
        if needs[0] is None:
            return (None, b_ct)
        return (unbroadcast(self.outer(-ct, outs[0], **params), a), b_ct)

    def recurrence(self, k: int, xs: Any, ys: Any, **params: Any) -> Sequence[Any]:
        """A X = B."""
        multiply = lambda a, x: self.product(a, x, **params)
        return (solved(multiply, lambda b: self(xs[0][0], b, **params), xs[0], xs[1], ys, k),)

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return operands == {1}

    def on_paths(self, args: Any, live: Any, **params: Any) -> Masked:
        outs = self.bind(*args, **params)
        if live[0] is not None:
            return outs, (None,)  # no mask: all elements lie on a path
        column = any_along(live[1], [len(shape_of(live[1])) - 2])
        return outs, (any_mask([column], shape_of(outs[0])),)

    @override
    def batch(self, args: Any, axes: Any, size: int, /, **params: Any) -> Batched:
        (a, b), (place, _) = args, axes
        if place is not None or len(shape_of(a)) > 2 or len(shape_of(b)) != 3:
            return super().batch(args, axes, size, **params)
        # one matrix for all examples: factor it once, for all right-hand sides
        b = transpose_p(axis_to_front(b, axes[1]), perm=(1, 2, 0))
        flat = reshape(b, (shape_of(b)[0], math.prod(shape_of(b)[1:])))
        x = reshape(self(a, flat, **params), shape_of(b))
        return (transpose_p(x, perm=(2, 0, 1)),), (0,)


class Solve(Solver):
    """The solution by LU factorisation."""

    into_from = TURNS

    @override
    def run(self, a: Any, b: Any) -> tuple[Any, ...]:
        return (np.linalg.solve(a, b),)

    def into(self, outs: Any, scratch: Any, a: Any, b: Any) -> None:
        outs[0][...] = solution(a, b)

    def in_c(self, w: Any, a: Any, b: Any) -> Any:
        return w.solve(a, b, w.out.dtype)

    def decompose(self, a: Any, b: Any) -> Any:
        dtype = result_dtype(a, b)
        stack = broadcast_shapes(shape_of(a)[:-2], shape_of(b)[:-2])
        a, b = (broadcast_to(cast(x, dtype), (*stack, *shape_of(x)[-2:])) for x in (a, b))
        triangular = primitives["solve_triangular"]
        lu, _, rows = primitives["lu"].bind(a)
        zero = compare.eq(diagonal(lu), 0)  # A is singular: x is nan
        lu = lu + ew.where(np.eye(shape_of(a)[-1], dtype=bool), cast(zero, dtype)[..., None, :], 0)
        y = triangular(lu, permute_rows(b, rows), lower=True, unit=True)
        x = triangular(lu, y, lower=False, unit=False)
        singular = any_p(zero, axes=(len(stack),))[..., None, None]
        return (ew.where(singular, np.nan, x),)


class PseudoInverse(MatrixPrimitive):
    """The Moore-Penrose inverse, in which singular values up to ``rtol`` times the largest are 0.

    Source: Golub & Pereyra 1973, equation 4.12, which holds where the rank is constant.
    """

    core_ndims: ClassVar[dict[int, int]] = {1: 0}

    @override
    def run(self, a: Any, rtol: Any, *, hermitian: bool) -> tuple[Any, ...]:
        return (np.linalg.pinv(a, rcond=rtol, hermitian=hermitian),)

    def decompose(self, a: Any, rtol: Any, *, hermitian: bool) -> Any:
        a = cast(a, result_dtype(a))
        if hermitian:
            s, v = primitives["eigh"].bind(a, uplo="L")
            uh = adjoint(v)
        else:
            u, s, vh = primitives["svd"].bind(a, full=False)
            uh, v = adjoint(u), adjoint(vh)
        cutoff = ew.mul(largest(s, (-1,)), expand_dims(rtol, (len(shape_of(rtol)),)))
        keep = compare.gt(ew.abs(s), cutoff)
        inverse = ew.where(keep, ew.div(1, ew.where(keep, s, 1)), 0)
        inverse = cast(inverse, dtype_of(s))
        return ((v * inverse[..., None, :]) @ uh,)

    @override
    def infer(self, a: Aval, rtol: Aval, *, hermitian: bool) -> tuple[Aval, ...]:
        *_, m, n = a.shape
        stack = broadcast_shapes(a.shape[:-2], rtol.shape)
        return (Aval((*stack, n, m), result_dtype(a)),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, hermitian: bool) -> Sequence[Any]:
        a, t, p = primals[0], tangents[0], outs[0]
        if t is None:
            return (None,)
        p_h, t_h = adjoint(p), adjoint(t)
        left = p @ p_h @ t_h  # P P* dA* (I - A P)
        right = t_h @ p_h @ p  # (I - P A) dA* P* P
        return (broadcast_like(left - left @ a @ p + right - p @ (a @ right) - p @ t @ p, p),)


class LeastSquares(MatrixPrimitive):
    """The least-squares solution of least norm: the pseudo-inverse times B."""

    @override
    def run(self, a: Any, b: Any, *, rcond: float | None) -> tuple[Any, ...]:
        if a.ndim == b.ndim == 2:
            return (np.linalg.lstsq(a, b, rcond)[0],)
        stack = broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a = np.broadcast_to(a, (*stack, *a.shape[-2:]))
        b = np.broadcast_to(b, (*stack, *b.shape[-2:]))
        kind = np.linalg.lstsq(np.ones((1, 1), a.dtype), np.ones((1, 1), b.dtype), None)[0].dtype
        out = np.empty((*stack, a.shape[-1], b.shape[-1]), kind)
        for i in np.ndindex(stack):
            out[i] = np.linalg.lstsq(a[i], b[i], rcond)[0]
        return (out,)

    def decompose(self, a: Any, b: Any, *, rcond: float | None) -> Any:
        dtype = result_dtype(a, b)
        # LAPACK computes in double precision
        a, b = (cast(x, np.result_type(dtype, float)) for x in (a, b))
        p = pinv_p(a, rcond_of(rcond, *shape_of(a)[-2:]), hermitian=False)
        return (cast(p @ b, dtype),)

    @override
    def infer(self, a: Aval, b: Aval, *, rcond: float | None) -> tuple[Aval, ...]:
        return (Aval(stacked_shape(a, b, a.shape[-1], b.shape[-1]), result_dtype(a, b)),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, rcond: float | None) -> Sequence[Any]:
        (a, b), (a_t, b_t), (x,) = primals, tangents, outs
        a = cast(a, np.result_type(dtype_of(a), float))  # NumPy finds the rank in this dtype
        p = pinv_p(a, rcond_of(rcond, *shape_of(a)[-2:]), hermitian=False)
        terms = [] if b_t is None else [p @ b_t]
        if a_t is not None:
            a_th, p_h = adjoint(a_t), adjoint(p)
            across = a_th @ (p_h @ x)
            terms += [p @ (p_h @ (a_th @ (b - a @ x))), across, -(p @ (a @ across + a_t @ x))]
        return (broadcast_like(sum(terms[1:], start=terms[0]), x),)


def rcond_of(rcond: float | None, m: int, n: int) -> float:
    """LAPACK's rcond: smaller singular values, relative to the largest, count as 0."""
    eps = float(np.finfo(float).eps)
    if rcond is None:
        return eps * max(m, n)
    return rcond if 0 < rcond < 1 else eps / 2


inv_p = Inverse("inv", np.linalg.inv)
# for a derivative that divides by a matrix that may be singular: finite by convention
inverse_if_any_p = Inverse("inverse_if_any", _inverse_if_any, _pinv_unless_finite)
solve_p = Solve("solve")
pinv_p = PseudoInverse("pinv")
lstsq_p = LeastSquares("lstsq")
