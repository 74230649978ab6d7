"""Eigenvalues and eigenvectors of Hermitian matrices."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, shape_of
from .. import elementwise as ew
from ..reduce import max_p
from ..structure import match
from .matrices import (
    OfMatrices,
    adjoint,
    conj,
    diagonal,
    eps,
    hermitian,
    of_triangle,
    real,
    real_dtype,
    reciprocal,
    result_dtype,
    total,
)


class Eigh(OfMatrices):
    """Eigenvalues, ascending, and eigenvectors of the matrix of which one triangle is read.

    dw_i = (V* dA V)_ii and V* dV = F * (V* dA V) with F_ij = 1/(w_j - w_i), which is taken as 0
    where rounding does not tell the two eigenvalues apart: their vectors are not determined, and
    turn within their space by no amount.
    Source: Giles 2008, section 3.1.
    """

    @override
    def run(self, a: Any, *, uplo: Any) -> tuple[Any, ...]:
        w, v = np.linalg.eigh(a, uplo)
        return w, v

    @override
    def infer(self, a: Aval, *, uplo: str) -> tuple[Aval, ...]:
        dtype = result_dtype(a)
        return Aval(a.shape[:-1], real_dtype(dtype)), Aval(a.shape, dtype)

    @override
    def count(self, **params: Any) -> int:
        return 2

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, uplo: str) -> Sequence[Any]:
        w, v = outs
        turned = adjoint(v) @ hermitian(tangents[0], uplo) @ v
        return real(diagonal(turned)), v @ (inverse_gaps(w) * turned)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, uplo: str) -> Sequence[Any]:
        (w_ct, v_ct), (w, v) = cts, outs
        inside: Any = 0
        if v_ct is not None:
            inside = inverse_gaps(w) * (v.mT @ v_ct)
        if w_ct is not None:
            inside = inside + ew.where(np.eye(shape_of(w)[-1], dtype=bool), w_ct[..., None, :], 0)
        return (match(of_triangle(conj(v) @ inside @ v.mT, uplo), ins[0]),)


class Eigvalsh(OfMatrices):
    """The eigenvalues alone."""

    @override
    def run(self, a: Any, *, uplo: Any) -> tuple[Any, ...]:
        return (np.linalg.eigvalsh(a, uplo),)

    @override
    def infer(self, a: Aval, *, uplo: str) -> tuple[Aval, ...]:
        return (Aval(a.shape[:-1], real_dtype(result_dtype(a))),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, uplo: str) -> Sequence[Any]:
        _, v = eigh_p.bind(primals[0], uplo=uplo)
        product = hermitian(tangents[0], uplo) @ v
        return (real(total(conj(v) * product, -2)),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, uplo: str) -> Sequence[Any]:
        _, v = eigh_p.bind(ins[0], uplo=uplo)
        whole = (conj(v) * cts[0][..., None, :]) @ v.mT
        return (match(of_triangle(whole, uplo), ins[0]),)


def inverse_gaps(w: Any) -> Any:
    """Return the matrices 1/(w_j - w_i), 0 where rounding does not tell the two apart."""
    gaps = w[..., None, :] - w[..., :, None]
    return reciprocal(gaps, ew.abs(gaps) <= rounding(w)[..., None])


def rounding(w: Any) -> Any:
    """Return how far rounding moves eigenvalues or singular values, the last axis kept as 1."""
    n = shape_of(w)[-1]
    if n == 0:
        return np.zeros((*shape_of(w)[:-1], 1))
    largest = max_p(ew.abs(w), axes=(len(shape_of(w)) - 1,))
    return (n * eps(w) * largest)[..., None]


eigh_p = Eigh("eigh")
eigvalsh_p = Eigvalsh("eigvalsh")
