"""The singular value decomposition."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, shape_of
from ..index import concatenate_p
from ..structure import match
from .eigh import inverse_gaps, rounding
from .matrices import (
    OfMatrices,
    adjoint,
    conj,
    diagonal,
    real,
    real_dtype,
    reciprocal,
    result_dtype,
    total,
)


class Svd(OfMatrices):
    """A = U S V*, with square U and V if ``full``; outputs U, the diagonal of S, V*.

    With P = U* dA V: ds = diag(P), U* dU = E + O and V* dV = E - O, where
    E_ij = (P + P*)_ij / 2(s_j - s_i) and O_ij = (P - P*)_ij / 2(s_j + s_i). A quotient is taken
    as 0 where rounding does not tell its divisor from 0: the vectors of equal singular values are
    not determined, and turn within their space by no amount, as do those that ``full`` adds.
    Source: Giles 2008, section 3.2, written for differences and sums apart.
    """

    @override
    def run(self, a: Any, *, full: bool) -> tuple[Any, ...]:
        u, s, vh = np.linalg.svd(a, full_matrices=full)
        return u, s, vh

    @override
    def infer(self, a: Aval, *, full: bool) -> tuple[Aval, ...]:
        *stack, m, n = a.shape
        k, dtype = min(m, n), result_dtype(a)
        u, vh = (*stack, m, m if full else k), (*stack, n if full else k, n)
        return Aval(u, dtype), Aval((*stack, k), real_dtype(dtype)), Aval(vh, dtype)

    @override
    def count(self, **params: Any) -> int:
        return 3

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, full: bool) -> Sequence[Any]:
        (t,), (u, s, vh) = tangents, outs
        k = shape_of(s)[-1]
        u1, v1 = u[..., :k], adjoint(vh[..., :k, :])
        tv = t @ v1
        p = adjoint(u1) @ tv
        p_h = adjoint(p)
        sums = s[..., None, :] + s[..., :, None]
        even = (p + p_h) * (0.5 * inverse_gaps(s))
        odd = (p - p_h) * (0.5 * reciprocal(sums, sums <= rounding(s)[..., None]))
        inverse = reciprocal(s, s <= rounding(s))[..., None, :]
        du = u1 @ (even + odd) + _outside(u1, tv, p) * inverse
        dv = v1 @ (even - odd) + _outside(v1, adjoint(t) @ u1, p_h) * inverse
        dvh = adjoint(_filled(v1, adjoint(vh), dv, k))
        return _filled(u1, u, du, k), real(diagonal(p)), dvh


def _outside(u: Any, x: Any, inside: Any) -> Any:
    """Return what of the columns of ``x`` lies outside the space of ``u``; U* X is ``inside``."""
    m, k = shape_of(u)[-2:]
    return x - u @ inside if m > k else 0 * x


def _filled(first: Any, all_: Any, moved: Any, k: int) -> Any:
    """Return the tangent of all columns, given that of the first k, to which the rest is normal."""
    if shape_of(all_)[-1] == k:
        return moved
    rest = -(first @ (adjoint(moved) @ all_[..., k:]))
    return concatenate_p(moved, rest, axis=len(shape_of(moved)) - 1)


class Svdvals(OfMatrices):
    """The singular values alone, descending."""

    @override
    def run(self, a: Any) -> tuple[Any, ...]:
        return (np.linalg.svd(a, compute_uv=False),)

    @override
    def infer(self, a: Aval) -> tuple[Aval, ...]:
        shape = (*a.shape[:-2], min(a.shape[-2:]))
        return (Aval(shape, real_dtype(result_dtype(a))),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        u, _, vh = svd_p.bind(primals[0], full=False)
        product = conj(u) * (tangents[0] @ adjoint(vh))
        return (real(total(product, -2)),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        u, _, vh = svd_p.bind(ins[0], full=False)
        ct = conj(u) * cts[0][..., None, :] @ conj(vh)
        return (match(ct, ins[0]),)


svd_p = Svd("svd")
svdvals_p = Svdvals("svdvals")
