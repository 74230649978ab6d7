"""Eigenvalues and eigenvectors of general matrices."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, broadcast_shapes, shape_of
from ...core.companions import JointRules
from .. import compare, elementwise as ew
from ..families import broadcast_like, unbroadcast
from ..paths import may_hold
from ..reduce import argmax_p
from ..structure import cast
from .degenerate import (
    equal_p,
    inverse_gaps,
    off_diagonal,
    split,
    taint,
    undefined_p,
)
from .invariance import Uses, mixed_pairs
from .inverse import Inverse
from .matrices import MatrixPrimitive, conj, diagonal, result_dtype, sum_along
from .regular import inverse_or_nan, nan_if_singular
from .spectral import with_stack


def _complex(dtype: np.dtype) -> np.dtype:
    return np.result_type(dtype, np.complex64)


class Eig(MatrixPrimitive, JointRules):
    """Eigenvalues and eigenvectors, always complex.

    With T = V^-1 dA V: dw_i = T_ii and V^-1 dV = F * T, F_ij = 1/(w_j - w_i). Vectors have LAPACK's
    normalization: length 1, and a real largest element.
    Source: Giles 2008, section 3.1; Boeddeker et al. 2017 (arXiv:1701.00392), section 4.6.

    The derivative of vectors of equal eigenvalues is nan, except for a function of whole
    eigenspaces (see ``Eigh``): of sums of their products with rows of V^-1.
    """

    reads_uses = True

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
        same = equal_p(w)
        t = inverse_of_vectors_p(v) @ (cast(tangents[0], v.dtype) @ v)
        infinite = taint("eig", off_diagonal(same), split(t), whole=True)
        moved = v @ (inverse_gaps(w, same) * t + infinite)
        slopes = general_slopes_p(w, t)
        if not shape_of(w)[-1]:
            return slopes, moved
        here = _largest(v)
        longer = ew.real(sum_along(conj(v) * moved, -2))
        slant = ew.imag(
            sum_along(ew.where(here, moved, 0), -2) / sum_along(ew.where(here, v, 0), -2)
        )
        return slopes, moved - v * (longer + 1j * slant)[..., None, :]

    def value_and_vjp(self, ins: Any, needs: Any) -> tuple[Sequence[Any], Any]:
        (a,) = ins
        outs = self.bind(a)
        return outs, lambda cts, uses, first: (self.back(cts, outs, a, uses, first + 1),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        return (self.back(cts, outs, ins[0]),)

    def back(self, cts: Any, outs: Any, a: Any, uses: Uses | None = None, number: int = 0) -> Any:
        """The cotangent of A; ``number`` is the number of the vectors on the tape."""
        (w_ct, v_ct), (w, v) = cts, outs
        inside: Any = 0 * v
        if v_ct is not None and shape_of(w)[-1]:
            here, along = _largest(v), sum_along(v_ct * v, -2)
            slant = -1j * ew.imag(along) / sum_along(ew.where(here, v, 0), -2)
            v_ct = v_ct - ew.real(along)[..., None, :] * conj(v)
            v_ct = v_ct + ew.where(here, slant[..., None, :], 0)
            x, same = v.mT @ v_ct, equal_p(w)
            pairs = off_diagonal(same)
            inside = inverse_gaps(w, same) * x
            if may_hold(pairs):
                mixed = compare.logical_and(pairs, mixed_pairs(uses, number, shape_of(w)[-1]))
                inside = inside + undefined_p(mixed, x, who="eig")
        if w_ct is not None:
            on = np.eye(shape_of(w)[-1], dtype=bool)
            inside = inside + ew.where(on, w_ct[..., None, :], 0)
        return unbroadcast(inverse_of_vectors_p(v).mT @ inside @ v.mT, a)


class EigOfRules(Eig):
    """``Eig`` for use in rules, where the program is not known."""

    reads_uses = False
    value_and_vjp: Any = None

    def decompose(self, a: Any) -> Any:
        return eig_p.bind(a)


def _largest(v: Any) -> Any:
    """The index of the largest element of each column."""
    largest = argmax_p(ew.abs(v), axis=len(shape_of(v)) - 2)[..., None, :]
    return largest == np.arange(shape_of(v)[-1])[:, None]


class Eigvals(MatrixPrimitive):
    """The eigenvalues alone, always complex."""

    @override
    def run(self, a: Any) -> tuple[Any, ...]:
        w = np.linalg.eigvals(a)
        return (w.astype(np.result_type(w.dtype, np.complex64)),)

    def decompose(self, a: Any) -> Any:
        return eig_p.bind(a)[:1]

    @override
    def infer(self, a: Aval) -> tuple[Aval, ...]:
        return (Aval(a.shape[:-1], _complex(result_dtype(a))),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        w, v = eig_of_rules_p.bind(primals[0])
        return (general_slopes_p(w, inverse_of_vectors_p(v) @ (cast(tangents[0], v.dtype) @ v)),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        _, v = eig_of_rules_p.bind(ins[0])
        return (unbroadcast((inverse_of_vectors_p(v).mT * cts[0][..., None, :]) @ v.mT, ins[0]),)


class GeneralSlopes(MatrixPrimitive):
    """The derivatives of eigenvalues w: the diagonal of T; for equal ones, eigenvalues of a block.

    It is linear in T where all are distinct; its transpose is that of the diagonal.
    """

    core_ndims: ClassVar[dict[int, int]] = {0: 1}

    @override
    def run(self, w: Any, t: Any) -> tuple[Any, ...]:
        t = with_stack(t, w.shape[:-1])
        out = np.diagonal(t, axis1=-2, axis2=-1).copy()
        (same,) = equal_p.run(np.broadcast_to(w, out.shape))
        if np.count_nonzero(same) > out.size:
            for i in np.ndindex(out.shape[:-1]):
                for group in np.unique(same[i], axis=0):
                    block = t[i][np.ix_(group, group)]
                    if np.isfinite(block).all():
                        out[i][group] = np.linalg.eigvals(block)
        return (out,)

    @override
    def infer(self, w: Aval, t: Aval) -> tuple[Aval, ...]:
        stack = broadcast_shapes(w.shape[:-1], t.shape[:-2])
        return (Aval((*stack, t.shape[-1]), t.dtype),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        (w, _), (_, t) = primals, tangents
        if t is None:
            return (None,)
        infinite = sum_along(taint("eig", off_diagonal(equal_p(w)), t, whole=True), -1)
        return (broadcast_like(diagonal(t) + infinite, outs[0]),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        on = np.eye(shape_of(ins[1])[-1], dtype=bool)
        ct = (
            None if needs[1] is None else unbroadcast(ew.where(on, cts[0][..., None, :], 0), ins[1])
        )
        return (None, ct)

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return operands == {1}


eig_p = Eig("eig")
eig_of_rules_p = EigOfRules("eig_of_rules")
eigvals_p = Eigvals("eigvals")
general_slopes_p = GeneralSlopes("slopes_of_general_eigenvalues")
inverse_of_vectors_p = Inverse(
    "inverse_of_eigenvectors", inverse_or_nan("defective"), nan_if_singular
)
