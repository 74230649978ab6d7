"""Eigenvalues and eigenvectors of Hermitian matrices."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, broadcast_shapes, real_dtype, shape_of
from ...core.companions import JointRules
from ...core.trace import Tracer
from .. import compare, elementwise as ew
from ..families import broadcast_like, unbroadcast
from ..paths import may_hold
from ..structure import broadcast_to
from .degenerate import (
    equal_p,
    inverse_gaps,
    nan_where,
    off_diagonal,
    split,
    taint,
    undefined_p,
    used_pairs,
)
from .invariance import Uses, mixed_pairs
from .matrices import (
    MatrixPrimitive,
    adjoint,
    conj,
    hermitian,
    real,
    result_dtype,
    sum_along,
    triangle_ct,
)
from .phases import turning, turning_ct
from .spectral import difference_quotients, differing, slopes_p, turned_p, with_stack


class Eigh(MatrixPrimitive, JointRules):
    """Ascending eigenvalues, and eigenvectors; only one triangle of the matrix is read.

    With P = V* dA V: dw_i = P_ii and V* dV = F * P, F_ij = 1/(w_j - w_i).
    Source: Giles 2008, section 3.1.

    Where eigenvalues are equal, dw are the eigenvalues of their block of P, and the derivative of
    vectors is nan. In reverse mode, for a function of whole eigenspaces (see ``invariance``), the
    derivative within the block is 0.
    """

    reads_uses = True
    who = "eigh"

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
        p = adjoint(v) @ hermitian(tangents[0], uplo) @ v
        same = equal_p(w)
        infinite = taint(self.who, off_diagonal(same), split(p), whole=True)
        moved = v @ (inverse_gaps(w, same) * p + infinite)
        if ew.is_complex(v):
            moved = moved - v * turning(v, moved, _real_row(uplo))
        return slopes_p(w, p), moved

    def value_and_vjp(self, ins: Any, needs: Any, *, uplo: str) -> tuple[Sequence[Any], Any]:
        (a,) = ins
        outs = self.bind(a, uplo=uplo)
        pull = lambda cts, uses, first: (self.back(cts, outs, a, uplo, uses, first + 1),)
        return outs, pull

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, uplo: str) -> Sequence[Any]:
        return (self.back(cts, outs, ins[0], uplo),)

    def back(
        self, cts: Any, outs: Any, a: Any, uplo: str, uses: Uses | None = None, number: int = 0
    ) -> Any:
        """The cotangent of A; ``number`` is the number of the vectors on the tape."""
        (w_ct, v_ct), (w, v) = cts, outs
        if v_ct is None:
            whole = conj(spectral_p(a, w, v, w_ct, uplo=uplo))
            return unbroadcast(triangle_ct(whole, uplo), a)
        if ew.is_complex(v):
            v_ct = v_ct + turning_ct(v, sum_along(v_ct * v, -2), _real_row(uplo))
        x = v.mT @ v_ct
        skew = 0.5 * (x - adjoint(x))
        same = equal_p(w)
        inside = inverse_gaps(w, same) * skew
        pairs = off_diagonal(same)
        if may_hold(pairs):
            inside = inside + self.infinite(pairs, x, w_ct, uses, number)
        if w_ct is not None:
            inside = inside + ew.where(np.eye(shape_of(w)[-1], dtype=bool), w_ct[..., None, :], 0)
        return unbroadcast(triangle_ct(conj(v) @ inside @ v.mT, uplo), a)

    def infinite(self, pairs: Any, x: Any, w_ct: Any, uses: Uses | None, number: int) -> Any:
        """nan for pairs of vectors of equal values between which the program distinguishes."""
        mixed = mixed_pairs(uses, number, shape_of(x)[-1])
        return undefined_p(compare.logical_and(pairs, mixed), x + adjoint(x), who=self.who)


def _real_row(uplo: str) -> int:
    return 0 if uplo == "L" else -1


class EighOfRules(Eigh):
    """``Eigh`` for use in rules: the values of cotangents show the pairs that are used."""

    reads_uses = False
    value_and_vjp: Any = None
    who = "eigvalsh"

    def decompose(self, a: Any, *, uplo: str) -> Any:
        return eigh_p.bind(a, uplo=uplo)

    @override
    def infinite(self, pairs: Any, x: Any, w_ct: Any, uses: Any, number: int) -> Any:
        return nan_where(self.who, compare.logical_and(pairs, used_pairs(x, w_ct)), x)


class Spectral(MatrixPrimitive):
    """G = V diag(c) V* of the eigenvalues w and eigenvectors V of A: the gradient along c in w.

    V* dG V = K * P + diag(dc) with K_ij = (c_j - c_i) / (w_j - w_i). In a block of equal
    eigenvalues it is diag(dc) in the basis in which P is diagonal, if dc is the tangent of c that
    belongs to the ``Slopes`` of P.
    The derivative in A is complete: w and V have none. See ``spectral``.
    """

    core_ndims: ClassVar[dict[int, int]] = {1: 1, 3: 1}

    @override
    def run(self, a: Any, w: Any, v: Any, c: Any, *, uplo: str) -> tuple[Any, ...]:
        g = (v * c[..., None, :]) @ np.conjugate(v.mT)
        return (with_stack(g, a.shape[:-2], w.shape[:-1]),)

    def decompose(self, a: Any, w: Any, v: Any, c: Any, *, uplo: str) -> Any:
        g = (v * c[..., None, :]) @ adjoint(v)
        stack = broadcast_shapes(*(shape_of(x)[:-2] for x in (a, g)), shape_of(w)[:-1])
        return (broadcast_to(g, (*stack, *shape_of(g)[-2:])),)

    @override
    def infer(self, a: Aval, w: Aval, v: Aval, c: Aval, *, uplo: str) -> tuple[Aval, ...]:
        stack = broadcast_shapes(*(x.shape[:-2] for x in (a, v)), w.shape[:-1], c.shape[:-1])
        return (Aval((*stack, *v.shape[-2:]), v.dtype),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, uplo: str) -> Sequence[Any]:
        (a, w, v, c), (t, _, _, c_t) = primals, tangents
        if t is None:
            return (
                None if c_t is None else broadcast_like(self(a, w, v, c_t, uplo=uplo), outs[0]),
            )
        w, v = _differentiable_factors(a, w, v, uplo)
        p = adjoint(v) @ hermitian(t, uplo) @ v
        inside = difference_quotients(w, c) * p
        if c_t is None:
            inside = inside + taint("eigvalsh", differing(w, c), p, like=p)
        else:
            inside = inside + turned_p(w, p, c, c_t)
        return (broadcast_like(v @ inside @ adjoint(v), outs[0]),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, uplo: str) -> Sequence[Any]:
        (ct,), (a, w, v, c) = cts, ins
        w, v = _differentiable_factors(a, w, v, uplo)
        product = ct @ conj(v)
        c_ct = None if needs[3] is None else unbroadcast(real(sum_along(v * product, -2)), c)
        if needs[0] is None:
            return (None, None, None, c_ct)
        x = v.mT @ product
        x = 0.5 * (x + adjoint(x))
        mask = differing(w, c) if needs[3] is None else off_diagonal(equal_p(w))
        inside = difference_quotients(w, c) * x + taint("eigvalsh", mask, x, like=x)
        whole = conj(v) @ inside @ v.mT
        return (unbroadcast(triangle_ct(whole, uplo), a), None, None, c_ct)

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return operands == {3}


def _differentiable_factors(a: Any, w: Any, v: Any, uplo: str) -> Sequence[Any]:
    """Eigenvalues and eigenvectors that depend on A, if A is a tracer."""
    return eigh_of_rules_p.bind(a, uplo=uplo) if isinstance(a, Tracer) else (w, v)


class FixedEigh(EighOfRules):
    """``Eigh`` without a derivative, for ``Spectral``, which has the derivative in A itself."""

    differentiable = False


class Eigvalsh(MatrixPrimitive):
    """The eigenvalues alone; forward over reverse is right for equal eigenvalues too."""

    @override
    def run(self, a: Any, *, uplo: Any) -> tuple[Any, ...]:
        return (np.linalg.eigvalsh(a, uplo),)

    def decompose(self, a: Any, *, uplo: str) -> Any:
        return eigh_p.bind(a, uplo=uplo)[:1]

    @override
    def infer(self, a: Aval, *, uplo: str) -> tuple[Aval, ...]:
        return (Aval(a.shape[:-1], real_dtype(result_dtype(a))),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, uplo: str) -> Sequence[Any]:
        w, v = eigh_of_rules_p.bind(primals[0], uplo=uplo)
        return (slopes_p(w, adjoint(v) @ (hermitian(tangents[0], uplo) @ v)),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, uplo: str) -> Sequence[Any]:
        w, v = fixed_eigh_p.bind(ins[0], uplo=uplo)
        whole = conj(spectral_p(ins[0], w, v, cts[0], uplo=uplo))
        return (unbroadcast(triangle_ct(whole, uplo), ins[0]),)


eigh_p = Eigh("eigh")
eigh_of_rules_p = EighOfRules("eigh_of_rules")
fixed_eigh_p = FixedEigh("fixed_eigh")
spectral_p = Spectral("spectral_gradient")
eigvalsh_p = Eigvalsh("eigvalsh")
