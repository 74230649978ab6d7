"""The QR factorisation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, shape_of
from ...core.errors import MissingRuleError
from .. import elementwise as ew
from ..structure import cast
from .inverse import Inverse
from .matrices import MatrixPrimitive, adjoint, lower, result_dtype
from .regular import inverse_or_nan, nan_if_singular


class Qr(MatrixPrimitive):
    """A = Q R with orthonormal columns Q, square if ``complete``, and upper triangular R.

    With W = Q* dA R^-1: Q* dQ = tril(W, -1) - tril(W, -1)*, and the part of dQ orthogonal to Q is
    that of dA R^-1. For wide A, R^-1 is of its left square block. The derivative is nan where R is
    singular.
    Source: Walter & Lehmann 2012, Algorithmic differentiation of linear algebra functions.
    """

    @override
    def run(self, a: Any, *, complete: bool) -> tuple[Any, ...]:
        q, r = np.linalg.qr(a, "complete" if complete else "reduced")
        return q, r

    def in_c(self, w: Any, a: Any, *, complete: bool) -> Any:
        return w.qr(a, w.out.dtype, complete)

    @override
    def infer(self, a: Aval, *, complete: bool) -> tuple[Aval, ...]:
        *stack, m, n = a.shape
        k, dtype = m if complete else min(m, n), result_dtype(a)
        return Aval((*stack, m, k), dtype), Aval((*stack, k, n), dtype)

    @override
    def count(self, **params: Any) -> int:
        return 2

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, complete: bool) -> Sequence[Any]:
        (t,), (q, r) = tangents, outs
        m, n = shape_of(t)[-2:]
        if complete and m > n:
            raise MissingRuleError(
                f"qr: mode 'complete' has no derivative where there are more rows than columns, "
                f"{m} and {n}: the columns of q beyond {n} are not determined; use 'reduced'"
            )
        square = t[..., :m] if n > m else t
        scaled = square @ inverse_of_factor_p(r[..., :m] if n > m else r)
        inside = adjoint(q) @ scaled
        rotation = lower(inside, -1)
        rotation = rotation - adjoint(rotation)
        if ew.is_complex(inside):  # the diagonal of R stays real
            on = np.eye(shape_of(inside)[-1], dtype=bool)
            rotation = rotation + ew.where(on, inside - cast(ew.real(inside), inside.dtype), 0)
        return q @ (rotation - inside) + scaled, adjoint(q) @ t - rotation @ r


qr_p = Qr("qr")
inverse_of_factor_p = Inverse("inverse_of_qr_factor", inverse_or_nan("qr"), nan_if_singular)
