"""The singular value decomposition."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, broadcast_shapes, shape_of
from ...core.trace import Tracer
from .. import compare, elementwise as ew
from ..index import concatenate_p
from ..reduce import any_p
from ..structure import fit, match
from .degenerate import blocked, equal_p, inverse_gaps, off_diagonal, taint, used
from .matrices import OfMatrices, adjoint, conj, real, real_dtype, reciprocal, result_dtype, total
from .singular import (
    in_basis,
    negligible_p,
    null_pairs,
    quotients,
    singular_slopes_p,
    turned_singular_p,
    undetermined,
)
from .spectral import with_stack


class Svd(OfMatrices):
    """A = U S V*, with square U and V if ``full``; outputs U, the diagonal of S, V*.

    With P = U* dA V: ds = diag(P), U* dU = E + O and V* dV = E - O, where
    E_ij = (P + P*)_ij / 2(s_j - s_i) and O_ij = (P - P*)_ij / 2(s_j + s_i).
    Source: Giles 2008, section 3.2, written for differences and sums apart.

    The vectors of equal or zero singular values have no derivative, nor have those that ``full``
    adds, if they are several: nan. On the way back a function of whole spaces of vectors has the
    derivative 0 within them, as for ``Eigh``; so have U V* and the projections on such spaces.
    ``for_rules`` is as for ``Eigh``.
    """

    def __init__(self, name: str, for_rules: bool = False) -> None:
        super().__init__(name)
        self.for_rules = for_rules
        self.who = "svdvals" if for_rules else "svd"

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
        p, left, right = in_basis(u1, adjoint(v1), t)
        p_h = adjoint(p)
        same, (null, sums), zero = equal_p(s), null_pairs(s), negligible_p(s)
        even = 0.5 * (p + p_h) * inverse_gaps(s, same)
        even = even + taint(self.who, off_diagonal(same), p, whole=True)
        odd = 0.5 * (p - p_h)
        odd = odd * reciprocal(sums, null) + taint(self.who, null, odd, like=p)
        ds = singular_slopes_p(s, p, left, right)
        left, right = self._divided(left, s, zero, t), self._divided(right, s, zero, t)
        du = self._filled(u1, u, u1 @ (even + odd) + left, t)
        dv = self._filled(v1, adjoint(vh), v1 @ (even - odd) + right, t)
        return du, ds, adjoint(dv)

    def _divided(self, x: Any, s: Any, zero: Any, like: Any) -> Any:
        """Return columns divided by singular values; those of zeros are infinite."""
        infinite = taint(self.who, zero[..., None, :], x, like=like)
        return x * reciprocal(s, zero)[..., None, :] + infinite

    def _filled(self, first: Any, all_: Any, moved: Any, t: Any) -> Any:
        """Return the tangent of all columns, given that of the first k.

        The rest stays normal to them; several columns of it have no derivative.
        """
        k = shape_of(moved)[-1]
        if shape_of(all_)[-1] == k:
            return moved
        rest = -(first @ (adjoint(moved) @ all_[..., k:]))
        several = np.full((1, 1), _is_open(all_[..., k:]))
        infinite = total(total(taint(self.who, several, t, whole=True), -1), -1)
        rest = rest + infinite[..., None, None]
        return concatenate_p(moved, rest, axis=len(shape_of(moved)) - 1)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, full: bool) -> Sequence[Any]:
        (u_ct, s_ct, vh_ct), (u, s, vh) = cts, outs
        k = shape_of(s)[-1]
        u1, vh1 = u[..., :k], vh[..., :k, :]
        if u_ct is None and vh_ct is None:
            return (match(conj(singular_gradient_p(ins[0], u1, s, vh1, s_ct)), ins[0]),)
        v = adjoint(vh)
        left = _Side(self.who, u1, u, u_ct)
        right = _Side(self.who, v[..., :k], v, None if vh_ct is None else adjoint(vh_ct))
        named = used(ew.abs(left.inside) + ew.abs(right.inside), s_ct)
        if self.for_rules or s_ct is not None:
            left.strict = right.strict = named
        columns = conj(u1) @ self._inside(left, right, s, s_ct, named) + left.beyond(s)
        whole = columns @ conj(vh1) + conj(u1) @ adjoint(right.beyond(s)) + left.free + right.free
        return (match(whole, ins[0]),)

    def _inside(self, left: "_Side", right: "_Side", s: Any, s_ct: Any, named: Any) -> Any:
        """Return the cotangent of P."""
        even = left.inside + right.inside
        odd = left.inside - right.inside
        even, odd = 0.5 * (even - adjoint(even)), 0.5 * (odd - adjoint(odd))
        size = ew.abs(left.inside) + ew.abs(right.inside)
        same, (null, sums) = equal_p(s), null_pairs(s)
        pairs, infinite = off_diagonal(same), taint(self.who, null, odd, like=size)
        if left.strict is None:
            infinite = infinite + taint(self.who, pairs, even, like=size)
        else:
            infinite = infinite + blocked(self.who, compare.logical_and(pairs, named), even)
        inside = inverse_gaps(s, same) * even + reciprocal(sums, null) * odd + infinite
        if s_ct is None:
            return inside
        return inside + ew.where(np.eye(shape_of(s)[-1], dtype=bool), s_ct[..., None, :], 0)


class _Side:
    """The cotangent of U, or of V, in parts: within the first k columns, and out of them."""

    def __init__(self, who: str, first: Any, all_: Any, ct: Any) -> None:
        self.who, self.strict, self.ct = who, None, None
        self.free: Any = 0
        k = shape_of(first)[-1]
        if ct is None:
            self.inside, self.out = 0 * (first.mT @ first), 0 * first
            return
        self.ct = ct[..., :k]
        if shape_of(all_)[-1] > k:
            self._add_rest(first, all_[..., k:], ct[..., k:])
        self.inside = first.mT @ self.ct
        self.out = 0 * first
        if shape_of(first)[-2] > k:
            self.out = self.ct - conj(first) @ self.inside

    def _add_rest(self, first: Any, rest: Any, ct: Any) -> None:
        """Add the columns that ``full`` adds: they follow the first, and turn among themselves."""
        self.ct = self.ct - conj(rest) @ (adjoint(ct) @ conj(first))
        if _is_open(rest):
            x = rest.mT @ ct
            among = taint(self.who, np.ones((1, 1), bool), x - adjoint(x), like=x)
            self.free = total(total(among, -1), -1)[..., None, None]

    def beyond(self, s: Any) -> Any:
        """Return the columns outside of the first k, over the singular values."""
        if shape_of(self.out)[-2] == shape_of(self.out)[-1] or self.ct is None:
            return self.out
        zero = negligible_p(s)
        y = self.out * reciprocal(s, zero)[..., None, :]
        zero = zero[..., None, :]
        if self.strict is None:
            return y + taint(self.who, zero, self.out, like=self.ct)
        on = np.eye(shape_of(s)[-1], dtype=bool)
        rank = len(shape_of(self.strict))
        live = any_p(compare.logical_and(self.strict, on), axes=(rank - 2,))[..., None, :]
        live = compare.logical_or(live, compare.ne(self.out, 0))
        return y + taint(self.who, compare.logical_and(zero, live), np.ones_like(y))


class SingularGradient(OfMatrices):
    """G = U diag(c) V* of the singular vectors of A: the gradient along c in the values.

    U* dG V = K * (P + P*) / 2 + L * (P - P*) / 2 + diag(dc), with K_ij = (c_j - c_i) / (s_j - s_i)
    and L_ij = (c_j + c_i) / (s_j + s_i); outside the spaces of U and V it is that of T over s times
    c. All derivatives in A are those in this operand; U, s and V have none. See ``singular``.
    """

    who = "svdvals"
    cores: ClassVar[dict[int, int]] = {2: 1, 4: 1}

    @override
    def run(self, a: Any, u: Any, s: Any, vh: Any, c: Any) -> tuple[Any, ...]:
        return (with_stack((u * c[..., None, :]) @ vh, a.shape[:-2], s.shape[:-1]),)

    @override
    def infer(self, a: Aval, u: Aval, s: Aval, vh: Aval, c: Aval) -> tuple[Aval, ...]:
        stack = broadcast_shapes(
            *(x.shape[:-2] for x in (a, u, vh)), *(x.shape[:-1] for x in (s, c))
        )
        return (Aval((*stack, u.shape[-2], vh.shape[-1]), u.dtype),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        (a, u, s, vh, c), (t, _, _, _, c_t) = primals, tangents
        if t is None:
            return (None if c_t is None else fit(self(a, u, s, vh, c_t), outs[0]),)
        u, s, vh = _again(a, u, s, vh)
        p, left, right = in_basis(u, vh, t)
        even, odd, over = quotients(s, c)
        p_h = adjoint(p)
        inside = 0.5 * (even * (p + p_h) + odd * (p - p_h))
        over, zero = over[..., None, :], negligible_p(s)[..., None, :]
        if c_t is None:
            inside = inside + taint(self.who, undetermined(s, c), p, like=p)
            nonzero = compare.logical_and(zero, compare.ne(c, 0)[..., None, :])
            left = left * over + taint(self.who, nonzero, left, like=t)
            right = right * over + taint(self.who, nonzero, right, like=t)
        else:
            turned, more_left, more_right = turned_singular_p.bind(s, p, left, right, c, c_t)
            inside = inside + turned
            left, right = left * over + more_left, right * over + more_right
        return (fit((u @ inside + left) @ vh + u @ adjoint(right), outs[0]),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        (ct,), (a, u, s, vh, c) = cts, ins
        u, s, vh = _again(a, u, s, vh)
        right = ct @ vh.mT
        c_ct = None if needs[4] is None else match(real(total(u * right, -2)), c)
        if needs[0] is None:
            return (None, None, None, None, c_ct)
        left = u.mT @ ct
        x = u.mT @ right
        even, odd, over = quotients(s, c)
        x_h = adjoint(x)
        mask, zero = undetermined(s, c), negligible_p(s)
        if needs[4] is None:
            zero = compare.logical_and(zero, compare.ne(c, 0))
            infinite = taint(self.who, mask, x, like=x)
        else:
            null, _ = null_pairs(s)
            pairs = off_diagonal(equal_p(s))
            infinite = taint(self.who, pairs, x + x_h, like=x) + taint(
                self.who, null, x - x_h, like=x
            )
        inside = 0.5 * (even * (x + x_h) + odd * (x - x_h)) + infinite
        right, left = right - conj(u) @ x, left - x @ conj(vh)
        right = right * over[..., None, :] + taint(self.who, zero[..., None, :], right, like=ct)
        left = left * over[..., :, None] + taint(self.who, zero[..., :, None], left, like=ct)
        whole = (conj(u) @ inside + right) @ conj(vh) + conj(u) @ left
        return (match(whole, a), None, None, None, c_ct)

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return operands == {4}


def _again(a: Any, u: Any, s: Any, vh: Any) -> Sequence[Any]:
    """Return the factors as they depend on A, if anything can."""
    return svd_of_rules_p.bind(a, full=False) if isinstance(a, Tracer) else (u, s, vh)


class FixedSvd(Svd):
    """The factors for ``SingularGradient``, which has the derivatives in A itself."""

    differentiable = False


class Svdvals(OfMatrices):
    """The singular values alone, descending; of equal ones see ``Eigvalsh``."""

    @override
    def run(self, a: Any) -> tuple[Any, ...]:
        return (np.linalg.svd(a, compute_uv=False),)

    @override
    def infer(self, a: Aval) -> tuple[Aval, ...]:
        shape = (*a.shape[:-2], min(a.shape[-2:]))
        return (Aval(shape, real_dtype(result_dtype(a))),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        u, s, vh = svd_of_rules_p.bind(primals[0], full=False)
        return (singular_slopes_p(s, *in_basis(u, vh, tangents[0])),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        u, s, vh = fixed_svd_p.bind(ins[0], full=False)
        return (match(conj(singular_gradient_p(ins[0], u, s, vh, cts[0])), ins[0]),)


def _is_open(rest: Any) -> bool:
    """Return whether more than a sign of orthonormal columns is left open."""
    count = shape_of(rest)[-1]
    return count > 1 or (count == 1 and ew.is_complex(rest))


svd_p = Svd("svd")
svd_of_rules_p = Svd("svd_of_rules", for_rules=True)
fixed_svd_p = FixedSvd("fixed_svd")
singular_gradient_p = SingularGradient("singular_gradient")
svdvals_p = Svdvals("svdvals")
