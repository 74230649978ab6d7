"""Eigenvalues and eigenvectors of general matrices."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, shape_of
from .. import elementwise as ew
from ..reduce import argmax_p
from ..structure import cast
from .eigh import inverse_gaps
from .inverse import inverse_if_any_p
from .matrices import OfMatrices, conj, diagonal, result_dtype, total


def _complex(dtype: np.dtype) -> np.dtype:
    return np.result_type(dtype, np.complex64)


class Eig(OfMatrices):
    """Eigenvalues and eigenvectors, complex also where NumPy would find that all are real.

    dw_i = (V^-1 dA V)_ii and V^-1 dV = F * (V^-1 dA V), F_ij = 1/(w_j - w_i), and 0 where rounding
    does not tell the two apart; then each vector keeps LAPACK's scale: its length is 1, its
    largest element real.
    Source: Giles 2008, section 3.1; Boeddeker et al. 2017 (arXiv:1701.00392), section 4.6.
    """

    @override
    def run(self, a: Any) -> tuple[Any, ...]:
        w, v = np.linalg.eig(a)
        kind = np.result_type(v.dtype, np.complex64)
        return w.astype(kind), v.astype(kind)

    @override
    def infer(self, a: Aval) -> tuple[Aval, ...]:
        dtype = _complex(result_dtype(a))
        return Aval(a.shape[:-1], dtype), Aval(a.shape, dtype)

    @override
    def count(self, **params: Any) -> int:
        return 2

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        w, v = outs
        turned = inverse_if_any_p(v) @ (cast(tangents[0], v.dtype) @ v)
        moved = v @ (inverse_gaps(w) * turned)
        if not shape_of(w)[-1]:
            return w, moved
        largest = argmax_p(ew.abs(v), axis=len(shape_of(v)) - 2)[..., None, :]
        here = largest == np.arange(shape_of(v)[-1])[:, None]
        longer = ew.real(total(conj(v) * moved, -2))
        slant = ew.imag(total(ew.where(here, moved, 0), -2) / total(ew.where(here, v, 0), -2))
        return diagonal(turned), moved - v * (longer + 1j * slant)[..., None, :]


class Eigvals(OfMatrices):
    """The eigenvalues alone, complex also where all are real."""

    @override
    def run(self, a: Any) -> tuple[Any, ...]:
        w = np.linalg.eigvals(a)
        return (w.astype(np.result_type(w.dtype, np.complex64)),)

    @override
    def infer(self, a: Aval) -> tuple[Aval, ...]:
        return (Aval(a.shape[:-1], _complex(result_dtype(a))),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        _, v = eig_p.bind(primals[0])
        product = cast(tangents[0], v.dtype) @ v
        return (total(inverse_if_any_p(v).mT * product, -2),)


eig_p = Eig("eig")
eigvals_p = Eigvals("eigvals")
