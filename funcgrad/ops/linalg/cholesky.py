"""The Cholesky factor of a positive definite matrix."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, dtype_of, real_dtype, shape_of
from ..families import unbroadcast
from .lapack import TURNS, cholesky_factor
from .matrices import MatrixPrimitive, adjoint, hermitian, lower, result_dtype, triangle_ct
from .triangular import solve_triangular_p


class Cholesky(MatrixPrimitive):
    """The Cholesky factor L of A = L L*, or L* if ``upper``; only one triangle of A is read.

    dL = L tril(L^-1 dA L^-*), with the diagonal of tril halved.
    Source: Murray 2016, Differentiation of the Cholesky decomposition, equation 8.
    """

    into_from = TURNS

    @override
    def run(self, a: Any, *, upper: bool) -> tuple[Any, ...]:
        return (np.linalg.cholesky(a, upper=upper),)

    def into(self, outs: Any, scratch: Any, a: Any, *, upper: bool) -> None:
        outs[0][...] = cholesky_factor(a, upper)

    def in_c(self, w: Any, a: Any, *, upper: bool) -> Any:
        return w.cholesky(a, w.out.dtype, upper)

    @override
    def infer(self, a: Aval, *, upper: bool) -> tuple[Aval, ...]:
        return (Aval(a.shape, result_dtype(a)),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, upper: bool) -> Sequence[Any]:
        factor = adjoint(outs[0]) if upper else outs[0]
        t = hermitian(tangents[0], "U" if upper else "L")
        half = solve_triangular_p(factor, t, lower=True, unit=False)
        both = solve_triangular_p(factor, adjoint(half), lower=True, unit=False)
        dfactor = factor @ _half(both)
        return (adjoint(dfactor) if upper else dfactor,)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, upper: bool) -> Sequence[Any]:
        (ct,), (factor,) = cts, outs
        if upper:
            ct, factor = adjoint(ct), adjoint(factor)
        inside = _half(factor.mT @ ct)
        half = solve_triangular_p(factor.mT, inside, lower=False, unit=False)
        whole = solve_triangular_p(adjoint(factor), half.mT, lower=False, unit=False).mT
        return (unbroadcast(triangle_ct(whole, "U" if upper else "L"), ins[0]),)


def _half(x: Any) -> Any:
    """The lower triangles with halved diagonals."""
    weight = 1 - 0.5 * np.eye(shape_of(x)[-1])
    return lower(x) * weight.astype(real_dtype(dtype_of(x)))


cholesky_p = Cholesky("cholesky")
